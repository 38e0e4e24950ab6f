"""What is on offer: active products and their prices, as pages show them. Addressed by `lookup_key`, never by id."""

from __future__ import annotations

from dataclasses import dataclass, field

from billing.errors import Refused
from billing.models import Customer, Price, Product

INTERVALS = ("day", "week", "month", "year")
INTERVAL_WORDS = {"day": "Daily", "week": "Weekly", "month": "Monthly", "year": "Yearly"}
MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Offer:
    """One price of one product. `saving` is the percentage saved against twelve monthly payments."""

    product: Product
    price: Price
    saving: int

    @property
    def features(self) -> list[str]:
        return [feature["name"] for feature in self.product.data.get("marketing_features", []) if feature.get("name")]


@dataclass(frozen=True)
class Catalogue:
    """The offers a customer can choose from, cheapest first."""

    offers: list[Offer] = field(default_factory=list)

    @property
    def intervals(self) -> list[tuple[str, str]]:
        present = {offer.price.interval for offer in self.offers}
        return [(name, INTERVAL_WORDS[name]) for name in INTERVALS if name in present]

    def per(self, interval: str) -> list[Offer]:
        return [offer for offer in self.offers if offer.price.interval == interval]


def catalogue_for(customer: Customer | None) -> Catalogue:
    """Return what `customer` can buy. Stripe holds a customer to one currency, so others are not offered."""
    products = Product.objects.filter(active=True, deleted=False).in_bulk()
    prices = Price.objects.filter(active=True, deleted=False, unit_amount__isnull=False, product_id__in=products)
    prices = prices.exclude(lookup_key="").exclude(interval="").order_by("unit_amount", "pk")
    if customer and customer.currency:
        prices = prices.filter(currency=customer.currency)
    found = [price for price in prices if price.data["recurring"]["usage_type"] == "licensed"]
    return Catalogue([Offer(products[price.product_id], price, _saving(price, found)) for price in found])


def offered_price(lookup_key: str, customer: Customer | None) -> Offer:
    """Return the offer behind `lookup_key`. Raises Refused when it is not, or no longer, sold to this customer."""
    for offer in catalogue_for(customer).offers:
        if offer.price.lookup_key == lookup_key:
            return offer
    raise Refused("This plan is no longer offered. Nothing was charged: please choose another one.")


def _saving(price: Price, prices: list[Price]) -> int:
    if price.interval != "year" or price.interval_count != 1:
        return 0
    for other in prices:
        same = (other.product_id, other.currency) == (price.product_id, price.currency)
        if same and other.interval == "month" and other.interval_count == 1 and other.unit_amount:
            twelve_months = MONTHS_A_YEAR * other.unit_amount
            return max(0, 100 * (twelve_months - (price.unit_amount or 0)) // twelve_months)
    return 0
