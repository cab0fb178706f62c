"""Reads for whoever runs the portal: how each connection does, and what waits for a person.

Every read takes the viewer, who must be of operations, and runs as the staff role, which
reads no amount. `measure` is for the process itself: metrics and the command.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from django.db import connection as database
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Right
from django.utils import timezone

from b2b_orders.audit.models import Incident
from b2b_orders.common.errors import NotAllowed, NotVisible
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.common.tenancy import STAFF, scope
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import (
    CustomerId,
    Establishment,
    MapChange,
    MapConflict,
    MapState,
)
from b2b_orders.ingest.erp_pass import years_before
from b2b_orders.ingest.figures import (
    MOST_COUNTED,
    Bounded,
    Breaker,
    Calls,
    ConnectionFigures,
    LaneFigures,
    Progress,
    State,
    SubscriptionFigures,
    system_name,
)
from b2b_orders.ingest.models import (
    CallCount,
    Connection,
    Errand,
    ErrandState,
    InboxItem,
    Lane,
    Parked,
    Run,
    Stream,
    Subscription,
)
from b2b_orders.ingest.options import Options
from b2b_orders.ingest.vtex_pass import END
from b2b_orders.orders.models import Divergence, SourceRecord, UnmappedStatus
from erp_bridge.records import System

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# A CNPJ, and the part of it that all establishments of one firm share.
CNPJ, ROOT = 14, 8


@dataclass(frozen=True, slots=True)
class RunRow:
    """One pass over a connection."""

    id: int
    connection: str
    kind: str
    started_at: datetime
    finished_at: datetime | None
    read: int
    new: int
    changed: int
    unchanged: int
    failed: int
    error: str


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """Something that could not be used. `subject` says how it is tried again.

    `is_waiting` when its order is in the inbox, to be read again.
    """

    id: int
    connection: str
    external_id: str
    subject: str
    reason: str
    message: str
    attempts: int
    first_at: datetime
    last_at: datetime
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """How much is parked at a connection for one reason."""

    connection: str
    reason: str
    count: int


# --- how connections do ------------------------------------------------------------------


def list_figures(*, viewer: StaffViewer, now: datetime) -> tuple[ConnectionFigures, ...]:
    """Tell how each connection does. Six SQL statements, however many there are."""
    with as_operations(viewer):
        return _figures(now)


def get_figures(*, viewer: StaffViewer, name: str, now: datetime) -> ConnectionFigures:
    """Tell how one connection does; `NotVisible` when there is none of that name."""
    with as_operations(viewer):
        found = _figures(now, name)
    if not found:
        raise NotVisible
    return found[0]


def measure(*, now: datetime, name: str | None = None) -> tuple[ConnectionFigures, ...]:
    """Tell the same to a machine that watches the portal, as the role that it has."""
    return _figures(now, name)


# One statement for all, and no count goes further than it is told of.
_CONNECTIONS = """
    SELECT c.id, c.name, c.label, c.kind, c.is_enabled, c.last_success_at, c.down_since,
        c.failures, c.last_error, c.last_error_code, c.retry_at, c.probe_until,
        c.outage_since, c.outage_until,
        COALESCE((c.settings->'reading'->>'backfill_years')::int, %(years)s),
        due.count, oldest.due_at, later.count, parked.count, lately.count
    FROM ingest_connection AS c
    LEFT JOIN LATERAL (SELECT count(*) FROM (SELECT 1 FROM ingest_inboxitem AS i
        WHERE i.connection_id = c.id AND i.due_at <= %(now)s LIMIT %(most)s) AS x) AS due ON true
    LEFT JOIN LATERAL (SELECT count(*) FROM (SELECT 1 FROM ingest_inboxitem AS i
        WHERE i.connection_id = c.id AND i.due_at > %(now)s LIMIT %(most)s) AS x) AS later ON true
    LEFT JOIN LATERAL (SELECT i.due_at FROM ingest_inboxitem AS i
        WHERE i.connection_id = c.id AND i.due_at <= %(now)s
        ORDER BY i.due_at LIMIT 1) AS oldest ON true
    LEFT JOIN LATERAL (SELECT count(*) FROM (SELECT 1 FROM ingest_parked AS p
        WHERE p.connection = c.name AND p.discarded_at IS NULL LIMIT %(most)s) AS x)
        AS parked ON true
    LEFT JOIN LATERAL (SELECT count(*) FROM (SELECT 1 FROM ingest_parked AS p
        WHERE p.connection = c.name AND p.discarded_at IS NULL AND p.first_at > %(day)s
        LIMIT %(most)s) AS x) AS lately ON true
    WHERE %(name)s::text IS NULL OR c.name = %(name)s
    ORDER BY c.name
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """A connection's row with its counts, in the order of the statement."""

    id: int
    name: str
    label: str
    kind: str
    is_enabled: bool
    last_success_at: datetime | None
    down_since: datetime | None
    failures: int
    error: str
    error_code: str
    retry_at: datetime | None
    probe_until: datetime | None
    outage_since: datetime | None
    outage_until: datetime | None
    years: int
    due: int
    oldest_due_at: datetime | None
    later: int
    parked: int
    parked_lately: int


