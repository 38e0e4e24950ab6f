"""Where a subscription stands: what paying, failing or voiding an invoice makes of it, and when to look at it next."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox import events, store
from sandbox.engine import discounts, invoicing, items
from sandbox.engine.calendar import DAY, HOUR
from sandbox.kernel import Call, Object, invalid, listens

INCOMPLETE_FOR = 23 * HOUR
TRIAL_NOTICE = 3 * DAY
UPCOMING_NOTICE = 7 * DAY  # Stripe lets the account choose 3, 7, 15, 30 or 45 days
ENDED = {"canceled", "incomplete_expired"}
UPDATED = "customer.subscription.updated"
# What Stripe still lets change of a subscription whose first payment is open, and of one that has ended.
_WHILE_INCOMPLETE = {"default_payment_method", "expand", "metadata", "off_session", "payment_settings"}
_ONCE_ENDED = {"cancellation_details", "expand", "metadata"}


def keep(call: Call, subscription: Object, event: str | None = UPDATED) -> Object:
    """Store a changed subscription and tell the calendar when to look at it next."""
    quiet = subscription["id"] in call.memo.get("quiet", ())
    if subscription["status"] != "paused":
        subscription.pop("status_details", None)
    store.save(call, subscription, None if quiet else event)
    reschedule(call, subscription)
    return subscription


@contextmanager
def quietly(call: Call, subscription: Object, event: str = UPDATED) -> Iterator[None]:
    """Gather the changes that one request makes to a subscription into a single event at its end."""
    before = store.find(call, "subscription", subscription["id"])
    quiet = call.memo.setdefault("quiet", set())
    quiet.add(subscription["id"])
    try:
        yield
    finally:
        quiet.discard(subscription["id"])
    after = store.get(call, "subscription", subscription["id"])
    previous = events.previous_attributes(before or {}, after)
    if previous:
        events.emit(call, event, after, previous)


def reschedule(call: Call, subscription: Object) -> None:
    """Write down when the calendar has to look at a subscription next."""
    due = min((moment for _, moment in agenda(call, subscription)), default=None)
    store.schedule(call, subscription, None if due is None else max(due, call.now))


def agenda(call: Call, subscription: Object) -> list[tuple[str, int]]:
    """Return what time holds for a subscription, as (step of `lifecycle`, moment).

    Of several steps at one moment the first comes first: an end goes before a renewal.
    """
    status, pending = subscription["status"], subscription["pending_update"] or {}
    steps = [("end", subscription["cancel_at"])]
    if status in ENDED:
        return []
    if status == "incomplete":
        steps.append(("expire", subscription["created"] + INCOMPLETE_FOR))
    elif status != "paused":
        steps.append(("next_phase", _phase_end(call, subscription)))
        steps.append(("drop_pending_update", pending.get("expires_at")))
        steps.append(("resume_collection", (subscription["pause_collection"] or {}).get("resumes_at")))
        steps += _cycle(subscription, store.private(call, subscription))
    return [(step, moment) for step, moment in steps if moment is not None]


def _phase_end(call: Call, subscription: Object) -> int | None:
    """Return when the schedule that drives a subscription enters its next phase, or lets it go."""
    schedule = store.find(call, "subscription_schedule", subscription["schedule"]) or {}
    return (schedule.get("current_phase") or {}).get("end_date")


def _cycle(subscription: Object, told: dict[str, Any]) -> list[tuple[str, int]]:
    end = period_end(subscription)
    if subscription["status"] == "trialing":
        steps = [("end_trial", end)]
        if told.get("trial_will_end") != end:
            steps.append(("trial_will_end", end - TRIAL_NOTICE))
        return steps
    steps = [("renew", end)]
    notice = end - UPCOMING_NOTICE
    if told.get("upcoming") != end != subscription["cancel_at"] and notice > _period_start(subscription):
        steps.append(("upcoming", notice))
    return steps


def _period_start(subscription: Object) -> int:
    return max(int(item["current_period_start"]) for item in subscription["items"]["data"])


def period_end(subscription: Object) -> int:
    """Return when the subscription renews next: the earliest of its items' ends."""
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def check_status(subscription: Object, given: dict[str, Any]) -> None:
    """Raise where the subscription's status does not allow these changes any more, or not yet."""
    status, names = subscription["status"], given.keys()
    if status in ENDED and names - _ONCE_ENDED:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    if status == "incomplete" and names - _WHILE_INCOMPLETE:
        name = sorted(names - _WHILE_INCOMPLETE)[0]
        raise invalid(
            f"You cannot update `{name}` while the subscription is incomplete: pay its first invoice before.",
            param=name,
        )


