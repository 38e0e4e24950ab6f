"""The plan page: what is on offer, subscribing, changing for exactly the amount that was shown."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest

from billing import operations
from billing.models import Customer, Invoice, PaymentMethod, Price, Subscription
from sandbox import challenges

pytestmark = [pytest.mark.usefixtures("people"), pytest.mark.django_db(databases=["default", "sandbox"])]

PLAN, SUBSCRIBE, CHANGE, SETTLE = (
    "/billing/plan/",
    "/billing/plan/subscribe/",
    "/billing/plan/change/",
    "/billing/plan/settle/",
)
JSON = {"Accept": "application/json"}


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def field(response, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())[1]


def plan_of(user) -> Subscription | None:
    return Subscription.objects.filter(customer__payer_id=str(user.pk)).order_by("-created").first()


def charged(our_stripe, user) -> list[int]:
    """Return what the customer was really charged, at Stripe."""
    charges = our_stripe.v1.charges.list(
        {"customer": Customer.objects.get(payer_id=str(user.pk)).pk, "limit": 100}
    ).data
    return [charge.amount for charge in charges if charge.status == "succeeded"]


@pytest.fixture
def give_card(our_stripe):
    """A function that gives a person a saved default card."""

    def give(browser, user, alias: str) -> PaymentMethod:
        answer = browser.post("/billing/cards/setup/", {"token": operations.new_token()})
        intent = answer.json()["client_secret"].partition("_secret_")[0]
        done = our_stripe.v1.setup_intents.confirm(
            intent, {"payment_method": alias, "return_url": "http://testserver/", "use_stripe_sdk": True}
        )
        if done.status == "requires_action":
            challenges.finish(done.next_action.use_stripe_sdk["source"], succeeded=True)
        browser.post("/billing/cards/add/", {"setup_intent": intent})
        card = PaymentMethod.objects.get(pk=done.payment_method, customer__payer_id=str(user.pk))
        browser.post(f"/billing/cards/{card.pk}/default/", {"token": operations.new_token()})
        return card

    return give


@pytest.fixture
def bank(our_stripe):
    """A function that answers the bank's question about a payment, named by its client secret."""

    def answer(client_secret: str, *, yes: bool) -> None:
        intent = our_stripe.v1.payment_intents.retrieve(client_secret.partition("_secret_")[0])
        action = intent.next_action
        where = action.use_stripe_sdk["stripe_js"] if action.type == "use_stripe_sdk" else action.redirect_to_url.url
        challenges.finish(where.rstrip("/").rpartition("/")[2], succeeded=yes)

    return answer


# What is on offer --------------------------------------------------------------------------------------------------


def test_it_offers_the_monthly_plans_first(client, bob):
    client.force_login(bob)
    text = words(client.get(PLAN))
    assert re.search(r"Starter \$9\.00 a month .* Team \$29\.00 a month .* Business \$99\.00 a month", text)
    assert "$290.00" not in text


def test_the_switch_shows_the_yearly_plans_and_what_they_save(client, bob):
    client.force_login(bob)
    text = words(client.get(PLAN, {"interval": "year"}))
    assert re.search(r"Starter Save 16% \$90\.00 a year", text)
    assert "a month" not in text


def test_the_switch_opens_on_the_interval_of_the_plan(client, erin):
    client.force_login(erin)
    assert "Business Save 16% $990.00 a year" in words(client.get(PLAN))


def test_prices_without_a_lookup_key_are_not_offered(client, bob):
    client.force_login(bob)
    assert "Kaisha" not in words(client.get(PLAN))


def test_prices_in_another_currency_than_the_customers_are_not_offered(client, alice):
    Price.objects.filter(lookup_key="business_monthly").update(currency="eur")
    client.force_login(alice)
    text = words(client.get(PLAN))
    assert "Starter" in text
    assert "Business" not in text


