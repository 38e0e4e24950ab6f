"""Invoices and receipts in words, as the hosted pages and the PDF documents show them alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox import hosted, store
from sandbox.engine import balance, discounts, pricing
from sandbox.kernel import Call, Object

_STATUS = {
    "draft": "Draft",
    "open": "Open",
    "paid": "Paid",
    "uncollectible": "Uncollectible",
    "void": "Void",
}


@dataclass(frozen=True)
class Line:
    """One thing that was billed."""

    description: str
    quantity: str
    unit: str
    amount: str
    notes: list[str] = field(default_factory=list)  # the time it is for, what was taken off


@dataclass(frozen=True)
class Sheet:
    """A document: who bills whom for what, and how it stands."""

    kind: str  # Invoice, Receipt
    number: str
    business: str
    status: str  # as of the object, for the look
    status_text: str
    headline: str
    facts: list[tuple[str, str]]
    bill_to: list[str]
    lines: list[Line]
    totals: list[tuple[str, str]]  # the last one is what counts
    texts: list[str] = field(default_factory=list)  # memo and footer
    due: str = ""  # what is left to pay

    @property
    def title(self) -> str:
        """Return what the page and the document are called."""
        return f"{self.kind} {self.number}".strip()


def of_invoice(call: Call, invoice: Object) -> Sheet:
    """Return an invoice in words."""
    remaining = _money(invoice["amount_remaining"], invoice)
    due = f" on {hosted.day(invoice['due_date'])}" if invoice["due_date"] else ""
    moments = {
        "Date of issue": invoice["effective_at"] or invoice["created"],
        "Date due": invoice["due_date"],
        "Date paid": invoice["status_transitions"]["paid_at"],
        "Voided on": invoice["status_transitions"]["voided_at"],
    }
    custom = [(each["name"], each["value"]) for each in invoice["custom_fields"] or []]
    lines = _lines(call, invoice)
    return Sheet(
        kind="Invoice",
        number=invoice["number"] or "",
        business=invoice["account_name"],
        status=invoice["status"],
        status_text=_STATUS[invoice["status"]],
        headline=f"{remaining} due{due}" if invoice["status"] == "open" else _money(invoice["total"], invoice),
        facts=[
            ("Invoice number", invoice["number"] or "–"),
            *((label, hosted.day(moment)) for label, moment in moments.items() if moment),
            *custom,
        ],
        bill_to=_bill_to(invoice),
        lines=[_line(line) for line in lines],
        totals=list(totals(call, invoice, lines)),
        texts=[text for text in (invoice["description"], *_reversed_charge(invoice), invoice["footer"]) if text],
        due=remaining,
    )


def of_charge(call: Call, charge: Object) -> Sheet:
    """Return the receipt for a charge that succeeded in words."""
    invoice = invoice_of(call, charge)
    billed = _lines(call, invoice) if invoice else []
    paid, number, taken = (
        _money(charge["amount_captured"], charge),
        receipt_number(charge),
        hosted.day(charge["created"]),
    )
    card = charge["payment_method_details"]["card"]
    refunds = [each for each in store.query(call, "refund", parent=charge["id"]) if each["status"] == "succeeded"]
    return Sheet(
        kind="Receipt",
        number=number,
        business=hosted.business(call),
        status="void" if charge["refunded"] else "paid",
        status_text="Refunded" if charge["refunded"] else "Partially refunded" if refunds else "Paid",
        headline=f"{paid} paid on {taken}",
        facts=[
            ("Receipt number", number),
            *([("Invoice number", invoice["number"])] if invoice else []),
            ("Date paid", taken),
            ("Payment method", f"{hosted.BRANDS.get(card['brand'], card['brand'])} •••• {card['last4']}"),
        ],
        bill_to=_bill_to(invoice) if invoice else _charged(call, charge),
        lines=[_line(line) for line in billed] or [_payment(charge)],
        totals=[
            *(_sums(call, invoice, billed) if invoice else ()),
            ("Amount paid", paid),
            *_returned(charge, refunds),
        ],
    )


def of_credit_note(call: Call, note: Object) -> Sheet:
    """Return a credit note in words."""
    invoice = store.get(call, "invoice", note["invoice"])
    billed = list(store.query(call, "credit_note_line_item", credit_note=note["id"]))
    amount = _money(note["total"], note)
    return Sheet(
        kind="Credit note",
        number=note["number"],
        business=invoice["account_name"],
        status="void" if note["status"] == "void" else "paid",
        status_text="Void" if note["status"] == "void" else "Issued",
        headline=f"{amount} credited on {hosted.day(note['effective_at'] or note['created'])}",
        facts=[
            ("Credit note number", note["number"]),
            ("Invoice number", invoice["number"]),
            ("Date of issue", hosted.day(note["effective_at"] or note["created"])),
            *([("Reason", note["reason"].replace("_", " ").capitalize())] if note["reason"] else []),
        ],
        bill_to=_bill_to(invoice),
        lines=[_credited(line, note["currency"]) for line in billed],
        totals=list(_credit(call, note)),
        texts=[note["memo"]] if note["memo"] else [],
    )


def receipt_number(charge: Object) -> str:
    """Return the number of a receipt: the charge has one as soon as Stripe has mailed it, the paper needs it before."""
    if charge["receipt_number"]:
        return str(charge["receipt_number"])
    digits = f"{int(hashlib.sha256(charge['id'].encode()).hexdigest(), 16) % 10**8:08}"
    return f"{digits[:4]}-{digits[4:]}"


def invoice_of(call: Call, charge: Object) -> Object | None:
    """Return the invoice that a charge has paid."""
    paid = store.query(call, "invoice_payment", lookup_key=charge["payment_intent"]) if charge["payment_intent"] else ()
    return next((store.get(call, "invoice", each["invoice"]) for each in paid), None)


def charge_of(call: Call, invoice: Object) -> Object | None:
    """Return the charge that paid an invoice; None where it was paid elsewhere, or needed no payment."""
    intent = hosted.intent_of(call, invoice)
    if invoice["status"] != "paid" or intent is None or intent["status"] != "succeeded":
        return None
    return store.find(call, "charge", intent["latest_charge"])


def _money(amount: int, obj: Object) -> str:
    return pricing.money(amount, obj["currency"])


def _lines(call: Call, invoice: Object) -> list[Object]:
    return list(store.query(call, "line_item", parent=invoice["id"]))


def _line(line: Object) -> Line:
    unit = (line["pricing"] or {}).get("unit_amount_decimal")
    own = sum(each["amount"] for each in line["discount_amounts"] if each["discount"] in line["discounts"])
    start, end = line["period"]["start"], line["period"]["end"]
    notes = [f"{hosted.day(start)} – {hosted.day(end)}"] if end > start else []
    return Line(
        description=line["description"] or "–",
        quantity="" if line["quantity"] is None else str(line["quantity"]),
        unit="" if unit is None or line["quantity"] is None else pricing.money(Decimal(unit), line["currency"]),
        amount=_money(line["amount"], line),
        notes=[*notes, *([f"Discounted by {_money(own, line)}"] if own else [])],
    )


def totals(call: Call, invoice: Object, lines: list[Object]) -> Iterator[tuple[str, str]]:
    """Yield the way from the subtotal of an invoice, which may be a preview, to what is due."""
    yield from _sums(call, invoice, lines)
    if applied := _applied(invoice):
        yield ("Applied balance" if applied > 0 else "Added to balance"), _money(-applied, invoice)
    if credited := invoice["pre_payment_credit_notes_amount"]:
        yield "Credited", _money(-credited, invoice)
    if invoice["amount_paid"]:
        yield "Amount paid", _money(invoice["amount_paid"], invoice)
    yield "Amount due", _money(invoice["amount_remaining"], invoice)


def _applied(invoice: Object) -> int:
    """Return how much of the customer's credit an invoice takes, in minor units; negative where it adds to it."""
    starting, ending = invoice["starting_balance"], invoice["ending_balance"]
    if ending is None:  # not finalised: what would happen now
        _, ending = balance.applied(invoice["total"], starting, invoice["currency"])
    return int(ending - starting)


