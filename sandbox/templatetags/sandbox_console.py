"""Epoch seconds in the console's templates."""

from __future__ import annotations

from datetime import UTC, datetime

from django import template

from sandbox.console import wording

register = template.Library()
register.filter("moment", wording.moment)


@register.filter
def machine(at: int) -> str:
    """Return epoch seconds as <time> and <input type=datetime-local> have them, in UTC: 2026-11-20T12:30:15."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
