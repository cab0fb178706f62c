"""Asking about an order, answering, and the questions that wait."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.documents.queries import DocumentRow, list_documents
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders import questions
from b2b_orders.orders.queries import OrderDetail, get_order
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.questions import (
    Answering,
    answer_problem,
    document_choices,
    problem,
    snapshot,
    waiting_items,
)
from b2b_orders.portal.presenters.sources import order_states, source_lines
from b2b_orders.portal.requests import CompanyRequest, StaffRequest, company_page, staff_page
from b2b_orders.portal.views.order import show_order

INVALID = 400


@require_http_methods(["GET", "HEAD", "POST"])
@company_page
def ask(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Ask about an order, or about one of its documents."""
    now, to = clock.now(), addresses(request)
    detail = get_order(viewer=request.viewer, public_id=public_id, line_limit=0)
    if request.viewer.is_staff:
        raise NotVisible
    documents = list_documents(viewer=request.viewer, order_id=detail.row.id)
    given = request.POST if request.method == "POST" else request.GET
    chosen = next(
        (row for row in documents if str(row.public_id) == given.get("document", "")), None
    )
    text, error = without_nul(given.get("text", "")), ""
    if request.method == "POST":
        try:
            question = questions.ask(
                viewer=request.viewer,
                actor=request.actor,
                order_id=detail.row.id,
                order_public_id=detail.row.public_id,
                text=text,
                document=chosen.public_id if chosen else None,
                seen=snapshot(detail, documents, now=now),
                now=now,
            )
        except InvalidInput as refused:
            error = problem(refused.message)
        except Conflict as refused:
            error = problem(str(refused))
        else:
            done = _("Your question was sent. The answer shows here, and comes by e-mail.")
            messages.success(request, done)
            page = to.to("order-history", public_id=detail.row.public_id)
            return redirect(f"{page}#question-{question}")
    return _form(request, detail, documents, chosen, text, error)


def _form(
    request: CompanyRequest,
    detail: OrderDetail,
    documents: tuple[DocumentRow, ...],
    chosen: DocumentRow | None,
    text: str,
    error: str,
) -> HttpResponse:
    to = addresses(request)
    states = order_states(detail.sources, list_source_states())
    context = {
        "order": leading_number(detail.row.title, detail.row.numbers),
        "sources": source_lines(states, now=clock.now()),
        "choices": document_choices(documents, str(chosen.public_id) if chosen else ""),
        "text": text,
        "error": error,
        "most": questions.MOST_ASKED,
        "back": to.to("order", public_id=detail.row.public_id),
    }
    status = INVALID if error else 200
    return render(request, "portal/orders/ask.html", context, status=status)


@require_POST
@company_page
def answer(request: CompanyRequest, order: UUID, public_id: UUID) -> HttpResponseBase:
    """Answer a question of a company that one acts for or looks after."""
    text = without_nul(request.POST.get("text", ""))
    try:
        questions.answer(
            viewer=request.viewer,
            actor=request.actor,
            order_public_id=order,
            public_id=public_id,
            text=text,
            now=clock.now(),
        )
    except InvalidInput as refused:
        answering = Answering(public_id, text, answer_problem(refused.message))
        return show_order(request, order, answering=answering, status=INVALID)
    done = _("The answer is on the order's timeline, and goes to the asker by e-mail.")
    messages.success(request, done)
    page = addresses(request).to("order-history", public_id=order)
    return redirect(f"{page}#question-{public_id}")


@require_safe
@staff_page(lambda staff: not staff.can_operate)
def waiting(request: StaffRequest) -> HttpResponseBase:
    """List the questions that wait for an answer, oldest first."""
    rows = questions.open_questions(viewer=request.staff)
    entered = frozenset(each.company_public_id for each in request.all_acting)
    context = {
        "items": waiting_items(rows, entered=entered, acts=request.staff.can_act, now=clock.now()),
        "sources": source_lines(list_source_states(), now=clock.now()),
    }
    return render(request, "portal/staff/questions.html", context)