def test_the_current_plan_is_marked_and_cannot_be_chosen(client, alice):
    client.force_login(alice)
    html = client.get(PLAN).content.decode()
    assert re.search(r'value="team_monthly"[^>]* disabled', html)
    assert "Current plan" in html


def test_plans_are_a_radio_group_with_a_legend(client, bob):
    client.force_login(bob)
    html = client.get(PLAN).content.decode()
    assert re.search(r"<fieldset[^>]*>\s*<legend", html)
    for key in ("starter", "team", "business"):
        assert f'<label for="price-{key}_monthly">' in html


def test_the_old_plan_is_chosen_for_who_comes_back(client, bob):
    client.force_login(bob)
    assert re.search(r'value="team_yearly"[^>]* checked', client.get(PLAN, {"price": "team_yearly"}).content.decode())


# Subscribing -------------------------------------------------------------------------------------------------------


def test_it_says_what_is_paid_today_and_that_it_renews(client, bob):
    client.force_login(bob)
    text = words(client.get(SUBSCRIBE, {"price": "team_monthly"}))
    for said in [
        "Subscribe to Team, $29.00 a month",
        "To pay today $29.00",
        "Renews automatically every month",
        "Pay $29.00",
    ]:
        assert said in text


@pytest.mark.parametrize("key", ["", "nothing", "price_1"])
def test_what_is_not_on_offer_cannot_be_bought(key, client, bob, token, stripe_calls):
    client.force_login(bob)
    for response in (client.get(SUBSCRIBE, {"price": key}), client.post(SUBSCRIBE, {"price": key, "token": token})):
        assert response.status_code == 422
        assert "This plan is no longer offered. Nothing was charged" in words(response)
        assert "Choose a plan" in words(response)
    assert stripe_calls == []


def test_a_saved_card_pays_without_javascript(client, bob, give_card, our_stripe, token):
    client.force_login(bob)
    card = give_card(client, bob, "pm_card_visa")
    response = client.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk}, follow=True)
    assert response.redirect_chain == [(PLAN, 302)]
    assert "Welcome to Team: $29.00 a month. Your first payment is made." in words(response)
    assert (plan_of(bob).status, plan_of(bob).price_id) == ("active", Price.objects.get(lookup_key="team_monthly").pk)
    assert charged(our_stripe, bob) == [2900]


@pytest.mark.parametrize(("credit", "to_pay"), [(1000, 1900), (2900, 0), (5000, 0)])
def test_credit_is_taken_off_the_first_payment_and_shown_before(
    credit, to_pay, client, bob, give_card, our_stripe, token
):
    client.force_login(bob)
    card = give_card(client, bob, "pm_card_visa")
    our_stripe.v1.customers.update(card.customer_id, {"balance": -credit})
    Customer.objects.filter(pk=card.customer_id).update(balance=-credit, currency="usd")
    text = words(client.get(SUBSCRIBE, {"price": "team_monthly"}))
    assert f"To pay today ${to_pay / 100:.2f}" in text
    assert ("no card is charged. Start the plan" in text) is (to_pay == 0)
    form = {"price": "team_monthly", "token": token, **({"payment_method": card.pk} if to_pay else {})}
    assert client.post(SUBSCRIBE, form).status_code == 302
    assert charged(our_stripe, bob) == ([to_pay] if to_pay else [])
    assert plan_of(bob).status == "active"


def test_the_form_sent_twice_charges_once(client, bob, give_card, our_stripe, token):
    client.force_login(bob)
    form = {"price": "team_monthly", "token": token, "payment_method": give_card(client, bob, "pm_card_visa").pk}
    assert [client.post(SUBSCRIBE, form).status_code for _ in range(2)] == [302, 302]
    assert charged(our_stripe, bob) == [2900]
    assert Subscription.objects.filter(customer__payer_id=str(bob.pk)).count() == 1


