"""What a tester does to an account from outside of Stripe's API: time, deliveries, mishaps, snapshots, scenarios.

Every function below is also a request: `POST /sandbox/_control/clock` with `{"seconds": 86400}` is
`advance(account, seconds=86400)`. Who adds a function here adds it to the HTTP API too: see control_api.py. They return
what JSON can hold, and raise ValueError for what cannot be, LookupError for what is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Count

from sandbox import clock, delivery, delivery_plan, fault_plan, plans, server, signing, snapshots
from sandbox.kernel import Object
from sandbox.models import Account, Attempt, Delivery, Row
from sandbox.plans import INTEGER, TEXT, Value

Control = Callable[..., Object]

controls: dict[tuple[str, str], Control] = {}  # by method and path below /_control/


def _control(method: str, path: str) -> Callable[[Control], Control]:
    def register(function: Control) -> Control:
        controls[method, path] = function
        return function

    return register


@_control("GET", "")
def overview(account: Account) -> Object:
    """Return how an account stands, and what can be done to it."""
    account.refresh_from_db()
    kinds = Row.objects.filter(account=account, deleted=False).values_list("kind").annotate(Count("id"))
    return {
        "account": account.acct,
        "name": account.name,
        "now": clock.now(account),
        "deliveries": "held" if account.hold_deliveries else "sent",
        "seed": account.seed,
        "objects": dict(kinds.order_by("kind")),
        "controls": [f"{method} /_control/{path}" for method, path in sorted(controls)],
    }


# Time


@_control("GET", "clock")
def now(account: Account) -> Object:
    """Return the account's time in epoch seconds."""
    account.refresh_from_db(fields=["clock_offset"])
    return {"now": clock.now(account)}


@_control("POST", "clock")
def advance(account: Account, seconds: int | None = None, to: int | None = None) -> Object:
    """Move the account's clock forward, by `seconds` or `to` a moment, and let everything due meanwhile happen."""
    return {"now": clock.advance(account, seconds=seconds, to=to)}


# Webhooks


@_control("GET", "deliveries")
def deliveries(account: Account, event: str = "", endpoint: str = "", state: str = "", limit: int = 100) -> Object:
    """Return the delivery log, newest first, of all or of some; `state` is pending, succeeded or failed."""
    wanted = {"event": event, "endpoint": endpoint, "state": state}
    rows = Delivery.objects.filter(account=account, **{key: value for key, value in wanted.items() if value})
    found = list(rows.order_by("-id")[:limit])
    events = Row.objects.filter(account=account, kind="event", stripe_id__in={each.event for each in found})
    types = dict(events.values_list("stripe_id", "lookup_key"))
    log = defaultdict(list)
    for attempt in Attempt.objects.filter(account=account, event__in=types).order_by("id"):
        log[attempt.event, attempt.endpoint].append(_attempt(attempt))
    return {"deliveries": [_delivery(each, types[each.event], log[each.event, each.endpoint]) for each in found]}


def _delivery(delivery: Delivery, type_: str | None, attempts: list[Object]) -> Object:
    return {
        "event": delivery.event,
        "type": type_,
        "endpoint": delivery.endpoint,
        "state": delivery.state,
        "next_attempt_at": delivery.next_attempt_at,
        "mishap": delivery.mishap,
        "attempts": attempts,
    }


def _attempt(attempt: Attempt) -> Object:
    return {
        "at": attempt.at,
        "milliseconds": attempt.milliseconds,
        "request": {"url": attempt.url, "headers": attempt.request_headers, "body": attempt.request_body},
        "response": {"status": attempt.status, "headers": attempt.response_headers, "body": attempt.response_body},
        "error": attempt.error,
        "mishap": attempt.mishap,
    }


@_control("POST", "deliveries/hold")
def hold(account: Account) -> Object:
    """Keep webhooks back from now on; return those that wait, oldest first."""
    waiting = delivery.hold(account)
    return {"waiting": [{"event": event["id"], "type": event["type"]} for event, _ in waiting]}


@_control("POST", "deliveries/release")
def release(account: Account, first: list[str] | None = None) -> Object:
    """Let go what was kept back: the events named in `first`, in that order, then the others as they happened."""
    delivery.release(account, first or ())
    return {"waiting": []}


@_control("POST", "deliveries/resend")
def resend(account: Account, event: str, endpoint: str | None = None) -> Object:
    """Send an event again, to one endpoint or to all that were to hear of it; return what came back."""
    return {"attempts": [_attempt(each) for each in delivery.resend(account, event, endpoint)]}


@_control("POST", "webhook_endpoints/roll_secret")
def roll_secret(account: Account, endpoint: str, overlap: int = signing.MOST_OVERLAP) -> Object:
    """Give an endpoint a new secret and return it; the old one signs too for `overlap` seconds, a day at the most."""
    return server.perform(account, lambda call: signing.roll(call, endpoint, overlap))


# Mishaps


@_control("GET", "delivery_plan")
def read_delivery_plan(account: Account) -> Object:
    """Return the plan of what goes wrong with webhooks, and how often each rule has struck."""
    return plans.read(account, plans.DELIVERIES)


