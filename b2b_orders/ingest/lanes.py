"""The kinds of work on each connection, and when each is due.

A lane is a row. Beat looks every few seconds which are due and tells a worker; the worker
runs the lane alone, for a few seconds, and notes when it is due next. Nothing depends on a
message: one that is lost, or whose worker is killed, is sent again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import connection as database
from django.db.models import F

from b2b_orders.common.errors import Conflict
from b2b_orders.ingest.models import Connection, Lane
from erp_bridge import registry
from erp_bridge.records import System


class LaneName(StrEnum):
    """What there is to do on a connection."""

    FEED = "feed"  # VTEX: take what changed off the feed, into the inbox
    INBOX = "inbox"  # read the orders that wait in the inbox
    HISTORY = "history"  # VTEX: back-fill, and the nightly comparison with the lists
    UPKEEP = "upkeep"  # VTEX: see that feed and hook are configured
    POLL = "poll"  # ERP: its latest, company by company or by what changed
    DOCUMENTS = "documents"  # ERP: fetch the files that say something of an order


LANES: dict[System, tuple[LaneName, ...]] = {
    System.VTEX: (LaneName.FEED, LaneName.INBOX, LaneName.HISTORY, LaneName.UPKEEP),
    System.ERP: (LaneName.POLL, LaneName.INBOX, LaneName.DOCUMENTS),
}
# First halves of our advisory locks: "this lane runs", "this request at once is taken".
_LOCK, _SLOT = 7001, 7005
_MOST_SLOTS = 64
# A message not taken up for so long is sent again.
_LOST = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)
_BUSY = timedelta(seconds=3)

_DUE = """
    UPDATE ingest_lane AS lane SET queued_at = %(now)s
    WHERE lane.id IN (
        SELECT l.id FROM ingest_lane AS l JOIN ingest_connection AS c ON c.id = l.connection_id
        WHERE c.is_enabled
          AND (c.retry_at IS NULL OR c.retry_at <= %(now)s)
          AND (c.outage_until IS NULL OR c.outage_until <= %(now)s)
          AND (l.queued_at IS NULL OR l.queued_at <= %(lost)s)
          AND (l.due_at <= %(now)s OR (
              l.name = 'inbox' AND l.failures = 0 AND EXISTS (
                  SELECT 1 FROM ingest_inboxitem AS i
                  WHERE i.connection_id = l.connection_id AND i.due_at <= %(now)s)))
          AND NOT EXISTS (
              SELECT 1 FROM pg_locks AS k
              WHERE k.locktype = 'advisory' AND k.classid = %(lock)s AND k.objid = l.id
                AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        FOR UPDATE OF l SKIP LOCKED
    )
    RETURNING lane.connection_id, lane.name
"""


@dataclass(frozen=True, slots=True)
class DueLane:
    """A lane that a worker should run now."""

    connection_id: int
    name: LaneName


def interval(name: LaneName) -> timedelta:
    """Say how long a lane rests when it has done all there was to do."""
    seconds: dict[LaneName, float] = {
        LaneName.FEED: settings.PORTAL_FEED_SECONDS,
        LaneName.POLL: settings.PORTAL_ERP_SECONDS,
        LaneName.INBOX: 30,
        LaneName.HISTORY: 300,
        LaneName.UPKEEP: 60,
        LaneName.DOCUMENTS: 60,
    }
    return timedelta(seconds=seconds[name])


def ensure_lanes(*, connection: Connection, now: datetime) -> None:
    """Make a connection's lanes, due at once; those it has stay as they are."""
    system = registry.get_kind(connection.kind).system
    Lane.objects.bulk_create(
        [Lane(connection=connection, name=name, due_at=now) for name in LANES[system]],
        ignore_conflicts=True,
    )


def take_due(*, now: datetime) -> list[DueLane]:
    """Return the lanes that a worker should be told of, and note that it was."""
    with database.cursor() as cursor:
        cursor.execute(_DUE, {"now": now, "lost": now - _LOST, "lock": _LOCK})
        known = set(LaneName)
        return [DueLane(pk, LaneName(name)) for pk, name in cursor.fetchall() if name in known]


def run_soon(*, connection_id: int, names: Sequence[LaneName], now: datetime) -> None:
    """Make lanes due at once, whatever they were waiting for."""
    Lane.objects.filter(connection_id=connection_id, name__in=names).update(
        due_at=now, queued_at=None, failures=0
    )


@contextmanager
def alone(lane: Lane) -> Iterator[None]:
    """Be the only one who runs a lane, on all machines; `Conflict` when another does.

    The lock belongs to the database session: a killed process gives it back.
    """
    with session_lock(_LOCK, lane.pk):
        yield


@contextmanager
def session_lock(space: int, key: int | str) -> Iterator[None]:
    """Hold an advisory lock for the length of a block; `Conflict` when somebody else does."""
    number = key if isinstance(key, int) else zlib.crc32(key.encode()) - 2**31
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
        if cursor.fetchone() != (True,):
            raise Conflict("another worker is doing it")
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])


@contextmanager
def slots(connection_id: int, at_once: int) -> Iterator[int]:
    """Hold some of the requests that a source may be asked at once; say how many.

    All lanes on all machines share them. One is left to the others where there are several;
    `Conflict` when none is free.
    """
    wanted = max(1, at_once - 1)
    held: list[int] = []
    try:
        with database.cursor() as cursor:
            for number in range(min(at_once, _MOST_SLOTS)):
                key = connection_id * _MOST_SLOTS + number
                cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SLOT, key])
                held += [key] if cursor.fetchone() == (True,) else []
                if len(held) == wanted:
                    break
        if not held:
            raise Conflict("the source is asked as much at once as it allows")
        yield len(held)
    finally:
        with database.cursor() as cursor:
            for key in held:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SLOT, key])


def begin(*, lane: Lane, now: datetime) -> None:
    """Note that a lane runs."""
    Lane.objects.filter(pk=lane.pk).update(started_at=now)


def end(*, lane: Lane, now: datetime, is_finished: bool = True) -> None:
    """Note that a lane ran well; one that is not finished goes on at once."""
    Lane.objects.filter(pk=lane.pk).update(
        finished_at=now,
        succeeded_at=now,
        due_at=now + interval(LaneName(lane.name)) if is_finished else now,
        queued_at=None,
        failures=0,
        last_error="",
    )


def put_back(*, lane: Lane, now: datetime) -> None:
    """Note that a lane found its source busy, and tries again in a moment."""
    Lane.objects.filter(pk=lane.pk).update(finished_at=now, due_at=now + _BUSY, queued_at=None)


def fail(*, lane: Lane, now: datetime, error: str) -> None:
    """Note that a lane ended early; it waits the longer the more often that happens."""
    failures = Lane.objects.filter(pk=lane.pk).values_list("failures", flat=True).first() or 0
    pause = min(timedelta(seconds=2.0 ** min(failures + 1, 20)), _LONGEST_PAUSE)
    Lane.objects.filter(pk=lane.pk).update(
        finished_at=now,
        due_at=now + pause,
        queued_at=None,
        failures=F("failures") + 1,
        last_error=error[:300],
    )
