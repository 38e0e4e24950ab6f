"""An account can be put aside and put back: objects, ids, order, clock, keys, deliveries and pages that wait."""

from __future__ import annotations

import pytest
import stripe

from hooks import hooks
from sandbox import challenges, clock, control, delivery, server, snapshots
from sandbox.models import Account, Challenge, Delivery, IdempotencyKey, Row

pytestmark = [pytest.mark.django_db(databases=["default", "sandbox"]), pytest.mark.urls("hooks")]

DAY = 86_400


def names(client) -> list[str]:
    return [customer.name for customer in client.v1.customers.list()]


def test_what_happened_since_is_undone_and_what_was_there_is_back(stripe_client, account):
    ada = stripe_client.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"})
    before = stripe_client.v1.customers.retrieve(ada.id).to_dict()
    snapshots.save(account, "one customer")
    stripe_client.v1.customers.update(ada.id, {"name": "Countess"})
    stripe_client.v1.customers.create({"name": "Grace"})
    snapshots.restore(account, "one customer")
    assert stripe_client.v1.customers.retrieve(ada.id).to_dict() == before
    assert names(stripe_client) == ["Ada"]


def test_it_can_be_restored_as_often_as_wanted(stripe_client, account):
    snapshots.save(account, "empty")
    for person in ("Ada", "Grace"):
        stripe_client.v1.customers.create({"name": person})
        snapshots.restore(account, "empty")
        assert names(stripe_client) == []


def test_what_was_deleted_is_back_with_its_card(stripe_client, account):
    ada = stripe_client.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"})
    snapshots.save(account, "alive")
    stripe_client.v1.customers.delete(ada.id)
    snapshots.restore(account, "alive")
    assert [card.card.last4 for card in stripe_client.v1.customers.payment_methods.list(ada.id)] == ["4242"]


def test_rows_of_one_second_keep_their_order(stripe_client, account):
    with clock.at(account, 1_700_000_000):
        for person in "abcdefgh":
            stripe_client.v1.customers.create({"name": person})
    snapshots.save(account, "eight")
    snapshots.restore(account, "eight")
    assert names(stripe_client) == list("hgfedcba")


def test_the_clock_goes_back_too(stripe_client, account):
    clock.advance(account, seconds=DAY)
    saved = clock.now(account)
    snapshots.save(account, "tomorrow")
    clock.advance(account, seconds=30 * DAY)
    snapshots.restore(account, "tomorrow")
    assert 0 <= clock.now(account) - saved <= 2
    assert stripe_client.v1.customers.create({}).created - saved <= 2


def test_a_renewal_happens_again_after_it_was_undone(shop):
    shop.subscribe(shop.customer())
    invoices = shop.v1.invoices.list
    snapshots.save(shop.account, "first month")
    for _ in range(2):
        shop.go("2026-12-02")
        assert len(invoices().data) == 2
        snapshots.restore(shop.account, "first month")
        shop.go("2026-11-02")
        assert len(invoices().data) == 1


def test_a_key_that_was_used_since_can_be_used_again(stripe_client, account):
    snapshots.save(account, "empty")

    def create(name):
        return stripe_client.v1.customers.create({"name": name}, {"idempotency_key": "one"}).name

    assert create("Ada") == "Ada"
    snapshots.restore(account, "empty")
    assert create("Grace") == "Grace"


def test_deliveries_that_waited_wait_again(stripe_client, account):
    hooks.clear()
    stripe_client.v1.webhook_endpoints.create(
        {"url": "https://dashboard.sandbox/hook/one/", "enabled_events": ["customer.created"]}
    )
    waiting = delivery.hold(account)
    stripe_client.v1.customers.create({"name": "Ada"})
    snapshots.save(account, "held")
    delivery.release(account)
    snapshots.restore(account, "held")
    assert (len(waiting), len(hooks["one"].requests)) == (1, 1)
    delivery.release(account)
    assert len(hooks["one"].requests) == 2


def test_a_bank_page_that_waited_waits_again_at_its_address(stripe_client, account):
    asks = {"payment_method": "pm_card_authenticationRequired", "confirm": True, "return_url": "https://shop.example/"}
    intent = stripe_client.v1.payment_intents.create({"amount": 1200, "currency": "usd", **asks})
    token = Challenge.objects.get(account=account).token
    snapshots.save(account, "at the bank")
    for succeeded in (False, True):
        assert challenges.find(token).account == account
        challenges.finish(token, succeeded)
        before = stripe_client.v1.payment_intents.retrieve(intent.id).status
        snapshots.restore(account, "at the bank")
        assert before == ("succeeded" if succeeded else "requires_payment_method")
    assert stripe_client.v1.payment_intents.retrieve(intent.id).status == "requires_action"


