"""Every Stripe object is a row: dicts in, dicts out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from sandbox import events, sql
from sandbox.kernel import Call, Object, missing
from sandbox.models import Row

# Which key of an object fills which column, where it is not the key of the same name. Dots reach into hashes.
_COLUMNS: dict[str, dict[str, str]] = {
    "charge": {"parent": "payment_intent"},
    "credit_note": {"parent": "invoice"},
    "customer": {"lookup_key": "email"},
    "event": {"lookup_key": "type"},
    "invoice": {"subscription": "parent.subscription_details.subscription"},
    "invoice_payment": {"parent": "invoice", "lookup_key": "payment.payment_intent"},
    "invoiceitem": {"parent": "invoice", "subscription": "parent.subscription_details.subscription"},
    "line_item": {"parent": "invoice"},
    "price": {"parent": "product"},
    "promotion_code": {"lookup_key": "code"},
    "refund": {"parent": "charge", "lookup_key": "payment_intent"},
    "setup_attempt": {"parent": "setup_intent"},
    "subscription_item": {"parent": "subscription"},
}
_IN_COLUMNS = {*sql.COLUMNS, "clock"}


def get(call: Call, kind: str, id: str, param: str = "id") -> Object:
    """Return an object; raises the 404 of missing() where there is none or it was deleted."""
    obj = find(call, kind, id)
    if obj is None or obj.get("deleted"):
        raise missing(kind, id, param)
    return obj


def find(call: Call, kind: str, id: str | None) -> Object | None:
    """Return an object, or the `{id, object, deleted}` stub of a deleted one, or None."""
    return sql.read(call, kind, id) if id else None


def insert(call: Call, obj: Object, event: str | None = None, **private: Any) -> Object:
    """Store a new object and emit `event`; `private` is what Stripe knows of it and never shows."""
    sql.insert(call, obj, obj.get("created", call.now), _columns(obj), private)
    if event:
        events.emit(call, event, obj)
    return obj


def save(call: Call, obj: Object, event: str | None = None) -> Object:
    """Store a changed object and emit `event` with the previous attributes.

    Where nothing changed, nothing is written and an `….updated` event is not emitted.
    """
    stored = sql.read(call, obj["object"], obj["id"])
    if stored is None:
        raise Row.DoesNotExist(f"{obj['object']} {obj['id']}")
    previous = events.previous_attributes(stored, obj)
    if not previous and (event is None or event.endswith(".updated")):
        return obj
    sql.update(call, obj, _columns(obj))
    if event:
        events.emit(call, event, obj, previous)
    return obj


def delete(call: Call, obj: Object, event: str | None = None) -> Object:
    """Delete an object and return the `{id, object, deleted: true}` that stands for it from now on."""
    stub = {"id": obj["id"], "object": obj["object"], "deleted": True}
    _rows(call, obj["object"]).filter(stripe_id=obj["id"]).update(
        data=stub, private={}, deleted=True, due_at=None, **dict.fromkeys(sql.COLUMNS)
    )
    if event:
        events.emit(call, event, obj)
    return stub


def private(call: Call, obj: Object) -> dict[str, Any]:
    """Return what Stripe knows of an object and never shows."""
    return sql.read_private(call, obj["object"], obj["id"])


def set_private(call: Call, obj: Object, **values: Any) -> None:
    """Remember `values` beside an object; they never reach an answer, an event or `previous_attributes`."""
    sql.update_private(call, obj, {**private(call, obj), **values})


def schedule(call: Call, obj: Object, due_at: int | None) -> None:
    """Let `engine.lifecycle` look at an object at `due_at` (epoch seconds), or, with None, never again."""
    sql.schedule(call, obj, due_at)


def next_due(call: Call, until: int) -> tuple[int, Object] | None:
    """Return (moment, object) for the earliest object scheduled at or before `until` on the clock of the call."""
    return sql.next_due(call, until)


def move_to_clock(call: Call, customer: str, clock: str) -> None:
    """Let a customer, and everything that belongs to the customer, live on a test clock from now on."""
    rows = Row.objects.filter(account=call.account, deleted=False).exclude(kind="event")
    for row in rows.filter(Q(customer=customer) | Q(kind="customer", stripe_id=customer)):
        row.clock = clock
        if "test_clock" in row.data:
            row.data["test_clock"] = clock
        row.save(update_fields=["clock", "data"])


def query(call: Call, kind: str, /, **columns: Any) -> Iterator[Object]:
    """Iterate over objects, newest first, as they are at this moment.

    Filters are columns (customer, subscription, parent, lookup_key, status, clock), or keys of the object with `__`
    between the levels (`recurring__interval="month"`); a list or set means any of its values.
    """
    if _all_columns(columns):
        return iter(sql.select(call, kind, columns))
    return iter(list(_newest(_filtered(call, kind, columns)).values_list("data", flat=True)))


def count(call: Call, kind: str, /, **columns: Any) -> int:
    """Return how many objects `query` would yield."""
    return _filtered(call, kind, columns).count()


def page(call: Call, kind: str, url: str, /, *, where: Q | None = None, **columns: Any) -> Object:
    """Return one page of a list, honouring the call's limit, starting_after, ending_before and created.

    Filters are those of `query`; a filter of None is no filter. `where` adds a condition on rows.
    """
    columns = {name: value for name, value in columns.items() if value is not None}
    limit = call.params.get("limit", 10)
    if where is None and _all_columns(columns) and not {"created", "ending_before", "starting_after"} & {*call.params}:
        found = sql.select(call, kind, columns, limit + 1)
        return envelope(found[:limit], url, len(found) > limit)
    rows = _created_within(_filtered(call, kind, columns), call.params.get("created"))
    if where is not None:
        rows = rows.filter(where)
    if before := call.params.get("ending_before"):
        newer = _beside(call, rows, kind, before, "ending_before", newer=True).order_by("created", "id")
        found = list(newer.values_list("data", flat=True)[: limit + 1])
        data = found[:limit][::-1]
    else:
        if after := call.params.get("starting_after"):
            rows = _beside(call, rows, kind, after, "starting_after", newer=False)
        found = list(_newest(rows).values_list("data", flat=True)[: limit + 1])
        data = found[:limit]
    return envelope(data, url, len(found) > limit)


def envelope(data: list[Object], url: str, has_more: bool = False) -> Object:
    """Return a list as it is embedded in other objects."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def update(obj: Object, params: Object, *keys: str) -> None:
    """Copy parameters that were given into an object; metadata is merged, a None there removes a key."""
    for key in keys:
        if key not in params:
            continue
        if key == "metadata":
            obj[key] = merged_metadata(obj.get(key), params[key])
        else:
            obj[key] = params[key]


