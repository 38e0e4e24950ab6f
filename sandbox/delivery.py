"""Webhooks: which endpoints want an event, its delivery after commit, retries, the log, and holding deliveries back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import connections

from sandbox import clock, courier, delivery_plan, signing, sql
from sandbox.courier import Answer
from sandbox.kernel import Call, Object, missing
from sandbox.models import Account, Attempt, Delivery, Row
from sandbox.router import ALIAS

logger = logging.getLogger("sandbox.delivery")

# Seconds on the account's clock. Stripe says "three tries over a few hours" for its own sandboxes, without figures.
BACKOFF = (60, 600, 3600, 10_800)
# An endpoint that has taken nothing for so long is disabled. Stripe says "several days", and sends a mail before.
PATIENCE = 5 * 86_400
_LEASE = 60  # a delivery whose process died half way is due again after this long

_thread = threading.local()
_awake: dict[tuple[int, str], bool] = {}  # endpoints with a thread at work, and whether there is more since it looked
_lock = threading.Lock()


# Endpoints


def ensure_self_endpoint(account: Account) -> Object:
    """Let the dashboard in this process hear of everything that happens in `account`; return the endpoint."""
    url = str(getattr(settings, "SANDBOX_WEBHOOK_URL", f"https://{courier.self_host()}/billing/webhooks/stripe/"))
    rows = Row.objects.filter(account=account, kind="webhook_endpoint", deleted=False)
    known: Object
    for known in rows.values_list("data", flat=True):
        if known["url"] == url:
            return known
    endpoint = new_endpoint(f"we_self{account.pk}", url, ["*"], clock.now(account))
    Row.objects.create(
        account=account,
        kind="webhook_endpoint",
        stripe_id=endpoint["id"],
        created=endpoint["created"],
        data=endpoint,
        private={"secret": str(getattr(settings, "SANDBOX_WEBHOOK_SECRET", "whsec_sandbox"))},
        status="enabled",
    )
    return endpoint


def new_endpoint(id: str, url: str, enabled_events: list[str], created: int) -> Object:
    """Return a webhook endpoint that is stored nowhere yet; `created` in epoch seconds."""
    return {
        "id": id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": created,
        "description": None,
        "enabled_events": enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def endpoints(call: Call, type_: str) -> list[str]:
    """Return the ids of the enabled webhook endpoints that asked for events of this type."""
    if "webhook_endpoints" not in call.memo:
        call.memo["webhook_endpoints"] = sql.select(call, "webhook_endpoint", {"status": "enabled"})[::-1]
    wanted = {"*", type_}
    return [each["id"] for each in call.memo["webhook_endpoints"] if wanted & set(each["enabled_events"])]


# Queueing, holding, sending again


def queue(call: Call, event: Object, to: list[str]) -> None:
    """Note that `event` is to be delivered to these endpoints once the transaction is through."""
    now = clock.now(call.account)
    Delivery.objects.bulk_create(
        Delivery(
            account=call.account,
            event=event["id"],
            endpoint=endpoint,
            next_attempt_at=now + copy.delay,
            rank=copy.rank,
            mishap=copy.mishap,
        )
        for endpoint in to
        for copy in delivery_plan.copies(call, event, endpoint)
    )


@contextmanager
def held(account: Account) -> Iterator[Held]:
    """Keep back the account's webhooks: a test releases them in the order it likes, `with held(account) as waiting`.

    What is left at the end of the block is delivered in the order in which it happened.
    """
    try:
        yield hold(account)
    finally:
        release(account)


def hold(account: Account) -> Held:
    """Keep back the account's webhooks from now on, until `release`."""
    Account.objects.filter(pk=account.pk).update(hold_deliveries=True)
    return Held(account)


def release(account: Account, first: Collection[str] = ()) -> None:
    """Let go what is kept back: the events with the ids in `first` in that order, then the others as they happened."""
    Account.objects.filter(pk=account.pk).update(hold_deliveries=False)
    for event in first:
        for delivery in Delivery.objects.filter(account=account, event=event, state=Delivery.PENDING).order_by("id"):
            deliver(delivery)
    deliver_due(account)


@dataclass(frozen=True)
class Held:
    """The webhooks kept back, oldest first, read anew on every iteration."""

    account: Account

    def __iter__(self) -> Iterator[tuple[Object, Delivery]]:
        for delivery in Delivery.objects.filter(account=self.account, state=Delivery.PENDING).order_by("id"):
            yield _event(delivery), delivery

    def __len__(self) -> int:
        return Delivery.objects.filter(account=self.account, state=Delivery.PENDING).count()

    def of_type(self, type_: str) -> Delivery:
        """Return the oldest delivery that is kept back for an event of this type; raises LookupError."""
        for event, delivery in self:
            if event["type"] == type_:
                return delivery
        raise LookupError(f"no {type_} is waiting")


