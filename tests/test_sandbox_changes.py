"""Changing a subscription, each amount worked out by hand, with cards that pay and cards that do not."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import HOUR
from shop import DECEMBER, amounts, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


# Changing


def test_an_upgrade_is_billed_to_the_second(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-20T11:30:15")  # 908,985 s of 2,592,000 are left
    upgraded = shop.change(subscription, shop.business, proration_behavior="always_invoice")
    credit, charge = upgraded.latest_invoice.lines.data
    assert credit.amount == -1017  # 2900 × 908,985 / 2,592,000 = 1016.997
    assert charge.amount == 3472  # 9900 × 908,985 / 2,592,000 = 3471.817
    assert (upgraded.latest_invoice.total, upgraded.latest_invoice.status) == (2455, "paid")
    assert credit.description == "Unused time on Team after 20 Nov 2026"
    assert charge.description == "Remaining time on Business after 20 Nov 2026"
    assert item_of(upgraded).current_period_end == DECEMBER
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].total == 9900


def test_a_credit_names_the_line_that_it_gives_back(shop, alice):
    subscription = shop.subscribe(alice)
    first = subscription.latest_invoice
    shop.go("2026-11-16")
    credit, charge = shop.change(
        subscription, shop.business, proration_behavior="always_invoice"
    ).latest_invoice.lines.data
    details = credit.parent.subscription_item_details
    assert details.proration is True
    assert details.proration_details.credited_items.invoice == first.id
    assert details.proration_details.credited_items.invoice_line_items == [first.lines.data[0].id]
    assert charge.parent.subscription_item_details.proration_details.credited_items is None


def test_an_upgrade_tells_of_items_invoice_and_payment(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    before = shop.mark()
    shop.change(subscription, shop.business, proration_behavior="always_invoice")
    assert shop.events(before) == [
        "invoiceitem.created",
        "invoiceitem.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
    ]
    changed = shop.event("customer.subscription.updated").data.previous_attributes
    assert changed["items"].data[0].price.id == shop.team


def test_a_downgrade_is_credited_on_the_next_invoice(shop, alice):
    subscription = shop.subscribe(alice, shop.business)
    shop.go("2026-11-16")
    before = shop.mark()
    changed = shop.change(subscription, shop.team)
    assert shop.events(before) == ["customer.subscription.updated", "invoiceitem.created", "invoiceitem.created"]
    assert changed.latest_invoice.id == subscription.latest_invoice.id
    shop.go(DECEMBER + HOUR)
    renewal = shop.invoices(alice)[0]
    # Half of Business back (9900 / 2), half of Team asked for (2900 / 2), then December's Team.
    assert amounts(renewal) == [-4950, 1450, 2900]
    assert (renewal.total, renewal.amount_due, renewal.status) == (-600, 0, "paid")
    assert shop.v1.customers.retrieve(alice).balance == -600
    shop.go("2027-01-01T01:00:00")
    assert (shop.invoices(alice)[0].amount_paid, shop.v1.customers.retrieve(alice).balance) == (2300, 0)


def test_a_second_upgrade_credits_what_the_first_one_asked_for(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    shop.go("2026-11-26")
    largest = shop.plan("Largest", 30_000)
    changed = shop.change(subscription, largest, proration_behavior="always_invoice")
    # On the 16th: -1450 and 4950. On the 26th 5 of those 15 days are left: 4950 / 3 back, 30,000 × 5 / 30 asked for.
    assert amounts(changed.latest_invoice) == [-1450, 4950, -1650, 5000]
    lines = changed.latest_invoice.lines.data
    credited = lines[2].parent.subscription_item_details.proration_details.credited_items
    assert (credited.invoice, credited.invoice_line_items) == (changed.latest_invoice.id, [lines[1].id])


def test_there_and_back_in_the_same_second_costs_nothing(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    shop.change(subscription, shop.team)
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].total == 2900


def test_without_proration_nothing_is_asked_until_the_renewal(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, proration_behavior="none")
    assert len(shop.invoices(alice)) == 1
    shop.go(DECEMBER + HOUR)
    assert amounts(shop.invoices(alice)[0]) == [9900]


def test_more_seats_are_billed_for_the_rest_of_the_month(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    changed = shop.change(subscription, item={"quantity": 5}, proration_behavior="always_invoice")
    # One seat's half month back, five seats' half month asked for: 5 × 2900 / 2.
    assert amounts(changed.latest_invoice) == [-1450, 7250]
    assert changed.latest_invoice.lines.data[1].description == "Remaining time on 5 × Team after 16 Nov 2026"


def test_from_month_to_year_begins_a_new_cycle_today(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.plan("Team yearly", 29_000, "year"))
    assert amounts(changed.latest_invoice) == [-1450, 29_000]  # billed at once, without always_invoice
    assert (changed.latest_invoice.amount_paid, changed.billing_cycle_anchor) == (27_550, shop.now)
    assert item_of(changed).current_period_end == at("2027-11-16")


def test_from_year_to_month_leaves_credit_for_many_months(shop, alice):
    subscription = shop.subscribe(alice, shop.plan("Team yearly", 36_500, "year"))
    shop.go("2026-11-11")  # 10 of 365 days used
    changed = shop.change(subscription, shop.team)
    assert amounts(changed.latest_invoice) == [-35_500, 2900]
    assert shop.v1.customers.retrieve(alice).balance == -32_600
    shop.go("2026-12-11T01:00:00")
    renewal = shop.invoices(alice)[0]
    assert (renewal.starting_balance, renewal.amount_due, renewal.ending_balance) == (-32_600, 0, -29_700)


def test_the_first_price_that_is_not_free_begins_a_new_cycle(shop, alice):
    subscription = shop.subscribe(alice, shop.plan("Free", 0))
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.team)
    assert (amounts(changed.latest_invoice), changed.billing_cycle_anchor) == ([2900], shop.now)


def test_the_anchor_can_be_moved_to_today(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    params = {"billing_cycle_anchor": {"type": "now"}, "expand": ["latest_invoice"]}
    changed = shop.v1.subscriptions.update(subscription.id, params)
    assert amounts(changed.latest_invoice) == [-1450, 2900]
    assert item_of(changed).current_period_end == at("2026-12-16")


def test_an_item_without_an_id_is_added(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    params = {"items": [{"price": shop.business}], "proration_behavior": "always_invoice", "expand": ["latest_invoice"]}
    changed = shop.v1.subscriptions.update(subscription.id, params)
    assert amounts(changed.latest_invoice) == [4950]  # half of 9900; Team stays as it is
    assert len(changed["items"].data) == 2
    shop.go(DECEMBER + HOUR)
    assert sorted(amounts(shop.invoices(alice)[0])) == [2900, 9900]


def test_a_dropped_item_is_credited(shop, alice):
    subscription = shop.subscribe(alice, items=[{"price": shop.team}, {"price": shop.business}])
    business = next(item for item in subscription["items"].data if item.price.id == shop.business)
    shop.go("2026-11-16")
    params = {"items": [{"id": business.id, "deleted": True}], "proration_behavior": "always_invoice"}
    shop.v1.subscriptions.update(subscription.id, params)
    assert shop.v1.customers.retrieve(alice).balance == -4950  # half of 9900


def test_the_last_item_cannot_be_dropped(shop, alice):
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError, match="at least one"):
        shop.change(subscription, item={"deleted": True})


def test_months_and_years_live_on_one_subscription(shop, alice):
    yearly = shop.plan("Support", 12_000, "year")
    subscription = shop.subscribe(alice, items=[{"price": shop.team}, {"price": yearly}])
    assert subscription.latest_invoice.total == 14_900
    shop.go(DECEMBER + HOUR)
    assert amounts(shop.invoices(alice)[0]) == [2900]
    ends = {item.price.id: item.current_period_end for item in shop.subscription(subscription.id)["items"].data}
    assert ends == {shop.team: at("2027-01-01"), yearly: at("2027-11-01")}


def test_a_proration_date_must_be_in_the_current_period(shop, alice):
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(subscription, shop.business, proration_date=DECEMBER + 1)
    assert refused.value.param == "subscription_proration_date"


def test_classic_billing_credits_todays_price(shop, alice):
    subscription = shop.subscribe(alice, billing_mode={"type": "classic"})
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, proration_behavior="none")
    changed = shop.change(subscription, shop.team, proration_behavior="always_invoice")
    # Business was never asked for, and yet half of it is given back; flexible billing would give back Team's 1450.
    assert amounts(shop.v1.invoices.retrieve(changed.latest_invoice.id)) == [-4950, 1450]


# Changing, with a card that fails


@pytest.fixture
def late(shop, alice):
    """A subscription to Team at half of November, whose customer's new card fails on charge."""
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.card(alice, "pm_card_chargeCustomerFail")
    return subscription


