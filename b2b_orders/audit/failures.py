"""The one place where a log-in that failed is written down and counted, whichever way it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from b2b_orders.audit.alarms import note_failed_login
from b2b_orders.audit.models import Action
from b2b_orders.audit.services import record
from b2b_orders.companies.access import Actor

# Failed, but nobody has tried anything: such a log-in counts for no alarm.
NO_ATTEMPT: Final = frozenset({"cancelled", "provider-down", "provider-refused", "needs-provider"})


def record_failed_login(
    *,
    actor: Actor,
    provider: str = "",
    detail: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Record that `actor`, where it is known who, did not get in; too many are an alarm."""
    record(
        Action.LOGIN_FAILED,
        actor=actor,
        object_kind="provider" if provider else "",
        object_id=provider,
        detail=detail,
        now=now,
    )
    if (detail or {}).get("why") not in NO_ATTEMPT:
        note_failed_login(person_id=actor.person_id, address=actor.address, now=now)
