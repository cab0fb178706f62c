"""Operations' rules for what a source's words mean: put, dropped, and brought to the orders.

A rule counts when records are merged, so a changed one needs a re-merge of the orders that
carry the word, and no source. Workers hold a shared lock while they merge by the rules as
they read them; who changes a rule waits for them, so no order is left merged by the old one.
"""

from __future__ import annotations

import logging
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from django.db import transaction

from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.requests import without_nul
from b2b_orders.orders.models import SourceRecord, StatusRule, UnmappedStatus
from b2b_orders.orders.services import lock_rules, remerge
from b2b_orders.orders.status_rules import key_of
from erp_bridge.records import Billing, Fulfilment, Payment

logger = logging.getLogger(__name__)

_BATCH = 200
_MAX_CONNECTION, _MAX_RAW = 40, 100
Axis = TypeVar("Axis", bound=StrEnum)


class Progress(Protocol):
    """Told how many records are done."""

    def step(self, count: int = 1) -> None:
        """Say that so many more are done."""
        ...


def put_rule(
    *,
    connection: str,
    raw: str,
    fulfilment: str = "",
    billing: str = "",
    payment: str = "",
    person_id: int | None,
    now: datetime,
) -> None:
    """Say what a word of a connection means; an axis left empty stays the connector's.

    Orders show it once they are merged again, see `remerge_status`.
    """
    connection, raw = _checked(connection, raw)
    values = {
        "fulfilment": _state("fulfilment", fulfilment, Fulfilment, Fulfilment.UNMAPPED),
        "billing": _state("billing", billing, Billing, Billing.UNKNOWN),
        "payment": _state("payment", payment, Payment, Payment.UNKNOWN),
    }
    if not any(values.values()):
        raise InvalidInput("fulfilment", "say what it means on at least one axis")
    with transaction.atomic():
        lock_rules()
        StatusRule.objects.update_or_create(
            connection=connection,
            key=key_of(raw),
            defaults={**values, "raw": raw, "person_id": person_id, "changed_at": now},
        )
        _settle(connection, raw, now)


def drop_rule(*, connection: str, raw: str, person_id: int | None, now: datetime) -> None:
    """Take a rule back: the word means what the connector says, or nothing."""
    connection, raw = _checked(connection, raw)
    with transaction.atomic():
        lock_rules()
        gone, _ = StatusRule.objects.filter(connection=connection, key=key_of(raw)).delete()
        if not gone:
            raise InvalidInput("raw", "there is no rule for this status")
        _settle(connection, raw, now)
    logger.info("status rule dropped", extra={"connection": connection, "person_id": person_id})


def remerge_status(
    *, connection: str, raw: str, now: datetime, progress: Progress | None = None
) -> int:
    """Merge the orders again whose records carry a word; say how many records those are.

    A transaction for each batch; stopped in the middle, it can be run again.
    """
    key, after, count = key_of(raw), 0, 0
    while key:
        ids = list(
            SourceRecord.objects.filter(connection=connection, status_key=key, id__gt=after)
            .order_by("id")
            .values_list("id", flat=True)[:_BATCH]
        )
        if not ids:
            break
        count += remerge(record_ids=ids, now=now)
        after = ids[-1]
        if progress:
            progress.step(len(ids))
    return count


def forget_unmapped() -> int:
    """Take words off the list that no record carries any more; say how many.

    A few index look-ups: as cheap as the list is short.
    """
    gone = 0
    for row in UnmappedStatus.objects.order_by("id"):
        if not _example(row.connection, row.key):
            gone += UnmappedStatus.objects.filter(pk=row.pk).delete()[0]
    return gone


def _settle(connection: str, raw: str, now: datetime) -> None:
    """Put a word on the list, or take it off, by the rule there is now."""
    key = key_of(raw)
    listed = UnmappedStatus.objects.filter(connection=connection, key=key)
    rules = StatusRule.objects.filter(connection=connection, key=key)
    external_id = _example(connection, key)
    if external_id is None or rules.exclude(fulfilment="").exists():
        listed.delete()
    elif not listed.exists():
        UnmappedStatus.objects.create(
            connection=connection,
            raw=raw,
            key=key,
            external_id=external_id,
            first_at=now,
            last_at=now,
        )


def _example(connection: str, key: str) -> str | None:
    """Find a record that carries a word which its connector does not know."""
    return (
        SourceRecord.objects.filter(
            connection=connection, status_key=key, facts__fulfilment__isnull=True
        )
        .exclude(status_key="")
        .values_list("external_id", flat=True)
        .first()
    )


def _checked(connection: str, raw: str) -> tuple[str, str]:
    connection, raw = without_nul(connection).strip(), " ".join(without_nul(raw).split())
    if not connection or len(connection) > _MAX_CONNECTION:
        raise InvalidInput("connection", "name the connection whose word it is")
    if not raw or len(raw) > _MAX_RAW:
        raise InvalidInput("raw", f"write the status as the source does, up to {_MAX_RAW} letters")
    return connection, raw


def _state(field: str, value: str, states: type[Axis], unknown: Axis) -> str:
    if value and (value == unknown or value not in {str(state) for state in states}):
        raise InvalidInput(field, f"{value[:30]!r} is not a state that a status can mean")
    return value
