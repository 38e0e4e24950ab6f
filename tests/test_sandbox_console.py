"""The console: what a tester sees and does at /sandbox/, by plain forms."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from billing.models import Invoice, Subscription
from billing.payers import customer_of
from sandbox import clock, dashboard, delivery, plans, scenarios
from sandbox.api import Api
from sandbox.engine.calendar import DAY, HOUR
from sandbox.models import Attempt, Delivery, Row

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAGES = ["home", "objects", "events", "webhooks", "mail", "mishaps", "accounts"]


@pytest.fixture
def zoe(django_user_model):
    return django_user_model.objects.create_user("zoe", "zoe@example.com", "demo", first_name="Zoe")


@pytest.fixture
def endpoint(our_account) -> str:
    """The dashboard's own, as where it is served."""
    return delivery.ensure_self_endpoint(our_account)["id"]


@pytest.fixture
def zoes(zoe, endpoint) -> Client:
    """A browser in which zoe is signed in to the dashboard."""
    browser = Client()
    browser.force_login(zoe)
    return browser


def words(response) -> str:
    """Return what a reader sees, with single spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def post(browser: Client, name: str, /, *args, **data):
    """Send a form of the console and return the page that follows."""
    response = browser.post(reverse(f"sandbox:{name}", args=args), data)
    assert response.status_code == 303
    return browser.get(response["Location"])


def said(response) -> str:
    """Return what the page says about the action before it."""
    return words(response).split("Times are in UTC.")[1].removesuffix("× ").strip()


# Pages


@pytest.mark.parametrize("tab", PAGES)
def test_every_page_opens_in_an_empty_account_for_nobody_in_particular(client, db, tab):
    response = client.get(reverse(f"sandbox:{tab}"))
    assert response.status_code == 200
    assert "The account of sk_test_sandbox" in words(response)


@pytest.mark.parametrize("tab", PAGES)
def test_every_page_opens_for_somebody_with_a_past(zoes, zoe, scenario, tab):
    scenario("incomplete", zoe)
    response = zoes.get(reverse(f"sandbox:{tab}"))
    assert response.status_code == 200
    assert "for Zoe" in words(response)


@pytest.mark.parametrize("tab", PAGES)
def test_a_page_has_neither_scripts_nor_styles_of_its_own_and_a_policy_that_says_so(zoes, tab):
    response = zoes.get(reverse(f"sandbox:{tab}"))
    text = response.content.decode()
    assert "<style" not in text
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "script-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


def test_the_dashboard_leads_to_it(zoes):
    assert 'href="/sandbox/"' in zoes.get(reverse("billing:home")).content.decode()


def test_nothing_happens_without_the_token_of_a_form(zoe):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(zoe)
    assert strict.post(reverse("sandbox:play", args=["jpy"])).status_code == 403
    assert customer_of(zoe) is None


def test_nothing_happens_by_a_link(zoes):
    for name, args in [("play", ["jpy"]), ("advance", []), ("hold", []), ("reset", []), ("forget", ["cus_x"])]:
        assert zoes.get(reverse(f"sandbox:{name}", args=args)).status_code == 405


def test_after_a_form_nobody_is_led_to_another_site(zoes):
    response = zoes.post(reverse("sandbox:hold"), {"hold": "no", "next": "https://evil.example/"})
    assert response["Location"] == reverse("sandbox:home")


def test_for_htmx_the_answer_brings_what_there_is_to_say(zoes, htmx, zoe):
    htmx.force_login(zoe)
    followed = htmx.post(reverse("sandbox:hold"), {"hold": "yes", "next": "/sandbox/webhooks/"}, follow=True)
    text = followed.content.decode()
    assert text.count("Webhooks are kept back from now on.") == 1
    assert "<hx-partial" in text


# Scenarios


def test_a_click_puts_the_signed_in_user_into_a_state(zoes, zoe):
    page = post(zoes, "play", "trial-without-card")
    customer = customer_of(zoe)
    assert said(page) == f"zoe is now the customer {customer.pk}: trial without card."
    assert Subscription.objects.get(customer=customer).status == "trialing"
    assert "Trial end" in words(page)


def test_somebody_else_can_be_named(zoes, zoe, django_user_model):
    yan = django_user_model.objects.create_user("yan", "yan@example.com")
    post(zoes, "play", "active-plan", user="yan")
    assert customer_of(yan) is not None
    assert customer_of(zoe) is None


def test_a_customer_can_be_made_for_nobody(zoes, zoe, our_stripe):
    page = post(zoes, "play", "new-customer", user="")
    (customer,) = our_stripe.v1.customers.list().data
    assert said(page) == f"There is now the customer {customer.id}: new customer."
    assert customer_of(zoe) is None


@pytest.mark.parametrize(
    ("name", "user", "why"),
    [
        ("overdue", "zoe", "There is no scenario 'overdue'"),
        ("jpy", "nobody", "There is no user named 'nobody'."),
    ],
)
def test_what_is_not_there_is_named(zoes, zoe, our_stripe, name, user, why):
    assert why in said(post(zoes, "play", name, user=user))
    assert our_stripe.v1.customers.list().data == []


def test_a_dashboard_that_cannot_reach_stripe_is_said_to_have_missed_it(client, zoe):
    client.force_login(zoe)
    post(client, "add_mishap", "faults", preset="Stripe is unreachable")
    page = post(client, "play", "jpy")
    cache.clear()  # since when Stripe has been silent
    assert said(page).startswith("The dashboard did not take over the customer cus_")
    assert "We cannot reach our payment provider right now." in said(page)
    assert customer_of(zoe) is None


# Time


def test_the_next_renewal_brings_its_paid_invoice_to_the_mirror(zoes, zoe, scenario, our_account):
    customer = scenario("active plan", zoe)
    (subscription,) = Subscription.objects.filter(customer=customer)
    page = post(zoes, "advance", step="renewal")
    renewed = Subscription.objects.get(pk=subscription.pk)
    assert renewed.current_period_start == subscription.current_period_end
    invoices = Invoice.objects.filter(subscription_id=subscription.pk)
    assert [invoice.status for invoice in invoices] == ["paid"] * 5
    our_account.refresh_from_db()
    assert clock.now(our_account) - int(subscription.current_period_end.timestamp()) in range(HOUR, HOUR + 60)
    assert said(page).startswith("It is ")


def test_the_end_of_a_trial_without_a_card_ends_the_plan(zoes, zoe, scenario):
    customer = scenario("trial without card", zoe)
    post(zoes, "advance", step="trial_end")
    assert Subscription.objects.get(customer=customer).status == "canceled"


def test_the_end_of_a_cancelled_plan_can_be_gone_to(zoes, zoe, scenario):
    customer = scenario("cancels soon", zoe)
    assert "Next renewal" not in words(zoes.get("/sandbox/"))
    post(zoes, "advance", step="end")
    assert Subscription.objects.get(customer=customer).status == "canceled"


@pytest.mark.parametrize(("step", "seconds"), [("hour", HOUR), ("day", DAY)])
def test_time_passes_by_the_hour_and_by_the_day(zoes, our_account, step, seconds):
    post(zoes, "advance", step=step)
    our_account.refresh_from_db()
    assert our_account.clock_offset in range(seconds - 5, seconds + 1)


def test_time_goes_to_a_moment_of_ones_own(zoes, our_account):
    at = clock.datetime.fromtimestamp(clock.now(our_account) + 40 * DAY, clock.UTC)
    page = post(zoes, "advance", step="custom", custom=f"{at:%Y-%m-%dT%H:%M}")
    assert said(page) == f"It is {at.day} {at:%b %Y, %H:%M}:00 UTC now."


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"step": "custom", "custom": "2020-01-01T00:00"}, "Time moves forward only: choose a later moment."),
        ({"step": "custom", "custom": "2090-01-01T00:00"}, "Five years at a time are the most."),
        ({"step": "custom", "custom": "soon"}, "Choose a date and a time."),
        ({"step": "renewal"}, "That moment is not ahead any more."),
        ({}, "That moment is not ahead any more."),
    ],
)
def test_a_moment_that_cannot_be_gone_to_is_refused(zoes, our_account, form, why):
    assert said(post(zoes, "advance", **form)) == why
    our_account.refresh_from_db()
    assert our_account.clock_offset == 0


def test_a_customer_on_a_test_clock_has_that_clocks_time(zoes, our_account, our_stripe):
    api = Api(our_account)
    frozen = clock.now(our_account) - 90 * DAY
    test_clock = api.post("test_helpers/test_clocks", frozen_time=frozen)["id"]
    customer = api.post("customers", name="Tess", test_clock=test_clock)["id"]
    assert f"Time of test clock {test_clock}" in words(post(zoes, "follow", customer=customer))
    post(zoes, "advance", step="day")
    assert our_stripe.v1.test_helpers.test_clocks.retrieve(test_clock).frozen_time == frozen + DAY
    our_account.refresh_from_db()
    assert our_account.clock_offset == 0


def test_stripes_limit_for_a_test_clock_is_said(zoes, our_account):
    api = Api(our_account)
    test_clock = api.post("test_helpers/test_clocks", frozen_time=clock.now(our_account))["id"]
    customer = api.post("customers", test_clock=test_clock)["id"]
    api.post("payment_methods/pm_card_visa/attach", customer=customer)
    price = api.post(
        "prices", currency="usd", unit_amount=100, recurring={"interval": "month"}, product_data={"name": "Tiny"}
    )["id"]
    card = api.get("payment_methods", customer=customer)["data"][0]["id"]
    api.post("subscriptions", customer=customer, items=[{"price": price}], default_payment_method=card)
    post(zoes, "follow", customer=customer)
    far = clock.datetime.fromtimestamp(clock.now(our_account) + 300 * DAY, clock.UTC)
    assert "two intervals" in said(post(zoes, "advance", step="custom", custom=f"{far:%Y-%m-%dT%H:%M}"))


def test_who_is_followed_must_be_there(zoes):
    assert said(post(zoes, "follow", customer="cus_nobody")) == "No such customer: 'cus_nobody'"


# Objects


def test_objects_are_listed_by_kind_and_page_by_page(client, zoe, scenario, our_stripe):
    customer = scenario("40 invoices", zoe)
    invoices = [each.id for each in our_stripe.v1.invoices.list({"customer": customer, "limit": 100}).data]
    first = client.get("/sandbox/objects/invoice/")
    assert listed(first) == invoices[:25]
    older = client.get("/sandbox/objects/invoice/", {"starting_after": invoices[24]})
    assert listed(older) == invoices[25:]
    assert "Older" not in words(older)
    assert listed(client.get("/sandbox/objects/invoice/", {"ending_before": invoices[25]})) == invoices[:25]


def listed(response) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', response.content.decode())


def test_only_one_customers_can_be_listed(client, scenario):
    scenario("active plan")
    lonely = scenario("card without plan")
    assert len(listed(client.get("/sandbox/objects/payment_method/"))) == 2
    assert len(listed(client.get("/sandbox/objects/payment_method/", {"customer": lonely}))) == 1


def test_an_id_leads_to_its_object_whatever_it_is(client, scenario, our_stripe):
    customer = scenario("active plan")
    invoice = our_stripe.v1.invoices.list({"customer": customer}).data[0].id
    event = our_stripe.v1.events.list({"limit": 1}).data[0].id
    for id, kind in [(customer, "objects/customer"), (invoice, "objects/invoice"), (event, "events")]:
        assert client.get("/sandbox/objects/", {"q": id})["Location"] == f"/sandbox/{kind}/{id}/"


def test_an_address_finds_who_has_it_and_a_beginning_what_begins_so(client, zoe, scenario):
    customer = scenario("active plan", zoe)
    assert listed(client.get("/sandbox/objects/", {"q": "zoe@example.com"})) == [customer]
    assert customer in listed(client.get("/sandbox/objects/", {"q": customer[:8]}))
    assert "Nothing has the id" in words(client.get("/sandbox/objects/", {"q": "cus_zzz"}))


def test_an_object_is_shown_whole_with_links_to_what_it_names(client, scenario, our_stripe):
    customer = scenario("active plan")
    subscription = our_stripe.v1.subscriptions.list({"customer": customer}).data[0]
    page = client.get(f"/sandbox/objects/subscription/{subscription.id}/").content.decode()
    shown = re.search(r'aria-label="The object as JSON">(.*?)</pre>', page, re.S)[1]
    assert f'<a href="/sandbox/objects/customer/{customer}/">{customer}</a>' in shown
    assert f'<a href="/sandbox/objects/invoice/{subscription.latest_invoice}/">' in shown
    assert json.loads(html.unescape(re.sub(r"<[^>]+>", "", shown))) == subscription.to_dict(for_json=True)
    assert "customer.subscription.created" in page


def test_every_link_of_the_log_leads_somewhere(client, scenario):
    scenario("discount")
    for page in ("/sandbox/events/", "/sandbox/events/?type=plan.", "/sandbox/events/?type=customer."):
        links = set(re.findall(r'href="(/sandbox/(?:objects|events)/[^"?]+/)"', client.get(page).content.decode()))
        assert len(links) > 5
        assert {link for link in links if client.get(link).status_code != 200} == set()


def test_what_is_deleted_can_still_be_looked_at(client, scenario):
    customer = scenario("new customer")
    post(client, "forget", customer)
    page = words(client.get(f"/sandbox/objects/customer/{customer}/"))
    assert '"deleted": true' in page
    assert "Follow in the time bar" not in page


def test_what_a_customer_wrote_stays_text(client, our_account):
    name = '<script>alert("1")</script> & co'
    customer = Api(our_account).post("customers", name=name, description='"><a href="https://evil.example/">x</a>')[
        "id"
    ]
    for address in ("/sandbox/objects/customer/", f"/sandbox/objects/customer/{customer}/"):
        page = client.get(address).content.decode()
        assert "<script>alert" not in page
        assert '<a href="https://evil.example/">' not in page


@pytest.mark.parametrize(
    "path",
    [
        "objects/unicorn/",
        "objects/customer/cus_nobody/",
        "objects/invoice/?starting_after=in_nothing",
        "events/evt_nothing/",
        "mail/mail_nothing/",
    ],
)
def test_what_does_not_exist_is_not_found(client, scenario, path):
    scenario("active plan")
    assert client.get(f"/sandbox/{path}").status_code == 404


def test_the_signed_in_user_can_become_an_earlier_customer_again(zoes, zoe, scenario):
    first = scenario("active plan", zoe)
    scenario("new customer", zoe)
    assert said(post(zoes, "become", first)) == f"zoe is now the customer {first}."
    assert customer_of(zoe).pk == first


def test_nobody_in_particular_becomes_nobody(client, scenario):
    customer = scenario("active plan")
    assert "Sign in to the dashboard first" in said(post(client, "become", customer))


def test_one_customer_can_be_forgotten(zoes, zoe, scenario, our_stripe):
    customer = scenario("active plan", zoe)
    assert f"The customer {customer} is deleted." in said(post(zoes, "forget", customer))
    assert our_stripe.v1.customers.retrieve(customer).deleted
    assert customer_of(zoe) is None
    assert said(post(zoes, "forget", customer)) == f"No such customer: '{customer}'"


# Events and webhooks


def test_events_are_filtered_by_type_and_by_who_they_are_about(client, scenario):
    other = scenario("active plan")
    customer = scenario("cancelled")
    page = client.get("/sandbox/events/", {"type": "customer.subscription.*", "about": customer})
    assert set(listed(page)) == {
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    }
    assert "customer.subscription.deleted" not in listed(client.get("/sandbox/events/", {"about": other}))


def test_an_event_shows_request_and_answer_and_can_be_sent_again(zoes, zoe, endpoint, scenario, our_stripe):
    scenario("active plan", zoe)
    event = our_stripe.v1.events.list({"type": "invoice.paid", "limit": 1}).data[0].id
    page = words(zoes.get(f"/sandbox/events/{event}/"))
    assert "Stripe-Signature: t=" in page
    assert "https://dashboard.sandbox/billing/webhooks/stripe/" in page
    assert said(post(zoes, "resend", event)) == "Sent again: 200."
    assert said(post(zoes, "resend", event, endpoint=endpoint)) == "Sent again: 200."
    assert Attempt.objects.filter(event=event).count() == 3


def test_what_nobody_was_to_hear_of_is_not_sent(client, scenario, our_stripe):
    scenario("new customer")
    event = our_stripe.v1.events.list({"type": "customer.created"}).data[0].id
    assert said(post(client, "resend", event)) == "No endpoint was to hear of it."
    assert said(post(client, "resend", "evt_nothing")) == "No such event: 'evt_nothing'"


def test_webhooks_are_held_sent_one_by_one_and_released(zoes, zoe, endpoint, scenario, our_account):
    customer = scenario("active plan", zoe)
    post(zoes, "hold", hold="yes")
    subscription = Subscription.objects.get(customer=customer)
    Api(our_account).post(f"subscriptions/{subscription.pk}", cancel_at_period_end=True)
    waiting = Delivery.objects.get(account=our_account, state=Delivery.PENDING)
    assert "kept back Nothing goes out" in words(zoes.get("/sandbox/webhooks/"))
    assert not Subscription.objects.get(pk=subscription.pk).cancel_at_period_end
    assert said(post(zoes, "send", waiting.pk)) == f"Sent {waiting.event}: 200."
    assert Subscription.objects.get(pk=subscription.pk).cancel_at_period_end
    Api(our_account).post(f"subscriptions/{subscription.pk}", cancel_at_period_end=False)
    assert said(post(zoes, "hold", hold="no")) == "Webhooks go out again."
    assert not Subscription.objects.get(pk=subscription.pk).cancel_at_period_end


def test_a_delivery_of_another_account_is_not_sent(zoes, account):
    theirs = Delivery.objects.create(account=account, event="evt_x", endpoint="we_x")
    assert said(post(zoes, "send", theirs.pk)) == "That delivery is not there any more."


# Mail


def subjects(our_account, customer: str) -> list[str]:
    rows = Row.objects.filter(account=our_account, kind="mail", customer=customer).order_by("created", "id")
    return [row.data["subject"] for row in rows]


def of_invoices(our_stripe, customer: str) -> list[str]:
    return [each.number for each in reversed(our_stripe.v1.invoices.list({"customer": customer}).data)]


def test_payments_bring_receipts_and_renewals_are_announced(scenario, our_account, our_stripe):
    customer = scenario("two subscriptions")
    numbers = set(of_invoices(our_stripe, customer))
    found = subjects(our_account, customer)
    assert {f"Your receipt from Sandbox #{number}" for number in numbers} <= set(found)
    assert "Your subscription to Sandbox will renew soon" in found


def test_a_first_payment_that_fails_is_told_on_the_page_and_not_by_mail(scenario, our_account):
    assert subjects(our_account, scenario("incomplete")) == []
    assert subjects(our_account, scenario("3-D Secure at the start")) == []


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("past due after decline", "$29.00 payment to Sandbox was unsuccessful"),
        ("3-D Secure due", "Confirm your $29.00 payment to Sandbox"),
        ("refunded", "Your refund from Sandbox"),
        ("trial ends soon", "Your trial of Sandbox ends on"),
        ("invoice to pay", "New invoice from Sandbox #"),
    ],
)
def test_what_happened_is_told_by_mail(client, zoe, scenario, our_account, name, subject):
    customer = scenario(name, zoe)
    assert subjects(our_account, customer)[-1].startswith(subject)
    newest = Row.objects.filter(account=our_account, kind="mail", customer=customer).latest("created", "id")
    page = client.get(f"/sandbox/mail/{newest.stripe_id}/")
    assert "To zoe@example.com" in words(page)
    for path in re.findall(r'<a class="btn [^"]*" href="([^"]+)"', page.content.decode()):
        assert client.get(path).status_code == 200


def test_a_card_that_will_have_expired_at_the_renewal_is_warned_of(zoes, scenario, our_account, zoe):
    customer = scenario("card expires soon", zoe)
    for _ in range(2):  # the second one is in a later month on any day
        post(zoes, "advance", step="renewal")
    assert "Your card for Sandbox is about to expire" in subjects(our_account, customer)


def test_an_invoice_that_is_overdue_is_reminded_of(scenario, our_account):
    customer = scenario("invoice to pay")
    clock.advance(our_account, seconds=13 * DAY)
    assert subjects(our_account, customer)[-1].startswith("Reminder: invoice #")


def test_nobody_without_an_address_gets_mail(our_account):
    api = Api(our_account)
    customer = api.post("customers", name="Nemo", payment_method="pm_card_visa")["id"]
    api.post("payment_intents", amount=500, currency="usd", customer=customer)
    assert not Row.objects.filter(account=our_account, kind="mail").exists()


def test_a_payment_without_an_invoice_brings_a_receipt_to_who_asks_for_it(our_account):
    automatic = {"enabled": True, "allow_redirects": "never"}
    Api(our_account).post(
        "payment_intents",
        amount=500,
        currency="usd",
        payment_method="pm_card_visa",
        confirm=True,
        receipt_email="ada@example.com",
        automatic_payment_methods=automatic,
    )
    mail = Row.objects.get(account=our_account, kind="mail").data
    assert (mail["to"], mail["subject"]) == ("ada@example.com", "Your receipt from Sandbox")
    assert [link["text"] for link in mail["links"]] == ["View receipt"]


# Mishaps


def rules(account, plan: str) -> list[dict]:
    return [{key: value for key, value in rule.items() if key not in plans.COUNTS} for rule in read(account, plan)]


def read(account, plan: str) -> list[dict]:
    return plans.read(account, plan)["rules"]


def test_ready_rules_are_one_click(zoes, our_account):
    post(zoes, "add_mishap", "deliveries", preset="Everything twice")
    page = post(zoes, "add_mishap", "deliveries", preset="Any order")
    assert rules(our_account, plans.DELIVERIES) == [{"duplicate": 1}, {"permute": True}]
    assert "duplicate: 1" in words(zoes.get("/sandbox/mishaps/"))
    assert said(page) == "The rule is in force."


@pytest.mark.parametrize("slug", ["faults", "deliveries"])
def test_every_ready_rule_can_be_written(zoes, our_account, slug):
    from sandbox.console.mishaps import DELIVERIES, FAULTS

    plan = {"faults": FAULTS, "deliveries": DELIVERIES}[slug]
    for preset, rule in plan.presets.items():
        post(zoes, "add_mishap", slug, preset=preset)
        assert rules(our_account, plan.kept_as)[-1] == rule
        post(zoes, "clear_mishaps", slug)


def test_a_rule_of_ones_own_has_what_the_form_says(zoes, our_account):
    form = {"fault": "rate_limit", "method": "POST", "path": "/v1/invoices/*/pay", "nth": "1, 3", "seconds": "0.5"}
    post(zoes, "add_mishap", "faults", **form, when="", times="2", probability="", seed="7")
    (rule,) = rules(our_account, plans.FAULTS)
    assert rule == {**form, "nth": [1, 3], "seconds": 0.5, "times": 2}
    assert plans.read(our_account, plans.FAULTS)["seed"] == "7"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"duplicate": "many"}, "“many” is not a whole number."),
        ({"probability": "often"}, "“often” is not a number."),
        ({"probability": "2", "drop": "yes"}, "rules[0][probability] must be a number from 0 to 1."),
        ({}, "Say what is to go wrong."),
        ({"preset": "Earthquake"}, "There is no “Earthquake”."),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(zoes, our_account, form, why):
    assert said(post(zoes, "add_mishap", "deliveries", **form)) == why
    assert read(our_account, plans.DELIVERIES) == []


def test_everything_goes_well_again(zoes, our_account):
    post(zoes, "add_mishap", "faults", preset="Stripe is unreachable")
    post(zoes, "clear_mishaps", "faults")
    assert read(our_account, plans.FAULTS) == []


def test_a_plan_that_there_is_not_is_not_found(zoes):
    assert zoes.post("/sandbox/mishaps/weather/", {"preset": "Rain"}).status_code == 404


# Accounts


def test_another_account_is_looked_at_and_its_customers_are_nobody_on_the_dashboard(zoes, zoe, account):
    scenarios.play(account, "active plan")
    page = post(zoes, "choose_account", name=f"sk_test_{account.name}")
    assert f"The account of sk_test_{account.name}" in words(page)
    post(zoes, "play", "jpy")
    assert customer_of(zoe) is None
    assert Row.objects.filter(account=account, kind="customer").count() == 2


@pytest.mark.parametrize("name", ["", "sk_live_51abc-def", "a b", "../x"])
def test_a_key_that_cannot_be_opens_no_account(zoes, name):
    assert said(post(zoes, "choose_account", name=name)).startswith("A key has letters")


def test_a_snapshot_brings_back_account_and_dashboard(zoes, zoe, scenario, our_account):
    customer = scenario("active plan", zoe)
    assert said(post(zoes, "save_snapshot", name="before")) == "Saved as “before”."
    subscription = Subscription.objects.get(customer=customer)
    Api(our_account).delete(f"subscriptions/{subscription.pk}")
    scenario("new customer", zoe)
    assert said(post(zoes, "restore_snapshot", name="before")) == "The account is as it was at “before”."
    assert customer_of(zoe).pk == customer
    assert Subscription.objects.get(pk=subscription.pk).status == "active"
    post(zoes, "delete_snapshot", name="before")
    assert said(post(zoes, "restore_snapshot", name="before")) == "There is no snapshot named 'before'."


def test_a_snapshot_needs_a_name(zoes):
    assert said(post(zoes, "save_snapshot", name=" ")) == "name must be a text of 1 to 80 characters."


def test_the_dashboards_account_starts_afresh_with_its_demo_customers(zoes, zoe, scenario, our_account, our_stripe):
    scenario("active plan", zoe)
    post(zoes, "advance", step="day")
    post(zoes, "reset")
    our_account.refresh_from_db()
    assert our_account.clock_offset == 0
    emails = {customer.email for customer in our_stripe.v1.customers.list().data}
    assert emails == {f"{name}@example.com" for name in ("alice", "carol", "dave", "erin")}
    assert customer_of(zoe) is None
    assert customer_of(dashboard.user_named("alice")) is not None


def test_any_other_account_is_empty_after_a_reset(zoes, account):
    scenarios.play(account, "active plan")
    post(zoes, "choose_account", name=account.name)
    assert said(post(zoes, "reset")) == "The account is empty, and it is now."
    assert not Row.objects.filter(account=account).exists()


def test_an_account_that_is_gone_gives_way_to_the_dashboards(zoes, account):
    post(zoes, "choose_account", name=account.name)
    account.delete()
    assert "The account of sk_test_sandbox" in words(zoes.get("/sandbox/"))


def test_links_of_a_mail_have_no_host(client, zoe, scenario, our_account):
    customer = scenario("past due after decline", zoe)
    newest = Row.objects.filter(account=our_account, kind="mail", customer=customer).latest("created", "id")
    page = client.get(f"/sandbox/mail/{newest.stripe_id}/").content.decode()
    links = re.findall(r'<a class="btn [^"]*" href="([^"]+)"', page)
    assert links
    assert {urlsplit(link).netloc for link in links} == {""}


# Alone


def test_it_works_where_the_sandbox_is_served_alone(tmp_path):
    """In a process with the settings of `make sandbox`: no users, no sessions, no dashboard."""
    database = f"sqlite:///{tmp_path}/alone.sqlite3"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.sandbox_only",
        "STRIPE_SANDBOX_DATABASE_URL": database,
    }
    ran = subprocess.run(  # noqa: S603  our own words
        [sys.executable, "-c", ALONE], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.stdout.split() == ["200", "303", "200", "200", "200", "200", "200", "200", "200", "active"], ran.stderr


ROOT = Path(__file__).resolve().parent.parent
ALONE = f"""
import sys
sys.path[:0] = [".", "site"]
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", database="sandbox", verbosity=0)
browser = Client(headers={{"host": "localhost"}})
print(browser.get("/sandbox/").status_code)
print(browser.post("/sandbox/scenarios/active-plan/").status_code)
for page in {PAGES}:
    path = "" if page == "home" else page + "/"
    print(browser.get("/sandbox/" + path).status_code)
from sandbox.models import Row
print(Row.objects.get(kind="subscription").status)
"""
