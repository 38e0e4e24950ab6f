"""Invoices and their lines: composed from drafts, totalled, finalised, settled, voided.

Whoever calls decides about payment and about the subscription; here an invoice only adds up and changes its state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox import events, links, store
from sandbox.engine import balance, discounts, shapes, taxes
from sandbox.engine.calendar import HOUR
from sandbox.engine.proration import Draft
from sandbox.kernel import Call, Object, invalid, new_id

EMBEDDED = 10  # lines shown inside the invoice; the rest is at /lines


def create(call: Call, customer: Object, drafts: list[Draft], *, id: str | None = None, **fields: Any) -> Object:
    """Store a draft invoice of these lines and announce it; `fields` replace keys of the blank invoice."""
    invoice = compose(call, customer, drafts, id or new_id(call, "in"), **fields)
    lines = invoice["lines"]["data"]
    _embed(invoice, lines)
    store.insert(call, invoice, "invoice.created")
    _insert_lines(call, lines)
    for draft in drafts:
        if draft.invoice_item:
            item = store.get(call, "invoiceitem", draft.invoice_item)
            store.save(call, item | {"invoice": invoice["id"]})
    keep(call, invoice)
    discounts.use_up(call, invoice)
    return invoice


def keep(call: Call, invoice: Object, event: str | None = None) -> Object:
    """Store a changed invoice and tell the calendar when to look at it next."""
    store.save(call, invoice, event)
    store.schedule(call, invoice, _due_at(call, invoice))
    return invoice


def _due_at(call: Call, invoice: Object) -> int | None:
    """Return when something will happen to an invoice by itself: finalisation, the next attempt, the due date."""
    if invoice["status"] == "draft":
        return invoice["automatically_finalizes_at"] if invoice["auto_advance"] else None
    moment: int | None = None
    if invoice["status"] == "open" and invoice["collection_method"] == "send_invoice":
        moment = None if store.private(call, invoice).get("overdue") else invoice["due_date"]
    elif invoice["status"] == "open":
        moment = invoice["next_payment_attempt"]
    return moment


def compose(call: Call, customer: Object, drafts: list[Draft], id: str, **fields: Any) -> Object:
    """Return a draft invoice with all its lines inside, stored nowhere: also what a preview answers."""
    invoice = shapes.invoice(call, customer, id) | fields
    subscription = _subscription_of(invoice)
    lines = [_line(call, invoice, draft, subscription) for draft in drafts]
    _name_credited(lines)
    invoice["lines"] = store.envelope(lines, f"/v1/invoices/{id}/lines")
    return total(call, invoice, lines)


def total(call: Call, invoice: Object, lines: list[Object]) -> Object:
    """Discount and tax the lines, add them up and set every amount of an unfinalised invoice; returns the same invoice.

    What the discounts of single lines take off is gone from the subtotal already; the invoice's own come after it,
    and then the taxes that are not inside the prices.
    """
    discounts.apply(call, invoice, lines)
    taxes.apply(call, invoice, lines)
    off = [(entry, entry["discount"] in line["discounts"]) for line in lines for entry in line["discount_amounts"]]
    subtotal = sum(line["subtotal"] for line in lines) - sum(entry["amount"] for entry, lines_own in off if lines_own)
    discounted = subtotal - sum(entry["amount"] for entry, lines_own in off if not lines_own)
    invoice |= {
        "subtotal": subtotal,
        "total_discount_amounts": discounts.totals(lines),
        **taxes.totals(call, lines, subtotal, discounted),
    }
    due, _ = balance.applied(invoice["total"], invoice["starting_balance"], invoice["currency"])
    invoice |= {"amount_due": due, "amount_remaining": due - invoice["amount_paid"]}
    return invoice


def add(call: Call, invoice: Object, drafts: list[Draft]) -> Object:
    """Append lines to a stored draft invoice."""
    ensure_draft(invoice)
    subscription = _subscription_of(invoice)
    _insert_lines(call, [_line(call, invoice, draft, subscription) for draft in drafts])
    return retotal(call, invoice)


def redraw(call: Call, invoice: Object, line: Object, draft: Draft) -> None:
    """Let a stored line of a draft invoice say what `draft` says; it keeps its id. Totals are not touched."""
    ensure_draft(invoice)
    store.save(call, _line(call, invoice, draft, _subscription_of(invoice)) | {"id": line["id"]})


def line_of(call: Call, invoice: Object, item: Object) -> Object:
    """Return the line that an invoice item has made on a stored invoice."""
    lines = store.query(call, "line_item", parent=invoice["id"])
    return next(line for line in lines if line["parent"][line["parent"]["type"]]["invoice_item"] == item["id"])


def retotal(call: Call, invoice: Object, old_rates: Iterable[Object] = ()) -> Object:
    """Bring a stored draft invoice in line with its stored lines; `old_rates` were its default tax rates before."""
    lines = list(store.query(call, "line_item", parent=invoice["id"]))
    taxes.change_defaults(lines, old_rates)
    total(call, invoice, lines)
    for line in lines:
        store.save(call, line)
    _embed(invoice, lines)
    keep(call, invoice, "invoice.updated")
    discounts.use_up(call, invoice)
    return invoice


def finalize(call: Call, invoice: Object) -> Object:
    """Number an invoice, take the customer's balance into account and open it; it can no longer be edited.

    Nothing is charged here. Raises invalid() unless it is a draft.
    """
    ensure_draft(invoice)
    customer = store.get(call, "customer", invoice["customer"])
    due, ending = balance.applied(invoice["total"], customer["balance"], invoice["currency"])
    invoice |= {
        "starting_balance": customer["balance"],
        "ending_balance": ending,
        "amount_due": due,
        "amount_remaining": due,
        "number": invoice["number"] or _next_number(call, customer),
        "status": "open",
        "automatically_finalizes_at": None,
        "effective_at": invoice["effective_at"] or call.now,
        **_links(call, invoice),
    }
    invoice["status_transitions"]["finalized_at"] = call.now
    keep(call, invoice, "invoice.finalized")
    balance.settle(call, invoice)
    return invoice


def mark_paid(call: Call, invoice: Object, *, out_of_band: bool = False) -> Object:
    """Close an invoice as paid; announces invoice.paid and, unless paid elsewhere, invoice.payment_succeeded."""
    invoice.pop("status_details", None)  # it says why an invoice was given up
    invoice |= {
        "amount_paid": 0 if out_of_band else invoice["amount_due"],
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
    }
    invoice["status_transitions"]["paid_at"] = call.now
    keep(call, invoice, "invoice.paid")
    if not out_of_band:
        events.emit(call, "invoice.payment_succeeded", invoice)
    return invoice


def void(call: Call, invoice: Object) -> Object:
    """Void an open or uncollectible invoice: it stays on record, with nothing to pay."""
    if invoice["status"] not in {"open", "uncollectible"}:
        raise invalid(
            f"You can only pass in open or uncollectible invoices. This invoice isn't one: it is {invoice['status']}."
        )
    invoice |= {"auto_advance": False, "next_payment_attempt": None, "status": "void"}
    invoice["status_transitions"]["voided_at"] = call.now
    keep(call, invoice, "invoice.voided")
    balance.give_back(call, invoice)
    return invoice


def mark_uncollectible(call: Call, invoice: Object, reason: str = "payment_not_received") -> Object:
    """Give an open invoice up as bad debt; it can still be paid."""
    if invoice["status"] != "open":
        raise invalid(f"You can only mark open invoices as uncollectible. This invoice is {invoice['status']}.")
    invoice |= {
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "uncollectible",
        "status_details": {"uncollectible": {"reason": reason}},
    }
    invoice["status_transitions"]["marked_uncollectible_at"] = call.now
    return keep(call, invoice, "invoice.marked_uncollectible")


def delete(call: Call, invoice: Object) -> Object:
    """Delete a one-off draft; its invoice items wait for the next invoice again."""
    ensure_draft(invoice)
    if _subscription_of(invoice):
        raise invalid("You can't delete invoices created by subscriptions.")
    for item in store.query(call, "invoiceitem", parent=invoice["id"]):
        store.save(call, item | {"invoice": None})
    for line in store.query(call, "line_item", parent=invoice["id"]):
        store.delete(call, line)
    return store.delete(call, invoice, "invoice.deleted")


def ensure_draft(invoice: Object) -> None:
    """Raise the 400 that Stripe gives for an edit of a finalised invoice."""
    if invoice["status"] != "draft":
        raise invalid("This invoice is no longer editable", code="invoice_not_editable")


def auto_finalizes(moment: int) -> dict[str, Any]:
    """Return the fields of an invoice that the calendar will finalise: an hour after it was drafted."""
    return {"auto_advance": True, "automatically_finalizes_at": moment + HOUR}


def _links(call: Call, invoice: Object) -> Object:
    url = links.url(call, "invoice", invoice)
    return {"hosted_invoice_url": url, "invoice_pdf": f"{url}pdf/"}


def _next_number(call: Call, customer: Object) -> str:
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    store.save(call, customer | {"next_invoice_sequence": customer["next_invoice_sequence"] + 1})
    return number


def _embed(invoice: Object, lines: list[Object]) -> None:
    url = f"/v1/invoices/{invoice['id']}/lines"
    invoice["lines"] = store.envelope(lines[:EMBEDDED], url, len(lines) > EMBEDDED)


def _insert_lines(call: Call, lines: list[Object]) -> None:
    for line in reversed(lines):  # lists run newest first: what is to be read first is stored last
        store.insert(call, line)


def _subscription_of(invoice: Object) -> Object:
    return (invoice["parent"] or {}).get("subscription_details") or {}


def _line(call: Call, invoice: Object, draft: Draft, subscription: Object) -> Object:
    return {
        "id": new_id(call, "il"),
        "object": "line_item",
        "amount": draft.amount,
        "currency": draft.currency,
        "description": draft.description,
        "discount_amounts": [each for each in draft.discount_amounts if _shows(draft, each)],
        "discountable": draft.discountable,
        "discounts": list(draft.discounts),
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": draft.metadata,
        "parent": _line_parent(draft, subscription.get("subscription")),
        "period": {"end": draft.period.end, "start": draft.period.start},
        "pretax_credit_amounts": [],
        "pricing": draft.pricing,
        "quantity": draft.quantity,
        "quantity_decimal": None if draft.quantity is None else str(draft.quantity),
        "subscription": draft.subscription or subscription.get("subscription"),
        "subtotal": draft.amount,
        "taxes": taxes.own(draft.tax_rates),
    }


def _shows(draft: Draft, off: Object) -> bool:
    """With proration_discounts=included a proration names the discounts of its invoice only, with an amount of 0."""
    return bool(off["amount"]) or off["discount"] not in draft.discounts


def _name_credited(lines: list[Object]) -> None:
    """Where an invoice item gives back another one, let its line name that one's line, on the same invoice."""
    details = [line["parent"][line["parent"]["type"]] for line in lines]
    line_of = {each["invoice_item"]: line for each, line in zip(details, lines, strict=True) if each["invoice_item"]}
    for each in details:
        credited = (each["proration_details"] or {}).get("credited_items") or {}
        if "invoice_item" in credited:
            line = line_of.get(credited["invoice_item"])
            named = line and {"invoice": line["invoice"], "invoice_line_items": [line["id"]]}
            each["proration_details"] = {"credited_items": named}


def _line_parent(draft: Draft, subscription: str | None) -> Object:
    details = {
        "invoice_item": draft.invoice_item,
        "proration": draft.proration,
        "proration_details": {"credited_items": draft.credited} if draft.proration else None,
        "subscription": draft.subscription or subscription,
    }
    if draft.item:
        details["subscription_item"] = draft.item
    kind = "subscription_item_details" if draft.item else "invoice_item_details"
    return {"invoice_item_details": None, "subscription_item_details": None, kind: details, "type": kind}
