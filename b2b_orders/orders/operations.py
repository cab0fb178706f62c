"""What operations read of orders over all companies: what differs, waits, or was decided.

In the database role that may read no amount; names of people are read as the web process.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max, Q

from b2b_orders.accounts.models import Person
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotAllowed
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.companies.access import StaffViewer
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.models import (
    Decision,
    DecisionKind,
    Divergence,
    StatusRule,
    UnmappedStatus,
)

# Of the orders that wait under one tax id: counted up to here, and this many shown.
COUNT_LIMIT = 1000
EXAMPLES = 3
_LIST_LIMIT = 500


@dataclass(frozen=True, slots=True)
class DivergentOrder:
    """A field on which the sources of an order disagree; without a company nobody's order."""

    order_public_id: uuid.UUID
    title: str
    company_public_id: uuid.UUID | None
    company_name: str
    field: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Unassigned:
    """Orders of one tax id that fit no company. `count` is exact up to `COUNT_LIMIT`."""

    tax_id: str
    name: str
    count: int
    is_counted: bool
    titles: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class UnmappedRow:
    """A word for a status that nobody knows, with an order that carries it."""

    connection: str
    raw: str
    external_id: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class StatusRuleRow:
    """What operations say a word means; an empty axis is the connector's."""

    connection: str
    raw: str
    fulfilment: str
    billing: str
    payment: str
    person_name: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A join or a split by hand; a split names all that the record was with."""

    id: int
    kind: DecisionKind
    company_public_id: uuid.UUID
    company_name: str
    record: RecordKey
    others: tuple[RecordKey, ...]
    person_name: str
    reason: str
    at: datetime
    undone_at: datetime | None
    undone_by_name: str


def list_divergences(
    *, viewer: StaffViewer, limit: int = 50, after: str | None = None
) -> PageOf[DivergentOrder]:
    """List on what sources disagree, the newest first; no values, which may be amounts."""
    rows = Divergence.objects.order_by("-since", "-id")
    if after:
        cursor = Cursor.decode(after)
        rows = rows.filter(
            Q(since__lt=cursor.at) | Q(since=cursor.at, id__lt=cursor.pk), since__lte=cursor.at
        )
    with _operations(viewer):
        found = list(
            rows.values_list(
                "order__public_id",
                "order__title",
                "company__public_id",
                "company__name",
                "field",
                "since",
                "id",
            )[: limit + 1]
        )
    page = tuple(
        DivergentOrder(order, title, company, name or "", field, since)
        for order, title, company, name, field, since, _ in found[:limit]
    )
    return PageOf(page, _following(found, limit))


def _following(found: Sequence[Sequence[Any]], limit: int) -> str | None:
    return Cursor(*found[limit - 1][-2:]).encode() if len(found) > limit else None


# One step from tax id to tax id over an index, however many orders wait under each.
_WAITING = """
WITH RECURSIVE groups AS (
    (SELECT r.owner_tax_id FROM orders_sourcerecord r
     WHERE r.company_id IS NULL AND r.owner_tax_id {start} %(after)s
     ORDER BY r.owner_tax_id LIMIT 1)
    UNION ALL
    SELECT (SELECT r.owner_tax_id FROM orders_sourcerecord r
            WHERE r.company_id IS NULL AND r.owner_tax_id > g.owner_tax_id
            ORDER BY r.owner_tax_id LIMIT 1)
    FROM groups g WHERE g.owner_tax_id IS NOT NULL
), page AS (
    SELECT owner_tax_id FROM groups WHERE owner_tax_id IS NOT NULL LIMIT %(limit)s
)
SELECT p.owner_tax_id, w.name, w.count, w.since, w.titles
FROM page p CROSS JOIN LATERAL (
    SELECT max(f.owner_name) AS name, count(*) AS count, min(f.first_seen_at) AS since,
        array_agg(o.title ORDER BY f.id) FILTER (WHERE o.title IS NOT NULL) AS titles
    FROM (SELECT r.*, row_number() OVER (ORDER BY r.id) AS at FROM (
              SELECT id, owner_name, first_seen_at, order_id FROM orders_sourcerecord
              WHERE company_id IS NULL AND owner_tax_id = p.owner_tax_id
              ORDER BY id LIMIT %(most)s) r) f
    LEFT JOIN orders_order o ON o.id = f.order_id AND f.at <= %(examples)s
) w ORDER BY p.owner_tax_id
"""


def list_unassigned(
    *, viewer: StaffViewer, limit: int = 50, after: str | None = None
) -> PageOf[Unassigned]:
    """List the orders that fit no company, by the tax id that they are for, in its order."""
    sql = _WAITING.format(start=">=" if after is None else ">")
    params: dict[str, str | int] = {
        "after": _tax_id(after),
        "limit": limit + 1,
        "most": COUNT_LIMIT + 1,
        "examples": EXAMPLES,
    }
    with _operations(viewer), connection.cursor() as cursor:
        cursor.execute(sql, params)
        found = cursor.fetchall()
    page = tuple(
        Unassigned(
            tax_id=tax_id,
            name=name,
            count=min(count, COUNT_LIMIT),
            is_counted=count <= COUNT_LIMIT,
            titles=tuple(titles or ()),
            since=since,
        )
        for tax_id, name, count, since, titles in found[:limit]
    )
    # "-" stands before the tax id, so that the page after the empty one has an address.
    return PageOf(page, f"-{page[-1].tax_id}" if len(found) > limit else None)


def _tax_id(after: str | None) -> str:
    if after is None:
        return ""
    if not after.startswith("-") or "\0" in after:
        raise InvalidInput("after", "not a page")
    return after[1:]


def list_unmapped(*, viewer: StaffViewer) -> tuple[UnmappedRow, ...]:
    """List the words for statuses that neither a connector nor a rule knows, newest first."""
    with _operations(viewer):
        rows = UnmappedStatus.objects.order_by("-last_at", "id").values_list(
            "connection", "raw", "external_id", "first_at", "last_at"
        )
        return tuple(UnmappedRow(*row) for row in rows[:_LIST_LIMIT])


def list_status_rules(*, viewer: StaffViewer) -> tuple[StatusRuleRow, ...]:
    """List operations' rules for statuses, by connection and word."""
    with _operations(viewer):
        rows = list(
            StatusRule.objects.order_by("connection", "key").values_list(
                "connection", "raw", "fulfilment", "billing", "payment", "person_id", "changed_at"
            )[:_LIST_LIMIT]
        )
    names = _names(row[-2] for row in rows)
    return tuple(
        StatusRuleRow(
            connection=where,
            raw=raw,
            fulfilment=fulfilment,
            billing=billing,
            payment=payment,
            person_name=names.get(person_id or 0, ""),
            changed_at=changed_at,
        )
        for where, raw, fulfilment, billing, payment, person_id, changed_at in rows
    )


