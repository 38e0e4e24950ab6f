"""The sandbox's Stripe.js on a bare page, driven with nothing but what the real Elements have too."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import stripe
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Locator, Page, Route, expect

from guard import Guard

VISA = "4242424242424242"
DECLINED = "4000000000000002"
ASKS_ALWAYS = "4000002760003184"
ASKS_THEN_NO_FUNDS = "4000008260003178"
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


class Demo:
    """The sandbox's page with one Element, in a Stripe account of its own."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page, self.account = page, f"elements{secrets.token_hex(4)}"
        self.stripe = stripe.StripeClient(
            f"sk_test_{self.account}", base_addresses={"api": f"{base_url}/sandbox"}, max_network_retries=0
        )

    def open(self, **query: str) -> Demo:
        self.page.goto(f"/sandbox/elements-demo/?{urlencode({**query, 'account': self.account})}")
        expect(self.page.locator("#events")).to_contain_text("ready")
        return self

    @property
    def payment(self) -> FrameLocator:
        return self.page.frame_locator('iframe[title="Secure payment input frame"]')

    @property
    def card(self) -> FrameLocator:
        return self.page.frame_locator('iframe[title="Secure card payment input frame"]')

    def type_into_payment(self, number: str, expiry: str = "12 / 34", cvc: str = "123", postal: str = "12345") -> None:
        self.payment.get_by_label("Card number").fill(number)
        self.payment.get_by_label("Expiration date").fill(expiry)
        self.payment.get_by_label("Security code").fill(cvc)
        self.payment.get_by_label("ZIP code").fill(postal)

    def type_into_card(self, number: str, expiry: str = "1234", cvc: str = "123", postal: str = "12345") -> None:
        self.card.locator("[name=cardnumber]").fill(number)
        self.card.locator("[name=exp-date]").fill(expiry)
        self.card.locator("[name=cvc]").fill(cvc)
        self.card.locator("[name=postal]").fill(postal)

    def submit(self) -> None:
        self.page.locator("#submit").click()

    def result(self) -> dict[str, Any]:
        expect(self.page.locator("#result")).not_to_be_empty()
        answer: dict[str, Any] = json.loads(self.page.locator("#result").inner_text())
        return answer

    def events(self, name: str) -> list[dict[str, Any]]:
        items = self.page.locator("#events li").all_inner_texts()
        return [json.loads(item.split(" ", 1)[1]) for item in items if item.startswith(f"{name} ")]

    @property
    def challenge(self) -> FrameLocator:
        return self.page.frame_locator('iframe[src*="three-ds-2-challenge"]')

    @property
    def bank(self) -> FrameLocator:
        return self.challenge.frame_locator('iframe[name="stripe-challenge-frame"]')


@pytest.fixture
def demo(page: Page, base_url: str) -> Demo:
    return Demo(page, base_url)


def test_a_card_is_saved_with_the_payment_element(demo: Demo) -> None:
    demo.open().type_into_payment(VISA)
    demo.submit()
    saved = demo.result()["setupIntent"]
    assert saved["status"] == "succeeded"
    assert "customer" not in saved
    method = demo.stripe.v1.payment_methods.retrieve(saved["payment_method"])
    assert (method.card.last4, method.card.exp_month, method.card.exp_year) == ("4242", 12, 2034)
    assert method.billing_details.address.to_dict() | {"country": "US", "postal_code": "12345"} == (
        method.billing_details.address.to_dict()
    )


def test_a_payment_is_made_with_the_card_element(demo: Demo) -> None:
    demo.open(element="card", mode="payment").type_into_card("5555555555554444")
    demo.submit()
    paid = demo.result()["paymentIntent"]
    assert (paid["status"], paid["amount"]) == ("succeeded", 1200)
    charge = demo.stripe.v1.payment_intents.retrieve(paid["id"], {"expand": ["latest_charge"]}).latest_charge
    assert charge.payment_method_details.card.brand == "mastercard"
    assert charge.billing_details.name == "Ada"


def test_a_client_secret_may_come_first(demo: Demo) -> None:
    demo.open(secret="early", mode="payment").type_into_payment(VISA)
    demo.submit()
    assert demo.result()["paymentIntent"]["status"] == "succeeded"


