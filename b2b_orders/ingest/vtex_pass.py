"""Reading a VTEX account: what changes by its feed, its history by lists, and both compared."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction

from b2b_orders.ingest import inbox
from b2b_orders.ingest.inbox import Due
from b2b_orders.ingest.models import Origin, Stream, Subject
from b2b_orders.ingest.passes import (
    BATCH,
    Mark,
    Pass,
    ends_the_pass,
    fetch_in_order,
    get_stream,
    set_streams,
    threads,
)
from b2b_orders.ingest.slices import Backfill
from b2b_orders.orders.models import SourceRecord
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, NotFound
from erp_bridge.records import Reading
from erp_bridge.vtex.client import FeedItem, ListPage, ListRow, VtexClient, is_order_id

logger = logging.getLogger(__name__)

# Lists hold two years and 3,000 orders a question.
HISTORY = timedelta(days=730)
MOST_LISTED = 3000
# Lists run minutes behind, so a later pass looks at the last day again.
OVERLAP = timedelta(days=1)
# What we read of an order more recently than this, a list may not know yet.
LIST_LAG = timedelta(minutes=15)
CALL_SECONDS = 30.0
FEED_LOT = 10
# The cursor of a reading that came to its end.
END = "done"
INBOX_LOT = 500


@dataclass(frozen=True, slots=True)
class _Listed:
    """An order to read; `mark` is where the back-fill stands once it is stored.

    None for the end of a page whose orders this back-fill has read before it was stopped.
    """

    order_id: str | None
    mark: Mark | None


class VtexPass:
    """The parts of one pass over one account."""

    def __init__(self, run: Pass, source: VtexClient) -> None:
        self.run = run
        self.source = source
        self.at_once = run.options.requests_at_once or source.config.concurrency

    # --- the feed ----------------------------------------------------------------

    def drain_feed(self) -> bool:
        """Take what has changed off the feed, into the inbox; say whether the feed is empty.

        An item is committed only once its order stands in the inbox.
        """
        self.run.progress.stage("changes from the feed")
        self.run.where = "in the feed"
        while not self.run.is_over:
            items = self.source.feed_items(Call.within(CALL_SECONDS), limit=FEED_LOT)
            if not items:
                return True
            self._note(items)
            self.source.feed_commit([item.handle for item in items], Call.within(CALL_SECONDS))
            self.run.progress.step(len(items))
        return False

    def _note(self, items: Sequence[FeedItem]) -> None:
        named = [item.order_id for item in items if item.order_id]
        order_ids = [order_id for order_id in dict.fromkeys(named) if is_order_id(order_id)]
        with transaction.atomic():
            inbox.put(
                connection_id=self.run.connection.pk,
                external_ids=order_ids,
                origin=Origin.FEED,
                now=self.run.clock(),
            )
            for item in items:
                if not item.order_id:
                    self._park_item("feed", "an item of the feed names no order")
                elif item.order_id not in order_ids:
                    self._park_item(item.order_id[:40], "an item of the feed names no possible id")

    def _park_item(self, name: str, message: str) -> None:
        self.run.park(name, "feed-item", message, subject=Subject.PART)

    # --- what waits in the inbox ---------------------------------------------------

    def drain_inbox(self) -> bool:
        """Read the orders that wait; say whether none is left that is due."""
        self.run.progress.stage("orders that changed")
        self.run.where = "at orders that changed"
        with threads(self.run.connection, self.at_once) as pool:
            while due := inbox.due(
                connection=self.run.connection, now=self.run.clock(), limit=INBOX_LOT
            ):
                if self.run.is_over:
                    return False
                answers = fetch_in_order(pool, due, lambda item: self._order(item.external_id))
                self._store_due(answers)
        return True

    def _store_due(self, answers: Iterator[tuple[Due, Reading | BridgeError]]) -> None:
        """Store what was read, a batch at a time, whatever ends the pass."""
        batch: list[tuple[Due, Reading]] = []
        try:
            for item, answer in answers:
                if isinstance(answer, Reading):
                    batch.append((item, answer))
                else:
                    self._set_aside(item.external_id, answer, item)
                if len(batch) >= BATCH:
                    ready, batch = batch, []
                    self._store_batch(ready)
                    if self.run.is_over:
                        return
        finally:
            self._store_batch(batch)

    def _store_batch(self, batch: Sequence[tuple[Due, Reading]]) -> None:
        if batch:
            items, readings = zip(*batch, strict=True)
            self.run.store(readings, done=items)
            self.run.progress.step(len(batch))

    # --- the history ----------------------------------------------------------------

    def backfill(self, *, since: datetime | None = None, until: datetime | None = None) -> bool:
        """Read the orders of a time by lists, newest first, going on where it was stopped.

        Without a time: what was never read of the account's history, and else what was
        placed since the last pass. Says whether it came to the end.
        """
        walk = self._plan(since, until)
        if walk is None:
            return True
        if not walk.is_resumed:
            # When it began tells later turns what was read already.
            set_streams(self.run.connection, [walk.mark], now=self.run.clock())
        self.run.progress.stage("orders from the lists", walk.mark.total)
        self.run.progress.step(walk.mark.done)
        with threads(self.run.connection, self.at_once) as pool:
            batch: list[Reading] = []
            mark: Mark | None = None
            for listed, answer in fetch_in_order(pool, self._listed(walk), self._listed_order):
                if isinstance(answer, Reading):
                    batch.append(answer)
                elif isinstance(answer, BridgeError):
                    if ends_the_pass(answer):
                        self._store(batch, mark)
                        raise answer
                    self._set_aside(listed.order_id or "", answer)
                mark = listed.mark or mark
                if len(batch) >= BATCH or listed.mark:
                    self._store(batch, mark)
                    batch, mark = [], None
                    if self.run.is_over and (listed.mark is None or listed.mark.cursor != END):
                        return False
            self._store(batch, walk.finished())
        return True

    def _listed_order(self, listed: _Listed) -> Reading | None:
        return self._order(listed.order_id, Purpose.BACKFILL) if listed.order_id else None

    def _plan(self, since: datetime | None, until: datetime | None) -> _Walk | None:
        now = self.run.clock()
        kind = "backfill" if since is None and until is None else "range"
        stream = get_stream(self.run.connection, kind)
        stopped = Backfill.parse(stream.cursor)
        if kind == "range":
            begin = Backfill.begin(since or now - HISTORY, until or now)
            same = stopped and stopped.floor == begin.floor
            if stopped and same and (until is None or stopped.until == begin.until):
                return _Walk.resume(stream, stopped)
            return _Walk.begin(kind, begin, stream, now) if begin.floor < begin.until else None
        if stopped:
            return _Walk.resume(stream, stopped)
        floor = stream.high_water - OVERLAP if stream.high_water else now - HISTORY
        return _Walk.begin(kind, Backfill.begin(floor, now), stream, now)

    def _listed(self, walk: _Walk) -> Iterator[_Listed]:
        """List orders slice by slice and page by page; the last of a page carries the mark.

        What was read since it began is not read again: however slow an account is, each
        turn gets further.
        """
        for page, mark in self._pages(walk):
            known = set(
                SourceRecord.objects.filter(
                    connection=self.run.connection.name,
                    external_id__in=page.order_ids,
                    read_at__gte=walk.mark.began_at or self.run.clock(),
                ).values_list("external_id", flat=True)
                if walk.is_resumed
                else ()
            )
            left = [order_id for order_id in page.order_ids if order_id not in known]
            for order_id in left[:-1]:
                yield _Listed(order_id, None)
            yield _Listed(left[-1] if left else None, mark)

    def _pages(self, walk: _Walk) -> Iterator[tuple[ListPage, Mark]]:
        """Ask for page after page, in slices that the account can answer whole."""
        rest: Backfill | None = walk.rest
        while rest is not None:
            page = self.source.list_orders(
                rest.first, rest.last, rest.page, Call.within(CALL_SECONDS, Purpose.BACKFILL)
            )
            if walk.mark.total is None:
                # The first question is about everything that is left.
                walk.mark = replace(walk.mark, total=page.total)
                self.run.progress.grow(page.total)
            if page.total > MOST_LISTED and rest.can_split and rest.page == 1:
                rest = rest.newer_half()
                continue
            self.run.where = f"at orders placed about {rest.last:%Y-%m-%d}, page {rest.page}"
            following = rest.next_page() if rest.page < page.pages else rest.older()
            yield page, walk.step(following, len(page.rows))
            rest = following

    def _store(self, batch: list[Reading], mark: Mark | None) -> None:
        if batch or mark:
            self.run.store(batch, mark=mark)
            self.run.progress.step(len(batch))

    # --- the lists compared with what we have -------------------------------------------

    def compare(self) -> bool:
        """Compare the account's lists with our rows; what differs goes to the inbox.

        The net under feed and hook: whatever they lost is found here. It goes on where it
        was stopped. Says whether it came to the end.
        """
        now = self.run.clock()
        stream = get_stream(self.run.connection, "compare")
        stopped = Backfill.parse(stream.cursor)
        begin = Backfill.begin(now - timedelta(days=self.run.options.reconcile_days), now)
        walk = (
            _Walk.resume(stream, stopped) if stopped else _Walk.begin("compare", begin, stream, now)
        )
        self.run.progress.stage("orders compared with the lists", walk.mark.total)
        for page, mark in self._pages(walk):
            with transaction.atomic():
                self._compare(page.rows)
                set_streams(self.run.connection, [mark], now=self.run.clock())
            self.run.note()
            self.run.progress.step(len(page.rows))
            if mark.cursor != END and self.run.is_over:
                return False
        set_streams(self.run.connection, [walk.finished()], now=self.run.clock())
        return True

    def _compare(self, rows: Sequence[ListRow]) -> None:
        known = {
            external_id: (status, total, read_at)
            for external_id, status, total, read_at in SourceRecord.objects.filter(
                connection=self.run.connection.name, external_id__in=[r.order_id for r in rows]
            ).values_list("external_id", "facts__status_raw", "facts__total", "read_at")
        }
        recent = self.run.clock() - LIST_LAG
        missing = [row.order_id for row in rows if row.order_id not in known]
        changed = [
            row.order_id
            for row in rows
            if row.order_id in known and differs(row, *known[row.order_id], recent=recent)
        ]
        inbox.put(
            connection_id=self.run.connection.pk,
            external_ids=[*missing, *changed],
            origin=Origin.LIST,
            now=self.run.clock(),
        )
        tally = self.run.tally
        tally.read += len(rows)
        tally.new += len(missing)
        tally.changed += len(changed)
        tally.unchanged += len(rows) - len(missing) - len(changed)

    # --- one order ----------------------------------------------------------------------

    def _order(self, order_id: str, purpose: Purpose = Purpose.SYNC) -> Reading:
        return self.source.order(order_id, Call.within(CALL_SECONDS, purpose))

    def _set_aside(self, order_id: str, error: BridgeError, item: Due | None = None) -> None:
        if ends_the_pass(error):
            raise error
        if isinstance(error, NotFound):
            # Listed or announced, and not there: nothing to ask for again.
            self.run.fail(order_id, "it was announced, and is not there")
            logger.info("an announced order is not there", extra={"order": order_id})
            if item:
                inbox.done(connection=self.run.connection, items=[item], now=self.run.clock())
        else:
            self.run.put_off(order_id, error, item)


@dataclass(slots=True)
class _Walk:
    """A reading of lists on its way: what is left, and the mark as of now."""

    rest: Backfill
    mark: Mark
    is_resumed: bool = False

    @classmethod
    def begin(cls, kind: str, state: Backfill, stream: Stream, now: datetime) -> _Walk:
        return cls(state, Mark(kind, state.cursor, high_water=stream.high_water, began_at=now))

    @classmethod
    def resume(cls, stream: Stream, state: Backfill) -> _Walk:
        mark = Mark(
            stream.kind,
            state.cursor,
            high_water=stream.high_water,
            began_at=stream.began_at,
            total=stream.total,
            done=stream.done,
        )
        return cls(state, mark, is_resumed=True)

    def step(self, following: Backfill | None, count: int) -> Mark:
        """Return where it stands after so many more orders."""
        cursor = following.cursor if following else END
        self.mark = replace(self.mark, cursor=cursor, done=self.mark.done + count)
        return self.mark

    def finished(self) -> Mark:
        """Return the mark at the end: all until its beginning is read."""
        return replace(self.mark, cursor=END, high_water=self.rest.until)


def differs(
    row: ListRow, status: object, total: object, read_at: datetime, *, recent: datetime
) -> bool:
    """Say whether a list's row shows that an order changed since we read it."""
    if read_at >= recent:
        return False
    if str(status or "").strip().lower() != row.status.strip().lower():
        return True
    return row.total is not None and total is not None and Decimal(str(total)) != row.total
