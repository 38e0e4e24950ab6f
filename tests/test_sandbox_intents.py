"""Setup intents, payment intents, 3-D Secure and refunds go through Stripe's states."""

from __future__ import annotations

import pytest
import stripe

from sandbox import challenges, clock
from sandbox.kernel import StripeError

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ASKS = "4000002500003155"  # unless it was set up
ASKS_ALWAYS = "4000002760003184"
HOME = "https://shop.example/back"


@pytest.fixture
def ada(stripe_client):
    return stripe_client.v1.customers.create({"name": "Ada"})


@pytest.fixture
def pay(stripe_client):
    """Pay 20 dollars with a card, confirmed by the server."""

    def create(payment_method, **params):
        return stripe_client.v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "usd",
                "payment_method": payment_method,
                "confirm": True,
                "return_url": HOME,
                **params,
            }
        )

    return create


@pytest.fixture
def save(stripe_client, browser_client, ada):
    """Save a typed card to Ada from her browser; returns the client-side SetupIntent."""

    def confirm(number, **params):
        intent = stripe_client.v1.setup_intents.create({"customer": ada.id})
        return browser_client.v1.setup_intents.confirm(
            intent.id, {"client_secret": intent.client_secret, "payment_method_data": typed(number), **params}
        )

    return confirm


def typed(number="4242424242424242"):
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}}


def events_of(client):
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def token_of(intent):
    return intent.next_action.use_stripe_sdk["source"]


# Saving a card


def test_a_setup_intent_saves_the_card(stripe_client, save, ada):
    intent = save("4242424242424242")
    assert intent.status == "succeeded"
    method = stripe_client.v1.payment_methods.retrieve(intent.payment_method)
    assert (method.customer, method.card.checks.cvc_check) == (ada.id, "pass")
    assert events_of(stripe_client)[1:] == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]
    attempt = stripe_client.v1.setup_attempts.list({"setup_intent": intent.id}).data[0]
    assert (attempt.status, attempt.payment_method) == ("succeeded", method.id)


def test_a_new_setup_intent_waits_for_a_card(stripe_client, ada):
    intent = stripe_client.v1.setup_intents.create({"customer": ada.id, "metadata": {"form": "7"}})
    assert (intent.status, intent.usage, intent.payment_method_types) == (
        "requires_payment_method", "off_session", ["card"],
    )  # fmt: skip
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    with_card = stripe_client.v1.setup_intents.update(intent.id, {"payment_method": "pm_card_visa"})
    assert with_card.status == "requires_confirmation"
    confirmed = stripe_client.v1.setup_intents.confirm(intent.id, {"return_url": HOME})
    assert confirmed.status == "succeeded"


