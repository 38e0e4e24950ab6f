"""The sandbox speaks Stripe's protocol: keys, parameters, errors, cursors, expand, idempotency, headers."""

from __future__ import annotations

import ast
import base64
import json
import threading
from pathlib import Path

import pytest
import stripe
from django.db import transaction

from sandbox import clock, kernel, params, server, store
from sandbox.models import IdempotencyKey, Row

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

ENDPOINTS = Path(server.__file__).parent / "endpoints.txt"


@pytest.fixture
def ask(account):
    """Send a raw request and return the sandbox's Response."""

    def send(method, path, body="", query="", key=None, **headers):
        key = key or f"sk_test_{account.name}"
        headers = {
            "authorization": f"Bearer {key}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return server.handle(server.Request(method, path, query, headers, body))

    return send


@pytest.fixture
def customers(stripe_client):
    """Twelve customers, oldest first."""
    return [stripe_client.v1.customers.create({"name": f"Customer {number}"}) for number in range(12)]


def error_of(response):
    return response.data["error"]


# Form encoding


@pytest.mark.parametrize(
    ("encoded", "data"),
    [
        ("a=1&b[c]=2", {"a": "1", "b": {"c": "2"}}),
        ("items[0][price]=p&items[1][price]=q", {"items": {"0": {"price": "p"}, "1": {"price": "q"}}}),
        ("expand[]=a&expand[]=b", {"expand": {"0": "a", "1": "b"}}),
        ("items[][price]=p&items[][quantity]=2&items[][price]=q",
         {"items": {"0": {"price": "p", "quantity": "2"}, "1": {"price": "q"}}}),
        ("name=&note=a%26b%C3%A9", {"name": "", "note": "a&bé"}),
        ("metadata[a][b]=1", {"metadata": {"a": {"b": "1"}}}),
    ],
)  # fmt: skip
def test_it_reads_every_bracket_style(encoded, data):
    assert params.decode(encoded) == data


@pytest.mark.parametrize("encoded", ["a=1&a[b]=2", "a[b]=2&a=1"])
def test_it_refuses_a_name_that_is_both_value_and_hash(ask, encoded):
    assert ask("POST", "/v1/customers", encoded).status == 400


def test_it_takes_metadata_without_digging_into_brackets_of_its_keys(ask):
    assert error_of(ask("POST", "/v1/customers", "metadata[a][b]=1"))["param"] == "metadata"


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("limit=abc", "limit", "parameter_invalid_integer"),
        ("limit=0", "limit", "parameter_invalid_integer"),
        ("limit=101", "limit", "parameter_invalid_integer"),
        ("limit=", "limit", "parameter_invalid_empty"),
        ("created[gte]=soon", "created[gte]", "parameter_invalid_integer"),
        ("created[since]=1", "created[since]", "parameter_unknown"),
        ("email[a]=1", "email", None),
        ("expand=name", "expand", None),
        ("colour=red", "colour", "parameter_unknown"),
    ],
)
def test_it_refuses_a_list_parameter_of_the_wrong_kind(ask, query, param, code):
    response = ask("GET", "/v1/customers", query=query)
    assert response.status == 400
    error = error_of(response)
    assert error["type"] == "invalid_request_error"
    assert (error["param"], error.get("code")) == (param, code)


def test_it_names_nested_parameters_with_brackets(ask):
    response = ask("POST", "/v1/customers", "address[street]=Elm")
    assert error_of(response)["param"] == "address[street]"
    assert error_of(response)["message"] == "Received unknown parameter: address[street]"
    response = ask("POST", "/v1/products", "name=Pro&marketing_features[0][text]=a")
    assert error_of(response)["param"] == "marketing_features[0][text]"


def test_it_names_all_unknown_parameters_at_once(ask):
    error = error_of(ask("POST", "/v1/customers", "one=1&two=2"))
    assert error["message"] == "Received unknown parameters: one, two"


