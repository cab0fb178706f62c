"""A page that we make of an XML, while it is made: waiting, then the file, or why not."""

from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from b2b_orders.common import clock
from b2b_orders.documents.rendering import get_progress
from b2b_orders.ingest.rendering_work import wake_workers
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.making import making_page
from b2b_orders.portal.requests import CompanyRequest, company_page

# Programs that take documents by their address ask again after so many seconds.
RETRY_AFTER = 2
FAILED = 424


@require_safe
@company_page
def show(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Say how far a page is; once it is made, lead to it."""
    return show_making(request, order, public_id)


def show_making(
    request: CompanyRequest, order: UUID, public_id: UUID, *, is_file: bool = False
) -> HttpResponseBase:
    """Build the page of waiting; `is_file`: instead of the file that was asked for."""
    to = addresses(request)
    progress = get_progress(viewer=request.viewer, public_id=public_id, now=clock.now())
    page = making_page(progress, order=order, public_id=public_id, to=to)
    if page.is_waiting and is_file:
        wake_workers()
    if request.htmx and page.is_ready:
        # A whole page, which then starts the download: a fragment cannot.
        return HttpResponseClientRedirect(page.here)
    template = "portal/documents/_making.html" if request.htmx else "portal/documents/making.html"
    status = 200 if not is_file or page.is_ready else 202 if page.is_waiting else FAILED
    response = render(request, template, {"page": page}, status=status)
    if page.is_waiting:
        response["Retry-After"] = str(RETRY_AFTER)
    response["Cache-Control"] = "private, no-store"
    return response
