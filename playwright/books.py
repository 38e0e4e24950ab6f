"""What a click has to leave behind, looked up at Stripe and in our mirror: both must say the same."""

from __future__ import annotations

from typing import Any

import stripe
from django.conf import settings
from django.contrib.auth import get_user_model

from billing import columns
from billing.models import Customer, Invoice, Mirrored, PaymentMethod, Subscription
from billing.payers import customer_of
from billing.sync import link_customer
from sandbox import clock, server
from sandbox.engine.calendar import DAY
from sandbox.transport import InProcessClient

Object = dict[str, Any]


class Books:
    """Stripe and the mirror, by the names of the demo customers.

    What is returned was read from Stripe, and found to be in the mirror just so.
    """

    def __init__(self) -> None:
        self.stripe = stripe.StripeClient(settings.BILLING["SECRET_KEY"], http_client=InProcessClient()).v1

    def customer(self, name: str) -> Object:
        id = self._id(name)
        return self._agreed(Customer.objects.filter(pk=id), [self.stripe.customers.retrieve(id)])[0]

    def cards(self, name: str) -> list[Object]:
        """The cards that are attached at Stripe, newest first."""
        at_stripe = self.stripe.payment_methods.list({"customer": self._id(name), "limit": 100})
        return self._agreed(PaymentMethod.objects.filter(customer=self._id(name), deleted=False), at_stripe.data)

    def default_card(self, name: str) -> str:
        """The last four digits of the card that is charged by default, or nothing."""
        default = self.customer(name)["invoice_settings"]["default_payment_method"]
        return next((card["card"]["last4"] for card in self.cards(name) if card["id"] == default), "")

    def card(self, name: str, last4: str) -> Object:
        (card,) = [card for card in self.cards(name) if card["card"]["last4"] == last4]
        return card

    def subscriptions(self, name: str) -> list[Object]:
        """All subscriptions, ended ones too, newest first."""
        at_stripe = self.stripe.subscriptions.list({"customer": self._id(name), "status": "all", "limit": 100})
        return self._agreed(Subscription.objects.filter(customer=self._id(name)), at_stripe.data)

    def subscription(self, name: str) -> Object:
        return self.subscriptions(name)[0]

    def plan(self, name: str) -> tuple[str, str]:
        """The newest subscription's price, by lookup key, and status."""
        subscription = self.subscription(name)
        return subscription["items"]["data"][0]["price"]["lookup_key"], subscription["status"]

    def invoices(self, name: str) -> list[Object]:
        """All invoices, newest first."""
        at_stripe = self.stripe.invoices.list({"customer": self._id(name), "limit": 100})
        return self._agreed(Invoice.objects.filter(customer=self._id(name)), at_stripe.data)

    def charged(self, name: str) -> list[int]:
        """What was really taken, in minor units, newest first. Charges are Stripe's alone."""
        charges = self.stripe.charges.list({"customer": self._id(name), "limit": 100}).data
        return [charge.amount for charge in charges if charge.paid]

    # What happened before a flow begins, done at Stripe; its webhooks bring it into the mirror.

    def give_card(self, name: str, alias: str) -> None:
        """Attach a test card as the default, `give_card("carol", "pm_card_visa")`; bob becomes a customer with it."""
        if not self.knows(name):
            customer = self.stripe.customers.create({"email": f"{name}@example.com"})
            link_customer(get_user_model().objects.get(username=name), customer.id)
        card = self.stripe.payment_methods.attach(alias, {"customer": self._id(name)})
        self.stripe.customers.update(self._id(name), {"invoice_settings": {"default_payment_method": card.id}})

    def subscribe_to_hidden(self, name: str, product: str) -> None:
        """Give somebody a card and a plan that no page offers: "Kaisha" in yen, "Diwan" in dinars."""
        self.give_card(name, "pm_card_visa")
        (product_id,) = [each.id for each in self.stripe.products.list({"limit": 100}).data if each.name == product]
        price = self.stripe.prices.list({"product": product_id}).data[0].id
        self.stripe.subscriptions.create({"customer": self._id(name), "items": [{"price": price}]})

    def pass_time(self, *, days: int) -> None:
        """Let days go by at Stripe, and everything that is due in them happen."""
        clock.advance(server.account_named(clock.DEMO), seconds=days * DAY)

    def _agreed(self, rows: Any, at_stripe: list[Any]) -> list[Object]:
        found = [each.to_dict(for_json=True) for each in at_stripe]
        mirrored: dict[str, Mirrored] = {row.pk: row for row in rows}
        assert set(mirrored) == {each["id"] for each in found}
        for each in found:
            row = mirrored[each["id"]]
            assert row.data == columns.clean(each)
            assert {name: getattr(row, name) for name in columns.of(each)} == columns.of(each)
        return found

    def knows(self, name: str) -> bool:
        """Whether somebody is a customer at Stripe; bob becomes one with his first card or plan."""
        at_stripe = {each.email for each in self.stripe.customers.list({"limit": 100}).data}
        email = f"{name}@example.com"
        assert (email in at_stripe) == Customer.objects.filter(email=email).exists()
        return email in at_stripe

    def _id(self, name: str) -> str:
        customer = customer_of(get_user_model().objects.get(username=name))
        assert customer, f"{name} is not known at Stripe"
        return customer.pk
