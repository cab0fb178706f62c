"""The numbers by which a customer knows an order, told by a person and not by a source.

An added number hangs on a source record by its source's keys, as what files teach does: it
outlives rows, and is laid over the record before orders are merged, at every later reading.
No source's value changes, and records are never matched by it (see `orders.match`): a wrong
number leads to a wrong order, and joins none. A person writes the row; a worker makes the
order findable by it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.orders.models import AddedNumber, OrderNumber, SourceRecord
from b2b_orders.orders.numbers import normalise, recognise
from b2b_orders.orders.queries import get_order
from b2b_orders.orders.rows import OrderDetail
from b2b_orders.orders.services import remerge
from erp_bridge.records import NumberKind, System

LONGEST = 60
# One sign leads to anything.
SHORTEST = 2
MOST = 20
# How many other orders are named to who adds a number that is theirs.
NAMED = 5
# How many records one turn of a worker merges again.
TURN = 200
_OTHERWISE_FOUND = frozenset({"access_key", "boleto_line"})


class AlreadyElsewhere(Conflict):
    """The number leads to other orders of the company; it can be added all the same."""

    def __init__(self, titles: Sequence[str], value: str) -> None:
        super().__init__("already-elsewhere")
        self.titles = tuple(titles)
        # What confirms exactly this number.
        self.value = value


@dataclass(frozen=True, slots=True)
class AddedNumberRow:
    """A number that somebody added. `is_findable` once a worker has taken it over."""

    public_id: uuid.UUID
    written: str
    person_name: str
    staff_role: str
    added_at: datetime
    is_findable: bool
    can_remove: bool


def list_added(*, viewer: Viewer, order_id: int) -> tuple[AddedNumberRow, ...]:
    """List the numbers that people added to an order, the oldest first. One SQL statement."""
    visible, params = visible_sql(viewer, "a", establishment_of="o")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT a.public_id, a.written, COALESCE(p.name, ''), a.staff_role, a.added_at,
                a.taken_at IS NOT NULL, a.person_id
            FROM orders_addednumber a
                JOIN orders_sourcerecord r ON r.connection = a.connection
                    AND r.external_id = a.external_id AND r.company_id = a.company_id
                JOIN orders_order o ON o.id = r.order_id
                LEFT JOIN accounts_person p ON p.id = a.person_id
            WHERE {visible} AND r.order_id = %(order)s AND a.removed_at IS NULL
            ORDER BY a.added_at, a.id""",  # noqa: S608 placeholders only
            {**params, "order": order_id},
        )
        rows = cursor.fetchall()
    return tuple(AddedNumberRow(*(*row[:6], _may_remove(viewer, person_id=row[6]))) for row in rows)


def _may_remove(viewer: Viewer, *, person_id: int | None) -> bool:
    """Say whether it is the viewer's own, or they look after the company's people."""
    return person_id == viewer.person_id or viewer.can(Right.PEOPLE)


def add_number(
    *,
    viewer: Viewer,
    actor: Actor,
    order_public_id: uuid.UUID,
    text: str,
    confirmed: str = "",
    now: datetime,
) -> uuid.UUID:
    """Add a number to an order; return the order's own address.

    `InvalidInput` says what is wrong with it, as a code. `AlreadyElsewhere` when it leads to
    other orders that the viewer sees, unless `confirmed` is its value.
    """
    detail = get_order(viewer=viewer, public_id=order_public_id, line_limit=0)
    written = " ".join(without_nul(text).split())
    value = _checked(written)
    added = list_added(viewer=viewer, order_id=detail.row.id)
    known = [number.written for number in detail.row.numbers] + [each.written for each in added]
    if value in map(normalise, known):
        raise InvalidInput("number", "known")
    if len(added) >= MOST:
        raise InvalidInput("number", "too-many")
    titles = _elsewhere(viewer, value, detail.row.id)
    if titles and confirmed != value:
        raise AlreadyElsewhere(titles, value)
    connection_name, external_id = _record_of(detail)
    try:
        with transaction.atomic():
            AddedNumber.objects.create(
                company_id=viewer.company_id,
                connection=connection_name,
                external_id=external_id,
                written=written,
                person_id=viewer.person_id,
                staff_role=viewer.staff_role or "",
                added_at=now,
            )
    except IntegrityError as error:
        # Somebody else was a moment faster.
        raise InvalidInput("number", "known") from error
    record(
        Action.NUMBER_ADDED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="order",
        object_id=str(detail.row.public_id),
        detail={"number": written, "elsewhere": len(titles)},
        now=now,
    )
    return detail.row.public_id


