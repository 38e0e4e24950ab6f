"""Test cards do in the sandbox what they do at Stripe, and no card number ever stays."""

from __future__ import annotations

import contextlib
import re

import pytest
import stripe
from django.apps import apps
from django.forms.models import model_to_dict

from sandbox import cards, clock
from sandbox.models import Row

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

REFUSED = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
    ("pm_card_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "insufficient funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "Your card was declined."),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired."),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "security code is incorrect."),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error", "An error occurred"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded", "declined"),
    ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent", "Your card was declined."),
]


@pytest.fixture
def ada(stripe_client):
    return stripe_client.v1.customers.create({"name": "Ada"})


def typed(number="4242424242424242", **fields):
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123", **fields}}


@pytest.mark.parametrize("card", cards.CARDS.values(), ids=lambda card: card.name)
def test_every_test_card_can_become_a_payment_method(stripe_client, card):
    method = stripe_client.v1.payment_methods.create({"type": "card", "card": {"token": f"tok_{card.name}"}})
    assert (method.card.brand, method.card.last4, method.card.funding) == (card.brand, card.last4, card.funding)
    assert method.card.fingerprint == card.fingerprint
    assert method.customer is None


def test_every_test_card_has_a_valid_number_of_its_own():
    numbers = [card.number for card in cards.CARDS.values()]
    assert all(cards._luhn(number) for number in numbers)
    assert len(set(numbers)) == len({card.fingerprint for card in cards.CARDS.values()}) == len(numbers)


@pytest.mark.parametrize(
    ("alias", "brand", "last4"),
    [
        ("pm_card_visa", "visa", "4242"),
        ("pm_card_visa_debit", "visa", "5556"),
        ("pm_card_mastercard", "mastercard", "4444"),
        ("pm_card_amex", "amex", "0005"),
        ("pm_card_discover", "discover", "1117"),
        ("pm_card_diners", "diners", "0004"),
        ("pm_card_jcb", "jcb", "0505"),
        ("pm_card_unionpay", "unionpay", "0005"),
    ],
)
def test_an_alias_attaches_a_fresh_card_each_time(stripe_client, ada, alias, brand, last4):
    first, second = (stripe_client.v1.payment_methods.attach(alias, {"customer": ada.id}) for _ in range(2))
    assert first.id != second.id
    assert (first.card.brand, first.card.last4, first.customer) == (brand, last4, ada.id)
    assert first.card.fingerprint == second.card.fingerprint


@pytest.mark.parametrize(("alias", "code", "decline_code", "words"), REFUSED)
def test_a_refused_card_cannot_be_attached(stripe_client, ada, alias, code, decline_code, words):
    with pytest.raises(stripe.CardError, match=words) as refusal:
        stripe_client.v1.payment_methods.attach(alias, {"customer": ada.id})
    assert (refusal.value.http_status, refusal.value.code) == (402, code)
    assert refusal.value.error.decline_code == decline_code
    assert stripe_client.v1.customers.payment_methods.list(ada.id).data == []


@pytest.mark.parametrize(("alias", "code", "decline_code", "words"), REFUSED)
def test_a_refused_card_cannot_be_charged(stripe_client, alias, code, decline_code, words):
    with pytest.raises(stripe.CardError, match=words) as refusal:
        stripe_client.v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "usd",
                "payment_method": alias,
                "confirm": True,
                "return_url": "https://shop.example",
            }
        )
    charge = stripe_client.v1.charges.retrieve(refusal.value.error.charge)
    assert (charge.status, charge.failure_code, charge.paid, charge.amount_captured) == ("failed", code, False, 0)
    assert charge.outcome.type == ("blocked" if decline_code == "fraudulent" else "issuer_declined")


def test_the_card_that_fails_later_can_be_attached_but_not_charged(stripe_client, ada):
    method = stripe_client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": ada.id})
    with pytest.raises(stripe.CardError):
        stripe_client.v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "usd",
                "customer": ada.id,
                "payment_method": method.id,
                "off_session": True,
                "confirm": True,
                "return_url": "https://shop.example",
            }
        )
    assert stripe_client.v1.payment_methods.retrieve(method.id).customer == ada.id


# What is typed into a form


@pytest.mark.parametrize(
    ("card", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "4242"}, "incorrect_number", "number"),
        ({"number": "four"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 2020}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": 2120}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "12"}, "invalid_cvc", "cvc"),
        ({"cvc": "12a"}, "invalid_cvc", "cvc"),
        ({"number": "4111111111111111"}, "card_declined", None),
    ],
)
def test_a_mistyped_card_is_refused_at_once(browser_client, card, code, param):
    with pytest.raises(stripe.CardError) as refusal:
        browser_client.v1.payment_methods.create(typed(**card))
    assert (refusal.value.code, refusal.value.param) == (code, param)


