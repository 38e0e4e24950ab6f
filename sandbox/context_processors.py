"""What templates may ask about the sandbox."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from sandbox import cards


def sandbox(request: HttpRequest) -> dict[str, Any]:
    """`sandbox` is true wherever no real money moves; `sandbox_cards` are the numbers to type there."""
    return {"sandbox": True, "sandbox_cards": cards.SUGGESTED}
