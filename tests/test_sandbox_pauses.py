"""Pausing a subscription, or only its collection, and what a change of its end or an extra item costs."""

from __future__ import annotations

import pytest
import stripe

from sandbox import server, store
from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, amounts, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
JANUARY = at("2027-01-01")


@pytest.fixture
def alice(shop):
    return shop.customer()


def settings(shop, **values):
    shop.account.settings = values
    shop.account.save()


# Pausing


def test_a_pause_credits_the_unused_time_and_bills_nothing_more(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    before = shop.mark()
    paused = shop.v1.subscriptions.pause(subscription.id)
    assert (paused.status, paused.status_details.paused.subscription.type) == ("paused", "pause_requested")
    assert paused.status_details.paused.transitioned_at == shop.now
    assert shop.events(before) == [
        "customer.subscription.updated",
        "customer.subscription.paused",
        "invoiceitem.created",
    ]
    shop.go("2027-01-16")
    assert len(shop.invoices(alice)) == 1
    resumed = shop.v1.subscriptions.resume(subscription.id, {"expand": ["latest_invoice"]})
    # A new month from today, 2900, less the half of November that was not used.
    assert (resumed.status, amounts(resumed.latest_invoice)) == ("active", [-1450, 2900])
    assert item_of(resumed).current_period_end == at("2027-02-16")
    assert "status_details" not in resumed


@pytest.mark.parametrize(("since", "credit"), [("now", -1450), ("item_current_period_start", -2900), ("none", 0)])
def test_a_pause_says_from_when_on_time_was_unused(shop, alice, since, credit):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    pause = {"bill_for": {"unused_time_from": {"type": since}}, "invoicing_behavior": "invoice"}
    params = {"subscription": subscription.id, "subscription_details": {"pause": pause}}
    if credit:
        assert shop.v1.invoices.create_preview(params).total == credit
    shop.v1.subscriptions.pause(subscription.id, pause)
    assert shop.v1.customers.retrieve(alice).balance == credit


def test_a_pause_without_an_invoice_has_no_preview(shop, alice):
    subscription = shop.subscribe(alice)
    details = {"pause": {"invoicing_behavior": "pending_invoice_item"}}
    with pytest.raises(stripe.InvalidRequestError) as none:
        shop.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert none.value.code == "invoice_upcoming_none"


def test_a_preview_shows_what_resuming_costs(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.v1.subscriptions.pause(subscription.id)
    params = {"subscription": subscription.id, "subscription_details": {"resume_at": "now"}}
    assert amounts(shop.v1.invoices.create_preview(params)) == [-1450, 2900]
    assert shop.subscription(subscription.id).status == "paused"


def test_resuming_in_the_old_cycle_asks_for_the_rest_of_it(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-11")
    shop.v1.subscriptions.pause(subscription.id)
    shop.go("2026-11-21")
    unchanged = {"billing_cycle_anchor": {"type": "unchanged"}, "expand": ["latest_invoice"]}
    resumed = shop.v1.subscriptions.resume(subscription.id, unchanged)
    # 20 of 30 days came back on the 11th, 10 of 30 are asked for on the 21st: 966.67.
    assert amounts(resumed.latest_invoice) == [-1933, 967]
    assert item_of(resumed).current_period_end == DECEMBER


def test_some_subscriptions_cannot_be_paused(shop, alice):
    classic = shop.subscribe(alice, billing_mode={"type": "classic"})
    trial = shop.subscribe(alice, trial_period_days=7)
    scheduled = shop.subscribe(alice)
    shop.v1.subscription_schedules.create({"from_subscription": scheduled.id})
    for subscription in (classic, trial, scheduled):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.subscriptions.pause(subscription.id)


def test_a_classic_subscription_can_be_made_flexible_and_not_back(shop, alice):
    subscription = shop.subscribe(alice, billing_mode={"type": "classic"})
    shop.go("2026-11-02")
    migrated = shop.v1.subscriptions.migrate(subscription.id, {"billing_mode": {"type": "flexible"}})
    assert (migrated.billing_mode.type, migrated.billing_mode.updated_at) == ("flexible", shop.now)
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.subscriptions.migrate(subscription.id, {"billing_mode": {"type": "classic"}})


# Pausing collection


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")]
)
def test_while_collection_is_paused_nobody_is_charged(shop, alice, behavior, status):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})
    shop.go("2026-11-16")
    upgraded = shop.change(subscription, shop.business, proration_behavior="always_invoice")
    assert (upgraded.status, upgraded.latest_invoice.status) == ("active", status)
    shop.go(DECEMBER + HOUR)
    assert [invoice.status for invoice in shop.invoices(alice)] == [status, status, "paid"]
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    shop.go(JANUARY + HOUR)
    assert shop.invoices(alice)[0].amount_paid == 9900


