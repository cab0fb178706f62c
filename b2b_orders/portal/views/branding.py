"""The seller's look, and what makes the portal an app: manifest, worker and offline page.

All of it is the same for everybody, so that it may be kept; nothing of a person is in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from b2b_orders.common import bundles
from b2b_orders.common.branding import ICON_SIZES, OWN_COLOUR, Brand, brand, icon_png, icon_svg

_FOR_EVER = "public, max-age=31536000, immutable"
# Under an address of another version: soon asked for anew.
_BRIEFLY = "public, max-age=60"
# A drawing opened by itself may do nothing at all.
_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# tokens.css: --surface of the light theme, and --paper.
_SURFACE, _PAPER = "#ffffff", "#f5f4f0"


@require_safe
def asset(_request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """Hand out one file of the seller's look."""
    of = brand()
    make = _makers(of).get(name)
    if make is None:
        raise Http404
    content, kind = make()
    response = HttpResponse(content, content_type=kind)
    response["Cache-Control"] = _FOR_EVER if digest == of.digest else _BRIEFLY
    if kind == "image/svg+xml":
        response["Content-Security-Policy"] = _DRAWING_POLICY
    return response


def _makers(of: Brand) -> dict[str, Callable[[], tuple[str | bytes, str]]]:
    colour = of.colour or OWN_COLOUR
    makers: dict[str, Callable[[], tuple[str | bytes, str]]] = {
        "icone.svg": lambda: (icon_svg(colour), "image/svg+xml"),
    }
    if of.stylesheet:
        makers["marca.css"] = lambda: (of.stylesheet, "text/css; charset=utf-8")
    if logo := of.logo:
        makers["logo"] = lambda: (logo.content, logo.kind)
    for size in ICON_SIZES:
        makers[f"icone-{size}.png"] = lambda size=size: (icon_png(colour, size), "image/png")  # type: ignore[misc] # bound now
    for code, _name in settings.LANGUAGES:
        makers[f"{code}.webmanifest"] = lambda code=code: (  # type: ignore[misc] # bound now
            _manifest(of, code),
            "application/manifest+json",
        )
    return makers


def _manifest(of: Brand, language: str) -> str:
    """Describe the app to a browser that installs it."""

    def to(name: str) -> str:
        return reverse("portal:brand", kwargs={"digest": of.digest, "name": name})

    with translation.override(language):
        pages = ((_("Orders"), "orders"), (_("Documents"), "packs"), (_("Finance"), "finance"))
        content = {
            "id": "/",
            "name": of.name,
            "short_name": of.name[:12].strip(),
            "description": _("Orders and their documents, found by any number."),
            "lang": language,
            "dir": "ltr",
            "start_url": reverse("portal:orders"),
            "scope": "/",
            "display": "standalone",
            "background_color": _PAPER,
            "theme_color": _SURFACE,
            "icons": [
                {"src": to("icone.svg"), "sizes": "any", "type": "image/svg+xml"},
                *(
                    {
                        "src": to(f"icone-{size}.png"),
                        "sizes": f"{size}x{size}",
                        "type": "image/png",
                        "purpose": purpose,
                    }
                    for size in ICON_SIZES
                    for purpose in ("any", "maskable")
                ),
            ],
            "shortcuts": [{"name": text, "url": reverse(f"portal:{name}")} for text, name in pages],
        }
    return json.dumps(content, ensure_ascii=False)


@require_safe
def worker(_request: HttpRequest) -> HttpResponse:
    """Hand out the service worker: which files it keeps, and the script that keeps them."""
    of = brand()
    kept = {"page": reverse("portal:offline"), "files": _offline_files(of)}
    text = (
        f"self.KEPT = {json.dumps(kept)};\nimportScripts({json.dumps(static('js/worker.js'))});\n"
    )
    response = HttpResponse(text, content_type="text/javascript; charset=utf-8")
    # Asked for anew each time, so that a new version is taken up at once.
    response["Cache-Control"] = "no-cache"
    return response


def _offline_files(of: Brand) -> list[str]:
    files = [*bundles.files("core.css"), *bundles.files("offline.css"), static("js/lineback.js")]
    if of.stylesheet:
        files.append(reverse("portal:brand", kwargs={"digest": of.digest, "name": "marca.css"}))
    return files


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Show the page that stands in for others while there is no connection.

    It is kept in the browser, so that nothing of a person may be in it, and it speaks every
    language: the browser shows that of the last page.
    """
    response = render(request, "offline.html", {"languages": _offline_words(), "brand": _look()})
    response["Cache-Control"] = "no-cache"
    return response


@lru_cache(maxsize=1)
def _offline_words() -> tuple[dict[str, str], ...]:
    found = []
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            found.append(
                {
                    "code": code,
                    "heading": _("No connection. What you typed is kept."),
                    "soon": _("This page opens by itself as soon as the line is back."),
                    "typed": _("What you typed"),
                    "again": _("Try again"),
                    "back": _("Back to the page before"),
                }
            )
    return tuple(found)


def _look() -> dict[str, str]:
    of = brand()

    def to(name: str) -> str:
        return reverse("portal:brand", kwargs={"digest": of.digest, "name": name})

    sheet = to("marca.css") if of.stylesheet else ""
    return {"name": of.name, "stylesheet": sheet, "icon": to("icone.svg")}
