"""Customers: who is billed."""

from __future__ import annotations

from django.db.models import Q

from sandbox import clock, store
from sandbox.engine import balance, charging
from sandbox.kernel import Call, Object, invalid, missing, new_id, new_secret, refers, route
from sandbox.params import (
    ADDRESS,
    Integer,
    String,
    boolean,
    clearable,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
)
from sandbox.resources import payment_methods, sources, tax_ids

refers(
    "customer",
    {
        "invoice_settings.default_payment_method": "payment_method",
        "test_clock": "test_helpers.test_clock",
    },
)

MOST_ON_A_CLOCK = 3
_SHIPPING = {
    "address": ADDRESS,
    "carrier": string,
    "name": string,
    "phone": clearable(string),
    "tracking_number": string,
}
_FIELDS = {
    "address": clearable(ADDRESS),
    "balance": Integer(),
    "business_name": clearable(String(150)),
    "cash_balance": not_emulated,
    "description": clearable(string),
    "email": clearable(String(512)),
    "individual_name": clearable(String(150)),
    "invoice_prefix": String(12),
    "invoice_settings": {
        "custom_fields": clearable([{"name": required(String(40)), "value": required(String(140))}]),
        "default_payment_method": clearable(string),
        "footer": clearable(string),
        "rendering_options": not_emulated,
    },
    "metadata": metadata,
    "name": clearable(String(256)),
    "next_invoice_sequence": Integer(1),
    "phone": clearable(String(20)),
    "preferred_locales": [string],
    "shipping": clearable(_SHIPPING),
    "source": string,
    "tax": not_emulated,
    "tax_exempt": clearable(enum("none", "exempt", "reverse")),
    "validate": boolean,
}
_PLAIN = (
    "address", "balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "metadata",
    "name", "next_invoice_sequence", "phone", "preferred_locales", "shipping", "tax_exempt",
)  # fmt: skip


@route(
    "POST",
    "/v1/customers",
    {**_FIELDS, "payment_method": string, "tax_id_data": [tax_ids.DATA], "test_clock": string},
)
def create(call: Call) -> Object:
    """Create a customer; the first `payment_method` is attached to it."""
    given = call.params
    if id := given.get("test_clock"):
        _join(call, store.get(call, clock.TEST_CLOCK, id, "test_clock"))
    customer = blank(call)
    if alias := given.get("payment_method"):
        given["payment_method"] = payment_methods.resolve(call, alias)["id"]
        settings = given.get("invoice_settings", {})
        if settings.get("default_payment_method") == alias:
            settings["default_payment_method"] = given["payment_method"]
    _change(call, customer)
    if "source" in given:
        _take_source(call, customer, given["source"])
    store.insert(call, customer, "customer.created")
    _note_balance(call, customer, 0, "initial")
    for data in given.get("tax_id_data", ()):
        tax_ids.add(call, customer, data)
    if "payment_method" in given:
        payment_methods.attach_to(call, given["payment_method"], customer)
    return customer


@route("GET", "/v1/customers", listing(email=string, test_clock=string))
def list_all(call: Call) -> Object:
    """List customers, those on a test clock only where it is named; the e-mail filter is case-sensitive."""
    email, test_clock = call.params.get("email"), call.params.get("test_clock")
    return store.page(call, "customer", "/v1/customers", where=Q(clock=test_clock), lookup_key=email)


@route("GET", "/v1/customers/{customer}")
def retrieve(call: Call, customer: str) -> Object:
    """Return a customer, or the stub of one that was deleted."""
    found = store.find(call, "customer", customer)
    if found is None:
        raise missing("customer", customer)
    return found


@route("POST", "/v1/customers/{customer}", {**_FIELDS, "default_source": string})
def update(call: Call, customer: str) -> Object:
    """Change a customer; a new `source` replaces the default one, and what was overdue is charged to it."""
    obj, given = store.get(call, "customer", customer), call.params
    before = obj["balance"]
    _change(call, obj)
    if "default_source" in given:
        sources.check_own(call, given["default_source"], customer)
        obj["default_source"] = given["default_source"]
    replaced = _take_source(call, obj, given["source"]) if "source" in given else None
    _note_balance(call, obj, before)
    store.save(call, obj, "customer.updated")
    if replaced:
        payment_methods.release(call, store.get(call, "payment_method", replaced))
    if "source" in given:
        charging.retry_overdue(call, customer)
    return store.get(call, "customer", customer)


@route("DELETE", "/v1/customers/{customer}")
def delete(call: Call, customer: str) -> Object:
    """Delete a customer for good; the engine hears `customer.deleted` and cancels the subscriptions."""
    obj = store.get(call, "customer", customer)
    for payment_method in store.query(call, "payment_method", customer=customer):
        payment_method["customer"] = None
        store.save(call, payment_method)
        store.set_private(call, payment_method, spent=True)
    return store.delete(call, obj, "customer.deleted")


def blank(call: Call) -> Object:
    """Return a customer of whom nothing is known yet, stored nowhere."""
    prefix = new_secret(call, "", 8).upper()
    return {
        "id": new_id(call, "cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": call.clock,
    }


def _take_source(call: Call, customer: Object, token: str) -> str | None:
    """Make the card of a token the customer's default source; return the one before it."""
    before: str | None = customer["default_source"]
    customer["default_source"] = sources.given_to(call, customer, token)["id"]
    return before


def _join(call: Call, test_clock: Object) -> None:
    """Put the call, and so the customer that it makes, on a test clock."""
    clock.put_on(call, test_clock)
    if store.count(call, "customer", clock=test_clock["id"]) >= MOST_ON_A_CLOCK:
        raise invalid(f"A test clock can have at most {MOST_ON_A_CLOCK} customers.", param="test_clock")


def _change(call: Call, customer: Object) -> None:
    params = call.params
    store.update(customer, params, *_PLAIN)
    customer["tax_exempt"] = customer["tax_exempt"] or "none"
    for key in ("address", "shipping"):
        if customer[key] is not None:
            customer[key] = _whole(key, customer[key])
    settings = params.get("invoice_settings", {})
    if default := settings.get("default_payment_method"):
        _check_is_theirs(call, default, customer)
    customer["invoice_settings"].update(settings)


def _note_balance(call: Call, customer: Object, before: int, kind: str = "adjustment") -> None:
    """Write down what a request changed about the balance, as Stripe does, so that it can be accounted for."""
    if amount := customer["balance"] - before:
        balance.note(call, customer, amount, kind)


def _whole(key: str, given: Object) -> Object:
    """Return an address, or a shipping with its address, with every key present."""
    if key == "address":
        return {**dict.fromkeys(ADDRESS), **given}
    shipping = {"name": None, "phone": None, **given}
    return {**shipping, "address": _whole("address", given.get("address", {}))}


def _check_is_theirs(call: Call, payment_method: str, customer: Object) -> None:
    """Raise where a default payment method is not attached to the customer."""
    known = store.find(call, "payment_method", payment_method)
    param = "invoice_settings[default_payment_method]"
    if known is None:
        raise missing("payment_method", payment_method, param)
    new_and_given = call.params.get("payment_method") == payment_method and known["customer"] is None
    if known["customer"] != customer["id"] and not new_and_given:
        raise invalid(
            f"The customer does not have a payment method with the ID {payment_method}. The payment method must be "
            "attached to the customer.",
            param=param,
            code="resource_missing",
        )
