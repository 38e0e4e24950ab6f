"""Stripe's official Python SDK drives the sandbox over HTTP: the same ways as tests/node, through real sockets."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe
from pytest_django.live_server_helper import LiveServer

from sandbox.models import Account

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])

Delivery = tuple[bytes, str]  # body and Stripe-Signature, as they came over the wire


@pytest.fixture
def client(account: Account, live_server: LiveServer) -> stripe.StripeClient:
    addresses: stripe.BaseAddresses = {"api": f"{live_server.url}/sandbox"}
    return stripe.StripeClient(f"sk_test_{account.name}", base_addresses=addresses, max_network_retries=0)


@pytest.fixture
def ada(client: stripe.StripeClient) -> str:
    """A customer whose default card is a Visa."""
    customer = client.v1.customers.create({"name": "Ada Lovelace", "email": "ada@example.com"}).id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
    return customer


@pytest.fixture
def team(client: stripe.StripeClient) -> str:
    """A price of 29.00 a month."""
    product = client.v1.products.create({"name": "Team"})
    price = {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
    return client.v1.prices.create(price).id


@pytest.fixture
def listener() -> Iterator[tuple[str, queue.Queue[Delivery]]]:
    """An address that takes webhooks, and what was delivered to it."""
    deliveries: queue.Queue[Delivery] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            deliveries.put((body, self.headers["Stripe-Signature"]))

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/stripe", deliveries
        server.shutdown()


def test_a_setup_intent_leaves_its_card_with_the_customer(client: stripe.StripeClient, ada: str) -> None:
    intent = client.v1.setup_intents.create({"customer": ada, "usage": "off_session"})
    confirm = {
        "payment_method": "pm_card_mastercard",
        "return_url": "https://shop.example",
        "expand": ["payment_method"],
    }
    confirmed = client.v1.setup_intents.confirm(intent.id, confirm)
    assert confirmed.status == "succeeded"
    assert isinstance(confirmed.payment_method, stripe.PaymentMethod)
    assert confirmed.payment_method.customer == ada
    brands = [each.card.brand for each in client.v1.customers.payment_methods.list(ada, {"type": "card"}) if each.card]
    assert brands == ["mastercard", "visa"]


def test_a_subscription_is_previewed_started_and_paid(client: stripe.StripeClient, ada: str, team: str) -> None:
    items = [{"price": team, "quantity": 2}]
    preview = client.v1.invoices.create_preview({"customer": ada, "subscription_details": {"items": items}})
    expand = ["latest_invoice.confirmation_secret", "latest_invoice.payments.data.payment.payment_intent"]
    incomplete = {"customer": ada, "items": items, "payment_behavior": "default_incomplete", "expand": expand}
    subscription = client.v1.subscriptions.create(incomplete)
    invoice = subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (subscription.status, invoice.total, preview.total) == ("incomplete", 5800, 5800)  # 2 * 29.00
    intent = invoice.payments.data[0].payment.payment_intent
    assert intent.client_secret == invoice.confirmation_secret.client_secret
    assert client.v1.invoices.pay(invoice.id).status == "paid"
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_decimals_come_as_decimals(client: stripe.StripeClient, team: str) -> None:
    product = client.v1.prices.retrieve(team).product
    price = client.v1.prices.create({"product": product, "currency": "usd", "unit_amount_decimal": Decimal("0.1")})
    assert (price.unit_amount, price.unit_amount_decimal) == (None, Decimal("0.1"))


def test_lists_are_paged_through_in_both_ways(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"email": f"page{number}@example.com"}).id for number in range(5)]
    assert [each.id for each in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    upwards = client.v1.customers.list({"limit": 2, "ending_before": made[0]})
    assert [each.id for each in upwards.auto_paging_iter()] == made[1:]
    found = client.v1.customers.search({"query": "email:'page3@example.com'"})
    assert [each.id for each in found.auto_paging_iter()] == [made[3]]


def test_an_idempotency_key_is_for_one_request(client: stripe.StripeClient) -> None:
    options: stripe.RequestOptions = {"idempotency_key": "once"}
    first = client.v1.customers.create({"name": "Ada"}, options)
    again = client.v1.customers.create({"name": "Ada"}, options)
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Bob"}, options)


def test_errors_are_of_their_class(client: stripe.StripeClient, live_server: LiveServer, account: Account) -> None:
    declined = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclined", "confirm": True}
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_intents.create({**declined, "return_url": "https://shop.example"})
    assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    assert refusal.value.error.decline_code == "generic_decline"
    assert refusal.value.error.payment_intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.customers.create({"colour": "red"})  # type: ignore[typeddict-unknown-key]
    assert (unknown.value.http_status, unknown.value.code, unknown.value.param) == (400, "parameter_unknown", "colour")
    addresses: stripe.BaseAddresses = {"api": f"{live_server.url}/sandbox"}
    for key, kind in (("nonsense", stripe.AuthenticationError), (f"pk_test_{account.name}", stripe.PermissionError)):
        with pytest.raises(kind):
            stripe.StripeClient(key, base_addresses=addresses).v1.customers.list()


def test_a_delivered_event_is_verified(
    client: stripe.StripeClient, listener: tuple[str, queue.Queue[Delivery]]
) -> None:
    url, deliveries = listener
    endpoint = client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
    customer = client.v1.customers.create({"name": "Zoë"})
    body, signature = deliveries.get(timeout=10)
    event = client.construct_event(body, signature, endpoint.secret)
    assert (event.type, event.data.object["id"]) == ("customer.created", customer.id)
    for forged, secret in ((body, "whsec_other"), (body.replace(b"cus_", b"cus_x"), endpoint.secret)):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(forged, signature, secret)
