"""Packs: asking for many documents at once, looking how far they are, and taking them.

The web process writes a row; a worker builds the ZIP files (`ingest.packs_work`) with the
rights that its person has then. Whoever takes one must still see every document in it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Final, cast

from django.conf import settings
from django.core.files.storage import storages
from django.db import connection as database
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible, ProductError
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.documents.models import JobState, Pack, PackPart
from b2b_orders.documents.packing import Choice, chosen_documents
from b2b_orders.documents.queries import visible_documents

# Second advisory lock's space: "a pack of this company is being asked for".
_LOCK: Final = 7041
_LISTED: Final = 20
UNFINISHED: Final = (JobState.WAITING, JobState.RUNNING)
DELETED, CANCELLED, EXPIRED = "deleted", "cancelled", "expired"


@dataclass(frozen=True, slots=True)
class PartView:
    """One ZIP file of a pack."""

    number: int
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class PackView:
    """A pack as its person sees it. `outcome` is a code that says why there is nothing to take."""

    id: int
    public_id: uuid.UUID
    choice: Choice
    state: str
    outcome: str
    total: int
    taken: int
    missing: int
    asked_at: datetime
    expires_at: datetime | None
    parts: tuple[PartView, ...]

    @property
    def is_unfinished(self) -> bool:
        """Say whether a worker still has to do with it."""
        return self.state in UNFINISHED


@dataclass(frozen=True, slots=True)
class PartFile:
    """A ZIP file to hand out."""

    filename: str
    size: int
    name: str

    def open(self) -> IO[bytes]:
        """Open the bytes; the caller closes it."""
        return cast("IO[bytes]", storages["documents"].open(self.name, "rb"))


class PackGone(ProductError):
    """It cannot be taken any more; `reason` is a code."""

    code = "pack-gone"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def request_pack(
    *, viewer: Viewer, actor: Actor, choice: Choice, language: str, now: datetime
) -> PackView:
    """Write down that somebody wants these documents as ZIP files.

    `InvalidInput` when there are none or too many; `Conflict` while too many packs of the
    person or the company are being built.
    """
    if not viewer.can(Right.DOCUMENTS):
        raise NotAllowed
    rows = chosen_documents(viewer=viewer, choice=choice)
    total, last = rows.count(), rows.aggregate(last=Max("pk"))["last"] or 0
    if not total:
        raise InvalidInput("choice", "nothing-to-pack")
    if total > settings.PORTAL_PACK_FILES:
        raise InvalidInput("choice", "too-many-documents")
    _check_quota(viewer)
    pack = Pack.objects.create(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        acting_id=viewer.acting_id,
        reason=viewer.reason,
        language=language,
        filter=choice.as_json() | {"last": last, "is_staff": viewer.is_staff},
        total=total,
        asked_at=now,
    )
    record(
        Action.PACK_ASKED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="pack",
        object_id=str(pack.public_id),
        detail={"choice": choice.as_json(), "documents": total},
        now=now,
    )
    return _view(pack, ())


def _check_quota(viewer: Viewer) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, viewer.company_id % 2**31])
    unfinished = Pack.objects.filter(company_id=viewer.company_id, state__in=UNFINISHED)
    of_person = unfinished.filter(person_id=viewer.person_id).count()
    if of_person >= settings.PORTAL_PACKS_OF_PERSON:
        raise Conflict("too-many-packs")
    if unfinished.count() >= settings.PORTAL_PACKS_OF_COMPANY:
        raise Conflict("too-many-packs")


def list_packs(*, viewer: Viewer) -> tuple[PackView, ...]:
    """List the latest packs that the viewer asked for, newest first. Two SQL statements."""
    packs = _own(viewer).exclude(outcome=DELETED).order_by("-asked_at", "-pk")[:_LISTED]
    found = list(packs.prefetch_related("parts"))
    return tuple(_view(pack, pack.parts.all()) for pack in found)


def get_pack(*, viewer: Viewer, public_id: uuid.UUID) -> PackView:
    """Return a pack of the viewer's own; `NotVisible` for any other."""
    pack = _get(viewer, public_id)
    return _view(pack, pack.parts.all())


