"""Coupons and promotion codes by themselves: what they may say, who may redeem them, and when no longer."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import DAY
from shop import NOVEMBER

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


def refusal(call, *args, **params):
    """Return (code, param) of the error with which a call is refused."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args, **params)
    return refused.value.code, refused.value.param


def redeem(shop, customer, promotion_code, **params):
    return shop.subscribe(customer, discounts=[{"promotion_code": promotion_code.id}], **params)


def test_a_coupon_is_for_once_unless_it_says_otherwise(shop):
    coupon = shop.v1.coupons.create({"percent_off": 12.5, "id": "WELCOME", "name": "Welcome"})
    assert (coupon.id, coupon.duration, coupon.percent_off, coupon.amount_off) == ("WELCOME", "once", 12.5, None)
    assert (coupon.valid, coupon.times_redeemed, shop.events()[-1]) == (True, 0, "coupon.created")
    assert refusal(shop.v1.coupons.create, {"percent_off": 10, "id": "WELCOME"}) == ("resource_already_exists", "id")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({}, None, "percent_off"),
        ({"percent_off": 10, "amount_off": 100, "currency": "usd"}, None, "percent_off"),
        ({"percent_off": 0}, None, "percent_off"),
        ({"percent_off": 100.5}, None, "percent_off"),
        ({"percent_off": "half"}, None, "percent_off"),
        ({"amount_off": 100}, "parameter_missing", "currency"),
        ({"amount_off": -5, "currency": "usd"}, "parameter_invalid_integer", "amount_off"),
        ({"percent_off": 10, "duration": "repeating"}, None, "duration_in_months"),
        ({"percent_off": 10, "duration_in_months": 3}, None, "duration_in_months"),
        ({"percent_off": 10, "currency_options": {"eur": {"amount_off": 5}}}, None, "currency_options"),
        ({"percent_off": 10, "redeem_by": NOVEMBER}, None, "redeem_by"),
        ({"percent_off": 10, "applies_to": {"products": ["prod_no"]}}, "resource_missing", "applies_to[products][0]"),
    ],
)
def test_it_refuses_coupons_that_make_no_sense(shop, params, code, param):
    assert refusal(shop.v1.coupons.create, params) == (code, param)


def test_products_and_further_currencies_are_shown_on_demand(shop):
    product = shop.v1.prices.retrieve(shop.team).product
    options = {"eur": {"amount_off": 450}}
    params = {"amount_off": 500, "currency": "usd", "applies_to": {"products": [product]}, "currency_options": options}
    coupon = shop.v1.coupons.create(params)
    assert not {"applies_to", "currency_options"} & coupon.to_dict().keys()
    shop.v1.coupons.update(coupon.id, {"currency_options": {"gbp": {"amount_off": 400}}, "name": "Five"})
    shown = shop.v1.coupons.retrieve(coupon.id, {"expand": ["applies_to", "currency_options"]})
    assert (shown.name, shown.applies_to.products) == ("Five", [product])
    assert {key: each["amount_off"] for key, each in shown.currency_options.to_dict().items()} == {
        "eur": 450,
        "gbp": 400,
    }


def test_a_coupon_is_used_up(shop, alice):
    coupon = shop.coupon(percent_off=10, max_redemptions=1)
    shop.subscribe(alice, discounts=[{"coupon": coupon}])
    spent = shop.v1.coupons.retrieve(coupon)
    assert (spent.times_redeemed, spent.valid) == (1, False)
    again = refusal(shop.subscribe, alice, discounts=[{"coupon": coupon}])
    assert again == ("coupon_expired", "discounts[0][coupon]")


def test_a_coupon_can_be_redeemed_until_its_last_day(shop, alice):
    coupon = shop.coupon(percent_off=10, duration="forever", redeem_by=NOVEMBER + 10 * DAY)
    subscription = shop.subscribe(alice, discounts=[{"coupon": coupon}])
    shop.go("2026-11-11")
    assert shop.v1.coupons.retrieve(coupon).valid is False
    assert refusal(shop.subscribe, alice, discounts=[{"coupon": coupon}])[0] == "coupon_expired"
    assert shop.renewals(subscription, "2026-12-01") == [2610]  # who has it keeps it