def _figures(now: datetime, name: str | None = None) -> tuple[ConnectionFigures, ...]:
    with database.cursor() as cursor:
        params: dict[str, Any] = {
            "now": now,
            "day": now - DAY,
            "most": MOST_COUNTED + 1,
            "years": Options().backfill_years,
            "name": name,
        }
        cursor.execute(_CONNECTIONS, params)
        rows = [_Row(*row) for row in cursor.fetchall()]
    lanes = _lanes([row.id for row in rows])
    calls = _calls([row.name for row in rows], now)
    progress = _progress(rows, now)
    subscriptions = _subscriptions([row.id for row in rows])
    return tuple(
        ConnectionFigures(
            id=row.id,
            name=row.name,
            label=row.label or row.name,
            system=system_name(row.kind),
            state=_state(row, now),
            last_success_at=row.last_success_at,
            down_since=row.down_since,
            outage_since=row.outage_since if _in_outage(row, now) else None,
            outage_until=row.outage_until if _in_outage(row, now) else None,
            failures=row.failures,
            error=row.error,
            error_code=row.error_code,
            breaker=_breaker(row, now),
            retry_at=row.retry_at,
            next_try_at=_next_try(row, lanes[row.id], now),
            backlog=Bounded(row.due),
            oldest_due_at=row.oldest_due_at,
            later=Bounded(row.later),
            parked=Bounded(row.parked),
            parked_lately=Bounded(row.parked_lately),
            calls=calls.get(row.name, Calls()),
            lanes=tuple(lanes[row.id]),
            progress=tuple(progress[row.id]),
            subscriptions=tuple(subscriptions[row.id]),
        )
        for row in rows
    )


def _in_outage(row: _Row, now: datetime) -> bool:
    return row.outage_until is not None and row.outage_until > now


def _state(row: _Row, now: datetime) -> State:
    if not row.is_enabled:
        return "off"
    if _in_outage(row, now):
        return "outage"
    if row.down_since is not None:
        return "down"
    return "ok" if row.last_success_at else "never"


def _breaker(row: _Row, now: datetime) -> Breaker:
    if row.probe_until is not None and row.probe_until > now:
        return "half-open"
    if row.retry_at is None:
        return "closed"
    # Its rest is over: the next call is the one that finds out.
    return "open" if row.retry_at > now else "half-open"


def _next_try(row: _Row, lanes: Sequence[LaneFigures], now: datetime) -> datetime | None:
    """Say when the source is asked next: at the end of its rest, or when a lane is due."""
    if not row.is_enabled:
        return None
    ends = [at for at in (row.retry_at, row.outage_until) if at is not None and at > now]
    due = [lane.due_at for lane in lanes]
    return max([*ends, min(due, default=now)]) if ends or due else None


def _lanes(ids: Sequence[int]) -> dict[int, list[LaneFigures]]:
    found: dict[int, list[LaneFigures]] = defaultdict(list)
    rows = Lane.objects.filter(connection_id__in=ids).order_by("connection_id", "id")
    for connection_id, *values in rows.values_list(
        "connection_id",
        "name",
        "due_at",
        "started_at",
        "finished_at",
        "succeeded_at",
        "failures",
        "last_error",
    ):
        found[connection_id].append(LaneFigures(*cast("Any", values)))
    return found


def _calls(names: Sequence[str], now: datetime) -> dict[str, Calls]:
    rows = (
        CallCount.objects.filter(connection__in=names, minute__gt=now - HOUR)
        .values_list("connection")
        .annotate(Sum("calls"), Sum("failures"), Sum("throttled"), Sum("seconds"))
    )
    return {name: Calls(*counts) for name, *counts in rows}


