"""Whether what is sent to Stripe has the parameters that Stripe's SDK types for that endpoint."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar

import stripe
from stripe._request_options import RequestOptions

from stripe_contract.annotations import Annotations, Check, Problems, fields_check
from stripe_contract.responses import RESPONSES

OPTIONS = frozenset(RequestOptions.__annotations__)  # travel as headers, though some params classes inherit them


@dataclass(frozen=True)
class Endpoint:
    """A method and path of the API as a service of the SDK calls it."""

    method: str
    path: str  # with {placeholders}
    module: str
    params: str | None  # annotation of its parameters, None where it takes none
    returns: str  # annotation of its answer

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(
            "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in self.path.split("/"))
        )

    def response(self) -> Check:
        """Return the check of the answer."""
        importlib.import_module(self.module)
        return RESPONSES.compile(self.returns, self.module)


def endpoint(method: str, path: str) -> Endpoint | None:
    """Return the endpoint that `method path` reaches, the most literal where several could be meant."""
    found = [each for each in _endpoints().get((method.lower(), path.count("/")), ()) if each.pattern.fullmatch(path)]
    return min(found, key=lambda each: each.path.count("{"), default=None)


def problems_of(method: str, path: str, params: dict[str, Any]) -> list[str]:
    """Return what is wrong with a request, in sentences that name the parameter.

    `params` is nested as the bracketed form says, each leaf still a string.
    """
    known = endpoint(method, path)
    if known is None:
        return [f"{method} {path} is no endpoint of the SDK"]
    name = f"{method} {known.path}"
    if known.params is None:
        return [f"{name} takes no parameters, and got {', '.join(params)}"] if params else []
    importlib.import_module(known.module)
    return list(REQUESTS.compile(known.params, known.module).problems(params, name, False))


@cache
def _endpoints() -> dict[tuple[str, int], list[Endpoint]]:
    table: dict[tuple[str, int], list[Endpoint]] = {}
    root = Path(stripe.__file__).parent
    for file in root.rglob("*_service.py"):
        module = ".".join(("stripe", *file.relative_to(root).with_suffix("").parts))
        for each in _endpoints_of(file, module):
            table.setdefault((each.method, each.path.count("/")), []).append(each)
    return table


def _endpoints_of(file: Path, module: str) -> Iterator[Endpoint]:
    for function in ast.walk(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        arguments = {each.arg: each.annotation for each in function.args.args}
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "self._request":
                method, path = (_text(argument) for argument in call.args[:2])
                params = arguments.get("params")
                yield Endpoint(method, path, module, params and _bare(params), _bare(function.returns))


def _text(node: ast.expr) -> str:
    """Return the text of "literal" or "literal".format(…)."""
    while not isinstance(node, ast.Constant):
        node = node.func.value  # type: ignore[attr-defined]
    return str(node.value)


def _bare(annotation: ast.expr | None) -> str:
    """Return an annotation without the Optional around it and without quotes."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Optional":
        annotation = annotation.slice
    return (
        str(annotation.value) if isinstance(annotation, ast.Constant) else ast.unparse(annotation or ast.Constant(None))
    )


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


class Requests(Annotations):
    """Annotations of the SDK's parameter classes, held against a decoded form: every leaf is text."""

    scalars: ClassVar[dict[Any, Callable[[Any], bool]]] = {
        str: lambda value: isinstance(value, str) and value != "",
        bool: lambda value: value in ("true", "false"),
        int: lambda value: isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None,
        float: _is_number,
        Decimal: _is_number,
        NoneType: lambda value: False,
        Any: lambda value: True,
    }

    def __init__(self) -> None:
        self._records: dict[type, Check] = {}

    def elements(self, value: Any) -> list[Any] | None:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            return None
        return [value[key] for key in sorted(value, key=int)]

    def record(self, kind: Any, module: str) -> Check:
        if kind not in self._records:
            self._records[kind] = self._typed_dict(kind)
        return self._records[kind]

    def _typed_dict(self, kind: Any) -> Check:
        written = {key: annotation for key, annotation in kind.__annotations__.items() if key not in OPTIONS}
        required = set(kind.__required_keys__) - OPTIONS

        @cache
        def fields() -> dict[str, Check]:
            return {key: self.compile(annotation, kind.__module__) for key, annotation in written.items()}

        def problems(value: Any, path: str, partial: bool) -> Problems:
            yield from fields_check(kind.__name__, fields(), required, value, path, partial)

        return Check(kind.__name__, lambda value: isinstance(value, dict), problems)


REQUESTS = Requests()
