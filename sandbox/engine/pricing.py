"""What a quantity of a price costs, and how a line says so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision

# Currencies whose Stripe amounts have other digits than ISO 4217 says (docs.stripe.com/currencies, "special cases").
_STRIPE_DIGITS = {"isk": 2, "ugx": 2, "huf": 2, "twd": 2}
# Below these an invoice is not charged but carried over to the next one (docs.stripe.com/currencies, "minimum").
MINIMUM_CHARGE = {
    "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400,
    "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "sek": 300, "sgd": 50, "usd": 50,
}  # fmt: skip


def rounded(amount: Decimal) -> int:
    """Round to a whole minor unit, halves away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def share(amount: int, part: int, whole: int) -> int:
    """Return `amount` × part ÷ whole in whole minor units, halves away from zero; exact for any size."""
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) * part + whole) // (2 * whole))


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide `amount` in proportion to `weights` (none negative) into whole minor units that add up to it exactly.

    What rounding down leaves over goes to the largest fractions, of equal ones to the first.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    by_fraction = sorted(range(len(weights)), key=lambda n: amount * weights[n] % whole, reverse=True)
    for n in by_fraction[: amount - sum(parts)]:
        parts[n] += 1
    return parts


def cost(price: dict[str, Any], quantity: int | None) -> int:
    """Return what `quantity` of `price` costs for one full period, in minor units.

    Metered prices have no quantity and cost nothing in advance.
    """
    if quantity is None:
        return 0
    if price["billing_scheme"] == "tiered":
        return rounded(_tiered(price, quantity))
    return rounded(_unit(price) * _packages(price, quantity))


def _unit(tier: dict[str, Any], key: str = "unit_amount") -> Decimal:
    decimal = tier.get(f"{key}_decimal")
    return Decimal(decimal if decimal is not None else tier.get(key) or 0)


def _packages(price: dict[str, Any], quantity: int) -> int:
    transform = price.get("transform_quantity")
    if not transform:
        return quantity
    rounding = ROUND_CEILING if transform["round"] == "up" else ROUND_FLOOR
    return int((Decimal(quantity) / transform["divide_by"]).quantize(Decimal(1), rounding))


def _tiered(price: dict[str, Any], quantity: int) -> Decimal:
    """Volume: the tier that holds the quantity prices all of it. Graduated: each tier prices its own slice."""
    total, below = Decimal(0), 0
    for tier in price["tiers"]:
        top = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        if price["tiers_mode"] == "volume":
            if top == quantity:
                return _unit(tier) * quantity + _unit(tier, "flat_amount")
        elif top > below or (quantity == 0 and below == 0):
            total += _unit(tier) * (top - below) + _unit(tier, "flat_amount")
            below = top
    return total


def digits(currency: str) -> int:
    """Return how many decimals Stripe's amounts of the currency have."""
    return _STRIPE_DIGITS.get(currency, get_currency_precision(currency.upper()))


def money(amount: int | Decimal, currency: str, locale: str = "en_US") -> str:
    """Word an amount in minor units for a line description or a page: $29.00, ¥500, KWD 4.500."""
    major = Decimal(amount).scaleb(-digits(currency))
    return format_currency(major, currency.upper(), locale=locale, decimal_quantization=False)


def minimum_charge(currency: str) -> int:
    """Return the smallest amount that Stripe charges in the currency, in minor units."""
    return MINIMUM_CHARGE.get(currency, 1)


def details(price: dict[str, Any]) -> dict[str, Any]:
    """Return the `pricing` hash of a line or invoice item at this price."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def description(price: dict[str, Any], product_name: str, quantity: int | None) -> str:
    """Word a full period's line: 1 × Team (at $29.00 / month)."""
    if price["billing_scheme"] == "tiered" or quantity is None:
        return f"{quantity or 0} × {product_name} ({_every(price['recurring'])})"
    return f"{quantity} × {product_name} (at {money(_unit(price), price['currency'])} / {_every(price['recurring'])})"


def _every(recurring: dict[str, Any]) -> str:
    count, interval = recurring["interval_count"], recurring["interval"]
    return interval if count == 1 else f"every {count} {interval}s"