def test_a_refused_card_is_not_saved_and_the_intent_says_why(stripe_client, save, ada):
    with pytest.raises(stripe.CardError, match="Your card was declined") as refusal:
        save("4000000000000002")
    intent = stripe_client.v1.setup_intents.retrieve(refusal.value.error.setup_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_setup_error.decline_code == "generic_decline"
    assert intent.last_setup_error.payment_method.card.last4 == "0002"
    assert events_of(stripe_client)[-1] == "setup_intent.setup_failed"
    assert stripe_client.v1.customers.payment_methods.list(ada.id).data == []


def test_another_card_may_be_tried_after_a_refusal(stripe_client, browser_client, save):
    with pytest.raises(stripe.CardError) as refusal:
        save("4000000000009995")
    intent = refusal.value.error.setup_intent
    again = {"client_secret": intent.client_secret, "payment_method_data": typed()}
    confirmed = browser_client.v1.setup_intents.confirm(intent.id, again)
    assert (confirmed.status, confirmed.last_setup_error) == ("succeeded", None)


def test_a_browser_sees_less_of_an_intent(browser_client, save):
    intent = save("4242424242424242")
    assert "customer" not in intent
    assert "metadata" not in intent
    assert set(intent.to_dict()) == {
        "cancellation_reason", "client_secret", "created", "description", "id", "last_setup_error", "livemode",
        "next_action", "object", "payment_method", "payment_method_types", "status", "usage",
    }  # fmt: skip


@pytest.mark.parametrize("secret", [{}, {"client_secret": "seti_1_secret_wrong"}])
def test_a_browser_has_to_know_the_client_secret(stripe_client, browser_client, secret):
    intent = stripe_client.v1.setup_intents.create({})
    with pytest.raises(stripe.InvalidRequestError) as error:
        browser_client.v1.setup_intents.retrieve(intent.id, secret)
    assert error.value.param == "client_secret"
    with pytest.raises(stripe.InvalidRequestError):
        browser_client.v1.setup_intents.confirm(intent.id, {**secret, "payment_method_data": typed()})


def test_a_setup_intent_can_be_canceled_once(stripe_client):
    intent = stripe_client.v1.setup_intents.create({})
    canceled = stripe_client.v1.setup_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.setup_intents.cancel(intent.id)
    assert error.value.code == "setup_intent_unexpected_state"
    assert error.value.error.setup_intent.id == intent.id


@pytest.mark.off_contract("the parameter was removed in this version")
def test_payment_method_types_are_refused_by_the_pinned_version(stripe_client):
    for create, params in (
        (stripe_client.v1.setup_intents.create, {}),
        (stripe_client.v1.payment_intents.create, {"amount": 500, "currency": "usd"}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as error:
            create({**params, "payment_method_types": ["card"]})
        assert error.value.code == "payment_method_types_no_longer_supported"


def test_a_server_that_allows_redirects_has_to_name_the_way_back(stripe_client, ada):
    params = {"customer": ada.id, "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError, match="you must provide a `return_url`"):
        stripe_client.v1.setup_intents.create(params)
    never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    assert stripe_client.v1.setup_intents.create({**params, **never}).status == "succeeded"


def test_a_card_of_another_customer_cannot_be_confirmed_with(stripe_client, ada):
    theirs = stripe_client.v1.customers.create({"payment_method": "pm_card_visa"})
    card = stripe_client.v1.customers.payment_methods.list(theirs.id).data[0].id
    with pytest.raises(stripe.InvalidRequestError, match=f"belongs to the Customer {theirs.id}"):
        stripe_client.v1.setup_intents.create({"customer": ada.id, "payment_method": card})


def test_setup_intents_are_listed_by_customer_and_by_card(stripe_client, save, ada):
    intent = save("4242424242424242")
    stripe_client.v1.setup_intents.create({})
    for filters in ({"customer": ada.id}, {"payment_method": intent.payment_method}):
        assert [found.id for found in stripe_client.v1.setup_intents.list(filters).data] == [intent.id]


# 3-D Secure


def test_a_card_that_asks_is_saved_after_its_bank_agreed(stripe_client, save, ada):
    intent = save(ASKS)
    assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")
    assert intent.next_action.use_stripe_sdk["stripe_js"] == f"/sandbox/three-ds-2-challenge/{token_of(intent)}/"
    assert stripe_client.v1.customers.payment_methods.list(ada.id).data == []
    assert challenges.find(token_of(intent)).intent["id"] == intent.id
    assert challenges.finish(token_of(intent), succeeded=True)["status"] == "succeeded"
    assert len(stripe_client.v1.customers.payment_methods.list(ada.id).data) == 1
    attempts = stripe_client.v1.setup_attempts.list({"setup_intent": intent.id}).data
    assert [attempt.status for attempt in attempts] == ["succeeded"]
    assert attempts[0].payment_method_details.card.three_d_secure.result == "authenticated"
    assert events_of(stripe_client)[-3:] == [
        "setup_intent.requires_action", "payment_method.attached", "setup_intent.succeeded",
    ]  # fmt: skip


def test_a_failed_authentication_fails_the_setup(stripe_client, save, ada):
    intent = challenges.finish(token_of(save(ASKS)), succeeded=False)
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    assert stripe_client.v1.customers.payment_methods.list(ada.id).data == []
    assert events_of(stripe_client)[-1] == "setup_intent.setup_failed"


def test_a_card_may_be_declined_after_it_was_authenticated(stripe_client, save):
    intent = challenges.finish(token_of(save("4000008400001629")), succeeded=True)
    assert intent["status"] == "requires_payment_method"
    assert intent["last_setup_error"]["code"] == "card_declined"


def test_a_challenge_is_answered_once(save):
    token = token_of(save(ASKS))
    challenges.finish(token, succeeded=False)
    with pytest.raises(StripeError) as error:
        challenges.finish(token, succeeded=True)
    assert error.value.status == 400
    with pytest.raises(StripeError) as error:
        challenges.finish("payatt_unknown", succeeded=True)
    assert error.value.status == 404


def test_the_challenge_of_an_earlier_confirmation_counts_for_nothing(stripe_client, browser_client, save):
    first = save(ASKS)
    again = {"client_secret": first.client_secret, "payment_method_data": typed(ASKS)}
    second = browser_client.v1.setup_intents.confirm(first.id, again)
    with pytest.raises(StripeError):
        challenges.finish(token_of(first), succeeded=True)
    assert challenges.finish(token_of(second), succeeded=True)["status"] == "succeeded"


def test_a_server_sends_the_customer_to_the_bank_and_back(stripe_client):
    intent = stripe_client.v1.setup_intents.create(
        {"payment_method": "pm_card_authenticationRequired", "confirm": True, "return_url": HOME}
    )
    redirect = intent.next_action.redirect_to_url
    assert (intent.next_action.type, redirect.return_url) == ("redirect_to_url", HOME)
    token = redirect.url.rstrip("/").rpartition("/")[2]
    assert challenges.find(token).return_url == HOME


@pytest.mark.parametrize(
    ("alias", "on_session", "off_session"),
    [
        ("pm_card_visa", "succeeded", "succeeded"),
        ("pm_card_threeDSecureOptional", "succeeded", "succeeded"),
        ("pm_card_authenticationRequiredOnSetup", "requires_action", "authentication_required"),
        ("pm_card_authenticationRequired", "requires_action", "authentication_required"),
        ("pm_card_authenticationRequiredSetupForOffSession", "requires_action", "succeeded"),
        ("pm_card_threeDSecure2Required", "requires_action", "authentication_required"),
    ],
)
def test_a_card_that_was_only_attached_asks_as_its_kind_does(pay, stripe_client, ada, alias, on_session, off_session):
    card = stripe_client.v1.payment_methods.attach(alias, {"customer": ada.id}).id
    assert pay(card, customer=ada.id).status == on_session
    if off_session == "succeeded":
        assert pay(card, customer=ada.id, off_session=True).status == "succeeded"
    else:
        with pytest.raises(stripe.CardError, match="This transaction requires authentication") as refusal:
            pay(card, customer=ada.id, off_session=True)
        assert refusal.value.code == off_session


def test_a_card_that_was_set_up_pays_off_session_unless_it_always_asks(pay, save, ada):
    for number, status in ((ASKS, "succeeded"), (ASKS_ALWAYS, "authentication_required")):
        card = challenges.finish(token_of(save(number)), succeeded=True)["payment_method"]
        try:
            outcome = pay(card, customer=ada.id, off_session=True).status
        except stripe.CardError as refusal:
            outcome = refusal.code
        assert outcome == status


def test_error_on_requires_action_declines_instead_of_asking(pay):
    with pytest.raises(stripe.CardError) as refusal:
        pay("pm_card_authenticationRequired", error_on_requires_action=True)
    assert refusal.value.code == "authentication_required"


def test_a_merchant_may_insist_on_authentication(pay):
    insists = {"card": {"request_three_d_secure": "any"}}
    assert pay("pm_card_visa", payment_method_options=insists).status == "requires_action"
    assert pay("pm_card_amex", payment_method_options=insists).status == "succeeded"


# Paying


def test_a_payment_makes_a_charge(stripe_client, pay, ada):
    intent = pay("pm_card_visa", customer=ada.id, description="Ten pencils", metadata={"order": "6735"})
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    charge = stripe_client.v1.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
    assert (charge.amount, charge.captured, charge.payment_intent) == (2000, True, intent.id)
    assert (charge.description, charge.metadata.to_dict()) == ("Ten pencils", {"order": "6735"})
    assert charge.balance_transaction.fee == 88  # 2.9 % of 2000 is 58, and 30
    assert events_of(stripe_client)[1:] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_a_declined_payment_keeps_its_trace(stripe_client, pay):
    with pytest.raises(stripe.CardError, match="insufficient funds") as refusal:
        pay("pm_card_visa_chargeDeclinedInsufficientFunds")
    intent = stripe_client.v1.payment_intents.retrieve(refusal.value.error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.decline_code == "insufficient_funds"
    assert intent.last_payment_error.charge == intent.latest_charge == refusal.value.error.charge
    assert events_of(stripe_client)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    paid = stripe_client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": HOME})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert len(stripe_client.v1.charges.list({"payment_intent": intent.id}).data) == 2


def test_a_browser_pays_with_the_client_secret(stripe_client, browser_client):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "eur"})
    paid = browser_client.v1.payment_intents.confirm(
        intent.id, {"client_secret": intent.client_secret, "payment_method_data": typed(), "use_stripe_sdk": True}
    )
    assert (paid.status, paid.amount, paid.currency) == ("succeeded", 500, "eur")
    assert "latest_charge" not in paid
    assert "customer" not in paid


def test_a_browser_is_told_less_in_errors_too(stripe_client, browser_client):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "eur"})
    with pytest.raises(stripe.CardError) as refusal:
        browser_client.v1.payment_intents.confirm(
            intent.id, {"client_secret": intent.client_secret, "payment_method_data": typed("4000000000000002")}
        )
    assert "metadata" not in refusal.value.error.payment_intent
    assert "fingerprint" not in refusal.value.error.payment_method.card


def test_a_payment_is_authenticated_and_then_charged(stripe_client, browser_client):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    confirm = {"client_secret": intent.client_secret, "payment_method_data": typed(ASKS_ALWAYS)}
    asking = browser_client.v1.payment_intents.confirm(intent.id, confirm)
    assert challenges.finish(token_of(asking), succeeded=True)["status"] == "succeeded"
    charge = stripe_client.v1.charges.list({"payment_intent": intent.id}).data[0]
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


@pytest.mark.parametrize(
    ("number", "succeeded", "code"),
    [(ASKS_ALWAYS, False, "payment_intent_authentication_failure"), ("4000008260003178", True, "card_declined")],
)
def test_a_payment_fails_at_the_challenge_or_after_it(stripe_client, browser_client, number, succeeded, code):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    confirm = {"client_secret": intent.client_secret, "payment_method_data": typed(number)}
    asking = browser_client.v1.payment_intents.confirm(intent.id, confirm)
    failed = challenges.finish(token_of(asking), succeeded=succeeded)
    assert (failed["status"], failed["last_payment_error"]["code"]) == ("requires_payment_method", code)
    assert len(stripe_client.v1.charges.list({"payment_intent": intent.id}).data) == int(succeeded)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "amount"),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": -5, "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 500, "currency": "gold"}, None, "currency"),
        ({"amount": 500}, "parameter_missing", "currency"),
        ({"amount": 500, "currency": "usd", "customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"amount": 500, "currency": "usd", "payment_method": "pm_none"}, "resource_missing", "payment_method"),
    ],
)
def test_it_refuses_to_make_a_payment_that_cannot_be(stripe_client, params, code, param):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.payment_intents.create(params)
    assert (error.value.code, error.value.param) == (code, param)


