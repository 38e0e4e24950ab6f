"""Subscribe, change, cancel and come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from billing import gateway, operations
from billing.actions.cards import live_subscriptions
from billing.actions.customers import ensure_customer
from billing.actions.payments import EXPAND_PAYMENT, Payment, outcome, pay, payment_of
from billing.dates import from_epoch, now
from billing.errors import CardDeclined, Refused, Stale
from billing.gateway import Object
from billing.models import (
    ENDED,
    Customer,
    Invoice,
    InvoiceStatus,
    OperationKind,
    PaymentMethod,
    Price,
    Product,
    Subscription,
    SubscriptionStatus,
)
from billing.operations import Run, completing
from billing.payers import Actor

PREVIEW_VALID_FOR = 600  # seconds
_SALT = "billing.plan-change"
_SECOND_PLAN = gettext_noop("You have a plan already. Change it instead: nothing was charged.")


# Subscribing -------------------------------------------------------------------------------------------------------


def subscribe(actor: Actor, price: Price, token: str, payment_method: PaymentMethod | None) -> Payment:
    """Start a plan and pay its first invoice with a saved card; None: with a card the browser is about to confirm.

    Raises Refused where there is a plan already or the price is not on offer, CardDeclined with the bank's reason: the
    subscription then waits, incomplete, and the next try pays the same one.
    """
    ensure_customer(actor)
    params = {"price": price.pk, "card": payment_method.pk if payment_method else None}
    run = operations.run(actor, OperationKind.SUBSCRIBE, token, params)
    return outcome(run, run.operation.result["invoice"])


def _refuse_unless_on_offer(price: Price) -> None:
    product = Product.objects.filter(pk=price.product_id, active=True, deleted=False).first()
    if price.deleted or not price.active or product is None:
        raise Refused(_("This plan is no longer offered. Nothing was charged: please choose another one."))


@operations.executes(OperationKind.SUBSCRIBE)
def _subscribe(run: Run) -> dict[str, Any]:
    customer = run.actor.customer
    assert customer is not None  # noqa: S101
    if run.is_first:
        _refuse_unless_on_offer(Price.objects.get(pk=run.params["price"]))
        _refuse_second_plan(customer)
    subscription = _started_earlier(run, customer) or _start(run, customer)
    invoice = subscription["latest_invoice"]
    invoice = invoice["id"] if isinstance(invoice, dict) else invoice
    if subscription["status"] != "incomplete":  # nothing was due today
        run.answer["payment"] = Payment("succeeded")
        return {"subscription": subscription["id"], "invoice": invoice or ""}
    run.answer["payment"] = pay(run, invoice, run.params["card"])
    run.keep_fresh("subscription", subscription["id"])
    run.keep_fresh("customer", customer.pk)  # its balance: credit that the first invoice used up
    return {"subscription": subscription["id"], "invoice": invoice}


def _refuse_second_plan(customer: Customer) -> None:
    if live_subscriptions(customer).exclude(status=SubscriptionStatus.INCOMPLETE).exists():
        raise Refused(_(_SECOND_PLAN))


def _started_earlier(run: Run, customer: Customer) -> Object | None:
    """Return the subscription to this price that an earlier try left, paid meanwhile or not; an unpaid other makes way.

    Another tab may have paid without an event so far, so each is read. Raises Refused for a paid one of another price.
    """
    for row in live_subscriptions(customer).filter(status=SubscriptionStatus.INCOMPLETE):
        found = run.keep(gateway.retrieve("subscription", row.pk))
        if found["status"] in ENDED:
            continue
        if found["items"]["data"][0]["price"]["id"] == run.params["price"]:
            return found
        if found["status"] != SubscriptionStatus.INCOMPLETE:
            raise Refused(_(_SECOND_PLAN))
        run.keep(gateway.cancel_subscription(row.pk, {}, run.key(f"replace-{row.pk}")))
    return None


def _start(run: Run, customer: Customer) -> Object:
    created = gateway.create_subscription(
        {
            "customer": customer.pk,
            "items": [{"price": run.params["price"]}],
            "payment_behavior": "default_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "metadata": {"operation": run.operation.idempotency_key},
            "expand": ["latest_invoice"],
        },
        run.key("create"),
    )
    if isinstance(created["latest_invoice"], dict):
        run.keep(created["latest_invoice"])
    return run.keep(created)


@operations.finds(OperationKind.SUBSCRIBE)
def _find_subscription(run: Run) -> dict[str, Any] | None:
    made = Subscription.objects.filter(
        customer=run.actor.customer, data__metadata__operation=run.operation.idempotency_key
    ).first()
    return {"subscription": made.pk, "invoice": made.latest_invoice} if made else None


# Changing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangePreview:
    """What a change costs, as Stripe computed it. Amounts in minor units of `currency`.

    `amount_due` is charged at once, `credit` is what the customer keeps for later invoices; `next_amount` is charged on
    `next_date`, before tax. `token` carries all of it, signed, to the confirmation.
    """

    token: str
    price: Price
    amount_due: int
    credit: int
    currency: str
    lines: list[dict[str, Any]]
    next_amount: int
    next_date: datetime
    proration_date: datetime
    upgrade: bool
    trial: bool


def preview_change(actor: Actor, subscription: Subscription, price: Price) -> ChangePreview:
    """Ask Stripe what moving `subscription` to `price` now would cost. Raises Refused where it cannot be done."""
    _refuse_unless_on_offer(price)
    _refuse_unless_changeable(subscription, price)
    asked = {
        "subscription": subscription.pk,
        "item": subscription.item["id"],
        "from_price": subscription.price_id,
        "price": price.pk,
        "quantity": subscription.quantity,
        "proration_date": int(now().timestamp()),
    }
    preview = gateway.preview_invoice(_preview_params(asked, trial=_in_trial(subscription)))
    if not _in_trial(subscription):
        _refuse_without_card(actor, subscription, preview)
    token = signing.dumps({**asked, "amount_due": preview["amount_due"]}, salt=_SALT)
    return _described(token, subscription, price, preview, asked["proration_date"])


def _refuse_unless_changeable(subscription: Subscription, price: Price) -> None:
    if price.pk == subscription.price_id:
        raise Refused(_("This is the plan you have."))
    if subscription.status not in (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING):
        raise Refused(_("Your last invoice is not paid. Please pay it first, then change your plan."))
    if subscription.cancel_at_period_end or subscription.cancel_at:
        raise Refused(_("Your plan is set to end. Keep it first, then change it."))
    if price.currency != subscription.currency:
        raise Refused(_("This plan is sold in another currency than yours. Please contact us to switch."))


def _refuse_without_card(actor: Actor, subscription: Subscription, preview: Object) -> None:
    customer = actor.customer
    if (
        preview["amount_due"]
        and customer
        and not (subscription.default_payment_method or customer.default_payment_method)
    ):
        raise Refused(_("This change is charged at once. Please add a card first."))


def _in_trial(subscription: Subscription) -> bool:
    return subscription.status == SubscriptionStatus.TRIALING


def _preview_params(asked: dict[str, Any], *, trial: bool) -> dict[str, Any]:
    details = _change_of(asked, trial=trial)
    return {"subscription": asked["subscription"], "subscription_details": details}


def _change_of(asked: dict[str, Any], *, trial: bool) -> dict[str, Any]:
    """The change itself: the same words to the preview and to the update, so that both come to the same cents."""
    change: dict[str, Any] = {
        "items": [{"id": asked["item"], "price": asked["price"], "quantity": asked["quantity"]}],
        "proration_behavior": "none" if trial else "always_invoice",
    }
    return change if trial else {**change, "proration_date": asked["proration_date"]}


def _described(
    token: str, subscription: Subscription, price: Price, preview: Object, proration_date: int
) -> ChangePreview:
    trial = _in_trial(subscription)
    lines = [] if trial else preview["lines"]["data"]
    balance = preview["starting_balance"] + (0 if trial else preview["total"])
    next_date = subscription.trial_end if trial else from_epoch(max(line["period"]["end"] for line in lines))
    assert next_date is not None  # noqa: S101
    return ChangePreview(
        token=token,
        price=price,
        amount_due=0 if trial else preview["amount_due"],
        credit=0 if trial else max(0, -preview["total"]),
        currency=preview["currency"],
        lines=[_line(line) for line in lines],
        next_amount=max(0, (price.unit_amount or 0) * subscription.quantity + min(0, balance)),
        next_date=next_date,
        proration_date=from_epoch(proration_date) or now(),
        upgrade=preview["total"] > 0,
        trial=trial,
    )


def _line(line: Object) -> dict[str, Any]:
    return {
        "description": line["description"],
        "amount": line["amount"],
        "proration": bool((line["parent"] or {}).get("subscription_item_details", {}).get("proration")),
        "period_start": from_epoch(line["period"]["start"]),
        "period_end": from_epoch(line["period"]["end"]),
    }


def change_plan(actor: Actor, subscription: Subscription, preview_token: str, token: str) -> Payment:
    """Make the change that a preview showed, for the amount it showed.

    Raises Stale when the preview is too old, or the plan or the amount is another now; CardDeclined with the bank's
    reason, and the old plan goes on.
    """
    try:
        shown = signing.loads(preview_token, salt=_SALT, max_age=PREVIEW_VALID_FOR)
    except signing.BadSignature as error:
        raise Stale from error
    if shown["subscription"] != subscription.pk:
        raise Stale
    run = operations.run(actor, OperationKind.CHANGE_PLAN, token, {**shown, "trial": _in_trial(subscription)})
    return outcome(run, run.operation.result["invoice"])


@operations.executes(OperationKind.CHANGE_PLAN)
def _change_plan(run: Run) -> dict[str, Any]:
    shown, trial = run.params, run.params["trial"]
    if run.is_first:
        subscription = Subscription.objects.get(pk=shown["subscription"])
        _withdraw_parked_change(run, subscription)
        _refuse_stale(subscription, shown, trial=trial)
    changed = run.keep(
        gateway.update_subscription(
            shown["subscription"],
            {**_change_of(shown, trial=trial), "payment_behavior": "pending_if_incomplete"},
            run.key("update"),
        )
    )
    if not changed["pending_update"]:
        if changed["latest_invoice"]:
            run.keep_fresh("invoice", changed["latest_invoice"])
            run.keep_fresh("customer", changed["customer"])  # its balance: credit that the change left, or used up
        run.answer["payment"] = Payment("succeeded")
        return {"subscription": changed["id"], "invoice": ""}
    run.answer["payment"] = _pay_parked_change(run, changed)
    return {"subscription": changed["id"], "invoice": changed["latest_invoice"]}


def _refuse_stale(subscription: Subscription, shown: dict[str, Any], *, trial: bool) -> None:
    current = (subscription.item["id"], subscription.price_id, subscription.quantity)
    if current != (shown["item"], shown["from_price"], shown["quantity"]):
        raise Stale
    preview = gateway.preview_invoice(_preview_params(shown, trial=trial))
    if preview["amount_due"] != shown["amount_due"]:
        raise Stale


def _withdraw_parked_change(run: Run, subscription: Subscription) -> None:
    """Void the invoice of an earlier change that was never confirmed, so that this one stands alone."""
    if subscription.data["pending_update"]:
        run.keep(gateway.void_invoice(subscription.latest_invoice, run.key("withdraw-earlier")))


def _pay_parked_change(run: Run, changed: Object) -> Payment:
    """See what the bank said of a change that Stripe holds back until it is paid; a declined one is withdrawn."""
    invoice = gateway.retrieve("invoice", changed["latest_invoice"], EXPAND_PAYMENT)
    try:
        return payment_of(run.keep(invoice))
    except CardDeclined:
        with completing():
            run.keep(gateway.void_invoice(invoice["id"], run.key("withdraw")))
        run.keep_fresh("subscription", changed["id"])
        raise


# Leaving and coming back -------------------------------------------------------------------------------------------

_ENDS_AT_ONCE = (
    SubscriptionStatus.PAST_DUE,
    SubscriptionStatus.UNPAID,
    SubscriptionStatus.INCOMPLETE,
    SubscriptionStatus.PAUSED,
)


def ends_at_once(subscription: Subscription) -> bool:
    """Tell whether cancelling ends it now: what is not paid for has no period to run out."""
    return subscription.status in _ENDS_AT_ONCE


def cancel(actor: Actor, subscription: Subscription, token: str, feedback: str, comment: str) -> None:
    """Cancel at the end of the paid period; where it is not paid, at once, and its open invoices are voided.

    `feedback` is one of Stripe's eight or "".
    """
    params = {"subscription": subscription.pk, "feedback": feedback, "comment": comment}
    operations.run(actor, OperationKind.CANCEL, token, params)


@operations.executes(OperationKind.CANCEL)
def _cancel(run: Run) -> dict[str, Any]:
    subscription = Subscription.objects.get(pk=run.params["subscription"])
    details = {key: run.params[key] for key in ("feedback", "comment") if run.params[key]}
    params: dict[str, Any] = {"cancellation_details": details} if details else {}
    if ends_at_once(subscription):
        run.keep(gateway.cancel_subscription(subscription.pk, params, run.key("cancel")))
        with completing():
            _void_open_invoices(run, subscription)
    else:
        params["cancel_at_period_end"] = True
        run.keep(gateway.update_subscription(subscription.pk, params, run.key("cancel")))
    return {"subscription": subscription.pk}


def _void_open_invoices(run: Run, subscription: Subscription) -> None:
    owed = Invoice.objects.filter(subscription_id=subscription.pk, status=InvoiceStatus.OPEN)
    for invoice in owed.values_list("pk", flat=True):
        run.keep(gateway.void_invoice(invoice, run.key(f"void-{invoice}")))


def undo_cancel(actor: Actor, subscription: Subscription, token: str) -> None:
    """Keep a plan that was going to end. Raises Refused when it has ended."""
    if subscription.has_ended:
        raise Refused(_("Your plan has ended already. You can subscribe again at any time."))
    operations.run(actor, OperationKind.UNDO_CANCEL, token, {"subscription": subscription.pk})


@operations.executes(OperationKind.UNDO_CANCEL)
def _undo_cancel(run: Run) -> dict[str, Any]:
    params = {"cancel_at_period_end": False}
    run.keep(gateway.update_subscription(run.params["subscription"], params, run.key("undo")))
    return {"subscription": run.params["subscription"]}
