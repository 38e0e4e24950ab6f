"""Events tell what happened, and webhooks tell it to the dashboard and to other servers, signed, once and in order."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe
from django.utils import translation

from hooks import hooks
from sandbox import clock, delivery, events
from sandbox.models import Delivery
from sandbox.signing import signature

pytestmark = [
    pytest.mark.django_db(databases=["default", "sandbox"]),
    pytest.mark.urls("hooks"),
]


@pytest.fixture
def dashboard(account, settings):
    """Let the account's events come to this process, and note them."""
    settings.SANDBOX_WEBHOOK_URL = "https://dashboard.sandbox/hook/dashboard/"
    settings.SANDBOX_WEBHOOK_SECRET = "whsec_test"
    hooks.clear()
    delivery.ensure_self_endpoint(account)
    return hooks["dashboard"]


# Events


def test_an_update_tells_what_was_before(stripe_client):
    customer = stripe_client.v1.customers.create({"name": "Ada", "metadata": {"plan": "solo"}})
    stripe_client.v1.customers.update(customer.id, {"name": "Ada L.", "metadata": {"plan": "team", "seats": "3"}})
    event = stripe_client.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.object["name"] == "Ada L."
    assert event.data.previous_attributes.to_dict() == {"name": "Ada", "metadata": {"plan": "solo", "seats": None}}


def test_an_update_that_changes_nothing_is_no_event(stripe_client):
    customer = stripe_client.v1.customers.create({"name": "Ada"})
    stripe_client.v1.customers.update(customer.id, {"name": "Ada"})
    assert [event.type for event in stripe_client.v1.events.list().data] == ["customer.created"]


@pytest.mark.parametrize(
    ("old", "new", "previous"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 2}),
        ({"h": {"x": 1, "y": 2}}, {"h": {"x": 1, "y": 5}}, {"h": {"y": 2}}),
        ({"h": None}, {"h": {"x": 1}}, {"h": None}),
        ({"h": {"x": 1}}, {"h": None}, {"h": {"x": 1}}),
        ({"l": [1, 2]}, {"l": [1]}, {"l": [1, 2]}),
        ({"o": {"object": "card", "n": 1, "m": 0}}, {"o": {"object": "card", "n": 2, "m": 0}},
         {"o": {"object": "card", "n": 1, "m": 0}}),
        ({}, {"new": 1}, {"new": None}),
    ],
)  # fmt: skip
def test_previous_attributes_reach_into_hashes_only(old, new, previous):
    assert events.previous_attributes(old, new) == previous


def test_an_event_names_its_request_and_version(stripe_client):
    made = stripe_client.v1.customers.create({}, {"idempotency_key": "k1"})
    event = stripe_client.v1.events.list().data[0]
    assert (event.request.id, event.request.idempotency_key) == (made.last_response.request_id, "k1")
    assert (event.api_version, event.livemode, event.pending_webhooks) == (stripe.api_version, False, 0)
    assert stripe_client.v1.events.retrieve(event.id).data.object["id"] == made.id


def test_events_are_filtered_by_type_and_time(stripe_client, account):
    start = clock.now(account)
    with clock.at(account, start - 1000):
        stripe_client.v1.customers.create({})
    stripe_client.v1.products.create({"name": "Pro"})
    kinds = lambda params: [event.type for event in stripe_client.v1.events.list(params).data]  # noqa: E731
    assert kinds({"type": "customer.created"}) == ["customer.created"]
    assert kinds({"types": ["customer.created", "product.created"]}) == ["product.created", "customer.created"]
    assert kinds({"type": "product.*"}) == ["product.created"]
    assert kinds({"created": {"lt": start}}) == ["customer.created"]
    with pytest.raises(stripe.InvalidRequestError):
        stripe_client.v1.events.list({"type": "a", "types": ["b"]})


# Webhook endpoints


