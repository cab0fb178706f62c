"""The kinds of errand: what each asks of its params, and what a worker does for it.

`check` runs in the web process as the staff role and only reads; `run` has the worker's
rights, may be run twice, and says what came of it by a code that the page words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from b2b_orders.audit.services import Action
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies.models import Company, Establishment
from b2b_orders.companies.services import (
    check_tax_id,
    create_company,
    extend_company,
    get_company_named,
)
from b2b_orders.ingest import inbox, lanes
from b2b_orders.ingest.models import (
    Connection,
    Origin,
    Parked,
    Subject,
    Subscription,
    SubscriptionKind,
    SubscriptionState,
)
from b2b_orders.ingest.outages import MOST_MINUTES, begin_outage, end_outage
from b2b_orders.ingest.sources import probe, system_of, vtex_for
from b2b_orders.ingest.subscriptions import take_over
from b2b_orders.orders.services import attach_waiting
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, ConfigError

PROBE_SECONDS = 15.0
MAX_NAME = 150
# As many as a page shows.
MOST_AT_ONCE = 200

Params = Mapping[str, Any]


class Kind(StrEnum):
    """What operations can have done."""

    TEST_CONNECTION = "test-connection"
    RUN_NOW = "run-now"
    OUTAGE_ON = "outage-on"
    OUTAGE_OFF = "outage-off"
    TAKE_OVER = "take-over"
    RETRY_PARKED = "retry-parked"
    DISCARD_PARKED = "discard-parked"
    ASSIGN_COMPANY = "assign-company"


@dataclass(frozen=True, slots=True)
class Task:
    """An errand as the code that does it needs it."""

    params: Params
    person_id: int | None
    reason: str
    asked_at: datetime
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an errand: a code, figures for the page, and what the record names.

    `about` is kept in the audit record beside the outcome's code.
    """

    code: str
    is_done: bool = True
    figures: Mapping[str, Any] = field(default_factory=dict)
    company_id: int | None = None
    object_kind: str = ""
    object_id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """How a kind of errand is checked, done and recorded."""

    action: Action
    check: Callable[[Params], dict[str, Any]]
    run: Callable[[Task], Outcome]
    needs_reason: bool = False


# --- connections -----------------------------------------------------------------------------


def _known_connection(params: Params) -> dict[str, Any]:
    name = str(params.get("connection", ""))
    if not Connection.objects.filter(name=name).exists():
        raise NotVisible
    return {"connection": name}


def _connection(task: Task) -> Connection:
    found = Connection.objects.filter(name=task.params["connection"]).first()
    if found is None:
        raise NotVisible
    return found


def _test_connection(task: Task) -> Outcome:
    connection, now = _connection(task), task.clock()
    if connection.outage_until is not None and connection.outage_until > now:
        until = connection.outage_until.isoformat()
        return _of_connection(connection, "in-outage", is_done=False, until=until)
    health = probe(connection, Call.within(PROBE_SECONDS, Purpose.INTERACTIVE))
    if not health.ok:
        return _of_connection(connection, "broken", is_done=False, text=health.problem[:300])
    return _of_connection(connection, "works", account=health.account[:100])


def _run_now(task: Task) -> Outcome:
    connection = _connection(task)
    if not connection.is_enabled:
        raise Conflict("it is switched off")
    now = task.clock()
    lanes.ensure_lanes(connection=connection, now=now)
    names = lanes.LANES[system_of(connection)]
    lanes.run_soon(connection_id=connection.pk, names=names, now=now)
    if connection.retry_at is not None and connection.retry_at > now:
        return _of_connection(connection, "rests", until=connection.retry_at.isoformat())
    return _of_connection(connection, "due")


def _known_outage(params: Params) -> dict[str, Any]:
    text = str(params.get("minutes", ""))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_MINUTES:
        raise InvalidInput("minutes", "minutes-wrong")
    return _known_connection(params) | {"minutes": int(text)}


def _begin_outage(task: Task) -> Outcome:
    """Rehearse an outage for so long from when it was asked for: twice is the same."""
    connection = _connection(task)
    until = begin_outage(
        connection=connection.name, minutes=task.params["minutes"], now=task.asked_at
    )
    return _of_connection(connection, "outage-begun", until=until.isoformat())


def _end_outage(task: Task) -> Outcome:
    connection = _connection(task)
    end_outage(connection=connection.name, now=task.clock())
    return _of_connection(connection, "outage-ended")


def _known_subscription(params: Params) -> dict[str, Any]:
    cleaned = _known_connection(params) | {"subscription": str(params.get("subscription", ""))}
    rows = Subscription.objects.filter(
        connection__name=cleaned["connection"], kind=cleaned["subscription"]
    )
    if not rows.exists():
        raise NotVisible
    return cleaned


def _take_over(task: Task) -> Outcome:
    """Configure somebody else's feed or hook as ours; whoever used it is cut off."""
    connection, kind = _connection(task), SubscriptionKind(task.params["subscription"])
    try:
        with vtex_for(connection) as client:
            state = take_over(connection, client, kind=kind, now=task.clock())
    except (BridgeError, ConfigError) as error:
        return _of_connection(connection, "broken", is_done=False, text=str(error)[:300])
    if state is SubscriptionState.OURS:
        return _of_connection(connection, "taken-over")
    row = Subscription.objects.get(connection=connection, kind=kind)
    return _of_connection(connection, "not-taken", is_done=False, text=row.error)


def _of_connection(
    connection: Connection, code: str, *, is_done: bool = True, **figures: Any
) -> Outcome:
    return Outcome(
        code,
        is_done=is_done,
        figures=figures,
        object_kind="connection",
        object_id=connection.name,
    )


