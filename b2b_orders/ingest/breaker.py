"""How each source does, kept in its connection's row so that all processes see the same."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db import connection as database
from django.db.backends.base.base import BaseDatabaseWrapper

from b2b_orders.common import clock
from b2b_orders.ingest.models import CallCount, Connection
from erp_bridge.breaker import REHEARSED, BreakerState, Counts, MemoryBreakerStore
from erp_bridge.errors import BridgeError
from erp_bridge.pace import Bucket, Turns

# For so long it is known how often a source was asked.
KEEP_COUNTS = timedelta(days=8)
_FOREVER = timedelta(days=36_500)

_READ = (
    "SELECT failures, down_since, retry_at, last_error_code, outage_since, outage_until"
    " FROM ingest_connection WHERE name = %s"
)
# The rest that a source asked for lasts, whatever comes of calls that began before.
_RESTS = "last_error_code = 'throttled' AND retry_at > %(now)s"
_SUCCEEDED = """
    UPDATE ingest_connection SET failures = 0, down_since = NULL, probe_until = NULL,
        last_success_at = %(now)s,
        retry_at = CASE WHEN RESTS THEN retry_at END,
        last_error = CASE WHEN RESTS THEN last_error ELSE '' END,
        last_error_code = CASE WHEN RESTS THEN last_error_code ELSE '' END
    WHERE name = %(source)s
""".replace("RESTS", _RESTS)
_FAILED = """
    UPDATE ingest_connection SET failures = failures + %(counts)s, probe_until = NULL,
        down_since = CASE WHEN %(counts)s > 0 THEN COALESCE(down_since, %(now)s)
            ELSE down_since END,
        retry_at = CASE WHEN STAYS THEN retry_at ELSE %(retry_at)s::timestamptz END,
        last_error = CASE WHEN STAYS THEN last_error ELSE %(message)s END,
        last_error_code = CASE WHEN STAYS THEN last_error_code ELSE %(code)s END
    WHERE name = %(source)s
""".replace("STAYS", _RESTS + " AND retry_at > COALESCE(%(retry_at)s::timestamptz, '-infinity')")
# By the database's clock, as what follows: it is one for all processes.
_TRY_PROBE = """
    UPDATE ingest_connection SET probe_until = clock_timestamp() + %(time)s
    WHERE name = %(source)s AND (probe_until IS NULL OR probe_until <= clock_timestamp())
    RETURNING true
"""
_END_PROBE = "UPDATE ingest_connection SET probe_until = NULL WHERE name = %(source)s"
# See erp_bridge.pace for the rule. A source without a row has no pace either.
_TAKE = """
    INSERT INTO ingest_pace AS pace (connection, all_at, backfill_at)
    SELECT name, clock_timestamp() + %(all)s, clock_timestamp() + %(backfill)s
    FROM ingest_connection WHERE name = %(source)s
    ON CONFLICT (connection) DO UPDATE
    SET BUCKET_at = GREATEST(pace.BUCKET_at, clock_timestamp()) + %(BUCKET)s
    WHERE pace.BUCKET_at - clock_timestamp() <= %(most)s
    RETURNING BUCKET_at - %(BUCKET)s - clock_timestamp()
"""
_LOOK = "SELECT BUCKET_at - clock_timestamp() FROM ingest_pace WHERE connection = %(source)s"
_BY_BUCKET = MappingProxyType(
    {b: (_TAKE.replace("BUCKET", b.value), _LOOK.replace("BUCKET", b.value)) for b in Bucket}
)
# A count for a connection that was removed meanwhile is nobody's.
_COUNT = """
    INSERT INTO ingest_callcount AS known
        (connection, minute, calls, failures, throttled, seconds)
    SELECT name, %(minute)s, %(calls)s, %(failures)s, %(throttled)s, %(seconds)s
    FROM ingest_connection WHERE name = %(source)s
    ON CONFLICT (connection, minute) DO UPDATE SET calls = known.calls + EXCLUDED.calls,
        failures = known.failures + EXCLUDED.failures,
        throttled = known.throttled + EXCLUDED.throttled,
        seconds = known.seconds + EXCLUDED.seconds
"""


class _Aside:
    """A database connection beside the caller's, for single statements.

    What is noted there stays when the caller's transaction rolls back, never waits for it,
    and may be noted from any thread. It opens at the first statement, and again when the
    database was restarted or the process forked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: BaseDatabaseWrapper | None = None
        self._process = 0
        # Another process's sockets: to end them here would end them there.
        self._inherited: list[BaseDatabaseWrapper] = []

    def run(self, sql: str, values: Mapping[str, object] | Sequence[object]) -> Any:
        """Run a statement and return its first row, None when it has none."""
        with self._lock:
            try:
                return self._run(sql, values)
            except (OperationalError, InterfaceError):
                self._drop()
                return self._run(sql, values)

    def close(self) -> None:
        """Give the connection back; the next statement opens another."""
        with self._lock:
            self._drop()

    def _run(self, sql: str, values: Any) -> Any:
        with self._opened().cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone() if cursor.description else None

    def _opened(self) -> BaseDatabaseWrapper:
        if self._own is not None and self._process != os.getpid():
            self._inherited.append(self._own)
            self._own = None
        if self._own is None:
            own = database.copy()
            # The lock lets one thread at a time use it.
            own.inc_thread_sharing()
            self._own, self._process = own, os.getpid()
            with own.cursor() as cursor:
                # A crash of the server may forget its last half second of notes.
                cursor.execute("SET synchronous_commit TO off")
        return self._own

    def _drop(self) -> None:
        own, self._own = self._own, None
        if own is None:
            return
        if self._process == os.getpid():
            own.close()
        else:
            self._inherited.append(own)


