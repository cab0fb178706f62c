"""One order: its parts at addresses of their own, and the whole of it to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.documents.accesses import list_order_accesses
from b2b_orders.documents.hidden_lines import order_as_shown
from b2b_orders.documents.queries import DocumentRow, count_documents, list_documents
from b2b_orders.ingest.queries import SourceState, list_source_states
from b2b_orders.orders.added import list_added
from b2b_orders.orders.promises import Promise, promises_of
from b2b_orders.orders.queries import (
    PARTS,
    OrderDetail,
    OrderRow,
    count_lines,
    get_order,
    list_lines,
)
from b2b_orders.orders.questions import QuestionRow, list_questions
from b2b_orders.orders.seen import note_first_seen
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.list_address import came_from
from b2b_orders.portal.presenters.access_record import access_items
from b2b_orders.portal.presenters.documents import InvoiceGroup, invoice_groups
from b2b_orders.portal.presenters.order import order_page
from b2b_orders.portal.presenters.order_head import tab_url, tabs
from b2b_orders.portal.presenters.order_items import (
    FIRST_LINES,
    LONGEST_SEARCH,
    ItemsPart,
    is_delivery,
    items_part,
)
from b2b_orders.portal.presenters.order_timeline import Timeline, Told, latest, timeline
from b2b_orders.portal.presenters.payments import title_links
from b2b_orders.portal.presenters.questions import Answering, questions_for_staff
from b2b_orders.portal.presenters.sources import is_old, order_states, source_lines
from b2b_orders.portal.presenters.taking import all_files
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text
from b2b_orders.portal.views.notices import follow_panel
from b2b_orders.portal.views.order_extras import about_numbers, for_staff, from_list
from b2b_orders.portal.views.order_sources import asked_again, page_mark, refreshing

PRINT = "print"
_HEAD = frozenset({"invoices", "titles", "events"})
# What each part reads of the order beside its head; documents and questions are asked apart.
_READS: Mapping[str, frozenset[str]] = {
    "summary": _HEAD,
    "items": _HEAD,
    "documents": _HEAD,
    "finance": _HEAD,
    "history": _HEAD,
    PRINT: PARTS,
}
_WITH_DOCUMENTS = frozenset({"summary", "documents", "finance", "history", PRINT})
_WITH_QUESTIONS = frozenset({"summary", "history", PRINT})
# So many happenings stand on the summary, and so many accesses on the timeline.
_LATEST, _ACCESSES = 5, 100


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that went wrong with what was just asked."""

    heading: str
    text: str
    retry: str = ""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was read of an order for one of its parts."""

    part: str
    detail: OrderDetail
    documents: tuple[DocumentRow, ...]
    states: tuple[SourceState, ...]
    promises: tuple[Promise, ...]
    questions: tuple[QuestionRow, ...]
    groups: tuple[InvoiceGroup, ...]
    typed: str
    now: datetime


@require_safe
@company_page
def page(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show what an order comes to and its documents, or the whole of it to print."""
    return show_order(request, public_id, part=PRINT if PRINT in request.GET else "summary")


