"""The sandbox's customer portal: its configurations and sessions by API, its pages as a customer walks through them."""

from __future__ import annotations

import re
from html import unescape

import pytest
import stripe
from django.test import Client

from sandbox import personas
from sandbox.models import Row
from shop import item_of

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

BACK = "https://shop.example/account"
REASON = {"enabled": True, "options": ["too_expensive", "missing_features", "unused"]}


@pytest.fixture
def alice(shop):
    return shop.customer()


def product_of(shop, price):
    return shop.v1.prices.retrieve(price).product


def offered(shop, *prices, **adjustable):
    """The `products` of a configuration, one price each."""
    quantity = {"enabled": bool(adjustable), "minimum": 1, **adjustable}
    return [{"product": product_of(shop, each), "prices": [each], "adjustable_quantity": quantity} for each in prices]


def features(shop, **changed):
    """Everything on: plans can be changed between Team and Business at once, canceling is at the period's end."""
    return {
        "customer_update": {"enabled": True, "allowed_updates": ["name", "email", "address", "phone"]},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "cancellation_reason": REASON},
        "subscription_pause": {"enabled": True},
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": offered(shop, shop.team, shop.business),
        },
        **changed,
    }


def configure(shop, **changed):
    return shop.v1.billing_portal.configurations.create({"features": features(shop, **changed)}).id


def refused(call, *arguments, **details):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        call(*arguments, **details)
    return refusal.value


class Portal:
    """A customer's browser on the portal: it follows what the pages hold, and knows nothing else."""

    def __init__(self, shop, customer, configuration=None, **params):
        self.browser = Client(enforce_csrf_checks=True)
        params |= {"configuration": configuration} if configuration else {}
        self.session = shop.v1.billing_portal.sessions.create({"customer": customer, "return_url": BACK, **params})
        self.url = "/" + self.session.url.split("/", 3)[3]
        self.get(self.url)

    def get(self, url, **query):
        return self._shown(self.browser.get(url, query, follow=False))

    def post(self, url=None, **fields):
        return self._shown(self.browser.post(url or self.url, fields))

    def _shown(self, answer):
        while answer.status_code == 302 and answer.url.startswith("/"):
            self.url = answer.url
            answer = self.browser.get(answer.url)
        self.answer, self.html = answer, "" if answer.status_code == 302 else unescape(answer.content.decode())
        self.url = answer.wsgi_request.get_full_path()
        return self

    def home(self):
        return self.get(re.match(r"/sandbox/p/session/[^/]+/", self.url)[0])

    def follow(self, mark):
        """Click the link that has this mark, such as data-test="cancel-subscription"."""
        return self.get(re.search(rf'<a [^>]*?href="([^"]+)"[^>]*{re.escape(mark)}', self.html)[1])

    def hidden(self):
        """The fields that the page's form sends along."""
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.html))

    def has(self, mark):
        return mark in self.html


# Configurations


def test_every_account_has_a_default_configuration(shop):
    (default,) = shop.v1.billing_portal.configurations.list({"is_default": True}).data
    assert (default.active, default.is_default) == (True, True)
    assert default.features.subscription_cancel.enabled
    assert not default.features.subscription_update.enabled
    again = shop.v1.billing_portal.configurations.list().data
    assert [each.id for each in again] == [default.id]


def test_features_that_are_not_mentioned_are_off(shop):
    configuration = shop.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    on = {name: feature["enabled"] for name, feature in configuration.features.to_dict().items()}
    assert [name for name, enabled in on.items() if enabled] == ["invoice_history"]
    assert not configuration.is_default
    assert shop.event("billing_portal.configuration.created").data.object["id"] == configuration.id


def test_products_come_only_where_they_are_asked_for(shop):
    configuration = configure(shop)
    plain = shop.v1.billing_portal.configurations.retrieve(configuration)
    assert "products" not in plain.features.subscription_update
    whole = shop.v1.billing_portal.configurations.retrieve(
        configuration, {"expand": ["features.subscription_update.products"]}
    )
    assert [product.prices for product in whole.features.subscription_update.products] == [[shop.team], [shop.business]]
    listed = shop.v1.billing_portal.configurations.list({"expand": ["data.features.subscription_update.products"]})
    assert [len(each.features.subscription_update.products) for each in listed.data] == [2, 0]


def test_a_change_keeps_what_it_does_not_mention_and_replaces_lists(shop):
    configuration = configure(shop)
    changed = shop.v1.billing_portal.configurations.update(
        configuration,
        {
            "business_profile": {"headline": "Acme"},
            "features": {"customer_update": {"allowed_updates": ["email"]}, "subscription_cancel": {"enabled": False}},
        },
    )
    assert changed.features.customer_update.to_dict() == {"allowed_updates": ["email"], "enabled": True}
    assert changed.features.subscription_cancel.cancellation_reason.options == REASON["options"]
    assert changed.features.subscription_update.enabled
    event = shop.event("billing_portal.configuration.updated").data.to_dict()
    assert event["previous_attributes"]["business_profile"] == {"headline": None}


def test_an_emptied_list_is_empty(shop):
    configuration = configure(shop)
    changed = shop.v1.billing_portal.configurations.update(
        configuration, {"default_return_url": "", "features": {"customer_update": {"allowed_updates": ""}}}
    )
    assert (changed.default_return_url, changed.features.customer_update.allowed_updates) == (None, [])


def test_the_default_cannot_be_switched_off(shop):
    (default,) = shop.v1.billing_portal.configurations.list().data
    error = refused(shop.v1.billing_portal.configurations.update, default.id, {"active": False})
    assert (error.http_status, error.param) == (400, "active")


