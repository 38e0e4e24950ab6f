"""The functions of control.py over HTTP: JSON at /sandbox/_control/…, with the secret key of the account concerned."""

from __future__ import annotations

import inspect
import json
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from sandbox import server
from sandbox.control import Control, controls
from sandbox.kernel import Object, StripeError, invalid


@csrf_exempt
def answer(request: HttpRequest, name: str = "") -> JsonResponse:
    """Call the function of this method and path with what the request holds; errors have the shape of Stripe's."""
    try:
        account, publishable = server.authenticate({"authorization": request.headers.get("Authorization", "")})
        if publishable:
            raise StripeError(403, "invalid_request_error", "The sandbox is controlled with a secret key.")
        function = _find(request.method or "GET", name.strip("/"))
        return JsonResponse(function(account, **_given(request, function)))
    except StripeError as error:
        return _refusal(error)
    except (ValueError, LookupError) as error:
        status = 404 if isinstance(error, LookupError) else 400
        return _refusal(StripeError(status, "invalid_request_error", str(error)))


def _refusal(error: StripeError) -> JsonResponse:
    return JsonResponse({"error": error.body}, status=error.status)


def _find(method: str, name: str) -> Control:
    if (method, name) in controls:
        return controls[method, name]
    there = sorted(f"{known} /_control/{name}" for known, below in controls if below == name)
    message = f"There is no {method} /_control/{name}: " + (", ".join(there) or "GET /_control/ names what there is.")
    raise StripeError(405 if there else 404, "invalid_request_error", message)


def _given(request: HttpRequest, function: Control) -> Object:
    """Return the arguments that a request gives, checked; a GET or DELETE has them in its query."""
    allowed = _parameters(function)
    given = _body(request) if request.method == "POST" else _query(request, allowed)
    for name, value in given.items():
        if name not in allowed:
            raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
        if not _fits(value, allowed[name][0]):
            raise invalid(f"Invalid {name}: it has another kind.", param=name)
    for name, (_, required) in allowed.items():
        if required and name not in given:
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    return given


def _query(request: HttpRequest, allowed: dict[str, tuple[Any, bool]]) -> Object:
    numbers = {name for name, (hint, _) in allowed.items() if hint is int}
    texts = {name: str(value) for name, value in request.GET.items()}
    return {name: int(text) if name in numbers and text.isdecimal() else text for name, text in texts.items()}


def _body(request: HttpRequest) -> Object:
    try:
        given = json.loads(request.body or b"{}")
    except ValueError:
        raise invalid("The body must be JSON.") from None
    if not isinstance(given, dict):
        raise invalid("The body must be a JSON object.")
    return given


@cache
def _parameters(function: Control) -> dict[str, tuple[Any, bool]]:
    """Return what a function takes besides the account: name -> (type, whether it is required)."""
    hints, known = get_type_hints(function), list(inspect.signature(function).parameters.values())[1:]
    return {each.name: (hints[each.name], each.default is each.empty) for each in known}


def _fits(value: Any, hint: Any) -> bool:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if isinstance(value, bool):
        return bool in kinds
    return any(isinstance(value, get_origin(kind) or kind) for kind in kinds)


urlpatterns = [path("_control/", answer), path("_control/<path:name>", answer)]