def test_a_declined_card_says_why_and_leaves_the_form_with_a_new_token(htmx, bob, give_card, our_stripe, token):
    htmx.force_login(bob)
    card = give_card(htmx, bob, "pm_card_chargeCustomerFail")
    response = htmx.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    assert response.status_code == 422
    assert response["HX-Retarget"] == "#pay-state"
    assert "Your bank declined this card. Nothing was charged" in words(response)
    assert 'role="alert"' in response.content.decode()
    assert field(response, "token") != token
    assert charged(our_stripe, bob) == []
    assert plan_of(bob).status == "incomplete"


def test_a_declined_card_without_javascript_gets_the_whole_page_again(client, bob, give_card, token):
    client.force_login(bob)
    card = give_card(client, bob, "pm_card_chargeCustomerFail")
    response = client.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    assert response.status_code == 422
    assert "Subscribe to Team, $29.00 a month" in words(response)
    assert "Your bank declined this card." in words(response)


def test_after_a_decline_another_card_pays_the_same_subscription(client, bob, give_card, our_stripe, token):
    client.force_login(bob)
    bad = give_card(client, bob, "pm_card_chargeCustomerFail")
    client.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": bad.pk})
    assert "Your first payment is not finished." in words(client.get("/billing/"))
    good = give_card(client, bob, "pm_card_visa")
    form = {"price": "team_monthly", "token": operations.new_token(), "payment_method": good.pk}
    client.post(SUBSCRIBE, form)
    assert charged(our_stripe, bob) == [2900]
    assert [each.status for each in Subscription.objects.filter(customer__payer_id=str(bob.pk))] == ["active"]


def test_a_new_card_is_confirmed_in_the_browser_and_believed_from_stripe(htmx, bob, our_stripe, token):
    htmx.force_login(bob)
    form = {"price": "team_monthly", "token": token, "payment_method": "new"}
    answer = htmx.post(SUBSCRIBE, form, headers=JSON).json()
    unpaid = htmx.post(SETTLE)
    assert unpaid.status_code == 422
    assert "The payment was not finished. Nothing was charged" in words(unpaid)
    intent = answer["client_secret"].partition("_secret_")[0]
    our_stripe.v1.payment_intents.confirm(
        intent, {"payment_method": "pm_card_visa", "return_url": "http://testserver/"}
    )
    paid = htmx.post(SETTLE)
    assert paid.status_code == 200
    assert "Done. You are on Team now." in words(paid)
    assert plan_of(bob).status == "active"
    assert Customer.objects.get(payer_id=str(bob.pk)).default_payment_method
    assert charged(our_stripe, bob) == [2900]


def test_a_new_card_cannot_be_typed_without_javascript(client, bob, token, stripe_calls):
    client.force_login(bob)
    response = client.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": "new"})
    assert response.status_code == 422
    assert "Typing a new card needs JavaScript." in words(response)
    assert stripe_calls == []


def test_not_choosing_how_to_pay_is_said(client, bob, token, stripe_calls):
    client.force_login(bob)
    response = client.post(SUBSCRIBE, {"price": "team_monthly", "token": token})
    assert response.status_code == 422
    assert "Please choose how to pay." in words(response)
    assert stripe_calls == []


def test_the_banks_question_is_asked_in_the_page(htmx, bob, give_card, bank, our_stripe, token):
    htmx.force_login(bob)
    card = give_card(htmx, bob, "pm_card_authenticationRequired")
    step = htmx.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    assert step.status_code == 200
    assert "Your bank asks you to confirm Confirm $29.00 in the window" in words(step)
    secret = re.search(r'<bank-step[^>]* data-client-secret="([^"]+)"', step.content.decode())[1]
    assert charged(our_stripe, bob) == []
    bank(secret, yes=True)
    assert "Done. You are on Team now." in words(htmx.post(SETTLE))
    assert charged(our_stripe, bob) == [2900]


