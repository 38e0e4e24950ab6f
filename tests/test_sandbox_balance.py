"""A customer's balance: credit for the next invoice, and a transaction for every movement."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def movements(shop):
    return shop.v1.customers.balance_transactions


@pytest.fixture
def ada(shop):
    return shop.customer(name="Ada Lovelace")


def book(movements, customer):
    """Return (type, amount, ending balance) of every movement, oldest first."""
    return [(each.type, each.amount, each.ending_balance) for each in reversed(movements.list(customer).data)]


def bill(shop, customer, amount):
    """Return a finalised invoice of one line."""
    invoice = shop.v1.invoices.create({"customer": customer, "auto_advance": False})
    shop.v1.invoice_items.create({"customer": customer, "invoice": invoice.id, "amount": amount, "currency": "usd"})
    return shop.v1.invoices.finalize_invoice(invoice.id)


def test_credit_is_given_and_noted(shop, movements, ada):
    since = shop.mark()
    moved = movements.create(
        ada, {"amount": -1500, "currency": "usd", "description": "For the outage", "metadata": {"ticket": "42"}}
    )
    assert (moved.type, moved.amount, moved.ending_balance, moved.customer) == ("adjustment", -1500, -1500, ada)
    assert (moved.description, moved.metadata["ticket"], moved.invoice) == ("For the outage", "42", None)
    customer = shop.v1.customers.retrieve(ada)
    assert (customer.balance, customer.currency) == (-1500, "usd")
    assert shop.events(since) == ["customer.updated"]
    assert shop.event("customer.updated").data.previous_attributes["balance"] == 0


def test_an_invoice_takes_credit_first(shop, movements, ada):
    movements.create(ada, {"amount": -1500, "currency": "usd"})
    invoice = bill(shop, ada, 2000)
    # 20.00 less the credit of 15.00
    assert (invoice.starting_balance, invoice.ending_balance, invoice.amount_due) == (-1500, 0, 500)
    newest = movements.list(ada).data[0]
    assert (newest.type, newest.amount, newest.invoice) == ("applied_to_invoice", 1500, invoice.id)
    assert [each.id for each in movements.list(ada, {"invoice": invoice.id})] == [newest.id]
    assert movements.retrieve(ada, newest.id, {"expand": ["invoice"]}).invoice.amount_due == 500


def test_a_debt_goes_on_the_next_invoice(shop, movements, ada):
    movements.create(ada, {"amount": 300, "currency": "usd"})
    assert bill(shop, ada, 2000).amount_due == 2300
    assert book(movements, ada) == [("adjustment", 300, 300), ("applied_to_invoice", -300, 0)]


def test_credit_that_is_left_stays(shop, movements, ada):
    movements.create(ada, {"amount": -5000, "currency": "usd"})
    invoice = bill(shop, ada, 2000)
    assert (invoice.status, invoice.amount_due, invoice.ending_balance) == ("paid", 0, -3000)
    assert shop.v1.customers.retrieve(ada).balance == -3000


def test_what_is_too_small_to_charge_is_carried_over(shop, movements, ada):
    assert bill(shop, ada, 49).amount_due == 0
    assert book(movements, ada) == [("invoice_too_small", 49, 49)]


def test_voiding_an_invoice_gives_its_credit_back(shop, movements, ada):
    movements.create(ada, {"amount": -1500, "currency": "usd"})
    shop.v1.invoices.void_invoice(bill(shop, ada, 2000).id)
    assert book(movements, ada)[-1] == ("unapplied_from_invoice", -1500, -1500)


def test_the_balance_of_a_customer_can_be_set(shop, movements):
    ada = shop.v1.customers.create({"balance": -700}).id
    shop.v1.customers.update(ada, {"balance": -200})
    shop.v1.customers.update(ada, {"name": "Ada"})
    assert book(movements, ada) == [("initial", -700, -700), ("adjustment", 500, -200)]


def test_only_what_is_noted_beside_a_movement_can_change(shop, movements, ada):
    moved = movements.create(ada, {"amount": -1, "currency": "usd"})
    changed = movements.update(ada, moved.id, {"description": "Goodwill", "metadata": {"by": "support"}})
    assert (changed.description, changed.metadata["by"], changed.amount) == ("Goodwill", "support", -1)
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        movements.update(ada, moved.id, {"amount": -2})


def test_a_balance_has_one_currency(movements, ada):
    movements.create(ada, {"amount": -100, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="billed in usd") as error:
        movements.create(ada, {"amount": -100, "currency": "eur"})
    assert error.value.param == "currency"


@pytest.mark.parametrize("missing", ["amount", "currency"])
def test_it_needs_an_amount_and_a_currency(movements, ada, missing):
    params = {"amount": -100, "currency": "usd"}
    del params[missing]
    with pytest.raises(stripe.InvalidRequestError, match=f"Missing required param: {missing}"):
        movements.create(ada, params)


def test_movements_of_others_are_not_found(shop, movements, ada):
    moved = movements.create(shop.customer(None), {"amount": -100, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer_balance_transaction"):
        movements.retrieve(ada, moved.id)
    assert list(movements.list(ada)) == []
