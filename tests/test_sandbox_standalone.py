"""`make sandbox` is a Stripe for any project: a process and an address of its own, real sockets, several at once."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Callable[..., Any]:
    """A context manager that serves the sandbox from a subprocess, and yields its address once it answers."""
    folder = tmp_path_factory.mktemp("alone")

    @contextmanager
    def serve(database: str = "sandbox", **more: str) -> Iterator[str]:
        with launched(folder / f"{database}.sqlite3", **more) as (process, port):
            assert process.stdout is not None
            greeting = ""
            while "Ctrl-C stops it." not in greeting and process.poll() is None:
                greeting += process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in greeting, process.communicate()
            yield f"http://127.0.0.1:{port}"

    return serve


@contextmanager
def launched(database: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    keys = dict.fromkeys(("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "HOST"), "")
    log = database.with_suffix(".log").open("a")  # a pipe that nobody reads would fill, and stop the server
    process = subprocess.Popen(
        [sys.executable, "scripts/sandbox.py"],
        cwd=ROOT,
        env={
            **os.environ,
            **keys,
            "PORT": str(port),
            "STRIPE_SANDBOX_DATABASE_URL": f"sqlite:///{database}",
            **more,
        },
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)
        log.close()


@pytest.fixture(scope="module")
def address(start) -> Iterator[str]:
    with start() as address:
        yield address


@pytest.fixture
def connect(account_name) -> Callable[[str], stripe.StripeClient]:
    """A function from an address to the official client of this test's account there."""
    return lambda address: stripe.StripeClient(
        f"sk_test_{account_name}", base_addresses={"api": address}, max_network_retries=0
    )


@pytest.fixture
def client(address, connect) -> stripe.StripeClient:
    return connect(address)


@pytest.fixture
def control(address, account_name) -> Callable[..., Any]:
    def send(path: str, **given: Any) -> Any:
        answer = requests.post(
            f"{address}/_control/{path}", json=given, auth=(f"sk_test_{account_name}", ""), timeout=9
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    return send


def test_the_api_is_at_the_root_and_under_sandbox_and_there_is_no_dashboard(address, client, connect):
    customer = client.v1.customers.create({"name": "Ada"})
    assert connect(f"{address}/sandbox").v1.customers.retrieve(customer.id).name == "Ada"
    for page in ("/billing/", "/admin/", "/accounts/login/"):
        assert requests.get(address + page, timeout=5).status_code == 404
    for page in ("/healthz", "/sandbox/stripe.js", "/sandbox/elements-demo/"):
        assert requests.get(address + page, timeout=5).status_code == 200


def test_its_links_lead_to_itself(address, client):
    session = client.v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "success_url": "https://a.example"}
    )
    assert session.url is not None
    assert session.url.startswith(f"{address}/sandbox/")
    assert requests.get(session.url, timeout=9).status_code == 200


def test_live_keys_are_refused_by_the_api_and_at_the_start(address, tmp_path):
    live = stripe.StripeClient("sk_live_0000000000", base_addresses={"api": address})
    with pytest.raises(stripe.AuthenticationError, match="refuses live keys"):
        live.v1.customers.list()
    with launched(tmp_path / "s.sqlite3", STRIPE_SECRET_KEY="sk_live_0000000000") as (process, _):
        assert process.wait(timeout=20) == 1
    said = (tmp_path / "s.log").read_text()
    assert "Not started: a live Stripe key and the sandbox cannot run together" in said


def test_it_listens_to_this_machine_only_unless_it_is_told_otherwise(start):
    for host, others_may in (("", False), ("0.0.0.0", True)):  # noqa: S104
        with start("listening", HOST=host) as address:
            elsewhere = address.replace("127.0.0.1", "127.0.0.2")
            if others_may:
                assert requests.get(f"{elsewhere}/healthz", timeout=5).status_code == 200
            else:
                with pytest.raises(requests.ConnectionError, match="refused"):
                    requests.get(f"{elsewhere}/healthz", timeout=5)


def test_what_it_knows_survives_a_restart(start, connect):
    with start("kept") as address:
        customer = connect(address).v1.customers.create({"name": "Ada"}, {"idempotency_key": "one"})
    with start("kept") as address:
        again = connect(address).v1.customers.create({"name": "Ada"}, {"idempotency_key": "one"})
        assert [each.id for each in connect(address).v1.customers.list()] == [again.id] == [customer.id]


# What happens to a wire


@pytest.mark.parametrize(("when", "left"), [("before", []), ("after", ["Ada"])])
@pytest.mark.parametrize("fault", ["reset", "truncated", "refused"])
def test_a_line_breaks_as_planned(client, control, fault, when, left):
    control("fault_plan", rules=[{"fault": fault, "when": when, "method": "POST"}])
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "Ada"})
    assert [customer.name for customer in client.v1.customers.list()] == (left if fault != "refused" else [])


