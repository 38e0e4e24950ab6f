"""Invoice payments: which payment intent pays which invoice."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object, expandable, refers, route
from sandbox.params import enum, listing, not_emulated, required, string

refers(
    "invoice_payment",
    {"invoice": "invoice", "payment.charge": "charge", "payment.payment_intent": "payment_intent"},
)
_PAYMENT = {
    "payment_intent": string,
    "payment_record": not_emulated,
    "type": required(enum("payment_intent", "payment_record")),
}


@route(
    "GET",
    "/v1/invoice_payments",
    listing(invoice=string, payment=_PAYMENT, status=enum("canceled", "open", "paid")),
)
def list_all(call: Call) -> Object:
    """List invoice payments, for instance those of a payment intent: the way from it to its invoice."""
    given = call.params
    return store.page(
        call,
        "invoice_payment",
        "/v1/invoice_payments",
        parent=given.get("invoice"),
        lookup_key=given.get("payment", {}).get("payment_intent"),
        status=given.get("status"),
    )


@route("GET", "/v1/invoice_payments/{payment}")
def retrieve(call: Call, payment: str) -> Object:
    """Return an invoice payment."""
    return store.get(call, "invoice_payment", payment, "invoice_payment")


@expandable("invoice", "payments")
def of_invoice(call: Call, invoice: Object) -> Object:
    """Return the payments of an invoice; Stripe shows them on demand only."""
    payments = list(store.query(call, "invoice_payment", parent=invoice["id"]))
    return store.envelope(payments[:10], f"/v1/invoice_payments?invoice={invoice['id']}", len(payments) > 10)
