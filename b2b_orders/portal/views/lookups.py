"""Looking up a number at the sources because a person asks."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.lookups import get_lookup, request_lookup
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.portal.addresses import addresses
from b2b_orders.portal.context import shell
from b2b_orders.portal.presenters.lookups import lookup_page
from b2b_orders.portal.presenters.search import support_link, too_long_words
from b2b_orders.portal.presenters.sources import source_lines
from b2b_orders.portal.requests import CompanyRequest, company_page, typed_text


@require_POST
@company_page
def ask(request: CompanyRequest) -> HttpResponseBase:
    """Ask for a number, or join whoever asked for it a moment ago."""
    typed, now, to = typed_text(request.POST), clock.now(), addresses(request)
    try:
        asked = request_lookup(viewer=request.viewer, text=typed, now=now)
    except InvalidInput:
        messages.warning(request, too_long_words())
        return redirect(to.to("orders"))
    if asked.is_new:
        record(
            Action.LOOKED_UP,
            actor=request.actor,
            company_id=request.viewer.company_id,
            object_kind="lookup",
            object_id=str(asked.public_id),
            now=now,
        )
    return redirect(to.to("lookup", {"q": typed}, public_id=asked.public_id))


@require_safe
@company_page
def show(request: CompanyRequest, public_id: UUID) -> HttpResponseBase:
    """Show how far a look-up is; once the order is here, open it."""
    now, to = clock.now(), addresses(request)
    typed = typed_text(request.GET)
    asked = get_lookup(viewer=request.viewer, public_id=public_id)
    if asked.found_public_id is not None:
        order = to.to("order", {"q": typed}, public_id=asked.found_public_id)
        return HttpResponseClientRedirect(order) if request.htmx else redirect(order)
    states = list_source_states()
    context = {
        "page": lookup_page(asked, typed, states, now=now),
        "typed": typed,
        "here": to.to("lookup", {"q": typed}, public_id=public_id),
        "search_url": to.to("orders"),
        "lookup_url": to.to("ask"),
        "sources": source_lines(states, now=now),
        "ask_support": support_link(typed, shell(request).company),
        "is_fragment": bool(request.htmx),
    }
    template = "portal/lookups/_lookup.html" if request.htmx else "portal/lookups/show.html"
    return render(request, template, context)
