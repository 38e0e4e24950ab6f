"""Subscription items by themselves: another door to what `items` of a subscription says."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.engine import changing, standing
from sandbox.kernel import Call, Object, missing, route
from sandbox.params import boolean, listing, required, string, timestamp
from sandbox.resources.subscriptions import ITEM, PAYMENT_BEHAVIOR, PRORATION_BEHAVIOR

_HOW = {
    "off_session": boolean,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "proration_behavior": PRORATION_BEHAVIOR,
    "proration_date": timestamp,
}


@route("POST", "/v1/subscription_items", {**ITEM, **_HOW, "subscription": required(string)})
def create(call: Call) -> Object:
    """Add an item to a subscription."""
    subscription = store.get(call, "subscription", call.params["subscription"], "subscription")
    known = {item["id"] for item in subscription["items"]["data"]}
    after = _change(call, subscription, _entry(call))
    pending = (after["pending_update"] or {}).get("subscription_items") or after["items"]["data"]
    return next(item for item in pending if item["id"] not in known)


@route("GET", "/v1/subscription_items", listing(subscription=required(string)))
def list_all(call: Call) -> Object:
    """List the items of a subscription."""
    subscription = store.get(call, "subscription", call.params["subscription"], "subscription")
    items = {item["id"]: item for item in subscription["items"]["data"]}
    rows = store.page(call, "subscription_item", "/v1/subscription_items", parent=subscription["id"])
    return rows | {"data": [items[row["id"]] for row in rows["data"]]}


@route("GET", "/v1/subscription_items/{item}")
def retrieve(call: Call, item: str) -> Object:
    """Return an item."""
    return _item(_subscription(call, item), item)


@route("POST", "/v1/subscription_items/{item}", {**ITEM, **_HOW, "clear_usage": boolean})
def update(call: Call, item: str) -> Object:
    """Change price, quantity or metadata of an item."""
    after = _change(call, _subscription(call, item), {"id": item, **_entry(call)})
    return _item(after, item)


@route("DELETE", "/v1/subscription_items/{item}", {**_HOW, "clear_usage": boolean})
def delete(call: Call, item: str) -> Object:
    """Take an item off its subscription; the last one cannot be taken off."""
    _change(call, _subscription(call, item), {"id": item, "deleted": True})
    return {"id": item, "object": "subscription_item", "deleted": True}


def _entry(call: Call) -> dict[str, Any]:
    return {key: value for key, value in call.params.items() if key in ITEM}


def _change(call: Call, subscription: Object, entry: dict[str, Any]) -> Object:
    params = {key: value for key, value in call.params.items() if key in _HOW} | {"items": [entry]}
    standing.check_status(subscription, params)
    return changing.update(call, subscription, params)


def _subscription(call: Call, item: str) -> Object:
    return store.get(call, "subscription", store.get(call, "subscription_item", item, "item")["subscription"])


def _item(subscription: Object, id: str) -> Object:
    items: list[Object] = subscription["items"]["data"]
    found = next((item for item in items if item["id"] == id), None)
    if found is None:
        raise missing("subscription_item", id, "item")
    return found
