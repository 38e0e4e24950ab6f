"""The only reader of the wall clock: an account's time is the wall clock plus its offset, and only goes where told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.db.models import F

from sandbox.kernel import Call
from sandbox.models import Account, Row

DEMO = "sandbox"  # the account of sk_test_sandbox

_moments: ContextVar[dict[int, int]] = ContextVar("sandbox_moments")


def wall() -> float:
    """Return the machine's own time in seconds; for leases and signatures, never for money."""
    return time.time()


def now(account: Account) -> int:
    """Return the account's time in epoch seconds."""
    return _moments.get({}).get(account.pk, int(wall()) + account.clock_offset)


def demo_now() -> datetime:
    """Return the time of the demo account, zone-aware: what the dashboard takes for "now" in sandbox mode."""
    account = Account.objects.filter(name=DEMO).only("clock_offset").first()
    return datetime.fromtimestamp(now(account) if account else int(wall()), UTC)


@contextmanager
def at(account: Account, moment: int) -> Iterator[None]:
    """Let API calls of this thread to this account happen at `moment` (epoch seconds): how a past is made."""
    token = _moments.set({**_moments.get({}), account.pk: moment})
    try:
        yield
    finally:
        _moments.reset(token)


def advance(account: Account, *, seconds: int | None = None, to: int | None = None) -> int:
    """Move the account's clock forward and let everything due meanwhile happen; return the new time.

    Give either `seconds` or `to` (epoch seconds). Raises ValueError for a move into the past.
    """
    start = now(account)
    target = start + seconds if seconds is not None else to
    if target is None or target < start:
        raise ValueError("the clock moves forward only: give seconds >= 0, or a later moment as `to`")
    account.clock_offset += target - start
    catch_up(account, target)
    Account.objects.filter(pk=account.pk).update(clock_offset=F("clock_offset") + target - start)
    from sandbox import delivery

    delivery.deliver_due(account)
    return target


def catch_up(account: Account, until: int) -> None:
    """Let the engine take every step of the calendar that is due, in one transaction; cheap where nothing is."""
    if not Row.objects.filter(account=account, due_at__lte=until).exists():
        return
    from sandbox.engine import lifecycle

    with account.exclusively():
        lifecycle.run_due(Call(account, until), until)
