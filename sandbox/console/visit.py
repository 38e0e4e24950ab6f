"""A visit to the console: whose account is looked at, whose customer is followed, and how a page is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
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

_ACCOUNT, _CUSTOMER = "sandbox_account", "sandbox_customer"  # keys of the session
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
        chosen = self.request.session.get(_CUSTOMER)
        theirs = dashboard.customer_of(self.user) if dashboard.talks_to(self.account) else None
        candidates = (id for id in (chosen, theirs) if id)
        customers = Row.objects.filter(account=self.account, kind="customer", deleted=False)
        return next((id for id in candidates if customers.filter(stripe_id=id).exists()), None)

    def follow(self, customer: str | None) -> None:
        """Let the time bar be about this customer from now on; None: about the signed-in user's."""
        self.request.session[_CUSTOMER] = customer

    def choose(self, account: Account) -> None:
        """Look at this account from now on."""
        self.request.session[_ACCOUNT] = account.name
        self.follow(None)

    def page(self, tab: str, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """Render a page with the time bar above it."""
        self.account.refresh_from_db()
        frame = {
            "account": self.account,
            "bar": TimeBar.of(self.call, self.customer),
            "here": self.request.get_full_path() if self.request.method == "GET" else reverse(f"sandbox:{tab}"),
            "linked": dashboard.talks_to(self.account),
            "tab": tab,
            "tabs": TABS,
        }
        return render(self.request, f"sandbox/console/{template}", {**frame, **(context or {})}, status=status)

    def done(self, text: str, *, failed: bool = False) -> HttpResponse:
        """Say what came of an action, on the page from which it was sent."""
        messages.add_message(self.request, messages.ERROR if failed else messages.SUCCESS, text)
        return self.back()

    def back(self) -> HttpResponse:
        """Go to the page that the form names as `next`, if it is one of this site."""
        target = self.request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(target, {self.request.get_host()}, self.request.is_secure()):
            target = reverse("sandbox:home")
        response = HttpResponseRedirect(target)
        response.status_code = 303
        return response


View = Callable[..., HttpResponse]


def visited(view: View) -> View:
    """Let the account catch up with its time, and give the view its Visit; what is refused is said on the page."""

    @csrf_protect  # whatever middleware the site has
    @wraps(view)
    def entered(request: HttpRequest, **arguments: Any) -> HttpResponse:
        name = request.session.get(_ACCOUNT, clock.DEMO)
        account = Account.objects.filter(name=name).first() or server.account_named(clock.DEMO)
        visit = Visit(request, account)
        clock.catch_up(account, clock.now(account))
        delivery.deliver_due(account)
        try:
            return view(visit, **arguments)
        except (ApiError, StripeError, ValueError, LookupError) as error:
            if request.method != "POST":
                raise
            return visit.done(_sentence(error), failed=True)

    return entered


def _sentence(error: Exception) -> str:
    return error.message if isinstance(error, ApiError) else str(error)
