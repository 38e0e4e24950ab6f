"""Setup intents: a bank's consent to charge a card later, and the attempts to get it."""

from __future__ import annotations

from typing import Any

from sandbox import challenges, intents, store
from sandbox.cards import Decline
from sandbox.kernel import Call, Object, new_id, refers, route
from sandbox.params import enum, listing, metadata, not_emulated, required, string
from sandbox.resources import charges, payment_methods

refers(
    "setup_intent",
    {
        "customer": "customer",
        "last_setup_error.payment_method": "payment_method",
        "latest_attempt": "setup_attempt",
        "payment_method": "payment_method",
    },
)
refers("setup_attempt", {"customer": "customer", "payment_method": "payment_method", "setup_intent": "setup_intent"})

_CONFIRMABLE = {"requires_action", "requires_confirmation", "requires_payment_method"}


@route(
    "POST",
    "/v1/setup_intents",
    {
        **intents.SHARED,
        **intents.CREATE,
        "attach_to_self": not_emulated,
        "flow_directions": not_emulated,
        "metadata": metadata,
        "single_use": not_emulated,
        "usage": enum("off_session", "on_session"),
    },
)
def create(call: Call) -> Object:
    """Create a setup intent and, with `confirm`, ask the bank at once."""
    intent = {**_blank(call), "usage": call.params.get("usage", "off_session")}
    intents.change(call, intent)
    if call.params.get("confirm"):
        intents.require_return_url(call, intent)
    store.insert(call, intent, "setup_intent.created")
    return confirm(call, intent) if call.params.get("confirm") else intent


@route(
    "GET",
    "/v1/setup_intents",
    listing(attach_to_self=not_emulated, customer=string, customer_account=not_emulated, payment_method=string),
)
def list_all(call: Call) -> Object:
    """List setup intents."""
    given = call.params
    by_method = {"payment_method": given["payment_method"]} if "payment_method" in given else {}
    return store.page(call, "setup_intent", "/v1/setup_intents", customer=given.get("customer"), **by_method)


@route("GET", "/v1/setup_intents/{intent}", intents.RETRIEVE, publishable=True)
def retrieve(call: Call, intent: str) -> Object:
    """Return a setup intent; a browser has to know its client secret."""
    return intents.fetch(call, "setup_intent", intent)


@route(
    "POST",
    "/v1/setup_intents/{intent}",
    {**intents.SHARED, "attach_to_self": not_emulated, "flow_directions": not_emulated, "metadata": metadata},
)
def update(call: Call, intent: str) -> Object:
    """Change a setup intent that has not succeeded."""
    obj = store.get(call, "setup_intent", intent, "intent")
    if {"customer", "payment_method"} & set(call.params):
        intents.refuse(obj, "update", _CONFIRMABLE)
    intents.change(call, obj)
    return store.save(call, obj)


@route("POST", "/v1/setup_intents/{intent}/confirm", intents.CONFIRM, publishable=True)
def confirm_route(call: Call, intent: str) -> Object:
    """Ask the bank; a refusal answers 402 and leaves its trace, 3-D Secure answers `requires_action`."""
    obj = intents.fetch(call, "setup_intent", intent)
    intents.refuse_checkouts(call, obj, "confirm")
    intents.refuse(obj, "confirm", _CONFIRMABLE)
    intents.require_return_url(call, obj)
    options = (call.params.get("payment_method_options") or {}).get("card") or {}
    obj["payment_method_options"]["card"].update(options)
    return confirm(call, obj)


@route(
    "POST",
    "/v1/setup_intents/{intent}/cancel",
    {"cancellation_reason": enum("abandoned", "duplicate", "requested_by_customer")},
)
def cancel_route(call: Call, intent: str) -> Object:
    """Cancel a setup intent that has not succeeded."""
    obj = store.get(call, "setup_intent", intent, "intent")
    intents.refuse_checkouts(call, obj, "cancel")
    return cancel(call, obj, call.params.get("cancellation_reason"))


@route("GET", "/v1/setup_attempts", listing(setup_intent=required(string)))
def list_attempts(call: Call) -> Object:
    """List the attempts of one setup intent."""
    intent = store.get(call, "setup_intent", call.params["setup_intent"], "setup_intent")
    return store.page(call, "setup_attempt", "/v1/setup_attempts", parent=intent["id"])


def make(call: Call, **fields: Any) -> Object:
    """Store the setup intent of a subscription and emit its event; `fields` are keys of the object."""
    return store.insert(call, {**_blank(call), "automatic_payment_methods": None, **fields}, "setup_intent.created")


def _blank(call: Call) -> Object:
    nothing = (
        "flow_directions",
        "last_setup_error",
        "latest_attempt",
        "managed_payments",
        "mandate",
        "single_use_mandate",
    )
    return {
        **intents.blank(call, "seti", "setup_intent"),
        **dict.fromkeys(nothing),
        "status": "requires_payment_method",
        "usage": "off_session",
    }


