"""The whole record as operations search it: newest first, in the staff role.

What people typed, and to whom they mailed, is not among what that role may read: `detail` stays
with whoever administers the database.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from b2b_orders.accounts.models import Person
from b2b_orders.audit.services import Action, record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import NotAllowed
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import Company, Establishment

# A name leads to so many people or companies at most; more is not a search.
_MOST_NAMED: Final = 50


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are asked for; empty means any.

    `object_ids` are what lines name things by; an empty tuple finds nothing, None anything.
    """

    person: str = ""
    company: str = ""
    staff_only: bool = False
    actions: tuple[Action, ...] = ()
    object_ids: tuple[str, ...] | None = None
    address: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the record, without what was typed."""

    id: int
    at: datetime
    action: str
    person_id: int | None
    person_name: str
    person_email: str
    staff_role: str
    company_name: str
    object_kind: str
    object_id: str
    reason: str
    address: str
    request_id: str


_SELECT: Final = """
    SELECT e.id, e.at, e.action, e.person_id, coalesce(p.name, ''), coalesce(p.email, ''),
        e.staff_role, coalesce(c.name, ''), e.object_kind, e.object_id, e.reason,
        coalesce(host(e.address), ''), e.request_id
    FROM audit_auditevent AS e
    LEFT JOIN accounts_person AS p ON p.id = e.person_id
    LEFT JOIN companies_company AS c ON c.id = e.company_id
    WHERE true
"""


def search_audit(
    *, viewer: StaffViewer, wanted: AuditFilter, after: str | None = None, limit: int = 50
) -> PageOf[AuditRow]:
    """Find lines for operations; `NotAllowed` for anybody else. Three SQL statements at most."""
    if not viewer.can_operate:
        raise NotAllowed
    cursor_ = Cursor.decode(after) if after else None
    with tenancy.scope(role=tenancy.STAFF):
        sql, params = _condition(wanted)
        if cursor_ is not None:
            sql += " AND (e.at, e.id) < (%(at)s::text::timestamptz, %(pk)s::bigint)"
            params |= {"at": cursor_.at.isoformat(), "pk": cursor_.pk}
        with connection.cursor() as cursor:
            cursor.execute(
                f"{sql} ORDER BY e.at DESC, e.id DESC LIMIT %(most)s",
                params | {"most": limit + 1},
            )
            rows = [AuditRow(*row) for row in cursor.fetchall()]
    last = rows[limit - 1] if len(rows) > limit else None
    return PageOf(tuple(rows[:limit]), Cursor(last.at, last.id).encode() if last else None)


def record_search(
    *, viewer: StaffViewer, actor: Actor, wanted: Mapping[str, str], is_export: bool, now: datetime
) -> None:
    """Note that somebody searched the record, or took lines of it away."""
    if not viewer.can_operate:
        raise NotAllowed
    record(
        Action.AUDIT_EXPORTED if is_export else Action.AUDIT_SEARCHED,
        actor=actor,
        object_kind="audit",
        detail={"filter": dict(wanted)},
        now=now,
    )


def _condition(wanted: AuditFilter) -> tuple[str, dict[str, Any]]:
    sql, params = _SELECT, dict[str, Any]()
    given: tuple[tuple[str, str, Any], ...] = (
        ("e.person_id = ANY(%(people)s)", "people", _people(wanted.person)),
        ("e.company_id = ANY(%(companies)s)", "companies", _companies(wanted.company)),
        ("e.action = ANY(%(actions)s)", "actions", [a.value for a in wanted.actions] or None),
        (
            "e.object_id = ANY(%(objects)s)",
            "objects",
            None if wanted.object_ids is None else list(wanted.object_ids),
        ),
        ("e.address = %(address)s::text::inet", "address", wanted.address or None),
        ("e.request_id = %(request)s", "request", wanted.request_id or None),
        ("e.at >= %(since)s", "since", wanted.since),
        ("e.at < %(until)s", "until", wanted.until),
    )
    for condition, name, value in given:
        if value is not None:
            sql += f" AND {condition}"
            params[name] = value
    return sql + (" AND e.staff_role <> ''" if wanted.staff_only else ""), params


def _people(text: str) -> list[int] | None:
    """Find people by address, by id as an export names them, or by a part of the name."""
    if not text:
        return None
    if text.removeprefix("#").isascii() and text.removeprefix("#").isdigit():
        number = int(text.removeprefix("#")[:18])
        return [number]
    people = Person.objects.order_by("pk").values_list("pk", flat=True)
    if "@" in text:
        return list(people.filter(email=text.lower()))
    return list(people.filter(name__icontains=text)[:_MOST_NAMED])


def _companies(text: str) -> list[int] | None:
    """Find companies by id, by a CNPJ, or by a part of the name."""
    if not text:
        return None
    companies = Company.objects.order_by("pk").values_list("pk", flat=True)
    try:
        return list(companies.filter(public_id=uuid.UUID(text)))
    except ValueError:
        pass
    bare = "".join(sign for sign in text.upper() if sign.isalnum())
    owners = Establishment.objects.filter(tax_id=bare).values_list("company_id", flat=True)
    return list(owners) or list(companies.filter(name__icontains=text)[:_MOST_NAMED])
