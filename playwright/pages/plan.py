from __future__ import annotations

from playwright.sync_api import Locator, Page

from pages.pay_form import PayForm


class Plan:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, subscription: str = "") -> Plan:
        self.page.goto(f"/billing/plan/?subscription={subscription}" if subscription else "/billing/plan/")
        return self

    def show(self, interval: str) -> Plan:
        """Switch between "Monthly" and "Yearly" prices."""
        self.page.get_by_role("link", name=interval, exact=True).click()
        return self

    def subscribe_to(self, name: str) -> PayForm:
        self.page.get_by_role("radio", name=name).check()
        self.page.get_by_role("button", name="Continue to payment").click()
        return PayForm(self.page)

    def change_to(self, name: str) -> Change:
        self.page.get_by_role("radio", name=name).check()
        self.page.get_by_role("button", name="Review the change").click()
        return Change(self.page)


class Change:
    """The preview of a change, with its confirmation."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def amount(self, label: str) -> str:
        """What the preview says, by its words: `amount("Charged today")` is "$12.34"."""
        return self.page.locator("div:has(> dt)").filter(has_text=label).get_by_role("definition").inner_text()

    @property
    def consent(self) -> Locator:
        return self.page.get_by_role("checkbox")

    def button(self, amount: str) -> Locator:
        return self.page.get_by_role("button", name=f"Pay {amount} and change", exact=True)

    def pay(self, amount: str) -> None:
        """Agree to be charged, and press the button that names the amount."""
        self.consent.check()
        self.button(amount).click()

    def confirm(self, name: str) -> None:
        """Press the button of a change that costs nothing today."""
        self.page.get_by_role("button", name=f"Change to {name}", exact=True).click()
