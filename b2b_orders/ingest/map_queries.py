"""Reads of the map of companies for operations: companies, changes, conflicts and imports.

Every read takes the viewer, who must be of operations, and runs as the staff role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from b2b_orders.accounts.models import Person
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.common.requests import without_nul
from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import (
    Company,
    CompanyImport,
    CustomerId,
    Establishment,
    ImportLine,
    ImportSource,
    MapChange,
    MapConflict,
    MapState,
    Membership,
    Team,
)
from b2b_orders.ingest.figures import MOST_COUNTED, Bounded
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.operations import as_operations
from b2b_orders.ingest.sources import system_of
from b2b_orders.orders.models import Order
from erp_bridge.identifiers import normalise_tax_id
from erp_bridge.records import System

MAX_FILENAME = 150


@dataclass(frozen=True, slots=True)
class CompanyFilter:
    """What a list of companies is narrowed to."""

    text: str = ""
    state: str = ""
    team: str = ""
    customer_type: str = ""


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company in the list."""

    public_id: UUID
    name: str
    is_active: bool
    is_merged: bool
    customer_type: str
    team: str
    # Each with its country, where that is another.
    tax_ids: tuple[tuple[str, str], ...]
    people: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An establishment or an id of a company, with the id of its row."""

    id: int
    value: str
    name: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class CompanyDetail:
    """All of one company."""

    public_id: UUID
    name: str
    is_active: bool
    merged_into: CompanyName | None
    customer_type: str
    team_id: int | None
    default_scope: str
    requires_second_factor: bool
    created_at: datetime
    establishments: tuple[Piece, ...]
    ids: tuple[Piece, ...]
    people: int
    orders: Bounded
    conflicts: int
    changes: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class CompanyName:
    """A company by name, for a way to it."""

    public_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of the map. `preview` says what it costs; `is_own` that the viewer asked for it."""

    public_id: UUID
    kind: str
    state: str
    reason: str
    answer: str
    outcome: str
    from_company: CompanyName | None
    to_company: CompanyName | None
    new_name: str
    whole_company: bool
    pieces: tuple[str, ...]
    preview: Mapping[str, Any]
    orders_expected: int
    orders_moved: int
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    finished_at: datetime | None
    is_own: bool


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """Something that two sides claim."""

    public_id: UUID
    kind: str
    value: str
    source: str
    claims: tuple[Mapping[str, Any], ...]
    found_at: datetime
    seen_at: datetime
    settled_at: datetime | None
    settled_by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A list of companies, with how many lines have which verdict."""

    public_id: UUID
    source: str
    connection: str
    filename: str
    state: str
    outcome: str
    asked_by: str
    asked_at: datetime
    counts: Mapping[str, int]
    applied: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of a list."""

    number: int
    name: str
    tax_ids: tuple[str, ...]
    ids: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    customer_type: str
    team: str
    verdict: str
    problem: str
    detail: str
    is_applied: bool


# --- companies -------------------------------------------------------------------------------


def list_companies(
    *, viewer: StaffViewer, wanted: CompanyFilter, after: str | None = None, limit: int = 50
) -> PageOf[CompanyRow]:
    """List companies, the newest first. Four SQL statements, however many there are."""
    with as_operations(viewer):
        rows = _matching(wanted)
        if after is not None:
            cursor = Cursor.decode(after)
            rows = rows.filter(
                Q(created_at__lt=cursor.at) | Q(created_at=cursor.at, pk__lt=cursor.pk)
            )
        people = Membership.objects.filter(company=OuterRef("pk"), is_active=True)
        counted = people.order_by().values("company").annotate(n=Count("id")).values("n")
        found = list(
            rows.order_by("-created_at", "-pk")
            .annotate(people=Coalesce(Subquery(counted), 0))
            .values(
                *("pk", "public_id", "name", "is_active", "merged_into_id", "customer_type"),
                *("team__name", "people", "created_at"),
            )[: limit + 1]
        )
        houses: dict[int, list[tuple[str, str]]] = {}
        mine = Establishment.objects.filter(company_id__in=[row["pk"] for row in found[:limit]])
        for pk, *house in mine.order_by("pk").values_list("company_id", "tax_id", "country"):
            houses.setdefault(pk, []).append((house[0], house[1]))
    shown = tuple(
        CompanyRow(
            row["public_id"],
            row["name"],
            row["is_active"],
            row["merged_into_id"] is not None,
            row["customer_type"],
            row["team__name"] or "",
            tuple(houses.get(row["pk"], ())),
            row["people"],
        )
        for row in found[:limit]
    )
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(shown, Cursor(last["created_at"], last["pk"]).encode() if last else None)


