"""Finish what was left over: unprocessed events, objects that want one more read, operations in doubt."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing import webhooks


class Command(BaseCommand):
    help = "Finish what was left over. Run it every minute, or let it run by itself with --every."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="Sweep again and again, pausing this long.")

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        while True:
            done = webhooks.sweep()
            self.stdout.write(", ".join(f"{count} {what}" for what, count in done.items()))
            if every is None:
                return
            time.sleep(every)
