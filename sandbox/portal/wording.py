"""What the portal's pages say of subscriptions, prices and invoices."""

from __future__ import annotations

from typing import Any

from sandbox import hosted, store
from sandbox.engine import charging, items, pricing, standing
from sandbox.kernel import Call, Object
from sandbox.portal import rules

REASONS = {
    "customer_service": "Customer service was less than expected",
    "low_quality": "Quality was less than expected",
    "missing_features": "I need more features",
    "other": "Other reason",
    "switched_service": "I found an alternative",
    "too_complex": "Ease of use was less than expected",
    "too_expensive": "It's too expensive",
    "unused": "I no longer need it",
}
_STATUS = {
    "incomplete": ("Incomplete", "warn"),
    "past_due": ("Past due", "bad"),
    "paused": ("Paused", "plain"),
    "unpaid": ("Unpaid", "bad"),
}
_INVOICE_STATUS = {
    "open": ("Open", "warn"),
    "paid": ("Paid", "good"),
    "uncollectible": ("Uncollectible", "bad"),
    "void": ("Void", "plain"),
}


def every(recurring: Object) -> str:
    """Word a billing interval: per month, every 3 months."""
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"


def rate(call: Call, price: Object, quantity: int | None = 1) -> str:
    """Word what `quantity` of a price costs: $29.00 per month."""
    if quantity is None:
        return f"Billed by usage {every(price['recurring'])}"
    amount = items.cost(call, {"price": price, "quantity": quantity})
    return f"{pricing.money(amount, price['currency'])} {every(price['recurring'])}"


def product_of(call: Call, price: Object) -> Object:
    """Return the product of a price, also one that was deleted since: then it has no name any more."""
    product = store.find(call, "product", price["product"]) or {}
    return {"name": product.get("name") or "Subscription", "description": product.get("description")}


def plan(call: Call, subscription: Object) -> list[dict[str, str]]:
    """Return name and rate of what a subscription consists of."""
    found = []
    for item in subscription["items"]["data"]:
        quantity = item.get("quantity")
        name = str(product_of(call, item["price"])["name"])
        times = f" (×{quantity})" if quantity not in (None, 1) else ""
        found.append({"name": f"{name}{times}", "rate": rate(call, item["price"], quantity)})
    return found


def subscription(call: Call, features: Object, obj: Object) -> dict[str, Any]:
    """Return how a subscription is shown on the portal's home, and what can be done to it there."""
    status = _STATUS.get(obj["status"])
    return {
        "id": obj["id"],
        "plan": plan(call, obj),
        "status": {"text": status[0], "tone": status[1]} if status else None,
        "ends": hosted.day(obj["cancel_at"]) if obj["cancel_at"] else None,
        "trial_ends": hosted.day(obj["trial_end"]) if obj["status"] == "trialing" else None,
        "next": _next(obj),
        "paused": _paused(obj["pause_collection"]),
        "waits": obj["pending_update"] is not None,
        "card": _card(call, obj),
        "can_cancel": rules.why_not_cancel(features, obj) is None,
        "can_pause": rules.why_not_pause(features, obj) is None,
        "can_renew": features["subscription_cancel"]["enabled"] and bool(obj["cancel_at"]),
        "can_resume": features["subscription_pause"]["enabled"] and bool(obj["pause_collection"]),
        "can_update": rules.why_not_update(features, obj) is None and not obj["cancel_at"],
    }


def _next(obj: Object) -> str | None:
    if obj["cancel_at"] or obj["status"] not in {"active", "past_due", "trialing"}:
        return None
    return hosted.day(standing.period_end(obj))


def _paused(collection: Object | None) -> str | None:
    if collection is None:
        return None
    return f"Paused until {hosted.day(collection['resumes_at'])}" if collection["resumes_at"] else "Paused"


def _card(call: Call, obj: Object) -> Object | None:
    customer = store.get(call, "customer", obj["customer"])
    id = charging.usable(call, customer, None, obj)
    return hosted.card(store.get(call, "payment_method", id)) if id else None


def invoice(obj: Object) -> dict[str, Any]:
    """Return how an invoice is shown in the history."""
    text, tone = _INVOICE_STATUS[obj["status"]]
    lines = obj["lines"]["data"]
    return {
        "amount": pricing.money(obj["total"], obj["currency"]),
        "date": hosted.day(obj["status_transitions"]["finalized_at"] or obj["created"]),
        "description": lines[0]["description"] if lines else obj["description"] or "",
        "number": obj["number"],
        "path": hosted.path_of(obj["hosted_invoice_url"]),
        "status": {"text": text, "tone": tone},
    }
