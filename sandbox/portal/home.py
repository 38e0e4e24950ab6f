"""The portal's home, billing information, and where a flow begins and ends."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_safe

from sandbox import hosted, store
from sandbox.api import ApiError
from sandbox.engine import standing
from sandbox.kernel import Object
from sandbox.portal import later, wording
from sandbox.portal.forms import BillingInformation
from sandbox.portal.visit import Visit, visited

_INVOICES = 10  # shown at first
_LISTED = {"open", "paid", "uncollectible", "void"}


@require_safe
@visited
def home(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what the customer has, and what the configuration lets them do about it."""
    theirs = {"customer": visit.session["customer"]}
    running = [each for each in store.query(visit.call, "subscription", **theirs) if not _has_ended(each)]
    invoices = list(store.query(visit.call, "invoice", **theirs, status=_LISTED))
    shown = invoices if request.GET.get("invoices") == "all" else invoices[:_INVOICES]
    context = {
        "subscriptions": [_subscription(visit, each) for each in running],
        "cards": _cards(visit),
        "customer": visit.customer,
        "address": hosted.address_lines(visit.customer["address"]),
        "tax_ids": visit.tax_ids(),
        "invoices": [wording.invoice(each) for each in shown],
        "more_invoices": len(invoices) > len(shown),
    }
    return visit.page("home.html", context)


def _subscription(visit: Visit, obj: Object) -> dict[str, Any]:
    shown = wording.subscription(visit.call, visit.features, obj)
    change = later.planned(visit.call, obj) if visit.features["subscription_update"]["enabled"] else None
    return shown | {"planned": change, "can_update": shown["can_update"] or change is not None}


def _has_ended(subscription: Object) -> bool:
    return subscription["status"] in standing.ENDED


def _cards(visit: Visit) -> list[dict[str, Any]]:
    default = visit.customer["invoice_settings"]["default_payment_method"]
    return [
        {**hosted.card(each), "is_default": each["id"] == default, "removable": visit.can_remove(each)}
        for each in visit.cards()
    ]


@require_safe
@visited
def flow(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Lead to the page that the session's flow begins with; after its end to the portal's home."""
    if not visit.in_flow:
        return visit.go("home")
    flow = visit.session["flow"]
    kind = flow["type"]
    if kind in {"customer_update", "payment_method_update"}:
        return visit.go("customer" if kind == "customer_update" else "add_card")
    if kind != "subscription_update_confirm":
        return visit.go(kind.removeprefix("subscription_"), flow[kind]["subscription"])
    (item,) = flow[kind]["items"]
    query = f"?price={item['price']}&quantity={item['quantity']}"
    return HttpResponseRedirect(visit.url("confirm", flow[kind]["subscription"]) + query)


@require_safe
@visited
def completed(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Say that a flow is done, where its session asks for that."""
    if visit.session["flow"] is None:
        raise Http404
    confirmation = visit.session["flow"]["after_completion"]["hosted_confirmation"] or {}
    return visit.page("completed.html", {"message": confirmation.get("custom_message")})


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def customer(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let the customer change what the configuration lets them change about themselves."""
    allowed = visit.features["customer_update"]
    if not allowed["enabled"]:
        raise Http404
    newest = next(iter(visit.tax_ids()), None)
    form = BillingInformation(visit.customer, newest, allowed["allowed_updates"], request.POST or None)
    if request.method == "POST" and form.is_valid() and _save(visit, form, newest):
        return visit.completed()
    return visit.page("customer.html", {"form": form}, status=422 if form.errors else 200)


def _save(visit: Visit, form: BillingInformation, tax_id: Object | None) -> bool:
    """Carry the form out; what Stripe refuses is said at its field."""
    path, typed = f"customers/{visit.session['customer']}", form.tax_id()
    known = tax_id and {"type": tax_id["type"], "value": tax_id["value"]}
    changed = "tax_id_value" in form.fields and typed != known
    try:
        if changed and typed:
            visit.api.post(f"{path}/tax_ids", **typed)
    except ApiError as refused:
        form.add_error("tax_id_value", refused.message)
        return False
    if changed and tax_id:
        visit.api.delete(f"{path}/tax_ids/{tax_id['id']}")
    visit.api.post(path, **form.parameters())
    return True
