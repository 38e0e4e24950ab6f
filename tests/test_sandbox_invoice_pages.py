"""The pages and documents that invoices and charges link to: what they say, who can pay there, what is in the PDF."""

from __future__ import annotations

import re
from html import unescape

import pytest

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def alice(shop):
    return shop.customer()


@pytest.fixture
def upgraded(shop, alice):
    """The invoice of an upgrade in the middle of November: half of 99.00 less half of 29.00, that is 35.00, paid."""
    subscription = shop.subscribe(alice)
    shop.go("2026-11-16")
    return shop.change(subscription, shop.business, proration_behavior="always_invoice").latest_invoice


def open_invoice(shop, customer, *amounts, currency="usd", **params):
    """Bill some amounts by hand; the invoice waits for its payment."""
    invoice = shop.v1.invoices.create({"customer": customer, "currency": currency, **params}).id
    for amount in amounts:
        item = {"customer": customer, "invoice": invoice, "amount": amount, "currency": currency}
        shop.v1.invoice_items.create(item)
    return shop.v1.invoices.finalize_invoice(invoice)


def charge_of(shop, invoice):
    return shop.v1.charges.retrieve(shop.v1.payment_intents.retrieve(shop.intent(invoice)).latest_charge)


def path_of(url):
    assert url.startswith("http://")
    return "/" + url.split("/", 3)[3]


def words_of(client, url):
    answer = client.get(path_of(url))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def policy_of(client, url):
    return client.get(path_of(url)).headers["Content-Security-Policy"]


# The hosted invoice page


def test_it_says_what_was_billed(client, upgraded):
    words = words_of(client, upgraded.hosted_invoice_url)
    for expected in (upgraded.number, "Paid", "Alice Archer", "Unused time on Team", "-$14.50", "$49.50", "$35.00"):
        assert expected in words
    assert "Nov 16, 2026 – Dec 1, 2026" in words


def test_an_invoice_with_nothing_to_pay_runs_no_script(client, upgraded):
    assert "script-src" not in policy_of(client, upgraded.hosted_invoice_url)  # default-src 'none': no script at all
    assert "data-payment" not in words_of(client, upgraded.hosted_invoice_url)


def test_an_open_invoice_says_what_is_due_and_until_when(client, shop, alice):
    at_once = open_invoice(shop, alice, 1234)
    assert "$12.34 due" in words_of(client, at_once.hosted_invoice_url)
    later = open_invoice(shop, alice, 1234, collection_method="send_invoice", days_until_due=14)
    assert "$12.34 due on Nov 15, 2026" in words_of(client, later.hosted_invoice_url)


def test_memo_footer_and_own_fields_are_on_it(client, shop, alice):
    fields = [{"name": "PO number", "value": "4711"}]
    invoice = open_invoice(shop, alice, 1234, description="Thank you!", footer="Acme Ltd", custom_fields=fields)
    for expected in ("Thank you!", "Acme Ltd", "PO number", "4711"):
        assert expected in words_of(client, invoice.hosted_invoice_url)


def test_credit_that_was_used_is_shown(client, shop, alice):
    shop.v1.customers.update(alice, {"balance": -300})
    words = words_of(client, open_invoice(shop, alice, 1000).hosted_invoice_url)
    assert re.search(r"Applied balance</th><td>-\$3\.00</td>.*Amount due</th><td>\$7\.00", words, re.DOTALL)


def test_discounts_and_taxes_lead_from_the_subtotal_to_the_total(client, shop, alice):
    coupon = shop.v1.coupons.create({"percent_off": 25, "duration": "once", "name": "Launch"}).id
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False}).id
    invoice = open_invoice(shop, alice, 10_000, discounts=[{"coupon": coupon}], default_tax_rates=[rate])
    words = words_of(client, invoice.hosted_invoice_url)
    # 100.00 less a quarter is 75.00; 19 % of that are 14.25.
    steps = (r"Subtotal</th><td>\$100\.00", r"Launch \(25% off\)</th><td>-\$25\.00", r"VAT \(19%\)</th><td>\$14\.25")
    assert re.search(".*".join((*steps, r"Total</th><td>\$89\.25")), words, re.DOTALL)


