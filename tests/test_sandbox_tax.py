"""Tax ids and tax rates: what customers are known as to tax offices, and what invoices ask for on their behalf."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# Tax ids


@pytest.fixture
def tax_ids(shop):
    return shop.v1.customers.tax_ids


@pytest.fixture
def ada(shop):
    return shop.customer(name="Lovelace GmbH")


def test_a_number_is_looked_up_after_it_was_noted(shop, tax_ids, ada):
    noted = tax_ids.create(ada, {"type": "eu_vat", "value": "DE000000000"})
    assert (noted.country, noted.customer, noted.owner.type, noted.verification.status) == (
        "DE", ada, "customer", "pending",
    )  # fmt: skip
    found = tax_ids.retrieve(ada, noted.id)
    assert (found.verification.status, found.verification.verified_name) == ("verified", "Lovelace GmbH")
    updated = shop.event("customer.tax_id.updated")
    assert updated.data.previous_attributes.to_dict() == {
        "verification": {"status": "pending", "verified_name": None}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "value", "status"),
    [
        ("eu_vat", "FR11111111111", "unverified"),
        ("gb_vat", "GB000000000", "verified"),
        ("au_abn", "22222222222", "pending"),
        ("eu_vat", "DE123456789", "pending"),
    ],
)
def test_what_the_look_up_finds_depends_on_the_digits(tax_ids, ada, type_, value, status):
    noted = tax_ids.create(ada, {"type": type_, "value": value})
    assert tax_ids.retrieve(ada, noted.id).verification.status == status


def test_numbers_of_other_kinds_are_not_looked_up(tax_ids, ada):
    noted = tax_ids.create(ada, {"type": "us_ein", "value": "12-3456789"})
    assert (noted.verification, noted.country) == (None, "US")


def test_greece_is_el_in_its_numbers(tax_ids, ada):
    assert tax_ids.create(ada, {"type": "eu_vat", "value": "EL123456789"}).country == "GR"


@pytest.mark.parametrize(("type_", "value"), [("eu_vat", "XX123"), ("us_ein", "12345"), ("gb_vat", "DE123456789")])
def test_it_refuses_a_value_that_cannot_be_one(tax_ids, ada, type_, value):
    with pytest.raises(stripe.InvalidRequestError, match=f"Invalid value for {type_}") as error:
        tax_ids.create(ada, {"type": type_, "value": value})
    assert (error.value.code, error.value.param) == ("tax_id_invalid", "value")


def test_it_refuses_a_type_that_there_is_not(tax_ids, ada):
    with pytest.raises(stripe.InvalidRequestError) as error:
        tax_ids.create(ada, {"type": "moon_vat", "value": "1"})
    assert error.value.param == "type"


def test_tax_ids_of_others_are_not_found(shop, tax_ids, ada):
    noted = tax_ids.create(shop.customer(None), {"type": "eu_vat", "value": "DE123456789"})
    for act in (tax_ids.retrieve, tax_ids.delete):
        with pytest.raises(stripe.InvalidRequestError, match="No such tax_id"):
            act(ada, noted.id)


def test_tax_ids_come_with_a_new_customer_and_on_demand(shop, tax_ids):
    customer = shop.v1.customers.create(
        {
            "tax_id_data": [
                {"type": "eu_vat", "value": "DE123456789"},
                {"type": "de_stn", "value": "1234567890"},
            ],
            "expand": ["tax_ids"],
        }
    )
    assert {each.type for each in customer.tax_ids.data} == {"eu_vat", "de_stn"}
    first, second = tax_ids.list(customer.id).data
    assert tax_ids.delete(customer.id, first.id).deleted is True
    assert [each.id for each in tax_ids.list(customer.id)] == [second.id]
    assert shop.event("customer.tax_id.deleted").data.object.id == first.id


def test_the_account_has_tax_ids_of_its_own(shop, tax_ids, ada):
    own = shop.v1.tax_ids.create({"type": "us_ein", "value": "12-3456789"})
    assert (own.customer, own.owner.type, own.verification) == (None, "self", None)
    theirs = shop.v1.tax_ids.create(
        {"type": "eu_vat", "value": "DE123456789", "owner": {"type": "customer", "customer": ada}}
    )
    assert [each.id for each in shop.v1.tax_ids.list()] == [own.id]
    listed = shop.v1.tax_ids.list({"owner": {"type": "customer", "customer": ada}})
    assert [each.id for each in listed] == [theirs.id] == [each.id for each in tax_ids.list(ada)]
    assert shop.v1.tax_ids.retrieve(theirs.id).customer == ada
    shop.v1.tax_ids.delete(own.id)
    assert list(shop.v1.tax_ids.list()) == []
    with pytest.raises(stripe.InvalidRequestError) as error:
        shop.v1.tax_ids.list({"owner": {"type": "customer"}})
    assert error.value.param == "owner[customer]"


def test_an_invoice_shows_the_tax_ids_until_it_is_final(shop, tax_ids, ada):
    shop.v1.invoice_items.create({"customer": ada, "amount": 500, "currency": "usd"})
    bill = shop.v1.invoices.create({"customer": ada, "pending_invoice_items_behavior": "include"})
    noted = tax_ids.create(ada, {"type": "eu_vat", "value": "DE123456789"})
    final = shop.v1.invoices.finalize_invoice(bill.id)
    tax_ids.delete(ada, noted.id)
    assert [each.to_dict() for each in final.customer_tax_ids] == [{"type": "eu_vat", "value": "DE123456789"}]
    assert len(shop.v1.invoices.retrieve(bill.id).customer_tax_ids) == 1


# Tax rates


@pytest.fixture
def rate(shop):
    """A function that makes a tax rate and returns its id."""

    def rate(percentage, **params):
        params = {"display_name": "VAT", "inclusive": False, **params}
        return shop.v1.tax_rates.create({"percentage": percentage, **params}).id

    return rate


def draft(shop, customer, *amounts, **params):
    """Return a draft invoice with one line for each amount, or for each hash of parameters."""
    invoice = shop.v1.invoices.create({"customer": customer, "auto_advance": False, **params})
    for amount in amounts:
        item = amount if isinstance(amount, dict) else {"amount": amount}
        shop.v1.invoice_items.create({"customer": customer, "invoice": invoice.id, "currency": "usd", **item})
    return shop.v1.invoices.retrieve(invoice.id)


def taxes(taxed):
    """Return (amount, taxable amount, behavior) of the taxes of a line, or of an invoice's total_taxes."""
    return [(each.amount, each.taxable_amount, each.tax_behavior) for each in taxed]


