"""What happened and who was told: events, webhook endpoints, deliveries held, waiting and made, and sending again."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from sandbox import control, delivery, store
from sandbox.console import readable, wording
from sandbox.console.objects import event_row, paged
from sandbox.console.visit import Visit, visited
from sandbox.kernel import Object
from sandbox.models import Attempt, Delivery, Row

_SHOWN = 50


@require_safe
@visited
def events(visit: Visit) -> HttpResponse:
    """List events, newest first, of one type or a family of types, about one object or all."""
    given = {name: visit.request.GET.get(name, "").strip() for name in ("type", "about")}
    where = Q()
    if given["type"]:
        where &= Q(lookup_key__startswith=given["type"].rstrip("*"))
    if given["about"]:
        where &= Q(data__data__object__id=given["about"]) | Q(data__data__object__customer=given["about"])
    page = paged(visit, "event", where)
    rows = [event_row(each) for each in page.pop("data")]
    told = _told(visit, [each["id"] for each in rows])
    rows = [{**each, "told": told.get(each["id"], [])} for each in rows]
    return visit.page("events", "events.html", {"rows": rows, **given, **page})


def _told(visit: Visit, ids: list[str]) -> dict[str, list[dict[str, str] | None]]:
    """Return by event how its deliveries stand."""
    found: dict[str, list[dict[str, str] | None]] = {}
    for each in Delivery.objects.filter(account=visit.account, event__in=ids).order_by("id"):
        found.setdefault(each.event, []).append(wording.state(each.state))
    return found


@require_safe
@visited
def event(visit: Visit, id: str) -> HttpResponse:
    """Show an event, and each of its deliveries with request and answer."""
    found = store.find(visit.call, "event", id)
    if found is None:
        raise Http404(f"there is no event {id}")
    urls = dict(_endpoint_urls(visit))
    deliveries = [
        {**each, "url": urls.get(each["endpoint"], each["endpoint"]), "shown": wording.state(each["state"])}
        for each in control.deliveries(visit.account, event=id)["deliveries"]
    ]
    for each in deliveries:
        each["attempts"] = [_attempt(attempt) for attempt in each["attempts"]]
    context = {"event": event_row(found), "json": readable.as_html(visit.account, found), "deliveries": deliveries}
    return visit.page("events", "event.html", context)


def _endpoint_urls(visit: Visit) -> list[tuple[str, str]]:
    endpoints = Row.objects.filter(account=visit.account, kind="webhook_endpoint", deleted=False)
    return [(id, data["url"]) for id, data in endpoints.values_list("stripe_id", "data")]


def _attempt(attempt: Object) -> Object:
    return {
        **attempt,
        "when": wording.moment(attempt["at"]),
        "headers": "\n".join(f"{name}: {value}" for name, value in attempt["request"]["headers"].items()),
    }


@require_safe
@visited
def webhooks(visit: Visit) -> HttpResponse:
    """Show endpoints, what waits, and the last requests that were made."""
    waiting = Delivery.objects.filter(account=visit.account, state=Delivery.PENDING).order_by("rank", "id")
    made = Attempt.objects.filter(account=visit.account).order_by("-id")[:_SHOWN]
    shown = list(waiting[:_SHOWN])
    types = _types(visit, {each.event for each in [*shown, *made]})
    context = {
        "endpoints": [_endpoint(each) for each in store.query(visit.call, "webhook_endpoint")],
        "waiting": [_waits(each, types) for each in shown],
        "how_many_wait": waiting.count(),
        "made": [_made(each, types) for each in made],
    }
    return visit.page("webhooks", "webhooks.html", context)


def _types(visit: Visit, ids: set[str]) -> dict[str, str]:
    events = Row.objects.filter(account=visit.account, kind="event", stripe_id__in=ids)
    return {id: type_ or "" for id, type_ in events.values_list("stripe_id", "lookup_key")}


def _endpoint(endpoint: Object) -> dict[str, Any]:
    listed = endpoint["enabled_events"]
    return {
        "id": endpoint["id"],
        "url": endpoint["url"],
        "state": wording.state(endpoint["status"]),
        "events": "all events" if listed == ["*"] else ", ".join(listed),
    }


def _waits(delivery: Delivery, types: dict[str, str]) -> dict[str, Any]:
    return {
        "pk": delivery.pk,
        "event": delivery.event,
        "type": types.get(delivery.event, ""),
        "endpoint": delivery.endpoint,
        "attempts": delivery.attempts,
        "next": wording.moment(delivery.next_attempt_at) if delivery.next_attempt_at is not None else "",
        "mishap": delivery.mishap,
    }


def _made(attempt: Attempt, types: dict[str, str]) -> dict[str, Any]:
    return {
        "event": attempt.event,
        "type": types.get(attempt.event, ""),
        "endpoint": attempt.endpoint,
        "at": wording.moment(attempt.at),
        "milliseconds": attempt.milliseconds,
        "answer": {"text": attempt.status or "no answer", "tone": "good" if attempt.taken else "bad"},
    }


@require_POST
@visited
def resend(visit: Visit, id: str) -> HttpResponse:
    """Send an event again, to the endpoint of the form or to all that were to hear of it."""
    sent = delivery.resend(visit.account, id, visit.request.POST.get("endpoint") or None)
    answers = ", ".join(str(attempt.status or attempt.error) for attempt in sent)
    return visit.done(f"Sent again: {answers}." if sent else "No endpoint was to hear of it.", failed=not sent)


@require_POST
@visited
def send(visit: Visit, pk: int) -> HttpResponse:
    """Send one delivery that waits, before its turn."""
    waiting = Delivery.objects.filter(account=visit.account, pk=pk).first()
    if waiting is None:
        raise LookupError("That delivery is not there any more.")
    sent = delivery.deliver(waiting)
    return visit.done(f"Sent {sent.event}: {sent.response_status or 'no answer'}.")


@require_POST
@visited
def hold(visit: Visit) -> HttpResponse:
    """Keep webhooks back from now on, or let go what was kept back."""
    if visit.request.POST.get("hold") == "yes":
        delivery.hold(visit.account)
        return visit.done("Webhooks are kept back from now on.")
    delivery.release(visit.account)
    return visit.done("Webhooks go out again.")