def test_the_bank_saying_no_charges_nothing_and_says_why(htmx, bob, give_card, bank, our_stripe, token):
    htmx.force_login(bob)
    card = give_card(htmx, bob, "pm_card_authenticationRequired")
    step = htmx.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    bank(re.search(r'data-client-secret="([^"]+)"', step.content.decode())[1], yes=False)
    response = htmx.post(SETTLE)
    assert response.status_code == 422
    assert "Your bank could not confirm that it is you. Nothing was charged" in words(response)
    assert charged(our_stripe, bob) == []


def test_pressing_on_before_the_bank_was_asked_asks_again(htmx, bob, give_card, token):
    htmx.force_login(bob)
    card = give_card(htmx, bob, "pm_card_authenticationRequired")
    htmx.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    assert "<bank-step" in htmx.post(SETTLE).content.decode()


def test_the_secret_of_a_payment_is_in_no_page_but_the_one_that_asks(client, htmx, bob, give_card, token):
    for browser in (client, htmx):
        browser.force_login(bob)
    card = give_card(htmx, bob, "pm_card_authenticationRequired")
    htmx.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    for page in ("/billing/", PLAN, "/billing/invoices/"):
        assert "_secret_" not in client.get(page).content.decode()


def test_the_return_from_the_bank_believes_stripe_and_not_the_address(client, bob, give_card, bank, token):
    client.force_login(bob)
    card = give_card(client, bob, "pm_card_authenticationRequired")
    step = client.post(SUBSCRIBE, {"price": "team_monthly", "token": token, "payment_method": card.pk})
    bank(re.search(r'data-client-secret="([^"]+)"', step.content.decode())[1], yes=False)
    claim = {"payment_intent": "pi_1", "payment_intent_client_secret": "pi_1_secret_2", "redirect_status": "succeeded"}
    response = client.get("/billing/plan/return/", claim)
    assert (response.status_code, response["Location"], response["Referrer-Policy"]) == (302, PLAN, "no-referrer")
    assert "Your bank could not confirm that it is you." in words(client.get(PLAN))
    assert plan_of(bob).status == "incomplete"


def test_who_has_a_plan_does_not_buy_a_second_one(client, alice, our_stripe, token):
    card = PaymentMethod.objects.get(customer__payer_id=str(alice.pk))
    before = charged(our_stripe, alice)
    client.force_login(alice)
    response = client.post(SUBSCRIBE, {"price": "starter_monthly", "token": token, "payment_method": card.pk})
    assert response.status_code == 422
    assert "You have a plan already." in words(response)
    assert charged(our_stripe, alice) == before


# Changing ----------------------------------------------------------------------------------------------------------


def change_form(page, **more) -> dict[str, str]:
    named = {name: field(page, name) for name in ("token", "preview", "price", "subscription")}
    return {**named, **more}


def test_the_preview_shows_lines_amount_and_date_and_asks_for_consent(client, alice):
    client.force_login(alice)
    preview = client.get(CHANGE, {"price": "business_monthly"})
    text = words(preview)
    amount = re.search(r"Charged today \$([\d.]+)", text)[1]
    assert "Unused time on Team" in text
    assert "Remaining time on Business" in text
    assert re.search(r"Next charge, \d+ \w+ 20\d\d \$99\.00", text)
    assert f"Charge ${amount} to Visa ending in 4242 now." in text
    assert f"Pay ${amount} and change" in text


def test_the_preview_is_the_only_page_that_asks_stripe(client, alice, stripe_calls):
    client.force_login(alice)
    client.get(CHANGE, {"price": "business_monthly"})
    assert stripe_calls == ["POST /v1/invoices/create_preview"]


def test_a_link_to_subscribe_leads_who_has_a_plan_to_the_change(client, alice):
    client.force_login(alice)
    response = client.get(SUBSCRIBE, {"price": "business_monthly"})
    assert (response.status_code, response["Location"]) == (302, f"{CHANGE}?price=business_monthly")


