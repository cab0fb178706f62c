"""What operations are told of at once: an incident that somebody should not sleep over.

Whoever notices it writes a row; a worker mails it. What is of one kind and one person, address
or object shares a mail, and there is one such mail an hour at most: an attack must not bury the
mail that tells of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Max, Min, QuerySet

from b2b_orders.audit.models import Incident
from b2b_orders.common.limits import Bucket, CacheDown, Draw, draw
from b2b_orders.common.mail import send_each
from b2b_orders.companies.models import StaffProfile, StaffRole

logger = logging.getLogger(__name__)
# What goes on is told once in this time.
QUIET = timedelta(hours=1)
_LOCK = 7071  # our advisory lock: "alarms are being told"


class Alarm(StrEnum):
    """What is told at once. The codes stand in rows and are not renamed."""

    GUESSING = "guessing"
    BULK_MISUSE = "bulk-misuse"
    LOGIN_FAILURES = "login-failures"
    FACTOR_RESET = "staff-factor-reset"
    OPERATIONS_GIVEN = "operations-given"
    CHAIN_BROKEN = "audit-chain-broken"


# Incidents that are alarms whoever reports them: another company's data, and money elsewhere.
ALWAYS = frozenset(
    {"wrong-company", "order-of-two-companies", "document-of-another-company", "payee-changed"}
)


@dataclass(frozen=True, slots=True)
class AlarmMail:
    """What operations are told: how often something happened since they were told last."""

    code: str
    count: int
    first_at: datetime
    last_at: datetime
    person_name: str
    person_email: str
    company_name: str
    address: str
    connection: str
    object_id: str
    recipients: tuple[str, ...]


def raise_alarm(
    alarm: Alarm,
    *,
    person_id: int | None = None,
    company_id: int | None = None,
    address: str = "",
    object_kind: str = "",
    object_id: str = "",
    detail: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Have operations told of something, in the caller's transaction. One SQL statement."""
    whose = f"p{person_id}" if person_id is not None else address or object_id
    incident = Incident(
        at=now,
        code=alarm.value,
        company_id=company_id,
        object_kind=object_kind,
        object_id=object_id[:80],
        detail=dict(detail or {}),
        alarm=f"{alarm.value}:{whose}"[:120],
        person_id=person_id,
        address=address or None,
    )
    # Not read back: the web process may add what it may not read.
    Incident.objects.bulk_create([incident], ignore_conflicts=True)


def note_failed_login(*, person_id: int | None, address: str | None, now: datetime) -> None:
    """Count a log-in that failed, and raise an alarm when there are too many.

    Of one account, and from one address: an office mistypes, too, so it has the wider limit.
    """
    most: dict[str, int] = settings.PORTAL_LOGIN_ALARMS
    counted = (
        (f"p{person_id}" if person_id is not None else "", most["person"], ""),
        (f"a{address}" if address else "", most["address"], address or ""),
    )
    for whose, size, from_address in counted:
        if not whose:
            continue
        try:
            drawn = draw(Draw(Bucket(f"failed:{whose}", size, QUIET.total_seconds())))
        except CacheDown:
            return
        if drawn.is_first:
            raise_alarm(
                Alarm.LOGIN_FAILURES,
                person_id=None if from_address else person_id,
                address=from_address,
                detail={"within_an_hour": size},
                now=now,
            )


# --- the worker's side ----------------------------------------------------------------------


def tell_alarms(*, now: datetime, send: Callable[[AlarmMail], None]) -> int:
    """Mail what was not told yet; say how many mails went out.

    What was told within the last hour waits until that has passed, and is told with its count.
    A mail server that is away is tried again at the next call.
    """
    waiting = Incident.objects.filter(told_at=None).exclude(alarm="")
    return send_each(
        "alarm",
        list(waiting.order_by("alarm").values_list("alarm", flat=True).distinct()),
        lambda alarm: _tell(alarm, now, send),
    )


@transaction.atomic
def _tell(alarm: str, now: datetime, send: Callable[[AlarmMail], None]) -> bool:
    """Tell what waits of one alarm; no second worker does so meanwhile."""
    recipients = _recipients()
    if not _alone() or Incident.objects.filter(alarm=alarm, told_at__gt=now - QUIET).exists():
        return False
    waiting = Incident.objects.filter(told_at=None, alarm=alarm)
    last = waiting.select_related("person", "company").order_by("pk").last()
    if last is None:
        return False
    # What is written meanwhile waits for its own mail.
    rows = waiting.filter(pk__lte=last.pk)
    if recipients:
        send(_mail(rows, last, recipients))
    else:
        logger.error("nobody is there to be told of an alarm", extra={"alarm": alarm})
    rows.update(told_at=now)
    return bool(recipients)


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _recipients() -> tuple[str, ...]:
    """Name who is told: whom the settings name, else everybody of operations."""
    named: list[str] = settings.PORTAL_ALARM_EMAILS
    if named:
        return tuple(named)
    of_operations = StaffProfile.objects.filter(role=StaffRole.OPERATIONS, person__is_active=True)
    return tuple(of_operations.order_by("person__email").values_list("person__email", flat=True))


def _mail(rows: QuerySet[Incident], last: Incident, recipients: tuple[str, ...]) -> AlarmMail:
    figures = rows.aggregate(count=Count("pk"), first=Min("at"), last=Max("at"))
    return AlarmMail(
        code=last.code,
        count=figures["count"],
        first_at=figures["first"],
        last_at=figures["last"],
        person_name=last.person.name if last.person else "",
        person_email=last.person.email if last.person else "",
        company_name=last.company.name if last.company else "",
        address=last.address or "",
        connection=last.connection,
        object_id=last.object_id,
        recipients=recipients,
    )
