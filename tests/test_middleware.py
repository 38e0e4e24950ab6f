"""What every answer carries: for htmx, for caches, for the reader's zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django_htmx.middleware import HtmxMiddleware

from billing.middleware import HtmxResponseMiddleware
from billing.models import Invoice, PaymentMethod

pytestmark = [pytest.mark.usefixtures("people"), pytest.mark.django_db(databases=["default", "sandbox"])]


@pytest.fixture
def card(alice) -> PaymentMethod:
    return PaymentMethod.objects.get(customer__payer_id=str(alice.pk))


def answer(rf, response, **headers) -> HttpResponse:
    """Return what the middleware makes of a view's `response`."""
    return HtmxMiddleware(HtmxResponseMiddleware(lambda request: response))(rf.get("/", headers=headers))


@pytest.mark.parametrize("who", ["client", "htmx"])
def test_a_page_and_its_panel_are_never_mixed_up_by_a_cache(who, request, alice):
    browser = request.getfixturevalue(who)
    browser.force_login(alice)
    response = browser.get(reverse("billing:home"))
    assert "HX-Request" in response["Vary"]
    assert "HX-Request-Type" in response["Vary"]
    assert response["Cache-Control"] == "no-store"


def test_htmx_is_sent_to_sign_in_and_back_to_its_page(htmx):
    response = htmx.post(reverse("billing:undo_cancel"))
    assert response.status_code == 204
    assert response["HX-Redirect"] == "/accounts/login/?next=%2Fbilling%2Fplan%2F%3Finterval%3Dyear"
    assert "HX-Request" in response["Vary"]


def test_htmx_is_never_sent_back_to_another_site(htmx):
    response = htmx.get(reverse("billing:home"), headers={"HX-Current-URL": "https://elsewhere.example/billing/"})
    assert response["HX-Redirect"] == "/accounts/login/?next=%2F"


def test_a_message_comes_with_the_panel(htmx, alice, card, token):
    htmx.force_login(alice)
    response = htmx.post(reverse("billing:make_default", args=[card.pk]), {"token": token})
    html = response.content.decode()
    assert html.lstrip().startswith('<section id="cards"')
    assert '<hx-partial hx-target="#toasts" hx-swap="innerHTML">' in html
    assert "Visa ending in 4242 is your default card now." in html


def test_a_message_waits_for_the_page_after_a_redirect(client, alice, card, token):
    client.force_login(alice)
    response = client.post(reverse("billing:make_default", args=[card.pk]), {"token": token})
    assert response.status_code == 302
    assert response["Location"] == reverse("billing:cards")
    assert b"is your default card now." in client.get(reverse("billing:cards")).content


def test_a_404_leaves_the_panel_alone_and_shows_a_toast(htmx, alice):
    htmx.force_login(alice)
    response = htmx.get(reverse("billing:invoice", args=["in_unknown"]))
    assert response.status_code == 404
    assert response.content.decode().strip().startswith('<hx-partial hx-target="#toasts"')
    assert b"This no longer exists." in response.content


def test_a_stale_form_is_answered_with_a_toast(alice, token):
    htmx = Client(enforce_csrf_checks=True, headers={"HX-Request": "true"})
    htmx.force_login(alice)
    response = htmx.post(reverse("billing:undo_cancel"), {"token": token})
    assert response.status_code == 403
    assert response.content.decode().strip().startswith('<hx-partial hx-target="#toasts"')


@pytest.mark.parametrize("status", [429, 500, 502])
def test_an_error_page_never_lands_in_a_panel(status, rf):
    response = answer(rf, HttpResponse("<html><title>Oops</title>", status=status), hx_request="true")
    assert response.status_code == status
    assert b"Oops" not in response.content
    assert b'<hx-partial hx-target="#toasts"' in response.content


def test_a_browser_without_htmx_gets_the_error_page_itself(rf):
    assert answer(rf, HttpResponse("<html>Oops", status=500)).content == b"<html>Oops"


def test_json_is_left_as_it_is(rf):
    failed = HttpResponse('{"error": 1}', status=503, content_type="application/json")
    assert answer(rf, failed, hx_request="true").content == b'{"error": 1}'


def test_a_view_may_choose_its_own_caching(rf):
    assert answer(rf, HttpResponse(headers={"Cache-Control": "max-age=60"}))["Cache-Control"] == "max-age=60"


def test_signing_out_clears_what_the_browser_kept(client, alice):
    client.force_login(alice)
    assert client.post(reverse("logout"))["Clear-Site-Data"] == '"cache"'
    assert "Clear-Site-Data" not in client.get(reverse("login"))


@pytest.mark.parametrize(
    ("cookie", "said"),
    [
        ("Europe/Berlin", "Times are in Europe/Berlin (CE"),
        ("America%2FSao_Paulo", "Times are in America/Sao_Paulo (GMT-03:00)"),
        ("", "Times are in UTC."),
        ("Europe/Atlantis", "Times are in UTC."),
        ("../../etc/passwd", "Times are in UTC."),
    ],
)
def test_dates_are_in_the_zone_of_the_browser(cookie, said, client, alice):
    client.cookies["tz"] = cookie
    client.force_login(alice)
    assert said in client.get(reverse("billing:home")).content.decode()


def test_the_zone_decides_what_day_it_is(client, alice):
    Invoice.objects.filter(customer__payer_id=str(alice.pk)).update(created=datetime(2026, 3, 1, 3, 30, tzinfo=UTC))
    client.force_login(alice)
    client.cookies["tz"] = "America/New_York"
    html = client.get(reverse("billing:home")).content.decode()
    assert 'datetime="2026-02-28T22:30:00-05:00"' in html
    assert ">28 Feb 2026</time>" in html
    assert "Eastern Standard Time" in html


def test_stripe_may_be_loaded_only_where_a_card_can_be_typed(client, alice):
    client.force_login(alice)
    for page, allowed in {"home": False, "cancel": False, "cards": True, "plan": True, "invoices": True}.items():
        policy = client.get(reverse(f"billing:{page}"))["Content-Security-Policy"]
        assert ("frame-src" in policy) is allowed
        assert "unsafe" not in policy
