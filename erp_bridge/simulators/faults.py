"""What can be wrong with a simulated source, and the log of what it was asked."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

Json = dict[str, object]

# Where a redirect leads unless told: what a machine in a cloud must never be asked for.
INTERNAL = "http://169.254.169.254/latest/meta-data/"
# How much of an answer is not sent.
Cut = Literal["", "half", "all"]
Mode = Literal[
    "slow",
    "dead",
    "error",
    "html",
    "truncated",
    "drip",
    "throttled",
    "wrong_company",
    "bad_token",
    "endless",
    "redirect",
    "storm",
    "none",
]
MODES: frozenset[str] = frozenset(get_args(Mode))
# What a storm may do to a request, and which statuses its errors have.
STORM_MODES = ("slow", "throttled", "error", "html", "truncated", "dead")
_STORM_STATUSES = (500, 502, 503)
_STORM_RETRY_AFTER = ("1", "2")


class BadBody(Exception):
    """A request body that cannot be used; the text says why."""


@dataclass(slots=True)
class Fault:
    """One fault in force for a route; `times` is how often it still strikes, None for ever."""

    route: str
    mode: Mode
    seconds: float = 0.0
    status: int = 0
    retry_after: str = ""
    location: str = ""
    times: int | None = None
    # Of a storm: how likely each mode is, and what the dice are seeded with.
    chances: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - the same seed gives the same storm

    def draw(self) -> Fault | None:
        """Choose what a storm does to one request: one of its modes, or nothing."""
        left = self.dice.random()
        for mode in STORM_MODES:
            chance = self.chances.get(mode, 0.0)
            if left < chance:
                return Fault(
                    route=self.route,
                    mode=cast("Mode", mode),
                    seconds=self.dice.uniform(0, self.seconds) if mode == "slow" else 0.0,
                    status=self.dice.choice(_STORM_STATUSES) if mode == "error" else 0,
                    retry_after=self.dice.choice(_STORM_RETRY_AFTER),
                )
            left -= chance
        return None

    def describe(self) -> Json:
        """Say what it is, as JSON."""
        return {
            "route": self.route,
            "mode": self.mode,
            "seconds": self.seconds,
            "status": self.status,
            "retry_after": self.retry_after,
            "location": self.location,
            "times": self.times,
            "chances": dict(self.chances),
            "seed": self.seed,
        }


@dataclass(slots=True)
class LogEntry:
    """One request as the log keeps it."""

    at: float
    route: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    status: int = 0
    fault: str = ""

    def describe(self) -> Json:
        """Say what it was, as JSON."""
        return {
            "at": self.at,
            "route": self.route,
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "headers": dict(self.headers),
            "body": self.body,
            "status": self.status,
            "fault": self.fault,
        }


@dataclass(slots=True)
class Faults:
    """The faults in force. Setting one replaces the former one of its route."""

    routes: frozenset[str]
    active: dict[str, Fault] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    # Set anew at each change, so that a request that waits out a fault stops waiting.
    changed: threading.Event = field(default_factory=threading.Event)

    def set(self, fault: Fault) -> None:
        """Put a fault in force; mode `none` removes the route's, and `*` all."""
        with self.lock:
            if fault.mode != "none":
                self.active[fault.route] = fault
            elif fault.route == "*":
                self.active.clear()
            else:
                self.active.pop(fault.route, None)
            self._wake()

    def clear(self) -> None:
        """Remove every fault."""
        with self.lock:
            self.active.clear()
            self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = threading.Event()

    def strike(self, *routes: str) -> Fault | None:
        """Take the fault that a request meets now, counting it down; the narrowest route first."""
        if not self.active:
            return None
        with self.lock:
            found = (self.active.get(route) for route in (*routes, "*"))
            fault = next((one for one in found if one), None)
            if fault and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self.active[fault.route]
            return fault.draw() if fault and fault.mode == "storm" else fault

    def read(self, told: Json) -> Fault:
        """Read a fault from a control call; `BadBody` says what is wrong."""
        route, mode = str(told.get("route", "*")), told.get("mode")
        if route != "*" and route not in self.routes:
            raise BadBody(f"route must be * or one of {', '.join(sorted(self.routes))}")
        if mode not in MODES:
            raise BadBody(f"mode must be one of {', '.join(sorted(MODES))}")
        try:
            times = told.get("times")
            fault = Fault(
                route=route,
                mode=cast("Mode", mode),
                seconds=float(str(told.get("seconds") or 0)),
                status=int(str(told.get("status") or 0)),
                retry_after=str(told.get("retry_after") or ""),
                location=str(told.get("location") or INTERNAL),
                times=None if times is None else int(str(times)),
                chances=read_chances(told.get("chances") or {}, STORM_MODES),
                seed=int(str(told.get("seed") or 0)),
            )
        except ValueError as error:
            raise BadBody("seconds, status, times and seed must be numbers") from error
        if fault.times is not None and fault.times < 1:
            raise BadBody("times must be at least 1")
        return fault


def read_chances(told: object, names: Collection[str]) -> dict[str, float]:
    """Read probabilities by name; `BadBody` says what is wrong with them."""
    if not isinstance(told, dict) or not told.keys() <= set(names):
        raise BadBody(f"chances must be an object of {', '.join(names)}")
    try:
        chances = {name: float(str(value)) for name, value in told.items()}
    except ValueError as error:
        raise BadBody("chances must be numbers") from error
    if any(chance < 0 for chance in chances.values()) or sum(chances.values()) > 1:
        raise BadBody("chances must be from 0 to 1, in all at most 1")
    return chances
