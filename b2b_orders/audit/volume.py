"""How much a person of staff opens in an hour: too much is an alarm, and a new log-in.

Counted in the cache by person, so that logging out changes nothing: what was opened within
the hour counts once, in slots of ten minutes that pass away one by one. Without a cache
nobody is hindered: `find_heavy` counts in the record, as a worker, and misses nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Q
from redis.exceptions import RedisError

from b2b_orders.accounts.models import Person
from b2b_orders.accounts.sessions import require_sign_in_again
from b2b_orders.audit.alarms import Alarm, raise_alarm
from b2b_orders.audit.models import Action, AuditEvent, Incident

logger = logging.getLogger(__name__)
HOUR, SLOT = 3600, 600
# What opens an order of a customer: by the record's object, or by the order that it names.
OPENED = frozenset(
    {
        Action.ORDER_VIEWED,
        Action.DOCUMENT_DOWNLOADED,
        Action.DOCUMENT_VIEWED,
        Action.PAYMENT_SHOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Volume:
    """How many different orders and companies within the hour."""

    orders: int = 0
    companies: int = 0

    @property
    def is_heavy(self) -> bool:
        """Say whether this is more than support's work."""
        return (
            self.orders >= settings.PORTAL_STAFF_ORDERS_AN_HOUR
            or self.companies >= settings.PORTAL_STAFF_COMPANIES_AN_HOUR
        )


def note_opening(*, person_id: int, company_id: int | None, order: str, now: datetime) -> None:
    """Count an order that a person of staff opened; at too many, raise the alarm."""
    try:
        volume = _count(person_id, company_id, order, now)
    except (RedisError, OSError):
        logger.warning("openings are not counted: the cache does not answer")
        return
    if volume.is_heavy:
        _stop(person_id=person_id, volume=volume, now=now)
        _begin_anew(person_id, now)


def _count(person_id: int, company_id: int | None, order: str, now: datetime) -> Volume:
    """Count what is new within the hour; two round trips where nothing is."""
    fresh = [
        kind
        for kind, name in (("orders", order), ("companies", str(company_id)))
        if cache.add(_key(person_id, "seen", kind, name, _round(person_id)), 1, timeout=HOUR)
    ]
    if not fresh:
        return Volume()
    slot = int(now.timestamp()) // SLOT
    for kind in fresh:
        key = _key(person_id, kind, str(slot))
        if not cache.add(key, 1, timeout=HOUR + 2 * SLOT):
            cache.incr(key)
    sums = {"orders": 0, "companies": 0}
    for kind in sums:
        keys = [_key(person_id, kind, str(slot - back)) for back in range(HOUR // SLOT)]
        sums[kind] = sum(cache.get_many(keys).values())
    return Volume(**sums)


def _round(person_id: int) -> str:
    """Name the count that is under way: after an alarm another one begins."""
    return str(cache.get(_key(person_id, "round"), 0))


def _begin_anew(person_id: int, now: datetime) -> None:
    slot = int(now.timestamp()) // SLOT
    cache.delete_many(
        [
            _key(person_id, kind, str(slot - back))
            for kind in ("orders", "companies")
            for back in range(HOUR // SLOT)
        ]
    )
    cache.set(_key(person_id, "round"), int(now.timestamp()), timeout=2 * HOUR)


def _key(person_id: int, *parts: str) -> str:
    return ":".join(("opened", str(person_id), *parts))


def _stop(*, person_id: int, volume: Volume, now: datetime) -> None:
    """Tell operations, and have the person sign in again before anything else."""
    person = Person.objects.get(pk=person_id)
    raise_alarm(
        Alarm.BULK_MISUSE,
        person_id=person_id,
        object_kind="person",
        object_id=person.email,
        detail={"name": person.name, "orders": volume.orders, "companies": volume.companies},
        now=now,
    )
    require_sign_in_again(person_id, now)


def find_heavy(*, now: datetime) -> int:
    """Count in the record, as a worker, what the cache may have missed; say how many it found.

    Who had an alarm within the hour has it behind them.
    """
    since = now - timedelta(seconds=HOUR)
    rows = (
        AuditEvent.objects.filter(at__gt=since, action=Action.ORDER_VIEWED)
        .exclude(staff_role="")
        .filter(person__isnull=False)
        .values("person_id")
        .annotate(
            orders=Count("object_id", distinct=True), companies=Count("company_id", distinct=True)
        )
        .filter(
            Q(orders__gte=settings.PORTAL_STAFF_ORDERS_AN_HOUR)
            | Q(companies__gte=settings.PORTAL_STAFF_COMPANIES_AN_HOUR)
        )
    )
    found = 0
    for row in rows:
        known = Incident.objects.filter(
            code=Alarm.BULK_MISUSE, at__gt=since, person_id=row["person_id"]
        ).exists()
        if known:
            continue
        volume = Volume(row["orders"], row["companies"])
        _stop(person_id=row["person_id"], volume=volume, now=now)
        found += 1
    return found
