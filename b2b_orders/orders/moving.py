"""Orders that go from one company to another because the map of companies changes.

What moves is said by what companies are known by: tax ids, by which a shop's orders are
theirs, and customer ids of connections, by which an ERP's are. Each batch is a transaction
of its own under the locks of both companies, so that it may be ended anywhere and begun
again: what has moved is not found any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from b2b_orders.companies.models import Establishment
from b2b_orders.orders.models import LearnedLink, SourceRecord
from b2b_orders.orders.services import lock_companies, organisation_key, rehome, remerge
from erp_bridge.records import System

BATCH = 200


@dataclass(frozen=True, slots=True)
class Belongings:
    """By what orders are known to be a company's: what moves takes them along.

    `everything` is all that the company has; `loose` are records that came by nothing that
    names them and go along with the rest.
    """

    tax_ids: frozenset[str] = frozenset()
    customer_ids: frozenset[tuple[str, str]] = frozenset()
    loose: frozenset[int] = frozenset()
    everything: bool = False

    def of(self, company_id: int) -> QuerySet[SourceRecord]:
        """Select the records of a company that go along."""
        records = SourceRecord.objects.filter(company_id=company_id)
        return records if self.everything else records.filter(self._named() | Q(id__in=self.loose))

    def loose_of(self, company_id: int, limit: int) -> list[int]:
        """List what goes along and is named by nothing: it could not be told apart later."""
        if not self.everything:
            return sorted(self.loose)
        own = SourceRecord.objects.filter(company_id=company_id)
        # Not `exclude(named)`: of a record without a customer id that says neither yes nor no.
        loose = own.exclude(pk__in=own.filter(self._named()).values("pk"))
        return list(loose.order_by("id").values_list("id", flat=True)[:limit])

    def _named(self) -> Q:
        named = Q(system=System.VTEX, owner_tax_id__in=self.tax_ids)
        prefix = organisation_key("")
        for connection, value in sorted(self.customer_ids):
            if value.startswith(prefix):
                # Only where no company has the tax id: that says more.
                named |= Q(
                    system=System.VTEX,
                    connection=connection,
                    facts__organization_id=value.removeprefix(prefix),
                ) & ~Q(owner_tax_id__in=Establishment.objects.values("tax_id"))
            named |= Q(system=System.ERP, connection=connection) & _same_id(value)
        return named


def _same_id(value: str) -> Q:
    """Match a customer id as an ERP takes it: 055 is 55."""
    if value.isascii() and value.isdigit():
        return Q(facts__customer_id__regex=rf"^0*{value.lstrip('0') or '0'}$")
    return Q(facts__customer_id=value)


def count_orders(*, belongings: Belongings, company_id: int) -> int:
    """Count the orders of a company that would go along."""
    return belongings.of(company_id).values("order_id").distinct().count()


def count_left_behind(*, belongings: Belongings, company_id: int) -> int:
    """Count the orders that name a tax id that goes, and stay: an ERP has them by another id."""
    if belongings.everything or not belongings.tax_ids:
        return 0
    staying = SourceRecord.objects.filter(
        company_id=company_id, owner_tax_id__in=belongings.tax_ids
    ).exclude(pk__in=belongings.of(company_id).values("pk"))
    return staying.values("order_id").distinct().count()


def move_orders(
    *,
    belongings: Belongings,
    from_company: int,
    to_company: int,
    now: datetime,
    limit: int = BATCH,
) -> int:
    """Move a batch of what goes along; say how many records, zero when all have moved."""
    with transaction.atomic():
        lock_companies((from_company, to_company))
        ids = list(belongings.of(from_company).order_by("id").values_list("id", flat=True)[:limit])
        if not ids:
            return 0
        keys = SourceRecord.objects.filter(id__in=ids).values_list("connection", "external_id")
        _move_links(tuple(keys), from_company, to_company)
        return rehome(record_ids=ids, company_id=to_company, now=now, from_company=from_company)


def _move_links(keys: Iterable[tuple[str, str]], from_company: int, to_company: int) -> None:
    by_connection: dict[str, list[str]] = {}
    for connection, external_id in keys:
        by_connection.setdefault(connection, []).append(external_id)
    for connection, external_ids in by_connection.items():
        LearnedLink.objects.filter(
            connection=connection, external_id__in=external_ids, company_id=from_company
        ).update(company_id=to_company)


def settle(*, company_id: int, tax_ids: Sequence[str], now: datetime, limit: int = BATCH) -> None:
    """Place a company's orders anew that name an establishment which it has no more."""
    after = 0
    while True:
        named = SourceRecord.objects.filter(
            company_id=company_id, owner_tax_id__in=tax_ids, id__gt=after
        )
        ids = list(named.order_by("id").values_list("id", flat=True)[:limit])
        if not ids:
            return
        remerge(record_ids=ids, now=now)
        after = ids[-1]
