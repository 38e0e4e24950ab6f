"""With JavaScript switched off: everything but typing a card, by links, forms and whole pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from books import Books
from guard import Guard
from pages.cancel import Cancel
from pages.cards import Cards
from pages.invoices import Invoices
from pages.messages import refuses, says
from pages.plan import Plan
from pages.sign_in import SignedIn, SignIn


def needs_script(page: Page) -> Locator:
    """The sentence where a card would be typed; `get_by_text` does not look into <noscript>."""
    words = "needs JavaScript: it goes straight to Stripe and never through this site."
    return page.get_by_role("paragraph").filter(has_text=words)


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A page of a browser that runs no scripts."""
    return new_context(java_script_enabled=False).new_page()


def test_a_customer_signs_in_reads_every_page_and_signs_out(page: Page) -> None:
    SignIn(page).open().by_one_click("erin")
    expect(page.get_by_text("Next charge")).to_be_visible()
    for link, heading in {"Plan": "Change your plan", "Cards": "Saved cards", "Invoices": "All invoices"}.items():
        page.get_by_role("navigation", name="Billing").get_by_role("link", name=link).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_only_typing_a_card_needs_javascript_and_the_page_says_so(page: Page, signed_in: SignedIn) -> None:
    Cards(signed_in(page, "bob")).open()
    expect(needs_script(page)).to_be_visible()
    expect(page.get_by_role("button", name="Save card")).to_be_hidden()
    Plan(page).open().subscribe_to("Team")
    expect(needs_script(page)).to_be_visible()


def test_a_card_that_cannot_be_typed_charges_nothing(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard
) -> None:
    guard.expect(422)
    Plan(signed_in(page, "bob")).open().subscribe_to("Team").pay("$29.00")
    refuses(page, "Typing a new card needs JavaScript. Please choose a saved card, or switch JavaScript on.")
    assert not books.knows("bob")


def test_a_plan_is_started_with_a_saved_card(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("bob", "pm_card_visa")
    Plan(signed_in(page, "bob")).open().subscribe_to("Team").with_saved("Visa ending in 4242").pay("$29.00")
    says(page, "Your first payment is made.")
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "active"), [2900])


def test_a_plan_is_changed_for_the_amount_previewed(page: Page, signed_in: SignedIn, books: Books) -> None:
    change = Plan(signed_in(page, "alice")).open().show("Yearly").change_to("Business")
    shown = change.amount("Charged today")
    change.pay(shown)
    says(page, "Done. You are on Business now.")
    assert books.plan("alice") == ("business_yearly", "active")
    assert f"${books.charged('alice')[0] / 100:,.2f}" == shown


def test_a_declined_change_says_why(page: Page, signed_in: SignedIn, books: Books, guard: Guard) -> None:
    guard.expect(422)
    books.give_card("alice", "pm_card_chargeCustomerFail")
    change = Plan(signed_in(page, "alice")).open().change_to("Business")
    change.pay(change.amount("Charged today"))
    refuses(page, "Your bank declined this card. Nothing was charged")
    assert books.plan("alice") == ("team_monthly", "active")


def test_a_plan_is_cancelled_and_kept(page: Page, signed_in: SignedIn, books: Books) -> None:
    Cancel(signed_in(page, "alice")).open().confirm("It is too hard to use", "Thank you.")
    says(page, "Your plan ends on")
    assert books.subscription("alice")["cancellation_details"]["feedback"] == "too_complex"
    Cancel(page).undo()
    says(page, "Good to have you: your plan goes on.")
    assert books.subscription("alice")["cancel_at_period_end"] is False


def test_cards_are_chosen_edited_and_removed(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "erin")).open()
    cards.make_default("Visa ending in 4242")
    says(page, "Visa ending in 4242 is your default card now.")
    cards.edit("Visa ending in 4242").expires("03", "2040").save()
    says(page, "Visa ending in 4242 is updated.")
    cards.remove("Mastercard ending in 4444")
    says(page, "Mastercard ending in 4444 is removed.")
    kept = {card["card"]["last4"]: card["card"]["exp_year"] for card in books.cards("erin")}
    assert (books.default_card("erin"), sorted(kept), kept["4242"]) == ("4242", ["0005", "4242"], 2040)


def test_an_invoice_is_read_and_an_overdue_one_paid(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("carol", "pm_card_visa")
    number = books.invoices("carol")[0]["number"]
    invoices = Invoices(signed_in(page, "carol")).open()
    invoices.details(number).click()
    expect(page.get_by_role("heading", name=f"Invoice {number}")).to_be_visible()
    expect(invoices.lines(number)).to_be_visible()
    invoices.pay("$29.00").with_saved("Visa ending in 4242").pay("$29.00")
    says(page, "Thank you: $29.00 is paid.")
    assert (books.plan("carol"), books.charged("carol")) == (("team_monthly", "active"), [2900, 2900])


def test_older_invoices_are_a_page_of_their_own(page: Page, signed_in: SignedIn, books: Books) -> None:
    numbers = [invoice["number"] for invoice in books.invoices("erin")]
    invoices = Invoices(signed_in(page, "erin")).open()
    invoices.older()
    expect(invoices.numbers).to_have_text(numbers[12:24])
