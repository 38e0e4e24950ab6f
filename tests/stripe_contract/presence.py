"""Which keys an answer has to have, and which may be null: the committed table, and what is known to differ from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("presence.json")

_EVERY_CUSTOMER = (
    "address", "currency", "customer_account", "delinquent", "discount", "invoice_prefix", "name", "phone",
    "preferred_locales", "tax_exempt", "test_clock",
)  # fmt: skip
# Where Stripe sends more than its types promise: path to a hash -> key -> flag.
HISTORICAL = {
    # The sample of Stripe's OpenAPI fixtures has all of these; what needs expand[] only is left out of it.
    "customer": {**dict.fromkeys(_EVERY_CUSTOMER, "nullable"), "next_invoice_sequence": "present"},
    # By their descriptions these are null until the invoice is finalised, not left out.
    "invoice": {"hosted_invoice_url": "nullable", "invoice_pdf": "nullable"},
    # "This field is `null` for `discountable=true` items", says its description.
    "invoiceitem": {"net_amount": "nullable"},
}


@dataclass(frozen=True)
class Presence:
    """What the table says of one hash: key -> present, nullable, absent-able, or absent-able or null."""

    flags: Mapping[str, str]

    @property
    def required(self) -> set[str]:
        """Return the keys that are always there."""
        return {key for key, flag in self.flags.items() if not flag.startswith("absent-able")}

    def problems(self, value: Mapping[str, Any], annotated: Collection[str], path: str) -> Iterator[str]:
        """Name the keys that are null though never null at Stripe, or that only the Python SDK still knows."""
        for key in value.keys() & annotated if self.flags else ():
            if key not in self.flags:
                yield f"{path}.{key} is a key that Stripe no longer has"
            elif value[key] is None and self.flags[key] == "absent-able":
                yield f"{path}.{key} is null, where Stripe leaves the key out"
            elif value[key] is None and self.flags[key] == "present":
                yield f"{path}.{key} is null, where Stripe always has a value"


@cache
def of_hash(path: str) -> Presence:
    """Return what is known of a hash by its path, such as `customer.address`; nothing, of one that is not Stripe's."""
    return Presence({**_table().get(path, {}), **HISTORICAL.get(path, {})})


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(TABLE.read_text())["keys"]
    return table
