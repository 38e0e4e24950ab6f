"""Leaving: what happens and when, the way back until the last day, and coming back after it."""

from __future__ import annotations

import re

import pytest

from billing import operations
from billing.forms import FEEDBACK
from billing.models import Invoice, Subscription
from billing.templatetags.billing import plain_day
from sandbox import clock

pytestmark = [pytest.mark.usefixtures("people"), pytest.mark.django_db(databases=["default", "sandbox"])]

CANCEL, CONFIRM, UNDO = "/billing/cancel/", "/billing/cancel/confirm/", "/billing/cancel/undo/"


def words(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def plan_of(user) -> Subscription:
    return Subscription.objects.get(customer__payer_id=str(user.pk))


def confirm(browser, user, **more):
    form = {"token": operations.new_token(), **more}
    return browser.post(f"{CONFIRM}?subscription={plan_of(user).pk}", form)


def test_it_says_what_happens_and_when(client, alice):
    client.force_login(alice)
    text = words(client.get(CANCEL))
    until = plain_day(plan_of(alice).current_period_end)
    assert f"Team stays yours until {until} ." in text
    assert "You will not be charged again: the $29.00 planned for that day is not taken." in text
    assert "Cancel subscription Keep my plan" in text


def test_it_asks_stripes_eight_reasons_in_kind_words(client, alice):
    client.force_login(alice)
    html = client.get(CANCEL).content.decode()
    assert re.findall(r'type="radio"[^>]*name="feedback"[^>]*value="(\w*)"', html) == [value for value, _ in FEEDBACK]
    assert len(FEEDBACK) == 8


def test_it_ends_with_the_paid_period_and_says_so(client, alice, our_stripe):
    client.force_login(alice)
    until = plain_day(plan_of(alice).current_period_end)
    response = confirm(client, alice, feedback="unused", comment="Bye for now")
    assert response.status_code == 302
    assert f"Your plan ends on {until}. You will not be charged again." in words(client.get(response["Location"]))
    at_stripe = our_stripe.v1.subscriptions.retrieve(plan_of(alice).pk)
    assert (at_stripe.status, at_stripe.cancel_at_period_end) == ("active", True)
    assert at_stripe.cancellation_details.feedback == "unused"
    assert at_stripe.cancellation_details.comment == "Bye for now"


def test_nobody_has_to_give_a_reason(htmx, alice):
    htmx.force_login(alice)
    response = confirm(htmx, alice)
    assert response.status_code == 200
    assert "Team is cancelled" in words(response)
    assert plan_of(alice).cancel_at_period_end


@pytest.mark.parametrize("wrong", [{"feedback": "because"}, {"comment": "x" * 1001}])
def test_what_is_wrong_is_shown_and_nothing_is_cancelled(wrong, htmx, alice, stripe_calls):
    htmx.force_login(alice)
    response = confirm(htmx, alice, **wrong)
    assert response.status_code == 422
    assert "invalid-feedback" in response.content.decode()
    assert not plan_of(alice).cancel_at_period_end
    assert stripe_calls == []


def test_the_overview_shows_the_last_day_and_the_way_back(client, alice):
    client.force_login(alice)
    confirm(client, alice)
    text = words(client.get("/billing/"))
    until = plain_day(plan_of(alice).cancel_at)
    assert f"Team ends on {until} . You can use it until then and will not be charged again." in text
    assert "Keep my plan" in text
    assert f"It then renews on {until} for $29.00 a month." in text
    assert "Next charge" not in text


@pytest.mark.parametrize("page", ["home", "plan", "cancel"])
def test_one_click_keeps_the_plan_from_every_page_that_offers_it(page, htmx, alice, our_stripe):
    htmx.force_login(alice)
    confirm(htmx, alice)
    address = "/billing/" if page == "home" else f"/billing/{page}/"
    form = htmx.get(address).content.decode()
    assert f'name="page" value="{page}"' in form
    data = {"subscription": plan_of(alice).pk, "page": page, "token": operations.new_token()}
    response = htmx.post(UNDO, data)
    assert response.status_code == 200
    assert f'id="{page}"' in response.content.decode()
    assert "Good to have you: your plan goes on." in words(response)
    assert not our_stripe.v1.subscriptions.retrieve(plan_of(alice).pk).cancel_at_period_end


def test_keeping_it_works_without_javascript(client, alice):
    client.force_login(alice)
    confirm(client, alice)
    data = {"subscription": plan_of(alice).pk, "page": "home", "token": operations.new_token()}
    response = client.post(UNDO, data, follow=True)
    assert response.redirect_chain == [("/billing/", 302)]
    assert not plan_of(alice).cancel_at_period_end


def test_who_owes_is_told_that_it_ends_at_once(client, carol, our_stripe):
    client.force_login(carol)
    assert "Cancelling now ends your plan immediately and stops any further payment attempt." in words(
        client.get(CANCEL)
    )
    response = confirm(client, carol, feedback="too_expensive")
    assert "Your plan has ended. You will not be charged again." in words(client.get(response["Location"]))
    assert our_stripe.v1.subscriptions.retrieve(plan_of(carol).pk).status == "canceled"
    assert not Invoice.objects.filter(customer__payer_id=str(carol.pk), status="open").exists()


def test_after_the_end_the_old_plan_is_one_click_away(client, carol):
    client.force_login(carol)
    confirm(client, carol)
    for page in ("/billing/", CANCEL):
        html = client.get(page).content.decode()
        assert 'href="/billing/plan/?price=team_monthly"' in html
        assert "Subscribe again" in html
    assert re.search(
        r'value="team_monthly"[^>]* checked', client.get("/billing/plan/?price=team_monthly").content.decode()
    )


def test_what_has_ended_cannot_be_kept(htmx, carol):
    htmx.force_login(carol)
    confirm(htmx, carol)
    response = htmx.post(UNDO, {"subscription": plan_of(carol).pk, "token": operations.new_token()})
    assert response.status_code == 422
    assert "Your plan has ended already. You can subscribe again at any time." in words(response)


def test_it_really_ends_on_its_last_day(client, alice, our_account, our_stripe):
    client.force_login(alice)
    confirm(client, alice)
    last_day = int(plan_of(alice).cancel_at.timestamp())
    clock.advance(our_account, to=last_day + 1)
    assert our_stripe.v1.subscriptions.retrieve(plan_of(alice).pk).status == "canceled"


def test_with_stripe_away_it_is_not_cancelled_and_says_so(htmx, alice, stripe_is_down):
    htmx.force_login(alice)
    stripe_is_down()
    response = confirm(htmx, alice, feedback="unused", comment="Bye for now")
    assert response.status_code == 503
    html = response.content.decode()
    assert "please try again in a moment" in html
    assert "Bye for now" in html
    assert re.search(r'value="unused"[^>]*checked', html)
    assert not plan_of(alice).cancel_at_period_end


def test_a_form_without_our_token_cancels_nothing(client, alice):
    client.force_login(alice)
    response = client.post(f"{CONFIRM}?subscription={plan_of(alice).pk}", {"feedback": "unused"})
    assert response.status_code == 422
    assert not plan_of(alice).cancel_at_period_end