def _sums(call: Call, invoice: Object, lines: list[Object]) -> Iterator[tuple[str, str]]:
    """Yield the way from the subtotal to the total: discounts of the whole invoice, taxes."""
    yield "Subtotal", _money(invoice["subtotal"], invoice)
    off: dict[str, int] = {}
    for line in lines:
        for each in line["discount_amounts"]:
            if each["discount"] not in line["discounts"]:
                off[each["discount"]] = off.get(each["discount"], 0) + each["amount"]
    for discount, amount in off.items():
        if amount:
            yield _discount(call, discount), _money(-amount, invoice)
    for tax in invoice["total_taxes"] or []:
        yield _tax(call, tax), _money(tax["amount"], invoice)
    yield "Total", _money(invoice["total"], invoice)


def _discount(call: Call, id: str) -> str:
    if store.find(call, "discount", id) is None:  # of a preview: it was never kept
        return "Discount"
    return coupon(discounts.terms(call, id))


def coupon(terms: Object) -> str:
    """Word a coupon: Launch (20% off)."""
    if terms["percent_off"]:
        off = f"{terms['percent_off']:g}% off"
    else:
        off = f"{pricing.money(terms['amount_off'], terms['currency'])} off"
    return f"{terms['name']} ({off})" if terms["name"] else off


