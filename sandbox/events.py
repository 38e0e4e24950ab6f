"""What happened: the event object, and who is told of it, inside the sandbox and outside."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sandbox import delivery, sql
from sandbox.kernel import API_VERSION, Call, Object, listeners, new_id

# Besides every `….updated`; stripe-endive.md section 4, and section 1 for the rule itself.
_WITH_PREVIOUS = {"payment_method.detached", "payment_method.automatically_updated", "charge.refunded"}
_NO_COLUMNS: dict[str, str | None] = dict.fromkeys(sql.COLUMNS)

observers: list[Callable[[Object], None]] = []  # called with every event as it is stored: contract checks


def emit(call: Call, type_: str, obj: Object, previous: Object | None = None) -> Object:
    """Store an event with `obj` as it is now, queue its deliveries, and call the `@listens` functions of its type.

    Runs inside the request's transaction: where that is rolled back, the event never happened.
    """
    data: Object = {"object": obj}
    if previous is not None and (type_.endswith(".updated") or type_ in _WITH_PREVIOUS):
        data["previous_attributes"] = previous
    endpoints = delivery.endpoints(call, type_)
    event: Object = {
        "id": new_id(call, "evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": call.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": {"id": call.request_id, "idempotency_key": call.idempotency_key},
        "type": type_,
    }
    columns = {**_NO_COLUMNS, "lookup_key": type_, "status": "pending" if endpoints else "delivered"}
    sql.insert(call, event, call.now, columns, {})
    for observer in observers:
        observer(event)
    delivery.queue(call, event, endpoints)
    for listener in listeners(type_):
        listener(call, obj)
    return event


def previous_attributes(old: Object, new: Object) -> Object:
    """Return the old values of what changed: hash by hash, lists and embedded objects whole, absent keys as None."""
    changed: Object = {}
    for key in [*old, *(key for key in new if key not in old)]:
        before: Any = old.get(key)
        after: Any = new.get(key)
        if before == after and (key in old) == (key in new):
            continue
        changed[key] = previous_attributes(before, after) if _both_hashes(before, after) else copy.deepcopy(before)
    return changed


def _both_hashes(before: Any, after: Any) -> bool:
    return isinstance(before, dict) and isinstance(after, dict) and "object" not in before
