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
    says so. The long headers are of a page, and not of the files that it asks for: a first visit
    would carry a dozen times what its browser has been told.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "no-store")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # What is not found there is a page.
        if request.path_info.startswith(settings.STATIC_URL) and response.status_code < 400:
            response.headers.pop("Content-Security-Policy", None)
        else:
            response.setdefault("Permissions-Policy", PERMISSIONS)
        response.setdefault("X-Permitted-Cross-Domain-Policies", "none")
        return response