def _matching(wanted: CompanyFilter) -> QuerySet[Company]:
    rows = Company.objects.all()
    states = {
        "active": Q(is_active=True),
        "inactive": Q(is_active=False, merged_into=None),
        "merged": Q(merged_into__isnull=False),
    }
    if wanted.state in states:
        rows = rows.filter(states[wanted.state])
    if wanted.team.isascii() and wanted.team.isdigit() and len(wanted.team) < 10:
        rows = rows.filter(team_id=int(wanted.team))
    if wanted.customer_type:
        rows = rows.filter(customer_type=without_nul(wanted.customer_type)[:40])
    text = " ".join(without_nul(wanted.text).split())[:150]
    if text:
        rows = rows.filter(_named(text))
    return rows


def _named(text: str) -> Q:
    """Match a name, the beginning of a tax id, or an id at any connection."""
    found = Q(name__icontains=text)
    tax_id = normalise_tax_id(text)[:20]
    if tax_id:
        houses = Establishment.objects.filter(tax_id__startswith=tax_id)
        found |= Q(pk__in=houses.values("company_id"))
    found |= Q(pk__in=CustomerId.objects.filter(value=text).values("company_id"))
    return found


def get_company(*, viewer: StaffViewer, public_id: UUID) -> CompanyDetail:
    """Return all of one company; `NotVisible` when there is none."""
    with as_operations(viewer):
        row = (
            Company.objects.filter(public_id=public_id)
            .values(
                *("pk", "public_id", "name", "is_active", "merged_into_id", "customer_type"),
                *("team_id", "default_scope", "requires_second_factor", "created_at"),
            )
            .first()
        )
        if row is None:
            raise NotVisible
        pk = row["pk"]
        houses = Establishment.objects.filter(company_id=pk).order_by("pk")
        ids = CustomerId.objects.filter(company_id=pk).order_by("connection", "value")
        orders = Order.objects.filter(company_id=pk).values("pk")[: MOST_COUNTED + 1].count()
        conflicts = MapConflict.objects.filter(
            settled_at=None, claims__contains=[{"company": str(public_id)}]
        )
        waiting = MapChange.objects.filter(state__in=(MapState.WAITING, MapState.DOING)).filter(
            Q(payload__from=pk) | Q(payload__to=pk)
        )
        return CompanyDetail(
            public_id=public_id,
            name=row["name"],
            is_active=row["is_active"],
            merged_into=_names([row["merged_into_id"]]).get(row["merged_into_id"] or 0),
            customer_type=row["customer_type"],
            team_id=row["team_id"],
            default_scope=row["default_scope"],
            requires_second_factor=row["requires_second_factor"],
            created_at=row["created_at"],
            establishments=tuple(
                Piece(*each) for each in houses.values_list("pk", "tax_id", "name", "country")
            ),
            ids=tuple(
                Piece(key, value, connection)
                for key, connection, value in ids.values_list("pk", "connection", "value")
            ),
            people=Membership.objects.filter(company_id=pk, is_active=True).values("pk").count(),
            orders=Bounded(orders),
            conflicts=conflicts.count(),
            changes=_changes(list(waiting.order_by("-pk")[:20]), viewer),
        )


def list_teams(*, viewer: StaffViewer) -> tuple[tuple[int, str], ...]:
    """List the teams by name; operations only."""
    with as_operations(viewer):
        return tuple(Team.objects.order_by("name").values_list("pk", "name"))


def list_customer_types(*, viewer: StaffViewer) -> tuple[str, ...]:
    """List the types that companies have; operations only."""
    with as_operations(viewer):
        found = Company.objects.exclude(customer_type="").order_by("customer_type")
        return tuple(found.values_list("customer_type", flat=True).distinct()[:200])


