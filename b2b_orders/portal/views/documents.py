"""Taking a document: as a file, or back to the order's page with the reason why not."""

from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.files import file_response
from b2b_orders.documents.archive_words import RENDER_FAILURE, name_to_save
from b2b_orders.documents.payables import WITHHELD
from b2b_orders.documents.rendering import BEING_MADE
from b2b_orders.documents.services import DocumentUnavailable, open_download
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.documents import damaged_words
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.views.making import show_making
from b2b_orders.portal.views.order import Alert, show_order

# Not a 5xx: those undo what was written, and a damaged file must stay on operations' list.
SOURCE_FAILED = 424
NOT_NOW = 409


@require_safe
@company_page
def download(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Hand out a document, byte for byte."""
    try:
        taken = open_download(
            viewer=request.viewer,
            actor=request.actor,
            public_id=public_id,
            source=ConnectionDocuments(),
            now=clock.now(),
            as_copy="copia" in request.GET,
        )
    except DocumentUnavailable as error:
        if error.reason == BEING_MADE or error.reason in RENDER_FAILURE:
            return show_making(request, order, public_id, is_file=True)
        if error.reason in WITHHELD:
            # Paid, cancelled or made anew: the payment page says so, and what to do.
            return redirect(addresses(request).to("payment", order=order, public_id=public_id))
        return _refused(request, order, public_id, error)
    return file_response(
        taken.open(),
        filename=name_to_save(taken),
        content_type=taken.content_type,
        size=taken.size,
    )


def _refused(
    request: CompanyRequest, order: UUID, public_id: UUID, error: DocumentUnavailable
) -> HttpResponseBase:
    retry = addresses(request).to("document", order=order, public_id=public_id)
    if error.is_damaged:
        alert = Alert(_("Damaged file"), damaged_words(), retry)
    elif error.state == "expected":
        alert = Alert(_("Being issued"), _("This document is not there yet. Try again later."))
    elif error.state == "not_applicable":
        alert = Alert(_("Does not apply"), _("This order needs no such document."))
    elif error.state == "cancelled":
        alert = Alert(_("Cancelled"), _("It was cancelled, so there is nothing to pay."))
    elif error.state == "replaced":
        alert = Alert(_("Replaced"), _("It was replaced: take the new one."))
    else:
        text = _("The source did not hand out this file just now. You can try again.")
        alert = Alert(_("The document could not be fetched"), text, retry)
    is_settled = error.state in {"expected", "not_applicable", "cancelled", "replaced"}
    status = NOT_NOW if is_settled else SOURCE_FAILED
    failure = (public_id, alert.text) if alert.retry else None
    return show_order(request, order, failure=failure, alert=alert, status=status)
