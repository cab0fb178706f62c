"""Bar codes as paths of an SVG: no style, no script, nothing that a page's policy refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import segno
from barcode.itf import ITF

_DIGITS: Final = 44
# Bars are 1 or 3 modules wide. On paper 13 mm high and, with 405 modules, 103 mm long.
_WIDE: Final = 3
_HEIGHT: Final = 51
_QUIET: Final = 10
_QR_QUIET: Final = 4
# The most that a PIX code can be (EMV MPM, 512) with room to spare.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Drawing:
    """A path in a box of whole modules; black on white, the quiet zone included."""

    width: int
    height: int
    path: str


def draw_itf(digits: str) -> Drawing:
    """Draw a payment's 44 digits as Interleaved 2 of 5; `ValueError` for anything else.

    The library would put a 0 before an odd number of digits, which is another payment.
    """
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        raise ValueError("not 44 digits")
    [modules] = ITF(digits, narrow=1, wide=_WIDE).build()
    path = "".join(
        f"M{_QUIET + at} 0h{length}v{_HEIGHT}h-{length}z" for at, length in _runs(modules)
    )
    return Drawing(width=len(modules) + 2 * _QUIET, height=_HEIGHT, path=path)


def draw_qr(text: str) -> Drawing:
    """Draw a text as a QR code, every character as it is; `ValueError` when it is too long."""
    if not text or len(text) > _MOST:
        raise ValueError("nothing, or too long")
    code = segno.make_qr(text, error="m", encoding="utf-8" if not text.isascii() else None)
    rows = [
        "".join("1" if cell else "0" for cell in row) for row in code.matrix_iter(border=_QR_QUIET)
    ]
    path = "".join(
        f"M{at} {y}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for at, length in _runs(row)
    )
    return Drawing(width=len(rows), height=len(rows), path=path)


def _runs(modules: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Return where each run of dark modules begins, and how long it is."""
    at = 0
    for module, run in groupby(modules):
        length = len(list(run))
        if module == "1":
            yield at, length
        at += length
