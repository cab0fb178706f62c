"""What every pass over a connection shares: its counts, its cursors, its threads.

Requests run in a few threads, which never touch the database; rows are written by the
thread that runs the pass, a batch and its cursor in one transaction.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection as database
from django.db import transaction

from b2b_orders.common import clock
from b2b_orders.ingest import inbox
from b2b_orders.ingest.inbox import Due
from b2b_orders.ingest.models import Connection, Origin, Run, Stream, Subject
from b2b_orders.ingest.options import Options
from b2b_orders.ingest.progress import Progress, Silence
from b2b_orders.ingest.storing import UNSTORABLE, park, refuse, store, unpark
from b2b_orders.orders.services import Link, Stored
from erp_bridge.errors import BridgeError, CredentialsRejected, Throttled, TransientError
from erp_bridge.records import Reading

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 50
# An order that could not be read outside the inbox waits there for so long.
FIRST_PAUSE = timedelta(seconds=30)
# So many of the things that could not be read are named when a pass ends.
MAX_TROUBLES = 5


@dataclass(slots=True)
class Tally:
    """What a pass did, counted in readings."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0

    def count(self, stored: Iterable[Stored]) -> None:
        """Add what became of stored readings."""
        for row in stored:
            self.read += 1
            if row.outcome == "new":
                self.new += 1
            elif row.outcome == "refused":
                self.failed += 1
            elif row.outcome == "changed":
                self.changed += 1
            else:
                self.unchanged += 1

    def as_dict(self) -> dict[str, int]:
        return {
            "read": self.read,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "failed": self.failed,
        }


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a stream stands once a batch is stored."""

    kind: str
    cursor: str
    company_id: int | None = None
    high_water: datetime | None = None
    # How far a long reading is, for whoever watches.
    began_at: datetime | None = None
    total: int | None = None
    done: int = 0


@dataclass(slots=True)
class Pass:
    """One pass over one connection, for at most so many seconds."""

    connection: Connection
    kind: str
    clock: Callable[[], datetime] = clock.now
    progress: Progress = field(default_factory=Silence)
    seconds: float | None = None
    tally: Tally = field(default_factory=Tally)
    where: str = "at the beginning"
    troubles: list[str] = field(default_factory=list)
    options: Options = field(init=False)
    _began: float = field(init=False, default_factory=time.monotonic)
    _run: Run | None = field(init=False, default=None)
    _parked: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.options = Options.of(self.connection.settings)

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        """Say whether its time is used up."""
        return self.seconds is not None and self.elapsed >= self.seconds

    def for_seconds(self, seconds: float) -> Pass:
        """Allow it so many more seconds, for the next part of a shared pass."""
        self.seconds = self.elapsed + seconds
        return self

    # --- storing -------------------------------------------------------------

    def store(
        self,
        readings: Sequence[Reading],
        *,
        company_id: int | None = None,
        links: Mapping[str, Link] | None = None,
        mark: Mark | None = None,
        done: Sequence[Due] = (),
    ) -> list[Stored]:
        """Store a batch, move the cursor and clear the inbox, all in one transaction.

        `done` are what was taken from the inbox *before* these readings were made.

        A reading that the database refuses is set aside and does not stop the others.
        """
        try:
            stored = self._store(readings, company_id, links, mark, done)
        except UNSTORABLE:
            logger.warning("a batch could not be stored whole", exc_info=True)
            stored = []
            for reading in readings:
                stored += self._store_alone(reading, company_id, links)
            with transaction.atomic():
                self._settle(mark, done)
        self.tally.count(stored)
        if stored:
            self.note()
        return stored

    def _store(
        self,
        readings: Sequence[Reading],
        company_id: int | None,
        links: Mapping[str, Link] | None,
        mark: Mark | None,
        done: Sequence[Due],
    ) -> list[Stored]:
        stored: list[Stored] = []
        with transaction.atomic():
            if readings:
                stored = store(
                    connection=self.connection.name,
                    readings=readings,
                    now=self.clock(),
                    company_id=company_id,
                    links=links,
                )
            self._settle(mark, done)
        self.heal(*(row.external_id for row in stored))
        return stored

    def _store_alone(
        self, reading: Reading, company_id: int | None, links: Mapping[str, Link] | None
    ) -> list[Stored]:
        try:
            return self._store([reading], company_id, links, None, ())
        except UNSTORABLE as error:
            self.park(
                reading.record.external_id, "cannot-store", type(error).__name__, reading.payload
            )
            return []

    def _settle(self, mark: Mark | None, done: Sequence[Due]) -> None:
        if mark:
            set_streams(self.connection, [mark], now=self.clock())
        inbox.done(connection=self.connection, items=done, now=self.clock())

    # --- what went wrong -------------------------------------------------------

    def fail(self, external_id: str, message: str) -> None:
        """Count something that could not be read, and keep the first few to be named."""
        self.tally.failed += 1
        if len(self.troubles) < MAX_TROUBLES:
            self.troubles.append(f"{external_id}: {message}")

    def park(
        self,
        external_id: str,
        reason: str,
        message: str,
        payload: bytes = b"",
        *,
        subject: Subject = Subject.ORDER,
    ) -> None:
        """Keep what could not be used, with the reason, where operations see it; go on."""
        self.fail(external_id, message)
        park(
            connection=self.connection.name,
            external_id=external_id,
            reason=reason,
            message=message,
            now=self.clock(),
            payload=payload,
            subject=subject,
        )
        self._parked.add(external_id)

    def heal(self, *external_ids: str) -> None:
        """Forget that something was set aside: it could be read after all."""
        if healed := self._parked.intersection(external_ids):
            unpark(connection=self.connection.name, external_ids=sorted(healed))
            self._parked -= healed

    def put_off(self, external_id: str, error: BridgeError, item: Due | None = None) -> None:
        """Have an order asked for again later; `item` is the row of the inbox it was read for.

        A wrong answer is parked at once; a failure to answer, when it was tried often enough.
        """
        now = self.clock()
        if item is None:
            again = {external_id: now + FIRST_PAUSE}
            inbox.put(
                connection_id=self.connection.pk, external_ids=again, origin=Origin.AGAIN, now=now
            )
            is_tried_again = True
        else:
            is_tried_again = inbox.put_off(
                connection=self.connection, item=item, message=error.message, now=now
            )
        if is_tried_again and isinstance(error, TransientError):
            self.fail(external_id, error.message)
        else:
            self.park(external_id, error.code, error.message, error.payload)

    def refuse(self, external_id: str, company_id: int | None, error: BridgeError) -> None:
        """Alarm about an answer that is another company's; nothing of it is stored."""
        self.fail(external_id, "the answer is another company's")
        refuse(
            connection=self.connection.name,
            external_id=external_id,
            company_id=company_id,
            operation=error.operation,
            now=self.clock(),
        )

    # --- its row ---------------------------------------------------------------

    def begin(self) -> None:
        """Note that it runs, and recall what is set aside for it."""
        parked = _parked_ids(self.connection.name)
        self._parked.update(parked)

    def note(self) -> None:
        """Write the counts; a pass that found nothing to do leaves no row."""
        if self._run is None:
            self._run = Run(
                connection=self.connection,
                kind=self.kind,
                started_at=self.clock() - timedelta(seconds=self.elapsed),
            )
        for name, value in self.tally.as_dict().items():
            setattr(self._run, name, value)
        self._run.save()

    def end(self, error: str = "") -> None:
        """Note that it ended, and why if it had to."""
        if error and self._run is None:
            self.note()
        if self._run is not None:
            self._run.finished_at = self.clock()
            self._run.error = error[:300]
            self.note()


