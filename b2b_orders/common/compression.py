"""Pages over the wire at a fifth of their size, where no secret of a page can be guessed by it.

Whoever reads lengths on the line and has a browser open our addresses could find out, guess by
guess, a secret that stands in a page beside what the address says (BREACH). So pages of
passwords, codes and keys go out as they are; tokens of forms are masked anew each time; every
other answer has a random length added by Django's middleware.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from b2b_orders.common.requests import SHARE_PATH

# Files are compressed already, or have a length that is promised; streams keep their memory.
_TEXT = ("text/html", "application/json", "text/calendar", "image/svg+xml", "text/css")
_WITH_SECRETS = ("/accounts/", "/conta", "/convite", "/confirmar-endereco")


class CompressionMiddleware(GZipMiddleware):
    """Compress whole answers of text, for browsers that take them so."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Compress the answer, if it may be and it is worth it."""
        kind = response.get("Content-Type", "").partition(";")[0]
        if response.streaming or kind not in _TEXT:
            return response
        if request.path_info.startswith(_WITH_SECRETS) or request.path_info == SHARE_PATH:
            return response
        return super().process_response(request, response)
