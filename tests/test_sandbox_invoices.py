"""Invoices at the sandbox: drafted, finalised, paid, refused, voided and previewed, each amount worked out by hand."""

from __future__ import annotations

import pytest
import stripe

from sandbox.engine.calendar import DAY, HOUR
from shop import DECEMBER, NOVEMBER, amounts

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


def bill(shop, customer, *amounts, **params):
    """Draft an invoice by hand with one line per amount."""
    invoice = shop.v1.invoices.create({"customer": customer, **params})
    for amount in amounts:
        shop.v1.invoice_items.create({"customer": customer, "invoice": invoice.id, "amount": amount, "currency": "usd"})
    return shop.v1.invoices.retrieve(invoice.id)


def open_invoice(shop, customer, *amounts):
    return shop.v1.invoices.finalize_invoice(bill(shop, customer, *amounts).id)


# From draft to open


def test_a_draft_adds_up_what_it_is_given(shop, alice):
    draft = bill(shop, alice, 1000, 250, -50)
    assert (draft.status, draft.number, draft.total, draft.amount_due) == ("draft", None, 1200, 1200)
    assert sorted(amounts(draft)) == [-50, 250, 1000]


def test_finalising_numbers_it_and_prepares_its_payment(shop, alice):
    draft = bill(shop, alice, 1000)
    before = shop.mark()
    invoice = shop.v1.invoices.finalize_invoice(draft.id, {"expand": ["payments", "confirmation_secret"]})
    prefix = shop.v1.customers.retrieve(alice).invoice_prefix
    assert (invoice.status, invoice.number, invoice.status_transitions.finalized_at) == (
        "open",
        f"{prefix}-0001",
        shop.now,
    )
    payment = invoice.payments.data[0]
    assert (payment.status, payment.amount_requested, payment.is_default) == ("open", 1000, True)
    intent = shop.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (intent.amount, intent.customer, intent.client_secret) == (
        1000,
        alice,
        invoice.confirmation_secret.client_secret,
    )
    assert shop.events(before) == ["invoice.finalized", "payment_intent.created", "invoice.updated"]


def test_numbers_run_on_without_gaps_per_customer(shop, alice):
    bob = shop.customer(email="bob@example.com")
    numbers = [open_invoice(shop, customer, 1000).number for customer in (alice, bob, alice)]
    assert [number[-5:] for number in numbers] == ["-0001", "-0001", "-0002"]
    assert numbers[0].split("-")[0] == numbers[2].split("-")[0] != numbers[1].split("-")[0]


