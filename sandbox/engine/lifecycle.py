"""What time does by itself: renewals, ends of trials, cancellations, expiries, retries. Each happens at its moment."""

from __future__ import annotations

from contextlib import suppress

from sandbox import events, store
from sandbox.engine import canceling, charging, invoicing, items, ledger, previewing, schedules, standing
from sandbox.engine.subscribing import next_cycle
from sandbox.kernel import Call, Object, StripeError, due_steps, falls_due, new_id

_STEPS_AT_ONE_MOMENT = 20  # more than this for one object at one second would be a loop


def run_due(call: Call, until: int) -> None:
    """Let everything happen that is due up to `until`, in the order of time; a second call finds nothing left."""
    last, steps = None, 0
    while due := store.next_due(call, until):
        moment, obj = due
        steps = steps + 1 if (moment, obj["id"]) == last else 0
        last = (moment, obj["id"])
        if steps > _STEPS_AT_ONE_MOMENT:
            raise RuntimeError(f"{obj['id']} stays due at {moment}")
        store.schedule(call, obj, None)
        due_steps[obj["object"]](call.at(moment), obj)


@falls_due("invoice")
def _invoice_due(call: Call, invoice: Object) -> None:
    if invoice["status"] == "draft":
        _finalize(call, invoice)
    elif invoice["collection_method"] == "send_invoice":
        _overdue(call, invoice)
    else:
        _retry(call, invoice)


def _finalize(call: Call, invoice: Object) -> None:
    invoice = charging.collect(call, invoice)
    if invoice["collection_method"] == "send_invoice" and invoice["status"] == "open":
        events.emit(call, "invoice.sent", invoice)


def _overdue(call: Call, invoice: Object) -> None:
    store.set_private(call, invoice, overdue=True)
    invoicing.keep(call, invoice)
    events.emit(call, "invoice.overdue", invoice)
    standing.failed(call, invoice, automatic=True)


def _retry(call: Call, invoice: Object) -> None:
    if charging.is_hopeless(call, invoice):
        charging.skip_attempt(call, invoice)
        return
    with suppress(StripeError):  # what a refusal left behind, and the next attempt, is written down already
        charging.attempt(call, invoice)


@falls_due("subscription")
def _subscription_due(call: Call, subscription: Object) -> None:
    """Take the first step that is due; the others follow at the same moment, in the order of the agenda."""
    due = [step for step, moment in standing.agenda(call, subscription) if moment <= call.now]
    if due:
        _STEPS[due[0]](call, subscription)
    standing.reschedule(call, store.get(call, "subscription", subscription["id"]))


def _end(call: Call, subscription: Object) -> None:
    """Cancel, and bill what prorations still wait: only an immediate cancellation drops them."""
    canceling.bill_what_waits(call, standing.end(call, subscription))


def _expire(call: Call, subscription: Object) -> None:
    """End a subscription whose first invoice nobody paid within 23 hours."""
    standing.keep(call, subscription | {"status": "incomplete_expired", "ended_at": call.now})
    charging.void(call, store.get(call, "invoice", subscription["latest_invoice"]))


def _drop_pending_update(call: Call, subscription: Object) -> None:
    waits_for = standing.waits_for(call, subscription)
    store.set_private(call, subscription, when_paid=None)
    subscription = standing.keep(call, subscription | {"pending_update": None})
    events.emit(call, "customer.subscription.pending_update_expired", subscription)
    if waits_for:
        charging.void(call, store.get(call, "invoice", waits_for))


def _resume_collection(call: Call, subscription: Object) -> None:
    standing.keep(call, subscription | {"pause_collection": None})


def _trial_will_end(call: Call, subscription: Object) -> None:
    store.set_private(call, subscription, trial_will_end=subscription["trial_end"])
    events.emit(call, "customer.subscription.trial_will_end", subscription)


def _upcoming(call: Call, subscription: Object) -> None:
    """Announce the next invoice; it is the one object that Stripe sends without an id."""
    store.set_private(call, subscription, upcoming=standing.period_end(subscription))
    invoice = previewing.renewal(call, subscription)
    events.emit(call, "invoice.upcoming", {key: value for key, value in invoice.items() if key != "id"})


def _end_trial(call: Call, subscription: Object) -> None:
    """Begin to charge; without any card do what `trial_settings.end_behavior` says."""
    customer = store.get(call, "customer", subscription["customer"])
    without_card = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    automatic = subscription["collection_method"] == "charge_automatically"
    if not automatic or charging.usable(call, customer, None, subscription):
        without_card = "create_invoice"
    if without_card == "cancel":
        standing.end(call, subscription)
    elif without_card == "pause":
        standing.pause(call, subscription, "trial_end_without_payment_method")
    else:
        _renew(call, subscription)


def _renew(call: Call, subscription: Object) -> None:
    """Move on to the next period and draft its invoice, which is finalised and charged an hour later."""
    previous = items.period(min(subscription["items"]["data"], key=lambda item: item["current_period_end"]))
    after, lines = next_cycle(call, subscription)
    drafts = [*ledger.waiting(call, after["customer"], after["id"]), *lines]
    after["latest_invoice"] = new_id(call, "in")
    standing.keep(call, after)
    fields = charging.for_subscription(call, after, "subscription_cycle")
    fields |= {"period_start": previous.start, "period_end": previous.end} | _advance(call, after)
    customer = store.get(call, "customer", after["customer"])
    invoicing.create(call, customer, drafts, id=after["latest_invoice"], **fields)


def _advance(call: Call, subscription: Object) -> dict[str, object]:
    """Return whether the calendar takes a draft further: not for an unpaid subscription, whose drafts wait."""
    paused = (subscription["pause_collection"] or {}).get("behavior")
    if subscription["status"] == "unpaid" or paused == "keep_as_draft":
        return {"auto_advance": False}
    return invoicing.auto_finalizes(call.now)


_STEPS = {
    "end": _end,
    "expire": _expire,
    "drop_pending_update": _drop_pending_update,
    "next_phase": schedules.advance,
    "resume_collection": _resume_collection,
    "trial_will_end": _trial_will_end,
    "end_trial": _end_trial,
    "upcoming": _upcoming,
    "renew": _renew,
}
