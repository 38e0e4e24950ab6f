"""Sessions of the customer portal: a link for one customer that works for a short while."""

from __future__ import annotations

from typing import Any

from sandbox import clock, links, store
from sandbox.kernel import Call, Object, StripeError, invalid, missing, new_id, refers, route
from sandbox.params import Integer, String, enum, not_emulated, required, string, timestamp
from sandbox.portal import rules
from sandbox.resources import portal_configurations
from sandbox.resources.portal_configurations import absent, url

KIND = "billing_portal.session"
LOCALES = (
    "auto bg cs da de el en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG es es-419 et fi fil fr fr-CA hr hu id it ja ko "
    "lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
).split()
_FLOWS = (
    "customer_update", "payment_method_update", "subscription_cancel", "subscription_pause", "subscription_update",
    "subscription_update_confirm",
)  # fmt: skip
_OF_A_SUBSCRIPTION = [flow for flow in _FLOWS if flow.startswith("subscription")]
_RETENTION = {"coupon_offer": required({"coupon": required(string)}), "type": required(enum("coupon_offer"))}
_ITEM = {"id": required(string), "price": string, "quantity": Integer(0, 999_999)}

refers(KIND, {"configuration": portal_configurations.KIND})


@route(
    "POST",
    "/v1/billing_portal/sessions",
    {
        "after_expiration": {"customer_login": {"expires_at": timestamp}, "type": required(enum("customer_login"))},
        "configuration": string,
        "customer": required(string),
        "customer_account": not_emulated,
        "flow_data": {
            "after_completion": {
                "hosted_confirmation": {"custom_message": String(500)},
                "redirect": {"return_url": required(url)},
                "type": required(enum("hosted_confirmation", "portal_homepage", "redirect")),
            },
            "subscription_cancel": {"retention": _RETENTION, "subscription": required(string)},
            "subscription_pause": {"subscription": required(string)},
            "subscription_update": {"subscription": required(string)},
            "subscription_update_confirm": {
                "discounts": [{"coupon": string, "promotion_code": string}],
                "items": required([_ITEM]),
                "subscription": required(string),
            },
            "type": required(enum(*_FLOWS)),
        },
        "locale": enum(*LOCALES),
        "on_behalf_of": not_emulated,
        "return_url": url,
    },
)
def create(call: Call) -> Object:
    """Open the portal to a customer, at its home or at one flow."""
    given = call.params
    customer = store.get(call, "customer", given["customer"], "customer")
    configuration = _configuration(call, given.get("configuration"))
    flow = _flow(call, configuration, customer, given["flow_data"]) if "flow_data" in given else None
    session: Object = {
        "id": new_id(call, "bps"),
        "object": KIND,
        "after_expiration": _after_expiration(call, given.get("after_expiration")),
        "configuration": configuration["id"],
        "created": call.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": flow,
        "livemode": False,
        "locale": given.get("locale"),
        "on_behalf_of": None,
        "return_url": given.get("return_url", configuration["default_return_url"]),
    }
    session["url"] = links.url(call, "p/session", session) + ("flow/" if flow else "")
    return store.insert(call, session, f"{KIND}.created", made=clock.now(call.account))


def _configuration(call: Call, id: str | None) -> Object:
    if id is None:
        return portal_configurations.default(call)
    configuration = store.get(call, portal_configurations.KIND, id, "configuration")
    if not configuration["active"]:
        raise invalid(f"The configuration {id} is not active.", param="configuration")
    return configuration


def _after_expiration(call: Call, given: Object | None) -> Object | None:
    if given is None:
        return None
    until = given.get("customer_login", {}).get("expires_at")
    if until is not None and until <= call.now:
        raise invalid(
            "Invalid timestamp: it must be in the future.", param="after_expiration[customer_login][expires_at]"
        )
    return {"customer_login": {"expires_at": until}, "type": "customer_login"}


def _flow(call: Call, configuration: Object, customer: Object, given: Object) -> Object:
    """Return the session's `flow` after checking that the configuration and the subscription allow it."""
    kind, completed = given["type"], given.get("after_completion", {"type": "portal_homepage"})
    for other in _OF_A_SUBSCRIPTION:
        if (other == kind) == (other in given):
            continue
        name = f"flow_data[{other}]"
        if other == kind:
            raise absent(name)
        raise invalid(f"`{name}` can only be passed when `flow_data[type]` is `{other}`.", param=name)
    flow = dict.fromkeys((*_OF_A_SUBSCRIPTION, "customer_update")) | {
        "after_completion": _after_completion(completed),
        "type": kind,
    }
    if kind in _OF_A_SUBSCRIPTION:
        flow[kind] = _DETAILS[kind](call, configuration, _subscription(call, customer, given[kind], kind), given[kind])
    else:
        _check_enabled(configuration["features"], kind)
        flow["customer_update"] = {} if kind == "customer_update" else None
    return flow


