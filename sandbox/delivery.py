"""Webhooks: which endpoints want an event, its signed delivery after commit, retries, and holding them back."""

from __future__ import annotations

import contextvars
import hashlib
import hmac
import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections

from sandbox import clock
from sandbox.kernel import Call, Object
from sandbox.models import Account, Delivery, Row
from sandbox.router import ALIAS

logger = logging.getLogger("sandbox.delivery")

# Seconds on the account's clock. Stripe says "three tries over a few hours" for its own sandboxes, without figures.
BACKOFF = (60, 600, 3600, 10_800)
_LEASE = 60  # a delivery whose process died half way is due again after this long
_TIMEOUT = 10.0

_thread = threading.local()


def self_host() -> str:
    """Return the host name under which this very site is reached without a socket."""
    return str(getattr(settings, "SANDBOX_SELF_HOST", "dashboard.sandbox"))


def ensure_self_endpoint(account: Account) -> Object:
    """Let the dashboard in this process hear of everything that happens in `account`; return the endpoint."""
    url = str(getattr(settings, "SANDBOX_WEBHOOK_URL", f"https://{self_host()}/billing/webhooks/stripe/"))
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
        rows = Row.objects.filter(account=call.account, kind="webhook_endpoint", status="enabled", deleted=False)
        call.memo["webhook_endpoints"] = list(rows.order_by("created", "id").values_list("data", flat=True))
    wanted = {"*", type_}
    return [each["id"] for each in call.memo["webhook_endpoints"] if wanted & set(each["enabled_events"])]


def queue(call: Call, event: Object, to: list[str]) -> None:
    """Note that `event` is to be delivered to these endpoints once the transaction is through."""
    Delivery.objects.bulk_create(
        Delivery(account=call.account, event=event["id"], endpoint=endpoint, next_attempt_at=clock.now(call.account))
        for endpoint in to
    )


@contextmanager
def held(account: Account) -> Iterator[Held]:
    """Keep back the account's webhooks: a test releases them in the order it likes, `with held(account) as waiting`.

    What is left at the end of the block is delivered in the order in which it happened.
    """
    Account.objects.filter(pk=account.pk).update(hold_deliveries=True)
    try:
        yield Held(account)
    finally:
        Account.objects.filter(pk=account.pk).update(hold_deliveries=False)
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


def deliver_due(account: Account) -> None:
    """Send what is due, and what arises meanwhile, one after the other.

    A webhook handler that calls the API again comes back in here while we are still sending: the loop already running
    in this thread picks up what that call caused.
    """
    busy: set[int] = _thread.__dict__.setdefault("busy", set())
    if account.pk in busy:
        return
    busy.add(account.pk)
    try:
        while delivery := _next(account):
            deliver(delivery)
    finally:
        busy.remove(account.pk)


