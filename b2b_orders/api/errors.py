"""Every error of the API, as problem+json (RFC 9457) with a stable code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from rest_framework import exceptions
from rest_framework.response import Response

from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible

CONTENT_TYPE = "application/problem+json"

_TABLE: tuple[tuple[tuple[type[Exception], ...], int, str, object], ...] = (
    ((NotVisible, Http404), 404, "not-visible", lazy("Not found.")),
    ((NotAllowed, exceptions.PermissionDenied), 403, "not-allowed", lazy("You may not do this.")),
    (
        (exceptions.NotAuthenticated, exceptions.AuthenticationFailed),
        401,
        "not-signed-in",
        lazy("Log in first."),
    ),
)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Build the answer to an anticipated error; others go on to Django's 500."""
    if isinstance(error, InvalidInput):
        return _invalid({error.field: [error.message]})
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error.detail)
    if isinstance(error, NotVisible | Http404):
        _record_attempt(context)
    for kinds, status, code, title in _TABLE:
        if isinstance(error, kinds):
            return _problem(status, code, str(title))
    if isinstance(error, exceptions.APIException):
        return _problem(error.status_code, error.default_code, str(error.detail))
    return None


def _invalid(fields: Any) -> Response:
    return _problem(400, "invalid-input", _("Check what was sent."), fields=fields)


def _problem(status: int, code: str, title: str, **more: object) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, "title": title, **more}
    return Response(body, status=status, content_type=CONTENT_TYPE)


def _record_attempt(context: Mapping[str, Any]) -> None:
    request = context["request"]
    viewer = request.viewer
    record(
        Action.NOT_VISIBLE,
        actor=request.actor,
        company_id=viewer.company_id if viewer else None,
        object_kind="address",
        object_id=str(next(iter(context["kwargs"].values()), request.refused_company)),
        detail={"path": request.path_info[:200]},
        now=clock.now(),
    )
