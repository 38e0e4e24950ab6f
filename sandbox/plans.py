"""Plans of mishaps: rules that strike the nth call, or by a seeded dice, so that the same seed brings the same mishaps.

An account has two, both empty until one is written: `fault_plan.py` is about API requests, `delivery_plan.py` about
webhooks. What a rule does stands there; here is when it does it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kernel import Object
from sandbox.models import Account

FAULTS, DELIVERIES = "faults", "deliveries"


@dataclass(frozen=True)
class Value:
    """What a key of a rule may hold, and how that is called in a refusal."""

    words: str
    allows: Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return _whole(value) or isinstance(value, float)


def _nth(value: Any) -> bool:
    many = value if isinstance(value, list | tuple) else [value]
    return bool(many) and all(_whole(each) and each > 0 for each in many)


def one_of(*choices: str) -> Value:
    """Return the value that is one of some words."""
    return Value(f"one of {', '.join(choices)}", lambda value: value in choices)


TEXT = Value("a text", lambda value: isinstance(value, str) and value != "")
FLAG = Value("true or false", lambda value: isinstance(value, bool))
COUNT = Value("a whole number from 1", lambda value: _whole(value) and value > 0)
INTEGER = Value("a whole number", _whole)
SECONDS = Value("a number of seconds from 0 to 600", lambda value: _number(value) and 0 <= value <= 600)
PROBABILITY = Value("a number from 0 to 1", lambda value: _number(value) and 0 <= value <= 1)

# When a rule strikes. Of the calls that match it: `nth`, and with `probability`; `times` at the most.
_WHEN = {
    "nth": Value("a whole number from 1, or a list of them", _nth),
    "probability": PROBABILITY,
    "times": COUNT,
}
COUNTS = {"seen": 0, "struck": 0}


@dataclass(frozen=True)
class Strike:
    """A rule that strikes a call."""

    rule: Object
    _thrown: str

    def draw(self, what: str) -> float:
        """Return a number from 0 to 1, always the same for the same seed, call and `what`."""
        return _dice(f"{self._thrown}:{what}")


def write(
    account: Account,
    plan: str,
    rules: Iterable[Mapping[str, Any]],
    seed: str | int,
    values: Mapping[str, Value],
    *,
    required: str = "",
) -> Object:
    """Let `rules` be the plan of an account from now on, none of them having struck; return it as `read` does.

    `values` says what the keys of a rule may hold besides `nth`, `probability` and `times`, and `required` which of
    them a rule cannot do without. Raises ValueError, naming the rule and its key.
    """
    written = {"seed": str(seed), "rules": [_checked(rule, at, values, required) for at, rule in enumerate(rules)]}
    with account.exclusively():
        plans = _plans(account)
        plans[plan] = written
        _keep(account, plans)
    return written


def read(account: Account, plan: str) -> Object:
    """Return a plan: its `seed`, and its `rules`, each with how many calls it has `seen` and how many it struck."""
    known: Object = _plans(account).get(plan, {"seed": "", "rules": []})
    return known


def clear(account: Account, plan: str) -> None:
    """Let everything go well again."""
    with account.exclusively():
        plans = _plans(account)
        plans.pop(plan, None)
        _keep(account, plans)


def strikes(account: Account, plan: str, matches: Callable[[Object], bool]) -> list[Strike]:
    """Return the rules that strike a call, in their order, and count what they have seen and struck.

    The count is part of the caller's transaction, if there is one: what is rolled back was not seen.
    """
    with account.exclusively():
        plans = _plans(account)
        known = plans.get(plan, {"seed": "", "rules": []})
        struck = [
            Strike(rule, f"{known['seed']}:{plan}:{position}:{rule['seen']}")
            for position, rule in enumerate(known["rules"])
            if matches(rule) and _strikes(rule, f"{known['seed']}:{plan}:{position}")
        ]
        _keep(account, plans)
    return struck


def _strikes(rule: Object, thrown: str) -> bool:
    rule["seen"] += 1
    nth = rule.get("nth")
    if rule["struck"] >= rule.get("times", rule["seen"]):
        return False
    if nth is not None and rule["seen"] not in (nth if isinstance(nth, list) else [nth]):
        return False
    if _dice(f"{thrown}:{rule['seen']}") >= rule.get("probability", 1):
        return False
    rule["struck"] += 1
    return True


def _dice(thrown: str) -> float:
    return int.from_bytes(hashlib.sha256(thrown.encode()).digest()[:6]) / 2**48


def _checked(rule: Mapping[str, Any], at: int, values: Mapping[str, Value], required: str) -> Object:
    if not isinstance(rule, Mapping):
        raise ValueError(f"rules[{at}] must be a hash.")
    rule = {key: value for key, value in rule.items() if key not in COUNTS}  # what was read can be written again
    allowed = {**values, **_WHEN}
    if required and required not in rule:
        raise ValueError(f"rules[{at}][{required}] is missing: {values[required].words}.")
    for key, value in rule.items():
        if key not in allowed:
            raise ValueError(f"rules[{at}][{key}] is unknown: a rule has {', '.join(sorted(allowed))}.")
        if not allowed[key].allows(value):
            raise ValueError(f"rules[{at}][{key}] must be {allowed[key].words}.")
    return {**rule, **COUNTS}


def _plans(account: Account) -> Object:
    plans: Object = Account.objects.values_list("plans", flat=True).get(pk=account.pk)
    return plans


def _keep(account: Account, plans: Object) -> None:
    Account.objects.filter(pk=account.pk).update(plans=plans)
    account.plans = plans
