from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

SignedIn = Callable[[Page, str], Page]  # the fixture `signed_in`, for flows that begin behind the door


class SignIn:
    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self) -> SignIn:
        self.page.goto("/accounts/login/")
        return self

    def by_form(self, username: str, password: str = "demo") -> None:  # noqa: S107  every demo customer's
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def by_one_click(self, name: str) -> None:
        self.page.get_by_role("list").get_by_role("button", name=name).click()
