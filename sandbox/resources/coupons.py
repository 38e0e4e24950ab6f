"""Coupons: what a discount takes off, for how long, and how often it can be had."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox import store
from sandbox.engine import discounts
from sandbox.kernel import Call, Object, expandable, invalid, new_secret, route
from sandbox.params import (
    Integer,
    MapOf,
    Percentage,
    String,
    currency,
    enum,
    listing,
    metadata,
    required,
    string,
    timestamp,
)

_AMOUNT = Integer(1, 99_999_999)
_CURRENCY_OPTIONS = MapOf({"amount_off": required(_AMOUNT)})
_LONGEST = 5 * 366 * 86_400  # redeem_by lies within five years


@route(
    "POST",
    "/v1/coupons",
    {
        "amount_off": _AMOUNT,
        "applies_to": {"products": [string]},
        "currency": currency,
        "currency_options": _CURRENCY_OPTIONS,
        "duration": enum("forever", "once", "repeating"),
        "duration_in_months": Integer(1, 1200),
        "id": String(200),
        "max_redemptions": Integer(1),
        "metadata": metadata,
        "name": String(40),
        "percent_off": Percentage(),
        "redeem_by": timestamp,
    },
)
def create(call: Call) -> Object:
    """Create a coupon, of a percentage or of an amount."""
    given = call.params
    _check(call, given)
    coupon = _shape(call, given)
    if store.find(call, "coupon", coupon["id"]):
        raise invalid("Coupon already exists.", param="id", code="resource_already_exists")
    hidden = {key: given[key] for key in discounts.HIDDEN if key in given}
    store.insert(call, coupon, "coupon.created", **hidden)
    store.schedule(call, coupon, coupon["redeem_by"])
    return coupon


def _shape(call: Call, given: dict[str, Any]) -> Object:
    return {
        "id": given.get("id") or new_secret(call, "", 8),
        "object": "coupon",
        "amount_off": given.get("amount_off"),
        "created": call.now,
        "currency": given.get("currency") if "amount_off" in given else None,
        "duration": given.get("duration", "once"),
        "duration_in_months": given.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "name": given.get("name"),
        "percent_off": given.get("percent_off"),
        "redeem_by": given.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }


def _check(call: Call, given: dict[str, Any]) -> None:
    """Raise where the parameters contradict each other."""
    if ("percent_off" in given) == ("amount_off" in given):
        raise invalid("You must pass exactly one of `percent_off` and `amount_off`.", param="percent_off")
    if "percent_off" in given and not 0 < Decimal(str(given["percent_off"])) <= 100:
        raise invalid("`percent_off` must be greater than 0 and at most 100.", param="percent_off")
    if "amount_off" in given and "currency" not in given:
        raise invalid("You must pass `currency` when passing `amount_off`.", param="currency", code="parameter_missing")
    if "currency_options" in given and "amount_off" not in given:
        raise invalid("`currency_options` can only be used with `amount_off`.", param="currency_options")
    if (given.get("duration") == "repeating") != ("duration_in_months" in given):
        raise invalid(
            "You must pass `duration_in_months` with `duration=repeating`, and only then.", param="duration_in_months"
        )
    if not call.now < given.get("redeem_by", call.now + 1) <= call.now + _LONGEST:
        raise invalid("`redeem_by` must lie in the future, within five years.", param="redeem_by")
    for n, product in enumerate(given.get("applies_to", {}).get("products", [])):
        store.get(call, "product", product, f"applies_to[products][{n}]")


@route("GET", "/v1/coupons", listing())
def list_all(call: Call) -> Object:
    """List coupons."""
    return store.page(call, "coupon", "/v1/coupons")


@route("GET", "/v1/coupons/{coupon}")
def retrieve(call: Call, coupon: str) -> Object:
    """Return a coupon."""
    return store.get(call, "coupon", coupon, "coupon")


@route(
    "POST",
    "/v1/coupons/{coupon}",
    {"currency_options": _CURRENCY_OPTIONS, "metadata": metadata, "name": String(40)},
)
def update(call: Call, coupon: str) -> Object:
    """Change a coupon's name, metadata or further currencies; what it takes off stays."""
    obj = store.get(call, "coupon", coupon, "coupon")
    if options := call.params.get("currency_options"):
        known = store.private(call, obj).get("currency_options", {})
        store.set_private(call, obj, currency_options=known | options)
    store.update(obj, call.params, "metadata", "name")
    return store.save(call, obj, "coupon.updated")


@route("DELETE", "/v1/coupons/{coupon}")
def delete(call: Call, coupon: str) -> Object:
    """Delete a coupon: nobody can redeem it any more. Those who did keep their discounts."""
    obj = store.get(call, "coupon", coupon, "coupon")
    discounts.expire(call, obj)
    return store.delete(call, obj, "coupon.deleted")


@expandable("coupon", "applies_to")
def applies_to(call: Call, coupon: Object) -> Object | None:
    """Return the products to which a coupon is confined."""
    return discounts.hidden(call, coupon).get("applies_to")


@expandable("coupon", "currency_options")
def currency_options(call: Call, coupon: Object) -> Object | None:
    """Return what a coupon takes off in other currencies."""
    return discounts.hidden(call, coupon).get("currency_options")
