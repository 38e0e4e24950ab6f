"""The browser's half of Stripe: stripe.js, the frames it opens, the 3-D Secure pages, and a page to try them on."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition, require_http_methods, require_POST, require_safe

from sandbox import challenges, hosted, server
from sandbox.kernel import Object, StripeError

_STRIPE_JS = Path(__file__).parent / "static/sandbox/stripe"
# In the order of dependence: each module imports only from those before it.
_MODULES = ("errors", "api", "emitter", "frame", "element", "challenge", "intents", "elements", "stripe")
_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)

_COMMON_BRANDS = ("visa", "mastercard", "amex", "discover")


def bundle() -> str:
    """Return stripe.js: its modules in one function, as a classic script that defines `Stripe` at once."""
    parts = ((_STRIPE_JS / f"{name}.js").read_text() for name in _MODULES)
    body = "\n".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)
    return f'(() => {{\n"use strict";\n{body}}})();\n'


def _fingerprint(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(bundle().encode()).hexdigest()[:32]}"'


@require_safe
@condition(etag_func=_fingerprint)
def stripe_js(request: HttpRequest) -> HttpResponse:
    """Answer the script that a page loads instead of https://js.stripe.com/endive/stripe.js."""
    return HttpResponse(bundle(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@require_safe
def element_frame(request: HttpRequest, kind: str) -> HttpResponse:
    """Answer the document that an Element's iframe holds; the card is typed here and goes to the API from here."""
    if kind not in {"payment", "card"}:
        raise Http404
    brands = [
        {"name": name, "label": label, "icon": f"sandbox/elements/brands/{name}.svg", "common": name in _COMMON_BRANDS}
        for name, label in hosted.BRANDS.items()
    ]
    return hosted.page(f"elements/elements-inner-{kind}.html", {"brands": brands}, framed=True)


@require_safe
def challenge(request: HttpRequest, token: str) -> HttpResponse:
    """Answer the frame that stripe.js lays over a page; who was redirected here goes on to the bank's page at once."""
    pending = _pending(token)
    if pending and pending.return_url:
        return redirect("sandbox:bank", token)
    return hosted.page("three_ds/outer.html", {"token": token}, framed=True)


@csrf_exempt  # the token is the permission, as at a bank on another site
@require_http_methods(["GET", "HEAD", "POST"])
def bank(request: HttpRequest, token: str) -> HttpResponse:
    """Answer Stripe's 3-D Secure test page, and take what its buttons say."""
    pending = _pending(token)
    if pending is None:
        return hosted.page("three_ds/gone.html", framed=True, status=404)
    if request.method != "POST":
        saving = pending.intent["object"] == "setup_intent"
        return hosted.page("three_ds/bank.html", {"saving": saving}, framed=True, form_action=hosted.ANYWHERE)
    try:
        intent = challenges.finish(token, request.POST.get("outcome") == "succeeded")
    except StripeError:  # answered before, in another tab: what counts is how the intent stands now
        intent = pending.intent
    if pending.return_url:
        return HttpResponseRedirect(returning(pending.return_url, intent))
    return hosted.page("three_ds/done.html", framed=True)


def _pending(token: str) -> challenges.Pending | None:
    try:
        return challenges.find(token)
    except StripeError:
        return None


def returning(url: str, intent: Object) -> str:
    """Return the shop's `return_url` with what Stripe adds to it: the intent, its secret, and how it went."""
    kind = intent["object"]
    parts = urlsplit(url)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        (kind, intent["id"]),
        (f"{kind}_client_secret", intent["client_secret"]),
        ("redirect_status", "succeeded" if intent["status"] in {"succeeded", "requires_capture"} else "failed"),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


@require_safe
def elements_demo(request: HttpRequest) -> HttpResponse:
    """Answer a bare page with one Element, under the strictest policy that Stripe.js has to live with."""
    return hosted.page("elements/demo.html", form_action="'self'")


@csrf_exempt
@require_POST
def demo_intent(request: HttpRequest) -> HttpResponse:
    """Make the intent that the demo page confirms, as a shop's server would, and answer its client secret."""
    path, params = "/v1/setup_intents", {"usage": "off_session"}
    if request.POST.get("mode") == "payment":
        path, params = "/v1/payment_intents", {"amount": "1200", "currency": "usd"}
    answer = server.handle(
        server.Request(
            method="POST",
            path=path,
            headers={"authorization": f"Bearer sk_test_{request.POST.get('account', 'sandbox')}"},
            body=urlencode({**params, "automatic_payment_methods[enabled]": "true"}),
        )
    )
    return JsonResponse(answer.data, status=answer.status)


urlpatterns = [
    path("stripe.js", stripe_js, name="stripe_js"),
    path("elements/elements-inner-<str:kind>.html", element_frame, name="element_frame"),
    path("three-ds-2-challenge/<str:token>/", challenge, name="challenge"),
    path("3d_secure_2_test/<str:token>/", bank, name="bank"),
    path("elements-demo/", elements_demo, name="elements_demo"),
    path("elements-demo/intents/", demo_intent, name="demo_intent"),
]
