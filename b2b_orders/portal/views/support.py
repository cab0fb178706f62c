"""Support: find by the number that the caller reads out, then act for the company."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from b2b_orders.audit import acting
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.finding import CompanyHit, OfTaxId, find_by_tax_id
from b2b_orders.companies.recent import list_recent
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.awaiting import list_awaited
from b2b_orders.orders.numbers import MAX_TYPED
from b2b_orders.orders.queries import StaffHit, nearest, other_teams, staff_search
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.acting import outage_words
from b2b_orders.portal.presenters.agent_home import agent_home
from b2b_orders.portal.presenters.lists import count_words
from b2b_orders.portal.presenters.search import too_long_words
from b2b_orders.portal.presenters.sources import down_sources, source_lines
from b2b_orders.portal.presenters.staff import (
    CompanyItem,
    HitItem,
    company_item,
    hit_items,
    near_items,
)
from b2b_orders.portal.requests import PortalRequest, StaffRequest, staff_page, to_login, typed_text


@require_safe
@staff_page(lambda staff: staff.can_act)
def search(request: StaffRequest) -> HttpResponseBase:
    """Search all companies by number; nothing but whose it is and how far it is."""
    now, typed = clock.now(), typed_text(request.GET)
    states = list_source_states()
    context: dict[str, object] = {
        "typed": typed,
        "here": reverse("portal:support"),
        "sources": source_lines(states, now=now),
        # Before it is known who calls: in the language that is spoken here.
        "outage": outage_words(down_sources(states), now=now, language=settings.LANGUAGE_CODE),
    }
    if len(typed) > MAX_TYPED:
        context["error"] = too_long_words()
    elif typed.strip():
        context |= _found(request, typed)
    else:
        context["home"] = agent_home(
            list_recent(viewer=request.staff),
            list_awaited(viewer=request.staff, now=now),
            acting=request.all_acting,
            page="portal:support",
            now=now,
        )
    return render(request, "portal/staff/support.html", context)


def _found(request: StaffRequest, typed: str) -> dict[str, object]:
    """Show what a number leads to; what is another team's by the team's name alone."""
    now = clock.now()
    whose = find_by_tax_id(viewer=request.staff, text=typed)
    hits = find(request, typed, whose)
    teams = other_teams(viewer=request.staff, text=typed)
    if whose.other_team:
        teams = tuple(sorted({*teams, whose.other_team}))
    if teams:
        record(
            Action.OTHER_TEAM_REFUSED,
            actor=request.actor,
            detail={"text": typed[:MAX_TYPED], "teams": list(teams)},
            now=now,
        )
    shown: dict[str, object] = {"other_teams": teams, "can_await": not hits and not teams}
    if whose.company:
        shown["company"] = company_item(whose.company, typed)
    if hits:
        items = hit_items(hits, typed=typed, now=now, acts=True)
        return shown | {"items": items, "count": count_words(len(hits))}
    if teams or whose.company:
        return shown
    near = nearest(viewer=request.staff, text=typed)
    return shown | {
        "missing": _missing(request.staff, typed),
        "near": near_items(near, now=now),
    }


def _missing(staff: StaffViewer, typed: str) -> str:
    if staff.team_id is None:
        return _('Nothing for "%(number)s" in the orders of any company.') % {"number": typed}
    return _('Nothing for "%(number)s" in the orders of your team\'s companies.') % {
        "number": typed
    }


def find(request: StaffRequest, typed: str, whose: OfTaxId | None = None) -> tuple[StaffHit, ...]:
    """Search, and record that it was done: staff look across companies."""
    hits = staff_search(viewer=request.staff, text=typed)
    detail: dict[str, object] = {"text": typed[:MAX_TYPED], "found": len(hits)}
    if whose is not None and whose.company:
        detail["company"] = str(whose.company.public_id)
    record(
        Action.STAFF_SEARCHED,
        actor=request.actor,
        detail=detail,
        now=clock.now(),
    )
    return hits


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(lambda staff: staff.can_act)
def act(request: StaffRequest) -> HttpResponseBase:
    """Ask for the reason, then act for the company in its own address."""
    given = request.POST if request.method == "POST" else request.GET
    typed = typed_text(given)
    chosen = _chosen(request, typed, given.get("order", ""))
    reason, error = given.get("reason", ""), ""
    if request.method == "POST":
        try:
            acting.start(
                viewer=request.staff,
                actor=request.actor,
                company_public_id=_company_of(chosen),
                reason=reason,
                session_key=request.session.session_key or "",
                now=clock.now(),
            )
        except InvalidInput:
            error = _("Give a reason of at least 5 characters, such as the call's number.")
        else:
            return redirect(_begin_at(request, chosen, typed))
    context = {
        "hit": _item(chosen, typed),
        "order": "" if isinstance(chosen, CompanyHit) else chosen.order_public_id,
        "company": _company_of(chosen),
        "typed": typed,
        "reason": reason,
        "error": error,
        "minutes": settings.PORTAL_ACTING_MINUTES,
        "back": f"{reverse('portal:support')}?{request.GET.urlencode()}"
        if request.method == "GET"
        else reverse("portal:support"),
    }
    return render(request, "portal/staff/act.html", context, status=400 if error else 200)


def _item(chosen: StaffHit | CompanyHit, typed: str) -> HitItem | CompanyItem:
    if isinstance(chosen, CompanyHit):
        return company_item(chosen, typed)
    return hit_items([chosen], typed=typed, now=clock.now(), acts=True)[0]


def _company_of(chosen: StaffHit | CompanyHit) -> UUID:
    return chosen.public_id if isinstance(chosen, CompanyHit) else chosen.company_public_id


def _begin_at(request: StaffRequest, chosen: StaffHit | CompanyHit, typed: str) -> str:
    """Begin at the order, or at the company's list where it was found by its tax id.

    Who may not see as the company first says whose eyes are borrowed.
    """
    to = Addresses(_company_of(chosen))
    if isinstance(chosen, CompanyHit):
        start = to.to("orders")
    else:
        start = to.to("order", {"q": typed}, public_id=chosen.order_public_id)
    if request.staff.can_see_as_company:
        return start
    return to.to("acting-people", {"next": start})


def _chosen(request: StaffRequest, typed: str, order: str) -> StaffHit | CompanyHit:
    """Find what was chosen again by what was typed: the address alone leads nowhere."""
    if not typed.strip() or len(typed) > MAX_TYPED:
        raise NotVisible
    if not order:
        if company := find_by_tax_id(viewer=request.staff, text=typed).company:
            return company
        raise NotVisible
    near = nearest(viewer=request.staff, text=typed)
    for hit in (*staff_search(viewer=request.staff, text=typed), *near):
        if str(hit.order_public_id) == order:
            return hit
    raise NotVisible


@require_POST
def stop(request: PortalRequest) -> HttpResponseBase:
    """Stop acting for a company, or for all."""
    if not request.user.is_authenticated:
        return to_login(request)
    try:
        company = UUID(request.POST["company"]) if request.POST.get("company") else None
    except ValueError as error:
        raise NotVisible from error
    acting.end(
        actor=request.actor,
        session_key=request.session.session_key or "",
        company_public_id=company,
        now=clock.now(),
    )
    return redirect("portal:home")
