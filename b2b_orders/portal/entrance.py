"""The address that somebody typed at the log-in page, carried through the steps that follow.

Kept by the browser, signed and for minutes: it stands in no address that a log would hold, a page
of a form that was sent can be gone back to, and nobody who only types leaves a row behind.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode

_COOKIE: Final = "log-in-address"
_SALT: Final = "b2b_orders.portal.entrance"
_PATH: Final = "/accounts/"
_SECONDS: Final = 600
LONGEST: Final = 254


def remember(response: HttpResponseBase, email: str) -> None:
    """Have the browser carry an address to the next step."""
    response.set_signed_cookie(
        _COOKIE,
        email[:LONGEST],
        salt=_SALT,
        max_age=_SECONDS,
        path=_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def remembered(request: HttpRequest) -> str:
    """Return the address that was typed a moment ago; empty if there is none."""
    kept = request.get_signed_cookie(_COOKIE, "", salt=_SALT, max_age=_SECONDS)
    return str(kept)[:LONGEST]


def forget(response: HttpResponseBase) -> None:
    """Have the browser forget the address."""
    response.delete_cookie(_COOKIE, path=_PATH, samesite="Lax")


def password_step(*, wanted: str, chose_other: bool) -> str:
    """Give the address of the step after the first, which holds nothing of the person."""
    told = {"etapa": "senha"}
    if chose_other:
        told["forma"] = "senha"
    if wanted:
        told["next"] = wanted
    return f"{reverse('account_login')}?{urlencode(told)}"
