from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from sandbox import clock, dashboard, delivery, personas, server
from sandbox.models import Account

PASSWORD = "demo"  # noqa: S105  shown on the sign-in page


class Command(BaseCommand):
    """Fill the demo account: catalogue, customers with a past, and the site's users who own them."""

    help = "Make the demo's plans, customers and users; what is there already stays. Every password is “demo”."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="forget all customers of the sandbox and start afresh")

    def handle(self, *args: Any, reset: bool, verbosity: int, **options: Any) -> None:
        account = server.account_named(clock.DEMO)
        if reset:
            personas.reset(account)
        personas.catalogue(account)
        made = [self._persona(account, username) for username in personas.PERSONAS]
        self._user("admin", is_staff=True, is_superuser=True)
        delivery.ensure_self_endpoint(account)
        if any(made) and (after := getattr(settings, "SANDBOX_AFTER_SEED", None)):
            import_string(after)()
        if verbosity:
            new = ", ".join(username for username, is_new in zip(personas.PERSONAS, made, strict=True) if is_new)
            self.stdout.write(f"Made {new}." if new else "Everybody is there already.")

    def _persona(self, account: Account, username: str) -> bool:
        """Make a persona and its user, and link them; tell whether anything was missing."""
        known = personas.find(account, username)
        customer = known or personas.make(account, username)
        user, is_new = self._user(username)
        if customer and (is_new or not known):
            dashboard.link(user, customer)
        return is_new or customer != known

    def _user(self, username: str, **flags: bool) -> tuple[Any, bool]:
        """Return the user of that name and whether it had to be made."""
        users = get_user_model()._default_manager
        user = users.filter(username=username).first()
        if user is not None:
            return user, False
        email = f"{username}@example.com"
        return users.create(username=username, email=email, password=self._hash, **flags), True

    @property
    def _hash(self) -> str:
        if not hasattr(self, "_hashed"):
            self._hashed = make_password(PASSWORD)  # once: hashing is slow on purpose
        return self._hashed
