"""Subscription schedules: phases that begin by themselves, amounts worked out by hand, and how a schedule ends."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, amounts, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
JANUARY, FEBRUARY = at("2027-01-01"), at("2027-02-01")
MONTH = {"interval": "month"}


@pytest.fixture
def alice(shop):
    return shop.customer()


def phase(*prices, **params):
    return {"items": [{"price": price} for price in prices], **params}


def plan(shop, customer, *phases, **params):
    return shop.v1.subscription_schedules.create({"customer": customer, "phases": list(phases), **params})


def take_over(shop, subscription):
    return shop.v1.subscription_schedules.create({"from_subscription": subscription.id})


def schedule_of(shop, schedule):
    return shop.v1.subscription_schedules.retrieve(schedule.id)


@pytest.fixture
def downgrade(shop, alice):
    """Business until December, then Team: a downgrade as it is usually made."""
    subscription = shop.subscribe(alice, shop.business)
    schedule = take_over(shop, subscription)
    phases = [
        phase(shop.business, start_date=NOVEMBER, end_date=DECEMBER),
        phase(shop.team, duration={"interval": "month", "interval_count": 2}),
    ]
    return shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})


# Taking a subscription over


def test_a_schedule_takes_a_subscription_over_as_it_is(shop, alice):
    subscription = shop.subscribe(alice, items=[{"price": shop.team, "quantity": 3}])
    before = shop.mark()
    schedule = take_over(shop, subscription)
    assert (schedule.status, schedule.subscription, schedule.end_behavior) == ("active", subscription.id, "release")
    (only,) = schedule.phases
    assert (only.start_date, only.end_date) == (NOVEMBER, DECEMBER)
    assert [(item.price, item.quantity) for item in only["items"]] == [(shop.team, 3)]
    assert schedule.current_phase.to_dict() == {"start_date": NOVEMBER, "end_date": DECEMBER}
    assert shop.subscription(subscription.id).schedule == schedule.id
    assert shop.events(before) == ["subscription_schedule.created", "customer.subscription.updated"]


def test_a_downgrade_waits_for_the_end_of_the_period(shop, alice, downgrade):
    before = shop.mark()
    shop.go(DECEMBER + HOUR)
    subscription = shop.subscription(downgrade.subscription)
    assert item_of(subscription).price.id == shop.team
    assert (amounts(subscription.latest_invoice), subscription.latest_invoice.status) == ([2900], "paid")
    now = schedule_of(shop, downgrade)
    assert now.current_phase.to_dict() == {"start_date": DECEMBER, "end_date": FEBRUARY}
    happened = shop.events(before)
    assert happened.index("subscription_schedule.updated") < happened.index("invoice.created")


def test_the_preview_of_the_renewal_knows_the_next_phase(shop, downgrade):
    shown = shop.v1.invoices.create_preview({"subscription": downgrade.subscription})
    assert (amounts(shown), shown.created) == ([2900], DECEMBER)
    assert item_of(shop.subscription(downgrade.subscription)).price.id == shop.business


def test_after_its_last_phase_a_schedule_lets_the_subscription_go(shop, downgrade):
    shop.go(FEBRUARY - 7 * DAY)
    assert shop.event("subscription_schedule.expiring").created == FEBRUARY - 7 * DAY
    shop.go(FEBRUARY + HOUR)
    over = schedule_of(shop, downgrade)
    assert (over.status, over.released_at, over.subscription) == ("released", FEBRUARY, None)
    assert over.released_subscription == downgrade.subscription
    subscription = shop.subscription(downgrade.subscription)
    assert (subscription.status, subscription.schedule, subscription.latest_invoice.total) == ("active", None, 2900)
    assert "subscription_schedule.released" in shop.events()


def test_a_schedule_may_end_in_cancellation(shop, downgrade):
    shop.v1.subscription_schedules.update(downgrade.id, {"end_behavior": "cancel"})
    assert shop.subscription(downgrade.subscription).cancel_at == FEBRUARY
    shop.go(FEBRUARY)
    assert shop.subscription(downgrade.subscription).status == "canceled"
    assert (schedule_of(shop, downgrade).status, schedule_of(shop, downgrade).completed_at) == ("completed", FEBRUARY)
    assert "subscription_schedule.completed" in shop.events()


def test_a_yearly_phase_begins_a_new_cycle(shop, alice):
    subscription = shop.subscribe(alice)
    schedule = take_over(shop, subscription)
    yearly = shop.plan("Yearly", 29_000, "year")
    phases = [phase(shop.team, start_date=NOVEMBER, end_date=DECEMBER), phase(yearly, duration={"interval": "year"})]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shop.go(DECEMBER + HOUR)
    changed = shop.subscription(subscription.id)
    assert (amounts(changed.latest_invoice), changed.billing_cycle_anchor) == ([29_000], DECEMBER)
    assert item_of(changed).current_period_end == at("2027-12-01")


def test_a_phase_that_begins_within_a_period_is_prorated(shop, alice):
    subscription = shop.subscribe(alice)
    schedule = take_over(shop, subscription)
    middle = at("2026-11-16")
    bigger = phase(shop.business, end_date=FEBRUARY, proration_behavior="always_invoice")
    phases = [phase(shop.team, start_date=NOVEMBER, end_date=middle), bigger]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shop.go(middle)
    assert amounts(shop.subscription(subscription.id).latest_invoice) == [-1450, 4950]  # half of 2900, half of 9900
    shop.go(DECEMBER + HOUR)
    assert shop.subscription(subscription.id).latest_invoice.total == 9900


def test_items_come_and_go_with_the_phases(shop, alice):
    subscription = shop.subscribe(alice)
    schedule = take_over(shop, subscription)
    both = phase(shop.team, shop.business, duration=MONTH)
    phases = [phase(shop.team, start_date=NOVEMBER, end_date=DECEMBER), both, phase(shop.business, duration=MONTH)]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    team = item_of(subscription).id
    assert shop.renewals(subscription, "2026-12-01") == [12_800]  # 2900 + 9900
    assert team in [item.id for item in shop.subscription(subscription.id)["items"].data]
    assert shop.renewals(subscription, "2027-01-01") == [9900]
    assert item_of(shop.subscription(subscription.id)).price.id == shop.business


def test_a_price_that_was_archived_meanwhile_is_still_agreed_upon(shop, downgrade):
    shop.v1.prices.update(shop.team, {"active": False})
    shop.go(DECEMBER + HOUR)
    assert item_of(shop.subscription(downgrade.subscription)).price.id == shop.team


def test_phases_bring_their_discounts_and_take_them_away(shop, alice):
    half = shop.coupon(percent_off=50, duration="forever")
    subscription = shop.subscribe(alice)
    schedule = take_over(shop, subscription)
    phases = [
        phase(shop.team, start_date=NOVEMBER, end_date=DECEMBER),
        phase(shop.team, duration=MONTH, discounts=[{"coupon": half}], metadata={"offer": "winter"}),
        phase(shop.team, duration=MONTH),
    ]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    assert shop.renewals(subscription, "2026-12-01") == [1450]
    assert shop.subscription(subscription.id).metadata["offer"] == "winter"
    assert shop.renewals(subscription, "2027-01-01") == [2900]


def test_a_coupon_that_is_gone_does_not_hold_a_phase_up(shop, alice):
    gone = shop.coupon(percent_off=50)
    subscription = shop.subscribe(alice)
    schedule = take_over(shop, subscription)
    phases = [
        phase(shop.team, start_date=NOVEMBER, end_date=DECEMBER),
        phase(shop.business, duration=MONTH, discounts=[{"coupon": gone}]),
    ]
    shop.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    shop.v1.coupons.delete(gone)
    assert shop.renewals(subscription, "2026-12-01") == [9900]


# Beginning a subscription


def test_a_schedule_subscribes_now_and_bills_an_hour_later(shop, alice):
    before = shop.mark()
    schedule = plan(shop, alice, phase(shop.team, duration=MONTH), phase(shop.business, duration=MONTH))
    assert schedule.status == "active"
    assert [(each.start_date, each.end_date) for each in schedule.phases] == [(NOVEMBER, DECEMBER), (DECEMBER, JANUARY)]
    subscription = shop.subscription(schedule.subscription)
    assert (subscription.status, subscription.latest_invoice.status) == ("active", "draft")
    assert shop.events(before)[0] == "subscription_schedule.created"
    shop.go(NOVEMBER + HOUR)
    assert shop.subscription(schedule.subscription).latest_invoice.amount_paid == 2900
    assert shop.renewals(subscription, "2026-12-01", "2027-01-01") == [9900, 9900]
    assert schedule_of(shop, schedule).status == "released"


def test_a_schedule_may_start_later(shop, alice):
    schedule = plan(shop, alice, phase(shop.team), start_date=DECEMBER)
    assert (schedule.status, schedule.subscription, schedule.current_phase) == ("not_started", None, None)
    assert schedule.phases[0].end_date == JANUARY  # one interval of its price
    assert [each.id for each in shop.v1.subscription_schedules.list({"scheduled": True}).data] == [schedule.id]
    shop.go(DECEMBER + HOUR)
    started = schedule_of(shop, schedule)
    subscription = shop.subscription(started.subscription)
    assert (started.status, subscription.start_date, subscription.latest_invoice.amount_paid) == (
        "active",
        DECEMBER,
        2900,
    )


def test_a_phase_may_be_a_trial(shop, alice):
    schedule = plan(shop, alice, phase(shop.team, duration=MONTH, trial=True), phase(shop.team, duration=MONTH))
    subscription = shop.subscription(schedule.subscription)
    assert (subscription.status, subscription.trial_end, subscription.latest_invoice.total) == ("trialing", DECEMBER, 0)
    shop.go(DECEMBER + HOUR)
    subscription = shop.subscription(schedule.subscription)
    assert (subscription.status, subscription.latest_invoice.amount_paid) == ("active", 2900)


def test_a_schedule_of_another_currency_than_the_customers_is_aborted(shop, alice):
    schedule = plan(shop, alice, phase(shop.plan("Paris", 2000, currency="eur")), start_date=DECEMBER)
    shop.subscribe(alice)
    shop.go(DECEMBER)
    assert schedule_of(shop, schedule).status == "canceled"
    assert "subscription_schedule.aborted" in shop.events()


# Changing and ending


def test_the_current_phase_changes_at_once(shop, downgrade):
    shop.go("2026-11-16")
    phases = [
        phase(shop.team, start_date=NOVEMBER, end_date=DECEMBER),
        phase(shop.team, duration=MONTH),
    ]
    params = {"phases": phases, "proration_behavior": "always_invoice"}
    shop.v1.subscription_schedules.update(downgrade.id, params)
    assert amounts(shop.subscription(downgrade.subscription).latest_invoice) == [-4950, 1450]


def test_a_phase_can_be_ended_now(shop, downgrade):
    shop.go("2026-11-16")
    phases = [
        phase(shop.business, start_date=NOVEMBER, end_date="now"),
        phase(shop.team, duration=MONTH, proration_behavior="none"),
    ]
    changed = shop.v1.subscription_schedules.update(downgrade.id, {"phases": phases})
    assert changed.current_phase.start_date == shop.now
    assert item_of(shop.subscription(downgrade.subscription)).price.id == shop.team


def test_what_changes_on_the_subscription_changes_the_phase(shop, downgrade):
    subscription = shop.subscription(downgrade.subscription)
    shop.change(subscription, item={"quantity": 4}, proration_behavior="none")
    first, second = schedule_of(shop, downgrade).phases
    assert (first["items"][0].quantity, second["items"][0].quantity) == (4, 1)


@pytest.mark.parametrize("params", [{"cancel_at_period_end": True}, {"cancel_at": JANUARY}])
def test_its_subscription_cannot_be_told_to_end(shop, downgrade, params):
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        shop.v1.subscriptions.update(downgrade.subscription, params)


def test_releasing_lets_the_subscription_go_on(shop, downgrade):
    shop.v1.subscription_schedules.update(downgrade.id, {"end_behavior": "cancel"})
    before = shop.mark()
    released = shop.v1.subscription_schedules.release(downgrade.id)
    assert (released.status, released.released_subscription) == ("released", downgrade.subscription)
    subscription = shop.subscription(downgrade.subscription)
    assert (subscription.schedule, subscription.cancel_at) == (None, None)
    assert shop.events(before) == ["subscription_schedule.released", "customer.subscription.updated"]
    assert shop.renewals(subscription, "2026-12-01") == [9900]


def test_releasing_may_keep_the_end(shop, downgrade):
    shop.v1.subscription_schedules.update(downgrade.id, {"end_behavior": "cancel"})
    shop.v1.subscription_schedules.release(downgrade.id, {"preserve_cancel_date": True})
    assert shop.subscription(downgrade.subscription).cancel_at == FEBRUARY


def test_cancelling_cancels_the_subscription_with_a_credit(shop, alice, downgrade):
    shop.go("2026-11-16")
    canceled = shop.v1.subscription_schedules.cancel(downgrade.id)
    assert (canceled.status, canceled.canceled_at) == ("canceled", shop.now)
    assert shop.subscription(downgrade.subscription).status == "canceled"
    assert shop.v1.customers.retrieve(alice).balance == -4950  # half of Business
    with pytest.raises(stripe.InvalidRequestError, match="currently in the `canceled` status"):
        shop.v1.subscription_schedules.update(downgrade.id, {"end_behavior": "release"})


def test_cancelling_what_has_not_started_costs_nothing(shop, alice):
    schedule = plan(shop, alice, phase(shop.team), start_date=DECEMBER)
    assert shop.v1.subscription_schedules.cancel(schedule.id).status == "canceled"
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice) == []


def test_a_schedule_ends_with_its_subscription(shop, downgrade):
    shop.v1.subscriptions.cancel(downgrade.subscription)
    assert schedule_of(shop, downgrade).status == "canceled"
    assert "subscription_schedule.canceled" in shop.events()


def test_a_schedule_is_aborted_where_nobody_pays(shop, alice, downgrade):
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + 22 * DAY)
    assert (shop.subscription(downgrade.subscription).status, schedule_of(shop, downgrade).status) == (
        "canceled",
        "canceled",
    )
    assert "subscription_schedule.aborted" in shop.events()


# Wrong ways


def test_it_refuses_phases_that_do_not_fit(shop, alice):
    wrong = [
        ([phase(shop.team), phase(shop.team)], "phases[0][end_date]"),
        ([phase(shop.team, end_date=NOVEMBER)], "phases[0][end_date]"),
        ([phase(shop.team, end_date=JANUARY, duration=MONTH)], "phases[0][end_date]"),
        ([phase(shop.team, end_date=DECEMBER), phase(shop.team, start_date=JANUARY)], "phases[1][start_date]"),
        ([phase(shop.team, trial_end=FEBRUARY, end_date=DECEMBER)], "phases[trial_end]"),
        ([phase("price_no")], "phases[0][items][0][price]"),
        ([{"items": [{"quantity": 1}]}], "phases[0][items][0][price]"),
        ([], "phases"),
    ]
    for phases, param in wrong:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            plan(shop, alice, *phases)
        assert refused.value.param == param


def test_it_takes_over_alone_and_once(shop, alice):
    subscription = shop.subscribe(alice)
    for more in ({"end_behavior": "cancel"}, {"phases": [phase(shop.team)]}):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.subscription_schedules.create({"from_subscription": subscription.id, **more})
    schedule = take_over(shop, subscription)
    with pytest.raises(stripe.InvalidRequestError, match=schedule.id):
        take_over(shop, subscription)
    moved = [phase(shop.team, start_date=NOVEMBER + DAY, end_date=DECEMBER)]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscription_schedules.update(schedule.id, {"phases": moved})
    assert refused.value.param == "phases[0][start_date]"
