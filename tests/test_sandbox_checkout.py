"""Stripe's hosted Checkout in the sandbox: what its page shows, what it charges, and what that leaves behind."""

from __future__ import annotations

import re
import threading

import pytest
import requests
import stripe

from shop import Shop
from till import ASKS, CANCEL, DECLINED, SUCCESS, Till, path_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def shop(account, stripe_client):
    shop = Shop(account, stripe_client)
    yield shop
    shop.close()


@pytest.fixture
def till(shop, browser_client):
    return Till(shop, browser_client)


# The page


def test_the_page_has_stripes_ids_and_test_ids(till):
    page = till.page(till.open("subscription", billing_address_collection="required"))
    for id in (
        "email", "cardNumber", "cardExpiry", "cardCvc", "billingName", "billingCountry", "billingPostalCode",
        "billingAddressLine1", "billingLocality", "billingAdministrativeArea", "phoneNumber", "enableStripePass",
    ):  # fmt: skip
        assert page.count(f' id="{id}"') == 1
    assert 'class="PaymentForm-form"' in page
    assert re.search(r'<button class="SubmitButton[^>]*data-testid="hosted-payment-submit-button"', page)
    assert re.search(r'id="enableStripePass" name="enableStripePass" checked', page)
    assert "card-accordion-item-button" not in page  # there is only one method


def test_the_page_neither_allows_nor_needs_anything_inline(till):
    answer = till.browser.get(path_of(till.open()))
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.content.decode())
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("currency", "amount", "written"), [
    ("usd", 2900, "$29.00"), ("jpy", 1500, "¥1,500"), ("kwd", 1500, "KWD1.500"),
])  # fmt: skip
def test_amounts_have_their_currencys_digits(till, currency, amount, written):
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Tea"}}
    page = till.page(till.open(line_items=[{"price_data": price, "quantity": 1}]))
    assert f'id="ProductSummary-totalAmount">{written}<' in page


def test_amounts_are_written_as_in_the_locale(till):
    session = till.open(locale="de")
    assert "15,00&nbsp;$" in till.page(session).replace("\xa0", "&nbsp;")
    browsers = till.page(till.open(), accept_language="xx, fr;q=0.9")
    assert 'data-locale="fr"' in browsers
    assert 'data-locale="en-US"' in till.page(till.open(), accept_language="*")


def test_a_trial_says_what_comes_afterwards(till):
    page = till.page(till.open("subscription", subscription_data={"trial_period_days": 14}))
    assert "Try Team" in page
    assert "14 days free" in page
    assert "Then $29.00 per month starting Nov 15, 2026" in page
    assert "Start trial" in page
    assert 'id="OrderDetails-TotalAmount">$0.00<' in page


def test_what_is_paid_once_is_told_from_what_recurs(till):
    goods = [{"price": till.shop.team, "quantity": 2}, {"price": till.poster, "quantity": 1}]
    page = till.page(till.open("subscription", line_items=goods))
    # 2 × 29.00 + 15.00
    assert 'id="OrderDetails-TotalAmount">$73.00<' in page
    assert "Then $58.00 per month" in page


def test_the_way_back_leads_to_the_shop(till):
    assert f'href="{CANCEL}"' in till.page(till.open())


def test_texts_of_the_shop_are_shown_as_text(till):
    page = till.page(till.open(custom_text={"submit": {"message": "<b>Soon</b> yours"}}))
    assert "&lt;b&gt;Soon&lt;/b&gt; yours" in page


def test_link_can_be_turned_off(till):
    page = till.page(till.open(wallet_options={"link": {"display": "never"}}))
    assert "enableStripePass" not in page
    assert "phoneNumber" not in page


# Paying


