"""A fault plan breaks what a client hears, as written and as often as written, and never what Stripe remembers.

What happens to a real wire is in test_sandbox_standalone.py: it takes a real web server.
"""

from __future__ import annotations

import time

import pytest
import stripe

from sandbox import fault_plan, plans
from sandbox.api import Api
from sandbox.models import Account

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

over_http = pytest.mark.django_db(databases=["default", "sandbox"], transaction=True)


@pytest.fixture
def plan(account):
    """A function that writes the account's fault plan of rules given as keywords of one, or as several hashes."""
    return lambda *rules, seed="", **rule: fault_plan.write(account, rules or [rule], seed)


@pytest.fixture
def http_client(account, live_server):
    """The official client over a socket, without retries of its own."""
    return stripe.StripeClient(
        f"sk_test_{account.name}", base_addresses={"api": f"{live_server.url}/sandbox"}, max_network_retries=0
    )


@pytest.fixture(params=["in process", pytest.param("over http", marks=over_http)])
def client(request, account, make_client):
    """Clients that hear of faults in the same words, whichever way the calls go."""
    if request.param == "over http":
        return request.getfixturevalue("http_client")
    return make_client(f"sk_test_{account.name}")


def counts(account: Account) -> list[tuple[int, int]]:
    return [(rule["seen"], rule["struck"]) for rule in plans.read(account, plans.FAULTS)["rules"]]


def names(client) -> list[str]:
    return sorted(customer.name for customer in client.v1.customers.list())


def test_without_a_plan_nothing_goes_wrong(client, account):
    client.v1.customers.create({"name": "Ada"})
    assert names(client) == ["Ada"]
    assert counts(account) == []


@pytest.mark.parametrize(
    ("fault", "error", "status", "code"),
    [
        ("api_error", stripe.APIError, 500, None),
        ("rate_limit", stripe.RateLimitError, 429, "rate_limit"),
        ("lock_timeout", stripe.RateLimitError, 429, "lock_timeout"),
        ("unauthorized", stripe.AuthenticationError, 401, None),
    ],
)
def test_stripes_own_errors_come_as_the_sdk_knows_them(client, plan, fault, error, status, code):
    plan(fault=fault, method="POST")
    with pytest.raises(error) as refusal:
        client.v1.customers.create({"name": "Ada"})
    assert (refusal.value.http_status, refusal.value.error.code) == (status, code)
    assert names(client) == []


@pytest.mark.parametrize("fault", ["reset", "truncated"])
@pytest.mark.parametrize(("when", "left"), [("before", []), ("after", ["Ada"])])
def test_a_line_that_breaks_leaves_what_was_done_before_it(stripe_client, plan, fault, when, left):
    plan(fault=fault, when=when, method="POST")
    with pytest.raises(stripe.APIConnectionError):
        stripe_client.v1.customers.create({"name": "Ada"})
    assert names(stripe_client) == left


@pytest.mark.parametrize(("when", "left"), [("before", []), ("after", ["Ada"])])
def test_a_gateway_answers_with_a_page_of_html(client, plan, when, left):
    plan(fault="bad_gateway", when=when, method="POST")
    with pytest.raises(stripe.APIError, match="502 Bad Gateway") as refusal:
        client.v1.customers.create({"name": "Ada"})
    assert refusal.value.http_status == 502
    assert names(client) == left


def test_a_refused_connection_never_reaches_stripe(stripe_client, plan):
    plan(fault="refused", when="after", method="POST")
    with pytest.raises(stripe.APIConnectionError) as refusal:
        stripe_client.v1.customers.create({"name": "Ada"})
    assert isinstance(refusal.value.__cause__, ConnectionRefusedError)
    assert names(stripe_client) == []


def test_a_slow_answer_comes_whole(client, plan):
    plan(fault="slow", seconds=0.2, method="POST")
    started = time.monotonic()
    assert client.v1.customers.create({"name": "Ada"}).name == "Ada"
    assert time.monotonic() - started >= 0.2


def test_a_lost_answer_is_found_again_under_the_same_key(stripe_client, plan, account):
    plan(fault="reset", when="after", method="POST", times=1)
    with pytest.raises(stripe.APIConnectionError):
        stripe_client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "one"})
    again = stripe_client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "one"})
    assert (again.name, names(stripe_client)) == ("Ada", ["Ada"])
    assert counts(account) == [(2, 1)]


