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
    discounts: tuple[str, ...] = ()  # of the line itself; those of its invoice come on top
    discount_amounts: tuple[dict[str, Any], ...] = ()  # of a proration: settled when it was made
    tax_rates: tuple[dict[str, Any], ...] = ()  # of the line itself: they go before those of its invoice
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Debit:
    """What the customer is asked to pay for a period of an item: a line, a pending invoice item, or a price to come.

    `amount` is net of `discounts` ({amount, discount} each), in minor units; `source` is what
    `proration_details.credited_items` will say of it.
    """

    amount: int
    currency: str
    period: Period
    pricing: dict[str, Any] | None
    quantity: int | None
    source: dict[str, Any] | None = None
    discounts: tuple[dict[str, Any], ...] = ()

    def part(self, length: int, *, itemized: bool, sign: int = 1) -> tuple[int, tuple[dict[str, Any], ...]]:
        """Return amount and discount_amounts of a proration over `length` seconds of the period.

        With proration_discounts=itemized the amount is gross and the discounts are spelt out; otherwise (`included`)
        it is net, and each discount is named with an amount of 0. What is left to pay is the same.
        """
        off = [each["amount"] for each in self.discounts]
        net = pricing.share(self.amount, length, self.period.length)
        gross = pricing.share(self.amount + sum(off), length, self.period.length)
        parts = pricing.split(gross - net, off) if itemized else [0] * len(off)
        amounts = tuple(
            {"amount": sign * part, "discount": each["discount"]}
            for part, each in zip(parts, self.discounts, strict=True)
        )
        return sign * (gross if itemized else net), amounts


def credits(
    item: dict[str, Any], name: str, debits: Iterable[Debit], moment: int, *, itemized: bool = False
) -> list[Draft]:
    """Give back the unused part of each debit.

    Flexible billing mode: the credit is a share of what was debited, not of today's price.
    """
    return [
        _credit(item, name, debit, moment, itemized)
        for debit in debits
        if debit.amount and debit.period.after(moment).length
    ]


def _credit(item: dict[str, Any], name: str, debit: Debit, moment: int, itemized: bool) -> Draft:
    unused = debit.period.after(moment)
    amount, off = debit.part(unused.length, itemized=itemized, sign=-1)
    return Draft(
        amount=amount,
        currency=debit.currency,
        description=_words("Unused time on", name, debit.quantity, moment),
        period=unused,
        pricing=debit.pricing,
        quantity=debit.quantity,
        item=item["id"],
        subscription=item["subscription"],
        proration=True,
        credited=debit.source,
        discounts=tuple(item["discounts"]),
        tax_rates=tuple(item["tax_rates"]),
        discount_amounts=off,
    )


def remainder(item: dict[str, Any], name: str, debit: Debit, part: Period, *, itemized: bool = False) -> Draft:
    """Ask for a part of a period of the item, of which `debit` says what the whole would be."""
    amount, off = debit.part(part.length, itemized=itemized)
    return Draft(
        amount=amount,
        currency=debit.currency,
        description=_words("Remaining time on", name, item.get("quantity"), part.start),
        period=part,
        pricing=debit.pricing,
        quantity=debit.quantity,
        item=item["id"],
        subscription=item["subscription"],
        proration=True,
        discounts=tuple(item["discounts"]),
        tax_rates=tuple(item["tax_rates"]),
        discount_amounts=off,
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
        discounts=tuple(item["discounts"]),
        tax_rates=tuple(item["tax_rates"]),
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
        discounts=tuple(item["discounts"]),
        tax_rates=tuple(item["tax_rates"]),
    )


def _words(lead: str, name: str, quantity: int | None, moment: int) -> str:
    several = f"{quantity} × " if quantity is not None and quantity != 1 else ""
    return f"{lead} {several}{name} after {day_of(moment)}"
