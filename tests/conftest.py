"""Fixtures for every test: Stripe accounts of the sandbox, one per test, reached through the official SDK."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
import pytest_django
import requests
import stripe
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from billing import operations, payers, sync
from billing.models import Customer
from sandbox import personas, scenarios, server
from sandbox.models import Account
from sandbox.transport import InProcessClient
from shop import Shop


@pytest.fixture(autouse=True)
def _quiet_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)  # it would write into the home directory


@pytest.fixture
def account_name() -> str:
    """What follows sk_test_ in the keys of this test's Stripe account."""
    return f"t{secrets.token_hex(8)}"


@pytest.fixture
def account(account_name: str, db: None) -> Account:
    """The sandbox account of this test."""
    return server.account_named(account_name)


@pytest.fixture
def make_client() -> Callable[[str], stripe.StripeClient]:
    """A function from an API key to an SDK client that reaches the sandbox in process."""
    return lambda key: stripe.StripeClient(key, http_client=InProcessClient())


@pytest.fixture
def stripe_client(account: Account, make_client: Callable[[str], stripe.StripeClient]) -> stripe.StripeClient:
    """An SDK client of a fresh Stripe account, in process. Needs `django_db(databases=["default", "sandbox"])`."""
    return make_client(f"sk_test_{account.name}")


@pytest.fixture
def browser_client(account: Account, make_client: Callable[[str], stripe.StripeClient]) -> stripe.StripeClient:
    """A client with the publishable key of the same account: what stripe.js in a customer's browser may do."""
    return make_client(f"pk_test_{account.name}")


@pytest.fixture
def shop(account: Account, stripe_client: stripe.StripeClient) -> Iterator[Shop]:
    """A shop on this test's Stripe account, at the beginning of November 2026."""
    shop = Shop(account, stripe_client)
    yield shop
    shop.close()


@pytest.fixture
def our_account(db: None) -> Account:
    """The sandbox account that the dashboard itself talks to."""
    return server.account_named(settings.BILLING["SECRET_KEY"].removeprefix("sk_test_"))


@pytest.fixture
def our_stripe(our_account: Account, make_client: Callable[[str], stripe.StripeClient]) -> stripe.StripeClient:
    """An SDK client of the dashboard's own Stripe account: what somebody does in Stripe's web pages."""
    return make_client(settings.BILLING["SECRET_KEY"])


@pytest.fixture
def scenario(our_account: Account) -> Callable[..., str]:
    """A function that puts somebody into a state: `scenario("past due after decline", alice)` returns the customer."""
    return lambda name, user=None: scenarios.play(our_account, name, user)


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """The demo's five, with a past at Stripe and in the mirror: made once a module, as they were again in each test."""
    with django_db_blocker.unblock():
        account = server.account_named(settings.BILLING["SECRET_KEY"].removeprefix("sk_test_"))
        personas.catalogue(account)
        sync.catalogue()
        for username in personas.PERSONAS:
            user = User.objects.create_user(username, f"{username}@example.com", "demo")
            if customer := personas.make(account, username):
                payers.link_customer(user, customer)
    yield
    with django_db_blocker.unblock():
        for alias in settings.DATABASES:
            call_command("flush", database=alias, interactive=False, verbosity=0)


@pytest.fixture
def alice(people: None) -> User:
    """A monthly plan, one Visa, four paid invoices."""
    return User.objects.get(username="alice")


@pytest.fixture
def bob(people: None) -> User:
    """New: nothing at Stripe yet."""
    return User.objects.get(username="bob")


@pytest.fixture
def carol(people: None) -> User:
    """Past due: her card failed at the renewal."""
    return User.objects.get(username="carol")


@pytest.fixture
def dave(people: None) -> User:
    """On a trial, without a card."""
    return User.objects.get(username="dave")


@pytest.fixture
def erin(people: None) -> User:
    """A yearly plan, three cards of which one has expired, forty invoices."""
    return User.objects.get(username="erin")


@pytest.fixture
def customer_of() -> Callable[[User], Customer]:
    """A function from a person to the row of their customer at Stripe."""
    return lambda user: Customer.objects.get(payer_id=str(user.pk))


@pytest.fixture
def htmx() -> Client:
    """A browser whose requests are htmx's, from the billing page."""
    return Client(
        headers={
            "HX-Request": "true",
            "HX-Request-Type": "partial",
            "HX-Current-URL": "http://testserver/billing/plan/?interval=year",
        }
    )


@pytest.fixture
def token() -> str:
    """A form's one-time token."""
    return operations.new_token()


@pytest.fixture
def stripe_calls() -> Iterator[list[str]]:
    """Every request that reaches Stripe from now on, as "GET /v1/…"."""
    calls: list[str] = []

    def note(request: server.Request, response: server.Response) -> None:
        calls.append(f"{request.method} {request.path}")

    server.observers.append(note)
    yield calls
    server.observers.remove(note)


@pytest.fixture
def stripe_is_down(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that cuts the line: from then on no connection to Stripe comes about."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise stripe.APIConnectionError("connection refused") from requests.exceptions.ConnectTimeout()

    return lambda: monkeypatch.setattr(InProcessClient, "request", refuse)
