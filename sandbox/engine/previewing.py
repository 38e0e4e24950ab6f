"""What an invoice will be: of the next renewal, of a change, of a new subscription. Nothing is kept."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from sandbox import store
from sandbox.engine import (
    canceling,
    changing,
    charging,
    invoicing,
    ledger,
    pausing,
    schedules,
    shapes,
    standing,
    subscribing,
    taxes,
)
from sandbox.engine.calendar import HOUR, Period
from sandbox.engine.proration import Draft
from sandbox.kernel import Call, Object, StripeError, invalid, new_id
from sandbox.router import ALIAS

_NOBODY = dict.fromkeys(("address", "currency", "email", "id", "name", "phone", "shipping", "tax_exempt")) | {
    "balance": 0
}


def preview(call: Call, params: dict[str, Any]) -> Object:
    """Return the invoice that `params` of /v1/invoices/create_preview ask for.

    Raises invoice_upcoming_none where there will be none. What had to be written on the way is rolled back.
    """
    with transaction.atomic(using=ALIAS):
        details = params.get("subscription_details", {})
        details |= {"discounts": params["discounts"]} if "discounts" in params else {}
        subscription = _subscription(call, params, details)
        for given in params.get("invoice_items", []):
            _add(call, params, given, subscription)
        begins = subscription is None
        subscription = (subscription or _new(call, params, details)) | _default_rates(call, details)
        if params.get("preview_mode") == "recurring":
            invoice = _recurring(call, subscription, details, begins=begins)
        else:
            invoice = _first(call, subscription, details) if begins else _of(call, subscription, details)
        transaction.set_rollback(True, using=ALIAS)
    return invoice


def renewal(call: Call, subscription: Object, prorations: list[Draft] | None = None) -> Object:
    """Return the invoice of the subscription's next period, with `prorations` that are not stored yet.

    Raises invoice_upcoming_none where the subscription ends before, and nothing waits to be billed.
    """
    moment = standing.period_end(subscription)
    waiting = [*ledger.waiting(call, subscription["customer"], subscription["id"]), *(prorations or [])]
    ends = subscription["cancel_at"]
    if subscription["status"] in standing.ENDED or (ends and ends <= moment):
        if not waiting or subscription["status"] in standing.ENDED:
            raise _none(subscription["customer"])
        return _compose(call, subscription, waiting, ends)
    after, lines = subscribing.next_cycle(call, schedules.upcoming(call, subscription))
    start = min(item["current_period_start"] for item in subscription["items"]["data"])
    return _compose(call, after, [*waiting, *lines], moment, Period(start, moment))


def _subscription(call: Call, params: dict[str, Any], details: dict[str, Any]) -> Object | None:
    """Return the subscription to preview, None for a new one that `details` describe."""
    if id := params.get("subscription"):
        return store.get(call, "subscription", id, "subscription")
    if details.get("items"):
        return None
    if "customer" not in params:
        raise invalid("You must pass either `customer` or `subscription`.", param="customer", code="parameter_missing")
    customer = store.get(call, "customer", params["customer"], "customer")
    theirs = store.query(call, "subscription", customer=customer["id"])
    running = [each for each in theirs if each["status"] not in standing.ENDED | {"incomplete", "paused"}]
    if not running:
        raise _none(customer["id"])
    return min(running, key=standing.period_end)


def _add(call: Call, params: dict[str, Any], given: dict[str, Any], subscription: Object | None) -> None:
    """Let an item of the request's own wait for the invoice, until the rollback."""
    customer = subscription["customer"] if subscription else params.get("customer")
    if customer is None:
        raise invalid("You must pass `customer` to preview invoice items.", param="customer", code="parameter_missing")
    currency = given.get("currency") or (subscription["currency"] if subscription else "usd")
    price = {"pricing": {"price": given["price"]}} if "price" in given else {}
    ledger.add(call, customer, given | price, currency)


def _default_rates(call: Call, details: dict[str, Any]) -> Object:
    """Return the key of a subscription that `default_tax_rates` sets."""
    param = "subscription_details[default_tax_rates]"
    given = "default_tax_rates" in details
    return {"default_tax_rates": taxes.rates(call, details["default_tax_rates"], param)} if given else {}


