"""Tokens: a card in an envelope that opens once, for the Card Element's createToken."""

from __future__ import annotations

from sandbox import cards, store
from sandbox.cards import Card
from sandbox.kernel import Call, Object, new_id, route
from sandbox.params import Integer, clearable, not_emulated, required, string
from sandbox.resources import payment_methods

_ADDRESS = ("address_city", "address_country", "address_line1", "address_line2", "address_state", "address_zip")
_CARD = {
    "currency": string,
    "cvc": string,
    "exp_month": required(Integer()),
    "exp_year": required(Integer()),
    "name": clearable(string),
    "number": required(string),
    **{key: clearable(string) for key in _ADDRESS},
}


@route(
    "POST",
    "/v1/tokens",
    {
        "account": not_emulated,
        "bank_account": not_emulated,
        "card": required(_CARD),
        "customer": not_emulated,
        "cvc_update": not_emulated,
        "person": not_emulated,
        "pii": not_emulated,
    },
    publishable=True,
)
def create(call: Call) -> Object:
    """Make a token of what was typed into a Card Element."""
    payment_methods.refuse_raw_numbers(call)
    typed = call.params["card"]
    card = cards.typed(typed, call.now)
    obj = {
        "id": new_id(call, "tok"),
        "object": "token",
        "card": _card(call, card, typed),
        "client_ip": "127.0.0.1",
        "created": call.now,
        "livemode": False,
        "type": "card",
        "used": False,
    }
    return store.insert(call, obj, None, card=card.name, cvc="cvc" in typed)


@route("GET", "/v1/tokens/{token}")
def retrieve(call: Call, token: str) -> Object:
    """Return a token."""
    return store.get(call, "token", token, "token")


def _card(call: Call, card: Card, typed: Object) -> Object:
    return {
        "id": new_id(call, "card"),
        "object": "card",
        **{key: typed.get(key) for key in _ADDRESS},
        "address_line1_check": "unchecked" if typed.get("address_line1") else None,
        "address_zip_check": "unchecked" if typed.get("address_zip") else None,
        "brand": _LEGACY_BRANDS.get(card.brand, card.brand.title()),
        "country": "US",
        "cvc_check": "unchecked" if "cvc" in typed else None,
        "dynamic_last4": None,
        "exp_month": typed["exp_month"],
        "exp_year": cards.full_year(typed["exp_year"]),
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "last4": card.last4,
        "metadata": {},
        "name": typed.get("name"),
        "networks": {"preferred": None},
        "regulated_status": "unregulated",
        "tokenization_method": None,
    }


_LEGACY_BRANDS = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "mastercard": "MasterCard"}
