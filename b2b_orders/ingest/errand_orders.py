"""Errands about orders: whose they are, what their statuses mean, and which are one order.

See `errand_kinds` for the rules that all kinds keep.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.models import Company, Establishment
from b2b_orders.companies.services import (
    check_tax_id,
    create_company,
    extend_company,
    get_company_named,
)
from b2b_orders.ingest.errand_types import Outcome, Params, Task
from b2b_orders.ingest.models import Connection
from b2b_orders.orders import decisions, statuses
from b2b_orders.orders.match import RecordKey
from b2b_orders.orders.models import Decision, DecisionKind, SourceRecord, StatusRule
from b2b_orders.orders.remerging import Wanted, remerge_all
from b2b_orders.orders.services import attach_waiting
from b2b_orders.orders.status_rules import key_of
from erp_bridge.records import Billing, Fulfilment, Payment

MAX_NAME, MAX_RAW, MAX_ID = 150, 100, 80
# A turn of a long errand ends after so many seconds; the next goes on from there.
TURN_SECONDS = 20.0

# --- orders without a company -------------------------------------------------------------------


def known_assignment(params: Params) -> dict[str, Any]:
    """Take a tax id, and either a company that there is or the name of a new one."""
    tax_id = check_tax_id(str(params.get("tax_id", "")))
    company, name = str(params.get("company", "")), str(params.get("name", ""))
    if not company and not name:
        raise InvalidInput("name", "name-missing")
    if company and name:
        raise InvalidInput("name", "one-of-both")
    if company:
        return {"tax_id": tax_id, "company": str(find_company(company))}
    if len(name) > MAX_NAME:
        raise InvalidInput("name", "name-too-long")
    if Company.objects.filter(name__iexact=name).exists():
        raise InvalidInput("name", "name-taken")
    return {"tax_id": tax_id, "name": name}


def find_company(company: str) -> UUID:
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


def assign_company(task: Task) -> Outcome:
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


# --- what statuses mean ------------------------------------------------------------------------


def known_status(params: Params) -> dict[str, Any]:
    """Take a connection's word, and what it means on at least one axis."""
    raw = " ".join(str(params.get("raw", "")).split())
    cleaned = {
        "connection": _known_connection(params),
        "raw": raw,
        "fulfilment": _one_of(params, "fulfilment", set(Fulfilment) - {Fulfilment.UNMAPPED}),
        "billing": _one_of(params, "billing", set(Billing) - {Billing.UNKNOWN}),
        "payment": _one_of(params, "payment", set(Payment) - {Payment.UNKNOWN}),
    }
    if not raw or len(raw) > MAX_RAW:
        raise InvalidInput("raw", "raw-missing")
    if not any(cleaned[axis] for axis in ("fulfilment", "billing", "payment")):
        raise InvalidInput("fulfilment", "status-missing")
    return cleaned


def _known_connection(params: Params) -> str:
    name = str(params.get("connection", ""))
    if not Connection.objects.filter(name=name).exists():
        raise InvalidInput("connection", "connection-missing")
    return name


def _one_of(params: Params, field: str, states: set[Any]) -> str:
    value = str(params.get(field, ""))
    if value and value not in {str(state) for state in states}:
        raise InvalidInput(field, "status-missing")
    return value


def map_status(task: Task) -> Outcome:
    """Put the rule, then merge the orders again that carry the word: as many turns as it takes."""
    params = task.params
    if not task.so_far:
        statuses.put_rule(**params, person_id=task.person_id, now=task.clock())
    return _merge_again(task, "mapped")


def known_rule(params: Params) -> dict[str, Any]:
    """Take the connection and word of a rule that there is."""
    name, raw = str(params.get("connection", "")), str(params.get("raw", ""))
    if not StatusRule.objects.filter(connection=name, key=key_of(raw)).exists():
        raise NotVisible
    return {"connection": name, "raw": raw}


def drop_status(task: Task) -> Outcome:
    """Drop the rule, then merge the orders again that carry the word."""
    name, raw = task.params["connection"], task.params["raw"]
    # One that is gone was dropped by a worker that was killed after it.
    if StatusRule.objects.filter(connection=name, key=key_of(raw)).exists():
        statuses.drop_rule(connection=name, raw=raw, person_id=task.person_id, now=task.clock())
    return _merge_again(task, "dropped")


