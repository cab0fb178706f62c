"""What passed between a company and the seller lately, read from the record, for the seller."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from b2b_orders.audit.models import CONTACTS, AuditEvent
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Viewer

LOOKED_BACK = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody acted for the company, mailed a document, asked or answered."""

    at: datetime
    action: str
    person_name: str
    is_staff: bool
    reason: str


def latest_contacts(
    *, viewer: Viewer, without_kinds: Collection[str] = (), now: datetime, limit: int = 4
) -> tuple[Contact, ...]:
    """List the last contacts with a company, the latest first; staff only. One SQL statement.

    What is about a document of a kind that the viewer may not see did not happen for them.
    """
    if not viewer.is_staff:
        raise NotVisible
    rows = AuditEvent.objects.filter(
        company_id=viewer.company_id, action__in=CONTACTS, at__gte=now - LOOKED_BACK
    )
    if without_kinds:
        rows = rows.filter(
            Q(detail__kind__isnull=True) | ~Q(detail__kind__in=sorted(without_kinds))
        )
    found = rows.order_by("-at", "-pk").values_list(
        "at", "action", F("person__name"), "staff_role", "reason"
    )[:limit]
    return tuple(
        Contact(at, action, name or "", bool(role), reason)
        for at, action, name, role, reason in found
    )
