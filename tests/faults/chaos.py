"""What goes wrong outside the sources: killed processes, an emptied broker, a crashed database."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from b2b_orders.demo.children import Child, DemoError
from b2b_orders.demo.supervisor import WORKER
from tests.faults.harness import Site

# How likely a request meets each of these; a throttle stops all calls for its second or two.
STORM = {
    "slow": 0.03,
    "throttled": 0.001,
    "error": 0.02,
    "html": 0.003,
    "truncated": 0.01,
    "dead": 0.01,
}
SLOW_SECONDS = 0.5
FEED = {
    "chances": {"twice": 0.03, "again": 0.03, "short": 0.1},
    "shuffled": True,
    # Minutes in production; the run has only minutes in all.
    "hidden_seconds": 5,
}
# When, as a share of the script, the broker is emptied and the database crashes.
WIPE_AT, CRASH_AT = 0.35, 0.65


@dataclass(slots=True)
class Chaos:
    """Kills processes every few seconds, and strikes broker and database once each."""

    site: Site
    seed: int
    kill_seconds: tuple[float, float] = (3.0, 5.0)
    kills: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    # What was in progress when they were struck.
    wiped: dict[str, int] = field(default_factory=dict)
    crashed: dict[str, int] = field(default_factory=dict)
    # After so long without an end the sources behave again, and the figures say so.
    patience: float = 90.0
    has_abated: bool = False
    _over_at: float | None = None
    _dice: random.Random = field(init=False)
    _next_kill: float = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(f"chaos {self.seed}")
        self._next_kill = time.monotonic() + self._dice.uniform(*self.kill_seconds)

    @property
    def figures(self) -> dict[str, Any]:
        """What was struck, and how often."""
        return {
            "kills": dict(sorted(self.kills.items())),
            "restarts": self.restarts,
            "broker_emptied_with": self.wiped,
            "database_crashed_with": self.crashed,
            "sources_behaved_at_the_end": self.has_abated,
        }

    def begin(self) -> None:
        """Let the sources misbehave."""
        for source in ("vtex", "erp"):
            storm = {"mode": "storm", "chances": STORM, "seconds": SLOW_SECONDS, "seed": self.seed}
            self.site.control(source, "faults", storm)
        self.site.control("vtex", "feed", {**FEED, "seed": self.seed})

    def script_is_over(self) -> None:
        """Kill nothing more: what was begun may come to its end."""
        self._over_at = time.monotonic()

    def _abate(self) -> None:
        """Let the sources behave again, but keep what they counted."""
        self.has_abated = True
        for source in ("vtex", "erp"):
            self.site.control(source, "faults", {"mode": "none"})
        self.site.control("vtex", "feed", {"hidden_seconds": FEED["hidden_seconds"]})

    def tick(self, share: float) -> None:
        """Do what is due, at a share of the script."""
        for child in self.site.at_work:
            if child.exit_code is not None:
                self._start_again(child)
        now = time.monotonic()
        if self._over_at is None and now >= self._next_kill:
            self._kill()
        if share >= WIPE_AT and not self.wiped:
            self.wiped = self._strike(self._in_the_broker, self._wipe)
        if share >= CRASH_AT and not self.crashed:
            self.crashed = self._strike(self._in_the_database, self._crash)
        if self._over_at and now > self._over_at + self.patience and not self.has_abated:
            self._abate()

    def _kill(self) -> None:
        child = self._dice.choice(self.site.at_work)
        pids = self.site.processes_of(child)
        if not pids:
            return
        pid = self._dice.choice(pids)
        is_leader = pid == self.site.state.processes[child.name]["pid"]
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            kind = "beat" if child.name == "beat" else "worker" if is_leader else "pool process"
            self.kills[kind] += 1
        self._next_kill = time.monotonic() + self._dice.uniform(*self.kill_seconds)

    def _start_again(self, child: Child) -> None:
        # What a killed worker left behind goes first, as with a container.
        child.stop(seconds=0)
        child.start(fresh_log=False)
        self.restarts += 1

    def _strike(
        self, in_progress: Callable[[], dict[str, int]], strike: Callable[[], None]
    ) -> dict[str, int]:
        """Strike if work is in progress; else leave it for the next tick."""
        found = in_progress()
        if not all(found.values()):
            return {}
        strike()
        return found

    def _in_the_broker(self) -> dict[str, int]:
        queued = sum(self._length("LLEN", f"portal:{name}") for name in ("sync", "interactive"))
        taken = self._length("HLEN", "portal:unacked")
        return {"messages": queued + taken, "in_the_feed": self._quantity()}

    def _length(self, command: str, key: str) -> int:
        return int(self.site.valkey.command(command, key).strip().removeprefix(":") or 0)

    def _wipe(self) -> None:
        self.site.valkey.command("FLUSHALL")

    def _in_the_database(self) -> dict[str, int]:
        busy = self.site.count(
            f"pg_stat_activity WHERE datname = '{self.site.database}' AND usename = '{WORKER}'"
            " AND state <> 'idle'"
        )
        return {"statements_and_transactions": busy, "in_the_feed": self._quantity()}

    def _crash(self) -> None:
        """Stop the server without a farewell, so that it has to recover."""
        self.site.postgres._pg_ctl("stop", "-m", "immediate", "-t", "10")
        self.site.postgres.start()

    def _quantity(self) -> int:
        return int(self.site.control("vtex", "feed")["quantity"])


@dataclass(frozen=True, slots=True)
class Calm:
    """The weather of a run in which nothing goes wrong, and nothing may."""

    site: Site

    def begin(self) -> None:
        """Leave the sources as they are."""

    def tick(self, _share: float) -> None:
        for child in self.site.at_work:
            if child.exit_code is not None:
                raise DemoError(child.complaint("died in the calm run"))

    def script_is_over(self) -> None:
        """Go on as before."""


def requests_met(site: Site) -> dict[str, dict[str, int]]:
    """Add up, for each source, how many requests met which fault; "none" for a sound answer."""
    found = {}
    for source in ("vtex", "erp"):
        met: Counter[str] = Counter()
        for row in site.control(source, "counts"):
            met[row["fault"] or "none"] += row["requests"]
        found[source] = dict(sorted(met.items()))
    return found
