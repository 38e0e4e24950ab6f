"""The invoices page: the list by cursor, one in detail, and paying what is open."""

from __future__ import annotations

import re

import pytest

from billing import operations, sync
from billing.models import Customer, Invoice, PaymentMethod, Subscription
from sandbox import challenges

pytestmark = [pytest.mark.usefixtures("people"), pytest.mark.django_db(databases=["default", "sandbox"])]

INVOICES = "/billing/invoices/"
JSON = {"Accept": "application/json"}


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def shown(response) -> list[str]:
    """Return the ids of the invoices on a page, in its order."""
    return re.findall(r'<tbody id="invoice-(in_\w+)"', response.content.decode())


def link(response, words: str) -> str | None:
    found = re.search(rf'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?{words}', response.content.decode())
    return found and found[1]


@pytest.fixture
def overdue(carol) -> Invoice:
    return Invoice.objects.get(customer__payer_id=str(carol.pk), status="open")


def charged(our_stripe, user) -> list[int]:
    charges = our_stripe.v1.charges.list(
        {"customer": Customer.objects.get(payer_id=str(user.pk)).pk, "limit": 100}
    ).data
    return [charge.amount for charge in charges if charge.status == "succeeded"]


def attach(our_stripe, user, alias: str) -> PaymentMethod:
    """Give a person another saved card, as if an earlier visit had added it."""
    customer = Customer.objects.get(payer_id=str(user.pk))
    card = our_stripe.v1.payment_methods.attach(alias, {"customer": customer.pk})
    sync.reread("payment_method", card.id)
    return PaymentMethod.objects.get(pk=card.id)


# The list ----------------------------------------------------------------------------------------------------------


def test_it_shows_number_date_status_amount_and_links(client, alice):
    client.force_login(alice)
    response = client.get(INVOICES)
    newest = Invoice.objects.filter(customer__payer_id=str(alice.pk)).latest("created")
    html = response.content.decode()
    assert newest.number in html
    assert re.search(r"\d+ \w+ 20\d\d Paid \$29\.00", words(response))
    for address in (newest.data["invoice_pdf"], newest.data["hosted_invoice_url"]):
        assert re.search(rf'href="{re.escape(address)}" target="_blank" rel="noopener noreferrer"', html)


def test_paging_older_and_newer_shows_every_invoice_once_and_comes_back(client, erin):
    client.force_login(erin)
    pages = [client.get(INVOICES)]
    while older := link(pages[-1], "Older"):
        pages.append(client.get(older))
    seen = [invoice for page in pages for invoice in shown(page)]
    rows = Invoice.objects.filter(customer__payer_id=str(erin.pk)).order_by("-created", "-pk")
    assert [len(shown(page)) for page in pages] == [12, 12, 12, 4]
    assert seen == list(rows.values_list("pk", flat=True))
    assert link(pages[0], "Newer") is None
    for page in reversed(pages[:-1]):
        back = client.get(link(pages[pages.index(page) + 1], "Newer"))
        assert shown(back) == shown(page)


def test_invoices_of_one_second_are_neither_lost_nor_shown_twice(client, erin):
    Invoice.objects.filter(customer__payer_id=str(erin.pk)).update(created="2026-01-01T00:00:00Z")
    client.force_login(erin)
    page, seen = client.get(INVOICES), []
    while True:
        seen += shown(page)
        if not (older := link(page, "Older")):
            break
        page = client.get(older)
    assert len(seen) == len(set(seen)) == 40


def test_drafts_are_not_shown(client, alice):
    draft = Invoice.objects.filter(customer__payer_id=str(alice.pk)).first()
    Invoice.objects.filter(pk=draft.pk).update(status="draft")
    client.force_login(alice)
    assert draft.pk not in shown(client.get(INVOICES))


@pytest.mark.parametrize(
    ("status", "attempts", "total", "said"),
    [
        ("paid", 1, 2900, "Paid"),
        ("open", 0, 2900, "To be paid"),
        ("open", 2, 2900, "Payment failed"),
        ("void", 0, 2900, "Void, nothing to pay"),
        ("uncollectible", 4, 2900, "Not collected"),
        ("paid", 0, -1500, "Credited"),
    ],
)
def test_the_status_is_said_in_words(status, attempts, total, said, client, alice):
    rows = Invoice.objects.filter(customer__payer_id=str(alice.pk))
    rows.update(status=status, attempt_count=attempts, total=total)
    client.force_login(alice)
    assert words(client.get(INVOICES)).count(f" {said} ") == rows.count()


