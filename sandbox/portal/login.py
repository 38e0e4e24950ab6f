"""Ways into the portal without a shop: the login page of a configuration, and a new link after an old one.

Stripe mails the link. The sandbox keeps the mail in the console's tray, and shows the link on the page that says so.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from sandbox import hosted, links, mail, store
from sandbox.api import Api
from sandbox.kernel import Call, Object
from sandbox.portal.visit import recoverable
from sandbox.resources import portal_configurations, portal_sessions


@csrf_exempt  # there is no session that another site could ride on
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for an e-mail address, and send the newest customer of that address a link."""
    call, configuration = _follow(token, portal_configurations.KIND)
    if not configuration["active"] or not configuration["login_page"]["enabled"]:
        raise Http404
    context: dict[str, Any] = {"configuration": configuration}
    if email := request.POST.get("email", "").strip():
        found = next(store.query(call, "customer", lookup_key=email), None)
        sent = _send(request, call, customer=found["id"], configuration=configuration["id"]) if found else None
        context |= {"email": email, "link": sent}
    return hosted.page("portal/login.html", context, form_action="'self'")


@csrf_exempt
@require_POST
def recover(request: HttpRequest, token: str) -> HttpResponse:
    """Send the customer of an expired session a new link, where the session lets them."""
    call, session = _follow(token, portal_sessions.KIND)
    customer = store.find(call, "customer", session["customer"]) or {"deleted": True}
    if not recoverable(call, session) or customer.get("deleted"):
        raise Http404
    again = {"after_expiration": {"type": "customer_login"}, "configuration": session["configuration"]}
    if session["return_url"]:
        again["return_url"] = session["return_url"]
    link = _send(request, call, customer=customer["id"], **again)
    return hosted.page("portal/login.html", {"email": customer["email"] or customer["id"], "link": link})


def _send(request: HttpRequest, call: Call, **params: Any) -> str:
    api = Api(call.account, request.build_absolute_uri("/").rstrip("/"))
    session = api.post("billing_portal/sessions", **params)
    mail.send_portal_link(call, session)
    return str(session["url"])


def _follow(token: str, kind: str) -> tuple[Call, Object]:
    try:
        return links.follow(token, kind)
    except LookupError:
        raise Http404 from None
