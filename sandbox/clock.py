"""The only reader of the wall clock: an account's time is the wall clock plus its offset, and only goes where told.

A customer on a test clock lives on that clock's time instead, with everything that belongs to the customer:
`take_time` is the one place that says what time it is for a request.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from django.db.models import F

from sandbox import sql
from sandbox.kernel import Call, Object, StripeError
from sandbox.models import Account, Row

DEMO = "sandbox"  # the account of sk_test_sandbox
TEST_CLOCK = "test_helpers.test_clock"

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
    if not sql.is_due(account, until):
        return
    from sandbox.engine import lifecycle

    with account.exclusively():
        lifecycle.run_due(Call(account, until), until)


def take_time(call: Call, ids: Iterable[str], *, changes: bool) -> None:
    """Let a call happen at the time of the objects it names: that of their test clock, else the account's as it is.

    Raises Stripe's 429 for a call that `changes` something while the clock is advancing.
    """
    if not sql.has_any(call.account, TEST_CLOCK):
        return
    clocks = Row.objects.filter(account=call.account, kind=TEST_CLOCK, deleted=False)
    named = Row.objects.filter(account=call.account, stripe_id__in=list(ids), clock__isnull=False)
    id = named.values_list("clock", flat=True).first()
    test_clock = clocks.filter(stripe_id=id).values_list("data", flat=True).first() if id else None
    if test_clock is None:
        return
    put_on(call, test_clock, changes=changes)


def put_on(call: Call, test_clock: Object, *, changes: bool = True) -> None:
    """Let a call, and all that it makes, live on a test clock; raises the 429 of take_time()."""
    if changes and test_clock["status"] == "advancing":
        message = "Test clock advancement underway - cannot perform modifications"
        raise StripeError(429, "invalid_request_error", message)
    call.now, call.clock = test_clock["frozen_time"], test_clock["id"]
