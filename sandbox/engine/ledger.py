"""What a subscription's items were asked for, what was given back, and what still waits for an invoice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from sandbox import store
from sandbox.engine import discounts, items, pricing, taxes
from sandbox.engine.calendar import Period
from sandbox.engine.proration import Debit, Draft
from sandbox.kernel import Call, Object, invalid, new_id
from sandbox.resources import prices


def product_name(call: Call, price: Object) -> str:
    """Return the name that lines at this price show."""
    names: dict[str, str] = call.memo.setdefault("product_names", {})
    if price["product"] not in names:
        product = store.find(call, "product", price["product"]) or {}
        names[price["product"]] = str(product.get("name", price["product"]))
    return names[price["product"]]


def open_debits(call: Call, subscription: Object, item: Object) -> list[Debit]:
    """Return what the item was asked for in its current period and has not had back.

    Classic billing mode knows no history: there it is today's price for the whole period.
    """
    if subscription["billing_mode"]["type"] == "classic":
        natural = partial(items.natural_period, subscription, moment=item["current_period_start"])
        return [to_come(call, subscription, natural)[item["id"]]]
    entries = [*_waiting_for(call, item), *_billed(call, item)]
    given_back = {id for entry in entries for id in _credited(entry)} - {None}
    asked = [entry for entry in entries if entry["amount"] > 0]
    return [_as_debit(entry) for entry in asked if not given_back & {entry["id"], _origin(entry)}]


def to_come(call: Call, subscription: Object, period: Callable[[Object], Period]) -> dict[str, Debit]:
    """Return, by item, what a whole period would cost at today's price, less the discounts that hold today.

    A proration is a share of that, so that all the prorations of a period add up to what it would have cost.
    """
    lines = [
        {
            "amount": items.cost(call, item),
            "discount_amounts": [],
            "discountable": True,
            "discounts": item["discounts"],
            "pricing": pricing.details(item["price"]),
        }
        for item in subscription["items"]["data"]
    ]
    invoice = {"currency": subscription["currency"], "discounts": discounts.of_subscription(call, subscription)}
    discounts.apply(call, invoice, lines)
    return {
        item["id"]: Debit(
            amount=line["amount"] - sum(each["amount"] for each in line["discount_amounts"]),
            currency=item["price"]["currency"],
            period=period(item),
            pricing=line["pricing"],
            quantity=item.get("quantity"),
            discounts=tuple(line["discount_amounts"]),
        )
        for item, line in zip(subscription["items"]["data"], lines, strict=True)
    }


def itemizes(subscription: Object) -> bool:
    """Tell whether the subscription's prorations show gross amounts and what discounts take off them."""
    return (subscription["billing_mode"]["flexible"] or {}).get("proration_discounts") == "itemized"


def _as_debit(entry: Object) -> Debit:
    off = _taken_off(entry)
    period = Period(entry["period"]["start"], entry["period"]["end"])
    if entry["object"] == "line_item":
        source = {"invoice": entry["invoice"], "invoice_line_items": [entry["id"]]}
    else:
        source = {"invoice_item": entry["id"]}
    net = entry["amount"] - sum(each["amount"] for each in off)
    return Debit(net, entry["currency"], period, entry["pricing"], entry["quantity"], source, tuple(off))


def _taken_off(entry: Object) -> list[Object]:
    """Return the discounts of a line, or of an invoice item that waits."""
    if entry["object"] == "line_item":
        return list(entry["discount_amounts"])
    return list((entry.get("proration_details") or {}).get("discount_amounts", []))


def _billed(call: Call, item: Object) -> Iterator[Object]:
    """Yield the item's invoice lines of the current period, newest first; a void invoice asks for nothing."""
    recent = {"subscription": item["subscription"], "period__end__gt": item["current_period_start"]}
    for line in store.query(call, "line_item", **recent):
        details = line["parent"]["subscription_item_details"] or {}
        is_items = details.get("subscription_item") == item["id"]
        if is_items and store.get(call, "invoice", line["invoice"])["status"] != "void":
            yield line


