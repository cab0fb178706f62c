"""The addresses at which identity providers send people back, and those that lead there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from secrets import token_urlsafe
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from b2b_orders.audit import single_sign_on as sso
from b2b_orders.common.requests import network_of
from b2b_orders.companies.providers import NotLetIn, Provider, find_provider

# An answer that a provider posts waits this long for the browser to come back as our own.
_ANSWER_SECONDS = 120
_COOKIE = "saml_answer"
_MOST_CHARACTERS = 400_000
# Steps of log-ins from one address of the network in a minute: a large office in the morning.
_MOST_STEPS, _SECONDS = 240, 60
# Why somebody is not let in. They have proved who they are: it may be said.
WORDS = {
    "not-begun-here": lazy("This log-in was not begun here, or took too long."),
    "too-often": lazy("Too many attempts. Wait a minute."),
    "cancelled": lazy("The log-in was cancelled."),
    "provider-refused": lazy("The log-in of your company refused."),
    "provider-down": lazy("The log-in of your company does not answer at the moment."),
    "not-believed": lazy("The answer of your company's log-in could not be verified."),
    "no-address": lazy("Your company's log-in did not tell your e-mail address."),
    "not-verified": lazy("Your company's log-in did not confirm your e-mail address."),
    "other-domain": lazy("This log-in does not serve your e-mail address."),
    "not-invited": lazy(
        "Nobody has let you into the portal yet. Ask your company's administrator."
    ),
    "removed": lazy("Your access was ended. Ask your company's administrator to let you in again."),
    "inactive": lazy("Your account is switched off."),
    "staff": lazy("The seller's staff sign in by the seller's own log-in."),
    "not-staff": lazy("This log-in is for the seller's staff."),
    "other-identity": lazy(
        "Your e-mail address belonged to another account of your company's log-in."
        " Write to support."
    ),
}

_PASSING = frozenset({"not-begun-here", "cancelled", "provider-down", "too-often"})


def _of_provider(
    kind: str,
) -> Callable[
    [Callable[[Any, Provider], HttpResponseBase]], Callable[[Any, str], HttpResponseBase]
]:
    """Open an address to a provider that is in use, and say why somebody is not let in."""

    def decorate(
        view: Callable[[Any, Provider], HttpResponseBase],
    ) -> Callable[[Any, str], HttpResponseBase]:
        @wraps(view)
        @never_cache
        def opened(request: Any, slug: str) -> HttpResponseBase:
            provider = find_provider(slug)
            if provider is None or provider.kind != kind:
                raise Http404
            if _is_too_often(network_of(request.actor.address or "")):
                # Not written down: that too is what somebody who floods us would want.
                return _refused(request, provider, NotLetIn("too-often"), status=429)
            try:
                return view(request, provider)
            except NotLetIn as refused:
                sso.refuse(request, provider.slug, refused)
                return _refused(request, provider, refused)

        return opened

    return decorate


def _is_too_often(address: str) -> bool:
    key = f"single-sign-on:{address}"
    cache.add(key, 0, _SECONDS)
    try:
        return cache.incr(key) > _MOST_STEPS
    except ValueError:  # its minute ended just now
        return False


def _refused(
    request: Any, provider: Provider, refused: NotLetIn, *, status: int = 403
) -> HttpResponse:
    context = {
        "reason": WORDS[refused.code],
        "again": sso.addresses_of(provider.kind, provider.slug)["start"],
        "may_try_again": refused.code in _PASSING,
    }
    return render(request, "account/not_let_in.html", context, status=status)


def _wanted(request: Any) -> str:
    """Return the page of ours that was asked for, "" for none or for one elsewhere."""
    wanted = request.GET.get("next", "")
    return wanted if wanted and get_adapter(request).is_safe_url(wanted) else ""


@require_GET
@_of_provider("oidc")
def oidc_login(request: Any, provider: Provider) -> HttpResponseBase:
    """Send somebody to their provider."""
    return HttpResponseRedirect(sso.begin_oidc(request, provider, wanted=_wanted(request)))


@require_GET
@_of_provider("oidc")
def oidc_callback(request: Any, provider: Provider) -> HttpResponseBase:
    """Take somebody back from their provider."""
    return sso.finish_oidc(request, provider)


@require_GET
@_of_provider("saml")
def saml_login(request: Any, provider: Provider) -> HttpResponseBase:
    """Send somebody to their provider."""
    return HttpResponseRedirect(sso.begin_saml(request, provider, wanted=_wanted(request)))


@csrf_exempt
@require_POST
@_of_provider("saml")
def saml_acs(request: Any, provider: Provider) -> HttpResponseBase:
    """Put an answer aside that a provider's page posted, and have the browser come for it.

    Such a post carries no cookie of ours, so who began the log-in is known only afterwards.
    """
    posted = request.POST.get("SAMLResponse", "")
    if not posted or len(posted) > _MOST_CHARACTERS:
        raise NotLetIn("not-believed")
    key = token_urlsafe(32)
    cache.set(_kept(key), (provider.slug, posted), _ANSWER_SECONDS)
    there = reverse("saml_finish", kwargs={"slug": provider.slug})
    answer = redirect(there)
    answer.set_cookie(
        _COOKIE,
        key,
        max_age=_ANSWER_SECONDS,
        path=there,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return answer


@require_GET
@_of_provider("saml")
def saml_finish(request: Any, provider: Provider) -> HttpResponseBase:
    """Take somebody back from their provider."""
    key = _kept(request.COOKIES.get(_COOKIE, "")[:100])
    slug, posted = cache.get(key) or ("", "")
    cache.delete(key)
    if slug != provider.slug:
        raise NotLetIn("not-begun-here")
    return sso.finish_saml(request, provider, response=posted)


def _kept(key: str) -> str:
    return f"saml-answer:{key}"


@require_GET
@_of_provider("saml")
def saml_metadata(_request: Any, provider: Provider) -> HttpResponseBase:
    """Tell the provider's administrator who we are."""
    return HttpResponse(sso.saml_metadata(provider), content_type="application/samlmetadata+xml")
