from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from erp_bridge.vtex.values import cents, child, day, moment, rows, text, whole

ZONE = ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1160, 1160),
        ("1160", 1160),
        (" -7 ", -7),
        (Decimal("12.0"), 12),
        (Decimal("12.5"), None),
        (Decimal("1E+999999999"), None),
        (10**15, None),
        ("1" * 16, None),
        ("1.160", None),
        ("١٢", None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_whole_numbers(value, expected):
    assert whole({"n": value}, "n") == expected


def test_cents_become_an_exact_amount():
    assert cents({"n": 1160}, "n") == Decimal("11.60")
    assert cents({"n": None}, "n") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" a ", "a"),
        ("", "second"),
        ("\x00", "second"),
        (None, "second"),
        (7, "7"),
        (Decimal("1.5"), "1.5"),
        (True, "second"),
        ({}, "second"),
        ("a\x00b", "ab"),
        ("São\ud800", "São?"),
    ],
)
def test_the_first_text_that_says_something(value, expected):
    assert text({"a": value, "b": "second"}, "a", "b") == expected


@pytest.mark.parametrize("holder", [None, [], "x", 7])
def test_what_is_no_object_has_nothing(holder):
    assert text(holder, "a") == ""
    assert whole(holder, "a") is None
    assert moment(holder, "a") is None
    assert child(holder, "a") == {}
    assert rows(holder, "a") == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-02-04T20:09:43.8999581Z", datetime(2024, 2, 4, 20, 9, 43, 899958, UTC)),
        ("2024-02-04T20:09:43-03:00", datetime(2024, 2, 4, 23, 9, 43, tzinfo=UTC)),
        ("2024-02-04T20:09:43", datetime(2024, 2, 4, 20, 9, 43, tzinfo=UTC)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("2022-10--05T15:40:33", None),
        ("12/29", None),
    ],
)
def test_moments_are_aware(written, expected):
    assert moment({"at": written}, "at") == expected


def test_a_moment_of_night_is_the_store_s_day_before():
    assert day({"at": "2026-03-12T01:30:00Z"}, "at", ZONE) == date(2026, 3, 11)
    assert day({"at": "2026-03-12T00:00:00Z"}, "at", ZONE) == date(2026, 3, 12)
