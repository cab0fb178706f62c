"""Stylesheets and scripts that pages need together, joined when static files are collected.

In development, and wherever nothing was collected, pages name the files one by one: there is
nothing to build. What one page alone needs one of stays a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.templatetags.static import static
from whitenoise.storage import CompressedManifestStaticFilesStorage

# What each bundle is made of, in this order. Names of the bundles end like their files.
BUNDLES: dict[str, tuple[str, ...]] = {
    "core.css": (
        "css/tokens.css",
        "css/base.css",
        "css/layout.css",
        "css/components/button.css",
        "css/components/chip.css",
        "css/components/card.css",
        "css/components/notice.css",
        "css/components/field.css",
    ),
    "page.css": (
        "css/components/menu.css",
        "css/components/search.css",
        "css/components/freshness.css",
        "css/components/table.css",
        "css/components/glance.css",
    ),
    "list.css": (
        "css/components/filters.css",
        "css/components/list.css",
        "css/components/notices.css",
    ),
    "order.css": (
        "css/components/order.css",
        "css/components/customer.css",
        "css/components/notices.css",
    ),
    "offline.css": ("css/components/entrance.css",),
    "core.js": ("js/copy.js", "js/menus.js"),
    "page.js": (
        "js/search.js",
        "js/suggest.js",
        "js/camera.js",
        "js/focus.js",
        "js/rows.js",
        "js/sheet.js",
        "js/tabs.js",
        "js/offline.js",
        "js/kept.js",
        "js/installed.js",
    ),
    "list.js": ("js/filters.js", "js/picking.js"),
}
_JOINED = "bundles"


class BundlingStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # has no types
    """Collect static files as WhiteNoise does, the bundles among them."""

    def post_process(self, *args: Any, **options: Any) -> Iterator[Any]:
        """Write the bundles, so that they get hashed names and compressed twins like the rest."""
        paths, is_rehearsal = args[0], options.get("dry_run", False)
        for name, parts in BUNDLES.items():
            if is_rehearsal:
                break
            joined = f"{_JOINED}/{name}"
            if self.exists(joined):
                self.delete(joined)
            self._save(joined, ContentFile(join(name, [_read(part) for part in parts]).encode()))
            paths[joined] = (self, joined)
        yield from super().post_process(*args, **options)


def files(name: str) -> list[str]:
    """Name what a page links to for a bundle: one file where it was collected, or each part."""
    if isinstance(staticfiles_storage, BundlingStorage) and not settings.DEBUG:
        return [static(f"{_JOINED}/{name}")]
    return [static(part) for part in BUNDLES[name]]


def join(name: str, texts: list[str]) -> str:
    """Join the parts of a bundle into one text."""
    if name.endswith(".css"):
        return "\n".join(_smaller(text) for text in texts)
    for text in texts:
        if re.search(r"^\s*(import|export)\b", text, re.MULTILINE):
            raise ImproperlyConfigured(f"a script of {name} imports or exports: leave it alone")
    # A block of its own each: their names do not meet, and a fault in one leaves the others.
    blocks = (f"try {{\n{_uncommented(text)}\n}} catch (e) {{ reportError(e); }}" for text in texts)
    return "\n".join(blocks)


def _smaller(css: str) -> str:
    """Drop comments and indentation; the rest is left to compression."""
    return _lines(re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))


def _uncommented(script: str) -> str:
    """Drop lines that are comments, and indentation: no text of ours goes over two lines."""
    return _lines(re.sub(r"^\s*// .*$", "", script, flags=re.MULTILINE))


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _read(part: str) -> str:
    found = finders.find(part)
    if not isinstance(found, str):
        raise ImproperlyConfigured(f"{part} of a bundle is not there")
    return Path(found).read_text()