def test_a_500_after_the_work_is_kept_for_its_key_and_one_before_is_not(stripe_client, plan):
    def create(key):
        return stripe_client.v1.customers.create({"name": key}, {"idempotency_key": key, "max_network_retries": 0})

    plan(fault="api_error", when="after", method="POST", times=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            create("after")
    assert names(stripe_client) == ["after"]
    plan(fault="api_error", when="before", method="POST", times=1)
    with pytest.raises(stripe.APIError):
        create("before")
    assert create("before").name == "before"


@pytest.mark.parametrize("fault", ["lock_timeout", "reset", "api_error"])
def test_the_sdks_own_retry_gets_over_what_passes(account, make_client, plan, fault):
    patient = make_client(f"sk_test_{account.name}")
    plan(fault=fault, method="POST", nth=1)
    created = patient.v1.customers.create({"name": "Ada"}, {"max_network_retries": 1})
    assert (created.name, counts(account)) == ("Ada", [(2, 1)])


def test_a_rate_limit_says_why_and_is_not_worth_a_retry(stripe_client, plan):
    plan(fault="rate_limit")
    with pytest.raises(stripe.RateLimitError) as refusal:
        stripe_client.v1.customers.list()
    assert refusal.value.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert refusal.value.headers["Stripe-Should-Retry"] == "false"


def test_only_the_calls_that_a_rule_names_are_struck(stripe_client, plan, account):
    plan(fault="api_error", method="POST", path="/v1/customers/*/balance_transactions")
    customer = stripe_client.v1.customers.create({"name": "Ada"})
    stripe_client.v1.customers.update(customer.id, {"name": "Ada L."})
    assert counts(account) == [(0, 0)]


def test_the_nth_call_is_struck_and_no_other(stripe_client, plan, account):
    plan(fault="api_error", path="/v1/customers", nth=[2, 4])
    outcomes = [outcome_of(stripe_client.v1.customers.list) for _ in range(5)]
    assert outcomes == ["", "APIError", "", "APIError", ""]
    assert counts(account) == [(5, 2)]


def test_the_first_rule_that_strikes_decides(stripe_client, plan):
    plan({"fault": "api_error", "nth": 2}, {"fault": "rate_limit", "times": 2})
    outcomes = [outcome_of(stripe_client.v1.customers.list) for _ in range(4)]
    assert outcomes == ["RateLimitError", "APIError", "", ""]


def test_the_same_seed_brings_the_same_faults_and_another_seed_others(stripe_client, plan):
    def storm(seed):
        plan(fault="api_error", probability=0.5, seed=seed)
        return [outcome_of(stripe_client.v1.customers.list) for _ in range(24)]

    assert storm("a") == storm("a") != storm("b")
    assert 4 < storm("a").count("APIError") < 20


def test_a_call_that_stripe_refuses_can_be_lost_too(stripe_client, plan):
    plan(fault="reset", when="after")
    with pytest.raises(stripe.APIConnectionError):
        stripe_client.v1.customers.retrieve("cus_nobody")


def test_stripes_own_pages_and_scenarios_suffer_nothing(account, plan):
    plan(fault="api_error")
    assert Api(account).post("customers", name="Ada")["name"] == "Ada"


def test_other_accounts_have_other_weather(stripe_client, make_client, plan):
    plan(fault="api_error")
    assert outcome_of(stripe_client.v1.customers.list) == "APIError"
    assert make_client("sk_test_neighbour").v1.customers.list().data == []


def test_a_plan_can_be_taken_back(stripe_client, plan, account):
    plan(fault="api_error")
    plans.clear(account, plans.FAULTS)
    assert stripe_client.v1.customers.list().data == []


def test_a_plan_that_was_read_can_be_written_again_and_counts_anew(stripe_client, plan, account):
    plan(fault="api_error", nth=1)
    outcome_of(stripe_client.v1.customers.list)
    plan(*plans.read(account, plans.FAULTS)["rules"])
    assert counts(account) == [(0, 0)]
    assert outcome_of(stripe_client.v1.customers.list) == "APIError"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, r"rules\[0\]\[fault\] is missing"),
        ({"fault": "explode"}, r"rules\[0\]\[fault\] must be one of api_error"),
        ({"fault": "reset", "nth": 0}, "whole number from 1, or a list"),
        ({"fault": "reset", "nth": []}, "whole number from 1, or a list"),
        ({"fault": "reset", "times": True}, "whole number from 1"),
        ({"fault": "reset", "probability": 1.5}, "a number from 0 to 1"),
        ({"fault": "reset", "when": "during"}, "one of before, after"),
        ({"fault": "slow", "seconds": -1}, "seconds from 0"),
        ({"fault": "reset", "color": "red"}, r"rules\[0\]\[color\] is unknown"),
        ("reset", "must be a hash"),
    ],
)
def test_it_refuses_a_rule_that_it_does_not_understand(account, rule, words):
    with pytest.raises(ValueError, match=words):
        fault_plan.write(account, [rule])
    assert account.plans == {}


def outcome_of(call) -> str:
    try:
        call()
    except stripe.StripeError as error:
        return type(error).__name__
    return ""