def _parked_ids(connection: str) -> list[str]:
    from_database = (
        "SELECT external_id FROM ingest_parked WHERE connection = %s"
        " ORDER BY last_at DESC LIMIT 10000"
    )
    with database.cursor() as cursor:
        cursor.execute(from_database, [connection])
        return [row[0] for row in cursor.fetchall()]


# --- streams ---------------------------------------------------------------------------


def get_stream(connection: Connection, kind: str) -> Stream:
    """Return how far a whole account is read, a fresh stream when it never was."""
    stream = connection.streams.filter(kind=kind, company=None).first()
    return stream or Stream(connection=connection, kind=kind)


def set_streams(connection: Connection, marks: Sequence[Mark], *, now: datetime) -> None:
    """Write how far streams are."""
    Stream.objects.bulk_create(
        [
            Stream(
                connection=connection,
                kind=mark.kind,
                company_id=mark.company_id,
                cursor=mark.cursor,
                high_water=mark.high_water,
                updated_at=now,
                began_at=mark.began_at,
                total=mark.total,
                done=mark.done,
            )
            for mark in marks
        ],
        update_conflicts=True,
        unique_fields=["connection", "kind", "company"],
        update_fields=["cursor", "high_water", "updated_at", "began_at", "total", "done"],
        batch_size=1000,
    )


# --- requests in threads ------------------------------------------------------------------


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Open a pool whose waiting work is dropped when the block ends early."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="source")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def fetch_in_order(
    pool: ThreadPoolExecutor,
    items: Iterable[Item],
    fetch: Callable[[Item], Result],
    *,
    ahead: int = 2 * BATCH,
) -> Iterator[tuple[Item, Result | BridgeError]]:
    """Fetch items in threads and hand them out in their order, a few ahead of the reader.

    What a source did wrong with one item is handed out in its place.
    """
    waiting: deque[tuple[Item, Future[Result | BridgeError]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(_attempt, fetch, item)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


def _attempt(fetch: Callable[[Item], Result], item: Item) -> Result | BridgeError:
    try:
        return fetch(item)
    except BridgeError as error:
        return error


def ends_the_pass(error: BridgeError) -> bool:
    """Say whether an error is about the whole source, so that going on is pointless.

    A failure at one order is not, or an order that always fails would block all others:
    when the source is down, its breaker opens after a few, and then it is left alone.
    """
    return error.is_of_source or isinstance(error, Throttled | CredentialsRejected)
