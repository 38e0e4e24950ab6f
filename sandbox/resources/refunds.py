"""Refunds: money of a captured charge back to its card, in whole or in part."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object, invalid, new_id, refers, route
from sandbox.params import Integer, enum, listing, metadata, not_emulated, string
from sandbox.resources import balance_transactions

refers(
    "refund",
    {
        "charge": "charge",
        "customer": "customer",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
)


@route(
    "POST",
    "/v1/refunds",
    {
        "amount": Integer(1),
        "charge": string,
        "currency": not_emulated,
        "customer": not_emulated,
        "instructions_email": string,
        "metadata": metadata,
        "origin": not_emulated,
        "payment_intent": string,
        "reason": enum("duplicate", "fraudulent", "requested_by_customer"),
        "refund_application_fee": not_emulated,
        "reverse_transfer": not_emulated,
    },
)
def create(call: Call) -> Object:
    """Refund a charge, named itself or by its payment intent; a card's refund succeeds at once."""
    charge = _charge(call)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = call.params.get("amount", left)
    if left <= 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount")
    refund = store.insert(call, _refund(call, charge, amount), "refund.created")
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    store.save(call, charge, "charge.refunded")
    return refund


@route("GET", "/v1/refunds", listing(charge=string, payment_intent=string))
def list_all(call: Call) -> Object:
    """List refunds."""
    given = call.params
    return store.page(call, "refund", "/v1/refunds", parent=given.get("charge"), lookup_key=given.get("payment_intent"))


@route("GET", "/v1/refunds/{refund}")
def retrieve(call: Call, refund: str) -> Object:
    """Return a refund."""
    return store.get(call, "refund", refund, "refund")


@route("POST", "/v1/refunds/{refund}", {"metadata": metadata})
def update(call: Call, refund: str) -> Object:
    """Change a refund's metadata."""
    obj = store.get(call, "refund", refund, "refund")
    store.update(obj, call.params, "metadata")
    return store.save(call, obj, "refund.updated")


def _charge(call: Call) -> Object:
    given = call.params
    if ("charge" in given) == ("payment_intent" in given):
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if "charge" in given:
        charge = store.get(call, "charge", given["charge"], "charge")
    else:
        intent = store.get(call, "payment_intent", given["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise invalid(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
        charge = store.get(call, "charge", intent["latest_charge"])
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge['id']} has not been captured, so there is nothing to refund.")
    return charge


def _refund(call: Call, charge: Object, amount: int) -> Object:
    refund = {
        "id": new_id(call, "re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": call.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        },
        "metadata": store.merged_metadata({}, call.params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": call.params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = balance_transactions.of_refund(call, refund)["id"]
    return refund
