"""Refunds: money of a captured charge back to its card, in whole or in part."""

from __future__ import annotations

from sandbox import store
from sandbox.cards import Card
from sandbox.engine import pricing
from sandbox.kernel import Call, Object, falls_due, invalid, new_id, refers, route
from sandbox.params import Integer, enum, listing, metadata, not_emulated, string
from sandbox.resources import balance_transactions, payment_methods

refers(
    "refund",
    {
        "charge": "charge",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
)

SETTLES_AFTER = 60  # seconds until a pending refund succeeds, or a doomed one fails


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
    """Refund a charge, named itself or by its payment intent, in whole or in part."""
    charge, given = _charge(call), call.params
    left = refundable(charge)
    if left <= 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = given.get("amount", left)
    if amount > left:
        asked, rest = (pricing.money(each, charge["currency"]) for each in (amount, left))
        raise invalid(f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})", param="amount")
    return make(call, charge, amount, reason=given.get("reason"), metadata=given.get("metadata"))


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


@route("POST", "/v1/refunds/{refund}/cancel")
def cancel(call: Call, refund: str) -> Object:
    """Refuse: only a refund that waits for its customer can be canceled, and a card's never does."""
    obj = store.get(call, "refund", refund, "refund")
    raise invalid(
        f"You can only cancel a refund with a status of requires_action. Refund {obj['id']} has a status of "
        f"{obj['status']}."
    )


def refundable(charge: Object) -> int:
    """Return what can still be given back of a captured charge, in minor units."""
    return int(charge["amount"] - charge["amount_refunded"])


def make(
    call: Call, charge: Object, amount: int, *, reason: str | None = None, metadata: Object | None = None
) -> Object:
    """Give `amount` (minor units) of a charge back; the test cards 7726 and 5126 change their mind a minute later."""
    first, later = _behind(call, charge).refund
    refund = _refund(call, charge, amount) | {"reason": reason, "status": first}
    refund["metadata"] = store.merged_metadata({}, metadata)
    if first == "pending":
        refund["pending_reason"] = "processing"
    store.insert(call, refund, "refund.created")
    if later != first:
        store.schedule(call, refund, call.now + SETTLES_AFTER)
    charge["amount_refunded"] += amount
    charge["refunded"] = refundable(charge) == 0
    store.save(call, charge, "charge.refunded")
    return refund


@falls_due("refund")
def _settle(call: Call, refund: Object) -> None:
    charge = store.get(call, "charge", refund["charge"])
    if _behind(call, charge).refund[1] == "failed":
        _fail(call, refund, charge)
    else:
        refund.pop("pending_reason")
        store.save(call, refund | {"status": "succeeded"}, "refund.updated")


def _fail(call: Call, refund: Object, charge: Object) -> None:
    """Put the money back: to the account's balance, and to what of the charge is not refunded."""
    back = balance_transactions.of_failed_refund(call, refund)
    failed = {"failure_balance_transaction": back["id"], "failure_reason": "unknown", "status": "failed"}
    store.save(call, refund | failed, "refund.failed")
    charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
    store.save(call, charge, "charge.updated")


def _behind(call: Call, charge: Object) -> Card:
    paid_with = store.get(call, "payment_method", charge["payment_method"])
    return payment_methods.behind(store.private(call, paid_with))


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
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    refund["balance_transaction"] = balance_transactions.of_refund(call, refund)["id"]
    return refund
