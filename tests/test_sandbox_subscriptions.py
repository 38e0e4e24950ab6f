"""Subscriptions at the sandbox: starting, changing, renewing, failing and ending, each amount worked out by hand."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, Shop, amounts, at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def shop(account, stripe_client):
    shop = Shop(account, stripe_client)
    yield shop
    shop.close()


@pytest.fixture
def alice(shop):
    return shop.customer()


def settings(shop, **values):
    shop.account.settings = values
    shop.account.save()


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


# Renewing


def test_a_renewal_is_drafted_at_the_boundary_and_charged_an_hour_later(shop, alice):
    subscription = shop.subscribe(alice)
    before = shop.mark()
    shop.go(DECEMBER)
    draft = shop.invoices(alice)[0]
    assert (draft.status, draft.billing_reason, draft.automatically_finalizes_at) == (
        "draft",
        "subscription_cycle",
        DECEMBER + HOUR,
    )
    assert (draft.period_start, draft.period_end) == (NOVEMBER, DECEMBER)
    assert draft.lines.data[0].period.to_dict() == {"start": DECEMBER, "end": at("2027-01-01")}
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].status == "paid"
    assert item_of(shop.subscription(subscription.id)).current_period_end == at("2027-01-01")
    assert shop.events(before) == [
        "invoice.upcoming",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_a_year_at_one_jump_is_the_same_year(shop, alice):
    shop.subscribe(alice)
    shop.go("2027-11-01T02:00:00")
    invoices = shop.invoices(alice)
    assert [invoice.amount_paid for invoice in invoices] == [2900] * 13
    assert [invoice.created for invoice in reversed(invoices)][:3] == [NOVEMBER, DECEMBER, at("2027-01-01")]
    numbers = [int(invoice.number.split("-")[1]) for invoice in invoices]
    assert numbers == list(range(13, 0, -1))
    moments = [event.created for event in shop.v1.events.list({"limit": 100}).data]
    assert moments == sorted(moments, reverse=True)
    shop.go(shop.now)
    assert len(shop.invoices(alice)) == 13


def test_a_refused_renewal_is_past_due_and_paid_by_another_card(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    before = shop.mark()
    shop.go(DECEMBER + HOUR)
    late = shop.subscription(subscription.id)
    assert (late.status, late.latest_invoice.status, late.latest_invoice.attempt_count) == ("past_due", "open", 1)
    assert late.latest_invoice.next_payment_attempt == DECEMBER + HOUR + 3 * DAY
    assert shop.v1.customers.retrieve(alice).delinquent is True
    assert shop.events(before)[3:] == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.updated",
        "customer.subscription.updated",
    ]
    shop.card(alice)
    shop.v1.invoices.pay(late.latest_invoice.id)
    assert shop.subscription(subscription.id).status == "active"
    assert shop.v1.customers.retrieve(alice).delinquent is False


def test_a_renewal_that_asks_for_3d_secure_waits_for_the_customer(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_authenticationRequired")
    shop.go(DECEMBER + HOUR)
    late = shop.subscription(subscription.id)
    assert (late.status, shop.events()[-3:-1]) == (
        "past_due",
        ["invoice.payment_action_required", "customer.updated"],
    )
    shop.authenticate(shop.intent(late.latest_invoice))
    assert shop.subscription(subscription.id).status == "active"


RETRIES = [DECEMBER + HOUR + days * DAY for days in (3, 8, 15, 21)]  # 3, then 5, 7 and 6 days later


def test_four_retries_within_three_weeks_and_then_the_end(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(RETRIES[-1] - 1)
    late = shop.subscription(subscription.id)
    assert (late.status, late.latest_invoice.attempt_count) == ("past_due", 4)
    shop.go(RETRIES[-1])
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert (ended.latest_invoice.status, ended.latest_invoice.next_payment_attempt) == ("open", None)
    failures = [event.created for event in shop.v1.events.list({"type": "invoice.payment_failed"}).data]
    assert failures == [*reversed(RETRIES), DECEMBER + HOUR]


@pytest.mark.parametrize(("setting", "status"), [("unpaid", "unpaid"), ("past_due", "past_due")])
def test_the_account_decides_what_follows_the_last_retry(shop, alice, setting, status):
    settings(shop, after_last_retry=setting)
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(RETRIES[-1])
    assert shop.subscription(subscription.id).status == status


def test_an_unpaid_subscription_drafts_invoices_and_charges_none(shop, alice):
    settings(shop, after_last_retry="unpaid")
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go("2027-01-02")
    draft = shop.subscription(subscription.id).latest_invoice
    assert (draft.status, draft.auto_advance) == ("draft", False)


def test_a_good_card_pays_at_the_next_retry(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + 2 * DAY)
    shop.card(alice)
    shop.go(RETRIES[0])
    assert shop.subscription(subscription.id).status == "active"
    assert shop.invoices(alice)[0].attempt_count == 2


def test_without_any_card_the_renewal_fails(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.payment_methods.detach(shop.v1.customers.payment_methods.list(alice).data[0].id)
    shop.go(DECEMBER + HOUR)
    assert shop.subscription(subscription.id).status == "past_due"
    assert "charge.failed" not in shop.events()


def test_collection_can_be_paused(shop, alice):
    subscription = shop.subscribe(alice)
    pause = {"behavior": "void", "resumes_at": DECEMBER + 10 * DAY}
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    shop.go(DECEMBER + HOUR)
    assert [invoice.status for invoice in shop.invoices(alice)] == ["void", "paid"]
    shop.go("2027-01-01T01:00:00")
    assert [invoice.status for invoice in shop.invoices(alice)] == ["paid", "void", "paid"]
    assert shop.subscription(subscription.id).pause_collection is None


# Changing


def test_an_upgrade_is_billed_to_the_second(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-20T11:30:15")  # 908,985 s of 2,592,000 are left
    upgraded = shop.change(subscription, shop.business, proration_behavior="always_invoice")
    credit, charge = upgraded.latest_invoice.lines.data
    assert credit.amount == -1017  # 2900 × 908,985 / 2,592,000 = 1016.997
    assert charge.amount == 3472  # 9900 × 908,985 / 2,592,000 = 3471.817
    assert (upgraded.latest_invoice.total, upgraded.latest_invoice.status) == (2455, "paid")
    assert credit.description == "Unused time on Team after 20 Nov 2026"
    assert charge.description == "Remaining time on Business after 20 Nov 2026"
    assert item_of(upgraded).current_period_end == DECEMBER
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].total == 9900


def test_a_credit_names_the_line_that_it_gives_back(shop, alice):
    subscription = shop.subscribe(alice)
    first = subscription.latest_invoice
    shop.go("2026-11-16")
    credit, charge = shop.change(
        subscription, shop.business, proration_behavior="always_invoice"
    ).latest_invoice.lines.data
    details = credit.parent.subscription_item_details
    assert details.proration is True
    assert details.proration_details.credited_items.invoice == first.id
    assert details.proration_details.credited_items.invoice_line_items == [first.lines.data[0].id]
    assert charge.parent.subscription_item_details.proration_details.credited_items is None


def test_an_upgrade_tells_of_items_invoice_and_payment(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    before = shop.mark()
    shop.change(subscription, shop.business, proration_behavior="always_invoice")
    assert shop.events(before) == [
        "invoiceitem.created",
        "invoiceitem.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.updated",
    ]
    changed = shop.event("customer.subscription.updated").data.previous_attributes
    assert changed["items"].data[0].price.id == shop.team


def test_a_downgrade_is_credited_on_the_next_invoice(shop, alice):
    subscription = shop.subscribe(alice, shop.business)
    shop.go("2026-11-16")
    before = shop.mark()
    changed = shop.change(subscription, shop.team)
    assert shop.events(before) == ["customer.subscription.updated", "invoiceitem.created", "invoiceitem.created"]
    assert changed.latest_invoice.id == subscription.latest_invoice.id
    shop.go(DECEMBER + HOUR)
    renewal = shop.invoices(alice)[0]
    # Half of Business back (9900 / 2), half of Team asked for (2900 / 2), then December's Team.
    assert amounts(renewal) == [-4950, 1450, 2900]
    assert (renewal.total, renewal.amount_due, renewal.status) == (-600, 0, "paid")
    assert shop.v1.customers.retrieve(alice).balance == -600
    shop.go("2027-01-01T01:00:00")
    assert (shop.invoices(alice)[0].amount_paid, shop.v1.customers.retrieve(alice).balance) == (2300, 0)


def test_a_second_upgrade_credits_what_the_first_one_asked_for(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    shop.go("2026-11-26")
    largest = shop.plan("Largest", 30_000)
    changed = shop.change(subscription, largest, proration_behavior="always_invoice")
    # On the 16th: -1450 and 4950. On the 26th 5 of those 15 days are left: 4950 / 3 back, 30,000 × 5 / 30 asked for.
    assert amounts(changed.latest_invoice) == [-1450, 4950, -1650, 5000]
    lines = changed.latest_invoice.lines.data
    credited = lines[2].parent.subscription_item_details.proration_details.credited_items
    assert (credited.invoice, credited.invoice_line_items) == (changed.latest_invoice.id, [lines[1].id])


def test_there_and_back_in_the_same_second_costs_nothing(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    shop.change(subscription, shop.team)
    shop.go(DECEMBER + HOUR)
    assert shop.invoices(alice)[0].total == 2900


def test_without_proration_nothing_is_asked_until_the_renewal(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, proration_behavior="none")
    assert len(shop.invoices(alice)) == 1
    shop.go(DECEMBER + HOUR)
    assert amounts(shop.invoices(alice)[0]) == [9900]


def test_more_seats_are_billed_for_the_rest_of_the_month(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    changed = shop.change(subscription, item={"quantity": 5}, proration_behavior="always_invoice")
    # One seat's half month back, five seats' half month asked for: 5 × 2900 / 2.
    assert amounts(changed.latest_invoice) == [-1450, 7250]
    assert changed.latest_invoice.lines.data[1].description == "Remaining time on 5 × Team after 16 Nov 2026"


def test_from_month_to_year_begins_a_new_cycle_today(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.plan("Team yearly", 29_000, "year"))
    assert amounts(changed.latest_invoice) == [-1450, 29_000]  # billed at once, without always_invoice
    assert (changed.latest_invoice.amount_paid, changed.billing_cycle_anchor) == (27_550, shop.now)
    assert item_of(changed).current_period_end == at("2027-11-16")


def test_from_year_to_month_leaves_credit_for_many_months(shop, alice):
    subscription = shop.subscribe(alice, shop.plan("Team yearly", 36_500, "year"))
    shop.go("2026-11-11")  # 10 of 365 days used
    changed = shop.change(subscription, shop.team)
    assert amounts(changed.latest_invoice) == [-35_500, 2900]
    assert shop.v1.customers.retrieve(alice).balance == -32_600
    shop.go("2026-12-11T01:00:00")
    renewal = shop.invoices(alice)[0]
    assert (renewal.starting_balance, renewal.amount_due, renewal.ending_balance) == (-32_600, 0, -29_700)


def test_the_first_price_that_is_not_free_begins_a_new_cycle(shop, alice):
    subscription = shop.subscribe(alice, shop.plan("Free", 0))
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.team)
    assert (amounts(changed.latest_invoice), changed.billing_cycle_anchor) == ([2900], shop.now)


def test_the_anchor_can_be_moved_to_today(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    params = {"billing_cycle_anchor": {"type": "now"}, "expand": ["latest_invoice"]}
    changed = shop.v1.subscriptions.update(subscription.id, params)
    assert amounts(changed.latest_invoice) == [-1450, 2900]
    assert item_of(changed).current_period_end == at("2026-12-16")


def test_an_item_without_an_id_is_added(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    params = {"items": [{"price": shop.business}], "proration_behavior": "always_invoice", "expand": ["latest_invoice"]}
    changed = shop.v1.subscriptions.update(subscription.id, params)
    assert amounts(changed.latest_invoice) == [4950]  # half of 9900; Team stays as it is
    assert len(changed["items"].data) == 2
    shop.go(DECEMBER + HOUR)
    assert sorted(amounts(shop.invoices(alice)[0])) == [2900, 9900]


def test_a_dropped_item_is_credited(shop, alice):
    subscription = shop.subscribe(alice, items=[{"price": shop.team}, {"price": shop.business}])
    business = next(item for item in subscription["items"].data if item.price.id == shop.business)
    shop.go("2026-11-16")
    params = {"items": [{"id": business.id, "deleted": True}], "proration_behavior": "always_invoice"}
    shop.v1.subscriptions.update(subscription.id, params)
    assert shop.v1.customers.retrieve(alice).balance == -4950  # half of 9900


def test_the_last_item_cannot_be_dropped(shop, alice):
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError, match="at least one"):
        shop.change(subscription, item={"deleted": True})


def test_months_and_years_live_on_one_subscription(shop, alice):
    yearly = shop.plan("Support", 12_000, "year")
    subscription = shop.subscribe(alice, items=[{"price": shop.team}, {"price": yearly}])
    assert subscription.latest_invoice.total == 14_900
    shop.go(DECEMBER + HOUR)
    assert amounts(shop.invoices(alice)[0]) == [2900]
    ends = {item.price.id: item.current_period_end for item in shop.subscription(subscription.id)["items"].data}
    assert ends == {shop.team: at("2027-01-01"), yearly: at("2027-11-01")}


def test_a_proration_date_must_be_in_the_current_period(shop, alice):
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(subscription, shop.business, proration_date=DECEMBER + 1)
    assert refused.value.param == "subscription_proration_date"


def test_classic_billing_credits_todays_price(shop, alice):
    subscription = shop.subscribe(alice, billing_mode={"type": "classic"})
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, proration_behavior="none")
    changed = shop.change(subscription, shop.team, proration_behavior="always_invoice")
    # Business was never asked for, and yet half of it is given back; flexible billing would give back Team's 1450.
    assert amounts(shop.v1.invoices.retrieve(changed.latest_invoice.id)) == [-4950, 1450]


# Changing, with a card that fails


@pytest.fixture
def late(shop, alice):
    """A subscription to Team at half of November, whose customer's new card fails on charge."""
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.card(alice, "pm_card_chargeCustomerFail")
    return subscription


