"""Saved cards: add, edit, make default, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing import gateway, operations, sync
from billing.actions.customers import ensure_customer
from billing.errors import AuthenticationRequired, BillingError, CardDeclined, Gone, Refused, decline_words
from billing.gateway import Object
from billing.models import ENDED, Customer, OperationKind, PaymentMethod, Product, Subscription
from billing.operations import Run, completing
from billing.payers import Actor


@dataclass(frozen=True)
class SavedCard:
    """What came of adding a card."""

    card: PaymentMethod
    already_saved: bool
    became_default: bool


def start_card(actor: Actor, token: str) -> str:
    """Make a SetupIntent for the card being typed and return its client secret."""
    ensure_customer(actor)
    run = operations.run(actor, OperationKind.ADD_CARD, token, {})
    if secret := run.answer.get("client_secret"):
        return str(secret)
    return str(gateway.retrieve("setup_intent", run.operation.result["setup_intent"])["client_secret"])


@operations.executes(OperationKind.ADD_CARD)
def _create_setup_intent(run: Run) -> dict[str, Any]:
    assert run.actor.customer is not None  # noqa: S101
    intent = gateway.create_setup_intent(
        {
            "customer": run.actor.customer.pk,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True},
            "metadata": {"operation": run.operation.idempotency_key},
        },
        run.key("create"),
    )
    run.answer["client_secret"] = intent["client_secret"]
    return {"setup_intent": intent["id"]}


def finish_card(actor: Actor, setup_intent: str) -> SavedCard:
    """Take over the card that the browser has confirmed; the first one becomes the default.

    What the browser says of the outcome is not believed: the intent is read. Raises Gone when it is not this
    customer's, AuthenticationRequired or CardDeclined when it did not succeed.
    """
    if actor.customer is None:
        raise Gone
    intent = gateway.retrieve("setup_intent", setup_intent)
    if intent["customer"] != actor.customer.pk:
        raise Gone
    _raise_unless_succeeded(intent)
    return save_card(actor, intent["payment_method"], token=f"save-{setup_intent}")


def _raise_unless_succeeded(intent: Object) -> None:
    if intent["status"] == "succeeded":
        return
    if intent["status"] in ("requires_action", "processing"):
        raise AuthenticationRequired(_("Your bank has not confirmed this card yet."))
    error = intent["last_setup_error"] or {}
    code = error.get("decline_code") or error.get("code") or ""
    raise CardDeclined(decline_words(code), code=code)


def save_card(actor: Actor, payment_method: str, token: str, *, keep_double: bool = False) -> SavedCard:
    """Mirror an attached card; one that was saved before is detached again, unless `keep_double` (it has paid)."""
    run = operations.run(
        actor, OperationKind.SAVE_CARD, token, {"payment_method": payment_method, "keep_double": keep_double}
    )
    result = run.operation.result
    card = PaymentMethod.objects.get(pk=result["card"], customer=actor.customer)
    return SavedCard(card, result["already_saved"], result["became_default"])


@operations.executes(OperationKind.SAVE_CARD)
def _save_card(run: Run) -> dict[str, Any]:
    customer = run.actor.customer
    assert customer is not None  # noqa: S101
    added = run.keep(gateway.retrieve("payment_method", run.params["payment_method"]))
    double = None if run.params["keep_double"] else _double_of(added, customer)
    if double is not None:
        run.keep(gateway.detach_payment_method(added["id"], run.key("detach")))
        return {"card": double.pk, "already_saved": True, "became_default": False}
    at_stripe = gateway.retrieve("customer", customer.pk)
    if at_stripe["invoice_settings"]["default_payment_method"]:
        run.keep(at_stripe)
        return {"card": added["id"], "already_saved": False, "became_default": False}
    _set_default(run, customer, added["id"])
    return {"card": added["id"], "already_saved": False, "became_default": True}


def _double_of(added: Object, customer: Customer) -> PaymentMethod | None:
    card = added.get("card") or {}
    if not card.get("fingerprint"):
        return None
    same = PaymentMethod.objects.filter(
        customer=customer,
        deleted=False,
        fingerprint=card["fingerprint"],
        exp_month=card["exp_month"],
        exp_year=card["exp_year"],
    )
    return same.exclude(pk=added["id"]).order_by("created").first()


def make_default(actor: Actor, card: PaymentMethod, token: str) -> None:
    """Have future invoices charged to `card`, also those of subscriptions pinned to another card."""
    operations.run(actor, OperationKind.MAKE_DEFAULT, token, {"card": card.pk})


@operations.executes(OperationKind.MAKE_DEFAULT)
def _make_default(run: Run) -> dict[str, Any]:
    customer = run.actor.customer
    assert customer is not None  # noqa: S101
    card = run.params["card"]
    _set_default(run, customer, card)
    pinned = live_subscriptions(customer).exclude(default_payment_method__in=["", card])
    with completing():
        for subscription in pinned.values_list("pk", flat=True):
            update = {"default_payment_method": card}
            run.keep(gateway.update_subscription(subscription, update, run.key(f"repoint-{subscription}")))
    return {"card": card}


def _set_default(run: Run, customer: Customer, card: str) -> None:
    settings = {"invoice_settings": {"default_payment_method": card}}
    run.keep(gateway.update_customer(customer.pk, settings, run.key("default")))


def needed_cards(customer: Customer) -> dict[str, str]:
    """Return the ids of the cards that cannot be removed, each with the reason and the way out. Two queries.

    A subscription that will not renew needs no card any more, unless it still owes money.
    """
    live = [subscription for subscription in live_subscriptions(customer) if _needs_card(subscription)]
    names = dict(
        Product.objects.filter(pk__in=[row.item["price"]["product"] for row in live]).values_list("pk", "name")
    )
    return {
        row.default_payment_method or customer.default_payment_method: _(
            "%(plan)s is paid with this card. Make another card the default first, or cancel the plan."
        )
        % {"plan": names.get(row.item["price"]["product"], _("Your plan"))}
        for row in live
    }


def _needs_card(subscription: Subscription) -> bool:
    owes = subscription.status in ("past_due", "unpaid", "incomplete")
    return owes or not subscription.cancel_at_period_end


def live_subscriptions(customer: Customer) -> QuerySet[Subscription]:
    """Return the customer's subscriptions that have not ended."""
    return Subscription.objects.filter(customer=customer, deleted=False).exclude(status__in=ENDED)


