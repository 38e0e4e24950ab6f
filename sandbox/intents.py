"""What setup intents and payment intents have in common: parameters, client secrets, payment methods, states."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from sandbox import store
from sandbox.kernel import Call, Object, StripeError, invalid, new_id, new_secret
from sandbox.params import Kind, boolean, clearable, enum, not_emulated, required, string, timestamp
from sandbox.resources import payment_methods

_AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)
_REDIRECTS = (
    "This {name} is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
    "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to "
    "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)
NAMES = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


class _NoLongerSupported(Kind):
    """`payment_method_types`, which the pinned API version reads but does not take any more."""

    def read(self, value: Any, name: str) -> Any:
        raise invalid(
            f"The parameter `{name}` is no longer supported. Use `automatic_payment_methods`, "
            "`payment_method_configuration` or `allowed_payment_method_types` instead.",
            param=name,
            code="payment_method_types_no_longer_supported",
        )


_CUSTOMER_ACCEPTANCE = {
    "accepted_at": timestamp,
    "offline": {},
    "online": {"infer_from_client": boolean, "ip_address": string, "user_agent": string},
    "type": required(enum("offline", "online")),
}
_CARD_OPTIONS = {
    "cvc_token": string,
    "mandate_options": not_emulated,
    "moto": boolean,
    "network": string,
    "request_three_d_secure": enum("any", "automatic", "challenge"),
    "setup_future_usage": clearable(enum("none", "off_session", "on_session")),
    "three_d_secure": not_emulated,
}
# Parameters of both, at creation and at update.
SHARED = {
    "allowed_payment_method_types": [string],
    "customer": string,
    "customer_account": not_emulated,
    "description": clearable(string),
    "excluded_payment_method_types": clearable([string]),
    "on_behalf_of": not_emulated,
    "payment_method": string,
    "payment_method_configuration": string,
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": {"card": clearable(_CARD_OPTIONS), "link": not_emulated},
    "payment_method_types": _NoLongerSupported(),
}
CREATE = {
    "automatic_payment_methods": {"allow_redirects": enum("always", "never"), "enabled": required(boolean)},
    "confirm": boolean,
    "confirmation_token": not_emulated,
    "mandate_data": clearable({"customer_acceptance": required(_CUSTOMER_ACCEPTANCE)}),
    "return_url": string,
    "use_stripe_sdk": boolean,
}
CONFIRM = {
    "client_secret": string,
    "confirmation_token": not_emulated,
    "key": string,
    "mandate": string,
    "mandate_data": CREATE["mandate_data"],
    "payment_method": string,
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": SHARED["payment_method_options"],
    "payment_method_types": _NoLongerSupported(),
    "return_url": string,
    "use_stripe_sdk": boolean,
}
RETRIEVE = {"client_secret": string, "key": string}


def blank(call: Call, prefix: str, kind: str) -> Object:
    """Return the fields that every new intent starts with."""
    id = new_id(call, prefix)
    given = call.params
    return {
        "id": id,
        "object": kind,
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "application": None,
        "automatic_payment_methods": _automatic(given),
        "cancellation_reason": None,
        "client_secret": new_secret(call, f"{id}_secret_", 25),
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": _configured(call),
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
    }


def _configured(call: Call) -> Object | None:
    """Return which configuration the request names; raises missing() where there is none."""
    id = call.params.get("payment_method_configuration")
    if id is None:
        return None
    store.get(call, "payment_method_configuration", id, "payment_method_configuration")
    return {"id": id, "parent": None}


def _automatic(given: Object) -> Object | None:
    """Return how payment methods are chosen: by Stripe, unless a configuration or a list was named."""
    chosen = given.get("automatic_payment_methods")
    others = [key for key in ("allowed_payment_method_types", "payment_method_configuration") if key in given]
    if chosen and others:
        raise invalid(f"You may only specify one of these parameters: automatic_payment_methods, {others[0]}.")
    if chosen is None:
        return None if others else {"allow_redirects": "always", "enabled": True}
    return {"allow_redirects": chosen.get("allow_redirects", "always"), "enabled": chosen["enabled"]}


def change(call: Call, intent: Object, *keys: str) -> None:
    """Take over the parameters that both kinds of intent share, and `keys`."""
    given = call.params
    if given.get("customer"):
        intent["customer"] = store.get(call, "customer", given["customer"], "customer")["id"]
    store.update(intent, given, "description", "excluded_payment_method_types", "metadata", *keys)
    intent["payment_method_options"]["card"].update((given.get("payment_method_options") or {}).get("card") or {})
    payment_method = given_payment_method(call, intent)
    if payment_method is not None:
        intent["payment_method"] = payment_method["id"]
        if intent["status"] == "requires_payment_method":
            intent["status"] = "requires_confirmation"


def fetch(call: Call, kind: str, id: str) -> Object:
    """Return an intent; a browser has to know its client secret."""
    intent = store.get(call, kind, id, "intent")
    secret = call.params.get("client_secret")
    if call.publishable and secret is None:
        raise invalid("Missing required param: client_secret.", param="client_secret", code="parameter_missing")
    if secret is not None and not secrets.compare_digest(secret, intent["client_secret"]):
        raise invalid(
            f"The client_secret provided does not match the client_secret associated with the {NAMES[kind]}.",
            param="client_secret",
            code=f"{kind}_invalid_parameter",
        )
    return intent


def given_payment_method(call: Call, intent: Object) -> Object | None:
    """Return the payment method that this request brings, by id, alias or data, after checking whose it is."""
    given = call.params
    if data := given.get("payment_method_data"):
        return payment_methods.create_from(call, data)
    if id := given.get("payment_method"):
        return usable(call, payment_methods.resolve(call, id), intent)
    return None


def usable(call: Call, payment_method: Object, intent: Object) -> Object:
    """Return the payment method where this intent may use it: its own customer's, or nobody's and not used before."""
    owner = payment_method["customer"]
    name = NAMES[intent["object"]]
    if owner is not None and owner != intent["customer"]:
        raise invalid(
            f"The payment method {payment_method['id']} belongs to the Customer {owner}. Please include the Customer "
            f"in the `customer` parameter on the {name}.",
            param="payment_method",
        )
    if owner is None and store.private(call, payment_method).get("spent"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be used "
            "again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
        )
    return payment_method


def require_return_url(call: Call, intent: Object) -> None:
    """Raise where Stripe would: a confirmation by a server that rules out no redirects and names no way back."""
    automatic = intent["automatic_payment_methods"] or {"enabled": False}
    redirects = automatic["enabled"] and automatic["allow_redirects"] == "always"
    given = call.params
    if redirects and not (call.publishable or given.get("use_stripe_sdk") or given.get("return_url")):
        raise invalid(_REDIRECTS.format(name=NAMES[intent["object"]]))


def require_payment_method(call: Call, intent: Object) -> Object:
    """Return the payment method to confirm with: the one given now, or the one the intent has."""
    payment_method = given_payment_method(call, intent)
    if payment_method is None and intent["payment_method"]:
        payment_method = store.get(call, "payment_method", intent["payment_method"], "payment_method")
    if payment_method is None:
        name = NAMES[intent["object"]]
        raise unexpected_state(
            intent,
            f"You cannot confirm this {name} because it's missing a payment method. You can either update the {name} "
            "with a payment method and then confirm it again, or confirm it again directly with a payment method or "
            "ConfirmationToken.",
        )
    return usable(call, payment_method, intent)


def unexpected_state(intent: Object, message: str) -> StripeError:
    """Return the 400 for what an intent's status does not allow; it carries the intent."""
    kind = intent["object"]
    error = invalid(message, code=f"{kind}_unexpected_state")
    error.body[kind] = intent
    return error


