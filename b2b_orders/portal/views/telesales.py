"""Telesales: what they placed, and any order of their customers, asked of the ERP if need be."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.paging import PageOf
from b2b_orders.companies.access import StaffViewer, Viewer
from b2b_orders.ingest.portfolio import request_portfolio_lookup
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.awaiting import list_awaited
from b2b_orders.orders.numbers import MAX_TYPED
from b2b_orders.orders.queries import StaffHit, placed_by
from b2b_orders.orders.questions import open_questions
from b2b_orders.portal.presenters.agent_home import agent_home
from b2b_orders.portal.presenters.lists import count_words
from b2b_orders.portal.presenters.lookups import lookup_page
from b2b_orders.portal.presenters.search import too_long_words
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.presenters.staff import hit_items
from b2b_orders.portal.requests import StaffRequest, staff_page, typed_text
from b2b_orders.portal.views.support import QUESTIONS, find

# An ERP is asked for one company at a time: with more customers, the person says whose it is.
ASKED_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Customer:
    """A company of the portfolio, to choose from."""

    public_id: str
    name: str
    ending: str


def sells(staff: StaffViewer) -> bool:
    """Say whether this person is of telesales."""
    return not (staff.can_act or staff.can_operate)


@require_safe
@staff_page(sells)
def page(request: StaffRequest) -> HttpResponseBase:
    """Show what this person placed, and what a number leads to."""
    now, typed = clock.now(), typed_text(request.GET)
    placed = _placed(request)
    here = reverse("portal:telesales")
    context: dict[str, object] = {
        "typed": typed,
        "here": here,
        "sources": source_lines(list_source_states(), now=now),
        "placed": hit_items(placed.rows, typed="", now=now, acts=False),
        "older": f"{here}?{urlencode({'after': placed.next})}" if placed.next else "",
    }
    if len(typed) > MAX_TYPED:
        context["error"] = too_long_words()
    elif typed.strip():
        context |= _search(request, typed)
    else:
        context["home"] = agent_home(
            (),
            list_awaited(viewer=request.staff, now=now),
            open_questions(viewer=request.staff, limit=QUESTIONS),
            acting=(),
            page="portal:telesales",
            acts=False,
            now=now,
        )
    return render(request, "portal/staff/telesales.html", context)


@require_safe
@staff_page(sells)
def found(request: StaffRequest) -> HttpResponseBase:
    """Show what a number leads to, alone, while the ERP is asked."""
    if not request.htmx:
        return redirect(f"{reverse('portal:telesales')}?{request.GET.urlencode()}")
    typed = typed_text(request.GET)[:MAX_TYPED]
    context = {"typed": typed, "is_fragment": True} | _search(request, typed)
    return render(request, "portal/staff/_found.html", context)


def _placed(request: StaffRequest) -> PageOf[StaffHit]:
    try:
        return placed_by(viewer=request.staff, after=request.GET.get("after") or None)
    except InvalidInput:
        return placed_by(viewer=request.staff)


def _search(request: StaffRequest, typed: str) -> dict[str, object]:
    """Search the portfolio; ask the ERP at once for a number that is not there."""
    now, was_asked = clock.now(), "asked" in request.GET
    hits = find(request, typed)
    if hits:
        return {
            "items": hit_items(hits, typed=typed, now=now, acts=False, is_new=was_asked),
            "count": count_words(len(hits)),
        }
    missing: dict[str, object] = {
        "missing": _('Nothing for "%(number)s" in the orders of your customers.')
        % {"number": typed}
    }
    viewers, wanted = _to_ask(request), request.GET.get("customer", "")
    if len(viewers) > ASKED_AT_ONCE:
        return missing | {"customers": _customers(request)}
    try:
        asked = request_portfolio_lookup(viewers=viewers, text=typed, now=now)
    except InvalidInput:
        return missing
    if asked is None:
        return missing
    query = {"q": typed, "asked": "1"} | ({"customer": wanted} if wanted else {})
    return {
        "page": lookup_page(asked, typed, list_source_states(), now=now),
        "waiting": asked.state in {"waiting", "found"},
        "poll": f"{reverse('portal:telesales-found')}?{urlencode(query)}",
    }


def _to_ask(request: StaffRequest) -> tuple[Viewer, ...]:
    """List for which companies the ERP is asked: the chosen one, or all of the portfolio."""
    standing, wanted = request.standing, request.GET.get("customer", "")
    if standing is None:
        return ()
    chosen = {each.id for each in standing.portfolio if str(each.public_id) == wanted}
    return tuple(
        viewer for viewer in standing.portfolio_viewers if not chosen or viewer.company_id in chosen
    )


def _customers(request: StaffRequest) -> tuple[Customer, ...]:
    portfolio = request.standing.portfolio if request.standing else ()
    return tuple(
        Customer(str(each.public_id), each.name, f"…{each.tax_id_ending}") for each in portfolio
    )
