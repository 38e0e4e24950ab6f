"""Prorations to the second: what a change in the middle of a period gives back, and what it asks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine import pricing
from sandbox.engine.calendar import Period, day_of


@dataclass(frozen=True)
class Draft:
    """A line in the making. A preview shows it, a change stores it as an invoice item, an invoice as a line."""

    amount: int
    currency: str
    description: str | None
    period: Period
    pricing: dict[str, Any] | None
    quantity: int | None
    item: str | None = None
    proration: bool = False
    credited: dict[str, Any] | None = None
    invoice_item: str | None = None
    subscription: str | None = None
    discountable: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Debit:
    """What the customer was once asked to pay for an item: a line of an invoice, or a pending invoice item.

    `amount` is net of discounts, in minor units; `source` is what `proration_details.credited_items` will say.
    """

    amount: int
    currency: str
    period: Period
    pricing: dict[str, Any] | None
    quantity: int | None
    source: dict[str, Any] | None


def credits(item: dict[str, Any], name: str, debits: Iterable[Debit], moment: int) -> list[Draft]:
    """Give back the unused part of each debit.

    Flexible billing mode: the credit is a share of what was debited, not of today's price.
    """
    return [
        _credit(item, name, debit, moment) for debit in debits if debit.amount and debit.period.after(moment).length
    ]


def _credit(item: dict[str, Any], name: str, debit: Debit, moment: int) -> Draft:
    unused = debit.period.after(moment)
    return Draft(
        amount=-pricing.share(debit.amount, unused.length, debit.period.length),
        currency=debit.currency,
        description=_words("Unused time on", name, debit.quantity, moment),
        period=unused,
        pricing=debit.pricing,
        quantity=debit.quantity,
        item=item["id"],
        subscription=item["subscription"],
        proration=True,
        credited=debit.source,
    )


def remainder(item: dict[str, Any], name: str, whole: Period, moment: int) -> Draft:
    """Ask for the rest of the period at the item's price and quantity."""
    rest = whole.after(moment)
    full = pricing.cost(item["price"], item.get("quantity"))
    return Draft(
        amount=pricing.share(full, rest.length, whole.length),
        currency=item["price"]["currency"],
        description=_words("Remaining time on", name, item.get("quantity"), moment),
        period=rest,
        pricing=pricing.details(item["price"]),
        quantity=item.get("quantity"),
        item=item["id"],
        subscription=item["subscription"],
        proration=True,
    )


def full_period(item: dict[str, Any], name: str, period: Period) -> Draft:
    """Ask for one whole period of the item, in advance."""
    price, quantity = item["price"], item.get("quantity")
    return Draft(
        amount=pricing.cost(price, quantity),
        currency=price["currency"],
        description=pricing.description(price, name, quantity),
        period=period,
        pricing=pricing.details(price),
        quantity=quantity,
        item=item["id"],
        subscription=item["subscription"],
        discountable=True,
    )


def trial_period(item: dict[str, Any], name: str, period: Period) -> Draft:
    """The zero line of a trial."""
    return Draft(
        amount=0,
        currency=item["price"]["currency"],
        description=f"Trial period for {name}",
        period=period,
        pricing=pricing.details(item["price"]),
        quantity=item.get("quantity"),
        item=item["id"],
        subscription=item["subscription"],
        discountable=True,
    )


def _words(lead: str, name: str, quantity: int | None, moment: int) -> str:
    several = f"{quantity} × " if quantity is not None and quantity != 1 else ""
    return f"{lead} {several}{name} after {day_of(moment)}"