def test_the_table_has_a_caption_and_scoped_headings(client, alice):
    client.force_login(alice)
    html = client.get(INVOICES).content.decode()
    assert re.search(r"<table[^>]*>\s*<caption", html)
    assert html.count('<th scope="col"') == 5
    assert html.count('<th scope="row"') == 4


# One in detail -----------------------------------------------------------------------------------------------------


def test_details_open_and_shut_in_place(htmx, alice):
    htmx.force_login(alice)
    invoice = Invoice.objects.filter(customer__payer_id=str(alice.pk)).latest("created")
    opened = htmx.get(f"{INVOICES}{invoice.pk}/")
    assert shown(opened) == [invoice.pk]
    assert 'aria-expanded="true"' in opened.content.decode()
    assert re.search(r"1 × Team \(at \$29.00 / month\) \d+ \w+ 20\d\d to \d+ \w+ 20\d\d \$29\.00", words(opened))
    shut = htmx.get(f"{INVOICES}{invoice.pk}/?closed")
    assert 'aria-expanded="false"' in shut.content.decode()
    assert "1 × Team" not in words(shut)


def test_details_are_a_page_of_their_own_without_htmx(client, erin):
    client.force_login(erin)
    invoice = Invoice.objects.filter(customer__payer_id=str(erin.pk)).latest("created")
    response = client.get(f"{INVOICES}{invoice.pk}/")
    text = words(response)
    assert f"Invoice {invoice.number}" in text
    assert "Unused time on Starter" in text
    assert re.search(r"Total \$28\d\.\d\d Paid -\$28\d\.\d\d", text)


def test_the_parts_of_an_invoice_add_up_for_the_reader(client, alice):
    invoice = Invoice.objects.filter(customer__payer_id=str(alice.pk)).latest("created")
    invoice.data |= {"subtotal": 2900, "total_discount_amounts": [{"amount": 900}], "total_taxes": [{"amount": 380}]}
    invoice.total, invoice.amount_due, invoice.amount_paid = 2380, 1380, 1380
    invoice.save()
    client.force_login(alice)
    text = words(client.get(f"{INVOICES}{invoice.pk}/"))
    assert "Subtotal $29.00 Discount -$9.00 Tax $3.80 Total $23.80 Credit used -$10.00 Paid -$13.80" in text


# Paying ------------------------------------------------------------------------------------------------------------


def test_the_form_names_amount_cards_and_lines(client, carol, overdue):
    client.force_login(carol)
    text = words(client.get(f"{INVOICES}{overdue.pk}/pay/"))
    for said in ["Pay $29.00", "Visa ending in 0341", "A new card", f"Invoice {overdue.number}", "1 × Team"]:
        assert said in text


def test_a_declined_card_is_explained_and_nothing_is_charged(htmx, carol, overdue, our_stripe, token):
    htmx.force_login(carol)
    card = PaymentMethod.objects.get(customer__payer_id=str(carol.pk), deleted=False)
    before = charged(our_stripe, carol)
    response = htmx.post(f"{INVOICES}{overdue.pk}/pay/", {"token": token, "payment_method": card.pk})
    assert response.status_code == 422
    assert response["HX-Retarget"] == "#pay-state"
    assert "Your bank declined this card. Nothing was charged" in words(response)
    assert charged(our_stripe, carol) == before
    assert Invoice.objects.get(pk=overdue.pk).status == "open"


def test_another_saved_card_pays_and_sets_the_plan_right(client, carol, overdue, our_stripe, token):
    card = attach(our_stripe, carol, "pm_card_visa")
    client.force_login(carol)
    form = {"token": token, "payment_method": card.pk}
    response = client.post(f"{INVOICES}{overdue.pk}/pay/", form, follow=True)
    assert response.redirect_chain == [(INVOICES, 302)]
    assert "Thank you: $29.00 is paid." in words(response)
    assert Invoice.objects.get(pk=overdue.pk).status == "paid"
    assert Subscription.objects.get(customer__payer_id=str(carol.pk)).status == "active"
    assert "overdue" not in words(client.get("/billing/"))


def default_of(user) -> PaymentMethod:
    return PaymentMethod.objects.get(pk=Customer.objects.get(payer_id=str(user.pk)).default_payment_method)


@pytest.mark.parametrize(("keep", "charged_next"), [({"keep": "1"}, "4242"), ({}, "0341")])
def test_the_card_that_paid_is_charged_from_now_on_if_asked(
    keep, charged_next, client, carol, overdue, our_stripe, token
):
    card = attach(our_stripe, carol, "pm_card_visa")
    client.force_login(carol)
    client.post(f"{INVOICES}{overdue.pk}/pay/", {"token": token, "payment_method": card.pk, **keep})
    assert default_of(carol).last4 == charged_next
    assert f"Visa ending in {charged_next}" in words(client.get("/billing/"))


