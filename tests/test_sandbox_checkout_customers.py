"""Whom hosted Checkout knows afterwards: saved cards, customers who come back, what they agreed to."""

from __future__ import annotations

import pytest

from shop import Shop
from till import ADDRESS, DECLINED, Till

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def shop(account, stripe_client):
    shop = Shop(account, stripe_client)
    yield shop
    shop.close()


@pytest.fixture
def till(shop, browser_client):
    return Till(shop, browser_client)


# Saving a card


def test_setup_mode_saves_a_card_to_its_customer(till):
    alice = till.shop.customer(card=None)
    session = till.open("setup", customer=alice, setup_intent_data={"metadata": {"why": "later"}})
    assert (session.payment_status, session.amount_total) == ("no_payment_required", None)
    before = till.shop.mark()
    till.confirm(session)
    after = till.session(session, expand=["setup_intent.payment_method"])
    assert (after.status, after.setup_intent.status, after.setup_intent.metadata.why) == (
        "complete",
        "succeeded",
        "later",
    )
    assert after.setup_intent.payment_method.customer == alice
    assert till.shop.events(before) == [
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
    ]


def test_setup_mode_may_know_no_customer(till):
    session = till.open("setup")
    till.confirm(session)
    after = till.session(session, expand=["setup_intent.payment_method"])
    assert (after.customer, after.setup_intent.payment_method.customer) == (None, None)


def test_a_card_that_cannot_be_saved_is_said(till):
    session = till.open("setup", customer=till.shop.customer(card=None))
    assert till.confirm(session, DECLINED).json()["error"]["message"] == "Your card was declined."
    assert till.session(session).status == "open"
    asked = till.confirm(session, "4000002500003155")
    till.bank(asked, "succeeded")
    assert till.session(session).status == "complete"
    assert len(till.v1.setup_intents.list().data) == 1


# Customers who come back


def test_saved_cards_are_offered_where_they_may_be_shown_again(till):
    alice = till.shop.customer()
    (card,) = till.v1.payment_methods.list({"customer": alice}).data
    assert card.id not in till.page(till.open("subscription", customer=alice))
    till.v1.payment_methods.update(card.id, {"allow_redisplay": "always"})
    session = till.open("subscription", customer=alice)
    page = till.page(session)
    assert "Visa •••• 4242" in page
    assert 'id="payment-method-accordion-item-title-card"' in page
    assert 'data-testid="card-accordion-item-button"' in page
    answer = till.confirm(session, None, payment_method=card.id)
    assert answer.json()["state"] == "complete"
    assert till.session(session, expand=["subscription"]).subscription.default_payment_method == card.id


def test_other_cards_are_offered_where_the_shop_says_so(till):
    alice = till.shop.customer()
    filters = {"allow_redisplay_filters": ["always", "unspecified"]}
    assert "Visa •••• 4242" in till.page(till.open(customer=alice, saved_payment_method_options=filters))


def test_a_card_can_be_kept_with_the_customers_consent(till):
    alice = till.shop.customer(card=None)
    session = till.open(customer=alice, saved_payment_method_options={"payment_method_save": "enabled"})
    assert 'id="savePaymentMethod"' in till.page(session)
    till.confirm(session, save_payment_method="true")
    (card,) = till.v1.payment_methods.list({"customer": alice}).data
    assert card.allow_redisplay == "always"


def test_a_known_customer_changes_only_as_far_as_allowed(till):
    alice = till.shop.customer(email="alice@example.com")
    kept = till.open(customer=alice)
    assert 'value="alice@example.com" readonly' in till.page(kept)
    till.confirm(kept, email="alice@example.com")
    assert till.v1.customers.retrieve(alice).name == "Alice Archer"
    renamed = till.open(customer=alice, customer_update={"name": "auto", "address": "auto"})
    till.confirm(renamed, email="alice@example.com")
    after = till.v1.customers.retrieve(alice)
    assert (after.name, after.address.postal_code) == ("Ada Lovelace", "97205")


def test_a_first_email_is_written_down(till):
    nameless = till.v1.customers.create({}).id
    till.confirm(till.open(customer=nameless))
    assert till.v1.customers.retrieve(nameless).email == "ada@example.com"


def test_consents_are_kept(till):
    collected = {"terms_of_service": "required", "promotions": "auto"}
    session = till.open(consent_collection=collected)
    assert 'id="termsOfServiceConsentCheckbox"' in till.page(session)
    refused = till.confirm(session)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "consent[terms_of_service]")
    till.confirm(session, consent={"terms_of_service": "true"})
    assert till.session(session).consent.to_dict() == {"promotions": "opt_out", "terms_of_service": "accepted"}


def test_the_page_asks_again_for_what_was_left_out(till):
    session = till.open(billing_address_collection="required", phone_number_collection={"enabled": True})
    for missing, given in [
        ("email", {"email": ""}),
        ("phone", {}),
        ("address[line1]", {"phone": "+15551234567"}),
    ]:
        answer = till.confirm(session, **given)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, missing)
    whole = ADDRESS | {"line1": "1 Main Street", "city": "Portland", "state": "OR"}
    assert till.confirm(session, phone="+15551234567", address=whole).json()["state"] == "complete"
    assert till.session(session).customer_details.address.line1 == "1 Main Street"
