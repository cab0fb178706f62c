"""A number that staff did not find is kept, and whoever asked is told when it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.common.mail import refusal_ends_it, send_each
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.orders.models import AwaitedNumber
from b2b_orders.orders.numbers import recognise

# So many does one person wait for at once; what did not come by then is forgotten.
MOST_AWAITED = 50
KEPT = timedelta(days=30)
# How long what came stays on the person's page.
SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AwaitedView:
    """A number that a person waits for. `value` finds what came of it."""

    id: int
    written: str
    value: str
    kept_at: datetime
    found_at: datetime | None


@dataclass(frozen=True, slots=True)
class NumberCame:
    """A number that is there now, for whoever waits for it: nothing of its order."""

    email: str
    person_name: str
    language: str
    written: str
    value: str
    is_support: bool


def await_number(*, viewer: StaffViewer, actor: Actor, text: str, now: datetime) -> None:
    """Keep a number for this person until it comes; twice is the same.

    `InvalidInput` for what is no number, `Conflict` when the person waits for too many.
    """
    candidates = recognise(text).candidates
    if not candidates:
        raise InvalidInput("q", "number-missing")
    value = candidates[0].value
    mine = AwaitedNumber.objects.filter(person_id=viewer.person_id, found_at=None)
    if mine.filter(value=value).exists():
        return
    if mine.count() >= MOST_AWAITED:
        raise Conflict("too many numbers are awaited")
    AwaitedNumber.objects.bulk_create(
        [
            AwaitedNumber(
                person_id=viewer.person_id,
                value=value,
                written=" ".join(text.split())[:80],
                kept_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    _audit(value, actor, now, is_undone=False)


def forget_number(*, viewer: StaffViewer, actor: Actor, awaited_id: int, now: datetime) -> None:
    """Wait for a number no longer; `NotVisible` when it is not this person's."""
    mine = AwaitedNumber.objects.filter(pk=awaited_id, person_id=viewer.person_id)
    value = mine.values_list("value", flat=True).first()
    if value is None:
        raise NotVisible
    mine.delete()
    _audit(value, actor, now, is_undone=True)


def list_awaited(*, viewer: StaffViewer, now: datetime) -> tuple[AwaitedView, ...]:
    """List what a person waits for, and what came lately: that first, then the newest."""
    rows = AwaitedNumber.objects.filter(
        Q(found_at=None) | Q(found_at__gt=now - SHOWN), person_id=viewer.person_id
    )
    found = [
        AwaitedView(*values)
        for values in rows.order_by("-kept_at", "-pk").values_list(
            "id", "written", "value", "kept_at", "found_at"
        )[:MOST_AWAITED]
    ]
    return tuple(sorted(found, key=lambda row: row.found_at is None))


def _audit(value: str, actor: Actor, now: datetime, *, is_undone: bool) -> None:
    record(
        Action.NUMBER_AWAITED,
        actor=actor,
        object_kind="number",
        object_id=value,
        detail={"undone": is_undone},
        now=now,
    )


# --- the worker's side ----------------------------------------------------------------------

# One look into the index of numbers for each that is awaited; only in companies that the
# person may look at now, see `staff_queries.permitted`.
_ARRIVED = """
    UPDATE orders_awaitednumber AS a SET found_at = %(now)s
    FROM companies_staffprofile AS s
    JOIN accounts_person AS p ON p.id = s.person_id AND p.is_active
    WHERE s.person_id = a.person_id AND a.found_at IS NULL
      AND EXISTS (
          SELECT 1 FROM orders_ordernumber AS n
          JOIN companies_company AS c ON c.id = n.company_id AND c.is_active
          WHERE n.value = a.value
            AND CASE WHEN s.role = 'support'
                THEN s.team_id IS NULL OR c.team_id IS NULL OR c.team_id = s.team_id
                ELSE s.role = 'telesales' AND EXISTS (
                    SELECT 1 FROM companies_portfolio AS f
                    WHERE f.staff_id = s.id AND f.company_id = c.id) END)
"""


def note_arrivals(*, now: datetime) -> int:
    """Note which awaited numbers are there now, and forget those that never came."""
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVED, {"now": now})
        count: int = cursor.rowcount
    AwaitedNumber.objects.filter(
        Q(found_at=None, kept_at__lt=now - KEPT) | Q(found_at__lt=now - KEPT)
    ).delete()
    return count


def tell_arrivals(*, now: datetime, send: Callable[[NumberCame], None], limit: int = 50) -> int:
    """Tell whose number came; say how many were told. A mail server that is away is tried again."""
    waiting = AwaitedNumber.objects.filter(told_at=None, found_at__isnull=False)
    return send_each(
        "awaited",
        list(waiting.order_by("pk").values_list("pk", flat=True)[:limit]),
        lambda pk: _tell(pk, send, now),
    )


@transaction.atomic
def _tell(pk: int, send: Callable[[NumberCame], None], now: datetime) -> bool:
    """Tell one person; the row stays locked meanwhile, so that no second worker does too."""
    row = (
        AwaitedNumber.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("person__staff")
        .filter(pk=pk, told_at=None, person__is_active=True, person__staff__isnull=False)
        .first()
    )
    if row is None:
        return False
    with refusal_ends_it("awaited", pk):
        send(
            NumberCame(
                email=row.person.email,
                person_name=row.person.name,
                language=row.person.language,
                written=row.written,
                value=row.value,
                is_support=row.person.staff.role == "support",
            )
        )
    AwaitedNumber.objects.filter(pk=pk).update(told_at=now)
    return True