def of(call: Call, invoice: Object) -> Object | None:
    """Return the subscription that an invoice belongs to."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return store.find(call, "subscription", details.get("subscription"))


def paid(call: Call, invoice: Object, payment_method: str | None = None) -> None:
    """Let the subscription and its customer recover: an invoice of theirs was paid."""
    set_delinquent(call, invoice, delinquent=False)
    subscription = of(call, invoice)
    if subscription is None or subscription["status"] in ENDED:
        return
    was_pending, was_paused = subscription["pending_update"], subscription["status"] == "paused"
    _take_what_was_paid_for(call, subscription, invoice)
    if _recovers(call, subscription, invoice):
        subscription["status"] = "active"
    if payment_method and subscription["payment_settings"]["save_default_payment_method"] == "on_subscription":
        subscription["default_payment_method"] = payment_method
    keep(call, subscription)
    if was_pending and not subscription["pending_update"]:
        events.emit(call, "customer.subscription.pending_update_applied", subscription)
    if was_paused and subscription["status"] == "active":
        events.emit(call, "customer.subscription.resumed", subscription)


def failed(call: Call, invoice: Object, *, automatic: bool) -> None:
    """Let the subscription fall behind: an invoice could not be collected."""
    if expires_unpaid(call, invoice):
        return
    if automatic:
        set_delinquent(call, invoice, delinquent=True)
    fall_behind(call, invoice)


def fall_behind(call: Call, invoice: Object) -> None:
    """Make an active subscription past due, because this invoice of it is not paid."""
    subscription = of(call, invoice)
    if subscription and subscription["status"] == "active":
        keep(call, subscription | {"status": "past_due"})


def expires_unpaid(call: Call, invoice: Object) -> bool:
    """Tell whether an invoice is a first payment or a pending update: unpaid, it is voided instead of retried."""
    subscription = of(call, invoice)
    if subscription is None:
        return False
    return bool(subscription["status"] == "incomplete" or waits_for(call, subscription) == invoice["id"])


def gave_up(call: Call, invoice: Object) -> None:
    """Do what the account's settings say once the last retry has failed."""
    subscription = of(call, invoice)
    if subscription is None or subscription["status"] != "past_due":
        return
    ending = call.account.settings.get("after_last_retry", "cancel")
    if ending == "cancel":
        end(call, subscription, "payment_failed")
    elif ending == "unpaid":
        keep(call, subscription | {"status": "unpaid"})
    elif ending == "pause":
        pause(call, subscription, "final_payment_failure")


def pause(call: Call, subscription: Object, reason: str) -> Object:
    """Stop service and billing until the subscription is resumed; `reason` is a type of Stripe's status_details."""
    details = {"subscription": {"type": reason}, "transitioned_at": call.now, "type": "subscription"}
    paused = keep(call, subscription | {"status": "paused", "status_details": {"paused": details}})
    events.emit(call, "customer.subscription.paused", paused)
    return paused


