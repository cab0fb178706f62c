"""Orders that wait to be read again: however many events an order has, it is one row.

Every way in writes here and nobody reads an order for an event alone. A row goes away only
when the order was read *after* the last of its events: whoever takes it remembers how many
there were, and what came in between is read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database

from b2b_orders.ingest.models import Connection, Origin

# After so many tries an order is left to operations. The pauses between them grow to an
# hour, so that takes longer than an outage of a working day.
MAX_ATTEMPTS = 12
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)

# In the order of the key, so that two writers never wait for each other crosswise.
_PUT = """
    INSERT INTO ingest_inboxitem AS t
        (connection_id, external_id, origin, events, received_at, due_at, attempts, last_error)
    SELECT %(connection)s, x.external_id, %(origin)s, 1, %(now)s, x.due_at, 0, ''
    FROM unnest(%(ids)s::text[], %(due)s::timestamptz[]) AS x(external_id, due_at)
    ORDER BY x.external_id
    ON CONFLICT (connection_id, external_id) DO UPDATE
        SET events = t.events + 1, due_at = LEAST(t.due_at, EXCLUDED.due_at)
"""
_DONE = """
    DELETE FROM ingest_inboxitem AS t
    USING unnest(%(ids)s::text[], %(events)s::int[]) AS x(external_id, events)
    WHERE t.connection_id = %(connection)s AND t.external_id = x.external_id
      AND t.events = x.events
"""
# What got an event while it was read begins afresh.
_RENEW = """
    UPDATE ingest_inboxitem AS t
    SET attempts = 0, last_error = '', received_at = %(now)s, due_at = LEAST(t.due_at, %(now)s)
    FROM unnest(%(ids)s::text[], %(events)s::int[]) AS x(external_id, events)
    WHERE t.connection_id = %(connection)s AND t.external_id = x.external_id
      AND t.events <> x.events
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An order to read now, with how many events it had and how often it was tried."""

    external_id: str
    events: int = 1
    attempts: int = 0


def put(
    *,
    connection_id: int,
    external_ids: Iterable[str] | Mapping[str, datetime],
    origin: Origin,
    now: datetime,
) -> None:
    """Note that orders should be read: at once, or each at its own moment. One SQL statement.

    An order that waits already is read at the earlier of the two moments.
    """
    due = (
        dict(external_ids)
        if isinstance(external_ids, Mapping)
        else dict.fromkeys(external_ids, now)
    )
    if due:
        _run(
            _PUT,
            connection=connection_id,
            origin=str(origin),
            now=now,
            ids=list(due),
            due=list(due.values()),
        )


def due(*, connection: Connection, now: datetime, limit: int) -> list[Due]:
    """List what is due, what waited longest first."""
    rows = connection.inbox.filter(due_at__lte=now).order_by("due_at", "id")
    return [Due(*row) for row in rows.values_list("external_id", "events", "attempts")[:limit]]


def done(*, connection: Connection, items: Sequence[Due], now: datetime) -> None:
    """Take orders off that were read, unless something happened to them meanwhile."""
    if items:
        ids, events = [i.external_id for i in items], [i.events for i in items]
        _run(_DONE, connection=connection.pk, ids=ids, events=events)
        _run(_RENEW, connection=connection.pk, ids=ids, events=events, now=now)


def put_off(*, connection: Connection, item: Due, message: str, now: datetime) -> bool:
    """Try an order again later; False when it was tried often enough and is taken off."""
    attempts = item.attempts + 1
    mine = connection.inbox.filter(external_id=item.external_id)
    if attempts >= MAX_ATTEMPTS:
        mine.filter(events=item.events).delete()
        return mine.exists()
    pause = min(_FIRST_PAUSE * 2 ** min(item.attempts, 20), _LONGEST_PAUSE)
    # Something that happened meanwhile is worth a try at once.
    mine.filter(events=item.events).update(due_at=now + pause)
    mine.update(attempts=attempts, last_error=message[:300])
    return True


def _run(sql: str, **params: Any) -> None:
    with database.cursor() as cursor:
        cursor.execute(sql, params)
