"""Checkout sessions by API: what they sell, what is refused, and how they expire."""

from __future__ import annotations

import pytest
import stripe

from sandbox import server
from sandbox.engine.calendar import DAY, HOUR
from sandbox.models import Account
from shop import NOVEMBER, Shop
from till import DECLINED, SUCCESS, Till

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def shop(account, stripe_client):
    shop = Shop(account, stripe_client)
    yield shop
    shop.close()


@pytest.fixture
def till(shop, browser_client):
    return Till(shop, browser_client)


def refusal(till, **params):
    """What Stripe says to a session that cannot be: (status, code, param, message)."""
    with pytest.raises(stripe.StripeError) as refused:
        till.open(**params)
    error = refused.value
    return error.http_status, error.code, getattr(error, "param", None), error.user_message


# Opening


def test_a_session_leads_to_its_page_and_lasts_a_day(till):
    session = till.open()
    assert session.url == f"http://localhost:8000/sandbox/c/pay/{session.id}"
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status, session.expires_at) == ("open", "unpaid", NOVEMBER + DAY)
    assert (session.amount_subtotal, session.amount_total, session.currency) == (1500, 1500, "usd")


def test_opening_a_session_makes_nothing_else(till):
    before = till.shop.mark()
    till.open("subscription")
    assert till.shop.events(before) == []
    assert till.v1.customers.list().data == []
    assert till.v1.payment_intents.list().data == []


def test_accounts_with_one_seed_have_pages_of_their_own(till, make_client):
    ids, pages = [], []
    for name, amount in (("seeded_a", 700), ("seeded_b", 900)):
        account = server.account_named(f"{name}_{till.shop.account.name}")
        Account.objects.filter(pk=account.pk).update(seed="same")
        price = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Tea"}}
        goods = {"mode": "payment", "success_url": SUCCESS, "line_items": [{"price_data": price, "quantity": 1}]}
        session = make_client(f"sk_test_{account.name}").v1.checkout.sessions.create(goods)
        ids.append(session.id)
        pages.append(till.page(session))
    assert ids[0] != ids[1]
    assert ("$7.00" in pages[0], "$9.00" in pages[1]) == (True, True)


def test_line_items_come_on_demand(till):
    session = till.open("subscription", line_items=[{"price": till.shop.team, "quantity": 3}])
    assert "line_items" not in session
    (item,) = till.session(session, expand=["line_items.data.price.product"]).line_items.data
    # 3 × 29.00
    assert (item.quantity, item.amount_subtotal, item.amount_total) == (3, 8700, 8700)
    assert (item.description, item.price.product.name) == ("Team", "Team")


def test_line_items_are_listed_by_page(till):
    goods = [{"price": till.poster, "quantity": number} for number in range(1, 6)]
    session = till.open(line_items=goods)
    first = till.v1.checkout.sessions.line_items.list(session.id, {"limit": 2})
    assert ([item.quantity for item in first.data], first.has_more) == ([1, 2], True)
    after = {"limit": 10, "starting_after": first.data[-1].id}
    rest = till.v1.checkout.sessions.line_items.list(session.id, after)
    assert ([item.quantity for item in rest.data], rest.has_more) == ([3, 4, 5], False)
    before = till.v1.checkout.sessions.line_items.list(session.id, {"limit": 1, "ending_before": rest.data[0].id})
    assert ([item.quantity for item in before.data], before.has_more) == ([2], True)


def test_prices_can_be_described_in_place(till):
    lamp = {"currency": "eur", "unit_amount": 4999, "product_data": {"name": "Lamp"}}
    session = till.open(line_items=[{"price_data": lamp, "quantity": 2}])
    (item,) = till.v1.checkout.sessions.line_items.list(session.id).data
    assert (session.currency, session.amount_total) == ("eur", 9998)
    assert (item.description, item.price.type) == ("Lamp", "one_time")


def test_sessions_are_found_by_status_customer_and_email(till):
    alice = till.shop.customer()
    theirs, guest = till.open(customer=alice), till.open(customer_email="bob@example.com")
    till.v1.checkout.sessions.expire(theirs.id)

    def found(**filters):
        return [each.id for each in till.v1.checkout.sessions.list(filters).data]

    assert found() == [guest.id, theirs.id]
    assert found(status="expired") == found(customer=alice) == [theirs.id]
    assert found(customer_details={"email": "bob@example.com"}) == [guest.id]


def test_metadata_can_be_updated_and_nothing_else(till):
    session = till.open(metadata={"order": "7"})
    after = till.v1.checkout.sessions.update(session.id, {"metadata": {"order": "", "cart": "9"}})
    assert after.metadata.to_dict() == {"cart": "9"}
    with pytest.raises(stripe.InvalidRequestError, match="only be used when ui_mode"):
        till.v1.checkout.sessions.update(session.id, {"line_items": [{"price": till.poster, "quantity": 2}]})


def test_a_wrong_id_is_a_404(till):
    with pytest.raises(stripe.InvalidRequestError, match=r"No such checkout\.session: 'cs_test_none'") as refused:
        till.v1.checkout.sessions.retrieve("cs_test_none")
    assert refused.value.code == "resource_missing"
    assert till.browser.get("/sandbox/c/pay/cs_test_none").status_code == 404


