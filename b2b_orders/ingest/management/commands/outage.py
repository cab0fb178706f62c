"""`manage.py outage NAME on|off`: rehearse that a source is down."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.outages import begin_outage, end_outage

MINUTES = 15


class Command(BaseCommand):
    help = (
        "Let a connection's source count as down: nothing asks it, and pages show what they"
        " show when it does not answer. It ends by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("state", choices=("on", "off"))
        parser.add_argument(
            "--minutes",
            type=int,
            default=MINUTES,
            help=f"how long it lasts; {MINUTES}, at most 1440",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        name, now = options["name"], clock.now()
        try:
            if options["state"] == "on":
                until = begin_outage(connection=name, minutes=options["minutes"], now=now)
                shown = timezone.localtime(until).strftime("%Y-%m-%d %H:%M")
                self.stdout.write(f"{name}: counts as down until {shown}")
            elif end_outage(connection=name, now=now):
                self.stdout.write(f"{name}: is asked again")
            else:
                self.stdout.write(f"{name}: no outage was rehearsed")
        except InvalidInput as error:
            raise CommandError(error.message) from None