def _waiting_for(call: Call, item: Object) -> Iterator[Object]:
    for entry in store.query(call, "invoiceitem", subscription=item["subscription"], parent=None):
        if entry["parent"]["subscription_details"].get("subscription_item") == item["id"]:
            yield entry


def _credited(entry: Object) -> list[str | None]:
    """Return the ids of the lines and invoice items that an entry gives back."""
    if entry["object"] == "line_item":
        details = entry["parent"]["subscription_item_details"]["proration_details"] or {}
        return list((details.get("credited_items") or {}).get("invoice_line_items", []))
    credited = (entry.get("proration_details") or {}).get("credited_items") or {}
    return [
        credited.get("invoice_item"),
        *(credited.get("invoice_line_item_details") or {}).get("invoice_line_items", []),
    ]


def _origin(entry: Object) -> str | None:
    """Return the invoice item that a line came from: a credit may name either."""
    return entry["parent"]["subscription_item_details"]["invoice_item"] if entry["object"] == "line_item" else None


def park(call: Call, customer: str, drafts: list[Draft]) -> list[Draft]:
    """Store drafts as invoice items that wait for an invoice; returns them with their ids."""
    return [replace(draft, invoice_item=invoice_item(call, customer, draft)["id"]) for draft in drafts]


def waiting(call: Call, customer: str, subscription: str | None) -> list[Draft]:
    """Return, oldest first, the invoice items that the subscription's next invoice picks up.

    Items of the customer that name no subscription go along with whichever invoice comes first.
    """
    items = list(store.query(call, "invoiceitem", customer=customer, parent=None))
    return [as_draft(item) for item in reversed(items) if _subscription(item) in (None, subscription)]


def drop_prorations(call: Call, subscription: Object) -> None:
    """Forget the prorations that no invoice has picked up."""
    for item in store.query(call, "invoiceitem", subscription=subscription["id"], parent=None, proration=True):
        store.delete(call, item, "invoiceitem.deleted")


def as_draft(item: Object) -> Draft:
    """Return the line that an invoice item becomes."""
    details = item["parent"]["subscription_details"] if item["parent"] else {}
    prorated = item.get("proration_details") or {}
    return Draft(
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"],
        period=Period(item["period"]["start"], item["period"]["end"]),
        pricing=item["pricing"],
        quantity=item["quantity"],
        item=details.get("subscription_item"),
        proration=item["proration"],
        credited=_line_source(prorated.get("credited_items")),
        invoice_item=item["id"],
        subscription=details.get("subscription"),
        discountable=item["discountable"],
        discounts=tuple(item["discounts"]),
        discount_amounts=tuple(prorated.get("discount_amounts", ())),
        tax_rates=tuple(item["tax_rates"]),
        metadata=item["metadata"],
    )


def add(call: Call, customer: str, given: dict[str, Any], currency: str, subscription: str | None = None) -> Object:
    """Store the invoice item that a request's parameters describe; it waits for the next invoice."""
    draft, id = one_off(call, given, currency, subscription), new_id(call, "ii")
    purchase, owner = (draft.amount, currency), {"customer": customer, "invoice_item": id}
    own = discounts.redeem(call, given.get("discounts"), purchase, **owner)
    taxed = taxes.rates(call, given.get("tax_rates"), "tax_rates")
    return invoice_item(call, customer, replace(draft, discounts=tuple(own), tax_rates=tuple(taxed)), id=id)


def invoice_item(call: Call, customer: str, draft: Draft, **fields: object) -> Object:
    """Store one draft as a pending invoice item; `fields` replace keys of it."""
    parent = None
    if draft.subscription:
        of = {"subscription": draft.subscription} | ({"subscription_item": draft.item} if draft.item else {})
        parent = {"subscription_details": of, "type": "subscription_details"}
    item = {
        "id": new_id(call, "ii"),
        "object": "invoiceitem",
        "amount": draft.amount,
        "currency": draft.currency,
        "customer": customer,
        "customer_account": None,
        "date": call.now,
        "description": draft.description,
        "discountable": draft.discountable,
        "discounts": list(draft.discounts),
        "invoice": None,
        "livemode": False,
        "metadata": draft.metadata,
        "net_amount": _net(draft),
        "parent": parent,
        "period": {"end": draft.period.end, "start": draft.period.start},
        "pricing": draft.pricing,
        "proration": draft.proration,
        "quantity": draft.quantity,
        "quantity_decimal": str(draft.quantity),
        "tax_rates": list(draft.tax_rates),
        "test_clock": call.clock,
    }
    if draft.proration:
        off = list(draft.discount_amounts)
        item["proration_details"] = {"credited_items": _item_source(draft.credited), "discount_amounts": off}
    return store.insert(call, item | fields, "invoiceitem.created")


