"""Fails the test in which the sandbox answered, or `billing` asked, other than Stripe's SDK describes it.

A test that leaves the contract on purpose says so: `@pytest.mark.off_contract("why")`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

from stripe_contract import requests, responses


class Contract:
    """Watches every request that reaches the sandbox, over HTTP or in process, and every event it stores."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.seen = {"answers": 0, "requests of billing": 0, "events": 0}
        self._billing = threading.local()

    def watch(self) -> None:
        """Begin: from here on until the end of the process."""
        from billing import gateway
        from sandbox import events, server

        server.observers.append(self.observe)
        events.observers.append(self.event_stored)
        gateway._ask = self.asked_by_billing(gateway._ask)  # type: ignore[assignment]

    def asked_by_billing(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        """Mark what this thread sends to the sandbox during `ask` as the dashboard's own."""

        def marked(*args: Any) -> Any:
            # What we send may deliver a webhook to us, in this thread, that makes us send again.
            outer = getattr(self._billing, "asks", False)
            self._billing.asks = True
            try:
                return ask(*args)
            finally:
                self._billing.asks = outer

        return marked

    def observe(self, request: Any, response: Any) -> None:
        """Check one request with its answer; an observer of `sandbox.server`."""
        where = f"{request.method} {request.path}"
        if getattr(self._billing, "asks", False):
            self.seen["requests of billing"] += 1
            self._report(f"billing sent {where}", self._problems_of_request(request))
        self.seen["answers"] += 1
        self._report(f"the sandbox answered {where} with {response.status}", problems_of_answer(request, response))

    def event_stored(self, event: Any) -> None:
        """Check an event that nobody may ever read over the API, but that is delivered to webhooks."""
        self.seen["events"] += 1
        self._report(f"the sandbox emitted {event['type']}", responses.problems_of(event))

    def _problems_of_request(self, request: Any) -> list[str]:
        from sandbox import params

        encoded = "&".join(part for part in (request.query, request.body) if part)
        return requests.problems_of(request.method, request.path, params.decode(encoded))

    def _report(self, what: str, problems: list[str]) -> None:
        self.problems += [f"{what}: {problem}" for problem in problems]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        self._settle(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        self._settle(item)
        return result

    def _settle(self, item: pytest.Item) -> None:
        problems, self.problems = list(dict.fromkeys(self.problems)), []
        if problems and item.get_closest_marker("off_contract") is None:
            pytest.fail("Off Stripe's contract:\n" + "\n".join(f"  {problem}" for problem in problems), pytrace=False)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if output := getattr(session.config, "workeroutput", None):
            output["stripe_contract"] = self.seen

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for what, count in getattr(node, "workeroutput", {}).get("stripe_contract", {}).items():
            self.seen[what] += count

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        seen = ", ".join(f"{count:,} {what}" for what, count in self.seen.items())
        terminalreporter.write_line(f"Held against Stripe's SDK: {seen}.")


def problems_of_answer(request: Any, response: Any) -> list[str]:
    """Return what is wrong with an answer; one to a publishable key may leave keys out."""
    try:
        body = response.data
    except ValueError:
        return [f"the answer is not JSON: {response.body[:80]}"]
    endpoint = requests.endpoint(request.method, request.path)
    returns = endpoint.response() if endpoint and response.status == 200 else None
    return responses.problems_of(body, returns, partial="pk_" in request.headers.get("authorization", ""))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "off_contract(reason): this test leaves Stripe's contract on purpose")
    contract = Contract()
    contract.watch()
    config.pluginmanager.register(contract, "stripe_contract.watch")
