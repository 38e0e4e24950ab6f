"""Hosted Checkout: subscribing, paying once, declines, 3-D Secure, Link, promotion codes, saved cards, the way back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import stripe
from playwright.sync_api import BrowserContext, Page, expect

from guard import Guard
from pages.hosted_checkout import HostedCheckout, Shop
from pages.stripe_elements import ASKS_ALWAYS, DECLINED, MASTERCARD, Bank


@pytest.fixture
def shop(base_url: str) -> Shop:
    return Shop(base_url)


@pytest.fixture
def checkout(page: Page) -> Callable[[stripe.checkout.Session], HostedCheckout]:
    """A function that opens a session's page."""
    return lambda session: HostedCheckout(page, session).open()


Open = Callable[[stripe.checkout.Session], HostedCheckout]


def charges(shop: Shop) -> list[str]:
    return [charge.status for charge in shop.v1.charges.list().data]


def test_a_guest_subscribes(checkout: Open, shop: Shop) -> None:
    session = shop.session()
    till = checkout(session)
    expect(till.page.get_by_text("Subscribe to Team")).to_be_visible()
    expect(till.page.get_by_text("$29.00").first).to_be_visible()
    till.fill()
    expect(till.field("cardNumber")).to_have_value("4242 4242 4242 4242")
    till.submit()
    till.wait_for_shop()
    after = shop.again(session, "customer", "subscription", "invoice")
    assert (after.status, after.payment_status, after.subscription.status) == ("complete", "paid", "active")
    assert (after.customer.email, after.customer.name) == ("ada@example.com", "Ada Lovelace")
    assert after.invoice.amount_paid == 2900


def test_a_guest_pays_once_with_the_enter_key(checkout: Open, shop: Shop) -> None:
    session = shop.session("payment")
    till = checkout(session)
    till.fill(MASTERCARD)
    till.field("billingName").press("Enter")
    till.wait_for_shop()
    after = shop.again(session, "payment_intent.payment_method")
    assert after.payment_intent.payment_method.card.last4 == "4444"


def test_link_keeps_the_button_from_working_until_it_has_a_phone_number(checkout: Open, shop: Shop) -> None:
    session = shop.session()
    till = checkout(session)
    till.fill()
    till.field("enableStripePass").check()
    till.submit()
    expect(till.field("phoneNumber")).to_be_focused()
    assert charges(shop) == []
    till.field("phoneNumber").fill("(201) 555-0123")
    till.submit()
    till.wait_for_shop()


def test_what_is_missing_is_said_in_place(checkout: Open, shop: Shop) -> None:
    till = checkout(shop.session())
    till.submit()
    expect(till.field("email")).to_be_focused()
    expect(till.page.get_by_text("Your card number is incomplete.")).to_be_visible()
    till.field("cardNumber").fill("4242424242424241")
    expect(till.page.get_by_text("Your card number is invalid.")).to_be_visible()
    for id in ("email", "cardNumber", "billingName", "billingPostalCode", "phoneNumber"):
        expect(till.field(id)).to_have_attribute("aria-invalid", "true")


def test_a_decline_is_said_in_place_and_what_was_typed_stays(checkout: Open, shop: Shop, guard: Guard) -> None:
    guard.expect(402)
    session = shop.session()
    till = checkout(session)
    till.fill(DECLINED)
    till.submit()
    expect(till.page.get_by_text("Your card was declined.")).to_be_visible()
    for id, text in {"email": "ada@example.com", "cardCvc": "123", "billingName": "Ada Lovelace"}.items():
        expect(till.field(id)).to_have_value(text)
    till.fill_card()
    till.submit()
    till.wait_for_shop()
    assert charges(shop) == ["succeeded", "failed"]
    assert len(shop.v1.subscriptions.list().data) == 1


def test_a_number_that_is_no_test_card_is_refused_in_place(checkout: Open, shop: Shop, guard: Guard) -> None:
    guard.expect(402)
    till = checkout(shop.session())
    till.fill("4111111111111111")
    till.submit()
    expect(till.page.get_by_text("Your request was in test mode, but used a non test")).to_be_visible()


