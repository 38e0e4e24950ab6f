"""Stripe's amounts, times and states in the reader's words."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from babel.dates import format_date, format_datetime, format_time, get_timezone_gmt
from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing import dates
from billing.catalogue import Offer
from billing.models import Invoice, PaymentMethod, Price, Subscription
from billing.money import current_locale, format_money
from billing.operations import new_token
from billing.standing import Plan

register = template.Library()

EXPIRES_SOON_MONTHS = 2

BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "Eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
DRAWN_BRANDS = ("amex", "diners", "discover", "jcb", "mastercard", "unionpay", "visa")


class Words(NamedTuple):
    """A state: what the reader is told, and the tone and icon it is told in. Never the colour alone."""

    text: str
    tone: str
    icon: str


SUBSCRIPTION_WORDS = {
    "active": Words("Active", "good", "check"),
    "trialing": Words("Free trial", "info", "clock"),
    "past_due": Words("Payment overdue", "bad", "alert"),
    "unpaid": Words("Unpaid", "bad", "alert"),
    "incomplete": Words("First payment not finished", "warn", "alert"),
    "incomplete_expired": Words("Never started", "mute", "close"),
    "paused": Words("Paused", "warn", "pause"),
    "canceled": Words("Ended", "mute", "close"),
}
INVOICE_WORDS = {
    "draft": Words("Being prepared", "mute", "clock"),
    "open": Words("To be paid", "warn", "alert"),
    "paid": Words("Paid", "good", "check"),
    "uncollectible": Words("Not collected", "mute", "close"),
    "void": Words("Void, nothing to pay", "mute", "close"),
}


# Money -----------------------------------------------------------------------------------------------------------


@register.filter
def money(amount: int, currency: str) -> str:
    """Write `amount` minor units of `currency`: {{ invoice.total|money:invoice.currency }}."""
    return format_money(amount, currency)


@register.filter
def price_words(price: Price) -> str:
    """Write a price and how often it is charged: "$29.00 a month", "¥500 every 3 months"."""
    if price.unit_amount is None:
        return "Price depends on use"
    return f"{format_money(price.unit_amount, price.currency)} {every(price)}".strip()


@register.filter
def every(price: Price) -> str:
    """Write how often a price is charged, to follow an amount: "a month", "every 3 months"."""
    if not price.interval:
        return ""
    return f"a {price.interval}" if price.interval_count == 1 else renewal(price)


@register.filter
def renewal(price: Price) -> str:
    """Write how often a price is charged, to follow a verb: "every month", "every 3 months"."""
    return f"every {price.interval}" if price.interval_count == 1 else f"every {price.interval_count} {price.interval}s"


# Time ------------------------------------------------------------------------------------------------------------


@register.filter
def day(moment: datetime | int | None) -> SafeString | str:
    """Write a date in the reader's zone, with the full time and the zone on hover. Takes Stripe's seconds as well."""
    moment = dates.from_epoch(moment) if isinstance(moment, int) else moment
    if moment is None:
        return ""
    return _time_element(moment, plain_day(moment))


@register.filter
def plain_day(moment: datetime) -> str:
    """Write a date as text, for messages and attributes: "20 Nov 2026"."""
    locale = current_locale()
    pattern = "d MMM y" if locale.language == "en" else "medium"  # 3/4/2026 is two days in English
    return format_date(timezone.localtime(moment).date(), pattern, locale=locale)


@register.filter
def moment(moment: datetime) -> SafeString:
    """Write date and time in the reader's zone."""
    local = timezone.localtime(moment)
    return _time_element(moment, f"{plain_day(moment)}, {format_time(local, 'HH:mm', locale=current_locale())}")


def _time_element(moment: datetime, text: str) -> SafeString:
    local = timezone.localtime(moment)
    full = format_datetime(local, "EEEE d MMMM y, HH:mm zzzz", locale=current_locale())
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(timespec="seconds"), full, text)


@register.simple_tag
def zone_words() -> str:
    """Name the zone dates are shown in: "Europe/Berlin (CET)"."""
    now = timezone.localtime(dates.now())
    name, short = timezone.get_current_timezone_name(), now.tzname() or ""
    if not short.isalpha():  # zones without an abbreviation of their own
        short = get_timezone_gmt(now, locale=current_locale())
    return name if name == short else f"{name} ({short})"