@pytest.mark.parametrize("behavior", ["allow_incomplete", "default_incomplete"])
def test_an_unpaid_upgrade_is_made_and_past_due(shop, alice, late, behavior):
    changed = shop.change(late, shop.business, proration_behavior="always_invoice", payment_behavior=behavior)
    assert (changed.status, changed.latest_invoice.status) == ("past_due", "open")
    assert item_of(changed).price.id == shop.business
    shop.card(alice)
    shop.v1.invoices.pay(changed.latest_invoice.id)
    assert shop.subscription(late.id).status == "active"


def test_error_if_incomplete_keeps_the_old_plan(shop, alice, late):
    before = shop.mark()
    with pytest.raises(stripe.CardError) as refused:
        shop.change(late, shop.business, proration_behavior="always_invoice", payment_behavior="error_if_incomplete")
    assert refused.value.error.decline_code == "generic_decline"
    kept = shop.subscription(late.id)
    assert (kept.status, item_of(kept).price.id, shop.events(before)) == ("active", shop.team, [])
    assert len(shop.invoices(alice)) == 1


PENDING = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}


def test_a_pending_upgrade_waits_for_its_payment(shop, alice, late):
    changed = shop.change(late, shop.business, **PENDING)
    assert (changed.status, item_of(changed).price.id) == ("active", shop.team)
    assert changed.pending_update.subscription_items[0].price.id == shop.business
    assert changed.pending_update.expires_at == shop.now + 23 * HOUR
    assert (changed.latest_invoice.status, changed.latest_invoice.amount_due) == ("open", 3500)  # 4950 - 1450
    assert changed.latest_invoice.next_payment_attempt is None
    assert shop.v1.customers.retrieve(alice).delinquent is False


