"""One pass over a connection: all of it for the command, a bounded part of it for beat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from b2b_orders.ingest.erp_pass import ErpPass
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.passes import Pass, alone
from b2b_orders.ingest.sources import (
    company_refs,
    connector_for,
    probe,
    serves_strangers,
    system_of,
    vtex_for,
)
from b2b_orders.ingest.vtex_pass import VtexPass
from erp_bridge.connector import Call
from erp_bridge.errors import BridgeError, Unreachable, WrongOwner
from erp_bridge.records import System

PROBE_SECONDS = 10.0
# What one tick of beat may take, so that each connection gets its turn.
FEED_SECONDS, HISTORY_SECONDS, ERP_SECONDS = 15.0, 10.0, 60.0


def sync(
    run: Pass,
    *,
    since: date | None = None,
    until: date | None = None,
    everything: bool = False,
    wait_seconds: float = 0,
) -> None:
    """Read a source from end to end, or the orders placed in a time.

    `everything` also reads whole what an ERP's older orders are known by a row only.
    Raises `BridgeError` when the source makes it stop, and `Conflict` when another pass
    over it runs for longer than `wait_seconds`.
    """
    with alone(run.connection, wait_seconds=wait_seconds), _noted(run):
        if system_of(run.connection) is System.VTEX:
            _sync_vtex(run, since, until)
        else:
            _sync_erp(run, since, until, everything=everything)


def poll_feed(run: Pass, *, share: int = 1) -> None:
    """Read what a VTEX account says has changed, then a part of its history if any is left.

    It takes its share of a tick, which so many accounts are read in.
    """
    with alone(run.connection), _noted(run), vtex_for(run.connection) as source:
        vtex = VtexPass(run, source)
        vtex.ensure_feed()
        run.for_seconds(FEED_SECONDS / share)
        vtex.drain_feed()
        vtex.drain_inbox()
        if is_history_due(run):
            run.for_seconds(HISTORY_SECONDS / share)
            vtex.backfill()


def poll_erp(run: Pass, *, share: int = 1) -> None:
    """Tie web orders to an ERP's, read its latest, and read some more of them whole."""
    with alone(run.connection), _noted(run), connector_for(run.connection) as connector:
        erp = ErpPass(run, connector, company_refs(run.connection))
        _refuse_strangers(run, erp.today)
        run.for_seconds(ERP_SECONDS / share)
        erp.links()
        run.for_seconds(ERP_SECONDS / share)
        erp.periods()
        run.for_seconds(ERP_SECONDS / share)
        erp.details(limit=run.options.details_per_pass)


def is_history_due(run: Pass) -> bool:
    """Say whether an account's lists are to be read: never finished, or a day ago."""
    stream = run.connection.streams.filter(kind="backfill").first()
    return (
        stream is None
        or stream.high_water is None
        or stream.updated_at < run.clock() - timedelta(days=1)
    )


def _sync_vtex(run: Pass, since: date | None, until: date | None) -> None:
    with vtex_for(run.connection) as source:
        vtex = VtexPass(run, source)
        # Before the lists are read, so that nothing falls between them and the feed.
        vtex.ensure_feed()
        vtex.backfill(
            since=_moment(since, time.min) if since else None,
            until=_moment(until, time.max) if until else None,
        )
        vtex.drain_feed()
        vtex.drain_inbox()


def _sync_erp(run: Pass, since: date | None, until: date | None, *, everything: bool) -> None:
    with connector_for(run.connection) as connector:
        erp = ErpPass(run, connector, company_refs(run.connection))
        _refuse_strangers(run, erp.today)
        # An order whose other half is known when it arrives is stored as one at once.
        erp.links()
        erp.periods(since=since, until=until)
        erp.details()
        if everything:
            erp.details(limit=10**9)


def _refuse_strangers(run: Pass, today: date) -> None:
    if serves_strangers(run.connection, today, Call.within(PROBE_SECONDS)):
        error = WrongOwner(
            "it answers for a customer that does not exist: it ignores whose orders are asked for",
            source=run.connection.name,
            operation="period",
        )
        run.refuse("every order", None, error)
        raise error


def _moment(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


@contextmanager
def _noted(run: Pass) -> Iterator[None]:
    """Keep the pass's row, whatever becomes of it."""
    run.begin()
    try:
        _wake(run.connection)
        yield
    except BridgeError as error:
        run.end(str(error))
        raise
    except KeyboardInterrupt:
        run.end("stopped")
        raise
    run.end()


def _wake(connection: Connection) -> None:
    """Ask a source that failed lately how it does, before many threads ask it things."""
    connection.refresh_from_db()
    if not connection.failures:
        return
    health = probe(connection, Call.within(PROBE_SECONDS))
    if not health.ok:
        raise Unreachable(health.problem, source=connection.name)
