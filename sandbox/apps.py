from __future__ import annotations

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """A stateful Stripe for tests, demos and development. Never installed beside live keys."""

    name = "sandbox"
    verbose_name = "Stripe sandbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sandbox import mail, resources  # noqa: F401  the tray listens

        resources.load()
