"""Which Stripe this process talks to, decided once from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

SANDBOX_SECRET_KEY = "sk_test_sandbox"  # noqa: S105  names of a demo, no secrets
SANDBOX_PUBLISHABLE_KEY = "pk_test_sandbox"
SANDBOX_WEBHOOK_SECRET = "whsec_sandbox"  # noqa: S105

_SECRET = re.compile(r"(sk|rk)_(test|live)_\w{10,}")
_PUBLISHABLE = re.compile(r"pk_(test|live)_\w{10,}")
_WEBHOOK = re.compile(r"whsec_\S{8,}")


@dataclass(frozen=True)
class StripeKeys:
    """The three keys of one Stripe account in one mode."""

    secret_key: str
    publishable_key: str
    webhook_secrets: tuple[str, ...]
    sandbox: bool
    livemode: bool


def read_keys(environ: Mapping[str, str]) -> StripeKeys:
    """Choose the sandbox where nothing of Stripe is set, else check the real keys.

    `STRIPE_WEBHOOK_SECRET` may name several secrets, separated by commas, while one is being rolled.
    Raises ImproperlyConfigured, in one sentence, for every combination that could move money by mistake.
    """
    secret = environ.get("STRIPE_SECRET_KEY", "").strip()
    publishable = environ.get("STRIPE_PUBLISHABLE_KEY", "").strip()
    webhook = environ.get("STRIPE_WEBHOOK_SECRET", "").strip()
    wanted = environ.get("STRIPE_SANDBOX", "").strip().lower() in {"1", "true", "yes", "on"}
    sandbox = wanted or secret == SANDBOX_SECRET_KEY or not (secret or publishable or webhook)
    if sandbox and "_live_" in secret + publishable:
        raise ImproperlyConfigured(
            "a live Stripe key and the sandbox cannot run together: unset STRIPE_SANDBOX or the live keys."
        )
    if sandbox:
        return StripeKeys(SANDBOX_SECRET_KEY, SANDBOX_PUBLISHABLE_KEY, (SANDBOX_WEBHOOK_SECRET,), True, False)
    return _real_keys(secret, publishable, webhook)


def _real_keys(secret: str, publishable: str, webhook: str) -> StripeKeys:
    if not _SECRET.fullmatch(secret):
        raise ImproperlyConfigured("STRIPE_SECRET_KEY is not a Stripe secret key (sk_test_…, sk_live_… or rk_…).")
    if not _PUBLISHABLE.fullmatch(publishable):
        raise ImproperlyConfigured("STRIPE_PUBLISHABLE_KEY is not a Stripe publishable key (pk_test_… or pk_live_…).")
    if ("_live_" in secret) != ("_live_" in publishable):
        raise ImproperlyConfigured(
            "STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY are of different modes: live and test."
        )
    secrets = tuple(part.strip() for part in webhook.split(",") if part.strip())
    if not secrets:
        raise ImproperlyConfigured(
            "STRIPE_WEBHOOK_SECRET is empty: without it anybody could forge an event, so it must be set."
        )
    if not all(_WEBHOOK.fullmatch(part) for part in secrets):
        raise ImproperlyConfigured("STRIPE_WEBHOOK_SECRET is not a webhook signing secret (whsec_…).")
    return StripeKeys(secret, publishable, secrets, False, "_live_" in secret)
