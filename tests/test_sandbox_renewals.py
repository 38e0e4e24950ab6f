"""What time does to a subscription: renewals, refusals, retries."""

from __future__ import annotations

import pytest

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


def settings(shop, **values):
    shop.account.settings = values
    shop.account.save()


def test_a_renewal_is_drafted_at_the_boundary_and_charged_an_hour_later(shop, alice):
    subscription = shop.subscribe(alice)
    before = shop.mark()
    shop.go(DECEMBER)
    draft = shop.invoices(alice)[0]
    assert (draft.status, draft.billing_reason, draft.automatically_finalizes_at) == (
        "draft",
        "subscription_cycle",
        DECEMBER + HOUR,
    )
    assert (draft.period_start, draft.period_end) == (NOVEMBER, DECEMBER)
    assert draft.lines.data[0].period.to_dict() == {"start": DECEMBER, "end": at("2027-01-01")}
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].status == "paid"
    assert item_of(shop.subscription(subscription.id)).current_period_end == at("2027-01-01")
    assert shop.events(before) == [
        "invoice.upcoming",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_a_year_at_one_jump_is_the_same_year(shop, alice):
    shop.subscribe(alice)
    shop.go("2027-11-01T02:00:00")
    invoices = shop.invoices(alice)
    assert [invoice.amount_paid for invoice in invoices] == [2900] * 13
    assert [invoice.created for invoice in reversed(invoices)][:3] == [NOVEMBER, DECEMBER, at("2027-01-01")]
    numbers = [int(invoice.number.split("-")[1]) for invoice in invoices]
    assert numbers == list(range(13, 0, -1))
    moments = [event.created for event in shop.v1.events.list({"limit": 100}).data]
    assert moments == sorted(moments, reverse=True)
    shop.go(shop.now)
    assert len(shop.invoices(alice)) == 13


def test_a_refused_renewal_is_past_due_and_paid_by_another_card(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    before = shop.mark()
    shop.go(DECEMBER + HOUR)
    late = shop.subscription(subscription.id)
    assert (late.status, late.latest_invoice.status, late.latest_invoice.attempt_count) == ("past_due", "open", 1)
    assert late.latest_invoice.next_payment_attempt == DECEMBER + HOUR + 3 * DAY
    assert shop.v1.customers.retrieve(alice).delinquent is True
    assert shop.events(before)[3:] == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.updated",
        "customer.subscription.updated",
    ]
    shop.card(alice)
    shop.v1.invoices.pay(late.latest_invoice.id)
    assert shop.subscription(subscription.id).status == "active"
    assert shop.v1.customers.retrieve(alice).delinquent is False


def test_a_renewal_that_asks_for_3d_secure_waits_for_the_customer(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_authenticationRequired")
    shop.go(DECEMBER + HOUR)
    late = shop.subscription(subscription.id)
    assert (late.status, shop.events()[-3:-1]) == (
        "past_due",
        ["invoice.payment_action_required", "customer.updated"],
    )
    shop.authenticate(shop.intent(late.latest_invoice))
    assert shop.subscription(subscription.id).status == "active"


RETRIES = [DECEMBER + HOUR + days * DAY for days in (3, 8, 15, 21)]  # 3, then 5, 7 and 6 days later


def test_four_retries_within_three_weeks_and_then_the_end(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(RETRIES[-1] - 1)
    late = shop.subscription(subscription.id)
    assert (late.status, late.latest_invoice.attempt_count) == ("past_due", 4)
    shop.go(RETRIES[-1])
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert (ended.latest_invoice.status, ended.latest_invoice.next_payment_attempt) == ("open", None)
    failures = [event.created for event in shop.v1.events.list({"type": "invoice.payment_failed"}).data]
    assert failures == [*reversed(RETRIES), DECEMBER + HOUR]


@pytest.mark.parametrize(("setting", "status"), [("unpaid", "unpaid"), ("past_due", "past_due")])
def test_the_account_decides_what_follows_the_last_retry(shop, alice, setting, status):
    settings(shop, after_last_retry=setting)
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(RETRIES[-1])
    assert shop.subscription(subscription.id).status == status


def test_an_unpaid_subscription_drafts_invoices_and_charges_none(shop, alice):
    settings(shop, after_last_retry="unpaid")
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go("2027-01-02")
    draft = shop.subscription(subscription.id).latest_invoice
    assert (draft.status, draft.auto_advance) == ("draft", False)


def test_a_good_card_pays_at_the_next_retry(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + 2 * DAY)
    shop.card(alice)
    shop.go(RETRIES[0])
    assert shop.subscription(subscription.id).status == "active"
    assert shop.invoices(alice)[0].attempt_count == 2


def test_without_any_card_the_renewal_fails(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.payment_methods.detach(shop.v1.customers.payment_methods.list(alice).data[0].id)
    shop.go(DECEMBER + HOUR)
    assert shop.subscription(subscription.id).status == "past_due"
    assert "charge.failed" not in shop.events()


def test_collection_can_be_paused(shop, alice):
    subscription = shop.subscribe(alice)
    pause = {"behavior": "void", "resumes_at": DECEMBER + 10 * DAY}
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    shop.go(DECEMBER + HOUR)
    assert [invoice.status for invoice in shop.invoices(alice)] == ["void", "paid"]
    shop.go("2027-01-01T01:00:00")
    assert [invoice.status for invoice in shop.invoices(alice)] == ["paid", "void", "paid"]
    assert shop.subscription(subscription.id).pause_collection is None
