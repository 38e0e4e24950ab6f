"""Credit notes: what is taken back of an invoice after it was finalised."""

from __future__ import annotations

from sandbox import store
from sandbox.engine import crediting
from sandbox.kernel import Call, Object, refers, route
from sandbox.params import (
    PAGING,
    Decimal,
    Integer,
    amount,
    clearable,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
    timestamp,
)

refers(
    "credit_note",
    {
        "customer": "customer",
        "customer_balance_transaction": "customer_balance_transaction",
        "discount_amounts.discount": "discount",
        "invoice": "invoice",
        "refunds.refund": "refund",
    },
)
_LINE = {
    "amount": Integer(1),
    "description": string,
    "invoice_line_item": string,
    "metadata": metadata,
    "quantity": Integer(1),
    "tax_amounts": not_emulated,
    "tax_rates": clearable([string]),
    "type": required(enum("custom_line_item", "invoice_line_item")),
    "unit_amount": amount,
    "unit_amount_decimal": Decimal(),
}
_FIELDS = {
    "amount": Integer(1),
    "credit_amount": amount,
    "effective_at": timestamp,
    "email_type": enum("credit_note", "none"),
    "invoice": required(string),
    "lines": [_LINE],
    "memo": string,
    "metadata": metadata,
    "out_of_band_amount": amount,
    "reason": enum("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
    "refund_amount": amount,
    "refunds": [
        {
            "amount_refunded": Integer(1),
            "payment_record_refund": not_emulated,
            "refund": string,
            "type": enum("payment_record_refund", "refund"),
        }
    ],
    "shipping_cost": not_emulated,
}


@route("POST", "/v1/credit_notes", _FIELDS)
def create(call: Call) -> Object:
    """Issue a credit note; no mail leaves the sandbox."""
    note, lines = _work_out(call)
    return crediting.issue(call, note, lines, call.params)


@route("GET", "/v1/credit_notes/preview", _FIELDS)
def preview(call: Call) -> Object:
    """Return the credit note that `create` would issue."""
    return _work_out(call)[0]


@route("GET", "/v1/credit_notes/preview/lines", {**PAGING, **_FIELDS})
def preview_lines(call: Call) -> Object:
    """Return the lines of the credit note that `create` would issue."""
    lines, limit = _work_out(call)[1], call.params.get("limit", 10)
    return store.envelope(lines[:limit], "/v1/credit_notes/preview/lines", len(lines) > limit)


@route("GET", "/v1/credit_notes", listing(customer=string, customer_account=not_emulated, invoice=string))
def list_all(call: Call) -> Object:
    """List credit notes."""
    customer, invoice = call.params.get("customer"), call.params.get("invoice")
    return store.page(call, "credit_note", "/v1/credit_notes", customer=customer, parent=invoice)


@route("GET", "/v1/credit_notes/{note}")
def retrieve(call: Call, note: str) -> Object:
    """Return a credit note."""
    return store.get(call, "credit_note", note)


@route("POST", "/v1/credit_notes/{note}", {"memo": string, "metadata": metadata})
def update(call: Call, note: str) -> Object:
    """Change what is noted on a credit note, or beside it."""
    obj = store.get(call, "credit_note", note)
    store.update(obj, call.params, "memo", "metadata")
    return store.save(call, obj, "credit_note.updated")


@route("POST", "/v1/credit_notes/{note}/void")
def void(call: Call, note: str) -> Object:
    """Void a credit note of an open invoice."""
    return crediting.void(call, store.get(call, "credit_note", note))


@route("GET", "/v1/credit_notes/{note}/lines", PAGING)
def lines(call: Call, note: str) -> Object:
    """List the lines of a credit note, of which it shows the first ten itself."""
    store.get(call, "credit_note", note)
    page = store.page(call, crediting.LINE, f"/v1/credit_notes/{note}/lines", credit_note=note)
    return page | {"data": [crediting.shown(line) for line in page["data"]]}


def _work_out(call: Call) -> tuple[Object, list[Object]]:
    invoice = store.get(call, "invoice", call.params["invoice"], "invoice")
    return crediting.work_out(call, invoice, call.params)
