from __future__ import annotations

from playwright.sync_api import Page


class Cancel:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self) -> Cancel:
        self.page.goto("/billing/cancel/")
        return self

    def confirm(self, reason: str = "", comment: str = "") -> None:
        """Cancel, saying why or not."""
        if reason:
            self.page.get_by_role("radio", name=reason).check()
        self.page.get_by_label("Anything you would like us to know?").fill(comment)
        self.page.get_by_role("button", name="Cancel subscription").click()

    def undo(self) -> None:
        self.page.get_by_role("button", name="Keep my plan").click()
