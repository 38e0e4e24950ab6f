"""The statements that every request makes by the dozen, written out: to build one takes Django longer than to run it.

The same text on SQLite and PostgreSQL. Who looks for rows in any other way uses the models.
"""

from __future__ import annotations

import json
from typing import Any

from django.db import connections

from sandbox.kernel import Call, Object
from sandbox.models import Account, Row
from sandbox.router import ALIAS

COLUMNS = ("customer", "subscription", "parent", "lookup_key", "status")

MANY = (list, tuple, set, frozenset)

_THIS = "WHERE account_id = %s AND stripe_id = %s AND kind = %s"
_FIELDS = ("account_id", "kind", "stripe_id", "created", "deleted", "data", "private", *COLUMNS, "clock")
_INSERT = f"INSERT INTO sandbox_row ({', '.join(_FIELDS)}) VALUES ({', '.join(['%s'] * len(_FIELDS))})"  # noqa: S608
_UPDATE = f"UPDATE sandbox_row SET data = %s, {', '.join(f'{name} = %s' for name in COLUMNS)} {_THIS}"  # noqa: S608


def account(name: str) -> Account | None:
    """Return the account of `sk_test_<name>`."""
    statement = "SELECT * FROM sandbox_account WHERE name = %s AND snapshot_of_id IS NULL"
    return next(iter(Account.objects.raw(statement, [name])), None)


def read(call: Call, kind: str, id: str) -> Object | None:
    """Return the object as it is stored, or the stub of a deleted one, or None."""
    return _value(f"SELECT data FROM sandbox_row {_THIS}", call, kind, id)  # noqa: S608


def select(call: Call, kind: str, columns: dict[str, Any], limit: int | None = None) -> list[Object]:
    """Return the objects of a kind, newest first, whose columns have these values; a list means any of its values."""
    most = f" LIMIT {limit}" if limit else ""
    lists = [(name, [*value] if isinstance(value, MANY) else [value]) for name, value in columns.items()]
    wanted = "".join(f" AND {name} IN ({', '.join(['%s'] * len(values)) or 'NULL'})" for name, values in lists)
    statement = f"SELECT data FROM sandbox_row WHERE account_id = %s AND kind = %s AND NOT deleted{wanted}"  # noqa: S608
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            f"{statement} ORDER BY created DESC, id DESC{most}",
            [call.account.pk, kind, *(value for _, values in lists for value in values)],
        )
        return [json.loads(data) for (data,) in cursor.fetchall()]


def read_private(call: Call, kind: str, id: str) -> Object:
    """Return what is kept beside an object; raises Row.DoesNotExist."""
    found = _value(f"SELECT private FROM sandbox_row {_THIS}", call, kind, id)  # noqa: S608
    if found is None:
        raise Row.DoesNotExist(f"{kind} {id}")
    return found


def insert(call: Call, obj: Object, created: int, columns: dict[str, str | None], private: Object) -> None:
    """Store a new object with its columns."""
    named = [columns[name] for name in COLUMNS]
    values = [call.account.pk, obj["object"], obj["id"], created, False, _json(obj), _json(private), *named, call.clock]
    _execute(_INSERT, values)


def update(call: Call, obj: Object, columns: dict[str, str | None]) -> None:
    """Store a changed object with its columns."""
    named = [columns[name] for name in COLUMNS]
    _execute(_UPDATE, [_json(obj), *named, call.account.pk, obj["id"], obj["object"]])


def update_private(call: Call, obj: Object, private: Object) -> None:
    """Store what is kept beside an object."""
    statement = f"UPDATE sandbox_row SET private = %s {_THIS}"  # noqa: S608
    _execute(statement, [_json(private), call.account.pk, obj["id"], obj["object"]])


def schedule(call: Call, obj: Object, due_at: int | None) -> None:
    """Store when the calendar has to look at an object."""
    statement = f"UPDATE sandbox_row SET due_at = %s {_THIS}"  # noqa: S608
    _execute(statement, [due_at, call.account.pk, obj["id"], obj["object"]])


def next_due(call: Call, until: int) -> tuple[int, Object] | None:
    """Return (moment, object) for the earliest object due by then on the clock of the call."""
    on_clock, clock = ("clock = %s", [call.clock]) if call.clock else ("clock IS NULL", [])
    statement = f"SELECT due_at, data FROM sandbox_row WHERE account_id = %s AND {on_clock} AND due_at <= %s"  # noqa: S608
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(f"{statement} ORDER BY due_at, id LIMIT 1", [call.account.pk, *clock, until])
        found = cursor.fetchone()
    return (found[0], json.loads(found[1])) if found else None


def is_due(account: Account, until: int) -> bool:
    """Tell whether the calendar of the account has anything to do by then; test clocks have their own."""
    statement = "SELECT 1 FROM sandbox_row WHERE account_id = %s AND clock IS NULL AND due_at <= %s LIMIT 1"
    return _exists(statement, [account.pk, until])


def has_any(account: Account, kind: str) -> bool:
    """Tell whether the account has an object of this kind."""
    statement = "SELECT 1 FROM sandbox_row WHERE account_id = %s AND kind = %s AND NOT deleted LIMIT 1"
    return _exists(statement, [account.pk, kind])


def has_delivery(account: Account, until: int) -> bool:
    """Tell whether a webhook of the account is due by then."""
    statement = "SELECT 1 FROM sandbox_delivery WHERE account_id = %s AND next_attempt_at <= %s LIMIT 1"
    return _exists(statement, [account.pk, until])


def _value(statement: str, call: Call, kind: str, id: str) -> Object | None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, [call.account.pk, id, kind])
        found = cursor.fetchone()
    value: Object | None = json.loads(found[0]) if found else None
    return value


def _exists(statement: str, values: list[Any]) -> bool:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() is not None


def _execute(statement: str, values: list[Any]) -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement, values)


def _json(value: Object) -> Any:
    return connections[ALIAS].ops.adapt_json_value(value, None)
