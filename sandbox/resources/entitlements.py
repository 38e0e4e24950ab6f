"""Entitlements: features of products, and which of them a customer may use because of what they subscribe to."""

from __future__ import annotations

from sandbox import events, store
from sandbox.kernel import Call, Object, invalid, listens, missing, new_id, refers, route
from sandbox.params import PAGING, String, boolean, metadata, required, string

FEATURE, ENTITLEMENT = "entitlements.feature", "entitlements.active_entitlement"
refers(ENTITLEMENT, {"feature": FEATURE})

# Statuses of a subscription in which its customer may use what it brings.
_ENTITLING = {"active", "past_due", "trialing"}


@route(
    "POST",
    "/v1/entitlements/features",
    {"lookup_key": required(String(80)), "metadata": metadata, "name": required(String(80))},
)
def create_feature(call: Call) -> Object:
    """Create a feature; its `lookup_key` is its own and never changes."""
    given = call.params
    if store.count(call, FEATURE, lookup_key=given["lookup_key"]):
        raise invalid(
            f"A feature with the lookup_key {given['lookup_key']} already exists.",
            param="lookup_key",
            code="resource_already_exists",
        )
    feature = {
        "id": new_id(call, "feat"),
        "object": FEATURE,
        "active": True,
        "livemode": False,
        "lookup_key": given["lookup_key"],
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "name": given["name"],
    }
    return store.insert(call, feature)


@route("GET", "/v1/entitlements/features", {**PAGING, "archived": boolean, "lookup_key": string})
def list_features(call: Call) -> Object:
    """List the features in use, or, with `archived`, the others."""
    given = call.params
    active = not given.get("archived", False)
    key = given.get("lookup_key")
    return store.page(call, FEATURE, "/v1/entitlements/features", active=active, lookup_key=key)


@route("GET", "/v1/entitlements/features/{feature}")
def retrieve_feature(call: Call, feature: str) -> Object:
    """Return a feature."""
    return store.get(call, FEATURE, feature)


@route(
    "POST",
    "/v1/entitlements/features/{feature}",
    {"active": boolean, "metadata": metadata, "name": String(80)},
)
def update_feature(call: Call, feature: str) -> Object:
    """Rename a feature, or archive it: then it can be given to no further product."""
    obj = store.get(call, FEATURE, feature)
    store.update(obj, call.params, "active", "metadata", "name")
    return store.save(call, obj)


@route("POST", "/v1/products/{product}/features", {"entitlement_feature": required(string)})
def attach(call: Call, product: str) -> Object:
    """Let a product bring a feature: to who subscribes now, and to subscribers from their next period on."""
    store.get(call, "product", product, "product")
    feature = store.get(call, FEATURE, call.params["entitlement_feature"], "entitlement_feature")
    if not feature["active"]:
        raise invalid(f"The feature {feature['id']} is archived.", param="entitlement_feature")
    if store.count(call, "product_feature", product=product, entitlement_feature=feature["id"]):
        raise invalid(
            f"The product {product} has the feature {feature['id']} already.",
            param="entitlement_feature",
            code="resource_already_exists",
        )
    row = {
        "id": new_id(call, "prodft"),
        "object": "product_feature",
        "entitlement_feature": feature["id"],
        "livemode": False,
        "product": product,
    }
    return _brought(call, store.insert(call, row))


@route("GET", "/v1/products/{product}/features", PAGING)
def list_of_product(call: Call, product: str) -> Object:
    """List what a product brings."""
    store.get(call, "product", product, "product")
    page = store.page(call, "product_feature", f"/v1/products/{product}/features", product=product)
    return page | {"data": [_brought(call, row) for row in page["data"]]}


@route("GET", "/v1/products/{product}/features/{id}")
def retrieve_of_product(call: Call, product: str, id: str) -> Object:
    """Return one feature of a product."""
    return _brought(call, _of_product(call, product, id))


@route("DELETE", "/v1/products/{product}/features/{id}")
def detach(call: Call, product: str, id: str) -> Object:
    """Take a feature off a product; who subscribes to it keeps it until their next period."""
    return store.delete(call, _of_product(call, product, id))


@route("GET", "/v1/entitlements/active_entitlements", {**PAGING, "customer": required(string)})
def list_active(call: Call) -> Object:
    """List what a customer may use."""
    customer = call.params["customer"]
    store.get(call, "customer", customer, "customer")
    page = store.page(call, ENTITLEMENT, "/v1/entitlements/active_entitlements", customer=customer)
    return page | {"data": [_shown(row) for row in page["data"]]}


@route("GET", "/v1/entitlements/active_entitlements/{entitlement}")
def retrieve_active(call: Call, entitlement: str) -> Object:
    """Return one entitlement of a customer."""
    return _shown(store.get(call, ENTITLEMENT, entitlement))


@listens(
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.updated",
)
def _settle(call: Call, subscription: Object) -> None:
    """Bring what a customer may use in line with what they subscribe to, and tell of a change."""
    if not store.count(call, FEATURE):
        return
    customer = subscription["customer"]
    before = list(store.query(call, ENTITLEMENT, customer=customer))
    entitled = _entitled(call, customer)
    for row in before:
        if row["feature"] not in entitled:
            store.delete(call, row)
    for feature in sorted(entitled - {row["feature"] for row in before}):
        store.insert(call, _entitlement(call, customer, store.get(call, FEATURE, feature)))
    after = list(store.query(call, ENTITLEMENT, customer=customer))
    if after != before:
        previous = {"entitlements": {"data": [_shown(row) for row in before]}}
        events.emit(call, "entitlements.active_entitlement_summary.updated", _summary(customer, after), previous)


def _entitled(call: Call, customer: str) -> set[str]:
    running = store.query(call, "subscription", customer=customer, status=_ENTITLING)
    products = {item["price"]["product"] for each in running for item in each["items"]["data"]}
    return {row["entitlement_feature"] for row in store.query(call, "product_feature", product=products)}


def _entitlement(call: Call, customer: str, feature: Object) -> Object:
    return {
        "id": new_id(call, "ent"),
        "object": ENTITLEMENT,
        "customer": customer,
        "feature": feature["id"],
        "livemode": False,
        "lookup_key": feature["lookup_key"],
    }


def _summary(customer: str, rows: list[Object]) -> Object:
    url = f"/v1/customer/{customer}/entitlements"
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": store.envelope([_shown(row) for row in rows[:10]], url, len(rows) > 10),
        "livemode": False,
    }


def _shown(row: Object) -> Object:
    """Return an entitlement without the customer, whom Stripe's object does not name."""
    return {key: value for key, value in row.items() if key != "customer"}


def _brought(call: Call, row: Object) -> Object:
    """Return a feature of a product as Stripe shows it: without the product, with the whole feature."""
    feature = store.get(call, FEATURE, row["entitlement_feature"])
    return {key: value for key, value in row.items() if key != "product"} | {"entitlement_feature": feature}


def _of_product(call: Call, product: str, id: str) -> Object:
    store.get(call, "product", product, "product")
    row = store.get(call, "product_feature", id)
    if row["product"] != product:
        raise missing("product_feature", id)
    return row
