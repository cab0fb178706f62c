"""What the seller's staff find across companies: a few columns, and no amount."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q, QuerySet

from b2b_orders.common import tenancy
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.viewers import tax_id_ending
from b2b_orders.orders.models import Order, OrderNumber
from b2b_orders.orders.numbers import Candidate, near_values, recognise
from b2b_orders.orders.rows import How, Match, StaffHit
from b2b_orders.orders.searching import NumberValue, any_of, find_match, hits_of, of_kinds
from erp_bridge.records import Fulfilment, NumberKind

STAFF_LIMIT = 50
PREFIX_MIN = 4
NEAR_LIMIT = 5

_STAFF_FIELDS = (
    "company__public_id",
    "company__name",
    "establishment__tax_id",
    "public_id",
    "title",
    "origins",
    "fulfilment",
    "status_raw",
    "placed_on",
)
# The same, seen from a number.
_NUMBER_FIELDS = tuple(
    name if name.startswith("company__") else f"order__{name}" for name in _STAFF_FIELDS
)


def staff_search(*, viewer: StaffViewer, text: str) -> tuple[StaffHit, ...]:
    """Find orders of any company by a number, exactly or else by its beginning, newest first.

    Runs in the database role that can read no amount. Telesales find what is in their
    portfolio, who serves one team its companies and those of none; orders without a company
    and of inactive companies are found by nobody.
    """
    recognised = recognise(text)
    with tenancy.scope(role=tenancy.STAFF):
        hits = _staff_hits(viewer, recognised.candidates, "exact")
        long_enough = [c for c in recognised.candidates if len(c.value) >= PREFIX_MIN]
        return hits or _staff_hits(viewer, long_enough, "prefix")


def _staff_hits(
    viewer: StaffViewer, candidates: Sequence[Candidate], how: How
) -> tuple[StaffHit, ...]:
    if not candidates:
        return ()
    numbers: QuerySet[OrderNumber] = OrderNumber.objects.filter(
        permitted(viewer), company__is_active=True
    )
    if how == "exact":
        numbers = numbers.filter(any_of(Q(value=c.value) & of_kinds(c, None) for c in candidates))
    else:
        numbers = hits_of(
            numbers.exclude(kind=NumberKind.BOLETO_LINE), candidates, None, how
        ).order_by()
    rows = numbers.order_by("-order__sorted_at", "-order_id", "id").values_list(
        *_NUMBER_FIELDS, "kind", "written", "value"
    )[: 2 * STAFF_LIMIT]
    hits: dict[uuid.UUID, StaffHit] = {}
    for *order, kind, written, value in rows:
        matched = find_match([NumberValue(NumberKind(kind), written, value)], candidates, how)
        hit = _staff_hit(order, matched)
        hits.setdefault(hit.order_public_id, hit)
    return tuple(hits.values())[:STAFF_LIMIT]


def placed_by(
    *, viewer: StaffViewer, after: str | None = None, limit: int = 20
) -> PageOf[StaffHit]:
    """List what a salesperson placed for the companies of their portfolio, newest first.

    `seen_at` is when somebody of the company first opened it. Without a seller code
    nothing is anybody's.
    """
    if not viewer.seller_code:
        return PageOf(())
    orders = Order.objects.filter(
        permitted(viewer), placed_by_code=viewer.seller_code, company__is_active=True
    )
    if after:
        cursor = Cursor.decode(after)
        orders = orders.filter(
            Q(sorted_at__lt=cursor.at) | Q(sorted_at=cursor.at, id__lt=cursor.pk),
            sorted_at__lte=cursor.at,
        )
    with tenancy.scope(role=tenancy.STAFF):
        rows = list(
            orders.order_by("-sorted_at", "-id").values_list(
                *_STAFF_FIELDS, "first_seen__at", "sorted_at", "id"
            )[: limit + 1]
        )
    hits = tuple(replace(_staff_hit(row[:-3]), seen_at=row[-3]) for row in rows[:limit])
    following = Cursor(*rows[limit - 1][-2:]).encode() if len(rows) > limit else None
    return PageOf(hits, following)


def other_teams(*, viewer: StaffViewer, text: str) -> tuple[str, ...]:
    """Name the teams whose customers have a number that this person may not look at.

    Their names and nothing else: not whose, not how many. Empty for who serves every team.
    """
    if viewer.team_id is None or viewer.company_ids is not None:
        return ()
    candidates = recognise(text).candidates
    if not candidates:
        return ()
    theirs = OrderNumber.objects.filter(
        any_of(Q(value=c.value) & of_kinds(c, None) for c in candidates),
        company__is_active=True,
        company__team_id__isnull=False,
    ).exclude(company__team_id=viewer.team_id)
    with tenancy.scope(role=tenancy.STAFF):
        names = theirs.values_list("company__team__name", flat=True).distinct()[:STAFF_LIMIT]
        return tuple(sorted(names))


def nearest(*, viewer: StaffViewer, text: str) -> tuple[StaffHit, ...]:
    """Find orders whose number is one digit off, or has two neighbours swapped, newest first.

    Within the companies that the person may look at. Asks the index for each such number,
    some hundreds at most, and reads nothing else.
    """
    values = near_values(text)
    if not values:
        return ()
    with tenancy.scope(role=tenancy.STAFF):
        rows = (
            OrderNumber.objects.filter(permitted(viewer), company__is_active=True, value__in=values)
            .order_by("-order__sorted_at", "-order_id", "id")
            .values_list(*_NUMBER_FIELDS, "kind", "written", "value")[: 4 * NEAR_LIMIT]
        )
        hits: dict[uuid.UUID, StaffHit] = {}
        for *order, kind, written, value in rows:
            match = Match(NumberKind(kind), written, "exact", value)
            hit = _staff_hit(order, match)
            hits.setdefault(hit.order_public_id, hit)
    return tuple(hits.values())[:NEAR_LIMIT]


def permitted(viewer: StaffViewer) -> Q:
    """Build the condition for rows of companies that the person may look at.

    A portfolio is a choice by hand and stands above teams; a company of no team is everybody's.
    """
    if viewer.company_ids is not None:
        return Q(company_id__in=viewer.company_ids)
    if viewer.team_id is None:
        return Q()
    return Q(company__team_id=None) | Q(company__team_id=viewer.team_id)


def _staff_hit(values: Sequence[Any], matched: Match | None = None) -> StaffHit:
    company, name, tax_id, order, title, origins, fulfilment, status_raw, placed_on = values
    return StaffHit(
        company_public_id=company,
        company_name=name,
        tax_id_ending=tax_id_ending(tax_id or ""),
        order_public_id=order,
        title=title,
        origins=origins,
        fulfilment=Fulfilment(fulfilment),
        status_raw=status_raw,
        placed_on=placed_on,
        matched=matched,
    )
