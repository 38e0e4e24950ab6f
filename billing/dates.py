"""Moments: now, and Stripe's seconds."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.utils.module_loading import import_string


def now() -> datetime:
    """Return the present moment, aware. In sandbox mode it is the sandbox's, whose clock can be moved."""
    moment: datetime = import_string(settings.BILLING["NOW"])()
    return moment


def from_epoch(seconds: int | None) -> datetime | None:
    """Return Stripe's epoch seconds as an aware UTC moment; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
