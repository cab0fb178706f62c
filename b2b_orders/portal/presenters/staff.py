"""What the seller's own people see: hits over companies, orders they placed, sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.audit.queries import IncidentRow
from b2b_orders.ingest.queries import ParkedRow, SourceHealth
from b2b_orders.orders.queries import StaffHit
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.marks import Marked, mark


@dataclass(frozen=True, slots=True)
class HitItem:
    """An order of some company: no amounts, no documents."""

    title: str
    found_by: str
    number: Marked | None
    company: str
    ending: str
    date: str
    date_iso: str
    status: words.Chip
    url: str
    seen: str
    is_seen: bool
    is_new: bool


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A source as operations see it."""

    name: str
    system: str
    state: words.Chip
    as_of: str
    down_since: str
    error: str


@dataclass(frozen=True, slots=True)
class IncidentItem:
    """Something that went wrong."""

    at: str
    iso: str
    what: str
    connection: str
    subject: str


@dataclass(frozen=True, slots=True)
class ParkedItem:
    """A payload that waits to be looked at."""

    connection: str
    number: str
    reason: str
    message: str
    attempts: str
    last: str
    iso: str


def hit_items(
    hits: Iterable[StaffHit], *, typed: str, now: datetime, acts: bool, is_new: bool = False
) -> tuple[HitItem, ...]:
    """Present hits: choosing one asks for a reason first where staff must act for the company."""
    return tuple(_hit(hit, typed, now, acts=acts, is_new=is_new) for hit in hits)


def _hit(hit: StaffHit, typed: str, now: datetime, *, acts: bool, is_new: bool) -> HitItem:
    matched, seen_at = hit.matched, hit.seen_at
    if acts:
        query = urlencode({"order": str(hit.order_public_id), "q": typed})
        url = f"{reverse('portal:act')}?{query}"
    else:
        url = Addresses(hit.company_public_id).to("order", public_id=hit.order_public_id)
    return HitItem(
        title=hit.title,
        found_by=words.text(words.NUMBER_KIND, matched.kind) if matched else "",
        number=mark(matched.written, matched.typed, matched.how) if matched else None,
        company=hit.company_name,
        ending=f"…{hit.tax_id_ending}",
        date=formats.day(hit.placed_on),
        date_iso=formats.iso(hit.placed_on),
        status=words.fulfilment(hit.fulfilment, hit.status_raw),
        is_new=is_new,
        url=url,
        seen=_("Seen by the customer at %(time)s") % {"time": formats.moment(seen_at, now)}
        if seen_at
        else _("Not seen yet"),
        is_seen=seen_at is not None,
    )


def source_items(rows: Iterable[SourceHealth], *, now: datetime) -> tuple[SourceItem, ...]:
    """Present the sources."""
    return tuple(
        SourceItem(
            name=row.source.label or row.source.connection,
            system=words.text(words.SYSTEM, row.source.system),
            state=words.chip(words.SOURCE_STATE, row.source.state),
            as_of=formats.moment(row.source.as_of, now) if row.source.as_of else _("never"),
            down_since=formats.moment(row.source.down_since, now),
            error=row.last_error,
        )
        for row in rows
    )


def incident_items(rows: Iterable[IncidentRow], *, now: datetime) -> tuple[IncidentItem, ...]:
    """Present incidents, newest first."""
    return tuple(
        IncidentItem(
            at=formats.moment(row.at, now),
            iso=formats.iso(row.at),
            what=words.incident(row.code),
            connection=row.connection,
            subject=f"{row.object_kind} {row.object_id}".strip(),
        )
        for row in rows
    )


def parked_items(rows: Iterable[ParkedRow], *, now: datetime) -> tuple[ParkedItem, ...]:
    """Present payloads that wait to be looked at."""
    return tuple(
        ParkedItem(
            connection=row.connection,
            number=row.external_id,
            reason=row.reason,
            message=row.message,
            attempts=formats.count(row.attempts),
            last=formats.moment(row.last_at, now),
            iso=formats.iso(row.last_at),
        )
        for row in rows
    )
