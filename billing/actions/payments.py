"""Paying an open invoice: with a saved card, or with one typed in the browser, and the bank's questions in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from billing import gateway, operations, sync
from billing.actions.cards import save_card
from billing.errors import AuthenticationRequired, BillingError, CardDeclined, Gone, Refused, decline_words
from billing.gateway import Object
from billing.models import Customer, Invoice, OperationKind, PaymentMethod, Subscription
from billing.operations import Run
from billing.payers import Actor

PaymentState = Literal["succeeded", "action_required", "payment_method_required", "processing"]

# To pay in the browser: the secret; to know what the bank said: the invoice's own PaymentIntent.
EXPAND_PAYMENT = ["confirmation_secret", "payments.data.payment.payment_intent"]


@dataclass(frozen=True)
class Payment:
    """What came of an attempt to pay. `client_secret` is there when the browser has a step to do."""

    state: PaymentState
    client_secret: str = ""


def payment_of(invoice: Object) -> Payment:
    """Say where the payment of an invoice read with EXPAND_PAYMENT stands. Raises CardDeclined, worded, Refused."""
    if invoice["status"] == "paid":
        return Payment("succeeded")
    if invoice["status"] != "open":
        raise Refused
    intent = _intent_of(invoice)
    secret = intent["client_secret"] or (invoice.get("confirmation_secret") or {}).get("client_secret", "")
    match intent["status"]:
        case "succeeded" | "processing":
            return Payment("processing")
        case "requires_action":
            return Payment("action_required", secret)
    if error := intent["last_payment_error"]:
        code = error.get("decline_code") or error.get("code") or ""
        raise CardDeclined(decline_words(code), code=code)
    return Payment("payment_method_required", secret)


def _intent_of(invoice: Object) -> Object:
    for payment in invoice["payments"]["data"]:
        if payment["is_default"] and payment["payment"]["type"] == "payment_intent":
            intent: Object = payment["payment"]["payment_intent"]
            return intent
    raise Refused


def pay(run: Run, invoice: str, payment_method: str | None, *, step: str = "pay") -> Payment:
    """Pay an open invoice inside an operation. Without a payment method, return the secret to pay with in the browser.

    Raises CardDeclined; the invoice stays open then.
    """
    if payment_method is None:
        return _await_browser(gateway.retrieve("invoice", invoice, EXPAND_PAYMENT))
    try:
        paid = gateway.pay_invoice(
            invoice, {"payment_method": payment_method, "off_session": False}, run.key(f"{step}-{invoice}")
        )
    except AuthenticationRequired:
        return payment_of(run.keep(gateway.retrieve("invoice", invoice, EXPAND_PAYMENT)))
    except Refused:
        # Another tab may have been first: paid is paid.
        found = run.keep(gateway.retrieve("invoice", invoice))
        if found["status"] == "paid":
            return Payment("succeeded")
        raise
    except CardDeclined:
        run.keep_fresh("invoice", invoice)
        raise
    run.keep(paid)
    return Payment("succeeded")


def _await_browser(invoice: Object) -> Payment:
    try:
        return payment_of(invoice)
    except CardDeclined:  # an earlier card's decline says nothing of the one being typed now
        return Payment("payment_method_required", invoice["confirmation_secret"]["client_secret"])


def pay_invoice(actor: Actor, invoice: Invoice, token: str, payment_method: PaymentMethod | None) -> Payment:
    """Pay an open invoice with a saved card; None: return the secret with which the browser pays by a new card.

    Raises CardDeclined with the bank's reason, Refused when the invoice is not open.
    """
    card = payment_method.pk if payment_method else None
    run = operations.run(actor, OperationKind.PAY_INVOICE, token, {"invoice": invoice.pk, "card": card})
    return outcome(run, invoice.pk)


@operations.executes(OperationKind.PAY_INVOICE)
def _pay_invoice(run: Run) -> dict[str, Any]:
    invoice = Invoice.objects.get(pk=run.params["invoice"])
    run.answer["payment"] = pay(run, invoice.pk, run.params["card"])
    if invoice.subscription_id:
        run.keep_fresh("subscription", invoice.subscription_id)
    return {"invoice": invoice.pk}


def outcome(run: Run, invoice: str) -> Payment:
    """Return the payment of a finished run; where it ran earlier, read how the invoice stands now."""
    if payment := run.answer.get("payment"):
        found: Payment = payment
        return found
    return _await_browser(gateway.retrieve("invoice", invoice, EXPAND_PAYMENT)) if invoice else Payment("succeeded")


def settle_payment(actor: Actor, subscription: Subscription | None, invoice: Invoice | None) -> Payment:
    """Find out what came of the browser's step: read, mirror, and withdraw a plan change that was not paid.

    A card that paid a customer's first invoice becomes the default. Raises CardDeclined with the bank's reason.
    """
    if invoice is None:
        if subscription is None:
            raise Gone
        sync.reread("subscription", subscription.pk)
        subscription.refresh_from_db()
        invoice_id = subscription.latest_invoice
    else:
        invoice_id = invoice.pk
    if not invoice_id:
        return Payment("succeeded")
    number = sync.next_number()
    found = gateway.retrieve("invoice", invoice_id, EXPAND_PAYMENT)
    sync.write(found, number)
    try:
        payment = payment_of(found)
    except CardDeclined:
        _withdraw_change(subscription, invoice_id)
        raise
    finally:
        _reread_after(subscription, found)
    if payment.state == "succeeded":
        _keep_card(actor, found)
    return payment


def _withdraw_change(subscription: Subscription | None, invoice: str) -> None:
    """Void the invoice of a parked plan change: at Stripe this drops the change, and the old plan simply goes on."""
    if subscription is not None and subscription.data.get("pending_update"):
        gateway.void_invoice(invoice, f"withdraw-{invoice}")
        sync.reread("invoice", invoice)


def _reread_after(subscription: Subscription | None, invoice: Object) -> None:
    parent = (invoice["parent"] or {}).get("subscription_details") or {}
    id = subscription.pk if subscription else parent.get("subscription")
    if id:
        sync.reread("subscription", id)


def _keep_card(actor: Actor, invoice: Object) -> None:
    """Save the card that was typed to pay; it becomes the default when it is the first."""
    card = _intent_of(invoice)["payment_method"]
    has_default = Customer.objects.exclude(default_payment_method="").filter(pk=invoice["customer"]).exists()
    if not card or (has_default and PaymentMethod.objects.filter(pk=card, deleted=False).exists()):
        return  # an event may have brought the card before us, but never makes it the default
    if gateway.retrieve("payment_method", card)["customer"] is None:
        return  # not kept for later
    try:
        save_card(actor, card, token=f"save-{card}", keep_double=True)
    except BillingError:
        sync.mark_stale([("customer", invoice["customer"])])  # it is paid; the default can wait for the sweep
