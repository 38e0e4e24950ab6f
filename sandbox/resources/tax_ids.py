"""Tax ids: under which number a customer, or the account itself, is known to a tax office, and whether it is true."""

from __future__ import annotations

import re
from typing import Any

from sandbox import store
from sandbox.kernel import Call, Object, expandable, falls_due, invalid, listens, missing, new_id, refers, route
from sandbox.params import PAGING, enum, not_emulated, required, string

refers("tax_id", {"customer": "customer", "owner.customer": "customer"})

TYPES = (
    "ad_nrt ae_trn al_tin am_tin ao_tin ar_cuit au_abn au_acn au_arn au_wpn aw_tin az_tin ba_tin bb_tin bd_bin bf_ifu "
    "bg_uic bh_vat bj_ifu bo_tin br_cnpj br_cpf bs_tin bw_vat by_tin ca_bn ca_gst_hst ca_pst_bc ca_pst_mb ca_pst_sk "
    "ca_qst cd_nif ch_uid ch_vat ci_vat cl_tin cm_niu cn_tin co_nit cr_tin cv_nif cz_dic de_stn do_rcn ec_ruc eg_tin "
    "es_cif et_tin eu_oss_vat eu_vat fo_vat fr_siren fr_siret fr_spi gb_vat ge_vat gh_tin gi_tin gn_nif hk_br hr_oib "
    "hu_tin ic_nif id_npwp il_vat in_gst is_kt is_vat it_cf jp_cn jp_rn jp_trn ke_pin kg_tin kh_tin kr_brn kz_bin "
    "la_tin li_uid li_vat lk_vat ma_vat md_cf md_vat me_pib mk_vat mr_nif mu_vat mx_rfc my_frp my_itn my_sst mz_nuit "
    "ng_tin no_vat no_voec np_pan nz_bn nz_gst om_vat pe_ruc ph_tin pl_nip pt_nif py_ruc ro_tin rs_pib ru_inn ru_kpp "
    "sa_vat sg_gst sg_uen si_tin sm_coe sn_ninea sr_fin sv_nit th_vat tj_tin tr_tin tt_bir tt_vat tw_vat tz_vat ua_vat "
    "ug_tin unknown us_ein uy_ruc uz_tin uz_vat ve_rif vn_tin za_vat zm_tin zw_tin"
).split()
DATA = {"type": required(enum(*TYPES)), "value": required(string)}
_OWNER = {
    "account": not_emulated,
    "customer": string,
    "customer_account": not_emulated,
    "type": required(enum("account", "application", "customer", "self")),
}
# The form of some common numbers, without spaces; of the others any value is taken.
_FORMS = {
    "au_abn": r"\d{11}",
    "ca_bn": r"\d{9}",
    "ch_vat": r"CHE-?\d{3}\.?\d{3}\.?\d{3}(MWST|TVA|IVA)",
    "eu_vat": r"(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)[0-9A-Z]{2,12}",
    "gb_vat": r"GB(\d{9}|\d{12}|(GD|HA)\d{3})",
    "no_vat": r"\d{9}(MVA)?",
    "us_ein": r"\d{2}-?\d{7}",
}
# Numbers of these types are looked up; what Stripe's test mode finds depends on the digits (docs: customer tax ids).
_LOOKED_UP = {"au_abn", "eu_vat", "gb_vat"}
_FINDINGS = {"0": "verified", "1": "unverified"}


@route("POST", "/v1/customers/{customer}/tax_ids", DATA)
def create(call: Call, customer: str) -> Object:
    """Note a tax id of a customer; a number that is looked up is `pending` until then."""
    return add(call, store.get(call, "customer", customer, "customer"), call.params)


@route("GET", "/v1/customers/{customer}/tax_ids", PAGING)
def list_of_customer(call: Call, customer: str) -> Object:
    """List the tax ids of a customer."""
    store.get(call, "customer", customer, "customer")
    return store.page(call, "tax_id", f"/v1/customers/{customer}/tax_ids", customer=customer)


@route("GET", "/v1/customers/{customer}/tax_ids/{id}")
def retrieve_of_customer(call: Call, customer: str, id: str) -> Object:
    """Return a tax id of this customer."""
    return _own(call, customer, id)


@route("DELETE", "/v1/customers/{customer}/tax_ids/{id}")
def delete_of_customer(call: Call, customer: str, id: str) -> Object:
    """Forget a tax id of this customer."""
    return store.delete(call, _own(call, customer, id), "customer.tax_id.deleted")


@route("POST", "/v1/tax_ids", {**DATA, "owner": _OWNER})
def create_for_owner(call: Call) -> Object:
    """Note a tax id of the account itself, or of the customer whom `owner` names."""
    owner = _owner(call)
    return add(call, owner, call.params) if owner else store.insert(call, _tax_id(call, None, call.params))


