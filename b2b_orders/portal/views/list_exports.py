"""Lists of orders as files, and the documents of orders that were picked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.files import file_response
from b2b_orders.documents.list_exports import (
    FORMATS,
    ExportGone,
    drop_export,
    list_exports,
    request_export,
    take_export,
)
from b2b_orders.documents.packing import Choice
from b2b_orders.documents.packs import request_pack
from b2b_orders.ingest import packs_work
from b2b_orders.orders.columns import Column
from b2b_orders.orders.many import MOST
from b2b_orders.orders.queries import count_listed, list_picked
from b2b_orders.portal import exporting, formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.list_address import ONLY_IN, only_in
from b2b_orders.portal.presenters import packs as pack_words
from b2b_orders.portal.presenters.columns import file_heads
from b2b_orders.portal.presenters.list_tools import export_items, gone_words, problem_words
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text
from b2b_orders.portal.spreadsheets import CONTENT_TYPE, Cell
from b2b_orders.portal.views.list_tools import (
    kept_list,
    list_address,
    shown_list,
    wanted_list,
)

GONE = 410


@require_POST
@company_page
def export(request: CompanyRequest) -> HttpResponseBase:
    """Hand out exactly what the list shows as a file, or have a long one written."""
    viewer, now, given = request.viewer, clock.now(), request.POST
    wanted, file_format = wanted_list(request, given), _format(given)
    columns = shown_list(request, given).columns
    typed, detail = typed_text(given).strip(), {"filter": wanted.to_query(), "format": file_format}
    if typed:
        most = settings.PORTAL_EXPORT_AT_ONCE
        pages = exporting.search_rows(
            viewer=viewer,
            text=typed,
            only=ONLY_IN.get(only_in(given)),
            wanted=wanted,
            most=most,
            now=now,
        )
        detail["how"] = "search"
    else:
        most = settings.PORTAL_EXPORT_ROWS
        total = count_listed(viewer=viewer, wanted=wanted, most=most, now=now)
        if not total:
            return _back(request, "nothing-to-export")
        if total > settings.PORTAL_EXPORT_AT_ONCE:
            return _have_written(request, columns, file_format, total, now)
        pages = exporting.list_rows(viewer=viewer, wanted=wanted, now=now)
    rows = (
        cells
        for page in pages
        for cells in exporting.row_cells(viewer=viewer, rows=page, columns=columns)
    )
    return hand_out(
        request, file_format, file_heads(columns), rows, title=_("Orders"), now=now, about=detail
    )


def _format(given: QueryDict) -> str:
    chosen = given.get("formato", "")
    return chosen if chosen in FORMATS else FORMATS[0]


def hand_out(
    request: CompanyRequest,
    file_format: str,
    head: Sequence[str],
    rows: Iterator[list[Cell]],
    *,
    title: str,
    now: datetime,
    about: Mapping[str, object],
) -> HttpResponseBase:
    """Write a file while its person waits, record how much it holds, and hand it out."""
    written = 0

    def counted() -> Iterator[list[Cell]]:
        nonlocal written
        for row in rows:
            written += 1
            yield row

    file = exporting.spooled()
    exporting.write_file(file, file_format=file_format, head=head, rows=counted(), title=title)
    record(
        Action.ORDERS_EXPORTED,
        actor=request.actor,
        company_id=request.viewer.company_id,
        object_kind="orders",
        detail=dict(about) | {"rows": written},
        now=now,
    )
    size = file.tell()
    file.seek(0)
    return file_response(
        file,
        filename=exporting.filename(file_format, now),
        content_type=CONTENT_TYPE[file_format],
        size=size,
    )


def _have_written(
    request: CompanyRequest,
    columns: Sequence[Column],
    file_format: str,
    total: int,
    now: datetime,
) -> HttpResponseBase:
    try:
        asked = request_export(
            viewer=request.viewer,
            actor=request.actor,
            query=wanted_list(request, request.POST).to_query(),
            columns=[each.value for each in columns],
            file_format=file_format,
            total=total,
            language=formats.language(),
            time_zone=timezone.get_current_timezone_name(),
            now=now,
        )
    except InvalidInput as error:
        return _back(request, error.message)
    except Conflict as error:
        return _back(request, str(error))
    transaction.on_commit(lambda: exporting.wake_aside(asked.id))
    text = _("The list is being prepared. You may leave: we write to you when it is ready.")
    messages.success(request, text)
    return redirect(addresses(request).to("list-exports"))


def _back(request: CompanyRequest, problem: str) -> HttpResponseBase:
    """Return to the list, and say why nothing was made of it."""
    messages.warning(request, problem_words(problem))
    return _to_list(request)


def _to_list(request: CompanyRequest) -> HttpResponseBase:
    kept = kept_list(request.POST.urlencode()) or kept_list(request.POST.get("lista", ""))
    return redirect(list_address(addresses(request), kept))


@require_POST
@company_page
def picked(request: CompanyRequest) -> HttpResponseBase:
    """Hand out a file of the orders that were picked, or have their documents prepared."""
    viewer, now = request.viewer, clock.now()
    ids = _ids(request.POST.getlist("pedido"))
    if not ids:
        return _back(request, "nothing-picked")
    if request.POST.get("acao") == "zip":
        return have_packed(request, ids) or _to_list(request)
    rows = list_picked(viewer=viewer, public_ids=ids)
    if not rows:
        raise NotVisible
    file_format = _format(request.POST)
    columns = shown_list(request, request.POST).columns
    return hand_out(
        request,
        file_format,
        file_heads(columns),
        exporting.row_cells(viewer=viewer, rows=rows, columns=columns),
        title=_("Orders"),
        now=now,
        about={"how": "picked", "format": file_format},
    )


def _ids(given: Sequence[str]) -> tuple[UUID, ...]:
    found = []
    for each in given[: 2 * MOST]:
        try:
            found.append(UUID(each))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))[:MOST]


def have_packed(request: CompanyRequest, ids: Sequence[UUID]) -> HttpResponseBase | None:
    """Have all documents of some orders prepared; None, with a word why, if that cannot be."""
    try:
        pack = request_pack(
            viewer=request.viewer,
            actor=request.actor,
            choice=Choice(orders=tuple(ids)),
            language=formats.language(),
            now=clock.now(),
        )
    except NotAllowed as error:
        raise NotVisible from error
    except (InvalidInput, Conflict) as error:
        code = error.message if isinstance(error, InvalidInput) else str(error)
        messages.warning(request, pack_words.problem_words(code))
        return None
    transaction.on_commit(lambda: packs_work.wake_aside(pack.id))
    text = _("They are being prepared. You may leave: we write to you when they are ready.")
    messages.success(request, text)
    return redirect(addresses(request).to("packs") + "#downloads")


@require_safe
@company_page
def exports(request: CompanyRequest) -> HttpResponseBase:
    """Show the person's own lists as files, and how far those are that are being written."""
    to, found = addresses(request), list_exports(viewer=request.viewer)
    context = {
        "exports": export_items(found, to=to, now=clock.now()),
        "is_waiting": any(each.is_unfinished for each in found),
        "poll": to.to("list-exports"),
        "back": to.to("orders"),
    }
    template = "portal/orders/_exports.html" if request.htmx else "portal/orders/exports.html"
    response = render(request, template, context)
    patch_vary_headers(response, ("HX-Request",))
    return response


@require_GET
@company_page
def take(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Hand out a list that a worker wrote."""
    try:
        taken = take_export(
            viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now()
        )
    except ExportGone as error:
        context = {"heading": _("This file is gone"), "sentence": gone_words(error.reason)}
        context |= {"icon": "clock", "action": _("Prepared lists")}
        context["action_url"] = addresses(request).to("list-exports")
        return render(request, "errors/error.html", context, status=GONE)
    return file_response(
        taken.open(),
        filename=exporting.filename(taken.format, taken.asked_at),
        content_type=CONTENT_TYPE[taken.format],
        size=taken.size,
    )


@require_POST
@company_page
def drop(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Cancel or delete a list of the person's own."""
    drop_export(viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now())
    return redirect(addresses(request).to("list-exports"))
