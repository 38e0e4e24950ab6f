"""A click that changes something at Stripe is a row before it is a call.

The row is committed with its idempotency key, then Stripe is called, then the result and the mirror are written in one
transaction. A double click, a second tab or a replay after a crash finds the row and gets its result: nothing is done
twice. No answer means *unknown*: the same calls are made again under the same keys while Stripe remembers them.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone

from billing import errors, gateway, sync
from billing.gateway import Object
from billing.models import OPEN, Operation, OperationKind, OperationState
from billing.payers import Actor, actor_for, payer_key

logger = logging.getLogger(__name__)

REPLAY_FOR = timedelta(hours=23)  # Stripe may forget an idempotency key after 24 hours
ABANDONED_AFTER = timedelta(seconds=60)  # longer than any web request lives: whoever ran it is gone
WAIT_FOR_FIRST = 5.0  # seconds a second click waits for the first one's result


@dataclass
class Run:
    """One execution of an operation: what it was asked for, and what Stripe answered so far."""

    operation: Operation
    actor: Actor
    objects: list[Object] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)  # for this request only, such as client secrets: never stored

    @property
    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.operation.params
        return params

    def key(self, step: str) -> str:
        """Return the idempotency key of one call of this operation."""
        return self.operation.key(step)

    @property
    def is_first(self) -> bool:
        """Whether nothing was sent before: a replay must not judge again what it may have changed itself."""
        return self.operation.attempts == 1

    def keep(self, found: Object) -> Object:
        """Have an answer of Stripe written to the mirror when the operation ends, well or badly."""
        self.objects.append(found)
        return found

    def keep_fresh(self, kind: str, id: str) -> None:
        """Read an object that the calls have changed as well. Money has moved by now: failing to look is no failure."""
        try:
            self.keep(gateway.retrieve(kind, id))
        except errors.BillingError:
            self.unread.append((kind, id))


Executor = Callable[[Run], dict[str, Any]]
Finder = Callable[[Run], dict[str, Any] | None]
_EXECUTORS: dict[str, Executor] = {}
_FINDERS: dict[str, Finder] = {}


def executes(kind: OperationKind) -> Callable[[Executor], Executor]:
    """Register the function that makes the calls of `kind`. It may run again: every write takes `run.key(step)`."""

    def register(executor: Executor) -> Executor:
        _EXECUTORS[kind] = executor
        return executor

    return register


def finds(kind: OperationKind) -> Callable[[Finder], Finder]:
    """Register the function that looks for what `kind` made, by metadata, when its keys are too old to replay."""

    def register(finder: Finder) -> Finder:
        _FINDERS[kind] = finder
        return finder

    return register


@contextmanager
def completing() -> Iterator[None]:
    """Mark calls that must follow ones already made: when they cannot be made now, the operation stays open for it."""
    try:
        yield
    except errors.Unavailable as error:
        raise errors.OutcomeUnknown from error


def new_token() -> str:
    """Return a token for one form: what is sent with it happens once."""
    return secrets.token_urlsafe(24)


def run(actor: Actor, kind: OperationKind, token: str, params: dict[str, Any]) -> Run:
    """Do what a click asks for, once, and return the finished run with its stored `operation.result`.

    The same token again gets the first result, or raises the first error again. Raises StillWorking while an earlier
    operation of this payer and kind is open, OutcomeUnknown when Stripe did not answer, and what the executor raises.
    """
    operation = _begin(actor, kind, token, params)
    if operation is not None:
        return _execute(Run(operation, actor))
    first = Operation.objects.filter(token=token).first()
    if first is None:
        _resume_abandoned(actor, kind)
        raise errors.StillWorking
    if not _is_of(first, actor) or first.kind != kind:
        raise Http404
    return _result_of(first, actor)


def _begin(actor: Actor, kind: OperationKind, token: str, params: dict[str, Any]) -> Operation | None:
    try:
        with transaction.atomic():
            return Operation.objects.create(
                **actor.payer_key,
                user_id=getattr(actor.user, "pk", None),
                customer=actor.customer,
                kind=kind,
                token=token,
                params=params,
                idempotency_key=secrets.token_hex(16),
                created=timezone.now(),
                updated=timezone.now(),
            )
    except IntegrityError:
        return None


def _is_of(operation: Operation, actor: Actor) -> bool:
    key = payer_key(actor.payer)
    return (operation.payer_type_id, operation.payer_id) == (key["payer_type"].pk, key["payer_id"])


def _result_of(operation: Operation, actor: Actor) -> Run:
    deadline = time.monotonic() + WAIT_FOR_FIRST
    while operation.state == OperationState.PENDING and not _abandoned(operation) and time.monotonic() < deadline:
        time.sleep(0.1)
        operation.refresh_from_db()
    if operation.state == OperationState.UNKNOWN or _abandoned(operation):
        return _execute(Run(operation, actor))
    if operation.state == OperationState.PENDING:
        raise errors.StillWorking
    if operation.state == OperationState.FAILED:
        raise _error_of(operation)
    return Run(operation, actor)


def _abandoned(operation: Operation) -> bool:
    return operation.state == OperationState.PENDING and timezone.now() - operation.updated > ABANDONED_AFTER


def _resume_abandoned(actor: Actor, kind: OperationKind) -> None:
    """Bring an earlier operation that nobody finished to its end, so that the next click is free."""
    earlier = Operation.objects.filter(**actor.payer_key, kind=kind, state__in=OPEN).first()
    if earlier and (earlier.state == OperationState.UNKNOWN or _abandoned(earlier)):
        _execute(Run(earlier, actor))


def _execute(this: Run) -> Run:
    operation = this.operation
    if timezone.now() - operation.created > REPLAY_FOR:
        return _look_up(this)
    operation.attempts, operation.updated = operation.attempts + 1, timezone.now()
    operation.save(update_fields=["attempts", "updated"])
    number = sync.next_number()
    try:
        result = _EXECUTORS[operation.kind](this)
    except errors.OutcomeUnknown as error:
        _finish(this, number, OperationState.UNKNOWN, error=error)
        raise
    except errors.BillingError as error:
        _finish(this, number, OperationState.FAILED, error=error)
        raise
    except Exception:
        logger.exception("operation %s broke off", operation.pk)
        _finish(this, number, OperationState.UNKNOWN, error=errors.OutcomeUnknown())
        raise
    _finish(this, number, OperationState.SUCCEEDED, result=result)
    return this


def _finish(
    this: Run,
    number: int,
    state: OperationState,
    *,
    result: dict[str, Any] | None = None,
    error: errors.BillingError | None = None,
) -> None:
    """Write how it ended and what Stripe answered, together; then read again what a later read had written."""
    refused = []
    touched = [(found["object"], found["id"]) for found in this.objects if found["object"] in sync.MIRRORED]
    with transaction.atomic():
        for found in this.objects:
            if found["object"] == "customer" and not found.get("deleted"):
                sync.write_customer(this.actor.payer, found, number)
            elif found["object"] in sync.MIRRORED and not sync.write(found, number):
                refused.append((found["object"], found["id"]))
        sync.mark_stale([*touched, *this.unread])
        operation = this.operation
        operation.state, operation.result = state, result or {}
        operation.error = {"class": type(error).__name__, "message": str(error), "code": error.code} if error else {}
        operation.request_id = error.request_id if error else ""
        operation.updated = timezone.now()
        operation.save()
    _reread(refused)


def _reread(objects: list[tuple[str, str]]) -> None:
    """Read once more what an event's read overtook, so that the page after the click shows its effect."""
    try:
        for kind, id in dict.fromkeys(objects):
            sync.reread(kind, id)
    except errors.BillingError:
        logger.warning("left for the sweep: %s", objects)


