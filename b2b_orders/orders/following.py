"""What a follow compares of orders: their state as a viewer may see it at this moment."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.filtering import EVERYTHING, OrderFilter, filter_sql
from b2b_orders.orders.models import IN_WORK, Order, OrderAlias
from b2b_orders.orders.open_orders import ON_ITS_WAY_FOR
from erp_bridge.records import Fulfilment

# So many open orders does a follow of a filter know from the start, and so much due is told of.
MOST_OPEN: Final = 5000
_DEAD: Final = (Fulfilment.CANCELLED.value, Fulfilment.REPLACED.value)


@dataclass(frozen=True, slots=True)
class FollowState:
    """What can be told of an order when it changes. `is_in`: the filter keeps it."""

    id: int
    public_id: uuid.UUID
    fulfilment: str
    origins: str
    promised_on: date | None
    created_at: datetime
    changed_at: datetime
    invoices: tuple[str, ...]
    is_in: bool


@dataclass(frozen=True, slots=True)
class DueTitle:
    """An amount that its source says is open, and its day. `line` names one debt of many orders."""

    order_id: int
    order_public_id: uuid.UUID
    key: str
    line: str
    due_on: date


_SELECT: Final = """
SELECT o.id, o.public_id, o.fulfilment, o.origins, o.promised_on, o.created_at, o.changed_at,
    (SELECT json_agg(i.number || '/' || i.series ORDER BY i.number, i.series)
     FROM orders_invoice i WHERE i.order_id = o.id AND NOT i.is_return),
    ({matches})
FROM orders_order o LEFT JOIN companies_establishment e ON e.id = o.establishment_id
WHERE {visible} AND {those}"""


def follow_states(
    *, viewer: Viewer, order_ids: Iterable[int], wanted: OrderFilter = EVERYTHING, now: datetime
) -> tuple[FollowState, ...]:
    """Read orders by id, those that the viewer may see. One SQL statement."""
    ids = sorted(set(order_ids))
    if not ids:
        return ()
    return _states(viewer, wanted, "o.id = ANY(%(ids)s)", {"ids": ids}, now)


def open_states(
    *, viewer: Viewer, wanted: OrderFilter = EVERYTHING, now: datetime
) -> tuple[FollowState, ...]:
    """Read the viewer's open orders, in the filter or not, the latest first. One SQL statement."""
    since: dict[str, object] = {
        "in_work": list(IN_WORK),
        "way_since": now - ON_ITS_WAY_FOR,
        "most": MOST_OPEN,
    }
    those = (
        "(o.fulfilment = ANY(%(in_work)s) OR o.sorted_at >= %(way_since)s)"
        " ORDER BY o.sorted_at DESC, o.id DESC LIMIT %(most)s"
    )
    return _states(viewer, wanted, those, since, now)


def _states(
    viewer: Viewer, wanted: OrderFilter, those: str, params: Mapping[str, object], now: datetime
) -> tuple[FollowState, ...]:
    visible, values = visible_sql(viewer, "o")
    matches, more = filter_sql(viewer, wanted, today=timezone.localdate(now), now=now)
    sql = _SELECT.format(matches=matches, visible=visible, those=those)
    return tuple(map(_state, _fetch(sql, {**values, **more, **params})))


def _state(row: tuple[Any, ...]) -> FollowState:
    *plain, invoices, is_in = row
    values: list[Any] = [*plain, tuple(invoices or ()), bool(is_in)]
    return FollowState(*values)


def due_titles(
    *,
    viewer: Viewer,
    order_id: int | None = None,
    wanted: OrderFilter = EVERYTHING,
    since: date,
    until: date,
    now: datetime,
) -> tuple[DueTitle, ...]:
    """List what is open and due between two days, of one order or of those of a filter.

    Nothing for who may not see finance, nor of an order that was cancelled or replaced.
    """
    if not viewer.can(Right.FINANCE):
        return ()
    visible, values = visible_sql(viewer, "t", establishment_of="o")
    matches, more = filter_sql(viewer, wanted, today=timezone.localdate(now), now=now)
    of_order = "t.order_id = %(order)s" if order_id is not None else "true"
    rows = _fetch(
        f"""SELECT o.id, o.public_id, t.key, ltrim(t.typeable_line, '0'), t.due_on
        FROM orders_title t JOIN orders_order o ON o.id = t.order_id
            LEFT JOIN companies_establishment e ON e.id = o.establishment_id
        WHERE {visible} AND t.state = 'open' AND t.due_on BETWEEN %(since)s AND %(until)s
            AND o.fulfilment <> ALL(%(dead)s) AND {of_order} AND ({matches})
        ORDER BY t.due_on, t.id LIMIT %(most)s""",  # noqa: S608 placeholders only
        {
            **values,
            **more,
            "since": since,
            "until": until,
            "order": order_id,
            "dead": list(_DEAD),
            "most": MOST_OPEN,
        },
    )
    return tuple(DueTitle(*row) for row in rows)


def where_it_went(*, viewer: Viewer, public_id: uuid.UUID) -> int | None:
    """Find the order that an address leads to now, after it was joined to another one."""
    joined = OrderAlias.objects.filter(company_id=viewer.company_id, public_id=public_id)
    found: int | None = joined.values_list("order_id", flat=True).first()
    if found is None:
        own = Order.objects.visible_to(viewer).filter(public_id=public_id)
        found = own.values_list("id", flat=True).first()
    return found


# --- the worker's side: which orders to look at, of whatever company ------------------------


def changed_orders(
    *, after: tuple[datetime, int], until: datetime, limit: int
) -> list[tuple[int, int, datetime]]:
    """List ids, companies and moments of orders that changed after a place, the oldest first."""
    return _fetch(
        """SELECT id, company_id, changed_at FROM orders_order
        WHERE (changed_at, id) > (%(at)s, %(id)s) AND changed_at <= %(until)s
            AND company_id IS NOT NULL
        ORDER BY changed_at, id LIMIT %(limit)s""",
        {"at": after[0], "id": after[1], "until": until, "limit": limit},
    )


def _fetch(sql: str, params: Mapping[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return rows