def test_paying_applies_a_pending_upgrade(shop, alice, late):
    changed = shop.change(late, shop.business, **PENDING)
    before = shop.mark()
    shop.confirm(changed.latest_invoice, shop.card(alice))
    applied = shop.subscription(late.id)
    assert (item_of(applied).price.id, applied.pending_update) == (shop.business, None)
    assert shop.events(before)[-2:] == ["customer.subscription.updated", "customer.subscription.pending_update_applied"]


def test_an_item_that_was_added_pending_is_there_once_it_is_paid(shop, alice, late):
    item = shop.v1.subscription_items.create({"subscription": late.id, "price": shop.business, **PENDING})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.subscription_items.retrieve(item.id)
    shop.card(alice)
    shop.v1.invoices.pay(shop.invoices(alice)[0].id)
    assert shop.v1.subscription_items.retrieve(item.id).price.id == shop.business


def test_a_good_card_applies_the_upgrade_at_once(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.business, **PENDING)
    assert (item_of(changed).price.id, changed.pending_update) == (shop.business, None)
    assert "customer.subscription.pending_update_applied" not in shop.events()


def test_a_pending_upgrade_with_3d_secure_is_applied_after_it(shop, alice, late):
    shop.card(alice, "pm_card_authenticationRequired")
    changed = shop.change(late, shop.business, **PENDING)
    assert item_of(changed).price.id == shop.team
    shop.authenticate(shop.intent(changed.latest_invoice))
    assert item_of(shop.subscription(late.id)).price.id == shop.business


