"""How a connection does, in figures: what pages, metrics and the command all tell.

The rows here are made by `operations`; what deserves somebody's attention follows from
them alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from b2b_orders.ingest.models import SubscriptionKind, SubscriptionState
from erp_bridge import registry
from erp_bridge.errors import ConfigError

# Counting stops here: more than so many is "more than so many".
MOST_COUNTED = 10_000
# The oldest order in the inbox has been due for longer than this.
LATE_BACKLOG = timedelta(minutes=15)
# Nobody took up a lane that was due for so long: no worker or no beat runs.
LATE_LANE = timedelta(minutes=2)
# A lane that began longer ago, and did not end, lost its worker.
LONGEST_RUN = timedelta(minutes=5)
# How often a lane must have ended early in a row.
FAILING_LANE = 3
# VTEX keeps what waits in a feed for four days; an item as old as this is an alarm.
OLD_FEED = timedelta(hours=6)

State = Literal["ok", "down", "never", "outage", "off"]
Breaker = Literal["closed", "open", "half-open"]


def system_name(kind: str) -> str:
    """Say which kind of source a kind of connection leads to; nothing for an unknown one.

    A kind of a newer version: its rows are shown, its source is not read.
    """
    try:
        return registry.get_kind(kind).system.value
    except ConfigError:
        return ""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A count that stops at `MOST_COUNTED`."""

    value: int

    @property
    def is_exact(self) -> bool:
        """Say whether there are no more."""
        return self.value <= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a source was asked in the last hour, and how that went."""

    calls: int = 0
    failures: int = 0
    throttled: int = 0
    seconds: float = 0.0

    @property
    def error_rate(self) -> float:
        """Return which part of the calls failed."""
        return self.failures / self.calls if self.calls else 0.0

    @property
    def mean_seconds(self) -> float:
        """Return how long a call took."""
        return self.seconds / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """One kind of work: when it is due, and how it went the last time."""

    name: str
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    succeeded_at: datetime | None
    failures: int
    error: str

    def is_running(self, now: datetime) -> bool:
        """Say whether it began and has not ended; a killed worker's looks so for a while."""
        return (
            self.started_at is not None
            and self.started_at > now - LONGEST_RUN
            and (self.finished_at is None or self.finished_at < self.started_at)
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long reading is: in orders, or in companies for an ERP."""

    kind: str
    unit: Literal["orders", "companies"]
    done: int
    total: int | None
    began_at: datetime | None
    updated_at: datetime
    is_finished: bool

    @property
    def percent(self) -> int | None:
        """Return how much of it is done; None while nobody knows how much there is."""
        if self.is_finished:
            return 100
        if not self.total:
            return None
        return min(99, self.done * 100 // self.total)

    @property
    def seconds_left(self) -> float | None:
        """Estimate how long it still takes, at the pace it has had since it began."""
        if self.is_finished or self.began_at is None or not self.total or self.done <= 0:
            return None
        passed = (self.updated_at - self.began_at).total_seconds()
        return max(0.0, passed / self.done * (self.total - self.done))


@dataclass(frozen=True, slots=True)
class SubscriptionFigures:
    """The feed or the hook of a VTEX account."""

    kind: str
    state: str
    quantity: int | None
    oldest_seconds: float | None
    checked_at: datetime | None
    configured_at: datetime | None
    repairs: int
    last_event_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class ConnectionFigures:
    """Everything that is to be told of one connection."""

    id: int
    name: str
    label: str
    system: str
    state: State
    last_success_at: datetime | None
    down_since: datetime | None
    outage_since: datetime | None
    outage_until: datetime | None
    failures: int
    error: str
    error_code: str
    breaker: Breaker
    retry_at: datetime | None
    next_try_at: datetime | None
    backlog: Bounded
    oldest_due_at: datetime | None
    later: Bounded
    parked: Bounded
    parked_lately: Bounded
    calls: Calls
    lanes: tuple[LaneFigures, ...]
    progress: tuple[Progress, ...]
    subscriptions: tuple[SubscriptionFigures, ...]

    def lag(self, now: datetime) -> timedelta:
        """Say for how long the oldest order in the inbox has been due."""
        return max(now - self.oldest_due_at, timedelta()) if self.oldest_due_at else timedelta()


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that deserves attention: a code, whose, and what it is about.

    `part` is a lane or "feed" or "hook"; `since` and `count` where they say something;
    `error` is what was said, and `error_code` which kind of error of a source that is.
    """

    code: str
    connection: str
    label: str
    part: str = ""
    since: datetime | None = None
    count: int = 0
    error: str = ""
    error_code: str = ""


def concerns(figures: ConnectionFigures, now: datetime) -> tuple[Concern, ...]:
    """List what deserves attention at a connection, the gravest first."""
    if figures.state == "off":
        return ()
    return (
        *_of_source(figures),
        *_of_subscriptions(figures, now),
        *_of_work(figures, now),
        *_of_parked(figures),
    )


def _of_source(figures: ConnectionFigures) -> Iterator[Concern]:
    name, label = figures.name, figures.label
    error, code = figures.error, figures.error_code
    if figures.state == "down":
        since = figures.down_since
        yield Concern("down", name, label, since=since, error=error, error_code=code)
    elif figures.state == "never":
        yield Concern("never", name, label, error=error, error_code=code)
    elif figures.state == "outage":
        yield Concern("outage", name, label, since=figures.outage_since)


_WRONG = {
    SubscriptionState.MISSING: "missing",
    SubscriptionState.FOREIGN: "foreign",
    SubscriptionState.FORBIDDEN: "forbidden",
    SubscriptionState.FAILING: "failing",
}


def _of_subscriptions(figures: ConnectionFigures, now: datetime) -> Iterator[Concern]:
    for row in figures.subscriptions:
        wrong = _WRONG.get(SubscriptionState(row.state))
        if wrong:
            yield Concern(
                f"subscription-{wrong}", figures.name, figures.label, row.kind, error=row.error
            )
        is_old = (row.oldest_seconds or 0.0) > OLD_FEED.total_seconds()
        if row.kind == SubscriptionKind.FEED and is_old:
            since = now - timedelta(seconds=row.oldest_seconds or 0.0)
            yield Concern(
                "feed-ageing",
                figures.name,
                figures.label,
                row.kind,
                since=since,
                count=row.quantity or 0,
            )


def _of_work(figures: ConnectionFigures, now: datetime) -> Iterator[Concern]:
    for lane in figures.lanes:
        if lane.failures >= FAILING_LANE:
            yield Concern(
                "lane-failing",
                figures.name,
                figures.label,
                lane.name,
                since=lane.succeeded_at,
                count=lane.failures,
                error=lane.error,
            )
        elif _is_forgotten(figures, lane, now):
            yield Concern("lane-late", figures.name, figures.label, lane.name, since=lane.due_at)
    if figures.state == "ok" and figures.lag(now) > LATE_BACKLOG:
        yield Concern(
            "backlog-late",
            figures.name,
            figures.label,
            since=figures.oldest_due_at,
            count=figures.backlog.value,
        )


def _is_forgotten(figures: ConnectionFigures, lane: LaneFigures, now: datetime) -> bool:
    rests = figures.retry_at is not None and figures.retry_at > now
    return (
        figures.state != "outage"
        and not rests
        and not lane.is_running(now)
        and lane.due_at < now - LATE_LANE
    )


def _of_parked(figures: ConnectionFigures) -> Iterator[Concern]:
    if figures.parked_lately.value:
        yield Concern(
            "parked-lately", figures.name, figures.label, count=figures.parked_lately.value
        )
