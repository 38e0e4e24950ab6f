"""An account put aside under a name and put back: rows are copied inside the database, ids and time included."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from django.db import connections, models

from sandbox import clock
from sandbox.models import Account, Attempt, Challenge, Delivery, IdempotencyKey, Row
from sandbox.router import ALIAS

_TABLES: tuple[type[models.Model], ...] = (Row, IdempotencyKey, Delivery, Attempt)
_STATE = ("seed", "ids_made", "hold_deliveries", "settings", "plans")
_LONGEST_NAME = 80


def save(account: Account, name: str) -> Account:
    """Put a copy of the account aside; one of the same name is replaced. Raises ValueError for a name too long."""
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError(f"name must be a text of 1 to {_LONGEST_NAME} characters.")
    with account.exclusively():
        account.refresh_from_db()
        Account.every.filter(snapshot_of=account, snapshot_name=name).delete()
        unique = f"{account.pk}@{name}"
        aside = Account(snapshot_of=account, snapshot_name=name, name=unique)
        aside.acct = hashlib.sha256(unique.encode()).hexdigest()[:40]
        aside.created, aside.clock_offset = int(clock.wall()), account.clock_offset
        _take(account, aside)
        aside.save()
        _copy(account, aside)
    return aside


def restore(account: Account, name: str) -> None:
    """Make the account what it was when the snapshot was taken, at the moment at which it was taken.

    Raises LookupError where there is no snapshot of this name; it stays, and can be restored again.
    """
    with account.exclusively():
        aside = find(account, name)
        clear(account)
        _copy(aside, account)
        _take(aside, account)
        account.clock_offset = aside.clock_offset + aside.created - int(clock.wall())
        account.save()


def find(account: Account, name: str) -> Account:
    """Return a snapshot; raises LookupError where there is none of this name."""
    aside = Account.every.filter(snapshot_of=account, snapshot_name=name).first()
    if aside is None:
        raise LookupError(f"There is no snapshot named {name!r}.")
    return aside


def of(account: Account) -> list[Account]:
    """Return the snapshots of an account, oldest first."""
    return list(Account.every.filter(snapshot_of=account).order_by("pk"))


def clear(account: Account, keep: Collection[str] = ()) -> None:
    """Forget everything that happened in an account, but for the objects of the kinds in `keep`."""
    tables: tuple[type[models.Model], ...] = (*_TABLES, Challenge)
    for model in tables:
        rows = model._base_manager.filter(account=account)
        if model is Row and keep:
            rows = rows.exclude(kind__in=keep)
        rows._raw_delete(ALIAS)  # nothing hangs on these rows, and collecting them first takes longer than all else


def _take(source: Account, target: Account) -> None:
    for field in _STATE:
        setattr(target, field, getattr(source, field))


def _copy(source: Account, target: Account) -> None:
    connection = connections[ALIAS]
    with connection.cursor() as cursor:
        for model in _TABLES:
            fields = [str(field.column) for field in model._meta.concrete_fields if not field.primary_key]
            columns = ", ".join(connection.ops.quote_name(column) for column in fields if column != "account_id")
            table = connection.ops.quote_name(model._meta.db_table)
            # By id, so that what was newer stays newer among rows of the same second.
            cursor.execute(
                f"INSERT INTO {table} (account_id, {columns}) "  # noqa: S608  names of our own tables
                f"SELECT %s, {columns} FROM {table} WHERE account_id = %s ORDER BY id",
                [target.pk, source.pk],
            )
    _copy_challenges(source, target)


def _copy_challenges(source: Account, target: Account) -> None:
    """Copy the 3-D Secure pages that wait. Their tokens are unique among all accounts: those put aside get a prefix."""
    waiting = list(Challenge.objects.filter(account=source))
    for challenge in waiting:
        token = challenge.token.rpartition("@")[2]
        challenge.token = f"{target.pk}@{token}" if target.snapshot_of_id else token
        challenge.account = target
    Challenge.objects.bulk_create(waiting)