@challenges.resumes("setup_intent")
def _after_challenge(call: Call, intent: Object, succeeded: bool) -> Object:
    payment_method = store.get(call, "payment_method", intent["payment_method"])
    if succeeded:
        return intents.unless_declined(call, intent, lambda: _settle(call, intent, payment_method, authenticated=True))
    error = intents.authentication_failure(intent, payment_method)
    return _failed(call, intent, payment_method, error)


def cancel(call: Call, intent: Object, reason: str | None) -> Object:
    """Cancel a setup intent that has not succeeded."""
    intents.refuse(intent, "cancel", _CONFIRMABLE)
    intent |= {"cancellation_reason": reason, "next_action": None, "status": "canceled"}
    return store.save(call, intent, "setup_intent.canceled")


def confirm(call: Call, intent: Object) -> Object:
    """Ask the bank with the call's `payment_method`, or the intent's, and return the intent as it is stored then.

    With `return_url` the customer is sent to the bank's page, otherwise stripe.js shows it. Raises a 402 StripeError
    with `keep` where the card is refused.
    """
    payment_method = intents.require_payment_method(call, intent)
    intent |= {"last_setup_error": None, "next_action": None, "payment_method": payment_method["id"]}
    knowledge, given = store.private(call, payment_method), call.params
    card = payment_methods.behind(knowledge)
    if card.asks in {"always", "unless_set_up"} or (intents.wants_three_d_secure(intent) and card.three_d_secure):
        url = given.get("return_url")
        use_stripe_sdk = given.get("use_stripe_sdk", call.publishable) or url is None
        intent["status"] = "requires_action"
        intent["next_action"] = challenges.issue(call, intent, use_stripe_sdk=use_stripe_sdk, return_url=url)
        intent["latest_attempt"] = _attempt(call, intent, payment_method, "requires_action")
        return store.save(call, intent, "setup_intent.requires_action")
    return _settle(call, intent, payment_method, authenticated=False)


def _settle(call: Call, intent: Object, payment_method: Object, *, authenticated: bool) -> Object:
    """Take the bank's word: save the card to the customer, or raise the refusal."""
    knowledge = store.private(call, payment_method)
    decline = payment_methods.behind(knowledge).declines("setup", knowledge["cvc"])
    if decline is not None:
        _refused(call, intent, payment_method, decline)
    if intent["customer"]:
        payment_methods.save_to(call, payment_method, intent["customer"])
    store.set_private(call, payment_method, set_up=True)
    intent["latest_attempt"] = _attempt(call, intent, payment_method, "succeeded", authenticated=authenticated)
    intent |= {"next_action": None, "status": "succeeded"}
    return store.save(call, intent, "setup_intent.succeeded")


def _refused(call: Call, intent: Object, payment_method: Object, decline: Decline) -> None:
    error = decline.error(keep=True, payment_method=payment_method)
    failed = _failed(call, intent, payment_method, dict(error.body))
    error.body["setup_intent"] = failed
    raise error


def _failed(call: Call, intent: Object, payment_method: Object, error: Object) -> Object:
    intent["latest_attempt"] = _attempt(call, intent, payment_method, "failed", error=error)
    intent |= {"last_setup_error": error, "next_action": None}
    intent |= {"payment_method": None, "status": "requires_payment_method"}
    return store.save(call, intent, "setup_intent.setup_failed")


def _attempt(
    call: Call,
    intent: Object,
    payment_method: Object,
    status: str,
    *,
    authenticated: bool = False,
    error: Object | None = None,
) -> str:
    """Store a setup attempt and return its id; the one that waited for 3-D Secure is brought to its end."""
    waiting = store.find(call, "setup_attempt", intent["latest_attempt"])
    if waiting is not None and waiting["status"] == "requires_action" and status != "requires_action":
        waiting |= {"setup_error": error, "status": status}
        if authenticated:
            result = {key: value for key, value in charges.THREE_D_SECURE.items() if key != "exemption_indicator"}
            waiting["payment_method_details"]["card"]["three_d_secure"] = result
        return str(store.save(call, waiting)["id"])
    card = payment_method["card"]
    copied = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "wallet")
    details = {**{key: card[key] for key in copied}, "network": card["brand"], "three_d_secure": None}
    attempt = {
        "id": new_id(call, "setatt"),
        "object": "setup_attempt",
        "application": None,
        "created": call.now,
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": False,
        "on_behalf_of": None,
        "payment_method": payment_method["id"],
        "payment_method_details": {"card": details, "type": "card"},
        "setup_error": error,
        "setup_intent": intent["id"],
        "status": status,
        "usage": intent["usage"],
    }
    return str(store.insert(call, attempt)["id"])
