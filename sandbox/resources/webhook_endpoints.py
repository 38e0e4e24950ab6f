"""Webhook endpoints: who is told of events."""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox import delivery, store
from sandbox.kernel import API_VERSION, Call, Object, invalid, new_id, new_secret, route
from sandbox.params import boolean, clearable, listing, metadata, not_emulated, required, string

_MOST = 16
_FIELDS = {"description": clearable(string), "metadata": metadata}


@route(
    "POST",
    "/v1/webhook_endpoints",
    {
        **_FIELDS,
        "api_version": string,
        "connect": not_emulated,
        "enabled_events": required([string]),
        "url": required(string),
    },
)
def create(call: Call) -> Object:
    """Create an endpoint; its signing secret is in this one answer only."""
    given = call.params
    if store.count(call, "webhook_endpoint") >= _MOST:
        raise invalid(f"You have reached the maximum of {_MOST} test webhook endpoints.")
    if given.get("api_version", API_VERSION) != API_VERSION:
        message = f"The sandbox renders events at {API_VERSION} only, not at {given['api_version']}."
        raise invalid(message, param="api_version")
    wanted = _events(given["enabled_events"])
    endpoint = delivery.new_endpoint(new_id(call, "we"), _url(given["url"]), wanted, call.now)
    store.update(endpoint, given, "api_version", *_FIELDS)
    secret = new_secret(call, "whsec_", 32)
    store.insert(call, endpoint, None, secret=secret)
    return {**endpoint, "secret": secret}


@route("GET", "/v1/webhook_endpoints", listing())
def list_all(call: Call) -> Object:
    """List webhook endpoints."""
    return store.page(call, "webhook_endpoint", "/v1/webhook_endpoints")


@route("GET", "/v1/webhook_endpoints/{endpoint}")
def retrieve(call: Call, endpoint: str) -> Object:
    """Return a webhook endpoint, without its secret."""
    return store.get(call, "webhook_endpoint", endpoint)


@route(
    "POST",
    "/v1/webhook_endpoints/{endpoint}",
    {**_FIELDS, "disabled": boolean, "enabled_events": [string], "url": string},
)
def update(call: Call, endpoint: str) -> Object:
    """Change a webhook endpoint, switch it off or on again."""
    obj, given = store.get(call, "webhook_endpoint", endpoint), call.params
    store.update(obj, given, *_FIELDS)
    if "enabled_events" in given:
        obj["enabled_events"] = _events(given["enabled_events"])
    if "url" in given:
        obj["url"] = _url(given["url"])
    if "disabled" in given:
        obj["status"] = "disabled" if given["disabled"] else "enabled"
    return store.save(call, obj)


@route("DELETE", "/v1/webhook_endpoints/{endpoint}")
def delete(call: Call, endpoint: str) -> Object:
    """Delete a webhook endpoint; what was on its way to it is dropped."""
    return store.delete(call, store.get(call, "webhook_endpoint", endpoint))


def _events(names: list[str]) -> list[str]:
    if "*" in names and len(names) > 1:
        raise invalid('When using "*", it must be the only value of `enabled_events`.', param="enabled_events")
    return names


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "Invalid URL: An explicit scheme (such as https) must be provided."
        raise invalid(message, param="url", code="url_invalid")
    return url
