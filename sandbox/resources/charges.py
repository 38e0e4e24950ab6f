"""Charges: one attempt of a payment intent to take money from a card, whether or not the bank agreed."""

from __future__ import annotations

from typing import Any

from sandbox import links, store
from sandbox.cards import Card, Decline
from sandbox.kernel import Call, Object, expandable, new_id, refers, route
from sandbox.params import clearable, listing, metadata, not_emulated, string
from sandbox.resources import balance_transactions, payment_methods

refers(
    "charge",
    {
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
    },
)


@route("GET", "/v1/charges", listing(customer=string, payment_intent=string, transfer_group=not_emulated))
def list_all(call: Call) -> Object:
    """List charges."""
    given = call.params
    return store.page(call, "charge", "/v1/charges", customer=given.get("customer"), parent=given.get("payment_intent"))


@route("GET", "/v1/charges/{charge}")
def retrieve(call: Call, charge: str) -> Object:
    """Return a charge."""
    return store.get(call, "charge", charge, "charge")


@route(
    "POST",
    "/v1/charges/{charge}",
    {
        "customer": not_emulated,
        "description": clearable(string),
        "fraud_details": {"user_report": clearable(string)},
        "metadata": metadata,
        "receipt_email": clearable(string),
        "shipping": not_emulated,
        "transfer_group": not_emulated,
    },
)
def update(call: Call, charge: str) -> Object:
    """Change what is noted beside a charge."""
    obj = store.get(call, "charge", charge, "charge")
    store.update(obj, call.params, "description", "fraud_details", "metadata", "receipt_email")
    return store.save(call, obj, "charge.updated")


@expandable("charge", "refunds")
def refunds(call: Call, charge: Object) -> Object:
    """Return the newest ten refunds; Stripe shows them on demand only."""
    found = list(store.query(call, "refund", parent=charge["id"]))
    return store.envelope(found[:10], f"/v1/charges/{charge['id']}/refunds", len(found) > 10)


def attempt(
    call: Call, intent: Object, payment_method: Object, decline: Decline | None, *, authenticated: bool
) -> Object:
    """Store the charge that a bank allowed, or refused for the reason given, and emit its event."""
    card = payment_methods.behind(store.private(call, payment_method))
    captured = decline is None and intent["capture_method"] != "manual"
    charge = {
        **_described(call, intent, payment_method),
        "amount_captured": intent["amount"] if captured else 0,
        "captured": captured,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "outcome": _outcome(card, decline),
        "paid": decline is None,
        "payment_method_details": _details(call, intent, payment_method, authenticated, captured),
        "status": "failed" if decline else "succeeded",
    }
    if decline is None:
        charge["receipt_url"] = links.url(call, "receipts", charge)
    if captured:
        charge["balance_transaction"] = balance_transactions.of_charge(call, charge, card.available_at_once)["id"]
    return store.insert(call, charge, "charge.failed" if decline else "charge.succeeded")


def capture(call: Call, charge: Object, amount: int) -> Object:
    """Take the money that a charge has reserved, or a part of it (minor units)."""
    charge["amount_captured"], charge["captured"] = amount, True
    charge["amount_refunded"] = charge["amount"] - amount
    charge["balance_transaction"] = balance_transactions.of_charge(call, charge, False)["id"]
    return store.save(call, charge, "charge.captured")


def _described(call: Call, intent: Object, payment_method: Object) -> Object:
    copied = ("amount", "currency", "customer", "description", "metadata", "receipt_email", "shipping")
    nothing = (
        "application", "application_fee", "application_fee_amount", "balance_transaction",
        "failure_balance_transaction", "on_behalf_of", "receipt_number", "receipt_url", "review", "source",
        "source_transfer", "transfer_data", "transfer_group",
    )  # fmt: skip
    return {
        "id": new_id(call, "ch"),
        "object": "charge",
        **dict.fromkeys(nothing),
        **{key: intent[key] for key in copied},
        "amount_refunded": 0,
        "billing_details": payment_method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or "SANDBOX",
        "created": call.now,
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "payment_intent": intent["id"],
        "payment_method": payment_method["id"],
        "radar_options": {},
        "refunded": False,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
    }


def _outcome(card: Card, decline: Decline | None) -> Object:
    level, score = card.risk
    return {
        "advice_code": decline.advice if decline else None,
        "network_advice_code": None,
        "network_decline_code": decline.network_code if decline else None,
        "network_status": decline.network_status if decline else "approved_by_network",
        "reason": (decline.reason or decline.decline_code) if decline else None,
        "risk_level": level,
        "risk_score": score,
        "seller_message": _TO_THE_SELLER.get(decline.type, "Payment complete.") if decline else "Payment complete.",
        "type": decline.type if decline else "authorized",
    }


_TO_THE_SELLER = {
    "issuer_declined": "The bank did not return any further details with this decline.",
    "blocked": "Stripe blocked this payment as too risky.",
}


def _details(call: Call, intent: Object, payment_method: Object, authenticated: bool, captured: bool) -> Object:
    card = payment_method["card"]
    copied = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    return {
        "card": {
            "amount_authorized": intent["amount"],
            "authorization_code": None,
            **{key: card[key] for key in copied},
            "electronic_commerce_indicator": _AUTHENTICATED.get(card["brand"]) if authenticated else None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
            "regulated_status": card["regulated_status"],
            "three_d_secure": THREE_D_SECURE if authenticated else None,
            "transaction_link_id": None,
        },
        "type": "card",
    }


_AUTHENTICATED = {"visa": "05", "mastercard": "02"}  # the indicator that the network answers with
THREE_D_SECURE: dict[str, Any] = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": None,
    "version": "2.2.0",
}
