"""Payment intents: from the wish to be paid to the charge that succeeded."""

from __future__ import annotations

from typing import Any

from sandbox import cards, challenges, intents, store
from sandbox.cards import Decline
from sandbox.engine import pricing
from sandbox.kernel import Call, Object, invalid, refers, route
from sandbox.params import (
    ADDRESS,
    Integer,
    String,
    amount,
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
)
from sandbox.resources import charges, payment_methods

refers(
    "payment_intent",
    {
        "customer": "customer",
        "last_payment_error.payment_method": "payment_method",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
)

SHIPPING = {
    "address": required(ADDRESS),
    "carrier": string,
    "name": required(string),
    "phone": string,
    "tracking_number": string,
}
_FIELDS = {
    **intents.SHARED,
    "amount_details": not_emulated,
    "application_fee_amount": not_emulated,
    "capture_method": enum("automatic", "automatic_async", "manual"),
    "metadata": metadata,
    "payment_details": not_emulated,
    "receipt_email": clearable(string),
    "setup_future_usage": clearable(enum("off_session", "on_session")),
    "shipping": clearable(SHIPPING),
    "statement_descriptor": clearable(String(22)),
    "statement_descriptor_suffix": clearable(String(22)),
    "transfer_data": not_emulated,
    "transfer_group": not_emulated,
}
_CONFIRM_TOO = {
    "error_on_requires_action": boolean,
    "off_session": either(boolean, enum("one_off", "recurring")),
    "radar_options": {"session": string},
}
_PLAIN = (
    "receipt_email", "setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix",
)  # fmt: skip
_CONFIRMABLE = {"requires_action", "requires_confirmation", "requires_payment_method"}


@route(
    "POST",
    "/v1/payment_intents",
    {
        **_FIELDS,
        **intents.CREATE,
        **_CONFIRM_TOO,
        "amount": required(amount),
        "confirmation_method": enum("automatic", "manual"),
        "currency": required(currency),
        "hooks": not_emulated,
        "mandate": not_emulated,
    },
)
def create(call: Call) -> Object:
    """Create a payment intent and, with `confirm`, try to charge at once."""
    given = call.params
    _check_amount(given["amount"], given["currency"])
    intent = blank(call, given["amount"], given["currency"])
    intent["capture_method"] = given.get("capture_method", "automatic_async")
    intent["confirmation_method"] = given.get("confirmation_method", "automatic")
    intents.change(call, intent, *_PLAIN)
    if given.get("confirm"):
        intents.require_return_url(call, intent)
    store.insert(call, intent, "payment_intent.created")
    return _confirm_as_asked(call, intent) if given.get("confirm") else intent


@route("GET", "/v1/payment_intents", listing(customer=string, customer_account=not_emulated))
def list_all(call: Call) -> Object:
    """List payment intents."""
    return store.page(call, "payment_intent", "/v1/payment_intents", customer=call.params.get("customer"))


@route("GET", "/v1/payment_intents/{intent}", intents.RETRIEVE, publishable=True)
def retrieve(call: Call, intent: str) -> Object:
    """Return a payment intent; a browser has to know its client secret."""
    return intents.fetch(call, "payment_intent", intent)


@route("POST", "/v1/payment_intents/{intent}", {**_FIELDS, "amount": amount, "currency": currency})
def update(call: Call, intent: str) -> Object:
    """Change a payment intent that has not been paid."""
    obj = intents.fetch(call, "payment_intent", intent)
    given = call.params
    if {"amount", "currency", "payment_method", "customer"} & set(given):
        intents.refuse(obj, "update", _CONFIRMABLE)
    store.update(obj, given, "amount", "currency", "capture_method")
    if "amount" in given or "currency" in given:
        _refuse_invoices(call, obj, "amount or currency")
        _check_amount(obj["amount"], obj["currency"])
    intents.change(call, obj, *_PLAIN)
    return store.save(call, obj)


@route(
    "POST",
    "/v1/payment_intents/{intent}/confirm",
    {
        **intents.CONFIRM,
        **_CONFIRM_TOO,
        "amount_details": not_emulated,
        "capture_method": enum("automatic", "automatic_async", "manual"),
        "expected_payment_method_type": string,
        "payment_details": not_emulated,
        "receipt_email": clearable(string),
        "setup_future_usage": clearable(enum("off_session", "on_session")),
        "shipping": clearable(SHIPPING),
    },
    publishable=True,
)
def confirm_route(call: Call, intent: str) -> Object:
    """Try to charge; a decline answers 402 and leaves its trace, 3-D Secure answers `requires_action`."""
    obj = intents.fetch(call, "payment_intent", intent)
    intents.refuse_checkouts(call, obj, "confirm")
    intents.refuse(obj, "confirm", _CONFIRMABLE)
    intents.require_return_url(call, obj)
    store.update(obj, call.params, "capture_method", "receipt_email", "setup_future_usage", "shipping")
    options = (call.params.get("payment_method_options") or {}).get("card") or {}
    obj["payment_method_options"]["card"].update(options)
    return _confirm_as_asked(call, obj)


@route(
    "POST",
    "/v1/payment_intents/{intent}/cancel",
    {"cancellation_reason": enum("abandoned", "duplicate", "fraudulent", "requested_by_customer")},
)
def cancel_route(call: Call, intent: str) -> Object:
    """Cancel a payment intent; one that belongs to an invoice goes with its invoice only."""
    obj = store.get(call, "payment_intent", intent, "intent")
    _refuse_invoices(call, obj, "status")
    intents.refuse_checkouts(call, obj, "cancel")
    return cancel(call, obj, call.params.get("cancellation_reason"))


@route(
    "POST",
    "/v1/payment_intents/{intent}/capture",
    {
        "amount_details": not_emulated,
        "amount_to_capture": Integer(1),
        "application_fee_amount": not_emulated,
        "final_capture": boolean,
        "metadata": metadata,
        "payment_details": not_emulated,
        "statement_descriptor": String(22),
        "statement_descriptor_suffix": String(22),
        "transfer_data": not_emulated,
    },
)
def capture(call: Call, intent: str) -> Object:
    """Take the money that was reserved, or a part of it; the rest is let go."""
    obj = store.get(call, "payment_intent", intent, "intent")
    intents.refuse(obj, "capture", {"requires_capture"})
    wanted = int(call.params.get("amount_to_capture", obj["amount_capturable"]))
    if wanted > obj["amount_capturable"]:
        message = f"The remaining amount to capture is {obj['amount_capturable']}, which is less than {wanted}."
        raise invalid(message, param="amount_to_capture", code="amount_too_large")
    store.update(obj, call.params, "metadata", "statement_descriptor", "statement_descriptor_suffix")
    charges.capture(call, store.get(call, "charge", obj["latest_charge"]), wanted)
    obj |= {"amount_capturable": 0, "amount_received": wanted, "status": "succeeded"}
    return store.save(call, obj, "payment_intent.succeeded")


def blank(call: Call, amount: int, currency: str) -> Object:
    """Return a new payment intent that is stored nowhere yet; `amount` in minor units."""
    nothing = (
        "amount_details", "application_fee_amount", "canceled_at", "last_payment_error", "latest_charge",
        "payment_record", "processing", "receipt_email", "review", "setup_future_usage", "shipping", "source",
        "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
    )  # fmt: skip
    intent = {
        **intents.blank(call, "pi", "payment_intent"),
        **dict.fromkeys(nothing),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "currency": currency,
        "managed_payments": None,
        "status": "requires_payment_method",
    }
    intent["payment_method_options"]["card"] |= {"installments": None, "network": None}
    return intent


def make(call: Call, *, amount: int, currency: str, **fields: Any) -> Object:
    """Store an invoice's payment intent and emit its event; `amount` in minor units, `fields` are keys of the object.

    With `payment_method` among them it waits for its confirmation.
    """
    intent = {**blank(call, amount, currency), "automatic_payment_methods": None, **fields}
    if intent["payment_method"]:
        intent["status"] = "requires_confirmation"
    return store.insert(call, intent, "payment_intent.created")


def confirm(
    call: Call,
    intent: Object,
    payment_method: Object | str,
    off_session: bool,
    *,
    may_ask: bool = True,
    use_stripe_sdk: bool = True,
    return_url: str | None = None,
) -> Object:
    """Try to charge `intent` to a payment method (or its id), and return the intent as it is stored afterwards.

    Where the card wants 3-D Secure, the intent waits in `requires_action`, also off session, as Stripe does for
    invoices; without `may_ask` the bank refuses with `authentication_required`, as for any other payment.
    Raises a 402 StripeError with `keep` where the card is refused; the intent in the store is then back in
    `requires_payment_method` and `error.body["payment_intent"]` is a copy of it. Listeners of `payment_intent.…`
    events have run by the time this returns or raises.
    """
    if isinstance(payment_method, str):
        payment_method = payment_methods.resolve(call, payment_method)
    intent |= {"last_payment_error": None, "next_action": None, "payment_method": payment_method["id"]}
    knowledge = store.private(call, payment_method)
    card = payment_methods.behind(knowledge)
    asks = card.must_authenticate(off_session=off_session, set_up=knowledge.get("set_up", False))
    if asks or (intents.wants_three_d_secure(intent) and card.three_d_secure and not off_session):
        if not may_ask:
            return _declined(call, intent, payment_method, cards.AUTHENTICATION_REQUIRED, authenticated=False)
        intent["status"] = "requires_action"
        intent["next_action"] = challenges.issue(call, intent, use_stripe_sdk=use_stripe_sdk, return_url=return_url)
        return store.save(call, intent, "payment_intent.requires_action")
    return _charge(call, intent, payment_method, authenticated=False)


def cancel(call: Call, intent: Object, reason: str | None) -> Object:
    """Cancel a payment intent that was not paid; the engine's reasons are `void_invoice` and `failed_invoice`."""
    intents.refuse(intent, "cancel", {*_CONFIRMABLE, "requires_capture"})
    if intent["status"] == "requires_capture":
        charge = store.get(call, "charge", intent["latest_charge"])
        charge |= {"amount_refunded": charge["amount"], "refunded": True}
        store.save(call, charge, "charge.refunded")
    intent |= {"amount_capturable": 0, "canceled_at": call.now, "cancellation_reason": reason}
    intent |= {"next_action": None, "status": "canceled"}
    return store.save(call, intent, "payment_intent.canceled")


@challenges.resumes("payment_intent")
def _after_challenge(call: Call, intent: Object, succeeded: bool) -> Object:
    payment_method = store.get(call, "payment_method", intent["payment_method"])
    intent["next_action"] = None
    if not succeeded:
        error = intents.authentication_failure(intent, payment_method)
        intent |= {"last_payment_error": error, "payment_method": None, "status": "requires_payment_method"}
        return store.save(call, intent, "payment_intent.payment_failed")
    return intents.unless_declined(call, intent, lambda: _charge(call, intent, payment_method, authenticated=True))


def _confirm_as_asked(call: Call, intent: Object) -> Object:
    """Confirm with what the request says: payment method, whether the customer is there, the way back."""
    given = call.params
    payment_method = intents.require_payment_method(call, intent)
    off_session = given.get("off_session", False) is not False
    return confirm(
        call,
        intent,
        payment_method,
        off_session,
        may_ask=not off_session and not given.get("error_on_requires_action"),
        use_stripe_sdk=given.get("use_stripe_sdk", call.publishable) or "return_url" not in given,
        return_url=given.get("return_url"),
    )


def _charge(call: Call, intent: Object, payment_method: Object, *, authenticated: bool) -> Object:
    knowledge = store.private(call, payment_method)
    decline = payment_methods.behind(knowledge).declines("charge", knowledge["cvc"])
    if decline is not None:
        return _declined(call, intent, payment_method, decline, authenticated=authenticated)
    _keep(call, intent, payment_method)
    charge = charges.attempt(call, intent, payment_method, None, authenticated=authenticated)
    intent |= {"latest_charge": charge["id"], "next_action": None}
    if not charge["captured"]:
        intent |= {"amount_capturable": intent["amount"], "status": "requires_capture"}
        return store.save(call, intent, "payment_intent.amount_capturable_updated")
    intent |= {"amount_received": intent["amount"], "status": "succeeded"}
    return store.save(call, intent, "payment_intent.succeeded")


def _keep(call: Call, intent: Object, payment_method: Object) -> None:
    """Save the card where the customer agreed to it; without a customer it can never be used again."""
    usage = intent["setup_future_usage"]
    if usage and intent["customer"]:
        payment_methods.save_to(call, payment_method, intent["customer"])
        store.set_private(call, payment_method, set_up=usage == "off_session")
    elif payment_method["customer"] is None:
        store.set_private(call, payment_method, spent=True)


def _declined(call: Call, intent: Object, payment_method: Object, decline: Decline, *, authenticated: bool) -> Object:
    """Leave the trace of a refusal and raise it."""
    charge = charges.attempt(call, intent, payment_method, decline, authenticated=authenticated)
    error = decline.error(keep=True, charge=charge["id"], payment_method=payment_method)
    intent |= {"last_payment_error": dict(error.body), "latest_charge": charge["id"], "next_action": None}
    intent |= {"payment_method": None, "status": "requires_payment_method"}
    store.save(call, intent, "payment_intent.payment_failed")
    error.body["payment_intent"] = store.get(call, "payment_intent", intent["id"])
    raise error


def _check_amount(amount: int, currency: str) -> None:
    least = pricing.minimum_charge(currency)
    if amount < least:
        raise invalid(
            f"Amount must be at least {pricing.money(least, currency)} {currency}",
            param="amount",
            code="amount_too_small",
        )


def _refuse_invoices(call: Call, intent: Object, what: str) -> None:
    """Raise where a payment intent is an invoice's: that one is the engine's to change."""
    if store.count(call, "invoice_payment", lookup_key=intent["id"]):
        raise invalid(f"The {what} of a PaymentIntent that belongs to an invoice cannot be changed; use the invoice.")
