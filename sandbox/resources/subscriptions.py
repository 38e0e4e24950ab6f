"""Subscriptions: what a customer gets again and again, and pays for."""

from __future__ import annotations

import copy
from functools import reduce
from operator import or_

from django.db.models import Q

from sandbox import store
from sandbox.engine import canceling, changing, charging, items, pausing, shapes, standing, subscribing, taxes
from sandbox.kernel import Call, Object, expandable, invalid, missing, new_id, refers, route
from sandbox.params import (
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
from sandbox.resources import prices, sources
from sandbox.resources.discounts import DISCOUNTS

refers(
    "subscription",
    {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "discounts": "discount",
        "latest_invoice": "invoice",
        "pending_setup_intent": "setup_intent",
        "schedule": "subscription_schedule",
    },
)

FEEDBACK = enum(
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
    "too_expensive", "unused",
)  # fmt: skip
PAYMENT_BEHAVIOR = enum("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
PRORATION_BEHAVIOR = enum("always_invoice", "create_prorations", "none")
TRIAL_END = either(timestamp, "now")
ANCHOR = {"type": required(enum("now", "unchanged"))}
ANCHOR_CONFIG = {
    "day_of_month": required(Integer(1, 31)),
    "hour": Integer(0, 23),
    "minute": Integer(0, 59),
    "month": Integer(1, 12),
    "second": Integer(0, 59),
}
BILLING_MODE = {
    "flexible": {"proration_discounts": enum("included", "itemized")},
    "type": required(enum("classic", "flexible")),
}
PRICE_DATA = {**prices.DATA, "recurring": required(prices.DATA["recurring"])}
_STATUSES = (
    "active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid",
)  # fmt: skip
ITEM = {
    "billing_thresholds": not_emulated,
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "plan": string,
    "price": string,
    "price_data": PRICE_DATA,
    "quantity": Integer(0),
    "tax_rates": clearable([string]),
}
CHANGED_ITEM = {**ITEM, "clear_usage": boolean, "current_trial": not_emulated, "deleted": boolean, "id": string}
PAUSE = {
    "bill_for": {
        "outstanding_usage_through": {"type": required(enum("none", "now"))},
        "unused_time_from": {"type": required(enum("item_current_period_start", "none", "now"))},
    },
    "invoicing_behavior": enum("invoice", "pending_invoice_item"),
    "type": enum("subscription"),
}
CANCELLATION = {"comment": clearable(string), "feedback": clearable(FEEDBACK), "feedback_option": not_emulated}
_NOT_EMULATED = dict.fromkeys(
    (
        "application_fee_percent", "automatic_tax", "billing_schedules", "billing_thresholds",
        "customer_account", "on_behalf_of", "pending_invoice_item_interval", "transfer_data",
    ),
    not_emulated,
)  # fmt: skip
_MOMENT = {
    "timestamp": timestamp,
    "type": required(enum("max_item_period_start", "min_item_period_end", "now", "timestamp")),
}
CANCEL_AT = clearable(either("max_billed_until", "max_period_end", "min_period_end", timestamp))
ADDED_ITEM = {
    "discountable": boolean,
    "discounts": DISCOUNTS,
    "metadata": metadata,
    "period": {"end": required(_MOMENT), "start": required(_MOMENT)},
    "price": string,
    "price_data": {**prices.DATA, "recurring": not_emulated},
    "quantity": Integer(0),
    "tax_rates": clearable([string]),
}
_FIELDS = {
    **_NOT_EMULATED,
    "add_invoice_items": [ADDED_ITEM],
    "cancel_at": CANCEL_AT,
    "cancel_at_period_end": boolean,
    "collection_method": enum("charge_automatically", "send_invoice"),
    "days_until_due": Integer(0, 365),
    "default_payment_method": string,
    "default_source": clearable(string),
    "default_tax_rates": clearable([string]),
    "description": clearable(String(500)),
    "discounts": DISCOUNTS,
    "invoice_settings": {"account_tax_ids": not_emulated, "issuer": not_emulated},
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "payment_settings": {
        "payment_method_options": not_emulated,
        "payment_method_types": clearable([string]),
        "save_default_payment_method": enum("off", "on_subscription"),
    },
    "proration_behavior": PRORATION_BEHAVIOR,
    "trial_end": TRIAL_END,
    "trial_from_plan": boolean,
    "trial_settings": {
        "end_behavior": required(
            {
                "billing_cycle_anchor": not_emulated,
                "missing_payment_method": required(enum("cancel", "create_invoice", "pause")),
            }
        )
    },
}
_PLAIN = (
    "collection_method", "days_until_due", "default_payment_method", "default_source", "description", "metadata",
)  # fmt: skip


@route(
    "POST",
    "/v1/subscriptions",
    {
        **_FIELDS,
        "backdate_start_date": timestamp,
        "billing_cycle_anchor": timestamp,
        "billing_cycle_anchor_config": ANCHOR_CONFIG,
        "billing_mode": BILLING_MODE,
        "currency": currency,
        "customer": required(string),
        "items": [ITEM],
        "trial_period_days": Integer(1, 730),
    },
)
def create(call: Call) -> Object:
    """Subscribe a customer; the first invoice is made and, unless `default_incomplete`, charged in this request."""
    given = call.params
    customer = store.get(call, "customer", given["customer"], "customer")
    subscription = shapes.subscription(call, customer["id"], new_id(call, "sub"))
    if "billing_mode" in given:
        set_billing_mode(subscription, given["billing_mode"])
    _change(call, subscription)
    subscribing.compose(call, subscription, given)
    check_currency(call, subscription)
    canceling.plan_end(call, subscription, given)
    return subscribing.start(call, subscription, given)


@route(
    "GET",
    "/v1/subscriptions",
    listing(
        automatic_tax=not_emulated,
        collection_method=enum("charge_automatically", "send_invoice"),
        current_period_end=not_emulated,
        current_period_start=not_emulated,
        customer=string,
        customer_account=not_emulated,
        plan=string,
        price=string,
        status=enum(*_STATUSES, "all", "ended"),
        test_clock=string,
    ),
)
def list_all(call: Call) -> Object:
    """List subscriptions: canceled ones only where `status` asks for them, clocked ones only by clock or customer."""
    given = call.params
    where = Q() if "customer" in given and "test_clock" not in given else Q(clock=given.get("test_clock"))
    if customer := given.get("customer"):
        store.get(call, "customer", customer, "customer")
    status, price = given.get("status"), given.get("price", given.get("plan"))
    statuses = {None: set(_STATUSES) - {"canceled"}, "all": None, "ended": standing.ENDED}.get(status, status)
    method = {"collection_method": given["collection_method"]} if "collection_method" in given else {}
    return store.page(
        call,
        "subscription",
        "/v1/subscriptions",
        customer=given.get("customer"),
        status=statuses,
        where=where & _has_price(price) if price else where,
        **method,
    )


def _has_price(price: str) -> Q:
    return reduce(or_, (Q(**{f"data__items__data__{n}__price__id": price}) for n in range(items.LARGEST)))


@route("GET", "/v1/subscriptions/{subscription}")
def retrieve(call: Call, subscription: str) -> Object:
    """Return a subscription, also a canceled one."""
    return store.get(call, "subscription", subscription)


@route(
    "POST",
    "/v1/subscriptions/{subscription}",
    {
        **_FIELDS,
        "billing_cycle_anchor": ANCHOR,
        "cancellation_details": CANCELLATION,
        "items": [CHANGED_ITEM],
        "pause_collection": clearable(
            {"behavior": required(enum("keep_as_draft", "mark_uncollectible", "void")), "resumes_at": timestamp}
        ),
        "proration_date": timestamp,
    },
)
def update(call: Call, subscription: str) -> Object:
    """Change a subscription; what that costs is prorated, and billed, as `proration_behavior` says."""
    before, given = store.get(call, "subscription", subscription), call.params
    standing.check_status(before, given)
    after = copy.deepcopy(before)
    _change(call, after)
    canceling.plan_end(call, after, given)
    if given.keys() & changing.CHANGES:
        return changing.update(call, after, given)
    return standing.keep(call, after)


@route(
    "DELETE",
    "/v1/subscriptions/{subscription}",
    {"cancellation_details": CANCELLATION, "invoice_now": boolean, "prorate": boolean},
)
def cancel(call: Call, subscription: str) -> Object:
    """Cancel a subscription at once."""
    obj = store.get(call, "subscription", subscription)
    if obj["status"] in standing.ENDED:
        raise missing("subscription", subscription)
    return canceling.cancel(call, obj, call.params)


@route("POST", "/v1/subscriptions/{subscription}/pause", PAUSE)
def pause(call: Call, subscription: str) -> Object:
    """Pause a subscription until it is resumed; unlike `pause_collection`, which goes on making invoices."""
    return pausing.pause(call, store.get(call, "subscription", subscription), call.params)


@route(
    "POST",
    "/v1/subscriptions/{subscription}/migrate",
    {"billing_mode": required(BILLING_MODE)},
)
def migrate(call: Call, subscription: str) -> Object:
    """Move a subscription to flexible billing mode, or its prorations to itemized; there is no way back."""
    obj, given = store.get(call, "subscription", subscription), call.params["billing_mode"]
    standing.check_status(obj, {"billing_mode": given})
    mode, wanted = obj["billing_mode"], given.get("flexible", {}).get("proration_discounts", "included")
    itemized = (mode["flexible"] or {}).get("proration_discounts") == "itemized"
    if given["type"] != "flexible" or (itemized and wanted != "itemized"):
        raise invalid("A subscription cannot be migrated back.", param="billing_mode[type]")
    set_billing_mode(obj, given)
    obj["billing_mode"]["updated_at"] = call.now
    return standing.keep(call, obj)


@route(
    "POST",
    "/v1/subscriptions/{subscription}/resume",
    {
        "billing_cycle_anchor": ANCHOR,
        "payment_behavior": enum("resume_on_payment_attempt", "resume_on_payment_success"),
        "proration_behavior": PRORATION_BEHAVIOR,
        "proration_date": not_emulated,
    },
)
def resume(call: Call, subscription: str) -> Object:
    """Start a paused subscription again."""
    return subscribing.resume(call, store.get(call, "subscription", subscription), call.params)


@expandable("customer", "subscriptions")
def of_customer(call: Call, customer: Object) -> Object:
    """Return a customer's subscriptions that have not ended."""
    running = store.query(call, "subscription", customer=customer["id"], status=set(_STATUSES) - standing.ENDED)
    first = list(running)
    url = f"/v1/customers/{customer['id']}/subscriptions"
    return store.envelope(first[:10], url, len(first) > 10)


def _change(call: Call, subscription: Object) -> None:
    """Take over everything that neither costs nor ends anything."""
    given = call.params
    if "default_payment_method" in given:
        charging.check_attached(call, given["default_payment_method"], subscription["customer"])
    if given.get("default_source"):
        sources.check_own(call, given["default_source"], subscription["customer"])
    if "default_tax_rates" in given:
        subscription["default_tax_rates"] = taxes.rates(call, given["default_tax_rates"], "default_tax_rates")
    store.update(subscription, given, *_PLAIN)
    subscription["payment_settings"] |= given.get("payment_settings", {})
    subscription["trial_settings"]["end_behavior"] |= given.get("trial_settings", {}).get("end_behavior", {})
    if "pause_collection" in given:
        paused = given["pause_collection"]
        subscription["pause_collection"] = paused and {"resumes_at": None, **paused}
    if subscription["collection_method"] == "send_invoice" and subscription["days_until_due"] is None:
        raise invalid(
            "You must pass `days_until_due` when `collection_method` is set to `send_invoice`.", param="days_until_due"
        )


def check_currency(call: Call, subscription: Object) -> None:
    """Raise where the customer is already billed in another currency."""
    theirs = store.query(call, "subscription", customer=subscription["customer"])
    for other in theirs:
        if other["status"] not in standing.ENDED and other["currency"] != subscription["currency"]:
            raise invalid(
                "You cannot combine currencies on a single customer. This customer has an active subscription, "
                f"subscription schedule, discount, quote, or invoice item with currency {other['currency']}",
                param="currency",
            )


def set_billing_mode(subscription: Object, given: Object) -> None:
    """Take over the parameter `billing_mode`."""
    flexible = {"proration_discounts": "included", **given.get("flexible", {})}
    subscription["billing_mode"] = {"flexible": None if given["type"] == "classic" else flexible, "type": given["type"]}
