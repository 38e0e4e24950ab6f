"""What may be said of a Checkout session when it is opened."""

from __future__ import annotations

from typing import Any

from sandbox import intents
from sandbox.kernel import StripeError, invalid
from sandbox.params import (
    Boolean,
    Enum,
    Integer,
    Kind,
    String,
    boolean,
    clearable,
    currency,
    email,
    enum,
    metadata,
    not_emulated,
    required,
    string,
    timestamp,
    url,
)
from sandbox.resources import payment_intents, prices, subscriptions

_LOCALES = (
    "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR "
    "ro ru sk sl sv th tr vi zh zh-HK zh-TW"
).split()


class _Off(Boolean):
    """A switch for what is not emulated: it may be there, as long as it is off."""

    def read(self, value: Any, name: str) -> bool:
        return bool(not_emulated.read(value, name)) if super().read(value, name) else False


class _HostedPage(Enum):
    """`ui_mode`: the sandbox has the page of its own, not the parts for other people's pages."""

    def read(self, value: Any, name: str) -> str:
        mode = super().read(value, name)
        if mode != "hosted_page":
            raise StripeError(
                501, "api_error", f"The sandbox emulates ui_mode hosted_page only, not {mode}.", param=name
            )
        return mode


class NotHosted(Kind):
    """A parameter for sessions inside somebody's own page."""

    def read(self, value: Any, name: str) -> Any:
        raise invalid(f"`{name}` can only be used when ui_mode is `embedded_page` or `elements`.", param=name)


_TEXT = clearable({"message": required(String(1200))})
_PRODUCT_DATA = {
    "description": string,
    "images": [string],
    "metadata": metadata,
    "name": required(string),
    "tax_code": string,
    "tax_details": not_emulated,
    "unit_label": String(12),
}
_LINE_ITEM = {
    "adjustable_quantity": {
        "enabled": required(boolean),
        "maximum": Integer(1, 999_999),
        "minimum": Integer(0, 999_999),
    },
    "metadata": metadata,
    "price": string,
    "price_data": {**prices.DATA, "product": string, "product_data": _PRODUCT_DATA},
    "quantity": Integer(0, 999_999),
    "tax_rates": [string],
}
_CUSTOM_FIELDS = clearable([{"name": required(String(40)), "value": required(String(140))}])
_SUBSCRIPTION_DATA = {
    "application_fee_percent": not_emulated,
    "billing_cycle_anchor": timestamp,
    "billing_cycle_anchor_config": subscriptions.ANCHOR_CONFIG,
    "billing_mode": subscriptions.BILLING_MODE,
    "default_tax_rates": [string],
    "description": String(500),
    "invoice_settings": {
        "account_tax_ids": not_emulated,
        "custom_fields": _CUSTOM_FIELDS,
        "description": string,
        "footer": string,
        "issuer": not_emulated,
    },
    "metadata": metadata,
    "on_behalf_of": not_emulated,
    "pending_invoice_item_interval": not_emulated,
    "proration_behavior": enum("create_prorations", "none"),
    "transfer_data": not_emulated,
    "trial_end": timestamp,
    "trial_period_days": Integer(1, 730),
    "trial_settings": {
        "end_behavior": required({"missing_payment_method": required(enum("cancel", "create_invoice", "pause"))})
    },
}
_PAYMENT_INTENT_DATA = {
    "application_fee_amount": not_emulated,
    "capture_method": enum("automatic", "automatic_async", "manual"),
    "description": string,
    "metadata": metadata,
    "on_behalf_of": not_emulated,
    "receipt_email": email,
    "setup_future_usage": enum("off_session", "on_session"),
    "shipping": payment_intents.SHIPPING,
    "statement_descriptor": String(22),
    "statement_descriptor_suffix": String(22),
    "transfer_data": not_emulated,
    "transfer_group": not_emulated,
}
_INVOICE_DATA = {
    "account_tax_ids": not_emulated,
    "custom_fields": _CUSTOM_FIELDS,
    "description": string,
    "footer": string,
    "issuer": not_emulated,
    "metadata": metadata,
    "rendering_options": not_emulated,
}
_AUTO = enum("auto", "never")
_NOT_EMULATED = dict.fromkeys(
    (
        "after_expiration", "branding_settings", "custom_fields", "customer_account", "name_collection",
        "optional_items", "payment_method_configuration", "shipping_address_collection", "shipping_options",
    ),
    not_emulated,
)  # fmt: skip
CREATE = {
    **_NOT_EMULATED,
    **dict.fromkeys(("permissions", "redirect_on_completion", "return_url"), NotHosted()),
    "adaptive_pricing": {"enabled": _Off()},
    "allow_promotion_codes": boolean,
    "allowed_payment_method_types": [string],
    "automatic_tax": {"enabled": required(_Off()), "liability": not_emulated},
    "billing_address_collection": enum("auto", "required"),
    "cancel_url": url,
    "client_reference_id": String(200),
    "consent_collection": {
        "payment_method_reuse_agreement": {"position": required(enum("auto", "hidden"))},
        "promotions": enum("auto", "none"),
        "terms_of_service": enum("none", "required"),
    },
    "currency": currency,
    "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"), _TEXT),
    "customer": string,
    "customer_creation": enum("always", "if_required"),
    "customer_email": email,
    "customer_update": {"address": _AUTO, "name": _AUTO, "shipping": _AUTO},
    "discounts": [{"coupon": string, "promotion_code": string}],
    "excluded_payment_method_types": [string],
    "expires_at": timestamp,
    "integration_identifier": String(200),
    "invoice_creation": {"enabled": required(boolean), "invoice_data": _INVOICE_DATA},
    "line_items": [_LINE_ITEM],
    "locale": enum(*_LOCALES),
    "managed_payments": {"enabled": _Off()},
    "metadata": metadata,
    "mode": required(enum("payment", "setup", "subscription")),
    "origin_context": enum("mobile_app", "web"),
    "payment_intent_data": _PAYMENT_INTENT_DATA,
    "payment_method_collection": enum("always", "if_required"),
    "payment_method_data": {"allow_redisplay": enum("always", "limited", "unspecified")},
    "payment_method_options": {
        "card": {
            "capture_method": not_emulated,
            "installments": not_emulated,
            "request_three_d_secure": enum("any", "automatic", "challenge"),
            "restrictions": not_emulated,
            "setup_future_usage": enum("off_session", "on_session"),
        },
        "link": not_emulated,
    },
    "payment_method_types": intents.SHARED["payment_method_types"],
    "phone_number_collection": {"enabled": required(boolean)},
    "saved_payment_method_options": {
        "allow_redisplay_filters": [enum("always", "limited", "unspecified")],
        "payment_method_remove": enum("disabled"),
        "payment_method_save": enum("disabled", "enabled"),
    },
    "setup_intent_data": {"description": string, "metadata": metadata, "on_behalf_of": not_emulated},
    "submit_type": enum("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": _SUBSCRIPTION_DATA,
    "success_url": required(url),
    "tax_id_collection": {"enabled": required(boolean), "required": enum("if_supported", "never")},
    "ui_mode": _HostedPage(("elements", "embedded_page", "form", "hosted_page")),
    "wallet_options": {"link": {"display": _AUTO}},
}