def money(invoice):
    return invoice.subtotal, invoice.subtotal_excluding_tax, invoice.total_excluding_tax, invoice.total


def test_a_tax_rate_keeps_its_percentage(shop):
    made = shop.v1.tax_rates.create(
        {"display_name": "MwSt", "percentage": 19.25, "inclusive": True, "country": "DE", "jurisdiction": "DE",
         "tax_type": "vat", "description": "Germany"}
    )  # fmt: skip
    assert (made.percentage, made.inclusive, made.active, made.country) == (19.25, True, True, "DE")
    assert shop.event("tax_rate.created").data.object.id == made.id
    archived = shop.v1.tax_rates.update(made.id, {"active": False, "display_name": "VAT", "description": ""})
    assert (archived.active, archived.display_name, archived.description) == (False, "VAT", None)
    assert shop.event("tax_rate.updated").data.previous_attributes["active"] is True
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: percentage"):
        shop.v1.tax_rates.update(made.id, {"percentage": 7})
    assert list(shop.v1.tax_rates.list({"active": True})) == []
    assert [each.id for each in shop.v1.tax_rates.list({"inclusive": True})] == [made.id]


@pytest.mark.parametrize("percentage", [-1, 100.5, 1.23456])
def test_a_percentage_lies_between_0_and_100_with_four_places(rate, percentage):
    with pytest.raises(stripe.InvalidRequestError) as error:
        rate(percentage)
    assert error.value.param == "percentage"


def test_an_exclusive_rate_comes_on_top(shop, rate, ada):
    invoice = draft(shop, ada, 1000, default_tax_rates=[rate(20)])
    assert taxes(invoice.lines.data[0].taxes) == [(200, 1000, "exclusive")]
    assert taxes(invoice.total_taxes) == [(200, 1000, "exclusive")]
    assert money(invoice) == (1000, 1000, 1000, 1200)
    assert (invoice.lines.data[0].amount, invoice.amount_due) == (1000, 1200)
    assert shop.v1.invoices.pay(invoice.id).amount_paid == 1200


def test_an_inclusive_rate_is_inside(shop, rate, ada):
    # 10.00 / 1.2 = 8.333…, so the tax inside is 1.67
    invoice = draft(shop, ada, 1000, default_tax_rates=[rate(20, inclusive=True)])
    assert taxes(invoice.total_taxes) == [(167, 833, "inclusive")]
    assert money(invoice) == (1000, 833, 833, 1000)