def test_by_default_a_confirmation_goes_to_the_return_url(demo: Demo) -> None:
    demo.open(redirect="always").type_into_payment(VISA)
    demo.submit()
    demo.page.wait_for_url("**/elements-demo/?*redirect_status=*")
    query = parse_qs(urlsplit(demo.page.url).query)
    assert query["redirect_status"] == ["succeeded"]
    assert query["setup_intent_client_secret"][0].startswith(query["setup_intent"][0])


def test_a_declined_card_comes_back_with_its_reason(demo: Demo, guard: Guard) -> None:
    guard.expect(402)
    demo.open(mode="payment").type_into_payment(DECLINED)
    demo.submit()
    error = demo.result()["error"]
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", "card_declined", "generic_decline")
    assert error["message"] == "Your card was declined."
    assert error["payment_intent"]["status"] == "requires_payment_method"
    expect(demo.payment.get_by_label("Card number")).to_have_value("4000 0000 0000 0002")


def test_after_a_decline_another_card_goes_through(demo: Demo, guard: Guard) -> None:
    guard.expect(402)
    demo.open(secret="early").type_into_payment(DECLINED)
    demo.submit()
    expect(demo.page.locator("#message")).to_have_text("Your card was declined.")
    demo.payment.get_by_label("Card number").fill(VISA)
    demo.submit()
    expect(demo.page.locator("#result")).to_contain_text('"succeeded"')


def test_what_is_missing_is_said_at_each_field(demo: Demo) -> None:
    demo.open()
    demo.payment.get_by_label("Card number").fill("42424")
    demo.submit()
    error = demo.result()["error"]
    assert error == {
        "type": "validation_error",
        "code": "incomplete_number",
        "message": "Your card number is incomplete.",
    }
    alerts = demo.payment.get_by_role("alert")
    expect(alerts).to_have_text(
        [
            "Your card number is incomplete.",
            "Your card's expiration date is incomplete.",
            "Your card's security code is incomplete.",
            "Your postal code is incomplete.",
        ]
    )
    expect(demo.payment.locator("#payment-numberInput")).to_have_attribute("aria-invalid", "true")
    expect(demo.payment.locator("#payment-numberInput")).to_be_focused()


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("Card number", "4242424242424241", "Your card number is invalid."),
        ("Expiration date", "1220", "Your card's expiration year is in the past."),
    ],
)
def test_what_cannot_be_right_is_said_while_typing(demo: Demo, field: str, text: str, message: str) -> None:
    demo.open()
    demo.payment.get_by_label(field).fill(text)
    expect(demo.payment.get_by_text(message)).to_be_visible()
    demo.payment.get_by_label(field).fill("")
    expect(demo.payment.get_by_text(message)).to_have_count(0)


def test_the_page_is_told_of_changes_but_never_of_the_number(demo: Demo) -> None:
    demo.open(element="card").type_into_card("378282246310005", cvc="1234")
    demo.card.locator("[name=postal]").press("Escape")
    expect(demo.page.locator("#host")).to_have_class("StripeElement StripeElement--complete StripeElement--focus")
    assert demo.events("ready") == [{"elementType": "card"}]
    assert demo.events("escape") == [{"elementType": "card"}]
    assert demo.events("change")[-1] == {
        "elementType": "card",
        "empty": False,
        "complete": True,
        "value": {"postalCode": "12345"},
        "brand": "amex",
    }
    assert "8224" not in demo.page.content()


def test_a_card_elements_error_comes_with_its_change(demo: Demo) -> None:
    demo.open(element="card").card.locator("[name=exp-date]").fill("1220")
    expect(demo.page.locator("#host")).to_have_class("StripeElement StripeElement--focus StripeElement--invalid")
    assert demo.events("change")[-1]["error"] == {
        "type": "validation_error",
        "code": "invalid_expiry_year_past",
        "message": "Your card's expiration year is in the past.",
    }


def test_the_payment_elements_change_names_no_brand_and_no_error(demo: Demo) -> None:
    demo.open().type_into_payment(VISA)
    demo.payment.get_by_label("ZIP code").blur()
    assert demo.events("change")[-1] == {
        "elementType": "payment",
        "empty": False,
        "complete": True,
        "collapsed": False,
        "value": {"type": "card", "billingDetails": {"address": {"country": "US", "postalCode": "12345"}}},
    }