def refuse(intent: Object, verb: str, allowed: set[str]) -> None:
    """Raise unexpected_state() unless the intent's status is one in which it can be `verb`ed."""
    status, name = intent["status"], NAMES[intent["object"]]
    if status in allowed:
        return
    if status == "succeeded" and verb == "confirm":
        why = "it has already succeeded after being previously confirmed."
    else:
        why = f"it has a status of {status}."
        if allowed:
            why += (
                f" Only a {name} with one of the following statuses may be {_DONE[verb]}: {', '.join(sorted(allowed))}."
            )
    raise unexpected_state(intent, f"You cannot {verb} this {name} because {why}")


def refuse_checkouts(call: Call, intent: Object, verb: str) -> None:
    """Raise where an intent is a Checkout session's: its page alone confirms it, and its expiry cancels it."""
    if store.private(call, intent).get("checkout_session"):
        raise invalid(
            f"You cannot {verb} this {NAMES[intent['object']]} because it was created by a Checkout Session. To cancel "
            "it, expire the Checkout Session."
        )


_DONE = {"cancel": "canceled", "capture": "captured", "confirm": "confirmed", "update": "updated"}


def unless_declined(call: Call, intent: Object, settle: Callable[[], Object]) -> Object:
    """Return what `settle` returns, or, where the bank declines after all, the intent with its last error."""
    try:
        return settle()
    except StripeError as error:
        if not error.keep:
            raise
        return store.get(call, intent["object"], intent["id"])


def authentication_failure(intent: Object, payment_method: Object) -> Object:
    """Return the last error of an intent whose customer did not pass 3-D Secure."""
    error = invalid(_AUTHENTICATION_FAILED, code=f"{intent['object']}_authentication_failure")
    return {**error.body, "payment_method": payment_method}


def wants_three_d_secure(intent: Object) -> bool:
    """Tell whether the merchant insists on 3-D Secure although the card does not."""
    return (intent["payment_method_options"] or {}).get("card", {}).get("request_three_d_secure") in {
        "any",
        "challenge",
    }
