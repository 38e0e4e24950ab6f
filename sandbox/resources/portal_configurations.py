"""Configurations of the customer portal: what customers may see and change there by themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sandbox import links, store
from sandbox.kernel import Call, Object, StripeError, expandable, invalid, new_id, refers, route
from sandbox.params import (
    PAGING,
    Integer,
    Kind,
    String,
    boolean,
    clearable,
    enum,
    metadata,
    not_emulated,
    required,
    string,
)

KIND = "billing_portal.configuration"
UPDATES = ("address", "email", "name", "phone", "shipping", "tax_id")
REASONS = (
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
    "too_expensive", "unused",
)  # fmt: skip
_PRORATION = enum("always_invoice", "create_prorations", "none")
_MOST_PRODUCTS = 10


class Url(Kind):
    """An absolute web address."""

    def read(self, value: Any, name: str) -> str:
        text = self.text(value, name)
        if not text.startswith(("http://", "https://")) or " " in text or not text.split("://", 1)[1]:
            raise invalid("Not a valid URL", param=name, code="url_invalid")
        return text


url = Url()


def absent(param: str) -> StripeError:
    """Return the 400 for a parameter that others of the same request make necessary."""
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def _features(must: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the parameters of `features`; `must` marks what has to come with a new configuration."""
    product = {
        "adjustable_quantity": {
            "enabled": required(boolean),
            "maximum": Integer(1, 999_999),
            "minimum": Integer(0, 999_999),
        },
        "prices": required([string]),
        "product": required(string),
    }
    return {
        "customer_update": {"allowed_updates": clearable([enum(*UPDATES)]), "enabled": must(boolean)},
        "invoice_history": {"enabled": must(boolean)},
        "payment_method_update": {"enabled": must(boolean), "payment_method_configuration": clearable(not_emulated)},
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": required(boolean),
                "feedback_options": clearable(not_emulated),
                "options": must(clearable([enum(*REASONS)])),
            },
            "enabled": must(boolean),
            "mode": enum("at_period_end", "immediately"),
            "proration_behavior": _PRORATION,
        },
        "subscription_pause": {
            "duration": {
                "interval_options": clearable(
                    [{"interval": required(enum("day", "month", "week", "year")), "interval_count": Integer(1, 1095)}]
                ),
                "type": required(enum("indefinite", "interval_options")),
            },
            "enabled": boolean,
        },
        "subscription_update": {
            "billing_cycle_anchor": enum("now", "unchanged"),
            "default_allowed_updates": clearable([enum("price", "promotion_code", "quantity")]),
            "enabled": must(boolean),
            "products": clearable([product]),
            "proration_behavior": _PRORATION,
            "schedule_at_period_end": {
                "conditions": clearable([{"type": required(enum("decreasing_item_amount", "shortening_interval"))}])
            },
            "trial_update_behavior": enum("continue_trial", "end_trial"),
        },
    }


