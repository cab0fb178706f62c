"""For which companies an agent acted lately, to go on from there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from b2b_orders.common import tenancy
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import Acting, Company, Establishment
from b2b_orders.companies.viewers import tax_id_ending


@dataclass(frozen=True, slots=True)
class RecentCompany:
    """A company that somebody acted for, and why and when last."""

    public_id: uuid.UUID
    name: str
    tax_id_ending: str
    reason: str
    at: datetime


def list_recent(*, viewer: StaffViewer, limit: int = 10) -> tuple[RecentCompany, ...]:
    """List the companies that a person acted for last, each once, newest first.

    Their name and the end of their CNPJ, as number-first search shows them; not those that
    went to another team.
    """
    mine = Acting.objects.filter(person_id=viewer.person_id)
    last = mine.values("company_id").annotate(last=Max("pk")).order_by("-last")
    ids = list(last.values_list("last", flat=True)[: 2 * limit])
    rows = mine.filter(pk__in=ids).order_by("-pk").values_list("company_id", "reason", "started_at")
    acted = list(rows)
    wanted = [company_id for company_id, _reason, _at in acted]
    with tenancy.scope(role=tenancy.STAFF):
        known = {
            company_id: (public_id, name, team_id)
            for company_id, public_id, name, team_id in Company.objects.filter(
                pk__in=wanted, is_active=True
            ).values_list("pk", "public_id", "name", "team_id")
        }
        tax_ids = dict(
            Establishment.objects.filter(company_id__in=wanted)
            .order_by("-pk")
            .values_list("company_id", "tax_id")
        )
    found = [
        RecentCompany(
            *known[company_id][:2], tax_id_ending(tax_ids.get(company_id, "")), reason, at
        )
        for company_id, reason, at in acted
        if company_id in known and viewer.serves(known[company_id][2])
    ]
    return tuple(found[:limit])