def _progress(rows: Sequence[_Row], now: datetime) -> dict[int, list[Progress]]:
    """Tell how far long readings are: one row of a whole account, many companies of an ERP."""
    erps = {row.id: row for row in rows if system_name(row.kind) == System.ERP}
    companies = dict(
        CustomerId.objects.filter(
            connection__in=[row.name for row in erps.values()], company__is_active=True
        )
        .values_list("connection")
        .annotate(Count("company_id", distinct=True))
    )
    found: dict[int, list[Progress]] = defaultdict(list)
    for each in _streams([row.id for row in rows], _is_read(erps.values(), now)):
        connection_id, kind, began, updated, streams, finished, done, total, cursor = each
        if connection_id in erps:
            every = max(companies.get(erps[connection_id].name, 0), streams)
            is_finished, unit = finished >= every, "companies"
            done, total = finished, every
        else:
            is_finished, unit = cursor == END, "orders"
        if unit == "companies" or began is not None:
            found[connection_id].append(
                Progress(
                    kind,
                    cast('Literal["orders", "companies"]', unit),
                    done,
                    total,
                    began,
                    updated,
                    is_finished=is_finished,
                )
            )
    return found


def _is_read(erps: Iterable[_Row], now: datetime) -> Q:
    """Say which companies' streams of an ERP are read to their end, by their cursors."""
    links = Q(kind="links", cursor="", high_water__isnull=False)
    for row in erps:
        # The day before which nothing is asked for; a connector's day may be ahead of ours.
        floor = years_before(timezone.localdate(now), row.years) + DAY
        links |= Q(connection_id=row.id, kind="period", reached__lte=floor.isoformat())
    return links


def _streams(ids: Sequence[int], is_read: Q) -> QuerySet[Stream, tuple[Any, ...]]:
    """Add up the streams of each kind: of a company, or of a whole account."""
    of_companies = Q(kind__in=("period", "links"), company__is_active=True)
    return (
        Stream.objects.filter(
            of_companies | Q(kind__in=("backfill", "range", "compare")), connection_id__in=ids
        )
        .alias(reached=Right("cursor", 10))
        .order_by("connection_id", "kind")
        .values_list("connection_id", "kind")
        .annotate(
            began=Min("began_at"),
            updated=Max("updated_at"),
            streams=Count("id"),
            finished=Count("id", filter=is_read),
            orders=Sum("done"),
            all_orders=Sum("total"),
            mark=Max("cursor"),
        )
    )


def _subscriptions(ids: Sequence[int]) -> dict[int, list[SubscriptionFigures]]:
    found: dict[int, list[SubscriptionFigures]] = defaultdict(list)
    rows = Subscription.objects.filter(connection_id__in=ids).order_by("connection_id", "kind")
    for connection_id, *values in rows.values_list(
        "connection_id",
        "kind",
        "state",
        "quantity",
        "oldest_seconds",
        "checked_at",
        "configured_at",
        "repairs",
        "last_event_at",
        "error",
    ):
        found[connection_id].append(SubscriptionFigures(*cast("Any", values)))
    return found


# --- what waits for a person ---------------------------------------------------------------


def list_parked(
    *,
    viewer: StaffViewer,
    connection: str = "",
    reason: str = "",
    after: str | None = None,
    limit: int = 50,
) -> PageOf[ParkedRow]:
    """List what was set aside and not discarded, the latest first; operations only."""
    with as_operations(viewer):
        rows = Parked.objects.filter(discarded_at=None)
        if connection:
            rows = rows.filter(connection=connection)
        if reason:
            rows = rows.filter(reason=reason)
        if after:
            cursor = Cursor.decode(after)
            rows = rows.filter(
                Q(last_at__lt=cursor.at) | Q(last_at=cursor.at, id__lt=cursor.pk),
                last_at__lte=cursor.at,
            )
        found = [
            ParkedRow(*values)
            for values in rows.order_by("-last_at", "-id").values_list(
                "id",
                "connection",
                "external_id",
                "subject",
                "reason",
                "message",
                "attempts",
                "first_at",
                "last_at",
                Exists(
                    InboxItem.objects.filter(
                        connection__name=OuterRef("connection"),
                        external_id=OuterRef("external_id"),
                    )
                ),
            )[: limit + 1]
        ]
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(tuple(found[:limit]), Cursor(last.last_at, last.id).encode() if last else None)