@pytest.mark.parametrize(
    ("currency", "amount", "written"), [("jpy", 5000, "¥5,000 due"), ("kwd", 4500, "KWD4.500 due")]
)
def test_amounts_have_the_digits_of_their_currency(client, shop, currency, amount, written):
    invoice = open_invoice(shop, shop.customer(), amount, currency=currency)
    assert written in words_of(client, invoice.hosted_invoice_url)


def test_an_open_invoice_offers_saved_cards_and_a_new_one(client, shop, alice):
    invoice = open_invoice(shop, alice, 1234)
    words = words_of(client, invoice.hosted_invoice_url)
    assert "Visa •••• 4242" in words
    assert 'id="radio-add"' in words
    secret = re.search(r'data-client-secret="([^"]+)"', words)[1]
    assert secret == shop.v1.payment_intents.retrieve(shop.intent(invoice)).client_secret
    policy = policy_of(client, invoice.hosted_invoice_url)
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", words)


def test_it_is_paid_there_as_a_browser_does(client, shop, browser_client, alice):
    invoice = open_invoice(shop, alice, 1234)
    words, before = words_of(client, invoice.hosted_invoice_url), shop.mark()
    secret = re.search(r'data-client-secret="([^"]+)"', words)[1]
    saved = re.search(r'name="payment_method" id="radio-\w+" value="(pm_\w+)"', words)[1]
    params = {"client_secret": secret, "payment_method": saved, "use_stripe_sdk": True}
    browser_client.v1.payment_intents.confirm(secret.split("_secret_")[0], params)
    assert "invoice.paid" in shop.events(before)
    back = client.post(path_of(invoice.hosted_invoice_url), {"payment_method": saved}, follow=True)
    assert "Download receipt" in back.content.decode()


def test_the_reason_of_the_last_decline_is_there(client, shop, alice):
    shop.card(alice, "pm_card_chargeCustomerFail")
    invoice = shop.subscribe(alice, payment_behavior="allow_incomplete").latest_invoice
    assert "Your card was declined." in words_of(client, invoice.hosted_invoice_url)


def test_an_invoice_that_waits_for_3d_secure_asks_for_it_at_once(client, shop, alice):
    shop.card(alice, "pm_card_authenticationRequired")
    invoice = shop.subscribe(alice, payment_behavior="allow_incomplete").latest_invoice
    assert "data-authenticate" in words_of(client, invoice.hosted_invoice_url)


def test_bad_debt_can_still_be_paid_but_a_void_invoice_cannot(client, shop, alice):
    bad, void = open_invoice(shop, alice, 1000), open_invoice(shop, alice, 1000)
    shop.v1.invoices.mark_uncollectible(bad.id)
    shop.v1.invoices.void_invoice(void.id)
    assert "data-payment" in words_of(client, bad.hosted_invoice_url)
    words = words_of(client, void.hosted_invoice_url)
    assert "data-payment" not in words
    assert "Voided on" in words


def test_what_was_paid_elsewhere_has_no_receipt(client, shop, alice):
    invoice = open_invoice(shop, alice, 1000)
    shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert "download-invoice-receipt-pdf-button" not in words_of(client, invoice.hosted_invoice_url)


def test_a_link_that_was_tampered_with_leads_nowhere(client, shop, upgraded):
    path = path_of(upgraded.hosted_invoice_url)
    assert client.get(path[:-3] + "x/").status_code == 404
    receipt = path_of(charge_of(shop, upgraded).receipt_url)
    assert client.get(receipt.replace("/receipts/", "/invoice/")).status_code == 404


def test_a_draft_has_no_links(shop, alice):
    draft = shop.v1.invoices.create({"customer": alice})
    assert (draft.hosted_invoice_url, draft.invoice_pdf) == (None, None)


# Receipts


def test_a_charge_links_to_its_receipt(client, shop, upgraded):
    charge = charge_of(shop, upgraded)
    words = words_of(client, charge.receipt_url)
    for expected in ("$35.00 paid on Nov 16, 2026", upgraded.number, "Visa •••• 4242", "Unused time on Team"):
        assert expected in words
    assert re.search(r"Receipt \d{4}-\d{4}", words)


def test_a_payment_without_an_invoice_has_a_receipt_too(client, shop, alice):
    params = {"amount": 1999, "currency": "usd", "customer": alice, "payment_method": "pm_card_visa", "confirm": True}
    automatic = {"enabled": True, "allow_redirects": "never"}
    intent = shop.v1.payment_intents.create({**params, "description": "Mug", "automatic_payment_methods": automatic})
    words = words_of(client, shop.v1.charges.retrieve(intent.latest_charge).receipt_url)
    for expected in ("$19.99 paid on Nov 1, 2026", "Mug", "Alice Archer"):
        assert expected in words


