"""The ways a subscription ends, and the way back."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, amounts, at

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


def test_cancelling_at_period_end_and_changing_ones_mind(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    why = {"feedback": "too_expensive", "comment": "We are three now."}
    params = {"cancel_at_period_end": True, "cancellation_details": why}
    leaving = shop.v1.subscriptions.update(subscription.id, params)
    assert (leaving.status, leaving.cancel_at, leaving.canceled_at) == ("active", DECEMBER, shop.now)
    assert leaving.cancellation_details.to_dict() == {
        "comment": "We are three now.",
        "feedback": "too_expensive",
        "feedback_option": None,
        "reason": "cancellation_requested",
    }
    changed = shop.event("customer.subscription.updated").data.previous_attributes.to_dict()
    assert {key: changed[key] for key in ("cancel_at", "cancel_at_period_end", "canceled_at")} == {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
    }
    staying = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (staying.cancel_at, staying.canceled_at, staying.cancellation_details.reason) == (None, None, None)
    shop.go(DECEMBER + HOUR)
    assert shop.subscription(subscription.id).status == "active"


def test_at_the_end_of_the_period_it_ends_without_another_invoice(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    before = shop.mark()
    shop.go(DECEMBER + DAY)
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", DECEMBER, NOVEMBER)
    assert (shop.events(before), len(shop.invoices(alice))) == (["customer.subscription.deleted"], 1)


def test_prorations_that_wait_are_billed_when_it_ends_at_period_end(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, cancel_at_period_end=True)
    shop.go(DECEMBER)
    assert amounts(shop.invoices(alice)[0]) == [-1450, 4950]


def test_it_can_end_on_a_date(shop, alice):
    subscription = shop.subscribe(alice, cancel_at=at("2026-12-10"))
    shop.go("2026-12-11")
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.ended_at, len(shop.invoices(alice))) == ("canceled", at("2026-12-10"), 2)


def test_the_date_of_its_end_can_be_taken_back(shop, alice):
    subscription = shop.subscribe(alice, cancel_at=at("2026-12-10"))
    staying = shop.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert (staying.cancel_at, staying.canceled_at) == (None, None)
    shop.go("2027-01-02")
    assert shop.subscription(subscription.id).status == "active"


def test_it_can_end_with_its_longest_period(shop, alice):
    items = [{"price": shop.team}, {"price": shop.plan("Support", 12_000, "year")}]
    assert shop.subscribe(alice, items=items, cancel_at="min_period_end").cancel_at == DECEMBER
    assert shop.subscribe(alice, items=items, cancel_at="max_period_end").cancel_at == at("2027-11-01")


def test_voiding_the_first_invoice_ends_an_incomplete_subscription(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    shop.v1.invoices.void_invoice(subscription.latest_invoice.id)
    assert shop.subscription(subscription.id).status == "incomplete_expired"


def test_cancelling_now_gives_nothing_back(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    ended = shop.v1.subscriptions.cancel(subscription.id)
    assert (ended.status, ended.ended_at, ended.cancellation_details.reason) == (
        "canceled",
        shop.now,
        "cancellation_requested",
    )
    assert shop.v1.customers.retrieve(alice).balance == 0


def test_cancelling_now_with_prorate_and_an_invoice_leaves_credit(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    assert amounts(shop.invoices(alice)[0]) == [-1450]
    assert shop.v1.customers.retrieve(alice).balance == -1450


def test_cancelling_now_with_prorate_alone_leaves_the_credit_waiting(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.v1.subscriptions.cancel(subscription.id, {"prorate": True})
    assert [item.amount for item in shop.v1.invoice_items.list({"customer": alice, "pending": True}).data] == [-1450]


def test_cancelling_now_drops_prorations_that_wait(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    shop.v1.subscriptions.cancel(subscription.id)
    assert shop.v1.invoice_items.list({"customer": alice}).data == []


def test_cancelling_stops_the_collection_of_open_invoices(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + HOUR)
    shop.v1.subscriptions.cancel(subscription.id)
    invoice = shop.invoices(alice)[0]
    assert (invoice.status, invoice.auto_advance, invoice.next_payment_attempt) == ("open", False, None)
    shop.go("2027-02-01")
    assert shop.invoices(alice)[0].attempt_count == 1


def test_cancelling_an_incomplete_subscription_voids_its_invoice(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    shop.v1.subscriptions.cancel(subscription.id)
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.latest_invoice.status) == ("canceled", "void")


def test_what_has_ended_stays_ended(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="cancellation_details and metadata"):
        shop.change(subscription, shop.business)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscriptions.cancel(subscription.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    after = shop.v1.subscriptions.update(subscription.id, {"cancellation_details": {"feedback": "unused"}})
    assert after.cancellation_details.feedback == "unused"


def test_deleting_a_customer_ends_their_subscriptions(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.customers.delete(alice)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"
