"""How long fetched files are kept, and whether what is kept is what was stored.

A document's row stays when its bytes go: whoever asks gets them from the source again. The
duty to keep an NF-e is the emitter's and the recipient's; what we hold is a copy at hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import DateField, Exists, F, OuterRef, ProtectedError, Q, QuerySet
from django.db.models.functions import Coalesce, TruncDate

from b2b_orders.documents import storage
from b2b_orders.documents.fetching import is_read_early
from b2b_orders.documents.models import Document, Origin, Rendering, StoredFile
from erp_bridge.records import DocumentKind

_BATCH: Final = 200
# What was just fetched, or half written, is somebody's at this moment.
_GRACE: Final = timedelta(days=1)
_XML: Final = "application/xml"
# The store in parts, by how its names begin.
PARTS: Final = tuple(f"{number:02x}" for number in range(256))
_TURN_SECONDS, _PARTS_A_TURN = 120, 3


@dataclass(slots=True)
class Dropped:
    """What one turn of keeping did."""

    documents: int = 0
    files: int = 0
    orphans: int = 0
    is_finished: bool = True


def drop_old(*, now: datetime, seconds: float) -> Dropped:
    """Let go of files that were kept for as long as they should be, for some seconds."""
    until = time.monotonic() + seconds
    done = Dropped()
    steps: tuple[Callable[[], int], ...] = (
        lambda: _count(done, "documents", _drop_renderings(now)),
        lambda: _count(done, "documents", _drop_documents(now)),
        lambda: _count(done, "files", _drop_unused(now)),
    )
    for step in steps:
        while step():
            if time.monotonic() >= until:
                done.is_finished = False
                return done
    done.orphans = storage.sweep_incoming(now=now, age=_GRACE)
    # A few parts of the store each turn: all of them within a night.
    turn = int(now.timestamp() // _TURN_SECONDS) * _PARTS_A_TURN
    for part in range(turn, turn + _PARTS_A_TURN):
        for sha256 in orphans(PARTS[part % len(PARTS)], now=now):
            storage.discard(sha256)
            done.orphans += 1
    return done


def _count(done: Dropped, name: str, count: int) -> int:
    setattr(done, name, getattr(done, name) + count)
    return count


def _drop_renderings(now: datetime) -> int:
    """Forget pages of our making; they are made again when somebody asks."""
    days = settings.PORTAL_KEEP_RENDERED_DAYS
    if not days:
        return 0
    old = Rendering.objects.filter(finished_at__lt=now - timedelta(days=days))
    ids = list(old.order_by("pk").values_list("pk", flat=True)[:_BATCH])
    if ids:
        Rendering.objects.filter(pk__in=ids).delete()
    return len(ids)


def _drop_documents(now: datetime) -> int:
    ids = list(_outlived(now).order_by("pk").values_list("pk", flat=True)[:_BATCH])
    if ids:
        # What was read of it stays: the order knows it.
        Document.objects.filter(pk__in=ids).update(file=None)
    return len(ids)


def _outlived(now: datetime) -> QuerySet[Document]:
    """Find documents whose bytes need not be held any more."""
    xml, boleto, rendered = (
        Q(file__content_type=_XML),
        Q(kind=DocumentKind.BOLETO),
        Q(origin=Origin.RENDERED),
    )
    rules = (
        (xml, "issued", settings.PORTAL_KEEP_XML_DAYS),
        (boleto & ~rendered, "due", settings.PORTAL_KEEP_BOLETO_DAYS),
        (rendered, "fetched", settings.PORTAL_KEEP_RENDERED_DAYS),
        (~xml & ~boleto & ~rendered, "issued", settings.PORTAL_KEEP_FILE_DAYS),
    )
    outlived = Q()
    for which, since, days in rules:
        if days:
            outlived |= which & Q(**{f"{since}__lt": (now - timedelta(days=days)).date()})
    fetched = TruncDate("fetched_at", output_field=DateField())
    found = Document.objects.filter(file__isnull=False, fetched_at__lt=now - _GRACE).annotate(
        fetched=fetched,
        issued=Coalesce(F("issued_on"), fetched),
        due=Coalesce(F("due_on"), F("issued_on"), fetched),
    )
    return found.filter(outlived) if outlived else found.none()


def _drop_unused(now: datetime) -> int:
    """Delete bytes that no document needs: first the row, so that none begins to meanwhile."""
    unused = _unused().filter(stored_at__lt=now - _GRACE)
    gone = 0
    for sha256 in list(unused.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        try:
            with transaction.atomic():
                deleted, _ = _unused().filter(pk=sha256).delete()
        except (IntegrityError, ProtectedError):
            # It has just been fetched again.
            continue
        if deleted:
            storage.discard(sha256)
            gone += 1
    return gone


def _unused() -> QuerySet[StoredFile]:
    return StoredFile.objects.filter(
        ~Exists(Document.objects.filter(file=OuterRef("pk"))),
        ~Exists(Rendering.objects.filter(file=OuterRef("pk"))),
    )


def orphans(prefix: str, *, now: datetime) -> Iterator[str]:
    """List bytes in a part of the store that have no row, and had a day to get one."""
    held = list(storage.list_held(prefix))
    known = set(StoredFile.objects.filter(pk__in=held).values_list("pk", flat=True))
    for sha256 in held:
        if sha256 not in known and storage.is_older(sha256, now - _GRACE):
            yield sha256


# --- is it right --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in the store that is not as it should be: missing, corrupt, or nobody's."""

    kind: str
    sha256: str
    documents: int = 0


def count_stored() -> int:
    """Say of how many files we have a row."""
    return StoredFile.objects.count()


def verify(*, now: datetime, sample: int = 0, is_repair: bool = False) -> Iterator[Flaw | None]:
    """Hash what is kept, all or a sample drawn by chance; one answer a file, None for a right one.

    A repair has documents of missing and corrupt files fetched again, and deletes what is
    corrupt or nobody's. Orphans are looked for only when all is looked at.
    """
    for stored in _stored(sample):
        found = storage.hash_of(stored)
        if found == stored.sha256:
            yield None
            continue
        kind = "corrupt" if found else "missing"
        count = Document.objects.filter(file=stored).count()
        if is_repair:
            _repair(stored, now)
        yield Flaw(kind, stored.sha256, count)
    for part in () if sample else PARTS:
        for sha256 in orphans(part, now=now):
            if is_repair:
                storage.discard(sha256)
            yield Flaw("orphan", sha256)


def _stored(sample: int) -> Iterator[StoredFile]:
    if sample:
        yield from StoredFile.objects.order_by("?")[:sample]
        return
    last = ""
    while rows := list(StoredFile.objects.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        yield from rows
        last = rows[-1].pk


def _repair(stored: StoredFile, now: datetime) -> None:
    """Take a wrong file away; a worker fetches XMLs again, people the others at their click."""
    storage.discard(stored.sha256)
    with transaction.atomic():
        Rendering.objects.filter(file=stored).delete()
        broken = Document.objects.filter(file=stored)
        for pk, kind, title, origin in broken.values_list("pk", "kind", "title", "origin"):
            is_due = origin == Origin.SOURCE and is_read_early(kind, title)
            Document.objects.filter(pk=pk).update(
                file=None, fetched_at=None, due_at=now if is_due else None, failures=0
            )
