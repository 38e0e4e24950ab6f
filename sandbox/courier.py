"""Carries one webhook to its endpoint: to this very site as a call inside the process, anywhere else over HTTP."""

from __future__ import annotations

import contextvars
import io
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest

_TIMEOUT = 10.0
_MOST_KEPT = 65_536  # characters of an answer

_thread = threading.local()


@dataclass(frozen=True)
class Answer:
    """What came back; without a status nobody answered, and `error` says why."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: str = ""


def self_host() -> str:
    """Return the host name under which this very site is reached without a socket."""
    return str(getattr(settings, "SANDBOX_SELF_HOST", "dashboard.sandbox"))


def is_here(url: str) -> bool:
    """Tell whether an endpoint is a view of this process."""
    return urlsplit(url).hostname == self_host()


def carry(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Deliver a body and return the answer, whatever it is; waits ten seconds for other servers."""
    return _call_self(url, headers, body) if is_here(url) else _post(url, headers, body)


def _post(url: str, headers: dict[str, str], body: bytes) -> Answer:
    try:
        response = requests.post(url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        return Answer(error=str(error))
    return Answer(response.status_code, dict(response.headers), _text(response.content))


def _text(content: bytes) -> str:
    return content[:_MOST_KEPT].decode(errors="replace").replace("\x00", "\ufffd")  # PostgreSQL stores no NUL


def _call_self(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Run a request through this site's own middleware and views.

    In a copied context, so that a language or time zone activated inside ends with it; and without Django's
    request signals, which would close the database connections of the request we are in the middle of.
    """
    request = WSGIRequest(_environ(url, headers, body))
    response = contextvars.copy_context().run(_handler().get_response, request)
    request.close()
    return Answer(response.status_code, dict(response.items()), _text(getattr(response, "content", b"")))


def _handler() -> BaseHandler:
    handler: BaseHandler | None = getattr(_thread, "handler", None)
    if handler is None:
        handler = _thread.handler = BaseHandler()
        handler.load_middleware()
    return handler


def _environ(url: str, headers: dict[str, str], body: bytes) -> dict[str, object]:
    host = next((host for host in settings.ALLOWED_HOSTS if host not in {"*"} and "[" not in host), "localhost")
    environ: dict[str, object] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": urlsplit(url).path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": urlsplit(url).query,
        "SERVER_NAME": host.lstrip("."),
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers["Content-Type"],
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {**environ, **named}
