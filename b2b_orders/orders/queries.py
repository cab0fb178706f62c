"""Finding and reading orders. Every read takes a viewer, and starts by what the viewer sees."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.paging import PageOf
from b2b_orders.common.planning import planned_for_values
from b2b_orders.common.visibility import visible_sql
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.chips import LIST_COUNT_LIMIT
from b2b_orders.orders.filtering import EVERYTHING, OrderFilter, filter_sql
from b2b_orders.orders.models import (
    OrderNumber,
)
from b2b_orders.orders.numbers import Candidate, Recognised, near_values, recognise
from b2b_orders.orders.one_order import PARTS, count_lines, get_order, list_lines
from b2b_orders.orders.rows import (
    Counted,
    DivergenceRow,
    DivergenceValue,
    EstablishmentRow,
    EventRow,
    How,
    InvoiceRow,
    LineCounts,
    LineRow,
    Match,
    NumberRow,
    OrderDetail,
    OrderRow,
    ScopeFacts,
    SearchResult,
    SourceAsOf,
    StaffHit,
    TitleRow,
)
from b2b_orders.orders.searching import (
    any_of,
    exact_sql,
    hits_of,
    of_kinds,
)
from b2b_orders.orders.selecting import FROM, ROW_FIELDS, SELECT, Where, fetch, order_row, visible
from b2b_orders.orders.sorting import Place, Sorting, Start, sorting_of
from b2b_orders.orders.staff_queries import (
    NEAR_LIMIT,
    nearest,
    other_teams,
    placed_by,
    staff_search,
)
from erp_bridge.records import (
    NumberKind,
)

__all__ = [
    "COUNT_LIMIT",
    "LIST_COUNT_LIMIT",
    "PARTS",
    "Counted",
    "DivergenceRow",
    "DivergenceValue",
    "EstablishmentRow",
    "EventRow",
    "InvoiceRow",
    "LineCounts",
    "LineRow",
    "Match",
    "NumberRow",
    "OrderDetail",
    "OrderRow",
    "ScopeFacts",
    "SearchResult",
    "SourceAsOf",
    "StaffHit",
    "TitleRow",
    "count_lines",
    "count_listed",
    "count_orders",
    "get_order",
    "list_lines",
    "list_orders",
    "list_picked",
    "near_orders",
    "nearest",
    "neighbours",
    "other_teams",
    "placed_by",
    "scope_facts",
    "search",
    "staff_search",
]

COUNT_LIMIT = 1000
PREFIX_MIN, SUFFIX_MIN = 3, 4

_STAGES: dict[str, How] = {"e": "exact", "p": "prefix", "s": "suffix"}

# With what a list may be sorted by and no row shows.
_SELECT_SORTED = SELECT.replace("SELECT", "SELECT o.changed_at, o.total_cents,", 1)
_NEWEST_FIRST = sorting_of(EVERYTHING)


# --- lists and search ---------------------------------------------------------------


def list_orders(
    *,
    viewer: Viewer,
    wanted: OrderFilter = EVERYTHING,
    after: str | None = None,
    limit: int = 20,
    now: datetime | None = None,
) -> PageOf[OrderRow]:
    """List the orders that a filter keeps, a page after a cursor. One SQL statement.

    `now` is what "late" and "soon" are measured by. Raises `InvalidInput` for a cursor of
    another sort.
    """
    wanted = wanted.allowed_to(viewer)
    orders = _wanted(viewer, wanted, now)
    with _planned(viewer, wanted):
        return _page(orders, viewer, sorting_of(wanted), after, limit)


def count_orders(
    *, viewer: Viewer, wanted: OrderFilter = EVERYTHING, now: datetime | None = None
) -> Counted:
    """Count the orders that a filter keeps, up to `LIST_COUNT_LIMIT`. One SQL statement."""
    count = _count(_wanted(viewer, wanted, now), LIST_COUNT_LIMIT)
    return Counted(min(count, LIST_COUNT_LIMIT), count <= LIST_COUNT_LIMIT)


def neighbours(
    *, viewer: Viewer, order_id: int, wanted: OrderFilter = EVERYTHING, now: datetime | None = None
) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Find the orders before and after one in a list, whether it is still in it or not.

    Three SQL statements.
    """
    wanted = wanted.allowed_to(viewer)
    sorting = sorting_of(wanted)
    itself = visible(viewer).and_("o.id = %(order)s", order=order_id)
    columns = ("id", "fulfilment", sorting.column)
    values = fetch(
        f"SELECT {', '.join(f'o.{each}' for each in columns)} {FROM} WHERE {itself.sql}",
        itself.params,
    )
    if not values:
        return None, None
    start = Start(sorting.place_of(dict(zip(columns, values[0], strict=True))))
    orders = _wanted(viewer, wanted, now)
    found = (_read(orders, each, start, 1, "SELECT o.public_id") for each in _both_ways(sorting))
    with _planned(viewer, wanted):
        before, behind = (rows[0][0] if rows else None for rows in found)
    return before, behind


