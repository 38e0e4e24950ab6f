"""Money moves once: double clicks, second tabs, lost answers, kills between the call and the commit."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
import stripe
from django.contrib.auth.models import User
from django.db import connections
from django.http import Http404
from django.utils import timezone

from billing import actions, errors, operations, payers, sync
from billing.models import Customer, Operation, OperationKind, OperationState, Price, Subscription
from billing.webhooks import sweep
from sandbox import delivery, fault_plan, plans
from sandbox.transport import InProcessClient

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])


@pytest.fixture
def bob() -> payers.Actor:
    return payers.Actor(user=(user := User.objects.create_user("bob", "bob@example.com")), payer=user, customer=None)


@pytest.fixture
def team(our_stripe) -> Price:
    product = our_stripe.v1.products.create({"name": "Team"})
    our_stripe.v1.prices.create(
        {
            "product": product.id,
            "lookup_key": "team_monthly",
            "currency": "usd",
            "unit_amount": 2900,
            "recurring": {"interval": "month"},
        }
    )
    sync.catalogue()
    return Price.objects.get(lookup_key="team_monthly")


@pytest.fixture
def visa(our_stripe, bob):
    customer = actions.ensure_customer(bob)
    card = our_stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.pk})
    return actions.cards.save_card(bob, card.id, token="save-visa").card


@contextmanager
def stripe_answers(account, what, *, executed: bool):
    """Lose the answers to POSTs whose path ends with `what`, before or after they are carried out.

    Yields a function that tells how many were lost.
    """
    rule = {"fault": "reset", "when": "after" if executed else "before", "method": "POST", "path": f"*{what}"}
    fault_plan.write(account, [rule])
    yield lambda: plans.read(account, plans.FAULTS)["rules"][0]["struck"]
    plans.clear(account, plans.FAULTS)


def subscriptions_at_stripe(our_stripe, actor) -> list:
    return our_stripe.v1.subscriptions.list({"customer": actor.customer.pk, "status": "all"}).data


def succeeded_charges(our_stripe, actor) -> list[int]:
    charges = our_stripe.v1.charges.list({"customer": actor.customer.pk}).data
    return [charge.amount for charge in charges if charge.status == "succeeded"]


def test_the_row_is_there_before_stripe_is_called(monkeypatch, bob):
    seen = []
    monkeypatch.setattr(
        InProcessClient,
        "request",
        lambda *_, **__: seen.extend(Operation.objects.values_list("state", flat=True)) or 1 / 0,
    )
    with pytest.raises(ZeroDivisionError):
        actions.ensure_customer(bob)
    assert seen == [OperationState.PENDING]


def test_the_same_form_sent_twice_subscribes_once(our_stripe, bob, team, visa):
    first = actions.subscribe(bob, team, "token-1", visa)
    second = actions.subscribe(bob, team, "token-1", visa)
    assert first == second == actions.Payment("succeeded")
    assert len(subscriptions_at_stripe(our_stripe, bob)) == 1
    assert succeeded_charges(our_stripe, bob) == [2900]


def test_a_second_tab_is_told_that_there_is_a_plan_already(our_stripe, bob, team, visa):
    actions.subscribe(bob, team, "tab-1", visa)
    with pytest.raises(errors.Refused, match="You have a plan already"):
        actions.subscribe(bob, team, "tab-2", visa)
    assert succeeded_charges(our_stripe, bob) == [2900]


@pytest.fixture
def paid_unnoticed(our_account, our_stripe, bob, team, visa):
    """A plan paid by a new card in the first tab's browser, of which no event has told us yet."""
    secret = actions.subscribe(bob, team, "tab-1", None).client_secret
    with delivery.held(our_account):
        our_stripe.v1.payment_intents.confirm(
            secret.partition("_secret_")[0], {"payment_method": visa.pk, "return_url": "http://testserver/"}
        )
        assert Subscription.objects.get().status == "incomplete"
        yield


@pytest.mark.usefixtures("paid_unnoticed")
def test_a_plan_paid_in_one_tab_is_not_bought_again_in_another_before_its_event(our_stripe, bob, team, visa):
    assert actions.subscribe(bob, team, "tab-2", visa).state == "succeeded"
    assert [each.status for each in subscriptions_at_stripe(our_stripe, bob)] == ["active"]
    assert succeeded_charges(our_stripe, bob) == [2900]


@pytest.mark.usefixtures("paid_unnoticed")
def test_another_plan_is_refused_where_one_was_paid_before_its_event(our_stripe, bob, team, visa):
    other = our_stripe.v1.prices.create(
        {"product": team.product_id, "currency": "usd", "unit_amount": 9900, "recurring": {"interval": "month"}}
    )
    sync.catalogue()
    with pytest.raises(errors.Refused, match="You have a plan already"):
        actions.subscribe(bob, Price.objects.get(pk=other.id), "tab-2", visa)
    assert len(subscriptions_at_stripe(our_stripe, bob)) == 1
    assert succeeded_charges(our_stripe, bob) == [2900]


def test_a_failed_first_click_fails_the_same_way_for_its_double(our_stripe, bob, team):
    customer = actions.ensure_customer(bob)
    card = our_stripe.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.pk})
    bad = actions.cards.save_card(bob, card.id, token="save-bad").card
    for _ in range(2):
        with pytest.raises(errors.CardDeclined):
            actions.subscribe(bob, team, "token-1", bad)
    assert len(subscriptions_at_stripe(our_stripe, bob)) == 1
    assert succeeded_charges(our_stripe, bob) == []


