"""Keeps the sandbox in its own database, so that a rolled-back request leaves "Stripe" standing, as in life."""

from __future__ import annotations

from typing import Any

ALIAS = "sandbox"


class SandboxRouter:
    """Sends the models of this app, and no others, to the alias `sandbox`."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label == "sandbox" else None

    db_for_write = db_for_read

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        both = {one._meta.app_label, other._meta.app_label}
        return None if "sandbox" not in both else both == {"sandbox"}

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if db == ALIAS:
            return app_label == "sandbox"
        return False if app_label == "sandbox" else None