@require_safe
@company_page
def items(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show the items of an order, or some more of them."""
    if request.htmx and "parte" in request.GET:
        return _more_items(request, public_id)
    return show_order(request, public_id, part="items")


@require_safe
@company_page
def documents(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show the documents of an order."""
    _require(request.viewer, Right.DOCUMENTS)
    return show_order(request, public_id, part="documents")


@require_safe
@company_page
def finance(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show what is due for an order."""
    _require(request.viewer, Right.FINANCE)
    return show_order(request, public_id, part="finance")


@require_safe
@company_page
def history(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show everything that happened to an order."""
    return show_order(request, public_id, part="history")


def _require(viewer: Viewer, right: Right) -> None:
    if not viewer.can(right):
        raise NotVisible


def show_order(
    request: CompanyRequest,
    public_id: UUID,
    *,
    part: str = "summary",
    failure: tuple[UUID, str] | None = None,
    alert: Alert | None = None,
    answering: Answering | None = None,
    status: int = 200,
) -> HttpResponse:
    """Build a part of an order's page, also when a document could not be handed out.

    `answering` is an answer to a question that could not be taken.
    """
    shown = _read(request, public_id, part, failure)
    is_first = alert is None and answering is None
    context = _context(request, shown, answering) | {"alert": alert}
    # Its accesses are read before this opening is one of them.
    context |= _PARTS[part](request, shown)
    if is_first:
        _record_opening(request, shown.detail.row, shown.now)
    is_whole = not request.htmx or request.htmx.history_restore_request or not is_first
    template = "detail.html" if is_whole else "_part.html"
    response = render(request, f"portal/orders/{template}", context, status=status)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _read(
    request: CompanyRequest, public_id: UUID, part: str, failure: tuple[UUID, str] | None
) -> _Shown:
    now, viewer = clock.now(), request.viewer
    detail = get_order(viewer=viewer, public_id=public_id, parts=_READS[part])
    detail = order_as_shown(viewer=viewer, detail=detail)
    order_id = detail.row.id
    files = list_documents(viewer=viewer, order_id=order_id) if part in _WITH_DOCUMENTS else ()
    states = order_states(detail.sources, list_source_states())
    groups = invoice_groups(
        detail.invoices,
        files,
        order=detail.row.public_id,
        to=addresses(request),
        now=now,
        failure=failure,
        is_down=any(state.state == "down" for state in states),
        can_watch=not viewer.is_staff,
    )
    return _Shown(
        part=part,
        detail=detail,
        documents=files,
        states=states,
        promises=promises_of(viewer=viewer, order_id=order_id),
        questions=list_questions(viewer=viewer, order_id=order_id)
        if part in _WITH_QUESTIONS
        else (),
        groups=groups,
        typed=typed_text(request.GET),
        now=now,
    )


def _context(
    request: CompanyRequest, shown: _Shown, answering: Answering | None
) -> dict[str, object]:
    """Build what every part of an order shows above and beside itself."""
    to, viewer, detail, now = addresses(request), request.viewer, shown.detail, shown.now
    order_id, typed = detail.row.public_id, shown.typed
    is_print = shown.part == PRINT
    return {
        "page": order_page(
            detail,
            viewer=viewer,
            typed=typed,
            sources=source_lines(shown.states, now=now),
            groups=shown.groups,
            payments=title_links(detail.titles, shown.documents, order=order_id, to=to),
            promises=shown.promises,
            now=now,
        ),
        "part": shown.part,
        "tabs": tabs(
            shown.part,
            _counts(viewer, shown),
            order=order_id,
            to=to,
            came_from=came_from(request.GET),
        ),
        "questions": questions_for_staff(
            shown.questions,
            shown.documents,
            viewer=viewer,
            order=order_id,
            to=to,
            now=now,
            answering=answering,
        )
        if shown.part == "summary"
        else (),
        "typed": typed,
        **from_list(request, detail.row, now),
        "follow": follow_panel(request, order_id=detail.row.id, public_id=order_id),
        "print_url": to.to("order", {"print": "1"}, public_id=order_id),
        "print_now": is_print,
        "printed_at": formats.full_moment(now) if is_print else "",
        "shows_documents": viewer.can(Right.DOCUMENTS),
        "all_files": all_files(shown.documents, order=order_id, to=to),
        "store": settings.PORTAL_STORE_URL,
        "ask": "" if viewer.is_staff else to.to("ask-question", public_id=order_id),
        "trouble": to.to("trouble", public_id=order_id) if viewer.is_staff else "",
        "refresh": to.to("refresh", public_id=order_id),
        "is_old": not is_print and is_old(shown.states, now=now),
        **page_mark(request, detail, "summary" if is_print else shown.part),
        **refreshing(request, detail.row.public_id, asked_again(request), shown.part),
        **about_numbers(request, detail, now),
        **for_staff(request, detail, shown.states, now),
    }


def _counts(viewer: Viewer, shown: _Shown) -> dict[str, str | None]:
    """Count what the parts hold; None hides one from who has no right to it."""
    row = shown.detail.row
    counted = count_documents(viewer=viewer, order_ids=[row.id]).get(row.id, (0, 0))
    files = f"{counted[0]}/{counted[1]}" if counted[1] else ""
    titles = len(shown.detail.titles)
    return {
        "items": formats.count(row.line_count) if row.line_count else "",
        "documents": files if viewer.can(Right.DOCUMENTS) else None,
        "finance": (formats.count(titles) if titles else "") if viewer.can(Right.FINANCE) else None,
    }


# --- the parts ------------------------------------------------------------------------------


def _summary_part(request: CompanyRequest, shown: _Shown) -> dict[str, object]:
    to, order_id = addresses(request), shown.detail.row.public_id
    told = Told(shown.questions, shown.documents, shown.promises)
    return {
        "timeline": latest(shown.detail, told, to=to, now=shown.now, most=_LATEST),
        "history_url": tab_url("history", order=order_id, to=to, came_from=came_from(request.GET)),
        **_accesses(request, shown, most=5),
    }


def _accesses(request: CompanyRequest, shown: _Shown, *, most: int) -> dict[str, object]:
    to, row = addresses(request), shown.detail.row
    found = list_order_accesses(viewer=request.viewer, order_id=row.id, limit=most)
    return {
        "accesses": access_items(found, to=to, now=shown.now),
        "accesses_url": to.to("access-record", {"pedido": row.title}) if found else "",
    }


def _items_part(request: CompanyRequest, shown: _Shown) -> dict[str, object]:
    delivered = [invoice for invoice in shown.detail.invoices if is_delivery(invoice)]
    deliveries = invoice_groups(
        delivered, (), order=shown.detail.row.public_id, to=addresses(request), now=shown.now
    )
    return {"items": _found_items(request, shown.detail, shown.typed, deliveries)}


def _more_items(request: CompanyRequest, public_id: UUID) -> HttpResponse:
    """Show more items below those that are there, or those that a text finds."""
    detail = get_order(viewer=request.viewer, public_id=public_id, parts=())
    context = {"items": _found_items(request, detail, typed_text(request.GET)), "is_fragment": True}
    template = "_item_rows.html" if request.GET["parte"] == "mais" else "_item_list.html"
    response = render(request, f"portal/orders/{template}", context)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _found_items(
    request: CompanyRequest,
    detail: OrderDetail,
    typed: str,
    deliveries: tuple[InvoiceGroup, ...] = (),
) -> ItemsPart:
    viewer, order_id = request.viewer, detail.row.id
    search = without_nul(request.GET.get("item", "")).strip()[:LONGEST_SEARCH]
    after = _position(request.GET.get("depois", ""))
    counted = count_lines(viewer=viewer, order_id=order_id, text=search)
    lines = list_lines(
        viewer=viewer,
        order_id=order_id,
        after_position=after,
        limit=FIRST_LINES + 1,
        text=search,
    )
    return items_part(
        lines,
        order=detail.row.public_id,
        to=addresses(request),
        typed=typed,
        currency=detail.currency,
        filled=counted.filled,
        count=counted.count,
        all_count=counted.all_count,
        search=search,
        after=after,
        deliveries=deliveries,
    )


def _position(written: str) -> int | None:
    """Read after which item the next ones are asked for; what is no position begins anew."""
    is_position = written.isascii() and written.isdecimal() and len(written) < 9
    return int(written) if is_position else None


def _documents_part(_request: CompanyRequest, _shown: _Shown) -> dict[str, object]:
    return {}


def _history_part(request: CompanyRequest, shown: _Shown) -> dict[str, object]:
    return {"timeline": _whole_timeline(request, shown, only=request.GET.get("tipo", ""))}


def _whole_timeline(request: CompanyRequest, shown: _Shown, *, only: str = "") -> Timeline:
    viewer, order_id = request.viewer, shown.detail.row.id
    told = Told(
        questions=shown.questions,
        documents=shown.documents,
        promises=shown.promises,
        numbers=list_added(viewer=viewer, order_id=order_id),
        accesses=list_order_accesses(viewer=viewer, order_id=order_id, limit=_ACCESSES),
    )
    return timeline(
        shown.detail, told, only=only, to=addresses(request), now=shown.now, typed=shown.typed
    )


def _print_part(request: CompanyRequest, shown: _Shown) -> dict[str, object]:
    detail = shown.detail
    counted = count_lines(viewer=request.viewer, order_id=detail.row.id)
    items_of_it = items_part(
        detail.lines,
        order=detail.row.public_id,
        to=Addresses(),
        typed="",
        currency=detail.currency,
        filled=counted.filled,
        count=counted.count,
        all_count=counted.all_count,
        limit=None,
    )
    told = Told(shown.questions, shown.documents, shown.promises)
    whole = timeline(detail, told, to=addresses(request), now=shown.now)
    return {"items": items_of_it, "timeline": whole}


_PARTS: Mapping[str, Any] = {
    "summary": _summary_part,
    "items": _items_part,
    "documents": _documents_part,
    "finance": _documents_part,
    "history": _history_part,
    PRINT: _print_part,
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
