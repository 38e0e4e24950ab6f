"""Events: what happened, for thirty days at Stripe, for ever here."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object, invalid, route
from sandbox.params import boolean, listing, string


@route("GET", "/v1/events", listing(delivery_success=boolean, type=string, types=[string]))
def list_all(call: Call) -> Object:
    """List events, of one type or some; `delivery_success` tells whether every endpoint has taken them."""
    given = call.params
    if "type" in given and "types" in given:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    if len(given.get("types", ())) > 20:
        raise invalid("You may only specify up to 20 types.", param="types")
    type_ = given.get("type")
    if type_ and type_.endswith("*"):
        return store.page(call, "event", "/v1/events", type__startswith=type_[:-1], status=_status(given))
    return store.page(call, "event", "/v1/events", lookup_key=given.get("types") or type_, status=_status(given))


@route("GET", "/v1/events/{event}")
def retrieve(call: Call, event: str) -> Object:
    """Return an event."""
    return store.get(call, "event", event)


def _status(given: Object) -> str | None:
    if "delivery_success" not in given:
        return None
    return "delivered" if given["delivery_success"] else "pending"
