"""The map of companies: its companies, changes, conflicts and imports, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.ingest.map_queries import (
    ChangeRow,
    CompanyDetail,
    CompanyName,
    CompanyRow,
    ConflictRow,
    ImportRow,
    LineRow,
    Piece,
)
from b2b_orders.portal import formats, words, words_map
from b2b_orders.portal.presenters.operations import (
    FactItem,
    Moment,
    bounded,
    connection_name,
    moment,
)

_SHOWN_TAX_IDS = 3


@dataclass(frozen=True, slots=True)
class CompanyItem:
    """A company as a line of the list."""

    name: str
    url: str
    state: words.Chip
    tax_ids: tuple[str, ...]
    more: str
    customer_type: str
    team: str
    people: str


@dataclass(frozen=True, slots=True)
class PieceItem:
    """An establishment or an id, to choose and to read."""

    id: int
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """All of one company."""

    public_id: str
    name: str
    state: words.Chip
    merged_into: Link | None
    facts: tuple[FactItem, ...]
    establishments: tuple[PieceItem, ...]
    ids: tuple[PieceItem, ...]
    customer_type: str
    team_id: int | None
    default_scope: str
    is_active: bool
    requires_second_factor: bool
    conflicts: int
    changes: tuple[ChangeItem, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A name and where it leads."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class ChangeItem:
    """A change of the map, with all that it costs."""

    public_id: str
    url: str
    what: str
    state: words.Chip
    from_company: Link | None
    to_company: Link | None
    to_text: str
    pieces: tuple[str, ...]
    reason: str
    answer: str
    orders: str
    moved: str
    percent: int
    documents: str
    shares: int
    left_behind: int
    left_ids: tuple[str, ...]
    losing: tuple[str, ...]
    losing_more: str
    gaining: tuple[str, ...]
    gaining_more: str
    asked_by: str
    asked_at: Moment
    decided_by: str
    decided_at: Moment
    is_waiting: bool
    is_doing: bool
    is_done: bool
    is_merge: bool
    is_own: bool
    can_undo: bool
    was_shown_again: bool


@dataclass(frozen=True, slots=True)
class ClaimItem:
    """One side of a conflict."""

    by: str
    company: Link
    at: Moment
    orders: str


@dataclass(frozen=True, slots=True)
class ConflictItem:
    """Something that two sides claim."""

    public_id: str
    form: str
    what: str
    value: str
    claims: tuple[ClaimItem, ...]
    found: Moment
    seen: Moment
    settled: str


@dataclass(frozen=True, slots=True)
class ImportItem:
    """A list of companies."""

    public_id: str
    url: str
    source: str
    name: str
    state: words.Chip
    problem: str
    asked_by: str
    at: Moment
    counts: tuple[CountItem, ...]
    applied: str
    total: int
    is_read: bool
    is_open: bool


@dataclass(frozen=True, slots=True)
class CountItem:
    """How many lines have a verdict, and where to see only these."""

    chip: words.Chip
    count: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class LineItem:
    """A line of a list."""

    number: str
    name: str
    tax_ids: tuple[str, ...]
    ids: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    kind: str
    verdict: words.Chip
    problem: str
    is_applied: bool


def company_link(company: CompanyName | None) -> Link | None:
    """Build the way to a company's page."""
    if company is None:
        return None
    return Link(company.name, _company_url(str(company.public_id)))


def _company_url(public_id: str) -> str:
    return reverse("portal:operations-company", kwargs={"public_id": public_id})


def _state(*, is_active: bool, is_merged: bool) -> words.Chip:
    if is_merged:
        return words.Chip(_("Merged"), "plain", "next")
    if is_active:
        return words.Chip(_("Active"), "good", "check")
    return words.Chip(_("Inactive"), "warn", "cross")