@pytest.mark.parametrize(
    ("changed", "param", "message"),
    [
        (
            {"payment_method_update": {"enabled": False}},
            None,
            "Cannot enable subscription updates while payment method update is disabled.",
        ),
        (
            {"subscription_update": {"enabled": True}},
            "features[subscription_update][products]",
            "Missing required param: features[subscription_update][products].",
        ),
        (
            {"subscription_cancel": {"enabled": True, "proration_behavior": "create_prorations"}},
            "features[subscription_cancel][proration_behavior]",
            "`create_prorations` cannot be combined with `mode=at_period_end`.",
        ),
        (
            {"subscription_cancel": {"enabled": True, "mode": "immediately", "proration_behavior": "always_invoice"}},
            "features[subscription_cancel][proration_behavior]",
            "`always_invoice` cannot be combined with `mode=immediately`.",
        ),
        (
            {"subscription_pause": {"duration": {"type": "interval_options", "interval_options": ""}}},
            "features[subscription_pause][duration][interval_options]",
            "Missing required param: features[subscription_pause][duration][interval_options].",
        ),
        (
            {"customer_update": {"enabled": True, "allowed_updates": ["balance"]}},
            "features[customer_update][allowed_updates][0]",
            None,
        ),
    ],
)
def test_a_contradictory_configuration_is_refused(shop, changed, param, message):
    error = refused(shop.v1.billing_portal.configurations.create, {"features": features(shop, **changed)})
    assert (error.http_status, error.param) == (400, param)
    assert message in {None, error.user_message}


def test_a_product_is_offered_with_its_own_prices_each_interval_once(shop):
    def refusal(*products):
        updating = {"enabled": True, "default_allowed_updates": ["price"], "products": list(products)}
        everything = features(shop, subscription_update=updating)
        return refused(shop.v1.billing_portal.configurations.create, {"features": everything}).user_message

    team = product_of(shop, shop.team)
    more = {"product": team, "currency": "usd", "unit_amount": 3100, "recurring": {"interval": "month"}}
    dearer = shop.v1.prices.create(more).id
    assert refusal({"product": team, "prices": [shop.team, dearer]}) == (
        "For each product, its price must have unique billing intervals."
    )
    assert "does not belong to the product" in refusal({"product": team, "prices": [shop.business]})
    assert refusal({"product": team, "prices": ["price_none"]}) == "No such price: 'price_none'"


def test_a_web_address_has_to_be_one(shop):
    error = refused(
        shop.v1.billing_portal.configurations.create,
        {"features": {"invoice_history": {"enabled": True}}, "default_return_url": "shop.example"},
    )
    assert (error.code, error.param) == ("url_invalid", "default_return_url")


# Sessions


def test_a_session_is_a_link_for_one_customer(shop, alice):
    session = shop.v1.billing_portal.sessions.create({"customer": alice, "return_url": BACK, "locale": "de"})
    assert (session.customer, session.flow, session.locale, session.return_url) == (alice, None, "de", BACK)
    assert re.fullmatch(r"http://localhost:\d+/sandbox/p/session/[\w:-]+/", session.url)
    (default,) = shop.v1.billing_portal.configurations.list({"is_default": True}).data
    assert session.configuration == default.id
    assert shop.event("billing_portal.session.created").data.object["id"] == session.id


def test_its_configuration_can_be_expanded_and_gives_the_way_back(shop, alice):
    configuration = shop.v1.billing_portal.configurations.create(
        {"default_return_url": BACK, "features": {"invoice_history": {"enabled": True}}}
    )
    session = shop.v1.billing_portal.sessions.create(
        {"customer": alice, "configuration": configuration.id, "expand": ["configuration"]}
    )
    assert (session.configuration.id, session.return_url) == (configuration.id, BACK)


@pytest.mark.parametrize(
    ("params", "code", "param", "message"),
    [
        ({}, "parameter_missing", "customer", "Missing required param: customer."),
        ({"customer": "cus_none"}, "resource_missing", "customer", "No such customer: 'cus_none'"),
        (
            {"customer": "alice", "configuration": "bpc_none"},
            "resource_missing",
            "configuration",
            "No such configuration: 'bpc_none'",
        ),
        (
            {"customer": "alice", "flow_data": {"after_completion": {"type": "portal_homepage"}}},
            "parameter_missing",
            "flow_data[type]",
            "Missing required param: flow_data[type].",
        ),
        (
            {"customer": "alice", "flow_data": {"type": "subscription_cancel"}},
            "parameter_missing",
            "flow_data[subscription_cancel]",
            "Missing required param: flow_data[subscription_cancel].",
        ),
        (
            {
                "customer": "alice",
                "flow_data": {"type": "payment_method_update", "after_completion": {"type": "redirect"}},
            },
            "parameter_missing",
            "flow_data[after_completion][redirect]",
            "Missing required param: flow_data[after_completion][redirect].",
        ),
        ({"customer": "alice", "return_url": "/account"}, "url_invalid", "return_url", "Not a valid URL"),
    ],
)
def test_a_session_that_cannot_be_is_refused(shop, alice, params, code, param, message):
    given = {**params, **({"customer": alice} if params.get("customer") == "alice" else {})}
    error = refused(shop.v1.billing_portal.sessions.create, given)
    assert (error.code, error.param, error.user_message) == (code, param, message)


def test_an_inactive_configuration_opens_no_portal(shop, alice):
    configuration = configure(shop)
    shop.v1.billing_portal.configurations.update(configuration, {"active": False})
    error = refused(shop.v1.billing_portal.sessions.create, {"customer": alice, "configuration": configuration})
    assert error.param == "configuration"


def flow_to(shop, customer, configuration, kind, subscription, **details):
    flow = {"type": kind, kind: {"subscription": subscription, **details}}
    params = {"customer": customer, "configuration": configuration, "flow_data": flow}
    return shop.v1.billing_portal.sessions.create(params)


def test_a_flow_names_its_subscription_and_nothing_else(shop, alice):
    subscription = shop.subscribe(alice).id
    flow = flow_to(shop, alice, configure(shop), "subscription_cancel", subscription).flow
    assert flow.subscription_cancel.to_dict() == {"retention": None, "subscription": subscription}
    assert flow.after_completion.to_dict() == {
        "type": "portal_homepage",
        "redirect": None,
        "hosted_confirmation": None,
    }
    assert (flow.subscription_update, flow.customer_update) == (None, None)


def test_a_flow_to_somebody_elses_subscription_is_refused(shop, alice):
    carol = shop.customer(name="Carol Castillo")
    theirs = shop.subscribe(carol).id
    for kind in ("subscription_cancel", "subscription_update", "subscription_pause"):
        error = refused(flow_to, shop, alice, configure(shop), kind, theirs)
        assert (error.http_status, error.user_message) == (400, f"No such subscription: '{theirs}'")


