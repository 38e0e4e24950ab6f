"""Discounts: how a coupon or a promotion code becomes one, what it takes off which line, and when it is over.

A discount keeps the terms of its coupon as they were, beside the object: deleting the coupon does not end it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox import events, store
from sandbox.engine import pricing
from sandbox.engine.calendar import boundary
from sandbox.kernel import Call, Object, StripeError, falls_due, invalid, new_id

HIDDEN = ("applies_to", "currency_options")  # of a coupon, shown on demand only
_OWNERS = ("customer", "subscription", "subscription_item", "invoice", "invoice_item")
_ANNOUNCED = {"subscription", "subscription_item"}  # a discount of a single invoice has no event of its own
Purchase = tuple[int, str]  # what is bought with it: minor units, currency


def redeem(
    call: Call, given: list[dict[str, Any]] | None, purchase: Purchase, param: str = "discounts", **owner: str | None
) -> list[str]:
    """Return the discounts that the parameter `discounts` asks for; None, from the empty string, asks for none.

    New ones are made of coupons and promotion codes; `owner` says whose: customer and, of the rest, one. Raises as
    Stripe does: coupon_expired, promotion_code_…, resource_missing.
    """
    return [_one(call, each, purchase, f"{param}[{n}]", owner) for n, each in enumerate(given or [])]


def _one(call: Call, given: dict[str, Any], purchase: Purchase, param: str, owner: dict[str, str | None]) -> str:
    if len(given) != 1:
        raise invalid("You must pass exactly one of `coupon`, `discount` or `promotion_code`.", param=param)
    ((kind, id),) = given.items()
    obj = store.get(call, kind, id, f"{param}[{kind}]")
    if kind == "discount":
        return str(obj["id"])
    code = obj if kind == "promotion_code" else None
    if code:
        _check_code(call, code, purchase, owner.get("customer"), f"{param}[{kind}]")
    coupon = store.get(call, "coupon", code["promotion"]["coupon"]) if code else obj
    _check_coupon(call, coupon, purchase[1], f"{param}[{kind}]")
    return str(make(call, coupon, code, **owner)["id"])


def make(call: Call, coupon: Object, code: Object | None = None, **owner: str | None) -> Object:
    """Redeem a coupon, by a promotion code or without, into a discount of `owner`."""
    end = None
    if coupon["duration"] == "repeating":
        end = boundary(call.now, {"interval": "month", "interval_count": coupon["duration_in_months"]}, 1)
    discount = {
        "id": new_id(call, "di"),
        "object": "discount",
        "checkout_session": None,
        "customer_account": None,
        "end": end,
        "promotion_code": code and code["id"],
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": call.now,
        **dict.fromkeys(_OWNERS),
        **owner,
    }
    _count(call, code, coupon)
    event = "customer.discount.created" if owner.keys() & _ANNOUNCED else None
    store.insert(call, discount, event, terms=coupon | hidden(call, coupon))
    store.schedule(call, discount, end)
    return discount


def terms(call: Call, id: str) -> Object:
    """Return the terms of a discount: its coupon as it was when it was redeemed, with what is shown on demand only."""
    known: Object = store.private(call, {"object": "discount", "id": id})["terms"]
    return known


def hidden(call: Call, coupon: Object) -> dict[str, Any]:
    """Return those terms of a coupon that Stripe shows on demand only."""
    return {key: value for key, value in store.private(call, coupon).items() if key in HIDDEN}


def _count(call: Call, code: Object | None, coupon: Object) -> None:
    coupon = coupon | {"times_redeemed": coupon["times_redeemed"] + 1}
    if code:
        code = code | {"times_redeemed": code["times_redeemed"] + 1}
        store.save(call, code | {"active": code["active"] and not _used_up(code)})
    if _used_up(coupon):
        expire(call, coupon)
    else:
        store.save(call, coupon)


def can_be_redeemed(call: Call, code: Object) -> bool:
    """Tell whether a promotion code, were it active, could be redeemed by anybody."""
    coupon = store.find(call, "coupon", code["promotion"]["coupon"]) or {}
    expired = code["expires_at"] is not None and code["expires_at"] <= call.now
    return bool(coupon.get("valid")) and not expired and not _used_up(code)


def _used_up(obj: Object) -> bool:
    return obj["max_redemptions"] is not None and obj["times_redeemed"] >= obj["max_redemptions"]


def expire(call: Call, coupon: Object) -> None:
    """Let a coupon be redeemed no more, nor its promotion codes."""
    store.save(call, coupon | {"valid": False})
    for code in store.query(call, "promotion_code", promotion__coupon=coupon["id"], active=True):
        store.save(call, code | {"active": False})


@falls_due("coupon")
def _redeemed_too_late(call: Call, coupon: Object) -> None:
    expire(call, coupon)


@falls_due("promotion_code")
def _code_expired(call: Call, code: Object) -> None:
    store.save(call, code | {"active": False})


def _check_coupon(call: Call, coupon: Object, currency: str, param: str) -> None:
    if not coupon["valid"]:
        raise invalid(f"Coupon expired: {coupon['id']}", param=param, code="coupon_expired")
    if coupon["amount_off"] and amount_off(coupon | hidden(call, coupon), currency) is None:
        raise invalid(
            f"The coupon {coupon['id']} is in {coupon['currency']} and cannot be applied to an amount in {currency}.",
            param=param,
        )


def amount_off(terms: Object, currency: str) -> int | None:
    """Return what a coupon takes off in a currency, or None where it does not say."""
    if terms["currency"] == currency:
        return int(terms["amount_off"])
    option = (terms.get("currency_options") or {}).get(currency)
    return int(option["amount_off"]) if option else None


def _check_code(call: Call, code: Object, purchase: Purchase, customer: str | None, param: str) -> None:
    """Raise where a promotion code cannot be redeemed by this customer for this purchase."""
    restrictions = code["restrictions"]
    if not code["active"]:
        raise _refused("it is expired, used up or not active", "promotion_code_inactive", param)
    if code["customer"] and code["customer"] != customer:
        raise _refused("it belongs to another customer", "promotion_code_customer_mismatch", param)
    if restrictions["first_time_transaction"] and _has_bought(call, customer):
        raise _refused(
            "the associated customer has prior transactions", "promotion_code_customer_not_first_time", param
        )
    least = _minimum(call, code, purchase[1])
    if least is not None and (least < 0 or purchase[0] < least):
        raise _refused(
            "the associated purchase does not meet the minimum amount requirement",
            "promotion_code_amount_insufficient",
            param,
        )


def _refused(reason: str, code: str, param: str) -> StripeError:
    return invalid(f"This promotion code cannot be redeemed because {reason}.", param=param, code=code)


def _minimum(call: Call, code: Object, currency: str) -> int | None:
    """Return the amount that has to be bought in a currency; -1 where the code names others only."""
    restrictions = code["restrictions"]
    if restrictions["minimum_amount"] is None:
        return None
    if restrictions["minimum_amount_currency"] == currency:
        return int(restrictions["minimum_amount"])
    option = (store.private(call, code).get("currency_options") or {}).get(currency)
    return int(option["minimum_amount"]) if option else -1


def _has_bought(call: Call, customer: str | None) -> bool:
    if customer is None:
        return False
    paid = (invoice["amount_paid"] for invoice in store.query(call, "invoice", customer=customer, status="paid"))
    return any(paid) or bool(store.count(call, "charge", customer=customer, status="succeeded"))


def applying(call: Call, ids: Iterable[str]) -> list[str]:
    """Return those of the discounts that still hold at the moment of the call."""
    found = [store.get(call, "discount", id) for id in ids]
    return [each["id"] for each in found if each["end"] is None or call.now < each["end"]]


def of_subscription(call: Call, subscription: Object) -> list[str]:
    """Return the discounts that an invoice takes from its subscription: the customer's, where it has none itself.

    The empty string for `discounts` refuses those, in this request and, at a subscription, from then on.
    """
    if subscription["discounts"]:
        return applying(call, subscription["discounts"])
    stored = store.find(call, "subscription", subscription["id"])
    if refused(call.params) or (stored and store.private(call, stored).get("no_discounts")):
        return []
    return of_customer(call, subscription["customer"])


def refused(params: dict[str, Any]) -> bool:
    """Tell whether a request says that there shall be no discounts."""
    return "discounts" in params and params["discounts"] is None


def of_customer(call: Call, customer: str | None) -> list[str]:
    """Return the customer's own discount, which every invoice inherits that names no other."""
    known = (store.find(call, "customer", customer) or {}).get("discount")
    return applying(call, [known["id"]]) if known else []


