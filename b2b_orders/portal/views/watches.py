"""Asking to be told when a document is there, and taking that back."""

from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from b2b_orders.common import clock
from b2b_orders.common.errors import NotAllowed, NotVisible
from b2b_orders.documents.watching import unwatch, watch
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.requests import CompanyRequest, company_page


@require_POST
@company_page
def change(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Tell the viewer when a document is there, or no more; back at its row in the order."""
    change_it = unwatch if request.POST.get("undo") else watch
    try:
        change_it(viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now())
    except NotAllowed as error:
        # The seller's people are not offered it.
        raise NotVisible from error
    page = addresses(request).to("order", public_id=order)
    return redirect(f"{page}#doc-{public_id}")