def test_keys_write_the_number_in_groups_and_lead_from_field_to_field(demo: Demo) -> None:
    demo.open(element="card").card.locator("[name=cardnumber]").click()
    demo.page.keyboard.type("424242424242424213341237890", delay=5)
    for name, value in {
        "cardnumber": "4242 4242 4242 4242",
        "exp-date": "01 / 33",
        "cvc": "412",
        "postal": "37890",
    }.items():
        expect(demo.card.locator(f"[name={name}]")).to_have_value(value)


def test_backspace_goes_over_spaces_and_back_into_the_field_before(demo: Demo) -> None:
    number = demo.open(element="card").card.locator("[name=cardnumber]")
    number.fill("42424")
    number.press("Backspace")
    expect(number).to_have_value("4242")
    number.press("Backspace")
    expect(number).to_have_value("424")
    demo.card.locator("[name=exp-date]").press("Backspace")
    expect(number).to_be_focused()


def test_a_digit_put_into_the_middle_leaves_the_caret_there(demo: Demo) -> None:
    number = demo.open().payment.get_by_label("Card number")
    number.fill("42424242")
    for key in ("Home", "ArrowRight", "5"):
        number.press(key)
    expect(number).to_have_value("4524 2424 2")
    assert number.evaluate("input => input.selectionStart") == 2


def test_enter_submits_the_form_around_the_element(demo: Demo) -> None:
    demo.open().type_into_payment(VISA)
    demo.payment.get_by_label("ZIP code").press("Enter")
    assert demo.result()["setupIntent"]["status"] == "succeeded"


def test_a_country_without_postal_codes_does_not_ask_for_one(demo: Demo) -> None:
    demo.open()
    demo.payment.get_by_label("Country").select_option("IE")
    expect(demo.payment.get_by_label("ZIP code")).to_be_hidden()
    demo.payment.get_by_label("Card number").fill(VISA)
    demo.payment.get_by_label("Expiration date").fill("1234")
    demo.payment.get_by_label("Security code").fill("123")
    demo.submit()
    method = demo.stripe.v1.payment_methods.retrieve(demo.result()["setupIntent"]["payment_method"])
    assert (method.billing_details.address.country, method.billing_details.address.postal_code) == ("IE", None)


@pytest.mark.parametrize("element", ["payment", "card"])
def test_three_d_secure_passes(demo: Demo, element: str) -> None:
    demo.open(element=element, mode="payment")
    (demo.type_into_card if element == "card" else demo.type_into_payment)(ASKS_ALWAYS)
    demo.submit()
    demo.bank.locator("#test-source-authorize-3ds").click()
    paid = demo.result()["paymentIntent"]
    assert paid["status"] == "succeeded"
    assert demo.stripe.v1.payment_intents.retrieve(paid["id"]).amount_received == 1200
    expect(demo.page.locator("iframe")).to_have_count(1)


def give_up(demo: Demo) -> Locator:
    return demo.challenge.locator(".LightboxModalClose")


def press_fail(demo: Demo) -> Locator:
    return demo.bank.locator("#test-source-fail-3ds")


@pytest.mark.parametrize("way_out", [press_fail, give_up])
@pytest.mark.parametrize("mode", ["setup", "payment"])
def test_three_d_secure_fails(demo: Demo, mode: str, way_out: Callable[[Demo], Locator]) -> None:
    demo.open(mode=mode).type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.bank.get_by_role("button", name="Complete")).to_be_visible()
    way_out(demo).click()
    error = demo.result()["error"]
    assert error["code"] == f"{mode}_intent_authentication_failure"
    assert error["message"] == AUTHENTICATION_FAILED
    assert error[f"{mode}_intent"]["status"] == "requires_payment_method"
    expect(demo.page.locator("iframe")).to_have_count(1)


def test_the_page_behind_a_challenge_is_out_of_reach_until_it_is_over(demo: Demo) -> None:
    demo.open().type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.bank.get_by_role("button", name="Fail")).to_be_visible()
    expect(demo.page.locator("main")).to_have_js_property("inert", True)
    for _ in range(4):
        demo.page.keyboard.press("Tab")
        assert demo.page.evaluate("document.activeElement.closest('main')") is None
    give_up(demo).click()
    expect(demo.page.locator("main")).to_have_js_property("inert", False)