def company_items(rows: Iterable[CompanyRow]) -> tuple[CompanyItem, ...]:
    """Present companies."""
    return tuple(
        CompanyItem(
            name=row.name,
            url=_company_url(str(row.public_id)),
            state=_state(is_active=row.is_active, is_merged=row.is_merged),
            tax_ids=tuple(_tax_id(*each) for each in row.tax_ids[:_SHOWN_TAX_IDS]),
            more=_more(len(row.tax_ids) - _SHOWN_TAX_IDS),
            customer_type=row.customer_type,
            team=row.team,
            people=formats.count(row.people),
        )
        for row in rows
    )


def _more(count: int) -> str:
    if count <= 0:
        return ""
    return ngettext("and %(count)s more", "and %(count)s more", count) % {
        "count": formats.count(count)
    }


def company_page(
    company: CompanyDetail, labels: Mapping[str, str], *, now: datetime
) -> CompanyPage:
    """Present all of one company."""
    return CompanyPage(
        public_id=str(company.public_id),
        name=company.name,
        state=_state(is_active=company.is_active, is_merged=company.merged_into is not None),
        merged_into=company_link(company.merged_into),
        facts=(
            FactItem(_("Orders"), bounded(company.orders)),
            FactItem(_("People"), formats.count(company.people)),
            FactItem(_("Open conflicts"), formats.count(company.conflicts)),
            FactItem(_("Since"), moment(company.created_at, now).text),
        ),
        establishments=tuple(_house(each) for each in company.establishments),
        ids=tuple(
            PieceItem(each.id, each.value, connection_name(each.name, labels).whole)
            for each in company.ids
        ),
        customer_type=company.customer_type,
        team_id=company.team_id,
        default_scope=company.default_scope,
        is_active=company.is_active,
        requires_second_factor=company.requires_second_factor,
        conflicts=company.conflicts,
        changes=change_items(company.changes, now=now),
    )


def _house(piece: Piece) -> PieceItem:
    return PieceItem(piece.id, _tax_id(piece.value, piece.country), piece.name)


def _tax_id(value: str, country: str) -> str:
    return f"{country} {value}" if country else formats.tax_id(value)


def change_items(rows: Iterable[ChangeRow], *, now: datetime) -> tuple[ChangeItem, ...]:
    """Present changes of the map."""
    return tuple(change_item(row, now=now) for row in rows)


