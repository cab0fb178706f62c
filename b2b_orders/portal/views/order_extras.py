"""What stands on an order's page beside the order: added numbers, and what staff need on a call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from b2b_orders.companies.languages import language_of_company
from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.added import list_added
from b2b_orders.orders.duplicates import duplicates_of
from b2b_orders.orders.queries import OrderDetail, OrderRow, neighbours
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.list_address import address, filter_of
from b2b_orders.portal.presenters.customer import duplicate_items
from b2b_orders.portal.presenters.own_numbers import own_number_items
from b2b_orders.portal.presenters.readout import chosen_language, order_readout
from b2b_orders.portal.requests import CompanyRequest, typed_text


def about_numbers(request: CompanyRequest, detail: OrderDetail, now: datetime) -> dict[str, object]:
    """Show the numbers that people added, and where one more is added."""
    to, order = addresses(request), detail.row.public_id
    rows = list_added(viewer=request.viewer, order_id=detail.row.id)
    return {
        "own_numbers": own_number_items(rows, order=order, to=to, now=now),
        "add_number": to.to("own-numbers", public_id=order),
    }


def from_list(request: CompanyRequest, row: OrderRow, now: datetime) -> dict[str, object]:
    """Lead back to the list that the order was opened from, and to its neighbours there.

    What a number found has no neighbours: it is looked up, not gone through.
    """
    to, typed, wanted = addresses(request), typed_text(request.GET), filter_of(request.GET)
    pairs = wanted.pairs()
    if typed.strip():
        return {"back": address(to.to("orders"), [("q", typed), *pairs, ("listar", "1")])}
    found = neighbours(viewer=request.viewer, order_id=row.id, wanted=wanted, now=now)
    previous_url, next_url = (
        address(to.to("order", public_id=each), pairs) if each else "" for each in found
    )
    return {
        "back": address(to.to("orders"), pairs),
        "previous_url": previous_url,
        "next_url": next_url,
    }


def for_staff(
    request: CompanyRequest,
    detail: OrderDetail,
    states: Iterable[SourceState],
    now: datetime,
) -> dict[str, object]:
    """Show the seller's people what they read out, and what may have been placed twice."""
    viewer, to = request.viewer, addresses(request)
    if not viewer.is_staff:
        return {}
    order = detail.row.public_id
    language = chosen_language(request.GET.get("leitura", ""), language_of_company(viewer=viewer))
    # Who does not act looks after the customer.
    sells = viewer.acting_id is None
    return {
        "readout": order_readout(
            detail,
            states,
            language=language,
            base=to.to("order", public_id=order),
            # The customer's own address of it: staff's begins with the company.
            link=settings.PORTAL_URL.rstrip("/")
            + reverse("portal:order", kwargs={"public_id": order}),
            now=now,
        ),
        "is_reading": "leitura" in request.GET,
        "duplicates": duplicate_items(duplicates_of(viewer=viewer, order_id=detail.row.id), to=to),
        "sheet": to.to("customer") if sells else "",
    }