def test_nothing_waits_for_a_payment_while_collection_is_paused(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "keep_as_draft"}})
    shop.go("2026-11-16")
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    changed = shop.change(subscription, shop.business, **pending)
    assert (item_of(changed).price.id, changed.pending_update) == (shop.business, None)
    assert changed.latest_invoice.status == "draft"
    shop.go("2026-11-18")
    assert shop.subscription(subscription.id).latest_invoice.status == "draft"


# Retries


def lose(shop, customer):
    """Let the customer's card be reported lost: the bank refuses it for good from now on."""
    card = shop.v1.customers.retrieve(customer).invoice_settings.default_payment_method

    def work(call):
        store.set_private(call, store.get(call, "payment_method", card), card="chargeDeclinedLostCard")
        return {}

    server.perform(shop.account, work)


def test_a_hard_decline_is_not_tried_again_with_the_same_card(shop, alice):
    subscription = shop.subscribe(alice)
    lose(shop, alice)
    shop.go(DECEMBER + HOUR)
    shop.go(DECEMBER + HOUR + 3 * DAY)
    late = shop.subscription(subscription.id).latest_invoice
    assert (late.attempt_count, late.next_payment_attempt) == (2, shop.now + 5 * DAY)
    assert shop.events().count("charge.failed") == 1
    shop.card(alice)
    shop.go(shop.now + 5 * DAY)
    assert shop.subscription(subscription.id).status == "active"


def test_hard_declines_end_as_other_retries_do(shop, alice):
    subscription = shop.subscribe(alice)
    lose(shop, alice)
    shop.go(DECEMBER + 22 * DAY)
    assert shop.subscription(subscription.id).status == "canceled"
    assert shop.events().count("charge.failed") == 1


def test_the_account_may_pause_after_the_last_retry(shop, alice):
    settings(shop, after_last_retry="pause", retry_days=[1])
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + HOUR + DAY)
    paused = shop.subscription(subscription.id)
    assert (paused.status, paused.status_details.paused.subscription.type) == ("paused", "final_payment_failure")
    assert shop.events()[-1] == "customer.subscription.paused"


