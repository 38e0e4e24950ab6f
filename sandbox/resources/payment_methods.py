"""Payment methods: cards, of which the sandbox keeps a fingerprint and four digits, never a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox import cards, store
from sandbox.cards import Card
from sandbox.kernel import Call, Object, StripeError, invalid, missing, new_id, refers, route
from sandbox.params import (
    ADDRESS,
    Integer,
    Kind,
    String,
    clearable,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
)

refers("payment_method", {"customer": "customer"})


class _CardsOnly(Kind):
    """The type of a payment method: a card, everything else is refused as not emulated."""

    def read(self, value: Any, name: str) -> str:
        if self.text(value, name) != "card":
            raise StripeError(501, "api_error", f"The sandbox emulates cards only, not {value}.", param=name)
        return "card"


BILLING_DETAILS = {
    "address": clearable(ADDRESS),
    "email": clearable(String(512)),
    "name": clearable(string),
    "phone": clearable(string),
    "tax_id": clearable(string),
}
_ALLOW_REDISPLAY = enum("always", "limited", "unspecified")
# What may be typed into a card form or given as a token; the `payment_method_data` of intents is the same.
DATA = {
    "allow_redisplay": _ALLOW_REDISPLAY,
    "billing_details": BILLING_DETAILS,
    "card": {
        "cvc": string,
        "exp_month": Integer(),
        "exp_year": Integer(),
        "networks": {"preferred": string},
        "number": string,
        "token": string,
    },
    "metadata": metadata,
    "radar_options": {"session": string},
    "type": required(_CardsOnly()),
}
_SPENT = (
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and "
    "may not be used again."
)


@route(
    "POST", "/v1/payment_methods", {**DATA, "customer": not_emulated, "payment_method": not_emulated}, publishable=True
)
def create(call: Call) -> Object:
    """Make a payment method of a token, or, with a publishable key, of what was typed into a card form."""
    return create_from(call, call.params)


@route("GET", "/v1/payment_methods", listing(allow_redisplay=_ALLOW_REDISPLAY, customer=string, type=_CardsOnly()))
def list_all(call: Call) -> Object:
    """List payment methods, of one customer where `customer` is given."""
    customer = call.params.get("customer")
    if customer is not None:
        store.get(call, "customer", customer, "customer")
    return _page(call, "/v1/payment_methods", customer)


@route(
    "GET",
    "/v1/customers/{customer}/payment_methods",
    listing(allow_redisplay=_ALLOW_REDISPLAY, type=_CardsOnly()),
)
def list_of_customer(call: Call, customer: str) -> Object:
    """List a customer's payment methods."""
    store.get(call, "customer", customer, "customer")
    return _page(call, f"/v1/customers/{customer}/payment_methods", customer)


