"""A shop that sells through Checkout, and a customer's browser in front of its page."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import stripe
from django.test import Client

from sandbox import api
from shop import Shop

SUCCESS = "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}"
CANCEL = "https://shop.example/cart"
ADDRESS = {"country": "US", "postal_code": "97205"}
VISA = "4242424242424242"
DECLINED = "4000000000000002"
ASKS = "4000002760003184"


class Till:
    """A shop that sells through Checkout, and the customer's browser in front of it."""

    def __init__(self, shop: Shop, browser: stripe.StripeClient) -> None:
        self.shop, self.v1, self.browser = shop, shop.v1, Client()
        self._stripe_js = browser
        self.poster = shop.v1.prices.create(
            {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Poster"}}
        ).id

    def open(self, mode: str = "payment", **params: Any) -> Any:
        """Open a session: of one poster, or, in subscription mode, of the Team plan for 29 dollars a month."""
        price = {"payment": self.poster, "subscription": self.shop.team}.get(mode)
        goods = {"line_items": [{"price": price, "quantity": 1}]} if price else {"currency": "usd"}
        return self.v1.checkout.sessions.create(
            {"mode": mode, "success_url": SUCCESS, "cancel_url": CANCEL, **goods, **params}
        )

    def session(self, opened: Any, **params: Any) -> Any:
        return self.v1.checkout.sessions.retrieve(opened.id, params)

    def page(self, opened: Any, **headers: str) -> str:
        answer = self.browser.get(path_of(opened), headers=headers)
        assert answer.status_code == 200
        return answer.content.decode()

    def type_card(self, number: str = VISA, **given: Any) -> str:
        """Make a payment method of what was typed, as the page's script does; return its id."""
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123"}
        details = {"name": "Ada Lovelace", "email": "ada@example.com", "address": ADDRESS, **given}
        method = {"type": "card", "card": card, "billing_details": details}
        return self._stripe_js.v1.payment_methods.create(method).id

    def confirm(self, opened: Any, number: str | None = VISA, **given: Any) -> Any:
        """Press the button; without a number no new card is typed."""
        due = int(re.search(r'data-due="(\d+)"', self.page(opened))[1])
        typed = {"payment_method": self.type_card(number), "name": "Ada Lovelace", "address": ADDRESS} if number else {}
        params = {"expected_amount": due, "email": "ada@example.com", **typed, **given}
        return self.post(opened, "confirm", params)

    def post(self, opened: Any, path: str, params: dict[str, Any]) -> Any:
        body = api.encode(params)
        return self.browser.post(f"{path_of(opened)}/{path}", body, content_type="application/x-www-form-urlencoded")

    def bank(self, answer: Any, outcome: str) -> None:
        """Answer the bank's question."""
        token = answer.json()["challenge"].rstrip("/").rsplit("/", 1)[1]
        self.browser.post(f"/sandbox/3d_secure_2_test/{token}/", {"outcome": outcome})


def path_of(opened: Any) -> str:
    return urlsplit(opened.url).path