def apply(call: Call, invoice: Object, lines: list[Object]) -> None:
    """Write into the lines what is taken off them: each line's own discounts first, then those of the invoice.

    `invoice` needs no more than currency and discounts. A proration's discounts were settled when it was made.
    """
    open_lines = [line for line in lines if line["discountable"] and line["amount"] > 0]
    for line in open_lines:
        line["discount_amounts"] = []
    for line in open_lines:
        for id in applying(call, line["discounts"]):
            _take_off(call, id, invoice["currency"], [line])
    for id in invoice["discounts"]:
        _take_off(call, id, invoice["currency"], open_lines)


def _take_off(call: Call, id: str, currency: str, lines: list[Object]) -> None:
    known = terms(call, id)
    products = (known.get("applies_to") or {}).get("products")
    lines = [line for line in lines if products is None or _product(line) in products]
    left = [line["amount"] - sum(each["amount"] for each in line["discount_amounts"]) for line in lines]
    if known["percent_off"]:
        off = pricing.rounded(sum(left) * Decimal(str(known["percent_off"])) / 100)
    else:
        off = min(sum(left), amount_off(known, currency) or 0)
    for line, part in zip(lines, pricing.split(off, left), strict=True):
        line["discount_amounts"].append({"amount": part, "discount": id})


