"""Prices: how much of which currency, once or again and again. Amounts never change; a new amount is a new price."""

from __future__ import annotations

import itertools
from decimal import Decimal as Number
from typing import Any

from sandbox import events, store
from sandbox.kernel import Call, Object, expandable, invalid, new_id, refers, route
from sandbox.params import (
    Decimal,
    Integer,
    MapOf,
    String,
    amount,
    boolean,
    clearable,
    currency,
    decimal,
    either,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
)

refers("price", {"product": "product"})

_INTERVALS = ("day", "month", "week", "year")
_LONGEST = {"day": 1095, "month": 36, "week": 156, "year": 3}  # three years
_BEHAVIOR = enum("exclusive", "inclusive", "unspecified")
_CUSTOM = {"enabled": required(boolean), "maximum": amount, "minimum": amount, "preset": amount}
_TIER = {
    "flat_amount": amount,
    "flat_amount_decimal": decimal,
    "unit_amount": amount,
    "unit_amount_decimal": decimal,
    "up_to": required(either("inf", Integer(1))),
}
_OPTIONS = MapOf(
    {
        "custom_unit_amount": _CUSTOM,
        "tax_behavior": _BEHAVIOR,
        "tiers": [_TIER],
        "unit_amount": amount,
        "unit_amount_decimal": Decimal(),
    }
)
_RECURRING = {
    "interval": required(enum(*_INTERVALS)),
    "interval_count": Integer(1),
    "meter": not_emulated,
    "trial_period_days": Integer(1, 730),
    "usage_type": enum("licensed", "metered"),
}
# What describes a price inside another request: `default_price_data` of a product.
INLINE = {
    "currency": required(currency),
    "currency_options": _OPTIONS,
    "custom_unit_amount": _CUSTOM,
    "metadata": metadata,
    "recurring": _RECURRING,
    "tax_behavior": _BEHAVIOR,
    "unit_amount": amount,
    "unit_amount_decimal": Decimal(),
}
# What describes a one-off price of an existing product: `price_data` of items.
DATA = {
    "currency": required(currency),
    "product": required(string),
    "recurring": _RECURRING,
    "tax_behavior": _BEHAVIOR,
    "unit_amount": amount,
    "unit_amount_decimal": Decimal(),
}
_PRODUCT_DATA = {
    "active": boolean,
    "id": string,
    "metadata": metadata,
    "name": required(string),
    "statement_descriptor": String(22),
    "tax_code": string,
    "tax_details": {"performance_location": string, "tax_code": clearable(string)},
    "unit_label": String(12),
}


@route(
    "POST",
    "/v1/prices",
    {
        **INLINE,
        "active": boolean,
        "billing_scheme": enum("per_unit", "tiered"),
        "lookup_key": String(200),
        "nickname": string,
        "product": string,
        "product_data": _PRODUCT_DATA,
        "tiers": [_TIER],
        "tiers_mode": enum("graduated", "volume"),
        "transfer_lookup_key": boolean,
        "transform_quantity": {"divide_by": required(Integer(1)), "round": required(enum("down", "up"))},
    },
)
def create(call: Call) -> Object:
    """Create a price of an existing product, or of a new one that `product_data` describes."""
    from sandbox.resources import products

    given = call.params
    if ("product" in given) == ("product_data" in given):
        raise invalid("You must specify either `product` or `product_data` when creating a price.", param="product")
    if "product" in given:
        store.get(call, "product", given["product"], "product")
    else:
        given["product"] = products.insert(call, given["product_data"])["id"]
    return insert(call, given)


@route(
    "GET",
    "/v1/prices",
    listing(
        active=boolean,
        currency=currency,
        lookup_keys=[string],
        product=string,
        recurring={"interval": enum(*_INTERVALS), "meter": not_emulated, "usage_type": enum("licensed", "metered")},
        type=enum("one_time", "recurring"),
    ),
)
def list_all(call: Call) -> Object:
    """List prices."""
    given = call.params
    lookup_keys = given.get("lookup_keys")
    if lookup_keys is not None and len(lookup_keys) > 10:
        raise invalid("You may only specify up to 10 lookup_keys.", param="lookup_keys")
    recurring = {f"recurring__{key}": value for key, value in given.get("recurring", {}).items()}
    plain = {key: given[key] for key in ("active", "currency", "type") if key in given}
    product = given.get("product")
    return store.page(call, "price", "/v1/prices", parent=product, lookup_key=lookup_keys, **plain, **recurring)


