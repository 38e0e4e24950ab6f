from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


class Console:
    """The sandbox's console at /sandbox/."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, tab: str = "") -> Console:
        self.page.goto(f"/sandbox/{tab}")
        return self

    def play(self, scenario: str) -> None:
        self.page.get_by_role("button", name=scenario).click()
        self.says("is now the customer")

    def go_to(self, stop: str) -> None:
        self.page.get_by_role("form", name="Let time pass until").get_by_role("button", name=stop).click()
        self.says("UTC now.")

    def says(self, text: str) -> None:
        expect(self.page.get_by_role("status")).to_contain_text(text)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)
