"""Building a pack: one document after the other, then a ZIP file of them, over and over.

The row says how far it is, so a killed worker's pack is taken up where it was. Each document
is first taken as if it were downloaded alone (which fetches, checks and records it); once
enough are there, they are written into one file from what we then hold. Writing a file twice
gives the same one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import IO, Any, Final, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from b2b_orders.audit.services import Action
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.visibility import VisibleQuerySet
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.archive_words import moment_words, reason_words
from b2b_orders.documents.archives import Archive, Heading, Item
from b2b_orders.documents.listing import PAYABLE
from b2b_orders.documents.models import Document, JobState, Pack, PackPart, State
from b2b_orders.documents.packing import Choice, chosen_documents, is_gone, make_item
from b2b_orders.documents.packs import UNFINISHED, expires_at
from b2b_orders.documents.patience import PatientSource
from b2b_orders.documents.rendering import BEING_MADE
from b2b_orders.documents.services import (
    DocumentUnavailable,
    Download,
    PaidForSource,
    open_download,
    stored_download,
)
from erp_bridge.connector import Purpose

NO_LONGER_ALLOWED: Final = "no-longer-allowed"
_ABSENT: Final = frozenset({State.EXPECTED, State.NOT_APPLICABLE})
_AT_ONCE: Final = 200
_IN_MEMORY: Final = 5_000_000
# A page that is not drawn by then is missing, and the index says so.
_PAUSE_SECONDS, _MOST_WAITS = 1.0, 60


@dataclass(slots=True)
class _Cursor:
    """How far a pack is. Documents after `start` and up to `after` wait for their ZIP file."""

    start: int = 0
    after: int = 0
    size: int = 0
    count: int = 0
    parts: int = 0
    # What was taken and missing in the ZIP files that are written.
    taken: int = 0
    missing: int = 0
    # For how many turns a page that we make ourselves was waited for.
    waits: int = 0
    # Why documents of the ZIP file to come are missing, by their id.
    problems: dict[str, str] = field(default_factory=dict)


def build_turn(
    *,
    pack_id: int,
    source: PaidForSource,
    clock: Callable[[], datetime],
    is_over: Callable[[], bool],
) -> JobState | None:
    """Build at a pack until it is done or the turn is over; None when there is nothing to do."""
    pack = Pack.objects.filter(pk=pack_id, state__in=UNFINISHED).first()
    if pack is None:
        return None
    if pack.state == JobState.WAITING:
        _update(pack, state=JobState.RUNNING, started_at=clock())
    viewer = viewer_of_asker(
        person_id=pack.person_id,
        company_id=pack.company_id,
        is_staff=bool(pack.filter.get("is_staff")),
        acting_id=pack.acting_id,
    )
    if viewer is None:
        return _finish(pack, JobState.FAILED, clock(), NO_LONGER_ALLOWED)
    with translation.override(pack.language or settings.LANGUAGE_CODE):
        builder = _Builder(pack, viewer, _Cursor(**pack.cursor), source, clock)
        is_done = builder.run(is_over)
    if is_done is None:
        return None
    return _finish(pack, JobState.DONE, clock()) if is_done else JobState.RUNNING


def _update(pack: Pack, **values: object) -> bool:
    """Write to a pack that is still wanted; False once it was cancelled."""
    return bool(Pack.objects.filter(pk=pack.pk, state__in=UNFINISHED).update(**values))


def _finish(pack: Pack, state: JobState, now: datetime, outcome: str = "") -> JobState:
    _update(
        pack,
        state=state,
        outcome=outcome,
        finished_at=now,
        expires_at=expires_at(now) if state is JobState.DONE else now,
    )
    return state


@dataclass(frozen=True, slots=True)
class _Builder:
    pack: Pack
    viewer: Viewer
    at: _Cursor
    source: PaidForSource
    clock: Callable[[], datetime]

    def run(self, is_over: Callable[[], bool]) -> bool | None:
        """Go on until all is written (True), the turn is over (False) or nobody wants it (None)."""
        while True:
            document = self._wanted(self.at.after).first()
            if document is None:
                has_rest = self.at.count or not self.at.parts
                return self._write_part() if has_rest else True
            is_taken = self._take(document)
            if not self._save():
                return None
            if not is_taken:
                time.sleep(_PAUSE_SECONDS)
                return False
            if self._is_full() and not self._write_part():
                return None
            if is_over():
                return False

    def _wanted(self, after: int) -> VisibleQuerySet[Document]:
        choice = Choice.of_json(self.pack.filter)
        rows = chosen_documents(viewer=self.viewer, choice=choice)
        rows = rows.filter(pk__gt=after, pk__lte=self.pack.filter.get("last", 0))
        return rows.select_related("file", "record__order").order_by("pk")

    def _take(self, document: Document) -> bool:
        """Have a document fetched and recorded; note why it cannot be had.

        False while a worker draws it: this turn ends, and a later one looks again.
        """
        problem = self._problem(document)
        if problem == BEING_MADE and self.at.waits < _MOST_WAITS:
            self.at.waits += 1
            return False
        self.at.waits = 0
        self.at.after = document.pk
        self.at.count += 1
        if problem:
            self.at.problems[str(document.pk)] = problem
        return True

    def _problem(self, document: Document) -> str:
        if document.state in _ABSENT or is_gone(document):
            return document.state
        try:
            taken = open_download(
                viewer=self.viewer,
                actor=_actor(self.pack, self.viewer),
                public_id=document.public_id,
                source=PatientSource(
                    self.source, settings.PORTAL_DOCUMENT_SECONDS, Purpose.BACKFILL
                ),
                now=self.clock(),
                action=Action.DOCUMENTS_PACKED,
                about={"pack": str(self.pack.public_id)},
            )
        except DocumentUnavailable as error:
            return State.DAMAGED if error.is_damaged else error.reason or "failed"
        except NotVisible:
            return "not-visible"
        self.at.size += taken.size
        return ""

    def _is_full(self) -> bool:
        return (
            self.at.count >= settings.PORTAL_PACK_PART_FILES
            or self.at.size >= settings.PORTAL_PACK_PART_BYTES
        )

    def _save(self) -> bool:
        missing = len(self.at.problems)
        return _update(
            self.pack,
            cursor=asdict(self.at),
            taken=self.at.taken + self.at.count - missing,
            missing=self.at.missing + missing,
        )

    # --- one ZIP file ------------------------------------------------------------------

    def _write_part(self) -> bool | None:
        """Write the waiting documents into a ZIP file; None once the pack was cancelled."""
        number, now = self.at.parts + 1, self.clock()
        archive = Archive(self._heading(number, now), self.pack.language)
        inside: list[int] = []
        name = f"packs/{self.pack.public_id}/{number}.zip"
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
            for piece in archive.stream(self._items(inside)):
                spooled.write(piece)
            size = spooled.tell()
            spooled.seek(0)
            storage = storages["documents"]
            # A killed worker may have left a part of it.
            storage.delete(name)
            saved = storage.save(name, File(cast("IO[bytes]", spooled)))
        self._begin_next(archive)
        values: dict[str, Any] = {"company_id": self.pack.company_id, "name": saved, "size": size}
        values |= {"count": archive.count, "documents": inside, "made_at": now}
        with transaction.atomic():
            if not self._save():
                storage.delete(saved)
                return None
            PackPart.objects.update_or_create(pack=self.pack, number=number, defaults=values)
        return True

    def _begin_next(self, archive: Archive) -> None:
        self.at.taken += archive.count
        self.at.missing += archive.missing
        self.at.parts += 1
        self.at.start, self.at.size, self.at.count = self.at.after, 0, 0
        self.at.problems = {}

    def _items(self, inside: list[int]) -> Iterator[Item]:
        """Hand out the waiting documents of which we hold the bytes, and why the others are not."""
        rows = self._wanted(self.at.start).filter(pk__lte=self.at.after)
        seen: set[int] = set()
        for document in rows.iterator(chunk_size=_AT_ONCE):
            seen.add(document.pk)
            problem = self.at.problems.get(str(document.pk), "")
            file = None if problem else self._stored(document)
            if file is not None:
                inside.append(document.pk)
            order = document.record.order.title if document.record.order else ""
            yield make_item(
                document,
                order=order,
                file=file,
                problem=reason_words(problem, problem),
                # It lies about for days: whatever is to be paid may be paid by then.
                is_copy=document.kind in PAYABLE,
                above=(order,) if order else (),
            )
        # What was there a moment ago and is not any more is still counted.
        for _each in range(self.at.count - len(seen)):
            yield Item((), "", "", "", "", problem=reason_words("not-visible"))

    def _stored(self, document: Document) -> Download | None:
        return stored_download(viewer=self.viewer, document=document, now=self.clock())

    def _heading(self, number: int, now: datetime) -> Heading:
        made = timezone.localtime(now)
        lines = [
            _("Documents of %(company)s") % {"company": self.pack.company.name},
            f"{settings.PORTAL_SELLER_NAME}, {moment_words(made)}",
        ]
        choice = Choice.of_json(self.pack.filter)
        if choice.since and choice.until:
            days = {"since": choice.since.isoformat(), "until": choice.until.isoformat()}
            lines.append(_("From %(since)s to %(until)s") % days)
        lines.append(_("ZIP file %(number)s") % {"number": number})
        return Heading(tuple(lines))


def _actor(pack: Pack, viewer: Viewer) -> Actor:
    return Actor(
        person_id=pack.person_id,
        staff_role=StaffRole(viewer.staff_role) if viewer.staff_role else None,
        reason=pack.reason,
    )
