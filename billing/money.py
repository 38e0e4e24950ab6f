"""Amounts in minor units to words a customer reads, for every currency Stripe takes."""

from __future__ import annotations

import copy
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language, to_locale

# docs.stripe.com/currencies: these differ from ISO 4217 and CLDR in places (UGX and ISK take two decimals at Stripe).
ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())


def exponent(currency: str) -> int:
    """Return how many decimals one minor unit of `currency` stands for: JPY 0, USD 2, KWD 3."""
    code = currency.lower()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def to_decimal(amount: int, currency: str) -> Decimal:
    """Return `amount` minor units in major units, exactly: (999, "usd") is 9.99."""
    return Decimal(amount).scaleb(-exponent(currency))


def format_money(amount: int, currency: str, locale: Locale | None = None) -> str:
    """Return `amount` minor units with the symbol of `currency`, in the reader's locale, with all its decimals."""
    locale = locale or current_locale()
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (exponent(currency), exponent(currency))
    formatted: str = pattern.apply(
        to_decimal(amount, currency), locale, currency=currency.upper(), currency_digits=False
    )
    return formatted


def current_locale() -> Locale:
    """Return Babel's locale for the language Django serves this request in."""
    try:
        return Locale.parse(to_locale(get_language() or "en"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
