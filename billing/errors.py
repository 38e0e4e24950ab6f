"""What can go wrong, worded for the customer: `str(error)` is what the page shows."""

from __future__ import annotations


class BillingError(Exception):
    """Something the customer should read. Nothing was changed unless the subclass says otherwise."""

    message = "Something went wrong. Nothing was charged."
    request_id = ""  # of Stripe's answer, for the log and the ledger

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message or self.message)
        self.code = code


class CardDeclined(BillingError):
    """The bank said no. `code` is Stripe's decline_code, or its code where it has none."""

    message = "Your card was declined."


class AuthenticationRequired(BillingError):
    """The bank wants the customer to confirm in the browser."""

    message = "Your bank asks you to confirm this payment."


class Refused(BillingError):
    """Stripe, or a rule of ours, refuses what was asked for; asking again changes nothing."""

    message = "This could not be done. Nothing was charged."


class Stale(BillingError):
    """What the customer saw is no longer so; the page shows it anew."""

    message = "Something has changed since this page was shown. Nothing was charged: please look at the new amount."


class Unavailable(BillingError):
    """Stripe could not be asked; it is certain that nothing happened."""

    message = "We cannot reach our payment provider right now. Nothing was charged: please try again in a moment."


class OutcomeUnknown(BillingError):
    """Stripe was asked and did not answer: it may have happened. The operation stays open until we know."""

    message = (
        "We did not hear back from our payment provider. We are checking whether it went through: "
        "please do not try again yet, this page will show the result."
    )


class StillWorking(BillingError):
    """The same customer's earlier click of this kind is not finished."""

    message = "We are still working on your last request. Please wait a moment and look again."


class Gone(BillingError):
    """The object does not exist at Stripe any more, or never did."""

    message = "This no longer exists."


# docs.stripe.com/declines/codes: what the customer can do about it. A lost or stolen card is never named as such.
_DECLINES = {
    "insufficient_funds": "Your bank declined the payment: there is not enough money on this card. Try another card.",
    "expired_card": "This card has expired. Try another card.",
    "incorrect_cvc": "The security code of this card is not right. Check it and try again.",
    "invalid_cvc": "The security code of this card is not right. Check it and try again.",
    "incorrect_number": "The card number is not right. Check it and try again.",
    "card_velocity_exceeded": "This card has reached its limit for now. Try again later, or use another card.",
    "withdrawal_count_limit_exceeded": "This card has reached its limit for now. Try again later, or use another card.",
    "processing_error": "The bank could not process the payment. Nothing was charged: try again in a moment.",
    "try_again_later": "The bank could not process the payment. Nothing was charged: try again in a moment.",
    "currency_not_supported": "This card cannot pay in this currency. Try another card.",
    "card_not_supported": "This card cannot be used for this kind of payment. Try another card.",
    "setup_intent_authentication_failure": (
        "Your bank could not confirm that it is you. Try again, or use another card."
    ),
    "payment_intent_authentication_failure": (
        "Your bank could not confirm that it is you. Nothing was charged: try again, or use another card."
    ),
    "authentication_required": "Your bank asks you to confirm this payment.",
}
_DECLINED = "Your bank declined this card. Nothing was charged: try another card, or ask your bank why."


def decline_words(code: str) -> str:
    """Return what a decline means for the customer, by Stripe's decline_code or code."""
    return _DECLINES.get(code, _DECLINED)
