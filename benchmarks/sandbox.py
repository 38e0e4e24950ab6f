"""How fast the sandbox answers, beside localstripe on the same machine in the same run: `make bench`.

Both are asked over HTTP by one client with one connection, for the same things. Every operation is measured on an
account with little in it and again behind 2,000 more customers. localstripe has no clock to advance.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "var" / "bench-venv"
RIVAL = "localstripe==1.15.10"
DAY = 86_400

Step = Callable[[], Any]


class Api:
    """A Stripe-like server, spoken to over one connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, **params: str | int) -> Any:
        return self._send("POST", path, urlencode(params), "application/x-www-form-urlencoded")

    def get(self, path: str) -> Any:
        return self._send("GET", path, None, "")

    def control(self, path: str, **given: Any) -> Any:
        return self._send("POST", f"/_control/{path}", json.dumps(given), "application/json")

    def _send(self, method: str, path: str, body: str | None, kind: str) -> Any:
        headers = {"Authorization": "Bearer sk_test_bench", "Content-Type": kind}
        self.line.request(method, path, body, headers)
        answer = self.line.getresponse()
        data = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {data}")
        return data


class Sandbox(Api):
    """Ours."""

    name = "sandbox"

    def plan(self) -> None:
        product = self.post("/v1/products", name="Team")["id"]
        recurring = {"recurring[interval]": "month"}
        self.price = self.post("/v1/prices", product=product, currency="usd", unit_amount=2900, **recurring)["id"]

    def setup_intent(self) -> Step:
        intent = self.post("/v1/setup_intents", usage="off_session")["id"]
        return lambda: self.post(
            f"/v1/setup_intents/{intent}/confirm", payment_method="pm_card_visa", return_url="https://a.example"
        )

    def payer(self) -> str:
        card = {"invoice_settings[default_payment_method]": "pm_card_visa"}
        return str(self.post("/v1/customers", payment_method="pm_card_visa", **card)["id"])

    def subscription(self) -> Step:
        customer = self.payer()
        return lambda: self.post("/v1/subscriptions", customer=customer, **{"items[0][price]": self.price})

    def year(self) -> Step:
        """A subscription on a test clock of its own, at the moment before twelve renewals."""
        start = 1_900_000_000
        clock = self.post("/v1/test_helpers/test_clocks", frozen_time=start)["id"]
        card = {"invoice_settings[default_payment_method]": "pm_card_visa"}
        customer = self.post("/v1/customers", test_clock=clock, payment_method="pm_card_visa", **card)["id"]
        self.post("/v1/subscriptions", customer=customer, **{"items[0][price]": self.price})

        def advance() -> None:
            for days in (59, 118, 177, 236, 295, 354, 366):  # two intervals at a time are all that Stripe allows
                self.post(f"/v1/test_helpers/test_clocks/{clock}/advance", frozen_time=start + days * DAY)

        return advance


class Localstripe(Api):
    """The other."""

    name = "localstripe"
    year = None

    def plan(self) -> None:
        product = self.post("/v1/products", name="Team", type="service")["id"]
        self.price = self.post("/v1/plans", product=product, currency="usd", amount=2900, interval="month")["id"]

    def card(self) -> str:
        card = {"card[number]": "4242424242424242", "card[exp_month]": 12, "card[exp_year]": 2030, "card[cvc]": "123"}
        return str(self.post("/v1/payment_methods", type="card", **card)["id"])

    def setup_intent(self) -> Step:
        intent, card = self.post("/v1/setup_intents", usage="off_session")["id"], self.card()
        return lambda: self.post(f"/v1/setup_intents/{intent}/confirm", payment_method=card)

    def payer(self) -> str:
        customer, card = str(self.post("/v1/customers", name="Ada")["id"]), self.card()
        self.post(f"/v1/payment_methods/{card}/attach", customer=customer)
        self.post(f"/v1/customers/{customer}", **{"invoice_settings[default_payment_method]": card})
        return customer

    def subscription(self) -> Step:
        customer = self.payer()
        return lambda: self.post("/v1/subscriptions", customer=customer, **{"items[0][plan]": self.price})


