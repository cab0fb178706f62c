"""Headers that every answer has, whoever makes it: a page, a file, a refusal, an error."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# What no page of ours uses, so that nothing in one can.
_NEVER = (
    *("accelerometer", "autoplay", "bluetooth", "browsing-topics", "display-capture"),
    *("encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid", "idle-detection"),
    *("magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
)
# Bar codes may be read by it, and passkeys and copying are ours alone.
_OURS = ("camera", "clipboard-write", "publickey-credentials-create", "publickey-credentials-get")
PERMISSIONS = ", ".join([f"{name}=()" for name in _NEVER] + [f"{name}=(self)" for name in _OURS])


class HeadersMiddleware:
    """Add what Django and the content policy do not, to whatever lacks it.

    Static files say themselves how long they may be kept; nothing else may be, unless its view
    says so. They have no rights of a page either, and are spared the long list of them: a first
    visit asks for a dozen.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path_info.startswith(settings.STATIC_URL):
            response.setdefault("Permissions-Policy", PERMISSIONS)
        response.setdefault("X-Permitted-Cross-Domain-Policies", "none")
        return response
