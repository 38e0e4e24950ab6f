"""The console's first page, scenarios and time: what most visits are for."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from sandbox import dashboard, scenarios, store
from sandbox.console.timebar import TimeBar
from sandbox.console.visit import Visit, visited
from sandbox.console.wording import moment as worded


@require_safe
@visited
def home(visit: Visit) -> HttpResponse:
    """Show the scenarios, and for whom they can be played."""
    usernames = dashboard.usernames() if dashboard.talks_to(visit.account) else []
    chosen = visit.request.GET.get("user") or (visit.user and visit.user.get_username())
    context = {"scenarios": scenarios.SCENARIOS.values(), "usernames": usernames, "chosen": chosen}
    return visit.page("home", "home.html", context)


@require_POST
@visited
def play(visit: Visit, name: str) -> HttpResponse:
    """Bring a new customer into a state: that of the named user, else of the signed-in one, where there is one."""
    scenario = scenarios.find(name)
    username = visit.request.POST.get("user")
    user = dashboard.user_named(username) if username else None if username == "" else visit.user
    customer = scenarios.play(visit.account, name, user)
    visit.follow(customer)
    who = f"{user.get_username()} is now" if user and dashboard.talks_to(visit.account) else "There is now"
    return visit.done(f"{who} the customer {customer}: {scenario.name}.")


@require_POST
@visited
def advance(visit: Visit) -> HttpResponse:
    """Let time pass for the followed customer, or the account, and everything happen that is due."""
    bar = TimeBar.of(visit.call, visit.customer)
    moment = bar.moment(visit.request.POST.get("step", ""), visit.request.POST.get("custom", ""))
    bar.go(visit.api, moment)
    return visit.done(f"It is {worded(moment)} UTC now.")


@require_POST
@visited
def follow(visit: Visit) -> HttpResponse:
    """Let the time bar be about a customer, or, without an id, about the signed-in user's."""
    id = visit.request.POST.get("customer", "")
    visit.follow(store.get(visit.call, "customer", id)["id"] if id else None)
    return visit.back()
