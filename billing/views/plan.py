"""The plan: what is on offer, subscribing, changing with a preview of the exact amount."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import actions
from billing.actions import ChangePreview, Payment
from billing.catalogue import Catalogue, Offer, catalogue_for, offered_price
from billing.errors import BillingError, Refused, Stale
from billing.forms import ChangeForm
from billing.middleware import Request
from billing.models import ENDED, PaymentMethod, Subscription
from billing.payers import Actor, actor_of
from billing.standing import Plan, Standing, plan_name, standing_of
from billing.templatetags.billing import price_words
from billing.views.panels import leave_bank, own, panel, with_stripe
from billing.views.paying import Bill, after_payment, pay, show_bill, tell


@require_GET
@with_stripe
@login_required
def plan(request: Request) -> HttpResponse:
    return show_plan(request)


def show_plan(request: Request, error: BillingError | None = None, *, kept: str = "") -> HttpResponse:
    customer = actor_of(request).customer
    standing = standing_of(customer)
    catalogue = catalogue_for(customer)
    current = _chosen_plan(request, standing)
    interval = _interval(request, catalogue, current)
    context = {
        "standing": standing,
        "current": current,
        "catalogue": catalogue,
        "interval": interval,
        "offers": catalogue.per(interval),
        "picked": request.GET.get("price", ""),
        "subscribing": current is None or current.subscription.status == "incomplete",
        "kept": kept,
    }
    return panel(request, "plan", context, error=error)


def _chosen_plan(request: Request, standing: Standing) -> Plan | None:
    """Return the plan the page is about: the one named in the query, else the newest. Raises Http404 for another's."""
    named = request.GET.get("subscription", "")
    if named and named not in {plan.subscription.pk for plan in [*standing.plans, *standing.ended]}:
        raise Http404
    return next((plan for plan in standing.plans if named in ("", plan.subscription.pk)), None)


def _asked(request: Request, name: str) -> str:
    return str(request.POST.get(name) or request.GET.get(name, ""))


def _interval(request: Request, catalogue: Catalogue, current: Plan | None) -> str:
    """Return which interval's prices to show: the one asked for, the picked or current plan's, else the first."""
    present = [name for name, _ in catalogue.intervals]
    picked = [each.price.interval for each in catalogue.offers if each.price.lookup_key == request.GET.get("price")]
    current_interval = current.price.interval if current and current.price else ""
    wanted = [request.GET.get("interval", ""), *picked, current_interval, "month", *present]
    return next((name for name in wanted if name in present), "")


# Subscribing -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@with_stripe
@login_required
def subscribe(request: Request) -> HttpResponse:
    actor = actor_of(request)
    try:
        offer = offered_price(_asked(request, "price"), actor.customer)
    except Refused as error:
        return show_plan(request, error)
    standing = standing_of(actor.customer)
    if request.method == "GET" and any(plan.subscription.status != "incomplete" for plan in standing.plans):
        return redirect(f"{reverse('billing:change_plan')}?price={offer.price.lookup_key}")
    bill = _first_bill(standing, offer)
    if request.method == "GET":
        return show_bill(request, bill)

    def submit(token: str, card: PaymentMethod | None) -> Payment:
        return actions.subscribe(actor, offer.price, token, card)

    return pay(request, actor, bill, submit)


def _first_bill(standing: Standing, offer: Offer) -> Bill:
    full, balance = offer.price.unit_amount or 0, standing.balance_in(offer.price.currency)
    amount = max(0, full + balance)
    return Bill(
        page="plan",
        part="subscribe",
        show_page=show_plan,
        paid_words=f"Welcome to {offer.product.name}: {price_words(offer.price)}. Your first payment is made.",
        pay_url=f"{reverse('billing:subscribe')}?price={offer.price.lookup_key}",
        settle_url=reverse("billing:settle_plan"),
        return_url=reverse("billing:plan_return"),
        amount=amount,
        currency=offer.price.currency,
        context={
            "offer": offer,
            "from_balance": amount - full,
            "discounted": bool(standing.customer and standing.customer.data.get("discount")),
            "cards": standing.cards,
            "chosen": getattr(standing.default_card, "pk", ""),
        },
    )


