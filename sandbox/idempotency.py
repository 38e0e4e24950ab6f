"""The first answer to a key is every later answer to it. Rules: stripe-endive.md section 8."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from sandbox import clock
from sandbox.kernel import Call, StripeError
from sandbox.models import IdempotencyKey
from sandbox.router import ALIAS

if TYPE_CHECKING:
    from sandbox.server import Request, Response

_KEPT = 24 * 3600  # on the account's clock
_ABANDONED = 60  # seconds of wall clock after which a claim is taken for that of a dead process


def answer_once(call: Call, request: Request, response: Response, execute: Callable[[], tuple[int, str]]) -> None:
    """Fill `response` with what `execute` returns (and `remember`s), or with what it returned for this key before.

    Raises 400 `idempotency_error` where the key
    came with another request, and 409 where that request is still being worked on.
    """
    key = call.idempotency_key or ""
    if len(key) > 255:
        raise StripeError(400, "invalid_request_error", "Idempotency keys must be at most 255 characters long.")
    response.headers["Idempotency-Key"] = key
    # Keyed: a browser's request may carry a card number, and a bare hash of so few digits can be turned back.
    asked = "\n".join((request.method, request.path, request.query, request.body))
    before = _claim(call, key, salted_hmac("sandbox.idempotency", asked, algorithm="sha256").hexdigest())
    if before is not None:
        response.status, response.body = before.status or 500, before.body
        response.headers["Original-Request"] = before.request_id
        response.headers["Idempotent-Replayed"] = "true"
        return
    response.status, response.body = execute()


def remember(call: Call, status: int, body: str) -> None:
    """Keep the answer for the call's key, if it has one, in the transaction that made it true."""
    if call.idempotency_key is not None:
        IdempotencyKey.objects.filter(account=call.account, key=call.idempotency_key).update(status=status, body=body)


def _claim(call: Call, key: str, fingerprint: str) -> IdempotencyKey | None:
    """Take the key for this request; return the row of a request that is finished under the same key."""
    known = IdempotencyKey.objects.filter(account=call.account, key=key).first()
    if known is not None and _is_stale(known, clock.now(call.account)):
        known.delete()
        known = None
    if known is None:
        claim = IdempotencyKey(account=call.account, key=key, fingerprint=fingerprint)
        claim.request_id, claim.created, claim.claimed_at = call.request_id or "", clock.now(call.account), clock.wall()
        try:
            with transaction.atomic(using=ALIAS):
                claim.save(force_insert=True)
            return None
        except IntegrityError:  # another thread was quicker
            known = IdempotencyKey.objects.get(account=call.account, key=key)
    _check(known, fingerprint)
    return known


def _check(known: IdempotencyKey, fingerprint: str) -> None:
    if known.fingerprint != fingerprint:
        raise StripeError(
            400,
            "idempotency_error",
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{known.key}' if you meant to execute a different request.",
        )
    if known.status is None:
        raise StripeError(
            409,
            "idempotency_error",
            "There is currently another in-progress request using this Idempotent Key (that probably means you "
            "submitted twice, and the other request is still going through). Please try again later.",
            code="idempotency_key_in_use",
        )


def _is_stale(known: IdempotencyKey, now: int) -> bool:
    abandoned = known.status is None and clock.wall() - known.claimed_at > _ABANDONED
    return abandoned or now - known.created >= _KEPT