def _tax(call: Call, tax: Object) -> str:
    rate = store.find(call, "tax_rate", (tax.get("tax_rate_details") or {}).get("tax_rate")) or {}
    name = rate.get("display_name") or "Tax"
    percent = f" ({rate['percentage']:g}%)" if "percentage" in rate else ""
    included = " included" if tax.get("tax_behavior") == "inclusive" else ""
    return f"{name}{percent}{included}"


def _credited(line: Object, currency: str) -> Line:
    unit = line["unit_amount_decimal"]
    return Line(
        description=line["description"] or "–",
        quantity="" if line["quantity"] is None else str(line["quantity"]),
        unit="" if unit is None else pricing.money(Decimal(unit), currency),
        amount=pricing.money(line["amount"], currency),
    )


def _credit(call: Call, note: Object) -> Iterator[tuple[str, str]]:
    yield "Subtotal", _money(note["subtotal"], note)
    for each in note["discount_amounts"]:
        yield _discount(call, each["discount"]), _money(-each["amount"], note)
    for tax in note["total_taxes"] or []:
        yield _tax(call, tax), _money(tax["amount"], note)
    if note["pre_payment_amount"]:
        yield "Taken off the amount due", _money(note["pre_payment_amount"], note)
    for refund in note["refunds"]:
        yield "Refunded", _money(refund["amount_refunded"], note)
    yield "Total credited", _money(note["total"], note)


def _payment(charge: Object) -> Line:
    return Line(charge["description"] or "Payment", "", "", _money(charge["amount_captured"], charge))


def _returned(charge: Object, refunds: list[Object]) -> Iterator[tuple[str, str]]:
    for refund in reversed(refunds):
        yield f"Refunded on {hosted.day(refund['created'])}", _money(-refund["amount"], charge)
    if refunds:
        left = charge["amount_captured"] - sum(refund["amount"] for refund in refunds)
        yield "Total after refunds", _money(left, charge)


def _reversed_charge(invoice: Object) -> list[str]:
    reasons = {each["taxability_reason"] for each in invoice["total_taxes"] or []}
    return ["Tax to be paid on reverse charge basis"] if "reverse_charge" in reasons else []


def _bill_to(invoice: Object) -> list[str]:
    tax_ids = [each["value"] for each in invoice.get("customer_tax_ids") or [] if each["value"]]
    who = [invoice["customer_name"], *hosted.address_lines(invoice["customer_address"]), invoice["customer_email"]]
    return [line for line in (*who, *tax_ids) if line]


def _charged(call: Call, charge: Object) -> list[str]:
    """Return who paid, as far as it is known: from the card's billing details, or from the customer."""
    customer: dict[str, Any] = store.find(call, "customer", charge["customer"]) or {}
    details = charge["billing_details"]
    name, email = details["name"] or customer.get("name"), details["email"] or customer.get("email")
    return [line for line in (name, *hosted.address_lines(details["address"]), email) if line]
