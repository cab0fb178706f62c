"""The keys of the pages: the list that `?` shows, and choosing others."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from b2b_orders.accounts.services import choose_shortcuts
from b2b_orders.portal.keyboard import Choice, Problem, problems_of, read_choice
from b2b_orders.portal.presenters.keyboard import key_groups, typed_choice
from b2b_orders.portal.requests import PersonRequest, person_page


@require_http_methods(["GET", "HEAD", "POST"])
@person_page
def page(request: PersonRequest) -> HttpResponseBase:
    """Show the shortcuts, as a list over the page or with the form that changes them."""
    if request.method != "POST":
        return _page(request, read_choice(request.user.shortcuts))
    choice = Choice() if "reset" in request.POST else _typed(request)
    problems = problems_of(choice, request.staff)
    if problems:
        return _page(request, choice, problems)
    choose_shortcuts(person_id=request.user.pk, shortcuts=choice.stored())
    messages.success(request, _("Your shortcuts were saved."))
    return redirect("portal:shortcuts")


def _typed(request: PersonRequest) -> Choice:
    return typed_choice(request.POST.dict(), request.staff)


def _page(
    request: PersonRequest, choice: Choice, problems: dict[str, Problem] | None = None
) -> HttpResponseBase:
    context = {
        "groups": key_groups(choice, request.staff, problems),
        "is_on": choice.is_on,
        "has_problems": bool(problems),
    }
    template = "portal/keys/list.html" if request.htmx else "portal/keys/page.html"
    response = render(request, template, context, status=400 if problems else 200)
    patch_vary_headers(response, ("HX-Request",))
    return response
