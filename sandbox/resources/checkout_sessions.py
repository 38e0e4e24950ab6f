"""Checkout sessions: what a hosted payment page sells, to whom, and what came of it. The page is `sandbox.checkout`."""

from __future__ import annotations

from sandbox import store
from sandbox.checkout import parameters
from sandbox.engine import cart, checkout
from sandbox.engine.calendar import DAY, HOUR
from sandbox.kernel import Call, Object, expandable, invalid, missing, new_secret, origin, refers, route
from sandbox.params import PAGING, enum, listing, metadata, not_emulated, required, string
from sandbox.resources import subscriptions

refers(
    "checkout.session",
    {
        "customer": "customer",
        "discounts.coupon": "coupon",
        "discounts.promotion_code": "promotion_code",
        "invoice": "invoice",
        "payment_intent": "payment_intent",
        "setup_intent": "setup_intent",
        "subscription": "subscription",
    },
)

_URL = "/v1/checkout/sessions"
_MINUTE = 60
# Parameters that a mode does not take.
_REFUSED = {
    "payment": ("payment_method_collection", "setup_intent_data", "subscription_data"),
    "setup": (
        "allow_promotion_codes", "discounts", "invoice_creation", "line_items", "payment_intent_data",
        "payment_method_collection", "phone_number_collection", "saved_payment_method_options", "submit_type",
        "subscription_data",
    ),
    "subscription": ("customer_creation", "invoice_creation", "payment_intent_data", "setup_intent_data"),
}  # fmt: skip
_EXCLUSIVE = (
    ("customer", "customer_email"),
    ("customer", "customer_creation"),
    ("allow_promotion_codes", "discounts"),
    ("allowed_payment_method_types", "excluded_payment_method_types"),
)
# Parameters for the objects that the session will make; it does not show them itself.
_DATA = ("customer_update", "payment_intent_data", "payment_method_data", "setup_intent_data", "subscription_data")


@route("POST", _URL, parameters.CREATE)
def create(call: Call) -> Object:
    """Open a session and return it with the address of its page; nothing else is made before somebody pays."""
    given = call.params
    _check(call, given)
    session = _blank(call, given)
    entries = given.get("line_items", [])
    items = cart.fill(call, given["mode"], entries, given.get("currency"))
    known = {
        "data": {key: given[key] for key in _DATA if key in given},
        "items": items,
        "tax_rates": {item["id"]: entry.get("tax_rates", []) for item, entry in zip(items, entries, strict=True)},
    }
    if items:
        session["currency"] = items[0]["currency"]
    if items and session["customer"] and session["mode"] == "subscription":
        subscriptions.check_currency(call, session)
    cart.price(call, session, known)
    store.insert(call, session, None, **known)
    store.schedule(call, session, session["expires_at"])
    return session


@route(
    "GET",
    _URL,
    listing(
        customer=string,
        customer_account=not_emulated,
        customer_details={"email": required(string)},
        payment_intent=string,
        payment_link=not_emulated,
        status=enum("complete", "expired", "open"),
        subscription=string,
    ),
)
def list_all(call: Call) -> Object:
    """List sessions."""
    given = call.params
    filters = {name: given.get(name) for name in ("customer", "payment_intent", "status", "subscription")}
    filters["customer_details__email"] = given.get("customer_details", {}).get("email")
    return store.page(call, "checkout.session", _URL, **filters)


@route("GET", f"{_URL}/{{session}}")
def retrieve(call: Call, session: str) -> Object:
    """Return a session."""
    return store.get(call, "checkout.session", session, "session")


@route(
    "POST",
    f"{_URL}/{{session}}",
    {
        **dict.fromkeys(
            ("collected_information", "line_items", "payment_intent_data", "shipping_options"), parameters.NotHosted()
        ),
        "metadata": metadata,
    },
)
def update(call: Call, session: str) -> Object:
    """Change a session's metadata; everything else can be changed of embedded sessions only."""
    obj = store.get(call, "checkout.session", session, "session")
    store.update(obj, call.params, "metadata")
    return store.save(call, obj)


