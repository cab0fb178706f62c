"""Operations: how the sources do, what deserves attention, and what was done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from b2b_orders.audit.queries import list_incidents
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.paging import PageOf
from b2b_orders.ingest.errands import Kind, get_errand, list_errands
from b2b_orders.ingest.operations import (
    count_lists,
    get_figures,
    list_connection_labels,
    list_figures,
    list_parked,
    list_parked_groups,
    list_runs,
)
from b2b_orders.portal.errands import (
    Slip,
    ask,
    asked_kind,
    errand_context,
    notice_context,
    way_back,
)
from b2b_orders.portal.presenters.errands import errand_items
from b2b_orders.portal.presenters.operations import (
    concern_items,
    connection_name,
    connection_page,
    incident_items,
    run_items,
    source_items,
)
from b2b_orders.portal.presenters.operations_lists import (
    connection_choices,
    parked_items,
    reason_choices,
)
from b2b_orders.portal.presenters.operations_nav import navigation
from b2b_orders.portal.requests import StaffRequest, staff_page

Row = TypeVar("Row")
PAGE = 50
P = ParamSpec("P")
shows_and_asks = require_http_methods(["GET", "HEAD", "POST"])


class OperationsRequest(StaffRequest):
    """A request of operations, with the notice of the errand that its address names."""

    errand_notice: dict[str, object]


def operations_page(
    view: Callable[Concatenate[OperationsRequest, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Open a page to operations; outermost, so that to others it does not exist by any method.

    The errand is read before anything that it may change: a page that says "done" shows it.
    """

    @staff_page(lambda staff: staff.can_operate)
    @wraps(view)
    def opened(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.errand_notice = errand_context(request)
        return view(request, *args, **kwargs)

    return opened


@operations_page
@require_safe
def page(request: OperationsRequest) -> HttpResponseBase:
    """Show what deserves attention, all connections, and what was asked for lately."""
    now = clock.now()
    figures = list_figures(viewer=request.staff, now=now)
    labels = {each.name: each.label for each in figures}
    context = {
        "concerns": concern_items(figures, now=now),
        "sources": source_items(figures, now=now),
        "errands": errand_items(list_errands(viewer=request.staff), labels, now=now),
    }
    return show(request, "overview", context)


CONNECTION_KINDS = (
    Kind.TEST_CONNECTION,
    Kind.RUN_NOW,
    Kind.OUTAGE_ON,
    Kind.OUTAGE_OFF,
    Kind.TAKE_OVER,
)


@operations_page
@shows_and_asks
def connection(request: OperationsRequest, name: str) -> HttpResponseBase:
    """Show all of one connection, and have something done with it."""
    now, slip = clock.now(), None
    figures = get_figures(viewer=request.staff, name=name, now=now)
    if request.method == "POST":
        kind = asked_kind(request, CONNECTION_KINDS)
        given = {each: request.POST.get(each, "") for each in ("minutes", "subscription")}
        answer = ask(request, kind, {"connection": name, **given})
        if isinstance(answer, HttpResponse):
            return answer
        slip = answer
    labels = {name: figures.label}
    runs = list_runs(viewer=request.staff, connection=name, limit=10)
    parked = list_parked(viewer=request.staff, connection=name, limit=10)
    context = {
        "page": connection_page(figures, now=now),
        "concerns": concern_items([figures], now=now),
        "runs": run_items(runs.rows, labels, now=now),
        "parked": parked_items(parked.rows, labels, now=now),
    }
    return show(request, "connection", context, slip)


@operations_page
@shows_and_asks
def parked(request: OperationsRequest) -> HttpResponseBase:
    """Show what could not be used; have it tried again, or discarded with a reason."""
    slip = None
    if request.method == "POST":
        kind = asked_kind(request, (Kind.RETRY_PARKED, Kind.DISCARD_PARKED))
        answer = ask(request, kind, {"ids": request.POST.getlist("id")})
        if isinstance(answer, HttpResponse):
            return answer
        slip = answer
    name, reason = request.GET.get("connection", ""), request.GET.get("reason", "")
    rows = paged(
        request,
        lambda after: list_parked(
            viewer=request.staff, connection=name, reason=reason, after=after, limit=PAGE
        ),
    )
    groups = list_parked_groups(viewer=request.staff)
    labels = list_connection_labels(viewer=request.staff)
    context = {
        "items": parked_items(rows.rows, labels, now=clock.now()),
        "connections": connection_choices(groups, labels, name),
        "reasons": reason_choices(groups, name, reason),
        "is_filtered": bool(name or reason),
        "older": older(request, rows.next),
    }
    return show(request, "parked", context, slip)


@operations_page
@require_safe
def incidents(request: OperationsRequest) -> HttpResponseBase:
    """Show refusals of another company's data, damaged files, and other incidents."""
    name = request.GET.get("connection", "")
    only_alarms = request.GET.get("kind") == "security"
    rows = paged(
        request,
        lambda after: list_incidents(
            viewer=request.staff,
            connection=name,
            only_alarms=only_alarms,
            after=after,
            limit=PAGE,
        ),
    )
    labels = list_connection_labels(viewer=request.staff)
    context = {
        "only_alarms": only_alarms,
        "items": incident_items(rows.rows, labels, now=clock.now()),
        "older": older(request, rows.next),
    }
    return show(request, "incidents", context)


@operations_page
@require_safe
def runs(request: OperationsRequest) -> HttpResponseBase:
    """Show passes with their counts."""
    name = request.GET.get("connection", "")
    rows = paged(
        request,
        lambda after: list_runs(viewer=request.staff, connection=name, after=after, limit=PAGE),
    )
    labels = list_connection_labels(viewer=request.staff)
    context = {
        "items": run_items(rows.rows, labels, now=clock.now()),
        "connection": connection_name(name, labels).whole,
        "older": older(request, rows.next),
    }
    return show(request, "runs", context)


@operations_page
@require_safe
def errand(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Show how far an errand is; once it is done, show the page that asked for it anew."""
    found, back = (
        get_errand(viewer=request.staff, public_id=public_id),
        way_back(request, public_id),
    )
    if not request.htmx:
        return redirect(back)
    if found.state != "waiting":
        return HttpResponseClientRedirect(back)
    return render(request, "portal/operations/_errand.html", notice_context(found, back))


def show(
    request: OperationsRequest, name: str, context: Mapping[str, object], slip: Slip | None = None
) -> HttpResponse:
    """Show a page of operations within their navigation."""
    counts = count_lists(viewer=request.staff, now=clock.now())
    whole = {
        "navigation": navigation(counts, request.path),
        "slip": slip,
        **request.errand_notice,
        **context,
    }
    status = 400 if slip else 200
    return render(request, f"portal/operations/{name}.html", whole, status=status)


def paged(request: StaffRequest, read: Callable[[str | None], PageOf[Row]]) -> PageOf[Row]:
    """Read the page that the address names; the first one when it names none of ours."""
    try:
        return read(request.GET.get("after") or None)
    except InvalidInput:
        return read(None)


def older(request: StaffRequest, after: str | None) -> str:
    """Build the address of the next page, with the filters of this one."""
    if after is None:
        return ""
    query = request.GET.copy()
    query.pop("errand", None)
    query["after"] = after
    return f"{request.path}?{query.urlencode()}"
