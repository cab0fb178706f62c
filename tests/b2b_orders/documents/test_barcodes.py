"""Bar codes and QR codes that a scanner reads back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2b_orders.documents.barcodes import Drawing, draw_itf, draw_qr
from tests.b2b_orders.documents.payment_codes import make_pix

# Narrow and wide elements of each digit, of the standard.
PATTERNS = {
    "nnwwn": "0", "wnnnw": "1", "nwnnw": "2", "wwnnn": "3", "nnwnw": "4",
    "wnwnn": "5", "nwwnn": "6", "nnnww": "7", "wnnwn": "8", "nwnwn": "9",
}  # fmt: skip


def bars(drawing: Drawing) -> list[tuple[int, int]]:
    found = re.findall(r"M([0-9]+) 0h([0-9]+)v([0-9]+)h-\2z", drawing.path)
    assert "".join(f"M{x} 0h{w}v{h}h-{w}z" for x, w, h in found) == drawing.path
    return [(int(x), int(width)) for x, width, _height in found]


def scan(drawing: Drawing) -> str:
    """Read an Interleaved 2 of 5 as a scanner does: widths of bars and of gaps, in turn."""
    widths: list[int] = []
    end = None
    for x, width in bars(drawing):
        if end is not None:
            widths.append(x - end)
        widths.append(width)
        end = x + width
    assert widths[:4] == [1, 1, 1, 1]
    assert widths[-3:] == [3, 1, 1]
    digits = ""
    inner = widths[4:-3]
    for at in range(0, len(inner), 10):
        pair = ["w" if width == 3 else "n" for width in inner[at : at + 10]]
        digits += PATTERNS["".join(pair[::2])] + PATTERNS["".join(pair[1::2])]
    return digits


@given(st.text("0123456789", min_size=44, max_size=44))
def test_a_scanner_reads_the_44_digits(digits):
    drawing = draw_itf(digits)

    assert scan(drawing) == digits
    first, last = bars(drawing)[0], bars(drawing)[-1]
    # A quiet zone of ten narrow bars at least, and a code of 405: 103 mm by 13 mm.
    assert first[0] >= 10
    assert drawing.width - sum(last) >= 10
    assert sum(last) - first[0] == 405
    assert drawing.height / 405 == pytest.approx(13 / 103, rel=0.01)


@pytest.mark.parametrize(
    "digits", ["", "1" * 43, "1" * 45, "1" * 47, "1" * 43 + "x", "\u0661" * 44, " " + "1" * 43]
)
def test_no_other_number_of_digits_is_drawn(digits):
    with pytest.raises(ValueError, match="44"):
        draw_itf(digits)


def test_a_qr_code_holds_every_character_as_it_is():
    payload = make_pix(receiver="AÇÚCAR uniao")

    drawing = draw_qr(payload)

    assert drawing.width == drawing.height
    assert drawing == draw_qr(payload)
    assert drawing != draw_qr(payload.upper())
    assert re.fullmatch(r"(?:M[0-9]+ [0-9]+h[0-9]+v1h-[0-9]+z)+", drawing.path)
    # Four modules of quiet around it, as the standard asks for.
    columns = [int(x) for x in re.findall(r"M([0-9]+) ", drawing.path)]
    assert min(columns) == 4


@pytest.mark.parametrize("text", ["", "x" * 1001])
def test_nothing_and_too_much_are_not_drawn(text):
    with pytest.raises(ValueError, match="long"):
        draw_qr(text)
