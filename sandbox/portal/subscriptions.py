"""Canceling, renewing, pausing and resuming a subscription."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from sandbox import hosted, sheets, store
from sandbox.engine import standing
from sandbox.engine.calendar import boundary
from sandbox.kernel import Object
from sandbox.portal import rules, wording
from sandbox.portal.visit import Visit, visited

_LONGEST_COMMENT = 5000


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def cancel(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Ask, then cancel, at once or at the end of the period; why is asked afterwards."""
    obj = visit.subscription(subscription)
    if refusal := rules.why_not_cancel(visit.features, obj):
        return visit.page("refused.html", {"message": refusal}, status=422)
    feature, offer = visit.features["subscription_cancel"], _offer(visit)
    if request.method != "POST":
        context = {"at_once": feature["mode"] == "immediately", "offer": offer and sheets.coupon(offer)}
        return visit.page("cancel.html", _asked(visit, obj) | context)
    if offer and "accept" in request.POST:
        kept = [{"discount": id} for id in obj["discounts"]]
        visit.api.post(f"subscriptions/{obj['id']}", discounts=[*kept, {"coupon": offer["id"]}])
        return visit.completed()
    if feature["mode"] == "at_period_end":
        visit.api.post(f"subscriptions/{obj['id']}", cancel_at_period_end=True)
    else:
        # What was paid in advance becomes credit of the customer's only where it is invoiced.
        prorated = feature["proration_behavior"] == "create_prorations"
        visit.api.delete(f"subscriptions/{obj['id']}", invoice_now=prorated, prorate=prorated)
    return visit.go("reason", obj["id"]) if feature["cancellation_reason"]["enabled"] else visit.completed()


def _offer(visit: Visit) -> Object | None:
    """Return the coupon that the flow offers to who stays, while it can be redeemed."""
    flow = visit.session["flow"] if visit.in_flow else None
    retention = ((flow or {}).get("subscription_cancel") or {}).get("retention")
    coupon = store.find(visit.call, "coupon", retention["coupon_offer"]["coupon"]) if retention else None
    return coupon if coupon and coupon.get("valid") else None


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def reason(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Ask why a subscription was canceled; not to say is an answer too."""
    obj, asked = visit.subscription(subscription), visit.features["subscription_cancel"]["cancellation_reason"]
    if not asked["enabled"] or not (obj["cancel_at"] or obj["status"] in standing.ENDED):
        raise Http404
    if request.method != "POST":
        reasons = [(option, wording.REASONS[option]) for option in asked["options"]]
        return visit.page("reason.html", _asked(visit, obj) | {"reasons": reasons})
    details = {"comment": request.POST.get("comment", "")[:_LONGEST_COMMENT], "feedback": request.POST.get("feedback")}
    given = {key: value for key, value in details.items() if value}
    if given and "skip" not in request.POST:
        visit.api.post(f"subscriptions/{obj['id']}", cancellation_details=given)
    return visit.completed()


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def renew(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Ask, then take the cancellation of a running subscription back."""
    obj = visit.subscription(subscription)
    if not visit.features["subscription_cancel"]["enabled"] or not obj["cancel_at"] or _has_ended(obj):
        raise Http404
    if request.method != "POST":
        return visit.page("renew.html", _asked(visit, obj))
    undone = {"cancel_at_period_end": False} if obj["cancel_at_period_end"] else {"cancel_at": None}
    visit.api.post(f"subscriptions/{obj['id']}", **undone)
    return visit.completed()


@require_http_methods(["GET", "HEAD", "POST"])
@visited
def pause(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """Ask for how long, then stop collecting: the invoices of a pause are void."""
    obj = visit.subscription(subscription)
    if refusal := rules.why_not_pause(visit.features, obj):
        return visit.page("refused.html", {"message": refusal}, status=422)
    ends = _pause_ends(visit)
    chosen = ends.get(request.POST.get("until", ""))
    if request.method != "POST" or chosen is None:
        options = [(name, hosted.day(end)) for name, end in ends.items() if end]
        return visit.page("pause.html", _asked(visit, obj) | {"options": options})
    resumes = {"resumes_at": chosen} if chosen else {}
    visit.api.post(f"subscriptions/{obj['id']}", pause_collection={"behavior": "void", **resumes})
    return visit.completed()


def _pause_ends(visit: Visit) -> dict[str, int]:
    """Return name -> epoch seconds of the pauses to choose from; 0 is one without an end."""
    duration = visit.features["subscription_pause"]["duration"]
    if duration["type"] == "indefinite":
        return {"indefinite": 0}
    options = duration["interval_options"]
    return {f"{each['interval_count']} {each['interval']}": boundary(visit.call.now, each, 1) for each in options}


@require_POST
@visited
def resume(request: HttpRequest, visit: Visit, subscription: str) -> HttpResponse:
    """End a pause before its time."""
    obj = visit.subscription(subscription)
    if not visit.features["subscription_pause"]["enabled"] or not obj["pause_collection"]:
        raise Http404
    visit.api.post(f"subscriptions/{obj['id']}", pause_collection=None)
    return visit.completed()


def _has_ended(subscription: Object) -> bool:
    return subscription["status"] in standing.ENDED


def _asked(visit: Visit, subscription: Object) -> dict[str, Any]:
    """Return what every question about a subscription shows of it."""
    ends = subscription["cancel_at"] or standing.period_end(subscription)
    return {"id": subscription["id"], "plan": wording.plan(visit.call, subscription), "ends": hosted.day(ends)}
