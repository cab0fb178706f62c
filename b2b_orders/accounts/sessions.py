"""Ending what somebody is signed in with."""

from __future__ import annotations

from allauth.usersessions.models import UserSession


def end_sessions(person_id: int, except_key: str | None = None) -> int:
    """End all sessions of a person, but for one by its key; return how many ended."""
    rows = UserSession.objects.filter(user_id=person_id)
    if except_key:
        rows = rows.exclude(session_key=except_key)
    ended = list(rows)
    for row in ended:
        # The cache's copy goes with the row of the session.
        row.end()
    return len(ended)
