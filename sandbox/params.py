"""From bracketed form fields to nested data, and the small language in which routes declare what they take.

A declaration is a dict of name -> kind. A kind is one of the names below (`string`, `integer`, `boolean`,
`timestamp`, `amount`, `currency`, `decimal`, `email`, `url`, `metadata`, `not_emulated`), `enum("a", "b")`, a `{…}` of
further names, `MapOf(kind)` for free names, a `[kind]` list, or one of those wrapped: `required(kind)`,
`either(kind, kind)`, `clearable(kind)` (the empty string unsets: the value arrives as None).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal as Number
from decimal import InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from sandbox.kernel import StripeError, invalid

_NAME = re.compile(r"\[([^\]]*)\]")
_LAST = 253_402_300_799  # the end of the year 9999


def decode(encoded: str) -> dict[str, Any]:
    """Return the nested data of a form body or query string; every leaf is still a string.

    Understands `a[b]=1`, `a[0][b]=1`, `a[]=1` and `a[][b]=1`; raises invalid() where a name is both leaf and hash.
    """
    data: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, errors="replace"):
        head, bracket, _ = name.partition("[")
        path = [head, *_NAME.findall(name)] if bracket else [name]
        _put(data, path, value, name)
    return data


def _put(data: dict[str, Any], path: list[str], value: str, name: str) -> None:
    here: Any = data
    for key, following in itertools.pairwise(path):
        key = _next_index(here, following) if key == "" else key
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            raise invalid(f"Invalid request: {name} is given both as a value and as a hash", param=name)
    last = path[-1] if path[-1] != "" else str(len(here))
    if isinstance(here.get(last), dict):
        raise invalid(f"Invalid request: {name} is given both as a value and as a hash", param=name)
    here[last] = value


def _next_index(here: dict[str, Any], following: str) -> str:
    """Return the index of `a[]` in `a[][b]`: a name that comes again begins the next element."""
    newest = str(len(here) - 1)
    return newest if isinstance(here.get(newest), dict) and following not in here[newest] else str(len(here))


def read(declared: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return `given` coerced to what a route declared, or raise the 400 that Stripe would answer with."""
    return _hash(declared, given, "")


class Kind:
    """How one parameter is read; `read` returns the value or raises."""

    def read(self, value: Any, name: str) -> Any:
        raise NotImplementedError

    def text(self, value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", param=name)
        if value == "":
            raise invalid(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
                f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
                "non-empty value.",
                param=name,
                code="parameter_invalid_empty",
            )
        return value


@dataclass(frozen=True)
class String(Kind):
    """Text of at most `longest` characters."""

    longest: int = 5000

    def read(self, value: Any, name: str) -> str:
        text = self.text(value, name)
        if len(text) > self.longest:
            raise invalid(
                f"Invalid string: {text[:20]}...; must be at most {self.longest} characters",
                param=name,
                code="parameter_invalid_string",
            )
        return text


@dataclass(frozen=True)
class Email(String):
    """An e-mail address."""

    longest: int = 512

    def read(self, value: Any, name: str) -> str:
        text = super().read(value, name)
        try:
            validate_email(text)
        except ValidationError:
            raise invalid(f"Invalid email address: {text}", param=name, code="email_invalid") from None
        return text


class Url(Kind):
    """An absolute web address that a browser can be sent to; placeholders in braces may stand in it."""

    def read(self, value: Any, name: str) -> str:
        text = self.text(value, name)
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.hostname or " " in text:
            raise invalid("Not a valid URL", param=name, code="url_invalid")
        return text


@dataclass(frozen=True)
class Integer(Kind):
    """A whole number between two bounds."""

    least: int = -99_999_999_999
    most: int = 99_999_999_999

    def read(self, value: Any, name: str) -> int:
        text = self.text(value, name)
        if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
            raise invalid(f"Invalid integer: {text}", param=name, code="parameter_invalid_integer")
        number = int(text)
        if number < self.least:
            raise self._refuse("greater", self.least, name)
        if number > self.most:
            raise self._refuse("less", self.most, name)
        return number

    def _refuse(self, side: str, bound: int, name: str) -> StripeError:
        message = f"This value must be {side} than or equal to {bound}."
        return invalid(message, param=name, code="parameter_invalid_integer")


class Boolean(Kind):
    """`true` or `false`, spelled so."""

    def read(self, value: Any, name: str) -> bool:
        text = self.text(value, name)
        if text not in {"true", "false"}:
            raise invalid(f"Invalid boolean: {text}", param=name)
        return text == "true"


@dataclass(frozen=True)
class Decimal(Kind):
    """A decimal number of at most `places` places, kept as the string it came as, without needless zeros."""

    places: int = 12

    def read(self, value: Any, name: str) -> str:
        text = self.text(value, name)
        try:
            number = Number(text)
        except InvalidOperation:
            raise invalid(f"Invalid decimal: {text}", param=name) from None
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > self.places:
            raise invalid(f"Invalid decimal: {text}; must contain at maximum {self.places} decimal places", param=name)
        plain = f"{number:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain


@dataclass(frozen=True)
class Percentage(Decimal):
    """A percentage, which answers show as a number."""

    places: int = 4

    def read(self, value: Any, name: str) -> Any:
        text = super().read(value, name)
        return float(text) if "." in text else int(text)


@dataclass(frozen=True)
class Enum(Kind):
    """One of a few words."""

    choices: tuple[str, ...]

    def read(self, value: Any, name: str) -> str:
        text = self.text(value, name)
        if text not in self.choices:
            raise invalid(f"Invalid {name}: must be {_one_of(self.choices)}", param=name)
        return text


class Metadata(Kind):
    """Key -> string, within Stripe's limits; "" for a key, or for all of it, arrives as None."""

    def read(self, value: Any, name: str) -> dict[str, str | None] | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=name)
        if len(value) > 50:
            raise invalid("Metadata can have at most 50 keys", param=name)
        return {key: self._entry(key, entry, name) for key, entry in value.items()}

    def _entry(self, key: str, entry: Any, name: str) -> str | None:
        if len(key) > 40:
            message = f"Metadata keys must be at most 40 characters long. '{key}' is {len(key)} characters long"
            raise invalid(message, param=name)
        if not isinstance(entry, str):
            raise invalid(
                f"Metadata values must be strings, but for key {key} you passed in a value of type hash", param=name
            )
        if len(entry) > 500:
            message = f"Metadata values can have up to 500 characters, but you passed in {len(entry)} characters."
            raise invalid(message, param=f"{name}[{key}]")
        return entry or None


