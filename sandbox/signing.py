"""The Stripe-Signature header, and the secrets behind it: for a day after it was rolled, the old one signs too."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from sandbox.kernel import Call, Object, StripeError, missing, new_secret
from sandbox.models import Row

MOST_OVERLAP = 24 * 3600  # seconds


def signature(body: bytes, *secrets: str, timestamp: int) -> str:
    """Return the header for a body, with one `v1` for each secret; the key is the whole secret, `whsec_` included.

    `timestamp` is epoch seconds of the real clock: who receives it compares it with theirs.
    """
    digests = (hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256) for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={digest.hexdigest()}" for digest in digests)])


def secrets_of(private: dict[str, Any], now: int) -> list[str]:
    """Return the secrets that sign for an endpoint at `now` (epoch seconds on its account's clock), newest first."""
    old = [private["old_secret"]] if private.get("old_secret_until", 0) > now else []
    return [private["secret"], *old]


def roll(call: Call, endpoint: str, overlap: int = MOST_OVERLAP) -> Object:
    """Give a webhook endpoint a new secret; return the endpoint with it, as it is shown this one time.

    The old one goes on signing beside it for `overlap` seconds on the account's clock, a day at the most. At Stripe
    this is a button in the Dashboard; there is no endpoint of the API for it.
    """
    if not 0 <= overlap <= MOST_OVERLAP:
        message = f"The old secret can stay valid for 0 to {MOST_OVERLAP} seconds, not for {overlap}."
        raise StripeError(400, "invalid_request_error", message, param="overlap")
    row = Row.objects.filter(account=call.account, kind="webhook_endpoint", stripe_id=endpoint, deleted=False).first()
    if row is None:
        raise missing("webhook_endpoint", endpoint, "endpoint")
    row.private |= {
        "old_secret": row.private["secret"],
        "old_secret_until": call.now + overlap,
        "secret": new_secret(call, "whsec_", 32),
    }
    row.save(update_fields=["private"])
    return {**row.data, "secret": row.private["secret"]}