def _look_up(this: Run) -> Run:
    """Close an operation whose keys Stripe has forgotten: nothing is called again, what it made is looked for.

    Raises OutcomeUnknown, with the operation closed as failed, where nothing is found: the mirror shows what there is.
    """
    if this.actor.customer is not None:
        sync.backfill(this.actor.customer)
    finder = _FINDERS.get(this.operation.kind)
    if finder and (result := finder(this)) is not None:
        _finish(this, sync.next_number(), OperationState.SUCCEEDED, result=result)
        return this
    error = errors.OutcomeUnknown("This request is too old to be finished. Please look at what is shown here now.")
    _finish(this, sync.next_number(), OperationState.FAILED, error=error)
    raise error


def _error_of(operation: Operation) -> errors.BillingError:
    kind: type[errors.BillingError] = getattr(errors, operation.error.get("class", ""), errors.BillingError)
    return kind(operation.error.get("message", ""), code=operation.error.get("code", ""))


def settle_open(limit: int = 100) -> int:
    """Bring operations in doubt to an end, oldest first. Returns how many were tried. For the sweep."""
    doubtful = Operation.objects.filter(state__in=OPEN, updated__lt=timezone.now() - ABANDONED_AFTER)
    tried = 0
    for operation in doubtful.select_related("customer", "payer_type").order_by("updated")[:limit]:
        tried += 1
        try:
            _execute(Run(operation, _actor_of(operation)))
        except errors.BillingError as error:
            logger.warning("operation %s: %s", operation.pk, type(error).__name__)
    return tried


def _actor_of(operation: Operation) -> Actor:
    if operation.customer and (actor := actor_for(operation.customer)):
        return actor
    payer = operation.payer_type.get_object_for_this_type(pk=operation.payer_id)
    return Actor(user=None, payer=payer, customer=operation.customer)
