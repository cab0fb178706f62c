"""Reading the audit record and the incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from b2b_orders.accounts.models import Person
from b2b_orders.audit.models import Incident
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.companies.access import StaffViewer


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """Something that operations should look at; whose data it is stays out of it.

    `person` is who did it, by their address, where somebody did.
    """

    id: int
    at: datetime
    code: str
    connection: str
    object_kind: str
    object_id: str
    detail: dict[str, Any]
    address: str | None = None
    person: str = ""


def list_incidents(
    *,
    viewer: StaffViewer,
    connection: str = "",
    only_alarms: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> PageOf[IncidentRow]:
    """List incidents for operations, newest first; `NotAllowed` for anybody else."""
    if not viewer.can_operate:
        raise NotAllowed
    with tenancy.scope(role=tenancy.STAFF):
        rows = Incident.objects.all()
        if connection:
            rows = rows.filter(connection=connection)
        if only_alarms:
            rows = rows.exclude(alarm="")
        if after:
            cursor = Cursor.decode(after)
            rows = rows.filter(Q(at__lt=cursor.at) | Q(at=cursor.at, id__lt=cursor.pk))
        read = list(rows.order_by("-at", "-pk")[: limit + 1])
    # That role knows nobody by name.
    wanted = {row.person_id for row in read if row.person_id}
    people = dict(Person.objects.filter(pk__in=wanted).values_list("pk", "email"))
    found = [
        IncidentRow(
            id=row.pk,
            at=row.at,
            code=row.code,
            connection=row.connection,
            object_kind=row.object_kind,
            object_id=row.object_id,
            detail=row.detail,
            address=row.address,
            person=people.get(row.person_id or 0, ""),
        )
        for row in read
    ]
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(tuple(found[:limit]), Cursor(last.at, last.id).encode() if last else None)
