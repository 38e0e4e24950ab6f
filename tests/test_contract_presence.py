"""The table of keys that Stripe always sends: made from the Node SDK's types, and in step with the Python SDK."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import stripe
from stripe._object_classes import OBJECT_CLASSES

from scripts import presence as script
from stripe_contract import presence, responses

ROOT = Path(__file__).resolve().parent.parent
COMMITTED: dict[str, Any] = json.loads(presence.TABLE.read_text())

# Of our own: a resource with nested, shared, mapped and recursive hashes, and what is left of it when it is deleted.
TYPES = """
import { Address, Metadata } from '../shared.js';
export declare class ShipResource extends StripeResource {
    retrieve(id: string, params?: { expand?: Array<string>; }): Promise<Response<Ship>>;
}
export interface Ship {
    /** Not `name?: string;`, though a comment may say so; */
    id: string;
    object: 'ship';
    address?: Address | null;
    crew: Array<Ship.Sailor>;
    deleted?: void;
    holds?: { [key: string]: Ship.Hold; };
    metadata: Metadata;
    name: string | null;
    next: string | Ship | DeletedShip | null;
}
export interface DeletedShip { id: string; object: 'ship'; deleted: true; }
export declare namespace Ship {
    interface Sailor { berth?: Sailor.Berth; rank: 'captain' | 'null'; mate: Ship.Sailor | null; }
    interface Hold { size: Array<number | null>; }
    type Flag = { colour: string | null; } | 'none';
    namespace Sailor {
        interface Berth { deck: number; }
    }
}
"""
SHARED = "export interface Metadata { [name: string]: string; } export interface Address { city: string | null; }"


@pytest.fixture
def package() -> Path:
    """The installed Node SDK."""
    if not script.PACKAGE.exists():
        pytest.skip("Stripe's Node SDK is not installed: `make test` does it.")
    return script.PACKAGE


def test_it_tells_present_null_and_absent_apart(tmp_path: Path) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "shared.d.ts").write_text(SHARED)
    (tmp_path / "resources" / "Ships.d.ts").write_text(TYPES)
    assert script.table_of(tmp_path) == {
        "ship": {
            "address": "absent-able or null",
            "crew": "present",
            "deleted": "absent-able",
            "holds": "absent-able",
            "id": "present",
            "metadata": "present",
            "name": "nullable",
            "next": "nullable",
            "object": "present",
        },
        "ship.address": {"city": "nullable"},
        "ship.crew": {"berth": "absent-able", "mate": "nullable", "rank": "present"},
        "ship.crew.berth": {"deck": "present"},
        "ship.crew.mate": {"berth": "absent-able", "mate": "nullable", "rank": "present"},
        "ship.crew.mate.berth": {"deck": "present"},
        "ship.holds": {"size": "present"},
    }


def test_an_upgrade_shows_what_to_migrate() -> None:
    old = {"ship": {"name": "nullable", "flag": "present"}}
    new = {"ship": {"name": "absent-able", "port": "present"}}
    assert script.migration(old, new) == [
        "ship.flag: present -> gone",
        "ship.name: nullable -> absent-able",
        "ship.port: not there -> present",
    ]


def test_the_committed_table_is_what_the_types_say(package: Path) -> None:
    fresh = script.document(package)
    assert script.migration(COMMITTED["keys"], fresh["keys"]) == [], "run `make presence`, and see what to migrate"
    assert script.text_of(fresh) == presence.TABLE.read_text()


def test_the_table_says_where_it_is_from(package: Path) -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["stripe"]
    assert COMMITTED["package"] == f"stripe@{pinned}"
    assert COMMITTED["licence"] == "MIT"
    assert "MIT" in json.loads((package / "package.json").read_text())["license"]


def test_both_sdks_speak_the_same_version_and_know_the_same_keys() -> None:
    assert COMMITTED["api_version"] == stripe.api_version
    differing = []
    for kind in OBJECT_CLASSES.keys() - responses.PAGES.keys() - {"file_upload"}:
        module, name = OBJECT_CLASSES[kind]
        differing += list(_differences(getattr(import_module(module), name), kind, ()))
    assert differing == []


def _differences(kind: type[Any], path: str, above: tuple[type, ...]) -> Any:
    python, node = (
        responses.Record(responses.Responses(), kind, path).annotations.keys(),
        COMMITTED["keys"].get(path, {}).keys(),
    )
    yield from (f"{path}.{key}" for key in python ^ node)
    for key, inner in kind._inner_class_types.items():
        if inner not in above:
            yield from _differences(inner, f"{path}.{key}", (*above, kind))


def test_what_is_known_to_differ_does_differ() -> None:
    for path, keys in presence.HISTORICAL.items():
        table = COMMITTED["keys"][path]
        assert [key for key, flag in keys.items() if table[key] == flag] == []