def test_what_was_shown_is_what_is_charged(client, alice, our_stripe):
    client.force_login(alice)
    preview = client.get(CHANGE, {"price": "business_monthly"})
    shown = re.search(r"Charged today \$([\d.]+)", words(preview))[1]
    response = client.post(CHANGE, change_form(preview, charged_now="1", consent="1"), follow=True)
    assert "Done. You are on Business now." in words(response)
    assert f"{charged(our_stripe, alice)[0] / 100:.2f}" == shown
    assert plan_of(alice).price_id == Price.objects.get(lookup_key="business_monthly").pk
    assert (
        Invoice.objects.filter(customer__payer_id=str(alice.pk)).latest("created", "number").amount_paid
        == charged(our_stripe, alice)[0]
    )


def test_a_downgrade_charges_nothing_and_keeps_the_rest_as_credit(client, alice, our_stripe):
    client.force_login(alice)
    before = charged(our_stripe, alice)
    preview = client.get(CHANGE, {"price": "starter_monthly"})
    text = words(preview)
    credit = re.search(r"Credit for your next invoices \$([\d.]+)", text)[1]
    next_charge = re.search(r"Next charge, [^$]+\$([\d.]+)", text)[1]
    assert "Charged today $0.00" in text
    assert 'name="consent"' not in preview.content.decode()
    client.post(CHANGE, change_form(preview))
    assert charged(our_stripe, alice) == before
    assert plan_of(alice).price_id == Price.objects.get(lookup_key="starter_monthly").pk
    customer = our_stripe.v1.customers.retrieve(Customer.objects.get(payer_id=str(alice.pk)).pk)
    assert f"{-customer.balance / 100:.2f}" == credit
    assert f"Next charge ${next_charge}" in words(client.get("/billing/"))


def test_without_consent_nothing_is_changed(htmx, alice, our_stripe):
    htmx.force_login(alice)
    before, price = charged(our_stripe, alice), plan_of(alice).price_id
    preview = htmx.get(CHANGE, {"price": "business_monthly"})
    response = htmx.post(CHANGE, change_form(preview, charged_now="1"))
    assert response.status_code == 422
    assert "Please tick the box: this change is charged at once." in words(response)
    assert "Charged today" in words(response)
    assert (charged(our_stripe, alice), plan_of(alice).price_id) == (before, price)


def test_another_amount_than_the_one_shown_is_shown_first(htmx, alice, our_stripe):
    htmx.force_login(alice)
    before = charged(our_stripe, alice)
    form = change_form(htmx.get(CHANGE, {"price": "business_monthly"}), charged_now="1", consent="1")
    our_stripe.v1.customers.update(plan_of(alice).customer_id, {"balance": -500})  # a gift from the support
    response = htmx.post(CHANGE, form)
    assert response.status_code == 422
    assert "Something has changed since this page was shown." in words(response)
    assert charged(our_stripe, alice) == before


@pytest.mark.parametrize("forged", ["", "forged", "eyJ9:1abc:def"])
def test_a_preview_that_we_did_not_sign_is_none(forged, htmx, alice, our_stripe):
    htmx.force_login(alice)
    before = charged(our_stripe, alice)
    form = change_form(htmx.get(CHANGE, {"price": "business_monthly"}), charged_now="1", consent="1", preview=forged)
    assert htmx.post(CHANGE, form).status_code == 422
    assert charged(our_stripe, alice) == before


def test_a_preview_that_failed_shows_no_button_and_no_zero(client, alice, stripe_is_down):
    client.force_login(alice)
    stripe_is_down()
    response = client.get(CHANGE, {"price": "business_monthly"})
    assert response.status_code == 503
    text = words(response)
    assert "We cannot tell you the exact amount right now, so you cannot confirm yet." in text
    assert "Try again" in text
    assert "$0.00" not in text
    assert 'name="preview"' not in response.content.decode()


