"""One verb per function: the conversation with Stripe behind a click. Each raises a subclass of BillingError.

Amounts are integers in minor units; `token` is the form's (see `billing.operations`).
"""

from billing.actions.cards import (
    SavedCard,
    edit_card,
    finish_card,
    make_default,
    needed_cards,
    remove_card,
    start_card,
)
from billing.actions.customers import ensure_customer
from billing.actions.payments import Payment, pay_invoice, settle_payment
from billing.actions.plans import ChangePreview, cancel, change_plan, preview_change, subscribe, undo_cancel

__all__ = [
    "ChangePreview",
    "Payment",
    "SavedCard",
    "cancel",
    "change_plan",
    "edit_card",
    "ensure_customer",
    "finish_card",
    "make_default",
    "needed_cards",
    "pay_invoice",
    "preview_change",
    "remove_card",
    "settle_payment",
    "start_card",
    "subscribe",
    "undo_cancel",
]