def resend(account: Account, event: str, endpoint: str | None = None) -> list[Attempt]:
    """Send an event once more, to an endpoint or to all that were to hear of it; return what came of it.

    An endpoint that was made later can be named too. Raises the 404 of an event or endpoint that is not there.
    """
    _check_known(account, "event", event, "event")
    if endpoint:
        _check_known(account, "webhook_endpoint", endpoint, "endpoint")
    to = [endpoint] if endpoint else Delivery.objects.filter(account=account, event=event).values_list("endpoint")
    sent: list[Attempt] = []
    for name in dict.fromkeys(each if isinstance(each, str) else each[0] for each in to):
        latest = Delivery.objects.filter(account=account, event=event, endpoint=name).order_by("-id").first()
        deliver(latest or Delivery.objects.create(account=account, event=event, endpoint=name))
        sent += Attempt.objects.filter(account=account, event=event, endpoint=name).order_by("-id")[:1]
    return sent


def _check_known(account: Account, kind: str, id: str, param: str) -> None:
    if not Row.objects.filter(account=account, kind=kind, stripe_id=id, deleted=False).exists():
        raise missing(kind, id, param)


# Sending


def deliver_due(account: Account) -> None:
    """Send what is due, and what arises meanwhile, one after the other; other servers are called in the background.

    A webhook handler that calls the API again comes back in here while we are still sending: the loop already running
    in this thread picks up what that call caused.
    """
    if not sql.has_delivery(account, clock.now(account)):
        return
    busy: set[int] = _thread.__dict__.setdefault("busy", set())
    if account.pk in busy:
        return
    busy.add(account.pk)
    try:
        _send_due(account)
    finally:
        busy.remove(account.pk)


def _send_due(account: Account) -> None:
    here: dict[str, bool] = {}  # into a test's transaction no other thread can see
    elsewhere: set[str] = set()
    while (delivery := _first_due(account, without=elsewhere)) is not None:
        if delivery.endpoint not in here:
            here[delivery.endpoint] = connections[ALIAS].in_atomic_block or courier.is_here(_url_of(delivery))
        if not here[delivery.endpoint]:
            elsewhere.add(delivery.endpoint)
            _wake(account, delivery.endpoint)
        elif _claim(delivery):
            deliver(delivery)


def _wake(account: Account, endpoint: str) -> None:
    """See to it that a thread sends what is due to an endpoint: one for each, so that the order stays."""
    key = account.pk, endpoint
    with _lock:
        at_work = key in _awake
        _awake[key] = at_work
    if not at_work:
        threading.Thread(target=_work, args=(key,), name=f"deliver to {endpoint}", daemon=True).start()


def _work(key: tuple[int, str]) -> None:
    endpoint, more = key[1], True
    try:
        while more:
            account = Account.objects.get(pk=key[0])  # its clock may have gone forward
            while (delivery := _first_due(account, only=endpoint)) is not None:
                if _claim(delivery):
                    deliver(delivery)
            with _lock:
                more = _awake[key]
                _awake[key] = False
                if not more:
                    del _awake[key]
    except Exception:
        logger.exception("deliveries to %s have stopped until the next request", endpoint)
        with _lock:
            _awake.pop(key, None)
    finally:
        connections[ALIAS].close()


def _first_due(account: Account, *, without: Collection[str] = (), only: str = "") -> Delivery | None:
    due = Delivery.objects.filter(
        account=account, account__hold_deliveries=False, next_attempt_at__lte=clock.now(account)
    )
    if without:
        due = due.exclude(endpoint__in=without)
    if only:
        due = due.filter(endpoint=only)
    return due.select_related("account").order_by("rank", "id").first()


def _claim(delivery: Delivery) -> bool:
    """Take a delivery for this thread; False where another was quicker."""
    mine = Delivery.objects.filter(pk=delivery.pk, state=Delivery.PENDING, next_attempt_at=delivery.next_attempt_at)
    return mine.update(next_attempt_at=clock.now(delivery.account) + _LEASE) == 1


def _url_of(delivery: Delivery) -> str:
    endpoint = _endpoint(delivery)
    return endpoint.data["url"] if endpoint else f"https://{courier.self_host()}/"


def _endpoint(delivery: Delivery) -> Row | None:
    named = Row.objects.filter(account=delivery.account, kind="webhook_endpoint", stripe_id=delivery.endpoint)
    return named.filter(status="enabled", deleted=False).first()


