"""Where a customer stands: plans, what is charged next, what is overdue. Read from the mirror, never from Stripe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from billing.dates import from_epoch
from billing.models import Customer, Invoice, PaymentMethod, Price, Product, Subscription

RENEWS = ("active", "trialing", "past_due")
OWES = ("past_due", "unpaid", "incomplete")


@dataclass(frozen=True)
class Charge:
    """The next charge of a subscription. `amount` is in minor units, None where only Stripe can tell (usage, tiers).

    `exact` is False where discounts, taxes or a scheduled change may still alter it.
    """

    date: datetime
    amount: int | None
    currency: str
    credit: int
    exact: bool
    after_trial: bool


@dataclass(frozen=True)
class Plan:
    """A subscription with what a page says about it."""

    subscription: Subscription
    name: str
    price: Price | None
    next_charge: Charge | None
    unpaid: list[Invoice]
    card: PaymentMethod | None

    @property
    def owes(self) -> bool:
        return self.subscription.status in OWES

    @property
    def pay_first(self) -> Invoice | None:
        """The invoice whose payment sets this plan right: the oldest open one."""
        return self.unpaid[0] if self.unpaid else None

    @property
    def ends_at(self) -> datetime | None:
        """When it stops for good, if that is decided."""
        return None if self.subscription.has_ended else self.subscription.cancel_at

    @property
    def without_card(self) -> str:
        """What Stripe does when the trial ends and there is no card: cancel, pause or create_invoice."""
        settings = self.subscription.data.get("trial_settings") or {}
        return str((settings.get("end_behavior") or {}).get("missing_payment_method", "create_invoice"))

    @property
    def change_waits_until(self) -> datetime | None:
        """When Stripe drops a change that the bank has not confirmed, where one is waiting."""
        pending = self.subscription.data["pending_update"]
        return from_epoch(pending["expires_at"]) if pending else None

    @property
    def changeable(self) -> bool:
        """Whether another price may be chosen now: nothing owed, no end decided."""
        return self.subscription.status in ("active", "trialing") and not self.ends_at


@dataclass(frozen=True)
class Standing:
    """All of it, in five queries."""

    customer: Customer | None
    plans: list[Plan]
    ended: list[Plan]
    cards: list[PaymentMethod]
    other_unpaid: list[Invoice]

    @property
    def credit(self) -> int:
        """What Stripe holds for the customer, in minor units of its currency."""
        return max(0, -self.customer.balance) if self.customer else 0

    def balance_in(self, currency: str) -> int:
        """What the next invoice in `currency` is increased by; less than zero where credit is taken off it."""
        return self.customer.balance if self.customer and self.customer.currency == currency else 0

    @property
    def default_card(self) -> PaymentMethod | None:
        default = self.customer.default_payment_method if self.customer else ""
        return next((card for card in self.cards if card.pk == default), None)


def standing_of(customer: Customer | None) -> Standing:
    """Read where `customer` stands; nobody's standing is empty."""
    if customer is None:
        return Standing(None, [], [], [], [])
    subscriptions = list(Subscription.objects.filter(customer=customer, deleted=False).order_by("-created", "-pk")[:50])
    cards = saved_cards(customer)
    unpaid = list(overdue_invoices(customer, subscriptions))
    prices, products = _prices_and_products(subscriptions)
    charges = next_charges(customer, subscriptions)
    plans = [
        Plan(
            subscription=each,
            name=products.get(_product_id(each), "") or "Your plan",
            price=prices.get(each.price_id),
            next_charge=charges.get(each.pk),
            unpaid=[invoice for invoice in unpaid if invoice.subscription_id == each.pk],
            card=_card_of(each, customer, cards),
        )
        for each in subscriptions
    ]
    of_plans = {each.pk for each in subscriptions}
    return Standing(
        customer=customer,
        plans=[plan for plan in plans if not plan.subscription.has_ended],
        ended=[plan for plan in plans if plan.subscription.has_ended],
        cards=cards,
        other_unpaid=[invoice for invoice in unpaid if invoice.subscription_id not in of_plans],
    )


