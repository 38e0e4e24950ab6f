"""The only door to Stripe: plain dicts out, errors worded for the customer, idempotency keys in.

Every call refuses to start inside a database transaction: a lock held while the network is slow is a site that is down.
Times: connect 3 s, read 8 s, one retry under the same key, so a call ends within 23 s, before the web server's 30 s.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

import requests
import stripe
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.utils import timezone
from django.utils.module_loading import import_string

from billing.errors import (
    AuthenticationRequired,
    BillingError,
    CardDeclined,
    Gone,
    OutcomeUnknown,
    Refused,
    Unavailable,
    decline_words,
)

logger = logging.getLogger(__name__)

Object = dict[str, Any]
Params = Mapping[str, Any]

TIMEOUT = (3.0, 8.0)  # seconds: connect, read
WEBHOOK_TOLERANCE = 300  # seconds, Stripe's own default, here in both directions
MAX_SIGNATURE_HEADER = 4096  # bytes: a header of thousands of signatures is an attack, not a secret being rolled

_UNREACHABLE = "billing.stripe_unreachable_since"
_ACTION_REQUIRED = {
    "authentication_required",
    "invoice_payment_intent_requires_action",
    "subscription_payment_intent_requires_action",
}

stripe.enable_telemetry = False


@lru_cache(maxsize=8)
def _client(secret_key: str, http_client: str | None) -> stripe.StripeClient:
    carrier = import_string(http_client)() if http_client else stripe.RequestsClient(timeout=TIMEOUT)
    return stripe.StripeClient(secret_key, http_client=carrier, max_network_retries=1)


def _v1() -> Any:
    """Return the SDK's v1 services. Untyped on purpose: what we send is checked against the SDK in the tests."""
    return _client(settings.BILLING["SECRET_KEY"], settings.BILLING["HTTP_CLIENT"]).v1


# Reading ---------------------------------------------------------------------------------------------------------

_SERVICES: dict[str, Callable[[Any], Any]] = {
    "customer": lambda v1: v1.customers,
    "payment_method": lambda v1: v1.payment_methods,
    "setup_intent": lambda v1: v1.setup_intents,
    "payment_intent": lambda v1: v1.payment_intents,
    "product": lambda v1: v1.products,
    "price": lambda v1: v1.prices,
    "subscription": lambda v1: v1.subscriptions,
    "invoice": lambda v1: v1.invoices,
}


def retrieve(kind: str, id: str, expand: list[str] | None = None) -> Object:
    """Read one object, with its embedded lists whole.

    Raises Gone when Stripe does not know it, Unavailable when it cannot be asked.
    """
    found = _read(lambda v1: _SERVICES[kind](v1).retrieve(id, params={"expand": expand} if expand else {}))
    return _whole(found)


def list_all(kind: str, params: Params) -> Iterator[Object]:
    """Read every object of a list, page by page, 100 at a time. Raises as `retrieve`."""
    yield from _pages(lambda page: _SERVICES[kind](_v1()).list(params={**params, **page}))


def _pages(fetch: Callable[[Params], Any]) -> Iterator[Object]:
    after: dict[str, Any] = {}
    while True:
        page = _read(lambda _: fetch({"limit": 100, **after}))  # noqa: B023  called at once
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"starting_after": page["data"][-1]["id"]}


def _whole(found: Object) -> Object:
    """Complete the lists that Stripe embeds only the beginning of: invoice lines beyond ten, items beyond twenty."""
    if found["object"] == "invoice" and found["lines"]["has_more"]:
        lines = _pages(lambda page: _v1().invoices.line_items.list(found["id"], params=page))
        found["lines"].update(data=list(lines), has_more=False)
    if found["object"] == "subscription" and found["items"]["has_more"]:
        items = _pages(lambda page: _v1().subscription_items.list(params={"subscription": found["id"], **page}))
        found["items"].update(data=list(items), has_more=False)
    return found


def preview_invoice(params: Params) -> Object:
    """Ask Stripe what a change would cost. Nothing is stored there."""
    return _whole_preview(_read(lambda v1: v1.invoices.create_preview(params=params)))


def _whole_preview(preview: Object) -> Object:
    if preview["lines"]["has_more"]:
        raise Refused("This change has too many parts to preview here. Nothing was charged: please contact us.")
    return preview


# Writing: every function takes the idempotency key of its operation's step ---------------------------------------


def create_customer(params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.customers.create(params=params, options=options), key)


def update_customer(id: str, params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.customers.update(id, params=params, options=options), key)


def create_setup_intent(params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.setup_intents.create(params=params, options=options), key)


def update_payment_method(id: str, params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.payment_methods.update(id, params=params, options=options), key)


def detach_payment_method(id: str, key: str) -> Object:
    return _write(lambda v1, options: v1.payment_methods.detach(id, options=options), key)


def create_subscription(params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.subscriptions.create(params=params, options=options), key)


def update_subscription(id: str, params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.subscriptions.update(id, params=params, options=options), key)


