"""`manage.py sync NAME`: one pass over a source, without Celery."""

from __future__ import annotations

import signal
import threading
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.progress import Ticker
from b2b_orders.ingest.sources import company_refs, get_connection, system_of
from b2b_orders.ingest.sync import sync
from erp_bridge.errors import BridgeError, ConfigError
from erp_bridge.records import System

INTERRUPTED = 130
WAIT_SECONDS = 90.0


class Command(BaseCommand):
    help = (
        "Read a source once. It can be stopped at any moment; the same command goes on where it"
        " stopped, and what is read twice is stored once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--since", metavar="YYYY-MM-DD", help="only orders placed from this day"
        )
        parser.add_argument("--until", metavar="YYYY-MM-DD", help="only orders placed to this day")
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--once",
            action="store_true",
            help="one pass: older orders of an ERP stay known by their row until a worker, or"
            " somebody who opens them, reads them whole; the default",
        )
        how.add_argument(
            "--everything", action="store_true", help="read the older orders of an ERP whole too"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        since, until = _day("--since", options["since"]), _day("--until", options["until"])
        if since and until and since > until:
            raise CommandError("--since: must not be after --until")
        try:
            connection = get_connection(options["name"])
        except InvalidInput as error:
            raise CommandError(error.message) from None
        if not connection.is_enabled:
            raise CommandError(f"{connection.name} is disabled; add_connection enables it again")
        out: Any = self.stdout
        ticker = Ticker(out, is_terminal=bool(out.isatty()), label=connection.name)
        run = Pass(connection, "sync", progress=ticker)
        # A supervisor's way of stopping is a person's way of stopping.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            sync(
                run,
                since=since,
                until=until,
                everything=options["everything"],
                wait_seconds=WAIT_SECONDS,
            )
        except KeyboardInterrupt:
            ticker.close()
            self._sum_up(run)
            raise CommandError(
                f"Stopped {run.where}. All before is stored; the same command goes on from there.",
                returncode=INTERRUPTED,
            ) from None
        except (BridgeError, ConfigError, Conflict) as error:
            ticker.close()
            self._sum_up(run)
            message = f"{connection.name}: ended early {run.where}: {error}"
            if run.tally.read == 0:
                raise CommandError(message) from None
            self.stderr.write(f"{message}\nThe same command goes on from there.")
            return
        ticker.close()
        self._sum_up(run)
        if system_of(connection) is System.ERP and not company_refs(connection):
            self.stderr.write(
                "No company has an id in this ERP yet, so there was nothing to read:"
                " manage.py add_company"
            )

    def _sum_up(self, run: Pass) -> None:
        tally = run.tally
        self.stdout.write(
            f"{run.connection.name}: read {tally.read}, new {tally.new}, changed {tally.changed},"
            f" unchanged {tally.unchanged}, failed {tally.failed} ({run.elapsed:.1f} s)"
        )
        for trouble in run.troubles:
            self.stdout.write(f"  failed: {trouble}")
        if run.troubles:
            self.stdout.write("  They are set aside; the next pass asks again.")


def _day(flag: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{flag}: {text!r} is not a day, as 2026-03-31 is") from None