@pytest.mark.parametrize(
    ("kind", "feature", "message"),
    [
        (
            "subscription_cancel",
            "subscription_cancel",
            "This subscription cannot be canceled because the subscription cancel feature in the portal configuration "
            "is disabled.",
        ),
        (
            "subscription_update",
            "subscription_update",
            "This subscription cannot be updated because the subscription update feature in the portal configuration "
            "is disabled.",
        ),
        (
            "subscription_pause",
            "subscription_pause",
            "This subscription cannot be paused because the subscription pause feature in the portal configuration is "
            "disabled.",
        ),
    ],
)
def test_a_flow_needs_its_feature(shop, alice, kind, feature, message):
    configuration = configure(shop, **{feature: {"enabled": False}})
    error = refused(flow_to, shop, alice, configuration, kind, shop.subscribe(alice).id)
    assert error.user_message == message


def test_what_is_canceled_already_has_no_flow_to_cancel_it(shop, alice):
    subscription = shop.subscribe(alice).id
    shop.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    error = refused(flow_to, shop, alice, configure(shop), "subscription_cancel", subscription)
    assert error.user_message == f"The subscription {subscription} is already set to be canceled at period end."


def test_a_change_to_confirm_has_to_be_one_that_is_offered(shop, alice):
    subscription, configuration = shop.subscribe(alice), configure(shop)
    item, starter = item_of(subscription).id, shop.plan("Starter", 900)

    def refusal(**change):
        items = [{"id": item, **change}]
        kind = "subscription_update_confirm"
        return refused(flow_to, shop, alice, configuration, kind, subscription.id, items=items).user_message

    assert refusal(price=shop.team) == "Cannot update the subscription because there are no changes to confirm."
    assert refusal(price=starter) == (
        f"The item `{item}` cannot be updated to price `{starter}` because the configuration `{configuration}` does "
        "not include the price in its `features[subscription_update][products]`."
    )
    assert "cannot be updated to quantity `3`" in refusal(quantity=3)
    assert refusal(id="si_other", price=shop.business) == "No such subscription_item: 'si_other'"


def test_a_subscription_with_several_products_cannot_be_changed_here(shop, alice):
    subscription = shop.subscribe(alice, items=[{"price": shop.team}, {"price": shop.business}]).id
    error = refused(flow_to, shop, alice, configure(shop), "subscription_update", subscription)
    assert error.user_message == "This subscription cannot be updated because it has multiple products."


def test_customer_sessions_have_a_secret_for_half_an_hour(shop, alice):
    session = shop.v1.customer_sessions.create(
        {"customer": alice, "components": {"payment_element": {"enabled": True, "features": {}}}}
    )
    assert session.client_secret.startswith("cuss_secret_")
    assert session.expires_at == shop.now + 1800
    assert session.components.payment_element.features.payment_method_redisplay == "disabled"
    assert (session.components.buy_button.enabled, session.components.customer_sheet.features) == (False, None)
    nothing = {"customer": alice, "components": {"buy_button": {"enabled": False}}}
    assert refused(shop.v1.customer_sessions.create, nothing).param == "components"


# The way in


def test_a_link_has_to_be_opened_within_five_minutes(shop, alice):
    url = shop.v1.billing_portal.sessions.create({"customer": alice, "return_url": BACK}).url
    shop.go(shop.now + 301)
    late = Client().get("/" + url.split("/", 3)[3])
    assert late.status_code == 410
    assert f'href="{BACK}"' in late.content.decode()


def test_an_open_portal_lasts_for_an_hour_after_each_click(shop, alice):
    portal = Portal(shop, alice)
    for minutes in (50, 50):
        shop.go(shop.now + minutes * 60)
        assert portal.home().answer.status_code == 200
    shop.go(shop.now + 61 * 60)
    assert portal.home().answer.status_code == 410


def test_nobody_gets_in_without_a_link(client, shop, alice):
    portal = Portal(shop, alice)
    assert client.get(portal.url[:-3] + "x/").status_code == 404
    invoice = shop.subscribe(alice).latest_invoice
    token = invoice.hosted_invoice_url.rstrip("/").rsplit("/", 1)[1]
    assert client.get(f"/sandbox/p/session/{token}/").status_code == 404


def test_a_deleted_customer_has_no_portal_any_more(shop, alice):
    portal = Portal(shop, alice)
    shop.v1.customers.delete(alice)
    assert portal.home().answer.status_code == 410


