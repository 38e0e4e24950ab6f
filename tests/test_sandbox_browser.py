"""The pages behind stripe.js: what they let in, what they hold, and what a browser finds there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from stripe import SetupIntent, StripeClient

from sandbox import browser

MODULES = Path(browser.__file__).parent / "static/sandbox/stripe"
FRAMES = ["/sandbox/elements/elements-inner-payment.html", "/sandbox/elements/elements-inner-card.html"]


def policy(client: Client, url: str) -> dict[str, str]:
    """The page's content security policy, by directive."""
    header = client.get(url).headers["Content-Security-Policy"]
    return dict(directive.strip().split(" ", 1) for directive in header.split(";"))


def test_stripe_js_is_a_classic_script_that_asks_for_nothing_else(client: Client) -> None:
    answer = client.get("/sandbox/stripe.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.content.startswith(b"(() => {")
    assert not re.search(rb"^(import|export) ", answer.content, re.MULTILINE)


def test_stripe_js_holds_every_module_once() -> None:
    assert {path.stem for path in MODULES.glob("*.js")} == set(browser._MODULES)
    assert len(set(browser._MODULES)) == len(browser._MODULES)


def test_no_two_modules_of_stripe_js_use_a_name_for_different_things() -> None:
    defined = re.findall(r"^(?:async )?(?:const|let|class|function) (\w+)", browser.bundle(), re.MULTILINE)
    assert [name for name, times in Counter(defined).items() if times > 1] == []


def test_a_module_comes_after_those_it_imports() -> None:
    for place, name in enumerate(browser._MODULES):
        imported = re.findall(r'from "\./(\w+)\.js"', (MODULES / f"{name}.js").read_text())
        assert set(imported) <= set(browser._MODULES[:place])


def test_stripe_js_is_asked_for_again_but_sent_only_when_it_changed(client: Client) -> None:
    first = client.get("/sandbox/stripe.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/sandbox/stripe.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("url", FRAMES)
def test_only_our_own_pages_may_hold_a_frame(client: Client, url: str) -> None:
    assert policy(client, url)["frame-ancestors"] == "'self'"
    assert client.get(url).headers["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("url", [*FRAMES, "/sandbox/elements-demo/"])
def test_no_page_allows_or_needs_inline_script_or_style(client: Client, url: str) -> None:
    page = client.get(url).content.decode()
    assert "unsafe" not in client.get(url).headers["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("url", FRAMES)
def test_a_card_number_cannot_be_sent_by_a_form(client: Client, url: str) -> None:
    assert policy(client, url)["form-action"] == "'none'"
    assert client.post(url, {"number": "4242424242424242"}).status_code == 405


@pytest.mark.parametrize("url", FRAMES)
def test_frames_are_not_kept_by_caches(client: Client, url: str) -> None:
    assert "no-store" in client.get(url).headers["Cache-Control"]


@pytest.mark.parametrize(
    ("name", "id", "autocomplete"),
    [
        ("number", "payment-numberInput", "cc-number"),
        ("expiry", "payment-expiryInput", "cc-exp"),
        ("cvc", "payment-cvcInput", "cc-csc"),
        ("country", "payment-countryInput", "billing country"),
        ("postalCode", "payment-postalCodeInput", "billing postal-code"),
    ],
)
def test_the_payment_element_has_stripes_names_and_ids(client: Client, name: str, id: str, autocomplete: str) -> None:
    page = client.get(FRAMES[0]).content.decode()
    (control,) = re.findall(rf'<(?:input|select) [^>]*id="{id}"[^>]*>', page)
    assert f'name="{name}"' in control
    assert f'autocomplete="{autocomplete}"' in control
    assert f'for="{id}"' in page


@pytest.mark.parametrize("field", ["number", "expiry", "cvc", "postalCode"])
def test_every_error_of_the_payment_element_is_an_alert_that_describes_its_field(client: Client, field: str) -> None:
    page = client.get(FRAMES[0]).content.decode()
    assert f'aria-describedby="payment-{field}Error"' in page
    assert f'id="payment-{field}Error" role="alert"' in page


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cardnumber", "Credit or debit card number"),
        ("exp-date", "Credit or debit card expiration date"),
        ("cvc", "Credit or debit card CVC/CVV"),
        ("postal", "ZIP"),
    ],
)
def test_the_card_element_has_stripes_names_and_labels(client: Client, name: str, label: str) -> None:
    page = client.get(FRAMES[1]).content.decode()
    (field,) = re.findall(rf'<input [^>]*name="{name}"[^>]*>', page)
    assert f'aria-label="{label}"' in field


@pytest.mark.django_db(databases=["default", "sandbox"])
def test_an_element_that_does_not_exist_is_not_found(client: Client) -> None:
    assert client.get("/sandbox/elements/elements-inner-iban.html").status_code == 404


def waiting(stripe_client: StripeClient, **given: Any) -> SetupIntent:
    """A setup intent that waits for the customer's bank."""
    return stripe_client.v1.setup_intents.create(
        {
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            **given,
        }
    )


def token_of(intent: SetupIntent) -> str:
    assert intent.next_action
    assert intent.next_action.use_stripe_sdk
    return str(intent.next_action.use_stripe_sdk["source"])


@pytest.mark.django_db(databases=["default", "sandbox"])
class TestThreeDSecure:
    def test_the_challenge_is_a_frame_around_the_banks_page(self, client: Client, stripe_client: StripeClient) -> None:
        token = token_of(waiting(stripe_client))
        page = client.get(f"/sandbox/three-ds-2-challenge/{token}/").content.decode()
        assert (
            f'name="stripe-challenge-frame" title="3D Secure challenge" src="/sandbox/3d_secure_2_test/{token}/"'
            in page
        )
        assert 'class="LightboxModalClose"' in page

    def test_the_banks_page_has_stripes_two_buttons(self, client: Client, stripe_client: StripeClient) -> None:
        page = client.get(f"/sandbox/3d_secure_2_test/{token_of(waiting(stripe_client))}/").content.decode()
        assert 'id="test-source-authorize-3ds" name="outcome" value="succeeded"' in page
        assert 'id="test-source-fail-3ds" name="outcome" value="failed"' in page

    def test_looking_at_the_banks_page_decides_nothing(self, client: Client, stripe_client: StripeClient) -> None:
        intent = waiting(stripe_client)
        client.get(f"/sandbox/3d_secure_2_test/{token_of(intent)}/")
        assert stripe_client.v1.setup_intents.retrieve(intent.id).status == "requires_action"

    @pytest.mark.parametrize(
        ("outcome", "status"),
        [("succeeded", "succeeded"), ("failed", "requires_payment_method"), ("", "requires_payment_method")],
    )
    def test_the_banks_answer_moves_the_intent(
        self, client: Client, stripe_client: StripeClient, outcome: str, status: str
    ) -> None:
        intent = waiting(stripe_client)
        answer = client.post(f"/sandbox/3d_secure_2_test/{token_of(intent)}/", {"outcome": outcome})
        assert answer.status_code == 200
        assert stripe_client.v1.setup_intents.retrieve(intent.id).status == status

    def test_a_second_answer_changes_nothing(self, client: Client, stripe_client: StripeClient) -> None:
        intent = waiting(stripe_client)
        for outcome in ("succeeded", "failed"):
            answer = client.post(f"/sandbox/3d_secure_2_test/{token_of(intent)}/", {"outcome": outcome})
            assert answer.status_code == 200
        assert stripe_client.v1.setup_intents.retrieve(intent.id).status == "succeeded"

    def test_the_bank_needs_no_cookie_of_ours(self, stripe_client: StripeClient) -> None:
        intent = waiting(stripe_client)
        strict = Client(enforce_csrf_checks=True)
        strict.post(f"/sandbox/3d_secure_2_test/{token_of(intent)}/", {"outcome": "succeeded"})
        assert stripe_client.v1.setup_intents.retrieve(intent.id).status == "succeeded"

    @pytest.mark.parametrize("outcome", ["succeeded", "failed"])
    def test_who_was_redirected_goes_back_to_the_shop(
        self, client: Client, stripe_client: StripeClient, outcome: str
    ) -> None:
        intent = waiting(
            stripe_client,
            return_url="https://shop.example/done?order=7&note=",
            automatic_payment_methods={"enabled": True},
            use_stripe_sdk=False,
        )
        bank = client.get(urlsplit(intent.next_action.redirect_to_url.url).path).headers["Location"]
        back = client.post(bank, {"outcome": outcome})
        assert back.status_code == 302
        assert back.headers["Location"] == (
            f"https://shop.example/done?order=7&note=&setup_intent={intent.id}"
            f"&setup_intent_client_secret={intent.client_secret}&redirect_status={outcome}"
        )

    def test_an_unknown_token_shows_a_frame_that_can_be_closed(self, client: Client) -> None:
        assert 'class="LightboxModalClose"' in client.get("/sandbox/three-ds-2-challenge/nothing/").content.decode()
        bank = client.get("/sandbox/3d_secure_2_test/nothing/")
        assert bank.status_code == 404
        assert "frame-ancestors 'self'" in bank.headers["Content-Security-Policy"]


@pytest.mark.django_db(databases=["default", "sandbox"])
@pytest.mark.parametrize(("mode", "kind"), [("setup", "setup_intent"), ("payment", "payment_intent")])
def test_the_demo_page_gets_an_intent_as_a_shops_server_makes_it(
    client: Client, stripe_client: StripeClient, account_name: str, mode: str, kind: str
) -> None:
    answer = client.post("/sandbox/elements-demo/intents/", {"mode": mode, "account": account_name}).json()
    made = getattr(stripe_client.v1, f"{kind}s").retrieve(answer["id"])
    assert (made.object, made.client_secret) == (kind, answer["client_secret"])
