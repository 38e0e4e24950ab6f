"""Changes that wait for the end of the period: what the configuration's `schedule_at_period_end` asks for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sandbox import hosted, store
from sandbox.api import Api, ApiError
from sandbox.engine import items
from sandbox.engine.calendar import SECONDS
from sandbox.kernel import Call, Object
from sandbox.portal import wording

_CARRIED = ("collection_method", "default_payment_method", "description", "metadata", "trial_end")


def is_wanted(call: Call, features: Object, item: Object, price: Object, quantity: int | None) -> bool:
    """Tell whether a change from `item` to `quantity` of `price` meets one of the configuration's conditions.

    Amounts are compared for the same stretch of time: a cheaper month of a dearer year is an increase.
    """
    conditions = {each["type"] for each in features["subscription_update"]["schedule_at_period_end"]["conditions"]}
    after = {"price": price, "quantity": quantity}
    cheaper = _per_second(call, after) < _per_second(call, item)
    shorter = _length(price) < _length(item["price"])
    return (cheaper and "decreasing_item_amount" in conditions) or (shorter and "shortening_interval" in conditions)


def _length(price: Object) -> int:
    return int(SECONDS[price["recurring"]["interval"]] * price["recurring"]["interval_count"])


def _per_second(call: Call, item: Object) -> Fraction:
    return Fraction(items.cost(call, item), _length(item["price"]))


def plan(call: Call, api: Api, subscription: Object, price: str, quantity: int | None) -> None:
    """Let a schedule change the subscription at the end of its period; raises ApiError where it cannot."""
    schedule = api.post("subscription_schedules", from_subscription=subscription["id"])
    (now,) = schedule["phases"]
    carried = {key: now[key] for key in _CARRIED if now[key]}
    if now["discounts"]:
        carried["discounts"] = [{kind: id for kind, id in each.items() if id} for each in now["discounts"]]
    present = [{key: each[key] for key in ("price", "quantity") if key in each} for each in now["items"]]
    bounds = {"end_date": now["end_date"], "start_date": now["start_date"]}
    after: dict[str, Any] = {key: value for key, value in carried.items() if key != "trial_end"}
    phases = [
        {**carried, **bounds, "items": present},
        {**after, "items": [{"price": price, "quantity": quantity}], "proration_behavior": "none"},
    ]
    try:
        api.post(f"subscription_schedules/{schedule['id']}", phases=phases, proration_behavior="none")
    except ApiError:
        api.post(f"subscription_schedules/{schedule['id']}/release")
        raise
    store.set_private(call, schedule, portal=True)


@dataclass(frozen=True)
class Planned:
    """A change that waits, in words."""

    schedule: str
    name: str
    rate: str
    day: str


def planned(call: Call, subscription: Object) -> Planned | None:
    """Return the change that was planned here; the schedules of others are not the customer's to undo."""
    schedule = store.find(call, "subscription_schedule", subscription["schedule"])
    if schedule is None or not store.private(call, schedule).get("portal"):
        return None
    coming = next((each for each in schedule["phases"] if each["start_date"] > call.now), None)
    if coming is None:
        return None
    (entry,) = coming["items"]
    price = store.get(call, "price", entry["price"])
    times = f" (×{entry['quantity']})" if entry["quantity"] != 1 else ""
    return Planned(
        schedule=schedule["id"],
        name=f"{wording.product_of(call, price)['name']}{times}",
        rate=wording.rate(call, price, entry["quantity"]),
        day=hosted.day(coming["start_date"]),
    )
