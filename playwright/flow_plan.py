"""The plan: subscribing, changing with a preview of the exact amount, and the end of a trial."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from books import Books
from guard import Guard
from line import Line
from pages.cards import Cards
from pages.messages import refuses, says
from pages.pay_form import PayForm
from pages.plan import Change, Plan
from pages.sign_in import SignedIn
from pages.stripe_elements import ASKS_ALWAYS, ASKS_ONCE, DECLINED, MASTERCARD, NO_FUNDS, VISA, Bank, card_number


def cents(amount: str) -> int:
    """What an amount in dollars stands for: "$1,234.50" is 123450."""
    return int(amount.strip("-$").replace(",", "").replace(".", ""))


# Subscribing


def team(page: Page) -> PayForm:
    return Plan(page).open().subscribe_to("Team")


def runs(page: Page) -> None:
    """Expect the page of a plan that is paid for."""
    expect(page.get_by_role("heading", name="Team Active")).to_be_visible()


def test_a_plan_is_started_with_a_new_card(page: Page, signed_in: SignedIn, books: Books) -> None:
    team(signed_in(page, "bob")).pay_with_new(VISA, "$29.00")
    runs(page)
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "active"), [2900])
    assert books.default_card("bob") == "4242"


def test_a_plan_is_started_with_a_saved_card(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("bob", "pm_card_mastercard")
    form = team(signed_in(page, "bob"))
    expect(page.get_by_role("radio", name="Mastercard ending in 4444")).to_be_checked()
    form.pay("$29.00")
    runs(page)
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "active"), [2900])
    assert books.default_card("bob") == "4444"


def test_a_plan_is_started_once_the_bank_is_answered(page: Page, signed_in: SignedIn, books: Books) -> None:
    team(signed_in(page, "bob")).pay_with_new(ASKS_ONCE, "$29.00")
    Bank(page).complete()
    runs(page)
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "active"), [2900])


def test_a_saved_card_whose_bank_asks_starts_a_plan_once_it_is_answered(
    page: Page, signed_in: SignedIn, books: Books
) -> None:
    books.give_card("bob", "pm_card_authenticationRequired")
    team(signed_in(page, "bob")).pay("$29.00")
    Bank(page).complete()
    runs(page)
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "active"), [2900])


def test_where_the_bank_is_not_answered_another_card_starts_the_plan(
    page: Page, signed_in: SignedIn, books: Books
) -> None:
    form = team(signed_in(page, "bob")).pay_with_new(ASKS_ALWAYS, "$29.00")
    Bank(page).fail()
    refuses(page, "We are unable to authenticate your payment method.")
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "incomplete"), [])
    card_number(page).fill(MASTERCARD)
    form.pay("$29.00")
    runs(page)
    assert (books.plan("bob"), books.charged("bob")) == (("team_monthly", "active"), [2900])


@pytest.mark.parametrize(
    ("number", "reason"), [(DECLINED, "Your card was declined."), (NO_FUNDS, "Your card has insufficient funds.")]
)
def test_after_a_decline_another_card_starts_the_same_plan(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard, number: str, reason: str
) -> None:
    guard.expect(402)
    form = team(signed_in(page, "bob")).pay_with_new(number, "$29.00")
    refuses(page, reason)
    waiting = books.subscription("bob")
    assert (waiting["status"], books.charged("bob")) == ("incomplete", [])
    card_number(page).fill(VISA)
    form.pay("$29.00")
    runs(page)
    assert (books.subscription("bob")["id"], books.charged("bob")) == (waiting["id"], [2900])


def test_a_double_click_starts_one_plan(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("bob", "pm_card_visa")
    team(signed_in(page, "bob")).button("$29.00").dblclick()
    runs(page)
    assert (len(books.subscriptions("bob")), books.charged("bob")) == (1, [2900])


def test_two_tabs_start_one_plan(page: Page, signed_in: SignedIn, books: Books, guard: Guard, line: Line) -> None:
    guard.expect(409, 422)
    books.give_card("bob", "pm_card_visa")
    first, second = [signed_in(page, "bob"), page.context.new_page()]
    forms = [team(tab) for tab in (first, second)]
    with line.held("/pay"):
        for form in forms:
            form.pay("$29.00")
        refuses(second, "We are still working on your last request.")
    runs(first)
    forms[1].pay("$29.00")
    refuses(second, "You have a plan already. Change it instead: nothing was charged.")
    assert (len(books.subscriptions("bob")), books.charged("bob")) == (1, [2900])


# Changing


def test_an_upgrade_costs_what_the_preview_said(page: Page, signed_in: SignedIn, books: Books) -> None:
    change = Plan(signed_in(page, "alice")).open().change_to("Business")
    shown = change.amount("Charged today")
    expect(page.get_by_text(f"Charge {shown} to Visa ending in 4242 now.")).to_be_visible()
    change.pay(shown)
    says(page, "Done. You are on Business now.")
    assert 0 < cents(shown) < 9900
    newest = books.invoices("alice")[0]
    assert (newest["status"], newest["total"], newest["amount_paid"]) == ("paid", cents(shown), cents(shown))
    assert (books.plan("alice"), books.charged("alice")[0]) == (("business_monthly", "active"), cents(shown))


def test_nothing_is_charged_without_consent(page: Page, signed_in: SignedIn, books: Books) -> None:
    before = books.charged("alice")
    change = Plan(signed_in(page, "alice")).open().change_to("Business")
    change.button(change.amount("Charged today")).click()
    expect(change.consent).to_be_focused()
    assert (books.plan("alice"), books.charged("alice")) == (("team_monthly", "active"), before)


def test_a_downgrade_leaves_the_credit_that_the_preview_said(page: Page, signed_in: SignedIn, books: Books) -> None:
    before = books.charged("alice")
    change = Plan(signed_in(page, "alice")).open().change_to("Starter")
    assert change.amount("Charged today") == "$0.00"
    credit = change.amount("Credit for your next invoices")
    change.confirm("Starter")
    says(page, "Done. You are on Starter now.")
    assert 0 < cents(credit) < 2900
    assert (books.customer("alice")["balance"], books.invoices("alice")[0]["total"]) == (-cents(credit), -cents(credit))
    assert (books.plan("alice"), books.charged("alice")) == (("starter_monthly", "active"), before)
    page.goto("/billing/")
    expect(page.get_by_text(f"You have {credit} of credit.")).to_be_visible()


def test_a_month_becomes_a_year(page: Page, signed_in: SignedIn, books: Books) -> None:
    change = Plan(signed_in(page, "alice")).open().show("Yearly").change_to("Team")
    shown = change.amount("Charged today")
    assert change.amount("Next charge") == "$290.00"
    change.pay(shown)
    says(page, "Done. You are on Team now.")
    assert (books.plan("alice"), books.charged("alice")[0]) == (("team_yearly", "active"), cents(shown))
    item = books.subscription("alice")["items"]["data"][0]
    assert item["current_period_end"] - item["current_period_start"] in (365 * 86_400, 366 * 86_400)


def test_a_declined_upgrade_keeps_the_old_plan_and_says_why(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard
) -> None:
    guard.expect(422)
    books.give_card("alice", "pm_card_chargeCustomerFail")
    before = books.charged("alice")
    change = Plan(signed_in(page, "alice")).open().change_to("Business")
    change.pay(change.amount("Charged today"))
    refuses(page, "Your bank declined this card. Nothing was charged")
    refuses(page, "You stay on Team.")
    assert (books.plan("alice"), books.charged("alice")) == (("team_monthly", "active"), before)
    assert (books.subscription("alice")["pending_update"], books.invoices("alice")[0]["status"]) == (None, "void")


def test_an_upgrade_is_made_once_the_bank_is_answered(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.give_card("alice", "pm_card_authenticationRequired")
    change = Plan(signed_in(page, "alice")).open().change_to("Business")
    shown = change.amount("Charged today")
    change.pay(shown)
    Bank(page).complete()
    says(page, "Done. You are on Business now.")
    assert (books.plan("alice"), books.charged("alice")[0]) == (("business_monthly", "active"), cents(shown))


def test_an_upgrade_whose_bank_is_not_answered_is_withdrawn(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard
) -> None:
    guard.expect(422)
    books.give_card("alice", "pm_card_authenticationRequired")
    before = books.charged("alice")
    change = Plan(signed_in(page, "alice")).open().change_to("Business")
    change.pay(change.amount("Charged today"))
    Bank(page).fail()
    refuses(page, "Your bank could not confirm that it is you.")
    assert (books.plan("alice"), books.charged("alice")) == (("team_monthly", "active"), before)
    assert (books.subscription("alice")["pending_update"], books.invoices("alice")[0]["status"]) == (None, "void")


def test_a_preview_that_is_no_longer_true_is_refused(
    page: Page, signed_in: SignedIn, books: Books, guard: Guard
) -> None:
    guard.expect(422)
    stale = Plan(signed_in(page, "alice")).open().change_to("Business")
    shown = stale.amount("Charged today")
    elsewhere = page.context.new_page()
    Plan(elsewhere).open().change_to("Starter").confirm("Starter")
    says(elsewhere, "Done. You are on Starter now.")
    stale.pay(shown)
    refuses(page, "Something has changed since this page was shown. Nothing was charged")
    assert books.plan("alice") == ("starter_monthly", "active")
    shown = Change(page).amount("Charged today")
    Change(page).pay(shown)
    says(page, "Done. You are on Business now.")
    assert (books.plan("alice"), books.charged("alice")[0]) == (("business_monthly", "active"), cents(shown))


# A trial


def test_a_trial_asks_for_a_card_and_is_charged_at_its_end(page: Page, signed_in: SignedIn, books: Books) -> None:
    signed_in(page, "dave").goto("/billing/")
    expect(page.get_by_text("Without a card your plan ends then.")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Add a card").first.click()
    Cards(page).add(VISA)
    says(page, "Visa ending in 4242 is saved and will be charged from now on.")
    page.goto("/billing/")
    expect(page.get_by_text("Then $29.00 is charged to Visa ending in 4242.")).to_be_visible()
    assert books.plan("dave") == ("team_monthly", "trialing")
    books.pass_time(days=6)
    page.reload()
    runs(page)
    assert (books.plan("dave"), books.charged("dave")) == (("team_monthly", "active"), [2900])


def test_a_trial_without_a_card_ends(page: Page, signed_in: SignedIn, books: Books) -> None:
    books.pass_time(days=6)
    signed_in(page, "dave").goto("/billing/")
    expect(page.get_by_role("heading", name="Your plan has ended")).to_be_visible()
    assert (books.plan("dave"), books.charged("dave")) == (("team_monthly", "canceled"), [])


def test_a_plan_is_changed_during_the_trial_for_nothing(page: Page, signed_in: SignedIn, books: Books) -> None:
    ends = books.subscription("dave")["trial_end"]
    change = Plan(signed_in(page, "dave")).open().change_to("Starter")
    assert change.amount("First charge after your trial") == "$9.00"
    change.confirm("Starter")
    says(page, "Done. You are on Starter now.")
    assert (books.plan("dave"), books.charged("dave")) == (("starter_monthly", "trialing"), [])
    assert books.subscription("dave")["trial_end"] == ends