def test_after_a_decline_another_card_pays_the_same_subscription(our_stripe, bob, team, visa):
    card = our_stripe.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": bob.customer.pk})
    bad = actions.cards.save_card(bob, card.id, token="save-bad").card
    with pytest.raises(errors.CardDeclined):
        actions.subscribe(bob, team, "token-1", bad)
    actions.subscribe(bob, team, "token-2", visa)
    assert [each.status for each in subscriptions_at_stripe(our_stripe, bob)] == ["active"]


@pytest.mark.parametrize("step", ["/v1/subscriptions", "/pay"])
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_is_found_out_by_the_sweep_and_charges_once(
    our_account, our_stripe, bob, team, visa, step, executed
):
    with stripe_answers(our_account, step, executed=executed), pytest.raises(errors.OutcomeUnknown):
        actions.subscribe(bob, team, "token-1", visa)
    assert Operation.objects.get(kind=OperationKind.SUBSCRIBE).state == OperationState.UNKNOWN
    Operation.objects.update(updated=timezone.now() - timedelta(minutes=2))
    assert sweep()["operations"] == 1
    assert Operation.objects.get(kind=OperationKind.SUBSCRIBE).state == OperationState.SUCCEEDED
    assert Subscription.objects.get().status == "active"
    assert succeeded_charges(our_stripe, bob) == [2900]


def test_a_second_click_while_the_first_is_in_doubt_finishes_the_first_and_charges_once(
    our_account, our_stripe, bob, team, visa
):
    with stripe_answers(our_account, "/pay", executed=True), pytest.raises(errors.OutcomeUnknown):
        actions.subscribe(bob, team, "token-1", visa)
    with pytest.raises(errors.StillWorking):
        actions.subscribe(bob, team, "token-2", visa)
    assert actions.subscribe(bob, team, "token-1", visa).state == "succeeded"
    assert succeeded_charges(our_stripe, bob) == [2900]


def test_a_process_killed_before_it_could_write_the_result_is_finished_by_the_sweep(
    monkeypatch, our_stripe, bob, team, visa
):
    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(operations, "_finish", die)
        with pytest.raises(Killed):
            actions.subscribe(bob, team, "token-1", visa)
    assert Operation.objects.get(kind=OperationKind.SUBSCRIBE).state == OperationState.PENDING
    Operation.objects.update(updated=timezone.now() - timedelta(minutes=2))
    sweep()
    assert Operation.objects.get(kind=OperationKind.SUBSCRIBE).state == OperationState.SUCCEEDED
    assert len(subscriptions_at_stripe(our_stripe, bob)) == 1
    assert succeeded_charges(our_stripe, bob) == [2900]


def test_after_23_hours_nothing_is_sent_again_but_what_was_made_is_found(our_account, our_stripe, bob, team, visa):
    with stripe_answers(our_account, "/pay", executed=True), pytest.raises(errors.OutcomeUnknown):
        actions.subscribe(bob, team, "token-1", visa)
    long_ago = timezone.now() - timedelta(hours=23, minutes=1)
    Operation.objects.update(created=long_ago, updated=long_ago)
    with stripe_answers(our_account, "", executed=False) as lost:
        sweep()
        assert lost() == 0
    assert Operation.objects.get(kind=OperationKind.SUBSCRIBE).state == OperationState.SUCCEEDED
    assert Subscription.objects.get().status == "active"


def test_a_customer_made_by_a_lost_answer_is_found_by_metadata_after_23_hours(our_account, our_stripe, bob):
    with stripe_answers(our_account, "/v1/customers", executed=True), pytest.raises(errors.OutcomeUnknown):
        actions.ensure_customer(bob)
    long_ago = timezone.now() - timedelta(days=2)
    Operation.objects.update(created=long_ago, updated=long_ago)
    sweep()
    assert [each.id for each in our_stripe.v1.customers.list().data] == list(
        Customer.objects.values_list("pk", flat=True)
    )


def test_a_connection_that_never_came_about_is_no_doubt_and_no_charge(monkeypatch, bob):
    def refuse(*_, **__):
        raise stripe.APIConnectionError("refused", should_retry=False) from ConnectionRefusedError()

    monkeypatch.setattr(InProcessClient, "request", refuse)
    with pytest.raises(errors.Unavailable, match="Nothing was charged"):
        actions.ensure_customer(bob)
    assert Operation.objects.get().state == OperationState.FAILED


def test_another_payers_token_is_not_found(bob):
    actions.ensure_customer(bob)
    token = Operation.objects.get().token
    carol = User.objects.create_user("carol")
    with pytest.raises(Http404):
        operations.run(payers.Actor(carol, carol, None), OperationKind.CREATE_CUSTOMER, token, {})


@pytest.mark.django_db(databases=["default", "sandbox"], transaction=True)
def test_eight_clicks_at_once_subscribe_once(our_stripe, bob, team, visa):
    barrier, outcomes = threading.Barrier(8), []

    def click(number: int) -> None:
        barrier.wait()
        try:
            actor = payers.Actor(bob.user, bob.payer, payers.customer_of(bob.payer))
            outcomes.append(actions.subscribe(actor, team, f"tab-{number}", visa).state)
        except errors.BillingError as error:
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("succeeded") == 1, outcomes
    assert set(outcomes) <= {"succeeded", "StillWorking", "Refused"}, outcomes
    assert len(subscriptions_at_stripe(our_stripe, bob)) == 1
    assert succeeded_charges(our_stripe, bob) == [2900]