@pytest.mark.parametrize("mode", ["subscription", "payment"])
def test_the_bank_asks_and_the_customer_passes(checkout: Open, shop: Shop, mode: str) -> None:
    session = shop.session(mode)
    till = checkout(session)
    till.fill(ASKS_ALWAYS)
    till.submit()
    Bank(till.page).complete()
    till.wait_for_shop()
    assert shop.again(session).payment_status == "paid"


def test_the_bank_asks_and_the_customer_fails(checkout: Open, shop: Shop) -> None:
    session = shop.session()
    till = checkout(session)
    till.fill(ASKS_ALWAYS)
    till.submit()
    Bank(till.page).fail()
    expect(till.page.get_by_text("We are unable to authenticate your payment method.")).to_be_visible()
    assert shop.again(session).status == "open"
    till.submit()
    Bank(till.page).complete()
    till.wait_for_shop()


def test_two_clicks_charge_once(checkout: Open, shop: Shop) -> None:
    till = checkout(shop.session())
    till.fill()
    till.button.dblclick()
    till.wait_for_shop()
    assert charges(shop) == ["succeeded"]


def test_a_second_tab_finds_nothing_left_to_do(checkout: Open, shop: Shop, context: BrowserContext) -> None:
    session = shop.session("payment")
    first = checkout(session)
    second = HostedCheckout(context.new_page(), session).open()
    for till in (first, second):
        till.fill()
    first.submit()
    first.wait_for_shop()
    second.submit()
    second.wait_for_shop()
    assert charges(shop) == ["succeeded"]
    first.page.goto(str(session.url))
    expect(first.page.get_by_text("You’re all done here")).to_be_visible()


def test_a_promotion_code_lowers_the_total(checkout: Open, shop: Shop, guard: Guard) -> None:
    guard.expect(400)
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    shop.v1.promotion_codes.create({"code": "HALF", "promotion": {"type": "coupon", "coupon": coupon}})
    session = shop.session(allow_promotion_codes=True)
    till = checkout(session)
    till.field("promotionCode").fill("NONE")
    till.field("promotionCode").press("Enter")
    expect(till.page.get_by_text("This code is invalid.")).to_be_visible()
    till.field("promotionCode").fill("half")
    till.page.get_by_role("button", name="Apply").click()
    expect(till.page.get_by_text("$14.50").first).to_be_visible()
    till.fill()
    till.submit()
    till.wait_for_shop()
    assert shop.again(session, "invoice").invoice.amount_paid == 1450


def test_a_trial_starts_without_a_charge(checkout: Open, shop: Shop) -> None:
    session = shop.session(subscription_data={"trial_period_days": 14})
    till = checkout(session)
    expect(till.page.get_by_text("14 days free")).to_be_visible()
    till.fill()
    till.submit()
    till.wait_for_shop()
    assert shop.again(session, "subscription").subscription.status == "trialing"
    assert charges(shop) == []


def test_a_card_is_saved_for_later(checkout: Open, shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "ada@example.com"}).id
    urls = {"success_url": f"{shop.home}?paid={{CHECKOUT_SESSION_ID}}"}
    session = shop.v1.checkout.sessions.create({"mode": "setup", "currency": "usd", "customer": customer, **urls})
    till = checkout(session)
    till.fill(email=None)
    till.submit()
    till.wait_for_shop()
    (card,) = shop.v1.payment_methods.list({"customer": customer}).data
    assert shop.again(session, "setup_intent").setup_intent.payment_method == card.id


@pytest.fixture
def returning(shop: Shop) -> str:
    """A customer with a card that may be shown again."""
    customer = shop.v1.customers.create({"email": "ada@example.com"}).id
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    shop.v1.payment_methods.update(card, {"allow_redisplay": "always"})
    return customer