def test_it_names_what_is_missing(ask):
    error = error_of(ask("POST", "/v1/products", "active=true"))
    assert (error["code"], error["param"]) == ("parameter_missing", "name")
    error = error_of(ask("POST", "/v1/products", "name=a&default_price_data[unit_amount]=5"))
    assert error["param"] == "default_price_data[currency]"


def test_it_refuses_words_that_are_no_choice_and_no_boolean(ask):
    response = ask("POST", "/v1/customers", "tax_exempt=maybe")
    assert error_of(response)["message"] == "Invalid tax_exempt: must be one of none, exempt, or reverse"
    assert error_of(ask("POST", "/v1/products", "name=a&active=1"))["message"] == "Invalid boolean: 1"


def test_it_unsets_with_an_empty_string_what_can_be_unset(stripe_client):
    customer = stripe_client.v1.customers.create({"description": "VIP", "metadata": {"a": "1", "b": "2"}})
    customer = stripe_client.v1.customers.update(customer.id, {"description": "", "metadata": {"a": "", "c": "3"}})
    assert customer.description is None
    assert customer.metadata.to_dict() == {"b": "2", "c": "3"}
    assert stripe_client.v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_it_does_not_unset_what_cannot_be_unset(ask):
    error = error_of(ask("POST", "/v1/products", "name="))
    assert (error["code"], error["param"]) == ("parameter_invalid_empty", "name")


@pytest.mark.parametrize(
    "body",
    ["&".join(f"metadata[k{n}]=v" for n in range(51)), f"metadata[{'k' * 41}]=v", f"metadata[k]={'v' * 501}"],
)
def test_it_keeps_metadata_within_its_limits(ask, body):
    assert error_of(ask("POST", "/v1/customers", body))["param"].startswith("metadata")


def test_it_says_501_for_a_parameter_it_does_not_emulate(ask):
    response = ask("POST", "/v1/customers", "tax[ip_address]=127.0.0.1")
    assert response.status == 501
    assert error_of(response)["param"] == "tax"


# Keys and accounts


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        ("", "You did not provide an API key"),
        ("Bearer nonsense", "Invalid API Key provided"),
        ("Bearer sk_live_abc", "refuses live keys"),
        ("Bearer pk_live_abc", "refuses live keys"),
        ("Basic %%%", "You did not provide an API key"),
    ],
)
def test_it_turns_strange_keys_away(ask, authorization, words):
    response = server.handle(server.Request("GET", "/v1/customers", headers={"authorization": authorization}))
    assert response.status == 401
    assert words in error_of(response)["message"]


def test_it_takes_the_key_as_basic_user(account):
    token = base64.b64encode(f"sk_test_{account.name}:".encode()).decode()
    response = server.handle(server.Request("GET", "/v1/account", headers={"authorization": f"Basic {token}"}))
    assert response.data["id"] == account.acct


def test_it_gives_every_key_an_account_of_its_own(stripe_client, make_client, customers):
    stranger = make_client("sk_test_stranger")
    assert stranger.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stranger.v1.customers.retrieve(customers[0].id)
    restricted = make_client(f"rk_test_{server.authenticate(auth_of(stripe_client))[0].name}")
    assert restricted.v1.customers.retrieve(customers[0].id).name == "Customer 0"


def auth_of(client):
    return {"authorization": f"Bearer {client._requestor.api_key}"}


def test_it_keeps_publishable_keys_to_the_browser_routes(account, make_client):
    with pytest.raises(stripe.PermissionError) as refusal:
        make_client(f"pk_test_{account.name}").v1.customers.list()
    assert refusal.value.error.code == "secret_key_required"


# Addresses


def test_it_does_not_know_an_address_that_stripe_does_not_know(ask):
    response = ask("GET", "/v1/dragons")
    assert response.status == 404
    assert error_of(response)["message"].startswith("Unrecognized request URL (GET: /v1/dragons)")
    assert ask("PUT", "/v1/customers").status == 404