def test_a_test_clocks_time_is_shown_but_does_not_close_the_portal(shop):
    month = 31 * 86_400
    test_clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": shop.now})
    customer = shop.v1.customers.create(
        {
            "name": "Alice Archer",
            "test_clock": test_clock.id,
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    ).id
    shop.subscribe(customer)
    portal = Portal(shop, customer)
    assert portal.has("Your next billing date is Dec 1, 2026.")
    shop.v1.test_helpers.test_clocks.advance(test_clock.id, {"frozen_time": shop.now + month})
    assert portal.home().has("Your next billing date is Jan 1, 2027.")


def test_a_session_can_let_its_customer_ask_for_a_new_link(shop, alice):
    portal = Portal(shop, alice, after_expiration={"type": "customer_login"})
    shop.go(shop.now + 3700)
    assert portal.home().has("Send me a new link")
    portal.post(f"{portal.url}recover/")
    assert portal.answer.status_code == 200
    link = re.search(r'href="http://testserver(/sandbox/p/session/[^"]+)"', portal.html)[1]
    assert portal.get(link).has('data-testid="page-container-main"')


def test_a_session_that_does_not_say_so_gives_no_new_link(shop, alice):
    portal = Portal(shop, alice)
    shop.go(shop.now + 3700)
    assert not portal.home().has("Send me a new link")
    assert portal.browser.post(f"{portal.url}recover/").status_code == 404


def test_the_login_page_sends_a_link_to_who_is_a_customer(client, shop, alice):
    configuration = configure(shop)
    page = shop.v1.billing_portal.configurations.update(configuration, {"login_page": {"enabled": True}}).login_page.url
    path = "/" + page.split("/", 3)[3]
    assert 'type="email"' in client.get(path).content.decode()
    known = client.post(path, {"email": "alice@example.com"}).content.decode()
    assert "/sandbox/p/session/" in known
    assert "/sandbox/p/session/" not in client.post(path, {"email": "nobody@example.com"}).content.decode()
    (mail,) = Row.objects.filter(account=shop.account, kind="mail").values_list("data", flat=True)
    assert (mail["to"], mail["subject"]) == ("alice@example.com", "Sign in to Sandbox")
    assert unescape(mail["links"][0]["url"]) in known
    shop.v1.billing_portal.configurations.update(configuration, {"login_page": {"enabled": False}})
    assert client.get(path).status_code == 404


# What it shows


def test_the_home_shows_plan_cards_and_invoices(shop, alice):
    shop.subscribe(alice, items=[{"price": shop.team, "quantity": 2}])
    portal = Portal(shop, alice, configure(shop))
    for expected in ("Team (×2)", "$58.00 per month", "Dec 1, 2026", "Visa •••• 4242", "Alice Archer", "Nov 1, 2026"):
        assert portal.has(expected)
    assert portal.has('data-testid="return-to-business-link"')
    assert f'href="{BACK}"' in portal.html
    invoice = re.search(r'href="([^"]+)"[^>]*data-testid="hip-link"', portal.html)[1]
    assert portal.browser.get(invoice).status_code == 200


@pytest.mark.parametrize(
    ("feature", "mark"),
    [
        ("customer_update", "Billing information"),
        ("invoice_history", "Invoice history"),
        ("subscription_cancel", 'data-test="cancel-subscription"'),
        ("subscription_pause", 'data-test="pause-subscription"'),
        ("subscription_update", 'data-test="update-subscription"'),
    ],
)
def test_what_is_switched_off_is_neither_shown_nor_reachable(shop, alice, feature, mark):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop))
    assert portal.has(mark)
    shop.v1.billing_portal.configurations.update(
        portal.session.configuration, {"features": {feature: {"enabled": False}}}
    )
    assert not portal.home().has(mark)
    page = feature.removeprefix("subscription_")
    path = "customer/" if feature == "customer_update" else f"subscriptions/{subscription}/{page}/"
    if feature != "invoice_history":
        before = shop.mark()
        assert portal.browser.post(portal.url + path).status_code in {404, 405, 422}
        assert shop.events(before) == []


def test_without_the_card_feature_no_card_can_be_changed(shop, alice):
    off = {"payment_method_update": {"enabled": False}, "subscription_update": {"enabled": False}}
    portal = Portal(shop, alice, configure(shop, **off))
    assert not portal.has('data-test="add-payment-method"')
    for path in ("payment-methods/add/", "payment-methods/setup/"):
        assert portal.browser.post(portal.url + path).status_code == 404


def test_amounts_have_the_digits_of_their_currency(shop):
    yen, dinar = shop.plan("Kaisha", 500, currency="jpy"), shop.plan("Diwan", 4500, currency="kwd")
    for price, expected in ((yen, "¥500 per month"), (dinar, "KWD4.500 per month")):
        customer = shop.customer()
        shop.subscribe(customer, price)
        assert expected in Portal(shop, customer).html


def test_only_ten_invoices_are_listed_until_all_are_asked_for(shop, alice):
    for _ in range(12):
        shop.v1.invoice_items.create({"customer": alice, "amount": 500, "currency": "usd"})
        draft = shop.v1.invoices.create({"customer": alice, "pending_invoice_items_behavior": "include"})
        shop.v1.invoices.finalize_invoice(draft.id)
    portal = Portal(shop, alice)
    assert portal.html.count('data-testid="hip-link"') == 10
    assert portal.get(portal.url, invoices="all").html.count('data-testid="hip-link"') == 12


def test_no_page_holds_anything_inline_or_from_elsewhere(shop, alice):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop))
    of_it = [f"subscriptions/{subscription}/{page}/" for page in ("cancel", "pause", "payment-method", "update")]
    for path in ("", "customer/", "payment-methods/add/", *of_it):
        answer = portal.browser.get(portal.home().url + path)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", answer.content.decode())


# Canceling and renewing


def test_canceling_at_the_periods_end_with_a_reason_and_renewing(shop, alice):
    subscription = shop.subscribe(alice).id
    portal, before = Portal(shop, alice, configure(shop)), shop.mark()
    portal.follow('data-test="cancel-subscription"')
    assert portal.has("Confirm cancellation")
    assert shop.events(before) == ["billing_portal.session.created"][1:]
    portal.post()
    assert portal.has('data-test="cancel-reason-opt-missing_features"')
    assert not portal.has("cancel-reason-opt-too_complex")
    portal.post(feedback="missing_features", comment="No dark mode.")
    canceled = shop.subscription(subscription)
    assert (canceled.status, canceled.cancel_at_period_end) == ("active", True)
    assert canceled.cancellation_details.feedback == "missing_features"
    assert canceled.cancellation_details.comment == "No dark mode."
    assert shop.events(before) == ["customer.subscription.updated"] * 2
    assert portal.has('data-test="subscription-cancel-at-period-end-badge">Cancels Dec 1, 2026')
    assert not portal.has('data-test="cancel-subscription"')
    portal.follow('data-test="renew-subscription"').post()
    assert not shop.subscription(subscription).cancel_at_period_end
    assert portal.has('data-test="cancel-subscription"')


def test_not_to_say_why_is_an_answer_too(shop, alice):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop)).follow('data-test="cancel-subscription"').post()
    portal.post(skip="1", feedback="unused")
    details = shop.subscription(subscription).cancellation_details
    assert (details.feedback, details.comment) == (None, None)
    assert portal.has('data-test="renew-subscription"')


def test_canceling_at_once_gives_credit_for_the_unused_half(shop, alice):
    canceling = {"enabled": True, "mode": "immediately", "proration_behavior": "create_prorations"}
    subscription = shop.subscribe(alice).id
    shop.go("2026-11-16")
    portal = Portal(shop, alice, configure(shop, subscription_cancel=canceling))
    portal.follow('data-test="cancel-subscription"').post()
    assert shop.subscription(subscription).status == "canceled"
    # 15 of November's 30 days are left of 29.00: 14.50 go back to the customer's balance.
    assert shop.v1.customers.retrieve(alice).balance == -1450
    assert portal.has("You have no subscription.")


