from __future__ import annotations

from playwright.sync_api import Locator, Page

from pages.pay_form import PayForm


class Invoices:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self) -> Invoices:
        self.page.goto("/billing/invoices/")
        return self

    @property
    def numbers(self) -> Locator:
        """The numbers of the invoices on this page, newest first."""
        return self.page.get_by_role("table", name="Invoices, newest first").locator("tbody > tr > th[scope=row]")

    def older(self) -> None:
        self.page.get_by_role("link", name="Older").click()

    def newer(self) -> None:
        self.page.get_by_role("link", name="Newer").click()

    def details(self, number: str) -> Locator:
        """The link that opens the lines of an invoice in its place."""
        return self.page.get_by_role("link", name=f"Details of invoice {number}")

    def lines(self, number: str) -> Locator:
        return self.page.get_by_role("table", name=f"Lines of invoice {number}")

    def pay(self, amount: str) -> PayForm:
        self.page.get_by_role("link", name=f"Pay {amount}").click()
        return PayForm(self.page)
