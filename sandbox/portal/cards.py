"""Saved cards: adding one through the Elements, choosing which one pays, taking one away."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from sandbox import hosted
from sandbox.api import ApiError
from sandbox.kernel import Object
from sandbox.portal.visit import Visit, visited

_NOTHING_CHOSEN = "Choose a payment method."


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def add_card(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Take a card that the Elements have saved, and let it pay from now on."""
    _needs_the_feature(visit)
    error = ""
    if request.method == "POST" and not (error := _make_default(visit, request.POST.get("payment_method", ""))):
        return visit.completed()
    return _choose(visit, [], error)


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def pay_with(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Choose which card pays for one subscription: a saved one, or a new one."""
    _needs_the_feature(visit)
    obj, error = visit.subscription(subscription), ""
    if request.method == "POST" and not (error := _pay_with(visit, obj, request.POST.get("payment_method", ""))):
        return visit.completed()
    return _choose(visit, visit.cards(), error)


@require_POST
@visited
def setup(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Answer the secret of a new SetupIntent, for the card that is just being typed."""
    _needs_the_feature(visit)
    automatic = {"allow_redirects": "never", "enabled": True}
    customer = visit.session["customer"]
    intent = visit.api.post("setup_intents", automatic_payment_methods=automatic, customer=customer)
    return JsonResponse({"client_secret": intent["client_secret"]})


@require_POST
@visited
def make_default(request: HttpRequest, visit: Visit, card: str) -> HttpResponse:
    """Let a saved card pay for what has no card of its own."""
    _needs_the_feature(visit)
    _make_default(visit, visit.card(card)["id"])
    return visit.go("home")


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def remove_card(request: HttpRequest, visit: Visit, card: str) -> HttpResponse:
    """Ask, then detach a saved card; what pays for a subscription stays."""
    _needs_the_feature(visit)
    obj = visit.card(card)
    if not visit.can_remove(obj):
        raise Http404
    if request.method != "POST":
        return visit.page("remove_card.html", {"card": hosted.card(obj)})
    visit.api.post(f"payment_methods/{obj['id']}/detach")
    return visit.go("home")


def _needs_the_feature(visit: Visit) -> None:
    if not visit.features["payment_method_update"]["enabled"]:
        raise Http404


def _choose(visit: Visit, saved: list[Object], error: str) -> HttpResponse:
    form = hosted.payment(visit.call, saved, intent_url=visit.url("setup"))
    return visit.page("card.html", {"payment": {**form, "error": error}}, status=422 if error else 200)


def _make_default(visit: Visit, card: str) -> str:
    """Change the customer's default card; returns the sentence that refuses it, or nothing."""
    if not card:
        return _NOTHING_CHOSEN
    try:
        visit.api.post(f"customers/{visit.session['customer']}", invoice_settings={"default_payment_method": card})
    except ApiError as refused:
        return refused.message
    return ""


def _pay_with(visit: Visit, subscription: Object, card: str) -> str:
    """Change the card of one subscription; returns the sentence that refuses it, or nothing."""
    if not card:
        return _NOTHING_CHOSEN
    try:
        visit.api.post(f"subscriptions/{subscription['id']}", default_payment_method=card)
    except ApiError as refused:
        return refused.message
    return ""
