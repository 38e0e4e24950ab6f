"""Lines of a draft invoice: added, changed and taken off several at once."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def ada(shop):
    return shop.customer(name="Ada Lovelace")


@pytest.fixture
def draft(shop, ada):
    """A draft with two lines, $10.00 and 3 × $2.00."""
    invoice = shop.v1.invoices.create({"customer": ada, "auto_advance": False})
    lines = [
        {"description": "Setup", "amount": 1000},
        {"description": "Hour", "quantity": 3, "price_data": hourly(shop)},
    ]
    return shop.v1.invoices.add_lines(invoice.id, {"lines": lines, "invoice_metadata": {"order": "7"}})


def hourly(shop):
    product = shop.v1.products.create({"name": "Hour"}).id
    return {"currency": "usd", "product": product, "unit_amount": 200}


def waiting(shop, customer):
    """Return the amounts of the invoice items that wait for an invoice."""
    return [item.amount for item in shop.v1.invoice_items.list({"customer": customer, "pending": True})]


def test_lines_are_added_with_an_invoice_item_each(shop, draft, ada):
    assert [(line.description, line.amount, line.quantity) for line in draft.lines.data] == [
        ("Setup", 1000, 1),
        ("Hour", 600, 3),
    ]
    assert (draft.total, draft.metadata["order"]) == (1600, "7")
    items = shop.v1.invoice_items.list({"invoice": draft.id}).data
    assert sorted(item.amount for item in items) == [600, 1000]
    assert shop.event("invoice.updated").data.object.total == 1600


def test_an_item_that_waits_can_be_put_on_a_draft(shop, draft, ada):
    item = shop.v1.invoice_items.create({"customer": ada, "amount": 250, "currency": "usd"})
    added = shop.v1.invoices.add_lines(draft.id, {"lines": [{"invoice_item": item.id}]})
    assert added.total == 1850
    assert waiting(shop, ada) == []
    with pytest.raises(stripe.InvalidRequestError, match="on an invoice already") as error:
        shop.v1.invoices.add_lines(draft.id, {"lines": [{"invoice_item": item.id}]})
    assert error.value.param == "lines[0][invoice_item]"


def test_lines_change_and_keep_their_ids(shop, draft):
    setup, hours = draft.lines.data
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 10, "inclusive": False}).id
    changed = shop.v1.invoices.update_lines(
        draft.id,
        {"lines": [{"id": setup.id, "amount": 800, "tax_rates": [rate]}, {"id": hours.id, "quantity": 5}]},
    )
    assert [(line.id, line.amount) for line in changed.lines.data] == [(setup.id, 800), (hours.id, 1000)]
    # 8.00 + 10 % + 5 × 2.00
    assert changed.total == 1880
    one = shop.v1.invoices.line_items.update(draft.id, hours.id, {"description": "Hours", "metadata": {"who": "Ada"}})
    assert (one.id, one.description, one.metadata["who"], one.amount) == (hours.id, "Hours", "Ada", 1000)


def test_an_item_that_changes_keeps_its_line(shop, draft):
    setup = draft.lines.data[0]
    shop.v1.invoice_items.update(setup.parent.invoice_item_details.invoice_item, {"amount": 900})
    after = shop.v1.invoices.retrieve(draft.id)
    assert [(line.id, line.amount) for line in after.lines.data] == [(setup.id, 900), (draft.lines.data[1].id, 600)]
    assert after.total == 1500


def test_lines_are_taken_off_for_good_or_to_wait(shop, draft, ada):
    setup, hours = draft.lines.data
    lines = [{"id": setup.id, "behavior": "delete"}, {"id": hours.id, "behavior": "unassign"}]
    empty = shop.v1.invoices.remove_lines(draft.id, {"lines": lines})
    assert (empty.total, empty.lines.data) == (0, [])
    assert waiting(shop, ada) == [600]
    assert shop.event("invoiceitem.deleted").data.object.amount == 1000


def test_of_a_subscriptions_line_only_words_and_taxes_change(shop, ada):
    shop.subscribe(ada)
    shop.go("2026-12-01")
    renewal = shop.invoices(ada)[0]
    line = renewal.lines.data[0]
    changed = shop.v1.invoices.line_items.update(renewal.id, line.id, {"description": "Team, as agreed"})
    assert (changed.description, changed.amount) == ("Team, as agreed", 2900)
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a subscription") as error:
        shop.v1.invoices.line_items.update(renewal.id, line.id, {"amount": 1})
    assert error.value.param == "amount"
    with pytest.raises(stripe.InvalidRequestError, match="no invoice item to unassign"):
        shop.v1.invoices.remove_lines(renewal.id, {"lines": [{"id": line.id, "behavior": "unassign"}]})


def test_a_finalised_invoice_keeps_its_lines(shop, draft):
    shop.v1.invoices.finalize_invoice(draft.id)
    line = draft.lines.data[0].id
    for act, entry in [
        (shop.v1.invoices.add_lines, {"amount": 1}),
        (shop.v1.invoices.update_lines, {"id": line, "amount": 1}),
        (shop.v1.invoices.remove_lines, {"id": line, "behavior": "delete"}),
    ]:
        with pytest.raises(stripe.InvalidRequestError, match="no longer editable") as error:
            act(draft.id, {"lines": [entry]})
        assert error.value.code == "invoice_not_editable"


def test_lines_of_other_invoices_are_not_found(shop, draft, ada):
    other = shop.v1.invoices.create({"customer": ada, "auto_advance": False})
    entry = {"id": draft.lines.data[0].id, "behavior": "delete"}
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice line item") as error:
        shop.v1.invoices.remove_lines(other.id, {"lines": [entry]})
    assert error.value.param == "lines[0][id]"
