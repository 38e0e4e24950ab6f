"""What the sandbox knows of the site around it, by dotted paths in the settings: its users, and whose customers."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from sandbox import clock
from sandbox.models import Account, Row


class Unlinked(RuntimeError):
    """The site could not take over a customer: it has no line to Stripe, for instance."""


def user_named(username: str) -> Any:
    """Return the site's user; raises LookupError where there is none."""
    user = None
    if apps.is_installed("django.contrib.auth"):
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
    """Tell whether this is the account whose customers the site's users are; `make sandbox` has no users."""
    return account.name == clock.DEMO and apps.is_installed("django.contrib.auth")


def link(user: Any, customer: str) -> None:
    """Let the site know that `user` is this customer from now on: SANDBOX_LINK_CUSTOMER(user, customer id).

    Raises Unlinked where the site fails to.
    """
    if path := getattr(settings, "SANDBOX_LINK_CUSTOMER", None):
        _note(user, customer)
        try:
            import_string(path)(user, customer)
        except Exception as error:  # the site's own, of whatever kind
            raise Unlinked(f"The dashboard did not take over the customer {customer}: {error}") from error


def read_anew(account: Account) -> None:
    """Let the site read everything again after the account went back in time, and link its users as they were then."""
    if path := getattr(settings, "SANDBOX_AFTER_RESTORE", None):
        try:
            import_string(path)()
        except Exception as error:
            raise Unlinked(f"The dashboard did not read everything anew: {error}") from error
    users = get_user_model()._default_manager
    for customer, known in _customers(account).values_list("stripe_id", "private"):
        if user := users.filter(pk=known["user"]).first():
            link(user, customer)


def _note(user: Any, customer: str) -> None:
    """Keep beside the customer whose it is, so that snapshots know."""
    account = Account.objects.get(name=clock.DEMO)
    for row in _customers(account).filter(private__user=str(user.pk)).exclude(stripe_id=customer):
        del row.private["user"]
        row.save(update_fields=["private"])
    row = Row.objects.get(account=account, kind="customer", stripe_id=customer)
    row.private["user"] = str(user.pk)
    row.save(update_fields=["private"])


def _customers(account: Account) -> QuerySet[Row]:
    """Return the customers that belong to users of the site."""
    rows = Row.objects.filter(account=account, kind="customer", deleted=False)
    return rows.filter(private__user__isnull=False)


def customer_of(user: Any) -> str | None:
    """Return the id of a signed-in user's customer, as the site tells: SANDBOX_CUSTOMER_OF(user).pk."""
    path = getattr(settings, "SANDBOX_CUSTOMER_OF", None)
    if not path or not getattr(user, "is_authenticated", False):
        return None
    customer = import_string(path)(user)
    return str(customer.pk) if customer else None
