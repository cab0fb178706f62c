"""What is shown of sources: to everybody how old their data is, to operations what waits."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection

from b2b_orders.common import clock
from b2b_orders.common.errors import NotAllowed
from b2b_orders.common.tenancy import STAFF, scope
from b2b_orders.companies.access import StaffViewer
from b2b_orders.ingest.breaker import state_of
from b2b_orders.ingest.models import Connection, Parked, Run
from erp_bridge import registry
from erp_bridge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class SourceState:
    """How one source does. `as_of` is when it last answered, `down_since` when it stopped."""

    connection: str
    label: str
    system: str
    state: Literal["ok", "down", "never"]
    as_of: datetime | None
    down_since: datetime | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One pass over a connection."""

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
    """Something that could not be used."""

    connection: str
    external_id: str
    reason: str
    message: str
    attempts: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How one source does, in the words that operations need."""

    source: SourceState
    failures: int
    last_error: str
    last_error_code: str
    retry_at: datetime | None


def list_source_states() -> tuple[SourceState, ...]:
    """Return how each connection in use does. The same for every viewer; no company in it."""
    # Written out because every page shows it.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, label, kind, last_success_at,"
            # LEAST passes over NULL: a rehearsed outage, or a real one that began before it.
            " LEAST(down_since, CASE WHEN outage_until > %s THEN outage_since END)"
            " FROM ingest_connection WHERE is_enabled ORDER BY name",
            [clock.now()],
        )
        return tuple(_state(*row) for row in cursor.fetchall())


def list_source_health(*, viewer: StaffViewer) -> tuple[SourceHealth, ...]:
    """Return how each connection in use does, with its last error; operations only."""
    with _operations(viewer):
        rows = Connection.objects.filter(is_enabled=True).order_by("name").defer("secret")
        now = clock.now()
        states = [(row, state_of(row, now=now)) for row in rows]
        return tuple(
            SourceHealth(
                source=_state(row.name, row.label, row.kind, row.last_success_at, state.down_since),
                failures=state.failures,
                last_error=row.last_error,
                last_error_code=state.reason,
                retry_at=state.retry_at,
            )
            for row, state in states
        )


def list_runs(*, viewer: StaffViewer, limit: int = 50) -> tuple[RunRow, ...]:
    """Return the latest passes, newest first; operations only."""
    with _operations(viewer):
        rows = Run.objects.order_by("-id").values_list(
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
        )
        return tuple(RunRow(*row) for row in rows[:limit])


def list_parked(*, viewer: StaffViewer, limit: int = 50) -> tuple[ParkedRow, ...]:
    """Return what was set aside, the latest first; operations only."""
    with _operations(viewer):
        rows = Parked.objects.order_by("-last_at", "-id").values_list(
            "connection", "external_id", "reason", "message", "attempts", "first_at", "last_at"
        )
        return tuple(ParkedRow(*row) for row in rows[:limit])


def _operations(viewer: StaffViewer) -> AbstractContextManager[None]:
    if not viewer.can_operate:
        raise NotAllowed
    return scope(role=STAFF, person_id=viewer.person_id)


def _state(
    name: str,
    label: str,
    kind: str,
    last_success_at: datetime | None,
    down_since: datetime | None,
) -> SourceState:
    try:
        system = registry.get_kind(kind).system.value
    except ConfigError:
        # A kind of a newer version: its rows are shown, its source is not read.
        system = ""
    if down_since is not None:
        state: Literal["ok", "down", "never"] = "down"
    else:
        state = "ok" if last_success_at else "never"
    return SourceState(
        connection=name,
        label=label,
        system=system,
        state=state,
        as_of=last_success_at,
        down_since=down_since,
    )