def change_item(row: ChangeRow, *, now: datetime) -> ChangeItem:
    """Present a change of the map."""
    told = row.preview
    to_company = company_link(row.to_company)
    return ChangeItem(
        public_id=str(row.public_id),
        url=reverse("portal:map-change", kwargs={"public_id": row.public_id}),
        what=words.text(words_map.CHANGE, row.kind),
        state=words.chip(words_map.CHANGE_STATE, row.state),
        from_company=company_link(row.from_company),
        to_company=to_company,
        to_text=to_company.text if to_company else row.new_name,
        pieces=tuple(formats.tax_id(each) for each in row.pieces),
        reason=row.reason,
        answer=row.answer,
        orders=formats.count(row.orders_expected),
        moved=formats.count(row.orders_moved),
        percent=min(100, 100 * row.orders_moved // max(1, row.orders_expected)),
        documents=formats.count(int(told.get("documents", 0))),
        shares=int(told.get("shares", 0)),
        left_behind=int(told.get("left_behind", 0)),
        left_ids=tuple(told.get("left_ids", ())),
        **_sides(told),
        asked_by=row.asked_by,
        asked_at=moment(row.asked_at, now),
        decided_by=row.decided_by,
        decided_at=moment(row.decided_at, now),
        is_waiting=row.state == "waiting",
        is_doing=row.state == "doing",
        is_done=row.state == "done",
        is_merge=row.kind == "merge",
        is_own=row.is_own,
        can_undo=row.state == "done" and row.kind != "undo",
        was_shown_again=row.state == "waiting" and row.outcome == "shown-again",
    )


def _sides(told: Mapping[str, Any]) -> dict[str, Any]:
    sides: dict[str, Any] = {}
    for side in ("losing", "gaining"):
        names = tuple(told.get(side, ()))
        sides[side] = names
        sides[f"{side}_more"] = _more(int(told.get(f"{side}_count", 0)) - len(names))
    return sides


def conflict_items(rows: Iterable[ConflictRow], *, now: datetime) -> tuple[ConflictItem, ...]:
    """Present conflicts."""
    return tuple(
        ConflictItem(
            public_id=str(row.public_id),
            form=f"conflict-{at}",
            what=words.text(words_map.CONFLICT, row.kind),
            value=formats.tax_id(row.value) if row.kind == "tax_id" else row.value,
            claims=tuple(_claim(claim, now) for claim in row.claims),
            found=moment(row.found_at, now),
            seen=moment(row.seen_at, now),
            settled=_settled(row),
        )
        for at, row in enumerate(rows)
    )


def _settled(row: ConflictRow) -> str:
    if row.settled_at is None:
        return ""
    why = _("answered by a change") if row.outcome == "changed" else row.outcome
    return f"{row.settled_by}: {why}" if row.settled_by else why


def _claim(claim: Mapping[str, Any], now: datetime) -> ClaimItem:
    at = datetime.fromisoformat(claim["at"]) if claim.get("at") else None
    by = str(claim.get("by", ""))
    company = str(claim.get("company", ""))
    orders = int(claim.get("orders", 0))
    return ClaimItem(
        by=words.text(words_map.CLAIMED_BY, by) if by in words_map.CLAIMED_BY else by,
        company=Link(str(claim.get("name", "")), _company_url(company) if company else ""),
        at=moment(at, now),
        orders=formats.count(orders) if orders else "",
    )


def import_items(
    rows: Iterable[ImportRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[ImportItem, ...]:
    """Present lists of companies."""
    return tuple(import_item(row, labels, now=now) for row in rows)


def import_item(
    row: ImportRow, labels: Mapping[str, str], *, now: datetime, chosen: str = ""
) -> ImportItem:
    """Present a list of companies."""
    url = reverse("portal:company-import", kwargs={"public_id": row.public_id})
    return ImportItem(
        public_id=str(row.public_id),
        url=url,
        source=words.text(words_map.IMPORT_SOURCE, row.source),
        name=row.filename or connection_name(row.connection, labels).whole,
        state=words.chip(words_map.IMPORT_STATE, row.state),
        problem=words.text(words_map.PROBLEM, row.outcome) if row.outcome else "",
        asked_by=row.asked_by,
        at=moment(row.asked_at, now),
        counts=tuple(
            CountItem(
                words.chip(words_map.VERDICT, verdict),
                formats.count(row.counts[verdict]),
                f"{url}?{urlencode({'verdict': verdict})}",
                verdict == chosen,
            )
            for verdict in words_map.VERDICT
            if row.counts.get(verdict)
        ),
        applied=formats.count(row.applied),
        total=row.counts.get("new", 0) + row.counts.get("adds", 0),
        is_read=row.state == "read",
        is_open=row.state in {"read", "waiting"},
    )


def line_items(rows: Iterable[LineRow]) -> tuple[LineItem, ...]:
    """Present lines of a list."""
    return tuple(
        LineItem(
            number=formats.count(row.number),
            name=row.name,
            tax_ids=tuple(formats.tax_id(each) for each in row.tax_ids),
            ids=row.ids,
            unconfirmed=row.unconfirmed,
            kind=" · ".join(each for each in (row.customer_type, row.team) if each),
            verdict=words.chip(words_map.VERDICT, row.verdict),
            problem=_problem(row),
            is_applied=row.is_applied,
        )
        for row in rows
    )


def _problem(row: LineRow) -> str:
    if not row.problem:
        return _("Is here: %(company)s") % {"company": row.detail} if row.detail else ""
    said = words.text(words_map.PROBLEM, row.problem)
    return f"{said} ({row.detail})" if row.detail else said
