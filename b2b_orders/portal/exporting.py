"""Writing a list of orders into a file: at once while a person waits, or by a worker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import IO, Final, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from b2b_orders.common.errors import Conflict
from b2b_orders.common.mail import absolute, send_mail
from b2b_orders.companies.access import Viewer
from b2b_orders.documents import list_exports
from b2b_orders.documents.list_exports import (
    WRITING,
    ExportMail,
    ExportWork,
    begin_export,
    keep_export,
    note_written,
)
from b2b_orders.documents.queries import count_documents
from b2b_orders.ingest import waking
from b2b_orders.ingest.lanes import session_lock
from b2b_orders.orders.columns import Column, default_columns, list_further, read_columns
from b2b_orders.orders.filtering import OrderFilter
from b2b_orders.orders.queries import OrderRow, list_orders, search
from b2b_orders.portal import formats
from b2b_orders.portal.leading import led_by
from b2b_orders.portal.presenters.columns import file_cells, file_heads
from b2b_orders.portal.spreadsheets import Cell, write_csv, write_xlsx
from erp_bridge.records import NumberKind

PAGE: Final = 500
_IN_MEMORY: Final = 2_000_000


def list_rows(
    *, viewer: Viewer, wanted: OrderFilter, now: datetime
) -> Iterator[tuple[OrderRow, ...]]:
    """List all orders of a filter as the page lists them, some hundred at a time."""
    after, is_first = None, True
    while is_first or after:
        page = list_orders(viewer=viewer, wanted=wanted, after=after, limit=PAGE, now=now)
        yield page.rows
        after, is_first = page.next, False


def search_rows(
    *,
    viewer: Viewer,
    text: str,
    only: NumberKind | None,
    wanted: OrderFilter,
    most: int,
    now: datetime,
) -> Iterator[tuple[OrderRow, ...]]:
    """List what a search finds as the page lists it, some hundred at a time, up to `most`."""
    find = partial(search, viewer=viewer, text=text, only=only, wanted=wanted, widely=True, now=now)
    after, is_first, left = None, True, most
    while left and (is_first or after):
        found = find(after=after, limit=min(PAGE, left))
        yield found.rows
        after, is_first, left = found.next, False, left - len(found.rows)


def row_cells(
    *, viewer: Viewer, rows: Sequence[OrderRow], columns: Sequence[Column]
) -> Iterator[list[Cell]]:
    """Write the cells of some orders. Two SQL statements at most."""
    ids = [row.id for row in rows]
    counts = count_documents(viewer=viewer, order_ids=ids) if Column.DOCUMENTS in columns else {}
    further = list_further(viewer=viewer, order_ids=ids, columns=columns)
    for row in rows:
        extra = {"further": further[row.id]} if row.id in further else {}
        yield file_cells(row, columns, counts=counts.get(row.id), **extra)


def write_file(
    file: IO[bytes],
    *,
    file_format: str,
    head: Sequence[str],
    rows: Iterator[list[Cell]],
    title: str,
) -> None:
    """Write a head and rows in one of the forms."""
    lines = _chain(head, rows)
    if file_format == "xlsx":
        write_xlsx(file, lines, title=title)
    else:
        write_csv(file, lines)


def _chain(head: Sequence[str], rows: Iterator[list[Cell]]) -> Iterator[Sequence[Cell]]:
    yield head
    yield from rows


def spooled() -> IO[bytes]:
    """Open a file for what is written: in memory while it is small. The caller closes it."""
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))


def filename(file_format: str, day: datetime) -> str:
    """Name a file of orders."""
    return f"{_('orders')}-{formats.local(day).date().isoformat()}.{file_format}"


# --- by a worker ----------------------------------------------------------------------------


class _NotWantedError(Exception):
    """Somebody cancelled it while it was written."""


def wake(export_id: int) -> None:
    """Send an export to a worker; without a broker the sweeper finds its row."""
    waking.send("orders.write_export", expires=60, queue="sync", export_id=export_id)


def wake_aside(export_id: int) -> None:
    """Wake a worker without making a page wait."""
    waking.aside(lambda: wake(export_id))


def run_export(*, export_id: int, clock: Callable[[], datetime]) -> bool:
    """Write an export from its beginning to its end; say whether it is there.

    Of a killed worker nothing is left but the row, and the next one begins anew: a file is
    of one moment's rights.
    """
    try:
        with session_lock(WRITING, export_id):
            work = begin_export(export_id=export_id, now=clock())
            is_kept = work is not None and _write(work, clock)
    except Conflict:
        return False
    if is_kept:
        tell_finished(now=clock())
    return is_kept


def _write(work: ExportWork, clock: Callable[[], datetime]) -> bool:
    columns = read_columns(work.viewer, work.columns) or default_columns(work.viewer)
    written = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal written
        wanted = OrderFilter.from_query(work.query)
        for page in list_rows(viewer=work.viewer, wanted=wanted, now=clock()):
            yield from row_cells(viewer=work.viewer, rows=page, columns=columns)
            written += len(page)
            if not note_written(export_id=work.id, written=written):
                raise _NotWantedError

    language = work.language or settings.LANGUAGE_CODE
    with (
        translation.override(language),
        timezone.override(_zone(work.time_zone)),
        led_by(work.leading_number),
        spooled() as file,
    ):
        try:
            write_file(
                file,
                file_format=work.format,
                head=file_heads(columns),
                rows=rows(),
                title=_("Orders"),
            )
        except _NotWantedError:
            return False
        size = file.tell()
        file.seek(0)
        return keep_export(work=work, content=file, size=size, written=written, now=clock())


def tell_finished(*, now: datetime) -> int:
    """Tell people by mail that their export is ready; say how many were told."""
    return list_exports.tell_finished(now=now, send=send_ready)


def send_ready(mail: ExportMail) -> None:
    """Mail where a list is: a link that asks for a log-in, and nothing of what is in it."""
    language = mail.language or settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(_zone(mail.time_zone)):
        subject = _("Your list of orders is ready")
        expires = formats.full_moment(mail.expires_at)
        rows = formats.count(mail.rows)
    page = reverse("portal:list-exports", kwargs={"company": mail.company_public_id})
    send_mail(
        to=mail.email,
        subject=subject,
        template="export_ready",
        context={
            "name": mail.name,
            "company": mail.company,
            "count": mail.rows,
            "rows": rows,
            "expires": expires,
            "link": absolute(page),
        },
        language=language,
    )


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name or settings.TIME_ZONE)
