"""Every page, as everybody: what it says, what it costs, and who may not see it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from billing.models import Customer, Invoice, PaymentMethod, Subscription

pytestmark = [pytest.mark.usefixtures("people"), pytest.mark.django_db(databases=["default", "sandbox"])]

PAGES = ["home", "cards", "plan", "invoices", "cancel"]
# Routes that name an object of one customer's: (url name, model).
OF_ONE_CUSTOMER = [
    ("make_default", PaymentMethod),
    ("edit_card", PaymentMethod),
    ("remove_card", PaymentMethod),
    ("invoice", Invoice),
    ("pay_invoice", Invoice),
    ("settle_invoice", Invoice),
    ("invoice_return", Invoice),
]
MAX_QUERIES = 12


@pytest.fixture(autouse=True)
def _forget_outages():
    cache.clear()


def words(response) -> str:
    """Return what a reader sees, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def card_of(user) -> PaymentMethod:
    return PaymentMethod.objects.get(customer__payer_id=str(user.pk))


def get_routes(user) -> list[str]:
    """Return every address that a GET may open, but for those that say they ask Stripe."""
    routes = [reverse(f"billing:{page}") for page in PAGES]
    routes += [reverse("billing:subscribe") + "?price=team_yearly", reverse("billing:plan") + "?interval=year&price=x"]
    customer = Customer.objects.filter(payer_id=str(user.pk)).first()
    for invoice in Invoice.objects.filter(customer=customer)[:2]:
        routes += [reverse("billing:invoice", args=[invoice.pk]), reverse("billing:pay_invoice", args=[invoice.pk])]
        routes += [reverse("billing:invoices") + f"?starting_after={invoice.pk}"]
    for card in PaymentMethod.objects.filter(customer=customer)[:1]:
        routes.append(reverse("billing:edit_card", args=[card.pk]))
    return routes


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "erin"])
def test_no_get_asks_stripe_anything_or_the_database_much(
    name, request, client, htmx, stripe_calls, django_assert_max_num_queries
):
    user = request.getfixturevalue(name)
    client.force_login(user)
    htmx.force_login(user)
    stripe_calls.clear()
    for route in get_routes(user):
        for browser in (client, htmx):
            with django_assert_max_num_queries(MAX_QUERIES):
                response = browser.get(route)
            assert response.status_code in (200, 302), route
    assert stripe_calls == []


