"""My account: who I am here, what I log in with, and where I am logged in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from allauth.account.utils import get_next_redirect_url
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from b2b_orders.accounts import factors, sessions
from b2b_orders.accounts.services import rename
from b2b_orders.accounts.sessions import OpenSession
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.portal import formats
from b2b_orders.portal.gate import asks_second_factor, must_prove
from b2b_orders.portal.presenters.preferences import preferences_form
from b2b_orders.portal.requests import PersonRequest, person_page
from b2b_orders.portal.views.signing import AFTER_SET_UP, reauthentication_methods


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A log-in as the page words it."""

    id: int
    device: str
    where: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey as the page words it."""

    id: int
    name: str
    when: str


@require_safe
@person_page
def page(request: PersonRequest) -> HttpResponseBase:
    """Show the account of the person."""
    return _page(request)


@require_POST
@person_page
def name(request: PersonRequest) -> HttpResponseBase:
    """Change the person's own name."""
    typed = request.POST.get("name", "")
    try:
        rename(person_id=request.user.pk, name=typed)
    except InvalidInput:
        return _page(request, name=typed, name_error=_("Enter a name of up to 150 characters."))
    messages.success(request, _("Your name was saved."))
    return redirect("portal:account")


def _page(request: PersonRequest, **more: object) -> HttpResponseBase:
    now = clock.now()
    person = request.user
    have = factors.read_factors(person_id=person.pk)
    open_now = sessions.list_sessions(
        person_id=person.pk, current_key=request.session.session_key or "", now=now
    )
    context = {
        "name": person.name,
        "email": person.email,
        "has_password": person.has_usable_password(),
        "app_since": formats.moment(have.app_since, now) if have.app_since else "",
        "passkeys": [
            PasskeyRow(
                each.id,
                each.name,
                _("Last used %(when)s") % {"when": formats.moment(each.used_at, now)}
                if each.used_at
                else _("Added %(when)s") % {"when": formats.moment(each.added_at, now)},
            )
            for each in have.passkeys
        ],
        "codes_left": have.codes_left,
        "has_factor": have.has_one,
        "must_have_factor": bool(request.standing and request.standing.requires_second_factor),
        "sessions": [
            SessionRow(each.id, each.device or _("Unknown device"), _where(each), each.is_current)
            for each in open_now
        ],
        "preferences": preferences_form(person, now=now),
        "has_others": any(not each.is_current for each in open_now),
        "now": now,
    }
    return render(request, "portal/account/account.html", context | more)


def _where(session: OpenSession) -> str:
    now = clock.now()
    parts = (
        session.address,
        _("since %(when)s") % {"when": formats.moment(session.since, now)},
        ""
        if session.is_current
        else _("last used %(when)s") % {"when": formats.moment(session.last_seen, now)},
    )
    return " · ".join(part for part in parts if part)


@require_POST
@person_page
def end_session(request: PersonRequest, session: int) -> HttpResponseBase:
    """Log out one device of the person's own."""
    current = _is_current(request, session)
    if not sessions.end_session(person_id=request.user.pk, session_id=session):
        raise NotVisible
    _record_end(request, 1)
    if current:
        sessions.end_this(request)
        return redirect("account_login")
    messages.success(request, _("That device was logged out."))
    return redirect("portal:account")


def _is_current(request: PersonRequest, session: int) -> bool:
    mine = sessions.list_sessions(
        person_id=request.user.pk,
        current_key=request.session.session_key or "",
        now=clock.now(),
    )
    return any(each.id == session and each.is_current for each in mine)


@require_POST
@person_page
def end_others(request: PersonRequest) -> HttpResponseBase:
    """Log out every device but this one."""
    ended = sessions.end_sessions(request.user.pk, except_key=request.session.session_key)
    if ended:
        _record_end(request, ended)
    messages.success(request, _("All other devices were logged out."))
    return redirect("portal:account")


def _record_end(request: PersonRequest, count: int) -> None:
    record(
        Action.SESSION_ENDED,
        actor=request.actor,
        object_kind="person",
        detail={"how": "by-owner", "count": count},
        now=clock.now(),
    )


@require_safe
@person_page
def second_factor(request: PersonRequest) -> HttpResponseBase:
    """Say why a second factor is needed, and lead to setting one up; elsewhere if none is."""
    wanted = get_next_redirect_url(request) or reverse("portal:home")
    if factors.second_factor_done(request):
        return redirect(wanted)
    if not asks_second_factor(request):
        return redirect(get_next_redirect_url(request) or reverse("portal:account"))
    request.session[AFTER_SET_UP] = wanted
    return render(
        request,
        "portal/account/second_factor.html",
        {"is_staff": request.staff is not None},
    )


@require_safe
@person_page
def sign_in_again(request: PersonRequest) -> HttpResponseBase:
    """Have the person prove who they are, by what they have; else by logging in anew."""
    wanted = get_next_redirect_url(request) or reverse("portal:home")
    now = clock.now()
    if sessions.is_fresh(request, now=now) and not must_prove(request):
        return redirect(wanted)
    kept = urlencode({"next": wanted})
    methods = reauthentication_methods(request)
    if methods:
        return redirect(f"{methods[0]['url']}?{kept}")
    record(Action.SESSION_ENDED, actor=request.actor, detail={"how": "sign-in-again"}, now=now)
    sessions.end_this(request)
    return redirect(f"{reverse('account_login')}?{kept}")
