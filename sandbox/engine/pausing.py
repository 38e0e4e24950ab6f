"""Pausing: a subscription that neither serves nor bills until it is resumed."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.engine import canceling, changing, items, ledger, standing
from sandbox.engine.proration import Draft
from sandbox.kernel import Call, Object, invalid

_CAN_PAUSE = {"active", "past_due"}


def pause(call: Call, subscription: Object, params: dict[str, Any]) -> Object:
    """Pause at once; what was paid in advance comes back as `bill_for[unused_time_from]` says.

    Raises invalid() in classic billing mode, under a schedule, and unless the subscription is active or past due.
    """
    _check(subscription)
    unused = credits(call, subscription, params)
    changing.drop_pending(call, subscription)
    paused = standing.pause(call, subscription, "pause_requested")
    ledger.park(call, subscription["customer"], unused)
    if bills(params):
        canceling.bill_what_waits(call, paused)
    return store.get(call, "subscription", subscription["id"])


def bills(params: dict[str, Any]) -> bool:
    """Tell whether pausing makes an invoice; otherwise the credit waits for the next one."""
    return params.get("invoicing_behavior") == "invoice"


def credits(call: Call, subscription: Object, params: dict[str, Any]) -> list[Draft]:
    """Return what pausing gives back: the rest of each period, by default, or all of it, or nothing."""
    begins = params.get("bill_for", {}).get("unused_time_from", {}).get("type", "now")
    if begins == "none":
        return []
    data = subscription["items"]["data"]
    since = [call.now if begins == "now" else items.period(item).start for item in data]
    pairs = zip(data, since, strict=True)
    return [draft for item, moment in pairs for draft in changing.credits(call, subscription, item, moment)]


def _check(subscription: Object) -> None:
    if subscription["billing_mode"]["type"] != "flexible":
        raise invalid("Only subscriptions with `billing_mode[type]=flexible` can be paused.")
    if subscription["schedule"]:
        raise invalid(f"The subscription is managed by the subscription schedule `{subscription['schedule']}`.")
    if subscription["status"] not in _CAN_PAUSE:
        raise invalid(f"This subscription cannot be paused because it is {subscription['status']}.")
