"""Operations: the seller's people, what each may do, and which companies each team serves."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.staffing import (
    RIGHTS,
    get_staff,
    list_portfolio,
    list_staff,
    list_teams,
)
from b2b_orders.ingest.errands import Kind
from b2b_orders.portal.errands import Slip, ask, asked_kind, slip
from b2b_orders.portal.presenters.operations_staff import (
    customer_items,
    seller_options,
    staff_fields,
    staff_item,
    staff_items,
    team_items,
)
from b2b_orders.portal.views.operations import (
    OperationsRequest,
    operations_page,
    show,
    shows_and_asks,
)

_STAFF = ("role", "team", "seller_code", *RIGHTS)


@operations_page
@shows_and_asks
def people(request: OperationsRequest) -> HttpResponseBase:
    """Show staff and teams; make somebody one of staff, change teams and whom they serve."""
    wrong: Slip | None = None
    if request.method == "POST":
        fields = {
            Kind.STAFF: ("email", *_STAFF),
            Kind.TEAM: ("change", "team", "name"),
            Kind.COMPANY_TEAM: ("company", "team"),
        }
        kind = asked_kind(request, fields)
        answer = ask(request, kind, {name: request.POST.get(name, "") for name in fields[kind]})
        if isinstance(answer, HttpResponse):
            return answer
        wrong = answer
    teams = list_teams(viewer=request.staff)
    context = {
        "items": staff_items(
            list_staff(viewer=request.staff), own_email=_own(request), now=clock.now()
        ),
        "teams": team_items(teams),
        "fields": staff_fields(None, teams, wrong.typed if wrong and wrong.form == "new" else {}),
    }
    return show(request, "staff", context, wrong)


@operations_page
@shows_and_asks
def person(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Show one of staff; change what they may do and whom they look after."""
    row = get_staff(viewer=request.staff, public_id=public_id)
    is_oneself = row.email == _own(request)
    wrong: Slip | None = None
    if request.method == "POST":
        answer = _change(request, public_id, is_oneself=is_oneself)
        if isinstance(answer, HttpResponse):
            return answer
        wrong = answer
    teams = list_teams(viewer=request.staff)
    context = {
        "item": staff_item(row, own_email=_own(request), now=clock.now()),
        "fields": staff_fields(row, teams, wrong.typed if wrong and wrong.form == "staff" else {}),
        "customers": customer_items(list_portfolio(viewer=request.staff, public_id=public_id)),
        "sellers": seller_options(list_staff(viewer=request.staff), without=str(public_id)),
    }
    return show(request, "staff_person", context, wrong)


def _change(
    request: OperationsRequest, public_id: UUID, *, is_oneself: bool
) -> HttpResponse | Slip:
    kind = asked_kind(request, (Kind.STAFF, Kind.MOVE_CUSTOMER))
    if is_oneself:
        return slip(request, InvalidInput("role", "own-rights"))
    if kind is Kind.STAFF:
        given = {name: request.POST.get(name, "") for name in ("change", *_STAFF)}
        answer = ask(request, kind, {"person": str(public_id), **given})
        if given["change"] == "end" and isinstance(answer, HttpResponse):
            # This very page is gone once it is done.
            query = answer["Location"].partition("?")[2]
            return redirect(f"{reverse('portal:operations-staff')}?{query}")
        return answer
    whose = {"from": "", "to": str(public_id)}
    if request.POST.get("change") == "away":
        whose = {"from": str(public_id), "to": request.POST.get("to", "")}
    return ask(request, kind, {"company": request.POST.get("company", ""), **whose})


def _own(request: OperationsRequest) -> str:
    return getattr(request.user, "email", "")
