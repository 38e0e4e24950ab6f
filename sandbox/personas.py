"""The demo's customers and catalogue, made through the API itself at moments of the past, never by writing rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from sandbox import clock, snapshots
from sandbox.api import Api
from sandbox.engine.calendar import DAY, boundary
from sandbox.models import Account
from sandbox.router import ALIAS

MONTH = {"interval": "month", "interval_count": 1}
_PLANS = (
    ("Starter", "For one person and a few projects.", ("3 projects", "1 GB of storage", "E-mail support"), 900, 9000),
    ("Team", "For a team that works together.", ("Unlimited projects", "50 GB of storage", "10 seats"), 2900, 29_000),
    (
        "Business",
        "For a company with many teams.",
        ("Everything in Team", "1 TB of storage", "Single sign-on", "Priority support"),
        9900,
        99_000,
    ),
)
# Without a lookup key and marked hidden: no page offers them, tests find them by product.
_HIDDEN = (("Kaisha", "jpy", 500), ("Diwan", "kwd", 4500))
_ASKED_WHY = {"cancellation_reason": {"enabled": True}}
_KEPT_ON_RESET = ("price", "product")


def catalogue(account: Account) -> None:
    """Make the three plans, monthly and yearly, addressed by lookup keys; what is there already stays."""
    api = Api(account)
    for name, description, features, monthly, yearly in _PLANS:
        if api.get("prices", lookup_keys=[f"{name.lower()}_monthly"])["data"]:
            continue
        named = [{"name": feature} for feature in features]
        product = api.post("products", name=name, description=description, marketing_features=named)
        for interval, amount in (("month", monthly), ("year", yearly)):
            key = f"{name.lower()}_{interval}ly"
            recurring = {"interval": interval}
            api.post(
                "prices", product=product["id"], currency="usd", unit_amount=amount, recurring=recurring, lookup_key=key
            )
    known = {product["name"] for product in api.get("products", limit=100)["data"]}
    for name, currency, amount in _HIDDEN:
        if name not in known:
            product = api.post("products", name=name, metadata={"hidden": "true"})
            api.post(
                "prices", product=product["id"], currency=currency, unit_amount=amount, recurring={"interval": "month"}
            )
    _offer_in_portal(api)


def _offer_in_portal(api: Api) -> None:
    """Let customers change between the plans in Stripe's portal too; what somebody has configured stays."""
    (default,) = api.get("billing_portal/configurations", is_default=True)["data"]
    if default["features"]["subscription_update"]["enabled"]:
        return
    keys = [f"{name.lower()}_{interval}ly" for name, *_ in _PLANS for interval in ("month", "year")]
    prices = api.get("prices", lookup_keys=keys, limit=100)["data"]
    offered: dict[str, list[str]] = {}
    for price in sorted(prices, key=lambda each: keys.index(each["lookup_key"])):
        offered.setdefault(price["product"], []).append(price["id"])
    updating = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "products": [{"product": product, "prices": ids} for product, ids in offered.items()],
        "proration_behavior": "always_invoice",
    }
    path = f"billing_portal/configurations/{default['id']}"
    api.post(path, features={"subscription_cancel": _ASKED_WHY, "subscription_update": updating})


def alice(account: Account, now: int) -> str:
    """A monthly plan since three months, one Visa, four paid invoices."""
    start = boundary(now - 12 * DAY, MONTH, -3)
    with clock.at(account, start):
        api = Api(account)
        customer = _customer(api, "alice", "Alice Archer")
        give_card(api, customer, "pm_card_visa")
        subscribe(api, customer, "team_monthly")
    return customer


def carol(account: Account, now: int) -> str:
    """Past due: an earlier card paid the first invoice, today's card refused the renewal two days ago."""
    renewal = now - 2 * DAY
    with clock.at(account, boundary(renewal, MONTH, -1)):
        api = Api(account)
        customer = _customer(api, "carol", "Carol Castillo")
        first = give_card(api, customer, "pm_card_mastercard")
        subscribe(api, customer, "team_monthly")
    with clock.at(account, renewal - 9 * DAY):
        give_card(api, customer, "pm_card_chargeCustomerFail")
        api.post(f"payment_methods/{first}/detach")
    return customer


