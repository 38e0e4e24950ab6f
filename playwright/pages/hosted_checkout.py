"""Stripe's hosted Checkout, only by what the real page has too."""

from __future__ import annotations

import secrets
from typing import Any

import stripe
from playwright.sync_api import Locator, Page

from pages.stripe_elements import VISA


class Shop:
    """A shop with a Stripe account of its own, which sends its customers to Checkout."""

    def __init__(self, base_url: str) -> None:
        self.home = f"{base_url}/healthz"
        key, api = f"sk_test_checkout{secrets.token_hex(4)}", f"{base_url}/sandbox"
        self.v1 = stripe.StripeClient(key, base_addresses={"api": api}, max_network_retries=0).v1
        product = {"name": "Team", "default_price_data": {"currency": "usd", "unit_amount": 2900}}
        monthly = product["default_price_data"] | {"recurring": {"interval": "month"}}
        self.team = self.v1.products.create(product | {"default_price_data": monthly}).default_price
        self.poster = self.v1.products.create(product | {"name": "Poster"}).default_price

    def session(self, mode: str = "subscription", **params: Any) -> stripe.checkout.Session:
        price = {"subscription": self.team, "payment": self.poster}[mode]
        goods = {"line_items": [{"price": price, "quantity": 1}]}
        back = {
            "success_url": f"{self.home}?paid={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{self.home}?canceled",
        }
        return self.v1.checkout.sessions.create({"mode": mode, **goods, **back, **params})

    def again(self, session: stripe.checkout.Session, *expand: str) -> stripe.checkout.Session:
        """Return a session as it is now."""
        return self.v1.checkout.sessions.retrieve(session.id, {"expand": list(expand)})


class HostedCheckout:
    """The page behind a session's url."""

    def __init__(self, page: Page, session: stripe.checkout.Session) -> None:
        self.page, self.session = page, session
        self.form = page.locator("form.PaymentForm-form")
        self.button = page.locator('[data-testid="hosted-payment-submit-button"]')

    def open(self) -> HostedCheckout:
        self.page.goto(str(self.session.url))
        self.form.wait_for()
        return self

    def field(self, id: str) -> Locator:
        return self.page.locator(f"#{id}")

    def fill_card(self, number: str = VISA, expiry: str = "12/34", cvc: str = "123") -> None:
        for id, text in {"cardNumber": number, "cardExpiry": expiry, "cardCvc": cvc}.items():
            self.field(id).fill(text)

    def fill(self, number: str = VISA, email: str | None = "ada@example.com") -> None:
        """Fill in everything, and leave Link alone."""
        if email:
            self.field("email").fill(email)
        self.fill_card(number)
        self.field("billingName").fill("Ada Lovelace")
        self.field("billingCountry").select_option("US")
        self.field("billingPostalCode").fill("97205")
        self.field("enableStripePass").uncheck()

    def submit(self) -> None:
        self.button.click()

    def wait_for_shop(self) -> None:
        """Wait until the browser is back at the shop, with the session paid."""
        self.page.wait_for_url(f"**/healthz?paid={self.session.id}")
