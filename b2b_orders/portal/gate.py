"""Lets nobody past whose log-in is over, who must prove who they are, or lacks a factor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from b2b_orders.accounts import factors, sessions
from b2b_orders.audit import acting
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock, tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.portal.requests import PortalRequest, here_of

_ACCOUNT: Final = "/accounts/"
_API: Final = "/api/"


class SignInMiddleware:
    """Stand before every page, within the viewer's scope, knowing what the person is.

    An over-long or ended log-in goes on as nobody's, so that each page asks to log in as it
    always does. Who must prove who they are, or lacks the second factor that their company or
    the seller asks for, reaches the pages of the account alone.
    """

    def __init__(self, get_response: Callable[[PortalRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: PortalRequest) -> HttpResponseBase:
        response = self._answer(request)
        if request.path_info.startswith(_ACCOUNT):
            # Also of who is not logged in yet: a code that was asked for, a link to reset.
            response["Cache-Control"] = "private, no-store"
        return response

    def _answer(self, request: PortalRequest) -> HttpResponseBase:
        if request.standing is None or not request.user.is_authenticated:
            return self.get_response(request)
        now = clock.now()
        is_staff = request.standing.staff is not None
        why = sessions.why_over(request, person=request.user, is_staff=is_staff, now=now)
        if why:
            _end(request, why, now)
            with tenancy.scope(role=tenancy.WEB):
                return self.get_response(request)
        return _kept_out(request) or self.get_response(request)


def _kept_out(request: PortalRequest) -> HttpResponseBase | None:
    """Lead to where the person proves who they are; None when nothing is missing."""
    if _is_open(request.path_info):
        return None
    if must_prove(request):
        return _lead(request, "sign-in-again", reverse("portal:sign-in-again"))
    if asks_second_factor(request) and not factors.second_factor_done(request):
        return _lead(request, "second-factor-required", reverse("portal:second-factor"))
    return None


def asks_second_factor(request: PortalRequest) -> bool:
    """Say whether the seller, or a company that has nobody's word for it, asks for a factor."""
    return request.standing is not None and request.standing.asks_second_factor(
        vouched_for=factors.vouched_company(request)
    )


def must_prove(request: PortalRequest) -> bool:
    """Say whether the person must prove who they are, here or to the company they look at."""
    viewer, standing = request.viewer, request.standing
    asked_at = None
    if viewer is not None and standing is not None and not viewer.is_staff:
        asked_at = standing.sign_in_again_after(viewer.company_id)
    return sessions.must_sign_in_again(
        request,
        person=request.user,  # type: ignore[arg-type] # a person: they have logged in
        asked_at=asked_at,
    )


def _is_open(path: str) -> bool:
    """Say whether a page is of logging in and out, which shows nothing of any company."""
    return path.startswith(_ACCOUNT) or path in {
        reverse("portal:language"),
        reverse("portal:second-factor"),
        reverse("portal:sign-in-again"),
    }


def _lead(request: PortalRequest, code: str, address: str) -> HttpResponse:
    if request.path_info.startswith(_API):
        title = {
            "sign-in-again": _("Log in again first."),
            "second-factor-required": _("Set up a second factor first."),
        }[code]
        body = {"type": "about:blank", "status": 403, "code": code, "title": title}
        return JsonResponse(body, status=403, content_type="application/problem+json")
    whole = f"{address}?{urlencode({'next': here_of(request)})}"
    return HttpResponseClientRedirect(whole) if request.htmx else redirect(whole)


def _end(request: PortalRequest, why: str, now: datetime) -> None:
    """End a log-in that is over, and what support did in it, and look at nothing any more."""
    actor: Actor = request.actor
    acting.end(actor=actor, session_key=request.session.session_key or "", how="logout", now=now)
    record(Action.SESSION_ENDED, actor=actor, detail={"how": why}, now=now)
    sessions.end_this(request)
    request.viewer = request.staff = request.standing = request.acting = None
    request.companies, request.all_acting = (), ()
    request.actor = Actor(address=actor.address, request_id=actor.request_id)