def test_the_number_of_queries_does_not_grow_with_cards_and_invoices(client, erin, django_assert_num_queries):
    client.force_login(erin)
    with django_assert_num_queries(9):  # session, user, customer; plans, cards, overdue, prices, products; invoices
        client.get(reverse("billing:home"))
    with django_assert_num_queries(4):  # session, user, customer; one page of invoices
        client.get(reverse("billing:invoices"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_whole_for_a_browser_and_a_panel_for_htmx(page, client, htmx, alice):
    client.force_login(alice)
    htmx.force_login(alice)
    whole = client.get(reverse(f"billing:{page}")).content.decode()
    panel = htmx.get(reverse(f"billing:{page}")).content.decode()
    assert whole.startswith("<!doctype html>")
    assert "<html" not in panel
    assert f'id="{page}"' in panel
    assert f'id="{page}"' in whole


@pytest.mark.parametrize("page", PAGES)
def test_history_is_restored_with_a_whole_page(page, htmx, alice):
    htmx.force_login(alice)
    headers = {"HX-Request-Type": "full", "HX-History-Restore-Request": "true"}
    assert "<html" in htmx.get(reverse(f"billing:{page}"), headers=headers).content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_back(page, client):
    response = client.get(reverse(f"billing:{page}"))
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={reverse(f'billing:{page}')}"


@pytest.mark.parametrize(("url_name", "model"), OF_ONE_CUSTOMER)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_anothers_is_answered_like_what_does_not_exist(
    url_name, model, method, client, alice, erin, token, stripe_calls
):
    theirs = model.objects.filter(customer__payer_id=str(erin.pk)).first().pk
    client.force_login(alice)
    stripe_calls.clear()
    answers = [
        getattr(client, method)(reverse(f"billing:{url_name}", args=[pk]), {"token": token})
        for pk in (theirs, "in_unknown")
    ]
    assert {answer.status_code for answer in answers} in ({404}, {405})
    assert without_csrf_token(answers[0]) == without_csrf_token(answers[1])
    assert stripe_calls == []


def without_csrf_token(response) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


@pytest.mark.parametrize(
    ("url_name", "field"),
    [
        ("change_plan", "subscription"),
        ("settle_plan", "subscription"),
        ("undo_cancel", "subscription"),
        ("subscribe", "payment_method"),
    ],
)
def test_anothers_id_in_a_form_is_a_404(url_name, field, client, alice, bob, erin, token, stripe_calls):
    theirs = {
        "subscription": Subscription.objects.get(customer__payer_id=str(erin.pk)).pk,
        "payment_method": PaymentMethod.objects.filter(customer__payer_id=str(erin.pk)).first().pk,
    }
    for user in (alice, bob):
        client.force_login(user)
        stripe_calls.clear()
        data = {"token": token, "price": "starter_monthly", field: theirs[field]}
        assert client.post(reverse(f"billing:{url_name}"), data).status_code == 404
        assert stripe_calls == []


@pytest.mark.parametrize("url_name", ["cancel", "cancel_plan"])
def test_anothers_subscription_in_the_address_is_a_404(url_name, client, alice, erin, token):
    theirs = Subscription.objects.get(customer__payer_id=str(erin.pk))
    client.force_login(alice)
    method = client.get if url_name == "cancel" else client.post
    assert method(reverse(f"billing:{url_name}") + f"?subscription={theirs.pk}").status_code == 404
    theirs.refresh_from_db()
    assert not theirs.cancel_at_period_end


@pytest.mark.parametrize("cursor", ["starting_after", "ending_before"])
def test_anothers_invoice_is_no_cursor(cursor, client, alice, erin):
    theirs = Invoice.objects.filter(customer__payer_id=str(erin.pk)).first()
    client.force_login(alice)
    assert client.get(reverse("billing:invoices") + f"?{cursor}={theirs.pk}").status_code == 404


@pytest.mark.parametrize(
    "url_name",
    ["start_card", "add_card", "settle_plan", "cancel_plan", "undo_cancel"],
)
def test_what_changes_something_takes_no_get(url_name, client, alice):
    client.force_login(alice)
    assert client.get(reverse(f"billing:{url_name}")).status_code == 405


def test_a_form_of_ours_carries_the_csrf_token(alice):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    card = card_of(alice)
    response = strict.post(reverse("billing:remove_card", args=[card.pk]), {"token": "a" * 32})
    assert response.status_code == 403
    assert "Nothing was changed or charged." in words(response)
    assert not card_of(alice).deleted


# What the overview says -------------------------------------------------------------------------------------------


def test_alice_sees_plan_next_charge_card_and_invoices(client, alice):
    client.force_login(alice)
    text = words(client.get(reverse("billing:home")))
    for said in ["Team", "Active", "$29.00 a month", "Next charge $29.00", "Visa ending in 4242", "Paid"]:
        assert said in text


def test_bob_sees_where_to_begin(client, bob):
    client.force_login(bob)
    text = words(client.get(reverse("billing:home")))
    for said in ["You have no plan yet", "See the plans", "No payment method added yet", "No invoices yet"]:
        assert said in text


@pytest.mark.parametrize(
    ("page", "empty"),
    [
        ("cards", "No payment method added yet"),
        ("invoices", "No invoices yet"),
        ("cancel", "There is nothing to cancel"),
        ("plan", "Choose a plan"),
    ],
)
def test_an_empty_page_says_so(page, empty, client, bob):
    client.force_login(bob)
    assert empty in words(client.get(reverse(f"billing:{page}")))


def test_carol_is_shown_the_amount_and_the_way_out_first(client, carol):
    client.force_login(carol)
    response = client.get(reverse("billing:home"))
    overdue = Invoice.objects.get(customer__payer_id=str(carol.pk), status="open")
    text = words(response)
    assert "Your payment of $29.00 for Team is overdue." in text
    assert f'href="/billing/invoices/{overdue.pk}/pay/"' in response.content.decode()
    assert text.index("overdue") < text.index("Your plan")


@pytest.mark.parametrize(
    ("left", "said"),
    [(5, "ends in 5 days"), (1, "ends tomorrow"), (0, "ends today"), (-1, "is over")],
)
def test_dave_is_told_when_his_trial_ends(left, said, client, dave, monkeypatch):
    trial_end = Subscription.objects.get(status="trialing").trial_end
    monkeypatch.setattr("billing.dates.now", lambda: trial_end - timedelta(days=left))
    client.force_login(dave)
    text = words(client.get(reverse("billing:home")))
    assert f"Your trial of Team {said}" in text
    assert "First charge after trial $29.00" in text
    assert "Without a card your plan ends then." in text
    assert "Add a card" in text


def test_the_next_charge_is_less_by_the_credit_that_stripe_holds(client, alice):
    Customer.objects.update(balance=-1234)
    client.force_login(alice)
    text = words(client.get(reverse("billing:home")))
    assert "Next charge $16.66" in text
    assert "$12.34 of credit is taken off" in text


def test_the_next_charge_is_not_below_zero(client, alice):
    Customer.objects.update(balance=-999_99)
    client.force_login(alice)
    text = words(client.get(reverse("billing:home")))
    assert "Next charge $0.00" in text
    assert "$29.00 of credit is taken off" in text


def test_a_discount_makes_the_next_charge_an_estimate(client, alice):
    subscription = Subscription.objects.get(customer__payer_id=str(alice.pk))
    subscription.data["discounts"] = ["di_1"]
    subscription.save()
    client.force_login(alice)
    assert "Before discounts, tax and pending changes." in words(client.get(reverse("billing:home")))


@pytest.mark.parametrize(
    ("amount", "currency", "written"), [(500, "jpy", "¥500"), (4500, "kwd", "KWD4.500"), (999, "usd", "$9.99")]
)
def test_amounts_have_the_decimals_of_their_currency(amount, currency, written, client, alice):
    Invoice.objects.update(total=amount, currency=currency)
    client.force_login(alice)
    assert written in words(client.get(reverse("billing:home"))).replace("\xa0", " ")


def test_amounts_and_dates_are_written_as_the_reader_writes_them(client, alice):
    Invoice.objects.filter(customer__payer_id=str(alice.pk)).update(created="2026-03-04T12:00:00Z")
    client.force_login(alice)
    english = words(client.get(reverse("billing:home")))
    german = words(client.get(reverse("billing:home"), headers={"Accept-Language": "de"})).replace("\xa0", " ")
    assert "4 Mar 2026" in english
    assert "$29.00" in english
    assert "04.03.2026" in german
    assert "29,00 $" in german


def test_two_plans_stand_side_by_side(client, alice):
    first = Subscription.objects.get(customer__payer_id=str(alice.pk))
    Subscription(
        **{
            field.attname: getattr(first, field.attname)
            for field in Subscription._meta.concrete_fields
            if field.attname != "id"
        },
        id="sub_second",
    ).save()
    client.force_login(alice)
    html = client.get(reverse("billing:home")).content.decode()
    assert f"?subscription={first.pk}" in html
    assert "?subscription=sub_second" in html
    assert client.get(reverse("billing:plan") + "?subscription=sub_second").status_code == 200
    assert client.get(reverse("billing:plan") + "?subscription=sub_unknown").status_code == 404


# When Stripe is away ----------------------------------------------------------------------------------------------


def test_pages_still_show_and_say_as_of_when(client, alice, stripe_is_down, token):
    client.force_login(alice)
    stripe_is_down()
    card = card_of(alice)
    failed = client.post(reverse("billing:make_default", args=[card.pk]), {"token": token})
    assert failed.status_code == 503
    assert "Nothing was charged: please try again" in words(failed)
    for page in PAGES:
        response = client.get(reverse(f"billing:{page}"))
        assert response.status_code == 200
        assert "We cannot reach Stripe right now. This is how things stood at" in words(response)


def test_a_panel_that_failed_replaces_itself_and_says_so(htmx, alice, stripe_is_down, token):
    htmx.force_login(alice)
    stripe_is_down()
    response = htmx.post(reverse("billing:make_default", args=[card_of(alice).pk]), {"token": token})
    assert response.status_code == 503
    assert response["HX-Reswap"] == "none"
    assert '<hx-partial hx-target="#cards" hx-swap="outerHTML">' in response.content.decode()
    assert "Look again" in words(response)


def test_with_stripe_back_the_pages_say_nothing_of_it(client, alice):
    client.force_login(alice)
    assert "We cannot reach Stripe" not in words(client.get(reverse("billing:home")))


# What no page may contain -----------------------------------------------------------------------------------------

FORBIDDEN = [r"\son\w+\s*=", r"hx-on", r"\bjs:", r"\sstyle\s*=", r"javascript:", r"<style", r"<script(?![^>]*\ssrc=)"]


@pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "erin"])
def test_no_page_has_inline_script_or_style(name, request, client):
    user = request.getfixturevalue(name)
    client.force_login(user)
    for route in get_routes(user):
        html = client.get(route).content.decode()
        assert [pattern for pattern in FORBIDDEN if re.search(pattern, html)] == [], route


def test_no_template_has_inline_script_or_style():
    templates = [*Path(settings.BASE_DIR, "templates").rglob("*.html")]
    assert len(templates) > 30
    for template in templates:
        text = template.read_text()
        assert [pattern for pattern in FORBIDDEN if re.search(pattern, text)] == [], template.name


def test_templates_use_only_the_htmx_attributes_we_agreed_on():
    allowed = {
        "get",
        "post",
        "target",
        "swap",
        "trigger",
        "sync",
        "status",
        "indicator",
        "select",
        "confirm",
        "partial",
    }
    for template in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        used = set(re.findall(r"\bhx-([a-z]+)", template.read_text()))
        assert used <= allowed, template.name


def test_own_scripts_stay_small():
    scripts = [Path(settings.BASE_DIR, "static/js", name) for name in ("app.js", "payment.js", "theme.js")]
    assert sum(len(script.read_text().splitlines()) for script in scripts) < 250


def test_a_refused_sign_in_is_announced(client, alice):
    response = client.post("/accounts/login/", {"username": "alice", "password": "wrong"})
    assert re.search(r'role="alert">\s*<p[^>]*>Please enter a correct username and password', response.content.decode())
