"""A customer on a test clock lives on a time of their own, which goes forward when it is told to."""

from __future__ import annotations

import pytest
import stripe

from sandbox.models import Account, Delivery
from shop import at, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

NEW_YEAR = at("2030-01-01T10:00:00")
DAY = 86_400


@pytest.fixture
def clocks(shop):
    return shop.v1.test_helpers.test_clocks


@pytest.fixture
def new_year(clocks):
    return clocks.create({"frozen_time": NEW_YEAR, "name": "New Year"})


@pytest.fixture
def grace(shop, new_year):
    """A customer with a card on the clock `new_year`."""
    return shop.customer(test_clock=new_year.id, name="Grace Hopper")


def test_it_stands_still_where_it_was_put(shop, clocks, new_year):
    assert (new_year.frozen_time, new_year.status, new_year.name) == (NEW_YEAR, "ready", "New Year")
    assert new_year.created == shop.now
    assert clocks.retrieve(new_year.id) == new_year
    assert [each.id for each in clocks.list()] == [new_year.id]
    assert shop.event("test_helpers.test_clock.created").data.object.id == new_year.id


def test_everything_of_its_customer_happens_at_its_time(shop, new_year, grace):
    customer = shop.v1.customers.retrieve(grace)
    assert (customer.test_clock, customer.created) == (new_year.id, NEW_YEAR)
    subscription = shop.subscribe(grace)
    assert subscription.test_clock == subscription.latest_invoice.test_clock == new_year.id
    assert subscription.created == subscription.latest_invoice.created == NEW_YEAR
    assert item_of(subscription).current_period_end == at("2030-02-01T10:00:00")
    assert shop.event("invoice.paid").created == NEW_YEAR


def test_others_live_on_without_it(shop, new_year, grace):
    alice = shop.customer()
    subscription = shop.subscribe(alice)
    assert (subscription.created, subscription.test_clock) == (shop.now, None)


def test_an_advance_answers_advancing_and_is_ready_by_the_next_look(shop, clocks, new_year, grace):
    shop.subscribe(grace)
    since = shop.mark()
    answer = clocks.advance(new_year.id, {"frozen_time": at("2030-02-01T12:00:00")})
    assert answer.status == "advancing"
    assert answer.status_details.advancing.target_frozen_time == at("2030-02-01T12:00:00")
    arrived = clocks.retrieve(new_year.id)
    assert (arrived.status, arrived.frozen_time) == ("ready", at("2030-02-01T12:00:00"))
    types = {event.type: event for event in shop.v1.events.list({"limit": 100}) if event.id != since}
    assert types["invoice.upcoming"].created == at("2030-02-01T10:00:00") - 7 * DAY
    assert types["test_helpers.test_clock.advancing"].data.object.status == "advancing"
    assert types["test_helpers.test_clock.ready"].data.object.status == "ready"


def test_a_renewal_is_drafted_at_the_boundary_and_charged_an_hour_later(shop, clocks, new_year, grace):
    subscription = shop.subscribe(grace)
    clocks.advance(new_year.id, {"frozen_time": at("2030-02-01T10:59:59")})
    draft, _ = shop.invoices(grace)
    assert (draft.status, draft.created, draft.billing_reason) == (
        "draft",
        at("2030-02-01T10:00:00"),
        "subscription_cycle",
    )
    clocks.advance(new_year.id, {"frozen_time": at("2030-02-01T11:00:00")})
    paid = shop.v1.invoices.retrieve(draft.id)
    assert (paid.status, paid.status_transitions.paid_at) == ("paid", at("2030-02-01T11:00:00"))
    assert item_of(shop.subscription(subscription.id)).current_period_start == at("2030-02-01T10:00:00")


def test_the_accounts_own_time_does_not_touch_it(shop, clocks):
    summer = clocks.create({"frozen_time": at("2026-07-01")})
    grace = shop.customer(test_clock=summer.id)
    shop.subscribe(grace)
    shop.go("2026-11-29")
    assert len(shop.invoices(grace)) == 1


def test_its_advance_touches_nobody_else(shop, clocks, new_year, grace):
    alice = shop.customer()
    shop.subscribe(alice)
    clocks.advance(new_year.id, {"frozen_time": at("2031-01-01")})
    assert len(shop.invoices(alice)) == 1


def test_webhooks_of_its_time_are_delivered_now(shop, clocks, new_year, grace, account):
    shop.v1.webhook_endpoints.create(
        {"url": "https://dashboard.sandbox/billing/webhooks/stripe/", "enabled_events": ["customer.updated"]}
    )
    shop.v1.customers.update(grace, {"name": "Rear Admiral Grace Hopper"})
    assert shop.event("customer.updated").created == NEW_YEAR
    assert Delivery.objects.filter(account=account, attempts__gt=0).exists()


def test_lists_hide_its_objects_unless_asked(shop, new_year, grace):
    subscription = shop.subscribe(grace)
    assert [each.id for each in shop.v1.customers.list()] == []
    assert [each.id for each in shop.v1.customers.list({"test_clock": new_year.id})] == [grace]
    assert [each.id for each in shop.v1.subscriptions.list()] == []
    assert [each.id for each in shop.v1.subscriptions.list({"test_clock": new_year.id})] == [subscription.id]
    assert [each.id for each in shop.v1.subscriptions.list({"customer": grace})] == [subscription.id]


