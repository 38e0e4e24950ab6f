"""Invoices: the list, details in place, the documents at Stripe, and paying one that is open."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from books import Books
from guard import Guard
from line import Line
from pages.invoices import Invoices
from pages.messages import refuses, says
from pages.pay_form import PayForm
from pages.sign_in import SignedIn
from pages.stripe_elements import ASKS_ALWAYS, DECLINED, NO_FUNDS, VISA, Bank, card_number

OWED = "$29.00"


def standing(books: Books, name: str) -> tuple[str, str]:
    """The status of the subscription and of the newest invoice."""
    return books.subscription(name)["status"], books.invoices(name)[0]["status"]


# Reading


def test_forty_invoices_are_read_page_by_page_and_back(page: Page, signed_in: SignedIn, books: Books) -> None:
    numbers = [invoice["number"] for invoice in books.invoices("erin")]
    invoices = Invoices(signed_in(page, "erin")).open()
    for start in (0, 12, 24):
        expect(invoices.numbers).to_have_text(numbers[start : start + 12])
        invoices.older()
    expect(invoices.numbers).to_have_text(numbers[36:40])
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    invoices.newer()
    expect(invoices.numbers).to_have_text(numbers[24:36])


def test_details_open_and_close_in_their_place(page: Page, signed_in: SignedIn, books: Books) -> None:
    newest = books.invoices("alice")[0]
    invoices = Invoices(signed_in(page, "alice")).open()
    invoices.details(newest["number"]).click()
    expect(invoices.lines(newest["number"])).to_contain_text(newest["lines"]["data"][0]["description"])
    page.get_by_role("link", name=f"Hide details of invoice {newest['number']}").click()
    expect(invoices.lines(newest["number"])).to_have_count(0)


def test_the_documents_are_at_stripe(page: Page, signed_in: SignedIn, books: Books) -> None:
    newest = books.invoices("alice")[0]
    Invoices(signed_in(page, "alice")).open()
    pdf = page.get_by_role("link", name=f"PDF of invoice {newest['number']}").get_attribute("href")
    hosted = page.get_by_role("link", name=f"View invoice {newest['number']} at Stripe").get_attribute("href")
    assert (pdf, hosted) == (newest["invoice_pdf"], newest["hosted_invoice_url"])
    answer = page.request.get(pdf)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF-")
    page.goto(hosted)
    expect(page.get_by_text(newest["number"]).first).to_be_visible()


def test_back_never_shows_a_bare_panel(page: Page, signed_in: SignedIn) -> None:
    invoices = Invoices(signed_in(page, "carol")).open()
    invoices.pay(OWED)
    page.get_by_role("link", name="Back to the invoices").click()  # the panel, from the address of the page
    expect(invoices.numbers).to_have_count(2)
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Billing overview")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("navigation", name="Billing")).to_be_visible()
    expect(invoices.numbers).to_have_count(2)


# Paying


def test_an_overdue_invoice_is_paid_with_a_new_card(page: Page, signed_in: SignedIn, books: Books) -> None:
    signed_in(page, "carol").goto("/billing/")
    expect(page.get_by_text(f"Your payment of {OWED} for Team is overdue.")).to_be_visible()
    page.get_by_role("link", name=f"Pay {OWED} now").click()
    PayForm(page).with_new(VISA).pay(OWED)
    says(page, f"Thank you: {OWED} is paid.")
    assert standing(books, "carol") == ("active", "paid")
    assert books.charged("carol") == [2900, 2900]
    page.goto("/billing/")
    expect(page.get_by_text("overdue")).to_have_count(0)


def test_an_overdue_invoice_is_paid_with_a_saved_card(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("carol", "pm_card_mastercard")
    Invoices(signed_in(page, "carol")).open().pay(OWED).with_saved("Mastercard ending in 4444").pay(OWED)
    says(page, f"Thank you: {OWED} is paid.")
    assert standing(books, "carol") == ("active", "paid")
    assert books.charged("carol") == [2900, 2900]


def test_a_saved_card_that_is_declined_says_why_and_another_one_pays(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard
) -> None:
    guard.expect(422)
    form = Invoices(signed_in(page, "carol")).open().pay(OWED).with_saved("Visa ending in 0341")
    form.pay(OWED)
    refuses(page, "Your bank declined this card. Nothing was charged: try another card, or ask your bank why.")
    assert books.charged("carol") == [2900]
    form.with_new(VISA).pay(OWED)
    says(page, f"Thank you: {OWED} is paid.")
    assert books.charged("carol") == [2900, 2900]


@pytest.mark.parametrize(
    ("number", "reason"), [(DECLINED, "Your card was declined."), (NO_FUNDS, "Your card has insufficient funds.")]
)
def test_a_new_card_that_is_declined_can_be_typed_over(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, number: str, reason: str
) -> None:
    guard.expect(402)
    form = Invoices(signed_in(page, "carol")).open().pay(OWED).with_new(number)
    form.pay(OWED)
    refuses(page, reason)
    assert (standing(books, "carol"), books.charged("carol")) == (("past_due", "open"), [2900])
    card_number(page).fill(VISA)
    form.pay(OWED)
    says(page, f"Thank you: {OWED} is paid.")
    assert standing(books, "carol") == ("active", "paid")
    assert books.charged("carol") == [2900, 2900]


def test_a_saved_card_whose_bank_asks_pays_once_it_is_answered(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("carol", "pm_card_authenticationRequired")
    Invoices(signed_in(page, "carol")).open().pay(OWED).with_saved("Visa ending in 3184").pay(OWED)
    Bank(page).complete()
    says(page, f"Thank you: {OWED} is paid.")
    assert standing(books, "carol") == ("active", "paid")
    assert books.charged("carol") == [2900, 2900]


def test_a_bank_that_is_not_answered_pays_nothing(page: Page, signed_in: SignedIn, books: Books) -> None:
    Invoices(signed_in(page, "carol")).open().pay(OWED).with_new(ASKS_ALWAYS).pay(OWED)
    Bank(page).fail()
    refuses(page, "We are unable to authenticate your payment method.")
    assert (standing(books, "carol"), books.charged("carol")) == (("past_due", "open"), [2900])


def test_a_double_click_pays_once(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("carol", "pm_card_visa")
    form = Invoices(signed_in(page, "carol")).open().pay(OWED).with_saved("Visa ending in 4242")
    form.button(OWED).dblclick()
    says(page, f"Thank you: {OWED} is paid.")
    assert books.charged("carol") == [2900, 2900]


def test_two_tabs_pay_once(page: Page, signed_in: SignedIn, books: Books, guard: Guard, line: Line) -> None:
    guard.expect(409)
    books.give_card("carol", "pm_card_visa")
    first, second = [signed_in(page, "carol"), page.context.new_page()]
    forms = [Invoices(tab).open().pay(OWED).with_saved("Visa ending in 4242") for tab in (first, second)]
    with line.held("/pay"):
        for form in forms:
            form.pay(OWED)
        refuses(second, "We are still working on your last request.")
    says(first, f"Thank you: {OWED} is paid.")
    forms[1].pay(OWED)
    expect(second.get_by_role("status").get_by_text("This invoice is paid.")).to_be_visible()
    assert books.charged("carol") == [2900, 2900]


@pytest.mark.parametrize(
    ("product", "amount", "shown", "currency"), [("Kaisha", 500, "¥500", "jpy"), ("Diwan", 4500, "KWD4.500", "kwd")]
)
def test_an_amount_has_the_decimals_of_its_currency(
    page: Page, signed_in: SignedIn, books: Books, product: str, amount: int, shown: str, currency: str
) -> None:
    books.subscribe_to_hidden("bob", product)
    Invoices(signed_in(page, "bob")).open()
    expect(page.get_by_role("cell", name=shown, exact=True)).to_be_visible()
    page.goto("/billing/")
    expect(page.get_by_role("main")).to_contain_text(f"{shown} a month")
    assert [(invoice["total"], invoice["currency"]) for invoice in books.invoices("bob")] == [(amount, currency)]
