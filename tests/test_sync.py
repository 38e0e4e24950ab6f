"""The mirror: what is written, what the fence refuses, and which transitions are announced."""

from __future__ import annotations

import itertools

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction

from billing import payers, signals, sync
from billing.models import Customer, Invoice, PaymentMethod
from sandbox import delivery

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.com", "demo")


@pytest.fixture
def customer(our_stripe, alice) -> Customer:
    at_stripe = our_stripe.v1.customers.create({"email": "alice@example.com", "name": "Alice"})
    return payers.link_customer(alice, at_stripe.id)


def test_it_mirrors_a_customer_with_what_stripe_says(customer):
    assert (customer.email, customer.name, customer.balance) == ("alice@example.com", "Alice", 0)
    assert customer.data["object"] == "customer"


def test_numbers_of_the_fence_only_grow():
    numbers = [sync.next_number() for _ in range(20)]
    assert numbers == sorted(set(numbers))


def test_an_older_read_that_comes_late_is_refused(our_stripe, customer):
    before = our_stripe.v1.customers.retrieve(customer.pk).to_dict(for_json=True)
    early, late = sync.next_number(), sync.next_number()
    after = our_stripe.v1.customers.update(customer.pk, {"name": "Alice B."}).to_dict(for_json=True)
    assert sync.write(after, late)
    assert not sync.write(before, early)
    customer.refresh_from_db()
    assert customer.name == "Alice B."


def test_in_whatever_order_reads_arrive_the_latest_one_stays(our_stripe, customer):
    reads = []
    for name in ("Ann", "Bea", "Cleo"):
        number = sync.next_number()
        reads.append((our_stripe.v1.customers.update(customer.pk, {"name": name}).to_dict(for_json=True), number))
    for order in itertools.permutations(reads):
        Customer.objects.update(fence=0)
        for found, number in order:
            sync.write(found, number)
        customer.refresh_from_db()
        assert customer.name == "Cleo"


def test_an_object_that_stripe_does_not_know_any_more_stays_as_deleted(our_stripe, customer):
    our_stripe.v1.customers.delete(customer.pk)
    sync.reread("customer", customer.pk)
    customer.refresh_from_db()
    assert customer.deleted
    assert customer.email == "alice@example.com"


def test_a_deleted_customer_is_nobodys_customer_any_more(our_stripe, customer, alice):
    our_stripe.v1.customers.delete(customer.pk)
    sync.reread("customer", customer.pk)
    assert payers.customer_of(alice) is None


def test_what_belongs_to_a_customer_we_do_not_know_is_not_kept(our_stripe):
    stranger = our_stripe.v1.customers.create({"email": "stranger@example.com"})
    card = our_stripe.v1.payment_methods.attach("pm_card_visa", {"customer": stranger.id})
    sync.reread("customer", stranger.id)
    sync.reread("payment_method", card.id)
    assert not Customer.objects.exists()
    assert not PaymentMethod.objects.exists()


def test_a_detached_card_stays_as_deleted(our_stripe, customer):
    card = our_stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.pk})
    sync.reread("payment_method", card.id)
    our_stripe.v1.payment_methods.detach(card.id)
    sync.reread("payment_method", card.id)
    assert PaymentMethod.objects.get(pk=card.id).deleted


def test_a_change_of_ours_wants_one_more_read_and_gets_it(customer):
    sync.mark_stale([("customer", customer.pk)])
    assert list(sync.stale()) == [("customer", customer.pk)]
    sync.reread("customer", customer.pk)
    assert list(sync.stale()) == []


def test_a_read_that_began_before_our_change_does_not_count_as_that_one_more(our_stripe, customer):
    found, number = our_stripe.v1.customers.retrieve(customer.pk).to_dict(for_json=True), sync.next_number()
    sync.mark_stale([("customer", customer.pk)])
    sync.write(found, number)
    assert list(sync.stale()) == [("customer", customer.pk)]


def test_text_that_a_database_cannot_hold_is_cleaned(our_stripe, customer):
    found = our_stripe.v1.customers.retrieve(customer.pk).to_dict(for_json=True)
    found["metadata"] = {"note": "nul \x00 and half a pair \ud83d"}
    assert sync.write(found, sync.next_number())
    customer.refresh_from_db()
    assert "\x00" not in customer.data["metadata"]["note"]


def test_stripe_is_never_called_inside_a_transaction(customer):
    with pytest.raises(RuntimeError, match="inside a database transaction"), transaction.atomic():
        sync.reread("customer", customer.pk)


def test_a_paid_invoice_is_announced_once(our_stripe, customer, django_capture_on_commit_callbacks):
    card = our_stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.pk})
    our_stripe.v1.invoice_items.create({"customer": customer.pk, "amount": 500, "currency": "jpy"})
    draft = our_stripe.v1.invoices.create({"customer": customer.pk, "pending_invoice_items_behavior": "include"})
    heard = []
    signals.invoice_paid.connect(
        lambda invoice, **_: heard.append(invoice.amount_paid), weak=False, dispatch_uid="test"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            sync.reread("invoice", draft.id)
            our_stripe.v1.invoices.pay(draft.id, {"payment_method": card.id})
            for _ in range(3):
                sync.reread("invoice", draft.id)
    finally:
        signals.invoice_paid.disconnect(dispatch_uid="test")
    assert heard == [500]
    assert Invoice.objects.get(pk=draft.id).currency == "jpy"


def test_the_command_reads_one_customer_again(our_stripe, customer, capsys):
    our_stripe.v1.customers.update(customer.pk, {"name": "Alice C."})
    call_command("sync_stripe", customer.pk)
    customer.refresh_from_db()
    assert customer.name == "Alice C."


def test_the_command_refuses_a_customer_that_is_nobodys():
    with pytest.raises(CommandError, match="cus_nobodys"):
        call_command("sync_stripe", "cus_nobodys")


def test_a_change_at_stripe_reaches_the_mirror_by_its_event(our_stripe, our_account, customer):
    delivery.ensure_self_endpoint(our_account)
    our_stripe.v1.customers.update(customer.pk, {"name": "Alice D."})
    customer.refresh_from_db()
    assert customer.name == "Alice D."


def test_a_row_is_the_same_however_its_object_was_read(our_stripe, customer):
    our_stripe.v1.invoice_items.create({"customer": customer.pk, "amount": 900, "currency": "usd"})
    draft = our_stripe.v1.invoices.create({"customer": customer.pk, "pending_invoice_items_behavior": "include"})
    opened = our_stripe.v1.invoices.finalize_invoice(draft.id)
    sync.reread("invoice", opened.id)
    plain = Invoice.objects.get().data
    everything = {"expand": ["customer", "confirmation_secret", "payments"]}
    read = our_stripe.v1.invoices.retrieve(opened.id, everything).to_dict(for_json=True)
    sync.write(read, sync.next_number())
    assert Invoice.objects.get().data == plain
    assert "_secret_" not in str(plain)