def list_decisions(*, viewer: StaffViewer, limit: int = 50) -> tuple[DecisionRow, ...]:
    """List the joins and splits by hand, the newest first, those undone too."""
    with _operations(viewer):
        acts = Decision.objects.values("act").annotate(latest=Max("id")).order_by("-latest")
        wanted = list(acts.values_list("act", flat=True)[:limit])
        rows = list(
            Decision.objects.filter(act__in=wanted)
            .order_by("id")
            .values_list(
                "act",
                "id",
                "kind",
                "company__public_id",
                "company__name",
                "connection_a",
                "external_a",
                "connection_b",
                "external_b",
                "person_id",
                "reason",
                "at",
                "undone_at",
                "undone_by_id",
            )
        )
    names = _names(person for row in rows for person in (row[9], row[13]))
    of_act: dict[uuid.UUID, list[tuple[Any, ...]]] = {}
    for row in rows:
        of_act.setdefault(row[0], []).append(row)
    return tuple(_decision(of_act[act], names) for act in wanted)


def _decision(rows: Sequence[tuple[Any, ...]], names: dict[int, str]) -> DecisionRow:
    _, pk, kind, company, company_name, connection_a, external_a, *_rest = rows[0]
    person_id, reason, at, undone_at, undone_by_id = rows[0][9:]
    return DecisionRow(
        id=pk,
        kind=DecisionKind(kind),
        company_public_id=company,
        company_name=company_name,
        record=RecordKey(connection_a, external_a),
        others=tuple(RecordKey(row[7], row[8]) for row in rows),
        person_name=names.get(person_id, ""),
        reason=reason,
        at=at,
        undone_at=undone_at,
        undone_by_name=names.get(undone_by_id, ""),
    )


def _names(people: Iterable[int | None]) -> dict[int, str]:
    """Read people's names, outside the role that may not."""
    wanted = sorted({pk for pk in people if pk})
    return dict(Person.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def _operations(viewer: StaffViewer) -> AbstractContextManager[None]:
    if not viewer.can_operate:
        raise NotAllowed
    return tenancy.scope(role=tenancy.STAFF, person_id=viewer.person_id)
