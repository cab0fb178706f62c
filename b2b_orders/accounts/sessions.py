"""Log-ins that are open: how long they last, where they are, and how they end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Final

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from b2b_orders.accounts.devices import device_words
from b2b_orders.accounts.models import Person
from b2b_orders.common.requests import client_address

# When the log-in was, when the person was last seen, and when they last proved who they are.
SIGNED_IN: Final = "signed_in_at"
SEEN: Final = "seen_at"
FRESH: Final = "fresh_at"
# How often a session that is used is noted: a write at each request would cost more than pages.
TOUCH: Final = timedelta(minutes=1)
# A proof of who somebody is counts so long for changes to their account.
RECENT: Final = timedelta(minutes=5)
_LONGEST_AGENT: Final = 200


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A log-in of a person. `device` is "" when the program did not say what it is."""

    id: int
    device: str
    address: str
    since: datetime
    last_seen: datetime
    is_current: bool


def begin(request: HttpRequest, *, person: Person, now: datetime) -> None:
    """Note in a session that its person has logged in just now."""
    request.session[SIGNED_IN] = request.session[SEEN] = now.timestamp()
    note_place(request, person=person, now=now)
    refresh(request, person=person, now=now)


def note_place(request: HttpRequest, *, person: Person, now: datetime) -> None:
    """Put a log-in on the person's list, with where it is; a log-in that is not there is over."""
    if request.session.session_key is None:
        request.session.save()
    UserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={"user_id": person.pk, "last_seen_at": now, **_where(request)},
        create_defaults={
            "user_id": person.pk,
            "created_at": now,
            "last_seen_at": now,
            **_where(request),
        },
    )


def refresh(request: HttpRequest, *, person: Person, now: datetime) -> None:
    """Note in a session that its person has proved anew who they are."""
    after = person.sign_in_again_after
    # Later than the moment that asked for it, were it the same one.
    least = after + timedelta(milliseconds=1) if after else now
    request.session[FRESH] = max(now, least).timestamp()


def why_over(request: HttpRequest, *, person: Person, is_staff: bool, now: datetime) -> str:
    """Say by a word why a session is over, or note that it is used and return ""."""
    signed_in, seen = _moment(request, SIGNED_IN), _moment(request, SEEN)
    if signed_in is None or seen is None:
        _adopt(request, person, now)
        return ""
    hours = settings.PORTAL_STAFF_SESSION_HOURS if is_staff else settings.PORTAL_SESSION_HOURS
    if now - signed_in > timedelta(hours=hours):
        return "too-old"
    if now - seen > _idle_time():
        return "idle"
    if now - seen >= TOUCH:
        # An ended session could be read from the cache once more, had it been on its way
        # there: its row is what counts.
        if not _touch(request, person, now):
            return "ended"
        request.session[SEEN] = now.timestamp()
    return ""


def must_sign_in_again(
    request: HttpRequest, *, person: Person, asked_at: datetime | None = None
) -> bool:
    """Say whether a person must prove anew who they are before anything opens.

    `asked_at` is when a company asked it of them, for itself.
    """
    after = max(filter(None, (person.sign_in_again_after, asked_at)), default=None)
    fresh = _moment(request, FRESH)
    return after is not None and (fresh is None or fresh <= after)


def is_fresh(request: HttpRequest, *, now: datetime) -> bool:
    """Say whether the person has proved who they are lately enough to change their account.

    A proof from before they had to prove it anew is none: whoever has the session could
    otherwise make a factor of their own and prove it by that.
    """
    fresh = _moment(request, FRESH)
    if fresh is None or now - fresh > RECENT:
        return False
    person = request.user
    return not (isinstance(person, Person) and must_sign_in_again(request, person=person))


def list_sessions(*, person_id: int, current_key: str, now: datetime) -> tuple[OpenSession, ...]:
    """List a person's open sessions, the present one first, then the latest seen."""
    rows = UserSession.objects.filter(user_id=person_id, last_seen_at__gt=now - _idle_time())
    found = (
        OpenSession(
            id=row.pk,
            device=device_words(row.user_agent),
            # What stands there when there was none.
            address="" if row.ip == "::" else row.ip,
            since=row.created_at,
            last_seen=row.last_seen_at,
            is_current=row.session_key == current_key,
        )
        for row in rows.order_by("-last_seen_at", "-pk")
    )
    return tuple(sorted(found, key=lambda each: not each.is_current))


def end_session(*, person_id: int, session_id: int) -> bool:
    """End one session of a person; say whether there was one."""
    return bool(_end(UserSession.objects.filter(user_id=person_id, pk=session_id)))


def end_sessions(person_id: int, except_key: str | None = None) -> int:
    """End all sessions of a person, but for one by its key; return how many ended."""
    rows = UserSession.objects.filter(user_id=person_id)
    if except_key:
        rows = rows.exclude(session_key=except_key)
    return _end(rows)


def _end(rows: QuerySet[UserSession]) -> int:
    """End sessions, their copies in the cache with them; return how many."""
    keys = list(rows.values_list("session_key", flat=True))
    _delete(keys)
    rows.filter(session_key__in=keys).delete()
    # A request at the same moment could have read one before this is committed, and put it
    # back into the cache.
    transaction.on_commit(lambda: _delete(keys))
    return len(keys)


def _delete(keys: list[str]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    for key in keys:
        store.delete(key)


def end_this(request: HttpRequest) -> None:
    """End the session of a request; from here on it is nobody's."""
    forget(request.session.session_key or "")
    logout(request)


def forget(session_key: str) -> None:
    """Take a session that ended off the list."""
    UserSession.objects.filter(session_key=session_key).delete()


def require_sign_in_again(person_id: int, now: datetime) -> None:
    """Have a person prove anew who they are in every session that is open now."""
    Person.objects.filter(pk=person_id).update(sign_in_again_after=now)


def delete_expired(*, now: datetime) -> int:
    """Delete what nobody can use any more; return how many log-ins left the list."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    longest = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    count: int = UserSession.objects.filter(last_seen_at__lt=now - longest).delete()[0]
    return count


def _adopt(request: HttpRequest, person: Person, now: datetime) -> None:
    """Take up a session that was begun before its time was noted; it is not fresh."""
    request.session[SIGNED_IN] = request.session[SEEN] = now.timestamp()
    UserSession.objects.get_or_create(
        session_key=request.session.session_key,
        defaults={
            "user_id": person.pk,
            "created_at": now,
            "last_seen_at": now,
            **_where(request),
        },
    )


def _touch(request: HttpRequest, person: Person, now: datetime) -> bool:
    mine = UserSession.objects.filter(user_id=person.pk, session_key=request.session.session_key)
    return bool(mine.update(last_seen_at=now, **_where(request)))


def _where(request: HttpRequest) -> dict[str, str]:
    agent = request.META.get("HTTP_USER_AGENT", "")
    return {"ip": client_address(request) or "::", "user_agent": agent[:_LONGEST_AGENT]}


def _moment(request: HttpRequest, name: str) -> datetime | None:
    value = request.session.get(name)
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None


def _idle_time() -> timedelta:
    return timedelta(minutes=settings.PORTAL_SESSION_IDLE_MINUTES)
