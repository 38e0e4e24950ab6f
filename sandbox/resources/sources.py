"""Sources: the cards of a customer as they were before payment methods, `card_…`.

Such a card is stored once, as the payment method of the same id that Stripe shows it as; `face` is its older look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db.models import Q

from sandbox import cards, events, store
from sandbox.kernel import Call, Object, expandable, falls_due, listens, missing, new_id, refers, route
from sandbox.params import PAGING, Integer, boolean, clearable, metadata, not_emulated, required, string
from sandbox.resources import payment_methods

refers("card", {"customer": "customer"})

_LEGACY = Q(stripe_id__startswith="card_")
_BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "mastercard": "MasterCard",
    "unionpay": "UnionPay",
}
# Field of the old face -> field of the payment method's billing address.
ADDRESS = {
    "address_city": "city",
    "address_country": "country",
    "address_line1": "line1",
    "address_line2": "line2",
    "address_state": "state",
    "address_zip": "postal_code",
}


@route("GET", "/v1/customers/{customer}/sources", {**PAGING, "object": string})
def list_all(call: Call, customer: str) -> Object:
    """List a customer's sources, newest first; of the kinds that `object` can name only cards exist here."""
    store.get(call, "customer", customer, "customer")
    where = _LEGACY if call.params.get("object", "card") == "card" else Q(pk=None)
    page = store.page(call, "payment_method", f"/v1/customers/{customer}/sources", where=where, customer=customer)
    return page | {"data": [face(card) for card in page["data"]]}


@route(
    "POST",
    "/v1/customers/{customer}/sources",
    {"metadata": metadata, "source": required(string), "validate": boolean},
)
def create(call: Call, customer: str) -> Object:
    """Give a customer one card more; the first one becomes the default."""
    owner = store.get(call, "customer", customer, "customer")
    card = given_to(call, owner, call.params["source"], call.params.get("metadata"))
    if owner["default_source"] is None:
        store.save(call, owner | {"default_source": card["id"]}, "customer.updated")
    return face(card)


@route("GET", "/v1/customers/{customer}/sources/{id}")
def retrieve(call: Call, customer: str, id: str) -> Object:
    """Return a card of this customer."""
    return face(_own(call, customer, id))


@route(
    "POST",
    "/v1/customers/{customer}/sources/{id}",
    {
        "account_holder_name": not_emulated,
        "account_holder_type": not_emulated,
        **dict.fromkeys(ADDRESS, clearable(string)),
        "exp_month": Integer(),
        "exp_year": Integer(),
        "metadata": metadata,
        "name": clearable(string),
        "owner": not_emulated,
    },
)
def update(call: Call, customer: str, id: str) -> Object:
    """Change expiry, name, address or metadata of a card."""
    card, given = _own(call, customer, id), call.params
    before = face(card)
    store.update(card, given, "metadata")
    store.update(card["billing_details"], given, "name")
    address = {field: given[old] for old, field in ADDRESS.items() if old in given}
    card["billing_details"]["address"] |= address
    if given.keys() & {"exp_month", "exp_year"}:
        card["card"]["exp_month"] = given.get("exp_month", card["card"]["exp_month"])
        card["card"]["exp_year"] = cards.full_year(given.get("exp_year", card["card"]["exp_year"]))
        cards.check_expiry(card["card"]["exp_month"], card["card"]["exp_year"], call.now)
    store.save(call, card)
    _watch_expiry(call, card)
    if previous := events.previous_attributes(before, face(card)):
        events.emit(call, "customer.source.updated", face(card), previous)
    return face(card)


@route("DELETE", "/v1/customers/{customer}/sources/{id}")
def delete(call: Call, customer: str, id: str) -> Object:
    """Take a card off its customer for good; where it was the default, the newest one left takes its place."""
    payment_methods.release(call, _own(call, customer, id))
    return {"id": id, "object": "card", "deleted": True}


