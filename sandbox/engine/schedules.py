"""Subscription schedules: phases laid end to end, and what each makes of the subscription when its time has come.

A boundary is a step in the subscription's own agenda: at the end of a period the phase changes first, then the
renewal bills what the new phase says.
"""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from sandbox import events, store
from sandbox.engine import canceling, changing, discounts, items, phases, shapes, standing, subscribing
from sandbox.engine.calendar import DAY
from sandbox.kernel import Call, Object, StripeError, falls_due, invalid, listens, new_id
from sandbox.resources.subscriptions import check_currency

KIND = "subscription_schedule"
EXPIRING_NOTICE = 7 * DAY
_RUNNING = {"active", "not_started"}


def attach(call: Call, schedule: Object, subscription: Object) -> Object:
    """Store a schedule that drives a running subscription from now on."""
    schedule |= {
        "current_phase": _bounds(schedule["phases"][0]),
        "status": "active",
        "subscription": subscription["id"],
    }
    store.insert(call, schedule, f"{KIND}.created")
    _plan_notice(call, schedule)
    standing.keep(call, subscription | {"schedule": schedule["id"]} | _cancel_at(schedule, subscription))
    return schedule


def begin(call: Call, schedule: Object) -> Object:
    """Store a schedule that makes a subscription of its own, now or at the start of its first phase."""
    store.insert(call, schedule, f"{KIND}.created")
    first = schedule["phases"][0]
    if first["start_date"] > call.now:
        store.schedule(call, schedule, first["start_date"])
        return schedule
    return _start(call, schedule)


def _start(call: Call, schedule: Object) -> Object:
    """Subscribe the customer to the first phase. Its invoice is a draft for an hour, as at a renewal."""
    phase = schedule["phases"][0]
    blank = shapes.subscription(call, schedule["customer"], new_id(call, "sub"))
    blank |= {"billing_mode": schedule["billing_mode"], "schedule": schedule["id"]} | _settings(schedule, phase)
    blank["metadata"] = dict(phase["metadata"])
    trial = {"trial_end": phase["trial_end"]} if phase["trial_end"] else {}
    entries = [_item(each) | _redeemed(each) for each in phase["items"]]
    composed = subscribing.compose(call, blank, {"items": entries, **trial, **_redeemed(phase)})
    check_currency(call, composed)
    started = {"current_phase": _bounds(phase), "status": "active", "subscription": composed["id"]}
    schedule = store.save(call, schedule | started)
    composed |= _cancel_at(schedule, composed)
    subscribing.start(call, composed, {"payment_behavior": subscribing.DRAFT})
    _plan_notice(call, schedule)
    return schedule


def _item(entry: Object) -> dict[str, Any]:
    return {key: entry[key] for key in ("price", "quantity", "metadata") if key in entry}


def _redeemed(phase: Object) -> dict[str, Any]:
    """Return the parameter `discounts` that a phase, or an item of one, amounts to."""
    named = [{key: value for key, value in each.items() if value} for each in phase["discounts"]]
    return {"discounts": named} if named else {}


def _settings(schedule: Object, phase: Object) -> Object:
    """Return what a phase, or else the schedule, says of how the subscription is paid."""
    default = schedule["default_settings"]
    named = {key: phase[key] or default[key] for key in phases.PLAIN}
    due = (phase["invoice_settings"] or default["invoice_settings"]).get("days_until_due")
    sends = named["collection_method"] == "send_invoice"
    named["days_until_due"] = due if sends else None
    return {key: value for key, value in named.items() if value is not None}


def _bounds(phase: Object) -> Object:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}


def _cancel_at(schedule: Object, subscription: Object) -> Object:
    """Return when the schedule ends the subscription, as `cancel_at` of the subscription."""
    if schedule["end_behavior"] == "cancel":
        return {"cancel_at": schedule["phases"][-1]["end_date"], "cancel_at_period_end": False}
    return {"cancel_at": None, "cancel_at_period_end": False}


def _plan_notice(call: Call, schedule: Object) -> None:
    notice = schedule["phases"][-1]["end_date"] - EXPIRING_NOTICE
    store.schedule(call, schedule, notice if notice > call.now else None)


@falls_due(KIND)
def _due(call: Call, schedule: Object) -> None:
    """Start at the date agreed upon, or say that the end is near; the boundaries are steps of the subscription."""
    if schedule["status"] == "not_started":
        try:
            _start(call, schedule)
        except StripeError:  # the customer has come to be billed in another currency meanwhile
            _close(call, schedule, "canceled", "canceled_at", "aborted")
    elif schedule["status"] == "active":
        events.emit(call, f"{KIND}.expiring", schedule)


