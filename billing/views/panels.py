"""What the pages share: a panel is a fragment for htmx and a whole page for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import reswap, retarget

from billing.errors import BillingError, OutcomeUnknown, StillWorking, Unavailable
from billing.forms import TokenForm
from billing.middleware import Request
from billing.models import OfCustomer
from billing.payers import Actor

Row = TypeVar("Row", bound=OfCustomer)

View = TypeVar("View", bound=Callable[..., HttpResponse])

STATUS: dict[type[BillingError], int] = {Unavailable: 503, OutcomeUnknown: 409, StillWorking: 409}


def with_stripe(view: View) -> View:
    """Let a page load Stripe.js: those that carry a card form or may have one swapped in, and no others."""
    return cast(View, csp_update(settings.STRIPE_CSP)(cast(Any, view)))


def own(actor: Actor, model: type[Row], pk: str) -> Row:
    """Return the actor's row. Another customer's raises the same Http404 as one that does not exist."""
    row = (
        model._default_manager.filter(pk=pk, customer=actor.customer, deleted=False).first() if actor.customer else None
    )
    if row is None:
        raise Http404
    return row


def token_of(request: Request) -> str:
    """Return the form's one-time token. Every form of ours carries one: Http404 for what none of them sent."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        raise Http404
    token: str = form.cleaned_data["token"]
    return token


def status_of(error: BillingError) -> int:
    """422: the customer can change something; 409: another click is at work; 503: Stripe cannot be asked."""
    return next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 422)


def panel(
    request: Request,
    page: str,
    context: dict[str, Any],
    *,
    part: str = "",
    region: str = "",
    error: BillingError | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render `billing/_<part>.html`: alone for htmx, inside `billing/<page>.html` otherwise.

    The fragment goes where the form or link says, or to the element `region`. An `error` is shown in it and gives the
    status.
    """
    fragment = f"billing/_{part or page}.html"
    status = status if error is None else status_of(error)
    look_again = f"billing:{page}" if status in STATUS.values() else ""
    context = {"panel": fragment, "region": region or page, "error": error, "look_again": look_again, **context}
    if not is_fragment(request):
        return render(request, f"billing/{page}.html", context, status=status)
    if status >= 500:
        # htmx swaps no 5xx, lest a proxy's error page lands in a panel: ours says itself where it belongs.
        return reswap(render(request, "_partial.html", context, status=status), "none")
    response = render(request, fragment, context, status=status)
    return retarget(response, f"#{region}") if region else response


def is_fragment(request: Request) -> bool:
    """Tell whether htmx wants a panel; it restores history with whole pages."""
    htmx = request.htmx
    return bool(htmx) and htmx.request_type != "full" and not htmx.history_restore_request


def done(request: Request, page: str, text: str) -> HttpResponse | None:
    """Tell the customer what was done. Returns the redirect that a browser without htmx needs, None for htmx."""
    messages.success(request, text)
    return None if request.htmx else redirect(f"billing:{page}")


def leave_bank(to: str, *args: str) -> HttpResponse:
    """Redirect away from an address that a bank's page returned to: it has secrets in its query."""
    response = redirect(to, *args)
    response["Referrer-Policy"] = "no-referrer"
    return response
