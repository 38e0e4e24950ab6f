"""Carries the SDK's calls to the sandbox without a socket: `BILLING["HTTP_CLIENT"]` in sandbox mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
import stripe
from requests.structures import CaseInsensitiveDict

from sandbox import fault_plan, server


class InProcessClient(stripe.HTTPClient):
    """An HTTP client of the official SDK whose network is a function call; the SDK's own retries stay in force."""

    name = "sandbox"

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """Return (body, status, headers) of the sandbox's answer."""
        where = urlsplit(url)
        request = server.Request(
            method=method.upper(),
            path=where.path[where.path.index("/v") :],  # the base address may have a folder before /v1
            query=where.query,
            headers={name.lower(): str(value) for name, value in (headers or {}).items()},
            body=post_data or "",
        )
        response = server.handle(request)
        if response.fault == fault_plan.BAD_GATEWAY:
            return fault_plan.GATEWAY_PAGE, 502, CaseInsensitiveDict({"Content-Type": "text/html"})
        if response.fault:
            _break(response.fault)
        return response.body, response.status, CaseInsensitiveDict(response.headers)

    def close(self) -> None:
        """Nothing is open."""


def _break(fault: str) -> NoReturn:
    """Raise what the SDK's own HTTP client makes of a line that breaks in this way."""
    cause = _CAUSES[fault]
    message = f"The fault plan broke the line: {cause}"
    retry = fault != fault_plan.TRUNCATED  # the SDK asks again where the line was dead, not where half an answer came
    raise stripe.APIConnectionError(message, should_retry=retry) from cause  # type: ignore[no-untyped-call]


_CAUSES: dict[str, Exception] = {
    fault_plan.REFUSED: ConnectionRefusedError("connection refused"),
    fault_plan.RESET: requests.ConnectionError("connection reset by peer"),
    fault_plan.TRUNCATED: requests.exceptions.ChunkedEncodingError("incomplete read"),
}
