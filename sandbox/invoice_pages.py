"""The pages and documents that invoices, charges and credit notes link to, for whoever has the link."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from sandbox import hosted, links, sheets, store
from sandbox.kernel import Call, Object
from sandbox.sheets import Sheet

_PAYABLE = {"open", "uncollectible"}
_AWAITING = {"requires_action", "requires_confirmation", "requires_payment_method"}


@csrf_exempt  # there is nothing to forge: money moves through stripe.js, a POST only comes back from there
@require_http_methods(["GET", "HEAD", "POST"])
def invoice(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invoice to whoever has its link, and let them pay it."""
    call, obj = _follow(token, "invoice")
    if request.method == "POST":
        return redirect("sandbox:invoice", token)
    payment = _payment(call, obj)
    paid_by = sheets.charge_of(call, obj)
    context: dict[str, Any] = {
        "sheet": sheets.of_invoice(call, obj),
        "token": token,
        "payment": payment,
        "receipt": paid_by and links.token(call, paid_by),
    }
    return hosted.page("invoice/page.html", context, scripts=payment is not None, form_action="'self'")


def _payment(call: Call, obj: Object) -> dict[str, Any] | None:
    """Return what the payment form needs, where there is something to pay."""
    intent = hosted.intent_of(call, obj)
    if obj["status"] not in _PAYABLE or intent is None or intent["status"] not in _AWAITING:
        return None
    saved = list(store.query(call, "payment_method", customer=obj["customer"]))
    return hosted.payment(call, saved, intent=intent)


@require_safe
def invoice_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Answer an invoice as a document."""
    call, obj = _follow(token, "invoice")
    return _document(sheets.of_invoice(call, obj), obj["number"] or obj["id"])


@require_safe
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """Show the receipt for a charge."""
    call, charge = _follow(token, "charge")
    context = {"sheet": sheets.of_charge(call, charge), "token": token}
    return hosted.page("invoice/receipt.html", context, scripts=False, form_action="'self'")


@require_safe
def receipt_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Answer the receipt for a charge as a document."""
    call, charge = _follow(token, "charge")
    sheet = sheets.of_charge(call, charge)
    return _document(sheet, sheet.number)


@require_safe
def credit_note_pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Answer a credit note as a document; it has no page."""
    call, note = _follow(token, "credit_note")
    return _document(sheets.of_credit_note(call, note), note["number"])


def _document(sheet: Sheet, name: str) -> HttpResponse:
    from sandbox import invoice_pdf  # the library takes a tenth of a second to load, and most requests need none of it

    headers = {
        "Content-Disposition": f'inline; filename="{sheet.kind.replace(" ", "-")}-{name}.pdf"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(invoice_pdf.draw(sheet), content_type="application/pdf", headers=headers)


def _follow(token: str, kind: str) -> tuple[Call, Object]:
    try:
        return links.follow(token, kind)
    except LookupError:
        raise Http404 from None


urlpatterns = [
    path("invoice/<str:token>/", invoice, name="invoice"),
    path("invoice/<str:token>/pdf/", invoice_pdf, name="invoice_pdf"),
    path("credit_note/<str:token>/pdf/", credit_note_pdf, name="credit_note_pdf"),
    path("receipts/<str:token>/", receipt, name="receipt"),
    path("receipts/<str:token>/pdf/", receipt_pdf, name="receipt_pdf"),
]