def test_a_refused_card_takes_no_coupon(shop):
    coupon = shop.coupon(percent_off=10, max_redemptions=1)
    bob = shop.customer(card="pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        shop.subscribe(bob, discounts=[{"coupon": coupon}], payment_behavior="error_if_incomplete")
    assert shop.v1.coupons.retrieve(coupon).times_redeemed == 0


# Promotion codes


def test_a_code_redeems_its_coupon(shop, alice):
    coupon = shop.coupon(percent_off=50, duration="forever")
    code = shop.code(coupon, "Spring-50")
    subscription = redeem(shop, alice, code, expand=["discounts.promotion_code", "latest_invoice"])
    assert subscription.latest_invoice.total == 1450
    assert subscription.discounts[0].promotion_code.times_redeemed == 1
    assert shop.v1.coupons.retrieve(coupon).times_redeemed == 1


def test_codes_are_found_and_kept_apart_without_regard_to_case(shop, alice):
    coupon = shop.coupon(percent_off=50)
    code = shop.code(coupon, "Spring")
    assert [each.id for each in shop.v1.promotion_codes.list({"code": "SPRING"}).data] == [code.id]
    assert refusal(shop.code, coupon, "sprinG")[1] == "code"
    assert refusal(shop.code, coupon, "SPRING", customer=alice)[1] == "code"
    shop.v1.promotion_codes.update(code.id, {"active": False})
    other = shop.code(coupon, "SPRING")
    assert refusal(shop.v1.promotion_codes.update, code.id, {"active": True})[1] == "code"
    assert [each.id for each in shop.v1.promotion_codes.list({"active": True, "coupon": coupon}).data] == [other.id]
    assert shop.events()[-2:] == ["promotion_code.updated", "promotion_code.created"]


def test_a_code_of_its_own_is_made_up(shop):
    promotion = {"type": "coupon", "coupon": shop.coupon(percent_off=50)}
    assert len(shop.v1.promotion_codes.create({"promotion": promotion}).code) == 8


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"code": "50 %"}, "code"),
        ({"expires_at": NOVEMBER}, "expires_at"),
        ({"expires_at": NOVEMBER + 11 * DAY}, "expires_at"),
        ({"max_redemptions": 6}, "max_redemptions"),
        ({"restrictions": {"minimum_amount": 100}}, "restrictions[minimum_amount_currency]"),
        ({"customer": "cus_nobody"}, "customer"),
    ],
)
def test_a_code_promises_no_more_than_its_coupon(shop, params, param):
    coupon = shop.coupon(percent_off=50, redeem_by=NOVEMBER + 10 * DAY, max_redemptions=5)
    assert refusal(shop.code, coupon, params.pop("code", "SPRING"), **params)[1] == param


def test_a_code_for_newcomers_is_refused_to_a_customer_who_has_paid(shop, alice):
    code = shop.code(shop.coupon(percent_off=50), "NEW", restrictions={"first_time_transaction": True})
    assert redeem(shop, shop.customer(), code).latest_invoice.total == 1450
    shop.subscribe(alice)
    refused = refusal(redeem, shop, alice, code)
    assert refused == ("promotion_code_customer_not_first_time", "discounts[0][promotion_code]")


def test_a_code_may_ask_for_a_minimum_in_each_currency(shop, alice):
    options = {"eur": {"minimum_amount": 4000}}
    restrictions = {"minimum_amount": 5000, "minimum_amount_currency": "usd", "currency_options": options}
    code = shop.code(shop.coupon(percent_off=50), "BIG", restrictions=restrictions)
    assert refusal(redeem, shop, alice, code)[0] == "promotion_code_amount_insufficient"
    assert refusal(redeem, shop, alice, code, price=shop.business, trial_period_days=7)[0] is not None
    assert redeem(shop, alice, code, price=shop.business).latest_invoice.total == 4950
    assert redeem(shop, shop.customer(), code, price=shop.plan("Paris", 4000, currency="eur")).currency == "eur"
    for currency, amount in (("eur", 3999), ("gbp", 9999)):
        plan = shop.plan("Small", amount, currency=currency)
        assert refusal(redeem, shop, shop.customer(), code, price=plan)[0] == "promotion_code_amount_insufficient"
    shown = shop.v1.promotion_codes.retrieve(code.id, {"expand": ["restrictions.currency_options"]})
    assert shown.restrictions.currency_options["eur"].minimum_amount == 4000


def test_a_code_may_belong_to_one_customer(shop, alice):
    code = shop.code(shop.coupon(percent_off=50), "ALICE", customer=alice)
    assert refusal(redeem, shop, shop.customer(), code)[0] == "promotion_code_customer_mismatch"
    assert redeem(shop, alice, code).latest_invoice.total == 1450


def test_codes_end_with_time_with_use_and_with_their_coupon(shop, alice):
    coupon = shop.coupon(percent_off=50)
    for_days = shop.code(coupon, "DAYS", expires_at=NOVEMBER + DAY)
    for_one = shop.code(coupon, "ONE", max_redemptions=1)
    for_all = shop.code(coupon, "ALL")
    redeem(shop, alice, for_one)
    shop.go("2026-11-02")

    def active():
        return {each.code for each in shop.v1.promotion_codes.list({"active": True}).data}

    assert active() == {"ALL"}
    assert refusal(redeem, shop, alice, for_days)[0] == "promotion_code_inactive"
    for ended in (for_days, for_one):
        assert refusal(shop.v1.promotion_codes.update, ended.id, {"active": True})[1] == "active"
    shop.v1.coupons.delete(coupon)
    assert active() == set()
    assert refusal(redeem, shop, alice, for_all)[0] == "promotion_code_inactive"
    assert refusal(shop.code, coupon, "AGAIN") == ("resource_missing", "promotion[coupon]")


def test_one_entry_names_one_thing(shop, alice):
    coupon = shop.coupon(percent_off=50)
    code = shop.code(coupon, "SPRING")
    both = {"coupon": coupon, "promotion_code": code.id}
    assert refusal(shop.subscribe, alice, discounts=[both]) == (None, "discounts[0]")
    unknown = refusal(shop.subscribe, alice, discounts=[{"coupon": "NONE"}])
    assert unknown == ("resource_missing", "discounts[0][coupon]")
    assert refusal(shop.subscribe, alice, discounts=[{"discount": "di_no"}])[0] == "resource_missing"
