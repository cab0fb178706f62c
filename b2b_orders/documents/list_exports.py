"""Lists of orders as files: asking for one, looking how far it is, taking it.

A list that is short is written while its person waits. One that is long is a row, and a
worker writes it (`portal.exporting`) with the rights that its person has then.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Final, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import storages
from django.db import connection as database
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible, ProductError
from b2b_orders.common.mail import refusal_ends_it, send_each
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.viewers import viewer_of_asker
from b2b_orders.documents.models import JobState, ListExport
from b2b_orders.orders.filtering import MAX_QUERY

# Second advisory lock's space: "an export of this company is being asked for".
_ASKING: Final = 7051
# And "this export is being written".
WRITING: Final = 7052
FORMATS: Final = ("csv", "xlsx")
UNFINISHED: Final = (JobState.WAITING, JobState.RUNNING)
DELETED, CANCELLED, EXPIRED, GIVEN_UP = "deleted", "cancelled", "expired", "given-up"
NO_LONGER_ALLOWED: Final = "no-longer-allowed"
_LISTED: Final = 20
# A message that nobody took up for so long is sent again.
_LOST: Final = timedelta(seconds=5)
# One whose worker was killed, or failed, is begun anew after so long.
_ANEW: Final = timedelta(minutes=1)
# One that could not be written for so long is given up.
_GIVEN_UP_AFTER: Final = timedelta(hours=6)
# Rows are kept for so long after their file, so that people see what became of it.
_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export as its person sees it. `outcome` is a code that says why there is no file."""

    id: int
    public_id: uuid.UUID
    format: str
    query: str
    state: str
    outcome: str
    total: int
    written: int
    size: int
    asked_at: datetime
    expires_at: datetime | None

    @property
    def is_unfinished(self) -> bool:
        """Say whether a worker still has to do with it."""
        return self.state in UNFINISHED


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to hand out."""

    format: str
    asked_at: datetime
    size: int
    name: str

    def open(self) -> IO[bytes]:
        """Open the bytes; the caller closes it."""
        return cast("IO[bytes]", storages["documents"].open(self.name, "rb"))


class ExportGone(ProductError):
    """It cannot be taken any more; `reason` is a code."""

    code = "export-gone"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def request_export(
    *,
    viewer: Viewer,
    actor: Actor,
    query: str,
    columns: Sequence[str],
    file_format: str,
    total: int,
    language: str,
    time_zone: str,
    now: datetime,
) -> ExportView:
    """Write down that somebody wants a list as a file.

    `InvalidInput` for more rows than the settings allow and for too long a filter; `Conflict`
    while too many of the person's or the company's are being written.
    """
    if total > settings.PORTAL_EXPORT_ROWS:
        raise InvalidInput("export", "too-many-rows")
    if len(query) > MAX_QUERY:
        raise InvalidInput("export", "filter-too-long")
    _check_quota(viewer)
    made = ListExport.objects.create(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        acting_id=viewer.acting_id,
        reason=viewer.reason,
        is_staff=viewer.is_staff,
        language=language,
        time_zone=time_zone,
        format=file_format,
        query=query,
        columns=list(columns),
        total=total,
        asked_at=now,
    )
    _record(Action.ORDERS_EXPORTED, made, actor, now, {"rows": total, "filter": query})
    return _view(made)


def _check_quota(viewer: Viewer) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_ASKING, viewer.company_id % 2**31])
    unfinished = ListExport.objects.filter(company_id=viewer.company_id, state__in=UNFINISHED)
    if unfinished.filter(person_id=viewer.person_id).count() >= settings.PORTAL_PACKS_OF_PERSON:
        raise Conflict("too-many-exports")
    if unfinished.count() >= settings.PORTAL_PACKS_OF_COMPANY:
        raise Conflict("too-many-exports")


def list_exports(*, viewer: Viewer) -> tuple[ExportView, ...]:
    """List the latest exports that the viewer asked for, newest first. One SQL statement."""
    rows = _own(viewer).exclude(outcome=DELETED).order_by("-asked_at", "-pk")[:_LISTED]
    return tuple(_view(each) for each in rows)


def drop_export(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Cancel an export that is not finished, or delete a finished one with its file."""
    export = _get(viewer, public_id)
    is_unfinished = export.state in UNFINISHED
    outcome = CANCELLED if is_unfinished else DELETED
    values = {"outcome": outcome, "expires_at": now}
    if is_unfinished:
        values |= {"state": JobState.FAILED, "finished_at": now}
    ListExport.objects.filter(pk=export.pk).update(**values)
    _record(Action.ORDERS_EXPORTED, export, actor, now, {"how": outcome})


