"""The real product for a run: its database, broker, workers and clock, and sources over HTTP.

It is the demo's supervisor with several workers and without a web server. What one run does
with it: `play` the script at the sources, and wait until the product is `settled`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg

from b2b_orders.demo.children import Child, stop_orphans
from b2b_orders.demo.state import DemoState
from b2b_orders.demo.supervisor import (
    OWNER,
    WORKER,
    Supervisor,
    Wishes,
    answers,
    beat_words,
    worker_words,
)
from b2b_orders.embedded.postgres import DATABASE, SUPERUSER, PostgresServer
from b2b_orders.embedded.processes import PROC, command_of
from b2b_orders.embedded.valkey import ValkeyServer
from erp_bridge.simulators.erp import TOKEN
from erp_bridge.simulators.model import BRASILIA
from erp_bridge.simulators.vtex import APP_TOKEN
from tests.faults.compare import Rows, read_rows
from tests.faults.script import ASKED_DAYS, Change, Script

PREFIX = "b2b-orders-faults-"
# The sources' world before the script begins.
WORLD_ORDERS = 120
POLL_SECONDS = 3
# So long must nothing change before a run counts as over: more than one pass over the ERP.
STILL_SECONDS = POLL_SECONDS + 2.0
BATCH = 40
# What is only to be looked at again, such as for a file that is expected, is no work left.
DUE = "attempts > 0 OR due_at < now() + interval '10 minutes' AND origin <> 'again'"
TICK, SAY_SECONDS = 0.1, 15.0


class Unfinished(Exception):
    """The run's time is over and work is left."""


@dataclass(slots=True)
class Deadline:
    """When the whole test must be over."""

    seconds: float
    _began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> float:
        return time.monotonic() - self._began

    def check(self, what: Callable[[], Iterable[str]]) -> None:
        if self.spent > self.seconds:
            raise Unfinished(f"{self.seconds:.0f} s are over, and left is: " + "; ".join(what()))


