"""What a signed-in person chose goes before what the browser says: language, zone, numbers."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve
from django.utils import translation

from b2b_orders.portal import formats
from b2b_orders.portal.leading import led_by
from b2b_orders.portal.requests import PortalRequest


class LanguageMiddleware:
    """Speak the language that the person chose, on whatever machine they sit.

    And show moments in their time zone, and orders by the number that they know them by.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.user if request.user.is_authenticated else None
        chosen = getattr(person, "language", "")
        if chosen in dict(settings.LANGUAGES):
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        with (
            formats.in_zone(getattr(person, "time_zone", "")),
            led_by(getattr(person, "leading_number", "")),
        ):
            return self.get_response(request)


class OwnCompanyLinkMiddleware:
    """Lead from `/c/<company>/...` to the same page of a company that the person belongs to.

    Mail names the company in its links, because a person may look at another one when they
    open it. They go on as the company of the link only when they say so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: PortalRequest, _view: object, _args: object, _kwargs: object
    ) -> HttpResponse | None:
        """Redirect to the page, or ask whether to go on as its company."""
        company = request.linked_company
        if company is None:
            return None
        if request.method not in {"GET", "HEAD"}:
            # No form of ours is there; process_exception does not see what fails here.
            raise Http404
        named = f"/c/{company.public_id}"
        # Not every page of staff is also one of the company's own: then there is none here.
        resolve(request.path_info.removeprefix(named))
        plain = request.get_full_path().removeprefix(named)
        if request.viewer is not None and request.viewer.company_id == company.id:
            return redirect(plain)
        context = {"linked": company, "plain": plain}
        return render(request, "portal/link_of_company.html", context)