def test_it_says_501_for_an_endpoint_that_it_does_not_emulate(ask):
    response = ask("GET", "/v1/issuing/cards/ic_1")
    assert response.status == 501
    assert error_of(response)["type"] == "api_error"


def test_it_has_no_connected_accounts(ask):
    assert ask("GET", "/v1/account", stripe_account="acct_other").status == 501


def test_it_knows_every_endpoint_of_the_pinned_sdk():
    """`endpoints.txt` is generated: on an upgrade of the SDK write what this test prints."""
    listed = set(ENDPOINTS.read_text().split("\n")) - {""}
    assert listed == endpoints_of_the_sdk()


def test_it_invents_no_endpoint():
    stripes = {server._shape(*line.split(" ", 1)) for line in endpoints_of_the_sdk()}
    ours = {server._shape(route.method, "/".join(route.segments)) for route in kernel.routes()}
    assert ours - stripes == set()


def test_its_readme_names_every_resource():
    text = (ENDPOINTS.parent / "README.md").read_text()
    assert [route.segments[1] for route in kernel.routes() if f"`{route.segments[1]}`" not in text] == []


def endpoints_of_the_sdk():
    found = set()
    for path in Path(stripe.__file__).parent.rglob("_*_service.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"_request", "_request_stream"}:
                method, url = node.args[:2]
                template = url.func.value if isinstance(url, ast.Call) else url
                if isinstance(template, ast.Constant) and template.value.startswith("/v1/"):
                    found.add(f"{method.value.upper()} {template.value}")
    return found


# Objects that are not there


def test_it_does_not_find_what_never_was(stripe_client):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.customers.retrieve("cus_nobody")
    assert (error.value.http_status, error.value.code, error.value.param) == (404, "resource_missing", "id")
    assert error.value.user_message == "No such customer: 'cus_nobody'"


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("/v1/customers/cus_nobody", "name=Ada", 404, "id"),
        ("/v1/subscriptions", "customer=cus_nobody&items[0][price]=price_none", 400, "customer"),
        ("/v1/prices", "currency=usd&unit_amount=1&product=prod_none", 400, "product"),
        ("/v1/customers", "invoice_settings[default_payment_method]=pm_none", 400, None),
    ],
)
def test_what_the_address_names_is_not_found_and_what_a_parameter_names_is_invalid(ask, path, body, status, param):
    response = ask("POST", path, body)
    assert (response.status, error_of(response)["code"]) == (status, "resource_missing")
    assert error_of(response)["param"] == (param or "invoice_settings[default_payment_method]")


def test_it_remembers_a_deleted_customer_as_a_stub(stripe_client, customers):
    id = customers[0].id
    assert stripe_client.v1.customers.delete(id).to_dict() == {"id": id, "object": "customer", "deleted": True}
    assert stripe_client.v1.customers.retrieve(id).deleted is True
    assert id not in [customer.id for customer in stripe_client.v1.customers.list({"limit": 100})]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe_client.v1.customers.update(id, {"name": "Ghost"})


# Lists


def test_it_lists_the_newest_ten_first(stripe_client, customers):
    page = stripe_client.v1.customers.list()
    assert [customer.name for customer in page.data] == [f"Customer {number}" for number in range(11, 1, -1)]
    assert (page.has_more, page.url) == (True, "/v1/customers")


def test_it_turns_pages_in_both_directions(stripe_client, customers):
    newest_first = [customer.id for customer in reversed(customers)]
    after = stripe_client.v1.customers.list({"limit": 3, "starting_after": newest_first[2]})
    assert [customer.id for customer in after.data] == newest_first[3:6]
    before = stripe_client.v1.customers.list({"limit": 3, "ending_before": newest_first[6]})
    assert [customer.id for customer in before.data] == newest_first[3:6]
    assert before.has_more
    assert not stripe_client.v1.customers.list({"limit": 3, "ending_before": newest_first[3]}).has_more
    assert not stripe_client.v1.customers.list({"limit": 3, "starting_after": newest_first[8]}).has_more


