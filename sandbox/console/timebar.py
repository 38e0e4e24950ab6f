"""The time bar: what time it is, where the followed customer's time can go next, and going there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sandbox import clock, store
from sandbox.api import Api
from sandbox.engine import standing
from sandbox.engine.calendar import DAY, HOUR
from sandbox.kernel import Call, Object
from sandbox.models import Row

# An invoice is drafted at the boundary and charged an hour later: who goes to a renewal wants to see what came of it.
_UNTIL_CHARGED = HOUR
FARTHEST = 5 * 366 * DAY  # seconds in one go: every renewal on the way is worked out


class Stop(NamedTuple):
    """A moment to go to."""

    name: str
    label: str
    moment: int


@dataclass(frozen=True)
class TimeBar:
    """The time of a customer: that of their test clock, or the account's."""

    now: int
    stops: list[Stop]
    customer: Object | None = None
    test_clock: str | None = None

    @classmethod
    def of(cls, call: Call, customer: str | None) -> TimeBar:
        """Return the bar for a customer, or, with None, for the account."""
        followed = store.find(call, "customer", customer)
        test_clock = _clock_of(call, customer)
        if test_clock:
            clock.put_on(call, store.get(call, clock.TEST_CLOCK, test_clock), changes=False)
        return cls(call.now, sorted(_stops(call, customer), key=lambda stop: stop.moment), followed, test_clock)

    def moment(self, step: str, custom: str) -> int:
        """Return the moment that a form asks for, in epoch seconds; raises ValueError for what cannot be gone to."""
        named = {stop.name: stop.moment for stop in self.stops}
        target = parsed(custom) if step == "custom" else named.get(step)
        if target is None:
            raise ValueError("That moment is not ahead any more.")
        if target < self.now:
            raise ValueError("Time moves forward only: choose a later moment.")
        if target - self.now > FARTHEST:
            raise ValueError("Five years at a time are the most.")
        return target

    def go(self, api: Api, moment: int) -> None:
        """Let everything happen that is due until `moment`. Raises ApiError where a test clock cannot go so far."""
        if self.test_clock:
            api.post(f"test_helpers/test_clocks/{self.test_clock}/advance", frozen_time=moment)
        else:
            clock.advance(api.account, seconds=max(moment - clock.now(api.account), 0))


def parsed(text: str) -> int:
    """Return the epoch seconds of a UTC moment as a form sends it, 2026-12-24T18:00; raises ValueError."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Choose a date and a time.") from None
    return int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp())


def _clock_of(call: Call, customer: str | None) -> str | None:
    rows = Row.objects.filter(account=call.account, kind="customer", stripe_id=customer or "", deleted=False)
    return rows.values_list("clock", flat=True).first()


def _stops(call: Call, customer: str | None) -> Iterator[Stop]:
    yield Stop("hour", "+1 hour", call.now + HOUR)
    yield Stop("day", "+1 day", call.now + DAY)
    due = store.next_due(call, call.now + FARTHEST)
    if due and due[0] > call.now:
        yield Stop("due", "Next due", due[0])
    if customer:
        yield from _earliest(_of_subscriptions(call, customer))


def _of_subscriptions(call: Call, customer: str) -> Iterator[Stop]:
    for subscription in store.query(call, "subscription", customer=customer):
        steps = dict(standing.agenda(call, subscription))
        if "end" in steps:
            yield Stop("end", "End of the plan", steps["end"])
        if "end_trial" in steps:
            yield Stop("trial_end", "Trial end", steps["end_trial"] + _UNTIL_CHARGED)
        if "renew" in steps and "end" not in steps:
            yield Stop("renewal", "Next renewal", steps["renew"] + _UNTIL_CHARGED)
    for invoice in store.query(call, "invoice", customer=customer, status="open"):
        if invoice["next_payment_attempt"]:
            yield Stop("retry", "Next retry", invoice["next_payment_attempt"])


def _earliest(stops: Iterator[Stop]) -> list[Stop]:
    first: dict[str, Stop] = {}
    for stop in sorted(stops, key=lambda stop: stop.moment):
        first.setdefault(stop.name, stop)
    return list(first.values())
