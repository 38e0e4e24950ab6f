"""Tax rates: so many per cent for a tax office, on top of a price or inside it. The percentage never changes."""

from __future__ import annotations

from typing import Any

from sandbox import store
from sandbox.kernel import Call, Object, invalid, new_id, route
from sandbox.params import Decimal, String, boolean, clearable, enum, listing, metadata, required, string

_TAX_TYPES = enum(
    "admissions_tax", "amusement_tax", "attendance_tax", "communications_tax", "digital_excise_tax",
    "entertainment_tax", "get_fund", "gross_receipts_tax", "gst", "hospitality_tax", "hst", "igst", "jct", "lease_tax",
    "luxury_tax", "mass_transit_parking_tax", "nhil", "parking_tax", "pst", "qst", "resort_tax",
    "retail_delivery_fee", "rst", "sales_tax", "service_tax", "tourism_tax", "utility_users_tax", "vat",
)  # fmt: skip
_FIELDS = {
    "active": boolean,
    "country": String(2),
    "description": string,
    "jurisdiction": string,
    "metadata": metadata,
    "state": String(2),
    "tax_type": _TAX_TYPES,
}


@route(
    "POST",
    "/v1/tax_rates",
    {
        **_FIELDS,
        "display_name": required(String(50)),
        "inclusive": required(boolean),
        "percentage": required(Decimal(4)),
    },
)
def create(call: Call) -> Object:
    """Create a tax rate; `inclusive` says that prices have it inside already."""
    given = call.params
    percentage = float(given["percentage"])
    if not 0 <= percentage <= 100:
        raise invalid("The percentage of a tax rate must be between 0 and 100.", param="percentage")
    rate = {
        "id": new_id(call, "txr"),
        "object": "tax_rate",
        "active": True,
        "country": None,
        "created": call.now,
        "description": None,
        "display_name": given["display_name"],
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": given["inclusive"],
        "jurisdiction": None,
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": None,
        "tax_type": None,
    }
    store.update(rate, given, *_FIELDS)
    return store.insert(call, rate, "tax_rate.created")


@route("GET", "/v1/tax_rates", listing(active=boolean, inclusive=boolean))
def list_all(call: Call) -> Object:
    """List tax rates."""
    filters: dict[str, Any] = {key: call.params[key] for key in ("active", "inclusive") if key in call.params}
    return store.page(call, "tax_rate", "/v1/tax_rates", **filters)


@route("GET", "/v1/tax_rates/{rate}")
def retrieve(call: Call, rate: str) -> Object:
    """Return a tax rate."""
    return store.get(call, "tax_rate", rate, "tax_rate")


@route(
    "POST",
    "/v1/tax_rates/{rate}",
    {**_FIELDS, "description": clearable(string), "display_name": String(50), "jurisdiction": clearable(string)},
)
def update(call: Call, rate: str) -> Object:
    """Change what a tax rate is called, or archive it; what it is applied to already goes on with it."""
    obj = store.get(call, "tax_rate", rate, "tax_rate")
    store.update(obj, call.params, *_FIELDS, "display_name")
    return store.save(call, obj, "tax_rate.updated")
