"""What the company has to pay: the page, and its export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.common.files import file_response
from b2b_orders.common.paging import PageOf
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.companies.viewers import reading_on
from b2b_orders.documents.boleto_archive import MOST, open_boleto_archive
from b2b_orders.documents.boletos import available_boletos
from b2b_orders.documents.hidden_lines import titles_as_shown
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.queries import scope_facts
from b2b_orders.orders.rows import EstablishmentRow
from b2b_orders.orders.titles import TitleFilter, TitleLine, list_titles, sum_titles
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.exporting import spooled
from b2b_orders.portal.leading import chosen_kind, led_by
from b2b_orders.portal.presenters.finance import finance_page, selection_problem
from b2b_orders.portal.presenters.finance_export import export_columns, export_row
from b2b_orders.portal.presenters.finance_filter import Asked, read_filter
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.spreadsheets import XLSX_TYPE, Cell, csv_cells, csv_lines, write_xlsx
from b2b_orders.portal.views.taking import zip_response

PAGE = 50
EXPORT_PAGE = 500


@require_safe
@company_page
def page(request: CompanyRequest) -> HttpResponseBase:
    """Show what is to pay, and what else is asked for, a page at a time."""
    viewer, now = request.viewer, clock.now()
    today = formats.today(now)
    asked, establishments = _asked(request, request.GET)
    summary = sum_titles(viewer=viewer, wanted=asked.wanted, today=today)
    asked, titles = _page_of(viewer, asked, today)
    order_ids = {title.order_id for title in titles.rows}
    states = list_source_states()
    shown = finance_page(
        summary,
        titles_as_shown(viewer=viewer, titles=titles.rows),
        available_boletos(viewer=viewer, order_ids=order_ids),
        asked=asked,
        following=titles.next,
        establishments=establishments,
        states=states,
        to=addresses(request),
        now=now,
    )
    context = {"page": shown, "sources": source_lines(states, now=now)}
    return render(request, "portal/finance/titles.html", context)


def _asked(request: CompanyRequest, given: QueryDict) -> tuple[Asked, tuple[EstablishmentRow, ...]]:
    """Read the filter, for who may see finance; to others there is no such page."""
    viewer = request.viewer
    if not viewer.can(Right.FINANCE):
        raise NotVisible
    establishments = scope_facts(viewer=viewer).establishments
    asked = read_filter(given, tax_ids=[each.tax_id for each in establishments])
    return asked, establishments


def _page_of(viewer: Viewer, asked: Asked, today: date) -> tuple[Asked, PageOf[TitleLine]]:
    """Read a page; one that does not exist is the first."""
    try:
        titles = list_titles(
            viewer=viewer, wanted=asked.wanted, today=today, after=asked.after or None, limit=PAGE
        )
    except InvalidInput:
        asked = replace(asked, after="")
        titles = list_titles(viewer=viewer, wanted=asked.wanted, today=today, limit=PAGE)
    return asked, titles


@require_POST
@company_page
def boletos(request: CompanyRequest) -> HttpResponseBase:
    """Hand out the boletos of what is selected as one ZIP file; without scripts, add it up."""
    now = clock.now()
    asked, _establishments = _asked(request, request.POST)
    kept = [*asked.query(after=asked.after).items()]
    kept += [("sel", str(each)) for each in sorted(asked.selected)[: 2 * MOST]]
    back = f"{addresses(request).to('finance')}?{urlencode(kept)}"
    if "add" in request.POST:
        return redirect(back)
    try:
        archive = open_boleto_archive(
            viewer=request.viewer,
            actor=request.actor,
            title_ids=asked.selected,
            source=ConnectionDocuments(),
            clock=clock.now,
            today=formats.today(now),
        )
    except InvalidInput as error:
        messages.warning(request, selection_problem(error.message))
        return redirect(back)
    return zip_response(archive)


@require_safe
@company_page
def export(request: CompanyRequest) -> HttpResponseBase:
    """Hand out exactly what is filtered as CSV, row by row, and record how much that was."""
    viewer, now = request.viewer, clock.now()
    today = formats.today(now)
    asked, _establishments = _asked(request, request.GET)
    summary = sum_titles(viewer=viewer, wanted=asked.wanted, today=today)
    rows = summary.of(asked.wanted.group).count
    is_workbook = _format(request) == "xlsx" and rows <= settings.PORTAL_EXPORT_AT_ONCE
    record(
        Action.TITLES_EXPORTED,
        actor=request.actor,
        company_id=viewer.company_id,
        object_kind="titles",
        detail={"rows": rows, "filter": asked.query()},
        now=now,
    )
    if is_workbook:
        return _workbook(viewer, asked.wanted, today)
    response = StreamingHttpResponse(
        _export_lines(viewer, asked.wanted, today, formats.language(), chosen_kind()),
        content_type="text/csv; charset=utf-8",
    )
    name = _("open-items")
    response["Content-Disposition"] = f'attachment; filename="{name}-{today.isoformat()}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _format(request: CompanyRequest) -> str:
    """Read in which form a list is wanted."""
    return request.GET.get("formato", "")


def _workbook(viewer: Viewer, wanted: TitleFilter, today: date) -> HttpResponseBase:
    """Write a workbook while its person waits."""
    file, name = spooled(), _("open-items")
    write_xlsx(file, _workbook_rows(viewer, wanted, today), title=_("Open items"))
    size = file.tell()
    file.seek(0)
    filename = f"{name}-{today.isoformat()}.xlsx"
    return file_response(file, filename=filename, content_type=XLSX_TYPE, size=size)


def _workbook_rows(viewer: Viewer, wanted: TitleFilter, today: date) -> Iterator[Sequence[Cell]]:
    yield export_columns()
    after, is_first = None, True
    while is_first or after:
        titles = list_titles(
            viewer=viewer, wanted=wanted, today=today, after=after, limit=EXPORT_PAGE
        )
        yield from map(export_row, titles.rows)
        after, is_first = titles.next, False


def _export_lines(
    viewer: Viewer, wanted: TitleFilter, today: date, language: str, leading: str
) -> Iterator[bytes]:
    """Write page after page. The request's scope has ended by then, so each opens its own.

    It ends with the reader's right to it.
    """
    after, is_first = None, True
    while is_first or after:
        with translation.override(language), led_by(leading):
            with reading_on(viewer, Right.FINANCE) as reader:
                if reader is None:
                    return
                titles = list_titles(
                    viewer=reader, wanted=wanted, today=today, after=after, limit=EXPORT_PAGE
                )
            rows = [csv_cells(export_row(title)) for title in titles.rows]
            head = [export_columns()] if is_first else []
            lines = b"".join(csv_lines([*head, *rows], begins=is_first))
        yield lines
        after, is_first = titles.next, False
