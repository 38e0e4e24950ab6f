"""Refunds: money back to the card, in parts or whole, at once or after a while, or not at all."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def refunds(shop):
    return shop.v1.refunds


@pytest.fixture
def pay(shop):
    """Charge a card $20.00, and return the payment intent."""

    def pay(card="pm_card_visa", **params):
        return shop.v1.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method": card, "confirm": True,
             "return_url": "https://shop.example/back", **params}
        )  # fmt: skip

    return pay


def charge_of(shop, intent):
    return shop.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})


def test_a_refund_comes_in_parts_until_nothing_is_left(shop, refunds, pay):
    intent = pay()
    since = shop.mark()
    part = refunds.create({"payment_intent": intent.id, "amount": 700, "reason": "requested_by_customer"})
    assert (part.status, part.amount, part.reason, part.charge) == (
        "succeeded", 700, "requested_by_customer", intent.latest_charge,
    )  # fmt: skip
    charge = charge_of(shop, intent)
    assert (charge.amount_refunded, charge.refunded) == (700, False)
    assert shop.events(since) == ["refund.created", "charge.refunded"]
    assert shop.event("charge.refunded").data.previous_attributes["amount_refunded"] == 0
    rest = refunds.create({"charge": charge.id})
    assert rest.amount == 1300
    charge = charge_of(shop, intent)
    assert (charge.amount_refunded, charge.refunded, len(charge.refunds.data)) == (2000, True, 2)
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded") as error:
        refunds.create({"charge": charge.id})
    assert error.value.code == "charge_already_refunded"


def test_no_more_than_what_is_left_can_be_refunded(refunds, pay):
    intent = pay()
    refunds.create({"payment_intent": intent.id, "amount": 1500})
    with pytest.raises(stripe.InvalidRequestError) as error:
        refunds.create({"payment_intent": intent.id, "amount": 501})
    assert error.value.user_message == "Refund amount ($5.01) is greater than unrefunded amount on charge ($5.00)"
    assert error.value.param == "amount"


def test_of_a_part_that_was_captured_all_can_be_refunded(shop, refunds, pay):
    intent = pay(capture_method="manual")
    shop.v1.payment_intents.capture(intent.id, {"amount_to_capture": 1500})
    # 5.00 were let go at the capture, 15.00 are left
    refund = refunds.create({"payment_intent": intent.id})
    assert refund.amount == 1500
    assert charge_of(shop, intent).refunded


def test_what_was_not_captured_cannot_be_refunded(refunds, pay):
    intent = pay(capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        refunds.create({"payment_intent": intent.id})


def test_a_refund_takes_the_money_out_of_the_balance(shop, refunds, pay):
    refund = refunds.create({"payment_intent": pay().id, "expand": ["balance_transaction.source"]})
    taken = refund.balance_transaction
    assert (taken.amount, taken.fee, taken.net, taken.type, taken.source.id) == (-2000, 0, -2000, "refund", refund.id)


def test_a_pending_refund_succeeds_after_a_while(shop, refunds, pay):
    refund = refunds.create({"payment_intent": pay("pm_card_pendingRefund").id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    shop.go(shop.now + 60)
    settled = refunds.retrieve(refund.id)
    assert settled.status == "succeeded"
    assert "pending_reason" not in settled
    assert shop.event("refund.updated").data.previous_attributes["status"] == "pending"


def test_a_refund_can_fail_after_it_has_succeeded(shop, refunds, pay):
    intent = pay("pm_card_refundFail")
    refund = refunds.create({"payment_intent": intent.id, "amount": 800})
    assert refund.status == "succeeded"
    shop.go(shop.now + 60)
    failed = refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction.source"]})
    assert (failed.status, failed.failure_reason) == ("failed", "unknown")
    back = failed.failure_balance_transaction
    assert (back.amount, back.type, back.source.id) == (800, "refund_failure", refund.id)
    charge = charge_of(shop, intent)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert shop.event("refund.failed").data.object.id == refund.id
    assert refunds.create({"payment_intent": intent.id}).amount == 2000


def test_a_refund_of_a_card_cannot_be_canceled(refunds, pay):
    refund = refunds.create({"payment_intent": pay("pm_card_pendingRefund").id})
    with pytest.raises(stripe.InvalidRequestError, match="status of pending"):
        refunds.cancel(refund.id)


def test_only_metadata_of_a_refund_can_change(refunds, pay):
    refund = refunds.create({"payment_intent": pay().id, "metadata": {"order": "7"}})
    assert refunds.update(refund.id, {"metadata": {"order": ""}}).metadata.to_dict() == {}
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        refunds.update(refund.id, {"amount": 1})


def test_refunds_are_listed_by_charge_and_payment_intent(refunds, pay):
    one, other = pay(), pay()
    mine = [refunds.create({"payment_intent": one.id, "amount": 100}).id for _ in range(2)]
    refunds.create({"payment_intent": other.id})
    assert [each.id for each in refunds.list({"charge": one.latest_charge})] == mine[::-1]
    assert [each.id for each in refunds.list({"payment_intent": one.id})] == mine[::-1]
    assert len(refunds.list().data) == 3


def test_refunding_an_invoices_payment_leaves_the_invoice_paid(shop, refunds):
    subscription = shop.subscribe(shop.customer())
    refunds.create({"payment_intent": shop.intent(subscription.latest_invoice)})
    after = shop.subscription(subscription.id)
    assert (after.status, after.latest_invoice.status, after.latest_invoice.amount_paid) == ("active", "paid", 2900)


@pytest.mark.parametrize("params", [{}, {"charge": "ch_1", "payment_intent": "pi_1"}])
def test_it_has_to_know_what_to_refund(refunds, params):
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent or charge"):
        refunds.create(params)


def test_the_accounts_balance_is_what_came_in_less_what_went_out(shop, refunds, pay):
    def balance(part):
        return [(each.amount, each.currency) for each in shop.v1.balance.retrieve()[part]]

    assert (balance("available"), balance("pending")) == ([], [])
    # 20.00 less the fee of 2.9 % + 0.30 = 0.88, to come in two days; 5.00 go back at once
    refunds.create({"payment_intent": pay().id, "amount": 500})
    assert (balance("available"), balance("pending")) == ([(-500, "usd")], [(1912, "usd")])
    shop.go(shop.now + 2 * 86_400)
    assert (balance("available"), balance("pending")) == ([(1412, "usd")], [])
