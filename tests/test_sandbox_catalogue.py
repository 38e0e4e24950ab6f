"""Products and prices: created, found by lookup key, archived, never changed in amount."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

MONTHLY = {"currency": "usd", "unit_amount": 999, "recurring": {"interval": "month"}}

TIERED = {
    "currency": "usd",
    "billing_scheme": "tiered",
    "tiers_mode": "volume",
    "tiers": [{"up_to": 10, "unit_amount": 500}, {"up_to": "inf", "flat_amount": 4000}],
    "recurring": {"interval": "month"},
}


@pytest.fixture
def pro(stripe_client):
    return stripe_client.v1.products.create({"name": "Pro", "marketing_features": [{"name": "Ten seats"}]})


@pytest.fixture
def monthly(stripe_client, pro):
    return stripe_client.v1.prices.create({**MONTHLY, "product": pro.id, "lookup_key": "pro_monthly"})


def events_of(client):
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def test_a_recurring_price_is_announced_as_price_and_as_plan(stripe_client, monthly):
    assert (monthly.type, monthly.recurring.interval_count, monthly.recurring.usage_type) == (
        "recurring",
        1,
        "licensed",
    )
    assert (monthly.unit_amount, str(monthly.unit_amount_decimal)) == (999, "999")
    assert events_of(stripe_client) == ["product.created", "price.created", "plan.created"]


def test_a_product_may_bring_its_default_price(stripe_client):
    product = stripe_client.v1.products.create(
        {"name": "Team", "default_price_data": MONTHLY, "expand": ["default_price.product"]}
    )
    assert product.default_price.unit_amount == 999
    assert product.default_price.product.id == product.id


def test_a_price_may_bring_its_product(stripe_client):
    price = stripe_client.v1.prices.create({**MONTHLY, "product_data": {"name": "Solo"}, "expand": ["product"]})
    assert price.product.name == "Solo"


def test_a_fraction_of_a_cent_has_a_decimal_amount_only(stripe_client, pro):
    price = stripe_client.v1.prices.create({"currency": "usd", "unit_amount_decimal": "0.05", "product": pro.id})
    assert (price.unit_amount, str(price.unit_amount_decimal), price.type) == (None, "0.05", "one_time")


def test_tiers_and_other_currencies_show_on_demand(stripe_client, pro):
    tiers = [{"up_to": 10, "unit_amount": 500}, {"up_to": "inf", "unit_amount_decimal": "450.5", "flat_amount": 100}]
    tiered = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers, "recurring": {"interval": "month"}}
    price = stripe_client.v1.prices.create({**tiered, "currency": "usd", "product": pro.id})
    assert "tiers" not in price
    assert "currency_options" not in price
    price = stripe_client.v1.prices.retrieve(price.id, {"expand": ["tiers", "currency_options"]})
    assert [(tier.up_to, tier.unit_amount, tier.flat_amount) for tier in price.tiers] == [
        (10, 500, None),
        (None, None, 100),
    ]
    assert list(price.currency_options.to_dict()) == ["usd"]


def test_a_price_speaks_several_currencies(stripe_client, pro):
    options = {"eur": {"unit_amount": 899}, "jpy": {"unit_amount": 1500}}
    price = stripe_client.v1.prices.create({**MONTHLY, "product": pro.id, "currency_options": options})
    price = stripe_client.v1.prices.update(
        price.id, {"currency_options": {"gbp": {"unit_amount": 799}}, "expand": ["currency_options"]}
    )
    amounts = {code: option["unit_amount"] for code, option in price.currency_options.to_dict().items()}
    assert amounts == {"usd": 999, "eur": 899, "jpy": 1500, "gbp": 799}


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"currency": "usd"}, "unit_amount"),
        ({"currency": "usd", "unit_amount": 1, "unit_amount_decimal": "1"}, "unit_amount_decimal"),
        ({"currency": "usd", "unit_amount_decimal": "1.1234567890123"}, "unit_amount_decimal"),
        ({"currency": "doubloon", "unit_amount": 1}, "currency"),
        ({"currency": "usd", "billing_scheme": "tiered", "tiers": []}, "tiers"),
        ({"currency": "usd", "unit_amount": 1, "recurring": {"interval": "century"}}, "recurring[interval]"),
        ({"currency": "usd", "unit_amount": 1, "recurring": {"interval": "year", "interval_count": 4}},
         "recurring[interval_count]"),
        ({"currency": "usd", "unit_amount": 1, "tiers_mode": "volume"}, "tiers"),
        ({**TIERED, "unit_amount": 5}, "unit_amount"),
        ({**TIERED, "transform_quantity": {"divide_by": 2, "round": "up"}}, "transform_quantity"),
        ({**TIERED, "tiers": [{"up_to": 10, "unit_amount": 1}]}, "tiers"),
        ({**TIERED, "tiers": [{"up_to": 9, "unit_amount": 1}, {"up_to": 9, "unit_amount": 1}, {"up_to": "inf",
          "unit_amount": 1}]}, "tiers"),
        ({**TIERED, "tiers": [{"up_to": "inf"}]}, "tiers[0]"),
        ({"currency": "usd", "custom_unit_amount": {"enabled": True}, "recurring": {"interval": "month"}}, "recurring"),
        ({"currency": "usd", "custom_unit_amount": {"enabled": True, "minimum": 500, "preset": 400}},
         "custom_unit_amount"),
    ],
)  # fmt: skip
@pytest.mark.off_contract("wrong on purpose")
def test_it_refuses_a_price_that_cannot_be(stripe_client, pro, params, param):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.prices.create({**params, "product": pro.id})
    assert error.value.param == param


def test_prices_are_found_by_lookup_key(stripe_client, pro, monthly):
    stripe_client.v1.prices.create({**MONTHLY, "product": pro.id})
    found = stripe_client.v1.prices.list({"lookup_keys": ["pro_monthly", "pro_yearly"], "active": True}).data
    assert [price.id for price in found] == [monthly.id]
    with pytest.raises(stripe.InvalidRequestError):
        stripe_client.v1.prices.list({"lookup_keys": [f"k{number}" for number in range(11)]})


def test_a_lookup_key_belongs_to_one_price_until_it_is_transferred(stripe_client, pro, monthly):
    dearer = {**MONTHLY, "unit_amount": 1299, "product": pro.id, "lookup_key": "pro_monthly"}
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key") as error:
        stripe_client.v1.prices.create(dearer)
    assert error.value.param == "lookup_key"
    price = stripe_client.v1.prices.create({**dearer, "transfer_lookup_key": True})
    assert stripe_client.v1.prices.retrieve(monthly.id).lookup_key is None
    assert [each.id for each in stripe_client.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data] == [price.id]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"type": "recurring"}, 1),
        ({"type": "one_time"}, 1),
        ({"recurring": {"interval": "month"}}, 1),
        ({"recurring": {"interval": "year"}}, 0),
        ({"active": False}, 0),
        ({"currency": "usd"}, 2),
        ({"currency": "eur"}, 0),
        ({"product": "prod_other"}, 0),
    ],
)
def test_prices_are_filtered(stripe_client, pro, monthly, filters, found):
    stripe_client.v1.prices.create({"currency": "usd", "unit_amount": 500, "product": pro.id})
    assert len(stripe_client.v1.prices.list(filters).data) == found


def test_an_archived_price_stays_and_its_amount_never_changes(stripe_client, monthly):
    archived = stripe_client.v1.prices.update(monthly.id, {"active": False, "nickname": "old"})
    assert (archived.active, archived.nickname, archived.unit_amount) == (False, "old", 999)
    event = stripe_client.v1.events.list({"type": "price.updated"}).data[0]
    assert event.data.previous_attributes.to_dict() == {"active": True, "nickname": None}


@pytest.mark.off_contract("wrong on purpose")
def test_the_amount_is_no_parameter_of_an_update(stripe_client, monthly):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.prices.update(monthly.id, {"unit_amount": 1})
    assert error.value.code == "parameter_unknown"


def test_a_product_is_changed_only_where_something_changes(stripe_client, pro):
    stripe_client.v1.products.update(pro.id, {"name": "Pro"})
    assert "product.updated" not in events_of(stripe_client)
    changed = stripe_client.v1.products.update(pro.id, {"name": "Pro 2", "marketing_features": ""})
    assert (changed.name, changed.marketing_features) == ("Pro 2", [])
    assert events_of(stripe_client)[-1] == "product.updated"


def test_a_product_with_prices_can_be_archived_but_not_deleted(stripe_client, pro, monthly):
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        stripe_client.v1.products.delete(pro.id)
    assert stripe_client.v1.products.update(pro.id, {"active": False}).active is False
    assert stripe_client.v1.products.list({"active": True}).data == []
    unsold = stripe_client.v1.products.create({"name": "Unsold", "id": "unsold"})
    assert stripe_client.v1.products.delete(unsold.id).deleted


def test_a_product_id_is_taken_once(stripe_client, pro):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.products.create({"name": "Copy", "id": pro.id})
    assert error.value.code == "resource_already_exists"


def test_the_default_price_is_one_of_the_product(stripe_client, pro, monthly):
    assert stripe_client.v1.products.update(pro.id, {"default_price": monthly.id}).default_price == monthly.id
    other = stripe_client.v1.products.create({"name": "Other"})
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.products.update(other.id, {"default_price": monthly.id})
    assert error.value.param == "default_price"


def test_a_default_price_cannot_be_archived(stripe_client, pro, monthly):
    stripe_client.v1.products.update(pro.id, {"default_price": monthly.id})
    with pytest.raises(stripe.InvalidRequestError, match="default price of its product") as error:
        stripe_client.v1.prices.update(monthly.id, {"active": False})
    assert error.value.param == "active"


def test_an_archived_price_cannot_become_the_default(stripe_client, pro, monthly):
    stripe_client.v1.prices.update(monthly.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="archived") as error:
        stripe_client.v1.products.update(pro.id, {"default_price": monthly.id})
    assert error.value.param == "default_price"


def test_customers_may_choose_the_amount(stripe_client, pro):
    custom = {"enabled": True, "minimum": 500, "preset": 1000, "maximum": 5000}
    price = stripe_client.v1.prices.create({"currency": "usd", "product": pro.id, "custom_unit_amount": custom})
    assert (price.unit_amount, price.custom_unit_amount.preset, price.type) == (None, 1000, "one_time")


def test_products_are_listed_by_id_and_by_url(stripe_client, pro):
    other = stripe_client.v1.products.create({"name": "Other", "url": "https://other.example"})
    assert [product.id for product in stripe_client.v1.products.list({"ids": [pro.id]}).data] == [pro.id]
    assert [product.id for product in stripe_client.v1.products.list({"url": other.url}).data] == [other.id]
