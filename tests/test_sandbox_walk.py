"""A random walk over the API and the calendar: whatever is done in whatever order, the books have to balance.

`SANDBOX_WALKS=500` walks further than the few walks of every test run. A walk that fails is shortened by hypothesis,
printed step by step, and comes back with the `@reproduce_failure` line that is printed with it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest
import stripe
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from sandbox import server
from sandbox.engine.calendar import DAY, HOUR
from shop import NOVEMBER, Shop

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

GOOD, BAD = ["pm_card_visa", "pm_card_mastercard"], ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"]
PLANS = {
    "free": (0, "month"),
    "team": (2900, "month"),
    "odd": (333, "week"),
    "business": (9900, "month"),
    "yearly": (77_777, "year"),
}
COUPONS = {
    "tenth": {"percent_off": 12.5, "duration": "forever"},
    "once": {"percent_off": 50},
    "fixed": {"amount_off": 777, "currency": "usd", "duration": "repeating", "duration_in_months": 2},
}
nth, prorates = st.integers(0, 3), st.sampled_from(["always_invoice", "create_prorations", "none"])
pays = st.sampled_from(["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"])
plan, coupon, amount = st.sampled_from([*PLANS]), st.sampled_from([*COUPONS, ""]), st.integers(-6000, 6000)


def step(name, **arguments):
    return st.fixed_dictionaries(arguments).map(lambda drawn: (name, drawn))


STEPS = st.one_of(
    *[step("wait", seconds=st.integers(most // 100, most)) for most in (2 * HOUR, 20 * DAY, 45 * DAY)],
    step("card", alias=st.sampled_from([*GOOD, *BAD])),
    step("card", alias=st.sampled_from(BAD)),
    step("subscribe", plan=plan, quantity=st.integers(1, 4), coupon=coupon, trial=st.integers(0, 9), behavior=pays),
    step("change", n=nth, plan=plan, quantity=st.integers(0, 5), prorates=prorates, behavior=pays),
    step("add_plan", n=nth, plan=plan, prorates=prorates),
    step("discount", n=nth, coupon=coupon),
    step("restart_cycle", n=nth),
    step("end_trial", n=nth),
    step("cancel", n=nth, prorate=st.booleans(), invoice_now=st.booleans()),
    step("cancel_later", n=nth, on=st.booleans()),
    step("cancel_on", n=nth, days=st.integers(0, 60), prorates=prorates),
    step("pause", n=nth, behavior=st.sampled_from(["invoice", "pending_invoice_item"])),
    step("resume", n=nth, anchor=st.sampled_from(["now", "unchanged"])),
    step("pause_collection", n=nth, behavior=st.sampled_from(["keep_as_draft", "mark_uncollectible", "void", ""])),
    step("schedule", n=nth, plan=plan, ending=st.sampled_from(["cancel", "release"])),
    step("release", n=nth),
    step("wait_to_be_billed", amount=amount, coupon=coupon),
    step("bill", coupon=coupon),
    step("adjust_balance", amount=amount),
    step("pay", n=nth),
    step("void", n=nth),
    step("give_up", n=nth),
    step("refund", n=nth, share=st.integers(1, 4)),
)


class Walk:
    """One customer of a shop of their own, and everything that can be done to them."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.v1 = shop, shop.v1
        self.plans = {name: shop.plan(name, price, interval) for name, (price, interval) in PLANS.items()}
        self.coupons = {name: shop.coupon(**terms) for name, terms in COUPONS.items()}
        self.customer = shop.customer()
        self.adjusted = 0
        shop.subscribe(self.customer)

    def do(self, name: str, arguments: dict) -> None:
        """Take a step. Stripe may refuse it; any other error, a 500 above all, is a failure of the sandbox."""
        try:
            outcome = getattr(self, name)(**arguments) and "done"
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            outcome = f"refused: {error.user_message}"
        note(f"{name} {arguments}: {outcome}")

    def subscription(self, n: int) -> stripe.Subscription:
        """Return the n-th subscription, newest first; where there are fewer, another one, if need be an ended one."""
        found = self.v1.subscriptions.list({"customer": self.customer}).data
        found = found or self.v1.subscriptions.list({"customer": self.customer, "status": "all"}).data
        if not found:
            raise stripe.InvalidRequestError("There is no subscription yet.", None, http_status=404)
        return found[n % len(found)]

    def invoice(self, n: int, status: str) -> str:
        found = self.v1.invoices.list({"customer": self.customer, "status": status, "limit": 100}).data
        if not found:
            raise stripe.InvalidRequestError(f"There is no invoice that is {status}.", None, http_status=404)
        return found[n % len(found)].id

    def discounts(self, coupon: str) -> dict:
        return {"discounts": [{"coupon": self.coupons[coupon]}]} if coupon else {}

    def wait(self, seconds: int) -> None:
        self.shop.go(self.shop.now + seconds)

    def card(self, alias: str) -> str:
        return self.shop.card(self.customer, alias)

    def subscribe(self, plan: str, quantity: int, coupon: str, trial: int, behavior: str) -> object:
        items = [{"price": self.plans[plan], "quantity": quantity}]
        more = self.discounts(coupon) | ({"trial_period_days": trial} if trial > 5 else {})
        return self.shop.subscribe(self.customer, items=items, payment_behavior=behavior, **more)

    def change(self, n: int, plan: str, quantity: int, prorates: str, behavior: str) -> object:
        item = {"price": self.plans[plan], "quantity": quantity}
        how = {"proration_behavior": prorates, "payment_behavior": behavior}
        subscription = self.subscription(n)
        first = subscription["items"].data[0].id
        return self.v1.subscriptions.update(subscription.id, {"items": [{"id": first, **item}], **how})

    def add_plan(self, n: int, plan: str, prorates: str) -> object:
        params = {"items": [{"price": self.plans[plan]}], "proration_behavior": prorates}
        return self.v1.subscriptions.update(self.subscription(n).id, params)

    def discount(self, n: int, coupon: str) -> object:
        return self.v1.subscriptions.update(self.subscription(n).id, self.discounts(coupon) or {"discounts": ""})

    def restart_cycle(self, n: int) -> object:
        return self.v1.subscriptions.update(self.subscription(n).id, {"billing_cycle_anchor": {"type": "now"}})

    def end_trial(self, n: int) -> object:
        return self.v1.subscriptions.update(self.subscription(n).id, {"trial_end": "now"})

    def cancel(self, n: int, prorate: bool, invoice_now: bool) -> object:
        return self.v1.subscriptions.cancel(self.subscription(n).id, {"prorate": prorate, "invoice_now": invoice_now})

    def cancel_later(self, n: int, on: bool) -> object:
        return self.v1.subscriptions.update(self.subscription(n).id, {"cancel_at_period_end": on})

    def cancel_on(self, n: int, days: int, prorates: str) -> object:
        moment = self.shop.now + days * DAY if days else ""
        params = {"cancel_at": moment, "proration_behavior": prorates}
        return self.v1.subscriptions.update(self.subscription(n).id, params)

    def pause(self, n: int, behavior: str) -> object:
        return self.v1.subscriptions.pause(self.subscription(n).id, {"invoicing_behavior": behavior})

    def resume(self, n: int, anchor: str) -> object:
        found = self.v1.subscriptions.list({"customer": self.customer, "status": "paused"}).data
        paused = found[n % len(found)] if found else self.subscription(n)
        return self.v1.subscriptions.resume(paused.id, {"billing_cycle_anchor": {"type": anchor}})

    def pause_collection(self, n: int, behavior: str) -> object:
        paused = {"behavior": behavior} if behavior else ""
        return self.v1.subscriptions.update(self.subscription(n).id, {"pause_collection": paused})

    def schedule(self, n: int, plan: str, ending: str) -> object:
        made = self.v1.subscription_schedules.create({"from_subscription": self.subscription(n).id})
        (now,) = made.phases
        items = [{"price": item.price, "quantity": item.quantity} for item in now["items"]]
        current = {"items": items, "start_date": now.start_date, "end_date": now.end_date}
        following = {"items": [{"price": self.plans[plan]}], "duration": {"interval": "month"}}
        return self.v1.subscription_schedules.update(made.id, {"phases": [current, following], "end_behavior": ending})

    def release(self, n: int) -> object:
        return self.v1.subscription_schedules.release(self.subscription(n).schedule or "sub_sched_none")

    def wait_to_be_billed(self, amount: int, coupon: str) -> object:
        params = {"customer": self.customer, "amount": amount, "currency": "usd", **self.discounts(coupon)}
        return self.v1.invoice_items.create(params)

    def bill(self, coupon: str) -> object:
        params = {"customer": self.customer, "pending_invoice_items_behavior": "include", **self.discounts(coupon)}
        return self.v1.invoices.finalize_invoice(self.v1.invoices.create(params).id)

    def adjust_balance(self, amount: int) -> object:
        self.adjusted += amount
        balance = self.v1.customers.retrieve(self.customer).balance
        return self.v1.customers.update(self.customer, {"balance": balance + amount})

    def pay(self, n: int) -> object:
        return self.v1.invoices.pay(self.invoice(n, "open"))

    def void(self, n: int) -> object:
        return self.v1.invoices.void_invoice(self.invoice(n, "open"))

    def give_up(self, n: int) -> object:
        return self.v1.invoices.mark_uncollectible(self.invoice(n, "open"))

    def refund(self, n: int, share: int) -> object:
        charges = self.v1.charges.list({"customer": self.customer}).data
        if not charges:
            raise stripe.InvalidRequestError("Nothing was paid yet.", None, http_status=404)
        charge = charges[n % len(charges)]
        return self.v1.refunds.create({"charge": charge.id, "amount": max(1, charge.amount // share)})


# What always holds


def check_amounts(walk: Walk, invoice: stripe.Invoice) -> None:
    """An invoice is its lines less what its discounts take off them, and no discount takes more than there is."""
    lines = list(walk.v1.invoices.line_items.list(invoice.id, {"limit": 100}).auto_paging_iter())
    off = [sum(each.amount for each in line.discount_amounts) for line in lines]
    taxes = sum(tax.amount for tax in invoice.total_taxes if tax.tax_behavior == "exclusive")
    assert invoice.total == sum(line.amount for line in lines) - sum(off) + taxes
    assert sum(off) == sum(each.amount for each in invoice.total_discount_amounts)
    assert all(0 <= each <= max(0, line.amount) for line, each in zip(lines, off, strict=True))
    assert invoice.amount_due >= 0
    assert invoice.amount_remaining == (0 if invoice.status == "paid" else invoice.amount_due - invoice.amount_paid)
    if invoice.status != "draft":
        assert invoice.total + invoice.starting_balance == invoice.amount_due + invoice.ending_balance


def check_balance(walk: Walk, invoices: list[stripe.Invoice]) -> None:
    """Every movement of the customer's balance is written down and has a reason: an invoice, or somebody's hand."""
    moved = list(walk.v1.customers.balance_transactions.list(walk.customer, {"limit": 100}).auto_paging_iter())
    balance = 0
    for each in reversed(moved):
        balance += each.amount
        assert each.ending_balance == balance
    assert walk.v1.customers.retrieve(walk.customer).balance == balance
    assert sum(each.amount for each in moved if each.type == "adjustment") == walk.adjusted
    for invoice in invoices:
        of_invoice = sum(each.amount for each in moved if each.invoice == invoice.id)
        settled = invoice.status in {"open", "paid", "uncollectible"}
        assert of_invoice == (invoice.ending_balance - invoice.starting_balance if settled else 0)
    known = {invoice.id for invoice in invoices}
    assert all(each.invoice in known for each in moved if each.type != "adjustment")


def check_money(walk: Walk, invoices: list[stripe.Invoice]) -> None:
    """What was charged is what the invoices say was paid, and no refund is larger than its charge."""
    charges = list(walk.v1.charges.list({"customer": walk.customer, "limit": 100}).auto_paging_iter())
    assert sum(charge.amount for charge in charges if charge.paid) == sum(invoice.amount_paid for invoice in invoices)
    assert all(charge.amount_refunded <= charge.amount for charge in charges)


def check_status(walk: Walk, subscription: stripe.Subscription, invoices: list[stripe.Invoice]) -> None:
    """A subscription is what its invoices make of it."""
    details = [(invoice, invoice.parent) for invoice in invoices if invoice.parent]
    own = [invoice for invoice, parent in details if parent.subscription_details.subscription == subscription.id]
    latest = next((invoice for invoice in own if invoice.id == subscription.latest_invoice), None)
    status, now = subscription.status, walk.shop.now
    if status == "canceled":
        assert subscription.ended_at is not None
        before = [invoice for invoice in own if invoice.created < subscription.ended_at]  # its very last is collected
        assert not any(invoice.auto_advance for invoice in before)
    elif status == "incomplete":
        assert latest.status in {"open", "uncollectible"}
        assert now < subscription.created + 23 * HOUR
    elif status == "incomplete_expired":
        assert latest.status == "void"
    elif status == "past_due":
        assert any(invoice.status != "paid" for invoice in own)
    elif status == "active" and latest and latest.status == "open" and not subscription.pending_update:
        assert not latest.attempted
    if status in {"active", "past_due", "trialing", "unpaid"}:
        periods = [(item.current_period_start, item.current_period_end) for item in subscription["items"].data]
        assert all(start <= now < end for start, end in periods)


def check(walk: Walk) -> None:
    invoices = list(walk.v1.invoices.list({"customer": walk.customer, "limit": 100}).auto_paging_iter())
    for invoice in invoices:
        check_amounts(walk, invoice)
        waited = walk.shop.now - (invoice.automatically_finalizes_at or walk.shop.now)
        assert not (invoice.status == "draft" and invoice.auto_advance and waited > 0)
    check_balance(walk, invoices)
    check_money(walk, invoices)
    params = {"customer": walk.customer, "status": "all", "limit": 100}
    for subscription in walk.v1.subscriptions.list(params).data:
        check_status(walk, subscription, invoices)


@pytest.fixture
def walks(db: None, make_client) -> Iterator:
    """A function that begins a walk on a Stripe account of its own."""
    shops = []

    def begin() -> Walk:
        for shop in shops:
            shop.close()
        account = server.account_named(f"w{secrets.token_hex(8)}")
        shops[:] = [Shop(account, make_client(f"sk_test_{account.name}"))]
        return Walk(shops[0])

    yield begin
    for shop in shops:
        shop.close()


@settings(
    max_examples=int(os.environ.get("SANDBOX_WALKS", "6")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=st.lists(STEPS, min_size=10, max_size=30))
def test_whatever_is_done_the_books_balance(walks, steps):
    walk = walks()
    for name, arguments in steps:
        walk.do(name, arguments)
    check(walk)
    walk.wait(NOVEMBER + 75 * DAY - walk.shop.now if walk.shop.now < NOVEMBER + 75 * DAY else DAY)
    check(walk)