@route("POST", f"{_URL}/{{session}}/expire")
def expire(call: Call, session: str) -> Object:
    """Close a session that is open: its page takes no payment any more."""
    return checkout.expire(call, store.get(call, "checkout.session", session, "session"))


@route("GET", f"{_URL}/{{session}}/line_items", PAGING)
def line_items(call: Call, session: str) -> Object:
    """List what a session sells."""
    obj, given = store.get(call, "checkout.session", session, "session"), call.params
    items, limit = store.private(call, obj)["items"], given.get("limit", 10)
    if before := given.get("ending_before"):
        end = _place(items, before, "ending_before")
        start = max(end - limit, 0)
        has_more = start > 0
    else:
        after = given.get("starting_after")
        start = _place(items, after, "starting_after") + 1 if after else 0
        end = start + limit
        has_more = end < len(items)
    return store.envelope(items[start:end], f"{_URL}/{session}/line_items", has_more)


@expandable("checkout.session", "line_items")
def first_line_items(call: Call, session: Object) -> Object:
    """Return the first ten of what a session sells; Stripe shows them on demand only."""
    items = store.private(call, session)["items"]
    return store.envelope(items[:10], f"{_URL}/{session['id']}/line_items", len(items) > 10)


def _place(items: list[Object], id: str, param: str) -> int:
    for place, item in enumerate(items):
        if item["id"] == id:
            return place
    raise missing("item", id, param)


def _check(call: Call, given: Object) -> None:
    """Raise where parameters contradict the mode or each other."""
    mode = given["mode"]
    for name in _REFUSED[mode]:
        if name in given:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    for pair in _EXCLUSIVE:
        _refuse_both(given, *pair)
    if mode == "setup" and not given.keys() & {"allowed_payment_method_types", "currency"}:
        raise invalid("Missing required param: currency.", param="currency", code="parameter_missing")
    if mode != "setup" and not given.get("line_items"):
        raise invalid("Missing required param: line_items.", param="line_items", code="parameter_missing")
    if len(given.get("discounts", [])) > 1:
        raise invalid("You may only specify one discount.", param="discounts")
    manual = given.get("payment_intent_data", {}).get("capture_method") == "manual"
    if manual and given.get("invoice_creation", {}).get("enabled"):
        message = "You can not use `invoice_creation` with a `capture_method` of `manual`."
        raise invalid(message, param="invoice_creation")
    _check_customer(given)
    _check_trial(call, given.get("subscription_data", {}))
    _check_expiry(call, given)


def _check_customer(given: Object) -> None:
    if "customer_update" in given and "customer" not in given:
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    taxed = given.get("tax_id_collection", {}).get("enabled")
    if taxed and "customer" in given and given.get("customer_update", {}).get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
            "existing customer, please set `customer_update[name]` to `auto`.",
            param="tax_id_collection",
        )


def _check_trial(call: Call, given: Object) -> None:
    _refuse_both(given, "trial_end", "trial_period_days", inside="subscription_data")
    if given.get("trial_end", call.now + 2 * DAY) < call.now + 2 * DAY:
        message = "The `trial_end` date has to be at least 2 days in the future."
        raise invalid(message, param="subscription_data[trial_end]")


def _check_expiry(call: Call, given: Object) -> None:
    lasts = given.get("expires_at", call.now + DAY) - call.now
    if lasts < 30 * _MINUTE:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise invalid(message, param="expires_at")
    if lasts > 24 * HOUR:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise invalid(message, param="expires_at")


def _refuse_both(given: Object, one: str, other: str, inside: str = "") -> None:
    if one in given and other in given:
        names = [f"{inside}[{name}]" if inside else name for name in (one, other)]
        raise invalid(f"You may only specify one of these parameters: {', '.join(names)}.", param=names[0])


