"""What a customer may do to a subscription: what the configuration allows, and what the subscription is fit for. Pure.

Stripe's own sentences where they are known; the others are worded after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.engine import standing
from sandbox.kernel import Object

_UPDATABLE = {"active", "past_due", "trialing"}


def why_not_cancel(features: Object, subscription: Object) -> str | None:
    """Return the sentence that refuses to cancel a subscription, or None."""
    cannot = "This subscription cannot be canceled because"
    if not features["subscription_cancel"]["enabled"]:
        return f"{cannot} the subscription cancel feature in the portal configuration is disabled."
    if subscription["status"] in standing.ENDED:
        return f"{cannot} it has already ended."
    if subscription["cancel_at"]:
        return f"The subscription {subscription['id']} is already set to be canceled at period end."
    if subscription["schedule"]:
        return f"{cannot} it is managed by the subscription schedule {subscription['schedule']}."
    return None


def why_not_update(features: Object, subscription: Object) -> str | None:
    """Return the sentence that refuses to change plan or quantity of a subscription, or None."""
    cannot = "This subscription cannot be updated because"
    if not features["subscription_update"]["enabled"]:
        return f"{cannot} the subscription update feature in the portal configuration is disabled."
    if not {"price", "quantity"} & set(features["subscription_update"]["default_allowed_updates"]):
        return f"{cannot} the portal configuration allows neither another price nor another quantity."
    if subscription["status"] not in _UPDATABLE:
        return f"{cannot} its status is {subscription['status']}."
    if subscription["schedule"]:
        return f"{cannot} it is managed by the subscription schedule {subscription['schedule']}."
    if len(subscription["items"]["data"]) != 1:
        return f"{cannot} it has multiple products."
    if subscription["items"]["data"][0]["price"]["recurring"]["usage_type"] == "metered":
        return f"{cannot} it is billed by usage."
    return None


def why_not_pause(features: Object, subscription: Object) -> str | None:
    """Return the sentence that refuses to pause a subscription, or None."""
    cannot = "This subscription cannot be paused because"
    if not features["subscription_pause"]["enabled"]:
        return f"{cannot} the subscription pause feature in the portal configuration is disabled."
    if subscription["status"] not in _UPDATABLE:
        return f"{cannot} its status is {subscription['status']}."
    if subscription["pause_collection"]:
        return f"{cannot} it is paused already."
    if subscription["cancel_at"] or subscription["schedule"]:
        return f"{cannot} it is going to end or to change."
    return None


@dataclass(frozen=True)
class Offer:
    """A price that a subscription can be changed to, and the quantities that it can be had in."""

    price: str
    quantity: Object  # {enabled, maximum, minimum}

    def takes(self, quantity: int) -> bool:
        """Tell whether the customer may choose this quantity."""
        most = self.quantity["maximum"]
        return quantity >= max(self.quantity["minimum"], 1) and (most is None or quantity <= most)


def offers(features: Object, products: list[Object], subscription: Object) -> Iterator[Offer]:
    """Yield what the configuration offers to a subscription: each listed price, or the present one in other quantities.

    A price that is not listed can only be left for a listed one.
    """
    allowed = features["subscription_update"]["default_allowed_updates"]
    present = subscription["items"]["data"][0]["price"]["id"]
    for product in products:
        adjustable = product["adjustable_quantity"]
        quantity = adjustable | {"enabled": adjustable["enabled"] and "quantity" in allowed}
        for price in product["prices"]:
            if "price" in allowed or price == present:
                yield Offer(price, quantity)
