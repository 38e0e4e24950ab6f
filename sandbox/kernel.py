"""What a resource file imports: how to declare routes, refuse a request, make ids and react to what happens."""

from __future__ import annotations

import hashlib
import os
import secrets
import string
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from sandbox.models import Account

API_VERSION = "2026-10-28.endive"

Object = dict[str, Any]
Handler = Callable[..., Object]

_ALPHABET = string.digits + string.ascii_letters
_SHORT_IDS = {"cus", "prod", "si"}  # 14 characters; the others carry 24


class StripeError(Exception):
    """Stripe's JSON error body together with its HTTP status.

    `keep=True` commits what was done although the answer is an error: a decline leaves a failed charge behind.
    """

    def __init__(
        self,
        status: int,
        type: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status, self.keep = status, keep
        doc_url = f"https://docs.stripe.com/error-codes#{code.replace('_', '-')}" if code else None
        body = {"code": code, "doc_url": doc_url, "message": message, "param": param, "type": type, **extra}
        self.body: Object = {key: value for key, value in sorted(body.items()) if value is not None}


# How the error for an unknown object calls it, where that is not its `object` value.
_NOUNS = {
    "billing_portal.configuration": "configuration",
    "line_item": "invoice line item",
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "webhook_endpoint": "webhook endpoint",
}


def missing(kind: str, id: str, param: str = "id") -> StripeError:
    """Return the 404 that Stripe gives for an object it does not know; `kind` is the object's `object` value.

    Where `param` is one of the request's parameters, the answer is a 400.
    """
    message = f"No such {_NOUNS.get(kind, kind)}: '{id}'"
    return StripeError(404, "invalid_request_error", message, code="resource_missing", param=param)


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """Return a 400 `invalid_request_error`."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code)


@dataclass
class Call:
    """One API request, or one step of the calendar (then `request_id` is None), as resources and the engine see it."""

    account: Account
    now: int  # epoch seconds on the account's clock
    params: Object = field(default_factory=dict)  # decoded, coerced, validated; a cleared parameter is None
    request_id: str | None = None
    idempotency_key: str | None = None
    origin: str = ""  # the address under which an HTTP client reached us, without a trailing slash
    publishable: bool = False  # came with a pk_ key: routes that say so, trimmed objects
    clock: str | None = None  # the test clock that says `now`, and lives on in what is made; None: the account's
    memo: dict[str, Any] = field(default_factory=dict)  # look-ups worth remembering for this one call

    def at(self, now: int) -> Call:
        """Return the same call at another moment, for steps of the calendar."""
        return replace(self, now=now)


@dataclass(frozen=True)
class Route:
    """A method and path of the API, with the function that answers it."""

    method: str
    segments: tuple[str, ...]
    params: Object
    publishable: bool
    handler: Handler

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the path's arguments, or None where the path is another's."""
        found = {}
        for mine, theirs in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


_routes: dict[tuple[str, int], list[Route]] = defaultdict(list)
resolvers: dict[tuple[str, str], Callable[[Call, Object], Any]] = {}
references: dict[tuple[str, str], str] = {}
due_steps: dict[str, Callable[[Call, Object], None]] = {}
_listeners: dict[str, list[Callable[[Call, Object], None]]] = defaultdict(list)


def route(
    method: str, path: str, params: Object | None = None, *, publishable: bool = False
) -> Callable[[Handler], Handler]:
    """Register the function below as the answer to `method path`.

    `{name}` segments become keyword arguments; `params` is written in the language of `sandbox.params`.
    """

    def register(handler: Handler) -> Handler:
        segments = tuple(path.strip("/").split("/"))
        known = _routes[method, len(segments)]
        known.append(Route(method, segments, params or {}, publishable, handler))
        known.sort(
            key=lambda known_route: [part.startswith("{") for part in known_route.segments]
        )  # /search before /{id}
        return handler

    return register


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route for a request and the arguments in its path."""
    segments = path.strip("/").split("/")
    for candidate in _routes.get((method, len(segments)), ()):
        arguments = candidate.match(segments)
        if arguments is not None:
            return candidate, arguments
    return None


def routes() -> list[Route]:
    """Return every registered route."""
    return [known for group in _routes.values() for known in group]


def expandable(kind: str, key: str) -> Callable[[Callable[[Call, Object], Any]], Callable[[Call, Object], Any]]:
    """Register the function below as the resolver of a key that exists only on expand, such as customer.sources."""

    def register(resolver: Callable[[Call, Object], Any]) -> Callable[[Call, Object], Any]:
        resolvers[kind, key] = resolver
        return resolver

    return register


def refers(kind: str, paths: dict[str, str]) -> None:
    """Say which ids inside an object of `kind` can be expanded: dotted path -> kind of the object named."""
    references.update({(kind, path): target for path, target in paths.items()})


def listens(*types: str) -> Callable[[Callable[[Call, Object], None]], Callable[[Call, Object], None]]:
    """Call the function below, inside the transaction, whenever an event of one of these types is emitted."""

    def register(listener: Callable[[Call, Object], None]) -> Callable[[Call, Object], None]:
        for type_ in types:
            _listeners[type_].append(listener)
        return listener

    return register


def falls_due(kind: str) -> Callable[[Callable[[Call, Object], None]], Callable[[Call, Object], None]]:
    """Call the function below when an object of `kind` reaches the moment given to `store.schedule`.

    Runs at that moment, once: what has to happen later again is scheduled again.
    """

    def register(step: Callable[[Call, Object], None]) -> Callable[[Call, Object], None]:
        due_steps[kind] = step
        return step

    return register


def listeners(type_: str) -> list[Callable[[Call, Object], None]]:
    """Return who wants to know of an event type, in the order of registration."""
    return _listeners.get(type_, [])


def origin(call: Call) -> str:
    """Return where the hosted pages are, without a trailing slash: known from HTTP, else told or the default."""
    served_at = f"http://localhost:{os.environ.get('PORT', '8000')}"
    return call.origin or str(getattr(settings, "SANDBOX_ORIGIN", served_at)).rstrip("/")


def new_id(call: Call, prefix: str) -> str:
    """Return a fresh id such as `cus_…`; reproducible where the account has a seed."""
    random = _random(call.account, prefix, 24)
    if prefix in _SHORT_IDS:
        return f"{prefix}_{random[:14]}"
    generation = "3" if prefix in {"pi", "ch", "re"} else "1"
    return f"{prefix}_{generation}{random[1:]}"


def new_request_id() -> str:
    """Return a `req_…` id: always random, so that reading does not shift the ids of a seeded account."""
    return "req_" + "".join(secrets.choice(_ALPHABET) for _ in range(14))


def new_secret(call: Call, prefix: str, length: int = 24) -> str:
    """Return `prefix` followed by letters that nobody guesses: client secrets, signing secrets, tokens."""
    return prefix + _random(call.account, prefix, length)


def _random(account: Account, prefix: str, length: int) -> str:
    if not account.seed:
        return "".join(secrets.choice(_ALPHABET) for _ in range(length))
    account.ids_made += 1
    Account.objects.filter(pk=account.pk).update(ids_made=account.ids_made)
    digest = hashlib.sha512(f"{account.seed}:{prefix}:{account.ids_made}".encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)[:length]