def take_export(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> ExportFile:
    """Hand out an export's file, if its person may still see what is in it.

    `NotVisible` for what is not the viewer's own; `ExportGone` for what is over, or was written
    with rights that the viewer has lost since.
    """
    export = _get(viewer, public_id)
    is_past = export.expires_at is None or export.expires_at <= now
    if export.state != JobState.DONE or export.outcome or is_past:
        raise ExportGone(export.outcome or EXPIRED)
    if export.sight and export.sight != sight_of(viewer):
        _record(Action.EXPORT_TAKEN, export, actor, now, {"problem": "rights-changed"})
        raise ExportGone("rights-changed")
    if not storages["documents"].exists(export.name):
        raise ExportGone(EXPIRED)
    _record(Action.EXPORT_TAKEN, export, actor, now, {"rows": export.written})
    return ExportFile(export.format, export.asked_at, export.size, export.name)


def sight_of(viewer: Viewer) -> str:
    """Write down what somebody sees, to know later whether it is still the same."""
    places = viewer.establishment_ids
    branches = "all" if places is None else ",".join(str(each) for each in sorted(places))
    rights = ",".join(sorted(viewer.rights))
    return hashlib.sha256(f"{branches};{rights}".encode()).hexdigest()[:32]


def _own(viewer: Viewer) -> QuerySet[ListExport]:
    """Find what this person asked for in this company, in this very time of acting if any."""
    own = ListExport.objects.filter(
        company_id=viewer.company_id, person_id=viewer.person_id, is_staff=viewer.is_staff
    )
    if viewer.acting_id is None:
        return own.filter(acting=None)
    return own.filter(acting_id=viewer.acting_id)


def _get(viewer: Viewer, public_id: uuid.UUID) -> ListExport:
    export = _own(viewer).filter(public_id=public_id).exclude(outcome=DELETED).first()
    if export is None:
        raise NotVisible
    return export


def _view(export: ListExport) -> ExportView:
    return ExportView(
        id=export.pk,
        public_id=export.public_id,
        format=export.format,
        query=export.query,
        state=export.state,
        outcome=export.outcome,
        total=export.total,
        written=export.written,
        size=export.size,
        asked_at=export.asked_at,
        expires_at=export.expires_at,
    )


def _record(
    action: Action, export: ListExport, actor: Actor, now: datetime, detail: dict[str, object]
) -> None:
    record(
        action,
        actor=actor,
        company_id=export.company_id,
        object_kind="export",
        object_id=str(export.public_id),
        detail=detail | {"format": export.format},
        now=now,
    )


# --- what workers do -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportWork:
    """What a worker is to write, for whom."""

    id: int
    public_id: uuid.UUID
    viewer: Viewer
    format: str
    query: str
    columns: tuple[str, ...]
    language: str
    time_zone: str
    leading_number: str


def begin_export(*, export_id: int, now: datetime) -> ExportWork | None:
    """Take up an export, from its beginning; None when there is nothing to do any more."""
    export = ListExport.objects.filter(pk=export_id, state__in=UNFINISHED).first()
    if export is None:
        return None
    viewer = viewer_of_asker(
        person_id=export.person_id,
        company_id=export.company_id,
        is_staff=export.is_staff,
        acting_id=export.acting_id,
    )
    if viewer is None:
        _end(export_id, JobState.FAILED, now, NO_LONGER_ALLOWED)
        return None
    if not _update(export_id, state=JobState.RUNNING, started_at=now, written=0):
        return None
    return ExportWork(
        id=export.pk,
        public_id=export.public_id,
        viewer=viewer,
        format=export.format,
        query=export.query,
        columns=tuple(export.columns),
        language=export.language,
        time_zone=export.time_zone,
        leading_number=export.person.leading_number,
    )


def note_written(*, export_id: int, written: int) -> bool:
    """Note how many rows are written; False once nobody wants it any more."""
    # Orders may have come since the total was counted.
    return _update(export_id, written=written, total=Greatest(F("total"), written))


def keep_export(
    *, work: ExportWork, content: IO[bytes], size: int, written: int, now: datetime
) -> bool:
    """Keep a written file; False when it was cancelled meanwhile, and nothing is kept."""
    name = f"exports/{work.public_id}.{work.format}"
    storage = storages["documents"]
    # A killed worker may have left one.
    storage.delete(name)
    saved = storage.save(name, File(content))
    is_kept = _end(
        work.id,
        JobState.DONE,
        now,
        name=saved,
        size=size,
        written=written,
        total=written,
        sight=sight_of(work.viewer),
        expires_at=now + timedelta(days=settings.PORTAL_PACK_DAYS),
    )
    if not is_kept:
        storage.delete(saved)
    return is_kept


def _end(
    export_id: int, state: JobState, now: datetime, outcome: str = "", **values: object
) -> bool:
    ended = {"state": state, "outcome": outcome, "finished_at": now, "expires_at": now}
    return _update(export_id, **(ended | values))


def _update(export_id: int, **values: object) -> bool:
    rows = ListExport.objects.filter(pk=export_id, state__in=UNFINISHED)
    return bool(rows.update(**values))


_WAITING = """
    SELECT e.id FROM documents_listexport AS e
    WHERE e.state IN ('waiting', 'running') AND e.asked_at <= %(lost)s
      AND (e.started_at IS NULL OR e.started_at <= %(anew)s)
      AND NOT EXISTS (
          SELECT 1 FROM pg_locks AS k
          WHERE k.locktype = 'advisory' AND k.classid = %(lock)s AND k.objid = e.id
            AND k.objsubid = 2
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY e.asked_at LIMIT 20
"""


def waiting_exports(*, now: datetime) -> list[int]:
    """Return exports that no worker writes: their message or their worker was lost."""
    old = ListExport.objects.filter(state__in=UNFINISHED, asked_at__lt=now - _GIVEN_UP_AFTER)
    old.update(
        state=JobState.FAILED, outcome=GIVEN_UP, finished_at=now, expires_at=now, told_at=now
    )
    with database.cursor() as cursor:
        cursor.execute(_WAITING, {"lost": now - _LOST, "anew": now - _ANEW, "lock": WRITING})
        return [pk for (pk,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class ExportMail:
    """Who is to be told that their export is ready."""

    name: str
    email: str
    language: str
    time_zone: str
    company: str
    company_public_id: uuid.UUID
    rows: int
    expires_at: datetime


def tell_finished(*, now: datetime, send: Callable[[ExportMail], None]) -> int:
    """Tell people that their export is ready; say how many mails went out.

    A mail server that is away is tried again at the next call, everything else once.
    """
    keys = list(_untold(now).order_by("pk").values_list("pk", flat=True)[:20])
    return send_each("export", keys, lambda pk: _tell(pk, now, send))


@transaction.atomic
def _tell(pk: int, now: datetime, send: Callable[[ExportMail], None]) -> bool:
    """Tell one person; the row stays locked meanwhile, so that no second worker does too."""
    rows = _untold(now).select_for_update(skip_locked=True, of=("self",))
    export = rows.select_related("person", "company").filter(pk=pk).first()
    if export is None:
        return False
    is_sent = False
    # Who belongs to the company no longer is told nothing of it, now or later.
    if _may_hear(export):
        with refusal_ends_it("export", pk):
            send(_mail(export, now))
            is_sent = True
    ListExport.objects.filter(pk=pk).update(told_at=now)
    return is_sent


def _may_hear(export: ListExport) -> bool:
    asker = viewer_of_asker(
        person_id=export.person_id,
        company_id=export.company_id,
        is_staff=export.is_staff,
        acting_id=export.acting_id,
    )
    return asker is not None


def _untold(now: datetime) -> QuerySet[ListExport]:
    return ListExport.objects.filter(
        told_at=None, state=JobState.DONE, outcome="", expires_at__gt=now
    )


def _mail(export: ListExport, now: datetime) -> ExportMail:
    return ExportMail(
        name=export.person.name,
        email=export.person.email,
        language=export.language,
        time_zone=export.time_zone,
        company=export.company.name,
        company_public_id=export.company.public_id,
        rows=export.written,
        expires_at=export.expires_at or now,
    )


def clear_exports(*, now: datetime) -> int:
    """Delete the files of exports that expired or were dropped; say how many that were."""
    over = ListExport.objects.exclude(state__in=UNFINISHED).filter(expires_at__lte=now)
    cleared = 0
    for export in over.exclude(name="")[:500]:
        # The name goes last: a file without a name would be forgotten.
        storages["documents"].delete(export.name)
        ListExport.objects.filter(pk=export.pk).update(name="", outcome=export.outcome or EXPIRED)
        cleared += 1
    over.filter(Q(asked_at__lt=now - _KEPT) | Q(outcome=DELETED), name="").delete()
    return cleared
