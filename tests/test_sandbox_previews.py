"""Previews show what will be charged, and no cent is lost on any way through."""

from __future__ import annotations

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, amounts, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


def preview(shop, subscription, price=None, **details):
    if price:
        details["items"] = [{"id": item_of(subscription).id, "price": price}]
    params = {"subscription": subscription.id, "subscription_details": details} if details else {}
    return shop.v1.invoices.create_preview({"subscription": subscription.id, **params})


def test_a_preview_of_the_renewal(shop, alice):
    subscription = shop.subscribe(alice)
    upcoming = preview(shop, subscription)
    assert upcoming.id.startswith("upcoming_in_")
    assert (upcoming.status, upcoming.total, upcoming.created) == ("draft", 2900, DECEMBER)
    assert (upcoming.period_start, upcoming.period_end) == (NOVEMBER, DECEMBER)
    assert upcoming.next_payment_attempt == DECEMBER + HOUR
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoices.retrieve(upcoming.id)


def test_a_preview_of_the_customers_next_invoice(shop, alice):
    shop.subscribe(alice, shop.plan("Yearly", 20_000, "year"))
    shop.subscribe(alice)
    assert shop.v1.invoices.create_preview({"customer": alice}).total == 2900


def test_a_preview_of_an_upgrade_shows_what_will_be_charged(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shown = preview(shop, subscription, shop.business, proration_behavior="always_invoice")
    assert (amounts(shown), shown.amount_due) == ([-1450, 4950], 3500)
    assert all(line.parent.subscription_item_details.proration for line in shown.lines.data)
    assert shown.parent.subscription_details.subscription_proration_date == shop.now


def test_the_proration_date_of_a_preview_holds_a_minute_later(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-20T11:30:15")
    shown = preview(shop, subscription, shop.business, proration_behavior="always_invoice")
    shop.go(shop.now + 60)
    then = shown.parent.subscription_details.subscription_proration_date
    charged = shop.change(subscription, shop.business, proration_behavior="always_invoice", proration_date=then)
    assert amounts(charged.latest_invoice) == amounts(shown) == [-1017, 3472]


def test_a_preview_of_a_downgrade_shows_the_next_invoice(shop, alice):
    subscription = shop.subscribe(alice, shop.business)
    shop.go("2026-11-16")
    shown = preview(shop, subscription, shop.team)
    shop.change(subscription, shop.team)
    shop.go(DECEMBER + HOUR)
    assert amounts(shown) == amounts(shop.invoices(alice)[0]) == [-4950, 1450, 2900]


def test_a_preview_without_proration_shows_the_new_price_from_the_renewal_on(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    assert amounts(preview(shop, subscription, shop.business, proration_behavior="none")) == [9900]


def test_a_preview_of_a_new_subscription(shop, alice):
    params = {"customer": alice, "subscription_details": {"items": [{"price": shop.team, "quantity": 2}]}}
    shown = shop.v1.invoices.create_preview(params)
    assert (shown.total, shown.parent) == (5800, None)
    assert shop.v1.subscriptions.list({"customer": alice}).data == []


def test_a_preview_of_ending_now_shows_the_credit(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    assert amounts(preview(shop, subscription, cancel_now=True)) == [-1450]


def test_a_preview_of_a_trials_end(shop, alice):
    trial = shop.subscribe(alice, trial_period_days=14)
    assert preview(shop, trial, trial_end="now").total == 2900
    assert preview(shop, trial).created == NOVEMBER + 14 * DAY


def test_a_preview_may_add_items_of_its_own(shop, alice):
    subscription = shop.subscribe(alice)
    extra = [{"amount": 500, "currency": "usd", "description": "Setup"}]
    shown = shop.v1.invoices.create_preview({"subscription": subscription.id, "invoice_items": extra})
    assert amounts(shown) == [500, 2900]
    assert shop.v1.invoice_items.list({"customer": alice}).data == []


def test_a_preview_keeps_nothing(shop, alice):
    subscription = shop.subscribe(alice)
    product = shop.v1.products.create({"name": "Bespoke"}).id
    prices, before = len(shop.v1.prices.list({"limit": 100}).data), shop.mark()
    data = {"currency": "usd", "product": product, "recurring": {"interval": "month"}, "unit_amount": 700}
    details = {"items": [{"id": item_of(subscription).id, "price_data": data}], "proration_behavior": "always_invoice"}
    shop.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert (shop.events(before), len(shop.v1.prices.list({"limit": 100}).data)) == ([], prices)


def test_there_is_no_next_invoice_of_what_ends(shop, alice):
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError) as none:
        preview(shop, subscription, cancel_at_period_end=True)
    assert (none.value.http_status, none.value.code) == (404, "invoice_upcoming_none")
    shop.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError):
        preview(shop, subscription)
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoices.create_preview({"customer": alice})


def test_what_waits_is_billed_when_it_ends(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, cancel_at_period_end=True)
    assert amounts(preview(shop, subscription)) == [-1450, 4950]
    shop.go(DECEMBER)
    assert amounts(shop.invoices(alice)[0]) == [-1450, 4950]


def test_a_preview_needs_to_know_whose(shop):
    for params in ({}, {"invoice_items": [{"amount": 1}], "subscription_details": {"items": [{"price": shop.team}]}}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.invoices.create_preview(params)
        assert (refused.value.param, refused.value.code) == ("customer", "parameter_missing")


def test_nobody_in_particular_can_see_what_a_plan_would_cost(shop):
    shown = shop.v1.invoices.create_preview({"subscription_details": {"items": [{"price": shop.team}]}})
    assert (shown.total, shown.customer) == (2900, None)


def test_a_preview_names_the_item_that_does_not_exist(shop, alice):
    subscription = shop.subscribe(alice)
    details = {"items": [{"id": "si_none", "price": shop.business}]}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert (refused.value.param, refused.value.code) == ("items[0][id]", "resource_missing")


# What always holds

MANY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLANS = st.integers(50, 200_000)


@MANY
@given(old=PLANS, new=PLANS, seats=st.integers(1, 9), elapsed=st.integers(1, 30 * DAY - 1), wait=st.integers(0, 600))
def test_what_a_preview_shows_is_what_is_charged(shop, old, new, seats, elapsed, wait):
    shop.go(NOVEMBER)
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.plan("Old", old))
    shop.go(NOVEMBER + elapsed)
    change = {"item": {"quantity": seats}, "proration_behavior": "always_invoice", "proration_date": shop.now}
    items = [{"id": item_of(subscription).id, "price": shop.plan("New", new), "quantity": seats}]
    details = {"items": items, "proration_behavior": "always_invoice", "proration_date": shop.now}
    shown = shop.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    shop.go(min(shop.now + wait, DECEMBER - 1))
    charged = shop.change(subscription, items[0]["price"], **change).latest_invoice
    assert amounts(charged) == amounts(shown)
    assert (charged.total, charged.amount_due) == (shown.total, shown.amount_due)


STEPS = st.one_of(
    st.tuples(st.just("price"), st.sampled_from(["small", "large", "yearly"])),
    st.tuples(st.just("quantity"), st.integers(1, 5)),
    st.tuples(st.just("behavior"), st.sampled_from(["always_invoice", "create_prorations", "none"])),
    st.tuples(st.just("wait"), st.integers(1, 45 * DAY)),
    st.tuples(st.just("card"), st.sampled_from(["pm_card_visa", "pm_card_chargeCustomerFail"])),
)


@MANY
@given(steps=st.lists(STEPS, min_size=4, max_size=10))
def test_no_cent_is_lost_on_any_way_through(shop, steps):
    shop.go(NOVEMBER)
    customer, behavior = shop.customer(), "create_prorations"
    prices = {"small": shop.team, "large": shop.business, "yearly": shop.plan("Yearly", 77_777, "year")}
    subscription = shop.subscribe(customer)
    for step, value in steps:
        if step == "wait":
            shop.go(shop.now + value)
        elif step == "behavior":
            behavior = value
        elif step == "card":
            shop.card(customer, value)
        elif shop.subscription(subscription.id).status != "canceled":
            item = {"price": prices[value]} if step == "price" else {"quantity": value}
            shop.change(subscription, item=item, proration_behavior=behavior)
    final = [invoice for invoice in shop.invoices(customer) if invoice.status in {"open", "paid"}]
    for invoice in final:
        lines = shop.v1.invoices.line_items.list(invoice.id, {"limit": 100}).data
        assert invoice.total == sum(line.amount for line in lines)
        assert invoice.total + invoice.starting_balance == invoice.amount_due + invoice.ending_balance
        assert invoice.amount_due == invoice.amount_paid + invoice.amount_remaining
    balance = shop.v1.customers.retrieve(customer).balance
    assert balance == sum(invoice.total - invoice.amount_due for invoice in final)
