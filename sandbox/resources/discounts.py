"""Discounts: a coupon at work. They come with what they are on, and can only be taken off."""

from __future__ import annotations

from sandbox import store
from sandbox.engine import discounts, standing
from sandbox.kernel import Call, Object, StripeError, expandable, refers, route
from sandbox.params import clearable, string

refers("discount", {"customer": "customer", "promotion_code": "promotion_code"})
refers("subscription_item", {"discounts": "discount"})
refers("line_item", {"discount_amounts.discount": "discount"})
refers("invoice", {"total_discount_amounts.discount": "discount"})
refers("invoiceitem", {"proration_details.discount_amounts.discount": "discount"})

DISCOUNTS = clearable([{"coupon": string, "discount": string, "promotion_code": string}])


@route("DELETE", "/v1/subscriptions/{subscription}/discount")
def delete_of_subscription(call: Call, subscription: str) -> Object:
    """Take all discounts off a subscription; its items keep theirs. Answers with the first, deleted."""
    obj = store.get(call, "subscription", subscription)
    standing.check_status(obj, {"discounts": None})
    return _end_all(call, obj, obj["discounts"])


@route("DELETE", "/v1/customers/{customer}/discount")
def delete_of_customer(call: Call, customer: str) -> Object:
    """Take the discount off a customer."""
    obj = store.get(call, "customer", customer)
    return _end_all(call, obj, [obj["discount"]["id"]] if obj["discount"] else [])


def _end_all(call: Call, owner: Object, ids: list[str]) -> Object:
    if not ids:
        message = f"No active discount for {owner['object']}: {owner['id']}"
        raise StripeError(404, "invalid_request_error", message, code="resource_missing")
    found = [store.get(call, "discount", id) for id in ids]
    for discount in found:
        discounts.end(call, discount)
    return found[0] | {"deleted": True}


@expandable("discount", "source.coupon")
def coupon(call: Call, discount: Object) -> Object:
    """Return the coupon as it is, or, where it was deleted, as it was when it was redeemed."""
    found = store.find(call, "coupon", discount["source"]["coupon"]) or {}
    if found and not found.get("deleted"):
        return found
    terms: Object = store.private(call, discount)["terms"]
    return {key: value for key, value in terms.items() if key not in discounts.HIDDEN} | {"valid": False}