def test_a_cancellation_on_a_date_can_be_renewed_too(shop, alice):
    subscription = shop.subscribe(alice).id
    shop.v1.subscriptions.update(subscription, {"cancel_at": shop.now + 86_400})
    portal = Portal(shop, alice, configure(shop))
    portal.follow('data-test="renew-subscription"').post()
    assert shop.subscription(subscription).cancel_at is None


def test_somebody_elses_subscription_is_not_there(shop, alice):
    theirs = shop.subscribe(shop.customer(name="Carol Castillo")).id
    portal = Portal(shop, alice, configure(shop))
    for page in ("cancel", "update", "pause", "payment-method", "renew"):
        assert portal.browser.post(f"{portal.url}subscriptions/{theirs}/{page}/").status_code in {404, 405}
    assert not shop.subscription(theirs).cancel_at_period_end


def test_a_pause_voids_what_falls_due_and_ends_by_itself_or_by_a_click(shop, alice):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop)).follow('data-test="pause-subscription"')
    portal.post(until="1 month")
    paused = shop.subscription(subscription).pause_collection
    assert (paused.behavior, paused.resumes_at) == ("void", shop.now + 30 * 86_400)
    assert portal.has("Paused until Dec 1, 2026")
    portal.post(re.search(r'action="([^"]+/resume/)"', portal.html)[1])
    assert shop.subscription(subscription).pause_collection is None


# Changing plan and quantity


def test_an_upgrade_charges_what_was_shown_to_the_second(shop, alice):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop))
    shop.go("2026-11-16")
    portal = Portal(shop, alice, portal.session.configuration).follow('data-test="update-subscription"')
    assert portal.html.count('data-testid="pricing-table-card"') == 2
    portal.get(portal.url, price=shop.business)
    portal.get(portal.url.split("?")[0] + "confirm/", **portal.hidden())
    # Half a month of 29.00 back, half a month of 99.00: 49.50 - 14.50.
    for expected in ("-$14.50", "$49.50", "$35.00", "$99.00 per month"):
        assert portal.has(expected)
    form = portal.hidden()
    shop.go(shop.now + 600)  # ten minutes of thinking change nothing
    portal.post(**form)
    changed = shop.subscription(subscription)
    assert item_of(changed).price.id == shop.business
    assert changed.latest_invoice.amount_paid == 3500
    assert portal.has('data-test="update-subscription"')


@pytest.mark.parametrize("moment", [-901, 86_400, 28 * 86_400])
def test_a_price_of_another_moment_is_shown_anew_instead_of_charged(shop, alice, moment):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop))
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.business)
    before = shop.mark()
    portal.post(**{**portal.hidden(), "proration_date": str(shop.now + moment)})
    assert portal.has("Please look at it again.")
    assert shop.events(before) == []
    portal.post(**portal.hidden())
    assert item_of(shop.subscription(subscription)).price.id == shop.business


def test_a_plan_that_is_not_offered_cannot_be_had(shop, alice):
    subscription, starter = shop.subscribe(alice).id, shop.plan("Starter", 900)
    portal = Portal(shop, alice, configure(shop))
    before = shop.mark()
    portal.post(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=starter, proration_date=shop.now)
    assert portal.answer.status_code == 422
    assert portal.has("This plan is not offered.")
    assert shop.events(before) == []


def test_an_archived_plan_and_one_in_another_currency_are_not_offered(shop, alice):
    euro = shop.plan("Team EU", 2700, currency="eur")
    shop.subscribe(alice)
    products = offered(shop, shop.team, shop.business, euro)
    updating = {"enabled": True, "default_allowed_updates": ["price"], "products": products}
    configuration = configure(shop, subscription_update=updating)
    shop.v1.prices.update(shop.business, {"active": False})
    portal = Portal(shop, alice, configuration).follow('data-test="update-subscription"')
    assert portal.html.count('data-testid="pricing-table-card"') == 1


def quantities(shop, **bounds):
    products = offered(shop, shop.team, **bounds)
    updating = {
        "enabled": True,
        "default_allowed_updates": ["quantity"],
        "proration_behavior": "create_prorations",
        "products": products,
    }
    return configure(shop, subscription_update=updating)


def test_a_quantity_is_changed_within_its_bounds_and_billed_with_the_next_invoice(shop, alice):
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, quantities(shop, maximum=5)).follow('data-test="update-subscription"')
    assert re.search(r'min="1" max="5"[^>]*data-testid="portal-quantity-editor"', portal.html)
    confirm = f"{portal.url}confirm/"
    assert portal.get(confirm, price=shop.team, quantity=6).has("Choose a quantity between 1 and 5.")
    assert portal.get(confirm, price=shop.team, quantity=1).has("Choose another plan or quantity.")
    assert portal.get(confirm, price=shop.team, quantity=4).has("$116.00 per month")
    # Nothing is due today: the three more seats, 87.00 for the whole of November, come with December's invoice.
    assert re.search(r"On Dec 1, 2026</th><td>\$203.00.*Amount due today</th><td>\$0.00", portal.html, re.DOTALL)
    portal.post(**portal.hidden())
    assert item_of(shop.subscription(subscription)).quantity == 4
    assert portal.has("Team (×4)")


def test_a_quantity_that_is_not_adjustable_stays(shop, alice):
    subscription = shop.subscribe(alice, items=[{"price": shop.team, "quantity": 5}]).id
    portal = Portal(shop, alice, configure(shop)).follow('data-test="update-subscription"')
    assert not portal.has("portal-quantity-editor")
    portal.get(f"{portal.url}confirm/", price=shop.business, quantity=1)
    assert portal.has("Business (×5)")
    portal.post(**{**portal.hidden(), "quantity": "1"})
    assert item_of(shop.subscription(subscription)).quantity == 5


