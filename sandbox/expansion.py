"""From the stored object to the answer: ids replaced by what they name, and less of it for a browser."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.kernel import Call, Object, invalid, references, resolvers

DEEPEST = 4

# What a publishable key gets to see (stripe-endive.md section 5; its PaymentIntent follows the same pattern).
_CLIENT_SIDE = {
    "setup_intent": {
        "cancellation_reason", "client_secret", "created", "description", "id", "last_setup_error", "livemode",
        "next_action", "object", "payment_method", "payment_method_types", "status", "usage",
    },
    "payment_intent": {
        "amount", "canceled_at", "cancellation_reason", "capture_method", "client_secret", "confirmation_method",
        "created", "currency", "description", "id", "last_payment_error", "livemode", "next_action", "object",
        "payment_method", "payment_method_types", "receipt_email", "setup_future_usage", "shipping", "status",
    },
}  # fmt: skip
_SERVER_SIDE = {"payment_method": {"metadata"}, "card": {"fingerprint"}}


def trimmed(value: Any) -> Any:
    """Return what a browser may see of an object, and of the objects inside it."""
    if isinstance(value, list):
        return [trimmed(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = str(value.get("object"))
    seen, hidden = _CLIENT_SIDE.get(kind, value), _SERVER_SIDE.get(kind, set())
    if kind == "payment_method":
        value = {**value, "card": {key: part for key, part in value["card"].items() if key != "fingerprint"}}
    return {key: trimmed(part) for key, part in value.items() if key in seen and key not in hidden}


def expand(call: Call, obj: Object, paths: list[str]) -> Object:
    """Replace ids in `obj` by the objects they name, for dotted paths such as "data.customer".

    Raises the 400 of Stripe for a path of more than four levels, and for what cannot be expanded.
    """
    for path in paths:
        segments = path.split(".")
        if len(segments) - segments.count("data") > DEEPEST:  # the data of a list is no level of its own
            raise invalid(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand"
            )
        _walk(call, obj, segments, path, "", "", obj)
    return obj


def _walk(call: Call, obj: Object, segments: list[str], path: str, kind: str, prefix: str, whole: Object) -> None:
    """Expand `segments` below `obj`, which is an object of its own, or a hash at `prefix` of `whole`, one of `kind`."""
    if isinstance(obj.get("object"), str):  # an event's data has a whole object under this name
        kind, prefix, whole = obj["object"], "", obj
    name, rest = segments[0], segments[1:]
    at = f"{prefix}.{name}" if prefix else name
    if (kind, at) in resolvers and not isinstance(obj.get(name), dict):
        obj[name] = resolvers[kind, at](call, whole)
    elif (kind, at) in references:
        obj[name] = _named(call, references[kind, at], obj.get(name))
    elif not _is_open(obj.get(name), rest) and not _leads_on(kind, at, rest):
        raise _closed(obj, path)
    for child in _children(obj.get(name)):
        if rest:
            _walk(call, child, rest, path, kind, at, whole)


def _named(call: Call, kind: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_named(call, kind, each) for each in value]
    return store.find(call, kind, value) or value if isinstance(value, str) else value


def _is_open(value: Any, rest: list[str]) -> bool:
    """Tell whether a path may lead through, or end at, something that is no id: a hash, a list, an embedded object."""
    if isinstance(value, dict):
        return bool(rest) or "object" in value
    return isinstance(value, list) and bool(rest)


def _leads_on(kind: str, at: str, rest: list[str]) -> bool:
    """Tell whether there would be something to expand further down, had this object the hash in between."""
    return bool(rest) and any(known == kind and path.startswith(f"{at}.") for known, path in references)


def _children(value: Any) -> list[Object]:
    if isinstance(value, dict):
        return [value]
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _closed(obj: Object, path: str) -> Exception:
    hint = ""
    if obj.get("object") == "list" and not path.startswith("data"):
        hint = f" You may want to try expanding 'data.{path}' instead."
    return invalid(f"This property cannot be expanded ({path}).{hint}", param="expand")
