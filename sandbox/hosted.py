"""What Stripe's hosted pages have in common: a policy of their own, and how they word money, dates and cards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from babel import Locale
from django.http import HttpResponse
from django.template.loader import render_to_string

from sandbox import store
from sandbox.engine import charging
from sandbox.kernel import Call, Object

BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
}
# Browsers hold the redirect after a form to `form-action` too, and the shop may be anywhere.
ANYWHERE = "'self' http: https:"


def page(
    template: str,
    context: dict[str, Any] | None = None,
    *,
    framed: bool = False,
    scripts: bool = True,
    form_action: str = "'none'",
    status: int = 200,
) -> HttpResponse:
    """Render a page with a policy of its own, whatever the site's is: nothing inline, nothing from elsewhere.

    `framed`: our own pages may hold it. Without `scripts` it can neither run, fetch nor frame anything.
    """
    ancestors = "'self'" if framed else "'none'"
    active = "script-src 'self'; connect-src 'self'; frame-src 'self'; " if scripts else ""
    policy = (
        f"default-src 'none'; {active}style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action {form_action}; frame-ancestors {ancestors}"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "SAMEORIGIN" if framed else "DENY",
        "Cache-Control": "no-store",
    }
    # Without the request: the site's context processors have no business in Stripe's pages.
    return HttpResponse(render_to_string(f"sandbox/{template}", context), headers=headers, status=status)


def path_of(url: str) -> str:
    """Return the path of one of our own links, which works whatever address the site is reached at."""
    return urlsplit(url).path


def day(moment: int) -> str:
    """Return the UTC date of epoch seconds: Nov 3, 2026."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at:%b} {at.day}, {at.year}"


def card(payment_method: Object) -> Object:
    """Return how a saved card is shown: its id, brand, icon, last four digits and expiry."""
    known = payment_method["card"]
    return {
        "id": payment_method["id"],
        "brand": BRANDS.get(known["brand"], known["brand"].title()),
        "icon": f"sandbox/elements/brands/{known['brand']}.svg",
        "last4": known["last4"],
        "expires": f"{known['exp_month']:02}/{known['exp_year']}",
    }


def address_lines(address: Object | None) -> list[str]:
    """Return an address line by line, the country by its name."""
    known = address or {}
    city = " ".join(part for part in (known.get("city"), known.get("state"), known.get("postal_code")) if part)
    country = Locale("en").territories.get(known.get("country") or "", known.get("country"))
    return [line for line in (known.get("line1"), known.get("line2"), city, country) if line]


def business(call: Call) -> str:
    """Return the name that an account shows its customers."""
    return str(call.account.settings.get("business_name", "Sandbox"))


def intent_of(call: Call, invoice: Object) -> Object | None:
    """Return the PaymentIntent that pays an invoice, where it has one."""
    payment = charging.find_payment(call, invoice)
    return store.find(call, "payment_intent", payment["payment"]["payment_intent"]) if payment else None


def payment(call: Call, saved: list[Object], *, intent: Object | None = None, intent_url: str = "") -> dict[str, Any]:
    """Return what `hosted/payment.html` needs to let a card be chosen or typed.

    With a PaymentIntent it is paid; otherwise a card is kept, on the SetupIntent whose secret `intent_url` answers.
    """
    known = intent or {}
    return {
        "authenticate": known.get("status") == "requires_action",
        "cards": [card(each) for each in saved],
        "client_secret": known.get("client_secret", ""),
        "error": (known.get("last_payment_error") or {}).get("message", ""),
        "intent_url": intent_url,
        "key": f"pk_test_{call.account.name}",
    }
