"""A shop on a Stripe account of its own: plans, customers with cards, and a clock that stands still until told."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import stripe

from sandbox import challenges, clock
from sandbox.models import Account


def at(text: str) -> int:
    """Return the epoch seconds of a UTC date such as 2026-11-20T11:30:15."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOVEMBER = at("2026-11-01")  # 30 days, 2,592,000 s
DECEMBER = at("2026-12-01")


class Shop:
    """Everything happens at `now`; `go` moves it, and what is due meanwhile happens on the way."""

    def __init__(self, account: Account, client: stripe.StripeClient) -> None:
        self.account, self.v1 = account, client.v1
        self._clock = ExitStack()
        self.now = 0
        self.go(NOVEMBER)
        self.team = self.plan("Team", 2900)
        self.business = self.plan("Business", 9900)

    def go(self, moment: int | str) -> None:
        self.now = at(moment) if isinstance(moment, str) else moment
        self._clock.close()
        self._clock.enter_context(clock.at(self.account, self.now))
        clock.catch_up(self.account, self.now)

    def close(self) -> None:
        self._clock.close()

    def plan(self, name: str, amount: int, interval: str = "month", **params: Any) -> str:
        """Return the id of a new price of a new product."""
        amounts = {} if "tiers" in params else {"unit_amount": amount}
        recurring = {"interval": interval}
        product = self.v1.products.create({"name": name})
        price = {"product": product.id, "currency": "usd", "recurring": recurring, **amounts, **params}
        return self.v1.prices.create(price).id

    def customer(self, card: str | None = "pm_card_visa", **params: Any) -> str:
        customer = self.v1.customers.create({"name": "Alice Archer", "email": "alice@example.com", **params}).id
        if card:
            self.card(customer, card)
        return customer

    def card(self, customer: str, alias: str = "pm_card_visa") -> str:
        """Attach a card and make it the customer's default."""
        card = self.v1.payment_methods.attach(alias, {"customer": customer}).id
        self.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
        return card

    def subscribe(self, customer: str, price: str | None = None, **params: Any) -> stripe.Subscription:
        """Subscribe a customer to a price, by default the Team plan."""
        items = params.pop("items", [{"price": price or self.team}])
        params.setdefault("expand", ["latest_invoice.confirmation_secret", "latest_invoice.payments"])
        return self.v1.subscriptions.create({"customer": customer, "items": items, **params})

    def coupon(self, **params: Any) -> str:
        """Return the id of a new coupon, good for one invoice unless `duration` says otherwise."""
        return self.v1.coupons.create(params).id

    def code(self, coupon: str, code: str, **params: Any) -> stripe.PromotionCode:
        """Give a coupon a promotion code."""
        promotion = {"type": "coupon", "coupon": coupon}
        return self.v1.promotion_codes.create({"promotion": promotion, "code": code, **params})

    def renewals(self, subscription: stripe.Subscription, *months: str) -> list[int]:
        """Return the totals of the invoices at these dates, an hour after midnight each."""
        totals = []
        for month in months:
            self.go(f"{month}T01:00:00")
            totals.append(self.subscription(subscription.id).latest_invoice.total)
        return totals

    def subscription(self, id: str) -> stripe.Subscription:
        return self.v1.subscriptions.retrieve(id, {"expand": ["latest_invoice.payments"]})

    def change(self, subscription: stripe.Subscription, price: str | None = None, **params: Any) -> stripe.Subscription:
        """Change the only item's price, or what `item` says, and return the subscription."""
        item = {"id": item_of(subscription).id, **({"price": price} if price else {}), **params.pop("item", {})}
        params.setdefault("expand", ["latest_invoice.payments"])
        return self.v1.subscriptions.update(subscription.id, {"items": [item], **params})

    def invoices(self, customer: str) -> list[stripe.Invoice]:
        """Return the customer's invoices, newest first."""
        return list(self.v1.invoices.list({"customer": customer, "limit": 100}).data)

    def events(self, since: str | None = None) -> list[str]:
        """Return the types of what happened, oldest first, after the event `since`."""
        found = list(self.v1.events.list({"limit": 100}).data)
        ids = [event.id for event in found]
        return [event.type for event in reversed(found[: ids.index(since) if since else None])]

    def mark(self) -> str:
        """Return the newest event, to ask later what happened since."""
        return self.v1.events.list({"limit": 1}).data[0].id

    def event(self, type_: str) -> Any:
        """Return the newest event of a type."""
        return self.v1.events.list({"type": type_, "limit": 1}).data[0]

    def intent(self, invoice: stripe.Invoice) -> str:
        """Return the id of the payment intent that pays an invoice."""
        payments = self.v1.invoice_payments.list({"invoice": invoice.id}).data
        return payments[0].payment.payment_intent

    def confirm(self, invoice: stripe.Invoice, card: str) -> stripe.PaymentIntent:
        """Pay an invoice as the browser does: with a card, on the invoice's payment intent."""
        params = {"payment_method": card, "return_url": "https://shop.example/back"}
        return self.v1.payment_intents.confirm(self.intent(invoice), params)

    def authenticate(self, intent: str, *, succeeded: bool = True) -> None:
        """Answer the 3-D Secure page of an intent."""
        action = self.v1.payment_intents.retrieve(intent).next_action
        where = action.use_stripe_sdk["stripe_js"] if action.type == "use_stripe_sdk" else action.redirect_to_url.url
        challenges.finish(where.rstrip("/").rsplit("/", 1)[1], succeeded=succeeded)


def item_of(subscription: stripe.Subscription) -> Any:
    """Return the only item of a subscription."""
    (item,) = subscription["items"].data
    return item


def amounts(invoice: stripe.Invoice) -> list[int]:
    """Return the amounts of an invoice's lines."""
    return [line.amount for line in invoice.lines.data]
