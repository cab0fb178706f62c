"""/pedidos/lote: up to some hundred numbers in, what they lead to out."""

from __future__ import annotations

from dataclasses import dataclass

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Right
from b2b_orders.documents.list_exports import FORMATS
from b2b_orders.orders.many import MOST, Answer, count_alike, find_many
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.number_lists import (
    MAX_BYTES,
    MAX_GIVEN,
    as_text,
    read_file,
    split_numbers,
)
from b2b_orders.portal.presenters.many import (
    column_words,
    file_heads,
    file_rows,
    many_page,
    problem_words,
)
from b2b_orders.portal.requests import CompanyRequest, company_page
from b2b_orders.portal.views.list_exports import hand_out, have_packed

WRONG = 400


@dataclass(frozen=True, slots=True)
class _Given:
    """The numbers that were given, and from where in a file."""

    numbers: tuple[str, ...]
    source: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@company_page
def many(request: CompanyRequest) -> HttpResponseBase:
    """Answer many numbers: as a page, as a file, or by their documents."""
    if request.method != "POST":
        return _page(request, _Given(()))
    given = _Given(split_numbers(request.POST.get("numeros", "")))
    try:
        given = _of_file(request) or given
        answers = find_many(viewer=request.viewer, texts=given.numbers)
    except InvalidInput as error:
        problem = problem_words(error.message, len(given.numbers))
        return _page(request, given, problem=problem, where=error.field)
    _record(request, answers)
    action = request.POST.get("acao", "")
    if action in FORMATS:
        return hand_out(
            request,
            action,
            file_heads(request.viewer),
            file_rows(answers, viewer=request.viewer),
            title=_("Orders"),
            now=clock.now(),
            about={"how": "many numbers", "format": action},
        )
    if action == "zip" and request.viewer.can(Right.DOCUMENTS):
        ids = tuple(dict.fromkeys(hit.row.public_id for each in answers for hit in each.hits))
        packed = have_packed(request, ids[:MOST]) if ids else None
        if packed is not None:
            return packed
    return _page(request, given, answers=answers)


def _of_file(request: CompanyRequest) -> _Given | None:
    """Read the file that was given, if any: it goes before what stands in the box."""
    file = request.FILES.get("arquivo")
    if file is None:
        return None
    if (file.size or 0) > MAX_BYTES:
        raise InvalidInput("file", "file-too-large")
    read = read_file(file.read())
    return _Given(read.numbers, column_words(read.column, read.heading))


def _record(request: CompanyRequest, answers: tuple[Answer, ...]) -> None:
    record(
        Action.NUMBERS_PASTED,
        actor=request.actor,
        company_id=request.viewer.company_id,
        object_kind="numbers",
        detail={"numbers": len(answers), "found": sum(bool(each.hits) for each in answers)},
        now=clock.now(),
    )


def _page(
    request: CompanyRequest,
    given: _Given,
    *,
    answers: tuple[Answer, ...] = (),
    problem: str = "",
    where: str = "",
) -> HttpResponseBase:
    to, viewer = addresses(request), request.viewer
    alike = count_alike(viewer=viewer, answers=answers)
    context = {
        "here": to.to("many"),
        "back": to.to("orders"),
        "text": as_text(given.numbers[:MAX_GIVEN]),
        "source": given.source,
        "problem": problem,
        "is_file": where == "file",
        "most": MOST,
        "page": many_page(answers, viewer=viewer, to=to, alike=alike) if answers else None,
        "can_pack": viewer.can(Right.DOCUMENTS),
    }
    status = WRONG if problem else 200
    return render(request, "portal/orders/many.html", context, status=status)
