"""One object of every kind that the sandbox can answer with, as full as a short story makes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import stripe
from stripe._object_classes import OBJECT_CLASSES

from sandbox import server
from shop import Shop
from stripe_contract import responses

Object = dict[str, Any]
EXPANDED = ["sources", "subscriptions", "tax_ids"]


def collect(shop: Shop) -> dict[str, Object]:
    """Play the story and return kind -> the object with the most keys among all that were answered meanwhile."""
    found: dict[str, Object] = {}

    def note(request: server.Request, response: server.Response) -> None:
        for each in _objects_in(response.data):
            if _size(each) > _size(found.get(each["object"], {})):
                found[each["object"]] = each

    server.observers.append(note)
    try:
        _play(shop)
    finally:
        server.observers.remove(note)
    return found


def _play(shop: Shop) -> None:
    v1 = shop.v1
    _sell(shop, _customer(shop))
    _catalogue(v1)
    _pages(shop)
    v1.accounts.retrieve_current()
    v1.balance.retrieve()
    v1.balance_transactions.list()
    v1.charges.search({"query": 'currency:"usd"'})
    v1.events.list({"limit": 100})
    v1.test_helpers.test_clocks.create({"frozen_time": shop.now, "name": "Spring"})
    v1.webhook_endpoints.create({"url": "https://shop.example/hook", "enabled_events": ["*"], "description": "All"})


def _customer(shop: Shop) -> str:
    v1 = shop.v1
    address = {"line1": "1 Elm Street", "city": "Springfield", "postal_code": "12345", "country": "US"}
    customer = shop.customer(
        address=address,
        shipping={"name": "Alice Archer", "address": address},
        tax_id_data=[{"type": "eu_vat", "value": "DE123456789"}],
    )
    v1.customers.payment_sources.create(customer, {"source": "tok_mastercard"})
    v1.customers.balance_transactions.create(customer, {"amount": -500, "currency": "usd", "description": "Sorry"})
    v1.setup_intents.create({"customer": customer, "payment_method": "pm_card_visa", "confirm": True, **_RETURN})
    refused = {"customer": customer, "payment_method": "pm_card_visa_chargeDeclined", "confirm": True, **_RETURN}
    try:
        v1.setup_intents.create(refused)
    except stripe.CardError as error:
        v1.setup_attempts.list({"setup_intent": error.error.setup_intent.id})
    v1.customer_sessions.create({"customer": customer, "components": {"payment_element": {"enabled": True}}})
    return customer


_RETURN = {"return_url": "https://shop.example/back"}


def _sell(shop: Shop, customer: str) -> None:
    v1 = shop.v1
    rate = v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False, "country": "DE"}).id
    coupon = shop.coupon(percent_off=25, duration="repeating", duration_in_months=3, name="Spring")
    code = shop.code(coupon, "SPRING", restrictions={"minimum_amount": 100, "minimum_amount_currency": "usd"})
    deal = {"default_tax_rates": [rate], "discounts": [{"promotion_code": code.id}], "description": "Team of Alice"}
    subscription = shop.subscribe(customer, **deal)
    shop.go("2026-11-16")
    changed = shop.change(subscription, shop.business, proration_behavior="create_prorations", expand=["discounts"])
    v1.invoice_items.list()
    v1.subscription_schedules.create({"from_subscription": changed.id})
    shop.go("2026-12-02")
    _settle(v1, v1.invoices.list({"expand": ["data.discounts", "data.payments"]}).data[0])
    v1.customers.retrieve(customer, {"expand": EXPANDED})
    v1.subscriptions.search({"query": 'status:"active"'})


def _settle(v1: Any, invoice: stripe.Invoice) -> None:
    v1.invoices.line_items.list(invoice.id, {"expand": ["data.discounts"]})
    lines = [{"type": "custom_line_item", "description": "Late", "quantity": 1, "unit_amount": 100}]
    v1.credit_notes.create({"invoice": invoice.id, "lines": lines, "credit_amount": 100, "reason": "order_change"})
    (paid, *_) = v1.charges.list().data
    v1.refunds.create({"charge": paid.id, "amount": 100, "reason": "requested_by_customer"})
    v1.payment_intents.retrieve(paid.payment_intent, {"expand": ["latest_charge.balance_transaction"]})


def _catalogue(v1: Any) -> None:
    product = v1.products.create(
        {"name": "Pro", "marketing_features": [{"name": "Projects"}], "images": ["https://a.b"]}
    )
    feature = v1.entitlements.features.create({"name": "Projects", "lookup_key": "projects"})
    v1.products.features.create(product.id, {"entitlement_feature": feature.id})
    tiers = [{"up_to": 5, "unit_amount": 500}, {"up_to": "inf", "unit_amount": 300}]
    tiered = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers, "recurring": {"interval": "month"}}
    euros = {"currency_options": {"eur": {"tiers": tiers}}, "expand": ["tiers", "currency_options", "product"]}
    v1.prices.create({"product": product.id, "currency": "usd", **tiered, **euros})


def _pages(shop: Shop) -> None:
    v1, customer = shop.v1, shop.customer()
    configured = v1.billing_portal.configurations.list().data[0]
    v1.billing_portal.sessions.create({"customer": customer, "configuration": configured.id})
    items = [{"price": shop.team, "quantity": 2}]
    page = {"customer": customer, "line_items": items, "mode": "subscription", "success_url": "https://shop.example/"}
    session = v1.checkout.sessions.create({**page, "expand": ["line_items"]})
    v1.checkout.sessions.line_items.list(session.id)
    v1.payment_method_configurations.list()
    feature = v1.entitlements.features.create({"name": "Reports", "lookup_key": "reports"})
    product = v1.prices.retrieve(shop.team).product
    v1.products.features.create(product, {"entitlement_feature": feature.id})
    shop.subscribe(customer)
    v1.entitlements.active_entitlements.list({"customer": customer})


def _objects_in(value: Any) -> Iterator[Object]:
    kind = value.get("object") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind in OBJECT_CLASSES and kind not in responses.PAGES and not value.get("deleted"):
        yield value
    if isinstance(value, dict):
        value = list(value.values()) if kind != "event" else []
    for each in value if isinstance(value, list) else ():
        yield from _objects_in(each)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 0
