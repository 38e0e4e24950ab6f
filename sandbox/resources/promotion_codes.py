"""Promotion codes: what customers type to get a coupon."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q

from sandbox import store
from sandbox.engine import discounts
from sandbox.kernel import Call, Object, expandable, invalid, new_id, new_secret, refers, route
from sandbox.params import (
    Integer,
    MapOf,
    String,
    amount,
    boolean,
    currency,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
    timestamp,
)

refers("promotion_code", {"customer": "customer", "promotion.coupon": "coupon"})

_CURRENCY_OPTIONS = MapOf({"minimum_amount": amount})


@route(
    "POST",
    "/v1/promotion_codes",
    {
        "active": boolean,
        "code": String(500),
        "customer": string,
        "customer_account": not_emulated,
        "expires_at": timestamp,
        "max_redemptions": Integer(1),
        "metadata": metadata,
        "promotion": required({"coupon": required(string), "type": required(enum("coupon"))}),
        "restrictions": {
            "currency_options": _CURRENCY_OPTIONS,
            "first_time_transaction": boolean,
            "minimum_amount": amount,
            "minimum_amount_currency": currency,
        },
    },
)
def create(call: Call) -> Object:
    """Give a coupon a code for customers."""
    given = call.params
    coupon = store.get(call, "coupon", given["promotion"]["coupon"], "promotion[coupon]")
    if "customer" in given:
        store.get(call, "customer", given["customer"], "customer")
    _check(call, given, coupon)
    code = _shape(call, given)
    if code["active"]:
        _check_unique(call, code)
    options = given.get("restrictions", {}).get("currency_options")
    store.insert(call, code, "promotion_code.created", currency_options=options)
    store.schedule(call, code, code["expires_at"])
    return code


def _shape(call: Call, given: dict[str, Any]) -> Object:
    restrictions = given.get("restrictions", {})
    return {
        "id": new_id(call, "promo"),
        "object": "promotion_code",
        "active": given.get("active", True),
        "code": given.get("code") or new_secret(call, "", 8).upper(),
        "created": call.now,
        "customer": given.get("customer"),
        "customer_account": None,
        "expires_at": given.get("expires_at"),
        "livemode": False,
        "max_redemptions": given.get("max_redemptions"),
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "promotion": {"coupon": given["promotion"]["coupon"], "type": "coupon"},
        "restrictions": {
            "first_time_transaction": restrictions.get("first_time_transaction", False),
            "minimum_amount": restrictions.get("minimum_amount"),
            "minimum_amount_currency": restrictions.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
    }


def _check(call: Call, given: dict[str, Any], coupon: Object) -> None:
    """Raise where a code would promise more than its coupon, or the parameters contradict each other."""
    if not coupon["valid"]:
        raise invalid(f"Coupon expired: {coupon['id']}", param="promotion[coupon]", code="coupon_expired")
    if not re.fullmatch(r"[A-Za-z0-9-]+", given.get("code", "A"), re.ASCII):
        raise invalid("A code may consist of letters a-z, digits and dashes only.", param="code")
    if not call.now < given.get("expires_at", call.now + 1):
        raise invalid("`expires_at` must lie in the future.", param="expires_at")
    if coupon["redeem_by"] and given.get("expires_at", 0) > coupon["redeem_by"]:
        raise invalid("`expires_at` cannot be after the coupon's `redeem_by`.", param="expires_at")
    if coupon["max_redemptions"] and given.get("max_redemptions", 0) > coupon["max_redemptions"]:
        raise invalid("`max_redemptions` cannot be greater than the coupon's.", param="max_redemptions")
    restrictions = given.get("restrictions", {})
    if ("minimum_amount" in restrictions) != ("minimum_amount_currency" in restrictions):
        raise invalid(
            "You must pass `minimum_amount` and `minimum_amount_currency` together.",
            param="restrictions[minimum_amount_currency]",
        )


def _check_unique(call: Call, code: Object) -> None:
    """Raise where another active code of the same customer, or of everybody, reads the same."""
    same = store.query(call, "promotion_code", code__iexact=code["code"], active=True)
    if any(other["customer"] in {None, code["customer"]} and other["id"] != code["id"] for other in same):
        raise invalid(f"An active promotion code with `code: {code['code']}` already exists.", param="code")


@route(
    "GET",
    "/v1/promotion_codes",
    listing(active=boolean, code=string, coupon=string, customer=string, customer_account=not_emulated),
)
def list_all(call: Call) -> Object:
    """List promotion codes; `code` is compared without regard to case."""
    given = call.params
    where = Q(lookup_key__iexact=given["code"]) if "code" in given else None
    return store.page(
        call,
        "promotion_code",
        "/v1/promotion_codes",
        where=where,
        active=given.get("active"),
        customer=given.get("customer"),
        promotion__coupon=given.get("coupon"),
    )


@route("GET", "/v1/promotion_codes/{code}")
def retrieve(call: Call, code: str) -> Object:
    """Return a promotion code by its id."""
    return store.get(call, "promotion_code", code, "promotion_code")


@route(
    "POST",
    "/v1/promotion_codes/{code}",
    {"active": boolean, "metadata": metadata, "restrictions": {"currency_options": _CURRENCY_OPTIONS}},
)
def update(call: Call, code: str) -> Object:
    """Change a code's metadata, or switch it off and on; an expired or used up one stays off."""
    obj, given = store.get(call, "promotion_code", code, "promotion_code"), call.params
    if given.get("active") and not obj["active"]:
        if not discounts.can_be_redeemed(call, obj):
            raise invalid("This promotion code has expired or is used up: it cannot be active again.", param="active")
        _check_unique(call, obj)
    if options := given.get("restrictions", {}).get("currency_options"):
        known = store.private(call, obj).get("currency_options") or {}
        store.set_private(call, obj, currency_options=known | options)
    store.update(obj, given, "active", "metadata")
    return store.save(call, obj, "promotion_code.updated")


@expandable("promotion_code", "restrictions.currency_options")
def currency_options(call: Call, code: Object) -> Object | None:
    """Return what has to be bought in other currencies."""
    options: Object | None = store.private(call, code).get("currency_options")
    return options
