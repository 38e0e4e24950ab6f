"""Products: what is sold."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object, invalid, new_id, refers, route
from sandbox.params import (
    Decimal,
    String,
    boolean,
    clearable,
    enum,
    listing,
    metadata,
    required,
    string,
)
from sandbox.resources import prices

refers("product", {"default_price": "price", "tax_code": "tax_code"})

_DIMENSIONS = {side: required(Decimal(2)) for side in ("height", "length", "weight", "width")}
_TAX_DETAILS = {"performance_location": string, "tax_code": clearable(string)}
_FIELDS = {
    "active": boolean,
    "description": clearable(string),
    "images": clearable([string]),
    "marketing_features": clearable([{"name": required(String(80))}]),
    "metadata": metadata,
    "package_dimensions": clearable(_DIMENSIONS),
    "shippable": boolean,
    "statement_descriptor": String(22),
    "tax_code": clearable(string),
    "tax_details": clearable(_TAX_DETAILS),
    "unit_label": clearable(String(12)),
    "url": clearable(string),
}


@route(
    "POST",
    "/v1/products",
    {
        **_FIELDS,
        "default_price_data": prices.INLINE,
        "id": string,
        "name": required(string),
        "type": enum("good", "service"),
    },
)
def create(call: Call) -> Object:
    """Create a product, and its default price where `default_price_data` describes one."""
    product = insert(call, call.params)
    if data := call.params.get("default_price_data"):
        product["default_price"] = prices.insert(call, {**data, "product": product["id"]})["id"]
        store.save(call, product)
    return product


@route(
    "GET",
    "/v1/products",
    listing(active=boolean, ids=[string], shippable=boolean, type=enum("good", "service"), url=string),
)
def list_all(call: Call) -> Object:
    """List products."""
    filters = {key: call.params[key] for key in ("active", "shippable", "type", "url") if key in call.params}
    return store.page(call, "product", "/v1/products", id=call.params.get("ids"), **filters)


@route("GET", "/v1/products/{product}")
def retrieve(call: Call, product: str) -> Object:
    """Return a product."""
    return store.get(call, "product", product)


@route("POST", "/v1/products/{product}", {**_FIELDS, "default_price": string, "name": string})
def update(call: Call, product: str) -> Object:
    """Change a product."""
    obj = store.get(call, "product", product)
    if price := call.params.get("default_price"):
        _check_price(call, obj, price)
    _change(obj, call.params)
    if obj != store.get(call, "product", product):
        obj["updated"] = call.now
    return store.save(call, obj, "product.updated")


@route("DELETE", "/v1/products/{product}")
def delete(call: Call, product: str) -> Object:
    """Delete a product that never had a price; others can only be archived."""
    obj = store.get(call, "product", product)
    if store.count(call, "price", parent=product):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    return store.delete(call, obj, "product.deleted")


def insert(call: Call, given: Object) -> Object:
    """Store the product that `given` describes."""
    id = given.get("id") or new_id(call, "prod")
    if store.find(call, "product", id):
        raise invalid(f"Product already exists: {id}", param="id", code="resource_already_exists")
    product = {
        "id": id,
        "object": "product",
        "active": True,
        "created": call.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": given["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": given.get("type", "service"),
        "unit_label": None,
        "updated": call.now,
        "url": None,
    }
    _change(product, given)
    return store.insert(call, product, "product.created")


def _change(product: Object, given: Object) -> None:
    store.update(product, given, *_FIELDS, "default_price", "name")
    product["images"] = product["images"] or []
    product["marketing_features"] = product["marketing_features"] or []
    if given.get("package_dimensions"):
        product["package_dimensions"] = {side: float(size) for side, size in given["package_dimensions"].items()}
    if given.get("tax_details"):
        product["tax_details"] = {"performance_location": None, "tax_code": None, **given["tax_details"]}


def _check_price(call: Call, product: Object, price: str) -> None:
    known = store.get(call, "price", price, "default_price")
    if not known["active"]:
        raise invalid(f"The price `{price}` is archived, so it cannot be a default price.", param="default_price")
    if known["product"] != product["id"]:
        raise invalid(
            f"The price `{price}` does not belong to the product `{product['id']}`, so it cannot be its default price.",
            param="default_price",
        )
