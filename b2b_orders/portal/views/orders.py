"""Finding orders, and one order's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import Right
from b2b_orders.documents.accesses import list_order_accesses
from b2b_orders.documents.hidden_lines import order_as_shown, rows_as_shown
from b2b_orders.documents.queries import count_documents, list_documents
from b2b_orders.ingest.lookups import LookupView, get_lookup, request_refresh
from b2b_orders.ingest.queries import SourceState, list_source_states
from b2b_orders.orders.queries import (
    OrderDetail,
    OrderRow,
    SearchResult,
    get_order,
    list_orders,
    scope_facts,
)
from b2b_orders.orders.queries import search as search_orders
from b2b_orders.orders.questions import list_questions
from b2b_orders.orders.seen import note_first_seen
from b2b_orders.orders.trouble import trouble_view
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.presenters.access_record import access_items
from b2b_orders.portal.presenters.documents import invoice_groups
from b2b_orders.portal.presenters.lists import OrderItem, anchor_of, order_items
from b2b_orders.portal.presenters.order import FIRST_LINES, order_page
from b2b_orders.portal.presenters.payments import title_links
from b2b_orders.portal.presenters.questions import (
    Answering,
    questions_for_staff,
    with_questions,
)
from b2b_orders.portal.presenters.search import (
    missing_words,
    no_orders_words,
    search_words,
    too_long_words,
)
from b2b_orders.portal.presenters.sources import is_old, order_states, source_lines
from b2b_orders.portal.presenters.taking import all_files
from b2b_orders.portal.presenters.trouble import rereading, trouble_page
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text
from b2b_orders.portal.views.branches import board_link
from b2b_orders.portal.views.order_extras import about_numbers, for_staff
from erp_bridge.records import NumberKind

PAGE = 20


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that went wrong with what was just asked."""

    heading: str
    text: str
    retry: str = ""


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
        "branches_url": "" if request.htmx else board_link(request),
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


