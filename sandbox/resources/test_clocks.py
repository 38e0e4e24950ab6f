"""Test clocks: a time of their own for up to three customers, which goes forward when it is told to."""

from __future__ import annotations

from typing import Any

from sandbox import clock, store
from sandbox.clock import TEST_CLOCK
from sandbox.engine import lifecycle, standing
from sandbox.engine.calendar import DAY, boundary
from sandbox.kernel import Call, Object, falls_due, invalid, new_id, route
from sandbox.params import PAGING, String, required, string, timestamp
from sandbox.resources import customers

_KEPT = 30 * DAY
_TWO_YEARS = {"interval": "year", "interval_count": 1}


@route(
    "POST",
    "/v1/test_helpers/test_clocks",
    {"customer": string, "frozen_time": required(timestamp), "name": String(300)},
)
def create(call: Call) -> Object:
    """Create a clock that stands still at `frozen_time`; `customer`, who exists already, goes on it for good."""
    given = call.params
    customer = store.get(call, "customer", given["customer"], "customer") if "customer" in given else None
    if customer:
        _check_can_move(call, customer, given["frozen_time"])
    test_clock = {
        "id": new_id(call, "clock"),
        "object": TEST_CLOCK,
        "created": call.now,
        "deletes_after": call.now + _KEPT,
        "frozen_time": given["frozen_time"],
        "livemode": False,
        "name": given.get("name"),
        "status": "ready",
        "status_details": {},
    }
    store.insert(call, test_clock, "test_helpers.test_clock.created")
    store.schedule(call, test_clock, test_clock["deletes_after"])
    if customer:
        store.move_to_clock(call, customer["id"], test_clock["id"])
    return test_clock


@route("GET", "/v1/test_helpers/test_clocks", PAGING)
def list_all(call: Call) -> Object:
    """List test clocks."""
    return store.page(call, TEST_CLOCK, "/v1/test_helpers/test_clocks")


@route("GET", "/v1/test_helpers/test_clocks/{test_clock}")
def retrieve(call: Call, test_clock: str) -> Object:
    """Return a test clock."""
    return store.get(call, TEST_CLOCK, test_clock, "test_clock")


@route("DELETE", "/v1/test_helpers/test_clocks/{test_clock}")
def delete(call: Call, test_clock: str) -> Object:
    """Delete a clock with its customers; their subscriptions are canceled."""
    return _delete(call, store.get(call, TEST_CLOCK, test_clock, "test_clock"))


@route("POST", "/v1/test_helpers/test_clocks/{test_clock}/advance", {"frozen_time": required(timestamp)})
def advance(call: Call, test_clock: str) -> Object:
    """Start to advance a clock: the answer says `advancing`, as Stripe's does, though the work is done by then.

    `Account.settings["test_clock_seconds"]` makes it take that long on the account's clock; 0 is the default.
    """
    obj, target = store.get(call, TEST_CLOCK, test_clock, "test_clock"), call.params["frozen_time"]
    _check_target(call, obj, target)
    obj |= {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}}
    store.save(call, obj, "test_helpers.test_clock.advancing")
    if seconds := call.account.settings.get("test_clock_seconds", 0):
        store.schedule(call, obj, call.now + seconds)
    else:
        _arrive(call, obj)
    return obj


@falls_due(TEST_CLOCK)
def _due(call: Call, test_clock: Object) -> None:
    if test_clock["status"] == "advancing":
        _arrive(call, test_clock)
    else:
        _delete(call, test_clock)


def _arrive(call: Call, test_clock: Object) -> None:
    """Let all that is due on the clock happen, each thing at its moment, and stop at the target."""
    target = test_clock["status_details"]["advancing"]["target_frozen_time"]
    lifecycle.run_due(Call(call.account, target, origin=call.origin, clock=test_clock["id"]), target)
    arrived = test_clock | {"frozen_time": target, "status": "ready", "status_details": {}}
    store.save(call, arrived, "test_helpers.test_clock.ready")
    store.schedule(call, arrived, arrived["deletes_after"])


def _delete(call: Call, test_clock: Object) -> Object:
    there = Call(call.account, call.now, request_id=call.request_id)
    clock.put_on(there, test_clock, changes=False)
    for customer in store.query(there, "customer", clock=test_clock["id"]):
        customers.delete(there, customer["id"])
    return store.delete(call, test_clock, "test_helpers.test_clock.deleted")


def _check_can_move(call: Call, customer: Object, frozen_time: int) -> None:
    if customer["test_clock"]:
        raise invalid(f"Customer {customer['id']} is already attached to a test clock.", param="customer")
    if frozen_time < clock.now(call.account):
        raise invalid(
            "An existing customer can only be attached to a test clock whose frozen time is not in the past.",
            param="frozen_time",
        )


def _check_target(call: Call, test_clock: Object, target: int) -> None:
    """Raise unless the clock stands ready, `target` lies ahead, and no further than two of the shortest intervals."""
    if test_clock["status"] != "ready":
        raise invalid(f"Test clock {test_clock['id']} is {test_clock['status']}: only a ready one can be advanced.")
    if target <= test_clock["frozen_time"]:
        raise invalid(
            "The frozen_time to advance to must be after the test clock's current frozen time.", param="frozen_time"
        )
    if target > _furthest(call, test_clock):
        raise invalid(
            "Cannot advance a test clock more than two intervals of its shortest subscription, or two years where it "
            "has none.",
            param="frozen_time",
        )


def _furthest(call: Call, test_clock: Object) -> int:
    running = store.query(call, "subscription", clock=test_clock["id"])
    items = [item for each in running if each["status"] not in standing.ENDED for item in each["items"]["data"]]
    intervals: list[dict[str, Any]] = [item["price"]["recurring"] for item in items] or [_TWO_YEARS]
    return min(boundary(test_clock["frozen_time"], interval, 2) for interval in intervals)
