"""Runs every request behind the wall, as what its person is at this very moment."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from b2b_orders.accounts.models import Person
from b2b_orders.common import clock, tenancy
from b2b_orders.common.requests import (
    CALENDAR_PATH,
    ENDING_PATH,
    HOOK_PATH,
    SHARE_PATH,
    client_address,
)
from b2b_orders.companies.access import Actor, StaffViewer, Viewer
from b2b_orders.companies.services import touch_acting
from b2b_orders.companies.viewers import (
    SESSION_KEY,
    ActingView,
    CompanyChoice,
    Standing,
    acting_view,
    read_standing,
)

# Asked by load balancers and Prometheus, or called by VTEX; they look at no company. Who reads
# a calendar or a shared document is known by the address alone, whoever's browser opens it;
# their views open a scope that they can leave while a source is asked.
WITHOUT_VIEWER = frozenset(
    {
        *("/healthz", "/readyz", "/metrics", "/robots.txt", "/.well-known/security.txt"),
        *(HOOK_PATH, CALENDAR_PATH, SHARE_PATH, ENDING_PATH),
        # The same for everybody, and kept by browsers.
        *("/sw.js", "/sem-conexao"),
    }
)
_BRAND = "/marca/"
_COMPANY_ADDRESS = re.compile(r"^/c/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
_API = "/api/"
# Blocks of pages that ask for themselves anew while something is on its way, as htmx names
# them. Nobody is there when they do: what is left idle ends all the same.
_ASK_THEMSELVES = frozenset({"freshness", "lookup", "downloads", "making", "rereading"})


class ViewerRequest(HttpRequest):
    """A request as views get it. `viewer` is None for staff who look at no company.

    `acting` is what support acts for at this address, `all_acting` in this log-in;
    `refused_company` the company of the address when it is not theirs to look at;
    `linked_company` when it is one that they belong to: such links come by mail.
    """

    viewer: Viewer | None
    staff: StaffViewer | None
    actor: Actor
    companies: tuple[CompanyChoice, ...]
    acting: ActingView | None
    all_acting: tuple[ActingView, ...]
    standing: Standing | None
    refused_company: str
    linked_company: CompanyChoice | None


class ViewerMiddleware:
    """Build the viewer, open its scope, run the view inside, and forbid keeping the answer.

    Everything is read anew at every request, so that an inactive company, a removed
    membership or the end of acting takes effect at the next one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ViewerRequest) -> HttpResponse:
        _prepare(request)
        if request.path_info in WITHOUT_VIEWER or request.path_info.startswith(_BRAND):
            return self.get_response(request)
        person = request.user if isinstance(request.user, Person) else None
        company_id = request.session.get(SESSION_KEY) if person else None
        # The session's company is entered before it is checked, to save a round trip:
        # nothing but the standing is read until it is.
        with tenancy.scope(
            role=tenancy.WEB, company_id=company_id, person_id=person.pk if person else None
        ):
            if person:
                _look(request, person, company_id)
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        if person or request.user.is_authenticated:
            # Nor may a browser: Back after logging out shows nothing.
            response["Cache-Control"] = "private, no-store"
        return response


def _prepare(request: ViewerRequest) -> None:
    request.viewer = None
    request.staff = None
    request.standing = None
    request.companies = ()
    request.acting = None
    request.all_acting = ()
    request.refused_company = ""
    request.linked_company = None
    request.actor = Actor(
        address=client_address(request) or None, request_id=getattr(request, "request_id", "")
    )


def _look(request: ViewerRequest, person: Person, entered: int | None) -> None:
    now = clock.now()
    session_key = request.session.session_key or ""
    standing = read_standing(person.pk)
    viewer, named = _viewer(request, standing, entered)
    if named and viewer is None and (linked := _linked(request, standing)):
        request.linked_company = linked
        viewer, named = standing.viewer_of_member(entered), ""
    if named and viewer is None:
        request.refused_company = named
    if (viewer.company_id if viewer else None) != entered:
        tenancy.enter_company(viewer.company_id if viewer else None)
        if viewer and not named:
            request.session[SESSION_KEY] = viewer.company_id
    request.standing = standing
    request.viewer = viewer
    request.staff = standing.staff
    request.companies = standing.companies
    request.actor = Actor(
        person_id=person.pk,
        staff_role=standing.staff.role if standing.staff else None,
        address=request.actor.address,
        request_id=request.actor.request_id,
        reason=viewer.reason if viewer else "",
    )
    here = viewer.acting_id if viewer else None
    is_used = here is not None and request.headers.get("HX-Trigger") not in _ASK_THEMSELVES
    if here is not None and is_used:
        touch_acting(acting_id=here, now=now)
    request.all_acting = tuple(
        acting_view(
            row,
            now,
            touched=is_used and row.id == here,
            as_company=standing.staff is None or standing.staff.can_see_as_company,
        )
        for row in standing.live_acting(session_key, now)
    )
    request.acting = next((view for view in request.all_acting if view.id == here), None)


def _viewer(
    request: ViewerRequest, standing: Standing, entered: int | None
) -> tuple[Viewer | None, str]:
    """Build the viewer, and say which company the address names if it names one."""
    if match := _COMPANY_ADDRESS.match(request.path_info):
        return _of_address(request, standing, match[1]), match[1]
    named = request.GET.get("company", "") if request.path_info.startswith(_API) else ""
    if not named:
        return standing.viewer_of_member(entered), ""
    try:
        own = standing.viewer_of_own(uuid.UUID(named))
    except ValueError:
        return None, named[:40]
    return own or _of_address(request, standing, named), named


def _linked(request: ViewerRequest, standing: Standing) -> CompanyChoice | None:
    """Return the company of the person's own that the path names; the frame shows another."""
    match = _COMPANY_ADDRESS.match(request.path_info)
    wanted = uuid.UUID(match[1]) if match else None
    return next((each for each in standing.companies if each.public_id == wanted), None)


def _of_address(request: ViewerRequest, standing: Standing, company: str) -> Viewer | None:
    return standing.viewer_of_address(
        uuid.UUID(company), session_key=request.session.session_key or "", now=clock.now()
    )
