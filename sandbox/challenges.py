"""3-D Secure: an intent waits for its customer, the bank's page answers, the intent goes on.

The pages are `sandbox.browser`'s. What happens to an intent afterwards is its resource's, registered with `resumes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox import server, store
from sandbox.kernel import Call, Object, StripeError, invalid, new_secret, origin
from sandbox.models import Account, Challenge

_resume: dict[str, Callable[[Call, Object, bool], Object]] = {}


@dataclass(frozen=True)
class Pending:
    """What the bank's page shows, and where it sends the customer afterwards."""

    account: Account
    intent: Object  # the setup or payment intent, whole
    return_url: str  # empty: stripe.js closes the frame and goes on by itself


def resumes(kind: str) -> Callable[[Callable[[Call, Object, bool], Object]], Callable[[Call, Object, bool], Object]]:
    """Register the function below to go on with an intent of `kind`: (call, intent, succeeded) -> intent."""

    def register(function: Callable[[Call, Object, bool], Object]) -> Callable[[Call, Object, bool], Object]:
        _resume[kind] = function
        return function

    return register


def issue(call: Call, intent: Object, *, use_stripe_sdk: bool, return_url: str | None) -> Object:
    """Open a challenge for an intent and return its `next_action`.

    Stripe.js shows the page in a frame; without it the customer is sent to the page and back to `return_url`.
    """
    token = new_secret(call, "payatt_3", 23)
    redirects = not use_stripe_sdk and return_url is not None
    Challenge.objects.create(
        token=token,
        account=call.account,
        kind=intent["object"],
        intent=intent["id"],
        return_url=return_url if redirects and return_url else "",
    )
    path = f"/sandbox/three-ds-2-challenge/{token}/"
    if redirects:
        return {
            "redirect_to_url": {"return_url": return_url, "url": f"{origin(call)}{path}"},
            "type": "redirect_to_url",
        }
    sdk = {"type": "three_d_secure_redirect", "stripe_js": path, "source": token}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def find(token: str) -> Pending:
    """Return what waits for an answer under `token`; raises a 404 StripeError where nothing does."""
    challenge = _waiting(token)
    call = Call(challenge.account, 0)
    return Pending(challenge.account, store.get(call, challenge.kind, challenge.intent), challenge.return_url)


def finish(token: str, succeeded: bool) -> Object:
    """Take the answer of the bank's page and go on with the intent: charge, save, or fail; deliver the webhooks.

    Returns the intent as it is afterwards: `succeeded`, or `requires_payment_method` with its last error, whether the
    authentication failed or the bank declined after it. Raises a StripeError: 404 for an unknown token, 400 where the
    challenge was answered before or the intent has moved on meanwhile.
    """
    challenge = _waiting(token)

    def answer(call: Call) -> Object:
        challenge = _waiting(token)
        intent = store.get(call, challenge.kind, challenge.intent)
        mine = Challenge.objects.filter(token=token, state=Challenge.PENDING)
        if not mine.update(state=Challenge.SUCCEEDED if succeeded else Challenge.FAILED) or not _asks(intent, token):
            raise invalid("This authentication is no longer waited for.", code=f"{intent['object']}_unexpected_state")
        return _resume[challenge.kind](call, intent, succeeded)

    return server.perform(challenge.account, answer, about=challenge.intent)


def _waiting(token: str) -> Challenge:
    challenge = Challenge.objects.select_related("account").filter(token=token).first()
    if challenge is None:
        raise StripeError(404, "invalid_request_error", "No such authentication.", code="resource_missing")
    return challenge


def _asks(intent: Object, token: str) -> bool:
    """Tell whether it is this challenge that the intent waits for, not one of an earlier confirmation."""
    action = intent["next_action"] or {}
    named = action.get("use_stripe_sdk", {}).get("source") or action.get("redirect_to_url", {}).get("url", "")
    return intent["status"] == "requires_action" and token in str(named)
