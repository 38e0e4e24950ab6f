"""What a Checkout session sells: the line items, the subscription they start, and what all of it comes to.

`known` is what Stripe knows of a session and does not show. Here: `items`, its line items; `tax_rates`, the ids that
each has, by its id; `data`, parameters for the objects that it will make; `customer`, once one was made; and what came
of pricing at `priced_at`: `due`, what is to be paid today, `rate`, what the subscription costs again and again, both
in minor units, and `taxes`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from sandbox import store
from sandbox.engine import charging, discounts, invoicing, items, ledger, pricing, shapes, subscribing, taxes
from sandbox.engine.proration import Draft
from sandbox.kernel import Call, Object, StripeError, invalid, new_id
from sandbox.resources import customers, prices, products
from sandbox.resources.subscriptions import set_billing_mode
from sandbox.router import ALIAS

_TO_SUBSCRIPTION = ("billing_cycle_anchor", "billing_cycle_anchor_config", "trial_end", "trial_period_days")


def fill(call: Call, mode: str, entries: list[Object], currency: str | None) -> list[Object]:
    """Return the line items that the parameter `line_items` describes; prices of `price_data` are made on the way.

    Raises invalid() or missing() with a `param` such as line_items[0][price], also where the prices do not go together
    or with the mode.
    """
    found = [_item(call, entry, f"line_items[{place}]") for place, entry in enumerate(entries)]
    _check_recurring(mode, found)
    wanted = currency or (found[0]["currency"] if found else None)
    for place, item in enumerate(found):
        if item["currency"] != wanted:
            raise invalid(
                f"The price specified only supports `{item['currency']}`. This doesn't match the expected currency: "
                f"`{wanted}`.",
                param=f"line_items[{place}][price]",
            )
    return found


def price(call: Call, session: Object, known: dict[str, Any]) -> None:
    """Set the amounts of a session and of its line items, and what is due, to what would be billed at this moment.

    Nothing is stored or redeemed. Raises amount_too_small for a payment that is too small to be charged, and as
    `discounts.redeem` does.
    """
    known |= {"due": 0, "priced_at": call.now, "rate": 0}
    if session["mode"] == "setup":
        return
    with transaction.atomic(using=ALIAS):
        invoice, drafts = _invoice(call, session, known)
        transaction.set_rollback(True, using=ALIAS)
    billed = iter(invoice["lines"]["data"])
    for item, own in zip(known["items"], drafts, strict=True):
        item |= _amounts([next(billed) for _ in own])
    _total(session, known, invoice)


def _invoice(call: Call, session: Object, known: dict[str, Any]) -> tuple[Object, list[list[Draft]]]:
    """Return the invoice that the session would make now, and its lines by line item."""
    payer = _payer(call, session, known)
    started = subscription(call, session, known, payer["id"])
    drafts = lines(call, session, known, started)
    worth = sum(draft.amount for own in drafts for draft in own)
    owner = {"customer": payer["id"], **({"subscription": started["id"]} if started else {})}
    asked = [{kind: id for kind, id in each.items() if id} for each in session["discounts"]]
    redeemed = discounts.redeem(call, asked, (worth, session["currency"]), **owner)
    fields: dict[str, Any] = {"currency": session["currency"], "discounts": redeemed}
    if started:
        started["discounts"] = redeemed
        drafts = lines(call, session, known, started)  # a part of a period is asked for less its discounts
        fields = charging.for_subscription(call, started, "subscription_create")
        known["rate"] = _rate(call, started)
    flat = [draft for own in drafts for draft in own]
    return invoicing.compose(call, payer, flat, new_id(call, "in"), **fields), drafts


def _rate(call: Call, started: Object) -> int:
    """Return what the subscription costs again and again, at what holds for ever; for a whole period of each item."""
    lasting = [id for id in started["discounts"] if discounts.terms(call, id)["duration"] == "forever"]
    later = started | {"discounts": lasting}
    return sum(debit.amount for debit in ledger.to_come(call, later, items.period).values())


def subscription(call: Call, session: Object, known: dict[str, Any], customer: str) -> Object | None:
    """Return the subscription that the session would start at this moment, stored nowhere; None where it sells none."""
    if session["mode"] != "subscription":
        return None
    given = known["data"].get("subscription_data", {})
    blank = shapes.subscription(call, customer, new_id(call, "sub"))
    store.update(blank, given, "description", "metadata")
    blank["invoice_settings"] |= given.get("invoice_settings", {})
    blank["trial_settings"]["end_behavior"] |= given.get("trial_settings", {}).get("end_behavior", {})
    if "billing_mode" in given:
        set_billing_mode(blank, given["billing_mode"])
    plan = {key: given[key] for key in _TO_SUBSCRIPTION if key in given}
    rates = given.get("default_tax_rates")
    blank["default_tax_rates"] = taxes.rates(call, rates, "subscription_data[default_tax_rates]")
    wanted = [
        {"price": item["price"]["id"], "tax_rates": known["tax_rates"][item["id"]], **_quantity(item)}
        for item in known["items"]
        if recurs(item)
    ]
    return subscribing.compose(call, blank, plan | {"items": wanted, "currency": session["currency"]})


def lines(call: Call, session: Object, known: dict[str, Any], started: Object | None) -> list[list[Draft]]:
    """Return what an invoice says of each line item: one line, or none where a part of a period is free."""
    behavior = known["data"].get("subscription_data", {}).get("proration_behavior", "create_prorations")
    recurring = iter(started["items"]["data"] if started else ())
    return [
        subscribing.first_line(call, started, next(recurring), behavior)
        if started and recurs(item)
        else [_bought_once(call, item, known["tax_rates"][item["id"]])]
        for item in known["items"]
    ]


def _bought_once(call: Call, item: Object, tax_rates: list[str]) -> Draft:
    draft = ledger.one_off(call, {"pricing": {"price": item["price"]["id"]}, **_quantity(item)}, item["currency"])
    return replace(draft, tax_rates=tuple(taxes.rates(call, tax_rates, "tax_rates")))


def makes_invoice(session: Object) -> bool:
    """Tell whether an invoice comes out of the session."""
    return session["mode"] == "subscription" or bool((session["invoice_creation"] or {}).get("enabled"))


def recurs(item: Object) -> bool:
    """Tell whether a line item is subscribed to, not bought once."""
    return bool(item["price"]["recurring"])


def set_quantity(call: Call, session: Object, item: str, quantity: int) -> None:
    """Let the customer buy more or less of a line item; raises where the merchant does not."""
    check_open(session)
    known = store.private(call, session)
    chosen = next((each for each in known["items"] if each["id"] == item), None)
    bounds = (chosen or {}).get("adjustable_quantity")
    if chosen is None or not bounds:
        raise invalid("The quantity of this item cannot be changed.", param="quantity")
    if not bounds["minimum"] <= quantity <= bounds["maximum"]:
        raise invalid(f"Choose between {bounds['minimum']} and {bounds['maximum']}.", param="quantity")
    chosen["quantity"] = quantity
    keep(call, session, known)


def apply_code(call: Call, session: Object, code: str | None) -> None:
    """Put a promotion code on a session, instead of what is on it, or with None take it off.

    Raises invalid() for a code that does not exist, or that cannot be redeemed for this purchase by this customer.
    """
    check_open(session)
    if not session["allow_promotion_codes"]:
        raise invalid("This session takes no promotion codes.", param="promotion_code")
    found = _promotion_code(call, session, code) if code else None
    session["discounts"] = [{"coupon": None, "promotion_code": found["id"]}] if found else []
    try:
        keep(call, session, store.private(call, session))
    except StripeError as error:
        raise _no_such_code() from error


def keep(call: Call, session: Object, known: dict[str, Any]) -> None:
    """Store a session with its amounts as of now."""
    price(call, session, known)
    store.save(call, session)
    store.set_private(call, session, **known)


def check_open(session: Object) -> None:
    """Raise unless the session can still be paid."""
    if session["status"] != "open":
        raise invalid("This Checkout Session is no longer active.", code="checkout_session_no_longer_active")


def _promotion_code(call: Call, session: Object, code: str) -> Object:
    """Return the active promotion code that was typed, in whatever case; one of the customer's own goes first."""
    found = store.query(call, "promotion_code", code__iexact=code.strip(), active=True)
    ours = sorted(found, key=lambda each: each["customer"] is None or each["customer"] != session["customer"])
    if not ours:
        raise _no_such_code()
    return ours[0]


