"""What two sides claim of the map of companies, listed for a person and never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Company,
    CustomerId,
    Establishment,
    MapConflict,
    StaffRole,
)
from b2b_orders.orders.models import SourceRecord

TAX_ID, CUSTOMER_ID, ORGANISATION = "tax_id", "customer_id", "organisation"
_MOST = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """One side: who says so, which company it would be, and since when."""

    by: str
    company: str
    company_name: str
    at: datetime | None = None
    orders: int = 0

    def as_json(self) -> dict[str, Any]:
        """Write it down for the row."""
        return {
            "by": self.by,
            "company": self.company,
            "name": self.company_name,
            "at": self.at.isoformat() if self.at else "",
            "orders": self.orders,
        }


def note(*, kind: str, value: str, source: str, claims: Sequence[Claim], now: datetime) -> None:
    """List a conflict, or say of one that is listed that it was seen again.

    One that a person settled is listed again only when the two sides are others than then.
    """
    value, source = value[:120], source[:60]
    same = MapConflict.objects.filter(kind=kind, value=value, source=source)
    written = [claim.as_json() for claim in claims]
    settled = same.exclude(settled_at=None).order_by("-settled_at").first()
    if settled is not None and _sides(settled.claims) == _sides(written):
        MapConflict.objects.filter(pk=settled.pk).update(seen_at=now)
        return
    if not same.filter(settled_at=None).update(claims=written, seen_at=now):
        MapConflict.objects.bulk_create(
            [
                MapConflict(
                    kind=kind, value=value, source=source, claims=written, found_at=now, seen_at=now
                )
            ],
            ignore_conflicts=True,
        )


def _sides(claims: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(claim["by"], claim["company"] or claim["name"]) for claim in claims}


def ours(company: Company, *, orders: int = 0) -> Claim:
    """Say what our own map has."""
    return Claim("map", str(company.public_id), company.name, company.created_at, orders)


def note_claim(
    *, tax_id: str = "", customer_id: tuple[str, str] | None = None, other: Claim, now: datetime
) -> None:
    """List that somebody else claims a tax id or customer id which a company of ours has."""
    if customer_id is not None:
        connection, value = customer_id
        held = _holder_of(connection, value)
        if held is not None:
            orders = SourceRecord.objects.filter(
                company_id=held.company_id,
                connection=connection,
                facts__customer_id=held.value,
            ).count()
            claims = (ours(held.company, orders=orders), other)
            name = f"{connection}={value}"
            note(kind=CUSTOMER_ID, value=name, source=other.by, claims=claims, now=now)
    elif house := Establishment.objects.filter(tax_id=tax_id).select_related("company").first():
        orders = SourceRecord.objects.filter(
            company_id=house.company_id, owner_tax_id=tax_id
        ).count()
        claims = (ours(house.company, orders=orders), other)
        note(kind=TAX_ID, value=tax_id, source=other.by, claims=claims, now=now)


def _holder_of(connection: str, value: str) -> CustomerId | None:
    rows = CustomerId.objects.filter(connection=connection).select_related("company")
    if value.isascii() and value.isdigit():
        return rows.filter(value__regex=rf"^0*{value.lstrip('0') or '0'}$").first()
    return rows.filter(value=value).first()


def settle_conflict(*, public_id: UUID, person_id: int | None, reason: str, now: datetime) -> None:
    """Let a person say that there is nothing to change; `NotVisible` when it is not open."""
    with transaction.atomic():
        row = MapConflict.objects.select_for_update().filter(public_id=public_id).first()
        if row is None:
            raise NotVisible
        if row.settled_at is not None:
            return
        MapConflict.objects.filter(pk=row.pk).update(
            settled_at=now, settled_by_id=person_id, outcome=reason[:60]
        )


def settle_answered(*, now: datetime, person_id: int | None) -> int:
    """Settle what a change of the map has answered: both sides name one company now."""
    count = 0
    for row in MapConflict.objects.filter(settled_at=None)[:_MOST]:
        if not _is_answered(row):
            continue
        MapConflict.objects.filter(pk=row.pk, settled_at=None).update(
            settled_at=now, settled_by_id=person_id, outcome="changed"
        )
        record(
            Action.CONFLICT_SETTLED,
            actor=Actor(person_id=person_id, staff_role=StaffRole.OPERATIONS),
            object_kind="map-conflict",
            object_id=str(row.public_id),
            detail={"outcome": "changed"},
            now=now,
        )
        count += 1
    return count


def _is_answered(row: MapConflict) -> bool:
    named = {claim["company"] for claim in row.claims}
    if "" in named:
        return False
    ends = {_end_of(company) for company in named}
    if len(ends) == 1:
        return True
    wanted = [claim["company"] for claim in row.claims if claim["by"] != "map"]
    if row.kind == TAX_ID:
        house = Establishment.objects.filter(tax_id=row.value).select_related("company").first()
        return house is not None and [str(house.company.public_id)] == wanted
    if row.kind == CUSTOMER_ID:
        connection, _, value = row.value.partition("=")
        held = _holder_of(connection, value)
        return held is not None and [str(held.company.public_id)] == wanted
    return False


def _end_of(company: str) -> int | None:
    """Follow a merged company to where it went."""
    row = Company.objects.filter(public_id=company).values_list("pk", "merged_into_id").first()
    return None if row is None else row[1] or row[0]


# An ERP's order that names a tax id of another company than the one whose customer id it has.
_CONTRADICTIONS = """
    SELECT r.connection, r.owner_tax_id, r.company_id, e.company_id, count(*)
    FROM companies_establishment e
    JOIN orders_sourcerecord r ON r.owner_tax_id = e.tax_id AND r.company_id <> e.company_id
    WHERE r.system = 'erp'
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3 LIMIT %s
"""


def find_contradictions(*, now: datetime) -> int:
    """List where an ERP's orders name a tax id that our map gives to another company."""
    with database.cursor() as cursor:
        cursor.execute(_CONTRADICTIONS, [_MOST])
        rows = cursor.fetchall()
    companies = Company.objects.in_bulk({each for row in rows for each in row[2:4]})
    for connection, tax_id, by_id, by_tax_id, count in rows:
        held, told = companies[by_tax_id], companies[by_id]
        claims = (
            ours(held),
            Claim(connection, str(told.public_id), told.name, now, count),
        )
        note(kind=TAX_ID, value=tax_id, source=connection, claims=claims, now=now)
    return len(rows)