def test_a_saved_card_pays_at_once(checkout: Open, shop: Shop, returning: str) -> None:
    session = shop.session(customer=returning)
    till = checkout(session)
    expect(till.page.get_by_text("•••• 4242")).to_be_visible()
    till.submit()
    till.wait_for_shop()
    assert shop.again(session).payment_status == "paid"


def test_another_card_can_be_typed_instead(checkout: Open, shop: Shop, returning: str) -> None:
    session = shop.session(customer=returning)
    till = checkout(session)
    expect(till.field("cardNumber")).to_be_hidden()
    till.page.locator('[data-testid="card-accordion-item-button"]').click(force=True)
    expect(till.page.locator("#payment-method-accordion-item-title-card")).to_be_checked()
    till.fill(MASTERCARD, email=None)
    till.submit()
    till.wait_for_shop()
    assert len(shop.v1.payment_methods.list({"customer": returning}).data) == 2


def test_a_whole_address_is_asked_for(checkout: Open, shop: Shop) -> None:
    session = shop.session(billing_address_collection="required", phone_number_collection={"enabled": True})
    till = checkout(session)
    till.fill()
    till.field("billingAddressLine1").fill("1 Main Street")
    till.field("billingLocality").fill("Portland")
    till.field("billingAdministrativeArea").select_option("OR")
    till.submit()
    expect(till.field("phoneNumber")).to_be_focused()
    till.field("phoneNumber").fill("+12015550123")
    till.submit()
    till.wait_for_shop()
    details = shop.again(session).customer_details
    assert (details.address.line1, details.address.state, details.phone) == ("1 Main Street", "OR", "+12015550123")


def test_the_country_decides_what_is_asked(checkout: Open, shop: Shop) -> None:
    session = shop.session(billing_address_collection="required")
    till = checkout(session)
    till.fill()
    till.field("billingCountry").select_option("FR")
    expect(till.field("billingAdministrativeArea")).to_be_hidden()
    till.field("billingAddressLine1").fill("1 rue de la Paix")
    till.field("billingLocality").fill("Paris")
    till.field("billingPostalCode").fill("75002")
    till.submit()
    till.wait_for_shop()
    assert shop.again(session).customer_details.address.country == "FR"


def test_the_way_back_pays_nothing(checkout: Open, shop: Shop) -> None:
    session = shop.session()
    till = checkout(session)
    till.page.get_by_role("link", name=re.compile("Back")).click()
    till.page.wait_for_url("**/healthz?canceled")
    assert shop.again(session).status == "open"


def test_an_expired_session_says_so(page: Page, shop: Shop) -> None:
    session = shop.session()
    shop.v1.checkout.sessions.expire(session.id)
    page.goto(str(session.url))
    expect(page.get_by_text("This page has expired")).to_be_visible()


def test_a_session_that_expires_meanwhile_takes_no_money(checkout: Open, shop: Shop, guard: Guard) -> None:
    guard.expect(400)
    session = shop.session()
    till = checkout(session)
    till.fill()
    shop.v1.checkout.sessions.expire(session.id)
    till.submit()
    expect(till.page.get_by_text("This Checkout Session is no longer active.")).to_be_visible()
    assert charges(shop) == []


def test_a_reader_of_the_screen_gets_along_with_the_page(
    checkout: Open, shop: Shop, accessible: Callable[[Page], None], returning: str
) -> None:
    collected = {"consent_collection": {"terms_of_service": "required"}, "allow_promotion_codes": True}
    till = checkout(shop.session(billing_address_collection="required", **collected))
    accessible(till.page)
    till.submit()
    accessible(till.page)
    accessible(checkout(shop.session(customer=returning)).page)


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_sticks_out_on_a_small_screen(checkout: Open, shop: Shop, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    bounds = {"enabled": True, "minimum": 1, "maximum": 9}
    goods = [{"price": shop.team, "quantity": 1, "adjustable_quantity": bounds}, {"price": shop.poster, "quantity": 2}]
    till = checkout(shop.session(line_items=goods, billing_address_collection="required"))
    till.submit()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