def test_a_payment_without_a_card_cannot_be_confirmed(stripe_client):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as error:
        stripe_client.v1.payment_intents.confirm(intent.id, {"return_url": HOME})
    assert error.value.code == "payment_intent_unexpected_state"


def test_what_is_paid_stays_paid(stripe_client, pay):
    intent = pay("pm_card_visa")
    for refused in (
        lambda: stripe_client.v1.payment_intents.confirm(intent.id, {"return_url": HOME}),
        lambda: stripe_client.v1.payment_intents.cancel(intent.id),
        lambda: stripe_client.v1.payment_intents.update(intent.id, {"amount": 100}),
        lambda: stripe_client.v1.payment_intents.capture(intent.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as error:
            refused()
        assert error.value.code == "payment_intent_unexpected_state"
    assert stripe_client.v1.payment_intents.update(intent.id, {"metadata": {"a": "b"}}).metadata.to_dict() == {"a": "b"}


def test_an_unpaid_payment_can_be_changed_and_canceled(stripe_client, ada):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    changed = stripe_client.v1.payment_intents.update(intent.id, {"amount": 700, "customer": ada.id})
    assert (changed.amount, changed.customer) == (700, ada.id)
    canceled = stripe_client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    assert events_of(stripe_client)[-1] == "payment_intent.canceled"


def test_money_can_be_reserved_first_and_taken_later(stripe_client, pay):
    intent = pay("pm_card_visa", capture_method="manual")
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 2000, 0)
    with pytest.raises(stripe.InvalidRequestError):
        stripe_client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 2001})
    captured = stripe_client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1500})
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 1500, 0)
    charge = stripe_client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_captured, charge.amount_refunded) == (1500, 500)


