"""The mail tray."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from sandbox import hosted, mail, store
from sandbox.console import readable, wording
from sandbox.console.objects import paged
from sandbox.console.visit import Visit, visited
from sandbox.kernel import Object


@require_safe
@visited
def tray(visit: Visit) -> HttpResponse:
    """List the mails, newest first, to everybody or to one customer."""
    customer = visit.request.GET.get("customer", "")
    page = paged(visit, mail.KIND, customer=customer or None)
    rows = [_row(each) for each in page.pop("data")]
    return visit.page("mail", "mail.html", {"rows": rows, "of": customer, **page})


@require_safe
@visited
def message(visit: Visit, id: str) -> HttpResponse:
    """Show a mail as its reader would see it, with links that work."""
    found = store.find(visit.call, mail.KIND, id)
    if found is None:
        raise Http404(f"there is no mail {id}")
    about = found["about"]
    context = {
        "mail": _row(found),
        "text": found["text"],
        # Only the path: the site may be reached under another address than the one at which the mail was written.
        "links": [{"text": each["text"], "url": hosted.path_of(each["url"])} for each in found["links"]],
        "about": about["id"] and {"id": about["id"], "address": readable.address(about["object"], about["id"])},
    }
    return visit.page("mail", "mail_message.html", context)


def _row(mail: Object) -> Object:
    return {**mail, "at": wording.moment(mail["created"]), "sender": mail["from"]}
