"""Doing the work of a lane for a while, and all of it in one go for the command."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from django.utils import timezone

from b2b_orders.common import clock as clocks
from b2b_orders.common.errors import Conflict
from b2b_orders.ingest import documents_work, lanes, subscriptions
from b2b_orders.ingest.erp_pass import ErpPass
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, Lane, Stream, SubscriptionState
from b2b_orders.ingest.passes import Pass, get_stream
from b2b_orders.ingest.slices import Backfill
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
from erp_bridge.errors import BridgeError, NotFound, Unreachable, WrongOwner
from erp_bridge.records import System
from erp_bridge.vtex.client import VtexClient

PROBE_SECONDS = 10.0
# How long a lane, or a part of it, goes on before the others get their turn.
LANE_SECONDS = 20.0
# The lists are compared at night, or when that is long ago; often where no feed tells.
NIGHT = range(1, 5)
COMPARE_AT_NIGHT, COMPARE_AT_LEAST = timedelta(hours=12), timedelta(hours=36)
COMPARE_WITHOUT_FEED = timedelta(hours=1)
_CONSUMER = 7003  # first half of our advisory locks: "the feed of this key is consumed"


def run_lane(lane: Lane, *, clock: Callable[[], datetime] = clocks.now) -> None:
    """Do a lane's work for a while, alone, and note how it went and when it is due again.

    `Conflict` when somebody else is at it; a `BridgeError` that ended it is noted and raised.
    """
    name = LaneName(lane.name)
    with lanes.alone(lane):
        lanes.begin(lane=lane, now=clock())
        run = Pass(lane.connection, name.value, clock=clock, seconds=LANE_SECONDS)
        try:
            is_finished = work(run, name)
        except Conflict:
            lanes.put_back(lane=lane, now=clock())
            raise
        except Exception as error:
            lanes.fail(lane=lane, now=clock(), error=str(error) or type(error).__name__)
            raise
        lanes.end(lane=lane, now=clock(), is_finished=is_finished)


def work(run: Pass, name: LaneName) -> bool:
    """Do a lane's work until a pass's time is used up; say whether all of it is done."""
    with _noted(run):
        return _WORK[name](run)


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
    Raises `BridgeError` when the source makes it stop, and `Conflict` when a worker is at
    the same part of it for longer than `wait_seconds`. Other parts go on meanwhile.
    """
    lanes.ensure_lanes(connection=run.connection, now=run.clock())
    with _noted(run):
        if system_of(run.connection) is System.VTEX:
            _sync_vtex(run, since, until, wait_seconds)
        else:
            _sync_erp(run, since, until, wait_seconds, everything=everything)


# --- a VTEX account -------------------------------------------------------------------------


def _feed(run: Pass) -> bool:
    with vtex_for(run.connection) as client:
        return _drain_feed(run, client)


def _drain_feed(run: Pass, client: VtexClient) -> bool:
    """Take the feed's items, as the only consumer of its key; another's feed is left alone."""
    config = client.config
    with lanes.session_lock(_CONSUMER, f"{config.account}/{config.app_key}"):
        state = subscriptions.keep_feed(run.connection, client, now=run.clock())
        if state is not SubscriptionState.OURS:
            return True
        try:
            return VtexPass(run, client).drain_feed()
        except NotFound:
            # It deleted itself, being idle, since it was last checked.
            subscriptions.keep_feed(run.connection, client, now=run.clock(), force=True)
            return False


def _vtex_inbox(run: Pass) -> bool:
    with vtex_for(run.connection) as client:
        return VtexPass(run, client).drain_inbox()


def _history(run: Pass) -> bool:
    """Back-fill until all is read, then compare the lists with our rows once a night."""
    with vtex_for(run.connection) as client:
        vtex = VtexPass(run, client)
        if is_history_left(run):
            # Before the lists are read, so that nothing falls between them and the feed.
            subscriptions.keep_feed(run.connection, client, now=run.clock())
            return vtex.backfill()
        return vtex.compare() if is_compare_due(run) else True


def _upkeep(run: Pass) -> bool:
    with vtex_for(run.connection) as client:
        subscriptions.upkeep(run.connection, client, now=run.clock())
    return True


def is_history_left(run: Pass) -> bool:
    """Say whether an account's history was never read to its end."""
    stream = get_stream(run.connection, "backfill")
    return stream.high_water is None or Backfill.parse(stream.cursor) is not None


