"""Leaving, changing one's mind, and coming back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from books import Books
from pages.cancel import Cancel
from pages.messages import says
from pages.pay_form import PayForm
from pages.sign_in import SignedIn


def test_reason_and_comment_reach_stripe_and_the_plan_runs_to_its_end(
    page: Page, signed_in: SignedIn, books: Books
) -> None:
    Cancel(signed_in(page, "alice")).open().confirm("I do not use it enough", "See you in spring.")
    says(page, "Your plan ends on")
    expect(page.get_by_role("heading", name="Team is cancelled")).to_be_visible()
    subscription = books.subscription("alice")
    assert (subscription["status"], subscription["cancel_at_period_end"]) == ("active", True)
    details = subscription["cancellation_details"]
    assert (details["feedback"], details["comment"]) == ("unused", "See you in spring.")


def test_nobody_has_to_say_why(page: Page, signed_in: SignedIn, books: Books) -> None:
    Cancel(signed_in(page, "alice")).open().confirm()
    says(page, "Your plan ends on")
    assert books.subscription("alice")["cancellation_details"]["feedback"] is None


def test_a_plan_that_was_going_to_end_is_kept(page: Page, signed_in: SignedIn, books: Books) -> None:
    Cancel(signed_in(page, "alice")).open().confirm()
    Cancel(page).undo()
    says(page, "Good to have you: your plan goes on.")
    subscription = books.subscription("alice")
    assert (subscription["cancel_at_period_end"], subscription["cancel_at"]) == (False, None)


def test_it_is_kept_from_the_overview_too(page: Page, signed_in: SignedIn, books: Books) -> None:
    Cancel(signed_in(page, "alice")).open().confirm()
    says(page, "Your plan ends on")
    page.get_by_role("link", name="Overview").click()
    Cancel(page).undo()
    says(page, "Good to have you: your plan goes on.")
    expect(page.get_by_text("Next charge")).to_be_visible()
    assert books.subscription("alice")["cancel_at_period_end"] is False


def test_what_is_overdue_ends_at_once_and_is_no_longer_asked_for(page: Page, signed_in: SignedIn, books: Books) -> None:
    Cancel(signed_in(page, "carol")).open()
    expect(page.get_by_text("Cancelling now ends your plan immediately")).to_be_visible()
    Cancel(page).confirm("It costs too much for me")
    says(page, "Your plan has ended. You will not be charged again.")
    assert (books.plan("carol"), books.invoices("carol")[0]["status"]) == (("team_monthly", "canceled"), "void")
    assert books.subscription("carol")["cancellation_details"]["feedback"] == "too_expensive"


def test_who_has_left_comes_back(page: Page, signed_in: SignedIn, books: Books) -> None:
    Cancel(signed_in(page, "alice")).open().confirm()
    says(page, "Your plan ends on")
    books.pass_time(days=32)
    page.goto("/billing/")
    expect(page.get_by_role("heading", name="Your plan has ended")).to_be_visible()
    assert books.plan("alice") == ("team_monthly", "canceled")
    page.get_by_role("link", name="Subscribe again").click()
    expect(page.get_by_role("radio", name="Team")).to_be_checked()
    page.get_by_role("button", name="Continue to payment").click()
    PayForm(page).pay("$29.00")
    says(page, "Welcome to Team")
    assert (books.plan("alice"), len(books.subscriptions("alice"))) == (("team_monthly", "active"), 2)
