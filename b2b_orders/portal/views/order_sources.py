"""Asking an order's sources again, how old its data is, and both sources side by side."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.documents.marks import order_mark
from b2b_orders.ingest.lookups import LookupView, get_lookup, request_refresh
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.queries import OrderDetail, get_order
from b2b_orders.orders.trouble import trouble_view
from b2b_orders.portal import words
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.list_address import came_from
from b2b_orders.portal.presenters.order_head import TABS, tab_url
from b2b_orders.portal.presenters.sources import SourceLine, order_states, source_lines
from b2b_orders.portal.presenters.trouble import rereading, trouble_page
from b2b_orders.portal.requests import CompanyRequest, company_page


@require_safe
@company_page
def trouble(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show staff both sources' records of an order side by side, and which rule won."""
    now, to = clock.now(), addresses(request)
    if not request.viewer.is_staff:
        raise NotVisible
    asked = asked_again(request)
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


def asked_again(request: CompanyRequest) -> LookupView | None:
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
        return _freshness_line(request, _head(request, public_id), asked)
    if request.POST.get("from") == "trouble":
        return redirect(addresses(request).to("trouble", query, public_id=public_id))
    return redirect(addresses(request).to("order", query, public_id=public_id))


@require_safe
@company_page
def freshness(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show the line of ages alone: while the sources are asked, and while the page is open.

    An open page says what it shows (`visto`) and is told when that has changed; it is not
    changed under the reader's eyes. Where nothing has, the answer is empty.
    """
    if not request.htmx:
        query = {"lookup": request.GET.get("lookup", "")}
        return redirect(addresses(request).to("order", query, public_id=public_id))
    detail, asked = _head(request, public_id), asked_again(request)
    if asked is None and request.GET.get("linha", "") == _line_mark(_lines_of(detail)):
        mark = order_mark(viewer=request.viewer, order_id=detail.row.id)
        if request.GET.get("visto", "") == mark:
            return HttpResponse(status=304, headers={"ETag": f'"{mark}"'})
    return _freshness_line(request, detail, asked)


def _head(request: CompanyRequest, public_id: UUID) -> OrderDetail:
    return get_order(viewer=request.viewer, public_id=public_id, parts=())


def _lines_of(detail: OrderDetail) -> tuple[SourceLine, ...]:
    return source_lines(order_states(detail.sources, list_source_states()), now=clock.now())


def _line_mark(lines: tuple[SourceLine, ...]) -> str:
    """Return a text that changes with what the line of ages says."""
    return hashlib.sha256(repr(lines).encode()).hexdigest()[:12]


def _freshness_line(
    request: CompanyRequest, detail: OrderDetail, asked: LookupView | None
) -> HttpResponse:
    row = detail.row
    part = _part_of(request)
    context = {
        "sources": _lines_of(detail),
        "refresh": addresses(request).to("refresh", public_id=row.public_id),
        # Swapped in place: it stands where it stood, and moves nothing.
        "status": words.fulfilment(row.fulfilment, row.status_raw),
        **page_mark(request, detail, part, shown=request.GET.get("visto", "")),
        **refreshing(request, row.public_id, asked, part),
    }
    return render(request, "components/_freshness.html", context)


def _part_of(request: CompanyRequest) -> str:
    asked = request.GET.get("parte", "")
    return asked if asked in {code for code, *_rest in TABS} else "summary"


def page_mark(
    request: CompanyRequest, detail: OrderDetail, part: str, *, shown: str = ""
) -> dict[str, str]:
    """Say where an open page asks whether it is still up to date, and where its news are.

    `shown` is the mark of what the page shows, "" for a page that is being built.
    """
    to, order = addresses(request), detail.row.public_id
    mark = order_mark(viewer=request.viewer, order_id=detail.row.id)
    query = {
        "parte": part,
        "visto": shown or mark,
        "linha": _line_mark(_lines_of(detail)),
    }
    found = {"live": to.to("freshness", query, public_id=order)}
    if shown and shown != mark:
        found["changed"] = tab_url(part, order=order, to=to, came_from=came_from(request.GET))
    return found


def refreshing(
    request: CompanyRequest, public_id: UUID, asked: LookupView | None, part: str = "summary"
) -> dict[str, str]:
    """Say whether the sources are being asked for this order, or have just answered."""
    to = addresses(request)
    if asked is None:
        return {}
    if asked.state == "waiting":
        query = {
            "lookup": str(asked.public_id),
            "parte": part,
            "visto": request.GET.get("visto", ""),
        }
        return {"refreshing": to.to("freshness", query, public_id=public_id)}
    # The page itself was built after the answer; only a line swapped into it is newer.
    is_newer = request.htmx and asked.has_news
    return {"changed": tab_url(part, order=public_id, to=to, came_from=[])} if is_newer else {}
