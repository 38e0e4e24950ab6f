"""From an annotation of the SDK to a check of plain data."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin

from stripe._stripe_object import UntypedStripeObject

Problems = Iterator[str]


@dataclass(frozen=True)
class Check:
    """What one annotation asks for: `fits` chooses among the members of a Union, `problems` names what is wrong."""

    label: str
    fits: Callable[[Any], bool]
    problems: Callable[[Any, str, bool], Problems]  # value, path to it, whether keys may be missing


class Annotations:
    """Compiles annotations. Subclasses say how scalars and lists look in their world, and what a class stands for."""

    scalars: dict[Any, Callable[[Any], bool]]

    def record(self, kind: Any, module: str) -> Check:
        """Return the check of a class, or of a generic one whose arguments are written in `module`."""
        raise NotImplementedError

    def elements(self, value: Any) -> list[Any] | None:
        """Return the elements of a list as it looks in this world, None for what is none."""
        raise NotImplementedError

    def compile(self, annotation: Any, module: str) -> Check:
        """Return the check for an annotation written in `module`."""
        annotation = _resolved(annotation, module)
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (NotRequired, Required):
            return self.compile(arguments[0], module)
        if origin in (Union, UnionType):
            return self._union(_closed(arguments, module), module)
        if origin is Literal:
            return _scalar(" or ".join(map(repr, arguments)), lambda value: value in arguments)
        if origin is list:
            return self.list_of(self.compile(arguments[0], module))
        if origin in (dict, UntypedStripeObject) or annotation is UntypedStripeObject:
            return _map(self.compile(arguments[-1] if arguments else Any, module))
        if annotation in self.scalars:
            return _scalar(_label(annotation), self.scalars[annotation])
        return self.record(annotation, module)

    def _union(self, members: Iterable[Any], module: str) -> Check:
        checks = [self.compile(member, module) for member in members]
        label = " or ".join(check.label for check in checks)

        def problems(value: Any, path: str, partial: bool) -> Problems:
            found = [list(check.problems(value, path, partial)) for check in checks if check.fits(value)]
            if not found:
                yield f"{path} is {_shown(value)}, not {label}"
            yield from min(found, key=len, default=[])

        return Check(label, lambda value: any(check.fits(value) for check in checks), problems)

    def list_of(self, element: Check) -> Check:
        def problems(value: Any, path: str, partial: bool) -> Problems:
            elements = self.elements(value)
            if elements is None:
                yield f"{path} is {_shown(value)}, not a list"
            for index, each in enumerate(elements or []):
                yield from element.problems(each, f"{path}[{index}]", partial)

        return Check(f"list of {element.label}", lambda value: self.elements(value) is not None, problems)


def fields_check(
    label: str, fields: dict[str, Check], required: set[str], value: Any, path: str, partial: bool
) -> Problems:
    """Name the keys of a hash that are unknown, missing or wrong."""
    if not isinstance(value, dict):
        yield f"{path} is {_shown(value)}, not {label}"
        return
    for key in value.keys() - fields.keys():
        yield f"{path}.{key} is a key that {label} does not have"
    for key in required - value.keys() if not partial else ():
        yield f"{path}.{key} is missing from {label}"
    for key in value.keys() & fields.keys():
        yield from fields[key].problems(value[key], f"{path}.{key}", partial)


def is_optional(annotation: Any, module: str) -> bool:
    """Tell whether None is among what the annotation allows."""
    return NoneType in get_args(_resolved(annotation, module))


def _scalar(label: str, fits: Callable[[Any], bool]) -> Check:
    def problems(value: Any, path: str, partial: bool) -> Problems:
        if not fits(value):
            yield f"{path} is {_shown(value)}, not {label}"

    return Check(label, fits, problems)


def _map(entry: Check) -> Check:
    def problems(value: Any, path: str, partial: bool) -> Problems:
        if not isinstance(value, dict):
            yield f"{path} is {_shown(value)}, not a map"
            return
        for key, each in value.items():
            # What an event says of a metadata key that was not there before is null.
            if not (partial and each is None):
                yield from entry.problems(each, f"{path}.{key}", partial)

    return Check("map", lambda value: isinstance(value, dict), problems)


def _closed(members: tuple[Any, ...], module: str) -> list[Any]:
    """Drop `str` beside an enumeration: it stands for values of other API versions, and we speak exactly one."""
    members = tuple(_resolved(member, module) for member in members)
    words = {word for member in members if get_origin(member) is Literal for word in get_args(member)}
    return [member for member in members if not (member is str and words - {""})]


def _resolved(annotation: Any, module: str) -> Any:
    while isinstance(annotation, str | ForwardRef):
        text = annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation
        annotation = eval(text, vars(sys.modules[module]), _names(module))  # noqa: S307  the SDK's own words
    return annotation


class _Names(dict[str, Any]):
    """Names that a module of the SDK imports for type checkers alone, imported when an annotation asks for one."""

    def __init__(self, imports: dict[str, tuple[str, str]]) -> None:
        super().__init__()
        self._imports = imports

    def __missing__(self, name: str) -> Any:
        module, attribute = self._imports[name]
        self[name] = getattr(importlib.import_module(module), attribute)
        return self[name]


@cache
def _names(module: str) -> _Names:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    guarded = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return _Names(
        {
            alias.asname or alias.name: (statement.module or "", alias.name)
            for guard in guarded
            for statement in guard.body
            if isinstance(statement, ast.ImportFrom)
            for alias in statement.names
        }
    )


def _label(annotation: Any) -> str:
    return getattr(annotation, "__name__", str(annotation)).replace("NoneType", "null")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object ({value['object']})" if isinstance(value.get("object"), str) else "a hash"
    return "a list" if isinstance(value, list) else repr(value)
