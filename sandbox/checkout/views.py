"""Stripe's hosted Checkout: the page behind a session's `url`, and what its script asks for.

The session's id is the permission, as at Stripe. A card number goes from the page's script to the API, never to here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from sandbox import hosted, links, params, server, store
from sandbox.checkout import wording
from sandbox.engine import cart, checkout
from sandbox.kernel import Call, Object, StripeError
from sandbox.params import ADDRESS, Integer, amount, boolean, clearable, email, required, string
from sandbox.resources import tax_ids

_CONFIRM = {
    "address": ADDRESS,
    "consent": {"promotions": boolean, "terms_of_service": boolean},
    "email": email,
    "expected_amount": required(amount),
    "name": string,
    "payment_method": string,
    "phone": string,
    "save_payment_method": boolean,
    "tax_id": tax_ids.DATA,
}


@require_safe
def page(request: HttpRequest, id: str) -> HttpResponse:
    """Show what is for sale and ask for a card, or say that there is nothing left to do here."""
    session = _perform(id, _brought_up_to_date)
    if session["status"] != "open":
        return hosted.page("checkout/closed.html", {"session": session}, scripts=False)
    call, session = links.by_id(id, checkout.KIND)
    context = _context(request, call, session) | {
        "api_key": f"pk_test_{call.account.name}",
        "brands": hosted.BRANDS,
        "cards": [hosted.card(each) for each in checkout.saved_cards(call, session)],
        "email": (session["customer_details"] or {}).get("email"),
        "saves": _offers_to_save(session),
        "takes_link": (session["wallet_options"] or {}).get("link", {}).get("display") != "never",
    }
    return hosted.page("checkout/pay.html", context)


@require_safe
def summary(request: HttpRequest, id: str) -> HttpResponse:
    """Answer what is bought and what it comes to, as of now."""
    return _changed(request, id, _brought_up_to_date)


@csrf_exempt
@require_POST
def set_quantity(request: HttpRequest, id: str, item: str) -> HttpResponse:
    """Let the customer buy more or less of something; answers the summary as it is then."""

    def change(call: Call, session: Object) -> None:
        quantity = _given(request, {"quantity": required(Integer(0))})["quantity"]
        cart.set_quantity(call, session, item, quantity)

    return _changed(request, id, change)


@csrf_exempt
@require_POST
def set_promotion_code(request: HttpRequest, id: str) -> HttpResponse:
    """Let the customer use a promotion code, or with an empty one none; answers the summary as it is then."""

    def change(call: Call, session: Object) -> None:
        cart.apply_code(call, session, _given(request, {"code": required(clearable(string))})["code"])

    return _changed(request, id, change)


@csrf_exempt
@require_POST
def confirm(request: HttpRequest, id: str) -> HttpResponse:
    """Take the card and everything else that was filled in; answers how it went, or what the bank wants to know."""

    def pay(call: Call, session: Object) -> None:
        checkout.confirm(call, session, _given(request, _CONFIRM))

    try:
        _perform(id, pay)
    except StripeError as error:
        return _refused(error)
    answer = _state(id)
    return JsonResponse(answer, status=402 if "error" in answer else 200)


@require_safe
def state(request: HttpRequest, id: str) -> HttpResponse:
    """Answer how the latest confirmation stands, once the customer is back from the bank."""
    return JsonResponse(_state(id))


def _perform(id: str, work: Callable[[Call, Object], Any]) -> Object:
    """Do `work` with a session in a transaction of its account, and return the session as it is then."""

    def on_session(call: Call) -> Object:
        work(call, store.get(call, checkout.KIND, id))
        return store.get(call, checkout.KIND, id)

    try:
        call, _ = links.by_id(id, checkout.KIND)
    except LookupError:
        raise Http404 from None
    return server.perform(call.account, on_session, id)


def _brought_up_to_date(call: Call, session: Object) -> None:
    """Price a session anew: a part of a period costs less by the minute, and credit may have been used elsewhere.

    What cannot be sold any more is shown as it was; confirming says why.
    """
    if session["status"] == "open":
        with suppress(StripeError):
            cart.keep(call, session, store.private(call, session))


def _given(request: HttpRequest, declared: dict[str, Any]) -> dict[str, Any]:
    return params.read(declared, params.decode(request.body.decode(errors="replace")))


def _offers_to_save(session: Object) -> bool:
    whose = session["customer"] or session["customer_creation"] == "always"
    return bool(whose) and (session["saved_payment_method_options"] or {}).get("payment_method_save") == "enabled"


def _changed(request: HttpRequest, id: str, change: Callable[[Call, Object], None]) -> HttpResponse:
    try:
        _perform(id, change)
    except StripeError as error:
        return _refused(error)
    return JsonResponse(_fresh(request, id))


def _fresh(request: HttpRequest, id: str) -> dict[str, Any]:
    context = _context(request, *links.by_id(id, checkout.KIND))
    return {
        "asks_card": context["asks_card"],
        "button": context["words"].button,
        "due": context["words"].known["due"],
        "summary": render_to_string("sandbox/checkout/_summary.html", context),
    }


def _context(request: HttpRequest, call: Call, session: Object) -> dict[str, Any]:
    known = store.private(call, session)
    locale = wording.locale(session, request.headers.get("Accept-Language", ""))
    return {
        "asks_card": checkout.needs_card(session, known["due"]),
        "session": session,
        "words": wording.Words(call, session, known, locale),
    }


def _refused(error: StripeError) -> HttpResponse:
    return JsonResponse({"error": _for_customers(error.body)}, status=error.status)


def _for_customers(error: Object) -> Object:
    return {key: error[key] for key in ("code", "decline_code", "message", "param") if key in error}


def _state(id: str) -> dict[str, Any]:
    call, session = links.by_id(id, checkout.KIND)
    if session["status"] == "complete":
        return {"state": "complete", "url": session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])}
    intent = checkout.outcome(call, session) or {}
    if action := intent.get("next_action"):
        return {"state": "requires_action", "challenge": action["use_stripe_sdk"]["stripe_js"]}
    error = intent.get("last_payment_error") or intent.get("last_setup_error")
    return {"state": session["status"], **({"error": _for_customers(error)} if error else {})}


urlpatterns = [
    path("c/pay/<str:id>", page, name="checkout"),
    path("c/pay/<str:id>/confirm", confirm, name="checkout_confirm"),
    path("c/pay/<str:id>/items/<str:item>", set_quantity, name="checkout_quantity"),
    path("c/pay/<str:id>/promotion-code", set_promotion_code, name="checkout_promotion_code"),
    path("c/pay/<str:id>/state", state, name="checkout_state"),
    path("c/pay/<str:id>/summary", summary, name="checkout_summary"),
]
