"""/empresa/acessos: who did what with the company's orders and documents, staff included."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.paging import PageOf
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.companies.people import may_see_people
from b2b_orders.companies.viewers import reading_on
from b2b_orders.documents.accesses import (
    AccessFilter,
    AccessRow,
    list_accesses,
    list_known_people,
    record_reading,
)
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import Addresses, addresses
from b2b_orders.portal.presenters.access_record import (
    access_items,
    export_columns,
    export_row,
    read_query,
    record_form,
)
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.spreadsheets import csv_lines
from b2b_orders.portal.views.people import frame

PAGE, EXPORT_PAGE = 50, 500


@require_safe
@company_page
def page(request: CompanyRequest) -> HttpResponseBase:
    """Show the company's record to whoever has the right; to others it does not exist."""
    viewer, now, to = request.viewer, clock.now(), addresses(request)
    _require(viewer)
    asked = read_query(request.GET)
    rows = _page(viewer, asked.wanted, request.GET.get("after") or None)
    record_reading(
        viewer=viewer, actor=request.actor, detail={"filter": dict(asked.query)}, now=now
    )
    context: dict[str, object] = {
        "items": access_items(rows.rows, to=to, now=now),
        "form": record_form(asked, list_known_people(viewer=viewer)),
        "here": to.to("access-record"),
        "export_url": to.to("access-record-export", dict(asked.query)),
        "older": to.to("access-record", {**asked.query, "after": rows.next}) if rows.next else "",
        "is_whole": viewer.establishment_ids is None,
    }
    if may_see_people(viewer):
        # For administrators it is one of their pages.
        context |= frame(request)
    return render(request, "portal/company/access_record.html", context)


@require_safe
@company_page
def export(request: CompanyRequest) -> HttpResponseBase:
    """Hand out exactly what is filtered as CSV, and record that it was taken."""
    viewer, now = request.viewer, clock.now()
    _require(viewer)
    asked = read_query(request.GET)
    record_reading(
        viewer=viewer,
        actor=request.actor,
        detail={"filter": dict(asked.query), "how": "export"},
        now=now,
    )
    response = StreamingHttpResponse(
        _lines(viewer, asked.wanted, addresses(request), formats.language()),
        content_type="text/csv; charset=utf-8",
    )
    name, day = _("access-record"), formats.today(now).isoformat()
    response["Content-Disposition"] = f'attachment; filename="{name}-{day}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _require(viewer: Viewer) -> None:
    if not viewer.can(Right.ACCESS_RECORD):
        raise NotVisible


def _page(viewer: Viewer, wanted: AccessFilter, after: str | None) -> PageOf[AccessRow]:
    try:
        return list_accesses(viewer=viewer, wanted=wanted, after=after, limit=PAGE)
    except InvalidInput:
        return list_accesses(viewer=viewer, wanted=wanted, limit=PAGE)


def _lines(viewer: Viewer, wanted: AccessFilter, to: Addresses, language: str) -> Iterator[bytes]:
    """Write page after page. The request's scope has ended by then, so each opens its own.

    It ends with the reader's right to it.
    """
    after, is_first = None, True
    while is_first or after:
        with translation.override(language):
            with reading_on(viewer, Right.ACCESS_RECORD) as reader:
                if reader is None:
                    return
                rows = list_accesses(viewer=reader, wanted=wanted, after=after, limit=EXPORT_PAGE)
            items = access_items(rows.rows, to=to, now=clock.now())
            head = [export_columns()] if is_first else []
            lines = b"".join(csv_lines([*head, *map(export_row, items)], begins=is_first))
        yield lines
        after, is_first = rows.next, False
