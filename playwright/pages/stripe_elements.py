"""Stripe's own parts of a page: the card form's frame and the bank's question. Only by what real Stripe has too."""

from __future__ import annotations

from playwright.sync_api import FrameLocator, Locator, Page, expect

VISA = "4242424242424242"
MASTERCARD = "5555555555554444"
DECLINED = "4000000000000002"
NO_FUNDS = "4000000000009995"
ASKS_ONCE = "4000002500003155"  # the bank confirms when it is saved, and not again
ASKS_ALWAYS = "4000002760003184"

CHALLENGE = 'iframe[src*="three-ds-2-challenge"]'


def card_form(page: Page) -> FrameLocator:
    """The Payment Element. Real pages may hold further frames of this title; the first one is the form."""
    return page.frame_locator('iframe[title="Secure payment input frame"]').first


def card_number(page: Page) -> Locator:
    return card_form(page).locator("[name=number]")


def fill_card(
    page: Page, number: str = VISA, expiry: str = "12 / 34", cvc: str = "123", postal_code: str = "97205"
) -> None:
    """Type a card of the United States into the form."""
    form = card_form(page)
    card_number(page).fill(number)
    form.locator("[name=expiry]").fill(expiry)
    form.locator("[name=cvc]").fill(cvc)
    form.locator("[name=country]").select_option("US")
    form.locator("[name=postalCode]").fill(postal_code)


class Bank:
    """The 3-D Secure question that lies over the page: a frame of Stripe's, and in it one of the bank's."""

    def __init__(self, page: Page) -> None:
        self.frame = page.locator(CHALLENGE)
        self._question = page.frame_locator(CHALLENGE).frame_locator('iframe[name="stripe-challenge-frame"]')

    def complete(self) -> None:
        self._answer("#test-source-authorize-3ds")

    def fail(self) -> None:
        self._answer("#test-source-fail-3ds")

    def _answer(self, button: str) -> None:
        self._question.locator(button).click()
        expect(self.frame).to_have_count(0)
