"""Acting for a company, with both its ends in the audit record."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.companies import services
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import Acting

How = Literal["ended", "logout", "idle"]


def start(
    *,
    viewer: StaffViewer,
    actor: Actor,
    company_public_id: uuid.UUID,
    reason: str,
    session_key: str,
    now: datetime,
) -> Acting:
    """Start acting for a company; see `companies.services.start_acting` for what it refuses."""
    acting = services.start_acting(
        viewer=viewer,
        company_public_id=company_public_id,
        reason=reason,
        session_key=session_key,
        now=now,
    )
    record(
        Action.ACTING_STARTED,
        actor=actor,
        company_id=acting.company_id,
        object_kind="acting",
        object_id=str(acting.pk),
        reason=acting.reason,
        now=now,
    )
    return acting


def end(
    *,
    actor: Actor,
    session_key: str,
    now: datetime,
    company_public_id: uuid.UUID | None = None,
    how: How = "ended",
) -> int:
    """End acting for one company or for all of this log-in; return how many ended."""
    if actor.person_id is None:
        return 0
    ended = services.end_acting(
        person_id=actor.person_id,
        session_key=session_key,
        company_public_id=company_public_id,
        now=now,
    )
    return _record_ends(ended, actor, now, how)


def end_idle(*, actor: Actor, now: datetime) -> int:
    """End what a person left idle for too long; return how many ended."""
    if actor.person_id is None:
        return 0
    ended = services.end_idle_acting(person_id=actor.person_id, now=now)
    return _record_ends(ended, actor, now, "idle")


def _record_ends(ended: tuple[Acting, ...], actor: Actor, now: datetime, how: How) -> int:
    for acting in ended:
        record(
            Action.ACTING_ENDED,
            actor=actor,
            company_id=acting.company_id,
            object_kind="acting",
            object_id=str(acting.pk),
            reason=acting.reason,
            detail={"how": how, "ended_at": (acting.ended_at or now).isoformat()},
            now=now,
        )
    return len(ended)
