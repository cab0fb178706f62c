"""What support and telesales see: hits over companies, and orders they placed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.companies.finding import CompanyHit
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
class CompanyItem:
    """A company that was found by its tax id; choosing it asks for a reason."""

    company: str
    ending: str
    url: str


def company_item(hit: CompanyHit, typed: str) -> CompanyItem:
    """Present a company that a caller named by its tax id: whose it is and nothing else."""
    url = f"{reverse('portal:act')}?{urlencode({'q': typed})}"
    return CompanyItem(company=hit.name, ending=f"…{hit.tax_id_ending}", url=url)


def hit_items(
    hits: Iterable[StaffHit], *, typed: str, now: datetime, acts: bool, is_new: bool = False
) -> tuple[HitItem, ...]:
    """Present hits: choosing one asks for a reason first where staff must act for the company."""
    return tuple(_hit(hit, typed, now, acts=acts, is_new=is_new) for hit in hits)


def near_items(hits: Iterable[StaffHit], *, now: datetime) -> tuple[HitItem, ...]:
    """Present orders whose number nearly is what was typed, each found by its own number."""
    return tuple(
        _hit(hit, hit.matched.typed if hit.matched else "", now, acts=True, is_new=False)
        for hit in hits
    )


def _hit(hit: StaffHit, typed: str, now: datetime, *, acts: bool, is_new: bool) -> HitItem:
    matched, seen_at = hit.matched, hit.seen_at
    if acts:
        query = urlencode({"order": str(hit.order_public_id), "q": typed})
        url = f"{reverse('portal:act')}?{query}"
    else:
        url = Addresses(hit.company_public_id).to("order", public_id=hit.order_public_id)
    return HitItem(
        title=hit.title,
        found_by=_found_by(matched.kind) if matched else "",
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


def _found_by(kind: str) -> str:
    """Say by which number; the buyer's own is not the reader's here."""
    if kind == "customer":
        return _("Customer's own number")
    return words.text(words.NUMBER_KIND, kind)
