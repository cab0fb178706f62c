"""What a company waits for: orders that are not finished, those that are late first.

An order is open while it is in work. Once its goods are on their way it counts for
`ON_ITS_WAY_FOR` more: many ERPs never say that something was delivered, and years of
"invoiced" are nothing that anybody waits for. It is late when its promised day has passed.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Viewer
from b2b_orders.orders.models import IN_WORK
from erp_bridge.records import Fulfilment, NumberKind

ON_ITS_WAY_FOR = timedelta(days=90)
# Up to here is counted, of each kind.
COUNTED = 500
_WORDS = ", ".join(f"'{each}'" for each in IN_WORK)
_ON_ITS_WAY = f"'{Fulfilment.INVOICED.value}', '{Fulfilment.SHIPPED.value}'"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that the company waits for."""

    public_id: uuid.UUID
    title: str
    own_number: str
    fulfilment: Fulfilment
    status_raw: str
    placed_on: date | None
    promised_on: date | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """The first of a company's open orders, and how many there are; exact up to `COUNTED`."""

    rows: tuple[OpenOrder, ...]
    count: int
    late: int

    @property
    def is_counted(self) -> bool:
        """Say whether the counts are exact."""
        return self.count < COUNTED


def open_sql(columns: str, where: str) -> str:
    """Build the statement that selects open orders `o`, of each kind over an index of its own.

    `where` names the company; the parameter `way_since` is from when goods may be on their way.
    """
    return f"""(SELECT {columns} FROM orders_order o WHERE {where}
            AND o.fulfilment IN ({_WORDS})
            ORDER BY o.promised_on, o.id LIMIT {COUNTED})
        UNION ALL
        (SELECT {columns} FROM orders_order o WHERE {where}
            AND o.fulfilment IN ({_ON_ITS_WAY}) AND o.sorted_at >= %(way_since)s
            ORDER BY o.sorted_at DESC, o.id DESC LIMIT {COUNTED})"""  # noqa: S608 our own names


def open_params(now: datetime) -> dict[str, Any]:
    """Return the parameters of `open_sql`."""
    return {"way_since": now - ON_ITS_WAY_FOR}


def list_open(*, viewer: Viewer, today: date, now: datetime, limit: int = 6) -> OpenOrders:
    """List a company's open orders: late ones by their day, then by what is promised next.

    One SQL statement.
    """
    visible, params = visible_sql(viewer, "o")
    columns = (
        "o.id, o.public_id, o.title, o.fulfilment, o.status_raw, o.placed_on, o.promised_on,"
        " o.sorted_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT f.public_id, f.title,
                (SELECT n.written FROM orders_ordernumber n
                 WHERE n.order_id = f.id AND n.kind = '{NumberKind.CUSTOMER.value}'
                 ORDER BY n.id LIMIT 1),
                f.fulfilment, f.status_raw, f.placed_on, f.promised_on,
                COALESCE(f.promised_on < %(today)s, false), f.counted, f.late
            FROM (SELECT open.*, count(*) OVER () AS counted,
                    count(*) FILTER (WHERE open.promised_on < %(today)s) OVER () AS late
                  FROM ({open_sql(columns, visible)}) open
                  ORDER BY open.promised_on < %(today)s DESC NULLS LAST, open.promised_on,
                    open.sorted_at DESC, open.id DESC LIMIT %(limit)s) f
            ORDER BY f.promised_on < %(today)s DESC NULLS LAST, f.promised_on,
                f.sorted_at DESC, f.id DESC""",  # noqa: S608 placeholders only
            {**params, **open_params(now), "today": today, "limit": limit},
        )
        found = cursor.fetchall()
    rows = tuple(
        OpenOrder(public_id, title, own or "", Fulfilment(fulfilment), *rest)
        for public_id, title, own, fulfilment, *rest in (row[:8] for row in found)
    )
    return OpenOrders(rows, *(found[0][8:] if found else (0, 0)))
