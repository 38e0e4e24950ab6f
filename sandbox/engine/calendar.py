"""Where billing periods begin and end. Pure: epoch seconds in, epoch seconds out, everything in UTC."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

DAY = 86_400
HOUR = 3_600
MONTHS = {"month": 1, "year": 12}
SECONDS = {"day": DAY, "week": 7 * DAY, "month": 2_629_746, "year": 31_556_952}  # the last two are Gregorian means
_CLOCK = ("hour", "minute", "second")


class Period(NamedTuple):
    """A stretch of service, [start, end), in epoch seconds."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def after(self, moment: int) -> Period:
        """What is left of the period from `moment` on."""
        return Period(min(max(moment, self.start), self.end), self.end)


def boundary(anchor: int, recurring: Mapping[str, Any], n: int, day: int | None = None) -> int:
    """Return the n-th period boundary counted from the anchor (n may be negative).

    Each boundary is reckoned from the anchor itself, not from its predecessor, so that 31 January leads to
    28 February and then back to 31 March. `day` is the day of the month meant by an anchor that fell on a shorter one.
    """
    interval: str = recurring["interval"]
    count: int = recurring["interval_count"] * n
    if interval in MONTHS:
        return _add_months(anchor, count * MONTHS[interval], day)
    return anchor + count * SECONDS[interval]


def _add_months(moment: int, months: int, day: int | None) -> int:
    at = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return int(at.replace(year=year, month=month + 1, day=min(day or at.day, last)).timestamp())


def period_at(anchor: int, recurring: Mapping[str, Any], moment: int, day: int | None = None) -> Period:
    """Return the period of `recurring` (a price's {interval, interval_count}) that holds `moment`."""
    n = (moment - anchor) // (SECONDS[recurring["interval"]] * recurring["interval_count"])
    while boundary(anchor, recurring, n, day) > moment:
        n -= 1
    while boundary(anchor, recurring, n + 1, day) <= moment:
        n += 1
    return Period(boundary(anchor, recurring, n, day), boundary(anchor, recurring, n + 1, day))


def next_anchor(moment: int, config: Mapping[str, Any]) -> int:
    """Return the first moment after `moment` that a `billing_cycle_anchor_config` names.

    A day that a month does not have means its last one. Parts of the clock not given are those of `moment`.
    """
    now = datetime.fromtimestamp(moment, UTC)
    clock = {part: getattr(now, part) if config.get(part) is None else config[part] for part in _CLOCK}
    for months in range(14):
        year, month = divmod(now.year * 12 + now.month - 1 + months, 12)
        if config.get("month") in (None, month + 1):
            day = min(config["day_of_month"], monthrange(year, month + 1)[1])
            anchor = int(datetime(year, month + 1, day, **clock, tzinfo=UTC).timestamp())
            if anchor > moment:
                return anchor
    raise AssertionError("every month comes round within fourteen")


def day_of(moment: int) -> str:
    """Return the date as Stripe words it in line descriptions: 03 May 2026."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")
