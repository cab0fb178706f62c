"""`python -m tests.screens screenshots|accessibility|both`: every page in every state.

Screenshots go to `var/screenshots/<language>/<theme>/<width>/<page>-<state>.jpeg`, and
`var/screenshots/index.html` shows them side by side.
"""

from __future__ import annotations

import argparse
import html
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.journeys.conftest import LANGUAGES, Product, running_product
from tests.screens.table import SCREENS, Screen
from tests.screens.walk import (
    ROOT,
    THEMES,
    WIDTHS,
    faults,
    picture,
    shown_as,
    violations,
    walk,
)

TO = ROOT / "var" / "screenshots"


def main(arguments: Sequence[str]) -> int:
    """Look at the screens that were asked for; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("what", choices=["screenshots", "accessibility", "both"])
    parser.add_argument("--pages", default="", help="beginnings of names: orders,order-big")
    parser.add_argument("--languages", default="", help="pt-BR,es,en")
    parser.add_argument("--themes", default="", help="light,dark")
    parser.add_argument("--widths", default="", help="1366,360")
    given = parser.parse_args(arguments)
    beginnings = tuple(filter(None, given.pages.split(",")))
    screens = tuple(s for s in SCREENS if not beginnings or s.name.startswith(beginnings))
    languages = tuple(filter(None, given.languages.split(","))) or LANGUAGES
    looks = [
        (theme, width)
        for theme in tuple(filter(None, given.themes.split(","))) or THEMES
        for width in [int(w) for w in given.widths.split(",") if w] or WIDTHS
    ]
    if not screens or not set(languages) <= set(LANGUAGES):
        parser.error("no such page or language")
    # Whoever ends it ends the product, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as home, running_product(Path(home)) as product:
        # Names of things differ between languages; how they are built does not.
        inspected = () if given.what == "screenshots" else languages
        if inspected and not given.languages:
            inspected = languages[:1]
        pictured = () if given.what == "accessibility" else languages
        count = 0
        for language in languages:
            if language in inspected or language in pictured:
                count += look(
                    product,
                    language,
                    screens,
                    pictured=looks if language in pictured else (),
                    inspected=looks if language in inspected else (),
                )
    if pictured:
        (TO / "index.html").write_text(contact_sheet())
        print(f"file://{TO / 'index.html'}")
    print(f"{count} faults")
    print(f"{len(screens)} screens in {time.monotonic() - begun:.0f} s")
    return int(count > 0)


def look(
    product: Product,
    language: str,
    screens: tuple[Screen, ...],
    *,
    pictured: Sequence[tuple[str, int]],
    inspected: Sequence[tuple[str, int]],
) -> int:
    """Picture each screen, say what is wrong with it, or both; give how much is wrong."""
    count = 0
    for screen, page in walk(product, language, screens):
        found = []
        for theme, width in pictured or inspected:
            with shown_as(page, theme, width):
                if pictured:
                    picture(page, TO / language / theme / str(width) / f"{screen.name}.jpeg")
                if inspected:
                    found += [f"{theme} {width} {each}" for each in violations(page)]
        found += faults(page, screen, language)
        for each in found or ["fine"]:
            print(f"{screen.name} ({language}): {each}", flush=True)
        count += len(found)
    return count


def contact_sheet() -> str:
    """Build a page with all pictures, grouped by page and state."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Screens</title>',
        (
            "<style>body{font:14px sans-serif;margin:16px}section{display:flex;gap:8px;"
            "overflow-x:auto;align-items:flex-start}figure{margin:0}img{height:320px;"
            "object-fit:cover;object-position:top;border:1px solid #999}"
            "h2{margin:24px 0 4px}</style>"
        ),
        "<h1>Screens</h1>",
    ]
    for screen in SCREENS:
        pictures = sorted(TO.glob(f"*/*/*/{screen.name}.jpeg"))
        if pictures:
            parts.append(
                f"<h2>{html.escape(screen.page)}: {html.escape(screen.state)}</h2><section>"
            )
        for each in pictures:
            source = each.relative_to(TO)
            words = html.escape(" ".join(source.parts[:3]))
            parts.append(
                f'<figure><a href="{source}"><img loading="lazy" src="{source}" alt="{words}"></a>'
                f"<figcaption>{words}</figcaption></figure>"
            )
        parts.append("</section>" if pictures else "")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