def test_a_pending_upgrade_expires_after_23_hours(shop, late):
    changed = shop.change(late, shop.business, **PENDING)
    shop.go(shop.now + 23 * HOUR)
    kept = shop.subscription(late.id)
    assert (item_of(kept).price.id, kept.pending_update, kept.latest_invoice.status) == (shop.team, None, "void")
    assert kept.latest_invoice.id == changed.latest_invoice.id
    assert "customer.subscription.pending_update_expired" in shop.events()


def test_voiding_the_invoice_drops_the_pending_upgrade(shop, alice, late):
    changed = shop.change(late, shop.business, **PENDING)
    shop.v1.invoices.void_invoice(changed.latest_invoice.id)
    kept = shop.subscription(late.id)
    assert (item_of(kept).price.id, kept.pending_update) == (shop.team, None)
    # What the void invoice gave back was not given: the next upgrade credits Team's 1450 again.
    shop.card(alice)
    again = shop.change(late, shop.business, **PENDING)
    assert amounts(again.latest_invoice) == [-1450, 4950]


def test_a_newer_pending_upgrade_replaces_the_older(shop, late):
    first = shop.change(late, shop.business, **PENDING).latest_invoice
    second = shop.change(late, shop.plan("Largest", 30_000), **PENDING)
    assert shop.v1.invoices.retrieve(first.id).status == "void"
    assert amounts(second.latest_invoice) == [-1450, 15_000]


