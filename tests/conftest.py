"""Fixtures for every test: Stripe accounts of the sandbox, one per test, reached through the official SDK."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
import stripe
from django.conf import settings

from sandbox import server
from sandbox.models import Account
from sandbox.transport import InProcessClient


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
def our_account(db: None) -> Account:
    """The sandbox account that the dashboard itself talks to."""
    return server.account_named(settings.BILLING["SECRET_KEY"].removeprefix("sk_test_"))


@pytest.fixture
def our_stripe(our_account: Account, make_client: Callable[[str], stripe.StripeClient]) -> stripe.StripeClient:
    """An SDK client of the dashboard's own Stripe account: what somebody does in Stripe's web pages."""
    return make_client(settings.BILLING["SECRET_KEY"])