def operations(api: Any) -> dict[str, tuple[int, Callable[[], Step] | None]]:
    """Return what is measured: how often, and what prepares one run of it."""
    for _ in range(10):  # ten invoices: a full page
        api.subscription()()
    return {
        "create customer": (100, lambda: lambda: api.post("/v1/customers", name="Ada", email="ada@example.com")),
        "confirm setup intent": (50, api.setup_intent),
        "create subscription": (40, api.subscription),
        "list invoices": (100, lambda: lambda: api.get("/v1/invoices?limit=10")),
        "advance over 12 renewals": (5, api.year),
    }


def measure(times: int, prepare: Callable[[], Step]) -> list[float]:
    """Return the seconds of each run; the first is thrown away."""
    seconds = []
    for _ in range(times + 1):
        step = prepare()
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def run(api: Any, stored: int) -> dict[tuple[str, int], list[float]]:
    """Measure everything on a fresh server, and everything again behind so many more customers."""
    api.plan()
    found = {}
    what = operations(api)
    for behind in (0, stored):
        for number in range(behind):
            api.post("/v1/customers", name=f"Customer {number}", email=f"customer-{number}@example.com")
        for name, (times, prepare) in what.items():
            if prepare:
                found[name, behind] = measure(times, prepare)
    return found


def report(results: dict[str, dict[tuple[str, int], list[float]]]) -> Iterator[str]:
    """Yield a table in Markdown: requests a second, median and 99th percentile in milliseconds, and how many times."""
    yield "| | customers stored | sandbox: per s · p50 · p99 ms | localstripe: per s · p50 · p99 ms | times faster |"
    yield "|---|---|---|---|---|"
    for name, stored in dict.fromkeys([key for found in results.values() for key in found]):
        ours, theirs = (results[api.name].get((name, stored)) for api in (Sandbox, Localstripe))
        ratio = f"{statistics.mean(theirs) / statistics.mean(ours):.1f}" if ours and theirs else ""
        yield f"| {name} | {stored:,} | {figures(ours)} | {figures(theirs)} | {ratio} |"


def figures(seconds: list[float] | None) -> str:
    if not seconds:
        return "not there"
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{1 / statistics.mean(ordered):,.0f} · {statistics.median(ordered) * 1000:.1f} · {p99 * 1000:.1f}"


@contextmanager
def serving(command: list[str], port: int, **environ: str) -> Iterator[float]:
    """Run a server; yield the seconds until it answered."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    started = time.perf_counter()
    try:
        while True:
            try:
                line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                line.request("GET", "/")
                line.getresponse().read()
                break
            except (OSError, http.client.HTTPException):
                if process.poll() is not None or time.perf_counter() - started > 30:
                    raise SystemExit(f"{command[0]} does not serve.") from None
                time.sleep(0.02)
        yield time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def install_rival() -> str:
    program = VENV / "bin" / "localstripe"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", RIVAL], check=True)
    return str(program)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=2000, help="how many customers the second round is behind")
    parser.add_argument("--only", choices=[Sandbox.name, Localstripe.name], help="measure one of the two")
    options = parser.parse_args()
    results: dict[str, dict[tuple[str, int], list[float]]] = {Sandbox.name: {}, Localstripe.name: {}}
    with tempfile.TemporaryDirectory() as folder:
        if options.only != Localstripe.name:
            port, database = free_port(), f"sqlite:///{folder}/sandbox.sqlite3"
            environ = {"PORT": str(port), "HOST": "", "STRIPE_SANDBOX_DATABASE_URL": database}
            for start in ("first start, with its database to make", "start"):
                with serving([sys.executable, "scripts/sandbox.py"], port, **environ) as seconds:
                    print(f"sandbox, {start}: {seconds:.1f} s", flush=True)
                    if start == "start":
                        results[Sandbox.name] = run(Sandbox(port), options.stored)
        if options.only != Sandbox.name:
            port = free_port()
            with serving([install_rival(), "--port", str(port), "--from-scratch"], port) as seconds:
                print(f"{RIVAL}, start: {seconds:.1f} s", flush=True)
                results[Localstripe.name] = run(Localstripe(port), options.stored)
    print("\n".join(["", *report(results)]))


if __name__ == "__main__":
    main()