def test_reserved_money_can_be_let_go(stripe_client, pay):
    intent = pay("pm_card_visa", capture_method="manual")
    assert stripe_client.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert stripe_client.v1.charges.retrieve(intent.latest_charge).refunded


def test_a_card_is_saved_with_the_payment_where_the_customer_agreed(stripe_client, pay, ada):
    kept = pay("pm_card_visa", customer=ada.id, setup_future_usage="off_session").payment_method
    pay("pm_card_mastercard", customer=ada.id)
    saved = stripe_client.v1.customers.payment_methods.list(ada.id).data
    assert [method.id for method in saved] == [kept]
    assert pay(kept, customer=ada.id, off_session=True).status == "succeeded"


def test_a_card_that_was_not_saved_pays_once(stripe_client, pay):
    card = stripe_client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    assert pay(card).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        pay(card)


# Refunds


def test_a_refund_can_come_in_parts(stripe_client, pay):
    intent = pay("pm_card_visa")
    first = stripe_client.v1.refunds.create({"payment_intent": intent.id, "amount": 500, "reason": "duplicate"})
    assert (first.status, first.amount, first.charge) == ("succeeded", 500, intent.latest_charge)
    charge = stripe_client.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded, len(charge.refunds.data)) == (500, False, 1)
    stripe_client.v1.refunds.create({"charge": charge.id})
    assert stripe_client.v1.charges.retrieve(charge.id).refunded
    assert [refund.amount for refund in stripe_client.v1.refunds.list({"charge": charge.id}).data] == [1500, 500]
    assert events_of(stripe_client)[-2:] == ["refund.created", "charge.refunded"]


def test_more_than_was_paid_cannot_be_refunded(stripe_client, pay):
    intent = pay("pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.refunds.create({"payment_intent": intent.id, "amount": 2001})
    assert error.value.param == "amount"
    stripe_client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.refunds.create({"payment_intent": intent.id})
    assert error.value.code == "charge_already_refunded"


def test_what_was_not_paid_cannot_be_refunded(stripe_client):
    intent = stripe_client.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        stripe_client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        stripe_client.v1.refunds.create({})


def test_money_becomes_available_with_time(stripe_client, account, pay):
    charge = pay("pm_card_visa").latest_charge
    at_once = pay("pm_card_bypassPending").latest_charge
    assert balance_of(stripe_client) == {charge: "pending", at_once: "available"}
    clock.advance(account, seconds=2 * 24 * 3600)
    assert balance_of(stripe_client) == {charge: "available", at_once: "available"}


def balance_of(client):
    return {each.source: each.status for each in client.v1.balance_transactions.list().data}
