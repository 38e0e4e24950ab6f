"""Starting a subscription, and resuming a paused one: the first period, its invoice, its payment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from sandbox import events, store
from sandbox.engine import charging, discounts, invoicing, items, ledger, proration, standing
from sandbox.engine.calendar import DAY, Period, boundary, next_anchor
from sandbox.engine.changing import add_invoice_items, parts, redeemed, whole_period
from sandbox.engine.proration import Debit, Draft
from sandbox.kernel import Call, Object, invalid, listens, new_id
from sandbox.resources import setup_intents

DRAFT = "draft"  # a payment behaviour of schedules alone: the first invoice waits for an hour, as a renewal's does
_LONGEST_PAST = 3 * 366 * DAY
CREATED = "customer.subscription.created"


def start(
    call: Call,
    subscription: Object,
    params: dict[str, Any],
    *,
    drafts: list[Draft] | None = None,
    paid_by: Object | None = None,
) -> Object:
    """Store a composed subscription and collect its first invoice as `payment_behavior` says.

    `drafts` replace the lines of that invoice; `paid_by` is the PaymentIntent that has paid it already, at Checkout.
    Raises the card's 402 with error_if_incomplete, and resource_missing where there is no card to charge.
    """
    customer = store.get(call, "customer", subscription["customer"])
    data = subscription["items"]["data"]
    data[:] = [items.set_period(item, items.until_canceled(subscription, items.period(item))) for item in data]
    add_invoice_items(call, subscription, params)
    drafts = first_lines(call, subscription, params) if drafts is None else drafts
    charges = _settle_status(call, subscription, customer, drafts, params)
    subscription["latest_invoice"] = new_id(call, "in") if drafts else None
    subscription["pending_setup_intent"] = _pending_setup_intent(call, subscription, customer)
    # With a payment on the way the subscription is announced after it, in the state that the payment gave it.
    with standing.quietly(call, subscription, CREATED) if charges else nullcontext():
        store.insert(call, subscription, None if charges else CREATED, no_discounts=discounts.refused(params))
        standing.reschedule(call, subscription)
        items.keep(call, subscription)
        _note_currency(call, customer, subscription["currency"])
        if drafts:
            _bill(call, subscription, drafts, "subscription_create", params, paid_by)
    return store.get(call, "subscription", subscription["id"])


def compose(call: Call, subscription: Object, params: dict[str, Any]) -> Object:
    """Fill a blank subscription with items, trial and periods; nothing is written. A preview starts from this too."""
    if not params.get("items"):
        raise invalid("Missing required param: items.", param="items", code="parameter_missing")
    subscription["currency"] = params.get("currency")
    data = items.changed(call, subscription, params["items"])
    subscription["currency"] = data[0]["price"]["currency"]
    trial_end = _trial_end(call, data, params)
    subscription |= {
        "billing_cycle_anchor": _anchor(call, data, params, trial_end),
        "billing_cycle_anchor_config": _anchor_config(params),
        "status": "trialing" if trial_end else "active",
        "trial_end": trial_end,
        "trial_start": call.now if trial_end else None,
    }
    subscription["items"]["data"] = [items.set_period(item, _first_period(call, subscription, item)) for item in data]
    subscription["start_date"] = _start(call, params)
    subscription["discounts"] = redeemed(call, subscription, params.get("discounts"))
    return subscription


def first_lines(call: Call, subscription: Object, params: dict[str, Any]) -> list[Draft]:
    """Return the lines of the first invoice."""
    behavior = params.get("proration_behavior", "create_prorations")
    lines = [line for item in subscription["items"]["data"] for line in first_line(call, subscription, item, behavior)]
    before = [] if behavior == "none" else _elapsed(call, subscription)
    return [*ledger.waiting(call, subscription["customer"], subscription["id"]), *before, *lines]


def _elapsed(call: Call, subscription: Object) -> list[Draft]:
    """Return the lines for the time since a `backdate_start_date`, by intervals that begin on that date.

    docs.stripe.com/billing/subscriptions/backdating: the billing cycle begins today all the same.
    """
    if subscription["start_date"] == call.now or subscription["created"] != call.now:
        return []
    itemized = ledger.itemizes(subscription)
    whole = ledger.to_come(call, subscription, items.period)
    return [
        proration.remainder(item, ledger.product_name(call, item["price"]), debit, part, itemized=itemized)
        for item in subscription["items"]["data"]
        for debit, part in _intervals(subscription["start_date"], call.now, item, whole[item["id"]])
    ]


def _intervals(start: int, until: int, item: Object, debit: Debit) -> Iterator[tuple[Debit, Period]]:
    for n in count():
        recurring = item["price"]["recurring"]
        period = Period(boundary(start, recurring, n), boundary(start, recurring, n + 1))
        if period.start >= until:
            return
        yield replace(debit, period=period), Period(period.start, min(period.end, until))


def first_line(call: Call, subscription: Object, item: Object, behavior: str) -> list[Draft]:
    """Return the line for an item's current period, which may be a trial, or shorter than its price's interval."""
    if subscription["status"] == "trialing":
        return [proration.trial_period(item, ledger.product_name(call, item["price"]), items.period(item))]
    period = items.period(item)
    whole = items.natural_period(subscription, item, period.start)
    if whole == period:
        return [whole_period(call, item)]
    if behavior == "none":
        return []
    natural = partial(items.natural_period, subscription, moment=period.start)
    return parts(call, subscription, [item["id"]], natural)


def next_cycle(call: Call, subscription: Object) -> tuple[Object, list[Draft]]:
    """Return the subscription in its next period, and the lines of that period."""
    end = standing.period_end(subscription)
    after = subscription | {"status": "active" if subscription["status"] == "trialing" else subscription["status"]}
    data = [
        items.set_period(item, items.until_canceled(after, items.natural_period(after, item, end).after(end)))
        if item["current_period_end"] == end
        else item
        for item in subscription["items"]["data"]
    ]
    after["items"] = subscription["items"] | {"data": data}
    begun = [item for item in data if item["current_period_start"] == end]
    return after, [line for item in begun for line in first_line(call, after, item, "create_prorations")]


def resume(call: Call, subscription: Object, params: dict[str, Any]) -> Object:
    """Start a paused subscription again, by default in a new billing cycle that begins now.

    With resume_on_payment_success it stays paused until its invoice is paid. Raises invalid() unless it is paused.
    """
    after = resumed(call, subscription, params)
    drafts = first_lines(call, after, params)
    latest = {"latest_invoice": new_id(call, "in")} if drafts else {}
    waits = bool(drafts) and params.get("payment_behavior") == "resume_on_payment_success"
    with standing.quietly(call, subscription):
        if waits:
            standing.when_paid(call, subscription, latest["latest_invoice"], after)
        standing.keep(call, (subscription if waits else after) | latest)
        if drafts:
            _bill(call, after | latest, drafts, "subscription_update", {"off_session": True})
    now = store.get(call, "subscription", subscription["id"])
    if not waits:
        events.emit(call, "customer.subscription.resumed", now)
    return now


def resumed(call: Call, subscription: Object, params: dict[str, Any]) -> Object:
    """Return a paused subscription as resuming will make it; raises invalid() unless it is paused."""
    if subscription["status"] != "paused":
        raise invalid("This subscription is not paused, so it cannot be resumed.")
    after = subscription | {"status": "active"}
    if (params.get("billing_cycle_anchor") or {}).get("type", "now") == "now":
        after |= {"billing_cycle_anchor": call.now, "billing_cycle_anchor_config": None}
    data = [items.set_period(item, _first_period(call, after, item)) for item in after["items"]["data"]]
    return after | {"items": after["items"] | {"data": data}}


def _settle_status(
    call: Call, subscription: Object, customer: Object, drafts: list[Draft], params: dict[str, Any]
) -> bool:
    """Set the status before any payment, and tell whether a payment is tried in this request."""
    automatic = subscription["collection_method"] == "charge_automatically" and params.get("payment_behavior") != DRAFT
    if not (drafts and automatic and _due(call, subscription, customer, drafts)):
        return False
    if subscription["status"] == "active":
        subscription["status"] = "incomplete"
    if params.get("payment_behavior") == "default_incomplete":
        return False
    if charging.usable(call, customer, None, subscription) is None:
        raise charging.no_payment_method()
    return True


def _due(call: Call, subscription: Object, customer: Object, drafts: list[Draft]) -> int:
    """Return what the first invoice will come to, in minor units."""
    fields = charging.for_subscription(call, subscription, "subscription_create")
    return int(invoicing.compose(call, customer, drafts, subscription["id"], **fields)["amount_due"])


def _bill(
    call: Call,
    subscription: Object,
    drafts: list[Draft],
    reason: str,
    params: dict[str, Any],
    paid_by: Object | None = None,
) -> None:
    customer = store.get(call, "customer", subscription["customer"])
    fields = charging.for_subscription(call, subscription, reason)
    invoice = invoicing.create(call, customer, drafts, id=subscription["latest_invoice"], **fields)
    behavior = params.get("payment_behavior")
    if paid_by:
        charging.receive(call, invoice, paid_by)
    elif subscription["collection_method"] == "send_invoice" or behavior == DRAFT:
        invoicing.keep(call, invoice | invoicing.auto_finalizes(call.now))
    elif behavior == "default_incomplete":
        charging.open(call, invoice)
    else:
        off_session, raising = params.get("off_session", False), behavior == "error_if_incomplete"
        charging.collect(call, invoice, off_session=off_session, raising=raising)


def _pending_setup_intent(call: Call, subscription: Object, customer: Object) -> str | None:
    """Ask for a card that later invoices can be charged to, where nothing is due now and there is none."""
    asks = subscription["status"] in {"active", "trialing"} and subscription["collection_method"] != "send_invoice"
    if not asks or charging.usable(call, customer, None, subscription):
        return None
    return str(setup_intents.make(call, customer=customer["id"], usage="off_session")["id"])


@listens("setup_intent.succeeded")
def _card_given(call: Call, intent: Object) -> None:
    """Use the card that a trial's pending SetupIntent has brought."""
    asking = store.query(call, "subscription", customer=intent["customer"], pending_setup_intent=intent["id"])
    for subscription in asking if intent["customer"] else ():
        subscription["pending_setup_intent"] = None
        if subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
            subscription["default_payment_method"] = intent["payment_method"]
        standing.keep(call, subscription)