def voided(call: Call, invoice: Object) -> None:
    """Voiding a first invoice ends an incomplete subscription, voiding a change's invoice drops the change."""
    subscription = of(call, invoice)
    if subscription is None:
        return
    if subscription["status"] == "incomplete" and subscription["latest_invoice"] == invoice["id"]:
        keep(call, subscription | {"status": "incomplete_expired", "ended_at": call.now})
    elif waits_for(call, subscription) == invoice["id"]:
        store.set_private(call, subscription, when_paid=None)
        keep(call, subscription | {"pending_update": None})


def end(call: Call, subscription: Object, reason: str | None = None) -> Object:
    """Cancel a subscription for good and stop collecting its invoices; they stay as they are."""
    subscription |= {
        "status": "canceled",
        "canceled_at": subscription["canceled_at"] or call.now,
        "ended_at": call.now,
        "pending_update": None,
    }
    if reason:
        subscription["cancellation_details"] |= {"reason": reason}
    keep(call, subscription, "customer.subscription.deleted")
    for invoice in store.query(call, "invoice", subscription=subscription["id"], status=["draft", "open"]):
        invoicing.keep(call, invoice | {"auto_advance": False, "next_payment_attempt": None}, "invoice.updated")
    return subscription


def when_paid(call: Call, subscription: Object, invoice: str, fields: Object) -> None:
    """Note what becomes of the subscription as soon as `invoice` is paid."""
    store.set_private(call, subscription, when_paid={"invoice": invoice, "fields": fields})


def waits_for(call: Call, subscription: Object) -> str | None:
    """Return the invoice that has to be paid before a change of the subscription takes effect."""
    return (store.private(call, subscription).get("when_paid") or {}).get("invoice")


def _take_what_was_paid_for(call: Call, subscription: Object, invoice: Object) -> None:
    waiting = store.private(call, subscription).get("when_paid")
    if waiting and waiting["invoice"] == invoice["id"]:
        store.set_private(call, subscription, when_paid=None)
        before = copy.copy(subscription)
        subscription |= waiting["fields"] | {"pending_update": None}
        discounts.drop_replaced(call, before, subscription)
        items.keep(call, subscription)


def _recovers(call: Call, subscription: Object, invoice: Object) -> bool:
    """Tell whether the payment of `invoice` makes the subscription active: nothing else of it may be overdue."""
    if subscription["status"] not in {"incomplete", "past_due", "unpaid"}:
        return False
    latest = subscription["latest_invoice"]
    return latest == invoice["id"] or store.get(call, "invoice", latest)["status"] not in {"open", "uncollectible"}


def set_delinquent(call: Call, invoice: Object, *, delinquent: bool) -> None:
    """Note on the customer whether the latest automatic collection failed."""
    customer = store.get(call, "customer", invoice["customer"])
    if customer["delinquent"] != delinquent:
        store.save(call, customer | {"delinquent": delinquent}, "customer.updated")


@listens("customer.discount.deleted")
def _discount_over(call: Call, discount: Object) -> None:
    """Take a discount that is over off the subscription, the item or the customer that had it."""
    customer = store.find(call, "customer", discount["customer"]) or {}
    if (customer.get("discount") or {}).get("id") == discount["id"]:
        store.save(call, customer | {"discount": None}, "customer.updated")
    item = store.find(call, "subscription_item", discount["subscription_item"]) or {}
    subscription = store.find(call, "subscription", discount["subscription"] or item.get("subscription"))
    if subscription and (discount["id"] in _discounts_of(subscription)):
        keep(call, _without(subscription, discount["id"]))


def _discounts_of(subscription: Object) -> list[str]:
    of_items = [id for item in subscription["items"]["data"] for id in item["discounts"]]
    return [*subscription["discounts"], *of_items]


def _without(subscription: Object, discount: str) -> Object:
    data = [
        item | {"discounts": [id for id in item["discounts"] if id != discount]}
        for item in subscription["items"]["data"]
    ]
    left = [id for id in subscription["discounts"] if id != discount]
    return subscription | {"discounts": left, "items": subscription["items"] | {"data": data}}
