"""What becomes of a Checkout session: changes on its page, the attempt to pay, what success makes, and its expiry.

Beside what `cart` has in `known`, a session that was confirmed knows `collected`, `confirmed_at` and `intent`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox import intents, store
from sandbox.engine import cart, charging, discounts, invoicing, ledger, subscribing
from sandbox.engine.proration import Draft
from sandbox.kernel import Call, Object, falls_due, invalid, listens, new_id
from sandbox.params import ADDRESS
from sandbox.resources import customers, payment_intents, setup_intents, tax_ids

KIND = "checkout.session"
COMPLETED, EXPIRED = "checkout.session.completed", "checkout.session.expired"
_TO_INTENT = (
    "capture_method", "description", "metadata", "receipt_email", "shipping", "statement_descriptor",
    "statement_descriptor_suffix",
)  # fmt: skip


def needs_card(session: Object, due: int) -> bool:
    """Tell whether the page has to ask for a card: to pay what is due today, or to save it for later."""
    if session["mode"] == "subscription":
        return due > 0 or session["payment_method_collection"] == "always"
    return session["mode"] == "setup" or due > 0


def saved_cards(call: Call, session: Object) -> list[Object]:
    """Return the cards of the session's customer that may be shown again, the likeliest first."""
    if session["customer"] is None or session["mode"] == "setup":
        return []
    customer = store.get(call, "customer", session["customer"], "customer")
    shown = (session["saved_payment_method_options"] or {}).get("allow_redisplay_filters") or ["always"]
    found = store.query(call, "payment_method", customer=customer["id"], allow_redisplay=shown)
    default = customer["invoice_settings"]["default_payment_method"]
    return sorted(found, key=lambda card: card["id"] != default)


def confirm(call: Call, session: Object, collected: dict[str, Any]) -> Object | None:
    """Take what the page collected, and charge or save the card.

    Returns the intent by which that was done, as the bank has left it, or None where no card was needed. The session
    is complete as soon as the intent has succeeded: at once, or after 3-D Secure. A second confirmation of a complete
    session does nothing. Raises invalid() for an expired session, and where the customer saw another amount than is
    due now.
    """
    if session["status"] == "complete":
        return None
    cart.check_open(session)
    _check_complete(session, collected)
    known = store.private(call, session)
    cart.price(call, session, known)
    if collected["expected_amount"] != known["due"]:
        raise invalid("The total has changed. Please check it and try again.", code="checkout_amount_mismatch")
    known |= {"collected": collected, "confirmed_at": call.now}
    known["customer"] = _customer(call, session, known)
    _note_tax_id(call, known)
    store.save(call, session)
    store.set_private(call, session, **known)
    if not needs_card(session, known["due"]):
        _complete(call, session, None)
        return None
    payment_method = _payment_method(call, session, known)
    attempt = _pay if known["due"] else _save
    return attempt(call, session, known, payment_method)


def outcome(call: Call, session: Object) -> Object | None:
    """Return the intent of the latest confirmation, as it is now."""
    known = store.private(call, session).get("intent")
    return store.get(call, known["object"], known["id"]) if known else None


def _check_complete(session: Object, collected: dict[str, Any]) -> None:
    """Raise where the page has left out what the session asks for."""
    typed = (collected.get("address") or {}).get("line1")
    consents = session["consent_collection"] or {}
    needed = {
        "email": (True, collected.get("email")),
        "phone": (session["phone_number_collection"]["enabled"], collected.get("phone")),
        "address[line1]": ("address" in collected and session["billing_address_collection"] == "required", typed),
        "consent[terms_of_service]": (
            consents.get("terms_of_service") == "required",
            collected.get("consent", {}).get("terms_of_service"),
        ),
    }
    for name, (asked, given) in needed.items():
        if asked and not given:
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def _customer(call: Call, session: Object, known: dict[str, Any]) -> str | None:
    """Return whose the purchase is, making the customer now where there is none; a guest's purchase is nobody's."""
    if session["customer"]:
        return str(session["customer"])
    details = _contact(known["collected"])
    if session["locale"] not in {None, "auto"}:
        details["preferred_locales"] = [session["locale"]]
    if made := known.get("customer"):  # by a confirmation that failed; the details may be corrected
        return str(customers.update(replace(call, params=details), made)["id"])
    if session["customer_creation"] == "always" or cart.makes_invoice(session) or _future_usage(session, known):
        return str(customers.create(replace(call, params=details))["id"])
    return None


def _note_tax_id(call: Call, known: dict[str, Any]) -> None:
    """Give the customer the tax id that was typed, once; raises tax_id_invalid."""
    given = known["collected"].get("tax_id")
    if given and known["customer"] and given not in _tax_ids(call, known["customer"]):
        tax_ids.add(call, store.get(call, "customer", known["customer"]), given)


def _tax_ids(call: Call, customer: str) -> list[Object]:
    found = store.query(call, "tax_id", customer=customer)
    return [{"type": each["type"], "value": each["value"]} for each in found]


def _contact(collected: dict[str, Any]) -> dict[str, Any]:
    return {key: collected[key] for key in ("address", "email", "name", "phone") if collected.get(key)}


