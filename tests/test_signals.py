"""Signals: once per real transition, whatever the events do on their way."""

from __future__ import annotations

import itertools

import pytest

from billing import payers, signals
from billing.models import Invoice, Subscription
from billing.webhooks import sweep
from sandbox import clock, delivery

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def heard():
    """What was announced, in words; `heard()` returns it and forgets."""
    words: list[str] = []

    def note(word):
        return lambda **what: words.append(word(**what))

    connected = [
        (signals.subscription_changed, note(lambda subscription, previous, **_: f"{previous} → {subscription.status}")),
        (signals.invoice_paid, note(lambda invoice, **_: f"paid {invoice.amount_paid}")),
        (signals.payment_failed, note(lambda invoice, **_: f"failed {invoice.attempt_count}")),
    ]
    for signal, receiver in connected:
        signal.connect(receiver, weak=False)
    yield words
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def zoe(our_stripe, our_account, django_user_model):
    """A customer with a good card, whose events reach the dashboard."""
    delivery.ensure_self_endpoint(our_account)
    customer = our_stripe.v1.customers.create({"email": "zoe@example.com"})
    card = our_stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    our_stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    return payers.link_customer(django_user_model.objects.create_user("zoe"), customer.id)


@pytest.fixture
def subscribed(our_stripe, zoe):
    price = our_stripe.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Team"},
        }
    )
    return lambda: our_stripe.v1.subscriptions.create({"customer": zoe.pk, "items": [{"price": price.id}]})


def test_a_new_paid_plan_is_announced_once(heard, subscribed, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        subscribed()
    assert sorted(heard) == ["None → active", "paid 2900"]


def test_a_failed_renewal_is_announced_once_per_attempt(
    heard, subscribed, our_stripe, our_account, zoe, django_capture_on_commit_callbacks
):
    subscribed()
    bad = our_stripe.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": zoe.pk})
    our_stripe.v1.customers.update(zoe.pk, {"invoice_settings": {"default_payment_method": bad.id}})
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        clock.advance(our_account, seconds=32 * 86_400)
    assert sorted(heard) == ["active → past_due", "failed 1"]


def test_an_end_decided_and_undone_is_announced_each_time(
    heard, subscribed, our_stripe, django_capture_on_commit_callbacks
):
    subscription = subscribed()
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        our_stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        our_stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert heard == ["active → active", "active → active"]


def test_reading_everything_again_announces_nothing(heard, subscribed, zoe, django_capture_on_commit_callbacks):
    subscribed()
    heard.clear()
    with django_capture_on_commit_callbacks(execute=True):
        payers.link_customer(zoe.payer_type.get_object_for_this_type(pk=zoe.payer_id), zoe.pk)
    assert heard == []


def test_a_receiver_that_fails_stops_neither_the_mirror_nor_the_other_receivers(
    heard, subscribed, django_capture_on_commit_callbacks
):
    def fails(**_):
        raise RuntimeError("mail server away")

    signals.invoice_paid.connect(fails, weak=False)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            subscribed()
    finally:
        signals.invoice_paid.disconnect(fails)
    assert "paid 2900" in heard
    assert Invoice.objects.get().status == "paid"


WORTH_PERMUTING = ("customer.subscription.created", "invoice.created", "invoice.finalized", "invoice.paid")


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(WORTH_PERMUTING)))))
def test_in_any_order_of_its_events_a_new_plan_ends_the_same(
    order, heard, subscribed, our_stripe, our_account, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), delivery.held(our_account) as waiting:
        subscription = subscribed()
        for position in order:
            delivery.deliver(waiting.of_type(WORTH_PERMUTING[position]))
    mirrored = Subscription.objects.get()
    assert (mirrored.pk, mirrored.status) == (subscription.id, "active")
    assert mirrored.data == our_stripe.v1.subscriptions.retrieve(subscription.id).to_dict(for_json=True)
    assert sorted(heard) == ["None → active", "paid 2900"]


def test_an_event_that_comes_late_never_brings_a_cancelled_plan_back(our_stripe, our_account, subscribed):
    with delivery.held(our_account) as waiting:
        subscription = subscribed()
        our_stripe.v1.subscriptions.cancel(subscription.id)
        delivery.deliver(waiting.of_type("customer.subscription.deleted"))
        delivery.deliver(waiting.of_type("customer.subscription.created"))
        assert Subscription.objects.get().status == "canceled"
    assert Subscription.objects.get().status == "canceled"
    assert sweep() == {"events": 0, "objects": 0, "operations": 0}
