from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from b2b_orders.ingest.slices import Backfill, Covered, cut, plan

FLOOR = datetime(2024, 1, 1, tzinfo=UTC)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 3, 10)


def walk(moments: list[datetime], most: int) -> list[datetime]:
    """Do as the pass does with a source that holds an order at each of these moments."""
    seen: list[datetime] = []
    rest: Backfill | None = Backfill.begin(FLOOR, UNTIL)
    while rest is not None:
        inside = [m for m in moments if rest.first <= m <= rest.last]
        if len(inside) > most and rest.can_split and rest.page == 1:
            rest = rest.newer_half()
            continue
        seen += inside
        resumed = Backfill.parse(rest.cursor)
        assert resumed == rest
        rest = rest.older()
    return seen


@given(st.lists(st.timedeltas(timedelta(0), UNTIL - FLOOR), max_size=60))
def test_every_moment_is_in_some_slice(offsets: list[timedelta]):
    moments = [FLOOR + offset for offset in offsets]

    assert set(walk(moments, most=3)) == set(moments)


def test_slices_go_from_newest_to_oldest():
    moments = [FLOOR + timedelta(days=n) for n in range(0, 700, 7)]

    seen = walk(moments, most=10)

    assert seen[0] > seen[-1]
    assert sorted(seen, reverse=True) == sorted(seen, key=lambda moment: -moment.timestamp())


def test_a_crowded_second_is_not_split_for_ever():
    crowd = [FLOOR + timedelta(days=3, milliseconds=n) for n in range(20)]

    assert set(walk(crowd, most=5)) == set(crowd)


def test_a_cursor_that_is_not_ours_starts_anew():
    assert Backfill.parse("done") is None
    assert Backfill.parse("a|b|c|d|e") is None
    assert Covered.parse("") is None
    assert Covered.parse("2026-01-01") is None


@given(st.integers(1, 900), st.integers(1, 400))
def test_windows_have_neither_gap_nor_overlap(length: int, days: int):
    first = TODAY - timedelta(days=length)

    windows = cut(first, TODAY, days)

    assert [day for start, end in windows for day in (end, start)] == sorted(
        [day for window in windows for day in window], reverse=True
    )
    assert windows[0][1] == TODAY
    assert windows[-1][0] == first
    covered = sum((end - start).days + 1 for start, end in windows)
    assert covered == length + 1


def test_a_first_pass_reads_all_from_today_down():
    windows = plan(None, today=TODAY, floor=date(2026, 1, 1), overlap_days=7, window_days=30)

    assert [(w.first, w.last) for w in windows] == [
        (date(2026, 2, 9), date(2026, 3, 10)),
        (date(2026, 1, 10), date(2026, 2, 8)),
        (date(2026, 1, 1), date(2026, 1, 9)),
    ]
    assert windows[0].covers == Covered(TODAY, date(2026, 2, 9))
    assert windows[-1].covers == Covered(TODAY, date(2026, 1, 1))


def test_an_interrupted_pass_goes_on_below_what_it_stored():
    covered = Covered(until=TODAY - timedelta(days=1), reached=date(2026, 2, 9))

    windows = plan(covered, today=TODAY, floor=date(2026, 1, 1), overlap_days=2, window_days=30)

    assert [(w.first, w.last) for w in windows] == [
        (date(2026, 3, 7), TODAY),
        (date(2026, 1, 10), date(2026, 2, 8)),
        (date(2026, 1, 1), date(2026, 1, 9)),
    ]
    assert windows[0].covers == Covered(TODAY, date(2026, 2, 9))


def test_a_later_pass_reads_only_the_overlap():
    covered = Covered(until=TODAY, reached=date(2019, 3, 10))

    windows = plan(covered, today=TODAY, floor=date(2019, 3, 10), overlap_days=7, window_days=90)

    assert [(w.first, w.last) for w in windows] == [(date(2026, 3, 3), TODAY)]


def test_a_long_pause_is_read_in_windows_and_counted_once_all_are_stored():
    covered = Covered(until=TODAY - timedelta(days=50), reached=date(2019, 3, 10))

    windows = plan(covered, today=TODAY, floor=date(2019, 3, 10), overlap_days=7, window_days=30)

    assert [w.covers for w in windows] == [None, Covered(TODAY, date(2019, 3, 10))]
    assert windows[-1].first == date(2026, 1, 12)