def _net(draft: Draft) -> int | None:
    """Return `net_amount`: what can still be discounted has none yet."""
    return None if draft.discountable else draft.amount - sum(each["amount"] for each in draft.discount_amounts)


def one_off(call: Call, given: dict[str, Any], currency: str, subscription: str | None = None) -> Draft:
    """Return the line that an invoice item's parameters describe: by amount, by price, or by price_data.

    Raises invalid() where they describe no amount, a recurring price or another currency.
    """
    quantity = given.get("quantity", 1)
    price = _one_time_price(call, given, currency)
    if price:
        amount, details = pricing.cost(price, quantity), pricing.details(price)
    elif "unit_amount_decimal" in given:
        amount = pricing.rounded(Decimal(given["unit_amount_decimal"]) * quantity)
        details = {"type": "price_details", "unit_amount_decimal": given["unit_amount_decimal"]}
    elif "amount" in given:
        amount, details = given["amount"], {"type": "price_details", "unit_amount_decimal": str(given["amount"])}
    else:
        raise invalid("You must pass `amount`, `pricing`, `price_data` or `unit_amount_decimal`.", param="amount")
    period = given.get("period") or {"start": call.now, "end": call.now}
    return Draft(
        amount=amount,
        currency=currency,
        description=given.get("description") or (product_name(call, price) if price else None),
        period=Period(period["start"], period["end"]),
        pricing=details,
        quantity=quantity,
        subscription=subscription,
        discountable=given.get("discountable", amount >= 0),
        metadata=store.merged_metadata({}, given.get("metadata")),
    )


def reprice(call: Call, item: Object, given: dict[str, Any]) -> None:
    """Change the amount of an invoice item as an update's parameters say."""
    if not given.keys() & {"amount", "price_data", "pricing", "quantity", "unit_amount_decimal"}:
        return
    old = {"quantity": item["quantity"], "unit_amount_decimal": item["pricing"]["unit_amount_decimal"]}
    if given.keys() & {"amount"}:
        old.pop("unit_amount_decimal")
    draft = one_off(call, old | given, item["currency"])
    item |= {"amount": draft.amount, "pricing": draft.pricing, "quantity": draft.quantity}
    item["net_amount"] = None if item["discountable"] else draft.amount
    item["quantity_decimal"] = str(draft.quantity)


def _one_time_price(call: Call, given: dict[str, Any], currency: str) -> Object | None:
    if "price_data" in given:
        store.get(call, "product", given["price_data"]["product"], "price_data[product]")
        price = prices.insert(call, given["price_data"])
    elif "price" in given.get("pricing", {}):
        price = store.get(call, "price", given["pricing"]["price"], "pricing[price]")
    else:
        return None
    if price["recurring"]:
        raise invalid(
            "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.",
            param="pricing[price]",
        )
    if price["currency"] != currency:
        raise invalid(f"The price specified is in {price['currency']}, not in {currency}.", param="pricing[price]")
    return price


def _subscription(item: Object) -> str | None:
    return item["parent"]["subscription_details"]["subscription"] if item["parent"] else None


def _item_source(source: Object | None) -> Object | None:
    """Word what is credited as an invoice item does."""
    if source is None:
        return None
    if "invoice_item" in source:
        return source | {"type": "invoice_item"}
    return {"invoice_line_item_details": source, "type": "invoice_line_items"}


def _line_source(credited: Object | None) -> Object | None:
    """Undo `_item_source`."""
    if credited is None:
        return None
    return credited.get("invoice_line_item_details") or {"invoice_item": credited["invoice_item"]}