def _no_such_code() -> StripeError:
    return invalid("This code is invalid.", param="promotion_code", code="promotion_code_invalid")


def _payer(call: Call, session: Object, known: dict[str, Any]) -> Object:
    id = session["customer"] or known.get("customer")
    return store.get(call, "customer", id, "customer") if id else customers.blank(call)


def _quantity(item: Object) -> dict[str, int]:
    return {} if item["quantity"] is None else {"quantity": item["quantity"]}


def _amounts(billed: list[Object]) -> Object:
    subtotal = sum(line["subtotal"] for line in billed)
    discount = sum(each["amount"] for line in billed for each in line["discount_amounts"])
    taxed = [tax for line in billed for tax in line["taxes"]]
    on_top = sum(tax["amount"] for tax in taxed if tax["tax_behavior"] == "exclusive")
    return {
        "amount_discount": discount,
        "amount_subtotal": subtotal,
        "amount_tax": sum(tax["amount"] for tax in taxed),
        "amount_total": subtotal - discount + on_top,
    }


def _total(session: Object, known: dict[str, Any], invoice: Object) -> None:
    parts = {name: sum(item[name] for item in known["items"]) for name in ("amount_discount", "amount_tax")}
    session |= {
        "amount_subtotal": invoice["subtotal"],
        "amount_total": invoice["total"],
        "total_details": {**parts, "amount_shipping": 0},
    }
    known["taxes"] = invoice["total_taxes"]
    # A customer's credit balance pays invoices only.
    known["due"] = invoice["amount_due"] if makes_invoice(session) else invoice["total"]
    least, currency = pricing.minimum_charge(session["currency"]), session["currency"]
    if session["mode"] == "payment" and 0 < known["due"] < least:
        raise invalid(
            f"The Checkout Session's total amount due must add up to at least {pricing.money(least, currency)} "
            f"{currency}",
            code="amount_too_small",
        )