def remove_number(
    *,
    viewer: Viewer,
    actor: Actor,
    order_public_id: uuid.UUID,
    public_id: uuid.UUID,
    now: datetime,
) -> uuid.UUID:
    """Take an added number away again; return the order's own address.

    Whoever added it may, and who looks after the company's people; `NotAllowed` for others.
    """
    detail = get_order(viewer=viewer, public_id=order_public_id, line_limit=0)
    added = list_added(viewer=viewer, order_id=detail.row.id)
    number = next((each for each in added if each.public_id == public_id), None)
    if number is None:
        raise NotVisible
    if not number.can_remove:
        raise NotAllowed
    changed = AddedNumber.objects.filter(
        company_id=viewer.company_id, public_id=public_id, removed_at=None
    ).update(removed_at=now, removed_by_id=viewer.person_id, taken_at=None)
    if changed:
        record(
            Action.NUMBER_REMOVED,
            actor=actor,
            company_id=viewer.company_id,
            object_kind="order",
            object_id=str(detail.row.public_id),
            detail={"number": number.written},
            now=now,
        )
    return detail.row.public_id


def _checked(written: str) -> str:
    """Return the number as the index holds it; `InvalidInput` for what is none."""
    if not written:
        raise InvalidInput("number", "empty")
    if len(written) > LONGEST:
        raise InvalidInput("number", "too-long")
    value = normalise(written)
    if len(value) < SHORTEST or not written.isprintable():
        raise InvalidInput("number", "too-short")
    if recognise(written).shape in _OTHERWISE_FOUND:
        raise InvalidInput("number", "other-kind")
    return value


def _elsewhere(viewer: Viewer, value: str, order_id: int) -> list[str]:
    """Name other orders that the number leads to, as far as the viewer sees them.

    What was added a moment ago, and no worker has taken over yet, counts too.
    """
    known = OrderNumber.objects.visible_to(viewer).filter(value=value).exclude(order_id=order_id)
    if not viewer.can(Right.FINANCE):
        known = known.exclude(kind=NumberKind.BOLETO_LINE)
    found = known.order_by("-order__sorted_at", "-order_id")
    titles = dict.fromkeys(found.values_list("order__title", flat=True)[: 2 * NAMED])
    visible, params = visible_sql(viewer, "a", establishment_of="o")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT o.title, a.written FROM orders_addednumber a
                JOIN orders_sourcerecord r ON r.connection = a.connection
                    AND r.external_id = a.external_id AND r.company_id = a.company_id
                JOIN orders_order o ON o.id = r.order_id
            WHERE {visible} AND a.removed_at IS NULL AND a.taken_at IS NULL
                AND o.id <> %(order)s""",  # noqa: S608 placeholders only
            {**params, "order": order_id},
        )
        waiting = cursor.fetchall()
    titles |= {title: None for title, written in waiting if normalise(written) == value}
    return list(titles)[:NAMED]


def _record_of(detail: OrderDetail) -> tuple[str, str]:
    """Choose on which record a number hangs: the one that the order is called after.

    When an order is split the number stays with that one.
    """
    ranked = sorted(
        detail.sources,
        key=lambda each: (each.system is not System.VTEX, each.connection, each.external_id),
    )
    return ranked[0].connection, ranked[0].external_id


# --- what a worker does -------------------------------------------------------------------


def take_waiting(*, now: datetime) -> int:
    """Merge anew the orders whose added numbers changed; say how many numbers that were.

    Safe to repeat and to run twice at once: a row counts as taken over in the transaction
    that merges, and whoever takes it back meanwhile waits for that to end.
    """
    waiting = AddedNumber.objects.filter(taken_at=None).order_by("pk")
    names = dict.fromkeys(waiting.values_list("connection", "external_id")[:TURN])
    return sum(_take(*name, now=now) for name in names)


def _take(connection_name: str, external_id: str, *, now: datetime) -> int:
    with transaction.atomic():
        own = AddedNumber.objects.filter(connection=connection_name, external_id=external_id)
        rows = list(own.filter(taken_at=None).select_for_update().values_list("pk", flat=True))
        ids = SourceRecord.objects.filter(connection=connection_name, external_id=external_id)
        # A record that is gone takes its numbers over when it comes again.
        remerge(record_ids=list(ids.values_list("pk", flat=True)), now=now)
        return AddedNumber.objects.filter(pk__in=rows).update(taken_at=now)
