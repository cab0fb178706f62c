"""Joining and splitting by hand: decisions of people that every later merge obeys.

A decision names two records by their source's own keys, so it outlives both of them, holds
in whatever order they are read again, and sleeps while either is another company's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.models import Decision, DecisionKind, Order, SourceRecord
from b2b_orders.orders.services import lock_companies, remerge_records

logger = logging.getLogger(__name__)

REASON_MIN_LENGTH, _REASON_MAX = 5, 200


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was taken or undone, and the orders its records now make up."""

    decision_id: int
    orders: tuple[UUID, ...]


def join(
    *,
    company_id: int,
    a: RecordKey,
    b: RecordKey,
    person_id: int | None,
    reason: str,
    now: datetime,
) -> Decided:
    """Make the orders of two records one, for good.

    `Conflict` when they are one already, or when another decision keeps any of their
    records apart: that one is to be undone first. `NotVisible` for what is not the company's.
    """
    reason = _checked(reason)
    with transaction.atomic():
        lock_companies({company_id})
        one, other = _find(company_id, a), _find(company_id, b)
        if one.order_id == other.order_id:
            raise Conflict("the two are one order already")
        _refuse_if_apart(company_id, one, other)
        decision = Decision.objects.create(
            kind=DecisionKind.JOIN,
            company_id=company_id,
            **_pair(a, b),
            person_id=person_id,
            reason=reason,
            at=now,
        )
        remerge_records(record_ids=[one.pk, other.pk], now=now)
        orders = _orders_of([one, other])
        if len(orders) > 1:
            raise Conflict("other decisions keep the two apart")
    _tell("orders joined by hand", decision, person_id)
    return Decided(decision.pk, orders)


def split(
    *,
    company_id: int,
    record: RecordKey,
    person_id: int | None,
    reason: str,
    now: datetime,
) -> Decided:
    """Take a record out of its order: it never comes back together with those it was with.

    `Conflict` when it is the only one of its order; `NotVisible` for what is not the company's.
    """
    reason = _checked(reason)
    with transaction.atomic():
        lock_companies({company_id})
        taken = _find(company_id, record)
        others = list(
            SourceRecord.objects.filter(order=taken.order, company_id=company_id)
            .exclude(pk=taken.pk)
            .order_by("connection", "external_id")
            .only("connection", "external_id")
        )
        if not others:
            raise Conflict("the record is an order by itself already")
        act = uuid4()
        made = [
            Decision.objects.create(
                act=act,
                kind=DecisionKind.SPLIT,
                company_id=company_id,
                **_pair(record, RecordKey(other.connection, other.external_id)),
                person_id=person_id,
                reason=reason,
                at=now,
            )
            for other in others
        ]
        remerge_records(record_ids=[taken.pk, *(other.pk for other in others)], now=now)
        orders = _orders_of([taken, *others])
    _tell("order split by hand", made[0], person_id)
    return Decided(made[0].pk, orders)


def undo(*, decision_id: int, person_id: int | None, now: datetime) -> Decided:
    """Take a decision back, a split whole: its records are matched by their numbers again.

    `NotVisible` when there is no such decision; `Conflict` when it is undone already.
    """
    with transaction.atomic():
        decision = Decision.objects.filter(pk=decision_id).first()
        if decision is None:
            raise NotVisible
        lock_companies({decision.company_id})
        rows = list(Decision.objects.select_for_update().filter(act=decision.act, undone_at=None))
        if not rows:
            raise Conflict("the decision is undone already")
        Decision.objects.filter(pk__in=[row.pk for row in rows]).update(
            undone_at=now, undone_by_id=person_id
        )
        records = list(
            SourceRecord.objects.filter(
                _named(key for row in rows for key in _ends(row)), company_id=decision.company_id
            ).only("pk")
        )
        if records:
            remerge_records(record_ids=[record.pk for record in records], now=now)
        orders = _orders_of(records)
    _tell("decision undone", decision, person_id)
    return Decided(decision.pk, orders)


def _checked(reason: str) -> str:
    reason = " ".join(without_nul(reason).split())
    if len(reason) < REASON_MIN_LENGTH:
        raise InvalidInput("reason", f"say why, in {REASON_MIN_LENGTH} letters or more")
    return reason[:_REASON_MAX]


def _find(company_id: int, key: RecordKey) -> SourceRecord:
    record = (
        SourceRecord.objects.filter(
            connection=key.connection, external_id=key.external_id, company_id=company_id
        )
        .select_related("order")
        .only("connection", "external_id", "order__id")
        .first()
    )
    if record is None or record.order_id is None:
        raise NotVisible
    return record


def _refuse_if_apart(company_id: int, one: SourceRecord, other: SourceRecord) -> None:
    """Raise `Conflict` when a decision keeps apart what joining two records would unite."""
    sides: list[set[tuple[str, str]]] = [
        set(
            SourceRecord.objects.filter(order=record.order).values_list("connection", "external_id")
        )
        for record in (one, other)
    ]
    apart = Decision.objects.filter(company_id=company_id, kind=DecisionKind.SPLIT, undone_at=None)
    for decision in apart:
        first, second = ((end.connection, end.external_id) for end in _ends(decision))
        for here, there in (sides, sides[::-1]):
            if first in here and second in there:
                raise Conflict(f"decision {decision.pk} keeps them apart: undo it first")


def _pair(a: RecordKey, b: RecordKey) -> dict[str, str]:
    return {
        "connection_a": a.connection,
        "external_a": a.external_id,
        "connection_b": b.connection,
        "external_b": b.external_id,
    }


def _ends(decision: Decision) -> tuple[RecordKey, RecordKey]:
    return (
        RecordKey(decision.connection_a, decision.external_a),
        RecordKey(decision.connection_b, decision.external_b),
    )


def _named(keys: Iterable[RecordKey]) -> Q:
    return reduce(
        or_, (Q(connection=key.connection, external_id=key.external_id) for key in set(keys))
    )


def _orders_of(records: Sequence[SourceRecord]) -> tuple[UUID, ...]:
    """List the orders that some records make up now, oldest first."""
    found = Order.objects.filter(records__in=[record.pk for record in records])
    return tuple(found.order_by("id").distinct().values_list("public_id", flat=True))


def _tell(what: str, decision: Decision, person_id: int | None) -> None:
    logger.info(
        what,
        extra={
            "decision_id": decision.pk,
            "company_id": decision.company_id,
            "person_id": person_id,
        },
    )
