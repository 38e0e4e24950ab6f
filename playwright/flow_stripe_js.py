"""The sandbox's stripe.js on a bare page: confirming, 3-D Secure, and what happens when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from guard import Guard
from pages.elements_demo import ElementsDemo
from pages.stripe_elements import ASKS_ALWAYS, DECLINED, VISA

ASKS_THEN_NO_FUNDS = "4000008260003178"
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@pytest.fixture
def demo(page: Page, base_url: str) -> ElementsDemo:
    return ElementsDemo(page, base_url)


def test_a_card_is_saved_with_the_payment_element(demo: ElementsDemo) -> None:
    demo.open().type_into_payment(VISA)
    demo.submit()
    saved = demo.result()["setupIntent"]
    assert saved["status"] == "succeeded"
    assert "customer" not in saved
    method = demo.stripe.v1.payment_methods.retrieve(saved["payment_method"])
    assert (method.card.last4, method.card.exp_month, method.card.exp_year) == ("4242", 12, 2034)
    assert (method.billing_details.address.country, method.billing_details.address.postal_code) == ("US", "12345")


def test_a_payment_is_made_with_the_card_element(demo: ElementsDemo) -> None:
    demo.open(element="card", mode="payment").type_into_card("5555555555554444")
    demo.submit()
    paid = demo.result()["paymentIntent"]
    assert (paid["status"], paid["amount"]) == ("succeeded", 1200)
    charge = demo.stripe.v1.payment_intents.retrieve(paid["id"], {"expand": ["latest_charge"]}).latest_charge
    assert charge.payment_method_details.card.brand == "mastercard"
    assert charge.billing_details.name == "Ada"


def test_a_client_secret_may_come_first(demo: ElementsDemo) -> None:
    demo.open(secret="early", mode="payment").type_into_payment(VISA)
    demo.submit()
    assert demo.result()["paymentIntent"]["status"] == "succeeded"


def test_by_default_a_confirmation_goes_to_the_return_url(demo: ElementsDemo) -> None:
    demo.open(redirect="always").type_into_payment(VISA)
    demo.submit()
    demo.page.wait_for_url("**/elements-demo/?*redirect_status=*")
    query = parse_qs(urlsplit(demo.page.url).query)
    assert query["redirect_status"] == ["succeeded"]
    assert query["setup_intent_client_secret"][0].startswith(query["setup_intent"][0])


def test_a_declined_card_comes_back_with_its_reason(demo: ElementsDemo, guard: Guard) -> None:
    guard.expect(402)
    demo.open(mode="payment").type_into_payment(DECLINED)
    demo.submit()
    error = demo.result()["error"]
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", "card_declined", "generic_decline")
    assert error["message"] == "Your card was declined."
    assert error["payment_intent"]["status"] == "requires_payment_method"
    expect(demo.payment.get_by_label("Card number")).to_have_value("4000 0000 0000 0002")


def test_after_a_decline_another_card_goes_through(demo: ElementsDemo, guard: Guard) -> None:
    guard.expect(402)
    demo.open(secret="early").type_into_payment(DECLINED)
    demo.submit()
    expect(demo.page.locator("#message")).to_have_text("Your card was declined.")
    demo.payment.get_by_label("Card number").fill(VISA)
    demo.submit()
    expect(demo.page.locator("#result")).to_contain_text('"succeeded"')


@pytest.mark.parametrize("element", ["payment", "card"])
def test_three_d_secure_passes(demo: ElementsDemo, element: str) -> None:
    demo.open(element=element, mode="payment")
    (demo.type_into_card if element == "card" else demo.type_into_payment)(ASKS_ALWAYS)
    demo.submit()
    demo.bank.locator("#test-source-authorize-3ds").click()
    paid = demo.result()["paymentIntent"]
    assert paid["status"] == "succeeded"
    assert demo.stripe.v1.payment_intents.retrieve(paid["id"]).amount_received == 1200
    expect(demo.page.locator("iframe")).to_have_count(1)


def give_up(demo: ElementsDemo) -> Locator:
    return demo.challenge.locator(".LightboxModalClose")


def press_fail(demo: ElementsDemo) -> Locator:
    return demo.bank.locator("#test-source-fail-3ds")


@pytest.mark.parametrize("way_out", [press_fail, give_up])
@pytest.mark.parametrize("mode", ["setup", "payment"])
def test_three_d_secure_fails(demo: ElementsDemo, mode: str, way_out: Callable[[ElementsDemo], Locator]) -> None:
    demo.open(mode=mode).type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.bank.get_by_role("button", name="Complete")).to_be_visible()
    way_out(demo).click()
    error = demo.result()["error"]
    assert error["code"] == f"{mode}_intent_authentication_failure"
    assert error["message"] == AUTHENTICATION_FAILED
    assert error[f"{mode}_intent"]["status"] == "requires_payment_method"
    expect(demo.page.locator("iframe")).to_have_count(1)


def test_the_page_behind_a_challenge_is_out_of_reach_until_it_is_over(demo: ElementsDemo) -> None:
    demo.open().type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.bank.get_by_role("button", name="Fail")).to_be_visible()
    expect(demo.page.locator("main")).to_have_js_property("inert", True)
    for _ in range(4):
        demo.page.keyboard.press("Tab")
        assert demo.page.evaluate("document.activeElement.closest('main')") is None
    give_up(demo).click()
    expect(demo.page.locator("main")).to_have_js_property("inert", False)


def test_a_bank_may_decline_what_was_authenticated(demo: ElementsDemo) -> None:
    demo.open(mode="payment").type_into_payment(ASKS_THEN_NO_FUNDS)
    demo.submit()
    demo.bank.locator("#test-source-authorize-3ds").click()
    error = demo.result()["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["message"] == "Your card has insufficient funds."


def test_without_stripe_js_the_bank_sends_the_customer_back_to_the_shop(demo: ElementsDemo, base_url: str) -> None:
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


def test_a_destroyed_element_makes_room_for_another(demo: ElementsDemo) -> None:
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


def test_an_element_destroyed_while_it_confirms_ends_the_call(demo: ElementsDemo, guard: Guard) -> None:
    held = slowly(demo.page)
    demo.open().type_into_payment(VISA)
    with demo.page.expect_request("**/confirm"):
        demo.submit()
    demo.page.locator("#destroy").click()
    assert demo.result()["error"]["type"] == "api_connection_error"
    assert len(held) == 1


def test_two_submits_confirm_once(demo: ElementsDemo) -> None:
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


def test_a_lost_connection_is_an_error_of_its_own(demo: ElementsDemo, guard: Guard) -> None:
    demo.page.context.route("**/confirm", lambda route: route.abort())
    demo.open().type_into_payment(VISA)
    demo.submit()
    assert demo.result()["error"]["type"] == "api_connection_error"
    assert guard.take() != []


def test_a_challenge_that_does_not_load_gives_the_page_back(demo: ElementsDemo, guard: Guard) -> None:
    demo.page.clock.install()
    demo.page.context.route("**/three-ds-2-challenge/**", lambda route: route.abort())
    demo.open().type_into_payment(ASKS_ALWAYS)
    demo.submit()
    expect(demo.page.locator('iframe[src*="three-ds-2-challenge"]')).to_be_attached()
    demo.page.clock.fast_forward("00:16")
    assert demo.result()["error"]["type"] == "api_connection_error"
    expect(demo.page.locator("main")).to_have_js_property("inert", False)
    assert guard.take() != []


def test_an_element_that_does_not_load_says_so(demo: ElementsDemo, guard: Guard) -> None:
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


def test_a_developers_mistake_is_thrown(demo: ElementsDemo) -> None:
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
def test_a_payment_method_is_made_of_a_card_element(demo: ElementsDemo, options: str) -> None:
    demo.open(element="card").type_into_card("6011111111111117")
    made = demo.page.evaluate(f"stripe.createPaymentMethod({options})")["paymentMethod"]
    assert (made["card"]["brand"], made["billing_details"]["name"]) == ("discover", "Ada")
    assert made["billing_details"]["address"]["postal_code"] == "12345"


def test_a_payment_method_is_made_of_a_payment_element(demo: ElementsDemo) -> None:
    demo.open().type_into_payment(VISA)
    made = demo.page.evaluate("elements.submit().then(() => stripe.createPaymentMethod({elements}))")
    assert made["paymentMethod"]["card"]["last4"] == "4242"


def test_a_token_is_made_of_a_card_element(demo: ElementsDemo) -> None:
    demo.open(element="card").type_into_card(VISA)
    token = demo.page.evaluate("stripe.createToken(element, {name: 'Ada'})")["token"]
    assert (token["object"], token["card"]["name"], token["card"]["address_zip"]) == ("token", "Ada", "12345")


def test_intents_are_read_with_their_secret_only(demo: ElementsDemo, guard: Guard) -> None:
    guard.expect(400)
    demo.open()
    intent = demo.stripe.v1.payment_intents.create({"amount": 500, "currency": "jpy"})
    read = demo.page.evaluate("secret => stripe.retrievePaymentIntent(secret)", intent.client_secret)
    assert read["paymentIntent"]["amount"] == 500
    assert "customer" not in read["paymentIntent"]
    wrong = demo.page.evaluate("secret => stripe.retrievePaymentIntent(secret)", intent.client_secret + "x")
    assert wrong["error"]["type"] == "invalid_request_error"


def test_a_next_action_is_done_only_where_one_is_due(demo: ElementsDemo) -> None:
    demo.open()
    intent = demo.stripe.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    thrown = demo.page.evaluate(
        "clientSecret => stripe.handleNextAction({clientSecret}).catch(error => error.message)", intent.client_secret
    )
    assert thrown == "handleNextAction: The PaymentIntent supplied is not in the requires_action state."


def test_an_authentication_that_the_server_began_is_finished_in_the_browser(demo: ElementsDemo) -> None:
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


def test_an_intent_that_is_over_cannot_be_shown(demo: ElementsDemo) -> None:
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