def cancel_subscription(id: str, params: Params, key: str) -> Object:
    """Cancel at once. Stripe ignores the key of a DELETE: cancelling twice is refused there, and read as done here."""
    try:
        return _write(lambda v1, options: v1.subscriptions.cancel(id, params=params, options=options), key)
    except (Gone, Refused):
        found = retrieve("subscription", id)
        if found["status"] == "canceled":
            return found
        raise


def pay_invoice(id: str, params: Params, key: str) -> Object:
    return _write(lambda v1, options: v1.invoices.pay(id, params=params, options=options), key)


def void_invoice(id: str, key: str) -> Object:
    return _write(lambda v1, options: v1.invoices.void_invoice(id, options=options), key)


# The call and what can go wrong with it --------------------------------------------------------------------------


def _read(send: Callable[[Any], Any]) -> Object:
    try:
        return _ask(lambda: send(_v1()))
    except OutcomeUnknown as error:  # a read that failed changed nothing
        raise Unavailable from error


def _write(send: Callable[[Any, Params], Any], key: str) -> Object:
    return _ask(lambda: send(_v1(), {"idempotency_key": key}))


def _ask(send: Callable[[], Any]) -> Object:
    _refuse_open_transaction()
    started = time.monotonic()
    try:
        answer = send()
    except stripe.StripeError as error:
        raise _translated(error) from error
    finally:
        logger.debug("stripe answered in %.3f s", time.monotonic() - started)
    cache.delete(_UNREACHABLE)
    return cast(Object, answer.to_dict(for_json=True))


def _refuse_open_transaction() -> None:
    for alias in settings.BILLING.get("DATABASES", ["default"]):
        # A test case's own transaction is not ours to answer for; Django marks it so, for `durable` blocks.
        if any(not getattr(block, "_from_testcase", False) for block in connections[alias].atomic_blocks):
            raise RuntimeError("Stripe was called inside a database transaction.")


def _translated(error: stripe.StripeError) -> BillingError:
    logger.warning(
        "stripe refused: %s http=%s code=%s request=%s",
        type(error).__name__,
        error.http_status,
        error.code,
        error.request_id,
    )
    translated = _as_billing_error(error)
    translated.request_id = error.request_id or ""
    if isinstance(translated, Unavailable | OutcomeUnknown):
        cache.add(_UNREACHABLE, timezone.now(), timeout=timedelta(minutes=15).seconds)
    return translated


def _as_billing_error(error: stripe.StripeError) -> BillingError:
    code = error.code or ""
    if code in _ACTION_REQUIRED:
        return AuthenticationRequired(code=code)
    if isinstance(error, stripe.CardError):
        reason = getattr(error.error, "decline_code", None) or code
        return CardDeclined(decline_words(reason), code=reason)
    if isinstance(error, stripe.InvalidRequestError):
        return Gone(code=code) if code == "resource_missing" else Refused(code=code)
    if isinstance(error, stripe.RateLimitError | stripe.AuthenticationError | stripe.PermissionError):
        return Unavailable(code=code)  # answered before anything was done
    if isinstance(error, stripe.APIConnectionError) and _never_sent(error):
        return Unavailable(code=code)
    if isinstance(error, stripe.APIConnectionError | stripe.APIError):
        return OutcomeUnknown(code=code)
    return Refused(code=code)


def _never_sent(error: stripe.APIConnectionError) -> bool:
    """Tell whether no connection came about, so that nothing can have happened at Stripe."""
    cause = error.__cause__
    if isinstance(cause, requests.exceptions.ConnectTimeout | ConnectionRefusedError):
        return True
    reason = (
        getattr(cause.args[0], "reason", None) if isinstance(cause, requests.ConnectionError) and cause.args else None
    )
    return type(reason).__name__ in {"NewConnectionError", "NameResolutionError"}


def last_failure() -> datetime | None:
    """Return since when Stripe has not answered this process (UTC), or None when it last did."""
    since: datetime | None = cache.get(_UNREACHABLE)
    return since


# Webhook signatures ----------------------------------------------------------------------------------------------


def is_signed(payload: bytes, header: str) -> bool:
    """Tell whether `payload` was signed with one of our active secrets within five minutes of now, either way.

    The SDK's own check lets a timestamp of the future pass and raises TypeError on non-ASCII signatures.
    """
    if not header.isascii() or len(header) > MAX_SIGNATURE_HEADER or not _is_recent(header):
        return False
    return any(_matches(payload, header, secret) for secret in settings.BILLING["WEBHOOK_SECRETS"])


def _is_recent(header: str) -> bool:
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    return (
        len(stamps) == 1
        and stamps[0].isdigit()
        and len(stamps[0]) < 16
        and abs(time.time() - int(stamps[0])) <= WEBHOOK_TOLERANCE
    )


def _matches(payload: bytes, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload, header, secret, WEBHOOK_TOLERANCE)
    except (stripe.SignatureVerificationError, ValueError):  # ValueError: a body that is not UTF-8
        return False
    return True
