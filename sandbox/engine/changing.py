"""Changing a running subscription: first worked out without writing anything, then carried out.

A preview stops after the first half; that is why what it shows is what the second half charges.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sandbox import store
from sandbox.engine import charging, discounts, invoicing, items, ledger, proration, standing
from sandbox.engine.calendar import HOUR, Period
from sandbox.engine.proration import Draft
from sandbox.kernel import Call, Object, invalid, new_id

PENDING_FOR = 23 * HOUR
PRORATED = {"billing_cycle_anchor", "items", "trial_end"}
CHANGES = {*PRORATED, "add_invoice_items", "cancel_at", "discounts"}
_PENDING_ALLOWED = {
    "add_invoice_items", "billing_cycle_anchor", "cancel_at_period_end", "discounts", "expand", "items", "metadata",
    "off_session", "payment_behavior", "proration_behavior", "proration_date", "trial_end", "trial_from_plan",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """What an update makes of a subscription."""

    subscription: Object  # as it will be
    prorations: list[Draft]  # credits and debits for the rest of running periods
    periods: list[Draft]  # whole periods that begin now
    bills: bool  # an invoice is made at once

    def drafts(self, call: Call) -> list[Draft]:
        """Return the lines of the invoice that this change makes at once, of what is stored nothing yet."""
        after = self.subscription
        return [*ledger.waiting(call, after["customer"], after["id"]), *self.prorations, *self.periods]


def work_out(call: Call, before: Object, params: dict[str, Any]) -> Change:
    """Return what the parameters items, discounts, trial_end, billing_cycle_anchor and proration_… make of it.

    Raises the 400 that Stripe gives for a proration_date outside the current period and for impossible items.
    """
    after = before | {"items": before["items"] | {"data": items.changed(call, before, params.get("items", []))}}
    if "discounts" in params:
        after["discounts"] = redeemed(call, after, params["discounts"])
    behavior = params.get("proration_behavior", "create_prorations")
    moment = _moment(call, before, params)
    trial_end = params.get("trial_end")
    if isinstance(trial_end, int):
        return _into_trial(call, before, after, trial_end, _credits(call, before, moment, behavior))
    if before["status"] == "trialing":
        ended = {"trial_end": call.now, "status": "active"}
        return _restart(call, after | ended, []) if trial_end == "now" else _during_trial(after)
    if "cancel_at" in params and not params.keys() & PRORATED:
        return _cut(call, before, after, behavior)
    anchor = (params.get("billing_cycle_anchor") or {}).get("type")
    if anchor == "now" or restarts(call, before, after):
        return _restart(call, after, _credits(call, before, moment, behavior))
    return _midway(call, before, after, moment, behavior)


def redeemed(call: Call, subscription: Object, given: list[dict[str, Any]] | None) -> list[str]:
    """Return the discounts of a subscription that the parameter `discounts` asks for."""
    trial = subscription["status"] == "trialing"
    purchase = (0 if trial else _worth(call, subscription), subscription["currency"])
    return discounts.redeem(call, given, purchase, customer=subscription["customer"], subscription=subscription["id"])


def _moment(call: Call, before: Object, params: dict[str, Any]) -> int:
    moment: int = params.get("proration_date", call.now)
    if not all(items.period(item).start <= moment <= items.period(item).end for item in before["items"]["data"]):
        raise invalid(
            "Invalid proration date: it must be within the current period.", param="subscription_proration_date"
        )
    return moment


def _credits(call: Call, before: Object, moment: int, behavior: str) -> list[Draft]:
    if behavior == "none" or before["status"] == "paused":
        return []
    return [draft for item in before["items"]["data"] for draft in credits(call, before, item, moment)]


def credits(call: Call, subscription: Object, item: Object, moment: int) -> list[Draft]:
    """Return what the item gives back for the time from `moment` on."""
    name = ledger.product_name(call, item["price"])
    debits = ledger.open_debits(call, subscription, item)
    return proration.credits(item, name, debits, moment, itemized=ledger.itemizes(subscription))


def restarts(call: Call, before: Object, after: Object) -> bool:
    """Tell whether a change begins a new billing cycle: another interval, or the first price that is not free."""
    old = {item["id"]: _interval(item) for item in before["items"]["data"]}
    new = {item["id"]: _interval(item) for item in after["items"]["data"]}
    another = any(old[id] != new[id] for id in old.keys() & new.keys()) or not set(old.values()) & set(new.values())
    return another or _worth(call, before) == 0 < _worth(call, after)


def _interval(item: Object) -> tuple[str, int]:
    return item["price"]["recurring"]["interval"], item["price"]["recurring"]["interval_count"]


def _worth(call: Call, subscription: Object) -> int:
    return sum(items.cost(call, item) for item in subscription["items"]["data"])


def _into_trial(call: Call, before: Object, after: Object, trial_end: int, credits: list[Draft]) -> Change:
    if trial_end <= call.now:
        raise invalid("Invalid timestamp: trial_end must be in the future, or `now`.", param="trial_end")
    already = before["status"] == "trialing"
    trial = Period(before["trial_start"] if already else call.now, trial_end)
    after |= {
        "billing_cycle_anchor": trial_end,
        "status": "trialing",
        "trial_end": trial_end,
        "trial_start": trial.start,
    }
    _set_periods(after, lambda item: trial)
    if already:
        return Change(after, [], [], bills=False)
    return Change(after, credits, [_trial_line(call, item) for item in after["items"]["data"]], bills=True)


def _trial_line(call: Call, item: Object) -> Draft:
    return proration.trial_period(item, ledger.product_name(call, item["price"]), items.period(item))


def _during_trial(after: Object) -> Change:
    trial = Period(after["trial_start"], after["trial_end"])
    _set_periods(after, lambda item: trial)
    return Change(after, [], [], bills=False)


def _restart(call: Call, after: Object, credits: list[Draft]) -> Change:
    after |= {"billing_cycle_anchor": call.now, "billing_cycle_anchor_config": None}
    _set_periods(after, lambda item: items.natural_period(after, item, call.now))
    return Change(after, credits, [whole_period(call, item) for item in after["items"]["data"]], bills=True)


def whole_period(call: Call, item: Object) -> Draft:
    """Return the line for the item's current period, in full."""
    return proration.full_period(
        items.with_tiers(call, item), ledger.product_name(call, item["price"]), items.period(item)
    )