@pytest.mark.parametrize(("params", "code", "param", "said"), [
    ({"success_url": None}, "parameter_missing", "success_url", "Missing required param: success_url."),
    ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url", "Not a valid URL"),
    ({"cancel_url": "shop.example"}, "url_invalid", "cancel_url", "Not a valid URL"),
    ({"line_items": None}, "parameter_missing", "line_items", "Missing required param: line_items."),
    ({"line_items": [{"price": "price_none", "quantity": 1}]}, "resource_missing", "line_items[0][price]",
     "No such price: 'price_none'"),
    ({"customer": "cus_none"}, "resource_missing", "customer", "No such customer: 'cus_none'"),
    ({"customer_email": "ada"}, "email_invalid", "customer_email", "Invalid email address: ada"),
    ({"colour": "red"}, "parameter_unknown", "colour", "Received unknown parameter: colour"),
    ({"payment_method_types": ["card"]}, "payment_method_types_no_longer_supported", "payment_method_types",
     "no longer supported"),
    ({"subscription_data": {"trial_period_days": 7}}, None, "subscription_data",
     "You can not pass `subscription_data` in `payment` mode."),
    ({"mode": "setup", "currency": None}, "parameter_missing", "currency", "Missing required param: currency."),
    ({"mode": "setup", "submit_type": "pay"}, None, "submit_type", "You can not pass `submit_type` in `setup` mode."),
    ({"mode": "subscription", "customer_creation": "always"}, None, "customer_creation",
     "You can not pass `customer_creation` in `subscription` mode."),
    ({"expires_at": NOVEMBER + 29 * 60}, None, "expires_at",
     "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."),
    ({"expires_at": NOVEMBER + 25 * HOUR}, None, "expires_at",
     "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."),
    ({"customer_update": {"name": "auto"}}, None, "customer_update",
     "`customer_update` can only be used with `customer`."),
    ({"ui_mode": "hosted"}, None, "ui_mode", "Invalid ui_mode: must be one of"),
    ({"return_url": "https://shop.example"}, None, "return_url", "ui_mode is `embedded_page`"),
    ({"invoice_creation": {"enabled": True}, "payment_intent_data": {"capture_method": "manual"}}, None,
     "invoice_creation", "You can not use `invoice_creation` with a `capture_method` of `manual`."),
    ({"locale": "tlh"}, None, "locale", "Invalid locale: must be one of auto, bg"),
])  # fmt: skip
def test_it_refuses_what_stripe_refuses(till, params, code, param, said):
    given = {key: value for key, value in params.items() if value is not None}
    left_out = [key for key, value in params.items() if value is None]
    full = {"mode": "payment", "success_url": SUCCESS, "line_items": [{"price": till.poster, "quantity": 1}]}
    if given.get("mode") in {"setup", "subscription"}:
        full = {"success_url": SUCCESS, "currency": "usd"}
    asked = {key: value for key, value in (full | given).items() if key not in left_out}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        till.v1.checkout.sessions.create(asked)
    error = refused.value
    assert (error.code, error.param) == (code, param)
    assert said in error.user_message


def test_a_mode_has_to_suit_the_prices(till):
    assert refusal(till, mode="payment", line_items=[{"price": till.shop.team, "quantity": 1}])[3] == (
        "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only "
        "one-time prices."
    )
    assert refusal(till, mode="subscription", line_items=[{"price": till.poster, "quantity": 1}])[3] == (
        "You must provide at least one recurring price in `subscription` mode when using prices."
    )


def test_a_line_item_says_how_many_of_an_active_price_in_one_currency(till):
    yen = till.shop.plan("Yen", 500, currency="jpy")
    gone = till.v1.prices.update(till.shop.plan("Gone", 500), {"active": False}).id

    def says(*items):
        return refusal(till, mode="subscription", line_items=list(items))[2:]

    assert says({"price": till.shop.team}) == (
        "line_items[0][quantity]",
        "Quantity is required. Add `quantity` to `line_items[0]`",
    )
    param, message = says({"price": till.shop.team, "quantity": 1}, {"price": yen, "quantity": 1})
    assert (param, "doesn't match the expected currency: `usd`" in message) == ("line_items[1][price]", True)
    assert says({"price": gone, "quantity": 1})[1].startswith("The price specified is inactive.")


@pytest.mark.parametrize("pair", [("customer", "customer_email"), ("customer", "customer_creation")])
def test_some_parameters_exclude_each_other(till, pair):
    values = {"customer": till.shop.customer(), "customer_email": "ada@example.com", "customer_creation": "always"}
    message = f"You may only specify one of these parameters: {', '.join(pair)}."
    assert refusal(till, **{name: values[name] for name in pair})[3] == message


