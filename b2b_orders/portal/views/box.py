"""What the one box says while typing, and the command palette."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common.errors import NotVisible
from b2b_orders.orders.numbers import MAX_TYPED
from b2b_orders.portal.context import shell
from b2b_orders.portal.presenters.box import Suggestions
from b2b_orders.portal.presenters.recognition import recognition
from b2b_orders.portal.requests import (
    CompanyRequest,
    PersonRequest,
    company_page,
    home_of,
    person_page,
    typed_text,
)
from b2b_orders.portal.searching import suggest


@dataclass(frozen=True, slots=True)
class Command:
    """Something of the palette that leads to a page."""

    text: str
    kind: str
    url: str


@require_safe
@company_page
def suggestions(request: CompanyRequest) -> HttpResponseBase:
    """Show what may be meant by what was typed so far; without scripts, the list."""
    typed = typed_text(request.GET)
    if not request.htmx:
        return redirect(f"{shell(request).search}?{request.GET.urlencode()}")
    found = suggest(request, typed) if len(typed) <= MAX_TYPED else Suggestions(typed, "")
    return _fragment(request, "components/_suggestions.html", {"suggestions": found})


@require_safe
@person_page
def recognise(request: PersonRequest) -> HttpResponseBase:
    """Say what a number looks like, and look for nothing: the staff's searches are recorded."""
    typed = typed_text(request.GET)
    if not request.htmx:
        return redirect(home_of(request))
    seen = recognition(typed)
    found = Suggestions(typed, seen, status=seen)
    return _fragment(request, "components/_suggestions.html", {"suggestions": found})


@require_safe
@person_page
def palette(request: PersonRequest, company: object = None) -> HttpResponseBase:
    """Show the command palette; without scripts there is none, and every page has its links."""
    if company is not None and request.viewer is None:
        raise NotVisible
    if not request.htmx:
        return redirect(home_of(request))
    frame = shell(request)
    pages = [Command(item.text, _("Page"), item.url) for item in frame.nav]
    account = ((_("My account"), "account"), (_("My data"), "my-data"))
    pages += [Command(text, _("Page"), reverse(f"portal:{name}")) for text, name in account]
    pages.append(Command(_("Keyboard shortcuts"), _("Page"), reverse("portal:shortcuts")))
    if frame.record:
        pages.append(Command(_("Access record"), _("Page"), frame.record))
    return _fragment(request, "portal/keys/palette.html", {"pages": pages})


def _fragment(
    request: PersonRequest | CompanyRequest, template: str, context: dict[str, object]
) -> HttpResponse:
    response = render(request, template, context)
    patch_vary_headers(response, ("HX-Request",))
    return response