def list_parked_groups(*, viewer: StaffViewer) -> tuple[ParkedGroup, ...]:
    """Count what is parked by connection and reason, the most first; operations only."""
    with as_operations(viewer):
        rows = (
            Parked.objects.filter(discarded_at=None)
            .values_list("connection", "reason")
            .annotate(count=Count("id"))
            .order_by("-count", "connection", "reason")
        )
        return tuple(ParkedGroup(*row) for row in rows[:100])


def list_runs(
    *, viewer: StaffViewer, connection: str = "", after: str | None = None, limit: int = 50
) -> PageOf[RunRow]:
    """List passes, newest first; operations only."""
    with as_operations(viewer):
        rows = Run.objects.filter(connection__name=connection) if connection else Run.objects.all()
        if after:
            rows = rows.filter(id__lt=Cursor.decode(after).pk)
        found = [
            RunRow(*values)
            for values in rows.order_by("-id").values_list(
                "id",
                "connection__name",
                "kind",
                "started_at",
                "finished_at",
                "read",
                "new",
                "changed",
                "unchanged",
                "failed",
                "error",
            )[: limit + 1]
        ]
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(tuple(found[:limit]), Cursor(last.started_at, last.id).encode() if last else None)


@contextmanager
def as_operations(viewer: StaffViewer) -> Iterator[None]:
    """Run a block as the staff role, for people of operations only; else `NotAllowed`."""
    if not viewer.can_operate:
        raise NotAllowed
    with scope(role=STAFF, person_id=viewer.person_id):
        yield


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A company of which a tax id may be another establishment."""

    public_id: UUID
    name: str


def suggest_companies(
    *, viewer: StaffViewer, tax_ids: Sequence[str]
) -> dict[str, tuple[Suggestion, ...]]:
    """Find companies that have a CNPJ with the same first eight characters; operations only."""
    roots = {tax_id: tax_id[:ROOT] for tax_id in tax_ids if len(tax_id) == CNPJ}
    if not roots:
        return {}
    wanted = Q()
    for root in set(roots.values()):
        wanted |= Q(tax_id__startswith=root)
    found: dict[str, dict[UUID, Suggestion]] = defaultdict(dict)
    with as_operations(viewer):
        rows = Establishment.objects.filter(wanted, company__is_active=True).order_by("id")
        for tax_id, public_id, name in rows.values_list(
            "tax_id", "company__public_id", "company__name"
        ):
            found[tax_id[:ROOT]][public_id] = Suggestion(public_id, name)
    return {tax_id: tuple(found[root].values()) for tax_id, root in roots.items()}


def list_connection_labels(*, viewer: StaffViewer) -> dict[str, str]:
    """List what people call each connection, by its name; operations only."""
    with as_operations(viewer):
        return dict(Connection.objects.order_by("name").values_list("name", "label"))


# --- how much waits ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListCounts:
    """How long the lists of operations are; incidents are those of the last day, by code."""

    parked: Bounded
    incidents: dict[str, int]
    errands: Bounded
    unmapped: Bounded
    unassigned: Bounded
    divergences: Bounded
    # Conflicts of the map of companies, and changes of it that wait for a second person.
    companies: Bounded

    @property
    def incidents_in_all(self) -> int:
        """Count the incidents of the last day."""
        return sum(self.incidents.values())


def count_lists(*, viewer: StaffViewer, now: datetime) -> ListCounts:
    """Count what waits for a person; operations only."""
    with as_operations(viewer):
        return measure_lists(now=now)


def measure_lists(*, now: datetime) -> ListCounts:
    """Tell the same to a machine that watches the portal, as the role that it has."""
    incidents = Incident.objects.filter(at__gt=now - DAY).values_list("code")
    return ListCounts(
        parked=_bounded(Parked.objects.filter(discarded_at=None)),
        incidents=dict(incidents.annotate(Count("id")).order_by("code")),
        errands=_bounded(Errand.objects.filter(state=ErrandState.WAITING)),
        unmapped=_bounded(UnmappedStatus.objects.all()),
        unassigned=_bounded(SourceRecord.objects.filter(company=None)),
        divergences=_bounded(Divergence.objects.all()),
        companies=_bounded(
            MapConflict.objects.filter(settled_at=None)
            .values("pk")
            .union(MapChange.objects.filter(state=MapState.WAITING).values("pk"), all=True)
        ),
    )


def _bounded(rows: QuerySet[Any, Any]) -> Bounded:
    return Bounded(rows.values("pk")[: MOST_COUNTED + 1].count())
