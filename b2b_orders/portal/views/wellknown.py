"""What programs ask every site for: where to report a weakness, and what not to index."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from b2b_orders.common import clock

# RFC 9116 wants less than a year, so that what nobody looks after runs out.
_VALID = timedelta(days=180)


@require_safe
def security(_request: HttpRequest) -> HttpResponse:
    """Say where weaknesses are reported (RFC 9116)."""
    contact = settings.PORTAL_SECURITY_CONTACT
    if not contact and settings.PORTAL_SUPPORT_EMAIL:
        contact = f"mailto:{settings.PORTAL_SUPPORT_EMAIL}"
    if not contact.startswith(("mailto:", "https://", "tel:")):
        raise Http404
    expires = (clock.now() + _VALID).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = (
        f"Contact: {' '.join(contact.split())}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: pt, es, en",
        f"Canonical: {settings.PORTAL_URL.rstrip('/')}/.well-known/security.txt",
    )
    return _text("\n".join(lines) + "\n")


@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    """Ask search engines to leave: nothing here is for them."""
    return _text("User-agent: *\nDisallow: /\n")


def _text(text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "public, max-age=86400"
    return response