def test_a_bank_may_decline_what_was_authenticated(demo: Demo) -> None:
    demo.open(mode="payment").type_into_payment(ASKS_THEN_NO_FUNDS)
    demo.submit()
    demo.bank.locator("#test-source-authorize-3ds").click()
    error = demo.result()["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["message"] == "Your card has insufficient funds."


def test_without_stripe_js_the_bank_sends_the_customer_back_to_the_shop(demo: Demo, base_url: str) -> None:
    shop = f"{base_url}/sandbox/elements-demo/?returned=1"
    intent = demo.stripe.v1.setup_intents.create(
        {
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "return_url": shop,
            "automatic_payment_methods": {"enabled": True},
        }
    )
    demo.page.goto(urlsplit(intent.next_action.redirect_to_url.url).path)
    demo.page.get_by_role("button", name="Complete").click()
    demo.page.wait_for_url("**/elements-demo/?returned=1&*")
    query = parse_qs(urlsplit(demo.page.url).query)
    assert (query["setup_intent"], query["redirect_status"]) == ([intent.id], ["succeeded"])
    assert query["setup_intent_client_secret"] == [intent.client_secret]


def test_a_destroyed_element_makes_room_for_another(demo: Demo) -> None:
    demo.open().type_into_payment(VISA)
    demo.page.locator("#destroy").click()
    expect(demo.page.locator("iframe")).to_have_count(0)
    expect(demo.page.locator("#host")).not_to_have_class("StripeElement")
    demo.page.locator("#create").click()
    expect(demo.payment.get_by_label("Card number")).to_have_value("")
    demo.type_into_payment(VISA)
    demo.submit()
    assert demo.result()["setupIntent"]["status"] == "succeeded"


def slowly(page: Page) -> list[Route]:
    """Hold back the answers to confirmations; the routes held are in the list."""
    held: list[Route] = []
    page.context.route("**/confirm", lambda route: held.append(route))
    return held


def test_an_element_destroyed_while_it_confirms_ends_the_call(demo: Demo, guard: Guard) -> None:
    held = slowly(demo.page)
    demo.open().type_into_payment(VISA)
    with demo.page.expect_request("**/confirm"):
        demo.submit()
    demo.page.locator("#destroy").click()
    assert demo.result()["error"]["type"] == "api_connection_error"
    assert len(held) == 1


def test_two_submits_confirm_once(demo: Demo) -> None:
    held = slowly(demo.page)
    demo.open(secret="early").type_into_payment(VISA)
    confirm = "stripe.confirmSetup({elements, redirect: 'if_required'}).then(r => r.setupIntent.status)"
    demo.page.evaluate(f"void elements.submit().then(() => {{ window.both = Promise.all([{confirm}, {confirm}]) }})")
    demo.page.wait_for_function("() => Boolean(window.both)")
    expect(demo.payment.get_by_label("Card number")).not_to_be_editable()
    (only,) = held
    only.continue_()
    assert demo.page.evaluate("window.both") == ["succeeded", "succeeded"]
    expect(demo.payment.get_by_label("Card number")).to_be_editable()


def test_a_lost_connection_is_an_error_of_its_own(demo: Demo, guard: Guard) -> None:
    demo.page.context.route("**/confirm", lambda route: route.abort())
    demo.open().type_into_payment(VISA)
    demo.submit()
    assert demo.result()["error"]["type"] == "api_connection_error"
    assert guard.take() != []


def test_a_challenge_that_does_not_load_gives_the_page_back(demo: Demo, guard: Guard) -> None:
    demo.page.clock.install()
    demo.page.context.route("**/three-ds-2-challenge/**", lambda route: route.abort())
    demo.open().type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.page.locator('iframe[src*="three-ds-2-challenge"]')).to_be_attached()
    demo.page.clock.fast_forward("00:16")
    assert demo.result()["error"]["type"] == "api_connection_error"
    expect(demo.page.locator("main")).to_have_js_property("inert", False)
    assert guard.take() != []


def test_an_element_that_does_not_load_says_so(demo: Demo, guard: Guard) -> None:
    demo.page.clock.install()
    demo.page.context.route("**/elements-inner-payment.html", lambda route: route.abort())
    demo.page.goto("/sandbox/elements-demo/")
    demo.page.clock.fast_forward("00:09")
    expect(demo.page.locator("#events")).to_contain_text("loaderror")
    assert demo.events("loaderror")[0]["error"]["type"] == "api_connection_error"
    assert guard.take() != []