def _note_currency(call: Call, customer: Object, currency: str) -> None:
    if customer["currency"] is None:
        store.save(call, customer | {"currency": currency}, "customer.updated")


def _trial_end(call: Call, data: list[Object], params: dict[str, Any]) -> int | None:
    given = params.get("trial_end")
    if given == "now":
        return None
    if isinstance(given, int):
        if given <= call.now:
            raise invalid("Invalid timestamp: trial_end must be in the future, or `now`.", param="trial_end")
        return given
    days = params.get("trial_period_days")
    if days is None and params.get("trial_from_plan"):
        days = max((item["price"]["recurring"]["trial_period_days"] or 0 for item in data), default=0)
    return call.now + days * DAY if days else None


def _start(call: Call, params: dict[str, Any]) -> int:
    start: int = params.get("backdate_start_date", call.now)
    if start > call.now:
        raise invalid("`backdate_start_date` must be in the past.", param="backdate_start_date")
    if start < call.now - _LONGEST_PAST:
        raise invalid("The sandbox backdates by at most three years.", param="backdate_start_date")
    return start


def _anchor(call: Call, data: list[Object], params: dict[str, Any], trial_end: int | None) -> int:
    start = trial_end or call.now
    if config := params.get("billing_cycle_anchor_config"):
        return next_anchor(start, config)
    anchor: int = params.get("billing_cycle_anchor", start)
    if anchor < call.now:
        raise invalid("The billing_cycle_anchor must be in the future.", param="billing_cycle_anchor")
    if any(anchor > boundary(start, item["price"]["recurring"], 1) for item in data):
        raise invalid(
            "billing_cycle_anchor cannot be later than the next natural billing date.", param="billing_cycle_anchor"
        )
    return anchor


def _anchor_config(params: dict[str, Any]) -> Object | None:
    config = params.get("billing_cycle_anchor_config")
    return config and {key: config.get(key) for key in ("day_of_month", "hour", "minute", "month", "second")}


def _first_period(call: Call, subscription: Object, item: Object) -> Period:
    if subscription["status"] == "trialing":
        return Period(call.now, subscription["trial_end"])
    return items.natural_period(subscription, item, call.now).after(call.now)