# --- parked items ------------------------------------------------------------------------------


def _known_parked(params: Params) -> dict[str, Any]:
    try:
        ids = sorted({int(each) for each in params.get("ids", ())})
    except (TypeError, ValueError) as error:
        raise NotVisible from error
    if len(ids) > MOST_AT_ONCE or any(not 0 < each < 2**63 for each in ids):
        raise NotVisible
    found = Parked.objects.filter(pk__in=ids, discarded_at=None).count()
    if not ids or not found:
        raise NotVisible
    return {"ids": ids}


def _retry_parked(task: Task) -> Outcome:
    """Have parked things read again; their rows stay until the reading succeeds."""
    now = task.clock()
    rows = list(Parked.objects.filter(pk__in=task.params["ids"], discarded_at=None))
    by_name = {c.name: c for c in Connection.objects.filter(name__in={r.connection for r in rows})}
    count = 0
    with transaction.atomic():
        for name, connection in sorted(by_name.items()):
            mine = [row for row in rows if row.connection == name]
            orders = [row.external_id for row in mine if row.subject == Subject.ORDER]
            inbox.put(
                connection_id=connection.pk, external_ids=orders, origin=Origin.PERSON, now=now
            )
            lanes.ensure_lanes(connection=connection, now=now)
            names = (
                lanes.LANES[system_of(connection)]
                if len(orders) < len(mine)
                else (lanes.LaneName.INBOX,)
            )
            lanes.run_soon(connection_id=connection.pk, names=names, now=now)
            count += len(mine)
    if not count:
        raise NotVisible
    return Outcome("asked-again", figures={"count": count}, about=_named(rows))


def _discard_parked(task: Task) -> Outcome:
    rows = list(Parked.objects.filter(pk__in=task.params["ids"]))
    Parked.objects.filter(pk__in=[row.pk for row in rows], discarded_at=None).update(
        discarded_at=task.clock(),
        discarded_by_id=task.person_id,
        discard_reason=task.reason,
    )
    if not rows:
        raise NotVisible
    return Outcome("discarded", figures={"count": len(rows)}, about=_named(rows))


def _named(rows: list[Parked]) -> dict[str, Any]:
    return {"parked": [f"{row.connection}:{row.external_id} {row.reason}" for row in rows][:50]}


# --- orders without a company -------------------------------------------------------------------


def _known_assignment(params: Params) -> dict[str, Any]:
    """Take a tax id, and either a company that there is or the name of a new one."""
    tax_id = check_tax_id(str(params.get("tax_id", "")))
    company, name = str(params.get("company", "")), str(params.get("name", ""))
    if not company and not name:
        raise InvalidInput("name", "name-missing")
    if company and name:
        raise InvalidInput("name", "one-of-both")
    if company:
        return {"tax_id": tax_id, "company": str(_find_company(company))}
    if len(name) > MAX_NAME:
        raise InvalidInput("name", "name-too-long")
    if Company.objects.filter(name__iexact=name).exists():
        raise InvalidInput("name", "name-taken")
    return {"tax_id": tax_id, "name": name}


def _find_company(company: str) -> UUID:
    """Find a company by its id or name, reading no column but those that staff may."""
    try:
        wanted = Q(public_id=UUID(company))
    except ValueError:
        wanted = Q(name__iexact=company)
    found = Company.objects.filter(wanted).values_list("public_id", flat=True)[:2]
    if not found:
        raise InvalidInput("company", "no-such-company")
    if len(found) > 1:
        raise InvalidInput("company", "several-companies")
    return found[0]


def _assign_company(task: Task) -> Outcome:
    """Give a tax id to a company, new or known, and hand over the orders that waited for it."""
    tax_id = task.params["tax_id"]
    with transaction.atomic():
        company = _company_for(task.params)
        extend_company(company_id=company.pk, tax_ids=[tax_id])
    attached = attach_waiting(company_id=company.pk, now=task.clock())
    return Outcome(
        "assigned",
        figures={"company": company.name, "count": attached, "tax_id": tax_id},
        company_id=company.pk,
        object_kind="company",
        object_id=str(company.public_id),
        about={"tax_id": tax_id},
    )


def _company_for(params: Params) -> Company:
    if "company" in params:
        found = get_company_named(params["company"])
        if found is None:
            raise NotVisible
        return found
    # Done before, by a worker that was killed after it.
    made = Establishment.objects.filter(tax_id=params["tax_id"]).select_related("company").first()
    if made is not None and made.company.name == params["name"]:
        return made.company
    return create_company(name=params["name"])


KINDS: dict[Kind, Job] = {
    Kind.TEST_CONNECTION: Job(Action.CONNECTION_TESTED, _known_connection, _test_connection),
    Kind.RUN_NOW: Job(Action.RUN_ASKED, _known_connection, _run_now),
    Kind.OUTAGE_ON: Job(Action.OUTAGE_STARTED, _known_outage, _begin_outage, needs_reason=True),
    Kind.OUTAGE_OFF: Job(Action.OUTAGE_ENDED, _known_connection, _end_outage),
    Kind.TAKE_OVER: Job(
        Action.SUBSCRIPTION_TAKEN, _known_subscription, _take_over, needs_reason=True
    ),
    Kind.RETRY_PARKED: Job(Action.PARKED_RETRIED, _known_parked, _retry_parked),
    Kind.DISCARD_PARKED: Job(
        Action.PARKED_DISCARDED, _known_parked, _discard_parked, needs_reason=True
    ),
    Kind.ASSIGN_COMPANY: Job(Action.COMPANY_ASSIGNED, _known_assignment, _assign_company),
}
