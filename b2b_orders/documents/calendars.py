"""Private addresses under which people's calendars read a company's due dates.

An address is the key: it opens without logging in. So only the hash of its secret is kept,
what it shows is decided anew at every reading, and whatever ended since (a membership, a
right, the company) makes it an address that never existed.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet

from b2b_orders.accounts.models import Person
from b2b_orders.audit.services import Action, record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.viewers import read_standing
from b2b_orders.documents.models import CalendarFeed

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class FeedView:
    """A person's address for one company, without the address: nobody can show it again."""

    created_at: datetime
    read_at: datetime | None
    times_read: int


@dataclass(frozen=True, slots=True)
class FeedReader:
    """For whom a calendar reads, as of now, in which language, by which numbers of orders."""

    viewer: Viewer
    company_name: str
    language: str
    leading_number: str


def may_have_feed(*, viewer: Viewer) -> bool:
    """Say whether a viewer may have an address: people of the company, who see finance."""
    return viewer.can(Right.FINANCE) and not viewer.is_staff


def get_feed(*, viewer: Viewer) -> FeedView | None:
    """Return what there is to know of the viewer's address. One SQL statement."""
    row = _feeds(viewer).values_list("created_at", "read_at", "times_read").first()
    return FeedView(*row) if row else None


def renew_feed(*, viewer: Viewer, actor: Actor, now: datetime) -> str:
    """Make the viewer an address, in place of a former one, and return its secret this once."""
    if not may_have_feed(viewer=viewer):
        raise NotVisible
    secret = secrets.token_urlsafe(32)
    fresh = {"token_hash": _hash(secret), "created_at": now, "read_at": None, "times_read": 0}
    _feed, is_first = CalendarFeed.objects.update_or_create(
        company_id=viewer.company_id, person_id=viewer.person_id, defaults=fresh
    )
    _record(Action.CALENDAR_MADE, viewer, actor, now, renewed=not is_first)
    return secret


def end_feed(*, viewer: Viewer, actor: Actor, now: datetime) -> None:
    """End the viewer's address, if there is one."""
    if not may_have_feed(viewer=viewer):
        raise NotVisible
    ended, _ = _feeds(viewer).delete()
    if ended:
        _record(Action.CALENDAR_ENDED, viewer, actor, now)


@contextmanager
def opened_feed(*, secret: str, now: datetime) -> Iterator[FeedReader]:
    """Open the scope of an address's person and company, and note that it was read.

    Raises `NotVisible` alike for an address that nobody made, that was ended or renewed,
    and for one whose person may no longer see the company's finances.
    """
    if not _SECRET.fullmatch(secret):
        raise NotVisible
    with tenancy.scope(role=tenancy.WEB):
        token_hash = _hash(secret)
        tenancy.enter_token(token_hash)
        row = CalendarFeed.objects.filter(token_hash=token_hash).first()
        tenancy.enter_token("")
        if row is None:
            raise NotVisible
        company_id, person_id = row.company_id, row.person_id
        with tenancy.scope(role=tenancy.WEB, company_id=company_id, person_id=person_id):
            reader = _reader(company_id, person_id)
            CalendarFeed.objects.filter(pk=row.pk).update(
                read_at=now, times_read=F("times_read") + 1
            )
            yield reader


def _reader(company_id: int, person_id: int) -> FeedReader:
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    standing = read_standing(person_id)
    viewer = standing.viewer_of_company(company_id)
    if person is None or viewer is None or not may_have_feed(viewer=viewer):
        raise NotVisible
    name = next(each.name for each in standing.companies if each.id == company_id)
    return FeedReader(viewer, name, person.language, person.leading_number)


def _feeds(viewer: Viewer) -> QuerySet[CalendarFeed]:
    return CalendarFeed.objects.filter(company_id=viewer.company_id, person_id=viewer.person_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _record(action: Action, viewer: Viewer, actor: Actor, now: datetime, **detail: bool) -> None:
    record(
        action,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="calendar",
        detail=detail,
        now=now,
    )