def test_each_line_is_rounded_by_itself(shop, rate, ada):
    # 0.43 × 15 % = 0.0645 -> 0.06 and 4.84 × 15 % = 0.726 -> 0.73; together 0.79, as Stripe's own example has it
    invoice = draft(shop, ada, 43, 484, default_tax_rates=[rate(15)])
    assert [taxes(line.taxes)[0][0] for line in invoice.lines.data] == [73, 6]
    assert (invoice.total_taxes[0].amount, invoice.total_taxes[0].taxable_amount, invoice.total) == (79, 527, 606)


def test_half_a_cent_goes_up_and_a_credit_undoes_it(shop, rate, ada):
    # 0.50 × 5 % = 0.025 -> 0.03; the credit's tax is as much less
    invoice = draft(shop, ada, 50, {"amount": -50}, 1000, default_tax_rates=[rate(5)])
    assert [taxes(line.taxes)[0][0] for line in invoice.lines.data] == [50, -3, 3]
    assert invoice.total == 1050


def test_several_rates_apply_side_by_side(shop, rate, ada):
    # 20.00 with 10 % and 5 % inside: the price is 20.00 / 1.15 = 17.3913; parts 1.7391 and 0.8696
    inside = [rate(10, inclusive=True), rate(5, inclusive=True)]
    invoice = draft(shop, ada, {"amount": 2000, "tax_rates": inside})
    assert taxes(invoice.lines.data[0].taxes) == [(174, 1739, "inclusive"), (87, 1739, "inclusive")]
    assert money(invoice) == (2000, 1739, 1739, 2000)
    # with 8 % on top of that price: 17.39 × 0.08 = 1.3912
    mixed = draft(shop, ada, {"amount": 2000, "tax_rates": [*inside, rate(8)]})
    assert taxes(mixed.lines.data[0].taxes)[2] == (139, 1739, "exclusive")
    assert money(mixed) == (2000, 1739, 1739, 2139)


def test_rates_of_a_line_go_before_those_of_its_invoice(shop, rate, ada):
    seven, nineteen = rate(7), rate(19)
    invoice = draft(shop, ada, 1000, {"amount": 1000, "tax_rates": [seven]}, default_tax_rates=[nineteen])
    by_rate = {each.tax_rate_details.tax_rate: each.amount for each in invoice.total_taxes}
    assert by_rate == {seven: 70, nineteen: 190}
    assert invoice.total == 2260


def test_a_draft_can_change_its_default_rates(shop, rate, ada):
    seven, nineteen = rate(7), rate(19)
    invoice = draft(shop, ada, 1000, {"amount": 1000, "tax_rates": [seven]})
    assert invoice.total == 2070
    assert shop.v1.invoices.update(invoice.id, {"default_tax_rates": [nineteen]}).total == 2260
    assert shop.v1.invoices.update(invoice.id, {"default_tax_rates": [rate(10)]}).total == 2170
    assert shop.v1.invoices.update(invoice.id, {"default_tax_rates": ""}).total == 2070


def test_an_invoice_item_can_change_its_rates(shop, rate, ada):
    invoice = draft(shop, ada, {"amount": 1000, "tax_rates": [rate(7)]})
    item = invoice.lines.data[0].parent.invoice_item_details.invoice_item
    changed = shop.v1.invoice_items.update(item, {"tax_rates": [rate(19)]})
    assert changed.tax_rates[0].percentage == 19
    assert shop.v1.invoices.retrieve(invoice.id).total == 1190


def test_discounts_come_before_taxes(shop, rate, ada):
    coupon = shop.v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    # 10.00 − 10 % = 9.00, of which 20 % are 1.80
    on_top = draft(shop, ada, 1000, default_tax_rates=[rate(20)], discounts=[{"coupon": coupon}])
    assert taxes(on_top.total_taxes) == [(180, 900, "exclusive")]
    assert money(on_top) == (1000, 1000, 900, 1080)
    # inside: 9.00 / 1.2 = 7.50; before the discount 10.00 / 1.2 = 8.33
    inside = draft(shop, ada, 1000, default_tax_rates=[rate(20, inclusive=True)], discounts=[{"coupon": coupon}])
    assert taxes(inside.total_taxes) == [(150, 750, "inclusive")]
    assert money(inside) == (1000, 833, 750, 900)