@pytest.mark.parametrize(("behavior", "status"), [("end_trial", "active"), ("continue_trial", "trialing")])
def test_a_change_during_a_trial_ends_it_or_does_not(shop, alice, behavior, status):
    updating = features(shop)["subscription_update"] | {"trial_update_behavior": behavior}
    subscription = shop.subscribe(alice, trial_period_days=14).id
    portal = Portal(shop, alice, configure(shop, subscription_update=updating))
    assert portal.has('data-testid="trial-ending-badge">Trial ends Nov 15, 2026')
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.business)
    assert portal.has("$99.00" if behavior == "end_trial" else "Amount due today</th><td>$0.00")
    portal.post(**portal.hidden())
    changed = shop.subscription(subscription)
    assert (changed.status, item_of(changed).price.id) == (status, shop.business)


def test_a_change_that_the_card_does_not_pay_waits_until_another_does(shop, alice):
    subscription = shop.subscribe(alice).id
    shop.card(alice, "pm_card_chargeCustomerFail")
    portal = Portal(shop, alice, configure(shop))
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.business)
    portal.post(**portal.hidden())
    waiting = shop.subscription(subscription)
    assert (item_of(waiting).price.id, waiting.status) == (shop.team, "active")
    assert waiting.pending_update is not None
    assert portal.has("Your card was declined.")
    secret = re.search(r'data-client-secret="([^"]+)"', portal.html)[1]
    assert secret == shop.v1.payment_intents.retrieve(shop.intent(waiting.latest_invoice)).client_secret
    assert portal.home().has("A change waits for its payment")
    shop.confirm(waiting.latest_invoice, "pm_card_visa")
    portal.post(f"{portal.url}subscriptions/{subscription}/update/pay/")
    assert portal.has("$99.00 per month")
    assert item_of(shop.subscription(subscription)).price.id == shop.business


def test_a_change_that_needs_the_customer_asks_for_3d_secure_at_once(shop, alice):
    subscription = shop.subscribe(alice).id
    shop.card(alice, "pm_card_authenticationRequired")
    portal = Portal(shop, alice, configure(shop))
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.business).post(**portal.hidden())
    assert portal.has("data-authenticate")
    shop.authenticate(shop.intent(shop.subscription(subscription).latest_invoice))
    assert portal.home().has("$99.00 per month")


def test_who_has_no_card_adds_one_before_a_change_that_costs(shop):
    dave = shop.customer(card=None)
    behavior = {"end_behavior": {"missing_payment_method": "cancel"}}
    subscription = shop.subscribe(dave, trial_period_days=14, trial_settings=behavior).id
    portal = Portal(shop, dave, configure(shop))
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.business)
    assert portal.has("Add a payment method before you make this change.")
    assert not portal.has('data-testid="confirm"')


# Cards and billing information


def test_a_card_that_the_elements_saved_becomes_the_default(shop, alice):
    portal = Portal(shop, alice).follow('data-test="add-payment-method"')
    setup = portal.browser.post(re.search(r'data-intent-url="([^"]+)"', portal.html)[1]).json()
    intent = setup["client_secret"].split("_secret_")[0]
    confirmed = shop.v1.setup_intents.confirm(intent, {"payment_method": "pm_card_mastercard"})
    assert (confirmed.status, confirmed.customer) == ("succeeded", alice)
    portal.post(payment_method=confirmed.payment_method)
    customer = shop.v1.customers.retrieve(alice)
    assert customer.invoice_settings.default_payment_method == confirmed.payment_method
    assert portal.has("Mastercard •••• 4444")


def test_a_card_of_somebody_else_is_refused(shop, alice):
    theirs = shop.card(shop.customer(name="Carol Castillo"))
    portal = Portal(shop, alice)
    before = shop.v1.customers.retrieve(alice).invoice_settings.default_payment_method
    portal.post(f"{portal.url}payment-methods/add/", payment_method=theirs)
    assert portal.answer.status_code == 422
    assert portal.has("The customer does not have a payment method with the ID")
    assert portal.post(payment_method="").has("Choose a payment method.")
    assert shop.v1.customers.retrieve(alice).invoice_settings.default_payment_method == before
    for action in ("default", "remove"):
        assert portal.browser.post(f"{portal.home().url}payment-methods/{theirs}/{action}/").status_code == 404


def test_each_subscription_can_have_a_card_of_its_own(shop, alice):
    subscription = shop.subscribe(alice).id
    other = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": alice}).id
    portal = Portal(shop, alice)
    portal.get(re.search(r'action="([^"]+/payment-method/)"', portal.html)[1])
    assert portal.html.count('type="radio"') == 3
    assert portal.has('id="radio-add"')
    portal.post(payment_method=other)
    assert shop.subscription(subscription).default_payment_method == other


def test_the_card_that_pays_for_a_subscription_stays(shop, alice):
    paying = shop.v1.customers.retrieve(alice).invoice_settings.default_payment_method
    other = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": alice}).id
    shop.subscribe(alice)
    portal = Portal(shop, alice)
    assert portal.browser.post(f"{portal.url}payment-methods/{paying}/remove/").status_code == 404
    portal.get(f"{portal.url}payment-methods/{other}/remove/")
    assert portal.has('data-test="PaymentInstrumentActionsDetatchModalConfirmButton"')
    portal.post()
    assert [card.id for card in shop.v1.payment_methods.list({"customer": alice}).data] == [paying]


def test_another_saved_card_can_become_the_default(shop, alice):
    other = shop.v1.payment_methods.attach("pm_card_mastercard", {"customer": alice}).id
    portal = Portal(shop, alice)
    portal.post(re.search(rf'action="([^"]+/{other}/default/)"', portal.html)[1])
    assert shop.v1.customers.retrieve(alice).invoice_settings.default_payment_method == other


def test_billing_information_is_changed_where_it_is_allowed(shop, alice):
    portal = Portal(shop, alice, configure(shop))
    portal.get(f"{portal.url}customer/")
    assert not portal.has('name="shipping_line1"')
    typed = {"name": "Zoë Żak", "email": "zoe@example.com", "phone": "+48 22 555", "address_line1": "ul. Długa 1"}
    assert portal.post(**typed).has("Choose a country.")
    assert portal.answer.status_code == 422
    portal.post(**typed, address_country="PL")
    customer = shop.v1.customers.retrieve(alice)
    assert (customer.name, customer.email, customer.phone) == ("Zoë Żak", "zoe@example.com", "+48 22 555")
    assert (customer.address.line1, customer.address.country, customer.address.city) == ("ul. Długa 1", "PL", None)
    assert portal.has("Zoë Żak")


