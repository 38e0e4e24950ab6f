"""A customer's balance: what they have as credit (negative) or owe, and every movement that made it so."""

from __future__ import annotations

from sandbox import store
from sandbox.engine import balance
from sandbox.kernel import Call, Object, invalid, missing, refers, route
from sandbox.params import Integer, String, clearable, currency, listing, metadata, required, string

refers(
    "customer_balance_transaction",
    {
        "checkout_session": "checkout.session",
        "credit_note": "credit_note",
        "customer": "customer",
        "invoice": "invoice",
    },
)
_KIND = "customer_balance_transaction"


@route(
    "POST",
    "/v1/customers/{customer}/balance_transactions",
    {
        "amount": required(Integer()),
        "currency": required(currency),
        "description": String(350),
        "metadata": metadata,
    },
)
def create(call: Call, customer: str) -> Object:
    """Move a customer's balance by hand: a negative amount, in minor units, is credit for the next invoice."""
    obj, given = store.get(call, "customer", customer, "customer"), call.params
    if obj["currency"] not in {None, given["currency"]}:
        raise invalid(
            f"The customer is billed in {obj['currency']}, so the balance cannot be moved in {given['currency']}.",
            param="currency",
        )
    moved = balance.move(call, obj | {"currency": given["currency"]}, given["amount"], "adjustment")
    store.update(moved, given, "description", "metadata")
    return store.save(call, moved)


@route("GET", "/v1/customers/{customer}/balance_transactions", listing(invoice=string))
def list_all(call: Call, customer: str) -> Object:
    """List the movements of a customer's balance."""
    store.get(call, "customer", customer, "customer")
    invoice = {"invoice": call.params["invoice"]} if "invoice" in call.params else {}
    return store.page(call, _KIND, f"/v1/customers/{customer}/balance_transactions", customer=customer, **invoice)


@route("GET", "/v1/customers/{customer}/balance_transactions/{transaction}")
def retrieve(call: Call, customer: str, transaction: str) -> Object:
    """Return a movement of this customer's balance."""
    store.get(call, "customer", customer, "customer")
    obj = store.get(call, _KIND, transaction, "transaction")
    if obj["customer"] != customer:
        raise missing(_KIND, transaction, "transaction")
    return obj


@route(
    "POST",
    "/v1/customers/{customer}/balance_transactions/{transaction}",
    {"description": clearable(String(350)), "metadata": metadata},
)
def update(call: Call, customer: str, transaction: str) -> Object:
    """Change what is noted beside a movement; the amount stays."""
    obj = retrieve(call, customer, transaction)
    store.update(obj, call.params, "description", "metadata")
    return store.save(call, obj)
