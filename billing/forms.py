"""What the customer types. Input only: what it means at Stripe is decided in `billing.actions`."""

from __future__ import annotations

from typing import Any

from babel import Locale
from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Field, Layout, Row
from django import forms
from django.http import QueryDict
from django.urls import reverse

from billing.dates import now
from billing.models import PaymentMethod, Subscription
from billing.money import current_locale

YEARS_AHEAD = 20
# A form shown again after an error is a new try: the old token would answer with the old error.
FRESH_TOKEN = "{% load billing %}{% form_token %}"  # noqa: S105
ADDRESS = ("line1", "line2", "city", "postal_code", "state", "country")


class TokenForm(forms.Form):
    """Any form that makes something happen at Stripe: sent twice, it happens once."""

    token = forms.RegexField(r"^[A-Za-z0-9_-]{32}\Z", widget=forms.HiddenInput)


class CardForm(TokenForm):
    """Expiry and billing address of a saved card. The number itself is never ours to see."""

    exp_month = forms.TypedChoiceField(coerce=int, label="Month", choices=[(n, f"{n:02}") for n in range(1, 13)])
    exp_year = forms.TypedChoiceField(coerce=int, label="Year")
    line1 = forms.CharField(label="Address", max_length=200, required=False)
    line2 = forms.CharField(label="Address, second line", max_length=200, required=False)
    city = forms.CharField(label="City", max_length=100, required=False)
    postal_code = forms.CharField(label="Postal code", max_length=20, required=False)
    state = forms.CharField(label="State or region", max_length=100, required=False)
    country = forms.ChoiceField(label="Country", required=False)

    def __init__(self, card: PaymentMethod, data: QueryDict | None = None) -> None:
        super().__init__(data, initial=_initial(card), auto_id=f"id_{card.pk}_%s")
        this_year = now().year
        _choices(self, "exp_year", [(n, str(n)) for n in range(this_year, this_year + YEARS_AHEAD)])
        _choices(self, "country", [("", "—"), *countries(current_locale())])
        self.helper = _helper(reverse("billing:edit_card", args=[card.pk]), "#cards")
        self.helper.layout = _card_layout()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        today = now()
        if cleaned.get("exp_year") == today.year and cleaned.get("exp_month", 12) < today.month:
            self.add_error("exp_month", "This month is over: the card would be expired.")
        return cleaned

    @property
    def address(self) -> dict[str, str]:
        """The address under Stripe's keys. It replaces the one before: what is left empty is gone."""
        return {key: self.cleaned_data[key] for key in ADDRESS if self.cleaned_data[key]}


def _choices(form: forms.Form, name: str, choices: list[tuple[Any, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101
    field.choices = choices


def _initial(card: PaymentMethod) -> dict[str, Any]:
    address = (card.data.get("billing_details") or {}).get("address") or {}
    expiry = {"exp_month": card.exp_month, "exp_year": card.exp_year}
    return {**expiry, **{key: address.get(key) or "" for key in ADDRESS}}


def _card_layout() -> Layout:
    return Layout(
        HTML(FRESH_TOKEN),
        Row(
            Column(Field("exp_month", autocomplete="cc-exp-month")),
            Column(Field("exp_year", autocomplete="cc-exp-year")),
        ),
        Field("line1", autocomplete="address-line1"),
        Field("line2", autocomplete="address-line2"),
        Row(
            Column(Field("postal_code", autocomplete="postal-code")),
            Column(Field("city", autocomplete="address-level2"), css_class="wide"),
        ),
        Row(
            Column(Field("state", autocomplete="address-level1")),
            Column(Field("country", autocomplete="country"), css_class="wide"),
        ),
        HTML("{% include 'billing/_edit_card_buttons.html' %}"),
    )


def countries(locale: Locale) -> list[tuple[str, str]]:
    """Return the countries by ISO code, named and sorted for the reader. Babel's regions have numbers, not letters."""
    named = [(code, name) for code, name in locale.territories.items() if len(code) == 2 and code.isalpha()]
    return sorted(
        (pair for pair in named if pair[0] not in ("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO")), key=lambda p: p[1]
    )


# Stripe's eight values of cancellation_details.feedback, in words that blame nobody.
FEEDBACK = [
    ("too_expensive", "It costs too much for me"),
    ("missing_features", "Something I need is missing"),
    ("switched_service", "I found something that fits me better"),
    ("unused", "I do not use it enough"),
    ("customer_service", "I was not happy with the support"),
    ("too_complex", "It is too hard to use"),
    ("low_quality", "The quality was not what I expected"),
    ("other", "Another reason"),
]


class CancelForm(TokenForm):
    """Why somebody leaves, if they care to say."""

    feedback = forms.ChoiceField(
        label="What made you decide?", choices=FEEDBACK, required=False, widget=forms.RadioSelect
    )
    comment = forms.CharField(
        label="Anything you would like us to know?",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, subscription: Subscription, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.helper = _helper(f"{reverse('billing:cancel_plan')}?subscription={subscription.pk}", "#cancel")
        self.helper.layout = Layout(
            HTML(FRESH_TOKEN), "feedback", "comment", HTML("{% include 'billing/_cancel_buttons.html' %}")
        )


class ChangeForm(TokenForm):
    """The confirmation of a previewed change. `preview` is the signed token of what was shown."""

    preview = forms.CharField()
    charged_now = forms.BooleanField(required=False)
    consent = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("charged_now") and not cleaned.get("consent"):
            self.add_error("consent", "Please tick the box: this change is charged at once.")
        return cleaned

    @property
    def first_error(self) -> str:
        return str(next(iter(self.errors.values()))[0])


def _helper(action: str, target: str) -> FormHelper:
    """Return how our forms behave: one request at a time, the answer replaces the panel, errors included."""
    helper = FormHelper()
    helper.form_action = action
    helper.attrs = {
        "hx-post": action,
        "hx-target": target,
        "hx-swap": "outerHTML",
        "hx-sync": "this:drop",
        "hx-status:422": "swap:outerHTML",
        "novalidate": True,
    }
    return helper
