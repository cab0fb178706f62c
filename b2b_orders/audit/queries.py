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
        read = list(
            rows.order_by("-at", "-pk").values_list(
                *("id", "at", "code", "connection", "object_kind", "object_id", "detail"),
                *("address", "person_id"),
            )[: limit + 1]
        )
    # That role knows nobody by name.
    people = dict(
        Person.objects.filter(pk__in={row[-1] for row in read if row[-1]}).values_list(
            "pk", "email"
        )
    )
    found = [IncidentRow(*row, people.get(person, "")) for *row, person in read]
    last = found[limit - 1] if len(found) > limit else None
    return PageOf(tuple(found[:limit]), Cursor(last.at, last.id).encode() if last else None)
