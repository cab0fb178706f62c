"""Acting for a company, with both its ends in the audit record."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Literal

from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.companies import seeing_as, services
from b2b_orders.companies.access import Actor, StaffViewer, Viewer
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


def see_as(
    *,
    viewer: Viewer,
    staff: StaffViewer,
    actor: Actor,
    person_public_id: uuid.UUID | None,
    now: datetime,
) -> None:
    """Borrow a member's eyes, or the company's; see `seeing_as.change_eyes` for what it refuses."""
    changed = seeing_as.change_eyes(viewer=viewer, staff=staff, person_public_id=person_public_id)
    if changed.before != changed.now:
        _record_change(viewer, actor, {"before": changed.before, "now": changed.now}, now)


def give_reason(*, viewer: Viewer, actor: Actor, reason: str, now: datetime) -> None:
    """Give acting another reason; `InvalidInput` for one that says too little."""
    before, after = seeing_as.change_reason(viewer=viewer, reason=reason)
    if before != after:
        about = {"reason_before": before, "reason_now": after}
        _record_change(viewer, replace(actor, reason=after), about, now)


def _record_change(viewer: Viewer, actor: Actor, about: dict[str, str], now: datetime) -> None:
    record(
        Action.SEEN_AS_CHANGED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="acting",
        object_id=str(viewer.acting_id),
        detail=about,
        now=now,
    )


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