MISTAKES = {
    "Stripe('')": "Please call Stripe() with your publishable key. You used an empty string.",
    "Stripe('sk_test_x')": "You should not use your secret key with Stripe.js.",
    "stripe.elements({mode: 'payment', currency: 'usd'})": "amount must be greater than 0",
    "stripe.elements({mode: 'payment', amount: 5, currency: 'USD'})": "currency should be",
    "stripe.elements({mode: 'setup', paymentMethodTypes: ['card']})": "paymentMethodTypes",
    "stripe.elements({clientSecret: 'cs_test_x'})": "clientSecret should be a client secret of the form",
    "stripe.elements().create('payment')": "you must pass a clientSecret or mode",
    "elements.create('payment')": "Can only create one Element of type payment.",
    "elements.create('address')": "The sandbox does not have the address Element.",
    "elements.create('nonsense')": "A valid Element name must be provided.",
    "stripe.elements().create('card').mount('#nowhere')": "applies to no DOM elements",
    "stripe.elements().create('card').mount(document.createElement('div'))": "didn't mount normally",
    "stripe.confirmSetup({elements})": "`confirmParams.return_url` argument is required",
    "stripe.confirmSetup({elements, clientSecret: 'seti_1_secret_2', redirect: 'if_required'})": "elements.submit()",
    "stripe.confirmCardSetup('pi_1_secret_2')": "value should be a SetupIntent client secret.",
    "stripe.createToken('pii', {})": "makes tokens from a card Element only",
    "stripe.createToken(stripe.elements().create('card'))": "still mounted",
    "stripe.createToken(Stripe('pk_test_other').elements().create('card'))": "same instance of `Stripe`",
    "stripe.createConfirmationToken({})": "The sandbox does not have stripe.createConfirmationToken().",
    "stripe.createPaymentMethod({type: 'card', card: {number: '4242'}})": "card should be a card Element",
    "(element.destroy(), element.mount('#host'))": "This Element has already been destroyed.",
}


def test_a_developers_mistake_is_thrown(demo: Demo) -> None:
    demo.open()
    for code, message in MISTAKES.items():
        thrown = demo.page.evaluate(f"(async () => {code})().then(() => null, error => [error.name, error.message])")
        assert thrown, code
        assert thrown[0] == "IntegrationError"
        assert message in thrown[1]


@pytest.mark.parametrize(
    "options",
    [
        "{type: 'card', card: element, billing_details: {name: 'Ada'}}",
        "{element, params: {billing_details: {name: 'Ada'}}}",
    ],
)
def test_a_payment_method_is_made_of_a_card_element(demo: Demo, options: str) -> None:
    demo.open(element="card").type_into_card("6011111111111117")
    made = demo.page.evaluate(f"stripe.createPaymentMethod({options})")["paymentMethod"]
    assert (made["card"]["brand"], made["billing_details"]["name"]) == ("discover", "Ada")
    assert made["billing_details"]["address"]["postal_code"] == "12345"


def test_a_payment_method_is_made_of_a_payment_element(demo: Demo) -> None:
    demo.open().type_into_payment(VISA)
    made = demo.page.evaluate("elements.submit().then(() => stripe.createPaymentMethod({elements}))")
    assert made["paymentMethod"]["card"]["last4"] == "4242"


def test_a_token_is_made_of_a_card_element(demo: Demo) -> None:
    demo.open(element="card").type_into_card(VISA)
    token = demo.page.evaluate("stripe.createToken(element, {name: 'Ada'})")["token"]
    assert (token["object"], token["card"]["name"], token["card"]["address_zip"]) == ("token", "Ada", "12345")


def test_intents_are_read_with_their_secret_only(demo: Demo, guard: Guard) -> None:
    guard.expect(400)
    demo.open()
    intent = demo.stripe.v1.payment_intents.create({"amount": 500, "currency": "jpy"})
    read = demo.page.evaluate("secret => stripe.retrievePaymentIntent(secret)", intent.client_secret)
    assert read["paymentIntent"]["amount"] == 500
    assert "customer" not in read["paymentIntent"]
    wrong = demo.page.evaluate("secret => stripe.retrievePaymentIntent(secret)", intent.client_secret + "x")
    assert wrong["error"]["type"] == "invalid_request_error"