def test_the_sdk_pages_through_everything(stripe_client, customers):
    every = [customer.id for customer in stripe_client.v1.customers.list({"limit": 5}).auto_paging_iter()]
    assert every == [customer.id for customer in reversed(customers)]


def test_it_sorts_by_the_time_of_creation_not_of_arrival(stripe_client, account):
    stripe_client.v1.customers.create({"name": "today"})
    with clock.at(account, clock.now(account) - 1000):
        stripe_client.v1.customers.create({"name": "earlier"})
    assert [customer.name for customer in stripe_client.v1.customers.list().data] == ["today", "earlier"]


def test_it_refuses_a_cursor_that_is_no_object_of_the_list(stripe_client):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.customers.list({"starting_after": "cus_nobody"})
    assert (error.value.code, error.value.param) == ("resource_missing", "starting_after")


def test_it_filters_by_creation(stripe_client, account):
    start = clock.now(account)
    for day in range(4):
        with clock.at(account, start - day * 86_400):
            stripe_client.v1.customers.create({"name": f"{day} days ago"})
    between = {"gte": start - 2 * 86_400, "lt": start}
    found = stripe_client.v1.customers.list({"created": between}).data
    assert [customer.name for customer in found] == ["1 days ago", "2 days ago"]
    assert stripe_client.v1.customers.list({"created": start - 86_400}).data[0].name == "1 days ago"


def test_it_filters_by_email(stripe_client):
    stripe_client.v1.customers.create({"email": "ada@example.com"})
    stripe_client.v1.customers.create({"email": "bob@example.com"})
    found = stripe_client.v1.customers.list({"email": "ada@example.com"}).data
    assert [customer.email for customer in found] == ["ada@example.com"]


# Expand


@pytest.fixture
def payment(stripe_client):
    """A payment of a customer with a default card."""
    customer = stripe_client.v1.customers.create(
        {"payment_method": "pm_card_visa", "name": "Ada"},
    )
    card = stripe_client.v1.customers.payment_methods.list(customer.id).data[0].id
    stripe_client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card}})
    return stripe_client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": card,
            "confirm": True,
            "return_url": "https://shop.example",
        }
    )


def test_it_expands_through_objects_and_hashes(stripe_client, payment):
    paths = ["latest_charge.balance_transaction", "customer.invoice_settings.default_payment_method"]
    expanded = stripe_client.v1.payment_intents.retrieve(payment.id, {"expand": paths})
    assert expanded.latest_charge.balance_transaction.net == 941  # 1000 less 2.9 % and 30 cents
    assert expanded.customer.invoice_settings.default_payment_method.card.last4 == "4242"
    assert stripe_client.v1.payment_intents.retrieve(payment.id).latest_charge == payment.latest_charge


def test_it_expands_inside_lists(stripe_client, payment):
    page = stripe_client.v1.payment_intents.list({"expand": ["data.customer", "data.latest_charge.customer"]})
    assert page.data[0].customer.name == page.data[0].latest_charge.customer.name == "Ada"


def test_it_expands_what_is_not_there_to_nothing(stripe_client):
    customer = stripe_client.v1.customers.create({"expand": ["invoice_settings.default_payment_method"]})
    assert customer.invoice_settings.default_payment_method is None


def test_it_expands_through_a_hash_that_is_not_there(stripe_client, payment):
    found = stripe_client.v1.payment_intents.list({"expand": ["data.last_payment_error.payment_method"]})
    assert found.data[0].last_payment_error is None


