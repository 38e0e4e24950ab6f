"""Cards as they were before payment methods: tokens, `card_…` sources, and a customer's default source."""

from __future__ import annotations

import pytest
import stripe

from shop import at

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def sources(shop):
    return shop.v1.customers.payment_sources


@pytest.fixture
def ada(shop):
    """A customer without any card."""
    return shop.customer(None, name="Ada Lovelace")


def typed(**fields):
    return {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123", **fields}


@pytest.fixture
def token(browser_client):
    """A token of what was typed into a Card Element."""
    card = typed(name="Ada L.", address_line1="St James's Square 12", address_zip="SW1Y 4JH", address_country="GB")
    return browser_client.v1.tokens.create({"card": card})


def test_the_first_source_becomes_the_default(shop, sources, ada):
    since = shop.mark()
    card = sources.create(ada, {"source": "tok_visa"})
    assert (card.object, card.id[:5], card.brand, card.last4, card.customer) == ("card", "card_", "Visa", "4242", ada)
    assert card.cvc_check == "pass"
    assert shop.v1.customers.retrieve(ada).default_source == card.id
    assert shop.events(since) == ["payment_method.attached", "customer.source.created", "customer.updated"]
    second = sources.create(ada, {"source": "tok_amex", "metadata": {"purpose": "travel"}})
    assert (second.brand, second.metadata["purpose"]) == ("American Express", "travel")
    assert shop.v1.customers.retrieve(ada).default_source == card.id


def test_a_token_becomes_the_card_that_it_holds_and_opens_once(sources, ada, token):
    card = sources.create(ada, {"source": token.id})
    assert card.id == token.card.id
    assert (card.name, card.address_line1, card.address_zip) == ("Ada L.", "St James's Square 12", "SW1Y 4JH")
    assert (card.address_line1_check, card.address_zip_check) == ("pass", "pass")
    with pytest.raises(stripe.InvalidRequestError, match="more than once") as error:
        sources.create(ada, {"source": token.id})
    assert (error.value.code, error.value.param) == ("token_already_used", "source")


def test_a_payment_method_of_a_token_keeps_its_name_and_address(stripe_client, token):
    method = stripe_client.v1.payment_methods.create({"type": "card", "card": {"token": token.id}})
    assert method.id.startswith("pm_")
    assert (method.billing_details.name, method.billing_details.address.country) == ("Ada L.", "GB")


def test_a_card_that_its_bank_refuses_cannot_be_a_source(shop, sources, ada):
    with pytest.raises(stripe.CardError) as error:
        sources.create(ada, {"source": "tok_chargeDeclinedInsufficientFunds"})
    assert (error.value.code, error.value.error.decline_code) == ("card_declined", "insufficient_funds")
    assert list(sources.list(ada)) == []
    assert shop.v1.customers.retrieve(ada).default_source is None


@pytest.mark.parametrize(("source", "message"), [("tok_nobody", "No such token"), ("src_1", "No such source")])
def test_it_refuses_what_is_no_token(sources, ada, source, message):
    with pytest.raises(stripe.InvalidRequestError, match=message) as error:
        sources.create(ada, {"source": source})
    assert (error.value.code, error.value.param) == ("resource_missing", "source")


def test_it_takes_no_raw_numbers(stripe_client):
    with pytest.raises(stripe.StripeError, match="generally unsafe"):
        stripe_client.v1.tokens.create({"card": typed()})


def test_sources_are_listed_newest_first_and_by_kind(shop, sources, ada):
    first, second = (sources.create(ada, {"source": token}).id for token in ("tok_visa", "tok_mastercard"))
    shop.card(ada)
    assert [card.id for card in sources.list(ada)] == [second, first]
    assert [card.id for card in sources.list(ada, {"object": "card", "limit": 1})] == [second]
    assert [card.id for card in sources.list(ada, {"starting_after": second})] == [first]
    assert list(sources.list(ada, {"object": "bank_account"})) == []
    customer = shop.v1.customers.retrieve(ada, {"expand": ["sources", "default_source"]})
    assert [card.id for card in customer.sources.data] == [second, first]
    assert (customer.default_source.id, customer.default_source.object) == (first, "card")


def test_customers_come_without_their_sources_unless_asked(shop, ada):
    assert "sources" not in shop.v1.customers.retrieve(ada)


def test_a_source_is_a_payment_method_too(shop, sources, ada):
    card = sources.create(ada, {"source": "tok_visa"})
    (method,) = shop.v1.customers.payment_methods.list(ada).data
    assert (method.id, method.object, method.card.last4, method.customer) == (card.id, "payment_method", "4242", ada)
    intent = shop.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "customer": ada, "payment_method": card.id, "confirm": True,
         "return_url": "https://shop.example/back"}
    )  # fmt: skip
    assert (intent.status, intent.payment_method) == ("succeeded", card.id)