def _planned(viewer: Viewer, wanted: OrderFilter) -> AbstractContextManager[None]:
    # All orders of a company have but one plan.
    is_whole = viewer.establishment_ids is None and not wanted.is_narrowed
    return nullcontext() if is_whole else planned_for_values()


def _both_ways(sorting: Sorting) -> tuple[Sorting, Sorting]:
    return sorting.reversed(), sorting


def _wanted(viewer: Viewer, wanted: OrderFilter, now: datetime | None) -> Where:
    orders = visible(viewer)
    if not wanted.is_narrowed:
        return orders
    now = now or clock.now()
    sql, params = filter_sql(viewer, wanted, today=timezone.localdate(now), now=now)
    return orders.and_(sql, **params)


def count_listed(
    *, viewer: Viewer, wanted: OrderFilter, most: int, now: datetime | None = None
) -> int:
    """Count the orders that `list_orders` lists, exactly up to `most`; one more says "more"."""
    return _count(_wanted(viewer, wanted, now), most)


def list_picked(
    *, viewer: Viewer, ids: Sequence[int] = (), public_ids: Sequence[uuid.UUID] = ()
) -> tuple[OrderRow, ...]:
    """Read those of some orders that the viewer sees, newest first. One SQL statement."""
    orders = visible(viewer).and_(
        "o.id = ANY(%(ids)s) OR o.public_id = ANY(%(public_ids)s)",
        ids=list(ids),
        public_ids=list(public_ids),
    )
    return _page(orders, viewer, _NEWEST_FIRST, None, max(1, len(ids) + len(public_ids))).rows


def search(
    *,
    viewer: Viewer,
    text: str,
    only: NumberKind | None = None,
    after: str | None = None,
    limit: int = 25,
    wanted: OrderFilter = EVERYTHING,
    widely: bool = False,
    now: datetime | None = None,
) -> SearchResult:
    """Find orders by any number: exactly, else by its beginning, else by its end.

    Within a filter, and sorted by it. `only` keeps one kind of number; `widely` lists, after
    the exact hits, the numbers that begin so. An exact hit takes one SQL statement, a
    beginning three, an end five; a mistyped access key up to two more.
    """
    recognised = recognise(text)
    stage, cursor = _decode_stage(after)
    wanted = wanted.allowed_to(viewer)
    orders = _wanted(viewer, wanted, now)
    within = _Within(orders, sorting_of(wanted), cursor, limit, wanted.is_narrowed)
    if stage in (None, "exact"):
        found = _search_exact(viewer, recognised, only, within)
        if found.rows and widely and not found.next:
            return _and_longer(viewer, found, only, within)
        if found.rows or stage:
            return found
    for how in ("prefix", "suffix") if stage is None else (stage,):
        found = _search_part(viewer, recognised, only, how, within)
        if found.rows or stage:
            return found
    return SearchResult(recognised, (), near_order=_near_order(viewer, recognised, only))


def near_orders(
    *, viewer: Viewer, text: str, only: NumberKind | None = None
) -> tuple[OrderRow, ...]:
    """Find orders whose number is one slip away from what was typed, newest first.

    For when nothing was found. Two SQL statements: the index is asked for each slip, some
    hundreds at most, among what the viewer sees.
    """
    values = near_values(text)
    if not values:
        return ()
    hits = _findable_by_part(viewer).filter(value__in=values)
    if only is not None:
        hits = hits.filter(kind=only)
    ids = list(hits.order_by("-order_id").values_list("order_id", flat=True)[: 4 * NEAR_LIMIT])
    if not ids:
        return ()
    orders = visible(viewer).and_("o.id = ANY(%(ids)s)", ids=sorted(set(ids)))
    candidates = [Candidate(value) for value in values]
    return _page(orders, viewer, sorting_of(EVERYTHING), None, NEAR_LIMIT, candidates).rows


