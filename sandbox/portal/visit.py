"""From the link of a session to a visit: whose portal it is, what it allows, how long it lasts, where it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from sandbox import clock, hosted, links, store
from sandbox.api import Api, ApiError
from sandbox.engine import charging, standing
from sandbox.engine.calendar import HOUR
from sandbox.kernel import Call, Object
from sandbox.resources import portal_configurations, portal_sessions

_MINUTE = 60
TO_OPEN = 5 * _MINUTE  # seconds from the session's creation in which its link has to be opened
IDLE = HOUR  # seconds without a request after which it is over; both [GK] in stripe-endive.md section 1

View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Visit:
    """One request of a customer in the portal."""

    token: str
    call: Call  # for reading; whatever changes anything goes through `api`
    api: Api
    session: Object
    configuration: Object

    @property
    def features(self) -> Object:
        """Return what the configuration allows."""
        features: Object = self.configuration["features"]
        return features

    @property
    def products(self) -> list[Object]:
        """Return the products that a subscription may be changed to."""
        products: list[Object] = portal_configurations.products_of(self.call, self.configuration)
        return products

    @property
    def customer(self) -> Object:
        """Return the customer as of now."""
        return store.get(self.call, "customer", self.session["customer"])

    def subscription(self, id: str) -> Object:
        """Return a subscription of this customer; raises Http404 for any other."""
        return self._theirs("subscription", id)

    def card(self, id: str) -> Object:
        """Return a saved card of this customer; raises Http404 for any other."""
        return self._theirs("payment_method", id)

    def _theirs(self, kind: str, id: str) -> Object:
        found = store.find(self.call, kind, id) or {}
        if found.get("customer") != self.session["customer"]:
            raise Http404
        return found

    def cards(self) -> list[Object]:
        """Return the customer's saved cards: the default one, then the newest."""
        default = self.customer["invoice_settings"]["default_payment_method"]
        saved = store.query(self.call, "payment_method", customer=self.session["customer"])
        return sorted(saved, key=lambda card: card["id"] != default)

    def tax_ids(self) -> list[Object]:
        """Return the customer's tax ids, newest first."""
        return list(store.query(self.call, "tax_id", customer=self.session["customer"]))

    def can_remove(self, card: Object) -> bool:
        """Tell whether a card may go: who has a subscription keeps the card that pays for it."""
        call, customer = self.call, self.customer
        running = [
            each
            for each in store.query(call, "subscription", customer=customer["id"])
            if each["status"] not in standing.ENDED
        ]
        return all(charging.usable(call, customer, None, each) != card["id"] for each in running)

    def url(self, page: str, *arguments: str) -> str:
        """Return the address of a page of this session."""
        return reverse(f"sandbox:portal_{page}", args=(self.token, *arguments))

    def go(self, page: str, *arguments: str) -> HttpResponseRedirect:
        """Send the browser to a page of this session."""
        return HttpResponseRedirect(self.url(page, *arguments))

    @property
    def in_flow(self) -> bool:
        """Tell whether the customer is here for one purpose that is not fulfilled yet."""
        return self.session["flow"] is not None and not store.private(self.call, self.session).get("completed")

    def page(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """Render a page of the portal."""
        own: dict[str, Any] = {
            "business": hosted.business(self.call),
            "configuration": self.configuration,
            "session": self.session,
            "token": self.token,
        }
        own["in_flow"] = self.in_flow
        return hosted.page(f"portal/{template}", {**own, **(context or {})}, form_action=hosted.ANYWHERE, status=status)

    def completed(self) -> HttpResponse:
        """Answer a change that was made: end the flow as its session says, or go back to the portal's home."""
        if not self.in_flow:
            return self.go("home")
        store.set_private(self.call, self.session, completed=True)
        after = self.session["flow"]["after_completion"]
        if after["type"] == "redirect":
            return HttpResponseRedirect(after["redirect"]["return_url"])
        return self.go("completed" if after["type"] == "hosted_confirmation" else "home")


def visited(view: View) -> View:
    """Let in who comes with a valid link: the view gets the Visit in the place of the token."""

    @csrf_exempt  # the token is the permission: who does not have it cannot make a browser send it
    @wraps(view)
    def guarded(request: HttpRequest, token: str, **arguments: Any) -> HttpResponse:
        try:
            call, session = links.follow(token, portal_sessions.KIND)
        except LookupError:
            return hosted.page("portal/gone.html", status=404)
        if _over(call, session):
            context = {"session": session, "token": token, "recoverable": recoverable(call, session)}
            return hosted.page("portal/expired.html", context, form_action="'self'", status=410)
        _note_activity(call, session)
        clock.take_time(call, [session["customer"]], changes=False)
        configuration = store.get(call, portal_configurations.KIND, session["configuration"])
        api = Api(call.account, request.build_absolute_uri("/").rstrip("/"))
        visit = Visit(token, call, api, session, configuration)
        try:
            return view(request, visit, **arguments)
        except ApiError as error:
            return visit.page("refused.html", {"message": error.message}, status=422)

    return guarded


def _over(call: Call, session: Object) -> bool:
    """Tell whether a session is over. It lives on the account's time, also where its customer is on a test clock."""
    known = store.private(call, session)
    deadline = known["seen"] + IDLE if "seen" in known else known["made"] + TO_OPEN
    customer = store.find(call, "customer", session["customer"])
    return call.now > deadline or customer is None or bool(customer.get("deleted"))


def _note_activity(call: Call, session: Object) -> None:
    if call.now - store.private(call, session).get("seen", 0) >= _MINUTE:
        store.set_private(call, session, seen=call.now)


def recoverable(call: Call, session: Object) -> bool:
    """Tell whether the customer may ask for a new link once the session is over."""
    after = session["after_expiration"]
    until = after and after["customer_login"]["expires_at"]
    return after is not None and (until is None or call.now < until)
