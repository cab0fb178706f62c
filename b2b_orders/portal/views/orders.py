"""Finding orders."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Right
from b2b_orders.documents.hidden_lines import rows_as_shown
from b2b_orders.documents.queries import count_documents
from b2b_orders.ingest.queries import SourceState, list_source_states
from b2b_orders.orders.queries import (
    OrderRow,
    SearchResult,
    list_orders,
    scope_facts,
)
from b2b_orders.orders.queries import search as search_orders
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.presenters.lists import OrderItem, anchor_of, order_items
from b2b_orders.portal.presenters.search import (
    missing_words,
    no_orders_words,
    search_words,
    too_long_words,
)
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text
from erp_bridge.records import NumberKind

PAGE = 20


@require_safe
@company_page
def orders(request: CompanyRequest) -> HttpResponseBase:
    """Show the latest orders, or what a number leads to; one exact match opens at once."""
    now, to = clock.now(), addresses(request)
    typed = typed_text(request.GET)
    states = list_source_states()
    context: dict[str, object] = {
        "typed": typed,
        "here": to.to("orders"),
        "lookup_url": to.to("ask"),
        "sources": source_lines(states, now=now),
        "shows_totals": request.viewer.can(Right.PRICES),
    }
    if typed.strip():
        result = _search(request, typed)
        if result.recognised.shape == "too_long":
            context["error"] = too_long_words()
        elif (only := _only_match(request, result)) is not None:
            return redirect(_address_of(only, to, typed))
        else:
            context |= _found(request, result, typed, states, now)
    else:
        context |= _latest(request)
    return _list_response(request, context)


def _search(request: CompanyRequest, typed: str) -> SearchResult:
    after = request.GET.get("after") or None
    try:
        return search_orders(viewer=request.viewer, text=typed, after=after)
    except InvalidInput:
        return search_orders(viewer=request.viewer, text=typed)


def _only_match(request: CompanyRequest, result: SearchResult) -> OrderRow | None:
    """Pick the order to open: the only exact match of a finished text."""
    if request.htmx or request.GET.get("after") or "listar" in request.GET:
        return None
    return result.rows[0] if result.how == "exact" and len(result.rows) == 1 else None


def _address_of(row: OrderRow, to: Addresses, typed: str) -> str:
    page = to.to("order", {"q": typed}, public_id=row.public_id)
    return page + (anchor_of(row.matched.kind, row.matched.written) if row.matched else "")


def _found(
    request: CompanyRequest,
    result: SearchResult,
    typed: str,
    states: tuple[SourceState, ...],
    now: datetime,
) -> dict[str, object]:
    to = addresses(request)
    words = search_words(result, typed=typed, to=to)
    context: dict[str, object] = {"words": words, "items": _items(request, result.rows, typed)}
    if result.next:
        context["older"] = to.to("orders", {"q": typed, "after": result.next})
    if not result.rows and not words.problem:
        facts = scope_facts(viewer=request.viewer)
        context["missing"] = missing_words(typed, facts, states, now=now)
    return context


def _latest(request: CompanyRequest) -> dict[str, object]:
    to, after = addresses(request), request.GET.get("after") or None
    try:
        page = list_orders(viewer=request.viewer, after=after, limit=PAGE)
    except InvalidInput:
        after, page = None, list_orders(viewer=request.viewer, limit=PAGE)
    context: dict[str, object] = {
        "items": _items(request, page.rows),
        "count": _("Older orders, newest first") if after else _("Latest orders"),
        "older": to.to("orders", {"after": page.next}) if page.next else "",
        "newest": to.to("orders") if after else "",
    }
    if not page.rows and not after:
        context["blank"] = no_orders_words(scope_facts(viewer=request.viewer))
    return context


def _items(
    request: CompanyRequest, rows: tuple[OrderRow, ...], typed: str = ""
) -> tuple[OrderItem, ...]:
    if any(row.matched and row.matched.kind is NumberKind.BOLETO_LINE for row in rows):
        rows = rows_as_shown(viewer=request.viewer, rows=rows)
    counts = count_documents(viewer=request.viewer, order_ids=[row.id for row in rows])
    return order_items(rows, to=addresses(request), typed=typed, documents=counts)


def _list_response(request: CompanyRequest, context: dict[str, object]) -> HttpResponse:
    if request.htmx:
        context["is_fragment"] = True
        response = render(request, "portal/orders/_results.html", context)
    else:
        response = render(request, "portal/orders/list.html", context)
    patch_vary_headers(response, ("HX-Request",))
    return response
