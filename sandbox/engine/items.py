"""The items of a subscription: what the parameter `items` makes of them, and their shape."""

from __future__ import annotations

import copy
from typing import Any

from sandbox import store
from sandbox.engine import discounts, pricing, taxes
from sandbox.engine.calendar import Period, period_at
from sandbox.kernel import Call, Object, invalid, new_id
from sandbox.resources import prices

LARGEST = 20


def changed(call: Call, subscription: Object, given: list[dict[str, Any]]) -> list[Object]:
    """Return the items as they will be; those that are not named stay. Only prices and discounts are written.

    An entry with `id` changes or, with `deleted`, drops an item; one without adds another.
    Raises invalid() or missing() as Stripe does, with `param` such as items[0][price].
    """
    items: list[Object] = copy.deepcopy(subscription["items"]["data"])
    for position, entry in enumerate(given):
        param = f"items[{position}]"
        if "id" not in entry:
            currency = subscription["currency"] or (items[0]["price"]["currency"] if items else None)
            items.append(added(call, subscription, currency, entry, param))
            continue
        old = next((item for item in items if item["id"] == entry["id"]), None)
        if old is None:
            raise invalid(
                f"Subscription {subscription['id']} has no item {entry['id']}.",
                param=f"{param}[id]",
                code="resource_missing",
            )
        if entry.get("deleted"):
            items.remove(old)
        else:
            _change(call, subscription, old, entry, param)
    _check(items)
    return items


def added(call: Call, subscription: Object, currency: str | None, entry: dict[str, Any], param: str) -> Object:
    """Return a new item, not stored; its period is still to be set."""
    price = price_of(call, currency, entry, param)
    if price is None:
        raise invalid(f"Missing required param: {param}[price].", param=f"{param}[price]", code="parameter_missing")
    item = {
        "id": new_id(call, "si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": call.now,
        "current_period_end": call.now,
        "current_period_start": call.now,
        "current_trial": None,
        "discounts": [],
        "metadata": store.merged_metadata({}, entry.get("metadata", {})),
        "plan": prices.plan(price),
        "price": price,
        "quantity": entry.get("quantity", 1),
        "subscription": subscription["id"],
        "tax_rates": [],
    }
    if price["recurring"]["usage_type"] == "metered":
        del item["quantity"]
    _discount_and_tax(call, subscription, item, entry, param)
    return item


def _change(call: Call, subscription: Object, item: Object, entry: dict[str, Any], param: str) -> None:
    price = price_of(call, subscription["currency"], entry, param, current=item["price"]["id"])
    if price and price["id"] != item["price"]["id"]:
        item |= {"price": price, "plan": prices.plan(price), "quantity": 1}
    if "quantity" in entry:
        item["quantity"] = entry["quantity"]
    store.update(item, entry, "metadata")
    _discount_and_tax(call, subscription, item, entry, param)


def _discount_and_tax(call: Call, subscription: Object, item: Object, entry: dict[str, Any], param: str) -> None:
    if "discounts" in entry:
        purchase = (cost(call, item), item["price"]["currency"])
        owner = {"customer": subscription["customer"], "subscription_item": item["id"]}
        item["discounts"] = discounts.redeem(call, entry["discounts"], purchase, f"{param}[discounts]", **owner)
    if "tax_rates" in entry:
        item["tax_rates"] = taxes.rates(call, entry["tax_rates"], f"{param}[tax_rates]")


def price_of(call: Call, currency: str | None, entry: dict[str, Any], param: str, current: str = "") -> Object | None:
    """Return the price that an entry names by `price` or `plan`, or describes by `price_data`, or None.

    Raises invalid() for an archived price (unless the item already has it), a one-time one or another currency.
    """
    key = next((key for key in ("price_data", "price", "plan") if key in entry), None)
    if key is None:
        return None
    param = f"{param}[{key}]"
    price = _inline(call, entry[key], param) if key == "price_data" else store.get(call, "price", entry[key], param)
    agreed = price["id"] == current or call.request_id is None  # by the phase of a schedule, before it was archived
    if not price["active"] and not agreed:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param=param)
    if not price["recurring"]:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=param,
        )
    if currency and price["currency"] != currency:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
            f"`{currency}`.",
            param=param,
        )
    return price


def _inline(call: Call, data: dict[str, Any], param: str) -> Object:
    store.get(call, "product", data["product"], f"{param}[product]")
    return prices.insert(call, data)


def _check(items: list[Object]) -> None:
    if not items:
        raise invalid(
            "A subscription must have at least one active plan. To cancel it, delete the subscription.", param="items"
        )
    if len(items) > LARGEST:
        raise invalid(f"A subscription can have at most {LARGEST} items.", param="items")
    ids = [item["price"]["id"] for item in items]
    for id in ids:
        if ids.count(id) > 1:
            raise invalid(f"Cannot add multiple subscription items with the same plan: {id}", param="items")


def with_tiers(call: Call, item: Object) -> Object:
    """Return the item with all that its cost depends on: Stripe shows a price's tiers on demand only."""
    if item["price"]["billing_scheme"] != "tiered":
        return item
    return item | {"price": item["price"] | {"tiers": prices.tiers(call, item["price"])}}


def cost(call: Call, item: Object) -> int:
    """Return what the item costs for one whole period, in minor units."""
    return pricing.cost(with_tiers(call, item)["price"], item.get("quantity"))


def period(item: Object) -> Period:
    """Return the item's current period."""
    return Period(item["current_period_start"], item["current_period_end"])


def natural_period(subscription: Object, item: Object, moment: int) -> Period:
    """Return the whole period that the subscription's anchor gives the item's price at `moment`."""
    config = subscription["billing_cycle_anchor_config"] or {}
    anchor, recurring = subscription["billing_cycle_anchor"], item["price"]["recurring"]
    return period_at(anchor, recurring, moment, config.get("day_of_month"))


def until_canceled(subscription: Object, period: Period) -> Period:
    """Return what there will be of a period: a subscription that ends within it is billed no further."""
    ends = subscription["cancel_at"]
    return Period(period.start, ends) if ends and period.start < ends < period.end else period


def set_period(item: Object, period: Period) -> Object:
    """Return the item moved to a period."""
    return item | {"current_period_start": period.start, "current_period_end": period.end}


def keep(call: Call, subscription: Object) -> None:
    """Let each item be found by its id. The item itself lives in its subscription alone, so it cannot go stale."""
    known = {row["id"]: row for row in store.query(call, "subscription_item", parent=subscription["id"])}
    for item in subscription["items"]["data"]:
        if not known.pop(item["id"], None):
            store.insert(call, {key: item[key] for key in ("id", "object", "created", "subscription")})
    for row in known.values():
        store.delete(call, row)
