"""Every page in both themes, on a desktop and on a phone: read by axe, and nothing to scroll sideways for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from books import Books
from pages.cancel import Cancel
from pages.cards import Cards
from pages.invoices import Invoices
from pages.plan import Plan
from pages.sign_in import SignedIn, SignIn
from pages.stripe_elements import card_number

Accessible = Callable[[Page], None]
PHONE = {"width": 360, "height": 740}


def overview(page: Page) -> None:
    page.goto("/billing/")


def cards(page: Page) -> None:
    Cards(page).open()
    expect(card_number(page)).to_be_visible()


def edit_card(page: Page) -> None:
    Cards(page).open().edit("Visa ending in 4242")
    expect(page.get_by_role("button", name="Save changes")).to_be_visible()


def plans(page: Page) -> None:
    Plan(page).open()


def subscribe(page: Page) -> None:
    Plan(page).open().subscribe_to("Business")
    expect(card_number(page)).to_be_visible()


def change(page: Page) -> None:
    expect(Plan(page).open().change_to("Business").consent).to_be_visible()


def invoices(page: Page) -> None:
    Invoices(page).open()


def details(page: Page) -> None:
    Invoices(page).open()
    page.get_by_role("link", name="Details of invoice").first.click()
    expect(page.get_by_role("link", name="Hide details")).to_be_visible()


def pay_invoice(page: Page) -> None:
    expect(Invoices(page).open().pay("$29.00").button("$29.00")).to_be_visible()


def cancel(page: Page) -> None:
    Cancel(page).open()


def read(page: Page, accessible: Accessible) -> None:
    """Have the page as it stands read in both themes, wide and narrow."""
    for size in (page.viewport_size, PHONE):
        page.set_viewport_size(size)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "wider than the screen"


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("alice", overview),
        ("bob", overview),
        ("carol", overview),
        ("dave", overview),
        ("bob", cards),
        ("erin", cards),
        ("erin", edit_card),
        ("alice", plans),
        ("bob", plans),
        ("bob", subscribe),
        ("alice", change),
        ("bob", invoices),
        ("erin", invoices),
        ("alice", details),
        ("carol", pay_invoice),
        ("alice", cancel),
        ("carol", cancel),
        ("bob", cancel),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_page_can_be_read_by_everyone(
    page: Page, signed_in: SignedIn, accessible: Accessible, name: str, look: Callable[[Page], None]
) -> None:
    look(signed_in(page, name))
    read(page, accessible)


def test_the_sign_in_page_can_be_read_by_everyone(page: Page, accessible: Accessible) -> None:
    SignIn(page).open()
    read(page, accessible)


def test_an_error_can_be_read_by_everyone(page: Page, signed_in: SignedIn, accessible: Accessible) -> None:
    Cards(signed_in(page, "bob")).open().save()
    expect(page.get_by_role("alert").filter(has_text="incomplete")).to_be_focused()
    read(page, accessible)


def test_a_plan_that_ends_can_be_read_by_everyone(
    page: Page, signed_in: SignedIn, accessible: Accessible, books: Books
) -> None:
    books.stripe.subscriptions.update(books.subscription("alice")["id"], {"cancel_at_period_end": True})
    for look in (overview, plans, cancel):
        look(signed_in(page, "alice"))
        read(page, accessible)
