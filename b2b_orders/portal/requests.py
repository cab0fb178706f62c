"""What a page is given, and who may open it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from b2b_orders.common.errors import NotVisible
from b2b_orders.common.requests import without_nul
from b2b_orders.companies.access import StaffViewer, Viewer
from b2b_orders.companies.middleware import ViewerRequest
from b2b_orders.ingest.queries import SourceState

if TYPE_CHECKING:
    from b2b_orders.accounts.models import Person

P = ParamSpec("P")


class PortalRequest(ViewerRequest):
    """A request as the middleware leaves it."""

    htmx: HtmxDetails
    request_id: str
    # How many ask to be let into the company; for its administrators.
    people_waiting: int
    # Sources that do not answer; read for who acts for a company alone.
    outages: tuple[SourceState, ...]


class PersonRequest(PortalRequest):
    """A request of somebody who has logged in."""

    user: Person


class CompanyRequest(PortalRequest):
    """A request of somebody who looks at one company."""

    viewer: Viewer


class StaffRequest(PortalRequest):
    """A request of the seller's staff."""

    staff: StaffViewer


def home_of(request: PortalRequest) -> str:
    """Name the page where this person starts."""
    staff = request.staff
    if staff is None or request.companies:
        return "portal:orders"
    if staff.can_operate:
        return "portal:operations"
    return "portal:support" if staff.can_act else "portal:telesales"


def company_page(
    view: Callable[Concatenate[CompanyRequest, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Open a page to whoever looks at a company; `/c/<company>/` is for staff alone."""

    @wraps(view)
    def opened(request: Any, *args: Any, company: object = None, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_login(request)
        if request.viewer is None:
            if company is not None:
                raise NotVisible
            return _without_company(request)
        return view(request, *args, **kwargs)

    return opened


def person_page(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Open a page to whoever has logged in, with a company or without."""

    @wraps(view)
    def opened(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_login(request)
        return view(request, *args, **kwargs)

    return opened


def staff_page(
    may: Callable[[StaffViewer], bool],
) -> Callable[
    [Callable[Concatenate[StaffRequest, P], HttpResponseBase]], Callable[..., HttpResponseBase]
]:
    """Open a page to staff of a role; to others it does not exist."""

    def decorate(
        view: Callable[Concatenate[StaffRequest, P], HttpResponseBase],
    ) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def opened(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_login(request)
            if request.staff is None or not may(request.staff):
                raise NotVisible
            return view(request, *args, **kwargs)

        return opened

    return decorate


def to_login(request: PortalRequest) -> HttpResponseBase:
    """Ask to log in, and come back to this very page afterwards."""
    asked = redirect_to_login(here_of(request))
    return HttpResponseClientRedirect(asked.url) if request.htmx else asked


def here_of(request: PortalRequest) -> str:
    """Name the page that a person is on, to come back to; home after a form."""
    if request.htmx:
        return _page_of_fragment(request)
    return request.get_full_path() if request.method == "GET" else reverse("portal:home")


def _page_of_fragment(request: PortalRequest) -> str:
    """Name the page that asked for a fragment, as the browser says; home if that is no address.

    A page that fetches itself anew, with what was typed meanwhile, is named as it would be.
    """
    try:
        page = request.htmx.current_url_abs_path or "/"
    except ValueError:
        return "/"
    is_itself = request.method == "GET" and page.partition("?")[0] == request.path
    return request.get_full_path() if is_itself else page


def typed_text(given: QueryDict) -> str:
    """Return what was typed into a search box."""
    return without_nul(given.get("q", ""))


def _without_company(request: PortalRequest) -> HttpResponse:
    if request.staff is not None:
        return redirect(home_of(request))
    return render(request, "portal/no_company.html", status=403)
