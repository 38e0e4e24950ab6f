"""Named states of a customer, each brought about through the API at moments of the past: what a tester begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from sandbox import clock, dashboard, delivery, personas
from sandbox.api import Api
from sandbox.engine.calendar import DAY, HOUR, boundary
from sandbox.engine.charging import RETRY_DAYS
from sandbox.models import Account
from sandbox.personas import MONTH
from sandbox.router import ALIAS

_DECLINED = "pm_card_chargeCustomerFail"  # can be saved, and then fails when charged
_ASKS = "pm_card_authenticationRequired"  # wants 3-D Secure for every payment


@dataclass
class Stage:
    """Where a scenario is played: an account, its time, and the customer, who arrives when first needed."""

    account: Account
    now: int
    arrival: dict[str, Any]  # name, email and metadata of the customer

    @cached_property
    def customer(self) -> str:
        return str(self.api.post("customers", **self.arrival)["id"])

    @property
    def api(self) -> Api:
        return Api(self.account)

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Let what follows happen at `moment` (epoch seconds), and before it whatever was due until then."""
        with clock.at(self.account, moment):
            clock.catch_up(self.account, moment)
            yield

    def months_ago(self, months: int, *, days: int = 0) -> int:
        """Return the moment from which so many monthly periods had passed, `days` ago."""
        return boundary(self.now - days * DAY, MONTH, -months)

    def card(self, alias: str = "pm_card_visa", **card: Any) -> str:
        """Give the customer a card as the default one; `card` changes its expiry."""
        id = personas.give_card(self.api, self.customer, alias)
        if card:
            self.api.post(f"payment_methods/{id}", card=card)
        return id

    def plan(self, lookup_key: str = "team_monthly", **params: Any) -> str:
        """Subscribe the customer and return the subscription's id."""
        return personas.subscribe(self.api, self.customer, lookup_key, **params)

    def hidden_plan(self, product: str) -> str:
        """Subscribe the customer to one of the plans that no page offers."""
        known = next(each for each in self.api.all("products") if each["name"] == product)
        price = self.api.get("prices", product=known["id"])["data"][0]["id"]
        return str(self.api.post("subscriptions", customer=self.customer, items=[{"price": price}])["id"])

    def renewed_with(self, alias: str, *, days_ago: int) -> None:
        """Let a plan of a month renew so many days ago, on a card that replaced the one of its first payment."""
        start = self.months_ago(1, days=days_ago)
        with self.at(start):
            first = self.card("pm_card_mastercard")
            self.plan()
        with self.at(start + 14 * DAY):
            self.card(alias)
            self.api.post(f"payment_methods/{first}/detach")


@dataclass(frozen=True)
class Scenario:
    """A state, what it promises, and the function that brings it about."""

    name: str
    promise: str
    make: Callable[[Stage], None]

    @property
    def slug(self) -> str:
        """Return its name as it stands in addresses."""
        return slugify(self.name)


SCENARIOS: dict[str, Scenario] = {}


def find(name: str) -> Scenario:
    """Return a scenario by its name or slug; raises LookupError."""
    known = SCENARIOS.get(slugify(name))
    if known is None:
        raise LookupError(f"There is no scenario {name!r}: there are {', '.join(SCENARIOS)}.")
    return known


def play(account: Account, name: str, user: Any = None) -> str:
    """Bring a new customer into a state, as of the account's now; return the customer's id.

    Where a `user` of the site is given, the customer is theirs from now on, and carries their name; the one they had
    stays at Stripe. Raises LookupError for an unknown scenario.
    """
    scenario = find(name)
    personas.catalogue(account)
    now = clock.now(account)
    with transaction.atomic(using=ALIAS):
        stage = Stage(account, now, _arrival(scenario, user))
        scenario.make(stage)
        customer = stage.customer
        clock.catch_up(account, now)
    if user is not None and dashboard.talks_to(account):
        dashboard.link(user, customer)
    delivery.deliver_due(account)
    return customer


def _arrival(scenario: Scenario, user: Any) -> dict[str, Any]:
    name = (user and (user.get_full_name() or user.get_username().title())) or "Sam Sample"
    email = (user and user.email) or f"{slugify(name)}@example.com"
    return {"name": name, "email": email, "metadata": {"scenario": scenario.slug}}


