"""The demo's people have a past that holds together, and seeding twice changes nothing."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from billing.models import Customer, Invoice
from sandbox import clock, personas, server
from sandbox.engine.calendar import DAY

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NOW = 1_795_177_815  # 20 Nov 2026 12:30:15


@pytest.fixture
def demo(account, stripe_client):
    """Make one persona in a fresh account, as of NOW, and return (its customer, the client)."""
    personas.catalogue(account)

    def make(username: str) -> str:
        with clock.at(account, NOW):
            return personas.make(account, username)

    return make


def subscription_of(client, account, customer):
    with clock.at(account, NOW):
        return client.v1.subscriptions.list({"customer": customer, "status": "all"}).data[0]


def invoices_of(client, account, customer):
    with clock.at(account, NOW):
        return list(client.v1.invoices.list({"customer": customer, "limit": 100}).data)


def test_the_catalogue_has_three_plans_each_monthly_and_yearly(account, stripe_client):
    personas.catalogue(account)
    prices = {price.lookup_key: price.unit_amount for price in stripe_client.v1.prices.list({"limit": 100}).data}
    assert prices == {
        "starter_monthly": 900,
        "starter_yearly": 9000,
        "team_monthly": 2900,
        "team_yearly": 29_000,
        "business_monthly": 9900,
        "business_yearly": 99_000,
        None: prices[None],
    }


def test_yen_and_dinars_are_there_for_tests_but_offered_to_nobody(account, stripe_client):
    personas.catalogue(account)
    hidden = [product for product in stripe_client.v1.products.list().data if product.metadata.to_dict().get("hidden")]
    prices = [stripe_client.v1.prices.list({"product": product.id}).data[0] for product in hidden]
    assert {(price.currency, price.unit_amount, price.lookup_key) for price in prices} == {
        ("jpy", 500, None),
        ("kwd", 4500, None),
    }


def test_alice_has_a_monthly_plan_and_four_paid_invoices(demo, account, stripe_client):
    customer = demo("alice")
    item = subscription_of(stripe_client, account, customer)["items"].data[0]
    assert item.price.lookup_key == "team_monthly"
    assert item.current_period_start < NOW < item.current_period_end
    invoices = invoices_of(stripe_client, account, customer)
    assert [(invoice.status, invoice.amount_paid) for invoice in invoices] == [("paid", 2900)] * 4
    assert [invoice.number[-4:] for invoice in invoices] == ["0004", "0003", "0002", "0001"]
    assert all(invoice.created < NOW - 11 * DAY for invoice in invoices)


def test_bob_has_nothing_at_stripe(demo, account, stripe_client):
    assert demo("bob") is None
    assert stripe_client.v1.customers.list().data == []


def test_carols_card_refused_the_renewal_and_will_be_tried_again(demo, account, stripe_client):
    customer = demo("carol")
    assert subscription_of(stripe_client, account, customer).status == "past_due"
    newest, first = invoices_of(stripe_client, account, customer)
    assert (first.status, newest.status, newest.amount_remaining, newest.attempt_count) == ("paid", "open", 2900, 1)
    assert newest.next_payment_attempt > NOW
    cards = stripe_client.v1.customers.payment_methods.list(customer).data
    assert [card.card.last4 for card in cards] == ["0341"]
    assert stripe_client.v1.customers.retrieve(customer).delinquent is True


def test_daves_trial_ends_in_five_days_and_he_has_no_card(demo, account, stripe_client):
    customer = demo("dave")
    subscription = subscription_of(stripe_client, account, customer)
    assert (subscription.status, subscription.trial_end) == ("trialing", NOW + 5 * DAY)
    assert subscription.pending_setup_intent.startswith("seti_")
    assert stripe_client.v1.customers.payment_methods.list(customer).data == []
    assert [invoice.total for invoice in invoices_of(stripe_client, account, customer)] == [0]


def test_erin_has_forty_invoices_a_yearly_plan_and_one_expired_card(demo, account, stripe_client):
    customer = demo("erin")
    invoices = invoices_of(stripe_client, account, customer)
    assert Counter(invoice.status for invoice in invoices) == {"paid": 40}
    # 290.00 for the year, less what is left of Starter's month: 31 Oct .. 30 Nov are 30 days, 20 of them unused,
    # 900 × 20 / 30 = 600.
    assert [line.amount for line in invoices[0].lines.data] == [-600, 29_000]
    assert invoices[0].total == 28_400
    assert subscription_of(stripe_client, account, customer)["items"].data[0].price.lookup_key == "team_yearly"
    cards = stripe_client.v1.customers.payment_methods.list(customer).data
    assert sorted((card.card.exp_year, card.card.exp_month) < (2026, 11) for card in cards) == [False, False, True]


def test_events_are_dated_at_the_moment_they_tell_of(demo, account, stripe_client):
    demo("alice")
    with clock.at(account, NOW):
        renewals = stripe_client.v1.events.list({"type": "invoice.paid", "limit": 100}).data
    for event in renewals:
        assert event.created == event.data.object.status_transitions.paid_at


def test_the_same_moment_makes_the_same_past(account, make_client):
    twin = server.account_named(f"{account.name}twin")
    totals = []
    for each in (account, twin):
        personas.catalogue(each)
        with clock.at(each, NOW):
            customer = personas.make(each, "carol")
        client = make_client(f"sk_test_{each.name}")
        totals.append([(invoice.created, invoice.total) for invoice in invoices_of(client, each, customer)])
    assert totals[0] == totals[1]


def test_seeding_makes_users_who_own_their_customers():
    call_command("seed_sandbox", verbosity=0)
    users = {user.username: user for user in get_user_model().objects.all()}
    assert users.keys() == {"alice", "bob", "carol", "dave", "erin", "admin"}
    assert all(user.check_password("demo") for user in users.values())
    assert (users["admin"].is_superuser, users["alice"].is_staff) == (True, False)
    owners = set(Customer.objects.values_list("payer_id", flat=True))
    assert owners == {str(users[name].pk) for name in ("alice", "carol", "dave", "erin")}
    assert Invoice.objects.count() == 47  # 4 + 2 + 1 + 40


def test_seeding_again_changes_nothing_and_is_quick(our_stripe):
    call_command("seed_sandbox", verbosity=0)
    before = our_stripe.v1.events.list({"limit": 1}).data[0].id
    started = time.monotonic()
    call_command("seed_sandbox", verbosity=0)
    assert time.monotonic() - started < 1
    assert our_stripe.v1.events.list({"limit": 1}).data[0].id == before


def test_a_reset_gives_everybody_a_fresh_customer(our_stripe):
    call_command("seed_sandbox", verbosity=0)
    alice = get_user_model().objects.get(username="alice")
    old = personas.find(server.account_named(clock.DEMO), "alice")
    call_command("seed_sandbox", reset=True, verbosity=0)
    new = personas.find(server.account_named(clock.DEMO), "alice")
    assert new != old
    assert Customer.objects.get(payer_id=str(alice.pk), deleted=False).pk == new
    assert Customer.objects.get(pk=old).deleted is True
    assert len(our_stripe.v1.customers.list().data) == 4
