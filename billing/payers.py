"""Who pays: from a request to the paying party and its customer at Stripe.

A payer is any model instance, kept as (content type, primary key), so that a site can let teams pay without a
migration. Today it is the signed-in user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from billing import sync
from billing.models import Customer


@dataclass
class Actor:
    """Who clicks (`user`), who pays (`payer`), and the payer's customer at Stripe, None until the first need."""

    user: AbstractBaseUser | None
    payer: Model
    customer: Customer | None

    @property
    def payer_key(self) -> dict[str, Any]:
        """The payer as the columns `payer_type` and `payer_id` hold it."""
        return payer_key(self.payer)


def payer_key(payer: Model) -> dict[str, Any]:
    """Return the columns that name `payer`."""
    return {"payer_type": ContentType.objects.get_for_model(payer), "payer_id": str(payer.pk)}


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts in a signed-in request. Asks the database once, Stripe never."""
    user: Any = request.user
    return Actor(user=user, payer=user, customer=customer_of(user))


def actor_for(customer: Customer) -> Actor | None:
    """Return an actor for work nobody clicked (an event, a sweep), or None when the payer is gone."""
    model = customer.payer_type.model_class() if customer.payer_type else None
    payer = model._default_manager.filter(pk=customer.payer_id).first() if model else None
    return Actor(user=None, payer=payer, customer=customer) if payer else None


def customer_of(payer: Model) -> Customer | None:
    """Return the payer's newest customer of our mode that still exists at Stripe."""
    return (
        Customer.objects.filter(**payer_key(payer), deleted=False, livemode=settings.BILLING["LIVEMODE"])
        .order_by("-created", "-pk")
        .first()
    )


def link_customer(payer: Model, customer_id: str) -> Customer:
    """Make a customer that exists at Stripe the payer's, and mirror all that is theirs. Raises Gone, Unavailable.

    A payer has one customer in each mode: another that was theirs is let go, and stays as it is at Stripe.
    """
    customer = sync.link_customer(payer, customer_id)
    others = Customer.objects.filter(**payer_key(payer), livemode=customer.livemode).exclude(pk=customer.pk)
    others.update(payer_type=None, payer_id="")
    sync.backfill(customer)
    return customer