def _findable_by_part(viewer: Viewer) -> QuerySet[OrderNumber]:
    """Return the numbers that are found by less than the whole of them."""
    numbers = OrderNumber.objects.visible_to(viewer)
    if not viewer.can(Right.FINANCE):
        # A line holds its amount: who may not see it finds it by the whole line only.
        return numbers.exclude(kind=NumberKind.BOLETO_LINE)
    return numbers


def _and_longer(
    viewer: Viewer, found: SearchResult, only: NumberKind | None, within: _Within
) -> SearchResult:
    room = max(1, within.limit - len(found.rows))
    rest = replace(within, after=None, limit=room)
    longer = _search_part(viewer, found.recognised, only, "prefix", rest)
    return replace(
        found,
        rows=found.rows + longer.rows,
        next=longer.next,
        count=found.count + longer.count,
        is_counted=found.is_counted and longer.is_counted,
    )


@dataclass(frozen=True, slots=True)
class _Within:
    """Among which orders a search looks, how they are sorted, and which page is asked for."""

    orders: Where
    sorting: Sorting
    after: str | None
    limit: int
    is_narrowed: bool


def _search_exact(
    viewer: Viewer, recognised: Recognised, only: NumberKind | None, within: _Within
) -> SearchResult:
    if not recognised.candidates:
        return SearchResult(recognised, ())
    wanted, values = exact_sql(recognised.candidates, only)
    numbers, _ = visible_sql(viewer, "n")
    hits = f"SELECT n.order_id FROM orders_ordernumber n WHERE {numbers} AND ({wanted})"  # noqa: S608 placeholders only
    sql = f"o.id IN ({hits})"
    if recognised.tax_id and only is None:  # a CNPJ names an establishment: all its orders
        sql += " OR e.tax_id = %(tax_id)s"
    orders = within.orders.and_(sql, tax_id=recognised.tax_id, **values)
    page = _page(orders, viewer, within.sorting, within.after, within.limit, recognised.candidates)
    count = len(page.rows)
    if page.next or within.after:
        count = _count(orders, COUNT_LIMIT)
    return SearchResult(
        recognised,
        page.rows,
        page.next and "e" + page.next,
        "exact",
        min(count, COUNT_LIMIT),
        count <= COUNT_LIMIT,
        previous=page.previous and "e" + page.previous,
    )


def _search_part(
    viewer: Viewer,
    recognised: Recognised,
    only: NumberKind | None,
    how: How,
    within: _Within,
) -> SearchResult:
    shortest = PREFIX_MIN if how == "prefix" else SUFFIX_MIN
    candidates = [c for c in recognised.candidates if len(c.value) >= shortest]
    if not candidates:
        return SearchResult(recognised, ())
    numbers = _findable_by_part(viewer)
    if how == "prefix":
        # Those with the very number stand before, where there are any.
        whole = any_of(Q(value=c.value) & of_kinds(c, only) for c in candidates)
        exact = OrderNumber.objects.visible_to(viewer).filter(whole)
        numbers = numbers.exclude(order_id__in=exact.values("order_id"))
    hits = list(
        hits_of(numbers, candidates, only, how).values_list("order_id", flat=True)[
            : COUNT_LIMIT + 1
        ]
    )
    if not hits:
        return SearchResult(recognised, ())
    ids = set(hits)
    orders = within.orders.and_("o.id = ANY(%(ids)s)", ids=sorted(ids))
    page = _page(orders, viewer, within.sorting, within.after, within.limit, candidates, how)
    count = len(set(hits[:COUNT_LIMIT]))
    if within.is_narrowed:
        count = _count(orders, COUNT_LIMIT)
    return SearchResult(
        recognised,
        page.rows,
        page.next and how[0] + page.next,
        how,
        count,
        len(hits) <= COUNT_LIMIT,
        previous=page.previous and how[0] + page.previous,
    )


def _near_order(viewer: Viewer, recognised: Recognised, only: NumberKind | None) -> OrderRow | None:
    if not recognised.near:
        return None
    kinds = {kind for candidate in recognised.candidates for kind in candidate.kinds or ()}
    kinds &= {only} if only is not None else kinds
    if not viewer.can(Right.FINANCE):
        kinds -= {NumberKind.BOLETO_LINE}  # found by the whole line only, as above
    hits = OrderNumber.objects.visible_to(viewer).filter(value__in=recognised.near, kind__in=kinds)
    ids = list(hits.values_list("order_id", flat=True)[:COUNT_LIMIT])
    if not ids:
        return None
    orders = visible(viewer).and_("o.id = ANY(%(ids)s)", ids=ids)
    candidates = [Candidate(value) for value in recognised.near]
    rows = _page(orders, viewer, _NEWEST_FIRST, None, 1, candidates).rows
    return rows[0] if rows else None


