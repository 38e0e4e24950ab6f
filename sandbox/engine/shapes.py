"""The engine's own objects as they begin, every key of the pinned API version present."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object

_EMPTY_IN_SUBSCRIPTION = (
    "application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds", "cancel_at",
    "canceled_at", "currency", "customer_account", "days_until_due", "default_payment_method", "default_source",
    "description", "ended_at", "latest_invoice", "next_pending_invoice_item_invoice", "on_behalf_of",
    "pause_collection", "pending_invoice_item_interval", "pending_setup_intent", "pending_update", "schedule",
    "transfer_data", "trial_end", "trial_start",
)  # fmt: skip
_EMPTY_IN_INVOICE = (
    "account_tax_ids", "application", "automatically_finalizes_at", "custom_fields", "customer_account",
    "default_payment_method", "default_source", "description", "due_date", "effective_at", "ending_balance", "footer",
    "from_invoice", "hosted_invoice_url", "invoice_pdf", "last_finalization_error", "latest_revision",
    "next_payment_attempt", "number", "on_behalf_of", "parent", "receipt_number", "rendering", "shipping_cost",
    "shipping_details", "statement_descriptor", "webhooks_delivered_at",
)  # fmt: skip
_ZERO_IN_INVOICE = (
    "amount_due", "amount_overpaid", "amount_paid", "amount_remaining", "amount_shipping", "attempt_count",
    "post_payment_credit_notes_amount", "pre_payment_credit_notes_amount",
)  # fmt: skip
_NO_ONES_TAX = ("disabled_reason", "liability")


def subscription(call: Call, customer: str | None, id: str) -> Object:
    """Return a subscription without items, trial and currency."""
    url = f"/v1/subscription_items?subscription={id}"
    return {
        **dict.fromkeys(_EMPTY_IN_SUBSCRIPTION),
        "id": id,
        "object": "subscription",
        "automatic_tax": {"enabled": False, **dict.fromkeys(_NO_ONES_TAX)},
        "billing_cycle_anchor": call.now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": dict.fromkeys(("comment", "feedback", "feedback_option", "reason")),
        "collection_method": "charge_automatically",
        "created": call.now,
        "customer": customer,
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {
            **dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer")),
            "issuer": {"type": "self"},
        },
        "items": {"object": "list", "data": [], "has_more": False, "url": url},
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "payment_settings": {
            **dict.fromkeys(("payment_method_options", "payment_method_types")),
            "save_default_payment_method": "off",
        },
        "start_date": call.now,
        "status": "active",
        "test_clock": call.clock,
        "trial_settings": {"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}},
    }


def invoice(call: Call, customer: Object, id: str) -> Object:
    """Return a draft invoice for a customer, without lines and totals."""
    settings = call.account.settings
    return {
        **dict.fromkeys(_EMPTY_IN_INVOICE),
        **dict.fromkeys(_ZERO_IN_INVOICE, 0),
        "id": id,
        "object": "invoice",
        "account_country": settings.get("country", "US"),
        "account_name": settings.get("business_name", "Sandbox"),
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {"enabled": False, **dict.fromkeys((*_NO_ONES_TAX, "provider", "status"))},
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": call.now,
        "currency": customer["currency"] or "usd",
        "customer": customer["id"],
        **{f"customer_{key}": customer[key] for key in ("address", "email", "name", "phone", "shipping", "tax_exempt")},
        "customer_tax_ids": [
            {"type": each["type"], "value": each["value"]}
            for each in (store.query(call, "tax_id", customer=customer["id"]) if customer["id"] else ())
        ],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "livemode": False,
        "metadata": {},
        "payment_settings": dict.fromkeys(("default_mandate", "payment_method_options", "payment_method_types")),
        "period_end": call.now,
        "period_start": call.now,
        "starting_balance": customer["balance"],
        "status": "draft",
        "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        "test_clock": call.clock,
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }
