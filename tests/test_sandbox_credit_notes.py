"""Credit notes: what is taken back of an invoice, before and after it was paid."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def notes(shop):
    return shop.v1.credit_notes


@pytest.fixture
def ada(shop):
    return shop.customer(name="Ada Lovelace")


@pytest.fixture
def bill(shop, ada):
    """A function that finalises an invoice with one line for each amount, or each hash of parameters."""

    def bill(*amounts, pay=False, **params):
        invoice = shop.v1.invoices.create({"customer": ada, "auto_advance": False, **params})
        for amount in amounts:
            item = amount if isinstance(amount, dict) else {"amount": amount}
            shop.v1.invoice_items.create({"customer": ada, "invoice": invoice.id, "currency": "usd", **item})
        final = shop.v1.invoices.finalize_invoice(invoice.id)
        return shop.v1.invoices.pay(final.id) if pay else final

    return bill


def test_a_note_on_an_open_invoice_leaves_less_to_pay(shop, notes, bill, ada):
    invoice = bill(2000)
    since = shop.mark()
    note = notes.create({"invoice": invoice.id, "amount": 500, "reason": "order_change", "memo": "One seat less"})
    assert (note.status, note.type, note.total, note.pre_payment_amount, note.post_payment_amount) == (
        "issued", "pre_payment", 500, 500, 0,
    )  # fmt: skip
    assert (note.number, note.customer, note.memo) == (f"{invoice.number}-CN-01", ada, "One seat less")
    assert shop.events(since) == ["credit_note.created", "invoice.updated"]
    after = shop.v1.invoices.retrieve(invoice.id)
    assert (after.amount_due, after.amount_remaining, after.total) == (1500, 1500, 2000)
    assert after.pre_payment_credit_notes_amount == 500
    intent = shop.v1.payment_intents.retrieve(shop.intent(invoice))
    assert intent.amount == 1500
    paid = shop.v1.invoices.pay(invoice.id)
    assert (paid.amount_paid, paid.amount_remaining) == (1500, 0)


def test_an_invoice_that_is_forgiven_whole_is_paid(shop, notes, bill):
    invoice = bill(2000)
    notes.create({"invoice": invoice.id, "amount": 1200})
    second = notes.create({"invoice": invoice.id, "amount": 800})
    assert second.number.endswith("-CN-02")
    after = shop.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.amount_paid, after.amount_remaining) == ("paid", 0, 0)
    assert shop.v1.payment_intents.retrieve(shop.intent(invoice)).status == "canceled"


def test_what_was_paid_is_given_back_in_three_ways(shop, notes, bill, ada):
    invoice = bill(2000, pay=True)
    note = notes.create(
        {"invoice": invoice.id, "amount": 1000, "refund_amount": 600, "credit_amount": 300, "out_of_band_amount": 100,
         "expand": ["customer_balance_transaction", "refunds.refund"]}
    )  # fmt: skip
    assert (note.type, note.post_payment_amount, note.out_of_band_amount) == ("post_payment", 1000, 100)
    (refunded,) = note.refunds
    assert (refunded.amount_refunded, refunded.refund.status, refunded.refund.amount) == (600, "succeeded", 600)
    moved = note.customer_balance_transaction
    assert (moved.type, moved.amount, moved.credit_note, moved.invoice) == ("credit_note", -300, note.id, None)
    assert shop.v1.customers.retrieve(ada).balance == -300
    after = shop.v1.invoices.retrieve(invoice.id)
    assert (after.status, after.amount_paid, after.post_payment_credit_notes_amount) == ("paid", 2000, 1000)


@pytest.mark.parametrize("back", [{}, {"refund_amount": 999}, {"credit_amount": 600, "refund_amount": 600}])
def test_what_is_given_back_has_to_add_up(shop, notes, bill, ada, back):
    invoice = bill(2000, pay=True)
    with pytest.raises(stripe.InvalidRequestError, match="must equal the post-payment amount"):
        notes.create({"invoice": invoice.id, "amount": 1000, **back})
    assert list(notes.list()) == []
    assert shop.v1.customers.retrieve(ada).balance == 0


def test_a_refund_that_was_made_before_can_be_linked(shop, notes, bill):
    invoice = bill(2000, pay=True)
    refund = shop.v1.refunds.create({"payment_intent": shop.intent(invoice), "amount": 700})
    note = notes.create({"invoice": invoice.id, "amount": 700, "refunds": [{"refund": refund.id}]})
    assert [(each.refund, each.amount_refunded) for each in note.refunds] == [(refund.id, 700)]
    other = shop.v1.refunds.create({"payment_intent": shop.intent(bill(900, pay=True))})
    with pytest.raises(stripe.InvalidRequestError, match="none of this invoice's payment") as error:
        notes.create({"invoice": invoice.id, "amount": 900, "refunds": [{"refund": other.id}]})
    assert error.value.param == "refunds[0][refund]"


def test_no_more_is_refunded_than_was_charged(shop, notes, bill, ada):
    shop.v1.customers.balance_transactions.create(ada, {"amount": -1500, "currency": "usd"})
    invoice = bill(2000, pay=True)
    # 15.00 came from the balance, so that 5.00 were charged
    with pytest.raises(stripe.InvalidRequestError, match=r"No more than \$5.00") as error:
        notes.create({"invoice": invoice.id, "amount": 2000, "refund_amount": 2000})
    assert error.value.param == "refund_amount"
    notes.create({"invoice": invoice.id, "amount": 2000, "refund_amount": 500, "credit_amount": 1500})
    assert shop.v1.customers.retrieve(ada).balance == -1500


def test_lines_are_credited_in_part_by_amount_or_quantity(shop, notes, bill):
    invoice = bill({"unit_amount_decimal": "300", "quantity": 4}, 1000)
    one, four = invoice.lines.data
    note = notes.create(
        {
            "invoice": invoice.id,
            "lines": [
                {"type": "invoice_line_item", "invoice_line_item": four.id, "quantity": 3},
                {"type": "invoice_line_item", "invoice_line_item": one.id, "amount": 250, "metadata": {"why": "late"}},
                {"type": "custom_line_item", "description": "Goodwill", "unit_amount": 25, "quantity": 2},
            ],
        }
    )
    assert [(line.amount, line.quantity, line.type) for line in note.lines.data] == [
        (900, 3, "invoice_line_item"),
        (250, None, "invoice_line_item"),
        (50, 2, "custom_line_item"),
    ]
    assert note.total == 1200
    assert [line.id for line in notes.line_items.list(note.id)] == [line.id for line in note.lines.data]
    line = {"type": "invoice_line_item", "invoice_line_item": four.id, "amount": 301}
    with pytest.raises(stripe.InvalidRequestError, match=r"No more than \$3.00") as error:
        notes.create({"invoice": invoice.id, "lines": [line]})
    assert error.value.param == "lines[0][amount]"


def test_taxes_and_discounts_are_credited_in_proportion(shop, notes, bill):
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
    coupon = shop.v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    invoice = bill(1000, default_tax_rates=[rate], discounts=[{"coupon": coupon}])
    assert invoice.total == 1080
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id, "amount": 500}
    note = notes.create({"invoice": invoice.id, "lines": [line]})
    # 5.00 − 10 % = 4.50, and 20 % of that are 0.90
    assert (note.subtotal, note.discount_amount, note.total_excluding_tax, note.total) == (500, 50, 450, 540)
    assert [(each.amount, each.taxable_amount) for each in note.total_taxes] == [(90, 450)]
    assert note.discount_amounts[0].amount == 50
    assert [each.id for each in note.lines.data[0].tax_rates] == [rate]
    assert shop.v1.invoices.retrieve(invoice.id).amount_remaining == 540


def test_a_whole_line_is_credited_where_nothing_else_is_said(notes, bill):
    invoice = bill(1000, 400)
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id}
    assert notes.create({"invoice": invoice.id, "lines": [line]}).total == 400
    with pytest.raises(stripe.InvalidRequestError, match="can still be credited"):
        notes.create({"invoice": invoice.id, "lines": [line]})


def test_a_preview_says_the_same_and_keeps_nothing(shop, notes, bill):
    invoice = bill(1000)
    line = {"type": "custom_line_item", "description": "Goodwill", "unit_amount_decimal": "12.5", "quantity": 3}
    asked = {"invoice": invoice.id, "lines": [line]}
    preview = notes.preview(asked)
    # 3 × 12.5 cents = 37.5, which is 38
    assert (preview.total, preview.type) == (38, "pre_payment")
    assert [line.amount for line in notes.preview_lines.list(asked)] == [38]
    assert list(notes.list()) == []
    assert notes.create(asked).total == 38


def test_no_more_than_the_invoice_can_be_credited(notes, bill):
    invoice = bill(1000)
    notes.create({"invoice": invoice.id, "amount": 400})
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$6.00\)") as error:
        notes.create({"invoice": invoice.id, "amount": 601})
    assert error.value.param == "amount"


def test_an_amount_has_to_be_what_its_lines_add_up_to(notes, bill):
    line = {"type": "custom_line_item", "description": "Goodwill", "unit_amount": 100}
    with pytest.raises(stripe.InvalidRequestError, match="not what the lines add up to"):
        notes.create({"invoice": bill(1000).id, "amount": 99, "lines": [line]})


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "amount"),
        ({"lines": [{"type": "invoice_line_item"}]}, "lines[0][invoice_line_item]"),
        ({"lines": [{"type": "custom_line_item", "description": "Goodwill"}]}, "lines[0][unit_amount]"),
        ({"lines": [{"type": "custom_line_item", "unit_amount": 1}]}, "lines[0][description]"),
        ({"amount": 0}, "amount"),
    ],
)
def test_it_has_to_know_what_to_credit(notes, bill, params, param):
    with pytest.raises(stripe.InvalidRequestError) as error:
        notes.create({"invoice": bill(1000).id, **params})
    assert error.value.param == param


def test_lines_of_other_invoices_are_not_found(notes, bill):
    line = {"type": "invoice_line_item", "invoice_line_item": bill(1000).lines.data[0].id, "amount": 1}
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice line item"):
        notes.create({"invoice": bill(500).id, "lines": [line]})


def test_drafts_and_void_invoices_cannot_be_credited(shop, notes, bill, ada):
    draft = shop.v1.invoices.create({"customer": ada})
    void = shop.v1.invoices.void_invoice(bill(500).id)
    for invoice in (draft, void):
        with pytest.raises(stripe.InvalidRequestError, match="only credit a finalized invoice"):
            notes.create({"invoice": invoice.id, "amount": 1})


def test_voiding_a_note_asks_for_all_again(shop, notes, bill):
    invoice = bill(2000)
    note = notes.create({"invoice": invoice.id, "amount": 500})
    voided = notes.void_credit_note(note.id)
    assert (voided.status, voided.voided_at) == ("void", shop.now)
    after = shop.v1.invoices.retrieve(invoice.id)
    assert (after.amount_due, after.amount_remaining, after.pre_payment_credit_notes_amount) == (2000, 2000, 0)
    assert shop.v1.payment_intents.retrieve(shop.intent(invoice)).amount == 2000
    assert shop.event("credit_note.voided").data.object.id == note.id
    with pytest.raises(stripe.InvalidRequestError, match="void already"):
        notes.void_credit_note(note.id)
    assert notes.create({"invoice": invoice.id, "amount": 2000}).status == "issued"


def test_what_was_given_back_cannot_be_voided(notes, bill):
    note = notes.create({"invoice": bill(2000, pay=True).id, "amount": 500, "credit_amount": 500})
    with pytest.raises(stripe.InvalidRequestError, match="You can only void"):
        notes.void_credit_note(note.id)


def test_memo_and_metadata_can_change(shop, notes, bill):
    note = notes.create({"invoice": bill(2000).id, "amount": 500})
    changed = notes.update(note.id, {"memo": "Sorry", "metadata": {"ticket": "7"}})
    assert (changed.memo, changed.metadata["ticket"]) == ("Sorry", "7")
    assert shop.event("credit_note.updated").data.previous_attributes["memo"] is None


def test_notes_are_listed_by_invoice_and_customer(shop, notes, bill, ada):
    first, second = bill(1000), bill(1000)
    ours = [notes.create({"invoice": invoice.id, "amount": 100}).id for invoice in (first, second)]
    assert [note.id for note in notes.list({"customer": ada})] == ours[::-1]
    assert [note.id for note in notes.list({"invoice": first.id})] == ours[:1]
    assert notes.retrieve(ours[0], {"expand": ["invoice", "customer"]}).invoice.id == first.id


def test_a_past_due_plan_recovers_when_its_invoice_is_forgiven(shop, notes):
    ada = shop.customer("pm_card_chargeCustomerFail")
    subscription = shop.subscribe(ada, trial_period_days=3)
    shop.go("2026-11-04T02:00")
    overdue = shop.subscription(subscription.id)
    assert overdue.status == "past_due"
    notes.create({"invoice": overdue.latest_invoice.id, "amount": 2900, "reason": "product_unsatisfactory"})
    assert shop.subscription(subscription.id).status == "active"
