"""Stripe's hosted Checkout in the sandbox: what its page shows, what it charges, and what that leaves behind."""

from __future__ import annotations

import re

import pytest
import stripe

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, Shop
from till import ADDRESS, ASKS, CANCEL, DECLINED, SUCCESS, Till, path_of

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


# Subscribing


def test_a_subscription_begins_with_its_payment(till):
    data = {"metadata": {"team": "7"}, "description": "For the office"}
    session = till.open("subscription", subscription_data=data)
    before = till.shop.mark()
    till.confirm(session)
    after = till.session(session, expand=["subscription", "invoice.payments", "customer"])
    subscription, invoice = after.subscription, after.invoice
    assert (after.payment_status, after.payment_intent, after.setup_intent) == ("paid", None, None)
    assert (subscription.status, subscription.description, subscription.metadata.team) == (
        "active",
        "For the office",
        "7",
    )
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == ("paid", "subscription_create", 2900)
    card = till.v1.payment_methods.retrieve(subscription.default_payment_method)
    assert (card.customer, card.allow_redisplay) == (after.customer.id, "limited")
    assert after.customer.invoice_settings.default_payment_method is None
    assert subscription["items"].data[0].current_period_end == DECEMBER
    assert set(till.shop.events(before)) == {
        "charge.succeeded",
        "checkout.session.completed",
        "customer.created",
        "customer.subscription.created",
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.created",
        "payment_intent.succeeded",
        "payment_method.attached",
    }
    assert len(till.v1.charges.list().data) == 1
    told = till.shop.event("checkout.session.completed").data.object
    assert (told.subscription, told.invoice, told.customer) == (subscription.id, invoice.id, after.customer.id)


def test_it_renews_with_the_card_that_was_typed(till):
    session = till.open("subscription")
    till.confirm(session)
    till.shop.go(DECEMBER + 2 * HOUR)
    invoices = till.shop.invoices(till.session(session).customer)
    assert [(each.billing_reason, each.status) for each in invoices] == [
        ("subscription_cycle", "paid"),
        ("subscription_create", "paid"),
    ]


def test_what_is_bought_once_is_on_the_first_invoice_only(till):
    goods = [{"price": till.shop.team, "quantity": 1}, {"price": till.poster, "quantity": 2}]
    session = till.open("subscription", line_items=goods)
    till.confirm(session)
    invoice = till.session(session, expand=["invoice"]).invoice
    # 29.00 + 2 × 15.00
    assert (sorted(line.amount for line in invoice.lines.data), invoice.amount_paid) == ([2900, 3000], 5900)
    till.shop.go(DECEMBER + 2 * HOUR)
    assert till.shop.invoices(invoice.customer)[0].amount_paid == 2900


def test_a_trial_takes_a_card_and_no_money(till):
    session = till.open("subscription", subscription_data={"trial_period_days": 14})
    assert (session.amount_total, session.payment_status) == (0, "unpaid")
    till.confirm(session)
    after = till.session(session, expand=["subscription", "invoice"])
    assert (after.payment_status, after.setup_intent, after.amount_total) == ("no_payment_required", None, 0)
    assert (after.subscription.status, after.subscription.trial_end) == ("trialing", NOVEMBER + 14 * DAY)
    assert after.invoice.amount_paid == 0
    assert (after.subscription.default_payment_method is None, after.subscription.pending_setup_intent) == (False, None)
    till.shop.go(NOVEMBER + 14 * DAY + 2 * HOUR)
    assert till.shop.invoices(after.customer)[0].amount_paid == 2900


def test_what_waits_for_the_next_invoice_is_left_for_it(till):
    alice = till.shop.customer()
    till.v1.invoice_items.create({"customer": alice, "amount": 500, "currency": "usd"})
    session = till.open("subscription", customer=alice)
    till.confirm(session)
    assert till.session(session, expand=["invoice"]).invoice.amount_paid == 2900
    till.shop.go(DECEMBER + 2 * HOUR)
    assert till.shop.invoices(alice)[0].amount_paid == 3400


