"""Features of products, and what a customer may use because of what they subscribe to."""

from __future__ import annotations

import pytest
import stripe

from shop import DECEMBER, item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

SUMMARY = "entitlements.active_entitlement_summary.updated"


@pytest.fixture
def features(shop):
    return shop.v1.entitlements.features


@pytest.fixture
def brings(shop, features):
    """A function that lets the product of a price bring a new feature, and returns the feature."""

    def brings(price, lookup_key):
        feature = features.create({"lookup_key": lookup_key, "name": lookup_key.title()})
        product = shop.v1.prices.retrieve(price).product
        shop.v1.products.features.create(product, {"entitlement_feature": feature.id})
        return feature

    return brings


def usable(shop, customer):
    """Return the lookup keys of what a customer may use."""
    listed = shop.v1.entitlements.active_entitlements.list({"customer": customer})
    return {each.lookup_key for each in listed}


def test_a_feature_has_a_lookup_key_of_its_own(features):
    made = features.create({"lookup_key": "export", "name": "Export", "metadata": {"area": "data"}})
    assert (made.object, made.active, made.lookup_key, made.metadata["area"]) == (
        "entitlements.feature", True, "export", "data",
    )  # fmt: skip
    assert features.retrieve(made.id) == made
    with pytest.raises(stripe.InvalidRequestError, match="already exists") as error:
        features.create({"lookup_key": "export", "name": "Export again"})
    assert error.value.param == "lookup_key"
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: lookup_key"):
        features.update(made.id, {"lookup_key": "import"})


def test_archived_features_are_listed_apart(shop, features):
    export, search = (features.create({"lookup_key": key, "name": key}).id for key in ("export", "search"))
    features.update(export, {"active": False, "name": "Old export"})
    assert [each.id for each in features.list()] == [search]
    assert [each.name for each in features.list({"archived": True})] == ["Old export"]
    assert [each.id for each in features.list({"lookup_key": "search"})] == [search]
    product = shop.v1.prices.retrieve(shop.team).product
    with pytest.raises(stripe.InvalidRequestError, match="archived"):
        shop.v1.products.features.create(product, {"entitlement_feature": export})


def test_a_product_brings_features(shop, brings):
    export, _ = brings(shop.team, "export"), brings(shop.team, "search")
    product = shop.v1.prices.retrieve(shop.team).product
    newest, oldest = shop.v1.products.features.list(product).data
    assert (newest.entitlement_feature.lookup_key, oldest.entitlement_feature) == ("search", export)
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        shop.v1.products.features.create(product, {"entitlement_feature": export.id})
    assert shop.v1.products.features.delete(product, oldest.id).deleted is True
    assert [each.id for each in shop.v1.products.features.list(product)] == [newest.id]
    assert shop.v1.products.features.retrieve(product, newest.id) == newest
    other = shop.v1.prices.retrieve(shop.business).product
    with pytest.raises(stripe.InvalidRequestError, match="No such product_feature"):
        shop.v1.products.features.retrieve(other, newest.id)


def test_subscribing_entitles_and_ending_takes_it_back(shop, brings):
    brings(shop.team, "export"), brings(shop.team, "search"), brings(shop.business, "audit")
    ada = shop.customer()
    assert usable(shop, ada) == set()
    subscription = shop.subscribe(ada)
    assert usable(shop, ada) == {"export", "search"}
    summary = shop.event(SUMMARY).data
    assert (summary.object.customer, len(summary.object.entitlements.data)) == (ada, 2)
    assert summary.previous_attributes.entitlements.data == []
    shop.v1.subscriptions.cancel(subscription.id)
    assert usable(shop, ada) == set()
    assert shop.event(SUMMARY).data.object.entitlements.data == []


def test_changing_the_plan_changes_what_may_be_used(shop, brings):
    brings(shop.team, "export"), brings(shop.business, "audit")
    ada = shop.customer()
    subscription = shop.subscribe(ada)
    since = shop.mark()
    shop.change(subscription, shop.business)
    assert usable(shop, ada) == {"audit"}
    assert shop.events(since).count(SUMMARY) == 1


def test_two_subscriptions_entitle_together(shop, brings):
    brings(shop.team, "export"), brings(shop.business, "audit")
    ada = shop.customer()
    team, _ = shop.subscribe(ada), shop.subscribe(ada, shop.business)
    assert usable(shop, ada) == {"export", "audit"}
    shop.v1.subscriptions.cancel(team.id)
    assert usable(shop, ada) == {"audit"}


def test_nothing_may_be_used_before_the_first_payment(shop, brings):
    brings(shop.team, "export")
    ada = shop.customer()
    subscription = shop.subscribe(ada, payment_behavior="default_incomplete")
    assert usable(shop, ada) == set()
    shop.confirm(subscription.latest_invoice, shop.v1.customers.payment_methods.list(ada).data[0].id)
    assert usable(shop, ada) == {"export"}


def test_a_trial_entitles_too(shop, brings):
    brings(shop.team, "export")
    ada = shop.customer()
    shop.subscribe(ada, trial_period_days=7)
    assert usable(shop, ada) == {"export"}


def test_subscribers_get_a_new_feature_of_their_plan_with_the_next_period(shop, brings):
    ada = shop.customer()
    subscription = shop.subscribe(ada)
    brings(shop.team, "export")
    assert usable(shop, ada) == set()
    assert item_of(subscription).current_period_end == DECEMBER
    shop.go(DECEMBER)
    assert usable(shop, ada) == {"export"}


def test_a_change_that_changes_nothing_is_not_told(shop, brings):
    brings(shop.team, "export")
    subscription = shop.subscribe(shop.customer())
    since = shop.mark()
    shop.v1.subscriptions.update(subscription.id, {"metadata": {"seat": "window"}})
    assert SUMMARY not in shop.events(since)


def test_an_entitlement_names_its_feature(shop, brings):
    export = brings(shop.team, "export")
    ada = shop.customer()
    shop.subscribe(ada)
    (entitlement,) = shop.v1.entitlements.active_entitlements.list({"customer": ada}).data
    found = shop.v1.entitlements.active_entitlements.retrieve(entitlement.id, {"expand": ["feature"]})
    assert (found.feature.id, found.lookup_key) == (export.id, "export")


def test_entitlements_are_listed_of_one_customer_only(shop):
    with pytest.raises(stripe.InvalidRequestError) as error:
        shop.v1.entitlements.active_entitlements.list({"customer": "cus_nobody"})
    assert (error.value.code, error.value.param) == ("resource_missing", "customer")
