"""What goes wrong with webhooks, by plan: copies, another order, delays, losses, bodies and signatures that do not fit.

A rule names deliveries by `type` (`invoice.*`) and `endpoint`, and says when it strikes: see plans.py. What several
rules do to the same delivery adds up. It is decided when the event happens and stays with the delivery, for each of its
attempts, or for the first `attempts` of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sandbox import plans
from sandbox.kernel import Call, Object
from sandbox.models import Account
from sandbox.plans import Strike, Value
from sandbox.signing import signature

_MOST_RANK = 1_000_000
_BEFORE_SENDING = {"delay", "duplicate", "permute"}


def _delays(value: Any) -> bool:
    bounds = value if isinstance(value, list | tuple) else [value, value]
    return len(bounds) == 2 and all(map(plans.INTEGER.allows, bounds)) and 0 <= bounds[0] <= bounds[1]


_RULE = {
    "type": plans.TEXT,
    "endpoint": plans.TEXT,
    "attempts": plans.COUNT,
    "body": Value("a text", lambda value: isinstance(value, str)),
    "corrupt": plans.one_of("body", "signature", "timestamp"),
    "delay": Value("a whole number of seconds, or the least and the most of them", _delays),
    "drop": plans.FLAG,
    "duplicate": plans.COUNT,
    "event": Value("a hash", lambda value: isinstance(value, Mapping)),
    "permute": plans.FLAG,
    "secret": plans.one_of("new", "old", "other"),
    "timestamp": plans.INTEGER,
}


def write(account: Account, rules: Iterable[Mapping[str, Any]], seed: str | int = "") -> Object:
    """Let these rules disturb the account's webhooks from now on; return the plan. Raises ValueError for a bad rule.

    Before sending: `duplicate` (so many copies more), `delay` (seconds on the account's clock, or `[least, most]`),
    `permute` (any order among those that are due). Sending: `drop` (nobody gets it), `event` (keys that replace those
    of the event: livemode, account, api_version, type …), `body` (instead of all of it), `timestamp` (seconds that the
    signature is ahead of, or, negative, behind the time), `secret` (signed with the `new` or the `old` one alone, or
    with an `other`). After signing: `corrupt` the `body`, the `signature` or its `timestamp`.
    """
    return plans.write(account, plans.DELIVERIES, rules, seed, _RULE)


@dataclass(frozen=True)
class Copy:
    """One copy of an event on its way to one endpoint: how much later than usual, its place, what happens to it."""

    delay: int = 0
    rank: int = 0
    mishap: Object = field(default_factory=dict)


def copies(call: Call, event: Object, endpoint: str) -> list[Copy]:
    """Return what the account's plan makes of a delivery: one copy as it should be, nearly always."""
    if "delivery_plan" not in call.memo:
        call.memo["delivery_plan"] = plans.read(call.account, plans.DELIVERIES)["rules"]
    if not call.memo["delivery_plan"]:
        return [Copy()]
    struck = plans.strikes(call.account, plans.DELIVERIES, lambda rule: _concerns(rule, event["type"], endpoint))
    mishap: Object = {}
    for strike in struck:
        mishap |= {key: value for key, value in strike.rule.items() if key in _RULE and key not in _BEFORE_SENDING}
    many = 1 + sum(strike.rule.get("duplicate", 0) for strike in struck)
    return [_copy(struck, mishap, number) for number in range(many)]


def _copy(struck: list[Strike], mishap: Object, number: int) -> Copy:
    delay = sum(_drawn(strike, number) for strike in struck)
    ranks = [int(strike.draw(f"rank {number}") * 2 * _MOST_RANK) for strike in struck if strike.rule.get("permute")]
    return Copy(delay, ranks[-1] - _MOST_RANK if ranks else 0, mishap)


def _drawn(strike: Strike, number: int) -> int:
    delay = strike.rule.get("delay", 0)
    if isinstance(delay, int):
        return delay
    least, most = delay
    return int(least + strike.draw(f"delay {number}") * (most - least + 1))


def _concerns(rule: Object, type_: str, endpoint: str) -> bool:
    return fnmatchcase(type_, rule.get("type", "*")) and rule.get("endpoint", endpoint) == endpoint


def at_attempt(mishap: Object, attempt: int) -> Object:
    """Return what is left of a mishap at the nth attempt."""
    return mishap if attempt <= mishap.get("attempts", attempt) else {}


def letter(event: Object, secrets: list[str], timestamp: int, mishap: Object) -> tuple[bytes, str]:
    """Return the body and the Stripe-Signature of an event, after the mishap."""
    body = mishap.get("body", json.dumps({**event, **mishap.get("event", {})}, indent=2)).encode()
    known = {"new": secrets[:1], "old": secrets[-1:], "other": ["whsec_of_somebody_else"]}
    chosen = known.get(mishap.get("secret", ""), secrets)
    timestamp += mishap.get("timestamp", 0)
    broken = mishap.get("corrupt")
    signed = body + b" " if broken == "signature" else body
    header = signature(signed, *chosen, timestamp=timestamp)
    if broken == "timestamp":
        header = header.replace(f"t={timestamp}", f"t={timestamp + 1}", 1)
    return (body + b"}" if broken == "body" else body), header
