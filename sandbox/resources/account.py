"""The account itself: what a client asks for to check its key."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object, route

_NOTHING_DUE: Object = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}


@route("GET", "/v1/account")
def retrieve(call: Call) -> Object:
    """Return the account of the key."""
    account = call.account
    return {
        "id": account.acct,
        "object": "account",
        "business_profile": _business_profile(),
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": account.created,
        "default_currency": "usd",
        "details_submitted": True,
        "email": f"{account.name}@sandbox.example",
        "external_accounts": store.envelope([], f"/v1/accounts/{account.acct}/external_accounts"),
        "future_requirements": _NOTHING_DUE,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": _NOTHING_DUE,
        "settings": _settings(account.name),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def _business_profile() -> Object:
    nothing = (
        "mcc", "minority_owned_business_designation", "product_description",
        "specified_commercial_transactions_act_url", "support_address", "support_email", "support_phone", "support_url",
        "url",
    )  # fmt: skip
    return {**dict.fromkeys(nothing), "name": "Sandbox"}


def _settings(name: str) -> Object:
    branding = dict.fromkeys(("icon", "logo", "primary_color", "secondary_color"))
    descriptor = {"statement_descriptor_prefix": "SANDBOX"}
    kana = dict.fromkeys(("statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji"))
    payments = dict.fromkeys(("statement_descriptor_kana", "statement_descriptor_kanji"))
    return {
        "branding": branding,
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            **descriptor,
            **kana,
        },
        "dashboard": {"display_name": f"Sandbox {name}", "timezone": "Etc/UTC"},
        "payments": {"statement_descriptor": "SANDBOX", **payments, **kana},
    }
