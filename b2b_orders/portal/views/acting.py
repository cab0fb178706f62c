"""Acting for a company: who may be told what, whose eyes are borrowed, why, and how long."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from b2b_orders.audit import acting
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.seeing_as import list_people
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.acting import known_people
from b2b_orders.portal.requests import CompanyRequest, StaffRequest, company_page, staff_page


@require_safe
@company_page
def people(request: CompanyRequest) -> HttpResponseBase:
    """Show who of the company may be told what, so that the caller can be identified."""
    return _people(request, request.GET.get("next", ""))


def _people(request: CompanyRequest, wanted: str, error: str = "") -> HttpResponse:
    found = list_people(viewer=request.viewer)
    record(
        Action.CUSTOMER_OPENED,
        actor=request.actor,
        company_id=request.viewer.company_id,
        object_kind="company",
        object_id=str(addresses(request).company),
        detail={"what": "people"},
        now=clock.now(),
    )
    staff = request.staff
    context = {
        "people": known_people(found),
        "acting": request.acting,
        "next": _page_of_company(request, wanted),
        "as_company": staff is not None and staff.can_see_as_company,
        "is_company": request.viewer.seen_as_id is None,
        "reason": request.POST.get("reason", request.viewer.reason),
        "error": error,
    }
    return render(request, "portal/staff/people.html", context, status=400 if error else 200)


@require_POST
@company_page
def see_as(request: CompanyRequest) -> HttpResponseBase:
    """Borrow the eyes of somebody of the company, or see as the company."""
    wanted = request.POST.get("person", "")
    if request.staff is None:
        raise NotVisible
    try:
        acting.see_as(
            viewer=request.viewer,
            staff=request.staff,
            actor=request.actor,
            person_public_id=None if wanted == "company" else UUID(wanted),
            now=clock.now(),
        )
    except (ValueError, NotAllowed) as error:
        raise NotVisible from error
    return redirect(_page_of_company(request, request.POST.get("next", "")))


@require_POST
@company_page
def give_reason(request: CompanyRequest) -> HttpResponseBase:
    """Give acting another reason: the same caller goes on with something else."""
    after = request.POST.get("next", "")
    try:
        acting.give_reason(
            viewer=request.viewer,
            actor=request.actor,
            reason=request.POST.get("reason", ""),
            now=clock.now(),
        )
    except InvalidInput:
        error = _("Give a reason of at least 5 characters, such as the call's number.")
        return _people(request, after, error)
    messages.success(request, _("The reason was changed."))
    return redirect(_page_of_company(request, after))


@require_POST
@company_page
def go_on(request: CompanyRequest) -> HttpResponseBase:
    """Go on acting: the request itself has put the timer back."""
    if request.viewer.acting_id is None:
        raise NotVisible
    if request.htmx:
        return HttpResponse(status=204)
    return redirect(_page_of_company(request, request.POST.get("next", "")))


@require_safe
@staff_page(lambda staff: staff.can_act)
def time_left(request: StaffRequest) -> HttpResponseBase:
    """Say for how many seconds acting for a company goes on, without prolonging it."""
    wanted = request.GET.get("company", "")
    left = (
        each.seconds_left for each in request.all_acting if str(each.company_public_id) == wanted
    )
    return JsonResponse({"seconds": next(left, 0)})


def _page_of_company(request: CompanyRequest, wanted: str) -> str:
    """Come back to a page of the same company alone; to its orders from anywhere else."""
    to = addresses(request)
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    if is_ours and wanted.startswith(f"/c/{to.company}/") and "/atuacao" not in wanted:
        return wanted
    return to.to("orders")
