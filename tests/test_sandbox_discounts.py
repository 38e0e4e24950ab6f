"""Discounts at work, each amount worked out by hand: on lines, invoices, prorations; for once, for months, for ever."""

from __future__ import annotations

import pytest
import stripe

from sandbox import server, store
from sandbox.engine import discounts
from sandbox.engine.calendar import DAY
from shop import DECEMBER, NOVEMBER, amounts, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


def off(invoice):
    """Return what the discounts take off each line."""
    return [[each.amount for each in line.discount_amounts] for line in invoice.lines.data]


def give(shop, customer, coupon):
    """Put a coupon on a customer, as Stripe's dashboard does."""

    def work(call):
        found = store.get(call, "customer", customer), store.get(call, "coupon", coupon)
        return discounts.give_customer(call, *found)

    server.perform(shop.account, work)


# How long


def test_a_coupon_for_once_is_good_for_the_first_invoice(shop, alice):
    before = shop.mark()
    subscription = shop.subscribe(alice, discounts=[{"coupon": shop.coupon(percent_off=12.5)}])
    invoice = subscription.latest_invoice
    # 12.5 % of 2900 is 362.5, rounded half away from zero: 363.
    assert (invoice.subtotal, off(invoice), invoice.total, invoice.amount_paid) == (2900, [[363]], 2537, 2537)
    assert subscription.discounts == []
    assert invoice.discounts == [invoice.total_discount_amounts[0].discount]
    discounted = [event for event in shop.events(before) if event.startswith("customer.discount")]
    assert discounted == ["customer.discount.created", "customer.discount.deleted"]
    assert shop.renewals(subscription, "2026-12-01") == [2900]


def test_a_coupon_for_months_counts_calendar_months_from_its_first_use(shop, alice):
    coupon = shop.coupon(percent_off=50, duration="repeating", duration_in_months=3)
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}], expand=["discounts", "latest_invoice"])
    assert subscription.discounts[0].end == at("2027-02-01")
    assert subscription.latest_invoice.total == 1450
    # November, December and January are halved; February's invoice is made at the moment at which the discount ends.
    assert shop.renewals(subscription, "2026-12-01", "2027-01-01", "2027-02-01") == [1450, 1450, 2900]
    assert shop.subscription(subscription.id).discounts == []
    assert shop.event("customer.discount.deleted").created == at("2027-02-01")


def test_a_coupon_for_ever_does_not_end(shop, alice):
    subscription = shop.subscribe(alice, discounts=[{"coupon": shop.coupon(percent_off=10, duration="forever")}])
    # 10 % of 2900 is 290.
    assert shop.renewals(subscription, "2026-12-01", "2027-11-01") == [2610, 2610]


def test_a_trial_uses_no_coupon_up(shop, alice):
    coupon = shop.coupon(amount_off=900, currency="usd")
    subscription = shop.subscribe(alice, trial_period_days=14, discounts=[{"coupon": coupon}])
    assert (subscription.latest_invoice.total, len(subscription.discounts)) == (0, 1)
    shop.go("2026-11-15T01:00:00")
    first = shop.subscription(subscription.id)
    assert (first.latest_invoice.total, first.discounts) == (2000, [])  # 2900 - 900
    assert shop.renewals(subscription, "2026-12-15") == [2900]


# How much


def test_an_amount_is_spread_over_the_lines_to_the_cent(shop, alice):
    plans = [{"price": shop.plan(name, price)} for name, price in (("A", 1000), ("B", 1000), ("C", 1000))]
    coupon = shop.coupon(amount_off=1000, currency="usd")
    invoice = shop.subscribe(alice, items=plans, discounts=[{"coupon": coupon}]).latest_invoice
    # A third of 1000 each is 333; the cent left over goes to the first.
    assert (off(invoice), invoice.total) == ([[334], [333], [333]], 2000)
    assert [each.amount for each in invoice.total_discount_amounts] == [1000]


def test_a_percentage_is_taken_of_the_whole_and_then_spread(shop, alice):
    plans = [{"price": shop.plan(name, price)} for name, price in (("A", 101), ("B", 101), ("C", 101))]
    invoice = shop.subscribe(alice, items=plans, discounts=[{"coupon": shop.coupon(percent_off=50)}]).latest_invoice
    # Half of 303 is 151.5, so 152: 50.67 a line, of which 50 each and the two cents left over to the first two.
    assert (off(invoice), invoice.total) == ([[51], [51], [50]], 151)


