from __future__ import annotations

from playwright.sync_api import Locator, Page

from pages.stripe_elements import VISA, fill_card


class Cards:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self) -> Cards:
        self.page.goto("/billing/cards/")
        return self

    @property
    def saved(self) -> Locator:
        """The rows of the list, the default card first."""
        return self.page.get_by_role("region", name="Saved cards").get_by_role("listitem")

    def row(self, card: str) -> Locator:
        """The row of one card, by its name: "Visa ending in 4242"."""
        return self.saved.filter(has_text=card)

    def add(self, number: str = VISA, expiry: str = "12 / 34") -> None:
        fill_card(self.page, number, expiry)
        self.save()

    def save(self) -> None:
        self.page.get_by_role("button", name="Save card").click()

    def make_default(self, card: str) -> None:
        self.row(card).get_by_role("button", name="Make default").click()

    def ask_to_remove(self, card: str) -> None:
        """Open the question; its answer is the button of the same name, or the reason why there is none."""
        self.row(card).get_by_text("Remove", exact=True).click()

    def remove(self, card: str) -> None:
        self.ask_to_remove(card)
        self.page.get_by_role("button", name=f"Remove {card}").click()

    def edit(self, card: str) -> EditCard:
        self.page.get_by_role("link", name=f"Edit {card}").click()
        return EditCard(self.page)


class EditCard:
    """The form that opens in a card's place."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def expires(self, month: str, year: str) -> EditCard:
        self.page.get_by_label("Month").select_option(month)
        self.page.get_by_label("Year").select_option(year)
        return self

    def address(self, line1: str, city: str) -> EditCard:
        self.page.get_by_label("Address", exact=True).fill(line1)
        self.page.get_by_label("City").fill(city)
        return self

    def save(self) -> None:
        self.page.get_by_role("button", name="Save changes").click()