class Site(Supervisor):
    """The product as the demo runs it, on a database of its own for each run."""

    def __init__(self, home: Path, *, workers: int, say: Callable[[str], None]) -> None:
        super().__init__(Wishes(orders=WORLD_ORDERS), home=home)
        self.say = say
        # Set by a test that ended as it should; else the logs are kept.
        self.is_well = False
        self.database = DATABASE
        self.worker_names = [f"worker-{number}" for number in range(1, workers + 1)]
        self.started_at = datetime.now(UTC).replace(microsecond=0)
        self.state.seed_date = self.started_at.astimezone(BRASILIA).date().isoformat()
        self.state.vtex_port, self.state.erp_port = _two_free_ports()

    # --- making it ready --------------------------------------------------------------

    def prepare(self) -> None:
        """Bring up the servers, and make the database that each run starts from."""
        self.postgres.start()
        self.valkey.start()
        self.start_sources()
        child = self.manage("migrate", "migrate", "--noinput", role=OWNER)
        child.wait(seconds=120)
        self.load_people()
        self.run_together(self._tune("vtex"), self._tune("erp"), seconds=60)
        for name in ("vtex", "erp"):
            self.run_together(
                self.manage(f"sync-{name}", "sync", name, "--once", role=WORKER), seconds=120
            )
        self.child("simulators").stop()

    def _tune(self, name: str) -> Child:
        """Let a source be asked as fast as it answers, and an ERP only for young orders."""
        kind, flag = (
            ("vtex", "--app-token-env") if name == "vtex" else ("b2b_orders_v1", "--token-env")
        )
        words = ["--kind", kind, "--name", name, flag, f"{name.upper()}_TOKEN"]
        words += ["--setting", "requests_per_second=1000"]
        if name == "erp":
            words += ["--setting", f"link_days={ASKED_DAYS}"]
            # A file that a storm damaged is tried again after minutes: too long to wait for here.
            words += ["--setting", "read_ahead_days=0"]
        return self.manage(f"tune-{name}", "add_connection", *words, role=OWNER)

    def environment(self, role: str) -> dict[str, str]:
        return super().environment(role) | {
            "PORTAL_DATABASE_URL": self.postgres.url(role, self.database),
            "PORTAL_FEED_SECONDS": "1",
            "PORTAL_ERP_SECONDS": str(POLL_SECONDS),
            "PORTAL_BREAKER_SECONDS": "1",
            "VTEX_TOKEN": APP_TOKEN,
            "ERP_TOKEN": TOKEN,
        }

    def begin(self, database: str) -> None:
        """Start a run: sources as they were at first, an empty broker, all workers."""
        self.postgres.query(f"CREATE DATABASE {database} TEMPLATE {DATABASE} OWNER {OWNER}")
        # A copied sequence believes that its next 32 numbers are in the log, where they are in
        # the original's: without this, a crash would hand them out twice.
        self.postgres.query("CHECKPOINT")
        self.database = database
        self.valkey.command("FLUSHALL")
        self.start_sources()
        for name in self.worker_names:
            words = worker_words("interactive,sync", 2)
            words[words.index("--hostname") + 1] = f"{name}@%h"
            self.spawn(name, words, role=WORKER)
        self.spawn("beat", beat_words(self.state.directory / f"beat-{database}"), role=WORKER)

    def start_sources(self) -> None:
        """Start both simulators, as they were at the beginning of the script."""
        words = ["--vtex-port", str(self.state.vtex_port), "--erp-port", str(self.state.erp_port)]
        words += ["--seed-date", self.state.seed_date, "--orders", str(WORLD_ORDERS)]
        # By which of its two numbers a web order is found in the ERP would be a matter of chance.
        words += ["--started-at", self.started_at.isoformat(), "--by-id-only"]
        child = self.spawn("simulators", ["-m", "erp_bridge.simulators", *words], role=OWNER)
        for url in self.source_urls.values():
            self.await_ready(child, partial(answers, f"{url}/_control/faults"), seconds=60)

    def end(self) -> None:
        """Stop what a run started; its database stays."""
        running = [child for child in self.children if child.exit_code is None]
        for child in running:
            child.ask_to_stop()
        for child in reversed(running):
            child.stop(seconds=1)
        self.children.clear()

    def stop(self) -> None:
        self.end()
        self.valkey.stop()
        self.postgres.erase()

    # --- looking ------------------------------------------------------------------------

    def child(self, name: str) -> Child:
        """Find a process by its name; the last one started of it."""
        return next(child for child in reversed(self.children) if child.name == name)

    @property
    def at_work(self) -> list[Child]:
        """The workers and their clock."""
        return [self.child(name) for name in (*self.worker_names, "beat")]

    def processes_of(self, child: Child) -> list[int]:
        """List the living processes of a child: it leads a group of its own."""
        leader = self.state.processes.get(child.name, {}).get("pid", 0)
        return [pid for pid in _all_pids() if _group_of(pid) == leader and command_of(pid)]

    def select(self, sql: str) -> list[Any]:
        """Ask the run's database, as its superuser."""
        with self.connect(self.database) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[call-overload]

    def connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.postgres.sockets), dbname=database, user=SUPERUSER, autocommit=True
        )

    def rows(self, database: str) -> Rows:
        """Read all that a run's database knows."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            return read_rows(cursor)

    def control(self, source: str, call: str, body: dict[str, Any] | None = None) -> Any:
        """Make a control call at a source; with a body, a POST."""
        request = urllib.request.Request(
            f"{self.source_urls[source]}/_control/{call}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with _OPENER.open(request, timeout=30) as answer:
            return json.loads(answer.read())

    # --- what is left to do ---------------------------------------------------------------

    def left(self, script: Script, since: datetime) -> list[str]:
        """Name what the product still has to do, seen from outside."""
        quantity = self.control("vtex", "feed")["quantity"]
        web = dict(self._records("vtex", "version"))
        erp = dict(self._records("erp", "facts ->> 'status_raw'"))
        behind = {
            "items in the feed": quantity,
            "items in the inbox": self.count(f"ingest_inboxitem WHERE {DUE}"),
            "web orders behind": sum(web.get(key) != last for key, last in script.web.items()),
            "ERP orders behind": sum(erp.get(key) != str(last) for key, last in script.erp.items()),
            "ERP orders known by a row only": self.count(
                "orders_sourcerecord WHERE connection = 'erp' AND detail <> 'full'"
            ),
            "links not learned": len(self.links_left(script)),
            "lanes without a pass since the last change": self.count(
                "ingest_lane WHERE name IN ('feed', 'poll')"
                f" AND coalesce(succeeded_at < '{since.isoformat()}', true)"
            ),
        }
        parked = self.select("SELECT connection, external_id, reason, message FROM ingest_parked")
        return [
            *(f"{count} {what}" for what, count in behind.items() if count),
            *([f"{len(parked)} parked, as {' '.join(parked[0])}"] if parked else []),
        ]

    def count(self, what: str) -> int:
        return int(self.select(f"SELECT count(*) FROM {what}")[0][0])

    def links_left(self, script: Script) -> list[str]:
        """List web orders of the script that are not tied to their ERP order yet."""
        known = {row[0] for row in self.select("SELECT external_id FROM orders_learnedlink")}
        return [web for web, erp in script.links.items() if erp not in known]

    def untied(self, script: Script) -> list[str]:
        """Say how many web orders are not tied, and how many of these nobody read yet."""
        links = self.links_left(script)
        unread = set(links) - dict(self._records("vtex", "id")).keys()
        told = f"{len(links)} web orders not tied, {len(unread)} of them not read yet"
        return [told] if links else []

    def _records(self, connection: str, value: str) -> Sequence[tuple[str, Any]]:
        return self.select(
            f"SELECT external_id, {value} FROM orders_sourcerecord"
            f" WHERE connection = '{connection}'"
        )

    # --- playing the script -----------------------------------------------------------------

    def play(self, act: Sequence[Change], *, seconds: float, tick: Callable[[float], None]) -> None:
        """Tell the sources what happens, over so many seconds; tick with the share that is told."""
        began = time.monotonic()
        for at in range(0, len(act), BATCH):
            for source, changes in groupby(act[at : at + BATCH], key=lambda change: change.source):
                self.control(source, "orders", {"orders": [change.told for change in changes]})
            share = min(1.0, (at + BATCH) / len(act))
            tick(share)
            while time.monotonic() - began < seconds * share:
                time.sleep(TICK)
                tick(share)

    def wait(
        self, left: Callable[[], list[str]], *, deadline: Deadline, tick: Callable[[], None]
    ) -> None:
        """Wait until nothing is left; say now and then what is."""
        looked, said = 0.0, time.monotonic()
        while True:
            tick()
            if time.monotonic() - looked > 1:
                found = left()
                if not found:
                    return
                looked = time.monotonic()
                if looked - said > SAY_SECONDS:
                    said = looked
                    self.say(f"    left: {'; '.join(found)}")
            deadline.check(left)
            time.sleep(TICK)

    def settled(self, script: Script, *, deadline: Deadline, tick: Callable[[], None]) -> Rows:
        """Wait until all is done and nothing changes any more; give what is known then."""
        left = partial(self.left, script, datetime.now(UTC))
        while True:
            self.wait(left, deadline=deadline, tick=tick)
            before = self.rows(self.database)
            still = time.monotonic() + STILL_SECONDS
            while time.monotonic() < still:
                time.sleep(TICK)
                tick()
            after = self.rows(self.database)
            if after == before and not left():
                return after


@contextmanager
def open_site(*, workers: int, say: Callable[[str], None], logs: Path) -> Iterator[Site]:
    """Give a product in a temporary directory; its logs are kept when something fails."""
    _sweep()
    home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    site = Site(home, workers=workers, say=say)
    try:
        yield site
    finally:
        site.stop()
        if not site.is_well:
            shutil.rmtree(logs, ignore_errors=True)
            shutil.copytree(home / "log", logs)
            say(f"logs are kept in {logs}")
        shutil.rmtree(home, ignore_errors=True)


def _sweep() -> None:
    """End what a killed test left running, and remove what it left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = left.name.removeprefix(PREFIX).split("-")[0]
        if left.stat().st_uid == os.geteuid() and command_of(int(owner)) is None:
            stop_orphans(DemoState.open(left))
            ValkeyServer(left / "valkey").stop()
            PostgresServer(left / "postgres").erase()
            shutil.rmtree(left, ignore_errors=True)


def _two_free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _all_pids() -> list[int]:
    return [int(path.name) for path in PROC.iterdir() if path.name.isdigit()]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


# Loopback only: a proxy that the surroundings name has no part in it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
