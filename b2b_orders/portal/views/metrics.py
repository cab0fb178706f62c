"""/metrics: the figures of operations for Prometheus, for whoever has the token."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from b2b_orders.common import clock
from b2b_orders.ingest.metrics import CONTENT_TYPE, metrics_text


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the figures; without the right token, as an address that is not there."""
    token: str = settings.PORTAL_METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if not token or not constant_time_compare(given, f"Bearer {token}"):
        raise Http404
    response = HttpResponse(metrics_text(now=clock.now()), content_type=CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response
