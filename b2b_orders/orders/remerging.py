"""Merging history again, as after a better rule: in batches, resumable, beside the workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from b2b_orders.orders.models import SourceRecord
from b2b_orders.orders.services import Remerged, remerge_records
from b2b_orders.orders.status_rules import key_of

BATCH = 200
# Ids are read this many at a time, so that a filter without an index of its own is walked
# a few times and not once a batch.
_WINDOW = 10_000
# Up to here records are counted; of more, the planner's estimate is near enough.
_COUNT_UP_TO = 50_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records to merge again: all that is None is no limit."""

    company_id: int | None = None
    connection: str | None = None
    status: str | None = None
    placed_since: date | None = None
    from_id: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A batch that is done: `last_id` is where to go on, `picked` how far the estimate is."""

    last_id: int
    picked: int
    records: int
    orders: int


def estimate(wanted: Wanted) -> int:
    """Say of about how many orders there are records to merge again."""
    rows = _rows(wanted, wanted.from_id)
    sql, params = rows.order_by().values("id").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        [(plan,)] = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    planned = int(plan[0]["Plan"]["Plan Rows"])
    return planned if planned > _COUNT_UP_TO else rows.count()


def remerge_all(*, wanted: Wanted, now: datetime, is_dry: bool = False) -> Iterator[Step]:
    """Merge the wanted records again, an order once, a transaction for each batch.

    A dry one does all of it and takes it back: what it counts is what would change.
    """
    after = wanted.from_id
    while True:
        ids = list(_rows(wanted, after).values_list("id", flat=True)[:_WINDOW])
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            done = _remerge(batch, now, is_dry=is_dry)
            after = batch[-1]
            yield Step(after, len(batch), done.records, done.orders)
        if len(ids) < _WINDOW:
            return


def _remerge(first_ids: list[int], now: datetime, *, is_dry: bool) -> Remerged:
    with transaction.atomic():
        # With its fellows: whether an order's records still belong together is asked too.
        orders = SourceRecord.objects.filter(id__in=first_ids, order__isnull=False)
        ids = SourceRecord.objects.filter(order_id__in=orders.values("order_id"))
        done = remerge_records(
            record_ids=sorted({*first_ids, *ids.values_list("id", flat=True)}), now=now
        )
        transaction.set_rollback(is_dry)
    return done


def _rows(wanted: Wanted, after: int) -> QuerySet[SourceRecord]:
    """Choose the wanted records, of several of one order the first."""
    rows = SourceRecord.objects.all()
    if wanted.company_id is not None:
        rows = rows.filter(company_id=wanted.company_id)
    if wanted.connection is not None:
        rows = rows.filter(connection=wanted.connection)
    if wanted.status is not None:
        rows = rows.filter(status_key=key_of(wanted.status))
    earlier = rows.filter(order_id=OuterRef("order_id"), id__lt=OuterRef("id"))
    if wanted.placed_since is not None:
        zone = ZoneInfo(settings.TIME_ZONE)
        since = datetime.combine(wanted.placed_since, time(), tzinfo=zone)
        rows = rows.filter(order__sorted_at__gte=since)
    return rows.filter(~Exists(earlier), id__gt=after).order_by("id")
