"""Webhooks reach every endpoint that asked, signed with its secrets, tried again, logged; a plan disturbs them."""

from __future__ import annotations

import json
import time

import pytest
import stripe

from hooks import hooks
from sandbox import clock, control, delivery, delivery_plan, plans, server, signing
from sandbox.models import Attempt, Delivery

pytestmark = [
    pytest.mark.django_db(databases=["default", "sandbox"]),
    pytest.mark.urls("hooks"),
]

DAY = 86_400


@pytest.fixture
def endpoint(stripe_client):
    """A function that makes an endpoint of this process, by the name of its hook."""
    hooks.clear()

    def make(name="one", events=("*",), **params):
        params |= {"url": f"https://dashboard.sandbox/hook/{name}/", "enabled_events": list(events)}
        return stripe_client.v1.webhook_endpoints.create(params)

    return make


@pytest.fixture
def plan(account):
    """A function that writes the account's delivery plan of the keywords of one rule, or of several hashes."""
    return lambda *rules, seed="", **rule: delivery_plan.write(account, rules or [rule], seed)


@pytest.fixture
def rolled(account):
    """A function that rolls an endpoint's secret and returns the new one."""

    def roll(id, overlap=DAY):
        return server.perform(account, lambda call: signing.roll(call, id, overlap))["secret"]

    return roll


