"""What customers type about themselves."""

from __future__ import annotations

from functools import cache
from typing import Any

from babel import Locale
from django import forms

from sandbox.kernel import Object
from sandbox.resources import tax_ids

# Part of an address -> (label, what browsers complete it with).
_ADDRESS = {
    "line1": ("Address line 1", "address-line1"),
    "line2": ("Address line 2", "address-line2"),
    "city": ("City", "address-level2"),
    "state": ("State or province", "address-level1"),
    "postal_code": ("ZIP or postal code", "postal-code"),
    "country": ("Country or region", "country"),
}
_NO_COUNTRY = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}  # CLDR's unions, outlying areas and test codes


@cache
def countries() -> list[tuple[str, str]]:
    """Return (code, English name) of every country, by name, after an empty choice."""
    known = Locale("en").territories.items()
    named = [each for each in known if len(each[0]) == 2 and each[0].isalpha() and each[0] not in _NO_COUNTRY]
    return [("", ""), *sorted(named, key=lambda country: country[1])]


class BillingInformation(forms.Form):
    """The parts of a customer that the configuration lets them change: the others are not in the form at all."""

    def __init__(self, customer: Object, tax_id: Object | None, allowed: list[str], data: Any = None) -> None:
        known = {"tax_id_type": tax_id["type"], "tax_id_value": tax_id["value"]} if tax_id else {}
        super().__init__(data, initial=_initial(customer) | known, label_suffix="")
        if "name" in allowed:
            self._add("name", forms.CharField(label="Name", max_length=256, required=False), "name")
        if "email" in allowed:
            self._add("email", forms.EmailField(label="Email", max_length=512), "email")
        if "address" in allowed:
            self._add_address("address", "")
        if "phone" in allowed:
            self._add("phone", forms.CharField(label="Phone number", max_length=20, required=False), "tel")
        if "shipping" in allowed:
            self._add("shipping_name", forms.CharField(label="Ship to", max_length=256, required=False), "name")
            self._add_address("shipping", "Shipping: ")

        if "tax_id" in allowed:
            types = [("", ""), *((each, each.replace("_", " ").upper()) for each in tax_ids.TYPES if each != "unknown")]
            self._add("tax_id_type", forms.ChoiceField(label="Tax ID type", choices=types, required=False), "off")
            self._add("tax_id_value", forms.CharField(label="Tax ID", max_length=100, required=False), "off")

    def _add_address(self, group: str, prefix: str) -> None:
        for part, (label, completion) in _ADDRESS.items():
            words = f"{prefix}{label}"
            if part == "country":
                field: forms.Field = forms.ChoiceField(label=words, choices=countries(), required=False)
            else:
                field = forms.CharField(label=words, max_length=500, required=False)
            self._add(f"{group}_{part}", field, completion)

    def _add(self, name: str, field: forms.Field, completion: str) -> None:
        field.widget.attrs |= {"class": "Input", "autocomplete": completion}
        self.fields[name] = field

    def clean(self) -> dict[str, Any]:
        """Ask for the country where an address is given."""
        typed: dict[str, Any] = super().clean() or {}
        for group in ("address", "shipping"):
            if f"{group}_country" in self.fields and _address(typed, group) and not typed.get(f"{group}_country"):
                self.add_error(f"{group}_country", "Choose a country.")
        if typed.get("tax_id_value") and not typed.get("tax_id_type"):
            self.add_error("tax_id_type", "Choose a type.")
        return typed

    def tax_id(self) -> dict[str, str] | None:
        """Return the tax id that was typed, as parameters of `POST /v1/customers/{customer}/tax_ids`."""
        typed = self.cleaned_data
        return {key: typed[f"tax_id_{key}"] for key in ("type", "value")} if typed.get("tax_id_value") else None

    def parameters(self) -> dict[str, Any]:
        """Return what was typed as parameters of `POST /v1/customers/{customer}`; None unsets."""
        typed = self.cleaned_data
        params: dict[str, Any] = {part: typed[part] or None for part in ("name", "email", "phone") if part in typed}
        if "address_line1" in typed:
            params["address"] = _address(typed, "address")
        if "shipping_line1" in typed:
            address, name = _address(typed, "shipping"), typed["shipping_name"]
            params["shipping"] = {"address": address, **({"name": name} if name else {})} if address else None
        return params


def _initial(customer: Object) -> dict[str, Any]:
    shipping = customer["shipping"] or {}
    groups = {"address": customer["address"] or {}, "shipping": shipping.get("address") or {}}
    parts = {f"{group}_{part}": address.get(part) for group, address in groups.items() for part in _ADDRESS}
    plain = {part: customer[part] for part in ("name", "email", "phone")}
    return {**parts, **plain, "shipping_name": shipping.get("name")}


def _address(typed: dict[str, Any], group: str) -> dict[str, str | None] | None:
    parts = {part: typed.get(f"{group}_{part}") or None for part in _ADDRESS}
    return parts if any(parts.values()) else None