def test_a_customer_on_a_test_clock_subscribes_at_its_time(till):
    test_clock = till.v1.test_helpers.test_clocks.create({"frozen_time": DECEMBER})
    erin = till.v1.customers.create({"email": "erin@example.com", "test_clock": test_clock.id}).id
    session = till.open("subscription", customer=erin, subscription_data={"trial_period_days": 7})
    assert (session.created, session.expires_at) == (DECEMBER, DECEMBER + DAY)
    assert "starting Dec 8, 2026" in till.page(session)
    till.confirm(session)
    subscription = till.session(session, expand=["subscription"]).subscription
    assert (subscription.test_clock, subscription.trial_end) == (test_clock.id, DECEMBER + 7 * DAY)


def test_a_trial_can_do_without_a_card(till):
    ending = {"end_behavior": {"missing_payment_method": "cancel"}}
    plan = {"trial_period_days": 3, "trial_settings": ending}
    session = till.open("subscription", subscription_data=plan, payment_method_collection="if_required")
    assert '<section id="payment-method" hidden>' in till.page(session)
    till.confirm(session, None)
    subscription = till.session(session, expand=["subscription"]).subscription
    assert (subscription.status, subscription.default_payment_method) == ("trialing", None)
    till.shop.go(NOVEMBER + 4 * DAY)
    assert till.shop.subscription(subscription.id).status == "canceled"


def test_a_trial_with_something_to_pay_today_is_paid_today(till):
    goods = [{"price": till.shop.team, "quantity": 1}, {"price": till.poster, "quantity": 1}]
    session = till.open("subscription", line_items=goods, subscription_data={"trial_period_days": 14})
    till.confirm(session)
    after = till.session(session, expand=["subscription", "invoice"])
    assert (after.payment_status, after.amount_total, after.invoice.amount_paid) == ("paid", 1500, 1500)
    assert after.subscription.status == "trialing"


def test_a_first_period_up_to_the_anchor_is_prorated_as_shown(till):
    # 15 of the 30 days from 16 October to 15 November: 31 days, of which 14 remain: 29.00 × 14 / 31 = 13.10
    session = till.open("subscription", subscription_data={"billing_cycle_anchor": NOVEMBER + 14 * DAY})
    assert session.amount_total == 1310
    asked = till.confirm(session, ASKS)
    till.shop.go(NOVEMBER + 5 * HOUR)  # the customer takes their time at the bank
    till.bank(asked, "succeeded")
    after = till.session(session, expand=["invoice", "subscription"])
    assert (after.invoice.amount_paid, after.invoice.amount_due) == (1310, 1310)
    assert after.subscription.billing_cycle_anchor == NOVEMBER + 14 * DAY


def test_quantities_can_be_adjusted_within_bounds(till):
    bounds = {"enabled": True, "minimum": 1, "maximum": 5}
    session = till.open(
        "subscription", line_items=[{"price": till.shop.team, "quantity": 2, "adjustable_quantity": bounds}]
    )
    (item,) = till.v1.checkout.sessions.line_items.list(session.id).data
    fresh = till.post(session, f"items/{item.id}", {"quantity": 4}).json()
    # 4 × 29.00
    assert (fresh["due"], "$116.00" in fresh["summary"]) == (11600, True)
    refused = till.post(session, f"items/{item.id}", {"quantity": 6})
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "Choose between 1 and 5.")
    till.confirm(session)
    after = till.session(session, expand=["subscription", "line_items"])
    assert (after.amount_total, after.line_items.data[0].quantity) == (11600, 4)
    assert after.subscription["items"].data[0].quantity == 4


def test_a_fixed_quantity_stays(till):
    session = till.open()
    (item,) = till.v1.checkout.sessions.line_items.list(session.id).data
    assert till.post(session, f"items/{item.id}", {"quantity": 9}).status_code == 400
    assert till.post(session, "items/li_none", {"quantity": 9}).status_code == 400
    assert till.session(session).amount_total == 1500


# Paying less


@pytest.fixture
def save20(till):
    """A coupon of 20 % off the first invoice, and the code SAVE20 for it."""
    coupon = till.v1.coupons.create({"percent_off": 20, "duration": "once", "name": "Launch"})
    return till.v1.promotion_codes.create({"code": "SAVE20", "promotion": {"type": "coupon", "coupon": coupon.id}})