@pytest.mark.parametrize("behavior", ["allow_incomplete", "default_incomplete"])
def test_an_unpaid_upgrade_is_made_and_past_due(shop, alice, late, behavior):
    changed = shop.change(late, shop.business, proration_behavior="always_invoice", payment_behavior=behavior)
    assert (changed.status, changed.latest_invoice.status) == ("past_due", "open")
    assert item_of(changed).price.id == shop.business
    shop.card(alice)
    shop.v1.invoices.pay(changed.latest_invoice.id)
    assert shop.subscription(late.id).status == "active"


def test_error_if_incomplete_keeps_the_old_plan(shop, alice, late):
    before = shop.mark()
    with pytest.raises(stripe.CardError) as refused:
        shop.change(late, shop.business, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")
    assert refused.value.error.decline_code == "generic_decline"
    kept = shop.subscription(late.id)
    assert (kept.status, item_of(kept).price.id, shop.events(before)) == ("active", shop.team, [])
    assert len(shop.invoices(alice)) == 1


PENDING = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}


def test_a_pending_upgrade_waits_for_its_payment(shop, alice, late):
    changed = shop.change(late, shop.business, **PENDING)
    assert (changed.status, item_of(changed).price.id) == ("active", shop.team)
    assert changed.pending_update.subscription_items[0].price.id == shop.business
    assert changed.pending_update.expires_at == shop.now + 23 * HOUR
    assert (changed.latest_invoice.status, changed.latest_invoice.amount_due) == ("open", 3500)  # 4950 - 1450
    assert changed.latest_invoice.next_payment_attempt is None
    assert shop.v1.customers.retrieve(alice).delinquent is False