def _product(line: Object) -> str | None:
    details: Object = (line["pricing"] or {}).get("price_details") or {}
    return details.get("product")


def totals(lines: list[Object]) -> list[Object]:
    """Return total_discount_amounts: what each discount takes off all lines together."""
    sums: dict[str, int] = {}
    for line in lines:
        for each in line["discount_amounts"]:
            sums[each["discount"]] = sums.get(each["discount"], 0) + each["amount"]
    return [{"amount": amount, "discount": id} for id, amount in sums.items() if amount]


def use_up(call: Call, invoice: Object) -> None:
    """End the discounts that were good for one invoice, which this one is; one of nothing uses nothing up."""
    for id in [each["discount"] for each in invoice["total_discount_amounts"]]:
        known = store.private(call, {"object": "discount", "id": id})
        if known["terms"]["duration"] == "once" and not known.get("ended"):
            end(call, store.get(call, "discount", id))


def end(call: Call, discount: Object) -> None:
    """Take a discount off what it was on, for good; what it took off invoices stays."""
    if store.private(call, discount).get("ended"):
        return
    store.set_private(call, discount, ended=True)
    store.schedule(call, discount, None)
    if discount["invoice"] or discount["invoice_item"]:
        return
    events.emit(call, "customer.discount.deleted", discount)


@falls_due("discount")
def _run_out(call: Call, discount: Object) -> None:
    end(call, discount)


def drop_replaced(call: Call, before: Object, after: Object) -> None:
    """End the discounts that a change has taken off a subscription, or off an item of it."""
    for id in [id for id in _all_of(before) if id not in _all_of(after)]:
        end(call, store.get(call, "discount", id))


def _all_of(subscription: Object) -> list[str]:
    items = subscription["items"]["data"]
    return [*subscription["discounts"], *(id for item in items for id in item["discounts"])]


def give_customer(call: Call, customer: Object, coupon: Object) -> Object:
    """Put a coupon on a customer, as Stripe's dashboard does: today's API has no parameter for it."""
    old = customer["discount"]
    discount = make(call, coupon, customer=customer["id"])
    if old:
        events.emit(call, "customer.discount.updated", discount, events.previous_attributes(old, discount))
    else:
        events.emit(call, "customer.discount.created", discount)
    return store.save(call, customer | {"discount": discount}, "customer.updated")
