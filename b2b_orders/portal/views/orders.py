"""Finding orders, and one order's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
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
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.columns import list_further
from b2b_orders.orders.queries import (
    Counted,
    OrderDetail,
    OrderRow,
    count_orders,
    get_order,
    list_orders,
    scope_facts,
)
from b2b_orders.orders.questions import list_questions
from b2b_orders.orders.seen import note_first_seen
from b2b_orders.orders.trouble import trouble_view
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.list_address import AskedList
from b2b_orders.portal.presenters.access_record import access_items
from b2b_orders.portal.presenters.box import only_items
from b2b_orders.portal.presenters.documents import invoice_groups
from b2b_orders.portal.presenters.lists import OrderItem, order_items
from b2b_orders.portal.presenters.order import FIRST_LINES, order_page
from b2b_orders.portal.presenters.payments import title_links
from b2b_orders.portal.presenters.questions import (
    Answering,
    questions_for_staff,
    with_questions,
)
from b2b_orders.portal.presenters.search import (
    no_orders_words,
    too_long_words,
)
from b2b_orders.portal.presenters.sources import is_old, order_states, source_lines
from b2b_orders.portal.presenters.taking import all_files
from b2b_orders.portal.presenters.trouble import rereading, trouble_page
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text
from b2b_orders.portal.searching import (
    address_of,
    find_orders,
    found_context,
    only_match,
)
from b2b_orders.portal.views.list_tools import ShownList, list_tools, shown_list
from b2b_orders.portal.views.order_extras import about_numbers, for_staff, from_list
from b2b_orders.portal.views.order_list import (
    around,
    counted_words,
    list_response,
    pages,
    problem_response,
    read_list,
)
from erp_bridge.records import NumberKind


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
    shown = shown_list(request, request.GET)
    if shown.leads_to:
        return redirect(shown.leads_to)
    asked = read_list(request)
    if asked.problems and request.htmx:
        return problem_response(request, asked)
    states = list_source_states()
    context: dict[str, object] = {
        "typed": asked.typed,
        "here": to.to("orders"),
        "only_items": only_items(asked.only_in),
        "lookup_url": to.to("ask"),
        "sources": source_lines(states, now=now),
    }
    counted = None
    if asked.typed.strip():
        result = find_orders(request, asked, now)
        if result.recognised.shape == "too_long":
            context["error"] = too_long_words()
        elif (only := only_match(request, asked, result)) is not None:
            return redirect(address_of(only, to, asked.typed))
        else:
            counted = Counted(result.count, result.is_counted)
            context |= found_context(request, asked, result, states, now)
            context |= pages(asked, result.next, result.previous)
            context["items"] = _items(request, asked, shown, result.rows)
    else:
        counted = count_orders(viewer=request.viewer, wanted=asked.wanted, now=now)
        context |= _latest(request, asked, shown, counted, now)
    frame = around(request, asked, counted, now=now)
    sorts = {name: (link.url, link.aria) for name, link in frame["sorts"].items()}
    context |= frame
    context |= list_tools(request, shown, sorts=sorts, total=_total(counted))
    return list_response(request, asked, context)


def _total(counted: Counted | None) -> int | None:
    """Say how many orders a file would have; one more than can be counted says "more"."""
    if counted is None:
        return None
    return counted.count if counted.is_exact else counted.count + 1


def _latest(
    request: CompanyRequest, asked: AskedList, shown: ShownList, counted: Counted, now: datetime
) -> dict[str, object]:
    ask = partial(
        list_orders, viewer=request.viewer, wanted=asked.wanted, limit=asked.page_size, now=now
    )
    try:
        page = ask(after=asked.after or None)
    except InvalidInput:
        page = ask()
    context: dict[str, object] = {
        "items": _items(request, asked, shown, page.rows),
        "count": counted_words(asked, counted),
        **pages(asked, page.next, page.previous),
    }
    if not page.rows and not asked.is_narrowed:
        context["blank"] = no_orders_words(scope_facts(viewer=request.viewer))
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
        **from_list(request, detail.row, now),
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
