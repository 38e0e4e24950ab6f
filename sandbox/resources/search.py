"""Search: Stripe's query language over customers, catalogue, payments and bills. Here its index is never behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox import store
from sandbox.kernel import Call, Object, invalid, route
from sandbox.params import Integer, required, string

_MOST_CLAUSES = 10
_CLAUSE = re.compile(
    r"""\s*(?P<not>-)?(?P<field>[a-z_.]+)(?:\[(?P<quote>["'])(?P<key>.+?)(?P=quote)\])?\s*(?P<op>:|~|>=|<=|>|<)\s*"""
    r"""(?:(?P<mark>["'])(?P<text>(?:\\.|(?!(?P=mark)).)*)(?P=mark)|(?P<bare>[^\s"']+))\s*"""
)
_JOIN = re.compile(r"(AND|OR)\b|(?=\S)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ":": lambda value, wanted: value == wanted,
    "~": lambda value, wanted: wanted in value,
    ">": lambda value, wanted: value > wanted,
    "<": lambda value, wanted: value < wanted,
    ">=": lambda value, wanted: value >= wanted,
    "<=": lambda value, wanted: value <= wanted,
}
_CARD = "payment_method_details.card"
# What can be searched, where it stands in the object if not under its own name, and which fields are numbers.
_FIELDS: dict[str, dict[str, str]] = {
    "charges": {
        **{name: name for name in ("amount", "created", "currency", "customer", "disputed", "refunded", "status")},
        **{f"{_CARD}.{name}": f"{_CARD}.{name}" for name in ("brand", "exp_month", "exp_year", "fingerprint", "last4")},
        "billing_details.address.postal_code": "billing_details.address.postal_code",
    },
    "customers": {name: name for name in ("created", "email", "name", "phone")},
    "invoices": {
        **{name: name for name in ("created", "currency", "customer", "number", "receipt_number", "status", "total")},
        "subscription": "parent.subscription_details.subscription",
    },
    "payment_intents": {name: name for name in ("amount", "created", "currency", "customer", "status")},
    "prices": {name: name for name in ("active", "currency", "lookup_key", "product", "type")},
    "products": {name: name for name in ("active", "description", "name", "shippable", "url")},
    "subscriptions": {name: name for name in ("canceled_at", "created", "status")},
}


@dataclass(frozen=True)
class _Clause:
    path: str
    key: str | None  # of the metadata
    op: str
    wanted: str | None  # None: the word null
    negated: bool

    def holds(self, obj: Object) -> bool:
        return self._matches(obj) != self.negated

    def _matches(self, obj: Object) -> bool:
        value: Any = obj
        for part in [*self.path.split("."), *([self.key] if self.key else [])]:
            value = value.get(part) if isinstance(value, dict) else None
        if self.wanted is None or value is None:
            return value is None and self.wanted is None
        if isinstance(value, int) and not isinstance(value, bool):
            return self.wanted.lstrip("-").isdigit() and _COMPARE[self.op](value, int(self.wanted))
        text = str(value).lower() if not isinstance(value, bool) else ("true" if value else "false")
        return _COMPARE[self.op](text, self.wanted.lower())


def _search(plural: str) -> Callable[[Call], Object]:
    def search(call: Call) -> Object:
        clauses, every = _parse(call.params["query"], plural)
        all_or_any = all if every else any
        found = [
            obj
            for obj in store.query(call, plural.removesuffix("s"))
            if all_or_any(clause.holds(obj) for clause in clauses)
        ]
        return _page(call, found, f"/v1/{plural}/search")

    return search


for _plural in _FIELDS:
    route("GET", f"/v1/{_plural}/search", {"limit": Integer(1, 100), "page": string, "query": required(string)})(
        _search(_plural)
    )


def _page(call: Call, found: list[Object], url: str) -> Object:
    """Return one page; the token of the next one is an offset, opaque to clients."""
    token = call.params.get("page", "0")
    if not token.isdigit():
        raise invalid(f"Invalid page token: {token}", param="page")
    start, limit = int(token), call.params.get("limit", 10)
    has_more = len(found) > start + limit
    page = {
        "object": "search_result",
        "data": found[start : start + limit],
        "has_more": has_more,
        "next_page": str(start + limit) if has_more else None,
        "url": url,
    }
    if "total_count" in call.params.get("expand", ()):
        call.params["expand"].remove("total_count")
        page["total_count"] = len(found)
    return page


def _parse(query: str, plural: str) -> tuple[list[_Clause], bool]:
    """Return the clauses of a query and whether all of them must hold; raises the 400 of a query without sense."""
    clauses, joins = [], set()
    for clause, join in _pieces(query):
        clauses.append(_clause(clause, plural))
        joins.add(join)
    joins.discard("")
    if len(joins) > 1:
        raise invalid("You cannot combine AND and OR in one query.", param="query")
    if not clauses or len(clauses) > _MOST_CLAUSES:
        raise invalid(f"A query takes between 1 and {_MOST_CLAUSES} clauses.", param="query")
    return clauses, joins != {"OR"}


def _pieces(query: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each clause with the word that joins it to the one before; without a word it is AND."""
    position, join = 0, ""
    while position < len(query.rstrip()):
        match = _CLAUSE.match(query, position)
        if match is None:
            raise invalid(f"We were unable to parse your search query at: {query[position:]}", param="query")
        yield match, join
        following = _JOIN.match(query, match.end())
        join = (following[1] or "AND") if following else ""
        position = following.end() if following else match.end()


def _clause(match: re.Match[str], plural: str) -> _Clause:
    field, key = match["field"], match["key"]
    if field == "metadata" and key:
        path = "metadata"
    elif field in _FIELDS[plural] and not key:
        path = _FIELDS[plural][field]
    else:
        raise invalid(f"Field `{field}` is an unsupported search field for resource `{plural}`.", param="query")
    if match["op"] == "~" and len(match["text"] or "") < 3:
        raise invalid("A substring search takes at least three characters.", param="query")
    quoted = match["text"]
    wanted = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["bare"]
    return _Clause(path, key, match["op"], None if quoted is None and wanted == "null" else wanted, bool(match["not"]))
