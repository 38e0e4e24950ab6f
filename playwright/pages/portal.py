from __future__ import annotations

import secrets
from typing import Any

import stripe
from playwright.sync_api import Locator, Page, expect

from pages.stripe_elements import card_form, fill_card


class Business:
    """A business with a Stripe account of its own, two plans and one customer on the smaller of them."""

    def __init__(self, base_url: str, card: str = "pm_card_visa") -> None:
        key, api = f"sk_test_portal{secrets.token_hex(4)}", f"{base_url}/sandbox"
        self.stripe = stripe.StripeClient(key, base_addresses={"api": api}, max_network_retries=0).v1
        self.back = f"{base_url}/accounts/login/"
        self.team, self.business = self._plan("Team", 2900), self._plan("Business", 9900)
        self.configuration = self.stripe.billing_portal.configurations.create({"features": self._features()}).id
        params = {"name": "Alice Archer", "email": "alice@example.com", "payment_method": "pm_card_visa"}
        self.customer = self.stripe.customers.create(params).id
        self.pay_with("pm_card_visa")
        self.subscription_id = self.stripe.subscriptions.create(
            {"customer": self.customer, "items": [{"price": self.team, "quantity": 2}]}
        ).id
        if card != "pm_card_visa":
            self.pay_with(card)

    def _plan(self, name: str, amount: int) -> str:
        product, recurring = self.stripe.products.create({"name": name}).id, {"interval": "month"}
        price = {"product": product, "currency": "usd", "unit_amount": amount, "recurring": recurring}
        return self.stripe.prices.create(price).id

    def _features(self) -> dict[str, Any]:
        products = [
            {
                "product": self.stripe.prices.retrieve(price).product,
                "prices": [price],
                "adjustable_quantity": {"enabled": True, "minimum": 1},
            }
            for price in (self.team, self.business)
        ]
        reasons = ["too_expensive", "missing_features", "unused"]
        return {
            "customer_update": {"enabled": True, "allowed_updates": ["name", "email", "address", "phone", "tax_id"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "cancellation_reason": {"enabled": True, "options": reasons}},
            "subscription_update": {
                "enabled": True,
                "default_allowed_updates": ["price", "quantity"],
                "proration_behavior": "always_invoice",
                "products": products,
            },
        }

    def pay_with(self, alias: str) -> str:
        """Attach a card and make it the customer's default."""
        card = self.stripe.payment_methods.attach(alias, {"customer": self.customer}).id
        self.stripe.customers.update(self.customer, {"invoice_settings": {"default_payment_method": card}})
        return card

    def portal_url(self, **params: Any) -> str:
        given = {"customer": self.customer, "configuration": self.configuration, "return_url": self.back, **params}
        return self.stripe.billing_portal.sessions.create(given).url

    @property
    def subscription(self) -> Any:
        return self.stripe.subscriptions.retrieve(self.subscription_id, {"expand": ["latest_invoice"]})

    @property
    def item(self) -> Any:
        (item,) = self.subscription["items"].data
        return item

    @property
    def default_card(self) -> Any:
        settings = self.stripe.customers.retrieve(self.customer).invoice_settings
        return self.stripe.payment_methods.retrieve(settings.default_payment_method).card


class Portal:
    """Stripe's customer portal, by the marks that the real one has."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)
        expect(page.get_by_test_id("page-container-main")).to_be_visible()

    def mark(self, name: str) -> Locator:
        """What carries data-test="…"."""
        return self.page.locator(f'[data-test="{name}"]')

    def confirm(self) -> None:
        self.page.get_by_test_id("confirm").click()

    def ask_to_cancel(self) -> None:
        self.page.locator('a[data-test="cancel-subscription"]').click()

    def give_reason(self, reason: str) -> None:
        self.mark(f"cancel-reason-opt-{reason}").check()
        self.page.get_by_test_id("cancellation_reason_submit").click()

    def give_no_reason(self) -> None:
        self.page.get_by_test_id("cancellation_reason_cancel").click()

    def ask_to_update(self) -> None:
        self.mark("update-subscription").click()

    def select(self, plan: str) -> None:
        expect(self.page.get_by_test_id("pricing-table")).to_be_visible()
        self.page.get_by_test_id("pricing-table-card").filter(has_text=plan).get_by_role("button").click()

    def quantity(self, number: int) -> None:
        self.page.get_by_test_id("portal-quantity-editor").fill(str(number))

    def go_on(self) -> None:
        self.page.get_by_test_id("continue-button").click()

    def change_to(self, plan: str) -> None:
        self.ask_to_update()
        self.select(plan)
        self.go_on()
        self.confirm()

    def add_card(self, number: str) -> None:
        self.mark("add-payment-method").click()
        fill_card(self.page, number)
        self.confirm()

    def pay_with_new_card(self, number: str) -> None:
        self.page.locator("#radio-add").check()
        fill_card(self.page, number)
        self.confirm()

    def return_to_business(self) -> None:
        self.page.get_by_test_id("return-to-business-link").click()

    @property
    def card_number(self) -> Locator:
        return card_form(self.page).locator("[name=number]")