def test_nothing_is_taken_off_below_zero(shop):
    bob = shop.customer(card=None)
    coupon = shop.coupon(amount_off=5000, currency="usd", duration="forever")
    subscription = shop.subscribe(bob, discounts=[{"coupon": coupon}])
    assert (subscription.status, subscription.latest_invoice.total) == ("active", 0)
    assert subscription.latest_invoice.total_discount_amounts[0].amount == 2900
    assert shop.v1.customers.retrieve(bob).balance == 0


def test_discounts_of_items_come_before_those_of_the_subscription(shop, alice):
    half, tenth = shop.coupon(percent_off=50), shop.coupon(percent_off=10)
    items = [{"price": shop.team, "discounts": [{"coupon": half}]}, {"price": shop.business}]
    subscription = shop.subscribe(alice, items=items, discounts=[{"coupon": tenth}])
    invoice = subscription.latest_invoice
    # Team 2900 - 1450; then 10 % of 1450 + 9900 = 11,350 is 1135: 145 off Team, 990 off Business.
    assert (off(invoice), invoice.subtotal, invoice.total) == ([[1450, 145], [990]], 11_350, 10_215)
    assert [len(line.discounts) for line in invoice.lines.data] == [1, 0]
    assert [each.amount for each in invoice.total_discount_amounts] == [1450, 1135]
    assert [item.discounts for item in subscription["items"].data] == [[], []]  # both were for once


def test_two_discounts_follow_each_other(shop, alice):
    fifth = shop.coupon(percent_off=20)
    fixed = shop.coupon(amount_off=320, currency="usd")
    invoice = shop.subscribe(alice, discounts=[{"coupon": fifth}, {"coupon": fixed}]).latest_invoice
    assert (off(invoice), invoice.total) == ([[580, 320]], 2000)  # 20 % of 2900, then 320 of what is left


def test_a_coupon_may_be_confined_to_products(shop, alice):
    product = shop.v1.prices.retrieve(shop.business).product
    coupon = shop.coupon(percent_off=50, applies_to={"products": [product]})
    items = [{"price": shop.team}, {"price": shop.business}]
    invoice = shop.subscribe(alice, items=items, discounts=[{"coupon": coupon}]).latest_invoice
    assert (off(invoice), invoice.total) == ([[], [4950]], 7850)  # 2900 + 9900 / 2


def test_yen_have_no_cents(shop, alice):
    price = shop.plan("Tokyo", 999, currency="jpy")
    invoice = shop.subscribe(alice, price, discounts=[{"coupon": shop.coupon(percent_off=50)}]).latest_invoice
    assert invoice.total == 499  # half of 999 is 499.5, of which 500 are taken off


def test_an_amount_may_be_given_in_several_currencies(shop, alice):
    coupon = shop.coupon(amount_off=500, currency="usd", currency_options={"eur": {"amount_off": 450}})
    price = shop.plan("Paris", 2000, currency="eur")
    assert shop.subscribe(alice, price, discounts=[{"coupon": coupon}]).latest_invoice.total == 1550
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(shop.customer(), shop.plan("London", 2000, currency="gbp"), discounts=[{"coupon": coupon}])
    assert refused.value.param == "discounts[0][coupon]"


# Changing


@pytest.mark.parametrize(
    ("mode", "lines", "discounted"),
    [
        # Half a month is left. Team cost 2900 - 290 = 2610, of which 1305 come back; Business will cost
        # 9900 - 990 = 8910, of which 4455 are asked for.
        ("included", [-1305, 4455], [[0], [0]]),
        ("itemized", [-1450, 4950], [[-145], [495]]),  # the same, spelt out: -1450 + 145, 4950 - 495
    ],
)
def test_prorations_know_of_discounts(shop, alice, mode, lines, discounted):
    flexible = {"type": "flexible", "flexible": {"proration_discounts": mode}}
    coupon = shop.coupon(percent_off=10, duration="forever")
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}], billing_mode=flexible)
    shop.go("2026-11-16")
    invoice = shop.change(subscription, shop.business, proration_behavior="always_invoice").latest_invoice
    assert (amounts(invoice), off(invoice), invoice.total) == (lines, discounted, 3150)
    item = shop.v1.invoice_items.list({"customer": alice}).data[0]
    assert item.net_amount == 4455
    assert [each.amount for each in item.proration_details.discount_amounts] == discounted[1]
    shop.go("2026-11-26")  # 5 of the 15 days are left: a third of 4455 comes back, of Team 2610 × 5 / 30 is asked for
    again = shop.change(subscription, shop.team, proration_behavior="always_invoice").latest_invoice
    assert again.total == 435 - 1485


