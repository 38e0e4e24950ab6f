"""What is charged next, to the cent, from what the mirror holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billing.models import Customer, Subscription
from billing.standing import next_charges

JANUARY, MARCH = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


def customer(balance: int = 0, currency: str = "usd") -> Customer:
    return Customer(id="cus_1", currency=currency, balance=balance, data={})


def item(amount: int | None, quantity: int = 1, end: datetime = JANUARY) -> dict:
    price = {"unit_amount": amount, "transform_quantity": None}
    return {"price": price, "quantity": quantity, "current_period_end": int(end.timestamp()), "discounts": []}


def subscription(
    *items: dict, id: str = "sub_1", end: datetime = JANUARY, status: str = "active", **data
) -> Subscription:
    plain = {"items": {"data": list(items)}, "discounts": [], "automatic_tax": {"enabled": False}}
    return Subscription(id=id, status=status, currency="usd", current_period_end=end, data=plain | data)


@pytest.mark.parametrize(
    ("balance", "amount", "credit"),
    [(0, 2900, 0), (-1000, 1900, 1000), (-2900, 0, 2900), (-9999, 0, 2900), (450, 3350, 0)],
)
def test_credit_is_taken_off_and_debt_is_added(balance, amount, credit):
    (charge,) = next_charges(customer(balance), [subscription(item(2900))]).values()
    assert (charge.amount, charge.credit, charge.exact) == (amount, credit, True)


def test_items_are_multiplied_and_summed():
    (charge,) = next_charges(customer(), [subscription(item(2900, 3), item(500))]).values()
    assert charge.amount == 9200


def test_items_that_renew_later_are_not_in_the_next_charge():
    (charge,) = next_charges(customer(), [subscription(item(2900), item(9900, end=MARCH))]).values()
    assert (charge.amount, charge.date) == (2900, JANUARY)


def test_credit_goes_to_the_plan_that_is_charged_first():
    later = subscription(item(1000, end=MARCH), id="sub_later", end=MARCH)
    sooner = subscription(item(2900), id="sub_sooner")
    charges = next_charges(customer(-3300), [later, sooner])
    assert (charges["sub_sooner"].amount, charges["sub_later"].amount) == (0, 600)


def test_credit_in_another_currency_is_not_touched():
    (charge,) = next_charges(customer(-3300, "eur"), [subscription(item(2900))]).values()
    assert (charge.amount, charge.credit) == (2900, 0)


def test_a_price_by_use_has_no_amount_yet():
    (charge,) = next_charges(customer(-100), [subscription(item(None))]).values()
    assert (charge.amount, charge.credit) == (None, 0)


@pytest.mark.parametrize(
    "data",
    [
        {"discounts": ["di_1"]},
        {"automatic_tax": {"enabled": True}},
        {"default_tax_rates": [{"id": "txr_1"}]},
        {"schedule": "sub_sched_1"},
        {"pending_update": {"expires_at": 1}},
    ],
)
def test_what_only_stripe_can_work_out_makes_it_an_estimate(data):
    (charge,) = next_charges(customer(), [subscription(item(2900), **data)]).values()
    assert not charge.exact


def test_what_will_not_renew_is_not_charged():
    ending = subscription(item(2900))
    ending.cancel_at = JANUARY
    others = [
        subscription(item(2900), id=status, status=status) for status in ("canceled", "paused", "unpaid", "incomplete")
    ]
    assert next_charges(customer(), [ending, *others]) == {}


def test_a_trial_says_that_its_charge_is_the_first():
    (charge,) = next_charges(customer(), [subscription(item(2900), status="trialing")]).values()
    assert charge.after_trial
