"""Building a pack: one document after the other, then a ZIP file of them, over and over.

The row says how far it is, so a killed worker's pack is taken up where it was. Each document
is first taken as if it were downloaded alone (which fetches, checks and records it); once
enough are there, they are written into one file from what we then hold. Writing a file twice
gives the same one. What is being made, or at a source that is away, is waited for and tried
again for some minutes before it is listed as missing.
"""

from __future__ import annotations

import tempfile
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
from b2b_orders.documents.fetching import BUSY
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
# Codes of sources that may answer in a while, and of what somebody else is fetching.
_AWAY: Final = frozenset({"unreachable", "throttled", "source-failing", "transient", BUSY})
# Seconds for which a ZIP file waits for pages while none comes, and a pack for its sources.
_PAGE_PATIENCE: Final = 300.0
_AWAY_PATIENCE: Final = 600.0
# Seconds between two tries.
_PAGE_PAUSE: Final = 15.0
_AWAY_PAUSE: Final = 60.0
_AT_ONCE: Final = 200
_IN_MEMORY: Final = 5_000_000


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
    # Why documents of the ZIP file to come are missing, by their id.
    problems: dict[str, str] = field(default_factory=dict)
    # Moments, as seconds: when what is missing is tried again; when the last page came that
    # this ZIP file waits for; when a source was first found away.
    again_at: float = 0
    page_at: float = 0
    away_at: float = 0


def build_turn(
    *,
    pack_id: int,
    source: PaidForSource,
    clock: Callable[[], datetime],
    is_over: Callable[[], bool],
) -> JobState | None:
    """Build at a pack until it is done or the turn is over; None when there is nothing to do.

    WAITING when only time can help: a page is being made, or a source is away.
    """
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
        ended = builder.run(is_over)
    return _finish(pack, JobState.DONE, clock()) if ended is JobState.DONE else ended


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

    def run(self, is_over: Callable[[], bool]) -> JobState | None:
        """Go on until all is written, the turn is over, or it has to wait; None: not wanted."""
        while True:
            document = None if self._is_full() else self._wanted(self.at.after).first()
            if document is not None:
                self._take(document)
                if not self._save():
                    return None
            elif self.at.parts and not self.at.count:
                return JobState.DONE
            elif self._has_to_wait(is_over):
                return JobState.WAITING if self._save() else None
            elif not self._write_part():
                return None
            elif not self._has_more():
                return JobState.DONE
            if is_over() and not self._is_full():
                return JobState.RUNNING

    def _has_more(self) -> bool:
        return self._wanted(self.at.after).exists()

    def _wanted(self, after: int) -> VisibleQuerySet[Document]:
        choice = Choice.of_json(self.pack.filter)
        rows = chosen_documents(viewer=self.viewer, choice=choice)
        rows = rows.filter(pk__gt=after, pk__lte=self.pack.filter.get("last", 0))
        return rows.select_related("file", "record__order").order_by("pk")

    def _take(self, document: Document) -> None:
        """Have a document fetched and recorded; note why it cannot be had."""
        problem = self._problem(document)
        self.at.after = document.pk
        self.at.count += 1
        if problem:
            self.at.problems[str(document.pk)] = problem
        if problem in _AWAY:
            self.at.away_at = self.at.away_at or self._now
            self.at.again_at = self._now + _AWAY_PAUSE

    # --- what may come yet -----------------------------------------------------------

    @property
    def _now(self) -> float:
        return self.clock().timestamp()

    def _waits_for(self) -> list[int]:
        """List documents of the ZIP file to come that may still come, by their ids."""
        made_until = (self.at.page_at or self._now) + _PAGE_PATIENCE
        away_until = (self.at.away_at or self._now) + _AWAY_PATIENCE
        return [
            int(pk)
            for pk, problem in self.at.problems.items()
            if (problem == BEING_MADE and self._now < made_until)
            or (problem in _AWAY and self._now < away_until)
        ]

    def _has_to_wait(self, is_over: Callable[[], bool]) -> bool:
        """Try again what is missing and may come yet; say whether something still may."""
        waiting = self._waits_for()
        if not waiting or self._now < self.at.again_at:
            return bool(waiting)
        self.at.page_at = self.at.page_at or self._now
        away: set[str] = set()
        for pk in waiting:
            if is_over():
                return True
            self._try_again(pk, away)
        is_page = BEING_MADE in self.at.problems.values()
        self.at.again_at = self._now + (_PAGE_PAUSE if is_page else _AWAY_PAUSE)
        return bool(self._waits_for())

    def _try_again(self, pk: int, away: set[str]) -> None:
        """Take a document that could not be had; a source that is still away is asked once."""
        document = self._wanted(self.at.start).filter(pk=pk).first()
        if document is not None and document.record.connection in away:
            return
        problem = "not-visible" if document is None else self._problem(document)
        if not problem:
            self.at.page_at = self._now
            del self.at.problems[str(pk)]
        else:
            self.at.problems[str(pk)] = problem
        if document is not None and problem in _AWAY:
            away.add(document.record.connection)
        # What was recorded is not taken a second time by who takes over from a killed worker.
        self._save()

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
            return error.reason or error.state
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
        self.at.page_at = 0

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
                problem=reason_words(problem, document.state) if problem else "",
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
