"""Tax ids and tax rates: what customers are known as to tax offices, and what invoices ask for on their behalf."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# Tax ids


@pytest.fixture
def tax_ids(shop):
    return shop.v1.customers.tax_ids


@pytest.fixture
def ada(shop):
    return shop.customer(name="Lovelace GmbH")


def test_a_number_is_looked_up_after_it_was_noted(shop, tax_ids, ada):
    noted = tax_ids.create(ada, {"type": "eu_vat", "value": "DE000000000"})
    assert (noted.country, noted.customer, noted.owner.type, noted.verification.status) == (
        "DE", ada, "customer", "pending",
    )  # fmt: skip
    found = tax_ids.retrieve(ada, noted.id)
    assert (found.verification.status, found.verification.verified_name) == ("verified", "Lovelace GmbH")
    updated = shop.event("customer.tax_id.updated")
    assert updated.data.previous_attributes.to_dict() == {
        "verification": {"status": "pending", "verified_name": None}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "value", "status"),
    [
        ("eu_vat", "FR11111111111", "unverified"),
        ("gb_vat", "GB000000000", "verified"),
        ("au_abn", "22222222222", "pending"),
        ("eu_vat", "DE123456789", "pending"),
    ],
)
def test_what_the_look_up_finds_depends_on_the_digits(tax_ids, ada, type_, value, status):
    noted = tax_ids.create(ada, {"type": type_, "value": value})
    assert tax_ids.retrieve(ada, noted.id).verification.status == status


def test_numbers_of_other_kinds_are_not_looked_up(tax_ids, ada):
    noted = tax_ids.create(ada, {"type": "us_ein", "value": "12-3456789"})
    assert (noted.verification, noted.country) == (None, "US")


def test_greece_is_el_in_its_numbers(tax_ids, ada):
    assert tax_ids.create(ada, {"type": "eu_vat", "value": "EL123456789"}).country == "GR"


@pytest.mark.parametrize(("type_", "value"), [("eu_vat", "XX123"), ("us_ein", "12345"), ("gb_vat", "DE123456789")])
def test_it_refuses_a_value_that_cannot_be_one(tax_ids, ada, type_, value):
    with pytest.raises(stripe.InvalidRequestError, match=f"Invalid value for {type_}") as error:
        tax_ids.create(ada, {"type": type_, "value": value})
    assert (error.value.code, error.value.param) == ("tax_id_invalid", "value")


def test_it_refuses_a_type_that_there_is_not(tax_ids, ada):
    with pytest.raises(stripe.InvalidRequestError) as error:
        tax_ids.create(ada, {"type": "moon_vat", "value": "1"})
    assert error.value.param == "type"


def test_tax_ids_of_others_are_not_found(shop, tax_ids, ada):
    noted = tax_ids.create(shop.customer(None), {"type": "eu_vat", "value": "DE123456789"})
    for act in (tax_ids.retrieve, tax_ids.delete):
        with pytest.raises(stripe.InvalidRequestError, match="No such tax_id"):
            act(ada, noted.id)


def test_tax_ids_come_with_a_new_customer_and_on_demand(shop, tax_ids):
    customer = shop.v1.customers.create(
        {
            "tax_id_data": [
                {"type": "eu_vat", "value": "DE123456789"},
                {"type": "de_stn", "value": "1234567890"},
            ],
            "expand": ["tax_ids"],
        }
    )
    assert {each.type for each in customer.tax_ids.data} == {"eu_vat", "de_stn"}
    first, second = tax_ids.list(customer.id).data
    assert tax_ids.delete(customer.id, first.id).deleted is True
    assert [each.id for each in tax_ids.list(customer.id)] == [second.id]
    assert shop.event("customer.tax_id.deleted").data.object.id == first.id


def test_the_account_has_tax_ids_of_its_own(shop, tax_ids, ada):
    own = shop.v1.tax_ids.create({"type": "us_ein", "value": "12-3456789"})
    assert (own.customer, own.owner.type, own.verification) == (None, "self", None)
    theirs = shop.v1.tax_ids.create(
        {"type": "eu_vat", "value": "DE123456789", "owner": {"type": "customer", "customer": ada}}
    )
    assert [each.id for each in shop.v1.tax_ids.list()] == [own.id]
    listed = shop.v1.tax_ids.list({"owner": {"type": "customer", "customer": ada}})
    assert [each.id for each in listed] == [theirs.id] == [each.id for each in tax_ids.list(ada)]
    assert shop.v1.tax_ids.retrieve(theirs.id).customer == ada
    shop.v1.tax_ids.delete(own.id)
    assert list(shop.v1.tax_ids.list()) == []
    with pytest.raises(stripe.InvalidRequestError) as error:
        shop.v1.tax_ids.list({"owner": {"type": "customer"}})
    assert error.value.param == "owner[customer]"


def test_an_invoice_shows_the_tax_ids_until_it_is_final(shop, tax_ids, ada):
    shop.v1.invoice_items.create({"customer": ada, "amount": 500, "currency": "usd"})
    bill = shop.v1.invoices.create({"customer": ada, "pending_invoice_items_behavior": "include"})
    noted = tax_ids.create(ada, {"type": "eu_vat", "value": "DE123456789"})
    final = shop.v1.invoices.finalize_invoice(bill.id)
    tax_ids.delete(ada, noted.id)
    assert [each.to_dict() for each in final.customer_tax_ids] == [{"type": "eu_vat", "value": "DE123456789"}]
    assert len(shop.v1.invoices.retrieve(bill.id).customer_tax_ids) == 1
