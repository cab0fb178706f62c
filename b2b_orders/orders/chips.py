"""How many orders a list has, and each chip above it would keep: all of them by one statement.

Each chip is counted up to `COUNTED` and over an index of its own, so that a company of a million
orders costs no more than one of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Viewer
from b2b_orders.orders.filtering import (
    Condition,
    Only,
    OrderFilter,
    filter_sql,
    moments,
    only_sql,
)
from b2b_orders.orders.rows import Counted

COUNTED: Final = 999
# Up to here a list is counted.
LIST_COUNT_LIMIT: Final = 10_000
_LATE = "o.promised_on < %(f_today)s"
_IN_WORK = "o.fulfilment = ANY(%(f_in_work)s)"
_ON_WAY = "o.fulfilment = ANY(%(f_on_way)s) AND o.sorted_at >= %(f_way_since)s"
# What is one condition of two kinds of orders is two ranges to count.
_RANGES: Final = {
    Only.OPEN: (_IN_WORK, _ON_WAY),
    Only.LATE: (f"{_IN_WORK} AND {_LATE}", f"{_ON_WAY} AND {_LATE}"),
}


def count_chips(*, viewer: Viewer, chips: Iterable[Only], now: datetime) -> dict[Only, Counted]:
    """Count what each chip would keep of all that a viewer sees, without what they may not know.

    One SQL statement.
    """
    return _count(viewer, None, chips, now)[1]


def count_list(
    *, viewer: Viewer, wanted: OrderFilter, chips: Iterable[Only], now: datetime
) -> tuple[Counted, dict[Only, Counted]]:
    """Count what a filter keeps, up to `LIST_COUNT_LIMIT`, and what each chip would keep.

    One SQL statement.
    """
    counted, by_chip = _count(viewer, wanted, chips, now)
    return counted or Counted(0), by_chip


def _count(
    viewer: Viewer, wanted: OrderFilter | None, chips: Iterable[Only], now: datetime
) -> tuple[Counted | None, dict[Only, Counted]]:
    asked = OrderFilter(only=tuple(chips)).allowed_to(viewer).only
    visible, params = visible_sql(viewer, "o")
    values: dict[str, Any] = params | moments(timezone.localdate(now), now)
    values["company"] = viewer.company_id
    counts, limits = [], []
    if wanted is not None:
        condition, more = _wanted_sql(viewer, wanted, now)
        values.update(more)
        counts.append(_counted((f"{visible} AND {condition}",), LIST_COUNT_LIMIT))
        limits.append(LIST_COUNT_LIMIT)
    for only in asked:
        condition, more = only_sql(viewer, only, now=now)
        values.update(more)
        ranges = (f"{visible} AND {each}" for each in _RANGES.get(only, (condition,)))
        counts.append(_counted(ranges, COUNTED))
        limits.append(COUNTED)
    if not counts:
        return None, {}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", values)
        found: tuple[int, ...] = cursor.fetchone() or ()
    counted = [
        Counted(min(count, most), count <= most) for count, most in zip(found, limits, strict=True)
    ]
    listed = counted.pop(0) if wanted is not None else None
    return listed, dict(zip(asked, counted, strict=True))


def _wanted_sql(viewer: Viewer, wanted: OrderFilter, now: datetime) -> Condition:
    if not wanted.is_narrowed:
        return "true", {}
    return filter_sql(viewer, wanted, today=timezone.localdate(now), now=now)


def _counted(ranges: Iterable[str], most: int) -> str:
    """Build the count of some ranges of orders `o`, one more than `most` at the highest each."""
    parts = " UNION ALL ".join(
        f"(SELECT 1 FROM orders_order o WHERE {each} LIMIT {most + 1})"  # noqa: S608 our own words
        for each in ranges
    )
    return f"(SELECT count(*) FROM ({parts}) found)"  # noqa: S608 our own words
