"""/conta/meus-dados: what the portal holds of a person, for that person."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict
from b2b_orders.ingest.person_export import (
    list_own_exports,
    request_own_export,
    take_own_export,
)
from b2b_orders.portal import formats
from b2b_orders.portal.presenters.people_data import export_items
from b2b_orders.portal.requests import PortalRequest, to_login


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: PortalRequest) -> HttpResponseBase:
    """Show which files are ready, and have one put together."""
    if not request.user.is_authenticated:
        return to_login(request)
    now = clock.now()
    if request.method == "POST":
        return _ask(request)
    exports = list_own_exports(actor=request.actor, now=now)
    context = {
        "items": export_items(exports, page="portal:my-data-file", now=now),
        "is_waiting": any(not export.is_ready for export in exports),
        "support": settings.PORTAL_SUPPORT_EMAIL,
    }
    part = "_my_files" if request.htmx else "my_data"
    response = render(request, f"portal/account/{part}.html", context)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _ask(request: PortalRequest) -> HttpResponse:
    try:
        request_own_export(actor=request.actor, language=formats.language(), now=clock.now())
    except Conflict:
        text = _("You asked for it less than an hour ago. It is below, or will be in a moment.")
        messages.warning(request, text)
    return redirect("portal:my-data")


@require_safe
def take(request: PortalRequest, public_id: UUID) -> HttpResponseBase:
    """Hand out a file of the person's own."""
    if not request.user.is_authenticated:
        return to_login(request)
    content = take_own_export(actor=request.actor, public_id=public_id, now=clock.now())
    return zip_answer(content, _("my-data"))


def zip_answer(content: bytes, name: str) -> HttpResponse:
    """Answer with a ZIP file that nobody keeps on the way."""
    response = HttpResponse(content, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
