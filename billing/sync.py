"""Stripe object -> mirror row. The only writer of the mirror, and always behind the fence.

The fence: before an object is read, take the next number; write what was read only where no higher number has written.
No lock is held across the network and no clocks are compared; an older answer can come late and do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model

from billing import columns, gateway, signals
from billing.dates import now
from billing.errors import Gone
from billing.gateway import Object
from billing.models import (
    Customer,
    Fence,
    Invoice,
    InvoiceStatus,
    Mirrored,
    PaymentMethod,
    Price,
    Product,
    Subscription,
)

MIRRORED: dict[str, type[Mirrored]] = {
    "customer": Customer,
    "payment_method": PaymentMethod,
    "product": Product,
    "price": Price,
    "subscription": Subscription,
    "invoice": Invoice,
}


def next_number() -> int:
    """Take the next number of the fence: higher than every number taken before it."""
    row = Fence.objects.create()
    Fence.objects.filter(pk__lt=row.pk).delete()
    return row.pk


def reread(kind: str, id: str) -> None:
    """Read one object from Stripe and write it; one that Stripe does not know any more becomes `deleted`.

    Raises Unavailable when Stripe cannot be asked.
    """
    number = next_number()
    try:
        found = gateway.retrieve(kind, id)
    except Gone:
        found = {"object": kind, "id": id, "deleted": True}
    write(found, number)


def write(found: Object, number: int, *, quiet: bool = False) -> bool:
    """Write what the read numbered `number` found. Returns False where a later read has written already.

    What belongs to no customer of ours is not kept. `quiet` sends no signals: history is no news.
    """
    with transaction.atomic():
        row = _locked(found)
        if row is None and not _is_ours(found):
            return True
        if row is None:
            _insert(found, number)
            row = _locked(found)
            if row.fence == number:
                _announce(row, {}, quiet)
                return True
        if row.fence > number:
            return False
        before = _watched(row)
        _update(row, found, number)
        _announce(row, before, quiet)
    return True


def link_customer(payer: Model, customer_id: str) -> Customer:
    """Read a customer from Stripe and make it the payer's. Raises Gone, Unavailable."""
    number = next_number()
    found = gateway.retrieve("customer", customer_id)
    write_customer(payer, found, number)
    return Customer.objects.get(pk=customer_id)


def write_customer(payer: Model, found: Object, number: int) -> None:
    """Write a customer that was made for `payer`: the one way a customer enters the mirror."""
    with transaction.atomic():
        if _locked(found) is None:
            _insert(found, number)
        Customer.objects.filter(pk=found["id"]).update(
            payer_type=ContentType.objects.get_for_model(payer), payer_id=str(payer.pk)
        )
    write(found, number)


def mark_stale(ids: Iterable[tuple[str, str]]) -> None:
    """Ask for one more read of each (kind, id): we changed them, and an answer may be older than its effects."""
    number = next_number()
    for kind, id in ids:
        MIRRORED[kind]._default_manager.filter(pk=id).update(stale_after=number)


def stale() -> Iterable[tuple[str, str]]:
    """Return (kind, id) of every object that wants one more read."""
    for kind, model in MIRRORED.items():
        for id in model._default_manager.filter(stale_after__isnull=False).values_list("pk", flat=True):
            yield kind, id


def catalogue() -> None:
    """Read every product and price. Raises Unavailable."""
    for kind in ("product", "price"):
        _read_list(kind, {})


def everything() -> None:
    """Read again every object that is mirrored, deleted ones too. Raises Unavailable."""
    for kind, model in MIRRORED.items():
        for id in list(model._default_manager.values_list("pk", flat=True)):
            reread(kind, id)


def backfill(customer: Customer) -> None:
    """Read a customer and all that is theirs, without announcing any of it. Raises Unavailable."""
    reread("customer", customer.pk)
    _read_list("payment_method", {"customer": customer.pk})
    _read_list("subscription", {"customer": customer.pk, "status": "all"})
    _read_list("invoice", {"customer": customer.pk})


def _read_list(kind: str, params: dict[str, Any]) -> None:
    number = next_number()
    for found in gateway.list_all(kind, params):
        write(found, number, quiet=True)


def _locked(found: Object) -> Any:
    return MIRRORED[found["object"]]._default_manager.select_for_update().filter(pk=found["id"]).first()


def _is_ours(found: Object) -> bool:
    if found.get("deleted") or found["object"] == "customer":
        return False
    customer = columns.of(found).get("customer_id")
    if found["object"] in ("product", "price"):
        return True
    return customer is not None and Customer.objects.filter(pk=customer).exists()


def _insert(found: Object, number: int) -> None:
    model = MIRRORED[found["object"]]
    row = model(id=found["id"], fence=number, synced_at=now(), data=columns.kept(found), **columns.of(found))
    model._default_manager.bulk_create([row], ignore_conflicts=True)  # another process may have been first


def _update(row: Mirrored, found: Object, number: int) -> None:
    values: dict[str, Any] = {"deleted": True}
    if not found.get("deleted"):
        values = columns.of(found)
        row.data = columns.kept(found)
    for name, value in values.items():
        setattr(row, name, value)
    row.fence, row.synced_at = number, now()
    if row.stale_after is not None and number > row.stale_after:
        row.stale_after = None
    row.save()


_WATCHED: dict[type[Mirrored], tuple[str, ...]] = {
    Subscription: ("status", "price_id", "quantity", "cancel_at_period_end"),
    Invoice: ("status", "attempt_count"),
}


def _watched(row: Mirrored) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _WATCHED.get(type(row), ())}


def _announce(row: Mirrored, before: dict[str, Any], quiet: bool) -> None:
    """Send the signal of a transition, once it is committed. The row is locked, so one writer sees each transition."""
    if quiet or before == _watched(row):
        return
    if isinstance(row, Subscription):
        _after_commit(signals.subscription_changed, subscription=row, previous=before.get("status"))
    if isinstance(row, Invoice) and row.status == InvoiceStatus.PAID != before.get("status"):
        _after_commit(signals.invoice_paid, invoice=row)
    if (
        isinstance(row, Invoice)
        and row.status == InvoiceStatus.OPEN
        and row.attempt_count > before.get("attempt_count", 0)
    ):
        _after_commit(signals.payment_failed, invoice=row)


def _after_commit(signal: Any, **what: Any) -> None:
    (sender,) = {type(row) for row in what.values() if isinstance(row, Mirrored)}
    transaction.on_commit(partial(signal.send_robust, sender=sender, **what))
