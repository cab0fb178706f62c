"""Rehearsed outages: a source counts as down, and is not asked, although it may well work.

So people learn what the portal does without a source before they need it. One ends by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Case, F, When

from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.sources import get_connection

MOST_MINUTES = 1440


def begin_outage(*, connection: str, minutes: int, now: datetime) -> datetime:
    """Let a source count as down from now on, and return until when.

    One that is rehearsed already goes on until then. `InvalidInput` for a name that is not
    known, or for other minutes than 1 to 1440.
    """
    row = get_connection(connection)
    if not 1 <= minutes <= MOST_MINUTES:
        raise InvalidInput("minutes", f"must be from 1 to {MOST_MINUTES}")
    until = now + timedelta(minutes=minutes)
    Connection.objects.filter(pk=row.pk).update(
        outage_since=Case(When(outage_until__gt=now, then=F("outage_since")), default=now),
        outage_until=until,
    )
    return until


def end_outage(*, connection: str, now: datetime) -> bool:
    """Let a source be asked again; say whether its outage was being rehearsed.

    `InvalidInput` for a name that is not known.
    """
    row = get_connection(connection)
    is_on = row.outage_until is not None and row.outage_until > now
    Connection.objects.filter(pk=row.pk).update(outage_since=None, outage_until=None)
    return is_on