def _midway(call: Call, before: Object, after: Object, moment: int, behavior: str) -> Change:
    old = {item["id"]: item for item in before["items"]["data"]}
    new = {item["id"]: item for item in after["items"]["data"]}
    _set_periods(
        after, lambda item: items.period(item) if item["id"] in old else items.natural_period(before, item, call.now)
    )
    if behavior == "none" or before["status"] == "paused":
        return Change(after, [], [], bills=False)
    touched = [id for id in [*old, *(id for id in new if id not in old)] if _costs(old.get(id)) != _costs(new.get(id))]
    drafts = [draft for id in touched if id in old for draft in credits(call, before, old[id], moment)]
    natural = partial(items.natural_period, after, moment=call.now)
    drafts += parts(call, after, touched, natural, moment)
    return Change(after, drafts, [], bills=behavior == "always_invoice" and bool(drafts))


def _cut(call: Call, before: Object, after: Object, behavior: str) -> Change:
    """Let the current period end where the subscription ends, or run its course again."""
    _set_periods(after, lambda item: _period_left(after, item))
    shorter = [item for item in before["items"]["data"] if _end_in(after, item) < item["current_period_end"]]
    longer = [item for item in before["items"]["data"] if _end_in(after, item) > item["current_period_end"]]
    if behavior == "none" or before["status"] == "paused":
        return Change(after, [], [], bills=False)
    drafts = [draft for item in shorter for draft in credits(call, before, item, _end_in(after, item))]
    natural = partial(items.natural_period, after, moment=call.now)
    for item in longer:
        drafts += parts(call, after, [item["id"]], natural, item["current_period_end"])
    return Change(after, drafts, [], bills=behavior == "always_invoice" and bool(drafts))


def _period_left(after: Object, item: Object) -> Period:
    whole = items.natural_period(after, item, item["current_period_start"])
    return items.until_canceled(after, whole.after(item["current_period_start"]))


def _end_in(subscription: Object, item: Object) -> int:
    found = next(each for each in subscription["items"]["data"] if each["id"] == item["id"])
    return int(found["current_period_end"])


def _costs(item: Object | None) -> tuple[str, int | None] | None:
    return (item["price"]["id"], item.get("quantity")) if item else None


def parts(
    call: Call,
    subscription: Object,
    ids: list[str],
    whole: Callable[[Object], Period],
    since: int | None = None,
) -> list[Draft]:
    """Return, for some of the items, the lines that ask for their current period, or what is left of it at `since`.

    `whole` says of which period of an item that is a part.
    """
    debits, itemized = ledger.to_come(call, subscription, whole), ledger.itemizes(subscription)
    data = [item for item in subscription["items"]["data"] if item["id"] in ids]
    asked = [(item, items.period(item).after(since or 0), ledger.product_name(call, item["price"])) for item in data]
    return [
        proration.remainder(item, name, debits[item["id"]], period, itemized=itemized) for item, period, name in asked
    ]


def _set_periods(subscription: Object, period: Any) -> None:
    data = [items.set_period(item, period(item)) for item in subscription["items"]["data"]]
    subscription["items"] = subscription["items"] | {"data": data}
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = standing.period_end(subscription)


def update(call: Call, before: Object, params: dict[str, Any]) -> Object:
    """Change a subscription; a change that still waited for its payment is dropped.

    Raises the card's 402 with error_if_incomplete: then nothing at all has changed.
    """
    if params.get("payment_behavior") == "pending_if_incomplete":
        _check_pending(params)
    drop_pending(call, before)
    change = work_out(call, before, params)
    added = add_invoice_items(call, change.subscription, params)
    if added and params.get("proration_behavior") == "always_invoice":
        change = replace(change, bills=True)
    if "discounts" in params:
        store.set_private(call, before, no_discounts=discounts.refused(params))
    after = _carry_out(call, before, change, params)
    if not standing.waits_for(call, after):
        discounts.drop_replaced(call, before, after)
    return after