def _scenario(name: str, promise: str) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    def register(make: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SCENARIOS[slugify(name)] = Scenario(name, promise, make)
        return make

    return register


@_scenario("new customer", "Known at Stripe, without a card or a plan.")
def _new(stage: Stage) -> None:
    """Whoever arrives has nothing yet."""


@_scenario("card without plan", "A saved Visa, and nothing bought so far.")
def _card_alone(stage: Stage) -> None:
    with stage.at(stage.now - DAY):
        stage.card()


@_scenario("active plan", "Team by the month for three months: four paid invoices, the next one in about two weeks.")
def _active(stage: Stage) -> None:
    with stage.at(stage.months_ago(3, days=14)):
        stage.card()
        stage.plan()


@_scenario("trial without card", "A trial that ends in five days; without a card the plan is cancelled then.")
def _trial(stage: Stage) -> None:
    behavior = {"end_behavior": {"missing_payment_method": "cancel"}}
    with stage.at(stage.now - 9 * DAY):
        stage.plan(trial_end=stage.now + 5 * DAY, trial_settings=behavior)


@_scenario("trial ends soon", "A trial with a card, of which two days are left: the notice has gone out.")
def _trial_ends(stage: Stage) -> None:
    with stage.at(stage.now - 12 * DAY):
        stage.card()
        stage.plan(trial_end=stage.now + 2 * DAY)


@_scenario(
    "past due after decline", "The card was declined at a renewal some days ago: its invoice is open, and retried."
)
def _past_due(stage: Stage) -> None:
    stage.renewed_with(_DECLINED, days_ago=2)


@_scenario("3-D Secure due", "The last renewal waits for the customer to confirm it at the bank.")
def _asks(stage: Stage) -> None:
    stage.renewed_with(_ASKS, days_ago=1)


@_scenario("unpaid", "Every retry of the renewal failed: the plan is unpaid and its invoice open.")
def _unpaid(stage: Stage) -> None:
    # The account's own answer to a last failed retry is set aside meanwhile; nobody else sees it before the commit.
    own = stage.account.settings
    _let_retries_end(stage.account, {**own, "after_last_retry": "unpaid", "retry_days": list(RETRY_DAYS)})
    stage.renewed_with(_DECLINED, days_ago=sum(RETRY_DAYS) + 3)
    with stage.at(stage.now):
        _let_retries_end(stage.account, own)


def _let_retries_end(account: Account, settings: dict[str, Any]) -> None:
    account.settings = settings
    account.save(update_fields=["settings"])


@_scenario("incomplete", "The first payment was declined an hour ago; in 22 hours the plan expires.")
def _incomplete(stage: Stage) -> None:
    with stage.at(stage.now - HOUR):
        stage.card(_DECLINED)
        stage.plan()


@_scenario(
    "3-D Secure at the start",
    "The first payment waits to be confirmed at the bank: the plan is incomplete.",
)
def _asks_first(stage: Stage) -> None:
    with stage.at(stage.now - HOUR):
        stage.card(_ASKS)
        stage.plan()


@_scenario("paused", "The trial ended three days ago without a card, and so the plan is paused.")
def _paused(stage: Stage) -> None:
    behavior = {"end_behavior": {"missing_payment_method": "pause"}}
    with stage.at(stage.now - 17 * DAY):
        stage.plan(trial_end=stage.now - 3 * DAY, trial_settings=behavior)


@_scenario("expired card", "An active plan whose only card expired about two months ago.")
def _expired(stage: Stage) -> None:
    with stage.at(stage.months_ago(6, days=14)):
        stage.card(**personas.expiry(stage.months_ago(2)))
        stage.plan()


@_scenario("card expires soon", "An active plan whose only card expires at the end of this month.")
def _expires_soon(stage: Stage) -> None:
    with stage.at(stage.months_ago(3, days=14)):
        stage.card(**personas.expiry(stage.now))
        stage.plan()


@_scenario("cancels soon", "Cancelled at the end of the period, which is in four days.")
def _cancels(stage: Stage) -> None:
    with stage.at(stage.months_ago(1, days=-4)):
        stage.card()
        subscription = stage.plan()
    with stage.at(stage.now - DAY):
        stage.api.post(f"subscriptions/{subscription}", cancel_at_period_end=True)


@_scenario("cancelled", "A plan of three months that was cancelled for good three days ago.")
def _cancelled(stage: Stage) -> None:
    with stage.at(stage.months_ago(3, days=14)):
        stage.card()
        subscription = stage.plan()
    with stage.at(stage.now - 3 * DAY):
        stage.api.delete(f"subscriptions/{subscription}")


@_scenario("two subscriptions", "Starter by the month and Business by the year, on one card.")
def _two(stage: Stage) -> None:
    with stage.at(stage.months_ago(2, days=14)):
        stage.card()
        stage.plan("starter_monthly")
    with stage.at(stage.now - 20 * DAY):
        stage.plan("business_yearly")


@_scenario("40 invoices", "Starter by the month for more than three years: forty paid invoices.")
def _forty(stage: Stage) -> None:
    with stage.at(stage.months_ago(39, days=14)):
        stage.card()
        stage.plan("starter_monthly")


@_scenario("JPY", "A plan of ¥500 a month, in a currency without decimals.")
def _yen(stage: Stage) -> None:
    with stage.at(stage.months_ago(2, days=14)):
        stage.card("pm_card_jcb")
        stage.hidden_plan("Kaisha")


@_scenario("KWD", "A plan of 4.500 dinars a month, in a currency with three decimals.")
def _dinars(stage: Stage) -> None:
    with stage.at(stage.months_ago(2, days=14)):
        stage.card()
        stage.hidden_plan("Diwan")


@_scenario("credit on the balance", "An active plan and $50.00 of credit, which the next invoices take first.")
def _credit(stage: Stage) -> None:
    with stage.at(stage.months_ago(1, days=14)):
        stage.card()
        stage.plan()
    with stage.at(stage.now - DAY):
        path = f"customers/{stage.customer}/balance_transactions"
        stage.api.post(path, amount=-5000, currency="usd", description="Goodwill")


@_scenario("discount", "An active plan at 25 % off for six months, of which the first is paid.")
def _discount(stage: Stage) -> None:
    with stage.at(stage.now - 14 * DAY):
        coupon = stage.api.post(
            "coupons", percent_off=25, duration="repeating", duration_in_months=6, name="Early bird"
        )
        stage.card()
        stage.plan(discounts=[{"coupon": coupon["id"]}])


@_scenario("refunded", "An active plan; ten dollars of the last payment were given back yesterday.")
def _refunded(stage: Stage) -> None:
    with stage.at(stage.months_ago(1, days=14)):
        stage.card()
        stage.plan()
    with stage.at(stage.now - DAY):
        charge = stage.api.get("charges", customer=stage.customer)["data"][0]["id"]
        stage.api.post("refunds", charge=charge, amount=1000, reason="requested_by_customer")


@_scenario("invoice to pay", "Billed by an invoice that was sent two days ago, due within a fortnight; no card.")
def _sent(stage: Stage) -> None:
    with stage.at(stage.now - 2 * DAY):
        stage.plan(collection_method="send_invoice", days_until_due=14)