def _after_completion(given: Object) -> Object:
    kind = given["type"]
    if kind == "redirect" and "redirect" not in given:
        raise absent("flow_data[after_completion][redirect]")
    message = given.get("hosted_confirmation", {}).get("custom_message")
    return {
        "hosted_confirmation": {"custom_message": message} if kind == "hosted_confirmation" else None,
        "redirect": given["redirect"] if kind == "redirect" else None,
        "type": kind,
    }


def _check_enabled(features: Object, kind: str) -> None:
    if not features[kind]["enabled"]:
        words = kind.replace("_", " ")
        raise invalid(
            f"This flow cannot be used because the {words} feature in the portal configuration is disabled.",
            param="flow_data[type]",
        )


def _subscription(call: Call, customer: Object, given: Object, kind: str) -> Object:
    param = f"flow_data[{kind}][subscription]"
    subscription = store.get(call, "subscription", given["subscription"], param)
    if subscription["customer"] != customer["id"]:
        raise missing("subscription", given["subscription"], param)
    return subscription


def _refuse(why: str | None, kind: str) -> None:
    if why is not None:
        raise invalid(why, param=f"flow_data[{kind}][subscription]")


def _cancel(call: Call, configuration: Object, subscription: Object, given: Object) -> Object:
    _refuse(rules.why_not_cancel(configuration["features"], subscription), "subscription_cancel")
    retention = given.get("retention")
    if retention:
        at = "flow_data[subscription_cancel][retention][coupon_offer][coupon]"
        store.get(call, "coupon", retention["coupon_offer"]["coupon"], at)
    return {"retention": retention, "subscription": subscription["id"]}


def _pause(call: Call, configuration: Object, subscription: Object, given: Object) -> Object:
    _refuse(rules.why_not_pause(configuration["features"], subscription), "subscription_pause")
    return {"subscription": subscription["id"]}


def _update(call: Call, configuration: Object, subscription: Object, given: Object) -> Object:
    _refuse(rules.why_not_update(configuration["features"], subscription), "subscription_update")
    return {"subscription": subscription["id"]}


def _update_confirm(call: Call, configuration: Object, subscription: Object, given: Object) -> Object:
    kind, features = "subscription_update_confirm", configuration["features"]
    _refuse(rules.why_not_update(features, subscription), kind)
    (present,) = subscription["items"]["data"]
    if len(given["items"]) != 1:
        raise invalid("You must pass exactly one item.", param=f"flow_data[{kind}][items]")
    (item,) = given["items"]
    if item["id"] != present["id"]:
        raise missing("subscription_item", item["id"], f"flow_data[{kind}][items][0][id]")
    price = item.get("price", present["price"]["id"])
    store.get(call, "price", price, f"flow_data[{kind}][items][0][price]")
    products = portal_configurations.products_of(call, configuration)
    offered = {offer.price: offer for offer in rules.offers(features, products, subscription)}
    if price not in offered:
        raise invalid(
            f"The item `{item['id']}` cannot be updated to price `{price}` because the configuration "
            f"`{configuration['id']}` does not include the price in its `features[subscription_update][products]`.",
            param=f"flow_data[{kind}][items][0][price]",
        )
    quantity = item.get("quantity", present["quantity"])
    if (price, quantity) == (present["price"]["id"], present["quantity"]):
        raise invalid("Cannot update the subscription because there are no changes to confirm.")
    if quantity != present["quantity"] and not (offered[price].quantity["enabled"] and offered[price].takes(quantity)):
        raise _quantity(item["id"], quantity, configuration["id"])
    return {
        "discounts": _discounts(call, given["discounts"]) if "discounts" in given else None,
        "items": [{"id": item["id"], "price": price, "quantity": quantity}],
        "subscription": subscription["id"],
    }


def _discounts(call: Call, given: list[Object]) -> list[Object]:
    at = "flow_data[subscription_update_confirm][discounts]"
    if len(given) > 1:
        raise invalid("You can pass at most one discount.", param=at)
    for kind, id in [entry for each in given for entry in each.items()]:
        store.get(call, kind, id, f"{at}[0][{kind}]")
    return [{"coupon": None, "promotion_code": None, **each} for each in given]


def _quantity(item: str, quantity: int, configuration: str) -> StripeError:
    return invalid(
        f"The item `{item}` cannot be updated to quantity `{quantity}` because the configuration `{configuration}` "
        "does not allow it.",
        param="flow_data[subscription_update_confirm][items][0][quantity]",
    )


_DETAILS: dict[str, Any] = {
    "subscription_cancel": _cancel,
    "subscription_pause": _pause,
    "subscription_update": _update,
    "subscription_update_confirm": _update_confirm,
}