@dataclass(frozen=True)
class MapOf(Kind):
    """Free keys, such as currencies, each with a value of one kind."""

    kind: Any

    def read(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=name)
        return {key: _read(self.kind, each, f"{name}[{key}]") for key, each in value.items()}


class Currency(Kind):
    """A three-letter code, in either case, that arrives in lower case."""

    def read(self, value: Any, name: str) -> str:
        text = self.text(value, name).lower()
        if text not in _CURRENCIES:
            raise invalid(
                f"Invalid currency: {text}. Stripe currently supports these currencies: {', '.join(_CURRENCIES)}",
                param=name,
            )
        return text


# Presentment currencies, with those that have three decimals last.
_CURRENCIES = (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp "
    "cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr "
    "isk jmd jpy kes kgs khr kmf krw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn "
    "nad ngn nio nok npr nzd pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std "
    "szl thb tjs top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw bhd jod kwd omr tnd"
).split()


class NotEmulated(Kind):
    """A parameter of Stripe's that the sandbox does not know what to do with: better refused than ignored."""

    def read(self, value: Any, name: str) -> Any:
        raise StripeError(501, "api_error", f"The sandbox does not emulate the parameter {name} yet.", param=name)


@dataclass(frozen=True)
class Required(Kind):
    """Must be there."""

    kind: Any

    def read(self, value: Any, name: str) -> Any:
        return _read(self.kind, value, name)


@dataclass(frozen=True)
class Clearable(Kind):
    """May be unset with the empty string."""

    kind: Any

    def read(self, value: Any, name: str) -> Any:
        return None if value == "" else _read(self.kind, value, name)


@dataclass(frozen=True)
class Either(Kind):
    """The first of several kinds that fits; where none does, the last one of the value's shape says why."""

    kinds: tuple[Any, ...]

    def read(self, value: Any, name: str) -> Any:
        nested = isinstance(value, dict)
        *others, last = [kind for kind in self.kinds if isinstance(kind, dict | list) == nested] or self.kinds
        for kind in others:
            try:
                return _read(kind, value, name)
            except StripeError:
                continue
        return _read(last, value, name)


string, integer, boolean, decimal, metadata = String(), Integer(), Boolean(), Decimal(), Metadata()
email, url = Email(), Url()
timestamp, amount, currency, not_emulated = Integer(0, _LAST), Integer(0, 99_999_999), Currency(), NotEmulated()


def enum(*choices: str) -> Enum:
    """Declare one of a few words."""
    return Enum(choices)


def required(kind: Any) -> Required:
    """Declare a parameter that must be there."""
    return Required(kind)


def clearable(kind: Any) -> Clearable:
    """Declare a parameter that the empty string unsets: it then arrives as None."""
    return Clearable(kind)


def either(*kinds: Any) -> Either:
    """Declare a parameter of several forms, such as a time or "now"; a str stands for itself."""
    return Either(tuple(Enum((kind,)) if isinstance(kind, str) else kind for kind in kinds))


ADDRESS = {name: clearable(string) for name in ("city", "country", "line1", "line2", "postal_code", "state")}
CREATED = either(dict.fromkeys(("gt", "gte", "lt", "lte"), timestamp), timestamp)
PAGING = {"limit": Integer(1, 100), "starting_after": string, "ending_before": string}
EXPAND = {"expand": [string]}


def listing(**filters: Any) -> dict[str, Any]:
    """Declare the parameters of a list: cursors, `created` and the resource's own filters."""
    return {**PAGING, "created": CREATED, **filters}


def _read(kind: Any, value: Any, name: str) -> Any:
    if isinstance(kind, dict):
        return _hash(kind, value, name)
    if isinstance(kind, list):
        return _list(kind[0], value, name)
    return kind.read(value, name)


def _hash(declared: dict[str, Any], given: Any, name: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise invalid("Invalid object", param=name)
    unknown = [_inside(name, key) for key in given if key not in declared]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
        raise invalid(message, param=unknown[0], code="parameter_unknown")
    for key, kind in declared.items():
        if isinstance(kind, Required) and key not in given:
            absent = _inside(name, key)
            raise invalid(f"Missing required param: {absent}.", param=absent, code="parameter_missing")
    return {key: _read(declared[key], value, _inside(name, key)) for key, value in given.items()}


def _list(kind: Any, given: Any, name: str) -> list[Any]:
    if not isinstance(given, dict) or not all(key.isdigit() for key in given):
        raise invalid("Invalid array", param=name)
    return [_read(kind, given[key], f"{name}[{key}]") for key in sorted(given, key=int)]


def _inside(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


def _one_of(choices: Iterable[str]) -> str:
    words = list(choices)
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return f"either {words[0]} or {words[1]}"
    return f"one of {', '.join(words[:-1])}, or {words[-1]}"