def _check_recurring(mode: str, found: list[Object]) -> None:
    recurring = [item for item in found if recurs(item)]
    if mode == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices.",
            param="mode",
        )
    if mode == "subscription" and not recurring:
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
            param="line_items",
        )
    once = len(found) - len(recurring)
    if len(found) > 100 or (mode == "subscription" and max(len(recurring), once) > 20):
        raise invalid("Too many line items.", param="line_items", code="parameter_invalid_integer")


def _item(call: Call, entry: Object, param: str) -> Object:
    if "price" in entry and "price_data" in entry:
        raise invalid(
            f"You may only specify one of these parameters: {param}[price], {param}[price_data].", param=param
        )
    price = _price(call, entry, param)
    taxes.rates(call, entry.get("tax_rates"), f"{param}[tax_rates]")
    metered = price["recurring"] and price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in entry:
        raise invalid("Quantity should not be specified where usage_type is `metered`.", param=f"{param}[quantity]")
    if not metered and "quantity" not in entry:
        raise invalid(f"Quantity is required. Add `quantity` to `{param}`", param=f"{param}[quantity]")
    return {
        "id": new_id(call, "li"),
        "object": "item",
        "adjustable_quantity": _bounds(entry, param),
        **dict.fromkeys(("amount_discount", "amount_subtotal", "amount_tax", "amount_total"), 0),
        "currency": price["currency"],
        "description": ledger.product_name(call, price),
        "metadata": store.merged_metadata({}, entry.get("metadata")),
        "price": price,
        "quantity": entry.get("quantity"),
    }


def _price(call: Call, entry: Object, param: str) -> Object:
    if "price_data" in entry:
        return _inline(call, entry["price_data"], f"{param}[price_data]")
    if "price" not in entry:
        raise invalid(f"Missing required param: {param}[price].", param=f"{param}[price]", code="parameter_missing")
    price = store.get(call, "price", entry["price"], f"{param}[price]")
    if not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise invalid(message, param=f"{param}[price]")
    if price["custom_unit_amount"]:
        raise StripeError(501, "api_error", "The sandbox does not let customers choose what they pay.", param=param)
    return price


def _inline(call: Call, data: Object, param: str) -> Object:
    if ("product" in data) == ("product_data" in data):
        raise invalid(f"You must specify either `product` or `product_data` in `{param}`.", param=param)
    if "product" in data:
        store.get(call, "product", data["product"], f"{param}[product]")
        return prices.insert(call, data)
    return prices.insert(call, {**data, "product": products.insert(call, data["product_data"])["id"]})


def _bounds(entry: Object, param: str) -> Object | None:
    """Return between which quantities the customer may choose, None where it is fixed."""
    given = entry.get("adjustable_quantity", {"enabled": False})
    if not given["enabled"]:
        return None
    bounds = {"enabled": True, "maximum": given.get("maximum", 99), "minimum": given.get("minimum", 0)}
    if not bounds["minimum"] <= entry.get("quantity", 0) <= bounds["maximum"]:
        raise invalid(
            f"The quantity must be between {bounds['minimum']} and {bounds['maximum']}.", param=f"{param}[quantity]"
        )
    return bounds
