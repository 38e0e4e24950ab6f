"""Carries the SDK's calls to the sandbox without a socket: `BILLING["HTTP_CLIENT"]` in sandbox mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe
from requests.structures import CaseInsensitiveDict

from sandbox import server


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
        return response.body, response.status, CaseInsensitiveDict(response.headers)

    def close(self) -> None:
        """Nothing is open."""