def _names(ids: list[int | None]) -> dict[int, CompanyName]:
    wanted = [each for each in ids if each is not None]
    if not wanted:
        return {}
    rows = Company.objects.filter(pk__in=wanted).values_list("pk", "public_id", "name")
    return {pk: CompanyName(public_id, name) for pk, public_id, name in rows}


# --- changes ---------------------------------------------------------------------------------


def list_changes(
    *, viewer: StaffViewer, after: str | None = None, limit: int = 50
) -> PageOf[ChangeRow]:
    """List changes of the map, the latest first; operations only."""
    with as_operations(viewer):
        rows = MapChange.objects.all()
        if after is not None:
            rows = rows.filter(pk__lt=Cursor.decode(after).pk)
        found = list(rows.order_by("-pk")[: limit + 1])
        shown = _changes(found[:limit], viewer)
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(shown, Cursor(last.asked_at, last.pk).encode() if last else None)


def get_change(*, viewer: StaffViewer, public_id: UUID) -> ChangeRow:
    """Return one change; `NotVisible` when there is none."""
    with as_operations(viewer):
        found = MapChange.objects.filter(public_id=public_id).first()
        if found is None:
            raise NotVisible
        return _changes([found], viewer)[0]


def _changes(rows: list[MapChange], viewer: StaffViewer) -> tuple[ChangeRow, ...]:
    ends = [end for row in rows for end in (row.payload["from"], _to(row))]
    names = _names(ends)
    people = _people(each for row in rows for each in (row.asked_by_id, row.decided_by_id))
    houses = dict(
        Establishment.objects.filter(
            pk__in=[each for row in rows for each in row.payload["establishments"]]
        ).values_list("pk", "tax_id")
    )
    ids = {
        pk: f"{connection}={value}"
        for pk, connection, value in CustomerId.objects.filter(
            pk__in=[each for row in rows for each in row.payload["customer_ids"]]
        ).values_list("pk", "connection", "value")
    }
    return tuple(
        ChangeRow(
            public_id=row.public_id,
            kind=row.kind,
            state=row.state,
            reason=row.reason,
            answer=row.payload.get("answer", ""),
            outcome=row.outcome,
            from_company=names.get(row.payload["from"]),
            to_company=names.get(_to(row) or 0),
            new_name=row.payload.get("new_name", ""),
            whole_company=row.payload.get("whole_company", False),
            pieces=(
                *(houses[each] for each in row.payload["establishments"] if each in houses),
                *(ids[each] for each in row.payload["customer_ids"] if each in ids),
            ),
            preview=row.payload.get("preview", {}),
            orders_expected=row.orders_expected,
            orders_moved=row.orders_moved,
            asked_by=people.get(row.asked_by_id, ""),
            asked_at=row.asked_at,
            decided_by=people.get(row.decided_by_id or 0, ""),
            decided_at=row.decided_at,
            finished_at=row.finished_at,
            is_own=row.asked_by_id == viewer.person_id,
        )
        for row in rows
    )


def _to(row: MapChange) -> int | None:
    to: int | None = row.payload["to"] or row.before.get("to")
    return to


def _people(ids: Any) -> dict[int, str]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    # The staff role reads nobody's name; the web process's own does.
    with scope(role=WEB):
        return dict(Person.objects.filter(pk__in=wanted).values_list("pk", "name"))


# --- conflicts -------------------------------------------------------------------------------


def list_conflicts(
    *, viewer: StaffViewer, is_open: bool = True, after: str | None = None, limit: int = 50
) -> PageOf[ConflictRow]:
    """List conflicts, the latest first; operations only."""
    with as_operations(viewer):
        rows = MapConflict.objects.filter(settled_at__isnull=is_open)
        if after is not None:
            rows = rows.filter(pk__lt=Cursor.decode(after).pk)
        found = list(rows.order_by("-pk")[: limit + 1])
        people = _people(row.settled_by_id for row in found)
    shown = tuple(
        ConflictRow(
            public_id=row.public_id,
            kind=row.kind,
            value=row.value,
            source=row.source,
            claims=tuple(row.claims),
            found_at=row.found_at,
            seen_at=row.seen_at,
            settled_at=row.settled_at,
            settled_by=people.get(row.settled_by_id or 0, ""),
            outcome=row.outcome,
        )
        for row in found[:limit]
    )
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(shown, Cursor(last.found_at, last.pk).encode() if last else None)


