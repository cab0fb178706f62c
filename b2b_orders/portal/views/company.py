"""Switching company and language."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from b2b_orders.accounts.services import choose_language
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.viewers import SESSION_KEY
from b2b_orders.portal.requests import PortalRequest, to_login


@require_POST
def switch(request: PortalRequest) -> HttpResponseBase:
    """Go on as another company of the person's own."""
    if not request.user.is_authenticated:
        return to_login(request)
    try:
        wanted = UUID(request.POST.get("company", ""))
    except ValueError as error:
        raise NotVisible from error
    choice = next((each for each in request.companies if each.public_id == wanted), None)
    if choice is None:
        raise NotVisible
    request.session[SESSION_KEY] = choice.id
    record(
        Action.COMPANY_SWITCHED,
        actor=request.actor,
        object_kind="company",
        object_id=str(choice.public_id),
        now=clock.now(),
    )
    return redirect(safe_next(request) if "next" in request.POST else "portal:orders")


@require_POST
def language(request: PortalRequest) -> HttpResponseBase:
    """Speak another language from now on, on every machine of a signed-in person."""
    code = request.POST.get("language", "")
    response = redirect(safe_next(request))
    if code not in dict(settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        choose_language(person_id=request.user.pk, language=code)
    keep_language(response, code)
    return response


def safe_next(request: PortalRequest) -> str:
    """Come back to a page of ours only."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/"):
        return wanted
    return "/"


def keep_language(response: HttpResponse, code: str) -> None:
    """Have the browser ask for a language before its person has logged in."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=31_536_000,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
