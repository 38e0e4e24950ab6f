"""The cards page: what it lists, and adding, editing, choosing and removing a card."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from billing import operations
from billing.models import Customer, PaymentMethod, Subscription
from sandbox import challenges

pytestmark = [pytest.mark.usefixtures("people"), pytest.mark.django_db(databases=["default", "sandbox"])]

CARDS = "/billing/cards/"
EXPIRED, VISA, MASTERCARD = "0005", "4242", "4444"


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def card_of(user, last4: str) -> PaymentMethod:
    return PaymentMethod.objects.get(customer__payer_id=str(user.pk), last4=last4)


@pytest.fixture
def save(our_stripe):
    """A function that does what the browser does after Save: confirm the SetupIntent with a card, return its id."""

    def confirm(browser, card: str, *, bank_says_yes: bool = True) -> str:
        answer = browser.post("/billing/cards/setup/", {"token": operations.new_token()})
        intent_id = answer.json()["client_secret"].partition("_secret_")[0]
        intent = our_stripe.v1.setup_intents.confirm(
            intent_id, {"payment_method": card, "return_url": "http://testserver/", "use_stripe_sdk": True}
        )
        if intent.status == "requires_action":
            token = intent.next_action.use_stripe_sdk["stripe_js"].rstrip("/").rpartition("/")[2]
            challenges.finish(token, succeeded=bank_says_yes)
        return intent_id

    return confirm


# The list ----------------------------------------------------------------------------------------------------------


def test_it_lists_brand_last_four_expiry_and_which_is_the_default(client, erin):
    client.force_login(erin)
    text = words(client.get(CARDS))
    assert re.search(r"Mastercard ending in 4444 Expires \d\d/\d\d Default", text)
    assert re.search(r"Visa ending in 4242 Expires \d\d/\d\d Make default", text)
    assert re.search(r"American Express ending in 0005 Expired \d\d/\d\d", text)
    assert text.index("Mastercard ending") < text.index("Visa ending")  # the default comes first


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2030-06-30", "Expires soon, 07/30"),
        ("2030-07-31", "Expires soon, 07/30"),
        ("2030-08-01", "Expired 07/30"),
        ("2030-05-31", "Expires 07/30"),
    ],
)
def test_a_card_is_good_to_the_end_of_its_month(today, said, client, alice, monkeypatch):
    monkeypatch.setattr("billing.dates.now", lambda: datetime.fromisoformat(f"{today}T12:00:00+00:00"))
    PaymentMethod.objects.filter(customer__payer_id=str(alice.pk)).update(exp_month=7, exp_year=2030)
    client.force_login(alice)
    assert said in words(client.get(CARDS))


def test_it_says_why_a_card_cannot_be_removed(client, erin):
    client.force_login(erin)
    assert "Team is paid with this card. Make another card the default first, or cancel the plan." in words(
        client.get(CARDS)
    )


def test_it_asks_to_pay_what_a_new_card_alone_does_not_pay(client, carol):
    client.force_login(carol)
    assert "$29.00 for Team is still unpaid. A new card alone does not pay it. Pay $29.00 now" in words(
        client.get(CARDS)
    )


# Adding ------------------------------------------------------------------------------------------------------------


def test_viewing_makes_nothing_at_stripe(client, bob, our_stripe):
    client.force_login(bob)
    client.get(CARDS)
    assert our_stripe.v1.customers.list({"email": "bob@example.com"}).data == []


def test_the_first_card_becomes_the_default(client, bob, save, our_stripe):
    client.force_login(bob)
    response = client.post("/billing/cards/add/", {"setup_intent": save(client, "pm_card_visa")}, follow=True)
    assert "Visa ending in 4242 is saved and will be charged from now on." in words(response)
    customer = Customer.objects.get(payer_id=str(bob.pk))
    assert customer.default_payment_method == card_of(bob, VISA).pk
    at_stripe = our_stripe.v1.customers.retrieve(customer.pk)
    assert at_stripe.invoice_settings.default_payment_method == card_of(bob, VISA).pk


def test_a_second_card_does_not_become_the_default(client, alice, save):
    before = Customer.objects.get(payer_id=str(alice.pk)).default_payment_method
    client.force_login(alice)
    response = client.post("/billing/cards/add/", {"setup_intent": save(client, "pm_card_mastercard")}, follow=True)
    assert "Mastercard ending in 4444 is saved." in words(response)
    assert Customer.objects.get(payer_id=str(alice.pk)).default_payment_method == before


def test_htmx_gets_the_list_and_a_fresh_form(htmx, alice, save):
    htmx.force_login(alice)
    response = htmx.post("/billing/cards/add/", {"setup_intent": save(htmx, "pm_card_mastercard")})
    html = response.content.decode()
    assert response.status_code == 200
    assert html.lstrip().startswith('<section id="cards"')
    assert "Mastercard ending in 4444" in html
    assert '<hx-partial hx-target="#add-card" hx-swap="outerHTML">' in html


def test_the_same_card_twice_is_recognised_and_said_so(client, alice, save, our_stripe):
    client.force_login(alice)
    known = card_of(alice, VISA)
    again = save(client, "pm_card_visa")
    added = our_stripe.v1.setup_intents.retrieve(again).payment_method
    our_stripe.v1.payment_methods.update(added, {"card": {"exp_month": known.exp_month, "exp_year": known.exp_year}})
    response = client.post("/billing/cards/add/", {"setup_intent": again}, follow=True)
    assert "Visa ending in 4242 is already saved: nothing was added twice." in words(response)
    assert [card.id for card in our_stripe.v1.customers.payment_methods.list(known.customer_id).data] == [known.pk]


def test_a_card_that_the_bank_confirms_is_saved(client, alice, save):
    client.force_login(alice)
    intent = save(client, "pm_card_authenticationRequired")
    assert "is saved." in words(client.post("/billing/cards/add/", {"setup_intent": intent}, follow=True))
    assert card_of(alice, "3184")


def test_a_card_that_the_bank_does_not_confirm_is_not_saved(client, alice, save):
    client.force_login(alice)
    intent = save(client, "pm_card_authenticationRequired", bank_says_yes=False)
    response = client.post("/billing/cards/add/", {"setup_intent": intent})
    assert response.status_code == 422
    assert "Your bank could not confirm that it is you." in words(response)
    assert not PaymentMethod.objects.filter(last4="3184").exists()


def test_an_intent_that_was_not_confirmed_saves_nothing(client, alice):
    client.force_login(alice)
    secret = client.post("/billing/cards/setup/", {"token": operations.new_token()}).json()["client_secret"]
    response = client.post("/billing/cards/add/", {"setup_intent": secret.partition("_secret_")[0]})
    assert response.status_code == 422
    assert PaymentMethod.objects.filter(customer__payer_id=str(alice.pk)).count() == 1


@pytest.mark.parametrize("how", ["post", "get"])
def test_an_intent_of_another_customer_is_a_404(how, client, alice, bob, save):
    client.force_login(bob)
    theirs = save(client, "pm_card_mastercard")
    client.force_login(alice)
    address = "/billing/cards/add/" if how == "post" else "/billing/cards/return/"
    for intent in (theirs, "seti_unknown"):
        assert getattr(client, how)(address, {"setup_intent": intent}).status_code == 404
    assert PaymentMethod.objects.filter(customer__payer_id=str(alice.pk)).count() == 1


def test_the_return_from_the_bank_believes_stripe_and_not_the_address(client, alice, save):
    client.force_login(alice)
    intent = save(client, "pm_card_authenticationRequired", bank_says_yes=False)
    claim = {"setup_intent": intent, "setup_intent_client_secret": "seti_secret", "redirect_status": "succeeded"}
    response = client.get("/billing/cards/return/", claim)
    assert response.status_code == 302
    assert response["Location"] == CARDS
    assert response["Referrer-Policy"] == "no-referrer"
    assert "Your bank could not confirm that it is you." in words(client.get(CARDS))


def test_the_return_from_the_bank_saves_what_it_confirmed(client, alice, save):
    client.force_login(alice)
    intent = save(client, "pm_card_authenticationRequired")
    client.get("/billing/cards/return/", {"setup_intent": intent, "redirect_status": "failed"})
    assert "Visa ending in 3184 is saved." in words(client.get(CARDS))


def test_save_pressed_twice_asks_for_one_intent(client, alice, token):
    client.force_login(alice)
    first, second = (client.post("/billing/cards/setup/", {"token": token}).json() for _ in range(2))
    assert first == second


def test_no_answer_from_stripe_is_said_in_json(client, alice, token, stripe_is_down):
    client.force_login(alice)
    stripe_is_down()
    response = client.post("/billing/cards/setup/", {"token": token})
    assert response.status_code == 503
    assert "Nothing was charged: please try again" in response.json()["error"]
    assert len(response.json()["token"]) == 32


@pytest.mark.parametrize("forged", ["", "short", "customer-auth.user-1-0", "x" * 33])
def test_only_a_token_of_our_own_forms_is_taken(forged, client, alice, stripe_calls):
    client.force_login(alice)
    assert client.post("/billing/cards/setup/", {"token": forged}).status_code == 404
    assert stripe_calls == []


# Make default, remove, edit ---------------------------------------------------------------------------------------


def test_another_default_is_charged_from_now_on(client, erin, our_stripe, token):
    customer = Customer.objects.get(payer_id=str(erin.pk))
    subscription = Subscription.objects.get(customer=customer)
    pinned = card_of(erin, MASTERCARD)
    our_stripe.v1.subscriptions.update(subscription.pk, {"default_payment_method": pinned.pk})
    Subscription.objects.filter(pk=subscription.pk).update(default_payment_method=pinned.pk)
    visa = card_of(erin, VISA)
    client.force_login(erin)
    response = client.post(f"/billing/cards/{visa.pk}/default/", {"token": token}, follow=True)
    assert "Visa ending in 4242 is your default card now." in words(response)
    assert Customer.objects.get(pk=customer.pk).default_payment_method == visa.pk
    assert our_stripe.v1.subscriptions.retrieve(subscription.pk).default_payment_method == visa.pk
    assert Subscription.objects.get(pk=subscription.pk).default_payment_method == visa.pk


def test_a_card_no_plan_needs_is_removed(htmx, erin, our_stripe, token):
    visa = card_of(erin, VISA)
    htmx.force_login(erin)
    response = htmx.post(f"/billing/cards/{visa.pk}/remove/", {"token": token})
    assert response.status_code == 200
    assert f'id="card-{visa.pk}"' not in response.content.decode()
    assert PaymentMethod.objects.get(pk=visa.pk).deleted
    assert our_stripe.v1.payment_methods.retrieve(visa.pk).customer is None


def test_the_card_a_plan_is_paid_with_is_not_removed(htmx, alice, our_stripe, token):
    visa = card_of(alice, VISA)
    htmx.force_login(alice)
    response = htmx.post(f"/billing/cards/{visa.pk}/remove/", {"token": token})
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert not PaymentMethod.objects.get(pk=visa.pk).deleted
    assert our_stripe.v1.payment_methods.retrieve(visa.pk).customer


EDIT = {"exp_month": "11", "exp_year": "2033", "line1": "Market Square 1", "city": "Turku", "country": "FI"}


def test_expiry_and_address_are_edited_in_place(htmx, erin, our_stripe, token):
    card = card_of(erin, EXPIRED)
    htmx.force_login(erin)
    form = htmx.get(f"/billing/cards/{card.pk}/edit/").content.decode()
    assert form.lstrip().startswith("<li")
    response = htmx.post(f"/billing/cards/{card.pk}/edit/", {**EDIT, "token": token})
    assert response.status_code == 200
    assert "American Express ending in 0005 Expires 11/33" in words(response)
    at_stripe = our_stripe.v1.payment_methods.retrieve(card.pk)
    assert (at_stripe.card.exp_month, at_stripe.card.exp_year) == (11, 2033)
    assert at_stripe.billing_details.address.city == "Turku"


def test_an_emptied_address_is_cleared(client, erin, our_stripe, token):
    card = card_of(erin, VISA)
    our_stripe.v1.payment_methods.update(card.pk, {"billing_details": {"address": {"city": "Turku", "line2": "B 4"}}})
    client.force_login(erin)
    client.post(f"/billing/cards/{card.pk}/edit/", {"exp_month": "11", "exp_year": "2033", "token": token})
    address = our_stripe.v1.payment_methods.retrieve(card.pk).billing_details.address
    assert (address.city, address.line2) == (None, None)


def test_the_edit_page_works_without_htmx(client, erin, token):
    card = card_of(erin, VISA)
    client.force_login(erin)
    assert 'autocomplete="address-level2"' in client.get(f"/billing/cards/{card.pk}/edit/").content.decode()
    response = client.post(f"/billing/cards/{card.pk}/edit/", {**EDIT, "token": token}, follow=True)
    assert response.redirect_chain == [(CARDS, 302)]
    assert "Visa ending in 4242 is updated." in words(response)


@pytest.mark.parametrize("wrong", [{"exp_month": "13"}, {"exp_year": "2019"}, {"country": "XX"}, {"line1": "x" * 201}])
def test_what_is_wrong_is_shown_and_what_was_typed_stays(wrong, htmx, erin, token, stripe_calls):
    card = card_of(erin, VISA)
    htmx.force_login(erin)
    response = htmx.post(f"/billing/cards/{card.pk}/edit/", {**EDIT, **wrong, "token": token})
    html = response.content.decode()
    assert response.status_code == 422
    assert response["HX-Retarget"] == f"#card-{card.pk}"
    assert 'aria-invalid="true"' in html
    assert 'value="Turku"' in html
    assert stripe_calls == []


def test_a_month_of_this_year_that_is_over_is_refused(htmx, erin, token, monkeypatch):
    monkeypatch.setattr("billing.forms.now", lambda: datetime(2033, 12, 1, tzinfo=UTC))
    card = card_of(erin, VISA)
    htmx.force_login(erin)
    response = htmx.post(f"/billing/cards/{card.pk}/edit/", {**EDIT, "token": token})
    assert response.status_code == 422
    assert "This month is over" in words(response)


def test_an_edit_sent_again_after_an_error_is_a_new_try(htmx, erin, token, stripe_is_down):
    card = card_of(erin, VISA)
    htmx.force_login(erin)
    stripe_is_down()
    response = htmx.post(f"/billing/cards/{card.pk}/edit/", {**EDIT, "token": token})
    html = response.content.decode()
    assert response.status_code == 503
    assert 'value="Turku"' in html
    assert token not in html
    assert re.search(r'name="token" value="[\w-]{32}"', html)
