"""Reading the audit record and the incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from b2b_orders.audit.models import Incident
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.companies.access import StaffViewer


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """Something that operations should look at; whose it is stays out of it."""

    id: int
    at: datetime
    code: str
    connection: str
    object_kind: str
    object_id: str
    detail: dict[str, Any]


def list_incidents(
    *, viewer: StaffViewer, connection: str = "", after: str | None = None, limit: int = 50
) -> PageOf[IncidentRow]:
    """List incidents for operations, newest first; `NotAllowed` for anybody else."""
    if not viewer.can_operate:
        raise NotAllowed
    with tenancy.scope(role=tenancy.STAFF):
        rows = Incident.objects.all()
        if connection:
            rows = rows.filter(connection=connection)
        if after:
            cursor = Cursor.decode(after)
            rows = rows.filter(Q(at__lt=cursor.at) | Q(at=cursor.at, id__lt=cursor.pk))
        found = [
            IncidentRow(*values)
            for values in rows.order_by("-at", "-pk").values_list(
                "id", "at", "code", "connection", "object_kind", "object_id", "detail"
            )[: limit + 1]
        ]
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(tuple(found[:limit]), Cursor(last.at, last.id).encode() if last else None)
