"""The local mirror of Stripe, the inbox of its events, and the ledger of what we asked it to do.

Mirror tables hold the columns that pages filter and sort by, and the whole Stripe object in `data`. Only `billing.sync`
writes them. Field names are Stripe's; amounts are integers in minor units beside their `currency`; times are UTC.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q


class Fence(models.Model):
    """A row is a number: its autoincremented id, greater than all before it on every database (see `billing.sync`)."""

    id = models.BigAutoField(primary_key=True)

    def __str__(self) -> str:
        return str(self.pk)


class Mirrored(models.Model):
    """One object at Stripe as it was read last."""

    id = models.CharField(primary_key=True, max_length=255)
    livemode = models.BooleanField()
    created = models.DateTimeField(help_text="At Stripe.")
    data = models.JSONField(help_text="The whole object, unexpanded.")
    deleted = models.BooleanField(default=False, help_text="Gone at Stripe; kept here for its history.")
    fence = models.BigIntegerField(default=0, help_text="Number taken before the read that wrote this row.")
    stale_after = models.BigIntegerField(
        null=True, blank=True, db_index=True, help_text="A read with a higher number is wanted: we changed the object."
    )
    synced_at = models.DateTimeField(help_text="When this state was read.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.id


class Customer(Mirrored):
    """A customer at Stripe and the paying party it belongs to: a user, or any model (see `billing.payers`)."""

    payer_type = models.ForeignKey(ContentType, null=True, blank=True, on_delete=models.PROTECT)
    payer_id = models.CharField(max_length=64, blank=True)
    email = models.CharField(max_length=512, blank=True)
    name = models.CharField(max_length=256, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    balance = models.BigIntegerField(default=0, help_text="Minor units; negative is credit.")
    delinquent = models.BooleanField(default=False)
    default_payment_method = models.CharField(max_length=255, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["payer_type", "payer_id", "-created"], name="customer_of_payer")]


class OfCustomer(Mirrored):
    """An object that belongs to one customer: the only way to it is through that customer."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)

    class Meta:
        abstract = True


class PaymentMethod(OfCustomer):
    """A saved way to pay. Detached ones stay as `deleted`."""

    type = models.CharField(max_length=64)
    brand = models.CharField(max_length=32, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    exp_month = models.PositiveSmallIntegerField(null=True, blank=True)
    exp_year = models.PositiveSmallIntegerField(null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["customer", "-created"], name="payment_method_of_customer")]


class Product(Mirrored):
    active = models.BooleanField()
    name = models.CharField(max_length=512)
    description = models.TextField(blank=True)


class Price(Mirrored):
    """What a product costs. `unit_amount` is null where Stripe computes it (tiers)."""

    active = models.BooleanField()
    product_id = models.CharField(max_length=255, db_index=True)
    lookup_key = models.CharField(max_length=200, blank=True, db_index=True)
    currency = models.CharField(max_length=3)
    unit_amount = models.BigIntegerField(null=True, blank=True)
    interval = models.CharField(max_length=8, blank=True, help_text="day, week, month or year; empty when one-off.")
    interval_count = models.PositiveSmallIntegerField(default=1)


class SubscriptionStatus(models.TextChoices):
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    CANCELED = "canceled"
    PAUSED = "paused"


ENDED = (SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED)


class Subscription(OfCustomer):
    """`price_id`, `quantity` and the period are the first item's; the end is the earliest of all items."""

    status = models.CharField(max_length=32, choices=SubscriptionStatus)
    currency = models.CharField(max_length=3)
    price_id = models.CharField(max_length=255, blank=True)
    quantity = models.PositiveIntegerField(default=1)
    current_period_start = models.DateTimeField(null=True, blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    default_payment_method = models.CharField(max_length=255, blank=True)
    latest_invoice = models.CharField(max_length=255, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["customer", "-created"], name="subscription_of_customer")]

    @property
    def item(self) -> dict[str, Any]:
        """The first subscription item, as Stripe gave it."""
        item: dict[str, Any] = self.data["items"]["data"][0]
        return item

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


class InvoiceStatus(models.TextChoices):
    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


class Invoice(OfCustomer):
    subscription_id = models.CharField(max_length=255, blank=True, db_index=True)
    number = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=InvoiceStatus)
    currency = models.CharField(max_length=3)
    total = models.BigIntegerField()
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField()
    amount_remaining = models.BigIntegerField()
    attempt_count = models.PositiveIntegerField(default=0)
    due_date = models.DateTimeField(null=True, blank=True)
    next_payment_attempt = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["customer", "-created", "-id"], name="invoice_page"),
            models.Index(fields=["customer", "status"], name="invoice_by_status"),
        ]


class EventState(models.TextChoices):
    RECEIVED = "received", "waiting"
    DONE = "done", "done"
    IGNORED = "ignored", "not ours to act on"
    FAILED = "failed", "failed, to be tried again"
    DEAD = "dead", "given up"
    QUARANTINED = "quarantined", "other mode or account, or unreadable"


class Event(models.Model):
    """An event as it came: the raw bytes first, what became of it after."""

    account = models.CharField(max_length=255, blank=True, help_text="Empty: our own account.")
    livemode = models.BooleanField()
    stripe_id = models.CharField(max_length=255)
    type = models.CharField(max_length=128)
    object_id = models.CharField(max_length=255, blank=True)
    raw = models.BinaryField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=EventState, default=EventState.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "livemode", "stripe_id"], name="one_row_per_event")
        ]
        indexes: ClassVar = [models.Index(fields=["state", "next_attempt_at"], name="events_to_process")]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"


class OperationKind(models.TextChoices):
    CREATE_CUSTOMER = "create_customer"
    ADD_CARD = "add_card"
    SAVE_CARD = "save_card"
    EDIT_CARD = "edit_card"
    MAKE_DEFAULT = "make_default"
    REMOVE_CARD = "remove_card"
    SUBSCRIBE = "subscribe"
    CHANGE_PLAN = "change_plan"
    PAY_INVOICE = "pay_invoice"
    CANCEL = "cancel"
    UNDO_CANCEL = "undo_cancel"


class OperationState(models.TextChoices):
    PENDING = "pending", "sent, or about to be"
    UNKNOWN = "unknown", "no answer: it may have happened"
    SUCCEEDED = "succeeded", "done"
    FAILED = "failed", "refused, nothing happened"


OPEN = (OperationState.PENDING, OperationState.UNKNOWN)


class Operation(models.Model):
    """A click that changes something at Stripe: committed before the call, finished together with the mirror."""

    payer_type = models.ForeignKey(ContentType, on_delete=models.PROTECT)
    payer_id = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.CASCADE)
    kind = models.CharField(max_length=32, choices=OperationKind)
    token = models.CharField(max_length=100, unique=True, help_text="Of the form that was sent: once used, used.")
    params = models.JSONField()
    idempotency_key = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=16, choices=OperationState, default=OperationState.PENDING)
    result = models.JSONField(default=dict)
    error = models.JSONField(default=dict, help_text="Class and words of the error, as the customer saw them.")
    request_id = models.CharField(max_length=64, blank=True, help_text="Of Stripe's last answer.")
    attempts = models.PositiveSmallIntegerField(default=0)
    created = models.DateTimeField()
    updated = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payer_type", "payer_id", "kind"], condition=Q(state__in=OPEN), name="one_open_operation_a_kind"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["state", "updated"], name="operations_in_doubt")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def key(self, step: str) -> str:
        """The idempotency key of one call of this operation: the same at every replay."""
        return f"{self.idempotency_key}-{step}"
