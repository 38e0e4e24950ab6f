"""Signing in and out, and coming back to where one was."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from books import Books
from guard import Guard
from pages.invoices import Invoices
from pages.sign_in import SignedIn, SignIn


def signed_in_users() -> list[str]:
    users = get_user_model().objects
    sessions = (session.get_decoded() for session in Session.objects.all())
    return [users.get(pk=session["_auth_user_id"]).username for session in sessions if "_auth_user_id" in session]


def test_a_customer_signs_in_by_name_and_password(page: Page) -> None:
    SignIn(page).open().by_form("alice")
    expect(page.get_by_role("heading", name="Billing overview")).to_be_visible()
    assert signed_in_users() == ["alice"]


def test_a_wrong_password_opens_nothing(page: Page) -> None:
    SignIn(page).open().by_form("alice", "guess")
    expect(page.get_by_text("Please enter a correct username and password.")).to_be_visible()
    assert signed_in_users() == []


@pytest.mark.parametrize(
    ("name", "stands"),
    [
        ("alice", "Next charge"),
        ("bob", "You have no plan yet"),
        ("carol", "Payment overdue"),
        ("dave", "Free trial"),
        ("erin", "$290.00 a year"),
    ],
)
def test_every_demo_customer_is_one_click_away(page: Page, name: str, stands: str) -> None:
    SignIn(page).open().by_one_click(name)
    expect(page.get_by_role("main")).to_contain_text(stands)
    assert signed_in_users() == [name]


def test_whoever_signs_out_is_out(page: Page, signed_in: SignedIn) -> None:
    Invoices(signed_in(page, "alice")).open()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert signed_in_users() == []


def test_a_panel_of_a_session_that_is_over_leads_to_the_sign_in_page_and_back(page: Page, signed_in: SignedIn) -> None:
    invoices = Invoices(signed_in(page, "erin")).open()
    elsewhere = page.context.new_page()
    elsewhere.goto("/billing/")
    elsewhere.get_by_role("button", name="Sign out").click()
    elsewhere.wait_for_url("**/accounts/login/")
    invoices.older()
    page.wait_for_url("**/accounts/login/?next=**")
    SignIn(page).by_form("erin")
    page.wait_for_url("**/billing/invoices/")
    expect(invoices.numbers).to_have_count(12)


def test_a_page_of_somebody_else_does_not_exist(page: Page, signed_in: SignedIn, books: Books, guard: Guard) -> None:
    guard.expect(404)
    foreign = books.invoices("erin")[0]
    signed_in(page, "alice").goto(f"/billing/invoices/{foreign['id']}/")
    expect(page.get_by_role("main")).not_to_contain_text(foreign["number"])