@pytest.mark.parametrize(("status", "reason"), [("exempt", "customer_exempt"), ("reverse", "reverse_charge")])
def test_customers_who_are_exempt_pay_none(shop, rate, status, reason):
    ada = shop.customer(tax_exempt=status)
    invoice = draft(shop, ada, 1000, default_tax_rates=[rate(20)])
    assert (invoice.total_taxes[0].amount, invoice.total_taxes[0].taxability_reason) == (0, reason)
    assert money(invoice) == (1000, 1000, 1000, 1000)


def test_subscriptions_are_taxed_by_item_or_by_default(shop, rate, ada):
    twenty, seven = rate(20), rate(7)
    items = [{"price": shop.team}, {"price": shop.business, "tax_rates": [seven]}]
    subscription = shop.subscribe(ada, items=items, default_tax_rates=[twenty])
    # 29.00 × 20 % = 5.80 and 99.00 × 7 % = 6.93
    assert subscription.latest_invoice.total == 2900 + 580 + 9900 + 693
    assert subscription.latest_invoice.amount_paid == 14073
    assert [each.percentage for each in subscription.default_tax_rates] == [20]
    assert [[each.id for each in item.tax_rates] for item in subscription["items"].data] == [[], [seven]]
    shop.go("2026-12-01T02:00")
    assert shop.invoices(ada)[0].total == 14073


def test_prorations_are_taxed_like_what_they_give_back_and_ask(shop, rate, ada):
    subscription = shop.subscribe(ada, default_tax_rates=[rate(20)])
    shop.go("2026-11-16")
    preview = shop.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": subscription["items"].data[0].id, "price": shop.business}],
                "proration_behavior": "always_invoice",
            },
        }
    )
    # half a month back and half a month asked: −14.50 + 49.50 = 35.00, and the same of the taxes: −2.90 + 9.90 = 7.00
    assert (preview.subtotal, preview.total) == (3500, 4200)
    shop.change(subscription, shop.business, proration_behavior="always_invoice")
    assert shop.invoices(ada)[0].total == 4200


def test_what_is_due_at_first_includes_the_tax(shop, rate, ada):
    """0.45 are too little to charge; with 20 % it is 0.54, and that is charged."""
    cheap = shop.plan("Cheap", 45)
    assert shop.subscribe(ada, cheap).latest_invoice.amount_due == 0
    taxed = shop.subscribe(shop.customer(), cheap, default_tax_rates=[rate(20)])
    assert (taxed.latest_invoice.amount_due, taxed.latest_invoice.status) == (54, "paid")


def test_a_subscription_can_change_its_rates(shop, rate, ada):
    subscription = shop.subscribe(ada, default_tax_rates=[rate(20)])
    assert shop.v1.subscriptions.update(subscription.id, {"default_tax_rates": ""}).default_tax_rates == []
    item = subscription["items"].data[0].id
    changed = shop.v1.subscription_items.update(item, {"tax_rates": [rate(7)]})
    assert [each.percentage for each in changed.tax_rates] == [7]
    shop.go("2026-12-01T02:00")
    # 29.00 + 7 %
    assert shop.invoices(ada)[0].total == 3103


def test_a_new_subscription_can_be_previewed_with_its_taxes(shop, rate, ada):
    details = {"items": [{"price": shop.team}], "default_tax_rates": [rate(20)]}
    assert shop.v1.invoices.create_preview({"customer": ada, "subscription_details": details}).total == 3480
    subscription = shop.subscribe(ada)
    with_tax = {"subscription": subscription.id, "subscription_details": {"default_tax_rates": [rate(20)]}}
    assert shop.v1.invoices.create_preview(with_tax).total == 3480
    assert shop.v1.subscriptions.retrieve(subscription.id).default_tax_rates == []


def test_it_refuses_rates_that_cannot_be_applied(shop, rate, ada):
    old = rate(16)
    shop.v1.tax_rates.update(old, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="archived") as error:
        shop.subscribe(ada, default_tax_rates=[rate(20), old])
    assert error.value.param == "default_tax_rates[1]"
    with pytest.raises(stripe.InvalidRequestError, match="No such tax_rate") as error:
        shop.subscribe(ada, items=[{"price": shop.team, "tax_rates": ["txr_nobody"]}])
    assert error.value.param == "items[0][tax_rates][0]"
    with pytest.raises(stripe.InvalidRequestError, match="at most 5"):
        draft(shop, ada, default_tax_rates=[rate(n) for n in range(6)])
