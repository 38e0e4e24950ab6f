"""Paying in the page, for a first invoice as for an open one: a saved card, a new card, and the bank's own question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect

from billing.actions import Payment
from billing.errors import BillingError, Refused
from billing.middleware import Request
from billing.models import PaymentMethod
from billing.operations import new_token
from billing.payers import Actor
from billing.views.panels import own, panel, status_of, token_of

NEW_CARD = "new"
PROCESSING = "Your bank is still working on this payment. It is shown as paid here as soon as it is."
UNFINISHED = "The payment was not finished. Nothing was charged: please try again."
NEEDS_SCRIPT = "Typing a new card needs JavaScript. Please choose a saved card, or switch JavaScript on."


@dataclass(frozen=True)
class Bill:
    """One thing to pay. `amount` is in minor units; `show_page` shows `page` once it is paid, or why it is not.

    Without a `part` it has no form of its own: it was started by another one, and goes on from the bank's question.
    """

    page: str
    show_page: Callable[[Any, BillingError | None], HttpResponse]
    paid_words: str
    settle_url: str
    return_url: str = ""
    part: str = ""
    pay_url: str = ""
    amount: int = 0
    currency: str = ""
    mode: str = "subscription"  # of Stripe's Elements: so the card is kept for the invoices to come
    context: dict[str, Any] = field(default_factory=dict)


Submit = Callable[[str, PaymentMethod | None], Payment]


def show_bill(request: Request, bill: Bill, error: BillingError | None = None) -> HttpResponse:
    if not bill.part:
        return bill.show_page(request, error)
    return panel(request, bill.page, {"bill": bill, **bill.context}, part=bill.part, error=error)


def pay(request: Request, actor: Actor, bill: Bill, submit: Submit) -> HttpResponse:
    """Pay `bill` as the form says: with a saved card here, with a new one in the browser that asked for the secret."""
    by_script = not request.accepts("text/html")
    try:
        card = _chosen_card(request, actor, by_script=by_script) if bill.amount else None
        payment = submit(token_of(request), card)
    except BillingError as error:
        if by_script:
            return JsonResponse({"error": str(error), "token": new_token()}, status=status_of(error))
        return _refuse(request, bill, error)
    if by_script:
        # The bank may still say no to the new card: a saved one tried next is another request.
        return JsonResponse({"client_secret": payment.client_secret, "token": new_token()})
    return after_payment(request, bill, payment)


def _chosen_card(request: Request, actor: Actor, *, by_script: bool) -> PaymentMethod | None:
    """Return the saved card, or None for one that the browser is about to confirm."""
    chosen = request.POST.get("payment_method", "")
    if not chosen:
        raise Refused("Please choose how to pay.")
    if chosen == NEW_CARD and not by_script:
        raise Refused(NEEDS_SCRIPT)
    return None if chosen == NEW_CARD else own(actor, PaymentMethod, chosen)


def _refuse(request: Request, bill: Bill, error: BillingError) -> HttpResponse:
    """Show why it was not paid. With htmx only the message and the token are new: a half-typed card stays."""
    if not request.htmx:
        return show_bill(request, bill, error)
    return panel(request, bill.page, {"bill": bill}, part="pay_state", region="pay-state", error=error)


def after_payment(request: Request, bill: Bill, payment: Payment) -> HttpResponse:
    """Go on where a payment stands: to the bank's question, back to the form, or to the page that shows it paid."""
    if payment.state == "action_required":
        context = {"bill": bill, "client_secret": payment.client_secret}
        return panel(request, bill.page, context, part="bank_step")
    if payment.state == "payment_method_required":
        return show_bill(request, bill, Refused(UNFINISHED))
    tell(request, bill, payment)
    return bill.show_page(request, None) if request.htmx else redirect(f"billing:{bill.page}")


def tell(request: Request, bill: Bill, payment: Payment) -> None:
    """Say in words what came of a payment."""
    if payment.state == "succeeded":
        messages.success(request, bill.paid_words)
    elif payment.state == "processing":
        messages.info(request, PROCESSING)
    else:
        messages.error(request, UNFINISHED)
