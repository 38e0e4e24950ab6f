"""What `hosted_invoice_url` and `invoice_pdf` lead to: the invoice as a page, and as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.views.decorators.http import require_safe

from sandbox import links, store
from sandbox.engine import pricing
from sandbox.engine.calendar import day_of
from sandbox.kernel import Object

_STATUS = {
    "draft": "Draft",
    "open": "Open",
    "paid": "Paid",
    "uncollectible": "Uncollectible",
    "void": "Void",
}


@dataclass(frozen=True)
class Sheet:
    """An invoice in words, as page and document show it."""

    invoice: Object
    lines: list[tuple[str, str, str]]  # description, quantity, amount
    totals: list[tuple[str, str]]

    @property
    def status(self) -> str:
        return _STATUS[self.invoice["status"]]

    @property
    def due(self) -> str:
        return pricing.money(self.invoice["amount_remaining"], self.invoice["currency"])

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Number and dates, those that there are."""
        moments = {
            "Date of issue": self.invoice["effective_at"],
            "Date due": self.invoice["due_date"],
            "Date paid": self.invoice["status_transitions"]["paid_at"],
            "Voided on": self.invoice["status_transitions"]["voided_at"],
        }
        dates = [(label, day_of(moment)) for label, moment in moments.items() if moment]
        return [("Invoice number", self.invoice["number"] or "–"), *dates]

    @property
    def bill_to(self) -> list[str]:
        """Name, address and e-mail of the customer, line by line."""
        invoice, address = self.invoice, self.invoice["customer_address"] or {}
        city = " ".join(
            part for part in (address.get("city"), address.get("state"), address.get("postal_code")) if part
        )
        lines = (invoice["customer_name"], address.get("line1"), address.get("line2"), city, address.get("country"))
        return [line for line in (*lines, invoice["customer_email"]) if line]


def sheet_of(token: str) -> Sheet:
    """Return the invoice behind a link; raises Http404 for one that leads nowhere."""
    try:
        call, invoice = links.follow(token, "invoice")
    except LookupError:
        raise Http404 from None
    lines = [_line(line) for line in store.query(call, "line_item", parent=invoice["id"])]
    return Sheet(invoice, lines, _totals(invoice))


def _line(line: Object) -> tuple[str, str, str]:
    quantity = "" if line["quantity"] is None else str(line["quantity"])
    return line["description"] or "–", quantity, pricing.money(line["amount"], line["currency"])


def _totals(invoice: Object) -> list[tuple[str, str]]:
    applied = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    amounts = {
        "Subtotal": invoice["subtotal"],
        "Total": invoice["total"],
        **({"Applied balance": -applied} if applied > 0 else {}),
        **({"Added to balance": -applied} if applied < 0 else {}),
        **({"Amount paid": invoice["amount_paid"]} if invoice["amount_paid"] else {}),
        "Amount due": invoice["amount_remaining"],
    }
    return [(label, pricing.money(amount, invoice["currency"])) for label, amount in amounts.items()]


@require_safe
def hosted(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invoice to whoever has its link."""
    context: dict[str, Any] = {"sheet": sheet_of(token), "token": token}
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
    }
    # Without the request: the site's context processors have no business in Stripe's pages.
    return HttpResponse(render_to_string("sandbox/invoice/page.html", context), headers=headers)


@require_safe
def pdf(request: HttpRequest, token: str) -> HttpResponse:
    """Answer the invoice as a document."""
    from sandbox import invoice_pdf  # the library takes a tenth of a second to load, and most requests need none of it

    sheet = sheet_of(token)
    name = f"Invoice-{sheet.invoice['number'] or sheet.invoice['id']}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(invoice_pdf.draw(sheet), content_type="application/pdf", headers=headers)


urlpatterns = [
    path("invoice/<str:token>/", hosted, name="invoice"),
    path("invoice/<str:token>/pdf/", pdf, name="invoice_pdf"),
]