@route("GET", "/v1/prices/{price}")
def retrieve(call: Call, price: str) -> Object:
    """Return a price."""
    return store.get(call, "price", price, "price")


@route(
    "POST",
    "/v1/prices/{price}",
    {
        "active": boolean,
        "currency_options": clearable(_OPTIONS),
        "lookup_key": clearable(String(200)),
        "metadata": metadata,
        "nickname": clearable(string),
        "tax_behavior": _BEHAVIOR,
        "transfer_lookup_key": boolean,
    },
)
def update(call: Call, price: str) -> Object:
    """Change what may change of a price: not its amount."""
    obj, given = store.get(call, "price", price, "price"), call.params
    if given.get("tax_behavior", obj["tax_behavior"]) != obj["tax_behavior"] != "unspecified":
        raise invalid("You cannot change the tax_behavior of a price once it is set.", param="tax_behavior")
    if given.get("active") is False and store.count(call, "product", default_price=obj["id"]):
        raise invalid("This price cannot be archived because it is the default price of its product.", param="active")
    if lookup_key := given.get("lookup_key"):
        _free(call, lookup_key, obj["id"], given.get("transfer_lookup_key", False))
    store.update(obj, given, "active", "lookup_key", "metadata", "nickname", "tax_behavior")
    if "currency_options" in given:
        known = store.private(call, obj)["currency_options"]
        own = {obj["currency"]: known[obj["currency"]]}
        store.set_private(call, obj, currency_options={**known, **_options(given["currency_options"] or {}), **own})
    store.save(call, obj, "price.updated")
    return obj


@expandable("price", "tiers")
def tiers(call: Call, price: Object) -> list[Object] | None:
    """Return the tiers of a tiered price; Stripe shows them on demand only."""
    found: list[Object] | None = store.private(call, price)["tiers"]
    return found


@expandable("price", "currency_options")
def currency_options(call: Call, price: Object) -> Object:
    """Return the amounts in every currency of the price, its own included."""
    found: Object = store.private(call, price)["currency_options"]
    return found


def insert(call: Call, given: Object) -> Object:
    """Store the price that `given` describes; a recurring one is also announced as a plan, as Stripe still does."""
    _check(given)
    if lookup_key := given.get("lookup_key"):
        _free(call, lookup_key, None, given.get("transfer_lookup_key", False))
    price = {
        "id": new_id(call, "price"),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": given.get("billing_scheme", "per_unit"),
        "created": call.now,
        "currency": given["currency"],
        "custom_unit_amount": _custom(given.get("custom_unit_amount")),
        "livemode": False,
        "lookup_key": given.get("lookup_key"),
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "nickname": given.get("nickname"),
        "product": given["product"],
        "recurring": _recurring(given.get("recurring")),
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": given.get("tiers_mode"),
        "transform_quantity": given.get("transform_quantity"),
        "type": "recurring" if given.get("recurring") else "one_time",
        **_amounts(given),
    }
    tiers = [_tier(tier) for tier in given["tiers"]] if "tiers" in given else None
    own = {"custom_unit_amount": None, "tax_behavior": price["tax_behavior"], **_amounts(given)}
    options = {**_options(given.get("currency_options", {})), price["currency"]: own}
    store.insert(call, price, "price.created", tiers=tiers, currency_options=options)
    if price["recurring"]:
        events.emit(call, "plan.created", plan(price))
    return price


