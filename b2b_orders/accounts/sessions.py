"""When a person must sign in again."""

from __future__ import annotations

from datetime import datetime

from b2b_orders.accounts.models import Person


def require_sign_in_again(person_id: int, now: datetime) -> None:
    """Let nothing that was signed in with before this moment open anything any more."""
    Person.objects.filter(pk=person_id).update(sign_in_again_after=now)