def test_a_card_whose_last_month_is_over_is_refused(browser_client, account):
    with clock.at(account, 1_800_000_000):  # 15 January 2027
        assert browser_client.v1.payment_methods.create(typed(exp_month=1, exp_year=27)).card.exp_year == 2027
        with pytest.raises(stripe.CardError) as refusal:
            browser_client.v1.payment_methods.create(typed(exp_month=12, exp_year=2026))
    assert refusal.value.code == "invalid_expiry_year"


def test_amex_takes_four_digits_of_cvc(browser_client):
    assert browser_client.v1.payment_methods.create(typed("378282246310005", cvc="1234")).card.brand == "amex"
    with pytest.raises(stripe.CardError):
        browser_client.v1.payment_methods.create(typed(cvc="1234"))


def test_numbers_may_be_typed_with_spaces(browser_client):
    assert browser_client.v1.payment_methods.create(typed("4242 4242 4242 4242")).card.last4 == "4242"


def test_the_incorrect_cvc_card_is_refused_only_with_a_cvc(stripe_client, browser_client, ada):
    card = typed("4000000000000127")
    with_cvc = browser_client.v1.payment_methods.create(card).id
    del card["card"]["cvc"]
    without_cvc = browser_client.v1.payment_methods.create(card).id
    assert stripe_client.v1.payment_methods.attach(without_cvc, {"customer": ada.id}).card.checks.cvc_check is None
    with pytest.raises(stripe.CardError):
        stripe_client.v1.payment_methods.attach(with_cvc, {"customer": ada.id})


@pytest.mark.parametrize(
    ("number", "checks"),
    [
        ("4242424242424242", ("pass", "pass", "pass")),
        ("4000000000000101", ("pass", "pass", "fail")),
        ("4000000000000036", ("pass", "fail", "pass")),
        ("4000000000000028", ("fail", "pass", "pass")),
        ("4000000000000010", ("fail", "fail", "pass")),
        ("4000000000000044", ("unavailable", "unavailable", "pass")),
    ],
)
def test_the_bank_checks_what_was_given_when_the_card_is_saved(stripe_client, browser_client, ada, number, checks):
    address = {"line1": "1 Elm Street", "postal_code": "12345"}
    method = browser_client.v1.payment_methods.create({**typed(number), "billing_details": {"address": address}})
    assert method.card.checks.cvc_check == "unchecked"
    found = stripe_client.v1.payment_methods.attach(method.id, {"customer": ada.id}).card.checks
    assert (found.address_line1_check, found.address_postal_code_check, found.cvc_check) == checks


def test_a_browser_does_not_see_fingerprints(browser_client):
    method = browser_client.v1.payment_methods.create(typed())
    assert "fingerprint" not in method.card
    assert "metadata" not in method


# Card numbers


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.v1.payment_methods.create(typed()),
        lambda client: client.v1.tokens.create({"card": typed()["card"]}),
        lambda client: client.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method_data": typed()}
        ),
    ],
)
def test_a_server_may_not_send_card_numbers(stripe_client, send):
    with pytest.raises(stripe.StripeError, match="directly to the Stripe API is generally unsafe") as refusal:
        send(stripe_client)
    assert refusal.value.http_status == 402


def test_no_card_number_stays_anywhere(stripe_client, browser_client, ada, caplog):
    numbers = [card.number for card in cards.CARDS.values()]
    with caplog.at_level("DEBUG"):
        for number in numbers:
            fields = {"cvc": "1234"} if len(number) == 15 else {}
            intent = stripe_client.v1.setup_intents.create({"customer": ada.id})
            confirm = {"client_secret": intent.client_secret, "payment_method_data": typed(number, **fields)}
            save(browser_client, intent.id, confirm)
            browser_client.v1.tokens.create({"card": typed(number, **fields)["card"]})
    stored = "".join(
        repr(model_to_dict(row))
        for model in apps.get_app_config("sandbox").get_models()
        for row in model._default_manager.all()
    )
    assert "'last4': '4242'" in stored
    assert not [number for number in numbers if number in stored or number in caplog.text]
    assert not re.search(r"\b\d{15,19}\b", stored)


def save(browser_client, intent, confirm):
    with contextlib.suppress(stripe.CardError):
        browser_client.v1.setup_intents.confirm(intent, confirm)


# Tokens


def test_a_token_opens_once(stripe_client, browser_client):
    token = browser_client.v1.tokens.create({"card": {**typed()["card"], "name": "Ada"}})
    assert (token.used, token.card.brand, token.card.last4) == (False, "Visa", "4242")
    data = {"type": "card", "card": {"token": token.id}}
    assert stripe_client.v1.payment_methods.create(data).card.exp_year == 2040
    assert stripe_client.v1.tokens.retrieve(token.id).used is True
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.payment_methods.create(data)
    assert error.value.code == "token_already_used"


