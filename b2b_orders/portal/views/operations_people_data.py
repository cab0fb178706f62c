"""/operacao/dados-pessoais: answering what people ask about their data."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.requests import without_nul
from b2b_orders.ingest.errands import Kind
from b2b_orders.ingest.person_export import find_person, take_export
from b2b_orders.portal.errands import ask, asked_kind
from b2b_orders.portal.presenters.people_data import export_items
from b2b_orders.portal.views.my_data import zip_answer
from b2b_orders.portal.views.operations import (
    OperationsRequest,
    operations_page,
    show,
    shows_and_asks,
)


@operations_page
@shows_and_asks
def page(request: OperationsRequest) -> HttpResponseBase:
    """Find a person by their whole address; have their data put together, or taken out."""
    now, slip = clock.now(), None
    if request.method == "POST":
        kind = asked_kind(request, (Kind.EXPORT_PERSON, Kind.ANONYMISE_PERSON))
        given = {name: request.POST.get(name, "") for name in ("person", "confirm")}
        answer = ask(request, kind, given)
        if isinstance(answer, HttpResponse):
            return answer
        slip = answer
    typed = without_nul(request.GET.get("pessoa", "")).strip()[:254]
    found = find_person(viewer=request.staff, text=typed, now=now) if typed else None
    context = {
        "typed": typed,
        "found": found,
        # The second step, which says what will be gone.
        "is_confirming": "anonimizar" in request.GET,
        "items": export_items(
            found.exports if found else (), page="portal:operations-people-data-file", now=now
        ),
    }
    return show(request, "people_data", context, slip)


@operations_page
@require_safe
def take(request: OperationsRequest, public_id: UUID) -> HttpResponseBase:
    """Hand out a file that operations had made, and record it."""
    content = take_export(
        viewer=request.staff, actor=request.actor, public_id=public_id, now=clock.now()
    )
    return zip_answer(content, _("personal-data"))
