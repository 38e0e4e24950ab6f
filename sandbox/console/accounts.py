"""Whole accounts: which one is looked at, starting afresh, and snapshots."""

from __future__ import annotations

from django.core.management import call_command
from django.db.models import Count, Q
from django.http import HttpResponse
from django.views.decorators.http import require_POST, require_safe

from sandbox import clock, control, dashboard, server, snapshots
from sandbox.console import wording
from sandbox.console.visit import Visit, visited
from sandbox.models import Account

_MOST_SHOWN = 50


@require_safe
@visited
def accounts(visit: Visit) -> HttpResponse:
    """Show the accounts there are, and the snapshots of the one that is looked at."""
    customers = Count("row", filter=Q(row__kind="customer", row__deleted=False))
    known = Account.objects.annotate(customers=customers).order_by("-pk")[:_MOST_SHOWN]
    context = {
        "known": [{"row": each, "now": wording.moment(clock.now(each))} for each in known],
        "snapshots": [
            {"name": each["name"], "at": wording.moment(each["at"])}
            for each in control.list_snapshots(visit.account)["snapshots"]
        ],
    }
    return visit.page("accounts", "accounts.html", context)


@require_POST
@visited
def choose(visit: Visit) -> HttpResponse:
    """Look at another account, by the name behind sk_test_ in its key; a new name makes a new account."""
    name = visit.request.POST.get("name", "").strip().removeprefix("sk_test_")
    if not name.isidentifier() and not name.isalnum():
        raise ValueError("A key has letters, digits and underscores behind sk_test_.")
    account, _ = server.authenticate({"authorization": f"Bearer sk_test_{name}"})
    visit.choose(account)
    return visit.done(f"This is the account of sk_test_{account.name}.")


@require_POST
@visited
def reset(visit: Visit) -> HttpResponse:
    """Start afresh: the dashboard's account with its demo customers, any other one empty."""
    visit.follow(None)
    if dashboard.talks_to(visit.account):
        call_command("seed_sandbox", reset=True, verbosity=0)
        return visit.done("Everything is as on the first day: the demo customers are new, and it is now.")
    control.reset(visit.account)
    return visit.done("The account is empty, and it is now.")


@require_POST
@visited
def save(visit: Visit) -> HttpResponse:
    """Put a copy of the account aside."""
    name = visit.request.POST.get("name", "").strip()
    snapshots.save(visit.account, name)
    return visit.done(f"Saved as “{name}”.")


@require_POST
@visited
def restore(visit: Visit) -> HttpResponse:
    """Make the account what it was, and let the dashboard read its customers anew."""
    name = visit.request.POST.get("name", "")
    snapshots.restore(visit.account, name)
    visit.account.refresh_from_db()
    if dashboard.talks_to(visit.account):
        dashboard.read_anew(visit.account)
    return visit.done(f"The account is as it was at “{name}”.")


@require_POST
@visited
def drop(visit: Visit) -> HttpResponse:
    """Forget a snapshot."""
    name = visit.request.POST.get("name", "")
    control.delete_snapshot(visit.account, name)
    return visit.done(f"“{name}” is forgotten.")
