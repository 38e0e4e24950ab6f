"""Invoices: the list, one in detail, and paying one that is open."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import actions
from billing.actions import Payment
from billing.errors import BillingError
from billing.middleware import Request
from billing.models import Customer, Invoice, InvoiceStatus, PaymentMethod
from billing.money import format_money
from billing.operations import new_token
from billing.payers import Actor, actor_of
from billing.standing import saved_cards
from billing.templatetags.billing import card_words
from billing.views.panels import leave_bank, own, panel, with_stripe
from billing.views.paying import NEW_CARD, Bill, after_payment, pay, show_bill, tell

PAGE_SIZE = 12


@dataclass(frozen=True)
class Page:
    """A page of invoices, newest first. `newer` and `older` are the invoices to go on from, None at an end."""

    invoices: list[Invoice]
    newer: Invoice | None
    older: Invoice | None


@require_GET
@with_stripe
@login_required
def invoices(request: Request) -> HttpResponse:
    return show_invoices(request)


def show_invoices(request: Request, error: BillingError | None = None) -> HttpResponse:
    actor = actor_of(request)
    page = page_of(actor, request.GET.get("starting_after", ""), request.GET.get("ending_before", ""))
    return panel(request, "invoices", {"page": page}, error=error)


def shown_invoices(customer: Customer | None) -> QuerySet[Invoice]:
    """Return the customer's invoices but for drafts, which are not final and have no number."""
    return Invoice.objects.filter(customer=customer, deleted=False).exclude(status=InvoiceStatus.DRAFT)


def page_of(actor: Actor, starting_after: str, ending_before: str) -> Page:
    """Return the page that follows, or precedes, an invoice of the actor's. Counts nothing, whatever the length."""
    if actor.customer is None:
        return Page([], None, None)
    found = shown_invoices(actor.customer)
    if ending_before:
        cursor = own(actor, Invoice, ending_before)
        later = Q(created__gt=cursor.created) | Q(created=cursor.created, pk__gt=cursor.pk)
        rows = list(found.filter(later).order_by("created", "pk")[: PAGE_SIZE + 1])
        shown = rows[:PAGE_SIZE][::-1]
        return Page(shown, shown[0] if len(rows) > PAGE_SIZE else None, shown[-1] if shown else None)
    if starting_after:
        cursor = own(actor, Invoice, starting_after)
        found = found.filter(Q(created__lt=cursor.created) | Q(created=cursor.created, pk__lt=cursor.pk))
    rows = list(found.order_by("-created", "-pk")[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    return Page(shown, shown[0] if starting_after and shown else None, shown[-1] if len(rows) > PAGE_SIZE else None)


@require_GET
@with_stripe
@login_required
def invoice(request: Request, invoice_id: str) -> HttpResponse:
    """Show an invoice with its lines: opened inside the list for htmx (`?closed` shuts it), as a page otherwise."""
    found = own(actor_of(request), Invoice, invoice_id)
    context = {"invoice": found, "open": "closed" not in request.GET}
    return panel(request, "invoice", context, part="invoice_row" if request.htmx else "invoice")


@require_http_methods(["GET", "POST"])
@with_stripe
@login_required
def pay_invoice(request: Request, invoice_id: str) -> HttpResponse:
    actor = actor_of(request)
    found = own(actor, Invoice, invoice_id)
    if found.status != InvoiceStatus.OPEN:
        return _not_open(request, found)
    keep = request.POST.get("keep", "") and request.POST.get("payment_method", "")
    bill = _bill_of(found, actor, keep)
    if request.method == "GET":
        return show_bill(request, bill)

    def submit(token: str, card: PaymentMethod | None) -> Payment:
        payment = actions.pay_invoice(actor, found, token, card)
        if payment.state == "succeeded":
            _charge_from_now_on(request, actor, keep)
        return payment

    return pay(request, actor, bill, submit)


def _not_open(request: Request, found: Invoice) -> HttpResponse:
    """Answer a second click, a second tab or an old mail: what is paid is paid, and that is good news."""
    text = "This invoice is paid. Thank you." if found.status == InvoiceStatus.PAID else "This invoice is closed."
    messages.info(request, text)
    return show_invoices(request) if request.htmx else redirect("billing:invoices")


def _charge_from_now_on(request: Request, actor: Actor, keep: str) -> None:
    """Make the card that paid the default, as was asked: the one before it may just have failed."""
    card = _card_that_paid(actor, keep) if keep else None
    if card is None:
        return
    try:
        actions.make_default(actor, card, new_token())
    except BillingError:
        messages.warning(
            request, f"{card_words(card)} paid, but is not your default card yet. Please choose it under Cards."
        )


def _card_that_paid(actor: Actor, keep: str) -> PaymentMethod | None:
    """Return the saved card that `keep` names, or the newest where it was typed just now."""
    if keep != NEW_CARD:
        return own(actor, PaymentMethod, keep)
    saved = PaymentMethod.objects.filter(customer=actor.customer, deleted=False)
    return saved.order_by("-created", "-pk").first() if actor.customer else None


def _bill_of(found: Invoice, actor: Actor, keep: str = "") -> Bill:
    assert actor.customer is not None  # noqa: S101  it has an invoice
    return Bill(
        page="invoices",
        part="pay_invoice",
        show_page=show_invoices,
        paid_words=f"Thank you: {format_money(found.amount_due, found.currency)} is paid.",
        pay_url=reverse("billing:pay_invoice", args=[found.pk]),
        settle_url=reverse("billing:settle_invoice", args=[found.pk]) + (f"?keep={keep}" if keep else ""),
        return_url=reverse("billing:invoice_return", args=[found.pk]),
        amount=found.amount_remaining,
        currency=found.currency,
        mode="subscription" if found.subscription_id else "payment",
        context={
            "invoice": found,
            "cards": saved_cards(actor.customer),
            "chosen": actor.customer.default_payment_method,
        },
    )


@require_POST
@with_stripe
@login_required
def settle_invoice(request: Request, invoice_id: str) -> HttpResponse:
    """Find out what the bank's step in the browser came to."""
    actor = actor_of(request)
    found = own(actor, Invoice, invoice_id)
    bill = _bill_of(found, actor)
    try:
        payment = actions.settle_payment(actor, None, found)
    except BillingError as error:
        return show_bill(request, bill, error)
    if payment.state == "succeeded":
        _charge_from_now_on(request, actor, request.GET.get("keep", "") or (NEW_CARD if "keep" in request.POST else ""))
    return after_payment(request, bill, payment)


@require_GET
@login_required
def invoice_return(request: Request, invoice_id: str) -> HttpResponse:
    """Come back from the bank's page. What the query claims is not read: the invoice is."""
    actor = actor_of(request)
    found = own(actor, Invoice, invoice_id)
    try:
        payment = actions.settle_payment(actor, None, found)
    except BillingError as error:
        messages.error(request, str(error))
        return leave_bank("billing:pay_invoice", found.pk)
    tell(request, _bill_of(found, actor), payment)
    return leave_bank("billing:invoices")
