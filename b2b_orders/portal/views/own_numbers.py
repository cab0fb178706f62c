"""Adding a number by which the customer knows an order, and taking it away again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.ingest import added_work
from b2b_orders.orders.added import LONGEST, AlreadyElsewhere, add_number, remove_number
from b2b_orders.orders.queries import get_order
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.own_numbers import elsewhere_words, problem_words
from b2b_orders.portal.requests import CompanyRequest, company_page

INVALID = 400


@require_http_methods(["GET", "HEAD", "POST"])
@company_page
def add(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Ask for the number; warn before it is added to a second order, and keep what was typed."""
    to, typed = addresses(request), request.POST.get("number", "")
    more: dict[str, object] = {}
    if request.method == "POST":
        try:
            order = add_number(
                viewer=request.viewer,
                actor=request.actor,
                order_public_id=public_id,
                text=typed,
                confirmed=request.POST.get("confirmed", ""),
                now=clock.now(),
            )
        except InvalidInput as error:
            more = {"error": problem_words(error.message)}
        except AlreadyElsewhere as error:
            more = {"warning": elsewhere_words(error.titles), "confirmed": error.value}
        else:
            transaction.on_commit(added_work.wake_aside)
            messages.success(
                request, _("The number was added. The order is found by it in a moment.")
            )
            return redirect(to.to("order", public_id=order) + "#own-numbers")
    detail = get_order(viewer=request.viewer, public_id=public_id, line_limit=0)
    context = {
        "title": leading_number(detail.row.title, detail.row.numbers),
        "back": to.to("order", public_id=detail.row.public_id),
        "action": to.to("own-numbers", public_id=detail.row.public_id),
        "number": typed[: 2 * LONGEST],
        "longest": LONGEST,
    }
    status = INVALID if more else 200
    return render(request, "portal/orders/own_number.html", context | more, status=status)


@require_POST
@company_page
def remove(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Take an added number away; back at the order."""
    try:
        own = remove_number(
            viewer=request.viewer,
            actor=request.actor,
            order_public_id=order,
            public_id=public_id,
            now=clock.now(),
        )
    except NotAllowed as error:
        # There is no button for them.
        raise NotVisible from error
    transaction.on_commit(added_work.wake_aside)
    messages.success(request, _("The number was taken away."))
    return redirect(addresses(request).to("order", public_id=own) + "#own-numbers")