def _payment_method(call: Call, session: Object, known: dict[str, Any]) -> Object:
    """Return the card to use: one just typed, or one that the page has offered."""
    if "payment_method" not in known["collected"]:
        raise invalid("Missing required param: payment_method.", param="payment_method", code="parameter_missing")
    card = store.get(call, "payment_method", known["collected"]["payment_method"], "payment_method")
    if card["customer"] is None:
        intents.usable(call, card, {"object": "payment_intent", "customer": None})
        card["allow_redisplay"] = _redisplay(session, known)
        return store.save(call, card)
    if card["id"] not in {each["id"] for each in saved_cards(call, session)}:
        raise invalid("This card cannot be used here.", param="payment_method")
    return card


def _redisplay(session: Object, known: dict[str, Any]) -> str:
    """Return whether a card may be offered again: always with the customer's consent, in part where it is kept."""
    if override := known["data"].get("payment_method_data", {}).get("allow_redisplay"):
        return str(override)
    if known["collected"].get("save_payment_method"):
        return "always"
    kept = session["mode"] != "payment" or _future_usage(session, known)
    return "limited" if kept else "unspecified"


def _future_usage(session: Object, known: dict[str, Any]) -> str | None:
    if session["mode"] == "subscription":
        return "off_session"
    card = (session["payment_method_options"] or {}).get("card", {})
    asked = known["data"].get("payment_intent_data", {}).get("setup_future_usage") or card.get("setup_future_usage")
    return asked or ("on_session" if known["collected"].get("save_payment_method") else None)


def _pay(call: Call, session: Object, known: dict[str, Any], payment_method: Object) -> Object:
    given = known["data"].get("payment_intent_data", {})
    fields = {
        "amount": known["due"],
        "currency": session["currency"],
        "customer": known["customer"],
        "description": "Subscription creation" if session["mode"] == "subscription" else None,
        "setup_future_usage": _future_usage(session, known),
        **{key: given[key] for key in _TO_INTENT if key in given},
    }
    intent = _intent(call, session, known, "payment_intent", fields)
    return intents.unless_declined(
        call, intent, lambda: payment_intents.confirm(call, intent, payment_method, off_session=False)
    )


def _save(call: Call, session: Object, known: dict[str, Any], payment_method: Object) -> Object:
    given = known["data"].get("setup_intent_data", {})
    fields = {"customer": known["customer"], "usage": "off_session", **given}
    intent = _intent(call, session, known, "setup_intent", fields)
    asked = replace(call, params={"payment_method": payment_method["id"], "use_stripe_sdk": True})
    return intents.unless_declined(call, intent, lambda: setup_intents.confirm(asked, intent))


def _intent(call: Call, session: Object, known: dict[str, Any], kind: str, fields: dict[str, Any]) -> Object:
    """Return the intent of an earlier attempt, brought up to date, or a new one."""
    earlier = outcome(call, session)
    if earlier and earlier["object"] == kind:
        return store.save(call, earlier | fields)
    if earlier:
        _abandon(call, earlier)
    make = payment_intents.make if kind == "payment_intent" else setup_intents.make
    intent = make(call, **fields)
    three_d_secure = (session["payment_method_options"] or {}).get("card", {}).get("request_three_d_secure")
    if three_d_secure:
        intent["payment_method_options"]["card"]["request_three_d_secure"] = three_d_secure
        store.save(call, intent)
    store.set_private(call, intent, checkout_session=session["id"])
    store.set_private(call, session, intent={"object": kind, "id": intent["id"]})
    return intent


def _abandon(call: Call, intent: Object) -> None:
    if intent["object"] == "payment_intent":
        payment_intents.cancel(call, intent, "abandoned")
    else:
        setup_intents.cancel(call, intent, "abandoned")


@listens("payment_intent.succeeded", "payment_intent.amount_capturable_updated", "setup_intent.succeeded")
def _confirmed(call: Call, intent: Object) -> None:
    id = store.private(call, intent).get("checkout_session")
    session = store.find(call, KIND, id)
    if session and session["status"] == "open":
        _complete(call, session, intent)


def _complete(call: Call, session: Object, intent: Object | None) -> None:
    known = store.private(call, session)
    session |= _MAKES[session["mode"]](call, session, known, intent)
    session |= {
        "consent": _consent(session, known["collected"]),
        "customer": known["customer"],
        "payment_status": _payment_status(intent),
        "status": "complete",
        "url": None,
    }
    _tell_customer(call, session, known)
    session |= _learned(call, session, known["collected"], intent)
    store.schedule(call, session, None)
    store.save(call, session, COMPLETED)


def _payment_status(intent: Object | None) -> str:
    if intent is None or intent["object"] == "setup_intent":
        return "no_payment_required"
    return "paid" if intent["status"] == "succeeded" else "unpaid"


