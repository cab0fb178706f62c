"""`manage.py remerge`: match and merge stored records again, without asking a source."""

from __future__ import annotations

import signal
import threading
import time
from datetime import date
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.companies.services import get_company_named
from b2b_orders.ingest.progress import Ticker
from b2b_orders.ingest.sources import get_connection
from b2b_orders.orders.remerging import Wanted, estimate, remerge_all

INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Match and merge what is stored again, as after a new rule for a status or a newer"
        " version. No source is asked; workers go on meanwhile. It can be stopped at any moment"
        " and says with which --from-id it goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--company", metavar="NAME", help="only orders of this company")
        parser.add_argument("--connection", metavar="NAME", help="only orders it knows")
        parser.add_argument(
            "--since", metavar="YYYY-MM-DD", help="only orders placed from this day"
        )
        parser.add_argument(
            "--status",
            metavar="RAW",
            help="only orders for which the connection uses this word; needs --connection",
        )
        parser.add_argument(
            "--from-id", type=int, default=0, metavar="ID", help="go on after this record"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="change nothing; say how many orders would"
        )

    @no_translations
    def handle(self, *_: Any, **options: Any) -> None:
        wanted, is_dry = _wanted(options), options["dry_run"]
        out: Any = self.stdout
        ticker = Ticker(out, is_terminal=bool(out.isatty()), label="remerge")
        ticker.stage("orders, about", estimate(wanted))
        # A supervisor's way of stopping is a person's way of stopping.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        began, last_id, records, orders = time.monotonic(), wanted.from_id, 0, 0
        try:
            for step in remerge_all(wanted=wanted, now=clock.now(), is_dry=is_dry):
                last_id, records, orders = (
                    step.last_id,
                    records + step.records,
                    orders + step.orders,
                )
                ticker.step(step.picked)
        except KeyboardInterrupt:
            ticker.close()
            raise CommandError(
                f"Stopped after {records} records, {_changed(orders, is_dry=is_dry)}."
                f" Go on with --from-id {last_id}",
                returncode=INTERRUPTED,
            ) from None
        ticker.close()
        seconds = max(time.monotonic() - began, 0.001)
        self.stdout.write(
            f"{records} records merged again, {_changed(orders, is_dry=is_dry)}"
            f" ({seconds:.1f} s, {records / seconds:.0f}/s); last id {last_id}"
        )


def _changed(orders: int, *, is_dry: bool) -> str:
    return f"{orders} orders {'would change' if is_dry else 'changed'}"


def _wanted(options: dict[str, Any]) -> Wanted:
    if options["status"] and not options["connection"]:
        raise CommandError("--status: name the --connection whose word it is")
    try:
        connection = get_connection(options["connection"]).name if options["connection"] else None
        company = get_company_named(options["company"]) if options["company"] else None
        since = date.fromisoformat(options["since"]) if options["since"] else None
    except InvalidInput as error:
        raise CommandError(f"--connection: {error.message}") from None
    except Conflict as error:
        raise CommandError(f"--company: {error}") from None
    except ValueError:
        raise CommandError(
            f"--since: {options['since']!r} is not a day, as 2026-03-31 is"
        ) from None
    if options["company"] and company is None:
        raise CommandError(f"--company: there is no company called {options['company']!r}")
    return Wanted(
        company_id=company.pk if company else None,
        connection=connection,
        status=options["status"] or None,
        placed_since=since,
        from_id=options["from_id"],
    )
