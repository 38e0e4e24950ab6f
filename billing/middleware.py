"""What every answer needs whichever view wrote it: htmx's half of the contract, and the reader's time zone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request as it reaches our views: behind `login_required` and HtmxMiddleware."""

    user: Any
    htmx: HtmxDetails


GetResponse = Callable[[Request], HttpResponseBase]

# An error page poured into a panel would destroy it: htmx shows these as a toast and leaves the panel alone.
TOASTS = {
    403: "You may not do that. If you signed in again in another tab, reload this page.",
    404: "This no longer exists. Reload the page to see how things stand.",
    429: "That was too fast. Please wait a minute and try again.",
}
BROKEN = "Something went wrong on our side. Please try again in a moment."
NAVIGATES = ("HX-Redirect", "HX-Refresh", "HX-Location")


class HtmxResponseMiddleware:
    """Adds to answers for htmx what htmx cannot do itself; listed after MessageMiddleware and HtmxMiddleware."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        response = self.get_response(request)
        # The same address serves a page and its panel: Back must never show the bare panel from a cache.
        patch_vary_headers(response, ["HX-Request", "HX-Request-Type", "HX-History-Restore-Request"])
        response.headers.setdefault("Cache-Control", "no-store")
        if is_logout(request):
            response.headers["Clear-Site-Data"] = '"cache"'
        return for_htmx(request, response) if request.htmx else response


class TimeZoneMiddleware:
    """Shows dates in the zone that the browser told us in the cookie `tz`, or in settings.TIME_ZONE."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponseBase:
        name = request.COOKIES.get("tz", "").replace("%2F", "/")
        with timezone.override(ZoneInfo(name) if name in zones() else None):
            return self.get_response(request)


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_logout(request: Request) -> bool:
    return (
        request.method == "POST" and request.resolver_match is not None and request.resolver_match.url_name == "logout"
    )


def for_htmx(request: Request, response: HttpResponseBase) -> HttpResponseBase:
    """Return `response` as htmx needs it: the login page as a navigation, errors and messages as toasts."""
    if 300 <= response.status_code < 400:
        return to_login(request, response)
    if not isinstance(response, HttpResponse) or not response.get("Content-Type", "").startswith("text/html"):
        return response
    if response.status_code in TOASTS or response.status_code >= 500:
        toast_instead(response)
    if response.status_code != 204 and not any(header in response for header in NAVIGATES):
        add_messages(request, response)
    return response


def to_login(request: Request, response: HttpResponseBase) -> HttpResponseBase:
    """Make htmx navigate to the sign-in page and back to the page it stood on, not to the panel it asked for."""
    login = resolve_url(settings.LOGIN_URL)
    if urlsplit(response.headers["Location"]).path != login:
        return response
    navigation = HttpResponse(status=204)
    navigation["HX-Redirect"] = f"{login}?{urlencode({'next': request.htmx.current_url_abs_path or '/'})}"
    patch_vary_headers(navigation, ["HX-Request"])
    return navigation


def toast_instead(response: HttpResponse) -> None:
    if "HX-Reswap" in response:  # a panel of ours: it says itself what is to be swapped
        return
    text = TOASTS.get(response.status_code, BROKEN)
    response.content = render_to_string("_toasts.html", {"toasts": [{"level_tag": "error", "message": text}]})


def add_messages(request: Request, response: HttpResponse) -> None:
    if toasts := list(get_messages(request)):
        response.content += render_to_string("_toasts.html", {"toasts": toasts}, request).encode()


def csrf_failure(request: Request, reason: str = "") -> HttpResponse:
    """Answer a form whose token is not this session's: mostly somebody signed in anew in another tab."""
    return render(request, "403.html", {"stale_form": True}, status=403)
