"""What every template of the dashboard may ask."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from billing import gateway


def billing(request: HttpRequest) -> dict[str, Any]:
    """Where Stripe.js is, the key it is started with, and since when Stripe could not be reached (None: it can)."""
    return {
        "stripe_js": settings.BILLING["STRIPE_JS"],
        "publishable_key": settings.BILLING["PUBLISHABLE_KEY"],
        "stripe_failed_at": gateway.last_failure(),
    }
