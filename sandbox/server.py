"""One API request from its text to its answer: authenticate, route, decode, commit, expand, deliver."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sandbox import clock, delivery, expansion, fault_plan, idempotency, params, sql
from sandbox.kernel import API_VERSION, Call, Object, Route, StripeError, find_route, new_request_id
from sandbox.models import Account

logger = logging.getLogger("sandbox")

_KEY = re.compile(r"(sk|rk|pk)_(test|live)_(\w{1,200})", re.ASCII)


@dataclass(frozen=True)
class Request:
    """What came in. `path` begins with /v1; names of headers are lower-case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    origin: str = ""  # scheme and host that the client used; empty in process
    inside: bool = False  # Stripe's own pages ask: no fault plan comes between


@dataclass
class Response:
    """What goes out; `body` is JSON text."""

    status: int
    body: str
    headers: dict[str, str]
    fault: str = ""  # what the transport does instead of handing it over whole: see fault_plan.py

    @property
    def data(self) -> Any:
        """Return the body as data."""
        return json.loads(self.body)


observers: list[Callable[[Request, Response], None]] = []  # called with every finished request: contract checks, logs


def handle(request: Request) -> Response:
    """Answer one API request and deliver the webhooks it caused; never raises."""
    request_id = new_request_id()
    headers = {"Content-Type": "application/json", "Request-Id": request_id, "Stripe-Version": API_VERSION}
    response = Response(500, "", headers)
    account = None
    try:
        account, publishable = authenticate(request.headers)
        call = Call(account, clock.now(account), {}, request_id, origin=request.origin, publishable=publishable)
        clock.catch_up(account, call.now)
        _answer_as_planned(call, request, response)
    except Exception as error:
        response.status, response.body = failure(error, request_id)
    headers.setdefault("Stripe-Should-Retry", "true" if response.status == 409 else "false")
    for observer in observers:
        observer(request, response)
    if account is not None:
        delivery.deliver_due(account)
    return response


def perform(account: Account, work: Callable[[Call], Object], about: str = "") -> Object:
    """Do what no API request asks for, such as going on after 3-D Secure, in one transaction; webhooks afterwards.

    `about` is the id of the object concerned. What `work` raises undoes what it did, and is raised.
    """
    call = Call(account, clock.now(account), request_id=new_request_id())
    clock.catch_up(account, call.now)
    with account.exclusively():
        clock.take_time(call, [about], changes=True)
        obj = work(call)
    delivery.deliver_due(account)
    return obj