def test_it_expands_a_deleted_customer_to_its_stub(stripe_client, payment):
    stripe_client.v1.customers.delete(payment.customer)
    expanded = stripe_client.v1.payment_intents.retrieve(payment.id, {"expand": ["customer"]})
    assert expanded.customer.deleted is True


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("name", "This property cannot be expanded (name)."),
        ("metadata", "This property cannot be expanded (metadata)."),
        ("dragons", "This property cannot be expanded (dragons)."),
        ("a.b.c.d.e", "You cannot expand more than 4 levels of a property. Property: a.b.c.d.e"),
    ],
)
def test_it_refuses_to_expand_what_is_no_reference(stripe_client, path, message):
    with pytest.raises(stripe.InvalidRequestError) as error:
        stripe_client.v1.customers.create({"expand": [path]})
    assert error.value.user_message == message
    assert stripe_client.v1.customers.list().data == []


def test_it_does_not_expand_the_object_inside_an_event(stripe_client, payment):
    event = stripe_client.v1.events.list({"type": "payment_intent.succeeded"}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match=r"cannot be expanded \(data\.customer\)"):
        stripe_client.v1.events.retrieve(event.id, {"expand": ["data.customer"]})


def test_it_hints_at_data_in_lists(stripe_client, payment):
    with pytest.raises(stripe.InvalidRequestError, match=r"try expanding 'data\.customer' instead"):
        stripe_client.v1.payment_intents.list({"expand": ["customer"]})


# Headers


def test_it_sends_stripes_headers(ask):
    response = ask("POST", "/v1/customers", idempotency_key="first")
    assert response.headers["Request-Id"].startswith("req_")
    assert response.headers["Stripe-Version"] == stripe.api_version == "2026-10-28.endive"
    assert response.headers["Idempotency-Key"] == "first"
    assert response.headers["Stripe-Should-Retry"] == "false"


def test_the_error_names_its_log_and_documentation(ask):
    response = ask("GET", "/v1/customers/cus_nobody")
    assert response.headers["Request-Id"] in error_of(response)["request_log_url"]
    assert error_of(response)["doc_url"].endswith("#resource-missing")


def test_observers_see_every_finished_request(ask, monkeypatch):
    seen = []
    monkeypatch.setattr(server, "observers", [lambda request, response: seen.append((request.path, response.status))])
    ask("GET", "/v1/account")
    ask("GET", "/v1/dragons")
    assert seen == [("/v1/account", 200), ("/v1/dragons", 404)]


# Idempotency


def test_it_answers_a_repeated_key_with_the_first_answer(ask):
    first = ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1")
    again = ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1")
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"] != again.headers["Request-Id"]
    assert len(ask("GET", "/v1/customers").data["data"]) == 1


def test_it_refuses_a_key_that_comes_back_with_another_request(stripe_client):
    stripe_client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError) as error:
        stripe_client.v1.customers.create({"name": "Bob"}, {"idempotency_key": "k1"})
    assert error.value.http_status == 400


def test_it_asks_to_try_again_while_the_first_request_is_under_way(ask, account):
    ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1")
    IdempotencyKey.objects.filter(key="k1").update(status=None)
    response = ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1")
    assert (response.status, error_of(response)["code"]) == (409, "idempotency_key_in_use")
    assert response.headers["Stripe-Should-Retry"] == "true"
    IdempotencyKey.objects.filter(key="k1").update(claimed_at=clock.wall() - 61)  # its process must have died
    assert ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1").status == 200


def test_it_does_not_keep_the_refusal_of_wrong_parameters(ask):
    assert ask("POST", "/v1/customers", "nam=Ada", idempotency_key="k1").status == 400
    assert ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1").status == 200


def test_it_keeps_a_decline_as_the_answer(ask):
    body = "amount=900&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true&return_url=https://a.example"
    first = ask("POST", "/v1/payment_intents", body, idempotency_key="k1")
    again = ask("POST", "/v1/payment_intents", body, idempotency_key="k1")
    assert (first.status, again.body) == (402, first.body)
    assert len(ask("GET", "/v1/charges").data["data"]) == 1