# Changing --------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@with_stripe
@login_required
def change_plan(request: Request) -> HttpResponse:
    """GET asks Stripe what the change costs and shows it, POST makes exactly that change."""
    actor = actor_of(request)
    subscription = _subscription_of(request, actor)
    try:
        offer = offered_price(_asked(request, "price"), actor.customer)
    except Refused as error:
        return show_plan(request, error)
    if request.method == "GET":
        return _show_preview(request, actor, subscription, offer)
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _show_preview(request, actor, subscription, offer, Refused(form.first_error))
    return _confirm_change(request, actor, subscription, offer, form)


def _confirm_change(
    request: Request, actor: Actor, subscription: Subscription, offer: Offer, form: ChangeForm
) -> HttpResponse:
    try:
        payment = actions.change_plan(actor, subscription, form.cleaned_data["preview"], form.cleaned_data["token"])
    except Stale as error:
        return _show_preview(request, actor, subscription, offer, error)
    except BillingError as error:
        return show_plan(request, error, kept=f"You stay on {plan_name(subscription)}.")
    return after_payment(request, _running_bill(subscription), payment)


def _subscription_of(request: Request, actor: Actor) -> Subscription:
    """Return the subscription a form names; without a name, the newest that has not ended."""
    if named := _asked(request, "subscription"):
        return own(actor, Subscription, named)
    live = Subscription.objects.filter(customer=actor.customer, deleted=False).exclude(status__in=ENDED)
    newest = live.order_by("-created", "-pk").first() if actor.customer else None
    if newest is None:
        raise Http404
    return newest


def _show_preview(
    request: Request, actor: Actor, subscription: Subscription, offer: Offer, error: BillingError | None = None
) -> HttpResponse:
    """Show what a change costs. Where Stripe cannot say, there is no button: never a guess, never a zero."""
    preview: ChangePreview | None = None
    try:
        preview = actions.preview_change(actor, subscription, offer.price)
    except BillingError as refusal:
        error = error or refusal
    plans = standing_of(actor.customer).plans
    current = next((plan for plan in plans if plan.subscription.pk == subscription.pk), None)
    context = {"preview": preview, "offer": offer, "current": current}
    return panel(request, "plan", context, part="change", error=error)


def _running_bill(subscription: Subscription) -> Bill:
    """Describe what is being paid for a plan whose form is behind us: the bank may still ask."""
    subscription.refresh_from_db()  # the action has just written what it is now
    return Bill(
        page="plan",
        show_page=show_plan,
        paid_words=f"Done. You are on {plan_name(subscription)} now.",
        settle_url=f"{reverse('billing:settle_plan')}?subscription={subscription.pk}",
    )


# Back from the bank ----------------------------------------------------------------------------------------------


@require_POST
@with_stripe
@login_required
def settle_plan(request: Request) -> HttpResponse:
    """Find out what the bank's step in the browser came to."""
    actor = actor_of(request)
    subscription = _subscription_of(request, actor)
    try:
        payment = actions.settle_payment(actor, subscription, None)
    except BillingError as error:
        return show_plan(request, error)
    return after_payment(request, _running_bill(subscription), payment)


@require_GET
@login_required
def plan_return(request: Request) -> HttpResponse:
    """Come back from the bank's page. What the query claims is not read: the subscription is."""
    actor = actor_of(request)
    subscription = _subscription_of(request, actor)
    try:
        payment = actions.settle_payment(actor, subscription, None)
        tell(request, _running_bill(subscription), payment)
    except BillingError as error:
        messages.error(request, str(error))
    return leave_bank("billing:plan")
