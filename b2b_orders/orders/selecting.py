"""Reading rows of orders: the statement that every list, search and page begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.numbers import Candidate
from b2b_orders.orders.rows import (
    How,
    NumberRow,
    OrderRow,
    SourceAsOf,
)
from b2b_orders.orders.searching import (
    NumberValue,
    find_match,
)
from erp_bridge.records import (
    Billing,
    Fulfilment,
    Money,
    NumberKind,
    Payment,
    System,
)

_KIND_ORDER = {kind: place for place, kind in enumerate(NumberKind)}

ROW_FIELDS = (
    "id",
    "public_id",
    "title",
    "origins",
    "fulfilment",
    "status_raw",
    "placed_on",
    "sorted_at",
    "promised_on",
    "currency",
    "total",
    "placed_by_name",
    "divergence_count",
    "line_count",
    "billing",
    "payment",
)
# Written out because every search, list and page runs it: compiling it from the ORM costs
# several times what PostgreSQL needs. Whoever runs it ends it by `visible`, the first wall;
# numbers and sources hang on an order that is visible already.
FROM = "FROM orders_order o LEFT JOIN companies_establishment e ON e.id = o.establishment_id"
SELECT = f"""
SELECT {", ".join(f"o.{field}" for field in ROW_FIELDS)}, e.tax_id, e.name,
    (SELECT json_agg(json_build_array(n.kind, n.written, n.value) ORDER BY n.id)
     FROM orders_ordernumber n WHERE n.order_id = o.id),
    (SELECT json_agg(json_build_array(r.connection, r.system, r.read_at, r.version,
        r.external_id) ORDER BY r.id)
     FROM orders_sourcerecord r WHERE r.order_id = o.id)"""  # noqa: S608 our own column names


@dataclass(frozen=True, slots=True)
class Where:
    """A condition over orders `o`, and its parameters."""

    sql: str
    params: Mapping[str, Any]

    def and_(self, sql: str, **params: object) -> Where:
        """Narrow it by one more condition."""
        return Where(f"{self.sql} AND ({sql})", {**self.params, **params})


def visible(viewer: Viewer) -> Where:
    """Begin a condition by what a viewer sees: the first wall."""
    return Where(*visible_sql(viewer, "o"))


def fetch(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def order_row(
    values: Sequence[Any], viewer: Viewer, candidates: Sequence[Candidate] = (), how: How = "exact"
) -> OrderRow:
    """Build a row of what `SELECT` read, without what the viewer has no right to."""
    *plain, tax_id, name, number_values, sources = values
    numbers = tuple(NumberValue(NumberKind(kind), *rest) for kind, *rest in number_values or ())
    fields = dict(zip(ROW_FIELDS, plain, strict=True))
    return OrderRow(
        id=fields["id"],
        public_id=fields["public_id"],
        title=fields["title"],
        numbers=_number_rows(numbers, viewer),
        origins=fields["origins"],
        fulfilment=Fulfilment(fields["fulfilment"]),
        status_raw=fields["status_raw"],
        placed_on=fields["placed_on"],
        placed_at=fields["sorted_at"],
        promised_on=fields["promised_on"],
        total=_total(viewer, fields["total"], fields["currency"]),
        establishment_tax_id=tax_id or "",
        establishment_name=name or "",
        placed_by_name=fields["placed_by_name"],
        divergence_count=fields["divergence_count"],
        line_count=fields["line_count"],
        sources=tuple(_source(*each) for each in sources or ()),
        matched=find_match(numbers, candidates, how),
        billing=Billing(fields["billing"]),
        payment=Payment(fields["payment"]) if viewer.can(Right.FINANCE) else None,
    )


def _total(viewer: Viewer, amount: Decimal | None, currency: str) -> Money | None:
    if amount is None or not viewer.can(Right.PRICES):
        return None
    return Money(amount, currency)


def _number_rows(numbers: Iterable[NumberValue], viewer: Viewer) -> tuple[NumberRow, ...]:
    rows = dict.fromkeys(NumberRow(number.kind, number.written) for number in numbers)
    if not viewer.can(Right.FINANCE):
        rows = {row: None for row in rows if row.kind is not NumberKind.BOLETO_LINE}
    return tuple(sorted(rows, key=lambda row: _KIND_ORDER[row.kind]))


def _source(
    connection: str, system: str, read_at: str, version: str | None, external_id: str
) -> SourceAsOf:
    return SourceAsOf(
        connection=connection,
        system=System(system),
        as_of=datetime.fromisoformat(read_at),
        version=datetime.fromisoformat(version) if version else None,
        external_id=external_id,
    )