def test_a_guest_pays_and_nobody_is_made_of_them(till):
    session = till.open(client_reference_id="cart-7", metadata={"order": "7"})
    before = till.shop.mark()
    answer = till.confirm(session)
    assert answer.json() == {"state": "complete", "url": SUCCESS.replace("{CHECKOUT_SESSION_ID}", session.id)}
    after = till.session(session, expand=["payment_intent.latest_charge"])
    assert (after.status, after.payment_status, after.url, after.customer) == ("complete", "paid", None, None)
    assert (after.payment_intent.amount_received, after.payment_intent.latest_charge.paid) == (1500, True)
    assert after.customer_details.to_dict() | {"address": None} == {
        "address": None, "business_name": None, "email": "ada@example.com", "individual_name": None,
        "name": "Ada Lovelace", "phone": None, "tax_exempt": "none", "tax_ids": [],
    }  # fmt: skip
    assert after.customer_details.address.postal_code == "97205"
    assert till.shop.events(before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    told = till.shop.event("checkout.session.completed").data.object
    assert (told.payment_intent, told.client_reference_id) == (after.payment_intent.id, "cart-7")
    assert (told.metadata.order, told.payment_status) == ("7", "paid")


def test_a_customer_is_made_where_the_shop_wants_one(till):
    session = till.open(customer_creation="always", phone_number_collection={"enabled": True}, locale="fr")
    till.confirm(session, phone="+15551234567")
    customer = till.session(session, expand=["customer"]).customer
    assert (customer.email, customer.name, customer.phone) == ("ada@example.com", "Ada Lovelace", "+15551234567")
    assert (customer.preferred_locales, customer.address.postal_code) == (["fr"], "97205")


def test_a_card_is_kept_for_later_where_the_shop_asks_for_it(till):
    session = till.open(payment_intent_data={"setup_future_usage": "off_session", "description": "Order 7"})
    till.confirm(session)
    after = till.session(session, expand=["payment_intent.payment_method"])
    card = after.payment_intent.payment_method
    assert (card.customer, card.allow_redisplay) == (after.customer, "limited")
    assert after.payment_intent.description == "Order 7"


def test_a_second_click_charges_nothing(till):
    session = till.open()
    first = till.confirm(session)
    again = till.post(session, "confirm", {"expected_amount": 1500, "payment_method": till.type_card()})
    assert again.json() == first.json()
    assert len(till.v1.charges.list().data) == 1
    assert "You’re all done here" in till.page(session)


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_clicks_in_several_tabs_at_once_charge_once(stripe_client, browser_client, live_server):
    tea = {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Tea"}}
    goods = {"line_items": [{"price_data": tea, "quantity": 1}]}
    session = stripe_client.v1.checkout.sessions.create({"mode": "payment", "success_url": SUCCESS, **goods})
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    cards = [browser_client.v1.payment_methods.create({"type": "card", "card": card}).id for _ in range(4)]
    states = []

    def click(payment_method):
        given = {"payment_method": payment_method, "expected_amount": 900, "email": "ada@example.com"}
        answer = requests.post(f"{live_server.url}{path_of(session)}/confirm", data=given, timeout=30)
        states.append(answer.json()["state"])

    tabs = [threading.Thread(target=click, args=[card]) for card in cards]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert states == ["complete"] * 4
    assert len(stripe_client.v1.charges.list().data) == 1


def test_a_declined_card_can_be_followed_by_a_good_one(till):
    session = till.open("subscription")
    declined = till.confirm(session, DECLINED)
    assert declined.status_code == 402
    assert declined.json()["error"] == {
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
    }
    between = till.session(session)
    assert (between.status, between.customer, between.subscription) == ("open", None, None)
    assert till.v1.subscriptions.list({"status": "all"}).data == []
    till.confirm(session, email="ada.lovelace@example.com")
    after = till.session(session, expand=["customer"])
    assert (after.status, after.customer.email) == ("complete", "ada.lovelace@example.com")
    assert len(till.v1.customers.list().data) == 1  # that of the first attempt, corrected
    assert [charge.status for charge in till.v1.charges.list().data] == ["succeeded", "failed"]
    assert len(till.v1.payment_intents.list().data) == 1


def test_the_bank_may_ask_first(till):
    session = till.open("subscription")
    asked = till.confirm(session, ASKS)
    assert asked.json()["state"] == "requires_action"
    assert till.session(session).status == "open"
    till.bank(asked, "succeeded")
    answer = till.browser.get(f"{path_of(session)}/state").json()
    assert answer["state"] == "complete"
    after = till.session(session, expand=["subscription", "invoice"])
    assert (after.subscription.status, after.invoice.amount_paid) == ("active", 2900)


def test_failing_the_banks_question_is_said_and_can_be_tried_again(till):
    session = till.open()
    till.bank(till.confirm(session, ASKS), "failed")
    answer = till.browser.get(f"{path_of(session)}/state").json()
    assert (answer["state"], answer["error"]["code"]) == ("open", "payment_intent_authentication_failure")
    assert till.confirm(session).json()["state"] == "complete"
    assert len(till.v1.payment_intents.list().data) == 1


def test_what_is_asked_for_is_what_was_shown(till):
    session = till.open("subscription", customer=(alice := till.shop.customer()))
    till.page(session)
    till.v1.customers.update(alice, {"balance": -1000})  # ten dollars of credit, from elsewhere
    card = {"payment_method": till.type_card(), "expected_amount": 2900, "email": "ada@example.com"}
    refused = till.post(session, "confirm", card)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "checkout_amount_mismatch")
    assert till.v1.charges.list().data == []
    fresh = till.browser.get(f"{path_of(session)}/summary").json()
    assert (fresh["due"], "Applied balance" in fresh["summary"]) == (1900, True)
    till.confirm(session)
    after = till.session(session, expand=["invoice"])
    assert (after.amount_total, after.invoice.amount_paid, after.invoice.starting_balance) == (2900, 1900, -1000)
    assert till.v1.customers.retrieve(alice).balance == 0


def test_money_can_be_reserved_only(till):
    session = till.open(payment_intent_data={"capture_method": "manual"})
    till.confirm(session)
    after = till.session(session, expand=["payment_intent"])
    assert (after.status, after.payment_status) == ("complete", "unpaid")
    assert (after.payment_intent.status, after.payment_intent.amount_capturable) == ("requires_capture", 1500)


def test_an_order_of_nothing_needs_no_card(till):
    gift = {"currency": "usd", "unit_amount": 0, "product_data": {"name": "Sticker"}}
    session = till.open(line_items=[{"price_data": gift, "quantity": 1}])
    assert '<section id="payment-method" hidden>' in till.page(session)
    till.confirm(session, None)
    after = till.session(session)
    assert (after.status, after.payment_status, after.payment_intent) == ("complete", "no_payment_required", None)


def test_an_invoice_can_come_of_a_payment(till):
    data = {"description": "Order 7", "metadata": {"order": "7"}, "footer": "Thank you"}
    goods = [{"price": till.poster, "quantity": 2}]
    session = till.open(line_items=goods, invoice_creation={"enabled": True, "invoice_data": data})
    till.confirm(session)
    after = till.session(session, expand=["invoice.payments", "customer"])
    invoice = after.invoice
    assert (invoice.status, invoice.total, invoice.amount_paid, invoice.footer) == ("paid", 3000, 3000, "Thank you")
    assert (invoice.customer, invoice.metadata.order) == (after.customer.id, "7")
    assert invoice.payments.data[0].payment.payment_intent == after.payment_intent
    assert len(till.v1.charges.list().data) == 1


def test_the_intent_of_a_session_belongs_to_its_page(till):
    till.confirm(till.open(), DECLINED)
    (intent,) = till.v1.payment_intents.list().data
    for verb in ("confirm", "cancel"):
        with pytest.raises(stripe.InvalidRequestError, match="created by a Checkout Session"):
            getattr(till.v1.payment_intents, verb)(intent.id)


def test_somebody_elses_card_cannot_be_used(till):
    theirs = till.shop.card(till.shop.customer())
    answer = till.confirm(till.open(), None, payment_method=theirs)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "This card cannot be used here.")
    missing = till.confirm(till.open(), None)
    assert missing.json()["error"]["code"] == "parameter_missing"
