"""What goes wrong between a client and Stripe, by plan: errors, a dead line, half an answer, before or after the work.

A rule names a call by `method` and `path` (`*` stands for anything) and says when it strikes: see plans.py. The first
rule that strikes decides. What Stripe itself would answer is raised here; what happens to the wire, the transports do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sandbox import plans
from sandbox.kernel import Object, StripeError
from sandbox.models import Account

if TYPE_CHECKING:
    from sandbox.server import Response

# What happens to the wire. A refused connection never reached Stripe, so nothing was done there.
RESET, REFUSED, TRUNCATED, BAD_GATEWAY = "reset", "refused", "truncated", "bad_gateway"
_WIRE = (RESET, REFUSED, TRUNCATED, BAD_GATEWAY)
GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

_ERRORS: dict[str, tuple[int, str, str, str | None]] = {
    "api_error": (500, "api_error", "An unknown error occurred.", None),
    "rate_limit": (
        429,
        "invalid_request_error",
        "Request rate limit exceeded. You can learn more about rate limits here https://docs.stripe.com/rate-limits.",
        "rate_limit",
    ),
    "lock_timeout": (
        429,
        "invalid_request_error",
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing "
        "it. If you see this error intermittently, retry the request.",
        "lock_timeout",
    ),
    "unauthorized": (401, "invalid_request_error", "Invalid API Key provided: sk_test_********", None),
}
_HEADERS = {
    "rate_limit": {"Stripe-Rate-Limited-Reason": "global-rate"},
    "lock_timeout": {"Stripe-Should-Retry": "true"},
}
KINDS = (*_ERRORS, *_WIRE, "slow")

_RULE = {
    "fault": plans.one_of(*KINDS),
    "method": plans.one_of("GET", "POST", "DELETE"),
    "path": plans.TEXT,
    "seconds": plans.SECONDS,
    "when": plans.one_of("before", "after"),
}


def write(account: Account, rules: Iterable[Mapping[str, Any]], seed: str | int = "") -> Object:
    """Let these rules disturb the account's API from now on; return the plan. Raises ValueError for a bad rule.

    `{"fault": …, "method": "POST", "path": "/v1/invoices/*/pay", "when": "after", "seconds": 0.5, "nth": [1, 3]}`:
    all but `fault` can be left out. `when` is about the work: before it, which is the default, or after it, when the
    answer alone is lost. `seconds` of real time pass first.
    """
    return plans.write(account, plans.FAULTS, rules, seed, _RULE, required="fault")


@dataclass(frozen=True)
class Fault:
    """What one API request suffers."""

    kind: str
    executed: bool
    seconds: float

    def strike(self, response: Response) -> StripeError | None:
        """Wait, mark the answer for the transports, and return the error that takes its place, if one does."""
        time.sleep(self.seconds)
        response.headers.update(_HEADERS.get(self.kind, {}))
        if self.kind in _ERRORS:
            if self.kind == "api_error" and not self.executed:
                response.headers["Stripe-Should-Retry"] = "true"  # nothing was done, and so nothing was saved
            status, type_, message, code = _ERRORS[self.kind]
            return StripeError(status, type_, message, code=code)
        if self.kind in _WIRE:
            response.fault = self.kind
            if not self.executed:
                return StripeError(503, "api_error", "The fault plan cut the line before Stripe was reached.")
        return None


def strike(account: Account, method: str, path: str) -> Fault | None:
    """Return what an API request is to suffer now, or None, as nearly always."""
    if not account.plans.get(plans.FAULTS):
        return None
    struck = plans.strikes(account, plans.FAULTS, lambda rule: _concerns(rule, method, path))
    if not struck:
        return None
    rule = struck[0].rule
    executed = rule.get("when") == "after" and rule["fault"] != REFUSED
    return Fault(rule["fault"], executed, rule.get("seconds", 0))


def _concerns(rule: Object, method: str, path: str) -> bool:
    return rule.get("method", method) == method and fnmatchcase(path, rule.get("path", "*"))