def test_it_keeps_its_own_failure_as_the_answer(ask, monkeypatch, caplog):
    with monkeypatch.context() as broken:
        broken.setattr(store, "insert", lambda *_, **__: 1 / 0)
        first = ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1")
    assert (first.status, error_of(first)["type"]) == (500, "api_error")
    assert "ZeroDivisionError" in caplog.text
    assert ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1").body == first.body


def test_it_forgets_a_key_after_a_day_on_its_own_clock(ask, account):
    ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1")
    clock.advance(account, seconds=24 * 3600)
    assert "Idempotent-Replayed" not in ask("POST", "/v1/customers", "name=Ada", idempotency_key="k1").headers
    assert len(ask("GET", "/v1/customers").data["data"]) == 2


def test_keys_belong_to_one_account_and_to_posts(ask):
    ask("POST", "/v1/customers", idempotency_key="k1")
    assert "Idempotent-Replayed" not in ask("POST", "/v1/customers", key="sk_test_other", idempotency_key="k1").headers
    assert ask("GET", "/v1/customers", idempotency_key="k1").data["object"] == "list"
    assert ask("POST", "/v1/customers", idempotency_key="k" * 256).status == 400


# Transactions


def test_an_error_leaves_no_trace(stripe_client):
    with pytest.raises(stripe.CardError):
        stripe_client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert stripe_client.v1.customers.list().data == []
    assert stripe_client.v1.events.list().data == []


def test_what_happened_at_stripe_outlives_a_rollback_of_the_site(stripe_client):
    with transaction.atomic(using="default"):
        stripe_client.v1.customers.create({"name": "Ada"})
        transaction.set_rollback(True, using="default")
    assert stripe_client.v1.customers.list().data[0].name == "Ada"


def test_ids_follow_from_the_seed(account, make_client):
    def made(seed):
        name = f"{account.name}{seed}"
        server.account_named(name)
        type(account).objects.filter(name=name).update(seed="fixed")
        client = make_client(f"sk_test_{name}")
        return [client.v1.customers.create().id, client.v1.products.create({"name": "Pro"}).id]

    assert made("a") == made("b")


# Over HTTP


@pytest.fixture
def http_client(account, live_server):
    return stripe.StripeClient(f"sk_test_{account.name}", base_addresses={"api": f"{live_server.url}/sandbox"})


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_any_sdk_can_talk_to_it_over_http(http_client):
    customer = http_client.v1.customers.create({"name": "Zoë & Co", "metadata": {"plan": "100 %"}})
    assert http_client.v1.customers.retrieve(customer.id).name == "Zoë & Co"
    assert http_client.v1.customers.list({"limit": 1, "expand": ["data.default_source"]}).data[0].id == customer.id
    assert http_client.v1.customers.delete(customer.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        http_client.v1.customers.update(customer.id, {"name": "Ghost"})


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_hosted_pages_are_where_the_client_found_the_api(http_client, live_server):
    intent = http_client.v1.setup_intents.create(
        {"payment_method": "pm_card_authenticationRequired", "confirm": True, "return_url": "https://shop.example"}
    )
    assert intent.next_action.redirect_to_url.url.startswith(f"{live_server.url}/sandbox/three-ds-2-challenge/")


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_one_key_sent_by_many_threads_makes_one_customer(http_client):
    answers = []

    def create():
        try:
            options = {"idempotency_key": "once", "max_network_retries": 5}
            answers.append(http_client.v1.customers.create({"name": "Ada"}, options).id)
        except stripe.StripeError as error:
            answers.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert Row.objects.filter(kind="customer").count() == 1


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_the_same_state_shows_in_process_and_over_http(http_client, stripe_client):
    customer = stripe_client.v1.customers.create({"name": "Ada"})
    assert json.loads(str(http_client.v1.customers.retrieve(customer.id))) == json.loads(str(customer))
