"""The sandbox's own API from inside, with a secret key: what hosted pages, personas and the console work with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox import server
from sandbox.kernel import Object
from sandbox.models import Account


class ApiError(RuntimeError):
    """The API answered with an error; `body` is its `error` hash."""

    def __init__(self, request: str, status: int, body: Object) -> None:
        super().__init__(f"{request}: {status} {body}")
        self.status, self.body = status, body

    @property
    def message(self) -> str:
        """Return Stripe's sentence."""
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Api:
    """One account's API, at the moments that `clock.at` sets. Each call is a request of its own: events, webhooks."""

    account: Account
    origin: str = ""  # where the links of new objects lead; empty: the default

    def post(self, path: str, /, **params: Any) -> Object:
        """Return the answer to a POST; raises ApiError where it is an error."""
        return self._send("POST", path, body=encode(params))

    def get(self, path: str, /, **params: Any) -> Object:
        """Return the answer to a GET; raises ApiError where it is an error."""
        return self._send("GET", path, query=encode(params))

    def delete(self, path: str, /, **params: Any) -> Object:
        """Return the answer to a DELETE; raises ApiError where it is an error."""
        return self._send("DELETE", path, query=encode(params))

    def all(self, path: str, /, **params: Any) -> Iterator[Object]:
        """Yield every object of a list, page by page."""
        while True:
            page = self.get(path, limit=100, **params)
            yield from page["data"]
            if not page["has_more"]:
                return
            params["starting_after"] = page["data"][-1]["id"]

    def _send(self, method: str, path: str, *, query: str = "", body: str = "") -> Object:
        headers = {"authorization": f"Bearer sk_test_{self.account.name}"}
        response = server.handle(server.Request(method, f"/v1/{path}", query, headers, body, self.origin, inside=True))
        answer: Object = json.loads(response.body)
        if response.status != 200:
            raise ApiError(f"{method} {path}", response.status, answer["error"])
        return answer


def encode(params: dict[str, Any]) -> str:
    """Return nested parameters as the API takes them: items[0][price]=…; None unsets, as the empty string does."""
    return urlencode(list(_flat(params)))


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name}[{key}]" if name else key)
    elif isinstance(value, list | tuple):
        for position, part in enumerate(value):
            yield from _flat(part, f"{name}[{position}]")
    else:
        yield name, _leaf(value)


def _leaf(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
