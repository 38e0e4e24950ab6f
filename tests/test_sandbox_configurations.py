"""Payment method configurations: which ways to pay are offered, which here are cards."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def configurations(stripe_client):
    return stripe_client.v1.payment_method_configurations


def test_every_account_has_a_default_one(configurations):
    (default,) = configurations.list().data
    assert (default.is_default, default.active, default.card.display_preference.value) == (True, True, "on")
    assert configurations.list().data == [default]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deactivated"):
        configurations.update(default.id, {"active": False})
    assert configurations.update(default.id, {"name": "Checkout"}).name == "Checkout"


def test_others_can_be_made_and_put_out_of_use(configurations):
    made = configurations.create({"name": "Cards", "card": {"display_preference": {"preference": "on"}}})
    assert (made.name, made.is_default) == ("Cards", False)
    configurations.update(made.id, {"active": False})
    assert [each.is_default for each in configurations.list({"active": True})] == [True]
    assert configurations.retrieve(made.id).active is False


@pytest.mark.off_contract("wrong on purpose")
def test_other_ways_to_pay_are_not_emulated(configurations):
    with pytest.raises(stripe.APIError) as error:
        configurations.create({"klarna": {"display_preference": {"preference": "on"}}})
    assert (error.value.http_status, error.value.error.param) == (501, "klarna")


def test_an_intent_names_the_configuration_it_was_made_with(stripe_client, configurations):
    made = configurations.create({"name": "Cards"})
    intent = stripe_client.v1.setup_intents.create({"payment_method_configuration": made.id})
    assert intent.payment_method_configuration_details.id == made.id
    with pytest.raises(stripe.InvalidRequestError, match="No such") as error:
        stripe_client.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method_configuration": "pmc_nobody"}
        )
    assert error.value.param == "payment_method_configuration"


def test_attempts_are_listed_of_a_setup_intent_that_there_is(stripe_client):
    with pytest.raises(stripe.InvalidRequestError, match="No such setupintent"):
        stripe_client.v1.setup_attempts.list({"setup_intent": "seti_nobody"})