def deliver(delivery: Delivery) -> Delivery:
    """Send one delivery now, whatever its turn; a copy that was delivered before is sent again."""
    endpoint = Row.objects.filter(
        account=delivery.account, kind="webhook_endpoint", stripe_id=delivery.endpoint, status="enabled"
    ).first()
    if endpoint is None:  # deleted or disabled since
        delivery.state, delivery.next_attempt_at = Delivery.FAILED, None
        delivery.save(update_fields=["state", "next_attempt_at"])
        return delivery
    _lease(delivery)
    body = json.dumps(_event(delivery), indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(body, endpoint.private["secret"], int(clock.wall())),
    }
    if urlsplit(endpoint.data["url"]).hostname == self_host():
        _record(delivery, *_call_self(endpoint.data["url"], headers, body))
    else:
        _in_background(delivery, endpoint.data["url"], headers, body)
    return delivery


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """Return the Stripe-Signature header; the key is the whole secret, `whsec_` included."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def _next(account: Account) -> Delivery | None:
    now = clock.now(account)
    due = Delivery.objects.filter(account=account, account__hold_deliveries=False, next_attempt_at__lte=now)
    for delivery in due.select_related("account").order_by("id")[:20]:
        if _claim(delivery, now):
            return delivery
    return None


def _claim(delivery: Delivery, now: int) -> bool:
    """Take a delivery for this thread; False where another was quicker."""
    mine = Delivery.objects.filter(pk=delivery.pk, state=Delivery.PENDING, next_attempt_at=delivery.next_attempt_at)
    return mine.update(next_attempt_at=now + _LEASE) == 1


def _lease(delivery: Delivery) -> None:
    now = clock.now(delivery.account)
    delivery.attempts, delivery.last_attempt_at = delivery.attempts + 1, now
    delivery.next_attempt_at = now + _LEASE
    delivery.save(update_fields=["attempts", "last_attempt_at", "next_attempt_at"])


def _event(delivery: Delivery) -> Object:
    rows = Row.objects.filter(account=delivery.account, kind="event", stripe_id=delivery.event)
    event: Object = rows.values_list("data", flat=True).get()
    return event


def _call_self(url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str]:
    """Run a request through this site's own middleware and views.

    In a copied context, so that a language or time zone activated inside ends with it; and without Django's
    request signals, which would close the database connections of the request we are in the middle of.
    """
    request = WSGIRequest(_environ(url, headers, body))
    response = contextvars.copy_context().run(_handler().get_response, request)
    request.close()
    return response.status_code, getattr(response, "content", b"").decode(errors="replace")


def _handler() -> BaseHandler:
    handler: BaseHandler | None = getattr(_thread, "handler", None)
    if handler is None:
        handler = _thread.handler = BaseHandler()
        handler.load_middleware()
    return handler


def _environ(url: str, headers: dict[str, str], body: bytes) -> dict[str, object]:
    host = next((host for host in settings.ALLOWED_HOSTS if host not in {"*"} and "[" not in host), "localhost")
    environ: dict[str, object] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": urlsplit(url).path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": urlsplit(url).query,
        "SERVER_NAME": host.lstrip("."),
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers["Content-Type"],
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {**environ, **named}


def _in_background(delivery: Delivery, url: str, headers: dict[str, str], body: bytes) -> None:
    """Post to another process without keeping the API's caller waiting for it."""
    if connections[ALIAS].in_atomic_block:  # a test's transaction, into which no other thread can see
        _record(delivery, *_post(url, headers, body))
        return

    def work() -> None:
        try:
            _record(delivery, *_post(url, headers, body))
        except Exception:
            logger.exception("%s to %s could not be recorded", delivery.event, delivery.endpoint)
        finally:
            connections[ALIAS].close()

    threading.Thread(target=work, name=f"deliver {delivery.event}", daemon=True).start()


def _post(url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str]:
    try:
        response = requests.post(url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        return None, str(error)
    return response.status_code, response.text


def _record(delivery: Delivery, status: int | None, text: str) -> None:
    """Note the answer; without a 2xx the next attempt is planned, or given up."""
    delivery.response_status, delivery.response_excerpt = status, text[:500]
    tries_left = delivery.attempts <= len(BACKOFF)
    delivery.next_attempt_at = None
    if status is not None and 200 <= status < 300:
        delivery.state = Delivery.SUCCEEDED
    elif tries_left:
        delivery.state = Delivery.PENDING
        delivery.next_attempt_at = clock.now(delivery.account) + BACKOFF[delivery.attempts - 1]
    else:
        delivery.state = Delivery.FAILED
    delivery.save(update_fields=["response_status", "response_excerpt", "state", "next_attempt_at"])
    logger.debug("%s to %s: %s", delivery.event, delivery.endpoint, status)
    _count_pending(delivery)


def _count_pending(delivery: Delivery) -> None:
    """Keep the event's `pending_webhooks` true: how many endpoints have not taken it."""
    open_ones = Delivery.objects.filter(account=delivery.account, event=delivery.event)
    left = open_ones.exclude(state=Delivery.SUCCEEDED).values("endpoint").distinct().count()
    row = Row.objects.get(account=delivery.account, kind="event", stripe_id=delivery.event)
    row.data["pending_webhooks"] = left
    row.status = "pending" if left else "delivered"
    row.save(update_fields=["data", "status"])
