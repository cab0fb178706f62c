"""How a source does, and where that is kept: a small store that all processes share.

`erp_bridge.runner` reads and writes it; whoever runs several processes gives it a store they
all see. It keeps the state of the breaker, who probes, which turns are given away, and how
often a source was asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from erp_bridge.errors import BridgeError, Throttled
from erp_bridge.pace import Bucket, Turns

# The reason in the state of a source that counts as down because somebody rehearses it.
REHEARSED = "rehearsed-outage"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """How a source does: failures in a row, since when it is down, until when to leave it alone.

    `reason` is the code of the last error, "" where a store does not keep it.
    """

    failures: int = 0
    down_since: datetime | None = None
    retry_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How often a source was asked in a minute, and how that went."""

    calls: int = 0
    failures: int = 0
    throttled: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.calls + other.calls,
            self.failures + other.failures,
            self.throttled + other.throttled,
            self.seconds + other.seconds,
        )


class BreakerStore(Protocol):
    """Where the state of sources is kept, seen by all processes."""

    def read(self, source: str) -> BreakerState:
        """Give the state of a source; a fresh one when it is not known.

        While its outage is rehearsed: down, left alone until that ends, reason `REHEARSED`.
        """
        ...

    def succeeded(self, source: str) -> None:
        """Note that the source answered: no failures, not down, no probe, no rest.

        Except the rest that it asked for itself: a call that began before says nothing of it.
        """
        ...

    def failed(self, source: str, error: BridgeError, retry_at: datetime | None) -> None:
        """Note a failure; with `retry_at`, nobody should ask before then. A probe is over.

        Only an error with `counts_for_breaker` adds to the failures in a row and begins
        `down_since`; a throttle only asks for rest. A rest that the source asked for is
        never made shorter.
        """
        ...

    def try_probe(self, source: str, seconds: float) -> bool:
        """Become the only one that asks a source whether it works again, for so long at most."""
        ...

    def end_probe(self, source: str) -> None:
        """Let another probe begin: this one found nothing out."""
        ...

    def take_turns(self, source: str, turns: Turns) -> float:
        """Take turns in a bucket of the source; give the seconds until the first of them.

        When they exceed the patience nothing is taken.
        """
        ...

    def add_counts(self, source: str, counts: Mapping[datetime, Counts]) -> None:
        """Add what was asked, by the minute in which it was."""
        ...


class MemoryBreakerStore:
    """A store inside one process, for tests and tools."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._states: dict[str, BreakerState] = {}
        self._probes: dict[str, datetime] = {}
        self._given: dict[tuple[str, Bucket], datetime] = {}
        self._lock = threading.Lock()
        self.counts: dict[tuple[str, datetime], Counts] = {}

    def read(self, source: str) -> BreakerState:
        """Give the state of a source; a fresh one when it is not known."""
        return self._states.get(source, BreakerState())

    def succeeded(self, source: str) -> None:
        """Forget all failures."""
        with self._lock:
            state = self._states.get(source, BreakerState())
            kept = replace(state, failures=0, down_since=None)
            self._states[source] = kept if self._rests(state) else BreakerState()
            self._probes.pop(source, None)

    def failed(self, source: str, error: BridgeError, retry_at: datetime | None) -> None:
        """Count a failure and keep until when to rest."""
        with self._lock:
            state = self._states.get(source, BreakerState())
            if error.counts_for_breaker:
                since = state.down_since or self._clock()
                state = replace(state, failures=state.failures + 1, down_since=since)
            if not (self._rests(state) and _is_before(retry_at, state.retry_at)):
                state = replace(state, retry_at=retry_at, reason=error.code)
            self._states[source] = state
            self._probes.pop(source, None)

    def try_probe(self, source: str, seconds: float) -> bool:
        """Become the only one that asks whether it works again."""
        with self._lock:
            now = self._clock()
            if self._probes.get(source, now) > now:
                return False
            self._probes[source] = now + timedelta(seconds=seconds)
            return True

    def end_probe(self, source: str) -> None:
        """Let another probe begin."""
        with self._lock:
            self._probes.pop(source, None)

    def take_turns(self, source: str, turns: Turns) -> float:
        """Take turns, unless the first is too far away."""
        with self._lock:
            key = source, turns.bucket
            wait, until = turns.take(self._given.get(key), self._clock())
            self._given[key] = until
            return wait

    def add_counts(self, source: str, counts: Mapping[datetime, Counts]) -> None:
        """Add what was asked."""
        with self._lock:
            for minute, more in counts.items():
                key = source, minute
                self.counts[key] = self.counts.get(key, Counts()) + more

    def _rests(self, state: BreakerState) -> bool:
        return state.reason == Throttled.code and _is_before(self._clock(), state.retry_at)


def _is_before(moment: datetime | None, other: datetime | None) -> bool:
    return other is not None and (moment is None or moment < other)
