"""Finding orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.documents.hidden_lines import rows_as_shown
from b2b_orders.documents.queries import count_documents
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.chips import count_list
from b2b_orders.orders.columns import list_further
from b2b_orders.orders.filtering import Only
from b2b_orders.orders.queries import (
    Counted,
    OrderRow,
    ScopeFacts,
    SearchResult,
    list_orders,
    scope_facts,
)
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.list_address import AskedList, read_address
from b2b_orders.portal.markup import order_rows
from b2b_orders.portal.presenters.box import only_items
from b2b_orders.portal.presenters.list_filter import CHIPS
from b2b_orders.portal.presenters.lists import OrderItem, order_items
from b2b_orders.portal.presenters.search import (
    no_orders_words,
    seen_words,
    too_long_words,
)
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.searching import (
    address_of,
    find_orders,
    found_context,
    only_match,
)
from b2b_orders.portal.views.branches import board_link
from b2b_orders.portal.views.list_tools import ShownList, list_tools, shown_list
from b2b_orders.portal.views.notices import list_follow_panel
from b2b_orders.portal.views.order_list import (
    around,
    counted_words,
    list_response,
    pages,
    problem_response,
    read_list,
)
from erp_bridge.records import NumberKind


@require_safe
@company_page
def orders(request: CompanyRequest) -> HttpResponseBase:
    """Show the latest orders, or what a number leads to; one exact match opens at once."""
    now, to = clock.now(), addresses(request)
    quick = read_address(request.GET, viewer=request.viewer, base=to.to("orders"))
    result = find_orders(request, quick, now) if quick.typed.strip() else None
    only = only_match(request, quick, result) if result else None
    # Most searches end here: before it nothing is read that a page alone shows.
    if only is not None and "visao" not in request.GET:
        return redirect(address_of(only, to, quick.typed))
    shown = shown_list(request, request.GET)
    if shown.leads_to:
        return redirect(shown.leads_to)
    if only is not None:
        return redirect(address_of(only, to, quick.typed))
    asked = read_list(request, usual_size=shown.page_size, now=now)
    if asked.problems and request.htmx:
        return problem_response(request, asked)
    if result is not None and asked.page_size != quick.page_size:
        result = find_orders(request, asked, now)
    return list_response(request, asked, _context(request, asked, shown, result, now))


def _context(
    request: CompanyRequest,
    asked: AskedList,
    shown: ShownList,
    result: SearchResult | None,
    now: datetime,
) -> dict[str, object]:
    viewer, to = request.viewer, addresses(request)
    states, facts = list_source_states(), scope_facts(viewer=viewer)
    context: dict[str, object] = {
        "typed": asked.typed,
        "here": to.to("orders"),
        "only_items": only_items(asked.only_in),
        "lookup_url": to.to("ask"),
        "sources": source_lines(states, now=now),
        "branches_url": board_link(request, facts),
        "seen": seen_words(facts),
    }
    counted: Counted | None = None
    chips: Mapping[Only, Counted] = {}
    if result is None:
        counted, chips = count_list(viewer=viewer, wanted=asked.wanted, chips=CHIPS, now=now)
        context |= _latest(request, asked, shown, counted, facts, now)
        context["follow_list"] = list_follow_panel(request, asked.wanted)
    elif result.recognised.shape == "too_long":
        context["error"] = too_long_words()
    else:
        counted = Counted(result.count, result.is_counted)
        context |= found_context(request, asked, result, facts, states, now)
        context |= pages(asked, result.next, result.previous)
        context["rows"] = order_rows(_items(request, asked, shown, result.rows))
    frame = around(request, asked, counted, facts=facts, chips=chips, now=now)
    sorts = {name: (link.url, link.aria) for name, link in frame["sorts"].items()}
    tools = list_tools(request, shown, asked.pairs(), sorts=sorts, total=_total(counted))
    return context | frame | tools


def _total(counted: Counted | None) -> int | None:
    """Say how many orders a file would have; one more than can be counted says "more"."""
    if counted is None:
        return None
    return counted.count if counted.is_exact else counted.count + 1


def _latest(
    request: CompanyRequest,
    asked: AskedList,
    shown: ShownList,
    counted: Counted,
    facts: ScopeFacts,
    now: datetime,
) -> dict[str, object]:
    ask = partial(
        list_orders, viewer=request.viewer, wanted=asked.wanted, limit=asked.page_size, now=now
    )
    try:
        page = ask(after=asked.after or None)
    except InvalidInput:
        page = ask()
    context: dict[str, object] = {
        "rows": order_rows(_items(request, asked, shown, page.rows)),
        "count": counted_words(asked, counted),
        **pages(asked, page.next, page.previous),
    }
    if not page.rows and not asked.is_narrowed:
        context["blank"] = no_orders_words(facts)
    return context


def _items(
    request: CompanyRequest, asked: AskedList, shown: ShownList, rows: tuple[OrderRow, ...]
) -> tuple[OrderItem, ...]:
    if any(row.matched and row.matched.kind is NumberKind.BOLETO_LINE for row in rows):
        rows = rows_as_shown(viewer=request.viewer, rows=rows)
    ids = [row.id for row in rows]
    return order_items(
        rows,
        to=addresses(request),
        typed=asked.typed,
        documents=count_documents(viewer=request.viewer, order_ids=ids),
        came_from=asked.wanted.pairs(),
        columns=shown.columns,
        further=list_further(viewer=request.viewer, order_ids=ids, columns=shown.columns),
        now=clock.now(),
    )
