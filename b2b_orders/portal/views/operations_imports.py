"""Operations' imports of companies: give a list, look at its lines, take it over."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.company_lists import HEADER, MAX_BYTES, decode
from b2b_orders.ingest.errands import Kind, request_errand
from b2b_orders.ingest.map_queries import (
    get_import,
    leave_import,
    list_import_lines,
    list_import_sources,
    list_imports,
)
from b2b_orders.ingest.operations import list_connection_labels
from b2b_orders.portal.errands import Slip, ask, asked_kind, slip
from b2b_orders.portal.presenters.operations import connection_name
from b2b_orders.portal.presenters.operations_companies import (
    import_item,
    import_items,
    line_items,
)
from b2b_orders.portal.requests import StaffRequest
from b2b_orders.portal.spreadsheets import csv_lines, number, plain
from b2b_orders.portal.views.operations import (
    OperationsRequest,
    operations_page,
    show,
    shows_and_asks,
)

LINES = 100
_EXAMPLE = (
    ("Alfa Distribuidora", "12.345.678/0001-95 12.345.678/0002-76", "erp=1001", "", ""),
    ("Zeta Uruguay", "UY:21-123456-0019", "erp=2002", "", ""),
)


@operations_page
@shows_and_asks
def imports(request: OperationsRequest) -> HttpResponseBase:
    """Show the latest lists, and take a new one."""
    wrong: Slip | None = None
    if request.method == "POST":
        try:
            return _leave(request)
        except InvalidInput as error:
            wrong = slip(request, error)
    staff = request.staff
    sources, labels = list_import_sources(viewer=staff), list_connection_labels(viewer=staff)
    context = {
        "items": import_items(list_imports(viewer=staff), labels, now=clock.now()),
        "shops": [connection_name(name, labels) for name in sources.shops],
        "erps": [connection_name(name, labels) for name in sources.erps],
    }
    return show(request, "imports", context, wrong)


def _leave(request: StaffRequest) -> HttpResponse:
    source = request.POST.get("source", "")
    given: dict[str, str] = {}
    if source == "csv":
        given = _file_of(request)
    public_id = leave_import(
        viewer=request.staff,
        source=source,
        connection="" if source == "csv" else request.POST.get("connection", ""),
        now=clock.now(),
        **given,
    )
    errand = request_errand(
        viewer=request.staff,
        actor=request.actor,
        kind=Kind.READ_IMPORT,
        params={"import": str(public_id)},
        now=clock.now(),
    )
    here = reverse("portal:company-import", kwargs={"public_id": public_id})
    return redirect(f"{here}?{urlencode({'errand': str(errand)})}")


def _file_of(request: StaffRequest) -> dict[str, str]:
    file: Any = request.FILES.get("file")
    if file is None or not file.size:
        raise InvalidInput("file", "file-missing")
    if file.size > MAX_BYTES:
        raise InvalidInput("file", "file-too-large")
    return {"filename": str(file.name or ""), "content": decode(file.read())}


@operations_page
@shows_and_asks
def one(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Show the lines of a list, and take it over or leave it."""
    found = get_import(viewer=request.staff, public_id=public_id)
    wrong: Slip | None = None
    if request.method == "POST":
        kind = asked_kind(request, (Kind.APPLY_IMPORT, Kind.DROP_IMPORT))
        answer = ask(request, kind, {"import": str(public_id)})
        if isinstance(answer, HttpResponse):
            return answer
        wrong = answer
    verdict, text = request.GET.get("verdict", ""), request.GET.get("after", "")
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    rows = list_import_lines(
        viewer=request.staff, public_id=public_id, verdict=verdict, after=after, limit=LINES + 1
    )
    query = {"verdict": verdict, "after": str(rows[LINES - 1].number)} if len(rows) > LINES else {}
    labels = list_connection_labels(viewer=request.staff)
    context = {
        "item": import_item(found, labels, now=clock.now(), chosen=verdict),
        "lines": line_items(rows[:LINES]),
        "is_filtered": bool(verdict),
        "older": f"{request.path}?{urlencode(query)}" if query else "",
    }
    return show(request, "import", context, wrong)


@operations_page
@require_safe
def template(_request: OperationsRequest) -> HttpResponseBase:
    """Hand out an example of a list."""
    rows = ((name, tax_ids, *rest) for name, tax_ids, *rest in _EXAMPLE)
    return _csv((HEADER, *rows), "empresas-modelo.csv")


@operations_page
@require_safe
def export(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Hand out a list as read, to be looked at, confirmed and given again.

    What has to be confirmed, as the old app's numbers, stands among the ids: giving the
    list again says that they are right.
    """
    get_import(viewer=request.staff, public_id=public_id)
    lines = list_import_lines(viewer=request.staff, public_id=public_id, limit=None)
    rows = (
        (
            plain(line.name),
            number(" ".join(line.tax_ids)) if len(line.tax_ids) == 1 else " ".join(line.tax_ids),
            plain(" ".join((*line.ids, *line.unconfirmed))),
            plain(line.customer_type),
            plain(line.team),
        )
        for line in lines
    )
    return _csv((HEADER, *rows), "empresas.csv")


def _csv(rows: Any, name: str) -> HttpResponseBase:
    answer = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
