"""Errands about lists of companies: read one, take it over, or leave it.

See `errand_kinds` for the rules that all kinds keep.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from b2b_orders.audit.services import Action
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies.models import CompanyImport, ImportState
from b2b_orders.ingest import company_imports
from b2b_orders.ingest.errand_orders import TURN_SECONDS
from b2b_orders.ingest.errand_types import Job, Kind, Outcome, Params, Task
from erp_bridge.errors import BridgeError, ConfigError

_OVER = frozenset({ImportState.APPLIED, ImportState.DROPPED, ImportState.FAILED})


def _known(params: Params, *states: ImportState) -> dict[str, Any]:
    try:
        public_id = UUID(str(params.get("import", "")))
    except ValueError as error:
        raise NotVisible from error
    if not CompanyImport.objects.filter(public_id=public_id, state__in=states).exists():
        raise NotVisible
    return {"import": str(public_id)}


def known_new(params: Params) -> dict[str, Any]:
    """Take a list that nobody has read."""
    return _known(params, ImportState.WAITING)


def known_read(params: Params) -> dict[str, Any]:
    """Take a list that was read and is not taken over."""
    return _known(params, ImportState.READ)


def known_open(params: Params) -> dict[str, Any]:
    """Take a list that is not over."""
    return _known(params, ImportState.WAITING, ImportState.READ)


def _row(task: Task) -> CompanyImport:
    row = CompanyImport.objects.filter(public_id=task.params["import"]).first()
    if row is None:
        raise NotVisible
    return row


def _of(row: CompanyImport, code: str, *, is_done: bool = True, **figures: Any) -> Outcome:
    return Outcome(
        code,
        is_done=is_done,
        figures=figures,
        object_kind="import",
        object_id=str(row.public_id),
        about={"source": row.source, "file": row.filename, "connection": row.connection},
    )


def read_import(task: Task) -> Outcome:
    """Read a list line by line, so that it can be looked at."""
    row = _row(task)
    if row.state != ImportState.WAITING:
        return _of(row, "import-read", count=row.lines.count())
    try:
        counts = company_imports.read_import(row=row, clock=task.clock)
    except InvalidInput as error:
        return _failed(row, error.message, task)
    except (BridgeError, ConfigError) as error:
        return _failed(row, getattr(error, "code", "config"), task, text=str(error)[:300])
    return _of(row, "import-read", count=sum(counts.values()))


def _failed(row: CompanyImport, code: str, task: Task, text: str = "") -> Outcome:
    CompanyImport.objects.filter(pk=row.pk).update(
        state=ImportState.FAILED, outcome=code[:60], finished_at=task.clock(), content=""
    )
    return _of(row, "import-failed", is_done=False, problem=code, text=text)


def apply_import(task: Task) -> Outcome:
    """Take over what makes or extends a company; conflicts and errors are left."""
    row = _row(task)
    if row.state in _OVER - {ImportState.APPLIED}:
        raise Conflict("the list was left")
    CompanyImport.objects.filter(pk=row.pk, state=ImportState.READ).update(
        state=ImportState.APPLYING
    )
    until = time.monotonic() + TURN_SECONDS
    while company_imports.apply_some(row=row, person_id=task.person_id, now=task.clock()):
        if time.monotonic() >= until:
            count = row.lines.exclude(applied_at=None).count()
            return Outcome("going-on", figures={"count": count}, goes_on=True)
    CompanyImport.objects.filter(pk=row.pk).update(
        state=ImportState.APPLIED, finished_at=task.clock()
    )
    return _of(row, "import-applied", count=row.lines.exclude(applied_at=None).count())


def drop_import(task: Task) -> Outcome:
    """Leave a list: its lines go, that it was there stays."""
    row = _row(task)
    if row.state in {ImportState.APPLYING, ImportState.APPLIED}:
        raise Conflict("it is being taken over")
    row.lines.all().delete()
    CompanyImport.objects.filter(pk=row.pk).update(
        state=ImportState.DROPPED, finished_at=task.clock(), content=""
    )
    return _of(row, "import-dropped")


JOBS: Mapping[Kind, Job] = {
    Kind.READ_IMPORT: Job(Action.COMPANIES_IMPORTED, known_new, read_import),
    Kind.APPLY_IMPORT: Job(Action.COMPANIES_IMPORTED, known_read, apply_import),
    Kind.DROP_IMPORT: Job(Action.COMPANIES_IMPORTED, known_open, drop_import),
}
