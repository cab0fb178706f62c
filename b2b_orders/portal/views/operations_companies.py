"""Operations' map of companies: which there are, what is theirs, what waits for a decision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from b2b_orders.common import clock
from b2b_orders.ingest.errands import Kind
from b2b_orders.ingest.map_queries import (
    CompanyFilter,
    get_change,
    get_company,
    list_changes,
    list_companies,
    list_conflicts,
    list_customer_types,
    list_teams,
)
from b2b_orders.ingest.operations import list_connection_labels
from b2b_orders.portal.errands import Slip, ask, asked_kind
from b2b_orders.portal.presenters.operations import connection_names
from b2b_orders.portal.presenters.operations_companies import (
    change_item,
    change_items,
    company_items,
    company_page,
    conflict_items,
)
from b2b_orders.portal.requests import StaffRequest
from b2b_orders.portal.views.operations import (
    PAGE,
    OperationsRequest,
    older,
    operations_page,
    paged,
    show,
    shows_and_asks,
)

_PIECES = ("establishments", "customer_ids")
FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.MAKE_COMPANY: ("name", "tax_id"),
    Kind.CHANGE_COMPANY: (
        *("name", "team", "default_scope", "is_active", "requires_second_factor"),
    ),
    Kind.CUSTOMER_TYPE: ("customer_type",),
    Kind.ADD_TO_COMPANY: ("tax_id", "name", "connection", "value"),
    Kind.MOVE_PIECES: ("to",),
    Kind.SPLIT_COMPANY: ("new_name",),
    Kind.MERGE_COMPANIES: ("to",),
    Kind.APPROVE_CHANGE: ("whole_company",),
    Kind.REJECT_CHANGE: (),
    Kind.UNDO_CHANGE: (),
    Kind.SETTLE_CONFLICT: ("conflict",),
}
_OF_COMPANY = (
    *(Kind.CHANGE_COMPANY, Kind.CUSTOMER_TYPE, Kind.ADD_TO_COMPANY),
    *(Kind.MOVE_PIECES, Kind.SPLIT_COMPANY, Kind.MERGE_COMPANIES),
)


def _asked(request: StaffRequest, *kinds: Kind, **about: Any) -> HttpResponse | Slip | None:
    """Have what a form of the page asks for done; None when the page is only looked at."""
    if request.method != "POST":
        return None
    kind = asked_kind(request, kinds)
    params: dict[str, Any] = {name: request.POST.get(name, "") for name in FIELDS[kind]}
    if kind in {Kind.MOVE_PIECES, Kind.SPLIT_COMPANY}:
        params |= {name: request.POST.getlist(name) for name in _PIECES}
    return ask(request, kind, params | about)


@operations_page
@shows_and_asks
def companies(request: OperationsRequest) -> HttpResponseBase:
    """Show the companies, and make one."""
    answer = _asked(request, Kind.MAKE_COMPANY)
    if isinstance(answer, HttpResponse):
        return answer
    staff, asked = request.staff, request.GET
    wanted = CompanyFilter(
        text=asked.get("q", ""),
        state=asked.get("state", ""),
        team=asked.get("team", ""),
        customer_type=asked.get("type", ""),
    )
    rows = paged(
        request,
        lambda after: list_companies(viewer=staff, wanted=wanted, after=after, limit=PAGE),
    )
    context = {
        "items": company_items(rows.rows),
        "wanted": wanted,
        "is_filtered": wanted != CompanyFilter(),
        "teams": [(str(pk), name) for pk, name in list_teams(viewer=staff)],
        "types": list_customer_types(viewer=staff),
        "new_name": asked.get("nome", "")[:150],
        "new_tax_id": asked.get("cnpj", "")[:30],
        "older": older(request, rows.next),
    }
    return show(request, "companies", context, answer)


@operations_page
@shows_and_asks
def company(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Show all of one company, and change it or ask for what needs a second person."""
    found = get_company(viewer=request.staff, public_id=public_id)
    answer = _asked(request, *_OF_COMPANY, company=str(public_id))
    if isinstance(answer, HttpResponse):
        return answer
    labels = list_connection_labels(viewer=request.staff)
    context = {
        "page": company_page(found, labels, now=clock.now()),
        "teams": list_teams(viewer=request.staff),
        "connections": connection_names(labels),
        "chosen": request.POST.getlist("establishments") + request.POST.getlist("customer_ids"),
    }
    return show(request, "company", context, answer)


@operations_page
@shows_and_asks
def changes(request: OperationsRequest) -> HttpResponseBase:
    """Show the changes of the map that wait, and those that were decided."""
    staff = request.staff
    rows = paged(request, lambda after: list_changes(viewer=staff, after=after, limit=PAGE))
    context = {
        "items": change_items(rows.rows, now=clock.now()),
        "older": older(request, rows.next),
    }
    return show(request, "changes", context)


@operations_page
@shows_and_asks
def change(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Show what a change costs, and decide it; whoever asked for it may only take it back."""
    found = get_change(viewer=request.staff, public_id=public_id)
    answer = _asked(
        request,
        *(Kind.APPROVE_CHANGE, Kind.REJECT_CHANGE, Kind.UNDO_CHANGE),
        change=str(public_id),
    )
    if isinstance(answer, HttpResponse):
        return answer
    return show(request, "change", {"item": change_item(found, now=clock.now())}, answer)


@operations_page
@shows_and_asks
def conflicts(request: OperationsRequest) -> HttpResponseBase:
    """Show what two sides claim, and settle what needs no change."""
    answer = _asked(request, Kind.SETTLE_CONFLICT)
    if isinstance(answer, HttpResponse):
        return answer
    staff, is_open = request.staff, request.GET.get("state") != "settled"
    rows = paged(
        request,
        lambda after: list_conflicts(viewer=staff, is_open=is_open, after=after, limit=PAGE),
    )
    context = {
        "items": conflict_items(rows.rows, now=clock.now()),
        "is_open": is_open,
        "older": older(request, rows.next),
    }
    return show(request, "conflicts", context, answer)