def test_a_refund_is_on_the_receipt(client, shop, upgraded):
    charge = charge_of(shop, upgraded)
    shop.v1.refunds.create({"charge": charge.id, "amount": 500})
    words = words_of(client, charge.receipt_url)
    assert "Partially refunded" in words
    assert re.search(r"Refunded on Nov 16, 2026</th><td>-\$5\.00.*after refunds</th><td>\$30\.00", words, re.DOTALL)
    shop.v1.refunds.create({"charge": charge.id})
    assert re.search(r'data-testid="invoice-status">Refunded<', words_of(client, charge.receipt_url))


def test_a_declined_charge_has_no_receipt(shop, alice):
    shop.card(alice, "pm_card_chargeCustomerFail")
    shop.subscribe(alice, payment_behavior="allow_incomplete")
    declined = shop.v1.charges.list({"customer": alice}).data[0]
    assert (declined.status, declined.receipt_url) == ("failed", None)


# PDF


def document(client, url):
    answer = client.get(path_of(url))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert answer.content.rstrip().endswith(b"%%EOF")
    return answer


def test_the_pdf_is_a_document_with_the_same_words(client, upgraded):
    answer = document(client, upgraded.invoice_pdf)
    assert answer.headers["Content-Disposition"] == f'inline; filename="Invoice-{upgraded.number}.pdf"'
    for expected in (upgraded.number, "Alice Archer", "$35.00", "Business", "-$14.50"):
        assert expected.encode() in answer.content


def test_the_same_invoice_makes_the_same_document(client, upgraded):
    assert document(client, upgraded.invoice_pdf).content == document(client, upgraded.invoice_pdf).content


def test_a_receipt_is_a_document_too(client, shop, upgraded):
    answer = document(client, charge_of(shop, upgraded).receipt_url + "pdf/")
    assert re.fullmatch(r'inline; filename="Receipt-\d{4}-\d{4}\.pdf"', answer.headers["Content-Disposition"])
    for expected in (b"$35.00 paid on Nov 16, 2026", b"4242", upgraded.number.encode()):
        assert expected in answer.content


def test_a_credit_note_is_a_document_with_what_became_of_the_money(client, shop, upgraded):
    note = shop.v1.credit_notes.create(
        {
            "invoice": upgraded.id,
            "amount": 1500,
            "refund_amount": 1500,
            "memo": "Sorry for the outage.",
            "reason": "product_unsatisfactory",
        }
    )
    answer = document(client, note.pdf)
    assert answer.headers["Content-Disposition"] == f'inline; filename="Credit-note-{note.number}.pdf"'
    for expected in ("$15.00 credited on Nov 16, 2026", upgraded.number, "Refunded", "Product unsatisfactory", "Sorry"):
        assert expected.encode() in answer.content


@pytest.mark.parametrize(
    ("name", "font"),
    [
        ("Łukasz Żółć", b"DejaVuSans"),
        ("Ωμέγα Привет", b"DejaVuSans"),
        ("山田太郎", b"HeiseiKakuGo-W5"),
        ("김민준", b"HYGothic-Medium"),
        ("们", b"STSong-Light"),
    ],
)
def test_a_name_in_any_script_is_written_in_a_font_that_has_it(client, shop, name, font):
    invoice = open_invoice(shop, shop.customer(name=f"{name} & <Sons>"), 1000)
    assert font in document(client, invoice.invoice_pdf).content
    assert f"{name} & <Sons>" in words_of(client, invoice.hosted_invoice_url)


def test_a_plain_name_needs_no_font_but_every_readers_own(client, upgraded):
    assert b"DejaVu" not in document(client, upgraded.invoice_pdf).content


def test_what_no_font_has_is_a_question_mark(client, shop):
    invoice = open_invoice(shop, shop.customer(name="Zoë 𓀀"), 1000)
    assert b"Zo\\353 ?" in document(client, invoice.invoice_pdf).content


def test_a_long_invoice_runs_over_several_pages(client, shop, alice):
    invoice = open_invoice(shop, alice, *[101] * 60)
    assert b"/Count 3" in document(client, invoice.invoice_pdf).content
