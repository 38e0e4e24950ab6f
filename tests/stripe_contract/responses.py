"""Whether JSON that claims to come from Stripe has the shape that Stripe's SDK describes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property, partial
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin

from stripe._error_object import ErrorObject
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES
from stripe._search_result_object import SearchResultObject
from stripe._stripe_object import StripeObject

from stripe_contract import presence
from stripe_contract.annotations import Annotations, Check, Problems, fields_check, is_optional

PAGES = {"list": ListObject, "search_result": SearchResultObject}
# What the envelope has on the wire: the SDK reads `url` without naming it, and knows no last page.
UNNAMED = {"search_result": {"next_page": str | None, "total_count": int | None, "url": str}}


def problems_of(body: Any, returns: Check | None = None, *, partial: bool = False) -> list[str]:
    """Return what is wrong with an object, in sentences that name the path.

    `returns` is what the endpoint promises; without it the object's own `object` key says what it is.
    `partial`: keys may be missing, as from what a publishable key sees.
    """
    if isinstance(body, dict) and "error" in body:
        return list(ERROR.problems(body["error"], "error", partial))
    check = returns or of_object(body)
    if check is None:
        return [f"the answer is no Stripe object: {str(body)[:80]}"]
    return [*check.problems(body, _name(body), partial), *_inside_event(body)]


def of_object(body: Any) -> Check | None:
    """Return the check of the class that an object says it is."""
    kind = str(body.get("object")) if isinstance(body, dict) else ""
    if kind in PAGES:
        return RESPONSES.page(PAGES[kind], RESPONSES.any_object)
    return RESPONSES.record(_class_of(kind)) if kind in OBJECT_CLASSES else None


def _name(body: Any) -> str:
    return str(body.get("object", "answer")) if isinstance(body, dict) else "answer"


def _inside_event(body: Any) -> Problems:
    if not isinstance(body, dict) or body.get("object") != "event" or not isinstance(body.get("data"), dict):
        return
    data = body["data"]
    check, path = of_object(data.get("object")), f"event({body.get('type')}).data"
    if check is None:
        yield f"{path}.object is no Stripe object"
        return
    # The invoice of invoice.upcoming is the one object that Stripe sends without an id (stripe-endive.md section 4).
    without_id = {"id": ""} if body.get("type") == "invoice.upcoming" else {}
    if without_id and "id" in data["object"]:
        yield f"{path}.object has an id before there is such an invoice"
    yield from check.problems({**without_id, **data["object"]}, f"{path}.object", False)
    if "previous_attributes" in data:
        yield from check.problems(data["previous_attributes"], f"{path}.previous_attributes", True)


@cache
def _class_of(kind: str) -> type[StripeObject]:
    module, name = OBJECT_CLASSES[kind]
    found: type[StripeObject] = getattr(importlib.import_module(module), name)
    return found


def _is_decimal(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


class Responses(Annotations):
    """Annotations of the SDK's resource classes, held against JSON."""

    scalars: ClassVar[dict[Any, Callable[[Any], bool]]] = {
        str: lambda value: isinstance(value, str),
        bool: lambda value: isinstance(value, bool),
        int: lambda value: isinstance(value, int) and not isinstance(value, bool),
        float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        Decimal: _is_decimal,
        NoneType: lambda value: value is None,
        Any: lambda value: True,
    }

    def __init__(self) -> None:
        self._records: dict[type, Check] = {}
        self.paths: dict[type, str] = {}  # of the hashes inside the resources met so far

    def elements(self, value: Any) -> list[Any] | None:
        return value if isinstance(value, list) else None

    def record(self, kind: Any, module: str = __name__) -> Check:
        if get_origin(kind) in PAGES.values():
            return self.page(get_origin(kind), self.compile(get_args(kind)[0], module))
        if kind not in self._records:
            self._records[kind] = Record(self, kind, self.paths.get(kind, "")).check
        return self._records[kind]

    @cached_property
    def any_object(self) -> Check:
        def problems(value: Any, path: str, partial: bool) -> Problems:
            check = of_object(value)
            if check is None:
                yield f"{path} is no Stripe object"
            else:
                yield from check.problems(value, path, partial)

        return Check("object", lambda value: isinstance(value, dict), problems)

    def page(self, envelope: type, element: Check) -> Check:
        """Return the check of a list or search result of `element`."""
        own = {key: kind for key, kind in envelope.__annotations__.items() if key != "data" and not key.startswith("_")}
        own |= UNNAMED.get(envelope.OBJECT_NAME, {})
        fields = {key: self.compile(kind, envelope.__module__) for key, kind in own.items()}
        fields["object"] = self.compile(Literal[envelope.OBJECT_NAME], __name__)
        fields["data"] = self.list_of(element)
        required = {key for key in fields if key not in own or not is_optional(own[key], envelope.__module__)}
        label = f"{envelope.OBJECT_NAME} of {element.label}"
        check = partial(fields_check, label, fields, required)
        return Check(label, lambda value: isinstance(value, dict) and value.get("object") in PAGES, check)


class Record:
    """One class of the SDK: a resource, known by its `object` key, or a hash inside one."""

    def __init__(self, compiler: Responses, kind: type[StripeObject], path: str) -> None:
        self.compiler, self.kind = compiler, kind
        self.name = getattr(kind, "OBJECT_NAME", None)
        self.check = Check(self.name or kind.__qualname__, self.fits, self.problems)
        self.presence = presence.of_hash(self.name or path)
        for key, inner in kind._inner_class_types.items():
            compiler.paths.setdefault(inner, f"{self.name or path}.{key}")

    @cached_property
    def annotations(self) -> dict[str, tuple[Any, str]]:
        """Key as on the wire -> annotation, and the module it is written in."""
        renamed = self.kind._field_remappings
        return {
            renamed.get(key, key): (annotation, each.__module__)
            for each in reversed(self.kind.__mro__)
            if issubclass(each, StripeObject) and each is not StripeObject
            for key, annotation in inspect.get_annotations(each).items()
            if not key.startswith("_") and not key.isupper()
        }

    @cached_property
    def fields(self) -> dict[str, Check]:
        return {key: self.compiler.compile(*written) for key, written in self.annotations.items()}

    @cached_property
    def required(self) -> set[str]:
        always = {key for key, written in self.annotations.items() if not is_optional(*written)}
        return always | self.presence.required

    def fits(self, value: Any) -> bool:
        return isinstance(value, dict) and (self.name is None or value.get("object") == self.name)

    def _is_stub(self, value: Any) -> bool:
        deleted = self.name and isinstance(value, dict) and value.get("deleted") is True
        return (
            bool(deleted) and "deleted" in self.annotations and self.name != "discount"
        )  # a deleted discount is whole

    def problems(self, value: Any, path: str, partial: bool) -> Problems:
        if self._is_stub(value):
            if value.keys() != {"id", "object", "deleted"}:
                yield f"{path} is deleted, and keeps more than id, object and deleted"
            return
        yield from fields_check(self.check.label, self.fields, self.required, value, path, partial)
        # In `previous_attributes` null says that the key was not there.
        if isinstance(value, dict) and not partial:
            yield from self.presence.problems(value, self.annotations.keys(), path)


RESPONSES = Responses()
ERROR = RESPONSES.record(ErrorObject)
