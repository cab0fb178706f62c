"""A person's data as a ZIP file: JSON for machines, HTML to read. Workers put it together."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import PersonExport
from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, NotVisible
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.ingest import waking
from b2b_orders.ingest.operations import as_operations
from b2b_orders.ingest.person_sections import COLUMN, SECTIONS, Row, Section

# A finished file waits so long to be taken; one a day is enough for anybody.
KEPT: Final = timedelta(days=7)
_AGAIN: Final = timedelta(hours=1)
# What is read by people ends here; the JSON has all of it.
_MOST_READ: Final = 1000


@dataclass(frozen=True, slots=True)
class ExportView:
    """A file of somebody's data, as pages show it."""

    public_id: UUID
    asked_at: datetime
    expires_at: datetime | None

    @property
    def is_ready(self) -> bool:
        """Say whether it can be taken."""
        return self.expires_at is not None


# --- asking and taking ------------------------------------------------------------------------


def request_own_export(*, actor: Actor, language: str, now: datetime) -> UUID:
    """Have one's own data put together; `Conflict` when that was asked for just now."""
    person_id = actor.person_id
    if person_id is None:
        raise NotVisible
    if PersonExport.objects.filter(person_id=person_id, asked_at__gt=now - _AGAIN).exists():
        raise Conflict("asked-already")
    export = PersonExport.objects.create(
        person_id=person_id, asked_by_id=person_id, language=language, asked_at=now
    )
    _record(actor, export, "asked", now)
    transaction.on_commit(lambda: waking.aside(lambda: wake_worker(export.pk)))
    return export.public_id


def list_own_exports(*, actor: Actor, now: datetime) -> tuple[ExportView, ...]:
    """List a person's files that are being made or can be taken, newest first."""
    rows = PersonExport.objects.filter(person_id=actor.person_id or 0, asked_at__gt=now - 2 * KEPT)
    return tuple(
        ExportView(*row)
        for row in rows.order_by("-asked_at").values_list("public_id", "asked_at", "expires_at")
        if row[2] is None or row[2] > now
    )


def take_own_export(*, actor: Actor, public_id: UUID, now: datetime) -> bytes:
    """Hand out a person's own file; `NotVisible` for anybody else's, and when it is gone."""
    own = PersonExport.objects.filter(person_id=actor.person_id or 0)
    return _take(own, actor, public_id, now)


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Somebody whose data operations are asked about, and the files that were made."""

    public_id: UUID
    name: str
    email: str
    anonymised_at: datetime | None
    exports: tuple[ExportView, ...]


def find_person(*, viewer: StaffViewer, text: str, now: datetime) -> FoundPerson | None:
    """Find a person by their whole e-mail address or their number; operations only."""
    number = text.removeprefix("#")
    is_number = number.isascii() and number.isdigit()
    wanted = Q(pk=int(number[:18])) if is_number else Q(email=text.lower())
    with as_operations(viewer):
        fields = ("pk", "public_id", "name", "email", "anonymised_at")
        found = Person.objects.filter(wanted).values_list(*fields).first()
        if found is None:
            return None
        pk, public_id, name, email, anonymised_at = found
        exports = PersonExport.objects.filter(person_id=pk, expires_at__gt=now).exclude(reason="")
        rows = exports.order_by("-asked_at").values_list("public_id", "asked_at", "expires_at")
        files = tuple(ExportView(*row) for row in rows)
    return FoundPerson(public_id, name, email, anonymised_at, files)


def take_export(*, viewer: StaffViewer, actor: Actor, public_id: UUID, now: datetime) -> bytes:
    """Hand out a file that operations had made for somebody; operations only."""
    with as_operations(viewer):
        # What people asked for themselves is theirs to take.
        asked = PersonExport.objects.exclude(reason="")
        return _take(asked, actor, public_id, now)


def _take(rows: Any, actor: Actor, public_id: UUID, now: datetime) -> bytes:
    export = rows.filter(public_id=public_id, expires_at__gt=now).first()
    if export is None or export.content is None:
        raise NotVisible
    _record(actor, export, "taken", now)
    return bytes(export.content)


def _record(actor: Actor, export: PersonExport, how: str, now: datetime) -> None:
    record(
        Action.PERSON_EXPORTED,
        actor=actor,
        object_kind="person",
        object_id=str(_public_id(export.person_id)),
        reason=export.reason,
        detail={"how": how, "export": str(export.public_id)},
        now=now,
    )


def _public_id(person_id: int) -> UUID:
    # By itself: the staff role may not read the rest of the row.
    return Person.objects.values_list("public_id", flat=True).get(pk=person_id)


# --- the worker's side --------------------------------------------------------------------------


def wake_worker(export_id: int) -> None:
    """Send the export to a worker; without a broker the sweeper finds its row."""
    waking.send("ingest.build_person_export", expires=60, export_id=export_id)


def waiting_exports() -> list[int]:
    """Return what nobody has put together yet."""
    rows = PersonExport.objects.filter(finished_at=None).order_by("asked_at")
    return list(rows.values_list("pk", flat=True)[:20])


@transaction.atomic
def build_export(*, export_id: int, now: datetime) -> bool:
    """Put a person's data together, once; False when somebody else is at it or it is done."""
    export = (
        PersonExport.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("person")
        .filter(pk=export_id, finished_at=None)
        .first()
    )
    if export is None:
        return False
    if export.person.anonymised_at is None:
        export.content = archive_of(export.person, language=export.language, now=now)
        export.expires_at = now + KEPT
    export.finished_at = now
    export.save(update_fields=["content", "expires_at", "finished_at"])
    return True


def archive_of(person: Person, *, language: str, now: datetime) -> bytes:
    """Write what we hold of a person as a ZIP file of JSON and HTML."""
    held = io.BytesIO()
    with (
        translation.override(language or settings.LANGUAGE_CODE),
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        with archive.open("data.json", "w") as file:
            for text in _json(person, now):
                file.write(text.encode())
        archive.writestr("data.html", _html(person, now))
    return held.getvalue()


def _json(person: Person, now: datetime) -> Iterator[str]:
    yield f'{{"made_at": {json.dumps(now.isoformat())}'
    for section in SECTIONS:
        yield f',\n"{section.name}": ['
        for number, row in enumerate(section.rows(person)):
            yield (",\n" if number else "\n") + json.dumps(
                row, cls=DjangoJSONEncoder, ensure_ascii=False
            )
        yield "]"
    yield "}\n"


def _html(person: Person, now: datetime) -> str:
    return render_to_string(
        "person_data.html",
        {
            "person": person,
            "seller": settings.PORTAL_SELLER_NAME,
            "support": settings.PORTAL_SUPPORT_EMAIL,
            "made_at": _cell(now),
            "language": translation.get_language(),
            "sections": [each for section in SECTIONS if (each := _table(section, person))],
        },
    )


def _table(section: Section, person: Person) -> dict[str, object] | None:
    columns: list[str] = []
    rows: list[list[str]] = []
    is_cut = False
    for number, row in enumerate(section.rows(person)):
        if number == _MOST_READ:
            is_cut = True
            break
        columns = columns or list(row)
        rows.append([_cell(row[name]) for name in columns])
    if not rows:
        return None
    heads = [str(COLUMN.get(name, name)) for name in columns]
    return {"heading": section.heading, "heads": heads, "rows": rows, "is_cut": is_cut}


def _cell(value: Row | object) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S %z")
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_cell(each)}" for name, each in value.items())
    return "" if value is None else str(value)