def _merge_again(task: Task, code: str) -> Outcome:
    name, raw = task.params["connection"], task.params["raw"]
    until = time.monotonic() + TURN_SECONDS
    count, at = int(task.so_far.get("count", 0)), int(task.so_far.get("from_id", 0))
    wanted = Wanted(connection=name, status=raw, from_id=at)
    for step in remerge_all(wanted=wanted, now=task.clock()):
        count, at = count + step.orders, step.last_id
        if time.monotonic() >= until:
            return Outcome("going-on", figures={"count": count, "from_id": at}, goes_on=True)
    about = {key: value for key, value in task.params.items() if value}
    return Outcome(
        code,
        figures={"count": count},
        object_kind="status",
        object_id=f"{name}: {raw}",
        about=about,
    )


# --- which records are one order ------------------------------------------------------------------


def two_records(params: Params) -> dict[str, Any]:
    """Take two records, each by its connection and its number there."""
    cleaned = _named(params, "a") | _named(params, "b")
    if (cleaned["connection_a"], cleaned["external_a"]) == (
        cleaned["connection_b"],
        cleaned["external_b"],
    ):
        raise InvalidInput("external_b", "same-record")
    return cleaned


def one_record(params: Params) -> dict[str, Any]:
    """Take one record, by its connection and its number there."""
    return _named(params, "a")


def _named(params: Params, end: str) -> dict[str, str]:
    name, number = str(params.get(f"connection_{end}", "")), str(params.get(f"external_{end}", ""))
    if not Connection.objects.filter(name=name).exists():
        raise InvalidInput(f"connection_{end}", "connection-missing")
    if not number or len(number) > MAX_ID:
        raise InvalidInput(f"external_{end}", "number-missing")
    return {f"connection_{end}": name, f"external_{end}": number}


def join_orders(task: Task) -> Outcome:
    """Make the orders of two records one, for good."""
    a, b = _key(task.params, "a"), _key(task.params, "b")
    companies = {_company_of(a), _company_of(b)}
    if None in companies:
        return Outcome("no-such-record", is_done=False)
    if len(companies) > 1:
        return Outcome("two-companies", is_done=False)
    (company_id,) = companies
    if not _is_decided(task, DecisionKind.JOIN, a):
        decisions.join(
            company_id=company_id or 0,
            a=a,
            b=b,
            person_id=task.person_id,
            reason=task.reason,
            now=task.clock(),
        )
    return _decided("joined", company_id, a, b)


def split_order(task: Task) -> Outcome:
    """Take a record out of its order, for good."""
    record = _key(task.params, "a")
    company_id = _company_of(record)
    if company_id is None:
        return Outcome("no-such-record", is_done=False)
    if not _is_decided(task, DecisionKind.SPLIT, record):
        decisions.split(
            company_id=company_id,
            record=record,
            person_id=task.person_id,
            reason=task.reason,
            now=task.clock(),
        )
    return _decided("split", company_id, record)


def _is_decided(task: Task, kind: DecisionKind, a: RecordKey) -> bool:
    """Say whether a worker that was killed after it had done this very errand."""
    return Decision.objects.filter(
        kind=kind,
        connection_a=a.connection,
        external_a=a.external_id,
        person=task.person_id,
        at__gte=task.asked_at,
        undone_at=None,
    ).exists()


def _key(params: Params, end: str) -> RecordKey:
    return RecordKey(params[f"connection_{end}"], params[f"external_{end}"])


def _company_of(record: RecordKey) -> int | None:
    """Find whose record it is; None for one that there is not, or that is nobody's yet."""
    found = SourceRecord.objects.filter(
        connection=record.connection, external_id=record.external_id
    )
    return found.values_list("company_id", flat=True).first()


def _decided(code: str, company_id: int | None, *records: RecordKey) -> Outcome:
    return Outcome(
        code,
        company_id=company_id,
        object_kind="order",
        object_id=f"{records[0].connection}:{records[0].external_id}",
        about={"records": [f"{each.connection}:{each.external_id}" for each in records]},
    )


def known_decision(params: Params) -> dict[str, Any]:
    """Take a decision that is in force."""
    text = str(params.get("decision", ""))
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise NotVisible
    if not Decision.objects.filter(pk=int(text), undone_at=None).exists():
        raise NotVisible
    return {"decision": int(text)}


def undo_decision(task: Task) -> Outcome:
    """Take a join or split back: the records are matched by their numbers again."""
    row = Decision.objects.filter(pk=task.params["decision"]).first()
    if row is None:
        raise NotVisible
    # One that is undone was undone by a worker that was killed after it.
    if row.undone_at is None:
        decisions.undo(decision_id=row.pk, person_id=task.person_id, now=task.clock())
    a = RecordKey(row.connection_a, row.external_a)
    return _decided("undone", row.company_id, a, RecordKey(row.connection_b, row.external_b))