def test_a_pending_update_takes_no_other_changes(shop, late):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(late, shop.business, **PENDING, description="Ours")
    assert refused.value.param == "description"


def test_an_incomplete_subscription_cannot_change_its_plan(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.change(subscription, shop.business)
    assert refused.value.param == "items"
    assert shop.v1.subscriptions.update(subscription.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"


# Ending


def test_cancelling_at_period_end_and_changing_ones_mind(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    why = {"feedback": "too_expensive", "comment": "We are three now."}
    params = {"cancel_at_period_end": True, "cancellation_details": why}
    leaving = shop.v1.subscriptions.update(subscription.id, params)
    assert (leaving.status, leaving.cancel_at, leaving.canceled_at) == ("active", DECEMBER, shop.now)
    assert leaving.cancellation_details.to_dict() == {
        "comment": "We are three now.",
        "feedback": "too_expensive",
        "feedback_option": None,
        "reason": "cancellation_requested",
    }
    changed = shop.event("customer.subscription.updated").data.previous_attributes.to_dict()
    assert {key: changed[key] for key in ("cancel_at", "cancel_at_period_end", "canceled_at")} == {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
    }
    staying = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (staying.cancel_at, staying.canceled_at, staying.cancellation_details.reason) == (None, None, None)
    shop.go(DECEMBER + HOUR)
    assert shop.subscription(subscription.id).status == "active"


def test_at_the_end_of_the_period_it_ends_without_another_invoice(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    before = shop.mark()
    shop.go(DECEMBER + DAY)
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", DECEMBER, NOVEMBER)
    assert (shop.events(before), len(shop.invoices(alice))) == (["customer.subscription.deleted"], 1)


def test_prorations_that_wait_are_billed_when_it_ends_at_period_end(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business, cancel_at_period_end=True)
    shop.go(DECEMBER)
    assert amounts(shop.invoices(alice)[0]) == [-1450, 4950]


def test_it_can_end_on_a_date(shop, alice):
    subscription = shop.subscribe(alice, cancel_at=at("2026-12-10"))
    shop.go("2026-12-11")
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.ended_at, len(shop.invoices(alice))) == ("canceled", at("2026-12-10"), 2)


def test_the_date_of_its_end_can_be_taken_back(shop, alice):
    subscription = shop.subscribe(alice, cancel_at=at("2026-12-10"))
    staying = shop.v1.subscriptions.update(subscription.id, {"cancel_at": ""})
    assert (staying.cancel_at, staying.canceled_at) == (None, None)
    shop.go("2027-01-02")
    assert shop.subscription(subscription.id).status == "active"


def test_it_can_end_with_its_longest_period(shop, alice):
    items = [{"price": shop.team}, {"price": shop.plan("Support", 12_000, "year")}]
    assert shop.subscribe(alice, items=items, cancel_at="min_period_end").cancel_at == DECEMBER
    assert shop.subscribe(alice, items=items, cancel_at="max_period_end").cancel_at == at("2027-11-01")


def test_voiding_the_first_invoice_ends_an_incomplete_subscription(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    shop.v1.invoices.void_invoice(subscription.latest_invoice.id)
    assert shop.subscription(subscription.id).status == "incomplete_expired"


def test_cancelling_now_gives_nothing_back(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    ended = shop.v1.subscriptions.cancel(subscription.id)
    assert (ended.status, ended.ended_at, ended.cancellation_details.reason) == (
        "canceled",
        shop.now,
        "cancellation_requested",
    )
    assert shop.v1.customers.retrieve(alice).balance == 0


def test_cancelling_now_with_prorate_and_an_invoice_leaves_credit(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    assert amounts(shop.invoices(alice)[0]) == [-1450]
    assert shop.v1.customers.retrieve(alice).balance == -1450


def test_cancelling_now_with_prorate_alone_leaves_the_credit_waiting(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.v1.subscriptions.cancel(subscription.id, {"prorate": True})
    assert [item.amount for item in shop.v1.invoice_items.list({"customer": alice, "pending": True}).data] == [-1450]


def test_cancelling_now_drops_prorations_that_wait(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    shop.v1.subscriptions.cancel(subscription.id)
    assert shop.v1.invoice_items.list({"customer": alice}).data == []


def test_cancelling_stops_the_collection_of_open_invoices(shop, alice):
    subscription = shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + HOUR)
    shop.v1.subscriptions.cancel(subscription.id)
    invoice = shop.invoices(alice)[0]
    assert (invoice.status, invoice.auto_advance, invoice.next_payment_attempt) == ("open", False, None)
    shop.go("2027-02-01")
    assert shop.invoices(alice)[0].attempt_count == 1


def test_cancelling_an_incomplete_subscription_voids_its_invoice(shop):
    subscription = shop.subscribe(shop.customer(card=None), payment_behavior="default_incomplete")
    shop.v1.subscriptions.cancel(subscription.id)
    ended = shop.subscription(subscription.id)
    assert (ended.status, ended.latest_invoice.status) == ("canceled", "void")


def test_what_has_ended_stays_ended(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="cancellation_details and metadata"):
        shop.change(subscription, shop.business)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscriptions.cancel(subscription.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    after = shop.v1.subscriptions.update(subscription.id, {"cancellation_details": {"feedback": "unused"}})
    assert after.cancellation_details.feedback == "unused"


def test_deleting_a_customer_ends_their_subscriptions(shop, alice):
    subscription = shop.subscribe(alice)
    shop.v1.customers.delete(alice)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"


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
