"""Invoices: what was billed, whether it is paid, and what the next one will say."""

from __future__ import annotations

import copy
from typing import Any

from sandbox import events, store
from sandbox.engine import charging, discounts, invoicing, ledger, previewing, standing, taxes
from sandbox.engine.calendar import DAY, HOUR
from sandbox.kernel import Call, Object, expandable, invalid, new_id, refers, route
from sandbox.params import (
    PAGING,
    Integer,
    String,
    boolean,
    clearable,
    currency,
    enum,
    listing,
    metadata,
    not_emulated,
    required,
    string,
    timestamp,
)
from sandbox.resources import invoice_items, sources
from sandbox.resources.discounts import DISCOUNTS
from sandbox.resources.subscriptions import CANCEL_AT, CHANGED_ITEM, PAUSE, PRORATION_BEHAVIOR, TRIAL_END

refers(
    "invoice",
    {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "discounts": "discount",
        "from_invoice.invoice": "invoice",
        "latest_revision": "invoice",
        "parent.subscription_details.subscription": "subscription",
    },
)
refers("line_item", {"discounts": "discount", "pricing.price_details.price": "price"})

_NOT_EMULATED = dict.fromkeys(
    (
        "account_tax_ids", "application_fee_amount", "automatic_tax", "customer_account",
        "from_invoice", "issuer", "on_behalf_of", "payment_settings", "rendering",
        "shipping_cost", "shipping_details", "transfer_data",
    ),
    not_emulated,
)  # fmt: skip
_FIELDS = {
    **_NOT_EMULATED,
    "auto_advance": boolean,
    "automatically_finalizes_at": timestamp,
    "collection_method": enum("charge_automatically", "send_invoice"),
    "custom_fields": clearable([{"name": required(String(40)), "value": required(String(140))}]),
    "days_until_due": Integer(0),
    "default_payment_method": string,
    "default_source": string,
    "default_tax_rates": clearable([string]),
    "description": clearable(String(1500)),
    "discounts": DISCOUNTS,
    "due_date": timestamp,
    "effective_at": clearable(timestamp),
    "footer": clearable(string),
    "metadata": metadata,
    "number": clearable(String(26)),
    "statement_descriptor": String(22),
}
_PLAIN = (
    "auto_advance", "automatically_finalizes_at", "collection_method", "custom_fields", "default_payment_method",
    "default_source", "description", "due_date", "effective_at", "footer", "metadata", "number", "statement_descriptor",
)  # fmt: skip
_ANY_TIME = {
    "auto_advance", "default_payment_method", "default_source", "description", "due_date", "expand", "footer",
    "metadata",
}  # fmt: skip

_SUBSCRIPTION_DETAILS = {
    "billing_cycle_anchor": {"timestamp": timestamp, "type": required(enum("now", "timestamp", "unchanged"))},
    "billing_mode": not_emulated,
    "billing_schedules": not_emulated,
    "cancel_at": CANCEL_AT,
    "cancel_at_period_end": boolean,
    "cancel_now": boolean,
    "default_tax_rates": clearable([string]),
    "items": [CHANGED_ITEM],
    "metadata": metadata,
    "pause": PAUSE,
    "proration_behavior": PRORATION_BEHAVIOR,
    "proration_date": timestamp,
    "resume_at": enum("now"),
    "start_date": not_emulated,
    "trial_end": TRIAL_END,
}


@route(
    "POST",
    "/v1/invoices",
    {
        **_FIELDS,
        "currency": currency,
        "customer": required(string),
        "pending_invoice_items_behavior": enum("exclude", "include"),
        "subscription": string,
    },
)
def create(call: Call) -> Object:
    """Draft an invoice by hand; of what waits for an invoice it takes what it is asked to."""
    given = call.params
    customer = store.get(call, "customer", given["customer"], "customer")
    fields: dict[str, Any] = {"currency": given.get("currency") or customer["currency"] or "usd"}
    takes_pending = given.get("pending_invoice_items_behavior") == "include"
    if "subscription" in given:
        subscription = store.get(call, "subscription", given["subscription"], "subscription")
        fields = charging.for_subscription(call, subscription, "manual") | {"auto_advance": False}
        takes_pending = True
    drafts = ledger.waiting(call, customer["id"], given.get("subscription")) if takes_pending else []
    if "subscription" in given and not drafts:
        raise invalid("Nothing to invoice for subscription", code="invoice_no_subscription_line_items")
    id = new_id(call, "in")
    if "discounts" in given:
        purchase = (sum(draft.amount for draft in drafts), fields["currency"])
        fields["discounts"] = discounts.redeem(call, given["discounts"], purchase, customer=customer["id"], invoice=id)
    else:
        fields.setdefault("discounts", discounts.of_customer(call, customer["id"]))
    return invoicing.create(call, customer, drafts, id=id, **fields | _given(call, customer["id"]))


