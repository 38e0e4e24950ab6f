"""Collecting an invoice: its PaymentIntent, which card pays, what a success or a failure sets off, and the retries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sandbox import events, store
from sandbox.engine import discounts, invoicing, standing
from sandbox.engine.calendar import DAY
from sandbox.kernel import Call, Object, StripeError, invalid, listens, new_id
from sandbox.resources import payment_intents

# Days from one failed attempt to the next: four retries within three weeks. Account.settings["retry_days"] overrides.
RETRY_DAYS = (3, 5, 7, 6)
_PURPOSE = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}


def for_subscription(call: Call, subscription: Object, reason: str) -> dict[str, Any]:
    """Return the fields that an invoice has from its subscription."""
    sends, settings = subscription["collection_method"] == "send_invoice", subscription["payment_settings"]
    details = {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]}
    return {
        "auto_advance": True,
        "billing_reason": reason,
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "default_tax_rates": subscription["default_tax_rates"],
        "custom_fields": subscription["invoice_settings"]["custom_fields"],
        "description": subscription["invoice_settings"]["description"],
        "discounts": discounts.of_subscription(call, subscription),
        "due_date": call.now + subscription["days_until_due"] * DAY if sends else None,
        "footer": subscription["invoice_settings"]["footer"],
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": settings["payment_method_options"],
            "payment_method_types": settings["payment_method_types"],
        },
    }


def open(call: Call, invoice: Object, intent: Object | None = None) -> Object:
    """Finalise an invoice and prepare its payment, by a new PaymentIntent unless one is given.

    One with nothing to pay is paid.
    """
    invoice = invoicing.finalize(call, invoice)
    if invoice["amount_due"] == 0:
        return settle(call, invoice)
    store.insert(call, _payment_of(call, invoice, intent or _intent_for(call, invoice)))
    return invoice


def receive(call: Call, invoice: Object, intent: Object) -> Object:
    """Finalise an invoice that was paid beforehand by a PaymentIntent of just this amount; returns it paid."""
    invoice = open(call, invoice, intent)
    return settle(call, invoice) if invoice["status"] == "open" else invoice


def collect(call: Call, invoice: Object, *, off_session: bool = True, raising: bool = False) -> Object:
    """Finalise an invoice and, where it is charged automatically, try to; returns it as it is then.

    A decline is not an error of the request unless `raising`: then its 402 undoes the whole request. While collection
    is paused nothing is charged: the invoice stays a draft, or is given up or voided, as `pause_collection` says.
    """
    paused = ((standing.of(call, invoice) or {}).get("pause_collection") or {}).get("behavior")
    if paused == "keep_as_draft":
        return invoicing.keep(call, invoice | {"auto_advance": False, "automatically_finalizes_at": None})
    invoice = open(call, invoice)
    if paused and invoice["status"] == "open":
        return void(call, invoice) if paused == "void" else invoicing.mark_uncollectible(call, invoice)
    if invoice["status"] != "open" or invoice["collection_method"] == "send_invoice":
        return invoice
    try:
        attempt(call, invoice, off_session=off_session)
    except StripeError as error:
        if raising:
            raise _undoing(error) from None
        if not standing.expires_unpaid(call, invoice):
            standing.set_delinquent(call, invoice, delinquent=True)
    return store.get(call, "invoice", invoice["id"])


def attempt(call: Call, invoice: Object, payment_method: str | None = None, *, off_session: bool = True) -> Object:
    """Try to charge an open invoice; returns it paid.

    Raises the bank's 402 card_error, invoice_payment_intent_requires_action where the customer has to confirm, or
    resource_missing where there is no card at all. What the attempt left behind is kept.
    """
    payment = _payment(call, invoice)
    payment_method = payment_method or payment_method_for(call, invoice)
    if payment_method is None:
        _failed(call, invoice)
        raise no_payment_method()
    intent = store.get(call, "payment_intent", payment["payment"]["payment_intent"])
    intent = payment_intents.confirm(call, intent, payment_method, off_session)
    if intent["status"] == "requires_action":
        raise _requires_action(intent)
    return store.get(call, "invoice", invoice["id"])


def is_hopeless(call: Call, invoice: Object) -> bool:
    """Tell whether a retry would ask again for what the bank has refused for good: another card has to come first."""
    payment = find_payment(call, invoice) or {"payment": {}}
    intent = store.find(call, "payment_intent", payment["payment"].get("payment_intent")) or {}
    error = intent.get("last_payment_error") or {}
    card = (error.get("payment_method") or {}).get("id")
    return error.get("advice_code") == "do_not_try_again" and card == payment_method_for(call, invoice)


def skip_attempt(call: Call, invoice: Object) -> None:
    """Let a retry pass without a charge; it counts, and the last one is followed by what the account has set."""
    _count(call, invoice)
    invoice["next_payment_attempt"] = _next_attempt(call, invoice)
    invoicing.keep(call, invoice, "invoice.updated")
    if invoice["next_payment_attempt"] is None:
        standing.gave_up(call, invoice)


def payment_method_for(call: Call, invoice: Object) -> str | None:
    """Return the payment method that pays: the invoice's own, the subscription's, the customer's, in that order."""
    customer = store.get(call, "customer", invoice["customer"])
    subscription = standing.of(call, invoice) or {}
    own = invoice.get("default_payment_method") or invoice.get("default_source")
    return usable(call, customer, own, subscription)