def remove_card(actor: Actor, card: PaymentMethod, token: str) -> None:
    """Detach a card for good. Raises Refused with the reason where a subscription needs it."""
    operations.run(actor, OperationKind.REMOVE_CARD, token, {"card": card.pk})


@operations.executes(OperationKind.REMOVE_CARD)
def _remove_card(run: Run) -> dict[str, Any]:
    customer = run.actor.customer
    assert customer is not None  # noqa: S101
    card = PaymentMethod.objects.get(pk=run.params["card"], customer=customer)
    customer.refresh_from_db()
    if reason := needed_cards(customer).get(card.pk):
        raise Refused(reason)
    run.keep(_detached(card.pk, run.key("detach")))
    run.keep_fresh("customer", customer.pk)  # Stripe clears the default; the event for it is not certain
    return {"card": card.pk}


def _detached(card: str, key: str) -> Object:
    """Detach, or read it where another tab was first."""
    try:
        return gateway.detach_payment_method(card, key)
    except BillingError:
        found = gateway.retrieve("payment_method", card)
        if found["customer"] is not None:
            raise
        return found


def edit_card(
    actor: Actor, card: PaymentMethod, token: str, exp_month: int, exp_year: int, address: dict[str, str]
) -> None:
    """Change expiry and billing address of a saved card. `address` has Stripe's keys: line1, country …"""
    operations.run(
        actor,
        OperationKind.EDIT_CARD,
        token,
        {"card": card.pk, "exp_month": exp_month, "exp_year": exp_year, "address": address},
    )


@operations.executes(OperationKind.EDIT_CARD)
def _edit_card(run: Run) -> dict[str, Any]:
    update = {
        "card": {"exp_month": run.params["exp_month"], "exp_year": run.params["exp_year"]},
        "billing_details": {"address": run.params["address"] or ""},
    }
    run.keep(gateway.update_payment_method(run.params["card"], update, run.key("update")))
    return {"card": run.params["card"]}


def settle_setup_intent(setup_intent: str, customer: Customer, actor: Actor) -> None:
    """Do for an event what `finish_card` does for a browser that may have been closed."""
    intent = gateway.retrieve("setup_intent", setup_intent)
    if intent["customer"] == customer.pk and intent["metadata"].get("operation") and intent["status"] == "succeeded":
        save_card(actor, intent["payment_method"], token=f"save-{setup_intent}")
    elif intent["payment_method"]:
        sync.reread("payment_method", intent["payment_method"])