@route(
    "GET",
    "/v1/invoices",
    listing(
        collection_method=enum("charge_automatically", "send_invoice"),
        customer=string,
        customer_account=not_emulated,
        due_date=not_emulated,
        status=enum("draft", "open", "paid", "uncollectible", "void"),
        subscription=string,
    ),
)
def list_all(call: Call) -> Object:
    """List invoices."""
    given = call.params
    for kind in ("customer", "subscription"):
        if kind in given:
            store.get(call, kind, given[kind], kind)
    filters = {name: given.get(name) for name in ("customer", "status", "subscription", "collection_method")}
    return store.page(call, "invoice", "/v1/invoices", **filters)


@route("GET", "/v1/invoices/{invoice}")
def retrieve(call: Call, invoice: str) -> Object:
    """Return an invoice."""
    return store.get(call, "invoice", invoice, "invoice")


@route("POST", "/v1/invoices/{invoice}", _FIELDS)
def update(call: Call, invoice: str) -> Object:
    """Change a draft; of a finalised invoice only what its amounts and its text do not depend on."""
    obj = store.get(call, "invoice", invoice, "invoice")
    if call.params.keys() - _ANY_TIME:
        invoicing.ensure_draft(obj)
    rates = obj["default_tax_rates"]
    obj |= _given(call, obj["customer"], obj["metadata"])
    if not call.params.keys() & {"default_tax_rates", "discounts"}:
        return invoicing.keep(call, obj, "invoice.updated")
    if "discounts" in call.params:
        owner = {"customer": obj["customer"], "invoice": obj["id"]}
        purchase = (obj["subtotal"], obj["currency"])
        obj["discounts"] = discounts.redeem(call, call.params["discounts"], purchase, **owner)
    return invoicing.retotal(call, obj, rates)


@route("DELETE", "/v1/invoices/{invoice}")
def delete(call: Call, invoice: str) -> Object:
    """Delete a one-off draft for good."""
    return invoicing.delete(call, store.get(call, "invoice", invoice, "invoice"))


@route("POST", "/v1/invoices/{invoice}/finalize", {"auto_advance": boolean})
def finalize(call: Call, invoice: str) -> Object:
    """Close a draft for editing, give it its number and prepare its payment."""
    draft = store.get(call, "invoice", invoice, "invoice")
    before = copy.deepcopy(draft)
    opened = charging.open(call, draft | {"auto_advance": call.params.get("auto_advance", draft["auto_advance"])})
    if opened["status"] == "open" and opened["auto_advance"] and opened["collection_method"] != "send_invoice":
        opened = invoicing.keep(call, opened | {"next_payment_attempt": call.now + HOUR})
    events.emit(call, "invoice.updated", opened, events.previous_attributes(before, opened))
    return opened


@route(
    "POST",
    "/v1/invoices/{invoice}/pay",
    {
        "forgive": boolean,
        "mandate": not_emulated,
        "off_session": boolean,
        "paid_out_of_band": boolean,
        "payment_method": string,
        "source": string,
    },
)
def pay(call: Call, invoice: str) -> Object:
    """Collect an invoice now, out of turn; a decline answers 402 and leaves its trace."""
    obj, given = store.get(call, "invoice", invoice, "invoice"), call.params
    if obj["status"] == "paid":
        raise invalid("Invoice is already paid")
    if obj["status"] == "void":
        raise invalid("This invoice can no longer be paid: it is void.")
    payment_method = given.get("payment_method") or given.get("source")
    if payment_method:
        charging.check_attached(call, payment_method, obj["customer"], "payment_method")
    if obj["status"] == "draft":
        obj = charging.open(call, obj)
    if obj["status"] == "paid":
        return obj
    if given.get("paid_out_of_band"):
        return charging.settle(call, obj, out_of_band=True)
    return charging.attempt(call, obj, payment_method, off_session=given.get("off_session", True))