def failure(error: Exception, request_id: str | None, publishable: bool = False) -> tuple[int, str]:
    """Return status and body for an error: Stripe's own, or a 500 for a bug of the sandbox, which is logged."""
    if not isinstance(error, StripeError):
        logger.error("request %s failed in the sandbox itself", request_id, exc_info=error)
        error = StripeError(500, "api_error", "The sandbox failed while it worked on this: its log says where.")
    body = {key: expansion.trimmed(value) if publishable else value for key, value in error.body.items()}
    body["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
    return error.status, json.dumps({"error": body})


def authenticate(headers: Mapping[str, str]) -> tuple[Account, bool]:
    """Return the account of the request's key, made on first use, and whether the key is a publishable one.

    The key is a bearer token or the user of HTTP basic authentication. Raises the 401 of Stripe.
    """
    key = _key(headers.get("authorization", ""))
    if not key:
        raise StripeError(
            401,
            "invalid_request_error",
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    parts = _KEY.fullmatch(key)
    if parts and parts[2] == "live":
        raise StripeError(401, "invalid_request_error", "This is a sandbox: it refuses live keys. Use an sk_test_ key.")
    if not parts:
        raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {key[:7]}{'*' * 8}")
    return account_named(parts[3]), parts[1] == "pk"


def account_named(name: str) -> Account:
    """Return the account of `sk_test_<name>`, made on first use; its acct_ id follows from the name."""
    account = sql.account(name)
    if account is None:
        acct = "acct_1" + hashlib.sha256(name.encode()).hexdigest()[:15]
        account, _ = Account.objects.get_or_create(name=name, defaults={"acct": acct, "created": int(clock.wall())})
    return account


def _key(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return rest.strip() if scheme.lower() == "bearer" else ""


def _answer_as_planned(call: Call, request: Request, response: Response) -> None:
    """Answer, with what the account's fault plan does to it before or after the work."""
    fault = None if request.inside else fault_plan.strike(call.account, request.method, request.path)
    if fault is None:
        _answer(call, request, response)
        return
    if not fault.executed and (error := fault.strike(response)):
        raise error
    try:
        _answer(call, request, response)
    except StripeError as refusal:
        response.status, response.body = failure(refusal, call.request_id)
    if fault.executed and (error := fault.strike(response)):
        response.status, response.body = failure(error, call.request_id)
        # Stripe keeps a 500 of work that had begun for every retry under the same key; it keeps no 401 and no 429.
        if error.status == 500 and "Idempotent-Replayed" not in response.headers:
            idempotency.remember(call, response.status, response.body)


def _answer(call: Call, request: Request, response: Response) -> None:
    route, arguments = _find(request)
    if call.publishable and not route.publishable:
        raise StripeError(
            403,
            "invalid_request_error",
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list "
            "of your API keys at https://dashboard.stripe.com/account/apikeys.",
            code="secret_key_required",
        )
    if "stripe-account" in request.headers:
        raise StripeError(501, "api_error", "The sandbox has no connected accounts: leave out Stripe-Account.")
    encoded = "&".join(part for part in (request.query, request.body) if part)
    call.params = params.read({**route.params, **params.EXPAND}, params.decode(encoded))
    named = [*arguments.values(), *(value for value in call.params.values() if isinstance(value, str))]
    clock.take_time(call, named, changes=route.method != "GET")
    if request.method != "POST" or "idempotency-key" not in request.headers:
        response.status, response.body = _execute(call, route, arguments)
        return
    call.idempotency_key = request.headers["idempotency-key"]
    idempotency.answer_once(call, request, response, lambda: _execute(call, route, arguments))


def _find(request: Request) -> tuple[Route, dict[str, str]]:
    found = find_route(request.method, request.path)
    if found is not None:
        route, arguments = found
        return route, {name: unquote(value) for name, value in arguments.items()}
    what = f"{request.method}: {request.path}"
    if is_stripes(request.method, request.path):
        raise StripeError(501, "api_error", f"The sandbox does not emulate this endpoint of Stripe yet ({what}).")
    raise StripeError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({what}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
    )


def _execute(call: Call, route: Route, arguments: dict[str, str]) -> tuple[int, str]:
    """Run the route in one transaction and return status and body; an error leaves no trace unless it is `keep`."""
    try:
        with _transaction(call, route.method):
            try:
                status, body = 200, _render(call, route.handler(call, **arguments))
            except StripeError as error:
                if not error.keep:
                    raise
                status, body = failure(error, call.request_id, call.publishable)
            idempotency.remember(call, status, body)
    except Exception as error:
        status, body = failure(_of_params(call, error), call.request_id, call.publishable)
        idempotency.remember(call, status, body)
    return status, body


def _of_params(call: Call, error: Exception) -> Exception:
    """Make the 404 of missing() a 400 where a parameter named the object: a 404 says that the address leads nowhere."""
    if isinstance(error, StripeError) and error.body.get("code") == "resource_missing":
        named = error.body.get("param", "").partition("[")[0] in call.params
        error.status = 400 if named else error.status
    return error


def _transaction(call: Call, method: str) -> AbstractContextManager[Any]:
    # What a GET reads needs no common snapshot, and so readers never wait for a writer.
    return nullcontext() if method == "GET" else call.account.exclusively()


def _render(call: Call, obj: Object) -> str:
    obj = expansion.expand(call, obj, call.params.get("expand") or [])
    return json.dumps(expansion.trimmed(obj) if call.publishable else obj)


@cache
def _endpoints() -> frozenset[tuple[str, ...]]:
    lines = (Path(__file__).parent / "endpoints.txt").read_text().splitlines()
    return frozenset(_shape(*line.split(" ", 1)) for line in lines if line)


def _shape(method: str, path: str) -> tuple[str, ...]:
    segments = path.strip("/").split("/")
    return (method, *("*" if segment.startswith("{") else segment for segment in segments))


def is_stripes(method: str, path: str) -> bool:
    """Tell whether Stripe has such an endpoint, whether or not it is emulated here."""
    segments = path.strip("/").split("/")
    return any(
        known[0] == method
        and len(known) == len(segments) + 1
        and all(mine in {"*", theirs} for mine, theirs in zip(known[1:], segments, strict=True))
        for known in _endpoints()
    )
