"""What a boleto is paid with, checked at its source when the page is opened."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.documents.payables import Payable, show_payable
from b2b_orders.documents.title_payments import show_title
from b2b_orders.ingest.payables import ConnectionPayables
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.presenters.payments import payment_page
from b2b_orders.portal.requests import CompanyRequest, company_page


@require_safe
@company_page
def document(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Show what a boleto is paid with, or that it is paid; what a tax slip says."""
    del order
    payable = show_payable(
        viewer=request.viewer,
        actor=request.actor,
        public_id=public_id,
        source=ConnectionPayables(),
        now=clock.now(),
    )
    return _page(request, payable)


@require_safe
@company_page
def title(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show what an amount due is paid with that has no boleto's file."""
    shown = show_title(
        viewer=request.viewer,
        actor=request.actor,
        order_public_id=public_id,
        ref=request.GET.get("titulo", ""),
        now=clock.now(),
    )
    if isinstance(shown, UUID):
        # Its boleto can be checked, so that is what is shown.
        to = addresses(request)
        return redirect(to.to("payment", order=public_id, public_id=shown))
    return _page(request, shown)


def _page(request: CompanyRequest, payable: Payable) -> HttpResponse:
    page = payment_page(
        payable, to=addresses(request), here=request.get_full_path(), now=clock.now()
    )
    response = render(request, "portal/payments/payment.html", {"page": page})
    # An hour from now it may be paid: neither a browser nor "back" may show this again.
    response["Cache-Control"] = "private, no-store"
    return response