def dave(account: Account, now: int) -> str:
    """On a trial that ends in five days, without a card; without one it will be cancelled."""
    with clock.at(account, now - 9 * DAY):
        api = Api(account)
        customer = _customer(api, "dave", "Dave Dimitrov")
        behavior = {"end_behavior": {"missing_payment_method": "cancel"}}
        subscribe(api, customer, "team_monthly", trial_end=now + 5 * DAY, trial_settings=behavior)
    return customer


def erin(account: Account, now: int) -> str:
    """Forty invoices: monthly for more than three years, yearly since ten days; three cards, one of them expired."""
    start = boundary(now - 20 * DAY, MONTH, -38)
    with clock.at(account, start):
        api = Api(account)
        customer = _customer(api, "erin", "Erin Eriksen")
        expired = give_card(api, customer, "pm_card_amex")
        subscription = subscribe(api, customer, "starter_monthly")
    with clock.at(account, boundary(start, MONTH, 20)):
        api.post(f"payment_methods/{expired}", card=expiry(now - 120 * DAY))
        give_card(api, customer, "pm_card_visa")
        give_card(api, customer, "pm_card_mastercard")
    with clock.at(account, now - 10 * DAY):
        price = api.get("prices", lookup_keys=["team_yearly"])["data"][0]["id"]
        item = api.get(f"subscriptions/{subscription}")["items"]["data"][0]["id"]
        api.post(
            f"subscriptions/{subscription}", items=[{"id": item, "price": price}], proration_behavior="always_invoice"
        )
    return customer


# bob has nothing at Stripe yet: he is a user of the site and no more.
PERSONAS: dict[str, Callable[[Account, int], str] | None] = {
    "alice": alice,
    "bob": None,
    "carol": carol,
    "dave": dave,
    "erin": erin,
}


def find(account: Account, username: str) -> str | None:
    """Return the id of a persona's customer."""
    found = Api(account).get("customers", email=f"{username}@example.com")["data"]
    return next((customer["id"] for customer in found if customer["metadata"].get("user") == username), None)


def make(account: Account, username: str) -> str | None:
    """Make a persona, with everything that has happened to it since; None for who has nothing at Stripe."""
    persona = PERSONAS[username]
    if persona is None:
        return None
    now = clock.now(account)
    with transaction.atomic(using=ALIAS):
        customer = persona(account, now)
        clock.catch_up(account, now)
    return customer


def reset(account: Account) -> None:
    """Forget every customer and what happened to them, and set the clock right; the catalogue stays.

    They are deleted through the API first, so that whoever listens to webhooks hears of it; then the listeners go too.
    """
    api = Api(account)
    while customers := api.get("customers", limit=100)["data"]:
        for customer in customers:
            api.delete(f"customers/{customer['id']}")
    with transaction.atomic(using=ALIAS):
        snapshots.clear(account, keep=_KEPT_ON_RESET)
        Account.objects.filter(pk=account.pk).update(clock_offset=0)
    account.clock_offset = 0


def _customer(api: Api, username: str, name: str) -> str:
    address = {"line1": "12 Harbour Street", "city": "Portland", "state": "OR", "postal_code": "97205", "country": "US"}
    email, metadata = f"{username}@example.com", {"user": username}
    return str(api.post("customers", name=name, email=email, address=address, metadata=metadata)["id"])


def give_card(api: Api, customer: str, alias: str) -> str:
    """Give the customer another card and make it the default."""
    card = api.post(f"payment_methods/{alias}/attach", customer=customer)["id"]
    api.post(f"customers/{customer}", invoice_settings={"default_payment_method": card})
    return str(card)


def subscribe(api: Api, customer: str, lookup_key: str, **params: Any) -> str:
    """Subscribe a customer to a plan of the catalogue; return the subscription's id."""
    price = api.get("prices", lookup_keys=[lookup_key])["data"][0]["id"]
    return str(api.post("subscriptions", customer=customer, items=[{"price": price}], **params)["id"])


def expiry(moment: int) -> dict[str, int]:
    """Return the parameters of a card whose last month is that of `moment` (epoch seconds)."""
    then = datetime.fromtimestamp(moment, UTC)
    return {"exp_month": then.month, "exp_year": then.year}
