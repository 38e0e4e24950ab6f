"""The sandbox over HTTP, for any Stripe SDK: `http://host:port/sandbox` is the address of its API."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from sandbox import fault_plan, server


@csrf_exempt
def api(request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer /sandbox/v1/…."""
    answer = server.handle(
        server.Request(
            method=request.method or "GET",
            path=f"/v1/{path}",
            query=request.META.get("QUERY_STRING", ""),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.body.decode(errors="replace"),
            origin=request.build_absolute_uri("/").rstrip("/"),
        )
    )
    if answer.fault:
        return _broken(request, answer)
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


def _broken(request: HttpRequest, answer: server.Response) -> HttpResponseBase:
    """Do to the connection what the fault plan wants; gunicorn lets us, Django's own development server does not."""
    if answer.fault == fault_plan.BAD_GATEWAY:
        return HttpResponse(fault_plan.GATEWAY_PAGE, status=502)
    body = answer.body.encode()
    half = body[: len(body) // 2] if answer.fault == fault_plan.TRUNCATED else b""
    headers = {**answer.headers, "Content-Length": str(len(body))}
    return StreamingHttpResponse(_until_it_breaks(request, half), status=answer.status, headers=headers)


def _until_it_breaks(request: HttpRequest, half: bytes) -> Iterator[bytes]:
    """Yield the first half of a body, then let the web server drop the connection: it does where a client is gone."""
    if half:
        yield half
    elif connection := request.META.get("gunicorn.socket"):
        _reset(connection)
    raise ConnectionResetError(errno.ECONNRESET, "the fault plan reset the connection")


def _reset(connection: socket.socket) -> None:
    """Send a TCP reset, and no orderly end; the server goes on with a socket that leads nowhere."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(theirs.fileno(), connection.fileno())  # closes the client's, and nothing lingers
