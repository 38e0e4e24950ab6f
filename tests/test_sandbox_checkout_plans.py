"""What hosted Checkout sells again and again, and at what price: plans, trials, discounts, taxes."""

from __future__ import annotations

import pytest

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, Shop
from till import ASKS, Till

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def shop(account, stripe_client):
    shop = Shop(account, stripe_client)
    yield shop
    shop.close()


@pytest.fixture
def till(shop, browser_client):
    return Till(shop, browser_client)


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