_FIELDS = {
    "business_profile": {
        "headline": clearable(String(60)),
        "privacy_policy_url": clearable(url),
        "terms_of_service_url": clearable(url),
    },
    "default_return_url": clearable(url),
    "login_page": {"enabled": required(boolean)},
    "metadata": metadata,
    "name": clearable(String(500)),
}
# What a feature that a new configuration does not mention looks like.
_OFF: Object = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {
            "enabled": False,
            "feedback_options": None,
            "options": ["too_expensive", "missing_features", "switched_service", "unused", "other"],
        },
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [{"interval": "month", "interval_count": 1}], "type": "interval_options"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
# As the dashboard saves it the first time: everything that needs no list of products.
_DEFAULT: Object = {
    "customer_update": {"allowed_updates": ["name", "email", "address", "phone", "tax_id"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"cancellation_reason": {"enabled": True}, "enabled": True},
}


refers(KIND, {"application": "application"})


@route("POST", "/v1/billing_portal/configurations", {**_FIELDS, "features": required(_features(required))})
def create(call: Call) -> Object:
    """Create a configuration; features that are not mentioned are off."""
    default(call)  # is older than every other one
    obj = _blank(call)
    products = _change(call, obj, [])
    return store.insert(call, obj, f"{KIND}.created", products=products)


@route("GET", "/v1/billing_portal/configurations", {**PAGING, "active": boolean, "is_default": boolean})
def list_all(call: Call) -> Object:
    """List configurations."""
    default(call)
    filters = {name: call.params.get(name) for name in ("active", "is_default")}
    return store.page(call, KIND, "/v1/billing_portal/configurations", **filters)


@route("GET", "/v1/billing_portal/configurations/{configuration}")
def retrieve(call: Call, configuration: str) -> Object:
    """Return a configuration."""
    return store.get(call, KIND, configuration, "configuration")


@route(
    "POST",
    "/v1/billing_portal/configurations/{configuration}",
    {**_FIELDS, "active": boolean, "features": _features(lambda kind: kind)},
)
def update(call: Call, configuration: str) -> Object:
    """Change a configuration; what is not mentioned stays, lists are replaced."""
    obj = store.get(call, KIND, configuration, "configuration")
    if obj["is_default"] and call.params.get("active") is False:
        raise invalid("You cannot deactivate the default configuration.", param="active")
    products = _change(call, obj, products_of(call, obj))
    store.set_private(call, obj, products=products)
    return store.save(call, obj | {"updated": call.now}, f"{KIND}.updated")


@expandable(KIND, "features.subscription_update.products")
def products_of(call: Call, configuration: Object) -> list[Object]:
    """Return the products that a subscription can be changed to; Stripe shows them on demand only."""
    products: list[Object] = store.private(call, configuration)["products"]
    return products


def default(call: Call) -> Object:
    """Return the account's default configuration, which is made when it is first needed."""
    known = next(store.query(call, KIND, is_default=True), None)
    if known is not None:
        return known
    with call.account.exclusively():
        always = min(call.account.created, call.now)
        first = _blank(call) | {"created": always, "is_default": True, "updated": always}
        _merge(first["features"], _DEFAULT)
        return next(store.query(call, KIND, is_default=True), None) or store.insert(call, first, products=[])


def _blank(call: Call) -> Object:
    return {
        "id": new_id(call, "bpc"),
        "object": KIND,
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": call.now,
        "default_return_url": None,
        "features": copy.deepcopy(_OFF),
        "is_default": False,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": call.now,
    }


def _change(call: Call, obj: Object, products: list[Object]) -> list[Object]:
    """Take over the request's parameters and return the products afterwards; raises where they do not fit together."""
    given = call.params
    store.update(obj, given, "active", "default_return_url", "metadata", "name")
    obj["business_profile"] |= given.get("business_profile", {})
    features = copy.deepcopy(given.get("features", {}))
    listed = features.get("subscription_update", {}).pop("products", ...)
    _merge(obj["features"], features)
    for option in obj["features"]["subscription_pause"]["duration"]["interval_options"]:
        option.setdefault("interval_count", 1)
    if listed is not ...:
        products = [_product(call, place, product) for place, product in enumerate(listed or [])]
    _check(obj["features"], products)
    if "login_page" in given:
        enabled = given["login_page"]["enabled"]
        obj["login_page"] = {"enabled": enabled, "url": links.url(call, "p/login", obj) if enabled else None}
    return products


def _merge(features: Object, given: Object) -> None:
    """Write what was given over the features, hash by hash; an unset list is empty."""
    for key, value in given.items():
        if isinstance(value, dict):
            _merge(features[key], value)
        else:
            features[key] = [] if value is None and isinstance(features[key], list) else value


def _product(call: Call, place: int, given: Object) -> Object:
    """Return one of `products` whole, after looking its prices up."""
    at = f"features[subscription_update][products][{place}]"
    product = store.get(call, "product", given["product"], f"{at}[product]")
    prices = [store.get(call, "price", id, f"{at}[prices][{n}]") for n, id in enumerate(given["prices"])]
    for n, price in enumerate(prices):
        if price["product"] != product["id"]:
            message = f"The price {price['id']} does not belong to the product {product['id']}."
            raise invalid(message, param=f"{at}[prices][{n}]")
        if price["type"] != "recurring":
            raise invalid(f"The price {price['id']} is not recurring.", param=f"{at}[prices][{n}]")
    intervals = {(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices}
    if len(intervals) < len(prices):
        raise invalid("For each product, its price must have unique billing intervals.", param=f"{at}[prices]")
    quantity = {"enabled": True, "maximum": None, "minimum": 1, **given.get("adjustable_quantity", {})}
    if quantity["maximum"] is not None and quantity["maximum"] < quantity["minimum"]:
        raise invalid("`maximum` must not be less than `minimum`.", param=f"{at}[adjustable_quantity][maximum]")
    return {"adjustable_quantity": quantity, "prices": given["prices"], "product": product["id"]}


def _check(features: Object, products: list[Object]) -> None:
    changing, canceling = features["subscription_update"], features["subscription_cancel"]
    pausing = features["subscription_pause"]["duration"]
    if changing["enabled"] and not products:
        name = "features[subscription_update][products]"
        raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    if len(products) > _MOST_PRODUCTS:
        raise invalid(
            f"You can list at most {_MOST_PRODUCTS} products.", param="features[subscription_update][products]"
        )
    if changing["enabled"] and not features["payment_method_update"]["enabled"]:
        raise invalid("Cannot enable subscription updates while payment method update is disabled.")
    refused = {"always_invoice"} if canceling["mode"] == "immediately" else {"always_invoice", "create_prorations"}
    if canceling["proration_behavior"] in refused:
        raise invalid(
            f"`{canceling['proration_behavior']}` cannot be combined with `mode={canceling['mode']}`.",
            param="features[subscription_cancel][proration_behavior]",
        )
    if pausing["type"] == "interval_options" and not pausing["interval_options"]:
        raise absent("features[subscription_pause][duration][interval_options]")
