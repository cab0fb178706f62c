"""Adding to the audit record and to the list of incidents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from b2b_orders.audit import volume
from b2b_orders.audit.alarms import ALWAYS
from b2b_orders.audit.models import Action as Action  # noqa: PLC0414 what callers record
from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor

__all__ = ["Action", "record", "report_incident"]


def record(
    action: Action,
    *,
    actor: Actor,
    company_id: int | None = None,
    object_kind: str = "",
    object_id: str = "",
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Add one line to the audit record, in the caller's transaction. One SQL statement."""
    event = AuditEvent(
        at=now,
        action=action,
        person_id=actor.person_id,
        staff_role=actor.staff_role or "",
        company_id=company_id,
        object_kind=object_kind,
        object_id=without_nul(object_id)[:40],
        reason=without_nul(reason or actor.reason)[:200],
        address=actor.address or None,
        request_id=actor.request_id,
        detail={
            name: without_nul(value) if isinstance(value, str) else value
            for name, value in (detail or {}).items()
        },
    )
    # The web process may add what it may not read back (a log-in has no company), and
    # INSERT ... RETURNING needs the right to read; with ignore_conflicts there is none.
    AuditEvent.objects.bulk_create([event], ignore_conflicts=True)
    if actor.staff_role and actor.person_id and action in volume.OPENED:
        volume.note_opening(
            person_id=actor.person_id,
            company_id=company_id,
            order=str((detail or {}).get("order") or object_id),
            now=now,
        )


def report_incident(
    code: str,
    *,
    connection: str = "",
    company_id: int | None = None,
    object_kind: str = "",
    object_id: str = "",
    detail: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Put something on operations' list, in the caller's transaction. One SQL statement.

    What is in `alarms.ALWAYS` is also told by mail; a person's doing is `alarms.raise_alarm`.
    """
    incident = Incident(
        at=now,
        code=code,
        connection=connection,
        company_id=company_id,
        object_kind=object_kind,
        object_id=object_id[:80],
        detail=dict(detail or {}),
        alarm=f"{code}:{connection}" if code in ALWAYS else "",
    )
    # Not read back: see `record`.
    Incident.objects.bulk_create([incident], ignore_conflicts=True)
