"""Orders that may have been placed twice: on the site and, once more, in the ERP.

The same items in the same quantities, on the same day, for the same branch, under different
numbers. It is a hint to the seller's people and nothing else: goods can be wanted twice, so
such orders are never merged. What a source does not state (an item's code, its quantity, the
day, the branch) is no likeness, and what has ended was placed once at most.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from b2b_orders.common.errors import NotVisible
from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Viewer
from erp_bridge.records import Fulfilment

# How many pairs are shown, and among how many of the newest orders they are looked for.
_SHOWN, _LOOKED_AT = 5, 300
_ENDED = f"'{Fulfilment.CANCELLED.value}', '{Fulfilment.REPLACED.value}'"
# By code, because a source may state an item on two lines; NULL when anything is unknown.
_ITEMS = """(SELECT CASE WHEN bool_and(i.known) THEN array_agg(i.item ORDER BY i.item) END FROM (
    SELECT upper(l.sku) || ' ' || trim_scale(sum(l.quantity)) AS item,
        bool_and(l.sku <> '' AND l.quantity IS NOT NULL) AS known
    FROM orders_line l WHERE l.order_id = {0}.id GROUP BY upper(l.sku)) i)"""
_PAIRS = f"""
SELECT s.public_id, s.title, e.public_id, e.title, s.placed_on
FROM {{rows}} s JOIN {{rows}} e ON e.placed_on = s.placed_on
    AND e.establishment_id = s.establishment_id
WHERE s.origins = 'vtex' AND e.origins = 'erp' AND {{only}}
    AND {_ITEMS.format("s")} = {_ITEMS.format("e")}
ORDER BY s.placed_on DESC, s.id DESC, e.id DESC LIMIT {_SHOWN}"""  # noqa: S608 our own names


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two orders with the same goods: the site's, and the ERP's."""

    site_public_id: uuid.UUID
    site_title: str
    erp_public_id: uuid.UUID
    erp_title: str
    placed_on: date


def list_duplicates(*, viewer: Viewer) -> tuple[Duplicate, ...]:
    """List possible duplicates among a company's latest orders; staff only. One SQL statement."""
    visible, params = visible_sql(viewer, "o")
    latest = f"""latest AS (SELECT o.id, o.public_id, o.title, o.placed_on, o.establishment_id,
            o.origins, o.fulfilment
        FROM orders_order o WHERE {visible} ORDER BY o.sorted_at DESC, o.id DESC
        LIMIT {_LOOKED_AT}),
        going AS (SELECT * FROM latest WHERE fulfilment NOT IN ({_ENDED}))"""  # noqa: S608 placeholders only
    return _find(viewer, f"WITH {latest} {_PAIRS.format(rows='going', only='true')}", params)


def duplicates_of(*, viewer: Viewer, order_id: int) -> tuple[Duplicate, ...]:
    """List what one order may have been placed twice as; staff only. One SQL statement."""
    visible, params = visible_sql(viewer, "o")
    columns = "o.id, o.public_id, o.title, o.placed_on, o.establishment_id, o.origins"
    these = f"""this AS (SELECT {columns}, o.sorted_at FROM orders_order o
            WHERE {visible} AND o.id = %(order)s AND o.fulfilment NOT IN ({_ENDED})),
        others AS (SELECT {columns} FROM orders_order o, this t
            WHERE {visible} AND o.id <> t.id AND o.placed_on = t.placed_on
                AND o.sorted_at BETWEEN t.sorted_at - interval '2 days'
                    AND t.sorted_at + interval '2 days'
                AND o.fulfilment NOT IN ({_ENDED})
            ORDER BY o.sorted_at DESC, o.id DESC LIMIT {_LOOKED_AT}),
        both_sides AS (SELECT id, public_id, title, placed_on, establishment_id, origins FROM this
            UNION ALL SELECT * FROM others)"""  # noqa: S608 placeholders only
    only = "%(order)s IN (s.id, e.id)"
    sql = f"WITH {these} {_PAIRS.format(rows='both_sides', only=only)}"
    return _find(viewer, sql, params | {"order": order_id})


def _find(viewer: Viewer, sql: str, params: dict[str, Any]) -> tuple[Duplicate, ...]:
    if not viewer.is_staff:
        raise NotVisible
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return tuple(Duplicate(*row) for row in cursor.fetchall())
