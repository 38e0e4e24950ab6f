"""The line between the dashboard and Stripe: it can be slow, and it can be dead."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
import stripe

from sandbox.transport import InProcessClient

PATIENCE = 20.0  # seconds: a flow that fails while a call is held must not hang


class Line:
    """Stands in the way of the SDK's calls, in the threads that serve the site."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._dead = False
        self._lost = ""
        self._held: tuple[str, threading.Event] | None = None
        connected = InProcessClient.request

        def request(client: InProcessClient, method: str, url: str, *arguments: Any, **named: Any) -> Any:
            if self._dead:
                raise stripe.APIConnectionError("Connection refused") from ConnectionRefusedError()
            if self._held and url.endswith(self._held[0]):
                self._held[1].wait(PATIENCE)
            answer = connected(client, method, url, *arguments, **named)
            if self._lost and url.endswith(self._lost):
                raise stripe.APIConnectionError("Read timed out") from TimeoutError()
            return answer

        monkeypatch.setattr(InProcessClient, "request", request)

    @contextmanager
    def dead(self) -> Generator[None, None, None]:
        """Let no call of this block reach Stripe."""
        self._dead = True
        try:
            yield
        finally:
            self._dead = False

    @contextmanager
    def losing_answers(self, end: str) -> Generator[None, None, None]:
        """Let calls to addresses that end so be carried out, and nobody hear of it: `losing_answers("/pay")`."""
        self._lost = end
        try:
            yield
        finally:
            self._lost = ""

    @contextmanager
    def held(self, end: str) -> Generator[None, None, None]:
        """Hold calls to addresses that end so until the block is over: `with line.held("/pay")`."""
        self._held = (end, threading.Event())
        try:
            yield
        finally:
            self._held[1].set()
            self._held = None
