"""Which keys Stripe always sends, as the types of the npm package `stripe` know: `key: T | null`, `key?: T`.

Writes tests/stripe_contract/presence.json and prints what has changed in it: after an upgrade, what to migrate.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "node_modules" / "stripe"
TABLE = ROOT / "tests" / "stripe_contract" / "presence.json"

Table = dict[str, dict[str, str]]  # path to a hash, such as customer.address -> key -> flag

_WORD = re.compile(r"'[^']*'|[\w$.]+|[^\s]")
_NAME = re.compile(r"[A-Z_]\w*(?:\.\w+)*")


@dataclass
class Scope:
    """What a file or a `namespace` declares; names are looked up from the inside out, as in TypeScript."""

    parent: Scope | None = None
    interfaces: dict[str, Interface] = field(default_factory=dict)
    namespaces: dict[str, Scope] = field(default_factory=dict)

    def find(self, name: str) -> Interface | None:
        """Return the interface that a dotted name means here, None where it is imported or none."""
        *path, last = name.split(".")
        scope: Scope | None = self
        for step in path:
            scope = scope and scope.namespaces.get(step)
        found = scope and scope.interfaces.get(last)
        return found or (self.parent.find(name) if self.parent else None)


@dataclass
class Member:
    """One key of an interface: `key?: type`."""

    optional: bool
    type: list[str]  # its words and signs

    @property
    def flag(self) -> str:
        """Say whether the key may be left out, and whether it may be null."""
        nullable = "null" in _outside_brackets(self.type)
        if self.optional:
            return "absent-able or null" if nullable else "absent-able"
        return "nullable" if nullable else "present"


@dataclass
class Interface:
    """A hash: a resource where it has an `object`, else one inside a resource."""

    scope: Scope
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def kind(self) -> str | None:
        """Return the word that its `object` key always holds, None for a hash inside a resource."""
        written = self.members["object"].type if "object" in self.members else [""]
        return written[0].strip("'") if written[0].startswith("'") else None

    @property
    def is_stub(self) -> bool:
        """Tell whether it is what remains of a deleted resource."""
        return "deleted" in self.members and not self.members["deleted"].optional

    def hashes(self) -> Iterator[tuple[str, Interface]]:
        """Yield the keys that hold a hash, or a list or map of such, with its interface."""
        for key, member in self.members.items():
            for word in member.type:
                found = self.scope.find(word) if _NAME.fullmatch(word) else None
                if found is not None and found.kind is None:
                    yield key, found


def parse(text: str, outermost: Scope | None = None) -> Scope:
    """Read one `.d.ts` file; `outermost` has the names that every file imports."""
    words = _WORD.findall(re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL))
    scope = Scope(outermost)
    _read_scope(iter(words), scope)
    return scope


def _read_scope(words: Iterator[str], scope: Scope) -> None:
    for word in words:
        if word == "}":
            return
        if word == "interface":
            interface = scope.interfaces[next(words)] = Interface(scope)
            _skip_to(words, "{")
            interface.members.update(_members(words))
        elif word == "namespace":
            inner = scope.namespaces.setdefault(next(words), Scope(scope))
            _skip_to(words, "{")
            _read_scope(words, inner)
        elif word in ("type", "class", "{"):
            _skip_declaration(words, depth=int(word == "{"))


def _members(words: Iterator[str]) -> Iterator[tuple[str, Member]]:
    for key in words:
        if key == "}":
            return
        written = _until_semicolon(words, depth=int(key == "["))
        if key != "[":  # of a map there is nothing to say
            optional = written[0] == "?"
            yield key.strip("'"), Member(optional, written[2 if optional else 1 :])


def _until_semicolon(words: Iterator[str], depth: int) -> list[str]:
    written = []
    for word in words:
        depth += (word in "{[(") - (word in "}])")
        if word == ";" and depth == 0:
            break
        written.append(word)
    return written


def _skip_to(words: Iterator[str], wanted: str) -> None:
    while next(words) != wanted:
        pass


def _skip_declaration(words: Iterator[str], depth: int) -> None:
    """Skip to the `;` that ends a type, or to the `}` that ends a class or a list of exports."""
    for word in words:
        depth += (word == "{") - (word == "}")
        if depth == 0 and word in (";", "}"):
            return


def _outside_brackets(words: list[str]) -> set[str]:
    outside, depth = set(), 0
    for word in words:
        depth += (word in "{[(<") - (word in "}])>")
        if depth == 0:
            outside.add(word)
    return outside


def table_of(folder: Path) -> Table:
    """Return the table of every resource in a folder of the package's types."""
    shared = parse((folder / "shared.d.ts").read_text())
    table: Table = {}
    for file in sorted((folder / "resources").rglob("*.d.ts")):
        if "V2" not in file.parts:
            for interface in parse(file.read_text(), shared).interfaces.values():
                if interface.kind and not interface.is_stub:
                    _enter(table, interface.kind, interface, ())
    return dict(sorted(table.items()))


def _enter(table: Table, path: str, interface: Interface, above: tuple[Interface, ...]) -> None:
    if interface.members:
        table[path] = {key: member.flag for key, member in sorted(interface.members.items())}
    for key, inner in interface.hashes():
        if not any(inner is each for each in above):
            _enter(table, f"{path}.{key}", inner, (*above, interface))


def document(package: Path = PACKAGE) -> dict[str, Any]:
    """Return the whole table with where it is from."""
    about = json.loads((package / "package.json").read_text())
    api_version = re.search(r'ApiVersion = "(.+?)"', (package / "esm" / "apiVersion.d.ts").read_text())
    return {
        "api_version": api_version and api_version[1],
        "package": f"{about['name']}@{about['version']}",
        "source": "esm/resources/*.d.ts of the npm package; names of keys and flags, nothing else",
        "licence": about["license"],
        "keys": table_of(package / "esm"),
    }


def text_of(document: dict[str, Any]) -> str:
    """Return the JSON as it is committed: a line for each hash."""
    *about, (_, table) = document.items()
    lines = [f"  {json.dumps(name)}: {json.dumps(value)},\n" for name, value in about]
    hashes = ",\n".join(f"    {json.dumps(path)}: {json.dumps(keys)}" for path, keys in table.items())
    return "{\n" + "".join(lines) + '  "keys": {\n' + hashes + "\n  }\n}\n"


def migration(old: Table, new: Table) -> list[str]:
    """Return, a line for each, the keys that have come, gone or changed their flag between two tables."""
    before, after = _flat(old), _flat(new)
    return [
        f"{path}: {before.get(path, 'not there')} -> {after.get(path, 'gone')}"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _flat(table: Table) -> dict[str, str]:
    return {f"{path}.{key}": flag for path, keys in table.items() for key, flag in keys.items()}


def main() -> None:
    if not PACKAGE.exists():
        sys.exit(f"{PACKAGE} is not there: `make test` installs it.")
    committed = json.loads(TABLE.read_text())["keys"] if TABLE.exists() else {}
    fresh = document()
    TABLE.write_text(text_of(fresh))
    changes = migration(committed, fresh["keys"])
    sys.stdout.write(
        "".join(f"{line}\n" for line in changes) + f"{len(changes)} changes in {TABLE.relative_to(ROOT)}\n"
    )


if __name__ == "__main__":
    main()