def test_what_is_not_allowed_to_change_is_not_changed_by_a_forged_field(shop, alice):
    portal = Portal(shop, alice, configure(shop, customer_update={"enabled": True, "allowed_updates": ["phone"]}))
    portal.post(f"{portal.url}customer/", phone="555", name="Mallory", balance="-100000", shipping_line1="x")
    customer = shop.v1.customers.retrieve(alice)
    assert (customer.name, customer.phone, customer.balance) == ("Alice Archer", "555", 0)


def test_an_email_has_to_be_one(shop, alice):
    portal = Portal(shop, alice, configure(shop))
    assert portal.post(f"{portal.url}customer/", email="nonsense").has("Enter a valid email address.")
    assert shop.v1.customers.retrieve(alice).email == "alice@example.com"


# Flows


def test_a_flow_begins_at_its_page_and_ends_at_the_shop(shop, alice):
    subscription, then = shop.subscribe(alice).id, "https://shop.example/goodbye"
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription},
        "after_completion": {"type": "redirect", "redirect": {"return_url": then}},
    }
    portal = Portal(shop, alice, configure(shop), flow_data=flow)
    assert portal.has("Confirm cancellation")
    assert not portal.has("← Billing")
    portal.post().post(feedback="unused")
    assert (portal.answer.status_code, portal.answer.url) == (302, then)
    assert shop.subscription(subscription).cancellation_details.feedback == "unused"


def test_a_flow_can_end_with_a_confirmation(shop, alice):
    done = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you in May."}}
    portal = Portal(shop, alice, configure(shop), flow_data={"type": "customer_update", "after_completion": done})
    assert portal.has('name="email"')
    assert portal.post(name="Alice B. Archer", email="alice@example.com").has("See you in May.")
    assert portal.home().has("Current subscription")


def test_a_flow_without_a_wish_ends_at_the_portals_home(shop, alice):
    subscription = shop.subscribe(alice)
    item = {"id": item_of(subscription).id, "price": shop.business}
    flow = {
        "type": "subscription_update_confirm",
        "subscription_update_confirm": {"subscription": subscription.id, "items": [item]},
    }
    portal = Portal(shop, alice, configure(shop), flow_data=flow)
    assert portal.has("Confirm your updates")
    portal.post(**portal.hidden())
    assert portal.has('data-test="update-subscription"')
    assert item_of(shop.subscription(subscription.id)).price.id == shop.business
    assert portal.get(f"{portal.url}flow/").has("Current subscription")  # it is over


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("payment_method_update", 'id="payment-element"'),
        ("subscription_update", 'data-testid="pricing-table"'),
        ("subscription_pause", "Pause your subscription"),
    ],
)
def test_each_flow_leads_to_its_page(shop, alice, kind, expected):
    subscription = shop.subscribe(alice).id
    details = {kind: {"subscription": subscription}} if kind.startswith("subscription") else {}
    portal = Portal(shop, alice, configure(shop), flow_data={"type": kind, **details})
    assert portal.has(expected)


# Tax ids and coupons


def test_a_tax_id_is_added_replaced_and_removed(shop, alice):
    portal = Portal(shop, alice, configure(shop, customer_update={"enabled": True, "allowed_updates": ["tax_id"]}))
    page = f"{portal.url}customer/"
    assert portal.post(page, tax_id_value="DE123456789").has("Choose a type.")
    assert portal.post(page, tax_id_type="eu_vat", tax_id_value="nonsense").answer.status_code == 422
    assert portal.has('class="Error"')
    for number in ("DE123456789", "DE987654321"):
        portal.home().post(page, tax_id_type="eu_vat", tax_id_value=number)
        assert [each.value for each in shop.v1.customers.tax_ids.list(alice).data] == [number]
        assert portal.has(number)
    portal.post(page, tax_id_type="", tax_id_value="")
    assert shop.v1.customers.tax_ids.list(alice).data == []


def test_saving_the_same_tax_id_again_changes_nothing(shop, alice):
    shop.v1.customers.tax_ids.create(alice, {"type": "eu_vat", "value": "DE123456789"})
    portal = Portal(shop, alice, configure(shop, customer_update={"enabled": True, "allowed_updates": ["tax_id"]}))
    before = shop.mark()
    portal.post(f"{portal.url}customer/", tax_id_type="eu_vat", tax_id_value="DE123456789")
    assert shop.events(before) == []


def half_price(shop, **params):
    return shop.v1.coupons.create({"percent_off": 50, "duration": "once", "name": "Launch", **params}).id


def test_a_promotion_code_takes_its_part_off_a_change(shop, alice):
    promotion = {"type": "coupon", "coupon": half_price(shop)}
    shop.v1.promotion_codes.create({"promotion": promotion, "code": "HALF"})
    updating = features(shop)["subscription_update"] | {"default_allowed_updates": ["price", "promotion_code"]}
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop, subscription_update=updating | {"billing_cycle_anchor": "now"}))
    page = f"{portal.url}subscriptions/{subscription}/update/confirm/"
    assert portal.get(page, price=shop.business, promotion_code="WRONG").has("This code is invalid.")
    portal.get(page, price=shop.business, promotion_code="half")
    # 99.00 for a new month, half of it off; 29.00 of the old month come back in full.
    assert portal.has("-$49.50")
    assert re.search(r"Amount due today</th><td>\$20\.50", portal.html)
    portal.post(**portal.hidden())
    assert shop.subscription(subscription).latest_invoice.amount_paid == 2050
    assert item_of(shop.subscription(subscription)).price.id == shop.business


def test_a_code_is_not_taken_where_the_configuration_does_not_allow_one(shop, alice):
    promotion = {"type": "coupon", "coupon": half_price(shop)}
    shop.v1.promotion_codes.create({"promotion": promotion, "code": "HALF"})
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configure(shop))
    page = f"{portal.url}subscriptions/{subscription}/update/confirm/"
    portal.get(page, price=shop.business, promotion_code="HALF")
    assert not portal.has("Promotion code")
    portal.post(**portal.hidden(), promotion_code="HALF")
    assert shop.subscription(subscription).latest_invoice.total == 7000


