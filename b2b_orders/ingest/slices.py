"""How a stretch of time is cut up so that a source can answer for each piece: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Backfill:
    """How far a back-fill is: all newer than the slice is stored, and pages before `page`.

    The slice is `first` to `last`, both included; `floor` is where it all ends.
    """

    floor: datetime
    until: datetime
    first: datetime
    last: datetime
    page: int = 1

    @classmethod
    def begin(cls, floor: datetime, until: datetime) -> Backfill:
        """Start at the newest with everything as one slice."""
        floor, until = floor.replace(microsecond=0), until.replace(microsecond=0)
        return cls(floor, until, floor, until)

    @classmethod
    def parse(cls, cursor: str) -> Backfill | None:
        """Read a stored cursor; None for one that is not ours or marks the end."""
        parts = cursor.split(_SEPARATOR)
        try:
            floor, until, first, last = map(datetime.fromisoformat, parts[:4])
            return cls(floor, until, first, last, int(parts[4]))
        except (ValueError, IndexError):
            return None

    @property
    def cursor(self) -> str:
        """Write it for a stream's row."""
        moments = (self.floor, self.until, self.first, self.last)
        return _SEPARATOR.join([*(m.isoformat() for m in moments), str(self.page)])

    @property
    def can_split(self) -> bool:
        """Say whether the slice is long enough to be halved."""
        return self.last - self.first >= timedelta(seconds=2)

    def newer_half(self) -> Backfill:
        """Return the newer half of the slice; the older one follows by `older`."""
        seconds = int((self.last - self.first).total_seconds()) // 2
        return replace(self, first=self.first + timedelta(seconds=seconds), page=1)

    def next_page(self) -> Backfill:
        """Return the slice with its next page to come."""
        return replace(self, page=self.page + 1)

    def older(self) -> Backfill | None:
        """Return all that is left below the slice, or None at the end.

        It includes the slice's first moment again: sources round to milliseconds.
        """
        if self.first <= self.floor:
            return None
        return replace(self, first=self.floor, last=self.first, page=1)


@dataclass(frozen=True, slots=True)
class Covered:
    """Which days of a company an ERP was asked for: all from `reached` to `until`."""

    until: date
    reached: date

    @classmethod
    def parse(cls, cursor: str) -> Covered | None:
        """Read a stored cursor; None for one that is not ours."""
        try:
            until, reached = map(date.fromisoformat, cursor.split("/"))
        except ValueError:
            return None
        return cls(until, reached)

    @property
    def cursor(self) -> str:
        """Write it for a stream's row."""
        return f"{self.until.isoformat()}/{self.reached.isoformat()}"


@dataclass(frozen=True, slots=True)
class Looked:
    """How far the first look through a company's web orders is: all newer are done."""

    began: datetime
    at: datetime
    order_id: int

    @classmethod
    def parse(cls, cursor: str) -> Looked | None:
        """Read a stored cursor; None for one that is not ours."""
        parts = cursor.split(_SEPARATOR)
        try:
            began, at = map(datetime.fromisoformat, parts[:2])
            return cls(began, at, int(parts[2]))
        except (ValueError, IndexError):
            return None

    @property
    def cursor(self) -> str:
        """Write it for a stream's row."""
        return _SEPARATOR.join((self.began.isoformat(), self.at.isoformat(), str(self.order_id)))


@dataclass(frozen=True, slots=True)
class Window:
    """Days to ask an ERP for, both included, and what is covered once they are stored."""

    first: date
    last: date
    covers: Covered | None = None


def cut(first: date, last: date, days: int) -> list[tuple[date, date]]:
    """Cut days into windows, newest first, without gap or overlap."""
    windows = []
    while last >= first:
        start = max(first, last - timedelta(days=days - 1))
        windows.append((start, last))
        last = start - timedelta(days=1)
    return windows


def plan(
    covered: Covered | None,
    *,
    today: date,
    floor: date,
    overlap_days: int,
    window_days: int,
    is_newer_wanted: bool = True,
) -> list[Window]:
    """Say which windows of a company to read: what is new since, then what is missing below.

    A pass that ends in the middle of the new part reads that part again; below, each
    window that is stored is never read again.
    """
    if covered is None:
        return [
            Window(first, last, Covered(today, first))
            for first, last in cut(floor, today, window_days)
        ]
    overlap = covered.until - timedelta(days=overlap_days)
    newer = cut(max(min(overlap, today), floor), today, window_days) if is_newer_wanted else []
    windows = [Window(first, last) for first, last in newer]
    if windows:
        windows[-1] = replace(windows[-1], covers=Covered(today, covered.reached))
    older = cut(floor, covered.reached - timedelta(days=1), window_days)
    until = today if windows else covered.until
    return windows + [Window(first, last, Covered(until, first)) for first, last in older]
