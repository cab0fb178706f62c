"""The customers that a salesperson looks after, with what is open: no amounts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.paging import PageOf
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.viewers import tax_id_ending
from b2b_orders.orders.open_orders import COUNTED, open_params, open_sql
from erp_bridge.identifiers import clean

# As people type names: without accents, in any case.
_ACCENTED, _PLAIN = "áàâãäéèêëíìîïóòôõöúùûüçñ", "aaaaaeeeeiiiiooooouuuucn"
_FOLD = str.maketrans(_ACCENTED, _PLAIN)
# Shorter texts stand in too many CNPJs.
_SHORTEST_TAX_ID = 3


@dataclass(frozen=True, slots=True)
class PortfolioRow:
    """A customer. Counts are exact up to `COUNTED`."""

    public_id: uuid.UUID
    name: str
    tax_id_ending: str
    open: int
    late: int
    last_on: date | None

    @property
    def is_counted(self) -> bool:
        """Say whether the counts are exact."""
        return self.open < COUNTED


def list_portfolio(
    *,
    viewer: StaffViewer,
    today: date,
    now: datetime,
    text: str = "",
    after: str | None = None,
    limit: int = 25,
) -> PageOf[PortfolioRow]:
    """List a salesperson's own customers by name, or those that a name or CNPJ leads to.

    One SQL statement, in the role that can read no amount. `InvalidInput` for a page that
    begins after a customer who is not theirs.
    """
    mine: dict[str, Any] = {"mine": sorted(viewer.company_ids or ())}
    where, params = _wanted(text, mine)
    if after:
        where += """ AND (c.name, c.id) > (SELECT a.name, a.id FROM companies_company a
            WHERE a.public_id = %(after)s AND a.id = ANY(%(mine)s))"""
        params |= {"after": _place(viewer, after)}
    with tenancy.scope(role=tenancy.STAFF), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT p.public_id, p.name, COALESCE(p.tax_id, ''), w.open, w.late,
                (SELECT o.placed_on FROM orders_order o WHERE o.company_id = p.id
                 ORDER BY o.sorted_at DESC, o.id DESC LIMIT 1)
            FROM (SELECT c.id, c.public_id, c.name,
                    (SELECT e.tax_id FROM companies_establishment e
                     WHERE e.company_id = c.id ORDER BY e.id LIMIT 1) AS tax_id
                  FROM companies_company c WHERE {where}
                  ORDER BY c.name, c.id LIMIT %(limit)s) p
            CROSS JOIN LATERAL (SELECT count(*) AS open,
                    count(*) FILTER (WHERE f.promised_on < %(today)s) AS late
                FROM ({open_sql("o.promised_on", "o.company_id = p.id")}) f) w
            ORDER BY p.name, p.id""",  # noqa: S608 placeholders only
            {**params, **open_params(now), "today": today, "limit": limit + 1},
        )
        found = cursor.fetchall()
    rows = tuple(
        PortfolioRow(public_id, name, tax_id_ending(tax_id), *rest)
        for public_id, name, tax_id, *rest in found[:limit]
    )
    return PageOf(rows, str(rows[-1].public_id) if len(found) > limit else None)


def _wanted(text: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    where = "c.id = ANY(%(mine)s) AND c.is_active"
    name = " ".join(text.lower().translate(_FOLD).split())
    if not name:
        return where, params
    folded = f"translate(lower(c.name), '{_ACCENTED}', '{_PLAIN}')"
    found = f"strpos({folded}, %(name)s) > 0"
    tax_id = clean(text)
    if len(tax_id) >= _SHORTEST_TAX_ID:
        found += """ OR EXISTS (SELECT 1 FROM companies_establishment e
            WHERE e.company_id = c.id AND strpos(e.tax_id, %(tax_id)s) > 0)"""
    return f"{where} AND ({found})", params | {"name": name, "tax_id": tax_id}


def _place(viewer: StaffViewer, after: str) -> uuid.UUID:
    """Read after which customer a page begins: one of their own, else nobody learns a thing."""
    try:
        place = uuid.UUID(after)
    except ValueError as error:
        raise InvalidInput("after", "not a page") from error
    with tenancy.scope(role=tenancy.STAFF), connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM companies_company WHERE public_id = %s AND id = ANY(%s)",
            [place, sorted(viewer.company_ids or ())],
        )
        if cursor.fetchone() is None:
            raise InvalidInput("after", "not a page")
    return place
