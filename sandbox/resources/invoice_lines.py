"""Invoice lines by themselves: several added, changed or taken off a draft at once."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.engine import invoicing, ledger, taxes
from sandbox.kernel import Call, Object, invalid, missing, route
from sandbox.params import enum, metadata, not_emulated, required, string
from sandbox.resources import invoice_items

_FIELDS = {
    **{key: kind for key, kind in invoice_items.FIELDS.items() if key not in {"tax_behavior", "tax_code"}},
    "pricing": {"price": string},
    "tax_amounts": not_emulated,
    "unit_amount_decimal": not_emulated,
}
_ALL = {"invoice_metadata": metadata}
# What may change of a line that a subscription's item made, and no invoice item.
_OF_SUBSCRIPTIONS = {"description", "expand", "id", "metadata", "period", "tax_rates"}


@route("POST", "/v1/invoices/{invoice}/add_lines", {**_ALL, "lines": required([{**_FIELDS, "invoice_item": string}])})
def add(call: Call, invoice: str) -> Object:
    """Put new lines, or invoice items that wait, on a draft."""
    draft = _draft(call, invoice)
    entries = enumerate(call.params["lines"])
    items = [_item(call, draft, given, f"lines[{n}]") for n, given in entries]
    for item in items:
        store.save(call, item | {"invoice": draft["id"]})
    return invoicing.add(call, draft, [ledger.as_draft(item) for item in items])


@route(
    "POST", "/v1/invoices/{invoice}/update_lines", {**_ALL, "lines": required([{**_FIELDS, "id": required(string)}])}
)
def update(call: Call, invoice: str) -> Object:
    """Change several lines of a draft."""
    draft = _draft(call, invoice)
    for n, given in enumerate(call.params["lines"]):
        _change(call, draft, _line(call, draft, given["id"], f"lines[{n}][id]"), given)
    return invoicing.retotal(call, draft)


@route(
    "POST",
    "/v1/invoices/{invoice}/remove_lines",
    {**_ALL, "lines": required([{"behavior": required(enum("delete", "unassign")), "id": required(string)}])},
)
def remove(call: Call, invoice: str) -> Object:
    """Take lines off a draft: for good, or, with `unassign`, so that their invoice items wait for another invoice."""
    draft = _draft(call, invoice)
    for n, given in enumerate(call.params["lines"]):
        line = _line(call, draft, given["id"], f"lines[{n}][id]")
        item = _invoice_item(call, line)
        if given["behavior"] == "unassign":
            if item is None:
                raise invalid(f"The line {line['id']} has no invoice item to unassign.", param=f"lines[{n}][behavior]")
            store.save(call, item | {"invoice": None})
        elif item:
            store.delete(call, item, "invoiceitem.deleted")
        store.delete(call, line)
    return invoicing.retotal(call, draft)


@route("POST", "/v1/invoices/{invoice}/lines/{line_item_id}", _FIELDS)
def update_one(call: Call, invoice: str, line_item_id: str) -> Object:
    """Change one line of a draft."""
    draft = _draft(call, invoice)
    line = _line(call, draft, line_item_id, "line_item_id")
    _change(call, draft, line, call.params)
    invoicing.retotal(call, draft)
    return store.get(call, "line_item", line["id"])


def _draft(call: Call, invoice: str) -> Object:
    draft = store.get(call, "invoice", invoice, "invoice")
    invoicing.ensure_draft(draft)
    if "invoice_metadata" in call.params:
        draft["metadata"] = store.merged_metadata(draft["metadata"], call.params["invoice_metadata"])
    return draft


def _line(call: Call, invoice: Object, id: str, param: str) -> Object:
    line = store.get(call, "line_item", id, param)
    if line["invoice"] != invoice["id"]:
        raise missing("line_item", id, param)
    return line


def _item(call: Call, invoice: Object, given: dict[str, Any], param: str) -> Object:
    """Return the invoice item that a new line is made of: one that waits already, or a new one."""
    if "invoice_item" not in given:
        return ledger.add(call, invoice["customer"], given, invoice["currency"])
    item = store.get(call, "invoiceitem", given["invoice_item"], f"{param}[invoice_item]")
    if item["customer"] != invoice["customer"] or item["invoice"]:
        raise invalid(
            f"The invoice item {item['id']} is another customer's, or on an invoice already.",
            param=f"{param}[invoice_item]",
        )
    return item


def _change(call: Call, invoice: Object, line: Object, given: dict[str, Any]) -> None:
    item = _invoice_item(call, line)
    if item:
        invoicing.redraw(call, invoice, line, ledger.as_draft(invoice_items.change(call, item, given)))
        return
    for name in sorted(given.keys() - _OF_SUBSCRIPTIONS):
        raise invalid(f"You cannot change `{name}` of a line that belongs to a subscription.", param=name)
    store.update(line, given, "description", "metadata", "period")
    if "tax_rates" in given:
        line["taxes"] = taxes.own(taxes.rates(call, given["tax_rates"], "tax_rates"))
    store.save(call, line)


def _invoice_item(call: Call, line: Object) -> Object | None:
    return store.find(call, "invoiceitem", line["parent"][line["parent"]["type"]]["invoice_item"])