def test_a_truncated_answer_promises_more_than_comes(address, control, account_name):
    control("fault_plan", rules=[{"fault": "truncated", "when": "after"}])
    answer = requests.get(f"{address}/v1/account", auth=(f"sk_test_{account_name}", ""), stream=True, timeout=9)
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=r"IncompleteRead\(\d\d+ bytes read, \d\d+ more"):
        _ = answer.content


def test_a_reset_is_a_reset(address, control, account_name):
    control("fault_plan", rules=[{"fault": "reset"}])
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=9) as line:
        asked = f"GET /v1/account HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test_{account_name}\r\n\r\n"
        line.sendall(asked.encode())
        with pytest.raises(ConnectionResetError):
            line.recv(1000)


def test_the_sdks_own_retry_gets_over_a_reset(address, control, account_name):
    control("fault_plan", rules=[{"fault": "reset", "when": "after", "nth": 1}])
    patient = stripe.StripeClient(f"sk_test_{account_name}", base_addresses={"api": address}, max_network_retries=1)
    assert patient.v1.customers.create({"name": "Ada"}).name == "Ada"
    assert len(patient.v1.customers.list().data) == 1


def test_an_html_page_of_a_gateway_is_no_answer_of_stripes(client, control):
    control("fault_plan", rules=[{"fault": "bad_gateway"}])
    with pytest.raises(stripe.APIError, match="502 Bad Gateway"):
        client.v1.customers.list()


# Webhooks


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A web server of the other project's; yields its URL and the requests it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    elsewhere = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=elsewhere.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{elsewhere.server_port}/stripe", got
    elsewhere.shutdown()
    thread.join()
    elsewhere.server_close()


def eventually(condition: Callable[[], bool]) -> bool:
    pause = threading.Event()
    return any(condition() or pause.wait(0.05) for _ in range(200))


def test_webhooks_come_over_http_signed_and_in_order(client, receiver):
    url, got = receiver
    endpoint = client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
    for number in range(30):
        client.v1.customers.create({"name": f"Customer {number}"})
    assert eventually(lambda: len(got) == 30)
    events = [stripe.Webhook.construct_event(body, head["Stripe-Signature"], endpoint.secret) for head, body in got]
    assert [event.data.object["name"] for event in events] == [f"Customer {number}" for number in range(30)]
    assert eventually(lambda: not client.v1.events.list({"delivery_success": False}).data)


def test_a_plan_permutes_what_comes_over_http(client, control, receiver):
    url, got = receiver
    client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
    control("delivery_plan", rules=[{"permute": True}, {"duplicate": 1, "nth": 2}], seed="x")
    control("deliveries/hold")
    for number in range(8):
        client.v1.customers.create({"name": str(number)})
    control("deliveries/release")
    assert eventually(lambda: len(got) == 9)
    order = [re.search(rb'"name": "(\d)"', body)[1].decode() for _, body in got]  # type: ignore[index]
    assert Counter(order) == {**dict.fromkeys("01234567", 1), "1": 2}
    assert order != sorted(order)


# Several processes


def test_two_processes_with_four_threads_each_lose_nothing_and_do_nothing_twice(start, connect):
    with start("shared") as one, start("shared") as two:
        connect(one).v1.customers.create({"name": "Shared"})
        shared = connect(two).v1.customers.list().data[0].id
        outcomes = hammer([one, two] * 4, connect, shared, rounds=12)
        customers = connect(one).v1.customers.list({"limit": 100}).data
        [counted] = [each for each in customers if each.id == shared]
        assert outcomes["failed"] == 0, outcomes
        # 8 threads x 12 rounds each wrote a key of their own and moved the balance by one.
        assert len(counted.metadata.to_dict()) == 96
        assert counted.balance == -96
        # Each round's key was sent by all eight threads: one customer for each.
        assert Counter(each.name for each in customers) == {"Shared": 1, **{f"Round {n}": 1 for n in range(12)}}
        assert len(list(connect(two).v1.events.list({"type": "customer.created", "limit": 100}))) == 13


def hammer(addresses: list[str], connect: Callable[[str], Any], shared: str, rounds: int) -> Counter[str]:
    """Let one thread for each address write to the same account at the same time; count what came of it."""
    barrier, outcomes = threading.Barrier(len(addresses)), Counter(failed=0)

    def write(number: int, address: str) -> None:
        v1 = connect(address).v1
        barrier.wait()
        for each in range(rounds):
            key = {"idempotency_key": f"round-{each}"}
            steps: list[Callable[[], Any]] = [
                lambda each=each: v1.customers.update(shared, {"metadata": {f"{number}-{each}": "x"}}),
                lambda: v1.customers.balance_transactions.create(shared, {"amount": -1, "currency": "usd"}),
                lambda each=each, key=key: v1.customers.create({"name": f"Round {each}"}, key),
                lambda: v1.customers.list({"limit": 3}),
            ]
            for step in steps:
                try:
                    step()
                except stripe.StripeError as error:
                    waits = error.error is not None and error.error.code == "idempotency_key_in_use"
                    outcomes["in flight" if waits else "failed"] += 1
                    outcomes[str(error)] += not waits

    threads = [threading.Thread(target=write, args=pair) for pair in enumerate(addresses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