@register.filter
def days_until(moment: datetime) -> int:
    """Count the midnights in the reader's zone between now and `moment`: 0 is today, negative is over."""
    return (timezone.localtime(moment).date() - timezone.localtime(dates.now()).date()).days


# Cards -----------------------------------------------------------------------------------------------------------


@register.filter
def card_words(card: PaymentMethod) -> str:
    """Name a saved card: "Visa ending in 4242"; another kind of method by its type."""
    if not card.last4:
        return card.type.replace("_", " ").capitalize()
    return f"{BRANDS.get(card.brand, 'Card')} ending in {card.last4}"


@register.simple_tag
def card_mark(card: PaymentMethod) -> SafeString:
    """Draw the brand of a card; its name always stands beside it."""
    name = card.brand if card.brand in DRAWN_BRANDS else "generic"
    return format_html('<svg class="card-mark" aria-hidden="true"><use href="{}#brand-{}"/></svg>', _sprite(), name)


@register.filter
def expiry_words(card: PaymentMethod) -> Words | None:
    """Say until when a card is good, and whether that is over or near. A card is good to the end of its month."""
    if card.exp_month is None or card.exp_year is None:
        return None
    today = timezone.localtime(dates.now()).date()
    months_left = (card.exp_year - today.year) * 12 + card.exp_month - today.month
    text = f"{card.exp_month:02}/{card.exp_year % 100:02}"
    if months_left < 0:
        return Words(f"Expired {text}", "bad", "alert")
    if months_left < EXPIRES_SOON_MONTHS:
        return Words(f"Expires soon, {text}", "warn", "clock")
    return Words(f"Expires {text}", "plain", "")


# Invoices and plans ----------------------------------------------------------------------------------------------


@register.filter
def breakdown(invoice: Invoice) -> list[tuple[str, int]]:
    """List what an invoice comes to, with signs, in minor units: only what there is, and always the total."""
    data = invoice.data
    discounts = sum(each["amount"] for each in data.get("total_discount_amounts") or [])
    taxes = sum(each["amount"] for each in data.get("total_taxes") or [])
    from_balance = invoice.amount_due - invoice.total
    parts = [
        ("Subtotal", data["subtotal"] if discounts or taxes else 0),
        ("Discount", -discounts),
        ("Tax", taxes),
        ("Total", invoice.total),
        ("Credit kept for later" if invoice.total < 0 else "Credit used", from_balance),
        ("Paid", -invoice.amount_paid),
        ("Credited afterwards", -data.get("post_payment_credit_notes_amount", 0)),
        ("Still to pay", invoice.amount_remaining if _partly_settled(invoice) else 0),
    ]
    return [(label, amount) for label, amount in parts if amount or label == "Total"]


def _partly_settled(invoice: Invoice) -> bool:
    return invoice.status == "open" and invoice.amount_remaining != invoice.total


@register.filter
def is_price_of(offer: Offer, plan: Plan | None) -> bool:
    """Tell whether a plan is on this very price."""
    return (
        plan is not None and plan.subscription.status != "incomplete" and plan.subscription.price_id == offer.price.pk
    )


# States ----------------------------------------------------------------------------------------------------------


@register.filter
def subscription_words(subscription: Subscription) -> Words:
    if subscription.cancel_at and not subscription.has_ended:
        return Words(f"Ends on {plain_day(subscription.cancel_at)}", "warn", "clock")
    return SUBSCRIPTION_WORDS.get(subscription.status, Words(subscription.status, "mute", "info"))


@register.filter
def invoice_words(invoice: Invoice) -> Words:
    if invoice.status == "paid" and invoice.total < 0:
        return Words("Credited", "good", "check")
    if invoice.status == "open" and invoice.attempt_count and invoice.subscription_id:
        return Words("Payment failed", "bad", "alert")
    return INVOICE_WORDS.get(invoice.status, Words(invoice.status, "mute", "info"))


def _sprite() -> str:
    return static("img/icons.svg")


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw a symbol of our sprite; decoration unless it has a `label`."""
    href = _sprite()
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, href, name)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', href, name)


@register.simple_tag
def form_token() -> SafeString:
    """Render the hidden one-time token of a form, a new one each time."""
    return format_html('<input type="hidden" name="token" value="{}">', new_token())


@register.inclusion_tag("billing/_badge.html")
def badge(words: Words) -> dict[str, Words]:
    """Show a state as word, icon and tone."""
    return {"words": words}
