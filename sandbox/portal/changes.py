"""Changing plan or quantity: choosing, a preview of what it costs, the change itself, and paying for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sandbox import hosted, sheets, store
from sandbox.api import ApiError
from sandbox.engine import items, pricing, standing
from sandbox.kernel import Object
from sandbox.portal import later, rules, wording
from sandbox.portal.rules import Offer
from sandbox.portal.visit import Visit, visited

_GOOD_FOR = 900  # seconds in which a preview can be confirmed


@dataclass(frozen=True)
class Choice:
    """What a customer has chosen so far: a price and a quantity for the only item of a subscription."""

    visit: Visit
    subscription: Object
    price: str
    quantity: int
    discounts: tuple[dict[str, str], ...] = ()  # to come on top of those that it has

    @cached_property
    def item(self) -> Object:
        """Return the item as it is now."""
        (item,) = self.subscription["items"]["data"]
        return dict(item)

    @cached_property
    def offers(self) -> dict[str, Offer]:
        """Return what can be had, by price."""
        offered = rules.offers(self.visit.features, self.visit.products, self.subscription)
        return {offer.price: offer for offer in offered if self._fits(offer.price)}

    def _fits(self, price: str) -> bool:
        known = store.find(self.visit.call, "price", price) or {}
        return price == self.item["price"]["id"] or (
            known.get("active") is True and known.get("currency") == self.subscription["currency"]
        )

    @property
    def adjustable(self) -> Object | None:
        """Return the bounds of the quantity, where the customer may choose one."""
        offer = self.offers.get(self.price)
        return offer.quantity if offer and offer.quantity["enabled"] else None

    @property
    def problem(self) -> str | None:
        """Return why this cannot be had, in a sentence."""
        if self.price == self.item["price"]["id"] and self.quantity == self.item["quantity"]:
            return "Choose another plan or quantity."
        if self.price not in self.offers:
            return "This plan is not offered."
        if self.adjustable and not self.offers[self.price].takes(self.quantity):
            return f"Choose a quantity {_bounds(self.adjustable)}."
        return None

    @property
    def waits(self) -> bool:
        """Tell whether the change is put off to the end of the period."""
        call, price = self.visit.call, store.get(self.visit.call, "price", self.price)
        return later.is_wanted(call, self.visit.features, self.item, price, self.quantity)

    def parameters(self, proration_date: int) -> dict[str, Any]:
        """Return the change as parameters of an update, and of a preview alike."""
        feature = self.visit.features["subscription_update"]
        params: dict[str, Any] = {
            "items": [{"id": self.item["id"], "price": self.price, "quantity": self.quantity}],
            "proration_behavior": feature["proration_behavior"],
        }
        if self.subscription["status"] == "trialing" and feature["trial_update_behavior"] == "end_trial":
            params["trial_end"] = "now"
        elif feature["billing_cycle_anchor"] == "now":
            params["billing_cycle_anchor"] = {"type": "now"}
        return params | {"proration_date": proration_date}

    @property
    def discounted(self) -> dict[str, Any]:
        """Return the `discounts` of the update, where there are new ones."""
        kept = [{"discount": id} for id in self.subscription["discounts"]]
        return {"discounts": [*kept, *self.discounts]} if self.discounts else {}


def _bounds(quantity: Object) -> str:
    least = max(quantity["minimum"], 1)
    return f"of at least {least}" if quantity["maximum"] is None else f"between {least} and {quantity['maximum']}"


def _choice(request: HttpRequest, visit: Visit, subscription: Object) -> Choice:
    given = request.POST if request.method == "POST" else request.GET
    (item,) = subscription["items"]["data"]
    price, quantity = given.get("price", item["price"]["id"]), given.get("quantity", "")
    number = int(quantity) if quantity.isdecimal() and len(quantity) < 7 else item["quantity"]
    choice = Choice(visit, subscription, price, number)
    return choice if choice.adjustable else replace(choice, quantity=item["quantity"])


@require_safe
@visited
def update(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Show what the subscription can be changed to; a selected plan may ask for a quantity."""
    obj = visit.subscription(subscription)
    if change := later.planned(visit.call, obj):
        plan = wording.plan(visit.call, obj)
        return visit.page("planned.html", {"id": obj["id"], "plan": plan, "planned": change})
    if refusal := rules.why_not_update(visit.features, obj):
        return visit.page("refused.html", {"message": refusal}, status=422)
    choice = _choice(request, visit, obj)
    problem = choice.problem if "again" in request.GET else None
    context = {
        "id": obj["id"],
        "plans": [_plan(choice, price) for price in choice.offers],
        "quantity": choice.quantity,
        "adjustable": choice.adjustable,
        "price": choice.price,
        "problem": problem,
        "ready": choice.problem is None or choice.adjustable is not None,
    }
    return visit.page("update.html", context, status=422 if problem else 200)