@expandable("customer", "sources")
def of_customer(call: Call, customer: Object) -> Object:
    """Return a customer's cards; Stripe shows them on demand only."""
    mine = [face(card) for card in _of(call, customer["id"])]
    return store.envelope(mine[:10], f"/v1/customers/{customer['id']}/sources", len(mine) > 10)


@expandable("customer", "default_source")
@expandable("invoice", "default_source")
@expandable("subscription", "default_source")
def default_of(call: Call, owner: Object) -> Object | None:
    """Return the card that `default_source` names."""
    card = store.find(call, "payment_method", owner["default_source"])
    return face(card) if card else None


def face(card: Object) -> Object:
    """Return the payment method of a card as the `card` object that it was before."""
    details, address = card["card"], card["billing_details"]["address"]
    copied = ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    return {
        "id": card["id"],
        "object": "card",
        **{old: address[field] for old, field in ADDRESS.items()},
        "address_line1_check": details["checks"]["address_line1_check"],
        "address_zip_check": details["checks"]["address_postal_code_check"],
        "allow_redisplay": card["allow_redisplay"],
        "brand": _BRANDS.get(details["brand"], details["brand"].title()),
        **{key: details[key] for key in copied},
        "customer": card["customer"],
        "cvc_check": details["checks"]["cvc_check"],
        "dynamic_last4": None,
        "metadata": card["metadata"],
        "name": card["billing_details"]["name"],
        "networks": {"preferred": details["networks"]["preferred"]},
        "tokenization_method": None,
    }


def given_to(call: Call, customer: Object, token: str, metadata: Object | None = None) -> Object:
    """Make a card of a `tok_…` and attach it to a customer; raises where the bank refuses it, or there is no token."""
    if not token.startswith("tok_"):
        raise missing("source", token, "source")
    content = payment_methods.open_token(call, token, "source")
    card = payment_methods.insert(call, content, {"metadata": metadata}, id=content.source or new_id(call, "card"))
    attached = payment_methods.attach_to(call, card["id"], customer)
    events.emit(call, "customer.source.created", face(attached))
    return attached


def check_own(call: Call, id: str, customer: str, param: str = "default_source") -> None:
    """Raise the 404 of missing() unless `id` is a source of the customer."""
    _own(call, customer, id, param)


@listens("payment_method.detached")
def _deleted(call: Call, card: Object) -> None:
    """Tell of a card's end by its old name too, and choose another default."""
    if not card["id"].startswith("card_"):
        return
    customer = store.get(call, "customer", store.private(call, card)["detached_from"])
    store.schedule(call, card, None)
    events.emit(call, "customer.source.deleted", face(card | {"customer": customer["id"]}))
    if customer["default_source"] == card["id"]:
        newest = next(_of(call, customer["id"]), None)
        store.save(call, customer | {"default_source": newest and newest["id"]}, "customer.updated")


@listens("payment_method.attached", "payment_method.updated")
def _watch_expiry(call: Call, card: Object) -> None:
    """Plan the warning at the beginning of the month in which a card expires."""
    begins = int(datetime(card["card"]["exp_year"], card["card"]["exp_month"], 1, tzinfo=UTC).timestamp())
    if card["id"].startswith("card_"):
        store.schedule(call, card, begins if begins > call.now else None)


@falls_due("payment_method")
def _expires(call: Call, card: Object) -> None:
    events.emit(call, "customer.source.expiring", face(card))


def _of(call: Call, customer: str) -> Iterator[Object]:
    return (each for each in store.query(call, "payment_method", customer=customer) if each["id"].startswith("card_"))


def _own(call: Call, customer: str, id: str, param: str = "id") -> Object:
    store.get(call, "customer", customer, "customer")
    card = store.find(call, "payment_method", id) if id.startswith("card_") else None
    if card is None or card["customer"] != customer:
        raise missing("source", id, param)
    return card