def test_the_amount_of_a_coupon_is_prorated_with_the_price(shop, alice):
    coupon = shop.coupon(amount_off=900, currency="usd", duration="forever")
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}])
    shop.go("2026-11-16")
    invoice = shop.change(subscription, shop.business, proration_behavior="always_invoice").latest_invoice
    assert amounts(invoice) == [-1000, 4500]  # half of 2900 - 900, half of 9900 - 900
    assert shop.renewals(subscription, "2026-12-01") == [9000]


def test_a_coupon_for_once_is_given_back_as_it_was_taken(shop, alice):
    subscription = shop.subscribe(alice, discounts=[{"coupon": shop.coupon(percent_off=50)}])
    shop.go("2026-11-16")
    invoice = shop.change(subscription, shop.business, proration_behavior="always_invoice").latest_invoice
    assert amounts(invoice) == [-725, 4950]  # half of the 1450 that were paid; the coupon is used up


def test_an_update_replaces_keeps_and_clears_discounts(shop, alice):
    first, second = shop.coupon(percent_off=10, duration="forever"), shop.coupon(percent_off=20, duration="forever")
    subscription = shop.subscribe(alice, discounts=[{"coupon": first}])
    kept = subscription.discounts[0]
    both = [{"discount": kept}, {"coupon": second}]
    before = shop.mark()
    changed = shop.v1.subscriptions.update(subscription.id, {"discounts": both})
    assert (changed.discounts[0], len(changed.discounts)) == (kept, 2)
    assert shop.events(before) == ["customer.discount.created", "customer.subscription.updated"]
    assert shop.renewals(subscription, "2026-12-01") == [2088]  # 2900 - 290 = 2610, less 20 % of that, 522
    before = shop.mark()
    assert shop.v1.subscriptions.update(subscription.id, {"discounts": ""}).discounts == []
    assert shop.events(before) == ["customer.subscription.updated", *["customer.discount.deleted"] * 2]
    assert shop.renewals(subscription, "2027-01-01") == [2900]


def test_an_items_discount_lives_and_goes_with_it(shop, alice):
    coupon = shop.coupon(percent_off=50, duration="forever")
    subscription = shop.subscribe(alice)
    item = item_of(subscription)
    shop.v1.subscription_items.update(item.id, {"discounts": [{"coupon": coupon}]})
    assert shop.renewals(subscription, "2026-12-01") == [1450]
    expanded = shop.v1.subscriptions.retrieve(subscription.id, {"expand": ["items.data.discounts.source.coupon"]})
    discount = item_of(expanded).discounts[0]
    assert (discount.subscription_item, discount.source.coupon.percent_off) == (item.id, 50)
    shop.v1.subscription_items.update(item.id, {"discounts": ""})
    assert shop.renewals(subscription, "2027-01-01") == [2900]


