"""Ending what somebody is signed in with."""

from __future__ import annotations

from b2b_orders.accounts.models import Person
from b2b_orders.common import clock


def end_sessions(person_id: int) -> None:
    """Sign a person out everywhere: what was signed in with before now opens nothing."""
    Person.objects.filter(pk=person_id).update(sign_in_again_after=clock.now())
