"""Stripe's test cards: brand, fingerprint, and what happens at attach, setup, charge and 3-D Secure.

Source of numbers, aliases and outcomes: stripe-endive.md section 7. The numbers of this table are the only ones the
sandbox takes; beside a payment method only the row's `name` is kept, never a number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.kernel import StripeError


@dataclass(frozen=True)
class Decline:
    """Why a bank says no: the fields of the error and of the failed charge."""

    code: str
    decline_code: str
    message: str
    advice: str = "try_again_later"
    network_code: str | None = "01"
    network_status: str = "declined_by_network"
    type: str = "issuer_declined"
    reason: str | None = None

    def error(self, *, keep: bool = False, **extra: Any) -> StripeError:
        """Return the 402 `card_error`; `extra` are further fields of the error, such as `payment_intent`."""
        param = {"incorrect_cvc": "cvc", "expired_card": "exp_month"}.get(self.code)
        return StripeError(402, "card_error", self.message, param=param, keep=keep, **self.fields(), **extra)

    def fields(self) -> dict[str, Any]:
        """Return code, decline_code and the advice that comes with them."""
        return {
            "advice_code": self.advice,
            "code": self.code,
            "decline_code": self.decline_code,
            "network_decline_code": self.network_code,
        }


_NO = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", _NO)
INSUFFICIENT_FUNDS = Decline(
    "card_declined", "insufficient_funds", "Your card has insufficient funds.", network_code="51"
)
LOST = Decline("card_declined", "lost_card", _NO, "do_not_try_again", "41")
STOLEN = Decline("card_declined", "stolen_card", _NO, "do_not_try_again", "43")
VELOCITY = Decline("card_declined", "card_velocity_exceeded", _NO, network_code="61")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.", "do_not_try_again", "54")
INCORRECT_CVC = Decline(
    "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "confirm_card_data", "N7"
)
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    network_code="96",
)
BLOCKED = Decline(
    "card_declined", "fraudulent", _NO, "do_not_try_again", None, "not_sent_to_network", "blocked", "highest_risk_level"
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of valid test "
    "cards, visit: https://stripe.com/docs/testing.",
    network_code=None,
)
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    network_code="1A",
)


@dataclass(frozen=True)
class Card:
    """One test card. `setup` and `charge` say why saving and charging it are refused; None: they are not.

    `asks` says when 3-D Secure comes: "always", "unless_set_up" (then not off session), "on_session" (already set up
    elsewhere) or None. `checks` are the results for line1, postal code and CVC where they were given. `refund` is the
    status of a refund at first and what becomes of it.
    """

    name: str
    number: str
    brand: str = "visa"
    funding: str = "credit"
    setup: Decline | None = None
    charge: Decline | None = None
    asks: str | None = None
    checks: tuple[str, str, str] = ("pass", "pass", "pass")
    risk: tuple[str, int] = ("normal", 20)
    three_d_secure: bool = True
    available_at_once: bool = False
    refund: tuple[str, str] = ("succeeded", "succeeded")

    @property
    def last4(self) -> str:
        """Return what may be shown of the number."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """Return the same 16 letters for the same number, whatever it is saved as."""
        return hashlib.sha256(f"fingerprint of {self.number}".encode()).hexdigest()[:16]

    def declines(self, at: str, cvc_given: bool) -> Decline | None:
        """Return why the bank refuses this card `at` "setup" or "charge", or None."""
        decline: Decline | None = getattr(self, at)
        return None if decline is INCORRECT_CVC and not cvc_given else decline

    def must_authenticate(self, *, off_session: bool, set_up: bool) -> bool:
        """Tell whether a payment needs 3-D Secure first; `set_up`: a SetupIntent succeeded with it before."""
        if self.asks == "always":
            return True
        if self.asks == "unless_set_up":
            return not (off_session and set_up)
        return self.asks == "on_session" and not off_session


def _refused(name: str, number: str, why: Decline, **more: Any) -> Card:
    return Card(name, number, setup=why, charge=why, **more)


_ALL = (
    Card("visa", "4242424242424242"),
    Card("visa_debit", "4000056655665556", funding="debit"),
    Card("mastercard", "5555555555554444", "mastercard"),
    Card("mastercard_2_series", "2223003122003222", "mastercard"),
    Card("mastercard_debit", "5200828282828210", "mastercard", "debit"),
    Card("mastercard_prepaid", "5105105105105100", "mastercard", "prepaid"),
    Card("amex", "378282246310005", "amex", three_d_secure=False),
    Card("amex_2", "371449635398431", "amex", three_d_secure=False),
    Card("discover", "6011111111111117", "discover"),
    Card("discover_2", "6011000990139424", "discover"),
    Card("diners", "3056930009020004", "diners"),
    Card("diners_14", "36227206271667", "diners"),
    Card("jcb", "3566002020360505", "jcb"),
    Card("unionpay", "6200000000000005", "unionpay"),
    Card("bccard", "6555900000604105", "discover"),
    _refused("chargeDeclined", "4000000000000002", GENERIC),
    _refused("chargeDeclinedInsufficientFunds", "4000000000009995", INSUFFICIENT_FUNDS),
    _refused("chargeDeclinedLostCard", "4000000000009987", LOST),
    _refused("chargeDeclinedStolenCard", "4000000000009979", STOLEN),
    _refused("chargeDeclinedExpiredCard", "4000000000000069", EXPIRED),
    _refused("chargeDeclinedIncorrectCvc", "4000000000000127", INCORRECT_CVC, checks=("pass", "pass", "fail")),
    _refused("chargeDeclinedProcessingError", "4000000000000119", PROCESSING),
    _refused("chargeDeclinedVelocityLimitExceeded", "4000000000006975", VELOCITY),
    _refused("chargeDeclinedFraudulent", "4100000000000019", BLOCKED, risk=("highest", 90)),
    Card("chargeCustomerFail", "4000000000000341", charge=GENERIC),
    Card("authenticationRequiredOnSetup", "4000002500003155", asks="unless_set_up"),
    Card("authenticationRequired", "4000002760003184", asks="always"),
    Card("authenticationRequiredSetupForOffSession", "4000003800000446", asks="on_session"),
    Card(
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        charge=INSUFFICIENT_FUNDS,
        asks="always",
    ),
    Card("threeDSecure2Required", "4000000000003220", asks="unless_set_up"),
    _refused("threeDSecureRequiredChargeDeclined", "4000008400001629", GENERIC, asks="always"),
    _refused("threeDSecureRequiredProcessingError", "4000008400001280", GENERIC),  # its 3-D Secure look-up fails
    Card("threeDSecureOptional", "4000000000003055"),
    Card("threeDSecureOptionalProcessingError", "4000000000003097"),
    Card("riskLevelHighest", "4000000000004954", risk=("highest", 75)),
    Card("riskLevelElevated", "4000000000009235", risk=("elevated", 65)),
    Card("cvcCheckFail", "4000000000000101", checks=("pass", "pass", "fail")),
    Card("avsZipFail", "4000000000000036", checks=("pass", "fail", "pass")),
    Card("avsLine1Fail", "4000000000000028", checks=("fail", "pass", "pass")),
    Card("avsFail", "4000000000000010", checks=("fail", "fail", "pass")),
    Card("avsUnchecked", "4000000000000044", checks=("unavailable", "unavailable", "pass")),
    Card("createDispute", "4000000000000259"),
    Card("createDisputeProductNotReceived", "4000000000002685"),
    Card("createDisputeInquiry", "4000000000001976"),
    Card("createMultipleDisputes", "4000000000005423"),
    Card("pendingRefund", "4000000000007726", refund=("pending", "succeeded")),
    Card("refundFail", "4000000000005126", refund=("succeeded", "failed")),
    Card("bypassPending", "4000000000000077", available_at_once=True),
)
CARDS = {card.name: card for card in _ALL}
_BY_NUMBER = {card.number: card for card in _ALL}

# What the dashboard's card form suggests in sandbox mode: number and what it does, in the order of a tester's needs.
SUGGESTED = [
    {"number": "4242 4242 4242 4242", "does": "Succeeds"},
    {"number": "4000 0025 0000 3155", "does": "Asks for 3-D Secure"},
    {"number": "4000 0000 0000 0002", "does": "Is declined"},
    {"number": "4000 0000 0000 9995", "does": "Has insufficient funds"},
    {"number": "4000 0000 0000 0341", "does": "Can be saved, then fails when charged"},
]


def by_alias(alias: str) -> Card | None:
    """Return the card behind `pm_card_…` or `tok_…`; declines may be spelt with `visa_` in front, as Stripe allows."""
    for prefix in ("pm_card_", "tok_"):
        if alias.startswith(prefix):
            name = alias.removeprefix(prefix)
            return CARDS.get(name) or CARDS.get(name.removeprefix("visa_"))
    return None


def typed(given: dict[str, Any], now: int) -> Card:
    """Return the card whose number, expiry and CVC were typed, or raise the 402 that says what is wrong with them.

    `given` has number, exp_month, exp_year and perhaps cvc; `now` is in epoch seconds.
    """
    number = "".join(given["number"].split()).replace("-", "")
    if not number.isdigit() or not 12 <= len(number) <= 19 or not _luhn(number):
        raise _mistyped("incorrect_number", "number", "Your card number is incorrect.")
    check_expiry(given["exp_month"], given["exp_year"], now)
    card = _BY_NUMBER.get(number)
    digits = 4 if number.startswith(("34", "37")) else 3
    cvc = given.get("cvc")
    if cvc is not None and not (cvc.isdigit() and len(cvc) in {3, digits}):
        raise _mistyped("invalid_cvc", "cvc", "Your card's security code is invalid.")
    if card is None:
        raise NOT_A_TEST_CARD.error()
    return card


def full_year(year: int) -> int:
    """Return 2031 for 31."""
    return year + 2000 if 0 <= year < 100 else year


def check_expiry(month: int, year: int, now: int) -> None:
    """Raise the 402 of a card whose last month is over at `now`, or lies too far ahead."""
    today = datetime.fromtimestamp(now, UTC)
    year = full_year(year)
    if not 1 <= month <= 12:
        raise _mistyped("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.")
    if not today.year <= year <= today.year + 50:
        raise _mistyped("invalid_expiry_year", "exp_year", "Your card's expiration year is invalid.")
    if (year, month) < (today.year, today.month):
        raise _mistyped("invalid_expiry_month", "exp_month", "Your card's expiration month is invalid.")


def _mistyped(code: str, param: str, message: str) -> StripeError:
    return StripeError(402, "card_error", message, code=code, param=param)


def _luhn(number: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
