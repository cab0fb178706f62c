"""`python -m tests.screens screenshots|accessibility`: every page in every state.

Screenshots go to `var/screenshots/<language>/<theme>/<width>/<page>-<state>.png`, and
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
from tests.screens.walk import ROOT, THEMES, WIDTHS, faults, shown_as, violations, walk

TO = ROOT / "var" / "screenshots"


def main(arguments: Sequence[str]) -> int:
    """Look at the screens that were asked for; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("what", choices=["screenshots", "accessibility"])
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
        if given.what == "screenshots":
            code = shoot(product, screens, languages, looks)
        else:
            # Names of things differ between languages; how they are built does not.
            code = inspect(product, screens, languages if given.languages else ("pt-BR",), looks)
    print(f"{len(screens)} screens in {time.monotonic() - begun:.0f} s")
    return code


def shoot(
    product: Product,
    screens: tuple[Screen, ...],
    languages: Sequence[str],
    looks: Sequence[tuple[str, int]],
) -> int:
    """Write a picture of each screen, and the sheet that shows them all."""
    for language in languages:
        for screen, page in walk(product, language, screens):
            for theme, width in looks:
                path = TO / language / theme / str(width) / f"{screen.name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                with shown_as(page, theme, width):
                    page.screenshot(path=path, full_page=True, animations="disabled")
    (TO / "index.html").write_text(contact_sheet())
    print(f"file://{TO / 'index.html'}")
    return 0


def inspect(
    product: Product,
    screens: tuple[Screen, ...],
    languages: Sequence[str],
    looks: Sequence[tuple[str, int]],
) -> int:
    """Say what is wrong with each screen; 1 if anything is."""
    count = 0
    for language in languages:
        for screen, page in walk(product, language, screens):
            found = []
            for theme, width in looks:
                with shown_as(page, theme, width):
                    found += [f"{theme} {width} {each}" for each in violations(page)]
            found += faults(page, screen, language)
            for each in found or ["fine"]:
                print(f"{screen.name} ({language}): {each}", flush=True)
            count += len(found)
    print(f"{count} faults")
    return int(count > 0)


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
        pictures = sorted(TO.glob(f"*/*/*/{screen.name}.png"))
        if pictures:
            parts.append(
                f"<h2>{html.escape(screen.page)}: {html.escape(screen.state)}</h2><section>"
            )
        for picture in pictures:
            source = picture.relative_to(TO)
            words = html.escape(" ".join(source.parts[:3]))
            parts.append(
                f'<figure><a href="{source}"><img loading="lazy" src="{source}" alt="{words}"></a>'
                f"<figcaption>{words}</figcaption></figure>"
            )
        parts.append("</section>" if pictures else "")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
