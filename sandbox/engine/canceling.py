"""Ending a subscription: now, at the end of its period, or on a date; and changing one's mind."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.engine import charging, invoicing, ledger, standing
from sandbox.engine.changing import credits
from sandbox.kernel import Call, Object, invalid, listens, new_id

UNDONE = {"comment": None, "feedback": None, "reason": None}


def plan_end(call: Call, subscription: Object, params: dict[str, Any]) -> None:
    """Write into the subscription what cancel_at_period_end, cancel_at and cancellation_details ask for."""
    if params.get("cancel_at_period_end") and params.get("cancel_at"):
        raise invalid(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.", param="cancel_at"
        )
    if subscription["schedule"] and params.keys() & {"cancel_at", "cancel_at_period_end"}:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead."
        )
    at_period_end = subscription["cancel_at_period_end"]
    if params.get("cancel_at_period_end") and not at_period_end:
        _ends(call, subscription, standing.period_end(subscription), at_period_end=True)
    elif params.get("cancel_at_period_end") is False and at_period_end:
        _goes_on(subscription)
    if "cancel_at" in params:
        _end_on(call, subscription, params["cancel_at"])
    subscription["cancellation_details"] |= params.get("cancellation_details", {})


def cancel(call: Call, subscription: Object, params: dict[str, Any]) -> Object:
    """Cancel at once. `prorate` credits the unused time, `invoice_now` bills it and whatever else waits.

    Nothing is ever refunded: a credit goes to the next invoice, or to the customer's balance.
    """
    prorate, invoice_now = params.get("prorate", False), params.get("invoice_now", False)
    was_incomplete = subscription["status"] == "incomplete"
    data = subscription["items"]["data"] if prorate else []
    unused = [draft for item in data for draft in credits(call, subscription, item, call.now)]
    waits_for = standing.waits_for(call, subscription)
    subscription["cancellation_details"] |= params.get("cancellation_details", {})
    standing.end(call, subscription, "cancellation_requested")
    if unpaid := subscription["latest_invoice"] if was_incomplete else waits_for:
        charging.void(call, store.get(call, "invoice", unpaid))
    ledger.park(call, subscription["customer"], unused)
    if invoice_now:
        bill_what_waits(call, subscription)
    elif not prorate:
        ledger.drop_prorations(call, subscription)
    return store.get(call, "subscription", subscription["id"])


def bill_what_waits(call: Call, subscription: Object) -> None:
    """Make the last invoice of an ended subscription, where anything waits for one."""
    drafts = ledger.waiting(call, subscription["customer"], subscription["id"])
    if not drafts:
        return
    customer = store.get(call, "customer", subscription["customer"])
    fields, id = charging.for_subscription(call, subscription, "subscription_update"), new_id(call, "in")
    standing.keep(call, subscription | {"latest_invoice": id}, None)
    charging.collect(call, invoicing.create(call, customer, drafts, id=id, **fields))


def _ends(call: Call, subscription: Object, moment: int, *, at_period_end: bool) -> None:
    subscription |= {"cancel_at": moment, "cancel_at_period_end": at_period_end, "canceled_at": call.now}
    subscription["cancellation_details"] |= {"reason": "cancellation_requested"}


def _goes_on(subscription: Object) -> None:
    subscription |= {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    subscription["cancellation_details"] |= UNDONE


def _end_on(call: Call, subscription: Object, given: int | str | None) -> None:
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if given is None:
        _goes_on(subscription)
    elif isinstance(given, int) and given <= call.now:
        raise invalid("Invalid timestamp: cancel_at must be in the future.", param="cancel_at")
    else:
        named = {"max_billed_until": max(ends), "max_period_end": max(ends), "min_period_end": min(ends)}
        _ends(call, subscription, named[given] if isinstance(given, str) else given, at_period_end=False)


@listens("customer.deleted")
def _cancel_all(call: Call, customer: Object) -> None:
    """A deleted customer's subscriptions end at once."""
    for subscription in store.query(call, "subscription", customer=customer["id"]):
        if subscription["status"] not in standing.ENDED:
            standing.end(call, subscription)
