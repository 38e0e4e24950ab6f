"""Stripe's customer portal in a browser: driven by nothing but the marks that the real portal has, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from guard import Guard
from pages.portal import Business, Portal
from pages.stripe_elements import ASKS_ALWAYS, DECLINED, MASTERCARD, Bank

PHONE = {"width": 360, "height": 740}


@pytest.fixture
def business(base_url: str) -> Business:
    return Business(base_url)


def test_a_customer_cancels_says_why_and_returns_to_the_shop(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url())
    portal.ask_to_cancel()
    portal.confirm()
    portal.give_reason("missing_features")
    expect(portal.mark("cancel-subscription")).to_have_count(0)
    portal.return_to_business()
    page.wait_for_url(f"{business.back}**")
    canceled = business.subscription
    assert canceled.cancel_at_period_end
    assert canceled.cancellation_details.feedback == "missing_features"


def test_a_customer_cancels_without_a_word(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url())
    portal.ask_to_cancel()
    portal.confirm()
    portal.give_no_reason()
    expect(portal.mark("update-subscription")).to_have_count(0)
    assert business.subscription.cancel_at_period_end
    assert business.subscription.cancellation_details.feedback is None


def test_a_customer_changes_plan_and_quantity(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url())
    portal.ask_to_update()
    portal.select("Business")
    portal.quantity(3)
    portal.go_on()
    expect(page.get_by_test_id("page-container-main")).to_contain_text("$297.00 per month")
    portal.confirm()
    expect(portal.mark("update-subscription")).to_be_visible()
    assert (business.item.price.id, business.item.quantity) == (business.business, 3)
    assert business.subscription.latest_invoice.status == "paid"


def test_a_new_card_pays_from_now_on(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url())
    portal.add_card(MASTERCARD)
    expect(portal.mark("update-subscription")).to_be_visible()
    assert business.default_card.last4 == "4444"


def test_a_card_is_asked_about_by_its_bank_before_it_is_kept(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url())
    portal.add_card(ASKS_ALWAYS)
    Bank(page).fail()
    expect(page.get_by_role("alert").filter(has_text="unable to authenticate")).to_be_visible()
    portal.confirm()
    Bank(page).complete()
    expect(portal.mark("update-subscription")).to_be_visible()
    assert business.default_card.last4 == "3184"


def test_a_card_that_is_refused_is_not_kept(page: Page, business: Business, guard: Guard) -> None:
    guard.expect(402)
    portal = Portal(page, business.portal_url())
    portal.add_card(DECLINED)
    expect(page.get_by_role("alert").filter(has_text="Your card was declined.")).to_be_visible()
    assert business.default_card.last4 == "4242"


def test_what_is_missing_in_a_card_is_said_at_its_field(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url(flow_data={"type": "payment_method_update"}))
    expect(portal.card_number).to_be_visible()
    portal.confirm()
    expect(portal.card_number).to_be_focused()
    expect(portal.card_number).to_have_attribute("aria-invalid", "true")


def test_another_card_is_chosen_for_one_subscription(page: Page, business: Business) -> None:
    portal = Portal(page, business.portal_url())
    page.get_by_role("button", name="Edit payment method").click()
    portal.pay_with_new_card(MASTERCARD)
    expect(portal.mark("update-subscription")).to_be_visible()
    card = business.stripe.payment_methods.retrieve(business.subscription.default_payment_method).card
    assert (card.last4, business.default_card.last4) == ("4444", "4242")


def test_a_change_waits_for_3d_secure_and_then_happens(page: Page, base_url: str) -> None:
    business = Business(base_url, "pm_card_authenticationRequired")
    portal = Portal(page, business.portal_url())
    portal.change_to("Business")
    Bank(page).complete()
    expect(portal.mark("update-subscription")).to_be_visible()
    assert business.item.price.id == business.business


def test_a_change_that_the_card_does_not_pay_is_paid_with_another(page: Page, base_url: str) -> None:
    business = Business(base_url, "pm_card_chargeCustomerFail")
    portal = Portal(page, business.portal_url())
    portal.change_to("Business")
    expect(page.get_by_role("alert").filter(has_text="Your card was declined.")).to_be_visible()
    assert business.item.price.id == business.team
    portal.pay_with_new_card(MASTERCARD)
    expect(portal.mark("update-subscription")).to_be_visible()
    assert business.item.price.id == business.business


def test_a_failed_authentication_leaves_everything_as_it_was(page: Page, base_url: str) -> None:
    business = Business(base_url, "pm_card_authenticationRequired")
    portal = Portal(page, business.portal_url())
    portal.change_to("Business")
    Bank(page).fail()
    expect(page.get_by_role("alert").filter(has_text="unable to authenticate")).to_be_visible()
    assert (business.item.price.id, business.subscription.status) == (business.team, "active")


def test_a_flow_leads_straight_to_its_question_and_back_to_the_shop(page: Page, business: Business) -> None:
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": business.subscription_id},
        "after_completion": {"type": "redirect", "redirect": {"return_url": f"{business.back}?ended=1"}},
    }
    portal = Portal(page, business.portal_url(flow_data=flow))
    portal.confirm()
    portal.give_reason("unused")
    page.wait_for_url("**/accounts/login/?ended=1")
    assert business.subscription.cancellation_details.feedback == "unused"


def home(portal: Portal) -> None:
    expect(portal.mark("update-subscription")).to_be_visible()


def plans(portal: Portal) -> None:
    portal.ask_to_update()
    portal.select("Business")


def preview(portal: Portal) -> None:
    plans(portal)
    portal.go_on()


def cancellation(portal: Portal) -> None:
    portal.ask_to_cancel()


def reasons(portal: Portal) -> None:
    portal.ask_to_cancel()
    portal.confirm()


def new_card(portal: Portal) -> None:
    portal.mark("add-payment-method").click()
    expect(portal.card_number).to_be_visible()


def cards(portal: Portal) -> None:
    portal.page.get_by_role("button", name="Edit payment method").click()
    portal.page.locator("#radio-add").check()
    expect(portal.card_number).to_be_visible()


def information(portal: Portal) -> None:
    portal.page.get_by_role("button", name="Update information").click()


@pytest.mark.parametrize("show", [home, plans, preview, cancellation, reasons, new_card, cards, information])
def test_every_page_is_read_well_and_fits_a_phone(
    page: Page, business: Business, accessible: Callable[[Page], None], show: Callable[[Portal], None]
) -> None:
    show(Portal(page, business.portal_url()))
    accessible(page)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