def _blank(call: Call, given: Object) -> Object:
    """Return the session as it begins, without amounts."""
    # The page finds the account by the id, so that accounts with one seed must not come to the same.
    mode, id = given["mode"], new_secret(call, f"cs_test_a1{call.account.acct[6:16]}", 46)
    customer = store.get(call, "customer", given["customer"], "customer") if "customer" in given else None
    email = given.get("customer_email") or (customer or {}).get("email")
    given_as_is = (
        "allow_promotion_codes", "allowed_payment_method_types", "billing_address_collection", "cancel_url",
        "client_reference_id", "customer_email", "integration_identifier", "locale", "origin_context", "submit_type",
        "success_url",
    )  # fmt: skip
    nothing = (
        "after_expiration", "amount_subtotal", "amount_total", "client_secret", "collected_information",
        "currency_conversion", "customer_account", "invoice", "payment_intent", "payment_link",
        "payment_method_configuration_details", "permissions", "recovered_from", "setup_intent",
        "shipping_address_collection", "shipping_cost", "subscription", "total_details",
    )  # fmt: skip
    return {
        "id": id,
        "object": "checkout.session",
        **dict.fromkeys(nothing),
        **{key: given.get(key) for key in given_as_is},
        **{key: given[key] for key in given.keys() & {"excluded_payment_method_types"}},
        **_choices(call, given, mode),
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": call.now,
        "currency": given.get("currency"),
        "custom_fields": [],
        "customer": customer and customer["id"],
        "customer_creation": None if customer else _customer_creation(given, mode),
        "customer_details": _contact(customer, email) if email else None,
        "discounts": [{"coupon": None, "promotion_code": None, **each} for each in given.get("discounts", [])],
        "expires_at": given.get("expires_at", call.now + DAY),
        "livemode": False,
        "metadata": store.merged_metadata({}, given.get("metadata")),
        "mode": mode,
        "optional_items": [],
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
        "url": f"{origin(call)}/sandbox/c/pay/{id}",
    }


def _choices(call: Call, given: Object, mode: str) -> Object:
    """Return the settings of the page, each hash whole."""
    consents = given.get("consent_collection")
    card = {"request_three_d_secure": "automatic", **given.get("payment_method_options", {}).get("card", {})}
    texts = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    saved = {"allow_redisplay_filters": ["always"], "payment_method_remove": "disabled", "payment_method_save": None}
    return {
        "adaptive_pricing": {"enabled": False},
        "branding_settings": {
            "background_color": "#ffffff",
            "border_style": "rounded",
            "button_color": "#0074d4",
            "display_name": call.account.settings.get("business_name", "Sandbox"),
            "font_family": "default",
            "icon": None,
            "logo": None,
        },
        "consent": consents and {"promotions": None, "terms_of_service": None},
        "consent_collection": consents
        and {**dict.fromkeys(("payment_method_reuse_agreement", "promotions", "terms_of_service")), **consents},
        "custom_text": {**dict.fromkeys(texts), **given.get("custom_text", {})},
        "invoice_creation": _invoice_creation(given) if mode == "payment" else None,
        "managed_payments": {"enabled": False},
        "payment_method_collection": given.get("payment_method_collection")
        or ("if_required" if mode == "payment" else "always"),
        "payment_method_options": {"card": card},
        "phone_number_collection": given.get("phone_number_collection", {"enabled": False}),
        "saved_payment_method_options": None
        if mode == "setup"
        else saved | given.get("saved_payment_method_options", {}),
        **{key: {"required": "never", **given[key]} for key in given.keys() & {"tax_id_collection"}},
        "wallet_options": given.get("wallet_options"),
    }


def _customer_creation(given: Object, mode: str) -> str:
    """Return when a customer is made of a guest."""
    return "always" if mode == "subscription" else str(given.get("customer_creation", "if_required"))


def _contact(customer: Object | None, email: str) -> Object:
    nothing = ("address", "business_name", "individual_name", "name", "phone", "tax_ids")
    return {**dict.fromkeys(nothing), "email": email, "tax_exempt": (customer or {}).get("tax_exempt", "none")}


def _invoice_creation(given: Object) -> Object:
    asked = given.get("invoice_creation", {"enabled": False})
    nothing = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    data = {**dict.fromkeys(nothing), "metadata": {}, **asked.get("invoice_data", {})}
    return {"enabled": asked["enabled"], "invoice_data": data}
