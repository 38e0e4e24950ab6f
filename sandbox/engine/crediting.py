"""Credit notes: taking back a part of a finalised invoice, first of what is still to be paid, then of what was.

Worked out first, without writing anything; a preview stops there.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox import links, store
from sandbox.engine import balance, charging, pricing, taxes
from sandbox.kernel import Call, Object, invalid, missing, new_id
from sandbox.resources import refunds

LINE = "credit_note_line_item"
_CREDITABLE = {"open", "paid", "uncollectible"}
_UNPAID = {"open", "uncollectible"}


def work_out(call: Call, invoice: Object, params: dict[str, Any]) -> tuple[Object, list[Object]]:
    """Return the credit note that the parameters ask for, and its lines; raises where the invoice does not bear it."""
    if invoice["status"] not in _CREDITABLE:
        raise invalid(f"You can only credit a finalized invoice. This invoice is {invoice['status']}.", param="invoice")
    lines = [_line(call, invoice, given, f"lines[{n}]") for n, given in enumerate(params.get("lines", []))]
    lines = lines or [_lump(call, params)]
    note = _note(call, invoice, params, lines)
    total = note["amount"]
    if params.get("amount", total) != total:
        asked, sum_ = (pricing.money(each, invoice["currency"]) for each in (params["amount"], total))
        raise invalid(f"The amount ({asked}) is not what the lines add up to ({sum_}).", param="amount")
    left = creditable(call, invoice)
    if not 0 < total <= left:
        asked, rest = (pricing.money(each, invoice["currency"]) for each in (total, left))
        raise invalid(
            f"The credit note amount ({asked}) must be greater than zero, and not more than what can still be "
            f"credited of the invoice ({rest}).",
            param="amount" if "amount" in params else "lines",
        )
    return note, lines


def creditable(call: Call, invoice: Object) -> int:
    """Return how much of an invoice no credit note has taken back yet, in minor units."""
    issued = store.query(call, "credit_note", parent=invoice["id"], status="issued")
    return int(invoice["total"] - sum(note["amount"] for note in issued))


def issue(call: Call, note: Object, lines: list[Object], params: dict[str, Any]) -> Object:
    """Store a credit note and do what it says: less to pay, money back, credit for the next invoice.

    Raises invalid() unless refunds, credit and what is given back elsewhere make up its `post_payment_amount`.
    """
    invoice = store.get(call, "invoice", note["invoice"])
    note["refunds"] = _linked(call, invoice, params.get("refunds", []))
    _check_sum(note, params)
    if amount := params.get("refund_amount"):
        note["refunds"].append(_refund(call, invoice, amount, note))
    if credit := params.get("credit_amount"):
        customer = store.get(call, "customer", note["customer"])
        moved = balance.move(call, customer, -credit, "credit_note", credit_note=note["id"], currency=note["currency"])
        note["customer_balance_transaction"] = moved["id"]
    for line in reversed(lines):  # lists run newest first
        store.insert(call, line | {"credit_note": note["id"]})
    store.insert(call, note, "credit_note.created")
    invoice["post_payment_credit_notes_amount"] += note["post_payment_amount"]
    charging.forgive(call, invoice, note["pre_payment_amount"])
    return note


def void(call: Call, note: Object) -> Object:
    """Take back a credit note on an open invoice: all of it is to be paid again."""
    invoice = store.get(call, "invoice", note["invoice"])
    if note["status"] == "void":
        raise invalid("This credit note is void already.")
    if invoice["status"] != "open" or note["post_payment_amount"]:
        raise invalid("You can only void a credit note of an open invoice that gave back nothing that was paid.")
    charging.forgive(call, invoice, -note["pre_payment_amount"])
    return store.save(call, note | {"status": "void", "voided_at": call.now}, "credit_note.voided")


def shown(line: Object) -> Object:
    """Return a stored line without the credit note, which Stripe's object does not name."""
    return {key: value for key, value in line.items() if key != "credit_note"}