def is_compare_due(run: Pass) -> bool:
    """Say whether the lists are to be compared now, or a comparison is to go on."""
    stream = get_stream(run.connection, "compare")
    if Backfill.parse(stream.cursor):
        return True
    now, last = run.clock(), _last_compared(run, stream)
    age = now - last
    # Lists are asked for by whole seconds.
    if subscriptions.has_gap_since(run.connection, last + timedelta(seconds=1)):
        return True
    if not subscriptions.may_consume(run.connection):
        return age >= COMPARE_WITHOUT_FEED
    is_night = timezone.localtime(now).hour in NIGHT
    return age >= (COMPARE_AT_NIGHT if is_night else COMPARE_AT_LEAST)


def _last_compared(run: Pass, stream: Stream) -> datetime:
    known = [stream.high_water, get_stream(run.connection, "backfill").high_water]
    return max(moment for moment in known if moment)


def _sync_vtex(run: Pass, since: date | None, until: date | None, wait_seconds: float) -> None:
    with vtex_for(run.connection) as client:
        vtex = VtexPass(run, client)
        # Before the lists are read, so that nothing falls between them and the feed.
        subscriptions.keep_feed(run.connection, client, now=run.clock(), force=True)
        with _turn(run, LaneName.HISTORY, wait_seconds):
            vtex.backfill(
                since=_moment(since, time_of_day.min) if since else None,
                until=_moment(until, time_of_day.max) if until else None,
            )
        with _turn(run, LaneName.FEED, wait_seconds):
            _drain_feed(run, client)
        with _turn(run, LaneName.INBOX, wait_seconds):
            vtex.drain_inbox()


# --- an ERP -----------------------------------------------------------------------------------


def _poll(run: Pass) -> bool:
    """Tie web orders to an ERP's, read its latest, and some more of its older orders whole."""
    with connector_for(run.connection) as connector:
        erp = ErpPass(run, connector, company_refs(run.connection))
        _refuse_strangers(run, erp.today)
        erp.notice_new_ids()
        parts: tuple[Callable[[], None], ...] = (
            # An order whose other half is known when it arrives is stored as one at once.
            erp.links,
            erp.changed,
            erp.periods,
            lambda: erp.details(limit=run.options.details_per_pass),
        )
        was_over = False
        for part in parts:
            run.for_seconds(LANE_SECONDS)
            part()
            was_over = was_over or run.is_over
        return not was_over


def _erp_inbox(run: Pass) -> bool:
    with connector_for(run.connection) as connector:
        return ErpPass(run, connector, company_refs(run.connection)).drain_inbox()


def _sync_erp(
    run: Pass, since: date | None, until: date | None, wait_seconds: float, *, everything: bool
) -> None:
    with (
        _turn(run, LaneName.POLL, wait_seconds),
        connector_for(run.connection) as connector,
    ):
        erp = ErpPass(run, connector, company_refs(run.connection))
        _refuse_strangers(run, erp.today)
        erp.notice_new_ids()
        erp.links()
        erp.changed()
        erp.periods(since=since, until=until)
        erp.details()
        erp.drain_inbox()
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


# --- what all share -----------------------------------------------------------------------------


def _inbox(run: Pass) -> bool:
    is_site = system_of(run.connection) is System.VTEX
    return _vtex_inbox(run) if is_site else _erp_inbox(run)


_WORK: dict[LaneName, Callable[[Pass], bool]] = {
    LaneName.FEED: _feed,
    LaneName.INBOX: _inbox,
    LaneName.HISTORY: _history,
    LaneName.UPKEEP: _upkeep,
    LaneName.POLL: _poll,
    LaneName.DOCUMENTS: documents_work.read_ahead,
}


def _moment(day: date, at: time_of_day) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


@contextmanager
def _turn(run: Pass, name: LaneName, wait_seconds: float) -> Iterator[None]:
    """Take a lane's place for the length of a block, waiting for a worker that is at it."""
    lane = Lane.objects.get(connection=run.connection, name=name)
    until = time.monotonic() + wait_seconds
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(lanes.alone(lane))
                break
            except Conflict as error:
                if time.monotonic() >= until:
                    busy = f"a worker or another command is at {name} of {run.connection.name}"
                    raise Conflict(busy) from error
            time.sleep(0.5)
        yield


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
