"""/empresa/pessoas: who belongs to the company, and what each may see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from b2b_orders.audit import joining, people
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotAllowed
from b2b_orders.companies.access import Role
from b2b_orders.companies.people import (
    Grant,
    PeopleFilter,
    PersonRow,
    administrates,
    company_of,
    count_without_sight,
    get_person,
    list_branches,
    list_domains,
    list_people,
    people_without_second_factor,
    require_administrator,
    require_sight,
)
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.presenters.people import (
    branch_name,
    export_head,
    grant_form,
    person_item,
    read_grant,
    role_name,
    scope_words,
    seen_day,
    state_chip,
    tabs,
)
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text
from b2b_orders.portal.spreadsheets import csv_lines, plain
from b2b_orders.portal.views.errors import read_only
from b2b_orders.portal.words_people import PROBLEM, ROLE

P = ParamSpec("P")
INVALID = 400
_FORM = ["GET", "HEAD", "POST"]


def people_page(
    view: Callable[Concatenate[CompanyRequest, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Open a page to the company's administrators; who acts for the company may only read it."""

    @wraps(view)
    def opened(request: CompanyRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        require_sight(request.viewer)
        if request.method == "POST" and request.viewer.is_staff:
            return read_only(request)
        try:
            return view(request, *args, **kwargs)
        except NotAllowed:
            return read_only(request)

    return company_page(opened)


def frame(request: CompanyRequest) -> dict[str, object]:
    """Build what stands on every page of the administration."""
    waiting = joining.count_wishes(viewer=request.viewer)
    # The badge of the navigation says the same; it need not be counted again.
    request.people_waiting = waiting
    return {
        "tabs": tabs(addresses(request), request.viewer, request.path, waiting=waiting),
        "may_change": administrates(request.viewer),
    }


def problem(error: InvalidInput) -> str:
    """Word what is wrong with a form."""
    return words.text(PROBLEM, error.message)


def typed_grant(request: CompanyRequest) -> Grant:
    """Read from a posted form what somebody may see."""
    return read_grant(request.POST.dict(), request.POST.getlist("establishment"))


def require_role(request: CompanyRequest) -> None:
    """Raise `InvalidInput` for a posted form without one of the roles."""
    if request.POST.get("role") not in Role.values:
        raise InvalidInput("role", "unknown-role")


@require_safe
@people_page
def listing(request: CompanyRequest) -> HttpResponseBase:
    """List people by name, a page at a time."""
    viewer, to = request.viewer, addresses(request)
    wanted, given = _wanted(request)
    try:
        page = list_people(viewer=viewer, wanted=wanted, after=request.GET.get("after", ""))
    except InvalidInput:
        return redirect(to.to("people"))
    older = f"{to.to('people')}?{urlencode(given | {'after': page.next})}" if page.next else ""
    context = {
        "items": [person_item(row, to) for row in page.rows],
        "given": given,
        "roles": [(role.value, role_name(role)) for role in Role],
        "branches": [(str(each.id), branch_name(each)) for each in list_branches(viewer=viewer)],
        "is_filtered": bool(given),
        "without_sight": 0 if given else count_without_sight(viewer=viewer),
        "without_sight_url": to.to("people", {"state": "nothing"}),
        "older": older,
        "here": to.to("people"),
        "invite_url": to.to("invite"),
        "import_url": to.to("import-people"),
        "export_url": to.to("people-export", given),
    }
    return render(request, "portal/people/list.html", context | frame(request))


def _wanted(request: CompanyRequest) -> tuple[PeopleFilter, dict[str, str]]:
    """Read the filter, and what of it was given, for the address of the next page."""
    typed = typed_text(request.GET)[:150]
    role, branch = request.GET.get("role", ""), request.GET.get("branch", "")
    state = request.GET.get("state", "")
    state = state if state in {"removed", "nothing"} else ""
    role = role if role in Role.values else ""
    branch = branch if branch.isascii() and branch.isdigit() and len(branch) < 19 else ""
    given = {
        "q": typed.strip(),
        "role": role,
        "branch": branch,
        "state": state,
    }
    wanted = PeopleFilter(
        typed,
        role,
        int(branch) if branch else None,
        is_removed=state == "removed",
        sees_nothing=state == "nothing",
    )
    return wanted, {name: value for name, value in given.items() if value}


@require_safe
@people_page
def export(request: CompanyRequest) -> HttpResponseBase:
    """Hand out the list as a spreadsheet, by the same filter, to the company's own people alone."""
    require_administrator(request.viewer)
    wanted, _given = _wanted(request)
    rows = list_people(viewer=request.viewer, wanted=wanted, limit=None).rows
    record(
        Action.PERSON_EXPORTED,
        actor=request.actor,
        company_id=request.viewer.company_id,
        object_kind="people",
        detail={"people": len(rows)},
        now=clock.now(),
    )
    lines = [export_head(), *(list(map(plain, _export_row(row))) for row in rows)]
    response = StreamingHttpResponse(_bytes(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_("people")}.csv"'
    return response


def _bytes(lines: list[list[str]]) -> Iterator[bytes]:
    yield from list(csv_lines(lines))


def _export_row(row: PersonRow) -> Iterator[str]:
    item = person_item(row, Addresses())
    yield from (item.name, item.email, item.role, item.scope, item.differs)
    yield seen_day(row) if row.last_seen else ""
    yield _("Yes") if item.has_second_factor else _("No")
    yield item.state.text


@require_http_methods(_FORM)
@people_page
def person(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show one person, and change what they may see."""
    viewer, to = request.viewer, addresses(request)
    if request.method != "POST":
        return _person(request, public_id)
    grant = typed_grant(request)
    try:
        require_role(request)
        people.change_member(
            viewer=viewer, actor=request.actor, public_id=public_id, grant=grant, now=clock.now()
        )
    except InvalidInput as error:
        return _person(request, public_id, grant=grant, error=error)
    messages.success(request, _("Saved. It holds from the next page they open."))
    return redirect(to.to("person", public_id=public_id))


def _person(
    request: CompanyRequest,
    public_id: UUID,
    *,
    grant: Grant | None = None,
    error: InvalidInput | None = None,
) -> HttpResponse:
    viewer, to, now = request.viewer, addresses(request), clock.now()
    row = get_person(viewer=viewer, public_id=public_id)
    branches = list_branches(viewer=viewer)
    may_change = administrates(viewer) and row.is_active and not row.is_self
    context = frame(request) | {
        "person": row,
        "role": ROLE[row.grant.role],
        "scope": scope_words(row.grant, row.branches),
        "state": state_chip(row),
        "since": formats.day(formats.local(row.since).date()),
        "removed": formats.moment(row.removed_at, now),
        "last_seen": seen_day(row),
        "form": grant_form(viewer, branches, grant or row.grant),
        "may_change": may_change,
        "error": problem(error) if error else "",
        "error_field": error.field if error else "",
        "back": to.to("people"),
        "here": to.to("person", public_id=public_id),
        "remove_url": to.to("remove-person", public_id=public_id),
        "sessions_url": to.to("end-person-sessions", public_id=public_id),
        "invite_url": to.to("invite") + "?" + urlencode({"email": row.email, "name": row.name}),
        "may_invite": administrates(viewer) and not row.is_active,
    }
    status = INVALID if error else 200
    return render(request, "portal/people/person.html", context, status=status)


@require_http_methods(_FORM)
@people_page
def remove(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Ask whether somebody is to be taken out of the company, and do it."""
    viewer, to = request.viewer, addresses(request)
    error = ""
    if request.method == "POST":
        try:
            people.remove_member(
                viewer=viewer, actor=request.actor, public_id=public_id, now=clock.now()
            )
        except InvalidInput as wrong:
            error = problem(wrong)
        else:
            messages.success(request, _("Removed."))
            return redirect(to.to("people"))
    row = get_person(viewer=viewer, public_id=public_id)
    context = frame(request) | {
        "person": row,
        "error": error,
        "may_remove": administrates(viewer) and row.is_active and not row.is_self,
        "company": company_of(viewer=viewer).name,
        "back": to.to("person", public_id=public_id),
        "here": to.to("remove-person", public_id=public_id),
    }
    return render(request, "portal/people/remove.html", context, status=INVALID if error else 200)


@require_POST
@people_page
def end_sessions(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Have somebody log in anew before they see the company again."""
    try:
        people.end_sessions_of(
            viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now()
        )
    except InvalidInput as error:
        return _person(request, public_id, error=error)
    messages.success(request, _("Done. They log in again before they see the company."))
    return redirect(addresses(request).to("person", public_id=public_id))


@require_http_methods(_FORM)
@people_page
def company(request: CompanyRequest) -> HttpResponseBase:
    """Show and change what the company's administrators decide for it."""
    viewer, to = request.viewer, addresses(request)
    require_sight(viewer, of_all=True)
    error = ""
    if request.method == "POST":
        joinable = {int(text) for text in request.POST.getlist("domain") if text.isdecimal()}
        try:
            people.change_company(
                viewer=viewer,
                actor=request.actor,
                default_scope=request.POST.get("default_scope", ""),
                requires_second_factor="requires_second_factor" in request.POST,
                joinable=frozenset(joinable),
                now=clock.now(),
            )
        except InvalidInput as wrong:
            error = problem(wrong)
        else:
            messages.success(request, _("Saved."))
            return redirect(to.to("company-settings"))
    lacking = people_without_second_factor(viewer=viewer)
    context = frame(request) | {
        "company": company_of(viewer=viewer),
        "domains": list_domains(viewer=viewer),
        "lacking": lacking[:20],
        "lacking_more": max(0, len(lacking) - 20),
        "error": error,
        "here": to.to("company-settings"),
    }
    status = INVALID if error else 200
    return render(request, "portal/people/company.html", context, status=status)