def advance(call: Call, subscription: Object) -> None:
    """Let the next phase begin, or, after the last one, let the subscription go on by itself."""
    schedule = store.get(call, KIND, subscription["schedule"])
    phase = _following(schedule)
    if phase is None:
        release(call, schedule)
        return
    store.save(call, schedule | {"current_phase": _bounds(phase)}, f"{KIND}.updated")
    _enter(call, schedule, subscription, phase, phase["proration_behavior"])


def _following(schedule: Object) -> Object | None:
    ends = schedule["current_phase"]["end_date"]
    return next((phase for phase in schedule["phases"] if phase["start_date"] == ends), None)


def _enter(call: Call, schedule: Object, subscription: Object, phase: Object, behavior: str) -> None:
    """Make of the subscription what a phase says: for the next period, or, within one, with prorations."""
    after = copy.deepcopy(subscription) | _settings(schedule, phase)
    after["metadata"] = store.merged_metadata(after["metadata"], phase["metadata"])
    if _is_renewal(call, subscription, phase):
        entered = at_renewal(call, after, phase)
        with suppress(StripeError):  # a coupon that nobody can redeem any more does not hold the phase up
            entered["discounts"] = changing.redeemed(call, entered, _redeemed(phase).get("discounts"))
        standing.keep(call, entered)
        items.keep(call, entered)
        discounts.drop_replaced(call, subscription, entered)
        return
    params: dict[str, Any] = {"items": _entries(after, phase), "proration_behavior": behavior}
    params["discounts"] = _redeemed(phase).get("discounts", [])
    if phase["trial_end"]:
        params["trial_end"] = phase["trial_end"]
    elif subscription["status"] == "trialing":
        params["trial_end"] = "now"
    try:
        changing.update(call, after, params)
    except StripeError:
        changing.update(call, after, params | {"discounts": []})


def _is_renewal(call: Call, subscription: Object, phase: Object) -> bool:
    ends = {item["current_period_end"] for item in subscription["items"]["data"]}
    return ends == {call.now} and not phase["trial_end"]


def at_renewal(call: Call, subscription: Object, phase: Object) -> Object:
    """Return a subscription whose period ends now with the items of the phase that begins now; it renews next."""
    past = items.period(subscription["items"]["data"][0])
    data = items.changed(call, subscription, _entries(subscription, phase))
    after = subscription | {"items": subscription["items"] | {"data": [items.set_period(each, past) for each in data]}}
    if phase["billing_cycle_anchor"] == "phase_start" or changing.restarts(call, subscription, after):
        after |= {"billing_cycle_anchor": call.now, "billing_cycle_anchor_config": None}
    return after


def _entries(subscription: Object, phase: Object) -> list[dict[str, Any]]:
    """Return the parameter `items` that leads from the items there are to those of a phase.

    Where a price stays, its item stays; of the others one after the other takes a new price.
    """
    old = {item["price"]["id"]: item["id"] for item in subscription["items"]["data"]}
    kept = {each["price"]: old.pop(each["price"]) for each in phase["items"] if each["price"] in old}
    free = iter(list(old.values()))
    entries = []
    for each in phase["items"]:
        id = kept.get(each["price"]) or next(free, None)
        entries.append(_item(each) | ({"id": id} if id else {}) | (_redeemed(each) or {"discounts": None}))
    return [*entries, *({"id": id, "deleted": True} for id in free)]


def upcoming(call: Call, subscription: Object) -> Object:
    """Return a subscription as its schedule will make it by the end of the current period; nothing is kept."""
    schedule = store.find(call, KIND, subscription["schedule"])
    ends = standing.period_end(subscription)
    if not schedule or schedule["status"] != "active" or schedule["current_phase"]["end_date"] != ends:
        return subscription
    phase, then = _following(schedule), call.at(ends)
    if phase is None or not _is_renewal(then, subscription, phase):
        return subscription
    entered = at_renewal(then, subscription, phase)
    with suppress(StripeError):
        entered["discounts"] = changing.redeemed(then, entered, _redeemed(phase).get("discounts"))
    return entered