def _subscribe(call: Call, session: Object, known: dict[str, Any], intent: Object | None) -> Object:
    """Start the subscription, as of the customer's click: what was paid is then just what its first invoice asks."""
    then = call.at(known["confirmed_at"])
    subscription = cart.subscription(then, session, known, known["customer"]) or {}
    subscription["default_payment_method"] = intent["payment_method"] if intent else None
    subscription["discounts"] = _redeemed(call, session, customer=known["customer"], subscription=subscription["id"])
    drafts = _parked(call, known["customer"], cart.lines(then, session, known, subscription), subscription["id"])
    paid_by = intent if intent and intent["object"] == "payment_intent" else None
    started = subscribing.start(call, subscription, {}, drafts=drafts, paid_by=paid_by)
    return {"invoice": started["latest_invoice"], "subscription": started["id"]}


def _redeemed(call: Call, session: Object, **owner: str | None) -> list[str]:
    """Return the session's discounts as those of `owner`. What held at the customer's click is not checked again."""
    made = []
    for each in session["discounts"]:
        code = store.get(call, "promotion_code", each["promotion_code"]) if each["promotion_code"] else None
        coupon = store.get(call, "coupon", code["promotion"]["coupon"] if code else each["coupon"])
        made.append(str(discounts.make(call, coupon, code, **owner)["id"]))
    return made


def _parked(call: Call, customer: str, lines: list[list[Draft]], subscription: str | None) -> list[Draft]:
    """Return what is to be billed; what no subscription item asks for becomes an invoice item of its own."""
    return [
        draft if draft.item else ledger.park(call, customer, [replace(draft, subscription=subscription)])[0]
        for own in lines
        for draft in own
    ]


def _sell(call: Call, session: Object, known: dict[str, Any], intent: Object | None) -> Object:
    made: Object = {"payment_intent": intent["id"] if intent else None}
    id = new_id(call, "in") if cart.makes_invoice(session) else None
    owner = {"checkout_session": session["id"], "customer": known["customer"], "invoice": id}
    redeemed = _redeemed(call, session, **owner)
    if id is None:
        return made
    drafts = _parked(call, known["customer"], cart.lines(call, session, known, None), None)
    fields = {key: value for key, value in session["invoice_creation"]["invoice_data"].items() if value}
    fields = {key: fields[key] for key in ("custom_fields", "description", "footer", "metadata") if key in fields}
    customer = store.get(call, "customer", known["customer"])
    fields |= {"currency": session["currency"], "discounts": redeemed}
    invoice = invoicing.create(call, customer, drafts, id=id, **fields)
    invoice = charging.receive(call, invoice, intent) if intent else charging.open(call, invoice)
    return made | {"invoice": invoice["id"]}


def _set_up(call: Call, session: Object, known: dict[str, Any], intent: Object | None) -> Object:
    return {"setup_intent": intent["id"] if intent else None}


_MAKES = {"payment": _sell, "setup": _set_up, "subscription": _subscribe}


def _consent(session: Object, collected: dict[str, Any]) -> Object | None:
    asked, given = session["consent_collection"], collected.get("consent", {})
    if not asked:
        return None
    opted = "opt_in" if given.get("promotions") else "opt_out"
    return {
        "promotions": opted if asked["promotions"] == "auto" else None,
        "terms_of_service": "accepted" if given.get("terms_of_service") else None,
    }


def _tell_customer(call: Call, session: Object, known: dict[str, Any]) -> None:
    """Write down of a customer who was there before: a first e-mail, and what `customer_update` allows."""
    if session["customer"] is None or session["customer_creation"] is not None:
        return
    contact, allowed = _contact(known["collected"]), known["data"].get("customer_update", {})
    customer = store.get(call, "customer", session["customer"])
    news: Object = {key: contact[key] for key in ("address", "name") if allowed.get(key) == "auto" and key in contact}
    if customer["email"] is None and "email" in contact:
        news["email"] = contact["email"]
    if news:
        customers.update(replace(call, params=news), customer["id"])


def _learned(call: Call, session: Object, collected: dict[str, Any], intent: Object | None) -> Object:
    """Return what the session tells of its customer afterwards."""
    customer = store.find(call, "customer", session["customer"]) or {}
    method = store.find(call, "payment_method", intent["payment_method"] if intent else None)
    billing = (method or {}).get("billing_details", {})
    address = collected.get("address") or billing.get("address")
    typed = [collected["tax_id"]] if "tax_id" in collected else []
    details = {
        "address": {**dict.fromkeys(ADDRESS), **address} if address and session["mode"] != "setup" else None,
        "business_name": None,
        "email": collected.get("email") or customer.get("email"),
        "individual_name": None,
        "name": collected.get("name") or billing.get("name") or customer.get("name"),
        "phone": collected.get("phone") or customer.get("phone"),
        "tax_exempt": customer.get("tax_exempt", "none"),
        "tax_ids": _tax_ids(call, customer["id"]) if customer else typed,
    }
    return {"customer_details": details}


def expire(call: Call, session: Object) -> Object:
    """Close a session that nobody paid; raises the 400 of Stripe unless it is open."""
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"`{session['status']}`."
        )
    if intent := outcome(call, session):
        _abandon(call, intent)
    session |= {"status": "expired", "url": None}
    store.schedule(call, session, None)
    return store.save(call, session, EXPIRED)


@falls_due(KIND)
def _lapse(call: Call, session: Object) -> None:
    expire(call, session)
