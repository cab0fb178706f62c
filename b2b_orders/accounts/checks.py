"""What `manage.py check --deploy` says of settings that make signing in weak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004 Django's own name

_PRINTED = ("console", "dummy", "locmem", "filebased")


@register(Tags.security, deploy=True)
def check_signing_in(**_: Any) -> list[CheckMessage]:
    """Warn of what is right for a demo and wrong for real people."""
    return [Warning(text, hint=hint, id=name) for name, text, hint in _findings()]


def _findings() -> Iterator[tuple[str, str, str]]:
    if not settings.PORTAL_STAFF_SECOND_FACTOR:
        yield (
            "portal.W001",
            "The seller's people sign in with a password alone.",
            "They look across companies: leave PORTAL_STAFF_SECOND_FACTOR at 1.",
        )
    if settings.PORTAL_HTTPS and not settings.PORTAL_TRUSTED_PROXIES:
        yield (
            "portal.W002",
            "PORTAL_URL is https:// and no proxy is trusted to say that it ended TLS.",
            "Behind a proxy every page redirects to itself: set PORTAL_TRUSTED_PROXIES.",
        )
    if settings.EMAIL_BACKEND.rsplit(".", 2)[-2] in _PRINTED:
        yield (
            "portal.W003",
            "Mails are not sent: codes and links to sign in are written down or lost.",
            "Set PORTAL_EMAIL_URL to a mail server.",
        )
    if not (settings.PORTAL_SECURITY_CONTACT or settings.PORTAL_SUPPORT_EMAIL):
        yield (
            "portal.W004",
            "Nobody is named to report weaknesses to: there is no /.well-known/security.txt.",
            "Set PORTAL_SECURITY_CONTACT, or PORTAL_SUPPORT_EMAIL.",
        )
