"""Invoice items: what waits to be billed, prorations among them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from sandbox import store
from sandbox.engine import discounts, invoicing, ledger, taxes
from sandbox.kernel import Call, Object, refers, route
from sandbox.params import (
    Decimal,
    Integer,
    boolean,
    clearable,
    currency,
    listing,
    metadata,
    not_emulated,
    required,
    string,
    timestamp,
)
from sandbox.resources import prices
from sandbox.resources.discounts import DISCOUNTS

refers(
    "invoiceitem",
    {"customer": "customer", "discounts": "discount", "invoice": "invoice", "pricing.price_details.price": "price"},
)

SIGNED = Integer(-99_999_999, 99_999_999)
PERIOD = {"end": required(timestamp), "start": required(timestamp)}
FIELDS = {
    "amount": SIGNED,
    "description": string,
    "discountable": boolean,
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "period": PERIOD,
    "price_data": {**prices.DATA, "recurring": not_emulated, "unit_amount": SIGNED},
    "quantity": Integer(0),
    "quantity_decimal": not_emulated,
    "tax_behavior": not_emulated,
    "tax_code": not_emulated,
    "tax_rates": clearable([string]),
    "unit_amount_decimal": Decimal(),
}
_FIELDS = {**FIELDS, "pricing": {"price": string}}


@route(
    "POST",
    "/v1/invoiceitems",
    {
        **_FIELDS,
        "currency": currency,
        "customer": required(string),
        "customer_account": not_emulated,
        "invoice": string,
        "subscription": string,
    },
)
def create(call: Call) -> Object:
    """Note something to bill: on the draft `invoice`, or else on the customer's next invoice."""
    given = call.params
    customer = store.get(call, "customer", given["customer"], "customer")
    if "subscription" in given:
        store.get(call, "subscription", given["subscription"], "subscription")
    invoice = store.get(call, "invoice", given["invoice"], "invoice") if "invoice" in given else None
    if invoice:
        invoicing.ensure_draft(invoice)
    currency = given.get("currency") or customer["currency"] or "usd"
    item = ledger.add(call, customer["id"], given, currency, given.get("subscription"))
    if customer["currency"] is None:
        store.save(call, customer | {"currency": item["currency"]}, "customer.updated")
    if invoice:
        store.save(call, item | {"invoice": invoice["id"]})
        invoicing.add(call, invoice, [ledger.as_draft(item)])
    return store.get(call, "invoiceitem", item["id"])


@route(
    "GET",
    "/v1/invoiceitems",
    listing(customer=string, customer_account=not_emulated, invoice=string, pending=boolean),
)
def list_all(call: Call) -> Object:
    """List invoice items; `pending` ones are on no invoice yet."""
    given = call.params
    where = Q(parent__isnull=given["pending"]) if "pending" in given else None
    customer, invoice = given.get("customer"), given.get("invoice")
    return store.page(call, "invoiceitem", "/v1/invoiceitems", customer=customer, parent=invoice, where=where)


@route("GET", "/v1/invoiceitems/{item}")
def retrieve(call: Call, item: str) -> Object:
    """Return an invoice item."""
    return store.get(call, "invoiceitem", item, "invoiceitem")


@route("POST", "/v1/invoiceitems/{item}", _FIELDS)
def update(call: Call, item: str) -> Object:
    """Change an invoice item; once its invoice is finalised it stays as it is."""
    obj = store.get(call, "invoiceitem", item, "invoiceitem")
    invoice = _draft_invoice(call, obj)
    change(call, obj, call.params)
    if invoice:
        invoicing.redraw(call, invoice, invoicing.line_of(call, invoice, obj), ledger.as_draft(obj))
        invoicing.retotal(call, invoice)
    return obj


@route("DELETE", "/v1/invoiceitems/{item}")
def delete(call: Call, item: str) -> Object:
    """Drop an invoice item; once its invoice is finalised it stays as it is."""
    obj = store.get(call, "invoiceitem", item, "invoiceitem")
    invoice = _draft_invoice(call, obj)
    if invoice:
        store.delete(call, invoicing.line_of(call, invoice, obj))
        invoicing.retotal(call, invoice)
    return store.delete(call, obj, "invoiceitem.deleted")


def change(call: Call, item: Object, given: dict[str, Any]) -> Object:
    """Change a stored invoice item as parameters say; the line that it has made is not touched."""
    ledger.reprice(call, item, given)
    store.update(item, given, "description", "discountable", "metadata", "period")
    if "discounts" in given:
        owner = {"customer": item["customer"], "invoice_item": item["id"]}
        purchase = (item["amount"], item["currency"])
        item["discounts"] = discounts.redeem(call, given["discounts"], purchase, **owner)
    if "tax_rates" in given:
        item["tax_rates"] = taxes.rates(call, given["tax_rates"], "tax_rates")
    return store.save(call, item)


def _draft_invoice(call: Call, item: Object) -> Object | None:
    if item["invoice"] is None:
        return None
    invoice = store.get(call, "invoice", item["invoice"])
    invoicing.ensure_draft(invoice)
    return invoice
