from __future__ import annotations

import json
import secrets
from typing import Any
from urllib.parse import urlencode

import stripe
from playwright.sync_api import FrameLocator, Page, expect


class ElementsDemo:
    """The sandbox's page with one Element, in a Stripe account of its own."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page, self.account = page, f"elements{secrets.token_hex(4)}"
        self.stripe = stripe.StripeClient(
            f"sk_test_{self.account}", base_addresses={"api": f"{base_url}/sandbox"}, max_network_retries=0
        )

    def open(self, **query: str) -> ElementsDemo:
        self.page.goto(f"/sandbox/elements-demo/?{urlencode({**query, 'account': self.account})}")
        expect(self.page.locator("#events")).to_contain_text("ready")
        return self

    @property
    def payment(self) -> FrameLocator:
        return self.page.frame_locator('iframe[title="Secure payment input frame"]')

    @property
    def card(self) -> FrameLocator:
        return self.page.frame_locator('iframe[title="Secure card payment input frame"]')

    def type_into_payment(self, number: str, expiry: str = "12 / 34", cvc: str = "123", postal: str = "12345") -> None:
        self.payment.get_by_label("Card number").fill(number)
        self.payment.get_by_label("Expiration date").fill(expiry)
        self.payment.get_by_label("Security code").fill(cvc)
        self.payment.get_by_label("ZIP code").fill(postal)

    def type_into_card(self, number: str, expiry: str = "1234", cvc: str = "123", postal: str = "12345") -> None:
        self.card.locator("[name=cardnumber]").fill(number)
        self.card.locator("[name=exp-date]").fill(expiry)
        self.card.locator("[name=cvc]").fill(cvc)
        self.card.locator("[name=postal]").fill(postal)

    def submit(self) -> None:
        self.page.locator("#submit").click()

    def result(self) -> dict[str, Any]:
        expect(self.page.locator("#result")).not_to_be_empty()
        answer: dict[str, Any] = json.loads(self.page.locator("#result").inner_text())
        return answer

    def events(self, name: str) -> list[dict[str, Any]]:
        items = self.page.locator("#events li").all_inner_texts()
        return [json.loads(item.split(" ", 1)[1]) for item in items if item.startswith(f"{name} ")]

    @property
    def challenge(self) -> FrameLocator:
        return self.page.frame_locator('iframe[src*="three-ds-2-challenge"]')

    @property
    def bank(self) -> FrameLocator:
        return self.challenge.frame_locator('iframe[name="stripe-challenge-frame"]')