def drop_pack(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Cancel a pack that is not finished, or delete a finished one; its files go with it."""
    pack = _get(viewer, public_id)
    is_unfinished = pack.state in UNFINISHED
    outcome = CANCELLED if is_unfinished else DELETED
    values = {"outcome": outcome, "expires_at": now}
    if is_unfinished:
        values |= {"state": JobState.FAILED, "finished_at": now}
    Pack.objects.filter(pk=pack.pk).update(**values)
    record(
        Action.PACK_ASKED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="pack",
        object_id=str(pack.public_id),
        detail={"how": outcome},
        now=now,
    )


def take_part(
    *, viewer: Viewer, actor: Actor, public_id: uuid.UUID, number: int, now: datetime
) -> PartFile:
    """Hand out one ZIP file of a pack, if its person still sees everything that is in it.

    Raises `NotVisible` for what is not the viewer's own; `PackGone` for what is over.
    """
    pack = _get(viewer, public_id)
    if pack.state != JobState.DONE or pack.expires_at is None or pack.expires_at <= now:
        raise PackGone(pack.outcome or EXPIRED)
    part = pack.parts.filter(number=number).first()
    if part is None:
        raise NotVisible
    seen = visible_documents(viewer=viewer).filter(pk__in=part.documents)
    if seen.count() != len(part.documents):
        _record_taking(pack, actor, now, {"part": number, "problem": "rights-changed"})
        raise PackGone("rights-changed")
    if not storages["documents"].exists(part.name):
        raise PackGone(EXPIRED)
    _record_taking(pack, actor, now, {"part": number, "documents": part.count})
    ending = f"-{number}" if pack.parts.count() > 1 else ""
    stamp = f"{pack.asked_at:%Y-%m-%d}"
    return PartFile(f"{_('Documents')}-{stamp}{ending}.zip", part.size, part.name)


def _record_taking(pack: Pack, actor: Actor, now: datetime, detail: dict[str, object]) -> None:
    record(
        Action.PACK_TAKEN if "problem" not in detail else Action.DOCUMENT_REFUSED,
        actor=actor,
        company_id=pack.company_id,
        object_kind="pack",
        object_id=str(pack.public_id),
        detail=detail,
        now=now,
    )


def _own(viewer: Viewer) -> QuerySet[Pack]:
    """Find what this person asked for in this company, in this very time of acting if any."""
    if not viewer.can(Right.DOCUMENTS):
        return Pack.objects.none()
    own = Pack.objects.filter(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        filter__is_staff=viewer.is_staff,
    )
    if viewer.acting_id is None:
        return own.filter(acting=None)
    return own.filter(acting_id=viewer.acting_id)


def _get(viewer: Viewer, public_id: uuid.UUID) -> Pack:
    pack = _own(viewer).filter(public_id=public_id).exclude(outcome=DELETED).first()
    if pack is None:
        raise NotVisible
    return pack


def _view(pack: Pack, parts: Iterable[PackPart]) -> PackView:
    return PackView(
        id=pack.pk,
        public_id=pack.public_id,
        choice=Choice.of_json(pack.filter),
        state=pack.state,
        outcome=pack.outcome,
        total=pack.total,
        taken=pack.taken,
        missing=pack.missing,
        asked_at=pack.asked_at,
        expires_at=pack.expires_at,
        parts=tuple(
            PartView(part.number, part.size, part.count)
            for part in sorted(parts, key=lambda part: part.number)
        ),
    )


def expires_at(now: datetime) -> datetime:
    """Say until when a pack that is ready now can be taken."""
    return now + timedelta(days=settings.PORTAL_PACK_DAYS)