def _decode_stage(after: str | None) -> tuple[How | None, str | None]:
    if not after:
        return None, None
    if after[0] not in _STAGES or len(after) == 1:
        raise InvalidInput("after", "not a page")
    return _STAGES[after[0]], after[1:]


def _page(
    orders: Where,
    viewer: Viewer,
    sorting: Sorting,
    after: str | None,
    limit: int,
    candidates: Sequence[Candidate] = (),
    how: How = "exact",
) -> PageOf[OrderRow]:
    """Read a page, and whether there are others: one row more than it shows says so."""
    start = sorting.decode(after)
    way = sorting.reversed() if start.is_back else sorting
    values = _read(orders, way, start, limit + 1)
    if start.is_back and len(values) <= limit:
        # The beginning: a whole page from there, and not the few that are left before a place.
        return _page(orders, viewer, sorting, None, limit, candidates, how)
    shown = values[:limit][::-1] if start.is_back else values[:limit]
    more = len(values) > limit
    if not shown:
        return PageOf(())
    first, last = (_place_of(sorting, each) for each in (shown[0], shown[-1]))
    has_next, has_previous = (True, more) if start.is_back else (more, start.place is not None)
    return PageOf(
        tuple(order_row(each[2:], viewer, candidates, how) for each in shown),
        sorting.encode(last) if has_next else None,
        sorting.encode(first, is_back=True) if has_previous else None,
    )


def _place_of(sorting: Sorting, values: Sequence[Any]) -> Place:
    fields = ("changed_at", "total_cents", *ROW_FIELDS)
    return sorting.place_of(dict(zip(fields, values, strict=False)))


def _read(
    orders: Where, sorting: Sorting, start: Start, limit: int, select: str = _SELECT_SORTED
) -> list[tuple[Any, ...]]:
    """Read the first orders of a list from a place on, by one statement over its stretches."""
    stretches = sorting.after(start.place)
    params = {**orders.params, "limit": limit}
    for _, _, more in stretches:
        params |= more
    if len(stretches) < 2:
        sql = stretches[0][1] if stretches else "false"
        return fetch(
            f"{select} {FROM} WHERE {orders.sql} AND {sql}"
            f" ORDER BY {sorting.order_by} LIMIT %(limit)s",
            params,
        )
    parts = " UNION ALL ".join(
        f"(SELECT o.id, {turn} AS turn {FROM} WHERE {orders.sql} AND {sql}"
        f" ORDER BY {sorting.order_by} LIMIT %(limit)s)"
        for turn, (_, sql, _) in enumerate(stretches)
    )
    return fetch(
        f"{select} FROM ({parts} LIMIT %(limit)s) p JOIN orders_order o ON o.id = p.id"
        " LEFT JOIN companies_establishment e ON e.id = o.establishment_id"
        f" ORDER BY p.turn, {sorting.order_by}",
        params,
    )


def _count(orders: Where, most: int) -> int:
    """Count orders, one more than `most` at most."""
    some = f"SELECT 1 {FROM} WHERE {orders.sql} LIMIT {most + 1}"
    [(count,)] = fetch(f"SELECT count(*) FROM ({some}) found", orders.params)  # noqa: S608 placeholders only
    return int(count)


def scope_facts(*, viewer: Viewer) -> ScopeFacts:
    """Say in what a search looks: company, establishments, oldest order. One SQL statement."""
    orders = visible(viewer)
    [(public_id, name, establishments, oldest_on)] = fetch(
        f"""SELECT c.public_id, c.name,
            (SELECT json_agg(json_build_array(e.id, e.tax_id, e.name) ORDER BY e.tax_id)
             FROM companies_establishment e WHERE e.company_id = c.id),
            (SELECT o.placed_on FROM orders_order o WHERE {orders.sql}
             ORDER BY o.sorted_at, o.id LIMIT 1)
        FROM companies_company c WHERE c.id = %(company)s""",  # noqa: S608 placeholders only
        orders.params,
    )
    scope = viewer.establishment_ids
    return ScopeFacts(
        company_public_id=public_id,
        company_name=name,
        establishments=tuple(
            EstablishmentRow(tax_id, title)
            for pk, tax_id, title in establishments or ()
            if scope is None or pk in scope
        ),
        is_whole_company=scope is None,
        oldest_on=oldest_on,
    )
