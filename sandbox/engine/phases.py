"""The phases of a subscription schedule: their shape, made of parameters or of a running subscription."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.engine import items, standing
from sandbox.engine.calendar import Period, boundary
from sandbox.kernel import Call, Object, invalid

PLAIN = ("collection_method", "default_payment_method", "description")
_NONE = ("application_fee_percent", "billing_thresholds", "on_behalf_of", "transfer_data")


def lay_out(call: Call, given: list[dict[str, Any]], start: int) -> list[Object]:
    """Return the phases that the parameter `phases` describes, one beginning where the one before it ends.

    Raises invalid() for a phase without an end (the last one has one interval of its price), or that ends first.
    """
    phases: list[Object] = []
    for n, phase in enumerate(given):
        param = f"phases[{n}]"
        begins = phases[-1]["end_date"] if phases else start
        if phase.get("start_date", begins) not in {begins, "now"}:
            raise invalid("A phase must start where the previous one ends.", param=f"{param}[start_date]")
        entries = [_entry(call, each, f"{param}[items][{m}]") for m, each in enumerate(phase["items"])]
        ends = _end_of(call, phase, begins, entries, param, last=n == len(given) - 1)
        if ends <= begins:
            raise invalid("A phase must end after it starts.", param=f"{param}[end_date]")
        phases.append(_phase(call, phase, Period(begins, ends), entries))
    return phases


def _entry(call: Call, given: dict[str, Any], param: str) -> Object:
    price = items.price_of(call, None, given, param)
    if price is None:
        raise invalid(f"Missing required param: {param}[price].", param=f"{param}[price]", code="parameter_missing")
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "billing_thresholds": None,
        "discounts": [_named(each) for each in given.get("discounts") or []],
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "plan": price["id"],
        "price": price["id"],
        **({} if metered else {"quantity": given.get("quantity", 1)}),
        "tax_rates": [],
    }


def _named(discount: dict[str, Any]) -> Object:
    return {key: discount.get(key) for key in ("coupon", "discount", "promotion_code")}


def _end_of(call: Call, phase: dict[str, Any], begins: int, entries: list[Object], param: str, *, last: bool) -> int:
    if "end_date" in phase and "duration" in phase:
        raise invalid("You may only specify one of these parameters: duration, end_date.", param=f"{param}[end_date]")
    if "end_date" in phase:
        return call.now if phase["end_date"] == "now" else int(phase["end_date"])
    if "duration" not in phase and not last:
        raise invalid("You must specify `duration` or `end_date` of this phase.", param=f"{param}[end_date]")
    interval = phase.get("duration") or store.get(call, "price", entries[0]["price"])["recurring"]
    return boundary(begins, {"interval_count": 1, **interval}, 1)


def _phase(call: Call, given: dict[str, Any], period: Period, entries: list[Object]) -> Object:
    whole_trial = {"trial": True} if given.get("trial") else {}
    trial_end = period.end if whole_trial else given.get("trial_end")
    if trial_end is not None and not period.start < trial_end <= period.end:
        raise invalid("The trial of a phase must end within the phase.", param="phases[trial_end]")
    return {
        **dict.fromkeys(_NONE),
        **{key: given.get(key) for key in (*PLAIN, "billing_cycle_anchor")},
        "add_invoice_items": [],
        "currency": store.get(call, "price", entries[0]["price"])["currency"],
        "default_tax_rates": [],
        "discounts": [_named(each) for each in given.get("discounts") or []],
        "end_date": period.end,
        "invoice_settings": given.get("invoice_settings"),
        "items": entries,
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": period.start,
        **whole_trial,
        "trial_end": trial_end,
    }


def copied(subscription: Object) -> Object:
    """Return the phase that says what a subscription is anyway, over its current period."""
    data = subscription["items"]["data"]
    return {
        **dict.fromkeys(_NONE),
        **{key: subscription[key] for key in PLAIN},
        "add_invoice_items": [],
        "billing_cycle_anchor": None,
        "currency": subscription["currency"],
        "default_tax_rates": [],
        "discounts": [_named({"discount": id}) for id in subscription["discounts"]],
        "end_date": standing.period_end(subscription),
        "invoice_settings": None,
        "items": [entry_of(item) for item in data],
        "metadata": {},
        "proration_behavior": "create_prorations",
        "start_date": min(item["current_period_start"] for item in data),
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def entry_of(item: Object) -> Object:
    """Return what a phase says of an item of a subscription."""
    return {
        "billing_thresholds": None,
        "discounts": [_named({"discount": id}) for id in item["discounts"]],
        "metadata": item["metadata"],
        "plan": item["price"]["id"],
        "price": item["price"]["id"],
        **({"quantity": item["quantity"]} if "quantity" in item else {}),
        "tax_rates": [],
    }
