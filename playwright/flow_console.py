"""The sandbox's console beside the dashboard: what is done in one shows in the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from books import Books
from pages.console import Console
from pages.invoices import Invoices
from pages.sign_in import SignedIn

PHONE = {"width": 360, "height": 740}
TABS = ["", "objects/customer/", "events/", "webhooks/", "mail/", "mishaps/", "accounts/"]


@pytest.fixture
def console(page: Page, signed_in: SignedIn) -> Console:
    """The console, opened by alice."""
    return Console(signed_in(page, "alice")).open()


def test_the_dashboard_leads_to_the_console_and_back(page: Page, signed_in: SignedIn) -> None:
    signed_in(page, "alice").goto("/billing/")
    page.get_by_role("link", name="Sandbox console").click()
    expect(page.get_by_role("heading", name="Scenarios")).to_be_visible()
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_role("heading", name="Billing overview")).to_be_visible()


def test_a_scenario_is_what_the_dashboard_shows_next(page: Page, console: Console, books: Books) -> None:
    console.play("Past due after decline")
    assert books.subscription("alice")["status"] == "past_due"
    page.goto("/billing/")
    expect(page.get_by_text("Your payment of $29.00 for Team is overdue.")).to_be_visible()


def test_a_scenario_can_be_for_somebody_else(page: Page, console: Console, books: Books) -> None:
    page.get_by_label("for", exact=True).select_option("bob")
    expect(page.get_by_text("who is bob from then on")).to_be_visible()
    console.play("Cancels soon")
    assert books.subscription("bob")["cancel_at_period_end"]
    assert books.plan("alice") == ("team_monthly", "active")


def test_the_next_renewal_brings_a_new_invoice(page: Page, console: Console, books: Books) -> None:
    before = books.invoices("alice")
    console.go_to("Next renewal")
    newest, *others = books.invoices("alice")
    assert (newest["status"], newest["total"], others) == ("paid", 2900, before)
    expect(Invoices(page).open().numbers.first).to_have_text(newest["number"])


def test_the_place_on_the_page_and_the_focus_stay_where_they_were(page: Page, console: Console) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    console.button("JPY").scroll_into_view_if_needed()
    at = page.evaluate("scrollY")
    assert at > 0
    console.play("JPY")
    expect(console.button("JPY")).to_be_focused()
    assert page.evaluate("scrollY") == at


def test_an_event_is_sent_again(page: Page, console: Console, books: Books) -> None:
    console.play("New customer")
    books.stripe.customers.update(books.customer("alice")["id"], {"name": "Alice Again"})
    console.open("events/?type=customer.updated")
    page.get_by_role("button", name="Resend customer.updated").first.click()
    console.says("Sent again: 200.")
    page.get_by_role("link", name="customer.updated").first.click()
    expect(page.locator("details.attempt")).to_have_count(2)
    page.locator("details.attempt summary").first.click()
    expect(page.get_by_text("Stripe-Signature: t=").first).to_be_visible()


def test_webhooks_that_are_held_reach_the_dashboard_when_released(page: Page, console: Console, books: Books) -> None:
    subscription = books.subscription("alice")["id"]
    console.open("webhooks/").button("Hold them back").click()
    console.says("kept back")
    books.stripe.subscriptions.update(subscription, {"cancel_at_period_end": True})
    page.goto("/billing/")
    expect(page.get_by_text("Active").first).to_be_visible()
    console.open("webhooks/").button("Release them").click()
    console.says("go out again")
    assert books.subscription("alice")["cancel_at_period_end"]


def test_a_mail_leads_to_the_invoice_that_it_is_about(page: Page, console: Console, books: Books) -> None:
    console.play("Past due after decline")
    console.open("mail/")
    page.get_by_role("link", name="$29.00 payment to Sandbox was unsuccessful").first.click()
    page.get_by_role("link", name="Pay this invoice").click()
    expect(page.get_by_text(books.invoices("alice")[0]["number"]).first).to_be_visible()


def test_a_customer_is_found_by_address_and_read_with_links(page: Page, console: Console) -> None:
    console.open("objects/")
    page.get_by_label("Search by id").fill("carol@example.com")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("rowheader").get_by_role("link").first.click()
    page.get_by_role("navigation", name="What is theirs").get_by_role("link", name="subscription").first.click()
    page.get_by_role("rowheader").get_by_role("link").first.click()
    expect(page.get_by_role("region", name="The object as JSON")).to_contain_text('"status": "past_due"')
    page.get_by_role("region", name="The object as JSON").get_by_role("link", name="cus_").click()
    expect(page.get_by_text("Carol Castillo").first).to_be_visible()


def test_a_rule_of_ones_own_is_written_and_cleared(page: Page, console: Console) -> None:
    console.open("mishaps/")
    page.get_by_text("A rule of your own").first.click()
    page.get_by_label("Path").fill("/v1/invoices/*/pay")
    page.get_by_role("button", name="Add the rule").first.click()
    console.says("The rule is in force.")
    expect(page.get_by_role("rowheader")).to_contain_text("path: /v1/invoices/*/pay")
    console.button("Let them go well again").click()
    expect(page.get_by_role("rowheader")).to_have_count(0)


def test_everything_works_without_javascript(
    new_context: Callable[..., BrowserContext], books: Books, page: Page, signed_in: SignedIn
) -> None:
    cookies = signed_in(page, "alice").context.cookies()
    bare = new_context(java_script_enabled=False)
    bare.add_cookies(cookies)
    console = Console(bare.new_page()).open()
    console.play("Trial without card")
    console.go_to("Trial end")
    assert books.subscription("alice")["status"] == "canceled"


@pytest.mark.parametrize("tab", TABS)
def test_a_page_of_the_console_can_be_read_by_everyone(
    page: Page, console: Console, accessible: Callable[[Page], None], tab: str
) -> None:
    console.play("Past due after decline")
    console.open(tab)
    for size in (page.viewport_size, PHONE):
        page.set_viewport_size(size)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "wider than the screen"
