"""How the console words moments, amounts and states."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.engine import pricing
from sandbox.kernel import Object

_TONES = {
    "good": {"active", "paid", "succeeded", "enabled", "delivered", "complete", "available"},
    "info": {"trialing", "open", "processing", "requires_action", "requires_confirmation", "ready"},
    "warn": {"past_due", "incomplete", "requires_payment_method", "paused", "pending", "requires_capture", "unpaid"},
    "bad": {"failed", "uncollectible", "incomplete_expired", "disabled"},
}
_TONE = {status: tone for tone, statuses in _TONES.items() for status in statuses}
_AMOUNTS = ("total", "amount", "unit_amount", "amount_total")


def moment(at: int) -> str:
    """Return the UTC time of epoch seconds: 20 Nov 2026, 12:30:15."""
    return datetime.fromtimestamp(at, UTC).strftime("%-d %b %Y, %H:%M:%S")


def state(status: Any) -> dict[str, str] | None:
    """Return a status with the tone that it is shown in, or None where there is none."""
    return {"text": str(status), "tone": _TONE.get(str(status), "mute")} if status else None


def amount(obj: Object) -> str:
    """Return what an object is about in money, or nothing."""
    value = next((obj[key] for key in _AMOUNTS if isinstance(obj.get(key), int)), None)
    return pricing.money(value, obj["currency"]) if value is not None and obj.get("currency") else ""


def about(obj: Object) -> str:
    """Return the few words by which somebody knows an object again."""
    card = obj.get("card") or {}
    if card.get("last4"):
        return f"{card['brand']} {card['last4']}, {card['exp_month']:02}/{card['exp_year']}"
    words = (obj.get(key) for key in ("number", "name", "lookup_key", "email", "type", "description", "url", "subject"))
    return next((str(word) for word in words if isinstance(word, str) and word), "")