def test_an_unknown_token_is_missing(stripe_client):
    with pytest.raises(stripe.InvalidRequestError, match="No such token"):
        stripe_client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_nothing"}})


# Saved cards


@pytest.fixture
def card(stripe_client, ada):
    return stripe_client.v1.payment_methods.attach("pm_card_visa", {"customer": ada.id})


def test_expiry_and_billing_details_of_a_saved_card_can_be_edited(stripe_client, card):
    details = {"name": "Ada L.", "address": {"country": "GB", "postal_code": "N1"}}
    changed = stripe_client.v1.payment_methods.update(
        card.id, {"card": {"exp_month": 4, "exp_year": 2039}, "billing_details": details, "metadata": {"note": "new"}}
    )
    assert (changed.card.exp_month, changed.card.exp_year) == (4, 2039)
    assert changed.billing_details.address.to_dict()["country"] == "GB"
    assert changed.billing_details.email is None
    event = stripe_client.v1.events.list({"type": "payment_method.updated"}).data[0]
    assert event.data.previous_attributes["card"]["exp_month"] == card.card.exp_month


def test_a_card_cannot_be_edited_into_the_past(stripe_client, card):
    with pytest.raises(stripe.CardError):
        stripe_client.v1.payment_methods.update(card.id, {"card": {"exp_year": 2020}})


def test_a_card_of_nobody_cannot_be_edited(stripe_client):
    method = stripe_client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    with pytest.raises(stripe.InvalidRequestError, match="must save this PaymentMethod to a customer"):
        stripe_client.v1.payment_methods.update(method.id, {"card": {"exp_year": 2039}})


def test_a_detached_card_is_gone_for_good(stripe_client, ada, card):
    stripe_client.v1.customers.update(ada.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert stripe_client.v1.payment_methods.detach(card.id).customer is None
    assert stripe_client.v1.customers.retrieve(ada.id).invoice_settings.default_payment_method is None
    assert stripe_client.v1.customers.payment_methods.list(ada.id).data == []
    for refused in (
        lambda: stripe_client.v1.payment_methods.detach(card.id),
        lambda: stripe_client.v1.payment_methods.attach(card.id, {"customer": ada.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            refused()


def test_a_card_belongs_to_one_customer(stripe_client, ada, card):
    bob = stripe_client.v1.customers.create({"name": "Bob"})
    assert stripe_client.v1.payment_methods.attach(card.id, {"customer": ada.id}).id == card.id
    with pytest.raises(stripe.InvalidRequestError, match="already been attached to a customer"):
        stripe_client.v1.payment_methods.attach(card.id, {"customer": bob.id})
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        stripe_client.v1.customers.payment_methods.retrieve(bob.id, card.id)
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.customers.update(bob.id, {"invoice_settings": {"default_payment_method": card.id}})
    assert error.value.param == "invoice_settings[default_payment_method]"


def test_cards_are_listed_per_customer(stripe_client, ada, card):
    stripe_client.v1.customers.create({"payment_method": "pm_card_mastercard"})
    for found in (
        stripe_client.v1.payment_methods.list({"customer": ada.id, "type": "card"}),
        stripe_client.v1.customers.payment_methods.list(ada.id),
    ):
        assert [method.id for method in found.data] == [card.id]


def test_only_cards_are_emulated(stripe_client):
    with pytest.raises(stripe.APIError) as error:
        stripe_client.v1.payment_methods.create({"type": "us_bank_account"})
    assert error.value.http_status == 501


# Customers


def test_a_customer_may_begin_with_a_default_card(stripe_client):
    customer = stripe_client.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    card = stripe_client.v1.payment_methods.retrieve(customer.invoice_settings.default_payment_method)
    assert (card.customer, card.card.last4) == (customer.id, "4242")


def test_the_cards_of_a_deleted_customer_are_gone_for_good(stripe_client, ada, card):
    stripe_client.v1.customers.delete(ada.id)
    assert stripe_client.v1.payment_methods.retrieve(card.id).customer is None
    bob = stripe_client.v1.customers.create({"name": "Bob"})
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        stripe_client.v1.payment_methods.attach(card.id, {"customer": bob.id})


def test_a_changed_balance_is_written_down(stripe_client, ada):
    stripe_client.v1.customers.update(ada.id, {"balance": -500})
    stripe_client.v1.customers.update(ada.id, {"balance": -200})
    moves = Row.objects.filter(kind="customer_balance_transaction", customer=ada.id).order_by("id")
    assert [(move.data["amount"], move.data["ending_balance"]) for move in moves] == [(-500, -500), (300, -200)]