def merged_metadata(old: dict[str, str] | None, given: dict[str, str | None] | None) -> dict[str, str]:
    """Return metadata after a request: keys are added, replaced, or, where None, removed; None clears all."""
    if given is None:
        return {}
    merged = {**(old or {}), **given}
    return {key: value for key, value in merged.items() if value is not None}


def _rows(call: Call, kind: str) -> QuerySet[Row]:
    return Row.objects.filter(account=call.account, kind=kind)


def _newest(rows: QuerySet[Row]) -> QuerySet[Row]:
    return rows.order_by("-created", "-id")


def _filtered(call: Call, kind: str, filters: dict[str, Any]) -> QuerySet[Row]:
    rows = _rows(call, kind).filter(deleted=False)
    for name, value in filters.items():
        lookup = name if name in _IN_COLUMNS else f"data__{name}"
        many = _is_many(value)
        rows = rows.filter(**{f"{lookup}__in" if many else lookup: list(value) if many else value})
    return rows


def _all_columns(columns: dict[str, Any]) -> bool:
    return all(name in _IN_COLUMNS and value is not None for name, value in columns.items())


def _is_many(value: Any) -> bool:
    return isinstance(value, sql.MANY)


def _created_within(rows: QuerySet[Row], created: Any) -> QuerySet[Row]:
    if isinstance(created, int):
        return rows.filter(created=created)
    return rows.filter(**{f"created__{bound}": moment for bound, moment in (created or {}).items()})


def _beside(call: Call, rows: QuerySet[Row], kind: str, id: str, param: str, *, newer: bool) -> QuerySet[Row]:
    """Return the rows on one side of a cursor. The first condition is for the index, the second for the ties."""
    at = _rows(call, kind).filter(stripe_id=id).values_list("created", "id").first()
    if at is None:
        raise missing(kind, id, param)
    created, pk = at
    if newer:
        return rows.filter(created__gte=created).filter(Q(created__gt=created) | Q(id__gt=pk))
    return rows.filter(created__lte=created).filter(Q(created__lt=created) | Q(id__lt=pk))


def _columns(obj: Object) -> dict[str, str | None]:
    keys = _COLUMNS.get(obj["object"], {})
    found = {name: _dig(obj, keys.get(name, name)) for name in sql.COLUMNS}
    return {name: value if isinstance(value, str) else None for name, value in found.items()}


def _dig(obj: Object, path: str) -> Any:
    value: Any = obj
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
