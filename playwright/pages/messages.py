"""What the site says: good news in a note at the edge, bad news in the panel it is about."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def says(page: Page, text: str) -> None:
    """Expect the note that says what was done."""
    expect(page.get_by_role("status").get_by_text(text)).to_be_visible()


def refuses(page: Page, text: str) -> None:
    """Expect the message that says why it was not done."""
    expect(page.get_by_role("alert").filter(has_text=text)).to_be_visible()
