"""The help page, for whoever has logged in."""

from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.portal.presenters.help_page import help_page
from b2b_orders.portal.requests import PersonRequest, home_of, person_page


@require_safe
@person_page
def page(request: PersonRequest, company: UUID | None = None) -> HttpResponseBase:
    """Explain the portal, and say how the sources do."""
    if company is not None and request.viewer is None:
        raise NotVisible
    context = {
        "page": help_page(list_source_states(), now=clock.now()),
        "start": reverse(home_of(request)),
    }
    return render(request, "portal/help.html", context)