def plan(price: Object) -> Object:
    """Return the legacy twin of a recurring price, as it stands in `subscription_item.plan`."""
    copied = (
        "active", "billing_scheme", "created", "currency", "livemode", "metadata", "nickname", "product", "tiers_mode",
    )  # fmt: skip
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        **{key: price[key] for key in copied},
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "meter": recurring["meter"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def _check(given: Object) -> None:
    """Raise where the parameters describe no amount, or two, or what cannot be together."""
    tiered = given.get("billing_scheme") == "tiered"
    if tiered:
        _check_tiers(given)
    elif given.keys() & {"tiers", "tiers_mode"}:
        raise invalid(
            "`tiers` and `tiers_mode` can only be given with `billing_scheme` set to `tiered`.", param="tiers"
        )
    amounts = [key for key in ("unit_amount", "unit_amount_decimal", "custom_unit_amount") if key in given]
    if not (amounts or tiered):
        raise invalid(
            "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
            param="unit_amount",
            code="parameter_missing",
        )
    if len(amounts) > 1:
        raise invalid(f"You may only specify one of these parameters: {', '.join(amounts)}.", param=amounts[1])
    if "custom_unit_amount" in given:
        _check_custom(given)
    recurring = given.get("recurring") or {"interval": "year"}
    if recurring.get("interval_count", 1) > _LONGEST[recurring["interval"]]:
        raise invalid("The interval of a price must be at most three years.", param="recurring[interval_count]")


def _check_tiers(given: Object) -> None:
    if not given.get("tiers") or "tiers_mode" not in given:
        raise invalid("You must specify `tiers` and `tiers_mode` when `billing_scheme` is `tiered`.", param="tiers")
    for key in sorted(
        given.keys() & {"custom_unit_amount", "transform_quantity", "unit_amount", "unit_amount_decimal"}
    ):
        raise invalid(f"`{key}` cannot be combined with `tiers`.", param=key)
    tiers = given["tiers"]
    if tiers[-1]["up_to"] != "inf":
        raise invalid("The last tier in `tiers` must have `up_to` set to `inf`.", param="tiers")
    tops = [tier["up_to"] for tier in tiers[:-1]]
    if "inf" in tops or any(top >= following for top, following in itertools.pairwise(tops)):
        raise invalid("Each tier in `tiers` must go further up than the one before it.", param="tiers")
    for n, tier in enumerate(tiers):
        if not tier.keys() - {"up_to"}:
            raise invalid("A tier needs a `unit_amount` or a `flat_amount`.", param=f"tiers[{n}]")


def _check_custom(given: Object) -> None:
    custom = given["custom_unit_amount"]
    if given.get("recurring"):
        raise invalid("A price with `custom_unit_amount` cannot be recurring.", param="recurring")
    bounds = [custom[key] for key in ("minimum", "preset", "maximum") if key in custom]
    if bounds != sorted(bounds):
        raise invalid(
            "`custom_unit_amount` needs a minimum below its preset, and a preset below its maximum.",
            param="custom_unit_amount",
        )


def _amounts(given: Object) -> dict[str, Any]:
    """Return the whole amount, None where it is a fraction, and the decimal one."""
    text = given.get("unit_amount_decimal")
    if text is None and given.get("unit_amount") is not None:
        text = str(given["unit_amount"])
    whole = int(Number(text)) if text is not None and Number(text) == int(Number(text)) else None
    return {"unit_amount": whole, "unit_amount_decimal": text}


def _tier(given: Object) -> Object:
    flat = {"unit_amount": given.get("flat_amount"), "unit_amount_decimal": given.get("flat_amount_decimal")}
    flat = _amounts({key: value for key, value in flat.items() if value is not None})
    return {
        "flat_amount": flat["unit_amount"],
        "flat_amount_decimal": flat["unit_amount_decimal"],
        **_amounts(given),
        "up_to": None if given["up_to"] == "inf" else given["up_to"],
    }


def _custom(given: Object | None) -> Object | None:
    if not given or not given["enabled"]:
        return None
    return {key: given.get(key) for key in ("maximum", "minimum", "preset")}


def _recurring(given: Object | None) -> Object | None:
    if not given:
        return None
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "trial_period_days": given.get("trial_period_days"),
        "usage_type": given.get("usage_type", "licensed"),
    }


def _options(given: Object) -> Object:
    return {
        code: {
            "custom_unit_amount": _custom(option.get("custom_unit_amount")),
            "tax_behavior": option.get("tax_behavior", "unspecified"),
            **_amounts(option),
            **({"tiers": [_tier(tier) for tier in option["tiers"]]} if "tiers" in option else {}),
        }
        for code, option in given.items()
    }


def _free(call: Call, lookup_key: str, id: str | None, transfer: bool) -> None:
    """Make a lookup key available: it belongs to one price at a time."""
    for other in store.query(call, "price", lookup_key=lookup_key):
        if other["id"] == id:
            continue
        if not transfer:
            message = f"A price (`{other['id']}`) already uses that lookup key."
            raise invalid(message, param="lookup_key", code="resource_already_exists")
        other["lookup_key"] = None
        store.save(call, other, "price.updated")