# --- imports ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportSources:
    """From which connections a list of companies can be read."""

    shops: tuple[str, ...]
    erps: tuple[str, ...]


def list_import_sources(*, viewer: StaffViewer) -> ImportSources:
    """List the connections by what they are; operations only."""
    with as_operations(viewer):
        rows = list(Connection.objects.filter(is_enabled=True).only("name", "kind"))
    by_system = {
        system: sorted(r.name for r in rows if system_of(r) is system) for system in System
    }
    return ImportSources(tuple(by_system[System.VTEX]), tuple(by_system[System.ERP]))


def leave_import(
    *,
    viewer: StaffViewer,
    source: str,
    connection: str = "",
    filename: str = "",
    content: str = "",
    now: datetime,
) -> UUID:
    """Write a list down for a worker to read; return by which id it is asked for."""
    if source not in set(ImportSource.values):
        raise InvalidInput("source", "source-wrong")
    with as_operations(viewer):
        if source != ImportSource.CSV:
            row = Connection.objects.filter(name=connection, is_enabled=True).only("kind").first()
            wanted = System.VTEX if source == ImportSource.VTEX else System.ERP
            if row is None or system_of(row) is not wanted:
                raise InvalidInput("connection", "connection-missing")
        made = CompanyImport.objects.create(
            source=source,
            connection=connection,
            filename=without_nul(filename)[:MAX_FILENAME],
            content=content,
            asked_by_id=viewer.person_id,
            asked_at=now,
        )
    return made.public_id


def list_imports(*, viewer: StaffViewer, limit: int = 30) -> tuple[ImportRow, ...]:
    """List the latest imports; operations only."""
    with as_operations(viewer):
        return _imports(list(CompanyImport.objects.defer("content").order_by("-pk")[:limit]))


def get_import(*, viewer: StaffViewer, public_id: UUID) -> ImportRow:
    """Return one import; `NotVisible` when there is none."""
    with as_operations(viewer):
        found = CompanyImport.objects.defer("content").filter(public_id=public_id).first()
        if found is None:
            raise NotVisible
        return _imports([found])[0]


def _imports(rows: list[CompanyImport]) -> tuple[ImportRow, ...]:
    counts: dict[int, Counter[str]] = {row.pk: Counter() for row in rows}
    applied: Counter[int] = Counter()
    found = ImportLine.objects.filter(company_import__in=rows).values_list(
        "company_import_id", "verdict"
    )
    for pk, verdict, count, done in found.annotate(Count("pk"), Count("applied_at")).order_by():
        counts[pk][verdict] += count
        applied[pk] += done
    people = _people(row.asked_by_id for row in rows)
    return tuple(
        ImportRow(
            public_id=row.public_id,
            source=row.source,
            connection=row.connection,
            filename=row.filename,
            state=row.state,
            outcome=row.outcome,
            asked_by=people.get(row.asked_by_id, ""),
            asked_at=row.asked_at,
            counts=dict(counts[row.pk]),
            applied=applied[row.pk],
        )
        for row in rows
    )


def list_import_lines(
    *,
    viewer: StaffViewer,
    public_id: UUID,
    verdict: str = "",
    after: int = 0,
    limit: int | None = 100,
) -> tuple[LineRow, ...]:
    """List lines of an import from a number on; operations only. None is all of them."""
    with as_operations(viewer):
        rows = ImportLine.objects.filter(company_import__public_id=public_id, number__gt=after)
        if verdict:
            rows = rows.filter(verdict=verdict[:10])
        found = list(rows.order_by("number")[:limit])
    return tuple(
        LineRow(
            number=row.number,
            name=row.values["name"],
            tax_ids=tuple(
                f"{row.values['countries'][each]}:{each}"
                if each in row.values["countries"]
                else each
                for each in row.values["tax_ids"]
            ),
            ids=tuple(f"{connection}={value}" for connection, value in row.values["ids"]),
            unconfirmed=tuple(f"{c}={v}" for c, v in row.values["unconfirmed"]),
            customer_type=row.values["customer_type"],
            team=row.values["team"],
            verdict=row.verdict,
            problem=row.problem,
            detail=row.values["detail"],
            is_applied=row.applied_at is not None,
        )
        for row in found
    )
