"""Tokens: a card in an envelope that opens once, for the Card Element's createToken."""

from __future__ import annotations

from sandbox import cards, store
from sandbox.kernel import Call, Object, new_id, route
from sandbox.params import Integer, clearable, not_emulated, required, string
from sandbox.resources import payment_methods, sources
from sandbox.resources.payment_methods import Content

_CARD = {
    "currency": string,
    "cvc": string,
    "exp_month": required(Integer()),
    "exp_year": required(Integer()),
    "name": clearable(string),
    "number": required(string),
    **{key: clearable(string) for key in sources.ADDRESS},
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
    address = {field: typed.get(old) for old, field in sources.ADDRESS.items()}
    details = {"address": address, "name": typed.get("name")}
    content = Content(card, typed["exp_month"], cards.full_year(typed["exp_year"]), "cvc" in typed, details)
    face = sources.face(payment_methods.shape(call, content, {}, new_id(call, "card")))
    obj = {
        "id": new_id(call, "tok"),
        "object": "token",
        "card": {key: value for key, value in face.items() if key not in {"allow_redisplay", "customer"}},
        "client_ip": "127.0.0.1",
        "created": call.now,
        "livemode": False,
        "type": "card",
        "used": False,
    }
    return store.insert(call, obj, None, card=card.name, cvc="cvc" in typed, address=address)


@route("GET", "/v1/tokens/{token}")
def retrieve(call: Call, token: str) -> Object:
    """Return a token."""
    return store.get(call, "token", token, "token")