def test_a_pending_update_brings_its_discount_once_it_is_paid(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.card(alice, "pm_card_chargeCustomerFail")
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    coupon = shop.coupon(percent_off=10, duration="forever")
    changed = shop.change(subscription, shop.business, discounts=[{"coupon": coupon}], **pending)
    # Half of Business less 10 %: 4950 - 495 = 4455, less the 1450 of Team that come back.
    assert (changed.latest_invoice.total, changed.discounts, len(changed.pending_update.discounts)) == (3005, [], 1)
    shop.card(alice)
    shop.v1.invoices.pay(changed.latest_invoice.id)
    assert len(shop.subscription(subscription.id).discounts) == 1
    assert shop.renewals(subscription, "2026-12-01") == [8910]


def test_the_discount_of_a_subscription_can_be_deleted(shop, alice):
    coupon = shop.coupon(percent_off=10, duration="forever")
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}])
    deleted = shop.v1.subscriptions.delete_discount(subscription.id)
    assert (deleted.deleted, deleted.id) == (True, subscription.discounts[0])
    assert shop.subscription(subscription.id).discounts == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscriptions.delete_discount(subscription.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


# Customers


def test_invoices_inherit_the_discount_of_the_customer(shop, alice):
    first, second = shop.coupon(percent_off=10, duration="forever"), shop.coupon(percent_off=50, duration="forever")
    give(shop, alice, first)
    assert shop.v1.customers.retrieve(alice).discount.source.coupon == first
    inherits = shop.subscribe(alice)
    assert (inherits.latest_invoice.total, inherits.discounts) == (2610, [])
    assert shop.subscribe(alice, discounts=[{"coupon": second}]).latest_invoice.total == 1450
    refuses = shop.subscribe(alice, discounts="")
    assert refuses.latest_invoice.total == 2900
    shop.v1.invoice_items.create({"customer": alice, "amount": 1000, "currency": "usd"})
    once = {"customer": alice, "pending_invoice_items_behavior": "include"}
    assert shop.v1.invoices.create(once).total == 900
    assert shop.renewals(refuses, "2026-12-01") == [2900]
    give(shop, alice, second)
    assert shop.event("customer.discount.updated").data.previous_attributes["source"]["coupon"] == first
    shop.v1.customers.delete_discount(alice)
    assert shop.v1.customers.retrieve(alice).discount is None
    assert shop.renewals(inherits, "2027-01-01") == [2900]


# Invoices by hand, and previews


def test_an_invoice_and_its_items_can_be_discounted_until_it_is_finalised(shop, alice):
    tenth, half = shop.coupon(percent_off=10), shop.coupon(percent_off=50)
    draft = shop.v1.invoices.create({"customer": alice, "discounts": [{"coupon": tenth}]})
    item = {"customer": alice, "invoice": draft.id, "currency": "usd"}
    shop.v1.invoice_items.create({**item, "amount": 2000, "discounts": [{"coupon": half}]})
    shop.v1.invoice_items.create({**item, "amount": 1000})
    shop.v1.invoice_items.create({**item, "amount": 500, "discountable": False})
    invoice = shop.v1.invoices.retrieve(draft.id)
    # 2000 - 1000, 1000 and 500 make 2500; 10 % of 2000, which can be discounted, is 200.
    assert (invoice.subtotal, invoice.total, sorted(off(invoice))) == (2500, 2300, [[], [100], [1000, 100]])
    assert shop.v1.invoices.update(draft.id, {"discounts": ""}).total == 2500
    assert shop.v1.invoices.finalize_invoice(draft.id).amount_due == 2500


def test_a_preview_shows_what_a_coupon_would_do_and_redeems_nothing(shop, alice):
    coupon = shop.coupon(percent_off=50, duration="forever")
    subscription, before = shop.subscribe(alice), shop.mark()
    params = {"subscription": subscription.id, "discounts": [{"coupon": coupon}]}
    assert shop.v1.invoices.create_preview(params).total == 1450
    shop.go("2026-11-16")
    items = [{"id": item_of(subscription).id, "price": shop.business}]
    details = {"items": items, "proration_behavior": "always_invoice"}
    shown = shop.v1.invoices.create_preview({**params, "subscription_details": details})
    assert amounts(shown) == [-1450, 2475]  # Team was paid in full; Business would be half of 4950
    new = {"customer": alice, "subscription_details": {"items": [{"price": shop.team}]}}
    assert shop.v1.invoices.create_preview({**new, "discounts": [{"coupon": coupon}]}).total == 1450
    assert (shop.v1.coupons.retrieve(coupon).times_redeemed, shop.events(before)) == (0, [])


def test_a_preview_of_a_renewal_knows_when_a_discount_ends(shop, alice):
    coupon = shop.coupon(percent_off=50, duration="repeating", duration_in_months=1)
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}])
    assert shop.v1.invoices.create_preview({"subscription": subscription.id}).total == 2900
    longer = shop.coupon(percent_off=50, duration="repeating", duration_in_months=2)
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": longer}]})
    assert shop.v1.invoices.create_preview({"subscription": subscription.id}).total == 1450
    cleared = {"subscription": subscription.id, "discounts": ""}
    assert shop.v1.invoices.create_preview(cleared).total == 2900


def test_a_deleted_coupon_leaves_its_discounts(shop, alice):
    coupon = shop.coupon(percent_off=50, duration="forever", name="Half")
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}])
    assert shop.v1.coupons.delete(coupon).deleted is True
    assert shop.renewals(subscription, "2026-12-01") == [1450]
    shown = shop.v1.subscriptions.retrieve(subscription.id, {"expand": ["discounts.source.coupon"]})
    assert (shown.discounts[0].source.coupon.name, shown.discounts[0].source.coupon.valid) == ("Half", False)
    with pytest.raises(stripe.InvalidRequestError):
        shop.subscribe(alice, discounts=[{"coupon": coupon}])


def test_a_first_partial_period_is_discounted_by_its_share(shop, alice):
    coupon = shop.coupon(amount_off=900, currency="usd", duration="forever")
    subscription = shop.subscribe(alice, billing_cycle_anchor=NOVEMBER + 15 * DAY, discounts=[{"coupon": coupon}])
    # 15 days of the month of 31 days before 16 November: (2900 - 900) × 15 / 31 = 967.7
    assert (amounts(subscription.latest_invoice), subscription.latest_invoice.total) == ([968], 968)
    assert item_of(subscription).current_period_end < DECEMBER