def rewrite(call: Call, schedule: Object, rewritten: list[Object] | None, behavior: str) -> Object:
    """Store a changed schedule with, unless None, other phases; what that says of the current one happens at once."""
    before = _current(schedule)
    schedule |= {} if rewritten is None else {"phases": rewritten}
    if schedule["status"] == "not_started":
        store.schedule(call, schedule, schedule["phases"][0]["start_date"])
        return store.save(call, schedule, f"{KIND}.updated")
    subscription = store.get(call, "subscription", schedule["subscription"])
    now = next((phase for phase in schedule["phases"] if phase["start_date"] <= call.now < phase["end_date"]), None)
    if now is None:
        raise invalid("The phases must cover the present: the current phase cannot be left out.", param="phases")
    schedule["current_phase"] = _bounds(now)
    store.save(call, schedule, f"{KIND}.updated")
    _plan_notice(call, schedule)
    ends = _cancel_at(schedule, subscription)
    subscription = standing.keep(call, subscription | ends)
    if _content(now) != _content(before):
        _enter(call, schedule, subscription, now, behavior)
    return store.get(call, KIND, schedule["id"])


def _current(schedule: Object) -> Object | None:
    start = (schedule["current_phase"] or {}).get("start_date")
    return next((phase for phase in schedule["phases"] if phase["start_date"] == start), None)


def _content(phase: Object | None) -> Object:
    framing = {"end_date", "proration_behavior", "start_date"}
    return {key: value for key, value in (phase or {}).items() if key not in framing}


def release(call: Call, schedule: Object, *, preserve_cancel_date: bool = False) -> Object:
    """Let the subscription go on by itself, unless `preserve_cancel_date` without the end that the schedule gave it."""
    subscription = store.find(call, "subscription", schedule["subscription"])
    let_go = {"released_subscription": schedule["subscription"], "subscription": None}
    schedule = _close(call, schedule | let_go, "released", "released_at", "released")
    if subscription:
        kept = {} if preserve_cancel_date else {"cancel_at": None}
        standing.keep(call, subscription | {"schedule": None} | kept)
    return schedule


def cancel(call: Call, schedule: Object, params: dict[str, Any]) -> Object:
    """Cancel a schedule and its subscription, at once; unlike at a subscription, with prorations unless told not to."""
    subscription = store.find(call, "subscription", schedule["subscription"])
    schedule = _close(call, schedule, "canceled", "canceled_at", "canceled")
    if subscription and subscription["status"] not in standing.ENDED:
        canceling.cancel(call, subscription, {"invoice_now": True, "prorate": True, **params})
    return schedule


def _close(call: Call, schedule: Object, status: str, moment: str, event: str) -> Object:
    store.schedule(call, schedule, None)
    closed = schedule | {"current_phase": None, "status": status, moment: call.now}
    return store.save(call, closed, f"{KIND}.{event}")


def ensure_running(schedule: Object, verb: str) -> None:
    """Raise the 400 of Stripe for a schedule that is over."""
    if schedule["status"] not in _RUNNING:
        raise invalid(
            f"You cannot {verb} a subscription schedule that is currently in the `{schedule['status']}` status. It "
            "must be in the `not_started` or `active` status."
        )


@listens("customer.subscription.deleted")
def _subscription_ended(call: Call, subscription: Object) -> None:
    """A schedule ends with its subscription: as planned, for want of a payment, or because somebody cancelled."""
    schedule = store.find(call, KIND, subscription["schedule"])
    if not schedule or schedule["status"] != "active":
        return
    if call.now >= schedule["phases"][-1]["end_date"]:
        _close(call, schedule, "completed", "completed_at", "completed")
    else:
        unpaid = subscription["cancellation_details"]["reason"] == "payment_failed"
        _close(call, schedule, "canceled", "canceled_at", "aborted" if unpaid else "canceled")


@listens("customer.subscription.updated")
def _subscription_changed(call: Call, subscription: Object) -> None:
    """Write a change that was made to the subscription itself into the current phase of its schedule."""
    schedule = store.find(call, KIND, subscription["schedule"])
    current = schedule and schedule["status"] == "active" and _current(schedule)
    if schedule and current:
        entries = [phases.entry_of(item) for item in subscription["items"]["data"]]
        if [_what(each) for each in entries] != [_what(each) for each in current["items"]]:
            after = [phase | {"items": entries} if phase is current else phase for phase in schedule["phases"]]
            store.save(call, schedule | {"phases": after}, f"{KIND}.updated")


def _what(entry: Object) -> tuple[str, int | None]:
    return entry["price"], entry.get("quantity")


@listens("customer.deleted")
def _customer_deleted(call: Call, customer: Object) -> None:
    for schedule in store.query(call, KIND, customer=customer["id"], status="not_started"):
        _close(call, schedule, "canceled", "canceled_at", "canceled")
