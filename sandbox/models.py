"""What the sandbox remembers: accounts, one generic table of Stripe objects, answered idempotency keys, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, models, transaction
from django.db.models import F, Q

from sandbox.router import ALIAS


class _Accounts(models.Manager["Account"]):
    """Accounts that somebody can have a key of; snapshots of them are found by `Account.every` alone."""

    def get_queryset(self) -> models.QuerySet[Account]:
        return super().get_queryset().filter(snapshot_of=None)


class Account(models.Model):
    """A Stripe account: everything that one `sk_test_…` key, and the `pk_test_…` of the same name, can see."""

    name = models.CharField(max_length=200, unique=True)  # what follows sk_test_ in the key
    acct = models.CharField(max_length=40, unique=True)
    created = models.BigIntegerField()
    clock_offset = models.BigIntegerField(default=0)  # seconds ahead of the wall clock
    seed = models.CharField(max_length=100, blank=True, default="")  # set: ids are reproducible
    ids_made = models.BigIntegerField(default=0)
    hold_deliveries = models.BooleanField(default=False)
    settings = models.JSONField(default=dict)
    plans = models.JSONField(default=dict)  # of faults and of deliveries: see plans.py
    # A snapshot is an account that no key opens: copying rows to it and back is all that saving and restoring is.
    snapshot_of = models.ForeignKey("self", models.CASCADE, null=True, related_name="snapshots")
    snapshot_name = models.CharField(max_length=80, blank=True, default="")

    objects = _Accounts()
    every = models.Manager["Account"]()

    class Meta:
        constraints = [models.UniqueConstraint("snapshot_of", "snapshot_name", name="sandbox_snapshot_once")]

    def __str__(self) -> str:
        return self.acct

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Open a transaction in which nobody else writes to this account.

        SQLite has one writer at a time; elsewhere the account's row is the lock.
        """
        with transaction.atomic(using=ALIAS):
            if connections[ALIAS].features.has_select_for_update:
                Account.objects.select_for_update().get(pk=self.pk)
            if self.seed:  # others may have made ids since this row was read
                self.refresh_from_db(fields=["ids_made"])
            yield


class Row(models.Model):
    """One Stripe object, whole and unexpanded in `data`; the columns beside it are copies to look it up by."""

    account = models.ForeignKey(Account, models.CASCADE, db_index=False)  # every index below begins with it
    kind = models.CharField(max_length=60)
    stripe_id = models.CharField(max_length=255)
    created = models.BigIntegerField()
    deleted = models.BooleanField(default=False)
    data = models.JSONField()
    private = models.JSONField(default=dict)  # what Stripe knows and never shows: a card's behaviour, a secret
    customer = models.CharField(max_length=255, null=True)
    subscription = models.CharField(max_length=255, null=True)
    parent = models.CharField(max_length=255, null=True)
    lookup_key = models.CharField(max_length=255, null=True)
    status = models.CharField(max_length=60, null=True)
    clock = models.CharField(max_length=255, null=True)  # the test clock it lives on; null: the account's time
    due_at = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("account", "stripe_id", "kind", name="sandbox_row_once")]
        indexes = [
            models.Index("account", "kind", F("created").desc(), F("id").desc(), name="sandbox_newest"),
            *(
                # Partial, so that the many rows without the column cost nothing.
                models.Index(
                    "account",
                    "kind",
                    column,
                    F("created").desc(),
                    F("id").desc(),
                    condition=Q(**{f"{column}__isnull": False}),
                    name=f"sandbox_by_{column}",
                )
                for column in ("customer", "subscription", "parent", "lookup_key", "clock")
            ),
            models.Index("account", "clock", "due_at", condition=Q(due_at__isnull=False), name="sandbox_due"),
        ]

    def __str__(self) -> str:
        return self.stripe_id


class IdempotencyKey(models.Model):
    """The first answer to a request, to be given again; without `status` the request is still being worked on."""

    account = models.ForeignKey(Account, models.CASCADE, db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, path and parameters
    request_id = models.CharField(max_length=40)
    created = models.BigIntegerField()
    claimed_at = models.FloatField()  # wall clock: a claim outlives the process that died holding it
    status = models.IntegerField(null=True)
    body = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint("account", "key", name="sandbox_key_once")]

    def __str__(self) -> str:
        return self.key


class Delivery(models.Model):
    """One event on its way to one webhook endpoint."""

    PENDING, SUCCEEDED, FAILED = "pending", "succeeded", "failed"

    account = models.ForeignKey(Account, models.CASCADE, db_index=False)
    event = models.CharField(max_length=255)
    endpoint = models.CharField(max_length=255)
    state = models.CharField(max_length=20, default=PENDING)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.BigIntegerField(null=True)  # on the account's clock; null: never again
    response_status = models.IntegerField(null=True)  # null after an attempt: nobody answered
    response_excerpt = models.CharField(max_length=500, blank=True, default="")
    last_attempt_at = models.BigIntegerField(null=True)
    rank = models.IntegerField(default=0)  # of those that are due, the lowest goes first
    mishap = models.JSONField(default=dict)  # what the delivery plan does to it

    class Meta:
        indexes = [
            models.Index(
                "account", "next_attempt_at", condition=Q(next_attempt_at__isnull=False), name="sandbox_undelivered"
            ),
            models.Index("account", "event", name="sandbox_of_event"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint}"


class Attempt(models.Model):
    """One request to a webhook endpoint and what came back: the delivery log."""

    account = models.ForeignKey(Account, models.CASCADE, db_index=False)
    event = models.CharField(max_length=255)
    endpoint = models.CharField(max_length=255)
    at = models.BigIntegerField()  # on the account's clock
    url = models.TextField()
    request_headers = models.JSONField()
    request_body = models.TextField()
    status = models.IntegerField(null=True)  # null: nobody answered, `error` says why
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    milliseconds = models.IntegerField()
    mishap = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index("account", "event", name="sandbox_attempts_of_event")]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint}: {self.status}"

    @property
    def taken(self) -> bool:
        """Tell whether the endpoint has taken the event: any 2xx, and no redirect."""
        return self.status is not None and 200 <= self.status < 300


class Challenge(models.Model):
    """A 3-D Secure page that waits for its reader's answer."""

    PENDING, SUCCEEDED, FAILED = "pending", "succeeded", "failed"

    token = models.CharField(max_length=100, primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE)
    kind = models.CharField(max_length=60)
    intent = models.CharField(max_length=255)
    state = models.CharField(max_length=20, default=PENDING)
    return_url = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.token
