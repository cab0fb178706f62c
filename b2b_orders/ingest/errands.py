"""What operations have done: the page writes an errand down, a worker does it.

The web process has no right to change orders, companies or connections, and waits for no
source. So its buttons leave a row, and a worker, which has the rights, takes it up, does
it, says in the audit record who wanted it and why, and notes the outcome for the page.
Whatever an errand does may be done twice: a killed worker's errand is taken up again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from b2b_orders.audit.services import record
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import StaffProfile, StaffRole
from b2b_orders.ingest import waking
from b2b_orders.ingest.errand_kinds import KINDS
from b2b_orders.ingest.errand_types import Kind, Outcome, Task
from b2b_orders.ingest.lanes import session_lock
from b2b_orders.ingest.models import Errand, ErrandState
from b2b_orders.ingest.operations import as_operations

__all__ = [
    "ErrandView",
    "Kind",
    "get_errand",
    "give_up_errands",
    "list_errands",
    "request_errand",
    "run_errand",
    "waiting_errands",
    "wake_worker",
]

logger = logging.getLogger(__name__)
_LOCK = 7004  # first half of our advisory locks: "this errand is being done"
REASON_MIN_LENGTH, REASON_MAX_LENGTH = 5, 200
# A message that nobody took up for so long is sent again.
_LOST = timedelta(seconds=2)
# An errand that could not be done for so long is given up: nobody waits for it any more.
# One that is done in many turns has longer.
_GIVEN_UP, _GIVEN_UP_IN_TURNS = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ErrandView:
    """An errand as operations see it. `outcome` has a code, and figures by name."""

    public_id: UUID
    kind: str
    params: Mapping[str, Any]
    reason: str
    state: ErrandState
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Mapping[str, Any]


_FIELDS = (
    *("public_id", "kind", "params", "reason", "state"),
    *("asked_at", "started_at", "finished_at", "outcome"),
)


def request_errand(
    *,
    viewer: StaffViewer,
    actor: Actor,
    kind: Kind,
    params: Mapping[str, Any],
    reason: str = "",
    now: datetime,
) -> UUID:
    """Write an errand down and wake a worker; return by which id the page asks for it.

    `InvalidInput` names the field that is wrong, with a code for its wording; `NotVisible`
    says that it is about something that does not exist.
    """
    job = KINDS[kind]
    reason = " ".join(without_nul(reason).split())[:REASON_MAX_LENGTH]
    with as_operations(viewer):
        cleaned = job.check({name: _clean(value) for name, value in params.items()})
        if job.needs_reason and len(reason) < REASON_MIN_LENGTH:
            raise InvalidInput("reason", "reason-too-short")
        errand = Errand.objects.create(
            kind=kind,
            params=cleaned,
            person_id=viewer.person_id,
            address=actor.address,
            request_id=actor.request_id,
            reason=reason,
            asked_at=now,
        )
    transaction.on_commit(lambda: _wake_worker_aside(errand.pk))
    return errand.public_id


def get_errand(*, viewer: StaffViewer, public_id: UUID) -> ErrandView:
    """Return an errand; `NotVisible` when there is none; operations only."""
    with as_operations(viewer):
        row = Errand.objects.filter(public_id=public_id).values_list(*_FIELDS).first()
    if row is None:
        raise NotVisible
    return _view(row)


def list_errands(*, viewer: StaffViewer, limit: int = 10) -> tuple[ErrandView, ...]:
    """List the latest errands, newest first; operations only."""
    with as_operations(viewer):
        rows = Errand.objects.order_by("-id").values_list(*_FIELDS)[:limit]
        return tuple(_view(row) for row in rows)


def wake_worker(errand_id: int) -> None:
    """Send the errand to a worker; without a broker the sweeper finds its row."""
    waking.send("ingest.run_errand", expires=60, errand_id=errand_id)


def _wake_worker_aside(errand_id: int) -> None:
    waking.aside(lambda: wake_worker(errand_id))


def _view(row: tuple[Any, ...]) -> ErrandView:
    public_id, kind, params, reason, state, *rest = row
    return ErrandView(public_id, kind, params, reason, ErrandState(state), *rest)


def _clean(value: Any) -> Any:
    return without_nul(value).strip() if isinstance(value, str) else value


# --- the worker's side ---------------------------------------------------------------------


def run_errand(*, errand_id: int, clock: Callable[[], datetime]) -> ErrandState | None:
    """Do an errand and note what came of it; None when it is not ours to do.

    Whoever does it holds a lock of the database session, which a killed process gives back.
    """
    try:
        with session_lock(_LOCK, errand_id):
            errand = _begin(errand_id, clock())
            state = None if errand is None else _run(errand, clock)
    except Conflict:
        return None
    if state is ErrandState.WAITING:
        wake_worker(errand_id)
    return state


def _begin(errand_id: int, now: datetime) -> Errand | None:
    """Take an errand up; it still says when it was begun before, if it was."""
    errand = Errand.objects.filter(pk=errand_id, state=ErrandState.WAITING).first()
    if errand is not None:
        Errand.objects.filter(pk=errand_id).update(started_at=now)
    return errand


def _may(errand: Errand) -> bool:
    """Say whether who asked for it is of operations still; what was begun is brought to an end."""
    if errand.started_at is not None or errand.person_id is None:
        return True
    return StaffProfile.objects.filter(
        person_id=errand.person_id, person__is_active=True, role=StaffRole.OPERATIONS
    ).exists()


def _run(errand: Errand, clock: Callable[[], datetime]) -> ErrandState:
    if not _may(errand):
        return _finish(errand, Outcome("not-of-operations", is_done=False), clock())
    task = Task(
        errand.params, errand.person_id, errand.reason, errand.asked_at, clock, errand.outcome
    )
    try:
        outcome = KINDS[Kind(errand.kind)].run(task)
    except Conflict as error:
        outcome = Outcome("conflict", is_done=False, figures={"text": str(error)})
    except InvalidInput as error:
        outcome = Outcome("invalid", is_done=False, figures={"text": error.message})
    except NotVisible:
        outcome = Outcome("gone", is_done=False)
    if outcome.goes_on:
        Errand.objects.filter(pk=errand.pk).update(
            outcome={"code": outcome.code, **outcome.figures}
        )
        return ErrandState.WAITING
    return _finish(errand, outcome, clock())


@transaction.atomic
def _finish(errand: Errand, outcome: Outcome, now: datetime) -> ErrandState:
    """Note the outcome, and in the audit record who had it done and why: once."""
    state = ErrandState.DONE if outcome.is_done else ErrandState.FAILED
    noted = Errand.objects.filter(pk=errand.pk, state=ErrandState.WAITING).update(
        state=state, finished_at=now, outcome={"code": outcome.code, **outcome.figures}
    )
    if noted:
        record(
            KINDS[Kind(errand.kind)].action,
            actor=_actor(errand),
            company_id=outcome.company_id,
            object_kind=outcome.object_kind or "errand",
            object_id=outcome.object_id or str(errand.public_id),
            reason=errand.reason,
            detail={"outcome": outcome.code, "errand": str(errand.public_id), **outcome.about},
            now=now,
        )
    return state


def _actor(errand: Errand) -> Actor:
    return Actor(
        person_id=errand.person_id,
        staff_role=StaffRole.OPERATIONS,
        address=errand.address,
        request_id=errand.request_id,
    )


# What is being done has its lock; `objsubid` 2 is a lock by two numbers.
_WAITING = """
    SELECT e.id FROM ingest_errand AS e
    WHERE e.state = 'waiting' AND e.asked_at <= %(lost)s
      AND NOT EXISTS (
          SELECT 1 FROM pg_locks AS k
          WHERE k.locktype = 'advisory' AND k.classid = %(lock)s AND k.objid = e.id
            AND k.objsubid = 2
            AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY e.asked_at LIMIT 100
"""


def waiting_errands(*, now: datetime) -> list[int]:
    """Return errands that no worker has taken up, or whose worker was killed."""
    with database.cursor() as cursor:
        cursor.execute(_WAITING, {"lost": now - _LOST, "lock": _LOCK})
        return [pk for (pk,) in cursor.fetchall()]


def give_up_errands(*, now: datetime) -> int:
    """End errands that nobody could do for so long that nobody waits for them any more."""
    waiting = Errand.objects.filter(state=ErrandState.WAITING)
    too_old = Q(asked_at__lt=now - _GIVEN_UP, outcome={}) | Q(asked_at__lt=now - _GIVEN_UP_IN_TURNS)
    return waiting.filter(too_old).update(
        state=ErrandState.FAILED, finished_at=now, outcome={"code": "given-up"}
    )
