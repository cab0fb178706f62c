"""How fast a source may be asked: turns of a token bucket, and what a process does with them.

The bucket is the generic cell rate algorithm: one moment for each bucket, up to which all
turns are given away. Whoever takes a turn moves it on by the time of one call, and may be
ahead of it by the burst. The moment sits in a store that all processes share.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Turns that a process takes at once are those of so much time, and useful for as long again.
LOT_SECONDS = 0.1


class Bucket(StrEnum):
    """What is counted together: every call to a source, or those for its history."""

    ALL = "all"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Turns:
    """A wish for `count` turns in a row, unless the first is more than `patience` seconds away.

    `per_second` is the pace of the bucket; after a rest `burst` calls may come at once.
    """

    bucket: Bucket
    per_second: float
    burst: int = 1
    count: int = 1
    patience: float = math.inf

    @property
    def seconds_each(self) -> float:
        """The time that one call stands for."""
        return 1 / self.per_second

    @property
    def lead(self) -> float:
        """How many seconds the first turn may be ahead of the bucket's moment."""
        return (self.burst - 1) / self.per_second

    def take(self, given_until: datetime | None, now: datetime) -> tuple[float, datetime]:
        """Give the seconds until the first turn, and the moment the bucket then stands at."""
        begin = max(given_until or now, now)
        wait = max(0.0, (begin - now).total_seconds() - self.lead)
        if wait > self.patience:
            return wait, begin
        return wait, begin + timedelta(seconds=self.count * self.seconds_each)


class Lots:
    """Takes one bucket's turns for the threads of one process, several at a time when busy.

    Each turn is handed out for its own moment, and those that nobody took in time lapse,
    so that the pace holds over all processes however the turns are packed.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._size = 1
        self._left = 0
        self._taken_at = self._next_at = self._lapses_at = clock()

    def turn(self, wish: Turns, take: Callable[[int], float]) -> float:
        """Give the seconds until the next turn; it is taken unless they exceed the patience.

        `take` takes so many turns from the store and gives the seconds until the first.
        """
        with self._lock:
            if not self._is_good():
                wait = self._refill(wish, take)
                if wait > wish.patience:
                    return wait
            wait = max(0.0, (self._next_at - self._clock()).total_seconds())
            if wait <= wish.patience:
                self._left -= 1
                self._next_at += timedelta(seconds=wish.seconds_each)
            return wait

    def _is_good(self) -> bool:
        """Say whether turns are left that have not lapsed, also when the clock was put back."""
        return self._left > 0 and self._taken_at <= self._clock() <= self._lapses_at

    def _refill(self, wish: Turns, take: Callable[[int], float]) -> float:
        most = max(1, int(wish.per_second * LOT_SECONDS))
        was_used_up = self._left == 0 and self._taken_at <= self._clock() < self._lapses_at
        self._size = min(most, self._size * 2 if was_used_up else max(1, self._size - self._left))
        self._left = 0
        wait = take(self._size)
        if wait <= wish.patience:
            self._left = self._size
            self._taken_at = self._clock()
            self._next_at = self._taken_at + timedelta(seconds=wait)
            spread = self._size * wish.seconds_each
            self._lapses_at = self._next_at + timedelta(seconds=spread + LOT_SECONDS)
        return wait
