"""The object browser: what is there by kind, search by id, and one object with all that the API would answer."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from sandbox import dashboard, store
from sandbox.console import readable, wording
from sandbox.console.visit import Visit, visited
from sandbox.kernel import Object, StripeError
from sandbox.models import Row

PER_PAGE = 25
_ELSEWHERE = ("event", "mail")  # they have pages of their own
_EVENTS_SHOWN = 20


@require_safe
@visited
def objects(visit: Visit, kind: str = "") -> HttpResponse:
    """List the objects of a kind, all or one customer's, newest first; without a kind, what was searched for."""
    query, customer = visit.request.GET.get("q", "").strip(), visit.request.GET.get("customer", "")
    exact = Row.objects.filter(account=visit.account, stripe_id=query).exclude(stripe_id="").first()
    if exact:
        return HttpResponseRedirect(readable.address(exact.kind, exact.stripe_id))
    kinds = _kinds(visit, customer)
    if kind and kind not in kinds:
        raise Http404(f"there is no {kind}")
    page = _page(visit, kind, customer) if kind else {"data": _found(visit, query) if query else []}
    context = {
        "kinds": kinds,
        "kind": kind,
        "query": query,
        "customer": customer,
        "rows": [row(each) for each in page["data"]],
        "newer": page.get("newer"),
        "older": page.get("older"),
    }
    return visit.page("objects", "objects.html", context)


def _kinds(visit: Visit, customer: str) -> dict[str, int]:
    rows = Row.objects.filter(account=visit.account, deleted=False).exclude(kind__in=_ELSEWHERE)
    if customer:
        rows = rows.filter(customer=customer)
    return dict(rows.values_list("kind").annotate(Count("id")).order_by("kind"))


def _page(visit: Visit, kind: str, customer: str) -> dict[str, Any]:
    return paged(visit, kind, customer=customer or None)


def paged(visit: Visit, kind: str, where: Q | None = None, **columns: Any) -> dict[str, Any]:
    """Return a page of objects, and the ids at which the newer and the older ones begin; Http404 for a bad cursor."""
    given = visit.request.GET
    cursors = {name: given[name] for name in ("starting_after", "ending_before") if name in given}
    call = visit.call
    call.params = {"limit": PER_PAGE, **cursors}
    try:
        page = store.page(call, kind, "", where=where, **columns)
    except StripeError as error:
        raise Http404(str(error)) from error
    data, back = page["data"], "ending_before" in cursors
    return {
        "data": data,
        "newer": data[0]["id"] if data and (page["has_more"] if back else "starting_after" in cursors) else None,
        "older": data[-1]["id"] if data and (back or page["has_more"]) else None,
    }


def _found(visit: Visit, query: str) -> list[Object]:
    rows = Row.objects.filter(account=visit.account, deleted=False).exclude(kind__in=_ELSEWHERE)
    wanted = Q(stripe_id__startswith=query) | Q(lookup_key=query) | Q(status=query)
    return list(rows.filter(wanted).order_by("-created", "-id").values_list("data", flat=True)[:PER_PAGE])


def row(obj: Object) -> dict[str, Any]:
    """Return what a table says of an object."""
    customer = obj.get("customer")
    return {
        "id": obj["id"],
        "kind": obj["object"],
        "address": readable.address(obj["object"], obj["id"]),
        "about": wording.about(obj),
        "amount": wording.amount(obj),
        "state": wording.state(obj.get("status")),
        "customer": customer if isinstance(customer, str) else None,
        "created": wording.moment(obj["created"]) if isinstance(obj.get("created"), int) else "",
    }


@require_safe
@visited
def one(visit: Visit, kind: str, id: str) -> HttpResponse:
    """Show one object: its JSON, what happened to it, and, of a customer, what is theirs."""
    obj = store.find(visit.call, kind, id)
    if obj is None:
        raise Http404(f"there is no {kind} {id}")
    about_it = Row.objects.filter(account=visit.account, kind="event", data__data__object__id=id)
    context = {
        "object": row(obj),
        "json": readable.as_html(visit.account, obj),
        "events": [event_row(each.data) for each in about_it.order_by("-created", "-id")[:_EVENTS_SHOWN]],
        "theirs": _kinds(visit, id) if kind == "customer" else {},
        "deleted": obj.get("deleted"),
        "site_user": visit.user if dashboard.talks_to(visit.account) else None,
        "followed": visit.customer == id,
    }
    return visit.page("objects", "object.html", context)


def event_row(event: Object) -> dict[str, Any]:
    """Return what a table says of an event."""
    obj = event["data"]["object"]
    known = obj.get("id")
    return {
        "id": event["id"],
        "type": event["type"],
        "at": wording.moment(event["created"]),
        "about": known,
        "address": readable.address(obj["object"], known) if known else None,
    }


@require_POST
@visited
def become(visit: Visit, id: str) -> HttpResponse:
    """Let the signed-in user be this customer on the dashboard."""
    customer = store.get(visit.call, "customer", id)
    if visit.user is None or not dashboard.talks_to(visit.account):
        raise ValueError("Sign in to the dashboard first, and choose the account that it talks to.")
    dashboard.link(visit.user, customer["id"])
    visit.follow(None)
    return visit.done(f"{visit.user.get_username()} is now the customer {customer['id']}.")


@require_POST
@visited
def forget(visit: Visit, id: str) -> HttpResponse:
    """Delete a customer as the API does: plans are cancelled, webhooks tell of it."""
    visit.api.delete(f"customers/{id}")
    return visit.done(f"The customer {id} is deleted.", to=reverse("sandbox:objects"))