def test_a_promotion_code_is_taken_off_the_first_invoice(till, save20):
    session = till.open("subscription", allow_promotion_codes=True)
    assert 'id="promotionCode"' in till.page(session)
    fresh = till.post(session, "promotion-code", {"code": " save20 "}).json()
    # 29.00 − 5.80
    assert (fresh["due"], "Launch: 20% off" in fresh["summary"]) == (2320, True)
    assert "Then $29.00 per month" in fresh["summary"]
    assert till.v1.promotion_codes.retrieve(save20.id).times_redeemed == 0
    till.confirm(session)
    after = till.session(session, expand=["subscription.discounts", "invoice"])
    assert (after.amount_subtotal, after.amount_total, after.total_details.amount_discount) == (2900, 2320, 580)
    assert after.discounts[0].promotion_code == save20.id
    assert (after.invoice.total, after.invoice.amount_paid) == (2320, 2320)
    assert till.v1.promotion_codes.retrieve(save20.id).times_redeemed == 1
    till.shop.go(DECEMBER + 2 * HOUR)
    assert till.shop.invoices(after.customer)[0].amount_paid == 2900


def test_a_discount_for_ever_is_part_of_the_price(till):
    coupon = till.v1.coupons.create({"amount_off": 400, "currency": "usd", "duration": "forever"}).id
    session = till.open("subscription", discounts=[{"coupon": coupon}])
    page = till.page(session)
    assert 'class="ProductSummary-note">per month<' in page  # 25.00, and again 25.00
    assert "Discount: $4.00 off" in page
    till.confirm(session)
    till.shop.go(DECEMBER + 2 * HOUR)
    customer = till.session(session).customer
    assert [invoice.amount_paid for invoice in till.shop.invoices(customer)] == [2500, 2500]


def test_a_code_that_is_none_is_invalid(till, save20):
    session = till.open(allow_promotion_codes=True)
    till.v1.promotion_codes.update(save20.id, {"active": False})
    for code in ("SAVE20", "SAVE99"):
        refused = till.post(session, "promotion-code", {"code": code})
        assert (refused.status_code, refused.json()["error"]["message"]) == (400, "This code is invalid.")
    assert till.session(session).amount_total == 1500


def test_a_code_can_be_taken_off_again(till, save20):
    session = till.open(allow_promotion_codes=True)
    assert till.post(session, "promotion-code", {"code": "SAVE20"}).json()["due"] == 1200
    assert till.post(session, "promotion-code", {"code": ""}).json()["due"] == 1500
    assert till.session(session).discounts == []


def test_codes_are_for_sessions_that_take_them(till, save20):
    session = till.open()
    assert "promotionCode" not in till.page(session)
    assert till.post(session, "promotion-code", {"code": "SAVE20"}).status_code == 400


def test_a_code_may_ask_for_a_minimum(till, save20):
    restrictions = {"minimum_amount": 2000, "minimum_amount_currency": "usd"}
    promotion = {"type": "coupon", "coupon": save20.promotion.coupon}
    till.v1.promotion_codes.create({"code": "BIG", "promotion": promotion, "restrictions": restrictions})
    one, two = (
        till.open(allow_promotion_codes=True, line_items=[{"price": till.poster, "quantity": number}])
        for number in (1, 2)
    )
    assert till.post(one, "promotion-code", {"code": "BIG"}).status_code == 400
    assert till.post(two, "promotion-code", {"code": "BIG"}).json()["due"] == 2400


def test_what_is_free_now_needs_no_card_but_a_subscription_does(till):
    coupon = till.v1.coupons.create({"percent_off": 100, "duration": "once"}).id
    gift = till.open(discounts=[{"coupon": coupon}])
    assert till.confirm(gift, None).json()["state"] == "complete"
    assert till.session(gift).payment_status == "no_payment_required"
    plan = till.open("subscription", discounts=[{"coupon": coupon}])
    till.confirm(plan)
    after = till.session(plan, expand=["subscription", "invoice"])
    assert (after.payment_status, after.invoice.amount_paid) == ("no_payment_required", 0)
    till.shop.go(DECEMBER + 2 * HOUR)
    assert till.shop.invoices(after.customer)[0].amount_paid == 2900