def test_plans_and_settings_belong_to_the_account(account):
    control.change_settings(account, {"after_last_retry": "unpaid"})
    control.plan_faults(account, [{"fault": "api_error", "nth": 1}])
    snapshots.save(account, "stormy")
    control.reset(account)
    assert control.read_fault_plan(account)["rules"] == []
    snapshots.restore(account, "stormy")
    assert control.settings(account) == {"after_last_retry": "unpaid"}
    assert [rule["fault"] for rule in control.read_fault_plan(account)["rules"]] == ["api_error"]


def test_a_snapshot_is_no_account_and_belongs_to_one(stripe_client, account, make_client):
    stripe_client.v1.customers.create({"name": "Ada"})
    aside = snapshots.save(account, "mine")
    assert list(Account.objects.filter(pk=aside.pk)) == []
    neighbour = server.account_named("neighbour")
    with pytest.raises(LookupError, match="'mine'"):
        snapshots.restore(neighbour, "mine")
    stripe_client.v1.customers.create({"name": "Grace"})
    assert Row.objects.filter(account=aside, kind="customer").count() == 1


def test_saving_again_under_the_name_replaces_it(stripe_client, account):
    for person in ("Ada", "Grace"):
        stripe_client.v1.customers.create({"name": person})
        snapshots.save(account, "latest")
    control.reset(account)
    snapshots.restore(account, "latest")
    assert names(stripe_client) == ["Grace", "Ada"]
    assert [each.snapshot_name for each in snapshots.of(account)] == ["latest"]


def test_other_accounts_are_left_alone(stripe_client, account, make_client):
    snapshots.save(account, "empty")
    neighbour = make_client("sk_test_neighbour")
    neighbour.v1.customers.create({"name": "Grace"})
    snapshots.restore(account, "empty")
    control.reset(account)
    assert names(neighbour) == ["Grace"]


def test_a_name_that_is_no_name_is_refused(account):
    for name in ("", "n" * 81):
        with pytest.raises(ValueError, match="1 to 80"):
            snapshots.save(account, name)


def test_a_reset_leaves_nothing_but_what_is_to_stay(stripe_client, account):
    endpoint = {"url": "https://dashboard.sandbox/hook/one/", "enabled_events": ["*"]}
    stripe_client.v1.webhook_endpoints.create(endpoint)
    stripe_client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "one"})
    clock.advance(account, seconds=DAY)
    control.reset(account, keep=["webhook_endpoint"])
    left = [Row.objects.filter(account=account).values_list("kind", flat=True).get()]
    assert left == ["webhook_endpoint"]
    assert not Delivery.objects.filter(account=account).exists()
    assert not IdempotencyKey.objects.filter(account=account).exists()
    assert account.clock_offset == 0


# Ids from a seed


def made(client) -> list[str]:
    customer = client.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"})
    product = client.v1.products.create({"name": "Pro"})
    intent = client.v1.setup_intents.create({"customer": customer.id})
    card = client.v1.customers.payment_methods.list(customer.id).data[0]
    return [customer.id, product.id, intent.id, intent.client_secret, card.id, client.v1.events.list().data[0].id]


def test_the_same_seed_makes_the_same_ids_and_another_one_others(stripe_client, account):
    runs = []
    for seed in ("a", "a", "b", ""):
        control.reset(account, seed=seed)
        runs.append(made(stripe_client))
    assert runs[0] == runs[1]
    assert len({ids[0] for ids in runs}) == 3


def test_seeded_ids_go_on_where_the_snapshot_was_taken(stripe_client, account):
    control.reset(account, seed="a")
    first = stripe_client.v1.customers.create({}).id
    snapshots.save(account, "one")
    second = stripe_client.v1.customers.create({}).id
    snapshots.restore(account, "one")
    assert stripe_client.v1.customers.create({}).id == second != first


def test_a_request_that_was_rolled_back_has_used_no_ids(stripe_client, account):
    control.reset(account, seed="a")
    expected = stripe_client.v1.customers.create({}).id
    control.reset(account, seed="a")
    with pytest.raises(stripe.CardError):
        stripe_client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert stripe_client.v1.customers.create({}).id == expected
