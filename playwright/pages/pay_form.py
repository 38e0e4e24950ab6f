from __future__ import annotations

from playwright.sync_api import Locator, Page

from pages.stripe_elements import VISA, fill_card


class PayForm:
    """Where something is paid, a first invoice or an open one: a saved card or a new one, and a button."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def with_saved(self, card: str) -> PayForm:
        self.page.get_by_role("radio", name=card).check()
        return self

    def with_new(self, number: str = VISA) -> PayForm:
        self.page.get_by_role("radio", name="A new card").check()
        fill_card(self.page, number)
        return self

    def button(self, amount: str) -> Locator:
        return self.page.get_by_role("button", name=f"Pay {amount}", exact=True)

    def pay(self, amount: str) -> None:
        """Press the button, which names the amount."""
        self.button(amount).click()

    def pay_with_new(self, number: str, amount: str) -> PayForm:
        self.with_new(number).pay(amount)
        return self
