"""What the sandbox knows of the site around it, by dotted paths in the settings: its users, and whose customers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from sandbox import clock
from sandbox.models import Account


def user_named(username: str) -> Any:
    """Return the site's user; raises LookupError where there is none."""
    user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: username}).first()
    if user is None:
        raise LookupError(f"There is no user named {username!r}.")
    return user


def usernames(limit: int = 50) -> list[str]:
    """Return the names of the site's users who can sign in, as they sort."""
    field = get_user_model().USERNAME_FIELD
    active = get_user_model()._default_manager.filter(is_active=True)
    return list(active.order_by(field).values_list(field, flat=True)[:limit])


def talks_to(account: Account) -> bool:
    """Tell whether this is the account whose customers the site's users are."""
    return account.name == clock.DEMO


def link(user: Any, customer: str) -> None:
    """Let the site know that `user` is this customer from now on: SANDBOX_LINK_CUSTOMER(user, customer id)."""
    if path := getattr(settings, "SANDBOX_LINK_CUSTOMER", None):
        import_string(path)(user, customer)


def customer_of(user: Any) -> str | None:
    """Return the id of a signed-in user's customer, as the site tells: SANDBOX_CUSTOMER_OF(user).pk."""
    path = getattr(settings, "SANDBOX_CUSTOMER_OF", None)
    if not path or not getattr(user, "is_authenticated", False):
        return None
    customer = import_string(path)(user)
    return str(customer.pk) if customer else None