def test_a_change_that_cannot_be_charged_makes_the_customer_delinquent(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.card(alice, "pm_card_chargeCustomerFail")
    changed = shop.change(subscription, shop.business, proration_behavior="always_invoice")
    assert shop.v1.customers.retrieve(alice).delinquent is True
    shop.card(alice)
    shop.v1.invoices.pay(changed.latest_invoice.id)
    assert shop.v1.customers.retrieve(alice).delinquent is False


# Ending on a date


def test_an_end_within_the_period_is_credited_and_can_be_taken_back(shop, alice):
    subscription = shop.subscribe(alice)
    sixteenth = at("2026-11-16")
    ending = shop.v1.subscriptions.update(subscription.id, {"cancel_at": sixteenth})
    assert (ending.cancel_at, item_of(ending).current_period_end) == (sixteenth, sixteenth)
    waiting = shop.v1.invoice_items.list({"customer": alice}).data
    assert [item.amount for item in waiting] == [-1450]  # 15 of 30 days
    staying = shop.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert item_of(staying).current_period_end == DECEMBER
    assert shop.renewals(subscription, "2026-12-01") == [2900]  # and both prorations, which even each other out


def test_an_end_within_the_period_gives_the_credit_to_the_balance(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at": at("2026-11-16")})
    shop.go("2026-11-16")
    assert shop.subscription(subscription.id).status == "canceled"
    assert shop.v1.customers.retrieve(alice).balance == -1450


def test_without_proration_an_end_within_the_period_gives_nothing_back(shop, alice):
    subscription = shop.subscribe(alice)
    params = {"cancel_at": at("2026-11-16"), "proration_behavior": "none"}
    shop.v1.subscriptions.update(subscription.id, params)
    shop.go("2026-11-16")
    assert (shop.subscription(subscription.id).status, shop.v1.customers.retrieve(alice).balance) == ("canceled", 0)


def test_the_last_period_is_billed_as_far_as_it_goes(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at": at("2026-12-11")})
    shown = shop.v1.invoices.create_preview({"subscription": subscription.id})
    assert amounts(shown) == [935]  # 10 of December's 31 days: 2900 × 10 / 31 = 935.48
    assert shop.renewals(subscription, "2026-12-01") == [935]
    assert item_of(shop.subscription(subscription.id)).current_period_end == at("2026-12-11")


def test_a_subscription_may_begin_with_its_end(shop, alice):
    subscription = shop.subscribe(alice, cancel_at=at("2026-11-16"))
    assert amounts(subscription.latest_invoice) == [1450]
    shop.go("2026-11-16")
    assert shop.subscription(subscription.id).status == "canceled"


# Items that are billed once


@pytest.fixture
def setup_fee(shop):
    product = shop.v1.products.create({"name": "Setup"}).id
    return shop.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 5000}).id


def test_a_fee_can_come_with_the_first_invoice(shop, alice, setup_fee):
    subscription = shop.subscribe(alice, add_invoice_items=[{"price": setup_fee, "quantity": 2}])
    assert amounts(subscription.latest_invoice) == [10_000, 2900]
    fee = subscription.latest_invoice.lines.data[0]
    assert fee.period.to_dict() == {"start": shop.now, "end": DECEMBER}
    assert shop.renewals(subscription, "2026-12-01") == [2900]


def test_a_fee_during_a_trial_is_charged_at_once(shop, alice, setup_fee):
    trial = shop.subscribe(alice, trial_period_days=7, add_invoice_items=[{"price": setup_fee}])
    assert (trial.status, trial.latest_invoice.amount_paid) == ("trialing", 5000)


def test_a_fee_of_a_change_comes_with_its_invoice_or_with_the_next(shop, alice, setup_fee):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    extra = [{"price": setup_fee, "discounts": [{"coupon": shop.coupon(percent_off=50)}]}]
    now = shop.change(subscription, shop.business, add_invoice_items=extra, proration_behavior="always_invoice")
    # Half of Team back, half of Business asked for, and half of the fee taken off by its own coupon.
    assert sorted(amounts(now.latest_invoice)) == [-1450, 4950, 5000]
    assert now.latest_invoice.total == 6000
    shop.v1.subscriptions.update(subscription.id, {"add_invoice_items": [{"price": setup_fee}]})
    assert shop.renewals(subscription, "2026-12-01") == [14_900]  # 9900 + 5000


def test_the_recurring_preview_leaves_out_what_comes_once(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.invoice_items.create({"customer": alice, "amount": 700, "currency": "usd"})
    shop.go("2026-11-16")
    details = {"items": [{"id": item_of(subscription).id, "price": shop.business, "quantity": 2}]}
    params = {"preview_mode": "recurring", "subscription_details": details}
    shown = shop.v1.invoices.create_preview({"subscription": subscription.id, **params})
    assert amounts(shown) == [19_800]
    new = {"items": [{"price": shop.team}], "trial_end": shop.now + DAY}
    params = {"customer": alice, "preview_mode": "recurring", "subscription_details": new}
    assert amounts(shop.v1.invoices.create_preview(params)) == [2900]
