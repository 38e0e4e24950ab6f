"""The inbox: an event is stored as it came, answered, and taken as a hint which object to read again."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import gateway, operations, sync
from billing.actions.cards import settle_setup_intent
from billing.errors import BillingError
from billing.models import Customer, Event, EventState
from billing.payers import actor_for

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024  # bytes
MAX_ATTEMPTS = 8
FIRST_RETRY = timedelta(seconds=30)  # doubled at every further one: the eighth comes after an hour


@csrf_exempt
@require_POST
@transaction.non_atomic_requests  # the row must stay, whatever happens to its processing
def receive(request: HttpRequest) -> HttpResponse:
    """Store a signed event and answer 200; then act on it.

    400: not signed by Stripe. 413: larger than an event can be. 503: not stored, so Stripe must send it again.
    """
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        return HttpResponse(status=413)
    payload = request.body
    if not gateway.is_signed(payload, request.headers.get("Stripe-Signature", "")):
        logger.warning("webhook: signature refused")
        return HttpResponse(status=400)
    try:
        event = _store(payload)
    except DatabaseError:
        logger.exception("webhook: not stored")
        return HttpResponse(status=503)
    if event.state == EventState.RECEIVED:
        process(event)
    return HttpResponse(status=200)


def _store(payload: bytes) -> Event:
    """Store the event, or find it where it came before."""
    facts = _facts(payload)
    key = {name: facts[name] for name in ("account", "livemode", "stripe_id")}
    Event.objects.bulk_create([Event(**facts, raw=payload, received_at=timezone.now())], ignore_conflicts=True)
    return Event.objects.get(**key)


def _facts(payload: bytes) -> dict[str, Any]:
    """Return the columns of an event. A signed body that is no event of ours is quarantined, under its hash."""
    try:
        body = json.loads(payload)
        facts = {
            "account": str(body.get("account") or body.get("context") or ""),
            "livemode": body["livemode"],
            "stripe_id": body["id"],
            "type": body["type"],
            "object_id": _object_of(body).get("id") or "",
        }
        if not all(isinstance(facts[name], str) for name in ("stripe_id", "type", "object_id")):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _quarantined(payload)
    facts = {name: _short(value) for name, value in facts.items()}
    if facts["livemode"] is not settings.BILLING["LIVEMODE"] or facts["account"]:
        facts.update(livemode=bool(facts["livemode"]), state=EventState.QUARANTINED, error="other mode or account")
    return facts


def _short(value: Any) -> Any:
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:128] if isinstance(value, str) else value


def _object_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return the object an event is about: whole in a snapshot event, a reference in a thin one."""
    found: dict[str, Any] = body["data"]["object"] if "data" in body else body["related_object"] or {}
    return found


def _quarantined(payload: bytes) -> dict[str, Any]:
    return {
        "account": "",
        "livemode": settings.BILLING["LIVEMODE"],
        "stripe_id": f"unreadable-{hashlib.sha256(payload).hexdigest()}",
        "type": "unreadable",
        "object_id": "",
        "state": EventState.QUARANTINED,
        "error": "signed, but not an event",
    }


def process(event: Event) -> None:
    """Act on a stored event; what goes wrong is written on the row and tried again by the sweep."""
    try:
        state = _act_on(event)
    except BillingError as error:
        _postpone(event, error)
    except Exception as error:
        logger.exception("webhook: event %s", event.stripe_id)
        _postpone(event, error)
    else:
        Event.objects.filter(pk=event.pk).update(
            state=state, error="", attempts=event.attempts + 1, next_attempt_at=None
        )


def _postpone(event: Event, error: Exception) -> None:
    attempts = event.attempts + 1
    Event.objects.filter(pk=event.pk).update(
        state=EventState.FAILED if attempts < MAX_ATTEMPTS else EventState.DEAD,
        error=f"{type(error).__name__}: {error}",
        attempts=attempts,
        next_attempt_at=timezone.now() + FIRST_RETRY * 2 ** (attempts - 1),
    )


def _act_on(event: Event) -> EventState:
    body = _object_of(json.loads(bytes(event.raw)))
    kind, id = body.get("object") or body.get("type") or "", event.object_id
    customer = body.get("customer")
    if kind == "setup_intent" and event.type == "setup_intent.succeeded":
        return _settle_card(id, customer)
    if kind not in sync.MIRRORED or not id:
        return EventState.IGNORED
    sync.reread(kind, id)
    return EventState.DONE if sync.MIRRORED[kind]._default_manager.filter(pk=id).exists() else EventState.IGNORED


def _settle_card(setup_intent: str, customer_id: Any) -> EventState:
    customer = Customer.objects.filter(pk=customer_id or "", deleted=False).first()
    actor = actor_for(customer) if customer else None
    if customer is None or actor is None:
        return EventState.IGNORED
    settle_setup_intent(setup_intent, customer, actor)
    return EventState.DONE


def sweep(limit: int = 500) -> dict[str, int]:
    """Finish what was left: events to try (again), objects that want one more read, operations in doubt.

    Safe to run at any time and in several places at once. Returns how many of each were taken up.
    """
    due = Event.objects.filter(state__in=[EventState.RECEIVED, EventState.FAILED]).exclude(
        next_attempt_at__gt=timezone.now()
    )
    events = list(due.order_by("pk")[:limit])
    for event in events:
        process(event)
    return {"events": len(events), "objects": _reread_stale(limit), "operations": operations.settle_open(limit)}


def _reread_stale(limit: int) -> int:
    wanted = list(sync.stale())[:limit]
    for kind, id in wanted:
        try:
            sync.reread(kind, id)
        except BillingError as error:
            logger.warning("sweep: %s %s: %s", kind, id, type(error).__name__)
            break
    return len(wanted)