def test_a_source_can_be_changed(shop, sources, ada):
    card = sources.create(ada, {"source": "tok_visa"})
    since = shop.mark()
    changed = sources.update(
        ada, card.id, {"exp_month": "03", "exp_year": "2031", "name": "A. Lovelace", "address_city": "London"}
    )
    assert (changed.exp_month, changed.exp_year, changed.name, changed.address_city) == (
        3,
        2031,
        "A. Lovelace",
        "London",
    )
    assert shop.events(since) == ["customer.source.updated"]
    previous = shop.event("customer.source.updated").data.previous_attributes.to_dict()
    assert previous == {
        "exp_month": card.exp_month, "exp_year": card.exp_year, "name": None, "address_city": None
    }  # fmt: skip
    assert shop.v1.payment_methods.retrieve(card.id).billing_details.name == "A. Lovelace"
    with pytest.raises(stripe.CardError) as error:
        sources.update(ada, card.id, {"exp_year": "2020"})
    assert error.value.code == "invalid_expiry_year"


def test_a_source_of_somebody_else_is_not_found(shop, sources, ada):
    card = sources.create(shop.customer(None), {"source": "tok_visa"})
    for act in (sources.retrieve, sources.delete, sources.update):
        with pytest.raises(stripe.InvalidRequestError, match="No such source") as error:
            act(ada, card.id)
        assert error.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        sources.retrieve(ada, shop.card(ada))
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        shop.v1.customers.update(ada, {"default_source": card.id})


def test_deleting_the_default_makes_the_newest_one_left_the_default(shop, sources, ada):
    first, second, third = (sources.create(ada, {"source": f"tok_{name}"}).id for name in ("visa", "amex", "jcb"))
    assert sources.delete(ada, first).to_dict() == {"id": first, "object": "card", "deleted": True}
    assert shop.v1.customers.retrieve(ada).default_source == third
    shop.v1.payment_methods.detach(third)
    deleted = shop.event("customer.source.deleted").data.object
    assert (deleted.id, deleted.customer, deleted.object) == (third, ada, "card")
    assert shop.v1.customers.retrieve(ada).default_source == second
    sources.delete(ada, second)
    assert shop.v1.customers.retrieve(ada).default_source is None
    assert list(sources.list(ada)) == []


def test_a_customer_can_be_made_with_a_source(shop):
    since = shop.mark()
    customer = shop.v1.customers.create({"email": "ada@example.com", "source": "tok_visa"})
    assert customer.default_source.startswith("card_")
    assert shop.events(since) == ["payment_method.attached", "customer.source.created", "customer.created"]
    assert shop.event("customer.created").data.object.default_source == customer.default_source
    with pytest.raises(stripe.CardError):
        shop.v1.customers.create({"email": "eve@example.com", "source": "tok_chargeDeclined"})
    assert list(shop.v1.customers.list({"email": "eve@example.com"})) == []


def test_a_new_source_of_a_customer_replaces_the_default_card(shop, sources, ada):
    old, other = (sources.create(ada, {"source": f"tok_{name}"}).id for name in ("visa", "amex"))
    since = shop.mark()
    customer = shop.v1.customers.update(ada, {"source": "tok_mastercard"})
    assert customer.default_source not in {old, other}
    assert [card.id for card in sources.list(ada)] == [customer.default_source, other]
    assert shop.event("customer.updated").data.previous_attributes.to_dict() == {"default_source": old}
    assert set(shop.events(since)) >= {"customer.source.created", "customer.source.deleted"}