@route("GET", "/v1/tax_ids", {**PAGING, "owner": _OWNER})
def list_all(call: Call) -> Object:
    """List the account's own tax ids, or those of the customer whom `owner` names."""
    owner = _owner(call)
    filters: dict[str, Any] = {"customer": owner["id"]} if owner else {"owner__type": "self"}
    return store.page(call, "tax_id", "/v1/tax_ids", **filters)


@route("GET", "/v1/tax_ids/{id}")
def retrieve(call: Call, id: str) -> Object:
    """Return a tax id."""
    return store.get(call, "tax_id", id)


@route("DELETE", "/v1/tax_ids/{id}")
def delete(call: Call, id: str) -> Object:
    """Forget a tax id."""
    obj = store.get(call, "tax_id", id)
    return store.delete(call, obj, "customer.tax_id.deleted" if obj["customer"] else None)


@expandable("customer", "tax_ids")
def of_customer(call: Call, customer: Object) -> Object:
    """Return a customer's tax ids; Stripe shows them on demand only."""
    found = list(store.query(call, "tax_id", customer=customer["id"]))
    return store.envelope(found[:10], f"/v1/customers/{customer['id']}/tax_ids", len(found) > 10)


def add(call: Call, customer: Object, given: Object) -> Object:
    """Store a customer's tax id of `DATA`; raises `tax_id_invalid` where the value cannot be one."""
    tax_id = store.insert(call, _tax_id(call, customer["id"], given), "customer.tax_id.created")
    if _finding(tax_id):
        store.schedule(call, tax_id, call.now)
    return tax_id


@falls_due("tax_id")
def _looked_up(call: Call, tax_id: Object) -> None:
    """Write down what the tax office knows of a number."""
    customer = store.get(call, "customer", tax_id["customer"])
    status = _finding(tax_id)
    name = customer["name"] if status == "verified" else None
    found = {"status": status, "verified_address": None, "verified_name": name}
    store.save(call, tax_id | {"verification": found}, "customer.tax_id.updated")


@listens("customer.tax_id.created", "customer.tax_id.deleted")
def _show_on_drafts(call: Call, tax_id: Object) -> None:
    """Keep the tax ids of drafts those of their customer; a finalised invoice keeps what it had."""
    mine = store.query(call, "tax_id", customer=tax_id["customer"])
    shown = [{"type": each["type"], "value": each["value"]} for each in mine]
    for invoice in store.query(call, "invoice", customer=tax_id["customer"], status="draft"):
        store.save(call, invoice | {"customer_tax_ids": shown})


def _finding(tax_id: Object) -> str | None:
    """Return what a look-up will find, or None where there is none, or it never comes to an end."""
    digits = set(re.sub(r"\D", "", tax_id["value"]))
    return _FINDINGS.get(digits.pop()) if tax_id["verification"] and len(digits) == 1 else None


def _tax_id(call: Call, customer: str | None, given: Object) -> Object:
    value = given["value"].strip()
    form = _FORMS.get(given["type"])
    if form and not re.fullmatch(form, value.replace(" ", ""), re.ASCII):
        raise invalid(f"Invalid value for {given['type']}.", param="value", code="tax_id_invalid")
    pending = {"status": "pending", "verified_address": None, "verified_name": None}
    owner = {"customer": customer, "type": "customer"} if customer else {"type": "self"}
    return {
        "id": new_id(call, "txi"),
        "object": "tax_id",
        "country": _country(given["type"], value),
        "created": call.now,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "owner": {**owner, "customer_account": None},
        "type": given["type"],
        "value": value,
        "verification": pending if customer and given["type"] in _LOOKED_UP else None,
    }


def _country(type_: str, value: str) -> str | None:
    if type_ == "eu_vat":
        return {"EL": "GR", "XI": "GB"}.get(value[:2], value[:2])
    return None if type_ in {"eu_oss_vat", "unknown"} else type_[:2].upper()


def _owner(call: Call) -> Object | None:
    """Return the customer that `owner` names, None for the account itself."""
    owner = call.params.get("owner", {"type": "self"})
    if owner["type"] == "self":
        return None
    if owner["type"] != "customer":
        not_emulated.read(owner["type"], "owner[type]")
    if "customer" not in owner:
        raise invalid("Missing required param: owner[customer].", param="owner[customer]", code="parameter_missing")
    return store.get(call, "customer", owner["customer"], "owner[customer]")


def _own(call: Call, customer: str, id: str) -> Object:
    store.get(call, "customer", customer, "customer")
    tax_id = store.get(call, "tax_id", id)
    if tax_id["customer"] != customer:
        raise missing("tax_id", id)
    return tax_id