def test_a_declined_card_is_not_charged_from_now_on(client, alice, carol, overdue, our_stripe, token):
    first = default_of(carol)
    card = attach(our_stripe, carol, "pm_card_chargeCustomerFail")
    client.force_login(carol)
    client.post(f"{INVOICES}{overdue.pk}/pay/", {"token": token, "payment_method": card.pk, "keep": "1"})
    assert default_of(carol) == first


def test_paid_twice_it_is_charged_once(client, carol, overdue, our_stripe, token):
    card = attach(our_stripe, carol, "pm_card_visa")
    before = len(charged(our_stripe, carol))
    client.force_login(carol)
    for form_token in (token, token, operations.new_token()):
        client.post(f"{INVOICES}{overdue.pk}/pay/", {"token": form_token, "payment_method": card.pk})
    assert len(charged(our_stripe, carol)) == before + 1


def test_a_new_card_pays_in_the_browser(htmx, carol, overdue, our_stripe, token):
    htmx.force_login(carol)
    form = {"token": token, "payment_method": "new", "keep": "1"}
    answer = htmx.post(f"{INVOICES}{overdue.pk}/pay/", form, headers=JSON).json()
    assert answer["token"] != token
    our_stripe.v1.payment_intents.confirm(
        answer["client_secret"].partition("_secret_")[0],
        {"payment_method": "pm_card_visa", "return_url": "http://testserver/"},
    )
    response = htmx.post(f"{INVOICES}{overdue.pk}/settle/", form)
    assert response.status_code == 200
    assert "Thank you: $29.00 is paid." in words(response)
    assert Invoice.objects.get(pk=overdue.pk).status == "paid"
    assert default_of(carol).last4 == "4242"


@pytest.mark.parametrize("yes", [True, False])
def test_the_bank_is_asked_in_the_page(yes, htmx, carol, overdue, our_stripe, token):
    card = attach(our_stripe, carol, "pm_card_authenticationRequired")
    htmx.force_login(carol)
    step = htmx.post(f"{INVOICES}{overdue.pk}/pay/", {"token": token, "payment_method": card.pk, "keep": "1"})
    secret = re.search(r'<bank-step[^>]* data-client-secret="([^"]+)"', step.content.decode())[1]
    intent = our_stripe.v1.payment_intents.retrieve(secret.partition("_secret_")[0])
    where = intent.next_action.use_stripe_sdk["stripe_js"]
    challenges.finish(where.rstrip("/").rpartition("/")[2], succeeded=yes)
    response = htmx.post(re.search(r'hx-post="([^"]+settle[^"]+)"', step.content.decode())[1])
    assert response.status_code == (200 if yes else 422)
    assert default_of(carol).last4 == ("3184" if yes else "0341")
    assert Invoice.objects.get(pk=overdue.pk).status == ("paid" if yes else "open")
    said = "Thank you: $29.00 is paid." if yes else "Your bank could not confirm that it is you. Nothing was charged"
    assert said in words(response)


def test_what_is_paid_already_is_good_news(client, alice):
    paid = Invoice.objects.filter(customer__payer_id=str(alice.pk)).first()
    client.force_login(alice)
    response = client.get(f"{INVOICES}{paid.pk}/pay/", follow=True)
    assert response.redirect_chain == [(INVOICES, 302)]
    assert "This invoice is paid. Thank you." in words(response)


def test_the_return_from_the_bank_asks_stripe_and_shows_the_form_again(client, carol, overdue):
    client.force_login(carol)
    claim = {"payment_intent": "pi_1", "payment_intent_client_secret": "x", "redirect_status": "succeeded"}
    response = client.get(f"{INVOICES}{overdue.pk}/return/", claim)
    assert response.status_code == 302
    assert response["Referrer-Policy"] == "no-referrer"
    assert "secret" not in response["Location"]
    assert Invoice.objects.get(pk=overdue.pk).status == "open"
    assert "Thank you" not in words(client.get(INVOICES))


def test_with_stripe_away_nothing_is_charged_and_the_form_stays(
    htmx, carol, overdue, our_stripe, token, stripe_is_down
):
    card = PaymentMethod.objects.get(customer__payer_id=str(carol.pk), deleted=False)
    htmx.force_login(carol)
    stripe_is_down()
    response = htmx.post(f"{INVOICES}{overdue.pk}/pay/", {"token": token, "payment_method": card.pk})
    assert response.status_code == 503
    assert response["HX-Reswap"] == "none"
    assert '<hx-partial hx-target="#pay-state"' in response.content.decode()
    assert "Nothing was charged: please try again in a moment." in words(response)
