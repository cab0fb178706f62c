"""/documentos: having many documents prepared, seeing how far that is, taking them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.files import file_response
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import Right
from b2b_orders.documents.archive_words import KINDS
from b2b_orders.documents.packing import Choice, count_choice, has_documents
from b2b_orders.documents.packs import PackGone, drop_pack, list_packs, request_pack, take_part
from b2b_orders.documents.queries import FINANCIAL
from b2b_orders.documents.sharing import list_shares
from b2b_orders.ingest import packs_work
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.orders.queries import get_order, scope_facts
from b2b_orders.portal import formats
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.packs import (
    choice_form,
    count_words,
    gone_words,
    pack_items,
    problem_words,
    usual_month,
)
from b2b_orders.portal.presenters.sending import share_items
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page

GONE = 410


@require_safe
@company_page
def packs(request: CompanyRequest) -> HttpResponseBase:
    """Show what can be asked for, how many that is, and the person's own downloads."""
    viewer, now, to = request.viewer, clock.now(), addresses(request)
    if not viewer.can(Right.DOCUMENTS):
        raise NotVisible
    found = list_packs(viewer=viewer)
    context: dict[str, object] = {
        "packs": pack_items(found, to=to, now=now),
        "is_waiting": any(pack.is_unfinished for pack in found),
        "poll": to.to("packs", {"parte": "pacotes"}),
    }
    if request.htmx and request.GET.get("parte") == "pacotes":
        return _fragment(request, "portal/documents/_packs.html", context)
    today = formats.today(now)
    # Without a choice yet, what is asked for most stands ready.
    given = request.GET or QueryDict(f"mes={usual_month(today)}")
    choice, problem = _choice(given)
    context |= {"problem": problem, "ask_url": to.to("ask-pack")}
    if not problem:
        counted = count_choice(viewer=viewer, choice=choice)
        is_any = counted.total > 0 or has_documents(viewer=viewer)
        context |= {"count": count_words(counted, is_any=is_any), "can_ask": counted.total > 0}
    context["form"] = choice_form(
        choice,
        given,
        kinds=_kinds(request),
        establishments=scope_facts(viewer=viewer).establishments,
        today=today,
        order=_order_title(request, choice),
    )
    if request.htmx:
        return _fragment(request, "portal/documents/_count.html", context)
    context["shares"] = share_items(list_shares(viewer=viewer, now=now), to=to, now=now)
    context["here"], context["lists"] = to.to("packs"), to.to("list-exports")
    context["sources"] = source_lines(list_source_states(), now=now)
    response = render(request, "portal/documents/packs.html", context)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _fragment(request: CompanyRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _kinds(request: CompanyRequest) -> tuple[str, ...]:
    can = request.viewer.can(Right.FINANCE)
    return tuple(kind for kind in KINDS if can or kind not in FINANCIAL)


def _order_title(request: CompanyRequest, choice: Choice) -> str:
    """Name the order that the choice is narrowed to, if the viewer sees it."""
    if choice.order is None:
        return ""
    row = get_order(viewer=request.viewer, public_id=choice.order, line_limit=0).row
    return leading_number(row.title, row.numbers)


def _choice(given: QueryDict) -> tuple[Choice, str]:
    """Read which documents are wanted, and what is wrong with that."""
    try:
        since, until = _days(given.get("mes", ""), given.get("de", ""), given.get("ate", ""))
        order = given.get("pedido", "")
        choice = Choice(
            since=since,
            until=until,
            kinds=tuple(kind for kind in given.getlist("tipo") if kind in KINDS),
            establishment=without_nul(given.get("filial", ""))[:20],
            text=without_nul(given.get("q", "")).strip()[:200],
            order=UUID(order) if order else None,
        )
    except ValueError:
        return Choice(), problem_words("bad-days")
    if since and until and since > until:
        return choice, problem_words("days-swapped")
    return choice, ""


def _days(month: str, since: str, until: str) -> tuple[date | None, date | None]:
    """Read a month, or two days; days that are given go before the month."""
    if since or until:
        return (
            date.fromisoformat(since) if since else None,
            date.fromisoformat(until) if until else None,
        )
    if not month:
        return None, None
    first = date.fromisoformat(f"{month}-01")
    return first, first.replace(day=monthrange(first.year, first.month)[1])


@require_POST
@company_page
def ask(request: CompanyRequest) -> HttpResponseBase:
    """Have the chosen documents prepared."""
    to = addresses(request)
    choice, problem = _choice(request.POST)
    if problem:
        messages.warning(request, problem)
        return redirect(to.to("packs"))
    try:
        pack = request_pack(
            viewer=request.viewer,
            actor=request.actor,
            choice=choice,
            language=formats.language(),
            now=clock.now(),
        )
    except NotAllowed as error:
        raise NotVisible from error
    except (InvalidInput, Conflict) as error:
        code = error.message if isinstance(error, InvalidInput) else str(error)
        messages.warning(request, problem_words(code))
        return redirect(to.to("packs"))
    transaction.on_commit(lambda: packs_work.wake_aside(pack.id))
    text = _("They are being prepared. You may leave: we write to you when they are ready.")
    messages.success(request, text)
    return redirect(to.to("packs") + "#downloads")


@require_POST
@company_page
def drop(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Cancel or delete a pack of the person's own."""
    drop_pack(viewer=request.viewer, actor=request.actor, public_id=public_id, now=clock.now())
    return redirect(addresses(request).to("packs") + "#downloads")


@require_GET
@company_page
def part(request: CompanyRequest, public_id: UUID, number: int) -> HttpResponseBase:
    """Hand out one ZIP file of a pack."""
    try:
        taken = take_part(
            viewer=request.viewer,
            actor=request.actor,
            public_id=public_id,
            number=number,
            now=clock.now(),
        )
    except PackGone as error:
        context = {"heading": _("These files are gone"), "sentence": gone_words(error.reason)}
        context |= {"icon": "clock", "action": _("Documents")}
        context["action_url"] = addresses(request).to("packs") + "#downloads"
        return render(request, "errors/error.html", context, status=GONE)
    return file_response(
        taken.open(), filename=taken.filename, content_type="application/zip", size=taken.size
    )
