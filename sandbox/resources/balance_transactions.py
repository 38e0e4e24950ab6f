"""Balance transactions: what a charge or a refund does to the merchant's balance."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP
from decimal import Decimal as Number

from sandbox import store
from sandbox.kernel import Call, Object, expandable, new_id, route
from sandbox.params import listing, not_emulated, string

_PER_CENT, _FIXED = Number("0.029"), 30  # Stripe's list price for a card in the United States
_ABOUT = {"refund": "REFUND FOR CHARGE", "refund_failure": "REFUND FAILURE"}
_TWO_DAYS = 2 * 24 * 3600


@route(
    "GET",
    "/v1/balance_transactions",
    listing(currency=string, payout=not_emulated, source=string, type=string),
)
def list_all(call: Call) -> Object:
    """List balance transactions."""
    filters = {key: call.params[key] for key in ("currency", "source", "type") if key in call.params}
    page = store.page(call, "balance_transaction", "/v1/balance_transactions", **filters)
    page["data"] = [_as_of_now(call, transaction) for transaction in page["data"]]
    return page


@route("GET", "/v1/balance")
def balance(call: Call) -> Object:
    """Return what the account has: what can be paid out, and what will be in two days; nothing ever is paid out."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for transaction in store.query(call, "balance_transaction"):
        sums[_as_of_now(call, transaction)["status"], transaction["currency"]] += transaction["net"]
    parts = {
        status: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for (its, currency), amount in sorted(sums.items())
            if its == status
        ]
        for status in ("available", "pending")
    }
    return {"object": "balance", "livemode": False, **parts}


@route("GET", "/v1/balance_transactions/{transaction}")
def retrieve(call: Call, transaction: str) -> Object:
    """Return a balance transaction."""
    return _as_of_now(call, store.get(call, "balance_transaction", transaction))


@expandable("charge", "balance_transaction")
@expandable("refund", "balance_transaction")
def of_source(call: Call, source: Object) -> Object | None:
    """Return the balance transaction that a charge or refund names."""
    return retrieve(call, source["balance_transaction"]) if source["balance_transaction"] else None


@expandable("balance_transaction", "source")
def source(call: Call, transaction: Object) -> Object:
    """Return the charge or refund behind a balance transaction."""
    return store.get(call, transaction["type"].removesuffix("_failure"), transaction["source"])


def of_charge(call: Call, charge: Object, available_at_once: bool) -> Object:
    """Store what a captured charge brings in, less Stripe's fee."""
    amount = charge["amount_captured"]
    fee = int((amount * _PER_CENT).quantize(Number(1), ROUND_HALF_UP)) + _FIXED
    available_on = call.now if available_at_once else call.now + _TWO_DAYS
    return _insert(call, charge, amount, fee, available_on, "charge")


def of_refund(call: Call, refund: Object) -> Object:
    """Store what a refund takes out; the fee of the charge does not come back."""
    return _insert(call, refund, -refund["amount"], 0, call.now, "refund")


def of_failed_refund(call: Call, refund: Object) -> Object:
    """Store what comes back in of a refund that did not reach its card."""
    return _insert(call, refund, refund["amount"], 0, call.now, "refund_failure")


def _as_of_now(call: Call, transaction: Object) -> Object:
    """Let pending money become available with time alone: nothing happens at that moment, no event tells of it."""
    status = "available" if transaction["available_on"] <= call.now else "pending"
    return transaction | {"status": status}


def _insert(call: Call, source: Object, amount: int, fee: int, available_on: int, type_: str) -> Object:
    details = {"amount": fee, "application": None, "currency": source["currency"]}
    details |= {"description": "Stripe processing fees", "type": "stripe_fee"}
    return store.insert(
        call,
        {
            "id": new_id(call, "txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": available_on,
            "balance_type": "payments",
            "created": call.now,
            "currency": source["currency"],
            "description": source["description"] if type_ == "charge" else _ABOUT[type_],
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [details] if fee else [],
            "net": amount - fee,
            "reporting_category": type_,
            "source": source["id"],
            "status": "available" if available_on <= call.now else "pending",
            "type": type_,
        },
    )
