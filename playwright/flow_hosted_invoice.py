"""The hosted invoice page in a browser: paying with a saved card or a new one, declines, 3-D Secure, the documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from guard import Guard
from pages.portal import Business
from pages.stripe_elements import ASKS_ALWAYS, DECLINED, VISA, Bank, fill_card

PHONE = {"width": 360, "height": 740}


class HostedInvoice:
    def __init__(self, page: Page, business: Business, customer: str | None = None) -> None:
        self.page, self.stripe = page, business.stripe
        owner = customer or business.customer
        draft = self.stripe.invoices.create({"customer": owner, "currency": "usd"}).id
        for amount in (2500, 490):
            item = {
                "customer": owner,
                "invoice": draft,
                "amount": amount,
                "currency": "usd",
                "description": "Consulting",
            }
            self.stripe.invoice_items.create(item)
        self.invoice = self.stripe.invoices.finalize_invoice(draft)
        page.goto(self.invoice.hosted_invoice_url)

    def pay(self) -> None:
        self.page.get_by_role("button", name="Pay $29.90").click()

    def type(self, number: str) -> None:
        self.page.locator("#radio-add").check()
        fill_card(self.page, number)

    def is_paid(self) -> Any:
        """Wait for the receipt, and return the charge behind it."""
        expect(self.page.get_by_test_id("download-invoice-receipt-pdf-button")).to_be_visible()
        assert self.stripe.invoices.retrieve(self.invoice.id).status == "paid"
        return self.stripe.charges.list({"limit": 1}).data[0]


@pytest.fixture
def business(base_url: str) -> Business:
    return Business(base_url)


def test_a_saved_card_pays_with_one_click(page: Page, business: Business) -> None:
    hosted = HostedInvoice(page, business)
    hosted.pay()
    assert hosted.is_paid().amount == 2990


def test_a_new_card_pays(page: Page, business: Business) -> None:
    hosted = HostedInvoice(page, business)
    hosted.type("5555555555554444")
    hosted.pay()
    assert hosted.is_paid().payment_method_details.card.last4 == "4444"


def test_who_has_no_card_sees_the_form_at_once(page: Page, business: Business) -> None:
    stranger = business.stripe.customers.create({"name": "Bob Brandt"}).id
    hosted = HostedInvoice(page, business, stranger)
    fill_card(page, VISA)
    hosted.pay()
    assert hosted.is_paid().customer == stranger


def test_a_decline_is_said_and_the_next_card_pays(page: Page, business: Business, guard: Guard) -> None:
    guard.expect(402)
    hosted = HostedInvoice(page, business)
    hosted.type(DECLINED)
    hosted.pay()
    expect(page.get_by_role("alert").filter(has_text="Your card was declined.")).to_be_visible()
    hosted.type(VISA)
    hosted.pay()
    hosted.is_paid()


def test_3d_secure_lies_over_the_page(page: Page, business: Business) -> None:
    hosted = HostedInvoice(page, business)
    hosted.type(ASKS_ALWAYS)
    hosted.pay()
    Bank(page).fail()
    expect(page.get_by_role("alert").filter(has_text="unable to authenticate")).to_be_visible()
    hosted.pay()
    Bank(page).complete()
    hosted.is_paid()


@pytest.mark.parametrize("button", ["download-invoice-pdf-button", "download-invoice-receipt-pdf-button"])
def test_invoice_and_receipt_are_documents(page: Page, business: Business, button: str) -> None:
    hosted = HostedInvoice(page, business)
    hosted.pay()
    hosted.is_paid()
    url = page.get_by_test_id(button).locator("xpath=..").get_attribute("action")
    document = page.request.get(url or "")
    assert document.headers["content-type"] == "application/pdf"
    assert document.body().startswith(b"%PDF-")


def test_it_is_read_well_and_fits_a_phone(page: Page, business: Business, accessible: Callable[[Page], None]) -> None:
    hosted = HostedInvoice(page, business)
    accessible(page)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    hosted.pay()
    page.goto(hosted.is_paid().receipt_url)
    accessible(page)
