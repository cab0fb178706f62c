"""Logging in by a code that the shop's VTEX ID mails, where a connection allows it."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from b2b_orders.accounts.services import find_person
from b2b_orders.audit.single_sign_on import refuse, to_provider
from b2b_orders.common.requests import network_of, without_nul
from b2b_orders.companies.providers import NotLetIn, required_provider
from b2b_orders.ingest.vtex_sign_in import check_code, send_code, shop_of_codes

_KEPT = "shop_code"
_MINUTES, _TRIES = 10, 5
# Codes mailed to one address, and by one address of the network, in an hour.
_MAILS, _MAILS_OF_OFFICE, _HOUR = 5, 60, 3600
_LONGEST = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shop_code(request: Any) -> HttpResponseBase:
    """Have a code mailed, or take the one that was typed."""
    shop = shop_of_codes()
    if not shop:
        raise Http404
    if request.method != "POST":
        return redirect("account_login")
    if "code" in request.POST:
        return _take(request, shop)
    return _mail(request, shop)


def _mail(request: Any, shop: str) -> HttpResponse:
    email = without_nul(request.POST.get("login", "")).strip().lower()[:254]
    try:
        validate_email(email)
    except ValidationError:
        return redirect("account_login")
    if provider := required_provider(email):
        return render(request, "account/to_provider.html", to_provider(provider))
    if _is_too_often(f"mail:{email}", _MAILS) or _is_too_often(
        f"from:{network_of(request.actor.address or '')}", _MAILS_OF_OFFICE
    ):
        return _page(request, shop, email, _("Too many codes were asked for. Wait a while."), 429)
    try:
        token = send_code(email=email)
    except NotLetIn:
        text = _("%(shop)s cannot send codes at the moment. Log in with your password.")
        return _page(request, shop, email, text % {"shop": shop}, 424)
    request.session[_KEPT] = {
        "token": token,
        "email": email,
        "at": time.time(),
        "tries": 0,
        "next": _wanted(request),
    }
    return _page(request, shop, email)


def _take(request: Any, shop: str) -> HttpResponseBase:
    kept = request.session.get(_KEPT)
    if not kept or time.time() - kept["at"] > _MINUTES * 60 or kept["tries"] >= _TRIES:
        request.session.pop(_KEPT, None)
        return redirect("account_login")
    request.session[_KEPT] = kept | {"tries": kept["tries"] + 1}
    code = "".join(without_nul(request.POST["code"]).split())[:_LONGEST]
    email = kept["email"]
    person = find_person(email=email)
    why = _problem(kept["token"], email, code) or ("" if person else "nobody")
    if why or person is None:
        refuse(request, "vtex", NotLetIn(why, person.pk if person else None))
        text = _("This code opens nothing. Check it, or ask for a new one.")
        return _page(request, shop, email, text, 403)
    del request.session[_KEPT]
    # An account of VTEX that is taken over opens one of ours: not a second factor, a first.
    record_authentication(request, person, method="code", email=email)
    answer: HttpResponseBase = perform_login(request, person, redirect_url=kept["next"] or None)
    return answer


def _problem(token: str, email: str, code: str) -> str:
    try:
        check_code(token=token, email=email, code=code)
    except NotLetIn as refused:
        return refused.code
    return ""


def _page(
    request: Any, shop: str, email: str, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"shop": shop, "email": email, "problem": problem}
    return render(request, "account/shop_code.html", context, status=status)


def _wanted(request: Any) -> str:
    wanted = request.POST.get("next", "")
    return wanted if wanted and get_adapter(request).is_safe_url(wanted) else ""


def _is_too_often(what: str, most: int) -> bool:
    key = f"shop-code:{what}"
    cache.add(key, 0, _HOUR)
    try:
        return cache.incr(key) > most
    except ValueError:  # its hour ended just now
        return False
