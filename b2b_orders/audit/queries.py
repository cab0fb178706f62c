"""Reading the audit record and the incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from b2b_orders.audit.models import Incident
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.companies.access import StaffViewer


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """Something that operations should look at; whose it is stays out of it."""

    at: datetime
    code: str
    connection: str
    object_kind: str
    object_id: str
    detail: dict[str, Any]


def recent_incidents(*, viewer: StaffViewer, limit: int = 50) -> tuple[IncidentRow, ...]:
    """List the newest incidents for operations; `NotAllowed` for anybody else."""
    if not viewer.can_operate:
        raise NotAllowed
    with tenancy.scope(role=tenancy.STAFF):
        rows = Incident.objects.order_by("-at", "-pk").values_list(
            "at", "code", "connection", "object_kind", "object_id", "detail"
        )[:limit]
        return tuple(IncidentRow(*row) for row in rows)
