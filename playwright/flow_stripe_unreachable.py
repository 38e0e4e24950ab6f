"""Stripe does not answer: what was known is still shown, nothing is charged, and the customer is told both."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from books import Books
from guard import Guard
from line import Line
from pages.cancel import Cancel
from pages.cards import Cards
from pages.invoices import Invoices
from pages.messages import refuses, says
from pages.plan import Plan
from pages.sign_in import SignedIn
from pages.stripe_elements import VISA, card_number

NOTHING = "We cannot reach our payment provider right now. Nothing was charged: please try again in a moment."


def make_default(page: Page) -> None:
    Cards(page).open().make_default("Visa ending in 4242")


def preview(page: Page) -> None:
    Plan(page).open().change_to("Business")


def cancel(page: Page) -> None:
    Cancel(page).open().confirm("Another reason")


@pytest.mark.parametrize("action", [make_default, preview, cancel])
def test_an_action_says_that_nothing_was_charged(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, line: Line, action: Callable[[Page], None]
) -> None:
    guard.expect(503)
    before = (books.default_card("erin"), books.plan("erin"), books.charged("erin"))
    signed_in(page, "erin")
    with line.dead():
        action(page)
        refuses(page, NOTHING)
    assert (books.default_card("erin"), books.plan("erin"), books.charged("erin")) == before


def test_a_payment_says_so_and_goes_through_when_stripe_is_back(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, line: Line
) -> None:
    guard.expect(503)
    books.give_card("carol", "pm_card_visa")
    form = Invoices(signed_in(page, "carol")).open().pay("$29.00").with_saved("Visa ending in 4242")
    with line.dead():
        form.pay("$29.00")
        refuses(page, NOTHING)
    assert books.charged("carol") == [2900]
    form.pay("$29.00")
    says(page, "Thank you: $29.00 is paid.")
    assert (books.plan("carol"), books.charged("carol")) == (("team_monthly", "active"), [2900, 2900])


def test_a_payment_whose_answer_was_lost_is_not_made_twice(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, line: Line
) -> None:
    guard.expect(409)
    books.give_card("carol", "pm_card_visa")
    form = Invoices(signed_in(page, "carol")).open().pay("$29.00").with_saved("Visa ending in 4242")
    with line.losing_answers("/pay"):
        form.pay("$29.00")
        refuses(page, "We did not hear back from our payment provider.")
    form.pay("$29.00")
    says(page, "This invoice is paid. Thank you.")
    assert (books.plan("carol"), books.charged("carol")) == (("team_monthly", "active"), [2900, 2900])


def test_a_typed_card_waits_until_stripe_is_back(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, line: Line
) -> None:
    guard.expect(503)
    cards = Cards(signed_in(page, "alice")).open()
    with line.dead():
        cards.add(VISA)
        refuses(page, NOTHING)
    expect(card_number(page)).to_have_value("4242 4242 4242 4242")
    cards.save()
    says(page, "Visa ending in 4242 is saved.")
    assert len(books.cards("alice")) == 2


def test_every_page_still_shows_what_was_known_and_when(
    page: Page, signed_in: SignedIn, guard: Guard, line: Line
) -> None:
    guard.expect(503)
    signed_in(page, "erin")
    with line.dead():
        make_default(page)
        refuses(page, NOTHING)
        for path, known in {
            "/billing/": "$290.00 a year",
            "/billing/plan/": "Current plan",
            "/billing/cards/": "Mastercard ending in 4444",
            "/billing/invoices/": "Paid",
            "/billing/cancel/": "Cancel Team?",
        }.items():
            page.goto(path)
            expect(page.get_by_text("This is how things stood at")).to_be_visible()
            expect(page.get_by_role("main").get_by_text(known).first).to_be_visible()
