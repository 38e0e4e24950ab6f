"""One call puts a customer into a named state, at Stripe and in the dashboard's mirror alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from billing.models import Customer, Invoice, PaymentMethod, Subscription
from billing.payers import customer_of
from sandbox import clock, scenarios
from sandbox.engine.calendar import DAY
from shop import at

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

# The second has no counterpart in the months before it, the third none in most years.
DAYS = ["2026-11-20T12:30:15", "2027-03-31T00:00:00", "2028-02-29T23:59:59"]


class State:
    """What Stripe says of a customer."""

    def __init__(self, client, customer: str) -> None:
        self.v1, self.id = client.v1, customer

    @property
    def customer(self):
        return self.v1.customers.retrieve(self.id)

    @property
    def subscriptions(self):
        return list(self.v1.subscriptions.list({"customer": self.id, "status": "all"}).data)

    @property
    def subscription(self):
        (only,) = self.subscriptions
        return only

    @property
    def invoices(self):
        return list(self.v1.invoices.list({"customer": self.id, "limit": 100}).data)

    @property
    def statuses(self) -> list[str]:
        return [invoice.status for invoice in self.invoices]

    @property
    def cards(self):
        return list(self.v1.payment_methods.list({"customer": self.id}).data)

    @property
    def intent(self):
        payment = self.v1.invoice_payments.list({"invoice": self.invoices[0].id}).data[0].payment
        return self.v1.payment_intents.retrieve(payment.payment_intent)

    @property
    def expiry(self) -> tuple[int, int]:
        (card,) = self.cards
        return card.card.exp_year, card.card.exp_month


def months(moment: int, since: int = 0) -> tuple[int, int]:
    then = clock.datetime.fromtimestamp(moment, clock.UTC)
    year, month = divmod(then.year * 12 + then.month - 1 + since, 12)
    return year, month + 1


def nothing(state: State, now: int) -> None:
    assert (state.cards, state.subscriptions, state.invoices) == ([], [], [])


def card_alone(state: State, now: int) -> None:
    assert [card.card.last4 for card in state.cards] == ["4242"]
    assert state.customer.invoice_settings.default_payment_method == state.cards[0].id
    assert state.subscriptions == []


def active(state: State, now: int) -> None:
    assert state.subscription.status == "active"
    assert state.statuses == ["paid"] * 4


def trial(state: State, now: int) -> None:
    assert (state.subscription.status, state.cards) == ("trialing", [])
    assert state.subscription.trial_end == now + 5 * DAY
    assert state.subscription.trial_settings.end_behavior.missing_payment_method == "cancel"


def trial_ends(state: State, now: int) -> None:
    assert (state.subscription.status, state.subscription.trial_end) == ("trialing", now + 2 * DAY)
    assert len(state.cards) == 1
    told = state.v1.events.list({"type": "customer.subscription.trial_will_end"}).data
    assert [event.data.object["id"] for event in told] == [state.subscription.id]


def past_due(state: State, now: int) -> None:
    assert (state.subscription.status, state.statuses) == ("past_due", ["open", "paid"])
    assert now < state.invoices[0].next_payment_attempt < now + 6 * DAY
    assert state.intent.last_payment_error.code == "card_declined"
    assert state.customer.delinquent


def asks(state: State, now: int) -> None:
    assert (state.subscription.status, state.statuses) == ("past_due", ["open", "paid"])
    assert state.intent.status == "requires_action"


def unpaid(state: State, now: int) -> None:
    assert (state.subscription.status, state.statuses) == ("unpaid", ["open", "paid"])
    assert state.invoices[0].attempt_count == 5
    assert state.invoices[0].next_payment_attempt is None


def incomplete(state: State, now: int) -> None:
    assert (state.subscription.status, state.statuses) == ("incomplete", ["open"])
    assert state.intent.status == "requires_payment_method"


def asks_first(state: State, now: int) -> None:
    assert (state.subscription.status, state.statuses) == ("incomplete", ["open"])
    assert state.intent.status == "requires_action"


def paused(state: State, now: int) -> None:
    assert (state.subscription.status, state.cards) == ("paused", [])


def expired(state: State, now: int) -> None:
    assert state.subscription.status == "active"
    assert state.expiry == months(now, -2)


def expires_soon(state: State, now: int) -> None:
    assert state.subscription.status == "active"
    assert state.expiry == months(now)


def cancels(state: State, now: int) -> None:
    assert (state.subscription.status, state.subscription.cancel_at_period_end) == ("active", True)
    assert now < state.subscription.cancel_at <= now + 4 * DAY


def cancelled(state: State, now: int) -> None:
    assert (state.subscription.status, state.subscription.ended_at) == ("canceled", now - 3 * DAY)


def two(state: State, now: int) -> None:
    prices = {each["items"].data[0].price.lookup_key: each.status for each in state.subscriptions}
    assert prices == {"starter_monthly": "active", "business_yearly": "active"}


def forty(state: State, now: int) -> None:
    assert state.statuses == ["paid"] * 40


def yen(state: State, now: int) -> None:
    assert {(invoice.currency, invoice.total) for invoice in state.invoices} == {("jpy", 500)}


def dinars(state: State, now: int) -> None:
    assert {(invoice.currency, invoice.total) for invoice in state.invoices} == {("kwd", 4500)}


def credit(state: State, now: int) -> None:
    assert (state.subscription.status, state.customer.balance) == ("active", -5000)


def discount(state: State, now: int) -> None:
    # 2900 less a quarter of it, 725
    assert [(invoice.status, invoice.total) for invoice in state.invoices] == [("paid", 2175)]


def refunded(state: State, now: int) -> None:
    charges = state.v1.charges.list({"customer": state.id}).data
    assert [charge.amount_refunded for charge in charges] == [1000, 0]


def sent(state: State, now: int) -> None:
    assert (state.subscription.collection_method, state.statuses) == ("send_invoice", ["open"])
    assert state.invoices[0].due_date == now + 12 * DAY


STATES = {
    "new customer": nothing,
    "card without plan": card_alone,
    "active plan": active,
    "trial without card": trial,
    "trial ends soon": trial_ends,
    "past due after decline": past_due,
    "3-D Secure due": asks,
    "unpaid": unpaid,
    "incomplete": incomplete,
    "3-D Secure at the start": asks_first,
    "paused": paused,
    "expired card": expired,
    "card expires soon": expires_soon,
    "cancels soon": cancels,
    "cancelled": cancelled,
    "two subscriptions": two,
    "40 invoices": forty,
    "JPY": yen,
    "KWD": dinars,
    "credit on the balance": credit,
    "discount": discount,
    "refunded": refunded,
    "invoice to pay": sent,
}


def test_every_scenario_has_a_state_here():
    assert set(STATES) == {scenario.name for scenario in scenarios.SCENARIOS.values()}


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("name", STATES)
def test_it_keeps_its_promise_on_any_day(account, stripe_client, name, day):
    now = at(day)
    with clock.at(account, now):
        customer = scenarios.play(account, name)
        STATES[name](State(stripe_client, customer), now)


@pytest.fixture
def zoe(django_user_model):
    return django_user_model.objects.create_user("zoe", "zoe@example.com", first_name="Zoe", last_name="Zander")


@pytest.mark.parametrize("name", STATES)
def test_the_mirror_says_the_same(scenario, our_stripe, zoe, name):
    customer = scenario(name, zoe)
    state = State(our_stripe, customer)
    assert customer_of(zoe).pk == customer
    assert statuses(Subscription, customer) == {each.id: each.status for each in state.subscriptions}
    assert statuses(Invoice, customer) == {each.id: each.status for each in state.invoices}
    cards = PaymentMethod.objects.filter(customer=customer, deleted=False)
    assert set(cards.values_list("pk", flat=True)) == {card.id for card in state.cards}
    assert Customer.objects.get(pk=customer).data["balance"] == state.customer.balance


def statuses(model, customer: str) -> dict[str, str]:
    return dict(model.objects.filter(customer=customer).values_list("pk", "status"))


def test_a_second_scenario_takes_the_place_of_the_first(scenario, our_stripe, zoe):
    first = scenario("40 invoices", zoe)
    second = scenario("new customer", zoe)
    assert customer_of(zoe).pk == second
    assert Customer.objects.get(pk=first).payer_id == ""
    assert our_stripe.v1.customers.retrieve(first).metadata.to_dict() == {"scenario": "40-invoices"}


def test_the_customer_carries_the_name_of_the_user(scenario, our_stripe, zoe):
    customer = our_stripe.v1.customers.retrieve(scenario("active plan", zoe))
    assert (customer.name, customer.email) == ("Zoe Zander", "zoe@example.com")


def test_a_user_of_the_site_is_no_customer_of_another_account(account, zoe):
    scenarios.play(account, "active plan", zoe)
    assert customer_of(zoe) is None


def test_an_unknown_scenario_is_named_together_with_those_there_are(account):
    with pytest.raises(LookupError, match="no scenario 'overdue': there are new-customer, card-without-plan"):
        scenarios.play(account, "overdue")


def test_the_account_keeps_its_own_answer_to_a_last_failed_retry(account):
    account.settings = {"after_last_retry": "past_due", "retry_days": [1]}
    account.save()
    scenarios.play(account, "unpaid")
    account.refresh_from_db()
    assert account.settings == {"after_last_retry": "past_due", "retry_days": [1]}


def test_the_readme_lists_what_there_is():
    readme = (Path(scenarios.__file__).parent / "README.md").read_text()
    section = readme.partition("| scenario |")[2].partition("## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", section, re.M)
    assert rows == [(scenario.slug, scenario.promise) for scenario in scenarios.SCENARIOS.values()]
