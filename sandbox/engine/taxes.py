"""Taxes: what tax rates make of a line, and of the invoice. Worked out after discounts, rounded line by line.

A line that has rates of its own names them in `taxes` from the beginning; any other takes the invoice's defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sandbox import store
from sandbox.engine import pricing
from sandbox.kernel import Call, Object, invalid

MOST = 5  # rates of one line
# Why a rate comes to nothing, by customer.tax_exempt.
_EXEMPT = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


def rates(call: Call, ids: list[str] | None, param: str) -> list[Object]:
    """Return the tax rates that a parameter names; None, from the empty string, names none.

    Raises missing() for one that there is not, and invalid() for an archived one and for more than five.
    """
    found = [store.get(call, "tax_rate", id, f"{param}[{n}]") for n, id in enumerate(ids or [])]
    if len(found) > MOST:
        raise invalid(f"You can apply at most {MOST} tax rates.", param=param)
    for n, rate in enumerate(found):
        if not rate["active"]:
            raise invalid(f"The tax rate {rate['id']} is archived and cannot be applied.", param=f"{param}[{n}]")
    return found


def own(applied: Iterable[Object]) -> list[Object]:
    """Return the `taxes` of a new line with tax rates of its own, not worked out yet."""
    return [_entry(rate, 0, 0, "not_available") for rate in applied]


def apply(call: Call, invoice: Object, lines: list[Object]) -> None:
    """Work out the taxes of every line on what discounts leave of it."""
    for line in lines:
        ids = named(line) or [rate["id"] for rate in invoice["default_tax_rates"]]
        off = sum(each["amount"] for each in line["discount_amounts"])
        line["taxes"] = of(line["amount"] - off, known(call, ids), invoice["customer_tax_exempt"])


def of(amount: int, applied: list[Object], exempt: str | None = None) -> list[Object]:
    """Return the `taxes` of an amount in minor units.

    Of an amount with taxes inside, all the inclusive rates together share what is not the price; exclusive ones come
    on top of the price. Each is rounded to a whole minor unit, halves away from zero.
    """
    if reason := _EXEMPT.get(exempt or ""):
        return [_entry(rate, 0, amount, reason) for rate in applied]
    inside = sum((_percentage(rate) for rate in applied if rate["inclusive"]), Decimal(0))
    share = {rate["id"]: amount * _percentage(rate) / (100 + inside) for rate in applied if rate["inclusive"]}
    price = amount - sum(pricing.rounded(part) for part in share.values())
    parts = [share.get(rate["id"], price * _percentage(rate) / 100) for rate in applied]
    return [
        _entry(rate, pricing.rounded(part), price, "not_available") for rate, part in zip(applied, parts, strict=True)
    ]


def totals(call: Call, lines: list[Object], subtotal: int, total: int) -> Object:
    """Return the keys of an invoice that taxes decide; `total` is what is left of `subtotal` after all discounts."""
    taxes = [each for line in lines for each in line["taxes"]]
    inside = sum(each["amount"] for each in taxes if each["tax_behavior"] == "inclusive")
    on_top = sum(each["amount"] for each in taxes if each["tax_behavior"] == "exclusive")
    return {
        "subtotal_excluding_tax": subtotal - sum(_inside_before_discounts(call, line) for line in lines),
        "total": total + on_top,
        "total_excluding_tax": total - inside,
        "total_taxes": summed(taxes),
    }


def summed(taxes: Iterable[Object]) -> list[Object]:
    """Return taxes added up rate by rate, as `total_taxes` shows them."""
    by_rate: dict[tuple[str, str], Object] = {}
    for each in taxes:
        key = (each["tax_rate_details"]["tax_rate"], each["taxability_reason"])
        sum_ = by_rate.setdefault(key, each | {"amount": 0, "taxable_amount": 0})
        sum_["amount"] += each["amount"]
        sum_["taxable_amount"] += each["taxable_amount"]
    return list(by_rate.values())


def change_defaults(lines: list[Object], before: Iterable[Object]) -> None:
    """Let lines that have the invoice's old default rates forget them, so that they take the new ones."""
    old = [rate["id"] for rate in before]
    for line in lines:
        if named(line) == old:
            line["taxes"] = []


def _inside_before_discounts(call: Call, line: Object) -> int:
    """Return the inclusive taxes of a line as if no discount of its invoice took anything off."""
    if not any(each["tax_behavior"] == "inclusive" and each["amount"] for each in line["taxes"]):
        return 0
    off = sum(each["amount"] for each in line["discount_amounts"] if each["discount"] in line["discounts"])
    taxes = of(line["amount"] - off, known(call, named(line)))
    return sum(each["amount"] for each in taxes if each["tax_behavior"] == "inclusive")


def named(line: Object) -> list[str]:
    """Return the ids of the rates that a line is taxed at."""
    return [each["tax_rate_details"]["tax_rate"] for each in line["taxes"]]


def known(call: Call, ids: list[str]) -> list[Object]:
    """Return the tax rates of these ids, each read once in a call."""
    read = call.memo.setdefault("tax_rates", {})
    for id in ids:
        if id not in read:
            read[id] = store.get(call, "tax_rate", id)
    return [read[id] for id in ids]


def _percentage(rate: Object) -> Decimal:
    return Decimal(str(rate["percentage"]))


def _entry(rate: Object, amount: int, taxable: int, reason: str) -> Object:
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }
