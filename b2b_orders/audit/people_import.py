"""A list of people as a spreadsheet writes it: read and judged first, invited when one says so."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from b2b_orders.audit import invitations
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.models import DefaultScope, Invitation, Membership, PeopleImport, Role
from b2b_orders.companies.people import (
    Branch,
    Grant,
    check_grant,
    company_of,
    list_branches,
    lock_people,
    require_administrator,
)

MOST_LINES: Final = 2000
MOST_BYTES: Final = 1_000_000
_KEPT: Final = timedelta(days=7)
_LONGEST_CELL: Final = 254
# What columns and roles may be called, without accents and case.
_COLUMNS: Final = {
    "email": ("email", "e-mail", "mail", "correo", "correo electronico", "endereco de e-mail"),
    "name": ("nome", "nombre", "name"),
    "role": ("papel", "funcao", "rol", "role"),
    "branches": ("cnpj", "cnpjs", "filiais", "sucursales", "branches", "establishments"),
}
# Before a tax id of another country, as operations write it: `AR:20-12345678-6`.
_COUNTRY: Final = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}\s*:\s*")
_ALL: Final = ("*", "todas", "todos", "all")
_ROLES: Final = {
    Role.BUYER: ("buyer", "comprador", "compradora", "compras"),
    Role.FINANCE: ("finance", "financeiro", "finanzas"),
    Role.VIEWER: ("viewer", "consulta", "leitura", "lectura"),
    Role.ADMIN: ("admin", "administrador", "administradora", "administrator"),
}


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One line: what it says, whom it would invite, or what is wrong with which column."""

    number: int
    email: str
    name: str
    role: str
    branches: str
    establishment_ids: tuple[int, ...]
    field: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """A list that was read; nothing of it is done yet unless `applied_at` says so."""

    public_id: uuid.UUID
    filename: str
    rows: tuple[ImportRow, ...]
    applied_at: datetime | None

    @property
    def good(self) -> tuple[ImportRow, ...]:
        """Return the lines that can be invited."""
        return tuple(row for row in self.rows if not row.problem)

    @property
    def bad(self) -> tuple[ImportRow, ...]:
        """Return the lines that something is wrong with."""
        return tuple(row for row in self.rows if row.problem)


def read_list(*, viewer: Viewer, content: bytes, filename: str, now: datetime) -> uuid.UUID:
    """Read a list and keep it for a look; nobody is invited yet.

    Raises `InvalidInput` for a file that is no such list at all.
    """
    require_administrator(viewer)
    lines = list(_lines(_text(content)))
    judged = _judge(viewer, lines, now)
    kept = PeopleImport.objects.create(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        filename=without_nul(filename)[:150],
        rows=[_to_json(row) for row in judged],
        given_at=now,
    )
    return kept.public_id


def get_preview(*, viewer: Viewer, public_id: uuid.UUID, now: datetime) -> ImportPreview:
    """Show a list of the viewer's own, judged by how things are at this moment."""
    require_administrator(viewer)
    kept = PeopleImport.objects.filter(
        company_id=viewer.company_id, person_id=viewer.person_id, public_id=public_id
    ).first()
    if kept is None:
        raise NotVisible
    rows = [_from_json(values) for values in kept.rows]
    if kept.applied_at is None:
        rows = list(_judge(viewer, [_as_line(row) for row in rows], now))
    return ImportPreview(kept.public_id, kept.filename, tuple(rows), kept.applied_at)


def apply_list(
    *, viewer: Viewer, actor: Actor, public_id: uuid.UUID, language: str, now: datetime
) -> int:
    """Invite everybody of a list whose line is in order; return how many. Once only."""
    require_administrator(viewer)
    lock_people(viewer.company_id)
    preview = get_preview(viewer=viewer, public_id=public_id, now=now)
    if preview.applied_at is not None:
        raise InvalidInput("list", "already-applied")
    good = preview.good
    if not good:
        raise InvalidInput("list", "nobody-to-invite")
    invitations.check_pace(company_id=viewer.company_id, more=len(good), now=now)
    emails = [row.email for row in good]
    invitations.end_expired(company_id=viewer.company_id, emails=emails, now=now)
    Invitation.objects.bulk_create(
        invitations.new_invitation(
            viewer=viewer,
            email=row.email,
            name=row.name,
            grant=_grant(row),
            language=language,
            now=now,
        )
        for row in good
    )
    PeopleImport.objects.filter(public_id=public_id).update(
        applied_at=now, rows=[_to_json(row) for row in preview.rows]
    )
    record(
        Action.PEOPLE_IMPORTED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="people_import",
        object_id=str(public_id),
        detail={"invited": len(good), "left_out": len(preview.bad), "filename": preview.filename},
        now=now,
    )
    return len(good)


def forget_lists(*, now: datetime) -> int:
    """Forget lists that were given some days ago."""
    return PeopleImport.objects.filter(given_at__lt=now - _KEPT).delete()[0]


# --- reading ------------------------------------------------------------------------------------


def _text(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise InvalidInput("file", "too-large")
    if content.startswith((b"PK", b"\xd0\xcf\x11\xe0", b"%PDF")) or b"\0" in content:
        raise InvalidInput("file", "not-csv")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # As spreadsheets of Windows write it.
        return content.decode("cp1252", errors="replace")


def _lines(text: str) -> Iterator[ImportRow]:
    """Read lines by what their columns are called; `InvalidInput` when they cannot be told."""
    head = text.partition("\n")[0]
    separator = max(";,\t", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InvalidInput("file", "not-csv") from error
    if not rows:
        raise InvalidInput("file", "empty")
    places = _places(rows[0])
    filled = [
        (number, row) for number, row in enumerate(rows[1:], start=2) if any(map(str.strip, row))
    ]
    if not filled:
        raise InvalidInput("file", "empty")
    if len(filled) > MOST_LINES:
        raise InvalidInput("file", "too-many-lines")
    for number, row in filled:
        cell = {name: _cell(row, at) for name, at in places.items()}
        yield ImportRow(
            number,
            cell["email"].lower(),
            cell.get("name", ""),
            cell["role"],
            cell.get("branches", ""),
            (),
        )


def _places(head: list[str]) -> dict[str, int]:
    known = {word: name for name, words in _COLUMNS.items() for word in words}
    places: dict[str, int] = {}
    for at, title in enumerate(head):
        if name := known.get(_folded(title)):
            places.setdefault(name, at)
    if not {"email", "role"} <= set(places):
        raise InvalidInput("file", "no-columns")
    return places


def _cell(row: list[str], at: int) -> str:
    """Read a cell; what a spreadsheet wrote to keep a number as it is goes."""
    text = without_nul(row[at]).strip() if at < len(row) else ""
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return " ".join(text.removeprefix("'").split())[:_LONGEST_CELL]


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).strip().casefold()


# --- judging ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """How things are in the company when a list is judged."""

    branches: Mapping[str, Branch]
    # Whether whoever is let in sees the whole company unless the line says otherwise.
    all_by_default: bool
    members: frozenset[str]
    invited: frozenset[str]


def _judge(viewer: Viewer, lines: Iterable[ImportRow], now: datetime) -> Iterator[ImportRow]:
    open_ones = Invitation.objects.filter(
        company_id=viewer.company_id, accepted_at=None, revoked_at=None, expires_at__gt=now
    )
    members = Membership.objects.filter(company_id=viewer.company_id, is_active=True)
    known = _Known(
        branches={branch.tax_id: branch for branch in list_branches(viewer=viewer)},
        all_by_default=company_of(viewer=viewer).default_scope == DefaultScope.COMPANY,
        members=frozenset(members.values_list("person__email", flat=True)),
        invited=frozenset(open_ones.values_list("email", flat=True)),
    )
    seen: set[str] = set()
    refusals: dict[tuple[str, tuple[int, ...]], tuple[str, str]] = {}
    for line in lines:
        yield _judge_line(line, viewer, known, seen, refusals)


def _judge_line(
    line: ImportRow,
    viewer: Viewer,
    known: _Known,
    seen: set[str],
    refusals: dict[tuple[str, tuple[int, ...]], tuple[str, str]],
) -> ImportRow:
    role, (ids, unknown) = _role(line.role), _branches(line.branches, known)
    field, problem = _address_problem(line.email, known, seen)
    if not problem and role is None:
        field, problem = "role", "unknown-role"
    if not problem and unknown:
        field, problem = "branches", "unknown-tax-id"
    if not problem and not line.branches and not known.all_by_default:
        field, problem = "branches", "no-establishment"
    if not problem and role is not None:
        # The same answer for the same role and branches: lists repeat few of them.
        key = (str(role), ids)
        if key not in refusals:
            refusals[key] = _refusal(viewer, role, ids)
        field, problem = refusals[key]
    return ImportRow(
        line.number,
        line.email,
        line.name,
        str(role) if role else line.role,
        line.branches,
        ids,
        field,
        problem,
    )


def _address_problem(email: str, known: _Known, seen: set[str]) -> tuple[str, str]:
    try:
        email = invitations.clean_email(email)
    except InvalidInput:
        return "email", "not-an-address"
    if email in seen:
        return "email", "twice-in-list"
    seen.add(email)
    if email in known.members:
        return "email", "already-in"
    if email in known.invited:
        return "email", "already-invited"
    return "", ""


def _refusal(viewer: Viewer, role: Role, ids: tuple[int, ...]) -> tuple[str, str]:
    try:
        check_grant(viewer=viewer, grant=Grant(role, frozenset(ids) if ids else None))
    except InvalidInput as error:
        return ("role" if error.field == "rights" else "branches"), error.message
    return "", ""


def _role(text: str) -> Role | None:
    word = _folded(text)
    return next((role for role, words in _ROLES.items() if word in words), None)


def _branches(text: str, known: _Known) -> tuple[tuple[int, ...], bool]:
    """Read CNPJs, however they are set apart; says whether one is none of the company's."""
    found, unknown = set(), False
    if _folded(text) in _ALL:
        return (), False
    for part in (
        _COUNTRY.sub(" ", text).replace("|", " ").replace(",", " ").replace(";", " ").split()
    ):
        tax_id = "".join(c for c in part.upper() if c.isalnum())
        branch = known.branches.get(tax_id)
        if branch is None:
            unknown = True
        else:
            found.add(branch.id)
    return tuple(sorted(found)), unknown


def _grant(row: ImportRow) -> Grant:
    ids = frozenset(row.establishment_ids)
    return Grant(Role(row.role), ids or None)


def _as_line(row: ImportRow) -> ImportRow:
    return ImportRow(row.number, row.email, row.name, row.role, row.branches, ())


def _to_json(row: ImportRow) -> list[Any]:
    return [
        row.number,
        row.email,
        row.name,
        row.role,
        row.branches,
        list(row.establishment_ids),
        row.field,
        row.problem,
    ]


def _from_json(values: list[Any]) -> ImportRow:
    number, email, name, role, branches, ids, field, problem = values
    return ImportRow(number, email, name, role, branches, tuple(ids), field, problem)