def test_an_endpoint_shows_its_secret_once(stripe_client):
    endpoint = stripe_client.v1.webhook_endpoints.create(
        {"url": "https://dashboard.sandbox/hook/", "enabled_events": ["*"]}
    )
    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in stripe_client.v1.webhook_endpoints.retrieve(endpoint.id)
    assert "secret" not in stripe_client.v1.webhook_endpoints.list().data[0]
    disabled = stripe_client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert disabled.status == "disabled"
    assert stripe_client.v1.webhook_endpoints.delete(endpoint.id).deleted


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": "dashboard", "enabled_events": ["*"]}, "url"),
        ({"url": "ftp://a.example", "enabled_events": ["*"]}, "url"),
        ({"url": "https://a.example", "enabled_events": ["*", "customer.created"]}, "enabled_events"),
        ({"url": "https://a.example", "enabled_events": ["*"], "api_version": "2020-08-27"}, "api_version"),
        ({"url": "https://a.example"}, "enabled_events"),
    ],
)
def test_it_refuses_an_endpoint_that_cannot_work(stripe_client, params, param):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.webhook_endpoints.create(params)
    assert error.value.param == param


def test_an_account_has_at_most_sixteen_endpoints(stripe_client):
    params = {"url": "https://a.example", "enabled_events": ["customer.created"]}
    for _ in range(16):
        stripe_client.v1.webhook_endpoints.create(params)
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        stripe_client.v1.webhook_endpoints.create(params)


# Delivery to this process


def test_the_dashboard_hears_of_everything_signed_and_in_order(stripe_client, dashboard):
    customer = stripe_client.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"})
    assert dashboard.types == ["customer.created", "payment_method.attached"]
    request = dashboard.requests[0]
    event = stripe.Webhook.construct_event(request.body, request.headers["Stripe-Signature"], "whsec_test")
    assert event.data.object["id"] == customer.id
    assert (request.is_secure(), request.method, request.content_type) == (True, "POST", "application/json")


def test_a_forged_or_old_signature_does_not_pass(stripe_client, dashboard):
    stripe_client.v1.customers.create({})
    body, header = dashboard.requests[0].body, dashboard.requests[0].headers["Stripe-Signature"]
    for tampered in (
        (body + b" ", header, "whsec_test"),
        (body, header, "whsec_other"),
        (body, signature(body, "whsec_test", timestamp=int(time.time()) - 301), "whsec_test"),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(*tampered)


def test_the_endpoint_of_this_process_is_made_once(account, dashboard, stripe_client):
    assert delivery.ensure_self_endpoint(account) == delivery.ensure_self_endpoint(account)
    assert len(stripe_client.v1.webhook_endpoints.list().data) == 1


def test_a_rolled_back_request_is_never_heard_of(stripe_client, dashboard):
    with pytest.raises(stripe.CardError):
        stripe_client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert dashboard.types == []


def test_a_handler_may_call_the_api_while_it_is_called(stripe_client, dashboard):
    seen = []

    def reread(event):
        seen.append(stripe_client.v1.events.retrieve(event["id"]).type)
        if event["type"] == "customer.created":
            stripe_client.v1.customers.update(event["data"]["object"]["id"], {"description": "heard of"})

    dashboard.then = reread
    stripe_client.v1.customers.create({})
    assert seen == dashboard.types == ["customer.created", "customer.updated"]


def test_what_a_handler_activates_ends_with_it(stripe_client, dashboard):
    translation.activate("en")
    stripe_client.v1.customers.create({})
    assert translation.get_language() == "en"


def test_only_what_an_endpoint_asked_for_is_sent(stripe_client, dashboard):
    endpoint = stripe_client.v1.webhook_endpoints.list().data[0]
    stripe_client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["product.created"]})
    stripe_client.v1.customers.create({})
    stripe_client.v1.products.create({"name": "Pro"})
    assert dashboard.types == ["product.created"]
    stripe_client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    stripe_client.v1.products.create({"name": "Team"})
    assert dashboard.types == ["product.created"]


def test_a_failed_delivery_is_tried_again_with_back_off(stripe_client, account, dashboard):
    dashboard.statuses = [500, 302]
    stripe_client.v1.customers.create({})
    event = stripe_client.v1.events.list({"delivery_success": False}).data[0]
    assert event.pending_webhooks == 1
    stripe_client.v1.customers.list()
    assert len(dashboard.requests) == 1
    clock.advance(account, seconds=delivery.BACKOFF[0])
    clock.advance(account, seconds=delivery.BACKOFF[1])
    assert len(dashboard.requests) == 3
    log = Delivery.objects.get(event=event.id)
    assert (log.state, log.attempts, log.response_status, log.response_excerpt) == ("succeeded", 3, 200, "noted")
    assert stripe_client.v1.events.list({"delivery_success": False}).data == []
    assert stripe_client.v1.events.retrieve(event.id).pending_webhooks == 0


