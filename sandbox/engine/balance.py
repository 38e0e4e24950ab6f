"""The customer's credit balance: how much of it an invoice takes, and the transactions that say so."""

from __future__ import annotations

from sandbox import store
from sandbox.engine import pricing
from sandbox.kernel import Call, Object, new_id


def applied(total: int, balance: int, currency: str) -> tuple[int, int]:
    """Return (amount due, balance afterwards), in minor units; a negative balance is the customer's credit.

    Credit is used up first. What is too small to charge is carried over to the next invoice.
    """
    due = total + balance
    if due < pricing.minimum_charge(currency):
        return 0, due
    return due, 0


def settle(call: Call, invoice: Object) -> None:
    """Book what finalising `invoice` took from the customer's balance, or added to it."""
    owed = invoice["total"] + invoice["starting_balance"]
    kind = "invoice_too_small" if 0 < owed == invoice["ending_balance"] else "applied_to_invoice"
    post(call, invoice, invoice["ending_balance"] - invoice["starting_balance"], kind)


def give_back(call: Call, invoice: Object) -> None:
    """Return what a voided invoice had taken from the customer's balance."""
    post(call, invoice, invoice["starting_balance"] - (invoice["ending_balance"] or 0), "unapplied_from_invoice")


def post(call: Call, invoice: Object, amount: int, kind: str) -> None:
    """Move the customer's balance by `amount` (negative gives credit) on account of an invoice."""
    if amount:
        customer = store.get(call, "customer", invoice["customer"])
        move(call, customer, amount, kind, currency=invoice["currency"], invoice=invoice["id"])


def move(call: Call, customer: Object, amount: int, kind: str, **why: str) -> Object:
    """Move a customer's balance by `amount` (negative gives credit); `why` are keys of the transaction.

    Returns the transaction that says so.
    """
    customer["balance"] += amount
    store.save(call, customer, "customer.updated")
    return note(call, customer, amount, kind, **why)


def note(call: Call, customer: Object, amount: int, kind: str, **why: str) -> Object:
    """Store the customer_balance_transaction of a movement that `customer` already shows."""
    return store.insert(
        call,
        {
            "id": new_id(call, "cbtxn"),
            "object": "customer_balance_transaction",
            "amount": amount,
            "checkout_session": None,
            "created": call.now,
            "credit_note": None,
            "currency": customer["currency"] or "usd",
            "customer": customer["id"],
            "customer_account": None,
            "description": None,
            "ending_balance": customer["balance"],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "type": kind,
            **why,
        },
    )