def _event(delivery: Delivery) -> Object:
    rows = Row.objects.filter(account=delivery.account, kind="event", stripe_id=delivery.event)
    event: Object = rows.values_list("data", flat=True).get()
    return event


def deliver(delivery: Delivery) -> Delivery:
    """Send one delivery now, whatever its turn; a copy that was delivered before is sent again."""
    endpoint = _endpoint(delivery)
    if endpoint is None:  # deleted or disabled since
        delivery.state, delivery.next_attempt_at = Delivery.FAILED, None
        delivery.save(update_fields=["state", "next_attempt_at"])
        return delivery
    now = clock.now(delivery.account)
    delivery.attempts, delivery.last_attempt_at, delivery.next_attempt_at = delivery.attempts + 1, now, now + _LEASE
    delivery.save(update_fields=["attempts", "last_attempt_at", "next_attempt_at"])
    attempt = _attempt(delivery, endpoint)
    with delivery.account.exclusively():
        if not Delivery.objects.filter(pk=delivery.pk).exists():  # the account was reset or restored meanwhile
            return delivery
        attempt.save()
        _settle(delivery, attempt)
        _judge(endpoint, attempt)
    logger.debug("%s to %s: %s", delivery.event, delivery.endpoint, attempt.status)
    return delivery


def _attempt(delivery: Delivery, endpoint: Row) -> Attempt:
    """Make the request, or lose it where the plan says so, and return the entry for the log."""
    account, now = delivery.account, clock.now(delivery.account)
    mishap = delivery_plan.at_attempt(delivery.mishap, delivery.attempts)
    secrets = signing.secrets_of(endpoint.private, now)
    body, header = delivery_plan.letter(_event(delivery), secrets, int(clock.wall()), mishap)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": header,
    }
    url, started = endpoint.data["url"], time.monotonic()
    lost = Answer(error="lost on the way, as the delivery plan says") if mishap.get("drop") else None
    answer = lost or courier.carry(url, headers, body)
    return Attempt(
        account=account,
        event=delivery.event,
        endpoint=delivery.endpoint,
        at=now,
        url=url,
        request_headers=headers,
        request_body=body.decode(errors="replace"),
        status=answer.status,
        response_headers=answer.headers,
        response_body=answer.body,
        error=answer.error,
        milliseconds=round((time.monotonic() - started) * 1000),
        mishap=mishap,
    )


# What comes of an attempt


def _settle(delivery: Delivery, attempt: Attempt) -> None:
    """Note the answer; without a 2xx the next attempt is planned, or given up."""
    delivery.response_status = attempt.status
    delivery.response_excerpt = (attempt.response_body or attempt.error)[:500]
    delivery.next_attempt_at = None
    if attempt.taken:
        delivery.state = Delivery.SUCCEEDED
    elif delivery.attempts <= len(BACKOFF):
        delivery.state = Delivery.PENDING
        delivery.next_attempt_at = clock.now(delivery.account) + BACKOFF[delivery.attempts - 1]
    else:
        delivery.state = Delivery.FAILED
    delivery.save(update_fields=["response_status", "response_excerpt", "state", "next_attempt_at"])
    _count_pending(delivery)


def _count_pending(delivery: Delivery) -> None:
    """Keep the event's `pending_webhooks` true: how many endpoints have not taken it."""
    copies = Delivery.objects.filter(account=delivery.account, event=delivery.event).values_list("endpoint", "state")
    left = len({endpoint for endpoint, _ in copies} - {end for end, state in copies if state == Delivery.SUCCEEDED})
    row = Row.objects.get(account=delivery.account, kind="event", stripe_id=delivery.event)
    row.data["pending_webhooks"] = left
    row.status = "pending" if left else "delivered"
    row.save(update_fields=["data", "status"])


def _judge(endpoint: Row, attempt: Attempt) -> None:
    """Remember since when an endpoint has been failing, and disable it where that has gone on for too long."""
    endpoint.refresh_from_db(fields=["data", "private", "status"])
    failing_since = endpoint.private.get("failing_since")
    if attempt.taken:
        if failing_since is None:
            return
        del endpoint.private["failing_since"]
    elif failing_since is None:
        endpoint.private["failing_since"] = attempt.at
    elif attempt.at - failing_since >= PATIENCE and endpoint.status == "enabled":
        endpoint.status = endpoint.data["status"] = "disabled"
        logger.warning("%s has failed for days and is disabled", endpoint.stripe_id)
    endpoint.save(update_fields=["data", "private", "status"])
