"""/convite, /entrar-na-empresa and /confirmar-endereco: how somebody comes into a company.

The secret of a mailed link is taken out of the address before anything can write it down
(`SecretPathMiddleware`); it is then kept in the session, so that it survives logging in and
stands in no address and no referrer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from allauth.account.adapter import get_adapter
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from b2b_orders.audit import invitations, joining
from b2b_orders.audit.invitations import OpenInvitation
from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.limits import Bucket, is_empty, take
from b2b_orders.common.requests import INVITATION_PATH, PROOF_PATH, network_of
from b2b_orders.companies.viewers import SESSION_KEY
from b2b_orders.portal import formats, words
from b2b_orders.portal.words_people import PROBLEM, ROLE

# Where the session keeps the secret of the link that somebody opened.
INVITATION_KEY: Final = "invitation"
PROOF_KEY: Final = "address_proof"
_FORM = ["GET", "HEAD", "POST"]
INVALID: Final = 400
_LONGEST_SECRET: Final = 100
# Links that lead nowhere, from one address of the network; wishes to join, from one address of
# the network and for one e-mail address.
_MISSES, _MISS_SECONDS = 30, 600
_WISHES, _WISH_SECONDS = 20, 3600
_WISHES_OF_ONE, _ONE_SECONDS = 3, 86_400


@require_http_methods(_FORM)
def invitation(request: Any) -> HttpResponseBase:
    """Open an invitation's link, and let in whom it was mailed to."""
    if opened := getattr(request, "secret_path", ""):
        return _opened(request, opened)
    secret = request.session.get(INVITATION_KEY, "")
    if request.method == "POST" and request.POST.get("do") == "leave":
        return _as_somebody_else(request, secret)
    try:
        shown = _look(request, secret)
        if request.method == "POST":
            return _accept(request, secret, shown)
    except NotVisible:
        return _nothing(request, secret)
    return _page(request, shown, {})


def _opened(request: Any, secret: str) -> HttpResponse:
    """Take the secret from the link into the session, if it leads somewhere."""
    try:
        _look(request, secret)
    except NotVisible:
        return _nothing(request, secret)
    request.session[INVITATION_KEY] = secret
    return sealed(redirect(INVITATION_PATH))


def _look(request: Any, secret: str) -> OpenInvitation:
    with _guessing(request, secret):
        return invitations.look_at_invitation(secret=secret, now=clock.now())


def _page(
    request: Any, shown: OpenInvitation, more: dict[str, object], status: int = 200
) -> HttpResponse:
    user = request.user
    context: dict[str, object] = {
        "invitation": shown,
        "role": ROLE[shown.role],
        "expires": formats.moment(shown.expires_at, clock.now()),
        "is_theirs": user.is_authenticated and user.email == shown.email,
        "is_other": user.is_authenticated and user.email != shown.email,
        "here": INVITATION_PATH,
        "login_url": f"{reverse('account_login')}?next={INVITATION_PATH}",
        "typed_name": shown.name,
    }
    return sealed(render(request, "portal/entering/invitation.html", context | more, status=status))


def _accept(request: Any, secret: str, shown: OpenInvitation) -> HttpResponse:
    about = {"secret": secret, "actor": request.actor, "now": clock.now()}
    if request.user.is_authenticated:
        try:
            company_id = invitations.accept_as(**about, person_id=request.user.pk)
        except NotAllowed:
            return _page(request, shown, {}, INVALID)
        return _entered(request, company_id)
    name, password = request.POST.get("name", ""), request.POST.get("password", "")
    try:
        person, company_id = invitations.accept_as_new(
            **about, name=name, password=password, language=formats.language()
        )
    except InvalidInput as error:
        # What is wrong with a password is worded already, by what checks it.
        more = {
            "error": words.text(PROBLEM, error.message),
            "error_field": error.field,
            "typed_name": name,
        }
        return _page(request, shown, more, INVALID)
    except (Conflict, NotAllowed):
        # There is an account meanwhile, or their provider signs them in: the page says so.
        return _page(request, _look(request, secret), {}, INVALID)
    get_adapter(request).login(request, person)
    return _entered(request, company_id)