@route("GET", "/v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_of_customer(call: Call, customer: str, payment_method: str) -> Object:
    """Return a payment method that is attached to this customer."""
    store.get(call, "customer", customer, "customer")
    found = store.get(call, "payment_method", payment_method, "payment_method")
    if found["customer"] != customer:
        raise missing("payment_method", payment_method, "payment_method")
    return found


@route("GET", "/v1/payment_methods/{payment_method}")
def retrieve(call: Call, payment_method: str) -> Object:
    """Return a payment method."""
    return store.get(call, "payment_method", payment_method, "payment_method")


@route(
    "POST",
    "/v1/payment_methods/{payment_method}",
    {
        "allow_redisplay": _ALLOW_REDISPLAY,
        "billing_details": BILLING_DETAILS,
        "card": {"exp_month": Integer(1, 12), "exp_year": Integer(), "networks": not_emulated},
        "metadata": metadata,
    },
)
def update(call: Call, payment_method: str) -> Object:
    """Change expiry, billing details or metadata of a saved payment method."""
    obj = store.get(call, "payment_method", payment_method, "payment_method")
    if obj["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    _change(obj, call.params)
    typed = call.params.get("card", {})
    if "exp_year" in typed:
        typed["exp_year"] = cards.full_year(typed["exp_year"])
    obj["card"].update(typed)
    if typed:
        cards.check_expiry(obj["card"]["exp_month"], obj["card"]["exp_year"], call.now)
    return store.save(call, obj, "payment_method.updated")


@route("POST", "/v1/payment_methods/{payment_method}/attach", {"customer": required(string)})
def attach(call: Call, payment_method: str) -> Object:
    """Attach a payment method, or a fresh one of a `pm_card_…` alias, to a customer."""
    return attach_to(call, payment_method, store.get(call, "customer", call.params["customer"], "customer"))


@route("POST", "/v1/payment_methods/{payment_method}/detach")
def detach(call: Call, payment_method: str) -> Object:
    """Detach a payment method for good. The customer's default goes with it, silently: stripe-endive.md section 9."""
    obj = store.get(call, "payment_method", payment_method, "payment_method")
    if obj["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    return release(call, obj)


def release(call: Call, payment_method: Object) -> Object:
    """Take an attached payment method off its customer, and out of the customer's defaults."""
    customer = store.get(call, "customer", payment_method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == payment_method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        store.save(call, customer)
    payment_method["customer"] = None
    store.set_private(call, payment_method, spent=True, detached_from=customer["id"])
    return store.save(call, payment_method, "payment_method.detached")


def attach_to(call: Call, payment_method: str, customer: Object) -> Object:
    """Attach by id or alias; a card that its bank refuses cannot be saved, and raises 402."""
    obj = resolve(call, payment_method)
    if obj["customer"] == customer["id"]:
        return obj
    if obj["customer"] is not None:
        raise invalid("The payment method you provided has already been attached to a customer.")
    knowledge = store.private(call, obj)
    if knowledge.get("spent"):
        raise invalid(_SPENT)
    decline = behind(knowledge).declines("setup", knowledge["cvc"])
    if decline is not None:
        raise decline.error()
    return save_to(call, obj, customer["id"])


def save_to(call: Call, payment_method: Object, customer: str) -> Object:
    """Attach after the bank's consent was got already, by a successful intent; a second time changes nothing."""
    if payment_method["customer"] == customer:
        return payment_method
    knowledge = store.private(call, payment_method)
    unchecked = payment_method["card"]["checks"]
    found = zip(unchecked, behind(knowledge).checks, strict=True)
    payment_method["card"]["checks"] = {key: result if unchecked[key] else None for key, result in found}
    payment_method["customer"] = customer
    return store.save(call, payment_method, "payment_method.attached")


def behind(knowledge: dict[str, Any]) -> Card:
    """Return the test card of a payment method, from what store.private() says of it."""
    return cards.CARDS[knowledge["card"]]


@dataclass(frozen=True)
class Content:
    """A card on its way to become a payment method: what was typed, or what a token holds."""

    card: Card
    exp_month: int
    exp_year: int
    cvc: bool
    billing_details: Object = field(default_factory=dict)
    source: str | None = None  # the id that a token's card has already


def resolve(call: Call, id: str, param: str = "payment_method") -> Object:
    """Return a payment method by id; `pm_card_…` makes a fresh one each time, as at Stripe. Raises missing()."""
    card = cards.by_alias(id) if id.startswith("pm_card_") else None
    if card is None:
        return store.get(call, "payment_method", id, param)
    return insert(call, _fresh(call, card), {})


def create_from(call: Call, given: Object) -> Object:
    """Make a payment method of `DATA`: a token, or what was typed into a card form."""
    typed = given.get("card")
    if typed is None:
        raise invalid("Missing required param: card.", param="card", code="parameter_missing")
    if "token" in typed:
        return insert(call, open_token(call, typed["token"], "card[token]"), given)
    for key in ("number", "exp_month", "exp_year"):
        if key not in typed:
            raise invalid(f"Missing required param: card[{key}].", param=f"card[{key}]", code="parameter_missing")
    refuse_raw_numbers(call)
    card = cards.typed(typed, call.now)
    year = cards.full_year(typed["exp_year"])
    return insert(call, Content(card, typed["exp_month"], year, "cvc" in typed), given)


def refuse_raw_numbers(call: Call) -> None:
    """Let card numbers in from the frames only, that is with a publishable key."""
    if not call.publishable:
        raise StripeError(
            402,
            "invalid_request_error",
            "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test "
            "tokens that map to the test card you are using, see https://stripe.com/docs/testing.",
        )


def open_token(call: Call, token: str, param: str) -> Content:
    """Return what a token holds; it opens once. Aliases such as `tok_visa` hold a fresh card every time."""
    if card := cards.by_alias(token):
        return _fresh(call, card)
    obj = store.get(call, "token", token, param)
    if obj["used"]:
        message = f"You cannot use a Stripe token more than once: {token}."
        raise invalid(message, code="token_already_used", param=param)
    obj["used"] = True
    store.save(call, obj)
    knowledge, card = store.private(call, obj), obj["card"]
    details = {"address": knowledge["address"], "name": card["name"]}
    return Content(behind(knowledge), card["exp_month"], card["exp_year"], knowledge["cvc"], details, card["id"])


def _fresh(call: Call, card: Card) -> Content:
    today = datetime.fromtimestamp(call.now, UTC)
    return Content(card, today.month, today.year + 4, cvc=True)


def insert(call: Call, content: Content, given: Object, id: str | None = None) -> Object:
    """Store a payment method, attached to nobody; `given` are billing details and metadata beside the card."""
    obj = shape(call, content, given, id or new_id(call, "pm"))
    return store.insert(call, obj, None, card=content.card.name, cvc=content.cvc)


def shape(call: Call, content: Content, given: Object, id: str) -> Object:
    """Return the payment method of a card, stored nowhere."""
    obj: Object = {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(ADDRESS),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": {},
        "created": call.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
    _change(obj, {"billing_details": content.billing_details})
    _change(obj, given)
    obj["card"] = _card_hash(content, obj["billing_details"]["address"])
    return obj


def _card_hash(content: Content, address: Object) -> Object:
    card = content.card
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": "unchecked" if address["line1"] else None,
            "address_postal_code_check": "unchecked" if address["postal_code"] else None,
            "cvc_check": "unchecked" if content.cvc else None,
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": content.exp_month,
        "exp_year": content.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.three_d_secure},
        "wallet": None,
    }


def _change(obj: Object, given: Object) -> None:
    store.update(obj, given, "allow_redisplay", "metadata")
    details = dict(given.get("billing_details", {}))
    if "address" in details:
        details["address"] = {**dict.fromkeys(ADDRESS), **(details["address"] or {})}
    obj["billing_details"].update(details)


def _page(call: Call, url: str, customer: str | None) -> Object:
    redisplay = call.params.get("allow_redisplay")
    return store.page(call, "payment_method", url, customer=customer, allow_redisplay=redisplay)