def _note(call: Call, invoice: Object, params: dict[str, Any], lines: list[Object]) -> Object:
    id = new_id(call, "cn")
    taxed = [each for line in lines for each in line["taxes"]]
    on_top, inside = (
        sum(each["amount"] for each in taxed if each["tax_behavior"] == behavior)
        for behavior in ("exclusive", "inclusive")
    )
    subtotal, discount = (sum(line[key] for line in lines) for key in ("amount", "discount_amount"))
    total = subtotal - discount + on_top
    before = min(total, invoice["amount_remaining"]) if invoice["status"] in _UNPAID else 0
    earlier = store.count(call, "credit_note", parent=invoice["id"])
    note = {
        "id": id,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": call.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": discount,
        "discount_amounts": _summed(each for line in lines for each in line["discount_amounts"]),
        "effective_at": params.get("effective_at", call.now),
        "invoice": invoice["id"],
        "lines": store.envelope(lines[:10], f"/v1/credit_notes/{id}/lines", len(lines) > 10),
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": store.merged_metadata({}, params.get("metadata")),
        "number": f"{invoice['number']}-CN-{earlier + 1:02}",
        "out_of_band_amount": params.get("out_of_band_amount"),
        "post_payment_amount": total - before,
        "pre_payment_amount": before,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inside,
        "total": total,
        "total_excluding_tax": total - on_top - inside,
        "total_taxes": taxes.summed(taxed),
        "type": "mixed" if 0 < before < total else "pre_payment" if before else "post_payment",
        "voided_at": None,
    }
    return note | {"pdf": f"{links.url(call, 'credit_note', note)}pdf/"}


def _line(call: Call, invoice: Object, given: dict[str, Any], param: str) -> Object:
    """Return the line that one entry of `lines` describes."""
    if given["type"] == "custom_line_item":
        return _custom(call, invoice, given, param)
    if "invoice_line_item" not in given:
        name = f"{param}[invoice_line_item]"
        raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    billed = store.get(call, "line_item", given["invoice_line_item"], f"{param}[invoice_line_item]")
    if billed["invoice"] != invoice["id"]:
        raise missing("line_item", billed["id"], f"{param}[invoice_line_item]")
    left = _left(call, billed)
    quantity = given.get("quantity")
    amount = given.get("amount", left if quantity is None else _of_quantity(billed, quantity, param))
    if not 0 < amount <= left:
        rest = pricing.money(left, invoice["currency"])
        raise invalid(f"No more than {rest} of this line can still be credited.", param=f"{param}[amount]")
    off = [
        {"amount": pricing.share(each["amount"], amount, billed["amount"]), "discount": each["discount"]}
        for each in billed["discount_amounts"]
    ]
    net = amount - sum(each["amount"] for each in off)
    rates = taxes.known(call, taxes.named(billed))
    return _blank(call, given) | {
        "amount": amount,
        "description": billed["description"],
        "discount_amount": amount - net,
        "discount_amounts": off,
        "invoice_line_item": billed["id"],
        "quantity": quantity,
        "tax_rates": rates,
        "taxes": taxes.of(net, rates, invoice["customer_tax_exempt"]),
        "type": "invoice_line_item",
    }


def _left(call: Call, billed: Object) -> int:
    """Return how much of an invoice's line no credit note has taken back yet."""
    credited = store.query(call, LINE, invoice_line_item=billed["id"])
    issued = (line for line in credited if store.get(call, "credit_note", line["credit_note"])["status"] == "issued")
    return int(billed["amount"] - sum(line["amount"] for line in issued))


def _of_quantity(billed: Object, quantity: int, param: str) -> int:
    if not 0 < quantity <= (billed["quantity"] or 0):
        raise invalid(f"The line has a quantity of {billed['quantity']}.", param=f"{param}[quantity]")
    return pricing.share(billed["amount"], quantity, billed["quantity"])


