"""Errands about connections and what is parked, and the table of all kinds.

`check` runs in the web process as the staff role and only reads; `run` has the worker's
rights, may be run twice, and says what came of it by a code that the page words.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from b2b_orders.audit.services import Action
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.ingest import errand_documents as documents
from b2b_orders.ingest import errand_imports as imports
from b2b_orders.ingest import errand_map as companies
from b2b_orders.ingest import errand_orders as orders
from b2b_orders.ingest import errand_people as people
from b2b_orders.ingest import errand_sign_in as sign_in
from b2b_orders.ingest import errand_staff as staff
from b2b_orders.ingest import inbox, lanes
from b2b_orders.ingest.errand_types import Job, Kind, Outcome, Params, Task
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
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, ConfigError

PROBE_SECONDS = 15.0
# As many as a page shows.
MOST_AT_ONCE = 200

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
    Kind.ASSIGN_COMPANY: Job(
        Action.COMPANY_ASSIGNED, orders.known_assignment, orders.assign_company
    ),
    Kind.MAP_STATUS: Job(Action.STATUS_MAPPED, orders.known_status, orders.map_status),
    Kind.DROP_STATUS: Job(Action.STATUS_RULE_DROPPED, orders.known_rule, orders.drop_status),
    Kind.JOIN: Job(Action.ORDERS_JOINED, orders.two_records, orders.join_orders, needs_reason=True),
    Kind.SPLIT: Job(Action.ORDER_SPLIT, orders.one_record, orders.split_order, needs_reason=True),
    Kind.UNDO_DECISION: Job(
        Action.DECISION_UNDONE, orders.known_decision, orders.undo_decision, needs_reason=True
    ),
    Kind.DOCUMENT_RULE: Job(
        Action.DOCUMENT_RULE_CHANGED, documents.known_rule_change, documents.change_rule
    ),
    Kind.CUSTOMER_TYPE: Job(
        Action.CUSTOMER_TYPE_CHANGED, documents.known_customer_type, documents.change_customer_type
    ),
    **companies.JOBS,
    **imports.JOBS,
    Kind.SIGN_IN_PROVIDER: Job(
        Action.PROVIDER_CHANGED, sign_in.known_provider_change, sign_in.change_provider
    ),
    Kind.EMAIL_DOMAIN: Job(
        Action.EMAIL_DOMAIN_CHANGED,
        sign_in.known_domain_change,
        sign_in.change_domain,
        needs_reason=True,
    ),
    Kind.STAFF: Job(
        Action.STAFF_CHANGED, staff.known_staff_change, staff.change_staff, needs_reason=True
    ),
    Kind.MOVE_CUSTOMER: Job(
        Action.STAFF_CHANGED, staff.known_move, staff.move_customer, needs_reason=True
    ),
    Kind.TEAM: Job(Action.STAFF_CHANGED, staff.known_team_change, staff.change_team),
    Kind.COMPANY_TEAM: Job(
        Action.STAFF_CHANGED,
        staff.known_company_team,
        staff.change_company_team,
        needs_reason=True,
    ),
    Kind.EXPORT_PERSON: Job(
        Action.PERSON_EXPORTED, people.known_person, people.export_person, needs_reason=True
    ),
    Kind.ANONYMISE_PERSON: Job(
        Action.PERSON_ANONYMISED,
        people.confirmed_person,
        people.anonymise_person,
        needs_reason=True,
    ),
}
