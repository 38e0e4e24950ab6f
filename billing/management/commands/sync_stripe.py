"""Read from Stripe what the mirror should hold: the catalogue, and one customer or all that we know."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import sync
from billing.errors import BillingError
from billing.models import Customer


class Command(BaseCommand):
    help = "Read the catalogue and the customers we know from Stripe into the mirror. Safe to run at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("customers", nargs="*", metavar="cus_…", help="Only these; without any, all.")

    def handle(self, *args: Any, customers: list[str], **options: Any) -> None:
        known = Customer.objects.filter(deleted=False)
        wanted = known.filter(pk__in=customers) if customers else known
        if unknown := set(customers) - set(wanted.values_list("pk", flat=True)):
            raise CommandError(f"Not linked to anybody here: {', '.join(sorted(unknown))}")
        try:
            sync.catalogue()
            for customer in wanted.order_by("pk").iterator():
                sync.backfill(customer)
        except BillingError as error:
            raise CommandError(f"Stopped: {error} Run it again, it starts over safely.") from error
        self.stdout.write(f"{wanted.count()} customers are as they are at Stripe.")
