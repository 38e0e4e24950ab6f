"""The sandbox over HTTP, for any Stripe SDK: `http://host:port/sandbox` is the address of its API."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from sandbox import server


@csrf_exempt
def api(request: HttpRequest, path: str) -> HttpResponse:
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
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