def saved_cards(customer: Customer) -> list[PaymentMethod]:
    """Return the saved ways to pay, the default first, then newest first."""
    cards = PaymentMethod.objects.filter(customer=customer, deleted=False).order_by("-created", "-pk")
    return sorted(cards, key=lambda card: card.pk != customer.default_payment_method)


def overdue_invoices(customer: Customer, subscriptions: Iterable[Subscription]) -> Iterable[Invoice]:
    """Return open invoices that wait for the customer, oldest first: tried in vain, or the plan waits for them.

    An open invoice of a healthy subscription is about to be charged by Stripe; nobody has to do anything.
    """
    waiting = [each.pk for each in subscriptions if each.status in OWES]
    return Invoice.objects.filter(
        Q(attempt_count__gt=0) | Q(subscription_id__in=waiting) | Q(due_date__isnull=False) | Q(subscription_id=""),
        customer=customer,
        status="open",
        deleted=False,
        amount_remaining__gt=0,
    ).order_by("created", "pk")


def next_charges(customer: Customer, subscriptions: Iterable[Subscription]) -> dict[str, Charge]:
    """Return the next regular charge of each subscription that will renew, by its id.

    The customer's balance goes to the charge that comes first, as Stripe applies it: negative is credit, positive debt.
    """
    renewing = [
        (each.current_period_end, each)
        for each in subscriptions
        if each.status in RENEWS and not each.cancel_at and each.current_period_end
    ]
    balances = {customer.currency: customer.balance}
    charges = {}
    for date, each in sorted(renewing, key=lambda pair: pair[0]):
        total, balance = _renewal_total(each), balances.get(each.currency, 0)
        balances[each.currency] = min(0, balance + (total or 0))
        charges[each.pk] = Charge(
            date=date,
            amount=None if total is None else max(0, total + balance),
            currency=each.currency,
            credit=min(total or 0, max(0, -balance)),
            exact=_is_exact(each, customer),
            after_trial=each.status == "trialing",
        )
    return charges


def _renewal_total(subscription: Subscription) -> int | None:
    """Sum the items that renew first, in minor units; None where a price has no fixed amount."""
    items = subscription.data["items"]["data"]
    first = min((item["current_period_end"] for item in items), default=0)
    due = [item for item in items if item["current_period_end"] == first]
    if any(item["price"]["unit_amount"] is None for item in due):
        return None
    return sum(int(item["price"]["unit_amount"]) * int(item.get("quantity", 1)) for item in due)


def _is_exact(subscription: Subscription, customer: Customer) -> bool:
    data = subscription.data
    items = data["items"]["data"]
    may_differ: list[Any] = [
        data["discounts"],
        customer.data.get("discount"),
        data["automatic_tax"]["enabled"],
        data.get("default_tax_rates"),
        data.get("schedule"),
        data.get("pending_update"),
        data.get("next_pending_invoice_item_invoice"),
        any(item.get("discounts") or item.get("tax_rates") for item in items),
        any((item["price"].get("transform_quantity")) for item in items),
    ]
    return not any(may_differ)


def _product_id(subscription: Subscription) -> str:
    product = subscription.item["price"]["product"]
    return str(product["id"] if isinstance(product, dict) else product)


def _prices_and_products(subscriptions: list[Subscription]) -> tuple[dict[str, Price], dict[str, str]]:
    prices = Price.objects.in_bulk([each.price_id for each in subscriptions])
    products = Product.objects.filter(pk__in={_product_id(each) for each in subscriptions})
    return prices, dict(products.values_list("pk", "name"))


def _card_of(subscription: Subscription, customer: Customer, cards: list[PaymentMethod]) -> PaymentMethod | None:
    pays = subscription.default_payment_method or customer.default_payment_method
    return next((card for card in cards if card.pk == pays), None)


def plan_name(subscription: Subscription) -> str:
    """Return the name of the product that a subscription is to."""
    product = Product.objects.filter(pk=_product_id(subscription)).first()
    return product.name if product else "your plan"
