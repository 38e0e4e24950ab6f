"""Which columns of the mirror an object of Stripe fills. Reads the shapes of API version 2026-10-28.endive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from billing.dates import from_epoch
from billing.gateway import Object

Columns = dict[str, Any]


def of(found: Object) -> Columns:
    """Return the mirror columns of a Stripe object that is not deleted. References are ids, expanded or not."""
    own = _COLUMNS[found["object"]](found)
    return {"livemode": found["livemode"], "created": from_epoch(found["created"]), "deleted": False, **own}


def kept(found: Object) -> Object:
    """Return what the mirror keeps of an object: no client secrets, and of other objects, expanded or not, their ids.

    So a row is the same however its object was read.
    """
    return {key: clean(_unexpanded(value)) for key, value in found.items() if key not in _NOT_KEPT}


def _unexpanded(value: Any) -> Any:
    is_object = isinstance(value, dict) and "id" in value and "object" in value
    return value["id"] if is_object and value["object"] != "discount" else value


def clean(value: Any) -> Any:
    """Return `value` without what PostgreSQL refuses to store as JSON and SQLite takes: NUL, lone surrogates."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value


_NOT_KEPT = {"client_secret", "confirmation_secret", "payments"}


def id_of(reference: Any) -> str:
    """Return the id of a reference that may be an id, an expanded object or null."""
    if reference is None:
        return ""
    return str(reference["id"] if isinstance(reference, dict) else reference)


def _customer(found: Object) -> Columns:
    return {
        "email": found["email"] or "",
        "name": found.get("name") or "",
        "currency": found.get("currency") or "",
        "balance": found["balance"],
        "delinquent": bool(found.get("delinquent")),
        "default_payment_method": id_of(found["invoice_settings"]["default_payment_method"]),
    }


def _payment_method(found: Object) -> Columns:
    if found["customer"] is None:  # detached for good: the row stays with the customer it was of
        return {"deleted": True}
    card = found.get("card") or {}
    return {
        "customer_id": id_of(found["customer"]),
        "type": found["type"],
        "brand": card.get("display_brand") or card.get("brand") or "",
        "last4": card.get("last4") or (found.get(found["type"]) or {}).get("last4") or "",
        "exp_month": card.get("exp_month"),
        "exp_year": card.get("exp_year"),
        "fingerprint": card.get("fingerprint") or "",
    }


def _product(found: Object) -> Columns:
    return {"active": found["active"], "name": found["name"], "description": found["description"] or ""}


def _price(found: Object) -> Columns:
    recurring = found["recurring"] or {}
    return {
        "active": found["active"],
        "product_id": id_of(found["product"]),
        "lookup_key": found["lookup_key"] or "",
        "currency": found["currency"],
        "unit_amount": found["unit_amount"],
        "interval": recurring.get("interval", ""),
        "interval_count": recurring.get("interval_count", 1),
    }


def _subscription(found: Object) -> Columns:
    items = found["items"]["data"]
    return {
        "customer_id": id_of(found["customer"]),
        "status": found["status"],
        "currency": found["currency"],
        "price_id": items[0]["price"]["id"] if items else "",
        "quantity": items[0].get("quantity") or 1 if items else 1,
        "current_period_start": from_epoch(min((item["current_period_start"] for item in items), default=None)),
        "current_period_end": from_epoch(min((item["current_period_end"] for item in items), default=None)),
        "trial_end": from_epoch(found["trial_end"]),
        "cancel_at_period_end": found["cancel_at_period_end"],
        "cancel_at": from_epoch(found["cancel_at"]),
        "canceled_at": from_epoch(found["canceled_at"]),
        "ended_at": from_epoch(found["ended_at"]),
        "default_payment_method": id_of(found["default_payment_method"]),
        "latest_invoice": id_of(found["latest_invoice"]),
    }


def _invoice(found: Object) -> Columns:
    parent = (found["parent"] or {}).get("subscription_details") or {}
    return {
        "customer_id": id_of(found["customer"]),
        "subscription_id": id_of(parent.get("subscription")),
        "number": found["number"] or "",
        "status": found["status"],
        "currency": found["currency"],
        "total": found["total"],
        "amount_due": found["amount_due"],
        "amount_paid": found["amount_paid"],
        "amount_remaining": found["amount_remaining"],
        "attempt_count": found["attempt_count"],
        "due_date": from_epoch(found["due_date"]),
        "next_payment_attempt": from_epoch(found["next_payment_attempt"]),
    }


_COLUMNS: dict[str, Callable[[Object], Columns]] = {
    "customer": _customer,
    "payment_method": _payment_method,
    "product": _product,
    "price": _price,
    "subscription": _subscription,
    "invoice": _invoice,
}
