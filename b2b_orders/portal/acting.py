"""What support may do while it acts for a company: look, and little else."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.companies.viewers import ActingView
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.portal.presenters.sources import down_sources
from b2b_orders.portal.requests import PortalRequest
from b2b_orders.portal.views.errors import read_only

# The one list of what an agent may post to under a company's address. What is not here is
# refused, also what does not exist yet: people, links, preferences and questions are the
# company's own.
SUPPORT_MAY = frozenset(
    {
        # Acting itself.
        "portal:acting-go-on",
        "portal:acting-see-as",
        "portal:acting-reason",
        # Have the sources asked.
        "portal:ask",
        "portal:refresh",
        # Take and send documents.
        "portal:finance-boletos",
        "portal:ask-pack",
        "portal:drop-pack",
        "portal:mail-document",
        # Take lists, and find many numbers at once.
        "portal:list-export",
        "portal:drop-export",
        "portal:picked",
        "portal:many",
        # Answer what its people asked, and note by which number they know an order.
        "portal:answer-question",
        "portal:own-numbers",
        "portal:remove-own-number",
    }
)
# What is open before it is said whose eyes are borrowed.
_BEFORE_EYES = frozenset(
    {
        "portal:acting-people",
        "portal:acting-go-on",
        "portal:acting-see-as",
        "portal:acting-reason",
    }
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ActingMiddleware:
    """Keep acting read-only, and know which sources are down before a page says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponse:
        if request.acting is not None:
            # Here, not in the frame: an error's page must not read.
            request.outages = down_sources(list_source_states())
        return self.get_response(request)

    def process_view(
        self, request: PortalRequest, _view: object, _args: object, kwargs: dict[str, object]
    ) -> HttpResponseBase | None:
        """Refuse what acting may not do, whatever the view would say to it."""
        acting = request.acting
        if acting is None:
            return None
        name = request.resolver_match.view_name if request.resolver_match else ""
        if request.method not in _SAFE and name not in SUPPORT_MAY:
            return _refuse(request)
        # The API needs no word: to such a viewer it is empty.
        if acting.must_choose and name not in _BEFORE_EYES and "company" in kwargs:
            if request.method in _SAFE and not request.htmx:
                return redirect(people_address(acting, after=request.get_full_path()))
            return _refuse(request)
        return None


def people_address(acting: ActingView, *, after: str = "") -> str:
    """Name the page where it is said whose eyes are borrowed, and where to go from there."""
    address = reverse("portal:acting-people", kwargs={"company": acting.company_public_id})
    return f"{address}?{urlencode({'next': after})}" if after else address


def _refuse(request: PortalRequest) -> HttpResponse:
    record(
        Action.NOT_VISIBLE,
        actor=request.actor,
        company_id=request.viewer.company_id if request.viewer else None,
        object_kind="address",
        detail={"path": request.path_info[:200], "why": "read-only while acting"},
        now=clock.now(),
    )
    return read_only(request)