@route("POST", "/v1/invoices/{invoice}/void")
def void(call: Call, invoice: str) -> Object:
    """Void a finalised invoice: nothing is to be paid any more."""
    return charging.void(call, store.get(call, "invoice", invoice, "invoice"))


@route("POST", "/v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(call: Call, invoice: str) -> Object:
    """Give an invoice up as bad debt; it can still be paid."""
    obj = invoicing.mark_uncollectible(call, store.get(call, "invoice", invoice, "invoice"))
    standing.set_delinquent(call, obj, delinquent=False)
    return obj


@route("POST", "/v1/invoices/{invoice}/send")
def send(call: Call, invoice: str) -> Object:
    """Send an invoice to the customer, finalising it before where it is a draft. No mail leaves the sandbox."""
    obj = store.get(call, "invoice", invoice, "invoice")
    if obj["status"] == "draft":
        obj = charging.open(call, obj)
    if obj["status"] not in {"open", "paid"}:
        raise invalid(f"You can only send an invoice that is open or paid. This one is {obj['status']}.")
    events.emit(call, "invoice.sent", obj)
    return obj


@route("GET", "/v1/invoices/{invoice}/lines", PAGING)
def lines(call: Call, invoice: str) -> Object:
    """List the lines of an invoice, of which it shows the first ten itself."""
    obj = store.get(call, "invoice", invoice, "invoice")
    return store.page(call, "line_item", f"/v1/invoices/{invoice}/lines", parent=obj["id"])


@route(
    "POST",
    "/v1/invoices/create_preview",
    {
        "automatic_tax": not_emulated,
        "currency": not_emulated,
        "customer": string,
        "customer_account": not_emulated,
        "customer_details": not_emulated,
        "discounts": DISCOUNTS,
        "invoice_items": [{**invoice_items.FIELDS, "currency": currency, "invoiceitem": not_emulated, "price": string}],
        "issuer": not_emulated,
        "on_behalf_of": not_emulated,
        "preview_mode": enum("next", "recurring"),
        "schedule": not_emulated,
        "schedule_details": not_emulated,
        "subscription": string,
        "subscription_details": _SUBSCRIPTION_DETAILS,
    },
)
def create_preview(call: Call) -> Object:
    """Answer with the invoice that a renewal, a change or a new subscription would make; nothing is kept."""
    return previewing.preview(call, call.params)


@expandable("invoice", "confirmation_secret")
def confirmation_secret(call: Call, invoice: Object) -> Object | None:
    """Return the client secret of the invoice's own payment intent, for the browser to confirm."""
    payment = charging.find_payment(call, invoice)
    if payment is None:
        return None
    intent = store.get(call, "payment_intent", payment["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _given(call: Call, customer: str, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the invoice's fields that the request sets; raises where they contradict each other."""
    given = call.params
    if "default_payment_method" in given:
        charging.check_attached(call, given["default_payment_method"], customer)
    if "default_source" in given:
        sources.check_own(call, given["default_source"], customer)
    fields = {key: given[key] for key in _PLAIN if key in given}
    if "default_tax_rates" in given:
        fields["default_tax_rates"] = taxes.rates(call, given["default_tax_rates"], "default_tax_rates")
    if "metadata" in given:
        fields["metadata"] = store.merged_metadata(metadata, given["metadata"])
    if "days_until_due" in given:
        fields["due_date"] = call.now + given["days_until_due"] * DAY
    if given.get("collection_method") == "send_invoice" and "due_date" not in fields:
        raise invalid("You must pass `days_until_due` or `due_date` when sending an invoice.", param="days_until_due")
    if given.get("auto_advance") and "automatically_finalizes_at" not in given:
        fields["automatically_finalizes_at"] = call.now + HOUR
    return fields
