"""/operacao/auditoria: the whole record, searched and taken away by operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.audit.search import AuditFilter, record_search, search_audit
from b2b_orders.common import clock
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.viewers import still_staff
from b2b_orders.orders.staff_queries import staff_search
from b2b_orders.portal import formats
from b2b_orders.portal.presenters.audit_search import (
    AskedAudit,
    audit_columns,
    audit_form,
    audit_items,
    audit_row,
    read_audit_query,
)
from b2b_orders.portal.spreadsheets import csv_lines
from b2b_orders.portal.views.operations import (
    PAGE,
    OperationsRequest,
    older,
    operations_page,
    paged,
    show,
)

EXPORT_PAGE = 500
# An export beyond this is cut and says so: narrow it by days.
EXPORT_MOST = 100_000


@operations_page
@require_safe
def page(request: OperationsRequest) -> HttpResponseBase:
    """Show lines of the record; what was searched for is a line itself."""
    now, asked = clock.now(), _asked(request)
    rows = paged(
        request,
        lambda after: search_audit(
            viewer=request.staff, wanted=asked.wanted, after=after, limit=PAGE
        ),
    )
    record_search(
        viewer=request.staff, actor=request.actor, wanted=asked.query, is_export=False, now=now
    )
    export_url = reverse("portal:operations-audit-export")
    context = {
        "items": audit_items(rows.rows, now=now),
        "form": audit_form(asked),
        "export_url": f"{export_url}?{urlencode(asked.query)}" if asked.query else export_url,
        "older": older(request, rows.next),
    }
    return show(request, "audit", context)


@operations_page
@require_safe
def export(request: OperationsRequest) -> HttpResponseBase:
    """Hand out what is filtered as CSV, and record that it was taken."""
    now, asked = clock.now(), _asked(request)
    record_search(
        viewer=request.staff, actor=request.actor, wanted=asked.query, is_export=True, now=now
    )
    response = StreamingHttpResponse(
        _lines(request.staff, asked.wanted, formats.language()),
        content_type="text/csv; charset=utf-8",
    )
    name = f"{_('audit')}-{formats.today(now).isoformat()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _asked(request: OperationsRequest) -> AskedAudit:
    return read_audit_query(request.GET, lambda typed: _objects(request.staff, typed))


def _objects(viewer: StaffViewer, typed: str) -> list[str]:
    """Return by which ids lines may name what was typed: itself, or orders with that number."""
    # Operations read lines of every company, whatever their portfolio or team.
    everywhere = replace(viewer, company_ids=None, team_id=None)
    hits = staff_search(viewer=everywhere, text=typed)
    exact = [hit for hit in hits if hit.matched is None or hit.matched.how == "exact"]
    return [typed[:40], *(str(hit.order_public_id) for hit in exact)]


def _lines(viewer: StaffViewer, wanted: AuditFilter, language: str) -> Iterator[bytes]:
    """Write page after page, each in a scope of its own."""
    after, count, is_first = None, 0, True
    while is_first or after:
        if still_staff(viewer) is None:
            return
        with translation.override(language):
            rows = search_audit(viewer=viewer, wanted=wanted, after=after, limit=EXPORT_PAGE)
            count += len(rows.rows)
            table = [audit_row(item) for item in audit_items(rows.rows, now=clock.now())]
            is_cut = rows.next is not None and count >= EXPORT_MOST
            if is_cut:
                table.append([_("There are more lines. Choose fewer days.")])
            head = [audit_columns()] if is_first else []
            lines = b"".join(csv_lines([*head, *table], begins=is_first))
        yield lines
        after, is_first = None if is_cut else rows.next, False
