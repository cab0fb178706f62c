"""What is shown of sources to everybody: how old their data is. See `operations` for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db import connection

from b2b_orders.common import clock
from b2b_orders.ingest.figures import system_name


@dataclass(frozen=True, slots=True)
class SourceState:
    """How one source does. `as_of` is when it last answered, `down_since` when it stopped."""

    connection: str
    label: str
    system: str
    state: Literal["ok", "down", "never"]
    as_of: datetime | None
    down_since: datetime | None


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


def _state(
    name: str,
    label: str,
    kind: str,
    last_success_at: datetime | None,
    down_since: datetime | None,
) -> SourceState:
    if down_since is not None:
        state: Literal["ok", "down", "never"] = "down"
    else:
        state = "ok" if last_success_at else "never"
    return SourceState(
        connection=name,
        label=label,
        system=system_name(kind),
        state=state,
        as_of=last_success_at,
        down_since=down_since,
    )