def add_invoice_items(call: Call, subscription: Object, params: dict[str, Any]) -> list[Object]:
    """Store what the parameter `add_invoice_items` asks for once, on the subscription's next invoice."""
    periods = [items.period(item) for item in subscription["items"]["data"]]
    common = Period(max(period.start for period in periods), min(period.end for period in periods))
    return [
        ledger.add(
            call,
            subscription["customer"],
            each | _price(each) | {"period": _period(call, each.get("period", {}), common)},
            subscription["currency"],
            subscription["id"],
        )
        for each in params.get("add_invoice_items", [])
    ]


def _price(given: dict[str, Any]) -> dict[str, Any]:
    return {"pricing": {"price": given["price"]}} if "price" in given else {}


def _period(call: Call, given: dict[str, Any], common: Period) -> dict[str, int]:
    starts, ends = given.get("start", {}), given.get("end", {})
    start = {"now": call.now, "timestamp": starts.get("timestamp")}.get(starts.get("type"), common.start)
    end = {"timestamp": ends.get("timestamp")}.get(ends.get("type"), common.end)
    if start is None or end is None or start > end:
        raise invalid("The period of an invoice item must end after it starts.", param="add_invoice_items[0][period]")
    return {"start": start, "end": end}


def drop_pending(call: Call, subscription: Object) -> None:
    """Void the invoice of a change that still waits for its payment: what it would give back is not given."""
    if waits_for := standing.waits_for(call, subscription):
        charging.void(call, store.get(call, "invoice", waits_for))
        subscription |= {"pending_update": None}


def _carry_out(call: Call, before: Object, change: Change, params: dict[str, Any]) -> Object:
    """Write a change down and, where it bills, collect the invoice as `payment_behavior` says."""
    behavior = params.get("payment_behavior", "allow_incomplete")
    if not change.bills:
        standing.keep(call, change.subscription)
        items.keep(call, change.subscription)
        ledger.park(call, before["customer"], change.prorations)
        return change.subscription
    charges = before["collection_method"] == "charge_automatically" and not before["pause_collection"]
    pending = behavior == "pending_if_incomplete" and charges  # nothing can wait for a payment that nobody will try
    with standing.quietly(call, before):
        invoice = _bill(call, before if pending else change.subscription, change)
        if pending:
            standing.when_paid(call, before, invoice["id"], _fields(before, change.subscription))
        _collect(call, invoice, behavior, off_session=params.get("off_session", False))
        after = store.get(call, "subscription", before["id"])
        if pending and standing.waits_for(call, after):
            standing.keep(call, after | {"pending_update": _pending(call, before, change.subscription)})
        else:
            items.keep(call, after)
    return store.get(call, "subscription", before["id"])


def _bill(call: Call, subscription: Object, change: Change) -> Object:
    customer = store.get(call, "customer", subscription["customer"])
    ledger.park(call, customer["id"], change.prorations)
    drafts = [*ledger.waiting(call, customer["id"], subscription["id"]), *change.periods]
    # Also where the change waits for its payment: what is to be paid is what the change costs.
    fields = charging.for_subscription(call, change.subscription, "subscription_update")
    id = new_id(call, "in")
    standing.keep(call, subscription | {"latest_invoice": id})
    return invoicing.create(call, customer, drafts, id=id, **fields)


def _collect(call: Call, invoice: Object, behavior: str, *, off_session: bool) -> None:
    if behavior == "default_incomplete":
        invoice = charging.open(call, invoice)
        if invoice["status"] == "open":
            standing.fall_behind(call, invoice)
    else:
        charging.collect(call, invoice, off_session=off_session, raising=behavior == "error_if_incomplete")


def _check_pending(params: dict[str, Any]) -> None:
    for name in sorted(params.keys() - _PENDING_ALLOWED):
        raise invalid(f"You cannot use `{name}` with `payment_behavior=pending_if_incomplete`.", param=name)


def _fields(before: Object, after: Object) -> Object:
    """Return what is different, whole keys, for the moment when the change is paid for."""
    return {key: copy.deepcopy(value) for key, value in after.items() if before[key] != value}


def _pending(call: Call, before: Object, after: Object) -> Object:
    ends = [call.now + PENDING_FOR, standing.period_end(before), before["trial_end"] or 0]
    moved = before["billing_cycle_anchor"] != after["billing_cycle_anchor"]
    return {
        "billing_cycle_anchor": after["billing_cycle_anchor"] if moved else None,
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": after["discounts"] if before["discounts"] != after["discounts"] else None,
        "expires_at": min(end for end in ends if end > call.now),
        "metadata": None,
        "subscription_items": after["items"]["data"],
        "trial_end": after["trial_end"] if before["trial_end"] != after["trial_end"] else None,
        "trial_from_plan": None,
    }