def _entered(request: Any, company_id: int) -> HttpResponse:
    request.session.pop(INVITATION_KEY, None)
    request.session[SESSION_KEY] = company_id
    return redirect("portal:orders")


def _as_somebody_else(request: Any, secret: str) -> HttpResponse:
    """Log out, and keep the invitation open for whom it was mailed to."""
    if request.user.is_authenticated:
        get_adapter(request).logout(request)
    request.session[INVITATION_KEY] = secret
    return redirect(INVITATION_PATH)


def _nothing(request: Any, secret: str) -> HttpResponse:
    """Answer alike what never existed, has expired, was revoked or was used.

    Who came in by the very link, and opens it once more, goes where it led.
    """
    request.session.pop(INVITATION_KEY, None)
    if request.user.is_authenticated and secret and len(secret) <= _LONGEST_SECRET:
        person_id: int = request.user.pk
        company_id = invitations.accepted_by(secret=secret, person_id=person_id)
        if company_id and company_id in {choice.id for choice in request.companies}:
            return _entered(request, company_id)
    return sealed(render(request, "portal/entering/gone.html", status=404))


# --- asking to be let in ------------------------------------------------------------------------


@require_http_methods(_FORM)
def join(request: Any) -> HttpResponseBase:
    """Ask to be let into one's company; the answer is the same whatever the address."""
    given = {name: request.POST.get(name, "") for name in ("email", "name", "message")}
    if request.method != "POST":
        return render(request, "portal/entering/join.html", {"given": given})
    try:
        if _asks_too_often(request, given["email"]):
            return render(request, "portal/entering/join_asked.html")
        joining.ask_to_join(
            **given, language=formats.language(), actor=request.actor, now=clock.now()
        )
    except InvalidInput as error:
        context = {
            "given": given,
            "error": words.text(PROBLEM, error.message),
            "error_field": error.field,
        }
        return render(request, "portal/entering/join.html", context, status=INVALID)
    return render(request, "portal/entering/join_asked.html")


def _asks_too_often(request: Any, email: str) -> bool:
    """Count a wish; one too many is answered as any other, and nothing comes of it."""
    email = invitations.clean_email(email)
    return not take(
        Bucket(f"joins:{_network(request)}", _WISHES, _WISH_SECONDS),
        Bucket(f"joins-of:{email}", _WISHES_OF_ONE, _ONE_SECONDS),
    )


@require_http_methods(_FORM)
def prove_address(request: Any) -> HttpResponseBase:
    """Prove one's address by the mailed link; a button does it, so that no scanner does."""
    opened = getattr(request, "secret_path", "")
    secret = opened or request.session.get(PROOF_KEY, "")
    try:
        email = _proved_by(request, secret)
        if opened:
            request.session[PROOF_KEY] = secret
            return sealed(redirect(PROOF_PATH))
        if request.method == "POST":
            joining.prove(secret=secret, now=clock.now())
    except NotVisible:
        # Nobody invited this person: they asked, and can ask again.
        gone = {"was_asked": True}
        return sealed(render(request, "portal/entering/gone.html", gone, status=404))
    context = {"email": email, "is_proved": request.method == "POST", "here": PROOF_PATH}
    return sealed(render(request, "portal/entering/prove.html", context))


def _proved_by(request: Any, secret: str) -> str:
    with _guessing(request, secret):
        return joining.look_at_proof(secret=secret, now=clock.now())


@contextmanager
def _guessing(request: Any, secret: str) -> Iterator[None]:
    """Look at nothing for a while once too many secrets of an address led nowhere."""
    misses = Bucket(f"entering:{_network(request)}", _MISSES, _MISS_SECONDS)
    if not secret or len(secret) > _LONGEST_SECRET or is_empty(misses):
        raise NotVisible
    try:
        yield
    except NotVisible:
        take(misses)
        raise


# --- both ----------------------------------------------------------------------------------------


def sealed(response: HttpResponse) -> HttpResponse:
    """Keep a page of a secret link out of caches, indexes and other sites' logs."""
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _network(request: Any) -> str:
    return network_of(request.actor.address or "") or "-"
