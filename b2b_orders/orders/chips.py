"""How many orders each chip above a list would keep: all of them by one statement.

Each is counted up to `COUNTED` and over an index of its own, so that a company of a million
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
from b2b_orders.orders.filtering import Only, OrderFilter, moments, only_sql
from b2b_orders.orders.rows import Counted

COUNTED: Final = 999
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
    asked = OrderFilter(only=tuple(chips)).allowed_to(viewer).only
    if not asked:
        return {}
    visible, params = visible_sql(viewer, "o")
    values: dict[str, Any] = params | moments(timezone.localdate(now), now)
    values["company"] = viewer.company_id
    counts = []
    for only in asked:
        condition, more = only_sql(viewer, only, now=now)
        values.update(more)
        ranges = " UNION ALL ".join(
            f"(SELECT 1 FROM orders_order o WHERE {visible} AND {each} LIMIT {COUNTED + 1})"  # noqa: S608 our own words
            for each in _RANGES.get(only, (condition,))
        )
        counts.append(f"(SELECT count(*) FROM ({ranges}) found)")  # noqa: S608 our own words
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", values)
        found: tuple[int, ...] = cursor.fetchone() or ()
    return {
        only: Counted(min(count, COUNTED), count <= COUNTED)
        for only, count in zip(asked, found, strict=True)
    }