def test_it_goes_forward_only(clocks, new_year):
    for moment in (NEW_YEAR, NEW_YEAR - DAY):
        with pytest.raises(stripe.InvalidRequestError, match="must be after") as error:
            clocks.advance(new_year.id, {"frozen_time": moment})
        assert error.value.param == "frozen_time"


def test_it_goes_at_most_two_intervals_of_the_shortest_subscription(shop, clocks, new_year, grace):
    shop.subscribe(grace)
    shop.subscribe(grace, shop.plan("Yearly", 100_00, "year"))
    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clocks.advance(new_year.id, {"frozen_time": at("2030-03-01T10:00:01")})
    clocks.advance(new_year.id, {"frozen_time": at("2030-03-01T10:00:00")})


def test_without_a_subscription_it_goes_two_years(clocks, new_year):
    with pytest.raises(stripe.InvalidRequestError, match="two years"):
        clocks.advance(new_year.id, {"frozen_time": at("2032-01-01T10:00:01")})
    clocks.advance(new_year.id, {"frozen_time": at("2032-01-01T10:00:00")})


def test_it_takes_three_customers(shop, new_year, grace):
    for name in ("Ada Lovelace", "Katherine Johnson"):
        shop.customer(None, test_clock=new_year.id, name=name)
    with pytest.raises(stripe.InvalidRequestError, match="at most 3 customers"):
        shop.customer(None, test_clock=new_year.id)


def test_it_takes_no_customer_where_there_is_no_clock(shop):
    with pytest.raises(stripe.InvalidRequestError) as error:
        shop.customer(None, test_clock="clock_gone")
    assert (error.value.code, error.value.param) == ("resource_missing", "test_clock")


def test_it_takes_a_customer_who_exists_with_their_subscription(shop, clocks):
    alice = shop.customer()
    subscription = shop.subscribe(alice)
    with pytest.raises(stripe.InvalidRequestError, match="not in the past"):
        clocks.create({"frozen_time": shop.now - DAY, "customer": alice})
    own = clocks.create({"frozen_time": shop.now, "customer": alice})
    assert shop.v1.customers.retrieve(alice).test_clock == own.id
    assert shop.subscription(subscription.id).test_clock == own.id
    clocks.advance(own.id, {"frozen_time": shop.now + 31 * DAY})
    assert len(shop.invoices(alice)) == 2
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        clocks.create({"frozen_time": shop.now, "customer": alice})


def test_while_it_advances_nothing_of_its_customers_can_be_changed(shop, clocks, account, new_year, grace):
    Account.objects.filter(pk=account.pk).update(settings={"test_clock_seconds": 10})
    shop.subscribe(grace)
    clocks.advance(new_year.id, {"frozen_time": at("2030-02-01T12:00:00")})
    assert clocks.retrieve(new_year.id).status == "advancing"
    assert shop.v1.customers.retrieve(grace).id == grace
    with pytest.raises(stripe.RateLimitError, match="Test clock advancement underway"):
        shop.v1.customers.update(grace, {"name": "Grace"})
    with pytest.raises(stripe.RateLimitError):
        shop.customer(None, test_clock=new_year.id)
    with pytest.raises(stripe.InvalidRequestError, match="only a ready one"):
        clocks.advance(new_year.id, {"frozen_time": at("2030-02-02")})
    shop.go(shop.now + 10)
    assert clocks.retrieve(new_year.id).status == "ready"
    assert len(shop.invoices(grace)) == 2
    assert shop.v1.customers.update(grace, {"name": "Grace"}).name == "Grace"


def test_a_three_d_secure_page_answers_at_its_time(shop, new_year):
    grace = shop.customer(None, test_clock=new_year.id)
    card = shop.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": grace}).id
    subscription = shop.subscribe(grace, default_payment_method=card, payment_behavior="default_incomplete")
    shop.confirm(subscription.latest_invoice, card)
    shop.authenticate(shop.intent(subscription.latest_invoice))
    after = shop.subscription(subscription.id)
    assert (after.status, after.latest_invoice.status_transitions.paid_at) == ("active", NEW_YEAR)


def test_deleting_it_deletes_its_customers_and_ends_their_subscriptions(shop, clocks, new_year, grace):
    subscription = shop.subscribe(grace)
    assert clocks.delete(new_year.id).deleted is True
    assert shop.v1.customers.retrieve(grace).deleted is True
    assert shop.subscription(subscription.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such"):
        clocks.retrieve(new_year.id)
    assert shop.event("test_helpers.test_clock.deleted").data.object.id == new_year.id


def test_it_deletes_itself_after_thirty_days(shop, clocks, new_year, grace):
    shop.go(new_year.deletes_after)
    assert list(clocks.list()) == []
    assert shop.v1.customers.retrieve(grace).deleted is True


def test_one_advance_a_month_keeps_the_same_books_as_two(shop, clocks):
    books = []
    for days in (["01"], ["01", "15"]):
        own = clocks.create({"frozen_time": NEW_YEAR})
        customer = shop.customer(test_clock=own.id)
        shop.subscribe(customer)
        for month in range(2, 13):
            for day in days:
                clocks.advance(own.id, {"frozen_time": at(f"2030-{month:02}-{day}T12:00:00")})
        books.append([(invoice.created, invoice.total, invoice.status) for invoice in shop.invoices(customer)])
    assert books[0] == books[1]
    assert len(books[0]) == 12
