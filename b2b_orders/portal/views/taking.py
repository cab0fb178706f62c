"""Showing a document in the browser, and taking all of an order's as one ZIP file."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from b2b_orders.common import clock
from b2b_orders.common.files import file_response, name_file, seal
from b2b_orders.documents.packing import OrderArchive, TooManyToWait, open_order_archive
from b2b_orders.documents.services import DocumentUnavailable
from b2b_orders.documents.viewing import NotShown, open_view
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.requests import CompanyRequest, company_page


@require_GET
@company_page
def view(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Show a document; what can only be downloaded is offered so instead."""
    try:
        taken = open_view(
            viewer=request.viewer,
            actor=request.actor,
            public_id=public_id,
            source=ConnectionDocuments(),
            now=clock.now(),
        )
    except (NotShown, DocumentUnavailable):
        # The download says what is wrong with it, and how.
        return redirect(addresses(request).to("document", order=order, public_id=public_id))
    return file_response(
        taken.open(),
        filename=taken.filename,
        content_type=taken.content_type,
        size=taken.size,
        as_attachment=False,
    )


@require_safe
@company_page
def order_zip(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Stream all documents of an order as one ZIP file; too many are offered as a pack."""
    to = addresses(request)
    if request.method == "HEAD":
        return HttpResponse(content_type="application/zip")
    try:
        archive = open_order_archive(
            viewer=request.viewer,
            actor=request.actor,
            order_public_id=public_id,
            source=ConnectionDocuments(),
            clock=clock.now,
        )
    except TooManyToWait:
        text = _("These are too many files to wait for: have them prepared, and take them then.")
        messages.info(request, text)
        return redirect(to.to("packs", {"pedido": str(public_id)}))
    return zip_response(archive)


def zip_response(archive: OrderArchive) -> StreamingHttpResponse:
    """Build the answer that streams a ZIP file while it is written."""
    response = StreamingHttpResponse(archive.stream, content_type="application/zip")
    name_file(response, archive.filename)
    # A proxy that waited for the whole would keep the first byte back.
    response["X-Accel-Buffering"] = "no"
    seal(response)
    return response