def test_the_default_source_can_be_chosen(shop, sources, ada):
    first, second = (sources.create(ada, {"source": f"tok_{name}"}).id for name in ("visa", "amex"))
    assert shop.v1.customers.update(ada, {"default_source": second}).default_source == second
    assert [card.id for card in sources.list(ada)] == [second, first]


def test_the_default_source_pays_where_there_is_no_default_payment_method(shop, sources, ada):
    visa = sources.create(ada, {"source": "tok_visa"}).id
    subscription = shop.subscribe(ada)
    assert (subscription.status, paid_with(shop, subscription)) == ("active", visa)
    card = shop.card(ada)
    assert paid_with(shop, shop.subscribe(ada, shop.business)) == card


def test_a_subscriptions_own_source_goes_before_the_customers_default(shop, sources, ada):
    shop.card(ada)
    amex = sources.create(ada, {"source": "tok_amex"}).id
    subscription = shop.subscribe(ada, default_source=amex)
    assert paid_with(shop, subscription) == amex
    assert (
        shop.v1.subscriptions.retrieve(subscription.id, {"expand": ["default_source"]}).default_source.last4 == "0005"
    )
    assert shop.v1.subscriptions.update(subscription.id, {"default_source": ""}).default_source is None
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        shop.subscribe(ada, default_source="card_nobody")


def test_an_invoice_can_be_paid_with_a_source(shop, sources, ada):
    shop.card(ada)
    amex = sources.create(ada, {"source": "tok_amex"}).id
    bill = shop.v1.invoices.create({"customer": ada, "auto_advance": False})
    shop.v1.invoice_items.create({"customer": ada, "invoice": bill.id, "amount": 900, "currency": "usd"})
    shop.v1.invoices.pay(bill.id, {"source": amex})
    assert shop.v1.payment_intents.retrieve(shop.intent(bill)).payment_method == amex


def test_a_new_source_collects_what_is_overdue(shop, ada):
    shop.v1.customers.update(ada, {"source": "tok_chargeCustomerFail"})
    subscription = shop.subscribe(ada, payment_behavior="allow_incomplete", trial_end=at("2026-11-10"))
    shop.go("2026-11-10T02:00")
    overdue = shop.subscription(subscription.id)
    assert (overdue.status, overdue.latest_invoice.attempt_count) == ("past_due", 1)
    planned = overdue.latest_invoice.next_payment_attempt
    shop.v1.customers.update(ada, {"source": "tok_chargeCustomerFail"})
    retried = shop.subscription(subscription.id).latest_invoice
    assert (retried.status, retried.attempt_count, retried.next_payment_attempt) == ("open", 1, planned)
    shop.v1.customers.update(ada, {"source": "tok_visa"})
    recovered = shop.subscription(subscription.id)
    assert (recovered.status, recovered.latest_invoice.status) == ("active", "paid")


def test_choosing_another_default_source_collects_nothing(shop, sources, ada):
    shop.v1.customers.update(ada, {"source": "tok_chargeCustomerFail"})
    subscription = shop.subscribe(ada, trial_end=at("2026-11-10"))
    shop.go("2026-11-10T02:00")
    visa = sources.create(ada, {"source": "tok_visa"}).id
    shop.v1.customers.update(ada, {"default_source": visa})
    assert shop.subscription(subscription.id).status == "past_due"


def test_it_warns_at_the_beginning_of_the_month_in_which_a_source_expires(shop, sources, ada):
    card = sources.create(ada, {"source": "tok_visa"}).id
    sources.update(ada, card, {"exp_month": 2, "exp_year": 2027})
    gone = sources.create(ada, {"source": "tok_amex"}).id
    sources.update(ada, gone, {"exp_month": 2, "exp_year": 2027})
    sources.delete(ada, gone)
    shop.go("2027-01-31T23:59:59")
    assert list(shop.v1.events.list({"type": "customer.source.expiring"})) == []
    shop.go("2027-03-01")
    (event,) = shop.v1.events.list({"type": "customer.source.expiring"}).data
    assert (event.data.object.id, event.created) == (card, at("2027-02-01"))


def paid_with(shop, subscription):
    """Return the payment method that paid a subscription's latest invoice."""
    invoice = shop.subscription(subscription.id).latest_invoice
    return shop.v1.payment_intents.retrieve(shop.intent(invoice)).payment_method