def test_an_invoice_of_a_payment_shows_its_discount(till, save20):
    session = till.open(discounts=[{"promotion_code": save20.id}], invoice_creation={"enabled": True})
    till.confirm(session)
    invoice = till.session(session, expand=["invoice.total_discount_amounts.discount"]).invoice
    (off,) = invoice.total_discount_amounts
    assert (invoice.subtotal, off.amount, invoice.amount_paid) == (1500, 300, 1200)
    assert (off.discount.promotion_code, off.discount.checkout_session) == (save20.id, session.id)


def test_a_code_that_ends_while_the_customer_is_at_the_bank_still_holds(till, save20):
    session = till.open("subscription", discounts=[{"promotion_code": save20.id}])
    asked = till.confirm(session, ASKS)
    till.v1.promotion_codes.update(save20.id, {"active": False})
    till.bank(asked, "succeeded")
    assert till.session(session, expand=["invoice"]).invoice.amount_paid == 2320


def test_what_cannot_be_sold_any_more_is_still_shown_and_then_refused(till, save20):
    session = till.open(discounts=[{"promotion_code": save20.id}])
    till.v1.promotion_codes.update(save20.id, {"active": False})
    assert "$12.00" in till.page(session)
    refused = till.confirm(session)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "promotion_code_inactive")
    assert till.v1.charges.list().data == []


# Taxes


def rate(till, **given):
    return till.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False, **given}).id


def test_taxes_come_on_top_of_what_is_left_after_discounts(till, save20):
    goods = [{"price": till.shop.team, "quantity": 1}, {"price": till.poster, "quantity": 1, "tax_rates": [rate(till)]}]
    data = {"default_tax_rates": [rate(till, percentage=10, display_name="City tax")]}
    code = [{"promotion_code": save20.id}]
    session = till.open("subscription", line_items=goods, subscription_data=data, discounts=code)
    # 29.00 + 15.00 = 44.00; less 20 %: 23.20 + 12.00; taxes: 2.32 + 2.40
    assert (session.amount_subtotal, session.amount_total) == (4400, 3520 + 472)
    assert (session.total_details.amount_discount, session.total_details.amount_tax) == (880, 472)
    page = till.page(session)
    for row in ("<dt>VAT (20%)</dt><dd>$2.40", "<dt>City tax (10%)</dt><dd>$2.32", "<dt>Subtotal</dt><dd>$44.00"):
        assert row in page
    till.confirm(session)
    after = till.session(session, expand=["invoice", "subscription"])
    assert (after.invoice.total, after.invoice.amount_paid) == (3992, 3992)
    assert after.subscription.default_tax_rates[0].display_name == "City tax"


def test_a_tax_can_be_inside_the_price(till):
    goods = [{"price": till.poster, "quantity": 1, "tax_rates": [rate(till, inclusive=True, percentage=25)]}]
    session = till.open(line_items=goods)
    # of 15.00 a fifth, that is 25 % of 12.00
    assert (session.amount_total, session.total_details.amount_tax) == (1500, 300)
    assert "VAT (25%) included" in till.page(session)


def test_businesses_are_asked_for_their_tax_id(till):
    session = till.open(customer_creation="always", tax_id_collection={"enabled": True})
    assert 'id="purchasesAsBusiness"' in till.page(session)
    wrong = till.confirm(session, name="Analytical Engines", tax_id={"type": "gb_vat", "value": "12"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "tax_id_invalid")
    till.confirm(session, name="Analytical Engines", tax_id={"type": "gb_vat", "value": "GB123456789"})
    after = till.session(session, expand=["customer.tax_ids"])
    assert after.customer_details.tax_ids[0].to_dict() == {"type": "gb_vat", "value": "GB123456789"}
    assert (after.customer.name, after.customer.tax_ids.data[0].value) == ("Analytical Engines", "GB123456789")


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