def test_paying_applies_a_pending_upgrade(shop, alice, late):
    changed = shop.change(late, shop.business, **PENDING)
    before = shop.mark()
    shop.confirm(changed.latest_invoice, shop.card(alice))
    applied = shop.subscription(late.id)
    assert (item_of(applied).price.id, applied.pending_update) == (shop.business, None)
    assert shop.events(before)[-2:] == ["customer.subscription.updated", "customer.subscription.pending_update_applied"]


def test_an_item_that_was_added_pending_is_there_once_it_is_paid(shop, alice, late):
    item = shop.v1.subscription_items.create({"subscription": late.id, "price": shop.business, **PENDING})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.subscription_items.retrieve(item.id)
    shop.card(alice)
    shop.v1.invoices.pay(shop.invoices(alice)[0].id)
    assert shop.v1.subscription_items.retrieve(item.id).price.id == shop.business


def test_a_good_card_applies_the_upgrade_at_once(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.business, **PENDING)
    assert (item_of(changed).price.id, changed.pending_update) == (shop.business, None)
    assert "customer.subscription.pending_update_applied" not in shop.events()


def test_a_pending_upgrade_with_3d_secure_is_applied_after_it(shop, alice, late):
    shop.card(alice, "pm_card_authenticationRequired")
    changed = shop.change(late, shop.business, **PENDING)
    assert item_of(changed).price.id == shop.team
    shop.authenticate(shop.intent(changed.latest_invoice))
    assert item_of(shop.subscription(late.id)).price.id == shop.business


def test_a_pending_upgrade_expires_after_23_hours(shop, late):
    changed = shop.change(late, shop.business, **PENDING)
    shop.go(shop.now + 23 * HOUR)
    kept = shop.subscription(late.id)
    assert (item_of(kept).price.id, kept.pending_update, kept.latest_invoice.status) == (shop.team, None, "void")
    assert kept.latest_invoice.id == changed.latest_invoice.id
    assert "customer.subscription.pending_update_expired" in shop.events()


def test_voiding_the_invoice_drops_the_pending_upgrade(shop, alice, late):
    changed = shop.change(late, shop.business, **PENDING)
    shop.v1.invoices.void_invoice(changed.latest_invoice.id)
    kept = shop.subscription(late.id)
    assert (item_of(kept).price.id, kept.pending_update) == (shop.team, None)
    # What the void invoice gave back was not given: the next upgrade credits Team's 1450 again.
    shop.card(alice)
    again = shop.change(late, shop.business, **PENDING)
    assert amounts(again.latest_invoice) == [-1450, 4950]


def test_a_newer_pending_upgrade_replaces_the_older(shop, late):
    first = shop.change(late, shop.business, **PENDING).latest_invoice
    second = shop.change(late, shop.plan("Largest", 30_000), **PENDING)
    assert shop.v1.invoices.retrieve(first.id).status == "void"
    assert amounts(second.latest_invoice) == [-1450, 15_000]


def test_a_pending_update_takes_no_other_changes(shop, late):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(late, shop.business, **PENDING, description="Ours")
    assert refused.value.param == "description"


def test_an_incomplete_subscription_cannot_change_its_plan(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(subscription, shop.business)
    assert refused.value.param == "items"
    assert shop.v1.subscriptions.update(subscription.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