class DbBreakerStore:
    """The state of sources in `Connection`, for workers and commands. `close` it at the end."""

    def __init__(self, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._aside = _Aside()

    def read(self, source: str) -> BreakerState:
        """Give the state of a source; a fresh one when it is not known."""
        row = self._aside.run(_READ, [source])
        return _state(*row, now=self._now()) if row else BreakerState()

    def succeeded(self, source: str) -> None:
        """Note that the source answered: what we show of it is as of now."""
        self._aside.run(_SUCCEEDED, {"source": source, "now": self._now()})

    def failed(self, source: str, error: BridgeError, retry_at: datetime | None) -> None:
        """Note a failure: it is down since the first one that counts."""
        self._aside.run(
            _FAILED,
            {
                "source": source,
                "now": self._now(),
                "counts": int(error.counts_for_breaker),
                "retry_at": retry_at,
                "message": error.message[:300],
                "code": error.code,
            },
        )

    def try_probe(self, source: str, seconds: float) -> bool:
        """Become the only one that asks whether it works again, of all processes."""
        time = timedelta(seconds=seconds)
        return self._aside.run(_TRY_PROBE, {"source": source, "time": time}) is not None

    def end_probe(self, source: str) -> None:
        """Let another probe begin."""
        self._aside.run(_END_PROBE, {"source": source})

    def take_turns(self, source: str, turns: Turns) -> float:
        """Take turns, of all processes, unless the first is too far away."""
        take, look = _BY_BUCKET[turns.bucket]
        most = turns.patience + turns.lead
        values = {
            "source": source,
            "all": timedelta(),
            "backfill": timedelta(),
            "most": timedelta(seconds=most) if most < _FOREVER.total_seconds() else _FOREVER,
        } | {turns.bucket.value: timedelta(seconds=turns.count * turns.seconds_each)}
        if row := self._aside.run(take, values):
            return max(0.0, _seconds(row[0]) - turns.lead)
        if row := self._aside.run(look, {"source": source}):
            # Time went by since it was too far away.
            return max(_seconds(row[0]) - turns.lead, math.nextafter(turns.patience, math.inf))
        return 0.0

    def add_counts(self, source: str, counts: Mapping[datetime, Counts]) -> None:
        """Add what was asked, by the minute in which it was."""
        for minute, more in counts.items():
            self._aside.run(
                _COUNT,
                {
                    "source": source,
                    "minute": minute,
                    "calls": more.calls,
                    "failures": more.failures,
                    "throttled": more.throttled,
                    "seconds": more.seconds,
                },
            )

    def close(self) -> None:
        """Give back the database connection."""
        self._aside.close()


class ReadOnlyBreakerStore(MemoryBreakerStore):
    """What the web process knows of a source: its row, and its own experience since.

    It may write neither the state nor the counts: what it asks is in neither.
    """

    def __init__(self, row: Connection) -> None:
        super().__init__(clock.now)
        self._states[row.name] = state_of(row, now=clock.now())


def state_of(row: Connection, *, now: datetime) -> BreakerState:
    """Return how the source of a connection does, as its row says."""
    return _state(
        row.failures,
        row.down_since,
        row.retry_at,
        row.last_error_code,
        row.outage_since,
        row.outage_until,
        now=now,
    )


def rests_until(row: Connection, *, now: datetime) -> datetime | None:
    """Return until when a source is left alone; None when it may be asked."""
    retry_at = state_of(row, now=now).retry_at
    return retry_at if retry_at is not None and retry_at > now else None


def forget_old_counts(*, now: datetime) -> None:
    """Delete the counts of calls that are older than anybody looks at."""
    CallCount.objects.filter(minute__lt=now - KEEP_COUNTS).delete()


def _seconds(time: timedelta) -> float:
    return time.total_seconds()


def _state(
    failures: int,
    down_since: datetime | None,
    retry_at: datetime | None,
    code: str,
    outage_since: datetime | None,
    outage_until: datetime | None,
    *,
    now: datetime,
) -> BreakerState:
    if outage_until is not None and outage_until > now:
        since = min(moment for moment in (down_since, outage_since, now) if moment is not None)
        return BreakerState(failures, since, outage_until, REHEARSED)
    return BreakerState(failures, down_since, retry_at, code)
