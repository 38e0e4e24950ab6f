"""The billing engine's pure half: calendar, pricing and proration, each amount worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.engine import pricing, proration
from sandbox.engine.calendar import Period, boundary, day_of, next_anchor, period_at

MONTHLY = {"interval": "month", "interval_count": 1}
YEARLY = {"interval": "year", "interval_count": 1}
NOVEMBER = Period(1793491200, 1796083200)  # 1 Nov 2026 .. 1 Dec 2026, 30 days = 2,592,000 s


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def days(anchor: str, recurring: dict, count: int) -> list[str]:
    return [day_of(boundary(at(anchor), recurring, n)) for n in range(count)]


def price(amount: int | None, currency: str = "usd", **fields) -> dict:
    decimal = None if amount is None else str(amount)
    base = {"id": "price_x", "billing_scheme": "per_unit", "currency": currency, "product": "prod_x"}
    return base | {"unit_amount": amount, "unit_amount_decimal": decimal, "recurring": MONTHLY} | fields


def item(amount: int, quantity: int = 1) -> dict:
    blank = {"discounts": [], "id": "si_x", "subscription": "sub_x", "tax_rates": []}
    return blank | {"price": price(amount), "quantity": quantity}


def debit(amount: int, period: Period = NOVEMBER, quantity: int = 1) -> proration.Debit:
    source = {"invoice": "in_x", "invoice_line_items": ["il_x"]}
    return proration.Debit(amount, "usd", period, pricing.details(price(amount)), quantity, source)


# Calendar


def test_a_month_from_31_january_ends_on_28_february_and_then_on_31_march():
    assert days("2026-01-31", MONTHLY, 4) == ["31 Jan 2026", "28 Feb 2026", "31 Mar 2026", "30 Apr 2026"]


def test_a_leap_year_february_has_room_for_the_29th():
    assert days("2027-12-31", MONTHLY, 4)[2:] == ["29 Feb 2028", "31 Mar 2028"]


def test_a_year_from_29_february_falls_on_the_28th_until_the_next_leap_year():
    assert days("2024-02-29", YEARLY, 5) == ["29 Feb 2024", "28 Feb 2025", "28 Feb 2026", "28 Feb 2027", "29 Feb 2028"]


def test_a_quarter_keeps_to_the_anchors_day():
    quarterly = {"interval": "month", "interval_count": 3}
    assert days("2026-11-30", quarterly, 3) == ["30 Nov 2026", "28 Feb 2027", "30 May 2027"]


@pytest.mark.parametrize(("interval", "seconds"), [("day", 86_400), ("week", 604_800)])
def test_days_and_weeks_are_exact_seconds_even_where_clocks_change(interval, seconds):
    spring = at("2026-03-28T12:00:00")  # Europe's clocks change on the 29th; UTC's do not
    assert boundary(spring, {"interval": interval, "interval_count": 2}, 3) == spring + 6 * seconds


def test_a_boundary_belongs_to_the_period_that_it_opens():
    anchor = at("2026-01-31T10:00:00")
    assert period_at(anchor, MONTHLY, at("2026-02-28T09:59:59")) == (anchor, at("2026-02-28T10:00:00"))
    assert period_at(anchor, MONTHLY, at("2026-02-28T10:00:00")).start == at("2026-02-28T10:00:00")


def test_periods_reach_back_before_the_anchor():
    assert period_at(at("2026-12-01"), MONTHLY, at("2026-11-20")) == NOVEMBER


@given(
    anchor=st.integers(min_value=0, max_value=4_000_000_000),
    interval=st.sampled_from(["day", "week", "month", "year"]),
    count=st.integers(min_value=1, max_value=12),
    moment=st.integers(min_value=0, max_value=4_000_000_000),
)
def test_every_moment_is_in_exactly_one_period(anchor, interval, count, moment):
    recurring = {"interval": interval, "interval_count": count}
    period = period_at(anchor, recurring, moment)
    assert period.start <= moment < period.end
    assert period_at(anchor, recurring, period.end).start == period.end
    assert period_at(anchor, recurring, period.start - 1).end == period.start


def test_an_anchor_config_names_the_next_such_day():
    assert day_of(next_anchor(at("2026-11-20"), {"day_of_month": 1})) == "01 Dec 2026"
    assert day_of(next_anchor(at("2027-02-10"), {"day_of_month": 31})) == "28 Feb 2027"
    assert day_of(next_anchor(at("2026-11-20"), {"day_of_month": 15, "month": 11})) == "15 Nov 2027"


def test_an_anchor_config_may_name_the_hour():
    assert next_anchor(at("2026-11-20T10:30:00"), {"day_of_month": 20, "hour": 11, "minute": 0}) == at(
        "2026-11-20T11:00:00"
    )


# Pricing


def test_a_quantity_multiplies_the_unit_amount():
    assert pricing.cost(price(2900), 3) == 8700


def test_fractions_of_a_cent_are_rounded_once_at_the_end():
    # 0.25 cents × 3 = 0.75 cents -> 1; rounding each unit first would give 0.
    assert pricing.cost(price(None, unit_amount_decimal="0.25"), 3) == 1


def test_a_metered_price_costs_nothing_in_advance():
    assert pricing.cost(price(100), None) == 0


@pytest.mark.parametrize(("rounding", "cost"), [("up", 3000), ("down", 2000)])
def test_packages_of_ten_round_as_the_price_says(rounding, cost):
    # 25 units in packages of ten are 2.5 packages: 3 or 2, at 10.00 each.
    assert pricing.cost(price(1000, transform_quantity={"divide_by": 10, "round": rounding}), 25) == cost


TIERS = [
    {"up_to": 5, "unit_amount": 1000, "flat_amount": None},
    {"up_to": 10, "unit_amount": 800, "flat_amount": 500},
    {"up_to": None, "unit_amount": 500, "flat_amount": None},
]


@pytest.mark.parametrize(
    ("mode", "quantity", "cost"),
    [
        ("graduated", 5, 5000),  # 5 × 1000
        ("graduated", 6, 6300),  # 5 × 1000 + 1 × 800 + 500
        ("graduated", 12, 10_500),  # 5 × 1000 + 5 × 800 + 500 + 2 × 500
        ("volume", 5, 5000),  # 5 × 1000
        ("volume", 6, 5300),  # 6 × 800 + 500
        ("volume", 12, 6000),  # 12 × 500
    ],
)
def test_tiers(mode, quantity, cost):
    tiered = price(None, billing_scheme="tiered", tiers_mode=mode, tiers=TIERS)
    assert pricing.cost(tiered, quantity) == cost


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [(2900, "usd", "$29.00"), (500, "jpy", "¥500"), (4500, "kwd", "KWD4.500"), (-1050, "eur", "-€10.50")],
)
def test_money_has_the_currencys_own_digits(amount, currency, words):
    assert pricing.money(amount, currency) == words


def test_a_line_says_quantity_name_and_price():
    assert pricing.description(price(2900), "Team", 2) == "2 × Team (at $29.00 / month)"
    quarterly = price(500, "jpy", recurring={"interval": "month", "interval_count": 3})
    assert pricing.description(quarterly, "Kaisha", 1) == "1 × Kaisha (at ¥500 / every 3 months)"


# Proration


def test_half_a_month_of_a_29_dollar_plan_is_worth_14_50():
    # 15 of 30 days are left: 2900 × 1,296,000 / 2,592,000 = 1450.
    (credit,) = proration.credits(item(2900), "Team", [debit(2900)], at("2026-11-16"))
    assert (credit.amount, credit.period) == (-1450, (at("2026-11-16"), NOVEMBER.end))
    assert credit.description == "Unused time on Team after 16 Nov 2026"
    assert credit.credited == {"invoice": "in_x", "invoice_line_items": ["il_x"]}


def test_an_upgrade_is_reckoned_to_the_second():
    # At 20 Nov 11:30:15 there are 908,985 s of 2,592,000 left.
    moment = at("2026-11-20T11:30:15")
    (credit,) = proration.credits(item(2900), "Team", [debit(2900)], moment)
    charge = proration.remainder(item(9900), "Business", debit(9900), NOVEMBER.after(moment))
    assert credit.amount == -1017  # 2900 × 908,985 / 2,592,000 = 1016.997
    assert charge.amount == 3472  # 9900 × 908,985 / 2,592,000 = 3471.817
    assert charge.description == "Remaining time on Business after 20 Nov 2026"


def test_halves_round_away_from_zero_on_both_sides():
    # Half of 25 is 12.5: the credit gives back 13, the charge asks for 13.
    (credit,) = proration.credits(item(25), "Tiny", [debit(25)], at("2026-11-16"))
    assert (
        credit.amount,
        proration.remainder(item(25), "Tiny", debit(25), NOVEMBER.after(at("2026-11-16"))).amount,
    ) == (-13, 13)


def test_a_second_upgrade_credits_what_the_first_one_debited():
    # On the 16th 4950 were asked for 15 days; on the 26th 5 of those 15 days are left: 4950 / 3 = 1650.
    rest = debit(4950, Period(at("2026-11-16"), NOVEMBER.end))
    (credit,) = proration.credits(item(9900), "Business", [rest], at("2026-11-26"))
    assert credit.amount == -1650


def test_a_discounted_debit_gives_back_only_what_was_paid():
    # 50 % off: 1450 were debited for the month; half the month is left, so 725 and not 1450.
    (credit,) = proration.credits(item(2900), "Team", [debit(1450)], at("2026-11-16"))
    assert credit.amount == -725


def test_several_seats_are_named_in_the_line():
    charge = proration.remainder(
        item(2900, quantity=3), "Team", debit(8700, quantity=3), NOVEMBER.after(at("2026-11-16"))
    )
    assert (charge.amount, charge.description) == (4350, "Remaining time on 3 × Team after 16 Nov 2026")  # 8700 / 2


def test_nothing_is_left_to_give_back_at_the_end_of_the_period():
    assert proration.credits(item(2900), "Team", [debit(2900)], NOVEMBER.end) == []


def test_a_free_period_gives_nothing_back():
    assert proration.credits(item(0), "Free", [debit(0)], at("2026-11-16")) == []


def test_at_the_first_second_the_whole_amount_comes_back():
    (credit,) = proration.credits(item(2900), "Team", [debit(2900)], NOVEMBER.start)
    assert credit.amount == -2900


@given(amount=st.integers(0, 10**9), elapsed=st.integers(0, NOVEMBER.length))
def test_changing_to_the_same_price_is_free_to_the_cent(amount, elapsed):
    moment = NOVEMBER.start + elapsed
    credit = sum(d.amount for d in proration.credits(item(amount), "Same", [debit(amount)], moment))
    assert credit + proration.remainder(item(amount), "Same", debit(amount), NOVEMBER.after(moment)).amount == 0


# Spreading


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # 33.33 each: the cent left over goes to the first
        (10, [66, 33, 1], [7, 3, 0]),  # 6.6, 3.3 and 0.1: 6 + 3 + 0, the cent left over goes to 6.6
        (5, [0, 0], [0, 0]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_an_amount_is_split_by_the_largest_remainder(amount, weights, parts):
    assert pricing.split(amount, weights) == parts


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_the_parts_of_a_split_add_up_and_none_outgrows_its_share(amount, weights):
    parts, whole = pricing.split(amount, weights), sum(weights)
    assert sum(parts) == (amount if whole else 0)
    exact = [amount * weight for weight in weights]
    assert all(abs(part * whole - share) < whole for part, share in zip(parts, exact, strict=True) if whole)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), max_size=3), st.integers(0, NOVEMBER.length))
def test_a_proration_is_as_much_itemized_as_included(amount, off, length):
    discounts = tuple({"amount": each, "discount": f"di_{n}"} for n, each in enumerate(off))
    whole = replace(debit(amount), discounts=discounts)
    net, named = whole.part(length, itemized=False)
    gross, spelt_out = whole.part(length, itemized=True)
    assert gross - sum(each["amount"] for each in spelt_out) == net
    assert [each["amount"] for each in named] == [0] * len(off)
