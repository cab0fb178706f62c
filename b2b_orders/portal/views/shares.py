"""/d/<secret>: one document for somebody who does not log in."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from b2b_orders.common import clock
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.files import file_response
from b2b_orders.common.limits import Bucket, is_empty, take
from b2b_orders.documents.archive_words import name_to_save
from b2b_orders.documents.services import DocumentUnavailable
from b2b_orders.documents.sharing import look_at_share, open_share
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.portal import formats

# Addresses that lead nowhere, from one address of the network, in so many seconds.
_MOST_MISSES, _SECONDS = 30, 600
_FILE = "arquivo"
# Not a 5xx: those undo what was written.
_NOT_NOW = 424
_LONGEST = 100


@require_GET
def shared(request: Any) -> HttpResponseBase:
    """Show a shared document's page, or hand out its file. The secret stands in no address here.

    `SecretPathMiddleware` took it out of the path, so that no log has it.
    """
    secret, _slash, rest = getattr(request, "secret_path", "").partition("/")
    if (
        not secret
        or len(secret) > _LONGEST
        or rest not in {"", _FILE}
        or is_empty(_misses(request))
    ):
        return _nothing(request)
    try:
        return _file(request, secret) if rest else _page(request, secret)
    except NotVisible:
        take(_misses(request))
        return _nothing(request)


def _page(request: Any, secret: str) -> HttpResponse:
    found = look_at_share(secret=secret, now=clock.now())
    context = {
        "company": found.company,
        "document": found.document,
        "expires": formats.moment(found.expires_at, clock.now()),
        "settled": found.settled,
        "file_url": f"/d/{secret}/{_FILE}",
    }
    return _sealed(render(request, "portal/documents/shared.html", context))


def _file(request: Any, secret: str) -> HttpResponseBase:
    try:
        taken = open_share(
            secret=secret,
            actor=request.actor,
            source=ConnectionDocuments(),
            now=clock.now(),
        )
    except DocumentUnavailable:
        return _not_now(request, secret, _("The file could not be had just now. Try again later."))
    if taken is None:
        text = look_at_share(secret=secret, now=clock.now()).settled or _(
            "It could not be checked just now whether this is still to be paid. Try again later."
        )
        return _not_now(request, secret, text)
    response = file_response(
        taken.open(),
        filename=name_to_save(taken),
        content_type=taken.content_type,
        size=taken.size,
    )
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _not_now(request: Any, secret: str, text: str) -> HttpResponse:
    found = look_at_share(secret=secret, now=clock.now())
    context = {
        "company": found.company,
        "document": found.document,
        "expires": formats.moment(found.expires_at, clock.now()),
        "settled": found.settled,
        "problem": "" if found.settled else text,
        "file_url": f"/d/{secret}/{_FILE}",
    }
    return _sealed(render(request, "portal/documents/shared.html", context, status=_NOT_NOW))


def _nothing(request: Any) -> HttpResponse:
    """Answer alike what never existed, has expired, was revoked or may not be seen any more."""
    return _sealed(render(request, "portal/documents/shared_gone.html", status=404))


def _sealed(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _misses(request: Any) -> Bucket:
    return Bucket(f"shares:{request.actor.address or '-'}", _MOST_MISSES, _SECONDS)
