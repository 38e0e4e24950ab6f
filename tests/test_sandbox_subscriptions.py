"""Subscriptions at the sandbox: how they start, on trial or not, and how they are found."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, amounts, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


# Starting


def test_a_charged_subscription_is_active_for_a_month(shop, alice):
    subscription = shop.subscribe(alice)
    assert subscription.status == "active"
    assert (item_of(subscription).current_period_start, item_of(subscription).current_period_end) == (
        NOVEMBER,
        DECEMBER,
    )
    assert (subscription.latest_invoice.status, subscription.latest_invoice.amount_paid) == ("paid", 2900)
    assert subscription.latest_invoice.billing_reason == "subscription_create"


def test_a_successful_start_tells_all_of_it_once(shop, alice):
    before = shop.mark()
    shop.subscribe(alice)
    happened = shop.events(before)
    assert sorted(happened) == sorted(set(happened))
    assert set(happened) == {
        "charge.succeeded",
        "customer.subscription.created",
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "payment_intent.created",
        "payment_intent.succeeded",
    }
    assert shop.event("customer.subscription.created").data.object.status == "active"


def test_a_declined_start_is_incomplete_and_no_error(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    subscription = shop.subscribe(customer, payment_behavior="allow_incomplete")
    assert (subscription.status, subscription.latest_invoice.status) == ("incomplete", "open")
    intent = shop.v1.payment_intents.retrieve(shop.intent(subscription.latest_invoice))
    assert (intent.status, intent.last_payment_error.decline_code) == ("requires_payment_method", "generic_decline")


def test_error_if_incomplete_leaves_nothing_of_a_declined_start(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as refused:
        shop.subscribe(customer, payment_behavior="error_if_incomplete")
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    assert shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []
    assert shop.invoices(customer) == []


def test_error_if_incomplete_refuses_a_card_that_asks_for_3d_secure(shop):
    customer = shop.customer("pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as refused:
        shop.subscribe(customer, payment_behavior="error_if_incomplete")
    assert refused.value.code == "subscription_payment_intent_requires_action"
    assert shop.invoices(customer) == []


def test_allow_incomplete_waits_for_3d_secure(shop):
    subscription = shop.subscribe(shop.customer("pm_card_authenticationRequired"))
    assert subscription.status == "incomplete"
    shop.authenticate(shop.intent(subscription.latest_invoice))
    assert shop.subscription(subscription.id).status == "active"


def test_default_incomplete_waits_for_the_browser(shop):
    customer = shop.customer(card=None)
    before = shop.mark()
    subscription = shop.subscribe(customer, payment_behavior="default_incomplete")
    assert (subscription.status, subscription.latest_invoice.status) == ("incomplete", "open")
    secret = subscription.latest_invoice.confirmation_secret
    assert (secret.type, secret.client_secret.split("_secret_")[0]) == (
        "payment_intent",
        shop.intent(subscription.latest_invoice),
    )
    assert [type_ for type_ in shop.events(before) if type_ != "customer.updated"] == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
    ]


def test_paying_in_the_browser_activates_and_keeps_the_card(shop):
    customer = shop.customer(card=None)
    keep = {"save_default_payment_method": "on_subscription"}
    subscription = shop.subscribe(customer, payment_behavior="default_incomplete", payment_settings=keep)
    before = shop.mark()
    shop.confirm(subscription.latest_invoice, "pm_card_visa")
    after = shop.subscription(subscription.id)
    assert (after.status, after.latest_invoice.status) == ("active", "paid")
    card = shop.v1.payment_methods.retrieve(after.default_payment_method)
    assert card.customer == customer
    assert shop.events(before) == [
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
    ]
    changed = shop.event("customer.subscription.updated").data.previous_attributes.to_dict()
    assert changed == {"default_payment_method": None, "status": "incomplete"}


def test_a_declined_card_in_the_browser_can_be_followed_by_a_good_one(shop):
    customer = shop.customer(card=None)
    subscription = shop.subscribe(customer, payment_behavior="default_incomplete")
    with pytest.raises(stripe.CardError):
        shop.confirm(subscription.latest_invoice, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert shop.subscription(subscription.id).status == "incomplete"
    shop.confirm(subscription.latest_invoice, "pm_card_visa")
    assert shop.subscription(subscription.id).status == "active"


def test_failing_3d_secure_in_the_browser_leaves_it_incomplete(shop):
    customer = shop.customer(card=None)
    subscription = shop.subscribe(customer, payment_behavior="default_incomplete")
    intent = shop.confirm(subscription.latest_invoice, "pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    shop.authenticate(intent.id, succeeded=False)
    after = shop.subscription(subscription.id)
    assert (after.status, after.latest_invoice.status) == ("incomplete", "open")


def test_pending_if_incomplete_at_the_start_is_allow_incomplete(shop):
    subscription = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), payment_behavior="pending_if_incomplete")
    assert (subscription.status, subscription.pending_update) == ("incomplete", None)


def test_it_refuses_to_charge_where_there_is_no_card(shop):
    customer = shop.customer(card=None)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(customer)
    assert (refused.value.http_status, refused.value.code) == (400, "resource_missing")
    assert shop.v1.subscriptions.list({"customer": customer, "status": "all"}).data == []


def test_an_unpaid_start_expires_after_23_hours(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    intent = shop.intent(subscription.latest_invoice)
    shop.go(NOVEMBER + 23 * HOUR - 1)
    assert shop.subscription(subscription.id).status == "incomplete"
    before = shop.mark()
    shop.go(NOVEMBER + 23 * HOUR)
    after = shop.subscription(subscription.id)
    assert (after.status, after.latest_invoice.status) == ("incomplete_expired", "void")
    assert shop.v1.payment_intents.retrieve(intent).cancellation_reason == "void_invoice"
    assert shop.events(before) == ["customer.subscription.updated", "invoice.voided", "payment_intent.canceled"]


def test_the_subscriptions_own_card_goes_before_the_customers(shop, alice):
    card = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": alice}).id
    subscription = shop.subscribe(alice, default_payment_method=card)
    intent = shop.v1.payment_intents.retrieve(shop.intent(subscription.latest_invoice))
    assert intent.payment_method == card


def test_it_refuses_a_card_of_another_customer(shop, alice):
    theirs = shop.card(shop.customer(email="bob@example.com"))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(alice, default_payment_method=theirs)
    assert (refused.value.param, refused.value.code) == ("default_payment_method", "resource_missing")


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"items": [{"price": "price_none"}]}, "items[0][price]", "resource_missing"),
        ({"items": [{"quantity": 2}]}, "items[0][price]", "parameter_missing"),
        ({"items": []}, "items", "parameter_missing"),
        ({"default_payment_method": "pm_none"}, "default_payment_method", "resource_missing"),
        ({"trial_end": NOVEMBER}, "trial_end", None),
        ({"billing_cycle_anchor": NOVEMBER + 40 * DAY}, "billing_cycle_anchor", None),
        ({"billing_cycle_anchor": NOVEMBER - DAY}, "billing_cycle_anchor", None),
        ({"cancel_at": DECEMBER, "cancel_at_period_end": True}, "cancel_at", None),
        ({"collection_method": "send_invoice"}, "days_until_due", None),
        ({"cancel_at": NOVEMBER - 1}, "cancel_at", None),
    ],
)
def test_it_refuses_what_makes_no_sense(shop, alice, params, param, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(alice, **params)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_it_refuses_an_archived_a_one_time_and_a_foreign_price(shop, alice):
    shop.v1.prices.update(shop.business, {"active": False})
    product = shop.v1.products.create({"name": "Mug"}).id
    once = shop.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 500}).id
    yen = shop.plan("Kaisha", 500, currency="jpy")
    for items, words in (
        ([{"price": shop.business}], "inactive"),
        ([{"price": once}], "type=one_time"),
        ([{"price": shop.team}, {"price": yen}], "jpy"),
        ([{"price": shop.team}, {"price": shop.team}], "multiple"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words):
            shop.subscribe(alice, items=items)


def test_one_customer_pays_in_one_currency(shop, alice):
    shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        shop.subscribe(alice, shop.plan("Kaisha", 500, currency="jpy"))


def test_a_price_may_be_described_on_the_spot(shop, alice):
    product = shop.v1.products.create({"name": "Bespoke"}).id
    data = {"currency": "usd", "product": product, "recurring": {"interval": "week"}, "unit_amount": 700}
    subscription = shop.subscribe(alice, items=[{"price_data": data, "quantity": 3}])
    assert subscription.latest_invoice.total == 2100  # 3 × 700
    assert item_of(subscription).current_period_end == NOVEMBER + 7 * DAY


def test_tiers_are_billed_by_quantity(shop, alice):
    tiers = [{"up_to": 5, "unit_amount": 1000}, {"up_to": "inf", "unit_amount": 800}]
    price = shop.plan("Seats", 0, billing_scheme="tiered", tiers_mode="graduated", tiers=tiers)
    subscription = shop.subscribe(alice, items=[{"price": price, "quantity": 7}])
    assert subscription.latest_invoice.total == 6600  # 5 × 1000 + 2 × 800


def test_a_metered_price_asks_for_nothing_in_advance(shop, alice):
    price = shop.plan("Calls", 10, recurring={"interval": "month", "usage_type": "metered"})
    subscription = shop.subscribe(alice, price)
    assert (subscription.status, subscription.latest_invoice.total) == ("active", 0)
    assert "quantity" not in item_of(subscription)


def test_a_subscription_holds_twenty_items_at_most(shop, alice):
    product = shop.v1.products.create({"name": "Part"}).id
    price = {"currency": "usd", "product": product, "recurring": {"interval": "month"}, "unit_amount": 100}
    with pytest.raises(stripe.InvalidRequestError, match="at most 20"):
        shop.subscribe(alice, items=[{"price_data": price}] * 21)


def test_yen_and_dinars_have_no_cents_and_three_decimals(shop):
    for currency, amount in (("jpy", 500), ("kwd", 4500)):
        customer = shop.customer()
        invoice = shop.subscribe(customer, shop.plan("Plan", amount, currency=currency)).latest_invoice
        assert (invoice.currency, invoice.amount_paid) == (currency, amount)


def test_a_free_plan_is_active_at_once_and_asks_for_a_card(shop):
    subscription = shop.subscribe(shop.customer(card=None), shop.plan("Free", 0))
    assert (subscription.status, subscription.latest_invoice.status) == ("active", "paid")
    assert subscription.pending_setup_intent.startswith("seti_")


def test_a_sent_invoice_activates_at_once_and_waits_to_be_paid(shop):
    customer = shop.customer(card=None)
    subscription = shop.subscribe(customer, collection_method="send_invoice", days_until_due=14)
    assert (subscription.status, subscription.latest_invoice.status) == ("active", "draft")
    shop.go(NOVEMBER + HOUR)
    invoice = shop.subscription(subscription.id).latest_invoice
    assert (invoice.status, invoice.due_date) == ("open", NOVEMBER + 14 * DAY)
    shop.go(NOVEMBER + 14 * DAY)
    assert shop.subscription(subscription.id).status == "past_due"
    assert shop.events().count("invoice.overdue") == 1


# Anchors


def test_an_anchor_in_the_future_prorates_the_first_days(shop, alice):
    shop.go("2026-11-21")
    subscription = shop.subscribe(alice, billing_cycle_anchor=DECEMBER)
    assert subscription.latest_invoice.total == 967  # 2900 × 10 / 30 days = 966.67
    assert item_of(subscription).current_period_end == DECEMBER
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].total == 2900


def test_without_prorations_the_days_before_the_anchor_are_free(shop, alice):
    subscription = shop.subscribe(alice, billing_cycle_anchor=at("2026-11-21"), proration_behavior="none")
    assert (subscription.status, subscription.latest_invoice) == ("active", None)
    shop.go(at("2026-11-21") + HOUR)
    assert [invoice.total for invoice in shop.invoices(alice)] == [2900]


def test_an_anchor_on_the_31st_keeps_to_the_end_of_the_month(shop, alice):
    shop.go("2027-02-10")
    config = {"day_of_month": 31, "hour": 0, "minute": 0, "second": 0}
    subscription = shop.subscribe(alice, billing_cycle_anchor_config=config)
    assert item_of(subscription).current_period_end == at("2027-02-28")
    shop.go("2027-03-01")
    assert item_of(shop.subscription(subscription.id)).current_period_end == at("2027-03-31")


# Trials


def test_a_trial_bills_nothing_and_wants_a_card(shop):
    subscription = shop.subscribe(shop.customer(card=None), trial_period_days=14)
    assert (subscription.status, subscription.trial_end) == ("trialing", NOVEMBER + 14 * DAY)
    assert (subscription.latest_invoice.total, subscription.latest_invoice.status) == (0, "paid")
    assert subscription.latest_invoice.lines.data[0].description == "Trial period for Team"
    assert subscription.pending_setup_intent.startswith("seti_")


def test_a_trial_with_a_card_asks_for_nothing(shop, alice):
    assert shop.subscribe(alice, trial_period_days=14).pending_setup_intent is None


def test_the_card_that_a_trial_asked_for_pays_when_it_ends(shop):
    customer = shop.customer(card=None)
    keep = {"save_default_payment_method": "on_subscription"}
    trial = shop.subscribe(customer, trial_period_days=14, payment_settings=keep)
    params = {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"}
    card = shop.v1.setup_intents.confirm(trial.pending_setup_intent, params).payment_method
    after = shop.subscription(trial.id)
    assert (after.pending_setup_intent, after.default_payment_method) == (None, card)
    shop.go(NOVEMBER + 14 * DAY + HOUR)
    assert shop.subscription(trial.id).status == "active"
    assert [invoice.amount_paid for invoice in shop.invoices(customer)] == [2900, 0]


def test_three_days_before_its_end_a_trial_says_so(shop, alice):
    shop.subscribe(alice, trial_period_days=14)
    shop.go(NOVEMBER + 11 * DAY - 1)
    assert "customer.subscription.trial_will_end" not in shop.events()
    shop.go(NOVEMBER + 12 * DAY)
    assert shop.event("customer.subscription.trial_will_end").created == NOVEMBER + 11 * DAY
    shop.go(NOVEMBER + 13 * DAY)
    assert shop.events().count("customer.subscription.trial_will_end") == 1


def test_a_trial_without_a_card_ends_past_due(shop):
    trial = shop.subscribe(shop.customer(card=None), trial_period_days=14)
    shop.go(NOVEMBER + 14 * DAY)
    assert shop.subscription(trial.id).status == "active"
    shop.go(NOVEMBER + 14 * DAY + HOUR)
    after = shop.subscription(trial.id)
    assert (after.status, after.latest_invoice.status) == ("past_due", "open")


@pytest.mark.parametrize(
    ("behavior", "status", "event"),
    [
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("pause", "paused", "customer.subscription.paused"),
    ],
)
def test_a_trial_without_a_card_ends_as_it_was_told_to(shop, behavior, status, event):
    ending = {"end_behavior": {"missing_payment_method": behavior}}
    trial = shop.subscribe(shop.customer(card=None), trial_period_days=14, trial_settings=ending)
    shop.go(NOVEMBER + 15 * DAY)
    after = shop.subscription(trial.id)
    assert (after.status, after.latest_invoice.total) == (status, 0)
    assert shop.event(event).created == NOVEMBER + 14 * DAY


def test_a_paused_subscription_resumes_in_a_new_cycle(shop):
    customer = shop.customer(card=None)
    ending = {"end_behavior": {"missing_payment_method": "pause"}}
    trial = shop.subscribe(customer, trial_period_days=14, trial_settings=ending)
    shop.go(NOVEMBER + 20 * DAY)
    assert shop.subscription(trial.id).status_details.paused.subscription.type == "trial_end_without_payment_method"
    shop.card(customer)
    resumed = shop.v1.subscriptions.resume(trial.id, {"billing_cycle_anchor": {"type": "now"}})
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", shop.now)
    assert "status_details" not in resumed
    assert [invoice.amount_paid for invoice in shop.invoices(customer)] == [2900, 0]
    assert "customer.subscription.resumed" in shop.events()


def test_resuming_on_success_stays_paused_until_the_invoice_is_paid(shop):
    customer = shop.customer(card=None)
    ending = {"end_behavior": {"missing_payment_method": "pause"}}
    trial = shop.subscribe(customer, trial_period_days=14, trial_settings=ending)
    shop.go(NOVEMBER + 20 * DAY)
    shop.card(customer, "pm_card_chargeCustomerFail")
    paused = shop.v1.subscriptions.resume(trial.id, {"payment_behavior": "resume_on_payment_success"})
    assert paused.status == "paused"
    shop.card(customer)
    shop.v1.invoices.pay(paused.latest_invoice)
    resumed = shop.subscription(trial.id)
    assert (resumed.status, item_of(resumed).current_period_start) == ("active", shop.now)


def test_only_a_paused_subscription_resumes(shop, alice):
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError, match="not paused"):
        shop.v1.subscriptions.resume(subscription.id)


def test_a_trial_can_be_ended_now(shop, alice):
    trial = shop.subscribe(alice, trial_period_days=14)
    shop.go(NOVEMBER + 4 * DAY)
    ended = shop.v1.subscriptions.update(trial.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    assert (ended.status, ended.latest_invoice.amount_paid) == ("active", 2900)
    assert (ended.trial_end, ended.billing_cycle_anchor) == (shop.now, shop.now)


def test_a_trial_can_be_prolonged(shop, alice):
    trial = shop.subscribe(alice, trial_period_days=14)
    later = shop.v1.subscriptions.update(trial.id, {"trial_end": NOVEMBER + 20 * DAY})
    assert (later.trial_end, item_of(later).current_period_end) == (NOVEMBER + 20 * DAY,) * 2
    assert len(shop.invoices(alice)) == 1


def test_a_running_subscription_can_go_into_a_trial(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    params = {"trial_end": at("2026-12-16"), "expand": ["latest_invoice"]}
    trial = shop.v1.subscriptions.update(subscription.id, params)
    assert (trial.status, trial.trial_start, trial.trial_end) == ("trialing", shop.now, at("2026-12-16"))
    assert amounts(trial.latest_invoice) == [-1450, 0]  # half of November back, and the trial's zero
    shop.go("2026-12-16T01:00:00")
    assert shop.invoices(alice)[0].amount_paid == 1450  # 2900, of which 1450 was credit


def test_a_trial_cannot_end_in_the_past(shop, alice):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscriptions.update(shop.subscribe(alice).id, {"trial_end": NOVEMBER - 1})
    assert refused.value.param == "trial_end"


def test_a_price_may_bring_its_own_trial(shop, alice):
    recurring = {"interval": "month", "trial_period_days": 7}
    price = shop.plan("Courteous", 2900, recurring=recurring)
    assert shop.subscribe(alice, price).status == "active"
    assert shop.subscribe(alice, price, trial_from_plan=True).trial_end == NOVEMBER + 7 * DAY
    assert shop.subscribe(alice, price, trial_end="now").status == "active"


def test_the_plan_of_a_trial_changes_for_free(shop, alice):
    trial = shop.subscribe(alice, trial_period_days=14)
    changed = shop.change(trial, shop.business, proration_behavior="always_invoice")
    assert (changed.status, item_of(changed).price.id) == ("trialing", shop.business)
    shop.go(NOVEMBER + 14 * DAY + HOUR)
    assert [invoice.total for invoice in shop.invoices(alice)] == [9900, 0]


# Finding


def test_lists_leave_out_the_canceled_unless_asked(shop, alice):
    canceled = shop.v1.subscriptions.cancel(shop.subscribe(alice).id).id
    active = shop.subscribe(alice, shop.business).id

    def ids(**params):
        return [subscription.id for subscription in shop.v1.subscriptions.list({"customer": alice, **params}).data]

    assert ids() == [active]
    assert ids(status="all") == [active, canceled]
    assert ids(status="ended") == [canceled]
    assert ids(status="all", price=shop.team) == [canceled]
    assert ids(collection_method="send_invoice") == []
    assert ids(status="all", created={"gt": shop.now}) == []
    assert ids(status="all", limit=1) == [active]
    assert ids(status="all", starting_after=active) == [canceled]


def test_a_customer_expands_to_their_subscriptions(shop, alice):
    subscription = shop.subscribe(alice)
    expanded = shop.v1.customers.retrieve(alice, {"expand": ["subscriptions"]})
    assert [each.id for each in expanded.subscriptions.data] == [subscription.id]


def test_expansion_reaches_what_a_page_needs(shop, alice):
    subscription = shop.subscribe(alice, default_payment_method=shop.card(alice))
    paths = ["customer", "default_payment_method", "latest_invoice.payments", "items.data.price.product"]
    expanded = shop.v1.subscriptions.retrieve(subscription.id, {"expand": paths})
    assert expanded.customer.email == "alice@example.com"
    assert expanded.default_payment_method.card.last4 == "4242"
    assert item_of(expanded).price.product.name == "Team"
    assert expanded.latest_invoice.payments.data[0].status == "paid"


def test_expansion_reaches_the_first_payment_through_a_list(shop, alice):
    path = "latest_invoice.payments.data.payment.payment_intent"
    subscription = shop.subscribe(alice, expand=[path])
    assert subscription.latest_invoice.payments.data[0].payment.payment_intent.amount == 2900
    listed = shop.v1.subscriptions.list({"customer": alice, "expand": [f"data.{path}"]}).data[0]
    assert listed.latest_invoice.payments.data[0].payment.payment_intent.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        shop.v1.subscriptions.retrieve(subscription.id, {"expand": [f"{path}.latest_charge"]})


# Items by themselves


def test_items_can_be_added_changed_and_taken_off(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    added = shop.v1.subscription_items.create({"subscription": subscription.id, "price": shop.business, "quantity": 2})
    assert (added.price.id, added.quantity, added.current_period_end) == (shop.business, 2, DECEMBER)
    assert shop.v1.subscription_items.update(added.id, {"quantity": 1}).quantity == 1
    listed = shop.v1.subscription_items.list({"subscription": subscription.id}).data
    assert {item.id for item in listed} == {item_of(subscription).id, added.id}
    assert shop.v1.subscription_items.delete(added.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscription_items.retrieve(added.id)
    assert refused.value.code == "resource_missing"
    pending = [item.amount for item in shop.v1.invoice_items.list({"customer": alice, "pending": True}).data]
    assert (sum(pending), len(pending)) == (0, 4)  # 9900 - 9900 + 4950 - 4950


def test_an_items_period_moves_with_its_subscription(shop, alice):
    item = item_of(shop.subscribe(alice))
    shop.go(DECEMBER)
    assert shop.v1.subscription_items.retrieve(item.id).current_period_start == DECEMBER


# Backdating


@pytest.mark.parametrize(
    ("started", "lines"),
    [
        ("2027-02-15", [1450, 2900]),  # 14 of the 28 days from 15 February to 15 March
        ("2027-01-15", [2900, 1450, 2900]),  # a whole month before those
    ],
)
def test_the_time_since_a_backdated_start_is_billed_by_its_share(shop, alice, started, lines):
    shop.go("2027-03-01")
    subscription = shop.subscribe(alice, backdate_start_date=at(started))
    assert amounts(subscription.latest_invoice) == lines
    assert (subscription.start_date, subscription.billing_cycle_anchor) == (at(started), shop.now)
    assert item_of(subscription).current_period_end == at("2027-04-01")


def test_a_backdated_start_may_be_free(shop, alice):
    shop.go("2027-03-01")
    params = {"backdate_start_date": at("2027-01-15"), "proration_behavior": "none"}
    assert amounts(shop.subscribe(alice, **params).latest_invoice) == [2900]


def test_a_backdated_start_lies_in_the_past(shop, alice):
    for moment in (NOVEMBER + DAY, at("2020-01-01")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.subscribe(alice, backdate_start_date=moment)
        assert refused.value.param == "backdate_start_date"
