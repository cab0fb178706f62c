"""Which part of a number is marked."""

from __future__ import annotations

import pytest

from b2b_orders.portal.presenters.marks import Marked, mark


@pytest.mark.parametrize(
    ("written", "typed", "how", "parts"),
    [
        ("0004500123", "4500", "prefix", ("000", "4500", "123")),
        ("0004500123", "0123", "suffix", ("000450", "0123", "")),
        ("PO-2026/0815", "PO20260815", "exact", ("", "PO-2026/0815", "")),
        ("po-2026/0815", "PO2026", "prefix", ("", "po-2026", "/0815")),
        ("1172452900788-01", "1172452900788", "exact", ("", "1172452900788", "-01")),
        ("1001/1", "1001/1", "exact", ("", "1001/1", "")),
        ("123", "999", "prefix", ("123", "", "")),
        ("123", "999", "exact", ("", "123", "")),
        ("123", "", "prefix", ("123", "", "")),
    ],
)
def test_mark(written, typed, how, parts):
    marked = mark(written, typed, how)

    assert marked == Marked(*parts)
    assert marked.whole == written
