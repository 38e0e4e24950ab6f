"""A visit to the console: whose account is looked at, whose customer is followed, and how a page is answered.

What it has to remember is in signed cookies: `make sandbox` has neither sessions nor users.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import quote, unquote

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_protect

from sandbox import clock, dashboard, delivery, server
from sandbox.api import Api, ApiError
from sandbox.console.timebar import TimeBar
from sandbox.kernel import Call, StripeError
from sandbox.models import Account, Row

_ACCOUNT, _CUSTOMER, _SAID = "sandbox_account", "sandbox_customer", "sandbox_said"
_LONGEST = 400  # characters of a message, which are up to nine times as many in a cookie
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
TABS = (
    ("home", "Scenarios"),
    ("objects", "Objects"),
    ("events", "Events"),
    ("webhooks", "Webhooks"),
    ("mail", "Mail"),
    ("mishaps", "Mishaps"),
    ("accounts", "Accounts"),
)


@dataclass
class Visit:
    """One request to the console."""

    request: HttpRequest
    account: Account
    cookies: dict[str, str] = field(default_factory=dict)  # to be remembered; an empty one is forgotten

    @property
    def call(self) -> Call:
        return Call(self.account, clock.now(self.account))

    @property
    def api(self) -> Api:
        return Api(self.account, self.request.build_absolute_uri("/").rstrip("/"))

    @property
    def user(self) -> Any:
        """Return who is signed in to the site, or None."""
        user = getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    @property
    def customer(self) -> str | None:
        """Return the customer who is followed: the one that was chosen, else the signed-in user's."""
        theirs = dashboard.customer_of(self.user) if dashboard.talks_to(self.account) else None
        candidates = (id for id in (remembered(self.request, _CUSTOMER), theirs) if id)
        customers = Row.objects.filter(account=self.account, kind="customer", deleted=False)
        return next((id for id in candidates if customers.filter(stripe_id=id).exists()), None)

    def follow(self, customer: str | None) -> None:
        """Let the time bar be about this customer from now on; None: about the signed-in user's."""
        self.cookies[_CUSTOMER] = customer or ""

    def choose(self, account: Account) -> None:
        """Look at this account from now on."""
        self.cookies[_ACCOUNT] = account.name
        self.follow(None)

    def page(self, tab: str, template: str, context: dict[str, Any] | None = None) -> HttpResponse:
        """Render a page with the time bar above it, and what is to be said of the action before."""
        self.account.refresh_from_db()
        tone, _, text = remembered(self.request, _SAID).partition(" ")
        self.cookies[_SAID] = ""
        frame = {
            "account": self.account,
            "bar": TimeBar.of(self.call, self.customer),
            "here": self.request.get_full_path(),
            "linked": dashboard.talks_to(self.account),
            "request": self.request,
            "said": {"tone": tone, "text": text} if text else None,
            "tab": tab,
            "tabs": TABS,
            "user": self.user,
        }
        response = render(self.request, f"sandbox/console/{template}", {**frame, **(context or {})})
        for name, value in _HEADERS.items():
            response[name] = value
        return response

    def done(self, text: str, *, failed: bool = False, to: str = "") -> HttpResponse:
        """Say what came of an action, on the page `to`, or on the one from which it was sent."""
        self.cookies[_SAID] = f"{'error' if failed else 'success'} {text}"[:_LONGEST]
        return self.back(to)

    def back(self, to: str = "") -> HttpResponse:
        """Go to a page, or to the one that the form names as `next`, if it is one of this site."""
        target = to or self.request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(target, {self.request.get_host()}, self.request.is_secure()):
            target = reverse("sandbox:home")
        response = HttpResponseRedirect(target)
        response.status_code = 303
        return response


def remembered(request: HttpRequest, name: str) -> str:
    """Return what a cookie of ours holds; nothing where there is none, or somebody else wrote it."""
    return unquote(request.get_signed_cookie(name, ""))


View = Callable[..., HttpResponse]


def visited(view: View) -> View:
    """Let the account catch up with its time, and give the view its Visit; what is refused is said on the page."""

    @csrf_protect  # whatever middleware the site has
    @wraps(view)
    def entered(request: HttpRequest, **arguments: Any) -> HttpResponse:
        name = remembered(request, _ACCOUNT) or clock.DEMO
        account = Account.objects.filter(name=name).first() or server.account_named(clock.DEMO)
        visit = Visit(request, account)
        clock.catch_up(account, clock.now(account))
        delivery.deliver_due(account)
        response = _answer(visit, view, arguments)
        for cookie, value in visit.cookies.items():
            if value:
                safe = {"httponly": True, "samesite": "Lax", "secure": request.is_secure()}
                response.set_signed_cookie(cookie, quote(value), **safe)
            elif cookie in request.COOKIES:
                response.delete_cookie(cookie, samesite="Lax")
        return response

    return entered


def _answer(visit: Visit, view: View, arguments: dict[str, Any]) -> HttpResponse:
    try:
        return view(visit, **arguments)
    except (ApiError, StripeError, dashboard.Unlinked, ValueError, LookupError) as error:
        if visit.request.method != "POST":
            raise
        return visit.done(error.message if isinstance(error, ApiError) else str(error), failed=True)
