"""The page that answers at one look: plan, status, next charge, card, last invoices, and what needs doing."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from billing.errors import BillingError
from billing.middleware import Request
from billing.payers import actor_of
from billing.standing import standing_of
from billing.views.invoices import shown_invoices
from billing.views.panels import panel

LAST_INVOICES = 5


@require_GET
@login_required
def home(request: Request) -> HttpResponse:
    return show_home(request)


def show_home(request: Request, error: BillingError | None = None) -> HttpResponse:
    actor = actor_of(request)
    invoices = shown_invoices(actor.customer).order_by("-created", "-pk")[:LAST_INVOICES] if actor.customer else []
    return panel(request, "home", {"standing": standing_of(actor.customer), "invoices": list(invoices)}, error=error)
