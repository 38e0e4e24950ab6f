"""Payment method configurations: which ways to pay are offered. Here it is cards, always."""

from __future__ import annotations

from sandbox import store
from sandbox.kernel import Call, Object, invalid, new_id, route
from sandbox.params import PAGING, String, boolean, enum, not_emulated

_OTHERS = (
    "acss_debit affirm afterpay_clearpay alipay alma amazon_pay apple_pay apple_pay_later au_becs_debit bacs_debit "
    "bancontact billie bizum blik boleto cartes_bancaires cashapp crypto customer_balance eps fpx "
    "fr_meal_voucher_conecs giropay google_pay grabpay ideal jcb kakao_pay klarna konbini kr_card link mb_way "
    "mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix "
    "promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi "
    "us_bank_account wechat_pay zip"
).split()
_KIND = "payment_method_configuration"
_FIELDS = {
    **dict.fromkeys(_OTHERS, not_emulated),
    "card": {"display_preference": {"preference": enum("none", "on")}},
    "name": String(100),
}


@route("GET", "/v1/payment_method_configurations", {**PAGING, "active": boolean, "application": not_emulated})
def list_all(call: Call) -> Object:
    """List the account's configurations, the default one among them."""
    _ensure_default(call)
    active = {"active": call.params["active"]} if "active" in call.params else {}
    return store.page(call, _KIND, "/v1/payment_method_configurations", **active)


@route("POST", "/v1/payment_method_configurations", {**_FIELDS, "parent": not_emulated})
def create(call: Call) -> Object:
    """Create a configuration beside the default one."""
    return store.insert(call, _configuration(call, call.params.get("name", "Custom"), is_default=False))


@route("GET", "/v1/payment_method_configurations/{configuration}")
def retrieve(call: Call, configuration: str) -> Object:
    """Return a configuration."""
    return store.get(call, _KIND, configuration, "configuration")


@route("POST", "/v1/payment_method_configurations/{configuration}", {**_FIELDS, "active": boolean})
def update(call: Call, configuration: str) -> Object:
    """Rename a configuration, or put it out of use; the default one stays in use."""
    obj, given = store.get(call, _KIND, configuration, "configuration"), call.params
    if obj["is_default"] and given.get("active") is False:
        raise invalid("The default payment method configuration cannot be deactivated.", param="active")
    store.update(obj, given, "active", "name")
    return store.save(call, obj)


def _ensure_default(call: Call) -> None:
    """Make the configuration that every account has, when somebody first looks for it."""
    if store.count(call, _KIND, is_default=True):
        return
    with call.account.exclusively():
        if not store.count(call, _KIND, is_default=True):
            store.insert(call, _configuration(call, "Default", is_default=True))


def _configuration(call: Call, name: str, *, is_default: bool) -> Object:
    return {
        "id": new_id(call, "pmc"),
        "object": _KIND,
        "active": True,
        "application": None,
        "card": {
            "available": True,
            "display_preference": {"overridable": None, "preference": "on", "value": "on"},
        },
        "is_default": is_default,
        "livemode": False,
        "name": name,
        "parent": None,
    }
