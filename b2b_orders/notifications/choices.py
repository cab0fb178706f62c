"""When a person wants to hear, and how that is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

from b2b_orders.accounts.models import Person
from b2b_orders.audit.services import Action, record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Actor
from b2b_orders.notifications.models import Kind, NotificationChoice
from b2b_orders.notifications.models import Rhythm as Rhythm  # noqa: PLC0414 what pages word

MOST_DAYS: Final = 15
_HOURS: Final = range(24)


@dataclass(frozen=True, slots=True)
class Choice:
    """When somebody is written to; hours are of their own zone. `without` are unwanted kinds."""

    rhythm: Rhythm = Rhythm.AT_ONCE
    daily_at: int = 8
    quiet_from: int | None = None
    quiet_until: int | None = None
    due_days: int = 3
    without: tuple[str, ...] = ()
    mailed_at: datetime | None = None
    test_asked_at: datetime | None = None

    def is_quiet(self, there: datetime) -> bool:
        """Say whether a moment, as their clock shows it, is in their quiet hours."""
        start, end = self.quiet_from, self.quiet_until
        if start is None or end is None or start == end:
            return False
        if start < end:
            return start <= there.hour < end
        return there.hour >= start or there.hour < end

    def is_due(self, *, oldest: datetime, now: datetime, zone: ZoneInfo, pause: timedelta) -> bool:
        """Say whether what waits since a moment is to be told now.

        At once waits a little, so that what happens together comes together, and then for the
        pause since the last mail; daily waits for the next of the person's hours.
        """
        there = now.astimezone(zone)
        if self.rhythm == Rhythm.OFF or self.is_quiet(there):
            return False
        if self.rhythm == Rhythm.DAILY:
            hour = there.replace(hour=self.daily_at, minute=0, second=0, microsecond=0)
            if hour > there:
                hour = (there - timedelta(days=1)).replace(
                    hour=self.daily_at, minute=0, second=0, microsecond=0
                )
            return oldest < hour and (self.mailed_at is None or self.mailed_at < hour)
        if self.mailed_at is not None and now < self.mailed_at + pause:
            return False
        return oldest + pause / 12 <= now


def zone_of(name: str) -> ZoneInfo:
    """Return a person's time zone; the installation's for none, and for one that is none."""
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(settings.TIME_ZONE)


def read_choice(*, person_id: int) -> Choice:
    """Return when a person wants to hear; the usual way without a row. One SQL statement."""
    row = NotificationChoice.objects.filter(person_id=person_id).first()
    return choice_of(row) if row else Choice()


def choice_of(row: NotificationChoice) -> Choice:
    """Read a row."""
    rhythm = row.rhythm if row.rhythm in Rhythm.values else Rhythm.AT_ONCE
    return Choice(
        rhythm=Rhythm(rhythm),
        daily_at=row.daily_at,
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        due_days=row.due_days,
        without=tuple(row.without),
        mailed_at=row.mailed_at,
        test_asked_at=row.test_asked_at,
    )


def quiet_people(*, now: datetime) -> frozenset[int]:
    """Find the people to whom no mail goes at this hour of theirs. One SQL statement."""
    rows = NotificationChoice.objects.filter(quiet_from__isnull=False, person__is_active=True)
    return frozenset(
        row.person_id
        for row in rows.select_related("person")
        if choice_of(row).is_quiet(now.astimezone(zone_of(row.person.time_zone)))
    )


def save_choice(
    *,
    person_id: int,
    actor: Actor,
    rhythm: str,
    daily_at: int,
    quiet_from: int | None,
    quiet_until: int | None,
    due_days: int,
    wanted: Iterable[str],
    now: datetime,
) -> None:
    """Keep when a person wants to hear; `InvalidInput` names the field that cannot be."""
    if rhythm not in Rhythm.values:
        raise InvalidInput("rhythm", "unknown")
    if daily_at not in _HOURS:
        raise InvalidInput("daily_at", "no-hour")
    if (quiet_from is None) != (quiet_until is None):
        raise InvalidInput("quiet_from" if quiet_from is None else "quiet_until", "half")
    for name, hour in (("quiet_from", quiet_from), ("quiet_until", quiet_until)):
        if hour is not None and hour not in _HOURS:
            raise InvalidInput(name, "no-hour")
    if not 0 <= due_days <= MOST_DAYS:
        raise InvalidInput("due_days", "too-many")
    chosen = set(wanted)
    values: dict[str, Any] = {
        "rhythm": rhythm,
        "daily_at": daily_at,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "due_days": due_days,
        "without": [kind.value for kind in Kind if kind.value not in chosen],
    }
    _write(person_id, values, now)
    _audit(actor, now, **values)


def ask_for_test(*, person_id: int, now: datetime) -> None:
    """Have a mail on trial sent to a person; one that waits already is enough."""
    _write(person_id, {"test_asked_at": now}, now)


def stop_by_link(*, person_id: int, actor: Actor, now: datetime) -> None:
    """Write to a person no more, for whoever has their signed link.

    The link outlives its person: of somebody who is gone there is nothing to end.
    """
    with tenancy.scope(role=tenancy.WEB, person_id=person_id):
        if not Person.objects.filter(pk=person_id).exists():
            return
        _write(person_id, {"rhythm": Rhythm.OFF}, now)
        _audit(actor, now, rhythm=Rhythm.OFF.value, how="link")


def _write(person_id: int, values: dict[str, Any], now: datetime) -> None:
    NotificationChoice.objects.update_or_create(
        person_id=person_id, defaults={**values, "changed_at": now}
    )


def _audit(actor: Actor, now: datetime, **detail: Any) -> None:
    record(Action.NOTICES_CHANGED, actor=actor, object_kind="notices", detail=detail, now=now)
