"""The branch board: what waits in each branch of a company, at a glance.

What is counted is what the list's own filters and the finance page find, so that a number
leads to exactly that many rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from django.db import connection

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.filtering import DUE_SOON, Only, OrderFilter, filter_sql
from b2b_orders.orders.titles import to_pay_sql

# Up to here orders that are open and papers that are to pay are read; see `Board.is_counted`.
COUNTED: Final = 20_000


class BoardSort(StrEnum):
    """What the board can be sorted by; every count with the largest first."""

    BRANCH = "filial"
    OPEN = "andamento"
    LATE = "atrasados"
    DUE_SOON = "a_pagar"
    OVERDUE = "vencidos"
    DIFFERS = "divergentes"
    NEWEST = "recentes"


@dataclass(frozen=True, slots=True)
class BranchLine:
    """What waits in one branch. Orders of no known branch have no tax id.

    `due_soon` and `overdue` are None for who may not see finance.
    """

    tax_id: str
    name: str
    open: int
    late: int
    differs: int
    due_soon: int | None
    overdue: int | None
    newest_id: uuid.UUID | None
    newest_title: str
    newest_on: date | None


@dataclass(frozen=True, slots=True)
class Board:
    """A page of branches. `is_counted`: no count of them stops short."""

    lines: tuple[BranchLine, ...]
    count: int
    is_counted: bool


_ORDER_BY: Final = {
    BoardSort.BRANCH: "b.tax_id = '', b.tax_id",
    BoardSort.OPEN: "opened DESC, late DESC",
    BoardSort.LATE: "late DESC, opened DESC",
    BoardSort.DUE_SOON: "due_soon DESC, overdue DESC",
    BoardSort.OVERDUE: "overdue DESC, due_soon DESC",
    BoardSort.DIFFERS: "differs DESC, opened DESC",
    BoardSort.NEWEST: "n.sorted_at DESC NULLS LAST",
}


def list_branches(
    *,
    viewer: Viewer,
    sort: BoardSort = BoardSort.BRANCH,
    today: date,
    now: datetime,
    skip: int = 0,
    limit: int = 100,
) -> Board:
    """List the branches that the viewer sees, with what waits in each. One SQL statement."""
    may_pay = viewer.can(Right.FINANCE)
    if not may_pay and sort in {BoardSort.DUE_SOON, BoardSort.OVERDUE}:
        sort = BoardSort.BRANCH
    sql, params = _sql(viewer, sort, today, now)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params, "skip": skip, "limit": limit})
        rows = cursor.fetchall()
    lines = tuple(
        BranchLine(
            tax_id=tax_id,
            name=name,
            open=opened,
            late=late,
            differs=differs,
            due_soon=due_soon if may_pay else None,
            overdue=overdue if may_pay else None,
            newest_id=newest[0],
            newest_title=newest[1] or "",
            newest_on=newest[2],
        )
        for tax_id, name, opened, late, differs, due_soon, overdue, *newest in rows
    )
    count, read = rows[0][10:] if rows else (0, 0)
    return Board(lines, count, is_counted=read <= COUNTED)


def _branches(viewer: Viewer) -> tuple[str, dict[str, Any]]:
    where, params = "b.company_id = %(company)s", {"company": viewer.company_id}
    if viewer.establishment_ids is None:
        return where, params
    return f"{where} AND b.id = ANY(%(branches)s)", params | {
        "branches": sorted(viewer.establishment_ids)
    }


def _sql(viewer: Viewer, sort: BoardSort, today: date, now: datetime) -> tuple[str, dict[str, Any]]:
    """Build the statement: each count once over its own index, then joined to the branches."""
    visible, params = visible_sql(viewer, "o")
    is_open, of_filter = filter_sql(viewer, OrderFilter(only=(Only.OPEN,)), today=today, now=now)
    branches, of_branches = _branches(viewer)
    papers, of_papers = _papers(viewer, today)
    # Only who sees the whole company sees orders of no known branch.
    nowhere = (
        "UNION ALL SELECT 0::bigint, ''::text, ''::text" if viewer.establishment_ids is None else ""
    )
    sql = f"""WITH opened AS MATERIALIZED (
            SELECT COALESCE(o.establishment_id, 0) AS branch, o.promised_on < %(today)s AS is_late
            FROM orders_order o WHERE {visible} AND {is_open} LIMIT {COUNTED + 1}),
        papers AS MATERIALIZED ({papers}),
        differing AS (
            SELECT COALESCE(o.establishment_id, 0) AS branch, count(DISTINCT o.id) AS differs
            FROM orders_divergence d JOIN orders_order o ON o.id = d.order_id
            WHERE d.company_id = %(company)s AND {visible} AND o.divergence_count > 0 GROUP BY 1),
        branches AS (SELECT b.id, b.tax_id::text, b.name::text FROM companies_establishment b
            WHERE {branches} {nowhere})
        SELECT b.tax_id, b.name, COALESCE(w.opened, 0) AS opened, COALESCE(w.late, 0) AS late,
            COALESCE(d.differs, 0) AS differs, COALESCE(p.due_soon, 0) AS due_soon,
            COALESCE(p.overdue, 0) AS overdue, n.public_id, n.title, n.placed_on,
            count(*) OVER () AS counted,
            GREATEST((SELECT count(*) FROM opened), (SELECT count(*) FROM papers))
        FROM branches b
        LEFT JOIN (SELECT branch, count(*) AS opened, count(*) FILTER (WHERE is_late) AS late
            FROM opened GROUP BY 1) w ON w.branch = b.id
        LEFT JOIN (SELECT branch, count(*) FILTER (WHERE NOT is_overdue) AS due_soon,
            count(*) FILTER (WHERE is_overdue) AS overdue
            FROM papers GROUP BY 1) p ON p.branch = b.id
        LEFT JOIN differing d ON d.branch = b.id
        LEFT JOIN LATERAL (SELECT o.public_id, o.title, o.placed_on, o.sorted_at
            FROM orders_order o WHERE {visible} AND o.establishment_id = b.id
            ORDER BY o.sorted_at DESC, o.id DESC LIMIT 1) n ON true
        WHERE b.id > 0 OR w.opened > 0 OR d.differs > 0 OR p.branch IS NOT NULL
        ORDER BY {_ORDER_BY[sort]}, b.tax_id = '', b.tax_id OFFSET %(skip)s LIMIT %(limit)s"""  # noqa: S608 our own names
    return sql, {**params, **of_filter, **of_branches, **of_papers, "today": today}


def _papers(viewer: Viewer, today: date) -> tuple[str, Mapping[str, Any]]:
    """Build what reads papers that are overdue or fall due soon; none without the right."""
    if not viewer.can(Right.FINANCE):
        return "SELECT 0::bigint AS branch, false AS is_overdue WHERE false", {}
    tables, where, params = to_pay_sql(viewer=viewer, until=today + DUE_SOON, today=today)
    columns = "COALESCE(o.establishment_id, 0) AS branch, t.due_on < %(today)s AS is_overdue"
    sql = f"SELECT {columns} {tables} WHERE {where} LIMIT {COUNTED + 1}"
    return sql, params