def usable(call: Call, customer: Object, own: str | None, subscription: Object) -> str | None:
    """Return the first default that is still attached to the customer; a detached one may dangle."""
    candidates = (
        own,
        subscription.get("default_payment_method"),
        subscription.get("default_source"),
        customer["invoice_settings"]["default_payment_method"],
        customer["default_source"],
    )
    attached = (id for id in candidates if id and _is_attached(call, id, customer))
    return next(attached, None)


def _is_attached(call: Call, id: str, customer: Object) -> bool:
    known = store.find(call, "payment_method", id) or {}
    return bool(known.get("customer") == customer["id"])


def check_attached(call: Call, payment_method: str, customer: str, param: str = "default_payment_method") -> None:
    """Raise the 400 of Stripe unless the payment method is attached to the customer."""
    known = store.get(call, "payment_method", payment_method, param)
    if known["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {payment_method}. The payment method must be "
            "attached to the customer.",
            param=param,
            code="resource_missing",
        )


def retry_overdue(call: Call, customer: str) -> None:
    """Try again to collect the latest invoice of every past due subscription: the customer has a new source."""
    for subscription in store.query(call, "subscription", customer=customer, status="past_due"):
        open_ones = store.query(call, "invoice", subscription=subscription["id"], status="open")
        latest = next((invoice for invoice in open_ones if invoice["auto_advance"]), None)
        if latest:
            with suppress(StripeError):  # the request was to change the customer, and that succeeded
                attempt(call, latest)


def settle(call: Call, invoice: Object, *, payment_method: str | None = None, out_of_band: bool = False) -> Object:
    """Close an invoice as paid, and let the subscription and the customer know."""
    payment = find_payment(call, invoice)
    if payment and payment["status"] == "open" and not out_of_band:
        _count(call, invoice)
    invoicing.mark_paid(call, invoice, out_of_band=out_of_band)
    if payment and payment["status"] == "open":
        _close(call, payment, "canceled" if out_of_band else "paid")
        if out_of_band:
            _cancel_intent(call, payment, "automatic")
    standing.paid(call, invoice, payment_method)
    return store.get(call, "invoice", invoice["id"])


def forgive(call: Call, invoice: Object, amount: int) -> None:
    """Ask for `amount` less than before for an invoice, or, negative, for more again; what is forgiven whole is paid.

    The amounts of its PaymentIntent follow. Amount and invoice are those of a credit note.
    """
    invoice["pre_payment_credit_notes_amount"] += amount
    invoice |= {key: invoice[key] - amount for key in ("amount_due", "amount_remaining")}
    invoicing.keep(call, invoice, "invoice.updated")
    payment = find_payment(call, invoice) if amount else None
    if payment and payment["status"] == "open":
        _ask(call, payment, invoice["amount_due"])
    if amount and invoice["amount_remaining"] == 0:
        settle(call, invoice)


def _ask(call: Call, payment: Object, amount: int) -> None:
    """Let an open payment be of another amount; of nothing there is none."""
    if amount == 0:
        _close(call, payment, "canceled")
        _cancel_intent(call, payment, "automatic")
        return
    store.save(call, payment | {"amount_requested": amount})
    intent = store.get(call, "payment_intent", payment["payment"]["payment_intent"])
    store.save(call, intent | {"amount": amount})


def void(call: Call, invoice: Object) -> Object:
    """Void an invoice together with its PaymentIntent."""
    invoicing.void(call, invoice)
    if (payment := find_payment(call, invoice)) and payment["status"] == "open":
        _close(call, payment, "canceled")
        _cancel_intent(call, payment, "void_invoice")
    standing.voided(call, invoice)
    return invoice