def _new(call: Call, params: dict[str, Any], details: dict[str, Any]) -> Object:
    """Return the subscription that `details` describe, which may be nobody's."""
    if "customer" in params:
        store.get(call, "customer", params["customer"], "customer")
    anchor = (details.get("billing_cycle_anchor") or {}).get("timestamp")
    blank = shapes.subscription(call, params.get("customer"), new_id(call, "sub"))
    return subscribing.compose(call, blank, details | ({"billing_cycle_anchor": anchor} if anchor else {}))


def _first(call: Call, subscription: Object, details: dict[str, Any]) -> Object:
    invoice = _compose(call, subscription, subscribing.first_lines(call, subscription, details), call.now)
    return invoice | {"parent": None}  # there is no subscription yet that it could name


def _recurring(call: Call, subscription: Object, details: dict[str, Any], *, begins: bool) -> Object:
    """Return what will come again and again: whole periods, without prorations and without what is billed once."""
    if not begins:
        subscription = changing.work_out(call, subscription, details | {"proration_behavior": "none"}).subscription
    lines = [changing.whole_period(call, item) for item in subscription["items"]["data"]]
    invoice = _compose(call, subscription, lines, call.now if begins else standing.period_end(subscription))
    return invoice | ({"parent": None} if begins else {})


def _of(call: Call, subscription: Object, details: dict[str, Any]) -> Object:
    if details.get("cancel_now"):
        return _canceled_now(call, subscription, details)
    if "cancel_at" in details:
        canceling.plan_end(call, subscription, {"cancel_at": details["cancel_at"]})
    if details.get("pause"):
        return _paused(call, subscription, details["pause"])
    if details.get("resume_at"):
        after = subscribing.resumed(call, subscription, details)
        return _compose(call, after, subscribing.first_lines(call, after, details), call.now)
    if details.get("cancel_at_period_end") is not None:
        ends = standing.period_end(subscription) if details["cancel_at_period_end"] else None
        subscription |= {"cancel_at": ends, "cancel_at_period_end": details["cancel_at_period_end"]}
    if not changing.CHANGES & details.keys():
        return renewal(call, subscription)
    changing.drop_pending(call, subscription)
    change = changing.work_out(call, subscription, details)
    if change.bills:
        invoice = _compose(call, change.subscription, change.drafts(call), call.now)
    else:
        invoice = renewal(call, change.subscription, change.prorations)
    if changing.PRORATED & details.keys():
        moment = details.get("proration_date", call.now)
        invoice["parent"]["subscription_details"]["subscription_proration_date"] = moment
    return invoice


def _canceled_now(call: Call, subscription: Object, details: dict[str, Any]) -> Object:
    waiting = ledger.waiting(call, subscription["customer"], subscription["id"])
    data = [] if details.get("proration_behavior") == "none" else subscription["items"]["data"]
    moment = details.get("proration_date", call.now)
    unused = [draft for item in data for draft in changing.credits(call, subscription, item, moment)]
    if not waiting and not unused:
        raise _none(subscription["customer"])
    return _compose(call, subscription, [*waiting, *unused], call.now)


def _paused(call: Call, subscription: Object, params: dict[str, Any]) -> Object:
    waiting = ledger.waiting(call, subscription["customer"], subscription["id"])
    drafts = [*waiting, *pausing.credits(call, subscription, params)]
    if not drafts or not pausing.bills(params):
        raise _none(subscription["customer"])
    return _compose(call, subscription, drafts, call.now)


def _compose(
    call: Call,
    subscription: Object,
    drafts: list[Draft],
    moment: int,
    period: Period | None = None,
) -> Object:
    then, whose = call.at(moment), subscription["customer"]
    customer = store.get(call, "customer", whose) if whose else dict(_NOBODY)
    start, end = period or (moment, moment)
    fields = charging.for_subscription(then, subscription, "upcoming")
    fields |= {"next_payment_attempt": moment + HOUR, "period_end": end, "period_start": start}
    return invoicing.compose(then, customer, drafts, new_id(call, "upcoming_in"), **fields)


def _none(customer: str | None) -> StripeError:
    return StripeError(
        404,
        "invalid_request_error",
        f"No upcoming invoices for customer: '{customer}'",
        code="invoice_upcoming_none",
    )
