"""The address that VTEX calls: no session, no form, no page, and the same 404 to every stranger."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from b2b_orders.common import clock
from b2b_orders.common.requests import client_address
from b2b_orders.ingest import hooks
from b2b_orders.ingest.hooks import Outcome

_STATUS = {
    Outcome.TAKEN: 200,
    Outcome.PING: 200,
    Outcome.STRANGER: 404,
    Outcome.UNUSABLE: 400,
}


@csrf_exempt
@require_POST
def vtex_hook(request: HttpRequest) -> HttpResponse:
    """Note that an order has changed, and answer before anything is read of it."""
    body = _body(request)
    if body is None:
        return HttpResponse(status=413)
    try:
        outcome = hooks.receive(
            path=getattr(request, "secret_path", ""),
            secret=request.headers.get(hooks.HEADER, ""),
            body=body,
            now=clock.now(),
        )
    except (OperationalError, InterfaceError):
        # VTEX calls again, and the feed tells of it as well.
        return HttpResponse(status=503, headers={"Retry-After": "10"})
    if outcome is Outcome.STRANGER and hooks.tries_too_often(address=client_address(request)):
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    return HttpResponse(status=_STATUS[outcome])


def _body(request: HttpRequest) -> bytes | None:
    """Read the body, also one sent in chunks; None when it is too large."""
    # Django reads a body of an announced length only, and a sender need not announce it.
    is_chunked = not request.META.get("CONTENT_LENGTH") and "wsgi.input_terminated" in request.META
    source = request.META["wsgi.input"] if is_chunked else request
    try:
        body: bytes = source.read(hooks.MAX_BODY + 1)
    except UnreadablePostError:
        return b""
    return body if len(body) <= hooks.MAX_BODY else None
