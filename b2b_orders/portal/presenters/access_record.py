"""The access record of a company in words, and the form that narrows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.audit.services import Action
from b2b_orders.common.requests import without_nul
from b2b_orders.documents.accesses import (
    AccessedDocument,
    AccessFilter,
    AccessRow,
    KnownPerson,
)
from b2b_orders.portal import formats, spreadsheets, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.documents import document_name
from b2b_orders.portal.presenters.operations import Moment, moment
from b2b_orders.portal.presenters.people_record import people_words
from b2b_orders.portal.words_audit import ACTION, GROUP, OBJECT, PEOPLE, STAFF_ROLE

_LONGEST_NUMBER = 80
# Of these the line holds an id that leads nowhere, or one of somebody else's.
_UNTOLD = frozenset({"acting", "address", "lookup", "number"})


@dataclass(frozen=True, slots=True)
class AccessItem:
    """A line of the record, worded; `url` leads to the order where there still is one."""

    at: Moment
    who: str
    role: str
    reason: str
    what: str
    about: str
    url: str
    extra: str
    address: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to choose."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class RecordForm:
    """What narrows the record, as it was asked for; `problem` says what could not be used."""

    people: tuple[Choice, ...]
    groups: tuple[Choice, ...]
    staff_only: bool
    order: str
    document: str
    since: str
    until: str
    is_filtered: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address of the record asks for."""

    wanted: AccessFilter = field(default_factory=AccessFilter)
    query: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def read_query(given: QueryDict) -> Asked:
    """Read which lines are asked for; what cannot be read narrows nothing, and is said."""
    query = {
        name: without_nul(given.get(name, "")).strip()[:_LONGEST_NUMBER]
        for name in ("pessoa", "equipe", "pedido", "documento", "acao", "de", "ate")
    }
    query = {name: value for name, value in query.items() if value}
    try:
        since, until = (_day(query.get(name, "")) for name in ("de", "ate"))
        person, document = (_uuid(query.get(name, "")) for name in ("pessoa", "documento"))
    except ValueError:
        return Asked(query=query, problem=_("These filters cannot be read. All lines are shown."))
    problem = ""
    if since and until and since > until:
        problem = _("The first day is after the last one.")
    group = GROUP.get(query.get("acao", ""))
    wanted = AccessFilter(
        person=person,
        staff_only=query.get("equipe") == "1",
        order=query.get("pedido", ""),
        document=document,
        actions=group[1] if group else (),
        since=start_of(since) if since else None,
        until=start_of(until + timedelta(days=1)) if until and until < date.max else None,
    )
    return Asked(wanted, query, problem)


def start_of(day: date) -> datetime:
    """Return when a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _day(text: str) -> date | None:
    day = date.fromisoformat(text) if text else None
    # At the ends of the calendar no time zone has such a moment.
    if day is not None and not date.min.year < day.year < date.max.year:
        raise ValueError(text)
    return day


def _uuid(text: str) -> UUID | None:
    return UUID(text) if text else None


def record_form(asked: Asked, people: Iterable[KnownPerson]) -> RecordForm:
    """Present the filters."""
    query = asked.query
    return RecordForm(
        people=tuple(
            Choice(str(each.public_id), each.name, str(each.public_id) == query.get("pessoa"))
            for each in people
        ),
        groups=tuple(
            Choice(name, str(text), name == query.get("acao")) for name, (text, _) in GROUP.items()
        ),
        staff_only=query.get("equipe") == "1",
        order=query.get("pedido", ""),
        document=query.get("documento", ""),
        since=query.get("de", ""),
        until=query.get("ate", ""),
        is_filtered=bool(query),
        problem=asked.problem,
    )


def access_items(
    rows: Iterable[AccessRow], *, to: Addresses, now: datetime
) -> tuple[AccessItem, ...]:
    """Present lines of the record."""
    return tuple(
        AccessItem(
            at=moment(row.at, now),
            who=who(row.person_name, row.person_id),
            role=role(row.staff_role),
            reason=row.reason,
            what=words.text(ACTION, row.action),
            about=_about(row),
            url=to.to("order", public_id=row.order) if row.order else "",
            extra=_extra(row),
            address=row.address,
        )
        for row in rows
    )


def who(name: str, person_id: int | None) -> str:
    """Name somebody; without a log-in it may have been anybody with the link."""
    if name:
        return name
    return _("Nobody who was logged in") if person_id is None else f"#{person_id}"


def role(staff_role: str) -> str:
    """Say which role of the seller somebody had; nothing for the company's own people."""
    return words.text(STAFF_ROLE, staff_role) if staff_role else ""


def _about(row: AccessRow) -> str:
    order = _("Order %(number)s") % {"number": row.order_title} if row.order_title else ""
    if row.object_kind == "document":
        name = _document(row.document) if row.document else _("Document")
        return f"{name} · {order}" if order else name
    if row.object_kind == "order":
        return order or _("An order that is not shown any more")
    if row.object_kind == "person" and row.object_name:
        return row.object_name
    if row.object_kind in _UNTOLD:
        return ""
    return words.text(OBJECT, row.object_kind) if row.object_kind else ""


def _document(document: AccessedDocument) -> str:
    """Name a document in the reader's language, or as its source does when no part is known."""
    is_known = document.invoice_number or document.instalment or not document.title
    return document_name(document) if is_known else document.title


def _extra(row: AccessRow) -> str:
    """Pick from a line's details what tells an administrator more."""
    detail = row.detail
    if row.action in PEOPLE:
        return people_words(detail)
    if row.action == Action.DOCUMENT_MAILED and detail.get("recipient"):
        return _("to %(address)s") % {"address": detail["recipient"]}
    count = detail.get("documents", detail.get("rows"))
    if isinstance(count, int) and not isinstance(count, bool):
        number = formats.count(count)
        if "rows" in detail:
            return ngettext("%(count)s line", "%(count)s lines", count) % {"count": number}
        return ngettext("%(count)s file", "%(count)s files", count) % {"count": number}
    if row.action == Action.ORDER_VIEWED and detail.get("how") == "side by side":
        return _("both sources side by side")
    return ""


# --- as a table to take away ------------------------------------------------------------------


def export_columns() -> list[str]:
    """Name the columns of the export."""
    return [
        *(_("When"), _("Who"), _("Role at the supplier"), _("Reason"), _("What")),
        *(_("Subject"), _("More"), _("IP address")),
    ]


def export_row(item: AccessItem) -> list[str]:
    """Write a line for a spreadsheet; nothing in it is a formula."""
    texts = (item.who, item.role, item.reason, item.what, item.about, item.extra)
    return [item.at.title, *map(spreadsheets.plain, texts), item.address]
