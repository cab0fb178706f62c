"""Keeping what checked fiscal files say of an order, and merging the order again with it.

A supplement hangs on a record's name and company. While the record is that company's it is
laid over whatever the source says, now and at every later reading; a record that moves to
another company leaves it behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from b2b_orders.orders.models import SourceRecord, Supplement
from b2b_orders.orders.records_json import to_json
from b2b_orders.orders.services import lock_companies, remerge
from erp_bridge.records import OrderRecord


def learn(
    *, record_id: int, company_id: int, taught: Mapping[str, OrderRecord], now: datetime
) -> bool:
    """Make these all that files say of a record, by their keys; say whether that was news.

    Nothing is learned of a record that is another company's by now.
    """
    with transaction.atomic():
        # Before the look: whoever moves the record holds this lock too.
        lock_companies({company_id})
        record = (
            SourceRecord.objects.filter(pk=record_id, company_id=company_id)
            .values_list("connection", "external_id")
            .first()
        )
        if record is None:
            return False
        connection, external_id = record
        mine = Supplement.objects.filter(
            connection=connection, external_id=external_id, company_id=company_id
        )
        known = dict(mine.values_list("key", "facts"))
        wanted = {key: to_json(facts) for key, facts in taught.items()}
        if known == wanted:
            return False
        mine.exclude(key__in=wanted).delete()
        Supplement.objects.bulk_create(
            [
                Supplement(
                    connection=connection,
                    external_id=external_id,
                    company_id=company_id,
                    key=key,
                    facts=facts,
                    learned_at=now,
                )
                for key, facts in wanted.items()
                if known.get(key) != facts
            ],
            update_conflicts=True,
            unique_fields=["connection", "external_id", "company", "key"],
            update_fields=["facts", "learned_at"],
        )
        remerge(record_ids=[record_id], now=now)
    return True