def test_a_next_action_is_done_only_where_one_is_due(demo: Demo) -> None:
    demo.open()
    intent = demo.stripe.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    thrown = demo.page.evaluate(
        "clientSecret => stripe.handleNextAction({clientSecret}).catch(error => error.message)", intent.client_secret
    )
    assert thrown == "handleNextAction: The PaymentIntent supplied is not in the requires_action state."


def test_an_authentication_that_the_server_began_is_finished_in_the_browser(demo: Demo) -> None:
    demo.open()
    intent = demo.stripe.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "use_stripe_sdk": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    demo.page.evaluate(
        "clientSecret => { stripe.handleNextAction({clientSecret}).then(result => show(result)) }", intent.client_secret
    )
    demo.bank.locator("#test-source-authorize-3ds").click()
    assert demo.result()["paymentIntent"]["status"] == "succeeded"


def test_an_intent_that_is_over_cannot_be_shown(demo: Demo) -> None:
    intent = demo.stripe.v1.setup_intents.create({})
    demo.stripe.v1.setup_intents.cancel(intent.id)
    demo.open()
    demo.page.locator("#destroy").click()
    error = demo.page.evaluate(
        """clientSecret => new Promise(resolve => stripe.elements({clientSecret}).create("payment")
           .on("loaderror", ({error}) => resolve(error)).mount("#host"))""",
        intent.client_secret,
    )
    assert error["code"] == "setup_intent_unexpected_state"


def test_the_look_follows_the_page(demo: Demo) -> None:
    demo.open()
    number = demo.payment.get_by_label("Card number")
    demo.page.evaluate(
        "elements.update({appearance: {theme: 'night', variables: {colorBackground: '#102030', borderRadius: '0px'}}})"
    )
    expect(number).to_have_css("background-color", "rgb(16, 32, 48)")
    expect(number).to_have_css("border-radius", "0px")
    demo.page.evaluate("elements.update({appearance: {theme: 'stripe'}})")
    expect(number).to_have_css("background-color", "rgb(255, 255, 255)")


def test_the_terms_of_keeping_a_card_show_where_it_is_kept(demo: Demo) -> None:
    terms = demo.open().payment.get_by_text("you allow this business to charge your card for future payments")
    expect(terms).to_be_visible()
    demo.page.evaluate("elements.update({mode: 'payment', amount: 1200, currency: 'usd'})")
    expect(terms).to_be_hidden()
    demo.page.evaluate("elements.update({setupFutureUsage: 'off_session'})")
    expect(terms).to_be_visible()


def test_countries_are_named_in_the_locale(demo: Demo) -> None:
    demo.open(locale="de")
    expect(demo.payment.get_by_label("Country").locator("option[value=AT]")).to_have_text("Österreich")


def test_a_card_elements_style_is_applied_to_its_states(demo: Demo) -> None:
    demo.open(element="card")
    demo.page.evaluate("element.update({style: {base: {color: '#102030'}, invalid: {color: '#ff0000'}}})")
    number = demo.card.locator("[name=cardnumber]")
    expect(number).to_have_css("color", "rgb(16, 32, 48)")
    number.fill("4242424242424241")
    expect(number).to_have_css("color", "rgb(255, 0, 0)")


def check_frames(page: Page) -> None:
    """Fail on what axe finds in any document but the page's own, which `accessible` looks at."""
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for frame in page.frames[1:]:
        if frame.parent_frame == page.main_frame:  # axe sees no ground through a transparent frame: lay it in
            frame.evaluate("ground => { document.documentElement.style.backgroundColor = ground }", ground)
        found = Axe().run(frame, options={"runOnly": WCAG, "resultTypes": ["violations"]}).response["violations"]
        assert not found, f"{frame.url}: " + "; ".join(each["help"] for each in found)


@pytest.mark.parametrize("query", [{}, {"theme": "night"}, {"theme": "flat"}, {"element": "card"}])
def test_a_reader_of_the_screen_gets_along_with_an_element(
    demo: Demo, accessible: Callable[[Page], None], query: dict[str, str]
) -> None:
    demo.open(**query)
    check_frames(demo.page)
    demo.submit()
    assert demo.result()["error"]["code"] == "incomplete_number"
    check_frames(demo.page)
    accessible(demo.page)


def test_a_reader_of_the_screen_gets_along_with_a_challenge(demo: Demo) -> None:
    demo.open().type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.bank.get_by_role("button", name="Complete")).to_be_visible()
    check_frames(demo.page)