def verifies(request, secret) -> bool:
    try:
        stripe.Webhook.construct_event(request.body, request.headers["Stripe-Signature"], secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def received(name="one") -> list[dict]:
    return [json.loads(request.body) for request in hooks[name].requests]


def names(name="one") -> list[str]:
    return [event["data"]["object"]["name"] for event in received(name)]


def create(client, *people) -> None:
    for person in people:
        client.v1.customers.create({"name": person})


# Endpoints


def test_every_endpoint_hears_what_it_asked_for_signed_with_its_own_secret(stripe_client, endpoint):
    everything, products = endpoint("all"), endpoint("products", ["product.created", "product.updated"])
    create(stripe_client, "Ada")
    stripe_client.v1.products.create({"name": "Pro"})
    assert hooks["all"].types == ["customer.created", "product.created"]
    assert hooks["products"].types == ["product.created"]
    [request] = hooks["products"].requests
    assert verifies(request, products.secret)
    assert not verifies(request, everything.secret)


def test_an_event_waits_until_the_last_endpoint_has_taken_it(stripe_client, account, endpoint):
    endpoint("quick"), endpoint("slow")
    hooks["slow"].statuses = [500]
    create(stripe_client, "Ada")
    [event] = stripe_client.v1.events.list({"delivery_success": False}).data
    assert event.pending_webhooks == 1
    clock.advance(account, seconds=delivery.BACKOFF[0])
    assert stripe_client.v1.events.list({"delivery_success": True}).data[0].pending_webhooks == 0
    assert (len(hooks["quick"].requests), len(hooks["slow"].requests)) == (1, 2)


def test_a_disabled_endpoint_hears_nothing_until_it_is_enabled_again(stripe_client, endpoint):
    one = endpoint()
    stripe_client.v1.webhook_endpoints.update(one.id, {"disabled": True})
    create(stripe_client, "Ada")
    stripe_client.v1.webhook_endpoints.update(one.id, {"disabled": False})
    create(stripe_client, "Grace")
    assert names() == ["Grace"]


def test_an_endpoint_that_fails_for_five_days_is_disabled(stripe_client, account, endpoint):
    one = endpoint()
    hooks["one"].statuses = [500] * 99
    create(stripe_client, "Ada")
    clock.advance(account, seconds=delivery.PATIENCE - 60)
    assert stripe_client.v1.webhook_endpoints.retrieve(one.id).status == "enabled"
    clock.advance(account, seconds=delivery.BACKOFF[1])
    assert stripe_client.v1.webhook_endpoints.retrieve(one.id).status == "disabled"
    heard = len(hooks["one"].requests)
    clock.advance(account, seconds=DAY)
    create(stripe_client, "Grace")
    assert len(hooks["one"].requests) == heard


def test_one_success_gives_an_endpoint_its_five_days_back(stripe_client, account, endpoint):
    one = endpoint()
    hooks["one"].statuses = [500, 200, 500, 500]
    create(stripe_client, "Ada")
    clock.advance(account, seconds=delivery.PATIENCE)
    create(stripe_client, "Grace")
    clock.advance(account, seconds=60)
    assert len(hooks["one"].requests) == 4
    assert stripe_client.v1.webhook_endpoints.retrieve(one.id).status == "enabled"


# Secrets


def test_while_a_secret_is_rolled_both_sign(stripe_client, account, endpoint, rolled):
    one = endpoint()
    new = rolled(one.id)
    create(stripe_client, "Ada")
    clock.advance(account, seconds=DAY)
    create(stripe_client, "Grace")
    during, after = hooks["one"].requests
    assert during.headers["Stripe-Signature"].count("v1=") == 2
    assert (verifies(during, one.secret), verifies(during, new)) == (True, True)
    assert (verifies(after, one.secret), verifies(after, new)) == (False, True)


def test_a_secret_can_end_at_once_but_not_live_on_for_two_days(stripe_client, endpoint, rolled):
    one = endpoint()
    new = rolled(one.id, overlap=0)
    create(stripe_client, "Ada")
    assert (verifies(hooks["one"].requests[0], one.secret), verifies(hooks["one"].requests[0], new)) == (False, True)
    with pytest.raises(server.StripeError, match="0 to 86400"):
        rolled(one.id, overlap=2 * DAY)
    with pytest.raises(server.StripeError, match="No such webhook endpoint"):
        rolled("we_gone")


# The log, and sending again


def test_the_log_keeps_what_was_sent_and_what_came_back(stripe_client, account, endpoint):
    one = endpoint()
    hooks["one"].statuses = [500]
    create(stripe_client, "Ada")
    clock.advance(account, seconds=60)
    first, second = Attempt.objects.filter(account=account).order_by("id")
    assert (first.status, second.status) == (500, 200)
    assert (first.endpoint, first.url) == (one.id, one.url)
    assert stripe.Webhook.construct_event(
        first.request_body, first.request_headers["Stripe-Signature"], one.secret
    ).data.object["name"] == "Ada"  # fmt: skip
    assert (first.response_body, first.response_headers["Content-Type"]) == ("noted", "text/html; charset=utf-8")
    assert second.at - first.at >= 60
    assert 0 <= first.milliseconds < 5000


def test_the_log_says_why_nobody_answered(stripe_client, account):
    stripe_client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    create(stripe_client, "Ada")
    log = Attempt.objects.get(account=account)
    assert log.status is None
    assert "refused" in log.error


def test_an_event_can_be_sent_again_to_one_endpoint_or_to_all(stripe_client, account, endpoint):
    one, _two = endpoint("one"), endpoint("two")
    create(stripe_client, "Ada")
    event = received()[0]["id"]
    assert [log.status for log in delivery.resend(account, event)] == [200, 200]
    [log] = delivery.resend(account, event, one.id)
    assert log.endpoint == one.id
    assert (len(received("one")), len(received("two"))) == (3, 2)


def test_an_event_can_be_sent_to_an_endpoint_that_was_made_later(stripe_client, account, endpoint):
    create(stripe_client, "Ada")
    late = endpoint("late")
    event = stripe_client.v1.events.list().data[0].id
    delivery.resend(account, event, late.id)
    assert names("late") == ["Ada"]
    for unknown in (("evt_none", None), (event, "we_none")):
        with pytest.raises(server.StripeError, match="No such"):
            delivery.resend(account, *unknown)


def test_what_was_held_goes_out_in_the_order_that_is_asked_for(stripe_client, account, endpoint):
    endpoint()
    waiting = delivery.hold(account)
    create(stripe_client, "Ada", "Grace", "Edsger")
    assert received() == []
    ids = [event["id"] for event, _ in waiting]
    delivery.release(account, first=[ids[2], ids[1]])
    assert names() == ["Edsger", "Grace", "Ada"]
    create(stripe_client, "Barbara")
    assert names()[-1] == "Barbara"


@pytest.mark.parametrize("forget", [control.reset, lambda account: control.restore_snapshot(account, "before")])
def test_an_account_can_be_reset_or_restored_while_it_delivers(stripe_client, account, endpoint, forget):
    endpoint()
    control.save_snapshot(account, "before")
    hooks["one"].then = lambda event: forget(account)
    create(stripe_client, "Ada")
    assert len(hooks["one"].requests) == 1
    assert (stripe_client.v1.customers.list().data, Attempt.objects.filter(account=account).count()) == ([], 0)


# The plan


def test_without_a_plan_everything_comes_once_and_in_order(stripe_client, endpoint):
    endpoint()
    create(stripe_client, "Ada", "Grace")
    assert names() == ["Ada", "Grace"]


def test_duplicates_are_the_same_event_and_count_once(stripe_client, endpoint, plan):
    endpoint()
    plan(duplicate=2, type="customer.*", nth=2)
    create(stripe_client, "Ada", "Grace")
    assert names() == ["Ada", "Grace", "Grace", "Grace"]
    assert len({event["id"] for event in received()[1:]}) == 1
    assert stripe_client.v1.events.list().data[0].pending_webhooks == 0


def test_delays_pass_on_the_accounts_clock(stripe_client, account, endpoint, plan):
    endpoint()
    plan(delay=3600, nth=1)
    create(stripe_client, "Ada", "Grace")
    assert names() == ["Grace"]
    clock.advance(account, seconds=3600)
    assert names() == ["Grace", "Ada"]


def test_a_seed_permutes_and_the_same_seed_in_the_same_way(stripe_client, account, endpoint, plan):
    endpoint()
    people = ["Ada", "Barbara", "Edsger", "Grace", "Hedy", "Katherine"]

    def order(seed):
        hooks.clear()
        plan(permute=True, seed=seed)
        with delivery.held(account):
            create(stripe_client, *people)
        return names()

    assert order("a") == order("a") != people
    assert sorted(order("a")) == people
    assert order("a") != order("b")


def test_random_delays_are_within_their_bounds_and_the_same_for_a_seed(stripe_client, account, endpoint, plan):
    endpoint()

    def delays(seed):
        Delivery.objects.all().delete()
        plan(delay=[10, 20], seed=seed)
        with clock.at(account, 2_000_000_000):
            create(stripe_client, *"abcdef")
        return [each.next_attempt_at - 2_000_000_000 for each in Delivery.objects.order_by("id")]

    assert delays(1) == delays(1) != delays(2)
    assert all(10 <= delay <= 20 for delay in delays(1))


def test_what_is_dropped_never_comes_and_stays_undelivered(stripe_client, account, endpoint, plan):
    endpoint()
    plan(drop=True, type="customer.created")
    create(stripe_client, "Ada")
    for seconds in delivery.BACKOFF:
        clock.advance(account, seconds=seconds)
    assert received() == []
    assert [event.type for event in stripe_client.v1.events.list({"delivery_success": False})] == ["customer.created"]
    logged = Attempt.objects.filter(account=account)
    assert {log.error for log in logged} == {"lost on the way, as the delivery plan says"}
    assert Delivery.objects.get(account=account).state == "failed"


def test_a_mishap_can_be_over_at_the_second_attempt(stripe_client, account, endpoint, plan):
    endpoint()
    plan(drop=True, attempts=1)
    create(stripe_client, "Ada")
    clock.advance(account, seconds=60)
    assert names() == ["Ada"]


@pytest.mark.parametrize("part", ["body", "signature", "timestamp"])
def test_what_is_corrupted_after_signing_does_not_verify(stripe_client, endpoint, plan, part):
    one = endpoint()
    plan(corrupt=part, type="customer.updated")
    customer = stripe_client.v1.customers.create({"name": "Ada"})
    one_request = hooks["one"].requests[0]
    assert verifies(one_request, one.secret)
    stripe_client.v1.customers.update(customer.id, {"name": "Ada L."})
    assert not verifies(hooks["one"].requests[1], one.secret)


def test_timestamps_can_be_old_or_of_the_future_and_are_signed(stripe_client, endpoint, plan):
    one = endpoint()
    plan({"timestamp": -3600, "nth": 1}, {"timestamp": 3600, "nth": 2})
    create(stripe_client, "Ada", "Grace")
    old, future = hooks["one"].requests
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        stripe.Webhook.construct_event(old.body, old.headers["Stripe-Signature"], one.secret)
    assert verifies(future, one.secret)
    stamp = int(future.headers["Stripe-Signature"].split(",")[0].removeprefix("t="))
    assert 3590 < stamp - time.time() <= 3600


def test_an_event_can_pretend_to_be_of_elsewhere_and_is_well_signed(stripe_client, endpoint, plan):
    one = endpoint()
    strange = {"livemode": True, "account": "acct_other", "api_version": "2024-06-20", "type": "dragon.created"}
    plan(event=strange)
    create(stripe_client, "Ada")
    assert strange.items() <= received()[0].items()
    assert verifies(hooks["one"].requests[0], one.secret)
    assert stripe_client.v1.events.list().data[0].livemode is False


def test_a_body_can_be_anything_at_all(stripe_client, endpoint, plan):
    one = endpoint()
    plan(body="[]")
    create(stripe_client, "Ada")
    [request] = hooks["one"].requests
    assert request.body == b"[]"
    header = request.headers["Stripe-Signature"]
    assert header == signing.signature(b"[]", one.secret, timestamp=int(header[2:12]))


@pytest.mark.parametrize(
    ("which", "old_fits", "new_fits"), [("old", True, False), ("new", False, True), ("other", False, False)]
)
def test_it_can_sign_with_one_secret_of_two(stripe_client, endpoint, plan, rolled, which, old_fits, new_fits):
    one = endpoint()
    new = rolled(one.id)
    plan(secret=which)
    create(stripe_client, "Ada")
    [request] = hooks["one"].requests
    assert (verifies(request, one.secret), verifies(request, new)) == (old_fits, new_fits)


def test_a_rule_can_be_for_one_endpoint_and_others_hear_as_ever(stripe_client, endpoint, plan):
    one, _ = endpoint("one"), endpoint("two")
    plan(drop=True, endpoint=one.id)
    create(stripe_client, "Ada")
    assert (received("one"), names("two")) == ([], ["Ada"])


def test_what_several_rules_do_adds_up(stripe_client, account, endpoint, plan):
    endpoint()
    plan({"duplicate": 1}, {"delay": 60}, {"event": {"livemode": True}, "probability": 1})
    create(stripe_client, "Ada")
    assert received() == []
    clock.advance(account, seconds=60)
    assert [event["livemode"] for event in received()] == [True, True]


def test_a_request_that_was_rolled_back_has_not_been_counted(stripe_client, account, endpoint, plan):
    endpoint()
    plan(drop=True, nth=99)
    with pytest.raises(stripe.CardError):
        stripe_client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert plans.read(account, plans.DELIVERIES)["rules"][0]["seen"] == 0
    create(stripe_client, "Ada")
    assert plans.read(account, plans.DELIVERIES)["rules"][0]["seen"] == 1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"delay": -1}, "whole number of seconds, or the least"),
        ({"delay": [5, 1]}, "whole number of seconds, or the least"),
        ({"corrupt": "header"}, "one of body, signature, timestamp"),
        ({"event": "live"}, "a hash"),
        ({"duplicate": 0}, "whole number from 1"),
        ({"path": "/v1/customers"}, "is unknown"),
    ],
)
def test_it_refuses_a_rule_that_it_does_not_understand(account, rule, words):
    with pytest.raises(ValueError, match=words):
        delivery_plan.write(account, [rule])
