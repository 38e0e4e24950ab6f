"""Amounts in words, for every currency Stripe takes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel import Locale
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from billing import money

CURRENCIES = ["usd", "eur", "jpy", "kwd", "isk", "ugx", "huf", "clp", "bhd", "rsd"]


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (500, "jpy", "¥500"),
        (999, "usd", "$9.99"),
        (1000, "usd", "$10.00"),
        (1_500, "kwd", "KWD1.500"),
        (1_234_567_89, "eur", "€1,234,567.89"),
        (-900, "usd", "-$9.00"),
        (0, "gbp", "£0.00"),
        (5, "usd", "$0.05"),
        (1050, "rsd", "RSD10.50"),  # CLDR would round the dinar to whole ones; Stripe charges the half
        (500_000, "isk", "ISK5,000.00"),
    ],
)
def test_it_shows_an_amount_to_the_minor_unit(amount, currency, shown):
    assert money.format_money(amount, currency, Locale("en")) == shown


def test_it_follows_the_readers_language():
    with translation.override("de"):
        assert money.format_money(123_456, "eur") == "1.234,56\xa0€"


def test_it_falls_back_to_english_for_a_language_babel_does_not_know():
    with translation.override("tlh"):
        assert money.format_money(999, "usd") == "$9.99"


@given(st.integers(min_value=-(2**62), max_value=2**62), st.sampled_from(CURRENCIES))
def test_no_cent_is_lost_on_the_way_to_major_units(amount, currency):
    assert money.to_decimal(amount, currency) * Decimal(10) ** money.exponent(currency) == amount
