"""Reading a VTEX account: its history by lists, and what changes by its feed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from b2b_orders.ingest.passes import (
    BATCH,
    Mark,
    Pass,
    ends_the_pass,
    fetch_in_order,
    get_stream,
    threads,
)
from b2b_orders.ingest.slices import Backfill
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, NotFound
from erp_bridge.records import Reading
from erp_bridge.vtex.client import FeedItem, VtexClient

logger = logging.getLogger(__name__)

# Lists hold two years and 3,000 orders a question.
HISTORY = timedelta(days=730)
MOST_LISTED = 3000
# Lists run minutes behind, so a later pass looks at the last day again.
OVERLAP = timedelta(days=1)
CALL_SECONDS = 30.0
FEED_LOT = 10


@dataclass(frozen=True, slots=True)
class _Listed:
    """An order to read; `mark` is where the back-fill stands once it is stored."""

    order_id: str
    mark: Mark | None


class VtexPass:
    """The parts of one pass over one account."""

    def __init__(self, run: Pass, source: VtexClient) -> None:
        self.run = run
        self.source = source
        self.at_once = run.options.requests_at_once or source.config.concurrency

    # --- the feed ----------------------------------------------------------------

    def ensure_feed(self) -> None:
        """Make sure that changes are queued for us: before any list is read."""
        config = self.source.feed_config(Call.within(CALL_SECONDS))
        if config is None or config.filter != self.source.config.event_filter:
            self.source.set_feed_config(call=Call.within(CALL_SECONDS))

    def drain_feed(self) -> None:
        """Read what the feed says has changed, until it is empty."""
        self.run.progress.stage("changes from the feed")
        self.run.where = "in the feed"
        with threads(self.at_once) as pool:
            while not self.run.is_over:
                items = self.source.feed_items(Call.within(CALL_SECONDS), limit=FEED_LOT)
                if not items:
                    return
                order_ids = list(dict.fromkeys(i.order_id for i in items if i.order_id))
                answers = list(fetch_in_order(pool, order_ids, self._order))
                self._settle_feed(items, answers)

    def _settle_feed(
        self, items: Sequence[FeedItem], answers: Sequence[tuple[str, Reading | BridgeError]]
    ) -> None:
        readings = [answer for _, answer in answers if isinstance(answer, Reading)]
        if readings:
            self.run.store(readings, done=[r.record.external_id for r in readings])
        unanswered: dict[str, BridgeError] = {}
        for order_id, answer in answers:
            if isinstance(answer, BridgeError):
                if ends_the_pass(answer):
                    unanswered[order_id] = answer
                else:
                    self._set_aside(order_id, answer)
        for item in items:
            if not item.order_id:
                self.run.park("feed", "feed-item", "an item of the feed names no order")
        # Only now, with our transaction behind us: what is not committed comes back.
        handles = [i.handle for i in items if i.order_id not in unanswered]
        if handles:
            self.source.feed_commit(handles, Call.within(CALL_SECONDS))
        self.run.progress.step(len(handles))
        for error in unanswered.values():
            raise error

    # --- the history ----------------------------------------------------------------

    def backfill(self, *, since: datetime | None = None, until: datetime | None = None) -> None:
        """Read the orders of a time by lists, newest first, going on where it was stopped.

        Without a time: what was never read of the account's history, and else what was
        placed since the last pass.
        """
        state, kind, high_water = self._plan(since, until)
        if state is None:
            return
        self.run.progress.stage("orders from the lists")
        with threads(self.at_once) as pool:
            batch: list[Reading] = []
            mark: Mark | None = None
            for listed, answer in fetch_in_order(
                pool, self._listed(state, kind), lambda item: self._order(item.order_id)
            ):
                if isinstance(answer, Reading):
                    batch.append(answer)
                elif ends_the_pass(answer):
                    self._store(batch, mark)
                    raise answer
                else:
                    self._set_aside(listed.order_id, answer)
                mark = listed.mark or mark
                if len(batch) >= BATCH:
                    self._store(batch, mark)
                    batch, mark = [], None
                if self.run.is_over:
                    self._store(batch, mark)
                    return
            self._store(batch, Mark(kind, "done", high_water=high_water))

    def _plan(
        self, since: datetime | None, until: datetime | None
    ) -> tuple[Backfill | None, str, datetime | None]:
        now = self.run.clock()
        kind = "backfill" if since is None and until is None else "range"
        stream = get_stream(self.run.connection, kind)
        stopped = Backfill.parse(stream.cursor)
        if kind == "range":
            begin = Backfill.begin(since or now - HISTORY, until or now)
            same = stopped and stopped.floor == begin.floor
            if stopped and same and (until is None or stopped.until == begin.until):
                return stopped, kind, None
            return (begin if begin.floor < begin.until else None), kind, None
        if stopped:
            return stopped, kind, stopped.until
        floor = stream.high_water - OVERLAP if stream.high_water else now - HISTORY
        return Backfill.begin(floor, now), kind, now

    def _listed(self, state: Backfill, kind: str) -> Iterator[_Listed]:
        """List orders slice by slice and page by page; the last of a page carries the mark."""
        rest: Backfill | None = state
        while rest is not None:
            page = self.source.list_orders(
                rest.first, rest.last, rest.page, Call.within(CALL_SECONDS, Purpose.BACKFILL)
            )
            if page.total > MOST_LISTED and rest.can_split and rest.page == 1:
                rest = rest.newer_half()
                continue
            self.run.where = f"at orders placed about {rest.last:%Y-%m-%d}, page {rest.page}"
            if rest.page == 1:
                self.run.progress.grow(page.total)
            following = rest.next_page() if rest.page < page.pages else rest.older()
            mark = Mark(kind, following.cursor if following else "done")
            for order_id in page.order_ids[:-1]:
                yield _Listed(order_id, None)
            for order_id in page.order_ids[-1:]:
                yield _Listed(order_id, mark)
            rest = following

    def _store(self, batch: list[Reading], mark: Mark | None) -> None:
        if batch or mark:
            self.run.store(batch, mark=mark, done=[r.record.external_id for r in batch])
            self.run.progress.step(len(batch))

    # --- what is due again ------------------------------------------------------------

    def drain_inbox(self) -> None:
        """Read again what could not be read before and is due."""
        due = list(
            self.run.connection.inbox.filter(due_at__lte=self.run.clock())
            .order_by("due_at")
            .values_list("external_id", flat=True)[:1000]
        )
        self.run.where = "at orders to be tried again"
        with threads(self.at_once) as pool:
            for order_id, answer in fetch_in_order(pool, due, self._order):
                if isinstance(answer, Reading):
                    self.run.store([answer], done=[order_id])
                elif ends_the_pass(answer):
                    raise answer
                else:
                    self._set_aside(order_id, answer)
                if self.run.is_over:
                    return

    # --- one order ----------------------------------------------------------------------

    def _order(self, order_id: str) -> Reading:
        return self.source.order(order_id, Call.within(CALL_SECONDS))

    def _set_aside(self, order_id: str, error: BridgeError) -> None:
        if isinstance(error, NotFound):
            # Listed or announced, and not there: nothing to ask for again.
            self.run.fail(order_id, "it was announced, and is not there")
            logger.info("an announced order is not there", extra={"order": order_id})
            self.run.connection.inbox.filter(external_id=order_id).delete()
        else:
            self.run.put_off(order_id, error)
