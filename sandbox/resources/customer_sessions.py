"""Customer sessions: what lets stripe.js show and keep a customer's saved cards. They are not stored, nor used yet."""

from __future__ import annotations

import copy

from sandbox import store
from sandbox.kernel import Call, Object, invalid, new_secret, refers, route
from sandbox.params import Integer, boolean, enum, not_emulated, required, string

_MINUTE = 60
_LIFE = 30 * _MINUTE
_REDISPLAY = [enum("always", "limited", "unspecified")]
_SWITCH = enum("disabled", "enabled")
_SHEET = {"payment_method_allow_redisplay_filters": _REDISPLAY, "payment_method_remove": _SWITCH}
_ELEMENT = {**_SHEET, "payment_method_redisplay": _SWITCH, "payment_method_save": _SWITCH}
_MOBILE = {**_ELEMENT, "payment_method_save_allow_redisplay_override": enum("always", "limited", "unspecified")}
_WEB = {
    **_ELEMENT,
    "payment_method_redisplay_limit": Integer(1, 10),
    "payment_method_save_usage": enum("off_session", "on_session"),
}
_FEATURES = {"customer_sheet": _SHEET, "mobile_payment_element": _MOBILE, "payment_element": _WEB}
_PLAIN = ("active_entitlements", "buy_button", "customer_portal", "pricing_table")
# What a component's features are where the request enables it and does not say.
_DEFAULTS: Object = {
    "customer_sheet": {"payment_method_allow_redisplay_filters": ["always"], "payment_method_remove": "disabled"},
    "mobile_payment_element": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_redisplay": "disabled",
        "payment_method_remove": "disabled",
        "payment_method_save": "disabled",
        "payment_method_save_allow_redisplay_override": None,
    },
    "payment_element": {
        "payment_method_allow_redisplay_filters": ["always"],
        "payment_method_redisplay": "disabled",
        "payment_method_redisplay_limit": 3,
        "payment_method_remove": "disabled",
        "payment_method_save": "disabled",
        "payment_method_save_usage": None,
    },
}

refers("customer_session", {"customer": "customer"})


@route(
    "POST",
    "/v1/customer_sessions",
    {
        "components": required(
            {name: {"enabled": required(boolean)} for name in _PLAIN}
            | {name: {"enabled": required(boolean), "features": known} for name, known in _FEATURES.items()}
        ),
        "customer": required(string),
        "customer_account": not_emulated,
    },
)
def create(call: Call) -> Object:
    """Answer a customer session; its secret is good for half an hour."""
    given = call.params["components"]
    customer = store.get(call, "customer", call.params["customer"], "customer")
    if not any(component["enabled"] for component in given.values()):
        raise invalid("At least one component must be enabled.", param="components")
    return {
        "object": "customer_session",
        "client_secret": new_secret(call, "cuss_secret_", 40),
        "components": {name: _component(name, given.get(name, {"enabled": False})) for name in (*_PLAIN, *_FEATURES)},
        "created": call.now,
        "customer": customer["id"],
        "customer_account": None,
        "expires_at": call.now + _LIFE,
        "livemode": False,
    }


def _component(name: str, given: Object) -> Object:
    if name in _PLAIN:
        return {"enabled": given["enabled"]}
    if not given["enabled"]:
        return {"enabled": False, "features": None}
    return {"enabled": True, "features": copy.deepcopy(_DEFAULTS[name]) | given.get("features", {})}