def test_a_decline_keeps_the_old_plan_and_says_why(htmx, alice, give_card, our_stripe):
    htmx.force_login(alice)
    before, price = charged(our_stripe, alice), plan_of(alice).price_id
    give_card(htmx, alice, "pm_card_chargeCustomerFail")
    preview = htmx.get(CHANGE, {"price": "business_monthly"})
    response = htmx.post(CHANGE, change_form(preview, charged_now="1", consent="1"))
    assert response.status_code == 422
    assert "Your bank declined this card. Nothing was charged" in words(response)
    assert "You stay on Team." in words(response)
    assert (charged(our_stripe, alice), plan_of(alice).price_id) == (before, price)
    assert plan_of(alice).status == "active"


@pytest.mark.parametrize("yes", [True, False])
def test_the_banks_answer_decides_about_the_change(yes, htmx, alice, give_card, bank, our_stripe):
    htmx.force_login(alice)
    before = charged(our_stripe, alice)
    give_card(htmx, alice, "pm_card_authenticationRequired")
    preview = htmx.get(CHANGE, {"price": "business_monthly"})
    step = htmx.post(CHANGE, change_form(preview, charged_now="1", consent="1"))
    html = step.content.decode()
    assert charged(our_stripe, alice) == before
    bank(re.search(r'data-client-secret="([^"]+)"', html)[1], yes=yes)
    settled = htmx.post(re.search(r'hx-post="([^"]+settle[^"]+)"', html)[1])
    assert settled.status_code == (200 if yes else 422)
    expected = "business_monthly" if yes else "team_monthly"
    assert plan_of(alice).price_id == Price.objects.get(lookup_key=expected).pk
    assert len(charged(our_stripe, alice)) == len(before) + yes


def test_a_change_that_waits_for_the_bank_is_said_and_can_be_confirmed_later(client, alice, give_card, bank):
    client.force_login(alice)
    give_card(client, alice, "pm_card_authenticationRequired")
    preview = client.get(CHANGE, {"price": "business_monthly"})
    client.post(CHANGE, change_form(preview, charged_now="1", consent="1"))
    for page in ("/billing/", PLAN):
        assert "Your change of plan waits for your bank." in words(client.get(page))
    asked = client.post(SETTLE, {"subscription": plan_of(alice).pk})
    bank(re.search(r'data-client-secret="([^"]+)"', asked.content.decode())[1], yes=True)
    client.post(SETTLE, {"subscription": plan_of(alice).pk})
    assert "waits for your bank" not in words(client.get("/billing/"))
    assert plan_of(alice).item["price"]["unit_amount"] == 9900


def test_a_change_in_the_trial_charges_nothing_before_its_end(client, dave, our_stripe):
    client.force_login(dave)
    preview = client.get(CHANGE, {"price": "business_monthly"})
    assert "You are not charged before then." in words(preview)
    client.post(CHANGE, change_form(preview))
    assert plan_of(dave).price_id == Price.objects.get(lookup_key="business_monthly").pk
    assert plan_of(dave).status == "trialing"
    assert charged(our_stripe, dave) == []


def test_who_owes_pays_first(client, carol):
    client.force_login(carol)
    page = words(client.get(PLAN))
    assert "You can change your plan once the open payment is made." in page
    assert "Review the change" not in page
    response = client.get(CHANGE, {"price": "starter_monthly"})
    assert response.status_code == 422
    assert "Please pay it first, then change your plan." in words(response)


def test_who_has_no_plan_has_none_to_change(client, bob):
    client.force_login(bob)
    assert client.get(CHANGE, {"price": "team_monthly"}).status_code == 404


def test_a_preview_expires(client, alice, monkeypatch, our_stripe):
    client.force_login(alice)
    before = charged(our_stripe, alice)
    form = change_form(client.get(CHANGE, {"price": "business_monthly"}), charged_now="1", consent="1")
    late = time.time() + timedelta(minutes=11).total_seconds()
    monkeypatch.setattr("django.core.signing.time.time", lambda: late)
    response = client.post(CHANGE, form)
    assert response.status_code == 422
    assert "Something has changed since this page was shown." in words(response)
    assert charged(our_stripe, alice) == before
