"""An object as JSON that can be read and followed: every id of the account in it is a link."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from sandbox.kernel import Object
from sandbox.models import Account, Row

_ID = re.compile(r"[a-z]+_\w{4,}", re.ASCII)
_QUOTED = re.compile(r"&quot;([^&\s]+)&quot;(?!:)")  # a value, after escaping; what is followed by a colon is a key


def as_html(account: Account, data: Object) -> SafeString:
    """Return `data` as indented JSON, escaped, with links to what its ids and addresses name."""
    own = data.get("id")
    named = {value for value in _texts(data) if value != own and _ID.fullmatch(value)}
    kinds = dict(Row.objects.filter(account=account, stripe_id__in=named).values_list("stripe_id", "kind"))

    def linked(match: re.Match[str]) -> str:
        text = match[1]
        if text in kinds:
            return format_html('"<a href="{}">{}</a>"', address(kinds[text], text), text)
        if text.startswith(("http://", "https://")):
            return format_html('"<a href="{}" rel="noreferrer">{}</a>"', mark_safe(text), mark_safe(text))  # noqa: S308
        return match[0]

    # Escaped before anything is put around it.
    return mark_safe(_QUOTED.sub(linked, escape(json.dumps(data, indent=2, ensure_ascii=False))))  # noqa: S308


def address(kind: str, id: str) -> str:
    """Return where the console shows an object."""
    if kind in {"event", "mail"}:
        return reverse(f"sandbox:{'event' if kind == 'event' else 'mail_message'}", args=[id])
    # A plan is an older name of a price.
    return reverse("sandbox:object", args=["price" if kind == "plan" else kind, id])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
