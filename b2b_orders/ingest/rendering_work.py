"""Making pages of XMLs: the worker's side of `documents.rendering`.

Rows are the state. Whoever makes a page holds a lock of the database session, which a killed
process gives back; what was begun twice and never ended is given up.
"""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import connection as database
from django.db import transaction
from django.db.models import F

from b2b_orders.audit.services import report_incident
from b2b_orders.common.errors import Conflict
from b2b_orders.documents import drawing, rendering, storage
from b2b_orders.documents.drawing import NotDrawn
from b2b_orders.documents.expecting import refresh_expected
from b2b_orders.documents.models import (
    Document,
    JobState,
    Origin,
    Rendering,
    State,
    StoredFile,
)
from b2b_orders.documents.rendering import Recipe
from b2b_orders.ingest import waking
from b2b_orders.ingest.lanes import session_lock

logger = logging.getLogger(__name__)
_LOCK: Final = 7006  # first half of our advisory locks: "this page is being made"
_AHEAD: Final = "renderings-ahead"
MAX_TRIES: Final = 2
_PIECE: Final = 65_536
# A document that changed is seen by several looks; the long look finds what those missed.
RECENT: Final = timedelta(minutes=5)
LONG: Final = timedelta(hours=25)
_ORDERS_AT_ONCE: Final = 200
# A turn of making pages ahead: short, so that a worker is soon free for something else.
AHEAD_SECONDS: Final = 20.0


def wake_workers() -> None:
    """Have what people wait for made at once, when the page's transaction is through.

    Without a broker the next sweep finds it.
    """
    transaction.on_commit(lambda: waking.aside(_send_sweep))


def _send_sweep() -> None:
    waking.send("ingest.sweep_renderings", expires=10)


def update_orders(*, since: datetime, now: datetime, with_joined: bool = False) -> int:
    """Make and put right the rows of rendered pages, where files changed since then."""
    after = count = 0
    while orders := rendering.orders_to_look_at(
        since=since, after=after, limit=_ORDERS_AT_ONCE, with_joined=with_joined
    ):
        _offer(orders, now)
        after, count = orders[-1], count + len(orders)
    return count


def after_check(*, document_id: int, now: datetime) -> None:
    """Offer what can be made of a file that was just checked; for whoever checks in a worker."""
    document = Document.objects.filter(pk=document_id).select_related("record").first()
    if document is not None and document.record.order_id is not None:
        _offer([document.record.order_id], now)


def _offer(order_ids: Collection[int], now: datetime) -> None:
    rendering.update_rendered(order_ids=order_ids, now=now)
    # A page of ours stands in for the one that was waited for, and whoever waits is told.
    waiting = Document.objects.filter(
        record__order_id__in=order_ids,
        origin=Origin.RULE,
        state=State.EXPECTED,
        kind__in=rendering.PAGES,
    )
    records = list(waiting.values_list("record_id", flat=True).distinct())
    if records:
        refresh_expected(record_ids=records, now=now)


# What is being made has its lock; `objsubid` 2 is a lock by two numbers.
_TO_DO = """
    SELECT r.id FROM documents_rendering AS r
    WHERE r.state IN ('waiting', 'running') AND r.is_urgent = %(urgent)s
      AND NOT EXISTS (
          SELECT 1 FROM pg_locks AS k
          WHERE k.locktype = 'advisory' AND k.classid = %(lock)s AND k.objid = r.id
            AND k.objsubid = 2
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY r.asked_at LIMIT %(limit)s
"""


def to_do(*, is_urgent: bool, limit: int = 20) -> list[int]:
    """Return pages that no worker is making, longest asked for first."""
    with database.cursor() as cursor:
        cursor.execute(_TO_DO, {"urgent": is_urgent, "lock": _LOCK, "limit": limit})
        return [pk for (pk,) in cursor.fetchall()]


def render_ahead(*, clock: Callable[[], datetime], seconds: float = AHEAD_SECONDS) -> int:
    """Make small pages before anybody asks, one at a time in the whole installation."""
    made, end = 0, time.monotonic() + seconds
    try:
        with session_lock(_LOCK, _AHEAD):
            while time.monotonic() < end and (waiting := to_do(is_urgent=False, limit=1)):
                run_rendering(rendering_id=waiting[0], clock=clock)
                made += 1
    except Conflict:
        return made
    return made


def run_rendering(*, rendering_id: int, clock: Callable[[], datetime]) -> JobState | None:
    """Make a page and note what came of it; None when it is not ours to do."""
    try:
        with session_lock(_LOCK, rendering_id):
            row = _begin(rendering_id, clock())
            return None if row is None else _run(row, clock)
    except Conflict:
        return None


def _begin(rendering_id: int, now: datetime) -> Rendering | None:
    mine = Rendering.objects.filter(pk=rendering_id, state__in=(JobState.WAITING, JobState.RUNNING))
    if not mine.update(state=JobState.RUNNING, started_at=now, tries=F("tries") + 1):
        return None
    return mine.select_related("document__made_from__file").get()


def _run(row: Rendering, clock: Callable[[], datetime]) -> JobState:
    recipe = rendering.recipe_of(row.document)
    if recipe is not None and recipe.key != row.key:
        # Cancelled, or fetched anew, since it was asked for.
        Rendering.objects.filter(pk=row.pk).delete()
        rendering.request_rendering(row.document, recipe, is_urgent=row.is_urgent, now=clock())
        return JobState.WAITING
    try:
        stored = _make(row, recipe, clock)
    except NotDrawn as error:
        if error.is_passing and row.tries < MAX_TRIES:
            Rendering.objects.filter(pk=row.pk).update(state=JobState.WAITING)
            return JobState.WAITING
        return _fail(row, error, clock())
    rendering.note_made(row, stored, now=clock())
    return JobState.DONE


def _make(row: Rendering, recipe: Recipe | None, clock: Callable[[], datetime]) -> StoredFile:
    if row.tries > MAX_TRIES:
        raise NotDrawn("render-gave-up")
    if recipe is None:
        raise NotDrawn(rendering.XML_GONE)
    if (same := rendering.find_same(row)) is not None:
        return same
    page = _draw(recipe)
    spooled = storage.Spooled(io.BytesIO(page), hashlib.sha256(page).hexdigest(), len(page))
    return storage.keep(spooled, content_type="application/pdf", now=clock())


def _draw(recipe: Recipe) -> bytes:
    try:
        with storage.open_stored(recipe.xml) as file:
            xml = b"".join(iter(lambda: file.read(_PIECE), b""))
    except storage.CorruptFile as error:
        # Not held any more: it is fetched and checked afresh, and then drawn.
        storage.discard(recipe.xml.sha256)
        raise NotDrawn(rendering.XML_GONE, "its bytes are not those that were checked") from error
    return drawing.draw(recipe.kind, xml, is_cancelled=recipe.is_cancelled, issuer=recipe.issuer)


def _fail(row: Rendering, error: NotDrawn, now: datetime) -> JobState:
    """Give a page up; operations hear of it, with what the library said but not of whom."""
    logger.warning(
        "a page could not be made",
        extra={"rendering": row.pk, "reason": error.reason, "detail": error.detail},
    )
    rendering.note_failed(row, error.reason, now=now)
    document = row.document
    report_incident(
        "rendering-failed",
        connection=document.record.connection,
        company_id=document.company_id,
        object_kind="document",
        object_id=str(document.public_id),
        detail={"kind": document.kind, "reason": error.reason, "detail": error.detail},
        now=now,
    )
    return JobState.FAILED
