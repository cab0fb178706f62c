"""How each source does, kept in its connection's row so that all processes see the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection as database
from django.db.backends.utils import CursorWrapper

from b2b_orders.common import clock
from b2b_orders.ingest.models import Connection
from erp_bridge.errors import BridgeError
from erp_bridge.runner import BreakerState, MemoryBreakerStore

_READ = (
    "SELECT failures, down_since, retry_at, last_error_code FROM ingest_connection WHERE name = %s"
)
_SUCCEEDED = (
    "UPDATE ingest_connection SET failures = 0, down_since = NULL, retry_at = NULL,"
    " last_error = '', last_error_code = '', last_success_at = %s WHERE name = %s"
)
_FAILED = (
    "UPDATE ingest_connection SET last_error = %s, last_error_code = %s, retry_at = %s,"
    " failures = failures + %s, down_since = CASE WHEN %s THEN COALESCE(down_since, %s)"
    " ELSE down_since END WHERE name = %s"
)


@contextmanager
def _aside() -> Iterator[CursorWrapper]:
    """Open a database connection of its own.

    What is noted there stays when the caller's transaction rolls back, never waits for
    it, and may be noted from a thread that makes requests.
    """
    own = database.copy()
    try:
        with own.cursor() as cursor:
            yield cursor
    finally:
        own.close()


class DbBreakerStore:
    """The state of sources in `Connection`, for workers and commands."""

    def __init__(self, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now

    def read(self, source: str) -> BreakerState:
        """Give the state of a source; a fresh one when it is not known."""
        with _aside() as cursor:
            cursor.execute(_READ, [source])
            row = cursor.fetchone()
        return BreakerState(*row) if row else BreakerState()

    def succeeded(self, source: str) -> None:
        """Note that the source answered: what we show of it is as of now."""
        with _aside() as cursor:
            cursor.execute(_SUCCEEDED, [self._now(), source])

    def failed(self, source: str, error: BridgeError, retry_at: datetime | None) -> None:
        """Note a failure: it is down since the first one that counts."""
        counts = error.counts_for_breaker
        with _aside() as cursor:
            cursor.execute(
                _FAILED,
                [
                    error.message[:300],
                    error.code,
                    retry_at,
                    int(counts),
                    counts,
                    self._now(),
                    source,
                ],
            )


class ReadOnlyBreakerStore(MemoryBreakerStore):
    """What the web process knows of a source: its row, and its own experience since."""

    def __init__(self, row: Connection) -> None:
        super().__init__(clock.now)
        self._states[row.name] = BreakerState(
            row.failures, row.down_since, row.retry_at, row.last_error_code
        )