def find_payment(call: Call, invoice: Object) -> Object | None:
    """Return the invoice's default payment."""
    return next(store.query(call, "invoice_payment", parent=invoice["id"]), None)


def no_payment_method() -> StripeError:
    """Return the 400 for a customer without any card."""
    return invalid(
        "This customer has no attached payment source or default payment method. Please consider adding a default "
        "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-"
        "setting#payment-method-priority.",
        code="resource_missing",
    )


def _intent_for(call: Call, invoice: Object) -> Object:
    subscription = standing.of(call, invoice)
    return payment_intents.make(
        call,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=_PURPOSE.get(invoice["billing_reason"]),
        setup_future_usage="off_session" if subscription else None,
    )


def _payment_of(call: Call, invoice: Object, intent: Object) -> Object:
    return {
        "id": new_id(call, "inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": call.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


@listens("payment_intent.succeeded")
def _intent_succeeded(call: Call, intent: Object) -> None:
    """Settle the invoice, whether we confirmed the intent or the customer did in the browser."""
    if invoice := _invoice_of(call, intent):
        settle(call, invoice, payment_method=intent["payment_method"])


@listens("payment_intent.payment_failed")
def _intent_failed(call: Call, intent: Object) -> None:
    if invoice := _invoice_of(call, intent):
        _failed(call, invoice)


@listens("payment_intent.requires_action")
def _intent_requires_action(call: Call, intent: Object) -> None:
    if invoice := _invoice_of(call, intent):
        _failed(call, invoice, "invoice.payment_action_required")


def _invoice_of(call: Call, intent: Object) -> Object | None:
    payment = next(store.query(call, "invoice_payment", lookup_key=intent["id"], status="open"), None)
    return store.get(call, "invoice", payment["invoice"]) if payment else None


def _failed(call: Call, invoice: Object, event: str = "invoice.payment_failed") -> None:
    """Note a failed attempt, plan the next one, and let the subscription fall behind."""
    automatic = call.request_id is None
    if _count(call, invoice):
        invoice["next_payment_attempt"] = _next_attempt(call, invoice)
    invoice["attempted"] = True
    invoicing.keep(call, invoice, event)
    standing.failed(call, invoice, automatic=automatic)
    if automatic and invoice["auto_advance"] and invoice["next_payment_attempt"] is None:
        standing.gave_up(call, invoice)


def _count(call: Call, invoice: Object) -> bool:
    """Count an attempt: any first one, then only those of the calendar; the others do not move its schedule either."""
    counts = invoice["attempt_count"] == 0 or call.request_id is None
    invoice["attempt_count"] += counts
    return counts


def _next_attempt(call: Call, invoice: Object) -> int | None:
    """Return when to try again; a first payment and a pending update are not retried, they expire."""
    days: Sequence[int] = call.account.settings.get("retry_days", RETRY_DAYS)
    retries: int = invoice["attempt_count"] - 1
    if not invoice["auto_advance"] or retries >= len(days) or standing.expires_unpaid(call, invoice):
        return None
    return call.now + days[retries] * DAY


def _undoing(error: StripeError) -> StripeError:
    """Return the error with which `error_if_incomplete` takes back the whole request."""
    if error.body.get("code") == "invoice_payment_intent_requires_action":
        return StripeError(
            402,
            "card_error",
            "Payment for this subscription requires additional user action before it can be completed successfully. "
            "Use `payment_behavior=default_incomplete` to let the customer confirm it.",
            code="subscription_payment_intent_requires_action",
        )
    error.keep = False
    return error


def _requires_action(intent: Object) -> StripeError:
    return StripeError(
        402,
        "card_error",
        "The invoice payment requires additional action. Retrieve the invoice's PaymentIntent to complete the payment.",
        code="invoice_payment_intent_requires_action",
        keep=True,
        payment_intent=intent,
    )


def _payment(call: Call, invoice: Object) -> Object:
    payment = find_payment(call, invoice)
    if payment is None:
        raise invalid(f"Invoice {invoice['id']} has no payment to attempt.")
    return payment


def _close(call: Call, payment: Object, status: str) -> None:
    paid = status == "paid"
    payment |= {"status": status, "amount_paid": payment["amount_requested"] if paid else None}
    payment["status_transitions"]["paid_at" if paid else "canceled_at"] = call.now
    store.save(call, payment)
    if paid:
        events.emit(call, "invoice_payment.paid", payment)


def _cancel_intent(call: Call, payment: Object, reason: str) -> None:
    intent = store.get(call, "payment_intent", payment["payment"]["payment_intent"])
    payment_intents.cancel(call, intent, reason)
