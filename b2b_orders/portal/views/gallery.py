"""The components of the pages with all their states; for those who build them.

It does not exist in production. Its own words are not translated: nobody else reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from b2b_orders.portal import words
from b2b_orders.portal.presenters.order import Fact
from b2b_orders.portal.presenters.sources import SourceLine

_LONG = "Distribuidora de Materiais Elétricos e Hidráulicos Irmãos Vasconcelos & Cia. Ltda. - EPP"
_UNBROKEN = "PO-2026/0815-" + "9" * 60
_HOSTILE = "<script>alert(1)</script> \"'> ${x} {{ y }} \u202eesrever\u202c 👩\u200d🔧 " + "Ŷ" * 40


@dataclass(frozen=True, slots=True)
class Sample:
    """A text that a source may send; components show each without breaking."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Button:
    """A button in one of its states; `states` are attributes that are switched on."""

    text: str
    kind: str
    is_disabled: bool = False
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class Swatch:
    """A colour by its name in tokens.css."""

    name: str


SAMPLES = (
    Sample("usual", "Alfa Distribuidora"),
    Sample("long", _LONG),
    Sample("without a place to break", _UNBROKEN),
    Sample("hostile", _HOSTILE),
)
BUTTONS = tuple(
    Button(f"{kind or 'plain'}{' busy' * busy}{' disabled' * disabled}", kind, disabled, busy)
    for kind in ("", "primary", "quiet", "danger", "small")
    for disabled, busy in ((False, False), (True, False), (False, True))
)
TONES = ("good", "info", "warn", "bad", "")
SWATCHES = tuple(
    Swatch(name)
    for name in (
        *("paper", "surface", "surface-2", "ink", "ink-2", "line", "line-strong", "accent"),
        *("accent-strong", "accent-ink", "accent-soft", "focus", "mark", "good", "good-soft"),
        *("info", "info-soft", "warn", "warn-soft", "bad", "bad-soft", "plain", "plain-soft"),
    )
)
SOURCES = (
    SourceLine("Site", "10:42", "ok", "check", "2026-03-10T10:42", "10/03/2026 10:42"),
    SourceLine("ERP", "sem resposta desde 09:15", "down", "alert"),
    SourceLine(_LONG, "sem dados", "unknown", "question"),
)
FACTS = (
    Fact("Label", "Value"),
    Fact("Several lines", "", lines=("Rua das Flores, 100", "Centro", "01001-000 São Paulo - SP")),
    Fact("Without a place to break", _UNBROKEN),
    Fact("Link", "https://example.com/" + "a" * 60, link="https://example.com/"),
)


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Show every component in a theme, where this page exists."""
    if not settings.PORTAL_GALLERY:
        raise Http404
    chosen = request.GET.get("theme", "")
    context = {
        "theme": chosen if chosen in {"light", "dark"} else "",
        "swatches": SWATCHES,
        "samples": SAMPLES,
        "buttons": BUTTONS,
        "tones": TONES,
        "chips": [words.Chip(str(each.text), each.tone, each.icon) for each in _words()],
        "sources": SOURCES,
        "facts": FACTS,
        "unbroken": _UNBROKEN,
        "hostile": _HOSTILE,
    }
    return render(request, "gallery.html", context)


def _words() -> tuple[words.Word, ...]:
    return tuple(words.FULFILMENT.values())
