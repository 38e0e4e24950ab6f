"""Cards: add, 3-D Secure, declines, default, remove, edit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from books import Books
from guard import Guard
from pages.cards import Cards
from pages.messages import refuses, says
from pages.sign_in import SignedIn
from pages.stripe_elements import (
    ASKS_ALWAYS,
    ASKS_ONCE,
    DECLINED,
    MASTERCARD,
    NO_FUNDS,
    VISA,
    Bank,
    card_form,
    card_number,
    fill_card,
)


def saved_by(books: Books, name: str) -> list[str]:
    return [card["card"]["last4"] for card in books.cards(name)]


# Adding


def test_the_first_card_becomes_the_default(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "bob")).open()
    cards.add(VISA)
    says(page, "Visa ending in 4242 is saved and will be charged from now on.")
    expect(cards.row("Visa ending in 4242")).to_contain_text("Default")
    assert (saved_by(books, "bob"), books.default_card("bob")) == (["4242"], "4242")


def test_a_second_card_does_not_become_the_default(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "alice")).open()
    cards.add(MASTERCARD)
    says(page, "Mastercard ending in 4444 is saved.")
    expect(cards.row("Mastercard ending in 4444")).not_to_contain_text("Default")
    expect(card_number(page)).to_have_value("")
    assert (saved_by(books, "alice"), books.default_card("alice")) == (["4444", "4242"], "4242")


def test_the_same_card_twice_is_said_and_not_doubled(page: Page, signed_in: SignedIn, books: Books) -> None:
    known = books.card("alice", "4242")["card"]
    cards = Cards(signed_in(page, "alice")).open()
    cards.add(VISA, expiry=f"{known['exp_month']:02} / {known['exp_year'] % 100}")
    says(page, "Visa ending in 4242 is already saved: nothing was added twice.")
    expect(cards.saved).to_have_count(1)
    assert saved_by(books, "alice") == ["4242"]


def test_a_card_is_saved_once_the_bank_has_confirmed_it(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "bob")).open()
    cards.add(ASKS_ONCE)
    Bank(page).complete()
    expect(cards.row("Visa ending in 3155")).to_contain_text("Default")
    assert books.default_card("bob") == "3155"


def test_a_card_is_not_saved_where_the_bank_does_not_confirm_it(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "bob")).open()
    cards.add(ASKS_ALWAYS)
    Bank(page).fail()
    refuses(page, "We are unable to authenticate your payment method.")
    expect(cards.saved).to_have_count(0)
    assert saved_by(books, "bob") == []


@pytest.mark.parametrize(
    ("number", "reason"), [(DECLINED, "Your card was declined."), (NO_FUNDS, "Your card has insufficient funds.")]
)
def test_after_a_decline_the_next_number_goes_through(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, number: str, reason: str
) -> None:
    guard.expect(402)
    cards = Cards(signed_in(page, "bob")).open()
    cards.add(number)
    refuses(page, reason)
    expect(card_number(page)).to_have_value(re.compile(r"^4000 0000 0000 \d{4}$"))
    assert saved_by(books, "bob") == []
    card_number(page).fill(VISA)
    cards.save()
    expect(cards.row("Visa ending in 4242")).to_be_visible()
    assert saved_by(books, "bob") == ["4242"]


def test_an_incomplete_card_is_said_so_and_reaches_nobody(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "bob")).open()
    card_number(page).fill("4242 4242")
    cards.save()
    refuses(page, "Your card number is incomplete.")
    expect(card_form(page).get_by_role("alert").filter(has_text="incomplete")).to_have_count(4)
    assert not books.knows("bob")


def test_the_button_stays_under_the_pointer_that_presses_it(page: Page, signed_in: SignedIn) -> None:
    Cards(signed_in(page, "bob")).open()
    card_number(page).fill("4242 4242")
    page.get_by_role("button", name="Save card").hover()
    page.mouse.down()
    expect(card_number(page)).to_be_focused()  # left, it would say what is wrong, and grow
    page.mouse.up()
    refuses(page, "Your card number is incomplete.")


def test_what_is_typed_survives_when_another_panel_is_swapped(page: Page, signed_in: SignedIn) -> None:
    cards = Cards(signed_in(page, "erin")).open()
    fill_card(page, "4000 0566", cvc="12")
    cards.make_default("Visa ending in 4242")
    says(page, "Visa ending in 4242 is your default card now.")
    expect(card_number(page)).to_have_value("4000 0566")
    expect(card_form(page).locator("[name=cvc]")).to_have_value("12")


# Keeping


def test_another_default_also_pays_the_plan_that_was_pinned_to_the_old_one(
    page: Page, signed_in: SignedIn, books: Books
) -> None:
    old, new = books.card("erin", "4444")["id"], books.card("erin", "4242")["id"]
    books.stripe.subscriptions.update(books.subscription("erin")["id"], {"default_payment_method": old})
    cards = Cards(signed_in(page, "erin")).open()
    cards.make_default("Visa ending in 4242")
    expect(cards.saved.first).to_contain_text("Visa ending in 4242")
    expect(cards.saved.first).to_contain_text("Default")
    assert books.default_card("erin") == "4242"
    assert books.subscription("erin")["default_payment_method"] == new


def test_a_card_that_nothing_needs_is_removed(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "erin")).open()
    cards.remove("American Express ending in 0005")
    says(page, "American Express ending in 0005 is removed.")
    expect(cards.saved).to_have_count(2)
    assert saved_by(books, "erin") == ["4444", "4242"]


def test_a_card_that_pays_a_plan_is_kept_and_the_reason_given(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "alice")).open()
    cards.ask_to_remove("Visa ending in 4242")
    expect(cards.row("Visa ending in 4242")).to_contain_text("Team is paid with this card.")
    expect(page.get_by_role("button", name="Remove Visa")).to_have_count(0)
    page.get_by_role("link", name="Cancel the plan").click()
    expect(page.get_by_role("heading", name="Cancel Team?")).to_be_visible()
    assert saved_by(books, "alice") == ["4242"]


def test_expiry_and_billing_address_are_edited(page: Page, signed_in: SignedIn, books: Books) -> None:
    year = str(books.card("alice", "4242")["card"]["exp_year"] + 3)
    cards = Cards(signed_in(page, "alice")).open()
    cards.edit("Visa ending in 4242").expires("03", year).address("1 Long Wharf", "Boston").save()
    expect(cards.row("Visa ending in 4242")).to_contain_text(f"Expires 03/{year[2:]}")
    card = books.card("alice", "4242")
    assert (card["card"]["exp_month"], card["card"]["exp_year"]) == (3, int(year))
    address = card["billing_details"]["address"]
    assert (address["line1"], address["city"]) == ("1 Long Wharf", "Boston")


# Whoever cannot use a mouse


def test_a_card_is_added_with_the_keyboard_alone(page: Page, signed_in: SignedIn, books: Books) -> None:
    cards = Cards(signed_in(page, "bob")).open()
    expect(card_number(page)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(card_number(page)).to_be_focused()
    page.keyboard.type(VISA + "1234" + "123" + "97205")  # a full field leads on to the next by itself
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Save card")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards.row("Visa ending in 4242")).to_be_visible()
    assert saved_by(books, "bob") == ["4242"]