def _custom(call: Call, invoice: Object, given: dict[str, Any], param: str) -> Object:
    unit = given.get("unit_amount_decimal", given.get("unit_amount"))
    if unit is None or "description" not in given:
        name = f"{param}[{'unit_amount' if unit is None else 'description'}]"
        raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    quantity = given.get("quantity", 1)
    amount = pricing.rounded(Decimal(unit) * quantity)
    rates = taxes.rates(call, given.get("tax_rates"), f"{param}[tax_rates]")
    return _blank(call, given) | {
        "amount": amount,
        "description": given["description"],
        "quantity": quantity,
        "tax_rates": rates,
        "taxes": taxes.of(amount, rates, invoice["customer_tax_exempt"]),
        "unit_amount": int(unit) if Decimal(unit) == int(Decimal(unit)) else None,
        "unit_amount_decimal": str(unit),
    }


def _lump(call: Call, params: dict[str, Any]) -> Object:
    """Return the one line of a credit note for an amount without lines."""
    if "amount" not in params:
        raise invalid("You must pass one of `amount`, `lines` or `shipping_cost`.", param="amount")
    given = {"description": "Credit", "quantity": 1}
    return (
        _blank(call, {})
        | given
        | {"amount": params["amount"], "unit_amount": params["amount"], "unit_amount_decimal": str(params["amount"])}
    )


def _blank(call: Call, given: dict[str, Any]) -> Object:
    return {
        "id": new_id(call, "cnli"),
        "object": LINE,
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": False,
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "pretax_credit_amounts": [],
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _summed(off: Iterable[Object]) -> list[Object]:
    sums: dict[str, int] = {}
    for each in off:
        sums[each["discount"]] = sums.get(each["discount"], 0) + each["amount"]
    return [{"amount": amount, "discount": discount} for discount, amount in sums.items()]


def _check_sum(note: Object, params: dict[str, Any]) -> None:
    """Raise unless all that was paid and is credited is given back somehow."""
    given = ("credit_amount", "out_of_band_amount", "refund_amount")
    back = sum(params.get(key, 0) for key in given) + sum(each["amount_refunded"] for each in note["refunds"])
    if back != note["post_payment_amount"]:
        sum_, due = (pricing.money(each, note["currency"]) for each in (back, note["post_payment_amount"]))
        raise invalid(
            f"The sum of refunds, credit_amount and out_of_band_amount ({sum_}) must equal the post-payment amount of "
            f"the credit note ({due})."
        )


def _refund(call: Call, invoice: Object, amount: int, note: Object) -> Object:
    """Give money back to the card that paid the invoice."""
    charge = _charge(call, invoice)
    left = refunds.refundable(charge) if charge else 0
    if charge is None or amount > left:
        rest = pricing.money(left, invoice["currency"])
        raise invalid(f"No more than {rest} of this invoice's payment can be refunded.", param="refund_amount")
    reason = note["reason"] if note["reason"] in {"duplicate", "fraudulent"} else "requested_by_customer"
    return _entry(refunds.make(call, charge, amount, reason=reason), amount)


def _linked(call: Call, invoice: Object, given: list[dict[str, Any]]) -> list[Object]:
    """Return the entries of refunds that were made before; each has to be one of this invoice's payment."""
    entries = []
    for n, each in enumerate(given):
        param = f"refunds[{n}][refund]"
        if "refund" not in each:
            raise invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")
        refund = store.get(call, "refund", each["refund"], param)
        charge = _charge(call, invoice)
        amount: int = each.get("amount_refunded", refund["amount"])
        if charge is None or refund["charge"] != charge["id"] or amount > refund["amount"]:
            raise invalid(f"The refund {refund['id']} is none of this invoice's payment, or smaller.", param=param)
        entries.append(_entry(refund, amount))
    return entries


def _entry(refund: Object, amount: int) -> Object:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}


def _charge(call: Call, invoice: Object) -> Object | None:
    """Return the charge that paid an invoice."""
    payment = charging.find_payment(call, invoice)
    if payment is None or payment["status"] != "paid":
        return None
    intent = store.get(call, "payment_intent", payment["payment"]["payment_intent"])
    return store.get(call, "charge", intent["latest_charge"])
