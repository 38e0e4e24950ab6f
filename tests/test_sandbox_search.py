"""Search speaks Stripe's query language."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def people(stripe_client):
    for name, email, plan in (
        ("Ada Lovelace", "ada@example.com", "team"),
        ("Bob", "bob@example.com", "solo"),
        ("Ada Byron", "byron@example.com", None),
    ):
        metadata = {"plan": plan} if plan else {}
        stripe_client.v1.customers.create({"name": name, "email": email, "metadata": metadata})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('email:"ada@example.com"', {"Ada Lovelace"}),
        ("email:'ADA@example.com'", {"Ada Lovelace"}),
        ('name~"ada"', {"Ada Lovelace", "Ada Byron"}),
        ('name~"ada" AND metadata["plan"]:"team"', {"Ada Lovelace"}),
        ('name~"ada" -email:"ada@example.com"', {"Ada Byron"}),
        ('name:"Bob" OR name:"Ada Byron"', {"Bob", "Ada Byron"}),
        ('-metadata["plan"]:null', {"Ada Lovelace", "Bob"}),
        ('metadata["plan"]:null', {"Ada Byron"}),
        ("created>0", {"Ada Lovelace", "Bob", "Ada Byron"}),
        ("created<=0", set()),
        ('name:"O\\"Hara"', set()),
    ],
)
def test_it_finds_customers(stripe_client, people, query, names):
    found = stripe_client.v1.customers.search({"query": query})
    assert {customer.name for customer in found.data} == names


@pytest.mark.parametrize(
    "query",
    ["", "email", 'shoe_size:"9"', 'name:"a" AND email:"b" OR phone:"c"', 'name~"ad"', 'metadata:"x"', "email:"],
)
def test_it_refuses_a_query_that_makes_no_sense(stripe_client, query):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.customers.search({"query": query})
    assert error.value.param == "query"


def test_it_turns_pages_and_counts_on_demand(stripe_client, people):
    found = stripe_client.v1.customers.search({"query": "created>0", "limit": 2, "expand": ["total_count"]})
    assert (len(found.data), found.has_more, found.total_count) == (2, True, 3)
    assert len(list(found.auto_paging_iter())) == 3


def test_it_finds_prices_and_payments(stripe_client):
    price = stripe_client.v1.prices.create(
        {"currency": "usd", "unit_amount": 900, "lookup_key": "pro", "product_data": {"name": "Pro"}}
    )
    assert stripe_client.v1.prices.search({"query": 'active:"true" AND lookup_key:"pro"'}).data[0].id == price.id
    assert stripe_client.v1.products.search({"query": 'active:"false"'}).data == []
    intent = stripe_client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    found = stripe_client.v1.payment_intents.search({"query": 'amount>1999 AND status:"requires_payment_method"'})
    assert [each.id for each in found.data] == [intent.id]