def test_a_trial_by_checkout_lasts_two_days_at_least(till):
    short = {"trial_end": NOVEMBER + DAY}
    assert refusal(till, mode="subscription", subscription_data=short)[2] == "subscription_data[trial_end]"
    both = {"trial_end": NOVEMBER + 3 * DAY, "trial_period_days": 3}
    assert (
        "subscription_data[trial_end], subscription_data[trial_period_days]"
        in refusal(till, mode="subscription", subscription_data=both)[3]
    )


def test_too_little_to_charge_is_refused(till):
    penny = {"currency": "usd", "unit_amount": 49, "product_data": {"name": "Pin"}}
    status, code, _, message = refusal(till, line_items=[{"price_data": penny, "quantity": 1}])
    assert (status, code) == (400, "amount_too_small")
    assert message.endswith("must add up to at least $0.50 usd")


@pytest.mark.parametrize("params", [
    {"ui_mode": "embedded_page"}, {"automatic_tax": {"enabled": True}}, {"custom_fields": [{"key": "size"}]},
    {"shipping_address_collection": {"allowed_countries": ["US"]}},
    {"after_expiration": {"recovery": {"enabled": True}}},
])  # fmt: skip
def test_it_says_501_for_what_it_does_not_emulate(till, params):
    status, _, _, message = refusal(till, **params)
    assert (status, "emulate" in message) == (501, True)


def test_what_is_not_emulated_may_be_turned_off(till):
    assert till.open(automatic_tax={"enabled": False}, ui_mode="hosted_page").automatic_tax.enabled is False


def test_one_customer_is_billed_in_one_currency(till):
    alice = till.shop.customer()
    till.shop.subscribe(alice)
    yen = till.shop.plan("Yen", 500, currency="jpy")
    message = refusal(till, mode="subscription", customer=alice, line_items=[{"price": yen, "quantity": 1}])[3]
    assert message.startswith("You cannot combine currencies on a single customer.")


def test_a_coupon_is_taken_off_and_not_redeemed_yet(till):
    coupon = till.v1.coupons.create({"percent_off": 20, "duration": "once"}).id
    session = till.open("subscription", discounts=[{"coupon": coupon}])
    # 29.00 − 20 %
    assert (session.amount_subtotal, session.amount_total) == (2900, 2320)
    assert session.total_details.amount_discount == 580
    assert (session.discounts[0].coupon, session.discounts[0].promotion_code) == (coupon, None)
    (item,) = till.v1.checkout.sessions.line_items.list(session.id).data
    assert (item.amount_subtotal, item.amount_discount, item.amount_total) == (2900, 580, 2320)
    assert till.v1.coupons.retrieve(coupon).times_redeemed == 0


def test_a_discount_has_to_hold(till):
    assert refusal(till, discounts=[{"coupon": "NONE"}])[1:3] == ("resource_missing", "discounts[0][coupon]")
    euros = till.v1.coupons.create({"amount_off": 100, "currency": "eur", "duration": "once"}).id
    assert refusal(till, discounts=[{"coupon": euros}])[2] == "discounts[0][coupon]"
    assert refusal(till, discounts=[{"coupon": euros}, {"coupon": euros}])[2] == "discounts"
    both = refusal(till, discounts=[{"coupon": euros}], allow_promotion_codes=True)
    assert both[3] == "You may only specify one of these parameters: allow_promotion_codes, discounts."


def test_tax_rates_have_to_exist(till):
    goods = [{"price": till.poster, "quantity": 1, "tax_rates": ["txr_none"]}]
    assert refusal(till, line_items=goods)[1:3] == ("resource_missing", "line_items[0][tax_rates][0]")
    message = refusal(till, customer=till.shop.customer(), tax_id_collection={"enabled": True})[3]
    assert message.startswith("Tax ID collection requires updating business name on the customer.")


# Expiring


def test_an_abandoned_session_expires_by_itself_and_leaves_nothing(till):
    session = till.open("subscription", expires_at=NOVEMBER + HOUR)
    till.page(session)
    before = till.shop.mark()
    till.shop.go(NOVEMBER + HOUR)
    after = till.session(session)
    assert (after.status, after.url, after.payment_status) == ("expired", None, "unpaid")
    assert till.shop.events(before) == ["checkout.session.expired"]
    assert till.v1.customers.list().data == till.v1.subscriptions.list().data == []
    assert "This page has expired" in till.page(session)


def test_an_expired_session_takes_no_payment(till):
    session = till.open()
    till.page(session)
    till.v1.checkout.sessions.expire(session.id)
    answer = till.post(session, "confirm", {"expected_amount": 1500, "payment_method": till.type_card()})
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "This Checkout Session is no longer active.",
    )
    assert till.v1.charges.list().data == []


def test_only_an_open_session_expires(till):
    session = till.open()
    till.v1.checkout.sessions.expire(session.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        till.v1.checkout.sessions.expire(session.id)
    assert refused.value.user_message == (
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
        "`expired`."
    )


def test_expiring_gives_up_a_payment_that_failed(till):
    session = till.open()
    till.confirm(session, DECLINED)
    (intent,) = till.v1.payment_intents.list().data
    till.v1.checkout.sessions.expire(session.id)
    assert till.v1.payment_intents.retrieve(intent.id).status == "canceled"
