"""The sandbox is controlled over HTTP as by function: in JSON, with the account's secret key, errors as Stripe's."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import stripe

from billing import payers
from hooks import hooks
from sandbox import clock, control, control_api, delivery_plan, fault_plan, plans, server
from sandbox.models import Account

pytestmark = [pytest.mark.django_db(databases=["default", "sandbox"]), pytest.mark.urls("hooks")]

DAY = 86_400


@pytest.fixture
def ask(client, account):
    """A function that sends a control request and returns (status, data)."""

    def send(method, path, key=f"sk_test_{account.name}", **given):
        url, headers = f"/sandbox/_control/{path}", {"Authorization": f"Bearer {key}"}
        if method == "POST":
            answer = client.post(url, json.dumps(given), content_type="application/json", headers=headers)
        else:
            answer = client.generic(method, url, headers=headers, query_params=given)
        return answer.status_code, answer.json()

    return send


@pytest.fixture
def done(ask):
    """A function that sends a control request which has to succeed, and returns its data."""

    def send(method, path, **given):
        status, data = ask(method, path, **given)
        assert status == 200, data
        return data

    return send


@pytest.fixture
def endpoint(stripe_client):
    hooks.clear()
    return stripe_client.v1.webhook_endpoints.create(
        {"url": "https://dashboard.sandbox/hook/one/", "enabled_events": ["*"]}
    )


def test_the_overview_says_how_the_account_stands(done, account, stripe_client):
    stripe_client.v1.customers.create({"name": "Ada"})
    seen = done("GET", "")
    assert (seen["account"], seen["name"], seen["deliveries"]) == (account.acct, account.name, "sent")
    assert seen["objects"] == {"customer": 1, "event": 1}
    assert "POST /_control/clock" in seen["controls"]


def test_the_clock_is_read_and_moved(done, stripe_client):
    start = done("GET", "clock")["now"]
    assert abs(start - time.time()) < 5
    assert done("POST", "clock", seconds=DAY)["now"] >= start + DAY
    assert done("POST", "clock", to=start + 3 * DAY)["now"] == start + 3 * DAY
    assert stripe_client.v1.customers.create({}).created >= start + 3 * DAY


def test_a_renewal_can_be_waited_for(done, shop_now, stripe_client):
    done("POST", "clock", seconds=32 * DAY)
    assert [invoice.billing_reason for invoice in stripe_client.v1.invoices.list()] == [
        "subscription_cycle",
        "subscription_create",
    ]


@pytest.fixture
def shop_now(stripe_client):
    """A customer who subscribes at this moment."""
    customer = stripe_client.v1.customers.create({"name": "Ada", "payment_method": "pm_card_visa"})
    card = stripe_client.v1.customers.payment_methods.list(customer.id).data[0].id
    product = stripe_client.v1.products.create({"name": "Team"})
    price = stripe_client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
    )
    return stripe_client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": card}
    )


def test_deliveries_are_held_listed_released_and_resent(done, stripe_client, endpoint):
    assert done("POST", "deliveries/hold") == {"waiting": []}
    for person in ("Ada", "Grace"):
        stripe_client.v1.customers.create({"name": person})
    waiting = done("POST", "deliveries/hold")["waiting"]
    assert [each["type"] for each in waiting] == ["customer.created"] * 2
    done("POST", "deliveries/release", first=[waiting[1]["event"]])
    heard = [json.loads(request.body)["data"]["object"]["name"] for request in hooks["one"].requests]
    assert heard == ["Grace", "Ada"]
    [attempt] = done("POST", "deliveries/resend", event=waiting[0]["event"])["attempts"]
    assert attempt["response"]["status"] == 200
    [ada] = done("GET", "deliveries", event=waiting[0]["event"])["deliveries"]
    assert (ada["state"], ada["type"], ada["endpoint"]) == ("succeeded", "customer.created", endpoint.id)
    assert [each["response"]["body"] for each in ada["attempts"]] == ["noted", "noted"]
    assert len(done("GET", "deliveries", limit="1")["deliveries"]) == 1
    assert done("GET", "deliveries", state="failed") == {"deliveries": []}


def test_a_secret_is_rolled_and_shown_once(done, stripe_client, endpoint):
    rolled = done("POST", "webhook_endpoints/roll_secret", endpoint=endpoint.id)
    assert rolled["secret"].startswith("whsec_")
    assert rolled["secret"] != endpoint.secret
    assert "secret" not in stripe_client.v1.webhook_endpoints.retrieve(endpoint.id)


@pytest.mark.parametrize(("plan", "rule"), [("delivery_plan", {"duplicate": 1}), ("fault_plan", {"fault": "reset"})])
def test_plans_are_written_read_and_cleared(done, ask, plan, rule):
    written = done("POST", plan, rules=[rule], seed=7)
    assert written == done("GET", plan) == {"seed": "7", "rules": [{**rule, "seen": 0, "struck": 0}]}
    assert done("DELETE", plan)["rules"] == []
    status, data = ask("POST", plan, rules=[{"whatever": 1}])
    assert (status, data["error"]["type"]) == (400, "invalid_request_error")
    assert "rules[0]" in data["error"]["message"]


def test_a_plan_over_http_breaks_what_the_sdk_hears(done, stripe_client):
    done("POST", "fault_plan", rules=[{"fault": "rate_limit", "method": "POST", "path": "/v1/customers"}])
    with pytest.raises(stripe.RateLimitError):
        stripe_client.v1.customers.create({})
    assert done("GET", "fault_plan")["rules"][0]["struck"] == 1


def test_the_plan_does_not_reach_the_controls(done):
    done("POST", "fault_plan", rules=[{"fault": "api_error"}])
    assert done("DELETE", "fault_plan")["rules"] == []


def test_settings_of_dunning_are_kept_and_checked(done, ask):
    assert done("POST", "settings", settings={"retry_days": [1, 2], "after_last_retry": "unpaid"}) == {
        "after_last_retry": "unpaid",
        "retry_days": [1, 2],
    }
    assert done("POST", "settings", settings={"retry_days": None}) == {"after_last_retry": "unpaid"}
    for bad in ({"retry_days": [0]}, {"after_last_retry": "forgive"}, {"colour": "red"}, {"country": "USA"}):
        status, data = ask("POST", "settings", settings=bad)
        assert (status, next(iter(bad)) in data["error"]["message"]) == (400, True)
    assert done("GET", "settings") == {"after_last_retry": "unpaid"}


def test_snapshots_by_name(done, ask, stripe_client):
    done("POST", "snapshots", name="2026")
    customer = stripe_client.v1.customers.create({"name": "Ada"})
    assert [each["name"] for each in done("GET", "snapshots")["snapshots"]] == ["2026"]
    assert abs(done("POST", "snapshots/restore", name="2026")["now"] - time.time()) < 5
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe_client.v1.customers.retrieve(customer.id)
    assert done("DELETE", "snapshots", name="2026") == {"snapshots": []}
    status, data = ask("POST", "snapshots/restore", name="2026")
    assert (status, data["error"]["message"]) == (404, "There is no snapshot named '2026'.")


def test_a_reset_with_a_seed_makes_the_same_ids(done, stripe_client):
    ids = set()
    for _ in range(2):
        done("POST", "reset", seed="a")
        ids.add(stripe_client.v1.customers.create({}).id)
    assert len(ids) == 1


def test_a_scenario_makes_a_customer_in_its_state(done, ask, stripe_client):
    known = done("GET", "scenarios")["scenarios"]
    assert {"name", "promise"} == set(known[0])
    made = done("POST", "scenarios", name="past due after decline")
    [subscription] = stripe_client.v1.subscriptions.list({"customer": made["customer"], "status": "all"})
    assert subscription.status == "past_due"
    assert ask("POST", "scenarios", name="out of this world")[0] == 404


def test_a_scenario_can_be_that_of_somebody_on_the_dashboard(client, our_account, django_user_model):
    zoe = django_user_model.objects.create_user("zoe", "zoe@example.com")
    where, headers = "/sandbox/_control/scenarios", {"authorization": f"Bearer sk_test_{our_account.name}"}
    asked = {"name": "jpy", "user": "zoe"}
    answer = client.post(where, asked, content_type="application/json", headers=headers).json()
    assert payers.customer_of(zoe).pk == answer["customer"]
    refused = client.post(where, {**asked, "user": "yan"}, content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["error"]["message"]) == (404, "There is no user named 'yan'.")


def test_only_the_secret_key_of_the_account_opens_it(ask, account):
    assert ask("GET", "clock", key=f"pk_test_{account.name}")[0] == 403
    assert ask("GET", "clock", key="")[0] == 401
    status, data = ask("GET", "clock", key="sk_live_1234")
    assert (status, "refuses live keys" in data["error"]["message"]) == (401, True)
    assert ask("GET", "", key="sk_test_neighbour")[1]["name"] == "neighbour"


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "words"),
    [
        ("POST", "clock", {"minutes": 5}, 400, "Received unknown parameter: minutes"),
        ("POST", "clock", {"seconds": "soon"}, 400, "Invalid seconds"),
        ("POST", "clock", {"seconds": True}, 400, "Invalid seconds"),
        ("POST", "clock", {"seconds": -5}, 400, "forward only"),
        ("POST", "clock", {}, 400, "forward only"),
        ("POST", "snapshots", {}, 400, "Missing required param: name."),
        ("POST", "deliveries/resend", {"event": "evt_none"}, 404, "No such event: 'evt_none'"),
        ("POST", "webhook_endpoints/roll_secret", {"endpoint": "we_none"}, 404, "No such webhook endpoint"),
        ("DELETE", "clock", {}, 405, "GET /_control/clock, POST /_control/clock"),
        ("GET", "weather", {}, 404, "names what there is"),
    ],
)
def test_what_cannot_be_is_said_clearly(ask, method, path, given, status, words):
    answered, data = ask(method, path, **given)
    assert (answered, words in data["error"]["message"]) == (status, True), data


@pytest.mark.parametrize(
    ("body", "words"),
    [("{", "must be JSON."), (b"\xff", "must be JSON."), ("[]", "a JSON object"), ("5", "a JSON object")],
)
def test_a_body_that_is_no_hash_is_refused(client, account, body, words):
    headers = {"Authorization": f"Bearer sk_test_{account.name}"}
    answer = client.post("/sandbox/_control/clock", body, content_type="application/json", headers=headers)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)


def test_every_control_over_http_is_one_by_function():
    for (method, path), function in control.controls.items():
        assert function.__doc__, (method, path)
        assert getattr(control, function.__name__) is function
        assert control_api._find(method, path) is function


def test_its_readme_names_every_control_and_every_key_of_a_rule():
    text = (Path(control.__file__).parent / "README.md").read_text()
    rules = [*fault_plan._RULE, *delivery_plan._RULE, *plans._WHEN]
    ends = [path.rpartition("/")[2] for _, path in control.controls]
    assert [name for name in [*ends, *rules] if name not in text] == []


def test_by_function_it_is_the_same(account, stripe_client):
    assert control.advance(account, seconds=DAY)["now"] == clock.now(account)
    control.save_snapshot(account, "before")
    stripe_client.v1.customers.create({})
    control.restore_snapshot(account, "before")
    assert control.overview(account)["objects"] == {}
    assert server.account_named(account.name) == Account.objects.get(pk=account.pk)