def test_a_finalised_invoice_cannot_be_edited_finalised_or_deleted(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    for refused in (
        lambda: shop.v1.invoices.update(invoice.id, {"number": "X-1"}),
        lambda: shop.v1.invoices.finalize_invoice(invoice.id),
        lambda: shop.v1.invoices.delete(invoice.id),
        lambda: shop.v1.invoice_items.create(
            {"customer": alice, "invoice": invoice.id, "amount": 1, "currency": "usd"}
        ),
        lambda: shop.v1.invoice_items.delete(invoice.lines.data[0].parent.invoice_item_details.invoice_item),
    ):
        with pytest.raises(stripe.InvalidRequestError) as error:
            refused()
        assert (error.value.http_status, error.value.code) == (400, "invoice_not_editable")


def test_metadata_and_description_can_change_at_any_time(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    changed = shop.v1.invoices.update(invoice.id, {"metadata": {"order": "7"}, "description": "Thank you"})
    assert (changed.metadata["order"], changed.description) == ("7", "Thank you")
    assert shop.v1.invoices.update(invoice.id, {"metadata": {"order": ""}}).metadata.to_dict() == {}


def test_a_one_off_draft_can_be_deleted_and_its_items_wait_again(shop, alice):
    draft = bill(shop, alice, 1000)
    assert shop.v1.invoices.delete(draft.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as gone:
        shop.v1.invoices.retrieve(draft.id)
    assert gone.value.code == "resource_missing"
    assert [item.amount for item in shop.v1.invoice_items.list({"customer": alice, "pending": True}).data] == [1000]


def test_a_draft_of_a_subscription_cannot_be_deleted(shop, alice):
    shop.subscribe(alice)
    shop.go(DECEMBER)
    with pytest.raises(stripe.InvalidRequestError, match="subscriptions"):
        shop.v1.invoices.delete(shop.invoices(alice)[0].id)


def test_an_invoice_shows_ten_lines_and_lists_the_rest(shop, alice):
    draft = bill(shop, alice, *range(101, 113))
    assert (len(draft.lines.data), draft.lines.has_more, draft.total) == (10, True, sum(range(101, 113)))
    first = shop.v1.invoices.line_items.list(draft.id, {"limit": 10})
    rest = shop.v1.invoices.line_items.list(draft.id, {"starting_after": first.data[-1].id})
    assert [line.id for line in first.data] == [line.id for line in draft.lines.data]
    assert sorted(line.amount for line in [*first.data, *rest.data]) == list(range(101, 113))
    assert rest.has_more is False


def test_an_automatic_invoice_finalises_and_charges_itself(shop, alice):
    draft = bill(shop, alice, 1000, auto_advance=True)
    assert draft.automatically_finalizes_at == NOVEMBER + HOUR
    shop.go(NOVEMBER + HOUR)
    assert shop.v1.invoices.retrieve(draft.id).status == "paid"


def test_finalising_with_auto_advance_charges_an_hour_later(shop, alice):
    invoice = shop.v1.invoices.finalize_invoice(bill(shop, alice, 1000).id, {"auto_advance": True})
    assert (invoice.status, invoice.next_payment_attempt) == ("open", NOVEMBER + HOUR)
    shop.go(NOVEMBER + HOUR)
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_manual_draft_stays_a_draft(shop, alice):
    draft = bill(shop, alice, 1000)
    shop.go("2027-11-01")
    assert shop.v1.invoices.retrieve(draft.id).status == "draft"


# Invoice items


def test_an_item_waits_for_the_next_invoice_of_the_subscription(shop, alice):
    shop.subscribe(alice)
    shop.v1.invoice_items.create({"customer": alice, "amount": 700, "currency": "usd", "description": "Setup"})
    shop.go(DECEMBER + HOUR)
    renewal = shop.invoices(alice)[0]
    assert [(line.description, line.amount) for line in renewal.lines.data] == [
        ("Setup", 700),
        ("1 × Team (at $29.00 / month)", 2900),
    ]
    assert renewal.lines.data[0].parent.type == "invoice_item_details"


def test_an_item_may_be_priced(shop, alice):
    product = shop.v1.products.create({"name": "Mug"}).id
    price = shop.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 550}).id
    item = shop.v1.invoice_items.create({"customer": alice, "pricing": {"price": price}, "quantity": 3})
    assert (item.amount, item.description, item.pricing.price_details.price) == (1650, "Mug", price)
    data = {"currency": "usd", "product": product, "unit_amount": 200}
    assert shop.v1.invoice_items.create({"customer": alice, "price_data": data}).amount == 200


def test_an_item_can_change_until_its_invoice_is_finalised(shop, alice):
    draft = bill(shop, alice, 1000)
    item = draft.lines.data[0].parent.invoice_item_details.invoice_item
    shop.v1.invoice_items.update(item, {"amount": 1500, "description": "More"})
    changed = shop.v1.invoices.retrieve(draft.id)
    assert (changed.total, changed.lines.data[0].description) == (1500, "More")
    shop.v1.invoice_items.delete(item)
    assert shop.v1.invoices.retrieve(draft.id).total == 0


def test_an_invoice_takes_what_waits_only_when_asked(shop, alice):
    shop.v1.invoice_items.create({"customer": alice, "amount": 700, "currency": "usd"})
    assert shop.v1.invoices.create({"customer": alice}).total == 0
    including = {"customer": alice, "pending_invoice_items_behavior": "include"}
    assert shop.v1.invoices.create(including).total == 700
    assert shop.v1.invoices.create(including).total == 0


def test_an_invoice_can_take_what_waits_for_a_subscription(shop, alice):
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    shop.change(subscription, shop.business)
    params = {"customer": alice, "subscription": subscription.id}
    assert amounts(shop.v1.invoices.create(params)) == [-1450, 4950]
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        shop.v1.invoices.create(params)
    assert nothing.value.code == "invoice_no_subscription_line_items"


def test_an_item_of_a_subscription_waits_for_its_invoices_only(shop, alice):
    shop.subscribe(alice)
    other = shop.subscribe(alice, shop.plan("Yearly", 20_000, "year"))
    shop.v1.invoice_items.create({"customer": alice, "amount": 700, "currency": "usd", "subscription": other.id})
    shop.go(DECEMBER + HOUR)
    assert amounts(shop.invoices(alice)[0]) == [2900]


def test_fractions_of_a_cent_are_multiplied_before_they_are_rounded(shop, alice):
    params = {"customer": alice, "currency": "usd", "quantity": 3, "unit_amount_decimal": "0.25"}
    item = shop.v1.invoice_items.create(params)
    assert (item.amount, shop.v1.invoice_items.retrieve(item.id).quantity) == (1, 3)  # 0.75 cents


@pytest.mark.parametrize(
    "params",
    [{}, {"pricing": {"price": "recurring"}}, {"pricing": {"price": "price_none"}}, {"amount": 5, "invoice": "in_x"}],
)
def test_it_refuses_items_that_make_no_sense(shop, alice, params):
    if params.get("pricing", {}).get("price") == "recurring":
        params = {"pricing": {"price": shop.team}}
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoice_items.create({"customer": alice, **params})
    assert shop.v1.invoice_items.list({"customer": alice}).data == []


# Paying


def test_paying_an_open_invoice_charges_the_default_card(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    before = shop.mark()
    paid = shop.v1.invoices.pay(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining, paid.attempt_count) == ("paid", 1000, 0, 1)
    assert (paid.attempted, paid.status_transitions.paid_at) == (True, shop.now)
    assert paid.payments.data[0].payment.payment_intent.status == "succeeded"
    assert shop.events(before) == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_it_may_be_paid_with_another_card_of_the_customer(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    card = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": alice}).id
    shop.v1.invoices.pay(invoice.id, {"payment_method": card})
    assert shop.v1.payment_intents.retrieve(shop.intent(invoice)).payment_method == card


def test_it_refuses_a_card_of_another_customer(shop, alice):
    theirs = shop.card(shop.customer(email="bob@example.com"))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoices.pay(open_invoice(shop, alice, 1000).id, {"payment_method": theirs})
    assert refused.value.param == "payment_method"


def test_a_declined_payment_leaves_its_trace(shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    invoice = open_invoice(shop, customer, 1000)
    before = shop.mark()
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.invoices.pay(invoice.id)
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    assert refused.value.user_message == "Your card was declined."
    after = shop.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.attempted, after.attempt_count) == ("open", True, 1)
    assert shop.events(before) == ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]
    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(invoice.id)
    assert shop.v1.invoices.retrieve(invoice.id).attempt_count == 1  # only the calendar counts further


def test_3d_secure_is_asked_for_and_completed_in_the_browser(shop):
    customer = shop.customer("pm_card_authenticationRequired")
    invoice = open_invoice(shop, customer, 1000)
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.invoices.pay(invoice.id)
    assert (refused.value.http_status, refused.value.code) == (402, "invoice_payment_intent_requires_action")
    assert refused.value.error.payment_intent.status == "requires_action"
    assert shop.events()[-1] == "invoice.payment_action_required"
    shop.authenticate(shop.intent(invoice))
    assert shop.v1.invoices.retrieve(invoice.id).status == "paid"


def test_paying_out_of_band_charges_nothing(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    paid = shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 0, 0)
    assert shop.v1.payment_intents.retrieve(shop.intent(invoice)).status == "canceled"
    assert "invoice.payment_succeeded" not in shop.events()


def test_paying_twice_is_refused(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    shop.v1.invoices.pay(invoice.id)
    with pytest.raises(stripe.InvalidRequestError, match="already paid") as refused:
        shop.v1.invoices.pay(invoice.id)
    assert refused.value.http_status == 400


def test_paying_a_draft_finalises_it(shop, alice):
    paid = shop.v1.invoices.pay(bill(shop, alice, 1000).id)
    assert (paid.status, paid.number[-4:]) == ("paid", "0001")


def test_paying_without_any_card_says_so(shop):
    customer = shop.customer(card=None)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoices.pay(open_invoice(shop, customer, 1000).id)
    assert refused.value.code == "resource_missing"


def test_the_payment_of_an_intent_leads_to_its_invoice(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    payment = {"type": "payment_intent", "payment_intent": shop.intent(invoice)}
    (found,) = shop.v1.invoice_payments.list({"payment": payment}).data
    assert found.invoice == invoice.id
    assert shop.v1.invoice_payments.retrieve(found.id, {"expand": ["invoice"]}).invoice.number == invoice.number
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoice_payments.retrieve("inpay_none")


# Giving up


def test_voiding_cancels_the_payment(shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    before = shop.mark()
    void = shop.v1.invoices.void_invoice(invoice.id)
    assert (void.status, void.status_transitions.voided_at) == ("void", shop.now)
    assert shop.v1.payment_intents.retrieve(shop.intent(invoice)).cancellation_reason == "void_invoice"
    assert shop.events(before) == ["invoice.voided", "payment_intent.canceled"]
    for refused in (shop.v1.invoices.void_invoice, shop.v1.invoices.pay, shop.v1.invoices.mark_uncollectible):
        with pytest.raises(stripe.InvalidRequestError):
            refused(invoice.id)


def test_a_draft_cannot_be_voided(shop, alice):
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoices.void_invoice(bill(shop, alice, 1000).id)


def test_bad_debt_can_still_be_paid(shop, alice):
    invoice = shop.v1.invoices.mark_uncollectible(open_invoice(shop, alice, 1000).id)
    assert (invoice.status, invoice.status_details.uncollectible.reason) == ("uncollectible", "payment_not_received")
    paid = shop.v1.invoices.pay(invoice.id)
    assert (paid.status, "status_details" in paid) == ("paid", False)


def test_giving_up_a_debt_clears_the_customer(shop, alice):
    shop.subscribe(alice)
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.go(DECEMBER + HOUR)
    shop.v1.invoices.mark_uncollectible(shop.invoices(alice)[0].id)
    assert shop.v1.customers.retrieve(alice).delinquent is False


def test_sending_finalises_and_says_so(shop, alice):
    draft = bill(shop, alice, 1000, collection_method="send_invoice", days_until_due=7)
    sent = shop.v1.invoices.send_invoice(draft.id)
    assert (sent.status, sent.due_date) == ("open", NOVEMBER + 7 * DAY)
    assert shop.events()[-1] == "invoice.sent"


def test_a_void_invoice_is_not_sent(shop, alice):
    invoice = shop.v1.invoices.void_invoice(open_invoice(shop, alice, 1000).id)
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.invoices.send_invoice(invoice.id)


def test_sending_needs_a_due_date(shop, alice):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoices.create({"customer": alice, "collection_method": "send_invoice"})
    assert refused.value.param == "days_until_due"


# The customer's balance


def test_credit_is_used_before_the_card(shop):
    customer = shop.customer(balance=-600)
    invoice = open_invoice(shop, customer, 1000)
    assert (invoice.starting_balance, invoice.ending_balance) == (-600, 0)
    assert (invoice.total, invoice.amount_due) == (1000, 400)
    assert shop.v1.customers.retrieve(customer).balance == 0


def test_credit_that_covers_everything_pays(shop):
    customer = shop.customer(balance=-1500)
    invoice = open_invoice(shop, customer, 1000)
    assert (invoice.status, invoice.amount_due, invoice.ending_balance) == ("paid", 0, -500)
    assert shop.v1.invoice_payments.list({"invoice": invoice.id}).data == []


def test_a_negative_invoice_becomes_credit(shop, alice):
    invoice = open_invoice(shop, alice, 300, -1000)
    assert (invoice.total, invoice.amount_due, invoice.status) == (-700, 0, "paid")
    assert shop.v1.customers.retrieve(alice).balance == -700


def test_what_is_too_small_to_charge_is_carried_over(shop, alice):
    invoice = open_invoice(shop, alice, 30)  # Stripe charges 50 cents at least
    assert (invoice.amount_due, invoice.status, invoice.ending_balance) == (0, "paid", 30)
    assert open_invoice(shop, alice, 100).amount_due == 130


def test_voiding_gives_the_credit_back(shop):
    customer = shop.customer(balance=-600)
    shop.v1.invoices.void_invoice(open_invoice(shop, customer, 1000).id)
    assert shop.v1.customers.retrieve(customer).balance == -600


# Finding


def test_lists_filter_by_customer_status_and_subscription(shop, alice):
    subscription = shop.subscribe(alice)
    one_off = open_invoice(shop, alice, 1000)

    def ids(**params):
        return [invoice.id for invoice in shop.v1.invoices.list(params).data]

    assert ids(customer=alice) == [one_off.id, subscription.latest_invoice.id]
    assert ids(customer=alice, status="open") == [one_off.id]
    assert ids(subscription=subscription.id) == [subscription.latest_invoice.id]
    assert ids(customer=alice, limit=1) == [one_off.id]
    assert ids(customer=alice, starting_after=one_off.id) == [subscription.latest_invoice.id]
    with pytest.raises(stripe.InvalidRequestError):
        ids(customer="cus_none")
