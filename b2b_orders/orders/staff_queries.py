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
from b2b_orders.orders.numbers import Candidate, recognise
from b2b_orders.orders.rows import How, Match, StaffHit
from b2b_orders.orders.searching import NumberValue, any_of, find_match, hits_of, of_kinds
from erp_bridge.records import Fulfilment, NumberKind

STAFF_LIMIT = 50
PREFIX_MIN = 4

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


def staff_search(*, viewer: StaffViewer, text: str) -> tuple[StaffHit, ...]:
    """Find orders of any company by a number, exactly or else by its beginning, newest first.

    Runs in the database role that can read no amount. Telesales find what is in their
    portfolio; orders without a company and of inactive companies are found by nobody.
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
        _in_portfolio(viewer), company__is_active=True
    )
    if how == "exact":
        numbers = numbers.filter(any_of(Q(value=c.value) & of_kinds(c, None) for c in candidates))
    else:
        numbers = hits_of(
            numbers.exclude(kind=NumberKind.BOLETO_LINE), candidates, None, how
        ).order_by()
    fields = [name if name.startswith("company__") else f"order__{name}" for name in _STAFF_FIELDS]
    rows = numbers.order_by("-order__sorted_at", "-order_id", "id").values_list(
        *fields, "kind", "written", "value"
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
        _in_portfolio(viewer), placed_by_code=viewer.seller_code, company__is_active=True
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


def _in_portfolio(viewer: StaffViewer) -> Q:
    return Q() if viewer.company_ids is None else Q(company_id__in=viewer.company_ids)


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
