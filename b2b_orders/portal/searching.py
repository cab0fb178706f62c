"""The one box on the server: what was typed, where to look, and what to say of the answer."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.people import Administrator, list_administrators
from b2b_orders.documents.hidden_lines import rows_as_shown
from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.numbers import normalise
from b2b_orders.orders.queries import (
    OrderRow,
    ScopeFacts,
    SearchResult,
    near_orders,
    search,
)
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.list_address import ONLY_IN, AskedList, only_in
from b2b_orders.portal.presenters.box import (
    Suggestion,
    Suggestions,
    kind_items,
    near_items,
    only_words,
    suggestions,
)
from b2b_orders.portal.presenters.lists import anchor_of
from b2b_orders.portal.presenters.search import missing_words, search_words
from b2b_orders.portal.requests import CompanyRequest
from erp_bridge.records import NumberKind

# Before that many letters and digits nothing is looked for while typing.
SHORTEST = 3
SUGGESTED = 8


def find_orders(request: CompanyRequest, asked: AskedList, now: datetime) -> SearchResult:
    """Find what a number leads to.

    A list begins with the exact hits and goes on with longer numbers; a finished text that
    has one exact hit is not a list.
    """
    find = partial(
        search,
        viewer=request.viewer,
        text=asked.typed,
        only=ONLY_IN.get(asked.only_in),
        wanted=asked.wanted,
        limit=asked.page_size,
        now=now,
    )
    widely = bool(request.htmx or asked.after or "listar" in request.GET)
    try:
        found = find(after=asked.after or None, widely=widely)
    except InvalidInput:
        found = find()
    if not widely and found.how == "exact" and len(found.rows) > 1 and not found.next:
        return find(widely=True)
    return found


def only_match(request: CompanyRequest, asked: AskedList, result: SearchResult) -> OrderRow | None:
    """Pick the order to open: the only exact match of a finished text, among all orders."""
    if request.htmx or asked.after or "listar" in request.GET or asked.is_narrowed:
        return None
    return result.rows[0] if result.how == "exact" and len(result.rows) == 1 else None


def address_of(row: OrderRow, to: Addresses, typed: str) -> str:
    """Build the address of an order, at the document whose number was typed."""
    page = to.to("order", {"q": typed}, public_id=row.public_id)
    return page + (anchor_of(row.matched.kind, row.matched.written) if row.matched else "")


def found_context(
    request: CompanyRequest,
    asked: AskedList,
    result: SearchResult,
    facts: ScopeFacts,
    states: tuple[SourceState, ...],
    now: datetime,
) -> dict[str, object]:
    """Build what a page says around the orders that were found, or why there are none."""
    to, only, typed = addresses(request), asked.only_in, asked.typed
    words = search_words(result, typed=typed, to=to)
    context: dict[str, object] = {
        "words": words,
        "kinds": kind_items(result, typed=typed, to=to),
        "suggestions": _while_typing(request, result, typed),
    }
    if not result.rows and not words.problem:
        context["missing"] = missing_words(
            typed,
            facts,
            states,
            now=now,
            only=only_words(only),
            everywhere=to.to("orders", {"q": typed}) if only else "",
            administrators=() if facts.is_whole_company else _administrators(request),
        )
        context["nearly"] = nearly(request, typed, ONLY_IN.get(only))
    return context


def _administrators(request: CompanyRequest) -> tuple[Administrator, ...]:
    return () if request.viewer.is_staff else list_administrators(viewer=request.viewer)


def nearly(
    request: CompanyRequest, typed: str, only: NumberKind | None = None
) -> tuple[Suggestion, ...]:
    """List orders whose number is one slip away, for when there is none with this one."""
    rows = near_orders(viewer=request.viewer, text=typed, only=only)
    return near_items(rows, typed=typed, to=addresses(request))


def suggest(request: CompanyRequest, typed: str) -> Suggestions:
    """Build what comes while typing."""
    only = only_in(request.GET)
    if len(normalise(typed)) < SHORTEST:
        return suggestions(None, (), typed=typed, only=only, to=addresses(request))
    result = search(
        viewer=request.viewer,
        text=typed,
        only=ONLY_IN.get(only),
        limit=SUGGESTED,
        widely=True,
    )
    return _while_typing(request, result, typed)


def _while_typing(request: CompanyRequest, result: SearchResult, typed: str) -> Suggestions:
    rows = rows_as_shown(viewer=request.viewer, rows=result.rows[:SUGGESTED])
    return suggestions(result, rows, typed=typed, only=only_in(request.GET), to=addresses(request))
