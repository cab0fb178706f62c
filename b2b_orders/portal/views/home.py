"""Where a person starts."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from b2b_orders.portal.requests import PortalRequest, home_of, to_login


@require_safe
def home(request: PortalRequest) -> HttpResponseBase:
    """Send each to their page."""
    if not request.user.is_authenticated:
        return to_login(request)
    return redirect(home_of(request))