def test_a_delivery_is_given_up_after_the_last_try(stripe_client, account, dashboard):
    dashboard.statuses = [500] * 9
    stripe_client.v1.customers.create({})
    for seconds in (*delivery.BACKOFF, 10**6):
        clock.advance(account, seconds=seconds)
    assert len(dashboard.requests) == len(delivery.BACKOFF) + 1
    assert Delivery.objects.get().state == "failed"


def test_a_delivery_can_be_sent_again_by_hand(stripe_client, dashboard):
    stripe_client.v1.customers.create({})
    delivery.deliver(Delivery.objects.get())
    assert dashboard.types == ["customer.created"] * 2


def test_deliveries_can_be_held_and_let_go_in_any_order(stripe_client, account, dashboard):
    with delivery.held(account) as waiting:
        customer = stripe_client.v1.customers.create({"name": "Ada"})
        stripe_client.v1.customers.update(customer.id, {"name": "Ada L."})
        stripe_client.v1.customers.delete(customer.id)
        assert dashboard.types == []
        assert [event["type"] for event, _ in waiting] == ["customer.created", "customer.updated", "customer.deleted"]
        delivery.deliver(waiting.of_type("customer.deleted"))
        delivery.deliver(waiting.of_type("customer.created"))
        assert len(waiting) == 1
        with pytest.raises(LookupError):
            waiting.of_type("customer.deleted")
    assert dashboard.types == ["customer.deleted", "customer.created", "customer.updated"]


def test_what_was_on_its_way_to_a_deleted_endpoint_is_dropped(stripe_client, account, dashboard):
    with delivery.held(account):
        stripe_client.v1.customers.create({})
        stripe_client.v1.webhook_endpoints.delete(stripe_client.v1.webhook_endpoints.list().data[0].id)
    assert (dashboard.types, Delivery.objects.get().state) == ([], "failed")


# Delivery to other servers


@pytest.fixture
def server_elsewhere():
    """A web server of somebody else's; yields its URL and the requests it got."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    elsewhere = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=elsewhere.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{elsewhere.server_port}/stripe", got
    elsewhere.shutdown()
    thread.join()
    elsewhere.server_close()


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_other_servers_are_called_over_http_in_the_background(stripe_client, server_elsewhere):
    url, got = server_elsewhere
    endpoint = stripe_client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
    stripe_client.v1.customers.create({"name": "Ada"})
    assert eventually(lambda: Delivery.objects.filter(state="succeeded").exists())
    headers, body = got[0]
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
    assert event.data.object["name"] == "Ada"


def test_a_server_that_is_down_is_tried_again_later(stripe_client):
    stripe_client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/stripe", "enabled_events": ["*"]})
    stripe_client.v1.customers.create({})
    log = Delivery.objects.get()
    assert (log.state, log.attempts, log.response_status) == ("pending", 1, None)


def eventually(condition):
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.05)
    return False


# The clock


def test_the_clock_moves_forward_only(account):
    start = clock.now(account)
    assert clock.advance(account, seconds=3600) >= start + 3600
    assert clock.now(account) >= start + 3600
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(account, to=start)


def test_a_past_is_made_at_its_own_time(stripe_client, account):
    with clock.at(account, 1_700_000_000):
        customer = stripe_client.v1.customers.create({})
    assert customer.created == stripe_client.v1.events.list().data[0].created == 1_700_000_000
    assert stripe_client.v1.customers.create({}).created > 1_700_000_000


def test_the_demo_has_a_time_of_its_own(make_client):
    make_client("sk_test_sandbox").v1.accounts.retrieve_current()
    from sandbox.server import account_named

    before = clock.demo_now()
    clock.advance(account_named("sandbox"), seconds=86_400)
    assert 86_400 <= (clock.demo_now() - before).total_seconds() < 86_460
    assert clock.demo_now().tzinfo is not None