def test_a_flow_can_bring_a_discount_along(shop, alice):
    subscription, coupon = shop.subscribe(alice), half_price(shop, duration="forever")
    item = {"id": item_of(subscription).id, "price": shop.business}
    change = {"subscription": subscription.id, "items": [item], "discounts": [{"coupon": coupon}]}
    flow = {"type": "subscription_update_confirm", "subscription_update_confirm": change}
    portal = Portal(shop, alice, configure(shop), flow_data=flow)
    offered = portal.session.flow.subscription_update_confirm.discounts
    assert [each.to_dict() for each in offered] == [{"coupon": coupon, "promotion_code": None}]
    portal.post(**portal.hidden())
    assert len(shop.subscription(subscription.id).discounts) == 1


def test_who_accepts_an_offer_stays(shop, alice):
    subscription, coupon = shop.subscribe(alice).id, half_price(shop)
    retention = {"type": "coupon_offer", "coupon_offer": {"coupon": coupon}}
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription, "retention": retention},
    }
    portal = Portal(shop, alice, configure(shop), flow_data=flow)
    assert portal.has("Stay, and pay less: Launch (50% off)")
    portal.post(accept="1")
    stayed = shop.subscription(subscription)
    assert (stayed.cancel_at_period_end, len(stayed.discounts)) == (False, 1)
    assert portal.has('data-test="cancel-subscription"')


def test_an_offer_has_to_be_a_coupon_that_there_is(shop, alice):
    retention = {"type": "coupon_offer", "coupon_offer": {"coupon": "NONE"}}
    error = refused(
        flow_to, shop, alice, configure(shop), "subscription_cancel", shop.subscribe(alice).id, retention=retention
    )
    assert error.param == "flow_data[subscription_cancel][retention][coupon_offer][coupon]"


# Changes that wait for the end of the period


def putting_off(shop, *conditions):
    updating = features(shop)["subscription_update"]
    updating["products"].append(
        {"product": product_of(shop, yearly := shop.plan("Yearly", 29_000, "year")), "prices": [yearly]}
    )
    put_off = {"conditions": [{"type": each} for each in conditions]}
    return configure(shop, subscription_update=updating | {"schedule_at_period_end": put_off}), yearly


def test_a_cheaper_plan_comes_at_the_periods_end_and_costs_nothing_before(shop, alice):
    configuration, _ = putting_off(shop, "decreasing_item_amount")
    subscription = shop.subscribe(alice, shop.business).id
    shop.go("2026-11-10")
    portal, before = Portal(shop, alice, configuration), shop.mark()
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.team)
    assert re.search(r"On Dec 1, 2026</th><td>\$29\.00.*Amount due today</th><td>\$0\.00", portal.html, re.DOTALL)
    portal.post(**portal.hidden())
    assert portal.has("Changes to Team on Dec 1, 2026")
    assert item_of(shop.subscription(subscription)).price.id == shop.business
    assert not [event for event in shop.events(before) if event.startswith(("invoice", "charge"))]
    shop.go("2026-12-01T02:00:00")
    changed = shop.subscription(subscription)
    assert item_of(changed).price.id == shop.team
    assert changed.latest_invoice.total == 2900
    assert [item.amount for item in shop.v1.invoice_items.list({"customer": alice}).data] == []


def test_a_planned_change_can_be_taken_back(shop, alice):
    configuration, _ = putting_off(shop, "decreasing_item_amount")
    subscription = shop.subscribe(alice, shop.business).id
    portal = Portal(shop, alice, configuration)
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.team)
    portal.post(**portal.hidden())
    assert not portal.has('data-test="cancel-subscription"')
    portal.follow('data-test="update-subscription"')
    assert portal.has("Cancel change")
    portal.post(re.search(r'action="([^"]+/undo/)"', portal.html)[1])
    assert shop.subscription(subscription).schedule is None
    assert portal.has('data-test="cancel-subscription"')


def test_a_dearer_plan_comes_at_once_all_the_same(shop, alice):
    configuration, _ = putting_off(shop, "decreasing_item_amount", "shortening_interval")
    subscription = shop.subscribe(alice).id
    portal = Portal(shop, alice, configuration)
    portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.business)
    portal.post(**portal.hidden())
    assert item_of(shop.subscription(subscription)).price.id == shop.business


def test_a_shorter_interval_waits_only_where_that_is_a_condition(shop, alice):
    for conditions, waits in (((), False), (("decreasing_item_amount",), False), (("shortening_interval",), True)):
        configuration, yearly = putting_off(shop, *conditions)
        subscription = shop.subscribe(alice, yearly).id
        portal = Portal(shop, alice, configuration)
        # 29.00 a month are 348.00 a year: dearer than 290.00, though the interval is shorter.
        portal.get(f"{portal.url}subscriptions/{subscription}/update/confirm/", price=shop.team)
        portal.post(**portal.hidden())
        assert (item_of(shop.subscription(subscription)).price.id == yearly) is waits


def test_the_schedules_of_others_are_left_alone(shop, alice):
    subscription = shop.subscribe(alice).id
    schedule = shop.v1.subscription_schedules.create({"from_subscription": subscription}).id
    portal = Portal(shop, alice, configure(shop))
    for mark in ("cancel", "update"):
        assert not portal.has(f'data-test="{mark}-subscription"')
        page = f"{portal.url}subscriptions/{subscription}/{mark}/"
        assert schedule in portal.get(page).html
        assert portal.answer.status_code == 422
        portal.home()
    assert portal.browser.post(f"{portal.url}subscriptions/{subscription}/update/undo/").status_code == 404


def test_the_demo_offers_its_plans_once_and_leaves_what_somebody_changed(account, stripe_client):
    personas.catalogue(account)
    portal = stripe_client.v1.billing_portal.configurations
    (default,) = portal.list({"expand": ["data.features.subscription_update.products"]}).data
    assert [len(product.prices) for product in default.features.subscription_update.products] == [2, 2, 2]
    portal.update(default.id, {"features": {"subscription_update": {"default_allowed_updates": ["quantity"]}}})
    personas.catalogue(account)
    assert portal.retrieve(default.id).features.subscription_update.default_allowed_updates == ["quantity"]
