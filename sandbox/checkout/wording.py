"""How the Checkout page words a session: title, prices, trials, totals, the button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from babel import Locale, UnknownLocaleError

from sandbox import hosted, store
from sandbox.engine import cart, items, pricing
from sandbox.engine.calendar import DAY
from sandbox.kernel import Call, Object

_ADVERBS = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
_SUBMIT = {"book": "Book", "donate": "Donate", "pay": "Pay", "subscribe": "Subscribe"}


def locale(session: Object, accepted: str) -> str:
    """Return the locale for amounts and countries: the session's, else the first of Accept-Language that is known."""
    if session["locale"] not in {None, "auto"}:
        return str(session["locale"])
    wanted = (part.partition(";")[0].strip() for part in accepted.split(","))
    return next((name for name in wanted if _is_known(name)), "en-US")


def _is_known(name: str) -> bool:
    try:
        Locale.parse(name, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return False
    return True


def every(recurring: Object) -> str:
    """Word a billing interval: per month, every 3 months."""
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"


def _months(number: int) -> str:
    return f"{number} month{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Words:
    """A session in words; amounts are written as in `locale`, sentences are English."""

    call: Call
    session: Object
    known: dict[str, Any]
    locale: str

    @property
    def business(self) -> str:
        return str(self.session["branding_settings"]["display_name"])

    @property
    def title(self) -> str:
        if self.session["mode"] == "setup":
            return "Set up future payments"
        if self.session["mode"] == "payment":
            return f"Pay {self.business}"
        verb = "Try" if self.trial else "Subscribe to"
        return f"{verb} {self._recurring[0]['description']}"

    @property
    def due(self) -> str:
        return self._money(self.known["due"])

    @property
    def trial(self) -> str:
        """Say how long nothing is charged; empty without a trial."""
        given = self._plan
        if days := given.get("trial_period_days"):
            return f"{days} day{'' if days == 1 else 's'} free"
        return f"Free until {hosted.day(given['trial_end'])}" if "trial_end" in given else ""

    @property
    def afterwards(self) -> str:
        """Say what is charged again and again."""
        if not self._rate:
            return ""
        if self.trial:
            discounted = f" ({self.discount})" if self._coupon else ""
            return f"Then {self._rate} starting {hosted.day(self._trial_end)}{discounted}"
        if self.known["due"] == self.known["rate"]:
            return every(self._recurring[0]["price"]["recurring"])
        months = (self._coupon or {}).get("duration_in_months")
        return f"Then {self._rate}" + (f" after {_months(months)}" if months else "")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return what is bought, one hash for each line item."""
        return [self._line(item) for item in self.known["items"]]

    @property
    def totals(self) -> list[tuple[str, str]]:
        """Return what leads from the items to what is due, and that last."""
        session, parts = self.session, self.session["total_details"]
        amounts = []
        if parts["amount_discount"]:
            amounts.append((self.discount, -parts["amount_discount"]))
        amounts += [(self._tax(each), each["amount"]) for each in self.known["taxes"]]
        if amounts:
            amounts.insert(0, ("Subtotal", session["amount_subtotal"]))
        if applied := self.known["due"] - session["amount_total"]:
            amounts.append(("Applied balance", applied))
        amounts.append(("Total due today" if session["mode"] == "subscription" else "Total due", self.known["due"]))
        after = [("Total after trial", self._rate)] if self.trial and self._rate else []
        return [*after, *((label, self._money(amount)) for label, amount in amounts)]

    @property
    def code(self) -> str:
        """Return the promotion code on the session."""
        given = [each["promotion_code"] for each in self.session["discounts"] if each["promotion_code"]]
        return str(store.get(self.call, "promotion_code", given[0])["code"]) if given else ""

    @property
    def discount(self) -> str:
        """Say what is taken off, and for how long: 20% off for 3 months."""
        coupon = self._coupon
        if coupon is None:
            return "Discount"
        off = self._money(coupon["amount_off"]) if coupon["amount_off"] else f"{coupon['percent_off']:g}%"
        lasts = f" for {_months(months)}" if self._recurring and (months := coupon["duration_in_months"]) else ""
        return f"{coupon['name'] or 'Discount'}: {off} off{lasts}"

    @property
    def button(self) -> str:
        if self.session["mode"] == "setup":
            return "Save card"
        if chosen := _SUBMIT.get(self.session["submit_type"]):
            return chosen
        if self.session["mode"] == "payment":
            return "Pay" if self.known["due"] else "Complete order"
        return "Start trial" if self.trial else "Subscribe"

    @property
    def agreement(self) -> str:
        """Say what the customer agrees to by going on, where a card is kept."""
        reuse = (self.session["consent_collection"] or {}).get("payment_method_reuse_agreement") or {}
        if reuse.get("position") == "hidden":
            return ""
        if self.session["mode"] == "subscription":
            doing = "starting your trial" if self.trial else "subscribing"
            return f"By {doing}, you authorize {self.business} to charge you according to the terms until you cancel."
        intent = self.known["data"].get("payment_intent_data", {})
        if self.session["mode"] == "setup" or intent.get("setup_future_usage"):
            return (
                f"By providing your card information, you allow {self.business} to charge your card for future "
                "payments in accordance with their terms."
            )
        return ""

    @property
    def _coupon(self) -> Object | None:
        for each in self.session["discounts"]:
            code = store.find(self.call, "promotion_code", each["promotion_code"])
            return store.find(self.call, "coupon", code["promotion"]["coupon"] if code else each["coupon"])
        return None

    @property
    def _plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = self.known["data"].get("subscription_data", {})
        return plan

    @property
    def _trial_end(self) -> int:
        return int(self._plan.get("trial_end") or self.known["priced_at"] + self._plan["trial_period_days"] * DAY)

    @property
    def _recurring(self) -> list[Object]:
        return [item for item in self.known["items"] if cart.recurs(item)]

    @property
    def _rate(self) -> str:
        """Return the price of all that recurs, where it all recurs at the same interval."""
        intervals = {every(item["price"]["recurring"]) for item in self._recurring}
        taxed = any(each["tax_behavior"] == "exclusive" for each in self.known["taxes"])
        rate = f"{self._money(self.known['rate'])} {intervals.pop()}" if len(intervals) == 1 else ""
        return f"{rate} plus tax" if rate and taxed else rate

    def _tax(self, tax: Object) -> str:
        rate = store.get(self.call, "tax_rate", tax["tax_rate_details"]["tax_rate"])
        included = " included" if tax["tax_behavior"] == "inclusive" else ""
        return f"{rate['display_name']} ({rate['percentage']:g}%){included}"

    def _line(self, item: Object) -> dict[str, Any]:
        later = self.trial and cart.recurs(item)
        return {
            "id": item["id"],
            "name": item["description"],
            "detail": self._detail(item),
            "quantity": item["quantity"],
            "bounds": item["adjustable_quantity"],
            "amount": self._money(items.cost(self.call, item) if later else item["amount_subtotal"]),
        }

    def _detail(self, item: Object) -> str:
        price, recurring = item["price"], item["price"]["recurring"]
        told = []
        if recurring and recurring["usage_type"] == "metered":
            told.append("Billed by usage")
        elif recurring:
            plain = recurring["interval_count"] == 1
            told.append(f"Billed {_ADVERBS[recurring['interval']] if plain else every(recurring)}")
        if (item["quantity"] or 1) > 1 and price["unit_amount"] is not None:
            told.append(f"{self._money(price['unit_amount'])} each")
        return ", ".join(told)

    def _money(self, amount: int) -> str:
        return pricing.money(amount, self.session["currency"], self.locale.replace("-", "_"))
