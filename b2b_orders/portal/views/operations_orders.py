"""Operations' lists of orders: statuses, orders without a company, divergences and decisions."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from b2b_orders.common import clock
from b2b_orders.ingest.errands import Kind
from b2b_orders.ingest.operations import list_connection_labels, suggest_companies
from b2b_orders.orders.operations import (
    list_decisions,
    list_divergences,
    list_status_rules,
    list_unassigned,
    list_unmapped,
)
from b2b_orders.portal.errands import Slip, ask, asked_kind
from b2b_orders.portal.presenters.operations import connection_names
from b2b_orders.portal.presenters.operations_orders import (
    axes,
    decision_items,
    divergence_items,
    rule_items,
    unassigned_items,
    unmapped_items,
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

FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.MAP_STATUS: ("connection", "raw", "fulfilment", "billing", "payment"),
    Kind.DROP_STATUS: ("connection", "raw"),
    Kind.ASSIGN_COMPANY: ("tax_id", "company", "name"),
    Kind.JOIN: ("connection_a", "external_a", "connection_b", "external_b"),
    Kind.SPLIT: ("connection_a", "external_a"),
    Kind.UNDO_DECISION: ("decision",),
}


def _asked(request: StaffRequest, *kinds: Kind) -> HttpResponse | Slip | None:
    """Have what a form of the page asks for done; None when the page is only looked at."""
    if request.method != "POST":
        return None
    kind = asked_kind(request, kinds)
    return ask(request, kind, {name: request.POST.get(name, "") for name in FIELDS[kind]})


@operations_page
@shows_and_asks
def statuses(request: OperationsRequest) -> HttpResponseBase:
    """Show the words that nobody knows, and say what they mean."""
    answer = _asked(request, Kind.MAP_STATUS, Kind.DROP_STATUS)
    if isinstance(answer, HttpResponse):
        return answer
    now, staff = clock.now(), request.staff
    labels = list_connection_labels(viewer=staff)
    context = {
        "items": unmapped_items(list_unmapped(viewer=staff), labels, now=now),
        "rules": rule_items(list_status_rules(viewer=staff), labels, now=now),
        "axes": axes(),
        "connections": connection_names(labels),
    }
    return show(request, "statuses", context, answer)


@operations_page
@shows_and_asks
def unassigned(request: OperationsRequest) -> HttpResponseBase:
    """Show orders that fit no company by tax id, and give them to one."""
    answer = _asked(request, Kind.ASSIGN_COMPANY)
    if isinstance(answer, HttpResponse):
        return answer
    staff = request.staff
    rows = paged(request, lambda after: list_unassigned(viewer=staff, after=after, limit=PAGE))
    suggestions = suggest_companies(viewer=staff, tax_ids=[row.tax_id for row in rows.rows])
    context = {
        "items": unassigned_items(rows.rows, suggestions, now=clock.now()),
        "older": older(request, rows.next),
    }
    return show(request, "unassigned", context, answer)


@operations_page
@shows_and_asks
def divergences(request: OperationsRequest) -> HttpResponseBase:
    """Show on what sources disagree, and decide by hand which records are one order."""
    answer = _asked(request, Kind.JOIN, Kind.SPLIT, Kind.UNDO_DECISION)
    if isinstance(answer, HttpResponse):
        return answer
    now, staff = clock.now(), request.staff
    labels = list_connection_labels(viewer=staff)
    rows = paged(request, lambda after: list_divergences(viewer=staff, after=after, limit=PAGE))
    context = {
        "items": divergence_items(rows.rows, now=now),
        "decisions": decision_items(list_decisions(viewer=staff), labels, now=now),
        "connections": connection_names(labels),
        "older": older(request, rows.next),
    }
    return show(request, "divergences", context, answer)
