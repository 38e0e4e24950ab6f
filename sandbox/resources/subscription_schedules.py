"""Subscription schedules: what a subscription will be, phase by phase."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from sandbox import store
from sandbox.engine import charging, phases, schedules, standing
from sandbox.kernel import Call, Object, invalid, new_id, refers, route
from sandbox.params import (
    CREATED,
    Integer,
    String,
    boolean,
    clearable,
    currency,
    either,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
    timestamp,
)
from sandbox.resources.discounts import DISCOUNTS
from sandbox.resources.subscriptions import BILLING_MODE, ITEM, PRORATION_BEHAVIOR, set_billing_mode

refers(
    "subscription_schedule",
    {
        "customer": "customer",
        "default_settings.default_payment_method": "payment_method",
        "phases.default_payment_method": "payment_method",
        "phases.discounts.coupon": "coupon",
        "phases.discounts.discount": "discount",
        "phases.discounts.promotion_code": "promotion_code",
        "phases.items.price": "price",
        "subscription": "subscription",
        "test_clock": "test_helpers.test_clock",
    },
)

_START = either(timestamp, "now")
_ENDING = enum("cancel", "release")
_INVOICE_SETTINGS = {"account_tax_ids": not_emulated, "days_until_due": Integer(0, 365), "issuer": not_emulated}
_SETTINGS = {
    **dict.fromkeys(
        ("application_fee_percent", "automatic_tax", "billing_thresholds", "on_behalf_of", "transfer_data"),
        not_emulated,
    ),
    "billing_cycle_anchor": enum("automatic", "phase_start"),
    "collection_method": enum("charge_automatically", "send_invoice"),
    "default_payment_method": string,
    "description": clearable(String(500)),
    "invoice_settings": _INVOICE_SETTINGS,
}
_PHASE = {
    **_SETTINGS,
    "add_invoice_items": not_emulated,
    "currency": currency,
    "default_tax_rates": not_emulated,
    "discounts": DISCOUNTS,
    "duration": {"interval": required(enum("day", "month", "week", "year")), "interval_count": Integer(1, 1200)},
    "end_date": either(timestamp, "now"),
    "items": required([ITEM]),
    "metadata": metadata,
    "proration_behavior": PRORATION_BEHAVIOR,
    "start_date": _START,
    "trial": boolean,
    "trial_end": timestamp,
}
_FIELDS = {
    "default_settings": _SETTINGS,
    "end_behavior": _ENDING,
    "metadata": metadata,
    "pause_schedules": not_emulated,
    "phases": [_PHASE],
}
_PLAIN = ("end_behavior", "metadata")


@route(
    "POST",
    "/v1/subscription_schedules",
    {
        **_FIELDS,
        "billing_mode": BILLING_MODE,
        "customer": string,
        "customer_account": not_emulated,
        "from_subscription": string,
        "start_date": _START,
    },
)
def create(call: Call) -> Object:
    """Plan a new subscription, or, with `from_subscription`, take a running one over as it is."""
    given = call.params
    if "from_subscription" in given:
        return _take_over(call, given)
    for name in ("customer", "phases"):
        if not given.get(name):
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    customer = store.get(call, "customer", given["customer"], "customer")
    start = given.get("start_date", "now")
    start = call.now if start == "now" else start
    if start < call.now:
        raise invalid("The sandbox starts no schedule in the past: start_date must not be.", param="start_date")
    schedule = _shape(call, customer["id"])
    set_billing_mode(schedule, given.get("billing_mode", {"type": "flexible"}))
    _change(call, schedule, given)
    schedule["phases"] = phases.lay_out(call, given["phases"], start)
    return schedules.begin(call, schedule)


def _take_over(call: Call, given: dict[str, Any]) -> Object:
    for name in sorted(given.keys() - {"expand", "from_subscription"}):
        raise invalid(f"You cannot set `{name}` if `from_subscription` is set.", param=name)
    subscription = store.get(call, "subscription", given["from_subscription"], "from_subscription")
    if subscription["schedule"]:
        raise invalid(
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}",
            param="from_subscription",
        )
    if subscription["status"] in standing.ENDED | {"incomplete"}:
        raise invalid(f"You cannot migrate a subscription that is {subscription['status']}.", param="from_subscription")
    schedule = _shape(call, subscription["customer"])
    schedule |= {"billing_mode": subscription["billing_mode"], "phases": [phases.copied(subscription)]}
    if subscription["cancel_at"]:
        schedule["end_behavior"] = "cancel"
        schedule["phases"][0]["end_date"] = subscription["cancel_at"]
    return schedules.attach(call, schedule, subscription)


def _shape(call: Call, customer: str) -> Object:
    empty = ("application", "canceled_at", "completed_at", "current_phase", "customer_account", "released_at")
    return {
        **dict.fromkeys((*empty, "released_subscription", "subscription")),
        "id": new_id(call, "sub_sched"),
        "object": "subscription_schedule",
        "created": call.now,
        "customer": customer,
        "default_settings": {
            **dict.fromkeys(("application_fee_percent", "billing_thresholds", "default_payment_method")),
            **dict.fromkeys(("description", "on_behalf_of", "transfer_data")),
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "collection_method": "charge_automatically",
            "invoice_settings": {
                **dict.fromkeys(("account_tax_ids", "custom_fields", "days_until_due", "description", "footer")),
                "issuer": {"type": "self"},
            },
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": [],
        "status": "not_started",
        "test_clock": call.clock,
    }


def _change(call: Call, schedule: Object, given: dict[str, Any]) -> None:
    store.update(schedule, given, *_PLAIN)
    settings = dict(given.get("default_settings", {}))
    schedule["default_settings"]["invoice_settings"] |= settings.pop("invoice_settings", {})
    schedule["default_settings"] |= settings
    named = [settings, *given.get("phases", [])]
    for payment_method in [each["default_payment_method"] for each in named if "default_payment_method" in each]:
        charging.check_attached(call, payment_method, schedule["customer"])


@route(
    "GET",
    "/v1/subscription_schedules",
    listing(
        canceled_at=CREATED,
        completed_at=CREATED,
        customer=string,
        customer_account=not_emulated,
        released_at=CREATED,
        scheduled=boolean,
    ),
)
def list_all(call: Call) -> Object:
    """List schedules; `scheduled` ones have not started."""
    given, where = call.params, Q()
    for name in ("canceled_at", "completed_at", "released_at"):
        bounds = given.get(name, {})
        bounds = {"exact": bounds} if isinstance(bounds, int) else bounds
        where &= Q(**{f"data__{name}__{bound}": moment for bound, moment in bounds.items()})
    if "scheduled" in given:
        where &= Q(status="not_started") if given["scheduled"] else ~Q(status="not_started")
    return store.page(
        call, "subscription_schedule", "/v1/subscription_schedules", where=where, customer=given.get("customer")
    )


@route("GET", "/v1/subscription_schedules/{schedule}")
def retrieve(call: Call, schedule: str) -> Object:
    """Return a schedule."""
    return store.get(call, "subscription_schedule", schedule, "schedule")


@route("POST", "/v1/subscription_schedules/{schedule}", {**_FIELDS, "proration_behavior": PRORATION_BEHAVIOR})
def update(call: Call, schedule: str) -> Object:
    """Change what a schedule plans; what `phases` says of the current one happens at once."""
    obj, given = store.get(call, "subscription_schedule", schedule, "schedule"), call.params
    schedules.ensure_running(obj, "update")
    _change(call, obj, given)
    laid_out = None
    if given.get("phases"):
        laid_out = phases.lay_out(call, given["phases"], _start_of(call, obj, given))
    return schedules.rewrite(call, obj, laid_out, given.get("proration_behavior", "create_prorations"))


def _start_of(call: Call, schedule: Object, given: dict[str, Any]) -> int:
    """Return when the first of the given phases starts; raises where that is neither a phase's start nor to come."""
    known = schedule["phases"][0] if schedule["status"] == "not_started" else schedule["current_phase"]
    start = given["phases"][0].get("start_date", known["start_date"])
    start = call.now if start == "now" else start
    past = {phase["start_date"] for phase in schedule["phases"] if phase["start_date"] <= call.now}
    if schedule["status"] == "active" and start not in past:
        raise invalid("You can not modify the start date of the current phase.", param="phases[0][start_date]")
    if schedule["status"] == "not_started" and start < call.now:
        raise invalid("A phase cannot start in the past.", param="phases[0][start_date]")
    return int(start)


@route("POST", "/v1/subscription_schedules/{schedule}/cancel", {"invoice_now": boolean, "prorate": boolean})
def cancel(call: Call, schedule: str) -> Object:
    """Cancel a schedule and its subscription at once."""
    obj = store.get(call, "subscription_schedule", schedule, "schedule")
    schedules.ensure_running(obj, "cancel")
    given: dict[str, Any] = {key: call.params[key] for key in ("invoice_now", "prorate") if key in call.params}
    return schedules.cancel(call, obj, given)


@route("POST", "/v1/subscription_schedules/{schedule}/release", {"preserve_cancel_date": boolean})
def release(call: Call, schedule: str) -> Object:
    """Stop a schedule and let its subscription go on by itself."""
    obj = store.get(call, "subscription_schedule", schedule, "schedule")
    schedules.ensure_running(obj, "release")
    return schedules.release(call, obj, preserve_cancel_date=call.params.get("preserve_cancel_date", False))
