"""One fault test: a calm run and a stormy one of the same script, and what came of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from tests.faults.chaos import Calm, Chaos, requests_met
from tests.faults.compare import Rows, count_rows, verdict
from tests.faults.harness import STILL_SECONDS, Deadline, Site
from tests.faults.script import Change, Script, write_script

CALM, STORM = "calm", "storm"


@dataclass(frozen=True, slots=True)
class Wish:
    """How large a fault test is."""

    events: int = 10_000
    orders: int = 2_000
    workers: int = 3
    seed: int = 1
    # How long the test may take in all.
    seconds: float = 300.0
    # After so long without an end the sources behave again, and the figures say so.
    patience: float = 90.0
    kill_seconds: tuple[float, float] = (3.0, 5.0)

    @property
    def calm_seconds(self) -> float:
        """Over how long the script is spread in the calm run."""
        return max(3.0, self.events / 800)

    @property
    def storm_seconds(self) -> float:
        """Over how long in the storm: long enough to meet it."""
        return max(16.0, self.events / 200)


@dataclass(slots=True)
class Outcome:
    """What a fault test found."""

    is_equal: bool
    lines: list[str]
    figures: dict[str, Any] = field(default_factory=dict)


def run_faults(site: Site, wish: Wish) -> Outcome:
    """Make the product ready, run it twice, and compare."""
    deadline = Deadline(wish.seconds)
    site.say("preparing the database, the broker and the sources")
    site.prepare()
    site.say(f"  {deadline.spent:.1f} s")
    script = write_script(
        seed=wish.seed, events=wish.events, orders=wish.orders, started_at=site.started_at
    )
    figures: dict[str, Any] = {
        "seed": wish.seed,
        "workers": wish.workers,
        "web_events": script.events,
        "web_orders": len(script.web),
        "erp_changes": sum(map(len, script.acts)) - script.events,
        "erp_orders": len(script.erp),
        "prepared_seconds": round(deadline.spent, 1),
    }
    chaos = Chaos(site, wish.seed, kill_seconds=wish.kill_seconds, patience=wish.patience)
    found = {}
    for name, weather, seconds in (
        (CALM, Calm(site), wish.calm_seconds),
        (STORM, chaos, wish.storm_seconds),
    ):
        site.say(f"{name}: {script.events} events of {len(script.web)} web orders")
        run = Run(site, script, weather, deadline)
        found[name] = run.play(name, seconds)
        figures[name] = run.figures
    figures[STORM] |= chaos.figures
    is_equal, lines = verdict(found[CALM], found[STORM])
    for struck, what in ((chaos.wiped, "broker emptied"), (chaos.crashed, "database crashed")):
        if not struck:
            is_equal, lines = False, [*lines, f"the {what} never while work was in progress"]
    site.is_well = is_equal
    figures |= {"rows_equal": is_equal, "rows": count_rows(found[STORM])}
    figures["seconds"] = round(deadline.spent, 1)
    return Outcome(is_equal, lines, figures)


class Weather(Protocol):
    """What goes wrong during a run."""

    def begin(self) -> None: ...

    def tick(self, share: float, /) -> None: ...

    def script_is_over(self) -> None: ...


@dataclass(slots=True)
class Run:
    """One run of the script on a database of its own."""

    site: Site
    script: Script
    weather: Weather
    deadline: Deadline
    figures: dict[str, Any] = field(default_factory=dict)
    _laps: dict[str, float] = field(default_factory=dict)
    # What was counted while the database was made, of which each run has a copy.
    _calls_before: dict[str, dict[str, int]] = field(default_factory=dict)

    def play(self, database: str, seconds: float) -> Rows:
        """Play both acts, with the ties in between, and wait for the end."""
        self.site.begin(database)
        self._calls_before = self._calls()
        with self._lap("until the feed is configured"):
            self._wait(self._unconfigured, 0.0)
        self.weather.begin()
        first, second = self.script.acts
        part = len(first) / (len(first) + len(second))
        with self._lap("first act"):
            self._act(first, seconds, 0.0, part)
        with self._lap("until web and ERP orders are tied"):
            self._wait(partial(self.site.untied, self.script), part)
        with self._lap("second act"):
            self._act(second, seconds, part, 1.0)
        self.weather.script_is_over()
        with self._lap("until nothing is left"):
            rows = self.site.settled(
                self.script, deadline=self.deadline, tick=partial(self.weather.tick, 1.0)
            )
        self._look()
        self.site.end()
        return rows

    def _act(self, act: list[Change], seconds: float, begin: float, end: float) -> None:
        self.site.play(
            act,
            seconds=seconds * (end - begin),
            tick=lambda told: self.weather.tick(begin + told * (end - begin)),
        )

    def _wait(self, left: Callable[[], list[str]], share: float) -> None:
        self.site.wait(left, deadline=self.deadline, tick=partial(self.weather.tick, share))

    def _unconfigured(self) -> list[str]:
        is_missing = self.site.control("vtex", "feed")["quantity"] < 0
        return ["the feed's configuration"] if is_missing else []

    @contextmanager
    def _lap(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._laps[name] = round(time.monotonic() - began, 1)
            self.site.say(f"  {name}: {self._laps[name]} s")

    def _calls(self) -> dict[str, dict[str, int]]:
        sql = "SELECT connection, sum(calls), sum(failures), sum(throttled) FROM ingest_callcount"
        return {
            name: {"calls": int(calls), "failed": int(failed), "throttled": int(throttled)}
            for name, calls, failed, throttled in self.site.select(f"{sql} GROUP BY connection")
        }

    def _look(self) -> None:
        """Note what there was to see, while all is still running."""
        spent = sum(self._laps.values()) - STILL_SECONDS
        feed = self.site.control("vtex", "feed")
        self.figures = {
            "seconds": dict(self._laps),
            "events_per_second": round(feed["events"] / spent, 1),
            "feed": feed,
            "requests": requests_met(self.site),
            "calls_as_the_product_counts": {
                name: dict(Counter(counts) - Counter(self._calls_before[name]))
                for name, counts in self._calls().items()
            },
        }
