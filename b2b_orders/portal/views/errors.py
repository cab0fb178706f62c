"""Pages of what cannot be shown. "Not yours" and "never existed" are the same page."""

from __future__ import annotations

import logging
import sys
from typing import Final

from django.core.exceptions import (
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.views.decorators.csrf import requires_csrf_token

from b2b_orders.common import clock
from b2b_orders.ingest.queries import list_source_states
from b2b_orders.portal.context import code_of, shell
from b2b_orders.portal.presenters.sources import SourceLine, source_lines

logger = logging.getLogger(__name__)

NOT_FOUND: Final = 404
SERVER_ERROR: Final = 500
AWAY: Final = 503
_TOO_MUCH: Final = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 Django's signature
    """Say that there is no such page for this company, whatever the reason."""
    company = shell(request).company
    if company:
        sentence = _(
            "Page not found for %(company)s. The address may have changed or belong to another"
            " company."
        ) % {"company": company}
    else:
        sentence = _("The address may have changed.")
    return _page(request, _("Page not found"), sentence, status=NOT_FOUND, icon="search")


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 Django's signature
    """Say that this may not be done."""
    sentence = _("You may not do this. Ask your company's administrator.")
    return _page(request, _("Not allowed"), sentence, status=403, icon="cross")


def read_only(request: HttpRequest) -> HttpResponse:
    """Say why this cannot be done while acting for a company."""
    sentence = _(
        "While you act for a company you can look, download, send and answer. Its people, links"
        " and preferences are changed by its own people."
    )
    return _page(request, _("Read only while acting"), sentence, status=403, icon="cross")


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that the request cannot be understood, or is larger than what we take."""
    if isinstance(exception, _TOO_MUCH):
        sentence = _(
            "What you sent is larger than what this page takes. Nothing of it was kept: send less"
            " at a time."
        )
        return _page(request, _("Too large"), sentence, status=413, icon="alert")
    sentence = _("The address or what was sent with it cannot be understood.")
    return _page(request, _("This cannot be understood"), sentence, status=400, icon="question")


@requires_csrf_token
def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 Django's signature
    """Say that a form is from before a log-in or log-out."""
    sentence = _("This page was open for too long or in another log-in. Open it again and repeat.")
    return _page(request, _("Open the page again"), sentence, status=403, icon="refresh")


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something failed on our side, with the code under which it is logged.

    While the database is away that is no fault of the page that was asked for: 503.
    """
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    # The transaction may be broken: the frame is to read nothing.
    request.people_waiting = 0  # type: ignore[attr-defined] # ours, see portal.context
    code = code_of(request) or "0000"
    sentence = _("Something failed on our side (code %(code)s). Your data has not changed.") % {
        "code": code
    }
    status = AWAY if is_away else SERVER_ERROR
    try:
        response = _page(request, _("Something failed"), sentence, status=status, icon="alert")
    except Exception:
        # Even who asks cannot be read: what is left is a page that needs nothing.
        logger.exception("error-page-failed")
        response = HttpResponse(get_template("500.html").render({"code": code}), status=status)
    if is_away:
        response["Retry-After"] = "30"
    return response


def _sources(request: HttpRequest) -> tuple[SourceLine, ...]:
    """Word the freshness line for whoever looks at a company; it stands on all their pages."""
    if getattr(request, "viewer", None) is None:
        return ()
    return source_lines(list_source_states(), now=clock.now())


def _page(
    request: HttpRequest, heading: str, sentence: str, *, status: int, icon: str
) -> HttpResponse:
    context = {
        "sources": _sources(request) if status < SERVER_ERROR else (),
        "heading": heading,
        "sentence": sentence,
        "icon": icon,
        "action": _("Home"),
        "action_url": shell(request).home,
        # What is not there and what is not theirs is one page, to the last letter; and what fails
        # says its code in its sentence.
        "has_code_below": status != NOT_FOUND and status < SERVER_ERROR,
    }
    return render(request, "errors/error.html", context, status=status)
