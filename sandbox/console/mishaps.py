"""Forms over the two plans of what goes wrong: with API requests, and with webhooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from sandbox import delivery_plan, fault_plan, plans
from sandbox.console.visit import Visit, visited
from sandbox.kernel import Object
from sandbox.models import Account


@dataclass(frozen=True)
class Field:
    """A key of a rule as a form asks for it. With `choices` it is a menu; `reads` makes a value of what was typed."""

    name: str
    label: str
    hint: str = ""
    choices: tuple[str, ...] = ()
    reads: Callable[[str], Any] = str


def _numbers(text: str) -> int | list[int]:
    found = [_whole(part) for part in text.replace(",", " ").split()]
    return found[0] if len(found) == 1 else found


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"“{text}” is not a whole number.") from None


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"“{text}” is not a number.") from None


_WHEN = (
    Field("nth", "Which ones", "of those that match: 1 or 1, 3", reads=_numbers),
    Field("probability", "Probability", "0 to 1", reads=_decimal),
    Field("times", "At most", "times", reads=_whole),
)


@dataclass(frozen=True)
class Plan:
    """One of the two plans: its form, rules that are there for one click, and how it is written."""

    slug: str
    kept_as: str
    title: str
    promise: str
    fields: tuple[Field, ...]
    presets: dict[str, Object]
    write: Callable[..., Object]


FAULTS = Plan(
    "faults",
    plans.FAULTS,
    "API requests",
    "What a client of the API hears instead of an answer. Stripe's own pages, and this one, are spared.",
    (
        Field("fault", "Fault", choices=fault_plan.KINDS),
        Field("method", "Method", choices=("", "GET", "POST", "DELETE")),
        Field("path", "Path", "/v1/invoices/*/pay"),
        Field("when", "When", choices=("", "before", "after")),
        Field("seconds", "Wait", "seconds", reads=_decimal),
        *_WHEN,
    ),
    {
        "Next request fails": {"fault": "api_error", "times": 1},
        "Next answer is lost": {"fault": "reset", "method": "POST", "when": "after", "times": 1},
        "Stripe is unreachable": {"fault": "refused"},
        "A third is rate limited": {"fault": "rate_limit", "probability": 0.33},
        "Two seconds slow": {"fault": "slow", "seconds": 2},
    },
    fault_plan.write,
)
DELIVERIES = Plan(
    "deliveries",
    plans.DELIVERIES,
    "Webhooks",
    "What happens to events on their way to the endpoints. It is decided when they happen.",
    (
        Field("type", "Type", "invoice.*"),
        Field("endpoint", "Endpoint", "we_…"),
        Field("duplicate", "Copies more", "1", reads=_whole),
        Field("delay", "Delay", "seconds: 60 or 0, 3600", reads=_numbers),
        Field("permute", "Any order", choices=("", "yes"), reads=bool),
        Field("drop", "Lose", choices=("", "yes"), reads=bool),
        Field("corrupt", "Corrupt", choices=("", "body", "signature", "timestamp")),
        Field("attempts", "Only the first", "attempts", reads=_whole),
        *_WHEN,
    ),
    {
        "Everything twice": {"duplicate": 1},
        "Any order": {"permute": True},
        "An hour late": {"delay": 3600},
        "First attempt is lost": {"drop": True, "attempts": 1},
        "A third is lost": {"drop": True, "probability": 0.33},
        "Wrong signatures": {"corrupt": "signature"},
    },
    delivery_plan.write,
)
_PLANS = {plan.slug: plan for plan in (FAULTS, DELIVERIES)}


@require_safe
@visited
def mishaps(visit: Visit) -> HttpResponse:
    """Show both plans, and how often each rule has struck."""
    shown = [{"plan": plan, **_read(visit.account, plan)} for plan in _PLANS.values()]
    return visit.page("mishaps", "mishaps.html", {"plans": shown})


def _read(account: Account, plan: Plan) -> Object:
    known = plans.read(account, plan.kept_as)
    rules = [
        {
            "text": ", ".join(f"{key}: {value}" for key, value in rule.items() if key not in plans.COUNTS),
            "seen": rule["seen"],
            "struck": rule["struck"],
        }
        for rule in known["rules"]
    ]
    return {"rules": rules, "seed": known["seed"]}


@require_POST
@visited
def add(visit: Visit, slug: str) -> HttpResponse:
    """Add a rule to a plan: one of those that are ready, or what the form says."""
    plan, given = _plan(slug), visit.request.POST
    if preset := given.get("preset"):
        rule = plan.presets.get(preset)
        if rule is None:
            raise LookupError(f"There is no “{preset}”.")
    else:
        typed = {field.name: given.get(field.name, "").strip() for field in plan.fields}
        rule = {field.name: field.reads(typed[field.name]) for field in plan.fields if typed[field.name]}
    if not rule:
        raise ValueError("Say what is to go wrong.")
    known = plans.read(visit.account, plan.kept_as)
    plan.write(visit.account, [*known["rules"], rule], given.get("seed") or known["seed"])
    return visit.done("The rule is in force.")


@require_POST
@visited
def clear(visit: Visit, slug: str) -> HttpResponse:
    """Let everything go well again."""
    plans.clear(visit.account, _plan(slug).kept_as)
    return visit.done(f"{_plan(slug).title} go well again.")


def _plan(slug: str) -> Plan:
    if slug not in _PLANS:
        raise Http404(f"there is no plan {slug}")
    return _PLANS[slug]