@require_POST
@visited
def undo(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Take a change back that waits for the end of the period."""
    change = later.planned(visit.call, visit.subscription(subscription))
    if change is None or not visit.features["subscription_update"]["enabled"]:
        raise Http404
    visit.api.post(f"subscription_schedules/{change.schedule}/release")
    return visit.completed()


def _plan(choice: Choice, id: str) -> dict[str, Any]:
    price = store.get(choice.visit.call, "price", id)
    return {
        "id": id,
        "product": wording.product_of(choice.visit.call, price),
        "rate": wording.rate(choice.visit.call, price),
        "is_current": id == choice.item["price"]["id"],
        "is_selected": id == choice.price,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def confirm(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Show what a change costs, then make it: what is charged is what was shown, to the second."""
    obj = visit.subscription(subscription)
    if refusal := rules.why_not_update(visit.features, obj):
        return visit.page("refused.html", {"message": refusal}, status=422)
    plain = _choice(request, visit, obj)
    if plain.problem is not None:
        query = urlencode([("price", plain.price), ("quantity", plain.quantity), ("again", 1)])
        return HttpResponseRedirect(f"{visit.url('update', obj['id'])}?{query}")
    choice, error = _with_discounts(request, plain), ""
    try:
        if choice is None:
            error, choice = "This code is invalid.", plain
        elif request.method == "POST":
            shown_at = _shown_at(request, visit.call.now)
            if shown_at is not None:
                return _make(choice, shown_at)
            error = "This was worked out some time ago. Please look at it again."
        return visit.page("confirm.html", _preview(request, choice) | {"error": error}, status=422 if error else 200)
    except ApiError as refused:
        return visit.page("confirm.html", _preview(request, plain) | {"error": refused.message}, status=422)


def _shown_at(request: HttpRequest, now: int) -> int | None:
    """Return the moment for which the customer has seen the price, while that still holds."""
    given = request.POST.get("proration_date", "")
    moment = int(given) if given.isdecimal() and len(given) < 12 else 0
    return moment if now - _GOOD_FOR <= moment <= now else None


def _make(choice: Choice, proration_date: int) -> HttpResponse:
    visit, id = choice.visit, choice.subscription["id"]
    if choice.waits:
        later.plan(visit.call, visit.api, choice.subscription, choice.price, choice.quantity)
        return visit.completed()
    params = choice.parameters(proration_date) | choice.discounted
    changed = visit.api.post(f"subscriptions/{id}", payment_behavior="pending_if_incomplete", **params)
    return visit.go("pay", id) if changed["pending_update"] else visit.completed()


def _with_discounts(request: HttpRequest, choice: Choice) -> Choice | None:
    """Return the choice with the discounts of the flow, or of the code that was typed; None for an unknown code."""
    visit = choice.visit
    if visit.in_flow and visit.session["flow"]["type"] == "subscription_update_confirm":
        offered = visit.session["flow"]["subscription_update_confirm"]["discounts"] or []
        given = ({kind: id for kind, id in each.items() if id} for each in offered)
        return replace(choice, discounts=tuple(given))
    typed = _code(request, visit)
    if not typed:
        return choice
    found = visit.api.get("promotion_codes", active=True, code=typed)["data"]
    return replace(choice, discounts=({"promotion_code": found[0]["id"]},)) if found else None


def _code(request: HttpRequest, visit: Visit) -> str:
    """Return the promotion code that was typed, where one may be."""
    given = request.POST if request.method == "POST" else request.GET
    allowed = visit.features["subscription_update"]["default_allowed_updates"]
    return given.get("promotion_code", "").strip() if "promotion_code" in allowed else ""


def _preview(request: HttpRequest, choice: Choice) -> dict[str, Any]:
    """Return what a change would be billed, and when."""
    visit, now = choice.visit, choice.visit.call.now
    price = store.get(visit.call, "price", choice.price)
    shown = wording.subscription(visit.call, visit.features, choice.subscription)
    billed = _later(choice) if choice.waits else _billed(choice)
    takes_codes = "promotion_code" in visit.features["subscription_update"]["default_allowed_updates"]
    return billed | {
        "id": choice.subscription["id"],
        "before": shown["plan"],
        "after": wording.product_of(visit.call, price)["name"],
        "rate": wording.rate(visit.call, price, choice.quantity),
        "price": choice.price,
        "quantity": choice.quantity,
        "proration_date": now,
        "card": shown["card"],
        "needs_card": billed["charges"] and shown["card"] is None,
        "takes_codes": takes_codes and not choice.waits,
        "code": _code(request, visit) if choice.discounts else "",
    }


def _billed(choice: Choice) -> dict[str, Any]:
    """Return what the invoice of a change says, be it made at once or at the renewal."""
    visit, now = choice.visit, choice.visit.call.now
    preview = visit.api.post(
        "invoices/create_preview",
        subscription=choice.subscription["id"],
        subscription_details=choice.parameters(now),
        **choice.discounted,
    )
    lines = preview["lines"]["data"]
    *steps, _ = sheets.totals(visit.call, preview, lines)
    at_once = preview["period_start"] == preview["period_end"]
    return {
        "charges": at_once and preview["amount_due"] > 0,
        "due": pricing.money(preview["amount_due"] if at_once else 0, preview["currency"]),
        "lines": [(line["description"], pricing.money(line["amount"], line["currency"])) for line in lines],
        "next": None if at_once else (hosted.day(preview["period_end"]), _amount_due(preview)),
        "steps": [] if preview["subtotal"] == preview["amount_due"] else steps,
    }


def _later(choice: Choice) -> dict[str, Any]:
    """Return what a change costs that waits for the end of the period: nothing until then."""
    price = store.get(choice.visit.call, "price", choice.price)
    cost = items.cost(choice.visit.call, {"price": price, "quantity": choice.quantity})
    ends, currency = hosted.day(standing.period_end(choice.subscription)), price["currency"]
    due = pricing.money(0, currency)
    return {"charges": False, "due": due, "lines": [], "next": (ends, pricing.money(cost, currency)), "steps": []}


def _amount_due(invoice: Object) -> str:
    return pricing.money(invoice["amount_due"], invoice["currency"])


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def pay(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Let the customer pay for a change that their card did not: with another one, or after 3-D Secure."""
    obj = visit.subscription(subscription)
    if obj["pending_update"] is None:
        return visit.completed() if request.method == "POST" else visit.go("home")
    invoice = store.get(visit.call, "invoice", obj["latest_invoice"])
    intent = hosted.intent_of(visit.call, invoice)
    context = {
        "amount": _amount_due(invoice),
        "payment": hosted.payment(visit.call, visit.cards(), intent=intent),
        "plan": wording.plan(visit.call, obj),
    }
    return visit.page("pay.html", context)
