"""The audit record as operations search it, in words."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.http import QueryDict
from django.utils.translation import gettext as _

from b2b_orders.audit.search import AuditFilter, AuditRow
from b2b_orders.audit.services import Action
from b2b_orders.common.requests import without_nul
from b2b_orders.portal import spreadsheets, words
from b2b_orders.portal.presenters.access_record import Choice, role, start_of, who
from b2b_orders.portal.presenters.operations import Moment, moment
from b2b_orders.portal.words_audit import ACTION, OBJECT

_FIELDS = ("pessoa", "empresa", "equipe", "acao", "objeto", "endereco", "pedido_http", "de", "ate")
_LONGEST = 150
_NUMBERED = frozenset({"acting"})


@dataclass(frozen=True, slots=True)
class AuditItem:
    """A line of the record, worded."""

    at: Moment
    who: str
    email: str
    role: str
    company: str
    what: str
    about: str
    object_id: str
    # Empty where it is the number of a row, which says nothing to people.
    shown_id: str
    reason: str
    address: str
    request_id: str


@dataclass(frozen=True, slots=True)
class AuditForm:
    """What narrows the search, as it was asked for."""

    typed: Mapping[str, str]
    actions: tuple[Choice, ...]
    is_filtered: bool
    problem: str


@dataclass(frozen=True, slots=True)
class AskedAudit:
    """What an address of the search asks for."""

    wanted: AuditFilter = field(default_factory=AuditFilter)
    query: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def read_audit_query(given: QueryDict, find_objects: Callable[[str], Iterable[str]]) -> AskedAudit:
    """Read which lines are asked for; `find_objects` turns what was typed into ids."""
    query = {name: without_nul(given.get(name, "")).strip()[:_LONGEST] for name in _FIELDS}
    query = {name: value for name, value in query.items() if value}
    try:
        since, until = (_day(query.get(name, "")) for name in ("de", "ate"))
        address = query.get("endereco", "")
        address = str(ipaddress.ip_address(address)) if address else ""
    except ValueError:
        text = _("These filters cannot be read: see the days and the address.")
        return AskedAudit(AuditFilter(object_ids=()), query, text)
    typed = query.get("objeto", "")
    wanted = AuditFilter(
        person=query.get("pessoa", ""),
        company=query.get("empresa", ""),
        staff_only=query.get("equipe") == "1",
        actions=tuple(a for a in Action if a.value == query.get("acao")),
        object_ids=tuple(find_objects(typed)) if typed else None,
        address=address,
        request_id=query.get("pedido_http", ""),
        since=start_of(since) if since else None,
        until=start_of(until + timedelta(days=1)) if until else None,
    )
    return AskedAudit(wanted, query)


def _day(text: str) -> date | None:
    day = date.fromisoformat(text) if text else None
    if day is not None and not date.min.year < day.year < date.max.year:
        raise ValueError(text)
    return day


def audit_form(asked: AskedAudit) -> AuditForm:
    """Present the filters."""
    actions = [
        Choice(
            action.value, words.text(ACTION, action.value), action.value == asked.query.get("acao")
        )
        for action in Action
    ]
    return AuditForm(
        typed=asked.query,
        actions=tuple(sorted(actions, key=lambda each: each.text.casefold())),
        is_filtered=bool(asked.query),
        problem=asked.problem,
    )


def audit_items(rows: Iterable[AuditRow], *, now: datetime) -> tuple[AuditItem, ...]:
    """Present lines of the record."""
    return tuple(
        AuditItem(
            at=moment(row.at, now),
            who=who(row.person_name, row.person_id),
            email=row.person_email,
            role=role(row.staff_role),
            company=row.company_name,
            what=words.text(ACTION, row.action),
            about=words.text(OBJECT, row.object_kind) if row.object_kind else "",
            object_id=row.object_id,
            shown_id="" if row.object_kind in _NUMBERED else row.object_id,
            reason=row.reason,
            address=row.address,
            request_id=row.request_id,
        )
        for row in rows
    )


def audit_columns() -> list[str]:
    """Name the columns of the export."""
    return [
        *(_("When"), _("Who"), _("E-mail"), _("Role"), _("Company"), _("What"), _("Subject")),
        *(_("Id"), _("Reason"), _("IP address"), _("Request")),
    ]


def audit_row(item: AuditItem) -> list[str]:
    """Write a line for a spreadsheet; nothing in it is a formula."""
    return [
        item.at.iso,
        *map(
            spreadsheets.plain,
            (item.who, item.email, item.role, item.company, item.what, item.about),
        ),
        *map(spreadsheets.plain, (item.object_id, item.reason, item.address, item.request_id)),
    ]
