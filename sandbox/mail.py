"""The notices that Stripe would send to customers, kept in a tray instead: each is derived from an event as it happens.

All that can be switched on in Stripe's Dashboard under “Customer emails” is on. Nobody without an address gets any.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox import hosted, store
from sandbox.engine import charging, pricing
from sandbox.kernel import Call, Object, listens, new_id

KIND = "mail"
_AT_THE_COUNTER = {"subscription_create", "subscription_update"}  # who pays these sits before the page that refuses

Words = tuple[str, list[str], list[tuple[str, str]]]  # subject, paragraphs, links as (what they say, where they lead)


def _on(*types: str) -> Callable[[Callable[[Call, Object], Words | None]], Callable[[Call, Object], Words | None]]:
    """Let the function below word the mail for events of these types; None: there is none."""

    def register(wording: Callable[[Call, Object], Words | None]) -> Callable[[Call, Object], Words | None]:
        @listens(*types)
        def put_into_tray(call: Call, obj: Object) -> None:
            to = _address(call, obj)
            if to and (words := wording(call, obj)):
                _keep(call, obj, to, words)

        return wording

    return register


def _keep(call: Call, obj: Object, to: str, words: Words) -> None:
    subject, text, links = words
    mail = {
        "id": new_id(call, "mail"),
        "object": KIND,
        "about": {"id": obj.get("id"), "object": obj["object"]},
        "created": call.now,
        "customer": obj.get("customer"),
        "from": _business(call),
        "links": [{"text": name, "url": url} for name, url in links],
        "subject": subject,
        "text": text,
        "to": to,
    }
    store.insert(call, mail)


def _address(call: Call, obj: Object) -> str | None:
    if obj.get("receipt_email") or obj.get("customer_email"):
        return str(obj.get("receipt_email") or obj["customer_email"])
    customer = store.find(call, "customer", _customer_id(call, obj)) or {}
    return customer.get("email")


def _customer_id(call: Call, obj: Object) -> str | None:
    if obj["object"] == "refund":
        return (store.find(call, "charge", obj["charge"]) or {}).get("customer")
    customer: str | None = obj.get("customer")
    return customer


def _business(call: Call) -> str:
    return hosted.business(call)


def _money(amount: int, obj: Object) -> str:
    return pricing.money(amount, obj["currency"])


def _pages(invoice: Object, hosted_text: str) -> list[tuple[str, str]]:
    links = [(hosted_text, invoice["hosted_invoice_url"]), ("Download invoice", invoice["invoice_pdf"])]
    return [(text, url) for text, url in links if url]


@_on("invoice.paid")
def _receipt(call: Call, invoice: Object) -> Words | None:
    if not invoice["amount_paid"]:
        return None
    paid = _money(invoice["amount_paid"], invoice)
    text = [f"{paid} paid on {hosted.day(call.now)}.", *_lines(invoice)]
    links = _pages(invoice, "View invoice")
    if url := _receipt_url(call, invoice):
        links.append(("View receipt", url))
    return f"Your receipt from {_business(call)} #{invoice['number']}", text, links


def _lines(invoice: Object) -> list[str]:
    return [
        f"{line['description']}: {_money(line['amount'], invoice)}"
        for line in invoice["lines"]["data"]
        if line["description"]
    ]


def _receipt_url(call: Call, invoice: Object) -> str | None:
    intent = hosted.intent_of(call, invoice)
    charge = store.find(call, "charge", intent["latest_charge"]) if intent else None
    return charge["receipt_url"] if charge else None


@_on("charge.succeeded")
def _single_receipt(call: Call, charge: Object) -> Words | None:
    """A payment that no invoice asked for gets a receipt where it names an address."""
    billed = next(store.query(call, "invoice_payment", lookup_key=charge["payment_intent"]), None)
    if billed or not charge["receipt_email"]:
        return None
    paid = _money(charge["amount"], charge)
    links = [("View receipt", charge["receipt_url"])] if charge["receipt_url"] else []
    return f"Your receipt from {_business(call)}", [f"{paid} paid on {hosted.day(call.now)}."], links


@_on("invoice.payment_failed")
def _failed(call: Call, invoice: Object) -> Words | None:
    if invoice["billing_reason"] in _AT_THE_COUNTER:
        return None
    due, retry = _money(invoice["amount_remaining"], invoice), invoice["next_payment_attempt"]
    text = [f"We could not charge your card for {due}. Please pay with another one, or update your details."]
    text += [f"We will try again on {hosted.day(retry)}."] if retry else []
    return f"{due} payment to {_business(call)} was unsuccessful", text, _pages(invoice, "Pay this invoice")


@_on("invoice.payment_action_required")
def _confirm(call: Call, invoice: Object) -> Words | None:
    if invoice["billing_reason"] in _AT_THE_COUNTER:
        return None
    due = _money(invoice["amount_remaining"], invoice)
    text = [f"Your bank wants you to confirm the payment of {due}. It is not made until you do."]
    return f"Confirm your {due} payment to {_business(call)}", text, _pages(invoice, "Confirm payment")


@_on("invoice.sent")
def _to_pay(call: Call, invoice: Object) -> Words | None:
    due, on = _money(invoice["amount_remaining"], invoice), invoice["due_date"]
    text = [f"{due} due on {hosted.day(on)}." if on else f"{due} due.", *_lines(invoice)]
    return f"New invoice from {_business(call)} #{invoice['number']}", text, _pages(invoice, "Pay this invoice")


@_on("invoice.overdue")
def _reminder(call: Call, invoice: Object) -> Words | None:
    due = _money(invoice["amount_remaining"], invoice)
    text = [f"{due} was due on {hosted.day(invoice['due_date'] or call.now)} and is still open."]
    return f"Reminder: invoice #{invoice['number']} is past due", text, _pages(invoice, "Pay this invoice")


@_on("customer.subscription.trial_will_end")
def _trial(call: Call, subscription: Object) -> Words | None:
    ends = hosted.day(subscription["trial_end"])
    pays = charging.usable(call, store.get(call, "customer", subscription["customer"]), None, subscription)
    text = ["Your card will be charged then." if pays else "There is no card to charge then: please add one before."]
    return f"Your trial of {_business(call)} ends on {ends}", text, []


@_on("invoice.upcoming")
def _renewal(call: Call, invoice: Object) -> Words | None:
    """Seven days ahead, with a word about a card that will have expired by then."""
    at = invoice["next_payment_attempt"] or invoice["period_end"]
    text = [f"{_money(invoice['amount_due'], invoice)} will be charged on {hosted.day(at)}."]
    card = (store.find(call, "payment_method", charging.payment_method_for(call, invoice)) or {}).get("card")
    if card and _has_expired(card, at):
        text.append(f"Your card ending in {card['last4']} will have expired by then. Please add another one.")
        return f"Your card for {_business(call)} is about to expire", text, []
    return f"Your subscription to {_business(call)} will renew soon", text, []


def _has_expired(card: Object, moment: int) -> bool:
    then = datetime.fromtimestamp(moment, UTC)
    return bool((card["exp_year"], card["exp_month"]) < (then.year, then.month))


@_on("customer.source.expiring")
def _expiring(call: Call, source: Object) -> Words | None:
    text = [f"Your card ending in {source['last4']} expires at the end of this month. Please add another one."]
    return f"Your card for {_business(call)} is about to expire", text, []


@_on("refund.created")
def _refund(call: Call, refund: Object) -> Words | None:
    given = _money(refund["amount"], refund)
    charge: Any = store.find(call, "charge", refund["charge"]) or {}
    links = [("View receipt", charge["receipt_url"])] if charge.get("receipt_url") else []
    text = [f"{given} goes back to the card you paid with. It can take five to ten days to show there."]
    return f"Your refund from {_business(call)}", text, links


def send_portal_link(call: Call, session: Object) -> None:
    """Put a customer's way into the portal into the tray: they asked for it there, no event stands behind it."""
    if to := _address(call, session):
        text = ["It works for five minutes. If you did not ask for it, there is nothing to do."]
        _keep(call, session, to, (f"Sign in to {_business(call)}", text, [("Sign in", session["url"])]))