@_control("POST", "delivery_plan")
def plan_deliveries(account: Account, rules: list[Mapping[str, Any]], seed: str | int = "") -> Object:
    """Let these rules disturb the webhooks: delivery_plan.py says what a rule can hold."""
    return delivery_plan.write(account, rules, seed)


@_control("DELETE", "delivery_plan")
def clear_delivery_plan(account: Account) -> Object:
    """Let webhooks go well again."""
    plans.clear(account, plans.DELIVERIES)
    return plans.read(account, plans.DELIVERIES)


@_control("GET", "fault_plan")
def read_fault_plan(account: Account) -> Object:
    """Return the plan of what goes wrong with API requests, and how often each rule has struck."""
    return plans.read(account, plans.FAULTS)


@_control("POST", "fault_plan")
def plan_faults(account: Account, rules: list[Mapping[str, Any]], seed: str | int = "") -> Object:
    """Let these rules disturb the API: fault_plan.py says what a rule can hold."""
    return fault_plan.write(account, rules, seed)


@_control("DELETE", "fault_plan")
def clear_fault_plan(account: Account) -> Object:
    """Let API requests go well again."""
    plans.clear(account, plans.FAULTS)
    return plans.read(account, plans.FAULTS)


# What is set in Stripe's Dashboard


_SETTINGS = {
    "after_last_retry": plans.one_of("cancel", "past_due", "pause", "unpaid"),
    "business_name": TEXT,
    "country": Value("two letters", lambda value: isinstance(value, str) and len(value) == 2 and value.isalpha()),
    "retry_days": Value(
        "a list of days from one failed attempt to the next, each from 1",
        lambda value: isinstance(value, list | tuple) and all(INTEGER.allows(day) and day > 0 for day in value),
    ),
    "test_clock_seconds": Value("a number of seconds from 0", lambda value: INTEGER.allows(value) and value >= 0),
}


@_control("GET", "settings")
def settings(account: Account) -> Object:
    """Return what was set; what is not there has its default."""
    account.refresh_from_db(fields=["settings"])
    return dict(account.settings)


@_control("POST", "settings")
def change_settings(account: Account, settings: Mapping[str, Any]) -> Object:
    """Set retry_days, after_last_retry, business_name, country or test_clock_seconds; None brings a default back."""
    for key, value in settings.items():
        if key not in _SETTINGS:
            raise ValueError(f"settings[{key}] is unknown: there are {', '.join(_SETTINGS)}.")
        if value is not None and not _SETTINGS[key].allows(value):
            raise ValueError(f"settings[{key}] must be {_SETTINGS[key].words}.")
    with account.exclusively():
        account.refresh_from_db(fields=["settings"])
        merged = {**account.settings, **settings}
        account.settings = {key: value for key, value in merged.items() if value is not None}
        account.save(update_fields=["settings"])
    return dict(account.settings)


# Whole accounts


@_control("GET", "snapshots")
def list_snapshots(account: Account) -> Object:
    """Return the snapshots of the account, oldest first: their names, and the moment on its clock."""
    return {
        "snapshots": [
            {"name": each.snapshot_name, "at": each.created + each.clock_offset} for each in snapshots.of(account)
        ]
    }


@_control("POST", "snapshots")
def save_snapshot(account: Account, name: str) -> Object:
    """Put a copy of the account aside under a name."""
    aside = snapshots.save(account, name)
    return {"name": name, "at": aside.created + aside.clock_offset}


@_control("POST", "snapshots/restore")
def restore_snapshot(account: Account, name: str) -> Object:
    """Make the account what it was when the snapshot was taken, ids and clock included."""
    snapshots.restore(account, name)
    return {"name": name, "now": clock.now(account)}


@_control("DELETE", "snapshots")
def delete_snapshot(account: Account, name: str) -> Object:
    """Forget a snapshot."""
    snapshots.find(account, name).delete()
    return list_snapshots(account)


@_control("POST", "reset")
def reset(account: Account, seed: str | int = "", keep: list[str] | None = None) -> Object:
    """Make the account as empty as on its first day, on the real time again; its snapshots stay.

    With a `seed` the ids of what is made afterwards follow from it. `keep` names kinds of objects that stay, such as
    "webhook_endpoint".
    """
    with account.exclusively():
        snapshots.clear(account, keep or ())
        account.seed, account.ids_made, account.clock_offset = str(seed), 0, 0
        account.hold_deliveries, account.settings, account.plans = False, {}, {}
        account.save()
    return overview(account)


@_control("GET", "scenarios")
def list_scenarios(account: Account) -> Object:
    """Return the states that a new customer can be brought into."""
    from sandbox.scenarios import SCENARIOS

    return {"scenarios": [{"name": each.name, "promise": each.promise} for each in SCENARIOS.values()]}


@_control("POST", "scenarios")
def play_scenario(account: Account, name: str, user: str = "") -> Object:
    """Make a customer who is in the state of that name, that of the site's `user` from then on; return their id."""
    from sandbox import dashboard, scenarios

    return {"name": name, "customer": scenarios.play(account, name, dashboard.user_named(user) if user else None)}
