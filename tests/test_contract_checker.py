"""The checker of Stripe's shapes is checked itself: whatever was tampered with is reported."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sandbox.server import Request, Response
from stripe_contract import requests, responses
from stripe_contract.plugin import Contract, problems_of_answer

Object = dict[str, Any]

PRICE: Object = {
    "id": "price_1",
    "object": "price",
    "active": True,
    "billing_scheme": "per_unit",
    "created": 1_790_000_000,
    "currency": "usd",
    "custom_unit_amount": None,
    "livemode": False,
    "lookup_key": "basic_month",
    "metadata": {"tier": "basic"},
    "nickname": None,
    "product": "prod_1",
    "recurring": {
        "interval": "month",
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    },
    "tax_behavior": "unspecified",
    "tiers_mode": None,
    "transform_quantity": None,
    "type": "recurring",
    "unit_amount": 1200,
    "unit_amount_decimal": "1200",
}
PRODUCT: Object = {
    "id": "prod_1",
    "object": "product",
    "active": True,
    "created": 1_790_000_000,
    "default_price": None,
    "description": None,
    "images": [],
    "livemode": False,
    "marketing_features": [{"name": "Five projects"}],
    "metadata": {},
    "name": "Basic",
    "package_dimensions": None,
    "shippable": None,
    "statement_descriptor": None,
    "tax_code": None,
    "tax_details": None,
    "type": "service",
    "unit_label": None,
    "updated": 1_790_000_000,
    "url": None,
}
EVENT: Object = {
    "id": "evt_1",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": 1_790_000_000,
    "data": {"object": PRICE, "previous_attributes": {"unit_amount": 1000, "recurring": {"interval_count": 2}}},
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": None, "idempotency_key": None},
    "type": "price.updated",
}
NULLABLE = frozenset(
    {"custom_unit_amount", "lookup_key", "nickname", "recurring", "tax_behavior", "tiers_mode", "transform_quantity"}
    | {"unit_amount", "unit_amount_decimal"}
)


def page(*data: Object) -> Object:
    return {"object": "list", "url": "/v1/prices", "has_more": False, "data": list(data)}


def changed(original: Object, path: str, value: Any) -> Object:
    """Return a copy with the key at a dotted path set, or removed where `value` is `...`."""
    copied = copy.deepcopy(original)
    *parents, last = path.split(".")
    holder = copied
    for parent in parents:
        holder = holder[parent]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return copied


@pytest.mark.parametrize("sound", [PRICE, PRODUCT, EVENT, page(PRICE), page(), changed(PRICE, "product", PRODUCT)])
def test_it_accepts_what_stripe_sends(sound: Object) -> None:
    assert responses.problems_of(sound) == []


@pytest.mark.parametrize("key", sorted(PRICE))
def test_it_reports_a_dropped_key(key: str) -> None:
    assert responses.problems_of(changed(PRICE, key, ...))


@pytest.mark.parametrize("key", sorted(PRICE))
def test_it_reports_a_renamed_key(key: str) -> None:
    renamed = {f"{name}_" if name == key else name: value for name, value in PRICE.items()}
    assert responses.problems_of(renamed)


@pytest.mark.parametrize("key", sorted(PRICE.keys() - NULLABLE))
def test_it_reports_null_where_there_is_always_a_value(key: str) -> None:
    assert responses.problems_of(changed(PRICE, key, None))


@pytest.mark.parametrize("key", sorted(NULLABLE))
def test_it_accepts_null_where_there_may_be_no_value(key: str) -> None:
    assert responses.problems_of(changed(PRICE, key, None)) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("recurring.meter", ..., "price.recurring.meter is missing from Price.Recurring"),
        ("tiers", None, "price.tiers is null, where Stripe leaves the key out"),
        ("currency_options", {"eur": {"unit_amount": 1}}, "price.currency_options.eur.custom_unit_amount is missing"),
        ("livemode", None, "price.livemode is None, not bool"),
    ],
)
def test_it_knows_which_keys_are_always_there(path: str, value: Any, problem: str) -> None:
    found = responses.problems_of(changed(PRICE, path, value))
    assert any(each.startswith(problem) for each in found)


def test_it_asks_for_more_than_the_types_where_stripe_has_always_sent_more() -> None:
    assert "customer.phone is missing from customer" in responses.problems_of({"id": "cus_1", "object": "customer"})


@pytest.mark.parametrize("key", sorted(PRICE))
def test_it_reports_a_value_of_another_kind(key: str) -> None:
    assert responses.problems_of(changed(PRICE, key, [object()]))


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("created", 1_790_000_000.0, "price.created is 1790000000.0, not int"),
        ("active", 1, "price.active is 1, not bool"),
        ("unit_amount", True, "price.unit_amount is True, not int or null"),
        ("unit_amount_decimal", "twelve", "price.unit_amount_decimal is 'twelve', not Decimal or null"),
        ("type", "monthly", "price.type is 'monthly', not 'one_time' or 'recurring'"),
        ("recurring.interval", "fortnight", "price.recurring.interval is 'fortnight', not 'day' or 'month' or"),
        ("recurring.colour", "red", "price.recurring.colour is a key that Price.Recurring does not have"),
        ("metadata.tier", 1, "price.metadata.tier is 1, not str"),
        ("product", PRICE, "price.product is an object (price), not str or product"),
        ("product", changed(PRODUCT, "name", ...), "price.product.name is missing from product"),
    ],
)
def test_it_says_where_and_what(path: str, value: Any, problem: str) -> None:
    (found,) = responses.problems_of(changed(PRICE, path, value))
    assert found.startswith(problem)


@pytest.mark.parametrize("key", ["object", "data", "has_more", "url"])
def test_it_reports_a_list_without_its_envelope(key: str) -> None:
    assert responses.problems_of(changed(page(PRICE), key, ...))


def test_it_looks_into_every_element_of_a_list() -> None:
    (found,) = responses.problems_of(page(PRICE, changed(PRICE, "currency", ...)))
    assert found == "list.data[1].currency is missing from price"


def test_it_reports_a_list_of_something_else_than_the_endpoint_promises() -> None:
    request = Request("GET", "/v1/products", headers={"authorization": "Bearer sk_test_x"})
    assert problems_of_answer(request, Response(200, json.dumps(page(PRICE)), {}))


def test_it_reports_an_answer_that_is_no_json() -> None:
    request = Request("GET", "/v1/prices", headers={"authorization": "Bearer sk_test_x"})
    assert problems_of_answer(request, Response(200, "<html>", {})) == ["the answer is not JSON: <html>"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "price.repainted"),
        ("data.object.currency", ...),
        ("data.object.object", "prize"),
        ("data.previous_attributes.unit_amount", "1000"),
        ("data.previous_attributes.colour", "red"),
        ("data.previous_attributes.recurring.interval_count", "2"),
    ],
)
def test_it_looks_into_events(path: str, value: Any) -> None:
    assert responses.problems_of(changed(EVENT, path, value))


def test_an_invoice_yet_to_come_has_no_id() -> None:
    upcoming = {**EVENT, "type": "invoice.upcoming", "data": {"object": {"id": "in_1", "object": "invoice"}}}
    with_id, *_ = responses.problems_of(upcoming)
    assert with_id == "event(invoice.upcoming).data.object has an id before there is such an invoice"
    assert "object.id" not in " ".join(responses.problems_of(changed(upcoming, "data.object.id", ...)))


def test_it_knows_what_is_left_of_a_deleted_object() -> None:
    assert responses.problems_of({"id": "prod_1", "object": "product", "deleted": True}) == []
    assert responses.problems_of({**PRODUCT, "deleted": True})


def test_a_publishable_key_sees_less_but_nothing_else() -> None:
    request = Request("GET", "/v1/prices/price_1", headers={"authorization": "Bearer pk_test_x"})
    less = changed(PRICE, "created", ...)
    assert problems_of_answer(request, Response(200, json.dumps(less), {})) == []
    assert problems_of_answer(request, Response(200, json.dumps({**less, "colour": "red"}), {}))


@pytest.mark.parametrize(
    ("error", "sound"),
    [
        ({"type": "card_error", "code": "card_declined", "message": "Your card was declined."}, True),
        ({"code": "card_declined", "message": "Your card was declined."}, False),
        ({"type": "card_error", "reason": "card_declined"}, False),
        ({"type": "card_error", "payment_intent": PRICE}, False),
    ],
)
def test_it_checks_error_bodies(error: Object, sound: bool) -> None:
    assert (responses.problems_of({"error": error}) == []) is sound


SUBSCRIBE: Object = {
    "customer": "cus_1",
    "items": {"0": {"price": "price_1", "quantity": "2"}},
    "payment_behavior": "default_incomplete",
    "metadata": {"operation": "7"},
    "expand": {"0": "latest_invoice.confirmation_secret"},
}


def test_it_accepts_a_request_that_the_sdk_types() -> None:
    assert requests.problems_of("POST", "/v1/subscriptions", SUBSCRIBE) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("colour", "red", "colour is a key that SubscriptionCreateParams does not have"),
        ("items.0.amount", "1200", "items[0].amount is a key that SubscriptionCreateParamsItem does not have"),
        ("items.0.quantity", "two", "items[0].quantity is 'two', not int"),
        ("items", "si_1", "items is 'si_1', not a list"),
        ("payment_behavior", "hopeful", "payment_behavior is 'hopeful', not 'allow_incomplete' or"),
        ("trial_end", "tomorrow", "trial_end is 'tomorrow', not 'now' or int"),
        ("off_session", "True", "off_session is 'True', not bool"),
        ("description", "", "description is '', not str"),
        ("idempotency_key", "k", "idempotency_key is a key that SubscriptionCreateParams does not have"),
    ],
)
def test_it_reports_a_parameter_that_is_wrong(path: str, value: Any, problem: str) -> None:
    (found,) = requests.problems_of("POST", "/v1/subscriptions", changed(SUBSCRIBE, path, value))
    assert found.startswith(f"POST /v1/subscriptions.{problem}")


def test_it_reports_a_parameter_that_is_missing() -> None:
    (found,) = requests.problems_of("POST", "/v1/billing_portal/configurations", {})
    assert found.endswith("features is missing from ConfigurationCreateParams")


def test_the_empty_string_clears_only_what_can_be_cleared() -> None:
    assert requests.problems_of("POST", "/v1/customers/cus_1", {"metadata": "", "phone": ""}) != []
    assert requests.problems_of("POST", "/v1/customers/cus_1", {"metadata": "", "address": ""}) == []


def test_it_reports_an_endpoint_that_does_not_exist() -> None:
    assert requests.problems_of("POST", "/v1/upcoming_invoices", {}) == [
        "POST /v1/upcoming_invoices is no endpoint of the SDK"
    ]


def test_the_most_literal_endpoint_is_meant() -> None:
    assert requests.endpoint("GET", "/v1/customers/search").returns == "SearchResultObject[Customer]"  # type: ignore[union-attr]
    assert requests.endpoint("GET", "/v1/customers/cus_1").returns == "Customer"  # type: ignore[union-attr]


def test_only_what_billing_asks_is_held_against_the_parameters() -> None:
    contract = Contract()
    request = Request("POST", "/v1/products", body="name=A&colour=red", headers={"authorization": "Bearer sk_test_x"})
    refusal = Response(400, json.dumps({"error": {"type": "invalid_request_error", "message": "unknown"}}), {})
    contract.observe(request, refusal)
    assert contract.problems == []
    contract.asked_by_billing(contract.observe)(request, refusal)
    (problem,) = contract.problems
    assert problem.startswith("billing sent POST /v1/products: POST /v1/products.colour is a key")