@require_safe
@company_page
def order(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show one order, and record that it was opened."""
    return show_order(request, public_id)


def show_order(
    request: CompanyRequest,
    public_id: UUID,
    *,
    failure: tuple[UUID, str] | None = None,
    alert: Alert | None = None,
    answering: Answering | None = None,
    status: int = 200,
) -> HttpResponse:
    """Build the order's page, also when one of its documents could not be handed out.

    `answering` is an answer to a question that could not be taken.
    """
    now, to, viewer = clock.now(), addresses(request), request.viewer
    typed = typed_text(request.GET)
    limit = None if request.GET.get("items") == "all" else FIRST_LINES
    detail = get_order(viewer=viewer, public_id=public_id, line_limit=limit)
    detail = order_as_shown(viewer=viewer, detail=detail)
    order_id = detail.row.public_id
    documents = list_documents(viewer=viewer, order_id=detail.row.id)
    states = order_states(detail.sources, list_source_states())
    groups = invoice_groups(
        detail.invoices,
        documents,
        order=order_id,
        to=to,
        now=now,
        failure=failure,
        is_down=any(state.state == "down" for state in states),
        can_watch=not viewer.is_staff,
    )
    page = order_page(
        detail,
        viewer=viewer,
        typed=typed,
        sources=source_lines(states, now=now),
        groups=groups,
        payments=title_links(detail.titles, documents, order=order_id, to=to),
        now=now,
    )
    asked = list_questions(viewer=viewer, order_id=detail.row.id)
    # Before this opening is one of them.
    for_members = _for_members(request, detail, now)
    if alert is None and answering is None:
        _record_opening(request, detail.row, now)
    context = {
        "page": with_questions(page, asked),
        "questions": questions_for_staff(
            asked, documents, viewer=viewer, order=order_id, to=to, now=now, answering=answering
        ),
        "typed": typed,
        "back": to.to("orders", {"q": typed, "listar": "1"} if typed else {}),
        "all_url": to.to("order", {"q": typed, "items": "all"}, public_id=public_id) + "#items",
        "print_url": to.to("order", {"items": "all", "print": "1"}, public_id=public_id),
        "print_now": "print" in request.GET,
        "alert": alert,
        "shows_documents": viewer.can(Right.DOCUMENTS),
        "all_files": all_files(documents, order=order_id, to=to),
        "trouble": to.to("trouble", public_id=order_id) if viewer.is_staff else "",
        "refresh": to.to("refresh", public_id=public_id),
        "is_old": alert is None and "print" not in request.GET and is_old(states, now=now),
        **_refreshing(request, public_id, _asked_again(request)),
        **for_members,
        **about_numbers(request, detail, now),
        **for_staff(request, detail, states, now),
    }
    return render(request, "portal/orders/detail.html", context, status=status)


def _for_members(request: CompanyRequest, detail: OrderDetail, now: datetime) -> dict[str, object]:
    """Offer to ask, and say who opened the order, to whom each is for."""
    viewer, to = request.viewer, addresses(request)
    accesses = list_order_accesses(viewer=viewer, order_id=detail.row.id)
    ask = to.to("ask-question", public_id=detail.row.public_id)
    return {
        "ask": "" if viewer.is_staff else ask,
        "accesses": access_items(accesses, to=to, now=now),
        "accesses_url": to.to("access-record", {"pedido": detail.row.title}) if accesses else "",
    }


def _record_opening(request: CompanyRequest, row: OrderRow, now: datetime) -> None:
    viewer = request.viewer
    record(
        Action.ORDER_VIEWED,
        actor=request.actor,
        company_id=viewer.company_id,
        object_kind="order",
        object_id=str(row.public_id),
        now=now,
    )
    note_first_seen(viewer=viewer, order_id=row.id, now=now)


@require_safe
@company_page
def trouble(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show staff both sources' records of an order side by side, and which rule won."""
    now, to = clock.now(), addresses(request)
    if not request.viewer.is_staff:
        raise NotVisible
    asked = _asked_again(request)
    if request.htmx and asked:
        if asked.state == "waiting":
            return HttpResponse(status=204)
        query = {"lookup": str(asked.public_id)}
        return HttpResponseClientRedirect(to.to("trouble", query, public_id=public_id))
    view = trouble_view(viewer=request.viewer, order_public_id=public_id)
    record(
        Action.ORDER_VIEWED,
        actor=request.actor,
        company_id=request.viewer.company_id,
        object_kind="order",
        object_id=str(view.order_public_id),
        detail={"how": "side by side"},
        now=now,
    )
    states = list_source_states()
    context = {
        "page": trouble_page(view, states, now=now),
        "sources": source_lines(states, now=now),
        "back": to.to("order", public_id=view.order_public_id),
        "refresh": to.to("refresh", public_id=view.order_public_id),
        "asked": rereading(asked.state) if asked else None,
        "poll": request.get_full_path(),
    }
    return render(request, "portal/orders/trouble.html", context)


def _asked_again(request: CompanyRequest) -> LookupView | None:
    """Find the look-up that reads the order again, if the address names one."""
    try:
        return get_lookup(viewer=request.viewer, public_id=UUID(request.GET.get("lookup", "")))
    except (ValueError, NotVisible):
        return None


@require_POST
@company_page
def refresh(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Ask the sources for this order again; the page shows how far that is."""
    asked = request_refresh(viewer=request.viewer, order_public_id=public_id, now=clock.now())
    query = {"lookup": str(asked.public_id)}
    if request.htmx:
        # An old order asks by itself; nothing but its line about ages moves.
        return _freshness_line(request, public_id, asked)
    if request.POST.get("from") == "trouble":
        return redirect(addresses(request).to("trouble", query, public_id=public_id))
    return redirect(addresses(request).to("order", query, public_id=public_id))


@require_safe
@company_page
def freshness(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show the freshness line alone, while the sources are asked."""
    if not request.htmx:
        query = {"lookup": request.GET.get("lookup", "")}
        return redirect(addresses(request).to("order", query, public_id=public_id))
    return _freshness_line(request, public_id, _asked_again(request))


def _freshness_line(
    request: CompanyRequest, public_id: UUID, asked: LookupView | None
) -> HttpResponse:
    now, to = clock.now(), addresses(request)
    detail = get_order(viewer=request.viewer, public_id=public_id, line_limit=0)
    states = order_states(detail.sources, list_source_states())
    context = {
        "sources": source_lines(states, now=now),
        "refresh": to.to("refresh", public_id=public_id),
        **_refreshing(request, public_id, asked),
    }
    return render(request, "components/_freshness.html", context)


def _refreshing(
    request: CompanyRequest, public_id: UUID, asked: LookupView | None
) -> dict[str, str]:
    """Say whether the sources are being asked for this order, or have just answered."""
    to = addresses(request)
    if asked is None:
        return {}
    if asked.state == "waiting":
        query = {"lookup": str(asked.public_id)}
        return {"refreshing": to.to("freshness", query, public_id=public_id)}
    # The page itself was built after the answer; only a line swapped into it is newer.
    is_newer = request.htmx and asked.has_news
    return {"changed": to.to("order", public_id=public_id)} if is_newer else {}
