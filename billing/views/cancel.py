"""Leaving: what happens and when, said before and after; and the way back until the last day."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from billing import actions
from billing.actions.plans import ends_at_once
from billing.errors import BillingError
from billing.forms import CancelForm
from billing.middleware import Request
from billing.models import Subscription
from billing.payers import actor_of
from billing.standing import Plan, standing_of
from billing.templatetags.billing import plain_day
from billing.views.home import show_home
from billing.views.panels import done, own, panel, token_of, with_stripe
from billing.views.plan import show_plan


@require_GET
@login_required
def cancel(request: Request) -> HttpResponse:
    return show_cancel(request)


def show_cancel(request: Request, error: BillingError | None = None, form: CancelForm | None = None) -> HttpResponse:
    standing = standing_of(actor_of(request).customer)
    plan = _plan_named(request.GET.get("subscription", ""), [*standing.plans, *standing.ended])
    if plan and form is None:
        form = CancelForm(plan.subscription)
    context = {"plan": plan, "form": form, "at_once": plan is not None and ends_at_once(plan.subscription)}
    return panel(request, "cancel", context, error=error, status=422 if form and form.errors else 200)


def _plan_named(subscription_id: str, plans: list[Plan]) -> Plan | None:
    """Return the plan of that subscription, without a name the newest. Raises Http404 for what is not the actor's."""
    if not subscription_id:
        return plans[0] if plans else None
    for plan in plans:
        if plan.subscription.pk == subscription_id:
            return plan
    raise Http404


@require_POST
@login_required
def cancel_plan(request: Request) -> HttpResponse:
    actor = actor_of(request)
    subscription = own(actor, Subscription, request.GET.get("subscription", ""))
    form = CancelForm(subscription, request.POST)
    if not form.is_valid():
        return show_cancel(request, form=form)
    data = form.cleaned_data
    try:
        actions.cancel(actor, subscription, data["token"], data["feedback"], data["comment"])
    except BillingError as error:
        return show_cancel(request, error, form)
    subscription.refresh_from_db()
    return done(request, "cancel", _ended_words(subscription)) or show_cancel(request)


def _ended_words(subscription: Subscription) -> str:
    if subscription.has_ended or subscription.cancel_at is None:
        return "Your plan has ended. You will not be charged again."
    return f"Your plan ends on {plain_day(subscription.cancel_at)}. You will not be charged again."


# The panel that a "Keep my plan" button stands in, and gets back.
PANELS: dict[str, Callable[..., HttpResponse]] = {"home": show_home, "plan": show_plan, "cancel": show_cancel}


@require_POST
@with_stripe
@login_required
def undo_cancel(request: Request) -> HttpResponse:
    actor = actor_of(request)
    subscription = own(actor, Subscription, request.POST.get("subscription", ""))
    page = request.POST.get("page", "")
    show = PANELS.get(page, show_cancel)
    try:
        actions.undo_cancel(actor, subscription, token_of(request))
    except BillingError as error:
        return show(request, error)
    return done(request, page if page in PANELS else "cancel", "Good to have you: your plan goes on.") or show(request)
