"""The customer at Stripe, made at the first need and never by looking at a page."""

from __future__ import annotations

from typing import Any

from billing import gateway, operations
from billing.models import Customer, OperationKind
from billing.operations import Run
from billing.payers import Actor, customer_of, payer_key


def ensure_customer(actor: Actor) -> Customer:
    """Return the payer's customer, created at Stripe when there is none. Sets `actor.customer`."""
    if actor.customer is None:
        generation = Customer.objects.filter(**payer_key(actor.payer)).count()
        # The token names the payer, so that two first clicks make one customer.
        token = f"customer-{actor.payer._meta.label_lower}-{actor.payer.pk}-{generation}"
        operations.run(actor, OperationKind.CREATE_CUSTOMER, token, {"generation": generation})
        actor.customer = customer_of(actor.payer)
    assert actor.customer is not None  # noqa: S101  the operation has just written it
    return actor.customer


@operations.executes(OperationKind.CREATE_CUSTOMER)
def _create_customer(run: Run) -> dict[str, Any]:
    payer: Any = run.actor.payer
    params: dict[str, Any] = {
        "email": getattr(payer, "email", "") or None,
        "name": _name_of(payer),
        "metadata": {"payer": f"{payer._meta.label_lower}:{payer.pk}", "operation": run.operation.idempotency_key},
    }
    created = run.keep(gateway.create_customer({k: v for k, v in params.items() if v}, run.key("create")))
    return {"customer": created["id"]}


@operations.finds(OperationKind.CREATE_CUSTOMER)
def _find_customer(run: Run) -> dict[str, Any] | None:
    email = getattr(run.actor.payer, "email", "")
    for found in gateway.list_all("customer", {"email": email} if email else {}):
        if found["metadata"].get("operation") == run.operation.idempotency_key:
            run.keep(found)
            return {"customer": found["id"]}
    return None


def _name_of(payer: Any) -> str:
    full_name = getattr(payer, "get_full_name", None)
    return str(full_name() if full_name else payer)
