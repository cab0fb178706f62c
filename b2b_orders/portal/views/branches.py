"""The branch board: for companies with several establishments."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.branches import BoardSort, list_branches
from b2b_orders.orders.queries import ScopeFacts
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.branches import PAGE, board_page
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page

_LAST_PAGE = 1000


@require_safe
@company_page
def board(request: CompanyRequest) -> HttpResponseBase:
    """Show what waits in each branch that the viewer sees."""
    now, to, viewer = clock.now(), addresses(request), request.viewer
    today = formats.today(now)
    sort, page = _sort(request.GET.get("ordem", "")), _page(request.GET.get("pagina", ""))
    found = list_branches(
        viewer=viewer, sort=sort, today=today, now=now, skip=(page - 1) * PAGE, limit=PAGE
    )
    context = {
        "page": board_page(found, viewer=viewer, sort=sort, page=page, to=to, today=today),
        "sources": source_lines(list_source_states(), now=now),
        "orders_url": to.to("orders"),
    }
    return render(request, "portal/orders/branches.html", context)


def board_link(request: CompanyRequest, facts: ScopeFacts) -> str:
    """Return the address of the board for who sees several branches; else nothing."""
    return addresses(request).to("branches") if len(facts.establishments) > 1 else ""


def _sort(text: str) -> BoardSort:
    return BoardSort(text) if text in {each.value for each in BoardSort} else BoardSort.BRANCH


def _page(text: str) -> int:
    """Read which page is asked for; the first if that is no page."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return min(max(number, 1), _LAST_PAGE)
