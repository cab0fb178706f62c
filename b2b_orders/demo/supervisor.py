"""Everything `make demo` runs: prepared once, started together, stopped together.

The demo is the product with other addresses and keys: the same database, broker, web
server, roles and settings as in production, and orders that came in over HTTP through
the same ingest. Standard library only: Django runs in the child processes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote_plus

from b2b_orders.demo import ports
from b2b_orders.demo.children import Child, DemoError, stop_orphans
from b2b_orders.demo.console import Console
from b2b_orders.demo.state import DemoState, write_private
from b2b_orders.embedded.postgres import PostgresServer
from b2b_orders.embedded.processes import (
    EmbeddedError,
    LockHeld,
    last_lines,
    locked,
    private_directory,
)
from b2b_orders.embedded.valkey import ValkeyServer

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "demo"
LOCK = "supervisor.lock"
OWNER, WEB, WORKER = "b2b_owner", "b2b_web", "b2b_worker"
CONNECTIONS = ("vtex", "erp")
# What the surroundings must not decide for the demo: where its database is, above all.
FOREIGN_PREFIXES = ("PORTAL_", "PG", "DJANGO_", "CELERY_", "GUNICORN_")
RESTARTS, RESTART_WINDOW = 5, 120.0
SITE = ("web", "live", "worker", "beat")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The ports that were asked for, None where any will do; and the size of the world."""

    port: int = 8000
    vtex_port: int | None = None
    erp_port: int | None = None
    orders: int = 20_000


class Supervisor:
    """The demo's processes, from the first step to the last goodbye."""

    def __init__(self, wishes: Wishes, *, home: Path = HOME) -> None:
        self.wishes = wishes
        self.state = DemoState.open(home)
        self.postgres = PostgresServer(home / "postgres")
        self.valkey = ValkeyServer(home / "valkey")
        self.console = Console(total=8 if self.is_first_start else 7)
        self.children: list[Child] = []

    @property
    def is_first_start(self) -> bool:
        """Say whether orders still have to be taken in."""
        return set(self.state.ingested) < set(CONNECTIONS)

    @property
    def url(self) -> str:
        """Give the address of the portal."""
        return f"http://127.0.0.1:{self.wishes.port}"

    @property
    def source_urls(self) -> dict[str, str]:
        """Give the address of each simulator, by the name of its connection."""
        return {
            "vtex": f"http://127.0.0.1:{self.state.vtex_port}",
            "erp": f"http://127.0.0.1:{self.state.erp_port}",
        }

    @property
    def mail(self) -> Path:
        """Give the directory that takes the mail: none of it leaves this machine."""
        return private_directory(self.state.directory / "mail")

    # --- steps --------------------------------------------------------------------

    def start(self) -> None:
        """Bring everything up, showing progress; leave it ready for log-ins."""
        stop_orphans(self.state)
        self.choose_ports()
        with self.console.step(f"Starting PostgreSQL {self.postgres.binaries.version}"):
            self.postgres.start()
        with self.console.step("Starting the broker (Valkey)"):
            self.valkey.start()
        simulators = self.start_simulators()
        with self.console.step("Preparing the database and the static files"):
            self.prepare_site()
        with self.console.step("Starting the simulated VTEX and ERP"):
            self.await_simulators(simulators)
        with self.console.step("Loading the demo companies and people"):
            self.load_people()
        if self.is_first_start:
            with self.console.step("Taking in the orders of VTEX and the ERP, as production would"):
                self.take_in_orders()
        with self.console.step("Starting the web server, the workers and their clock"):
            self.start_site()
        with self.console.step("Opening the first page"):
            self.await_site()
        self.announce()

    def choose_ports(self) -> None:
        """Settle the three ports before anything slow begins."""
        port = ports.claim("PORT", self.wishes.port)
        taken = [port]
        for name, asked, kept, nearby in (
            ("VTEX_PORT", self.wishes.vtex_port, self.state.vtex_port, port + 1),
            ("ERP_PORT", self.wishes.erp_port, self.state.erp_port, port + 2),
        ):
            if asked is not None:
                if asked in taken:
                    raise DemoError(f"{name}={asked} is already taken by another part of the demo.")
                chosen = ports.claim(name, asked)
            elif kept and kept not in taken and ports.is_free(kept):
                chosen = kept
            else:
                chosen = ports.find_free(min(nearby, 65535), taken=taken)
            taken.append(chosen)
        _, self.state.vtex_port, self.state.erp_port = taken
        self.state.save()

    def start_simulators(self) -> Child:
        """Start both simulators; they make up their world while the database is prepared."""
        words = ["--vtex-port", str(self.state.vtex_port), "--erp-port", str(self.state.erp_port)]
        words += ["--seed-date", self.state.seed_date, "--orders", str(self.wishes.orders)]
        words += ["--state", str(private_directory(self.state.directory / "simulators"))]
        words += ["--mail", str(self.mail)]
        return self.spawn("simulators", ["-m", "erp_bridge.simulators", *words], role=OWNER)

    def await_simulators(self, simulators: Child) -> None:
        """Wait until both simulators answer over HTTP."""
        for url in self.source_urls.values():
            self.await_ready(simulators, partial(answers, f"{url}/_control/log"), seconds=90)

    def prepare_site(self) -> None:
        """Migrate and collect the static files, side by side."""
        self.run_together(
            self.manage("migrate", "migrate", "--noinput", role=OWNER),
            self.manage("collectstatic", "collectstatic", "--noinput", role=OWNER),
            seconds=180,
        )

    def load_people(self) -> None:
        """Load companies, people and connections, unless that is done for these addresses."""
        urls = list(self.source_urls.values())
        if self.state.loaded_for == urls and self.state.people:
            return
        words = ["--vtex-url", urls[0], "--erp-url", urls[1], "--json"]
        child = self.manage("load_demo", "load_demo", *words, role=OWNER)
        child.wait(seconds=180)
        self.state.people = parse_people(child.log.read_text(errors="replace"))
        self.state.loaded_for = urls
        self.state.save()

    def take_in_orders(self) -> None:
        """Run the first pass over each source, with its progress shown."""
        missing = [name for name in CONNECTIONS if name not in self.state.ingested]
        # One after the other, the site first: an order of the ERP whose web half is known is
        # stored as one order at once, instead of being joined to it later.
        for name in missing:
            child = self.manage(
                f"sync-{name}",
                *("sync", name, "--once"),
                role=WORKER,
                say=partial(self.console.detail, name),
            )
            self.run_together(child, seconds=900)
        self.state.ingested = list(CONNECTIONS)
        self.state.save()

    def start_site(self) -> None:
        """Start the web server, the workers and beat, and wait for each to do its work."""
        web = self.spawn("web", gunicorn_words(self.wishes.port, self.state.directory), role=WEB)
        # Who waits for a look-up must not wait for a back-fill: each queue has its worker.
        live = self.spawn("live", worker_words("interactive", 2), role=WORKER)
        self.spawn("worker", worker_words("sync", 4), role=WORKER)
        schedule = self.state.directory / "beat-schedule"
        self.spawn("beat", beat_words(schedule), role=WORKER)
        self.await_ready(web, lambda: answers(f"{self.url}/readyz"), seconds=60)
        # A worker that waits for work holds a blocking read at the broker.
        self.await_ready(
            live,
            lambda: self.valkey.command("CLIENT", "LIST").count("cmd=brpop") >= 2,
            seconds=60,
        )

    def await_site(self) -> None:
        """Open the page where everybody begins, so that nobody waits for the first one."""
        web = next(child for child in self.children if child.name == "web")
        self.await_ready(web, lambda: answers(f"{self.url}/accounts/login/"), seconds=30)

    def announce(self) -> None:
        """Write the access file and show where to go and as whom."""
        access: dict[str, Any] = {
            "url": self.url,
            "people": self.state.people,
            "vtex_url": self.source_urls["vtex"],
            "erp_url": self.source_urls["erp"],
            "mail_url": f"{self.source_urls['vtex']}/_mail",
        }
        write_private(self.state.directory / "access.json", json.dumps(access, indent=1))
        self.console.line(f"\nReady: {self.url}\n")
        self.console.table(self.state.people, ["role", "company", "email", "password"])
        self.console.line(
            f"\nSimulated VTEX {access['vtex_url']}, ERP {access['erp_url']};"
            f" logs in {self.state.directory / 'log'}."
            f"\nMail is not sent: {access['mail_url']} shows it, {self.mail} keeps it."
            "\nCtrl-C stops everything."
        )

    # --- processes ----------------------------------------------------------------

    def environment(self, role: str) -> dict[str, str]:
        """Build the variables of a process that connects to the database as a role."""
        home = self.state.directory
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_PREFIXES)}
        return inherited | {
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "b2b_orders.settings.base",
            "PORTAL_SECRET_KEY": self.state.secret_key,
            "PORTAL_ENCRYPTION_KEYS": self.state.encryption_key,
            "PORTAL_URL": self.url,
            "PORTAL_DATABASE_URL": self.postgres.url(role),
            "PORTAL_STATEMENT_TIMEOUT_MS": {WEB: "8000", WORKER: "60000"}.get(role, "0"),
            "PORTAL_BROKER_URL": self.valkey.broker_url,
            "PORTAL_CACHE_URL": self.valkey.cache_url,
            "PORTAL_STATIC_ROOT": str(home / "static"),
            "PORTAL_DOCUMENTS_DIR": str(private_directory(home / "documents")),
            "PORTAL_PRIVATE_HOSTS": "127.0.0.1",
            "PORTAL_ALLOW_PLAIN_HTTP": "1",
            "PORTAL_SUPPORT_EMAIL": "suporte@loja.example",
            "PORTAL_GALLERY": "1",
            # The first slash of the path only ends the host.
            "PORTAL_EMAIL_URL": f"filemail:///{quote_plus(str(self.mail))}",
            "PORTAL_FROM_EMAIL": "nao-responda@loja.example",
            # Everybody signs in with the password that the demo shows; see the README.
            "PORTAL_STAFF_SECOND_FACTOR": "0",
            "PORTAL_FEED_SECONDS": "5",
            "PORTAL_ERP_SECONDS": "60",
        }

    def spawn(
        self, name: str, words: list[str], *, role: str, say: Callable[[str], None] | None = None
    ) -> Child:
        """Start a Python process of ours and remember it."""
        child = Child(
            name,
            [sys.executable, *words],
            state=self.state,
            environment=self.environment(role),
            directory=ROOT,
        )
        self.children.append(child)
        child.start(say=say)
        return child

    def manage(
        self, name: str, *words: str, role: str, say: Callable[[str], None] | None = None
    ) -> Child:
        """Start one of Django's commands."""
        return self.spawn(name, [str(ROOT / "manage.py"), *words], role=role, say=say)

    def run_together(self, *commands: Child, seconds: float) -> None:
        """Wait for commands that run side by side; the first failure ends the wait."""
        end = time.monotonic() + seconds
        waiting = list(commands)
        while waiting:
            for child in [child for child in waiting if child.exit_code is not None]:
                child.wait(seconds=1)
                waiting.remove(child)
            if waiting and time.monotonic() > end:
                raise DemoError(waiting[0].complaint(f"has not ended in {seconds:.0f} s"))
            time.sleep(0.05)

    def await_ready(self, child: Child, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until a process does its work, not just until it exists."""
        end = time.monotonic() + seconds
        while not is_ready():
            if child.exit_code is not None:
                raise DemoError(child.complaint(f"ended at once (exit code {child.exit_code})"))
            if time.monotonic() > end:
                raise DemoError(child.complaint(f"was not ready within {seconds:.0f} s"))
            time.sleep(0.1)

    def watch(self) -> None:
        """Look after the processes until told to stop; raise when the demo cannot go on."""
        servers = [child for child in self.children if child.exit_code is None]
        checked_at = time.monotonic()
        while True:
            time.sleep(0.3)
            for child in servers:
                if child.exit_code is not None:
                    self.mourn(child)
            if time.monotonic() - checked_at > 5:
                checked_at = time.monotonic()
                for name, server in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)):
                    if not server.is_running():
                        ends = last_lines(server.log)
                        raise DemoError(f"{name} has ended. Its last lines:\n\n{ends}")

    def mourn(self, child: Child) -> None:
        """Start a worker or beat again; let any other death end the demo."""
        complaint = child.complaint(f"has ended (exit code {child.exit_code})")
        if child.name not in {"live", "worker", "beat"}:
            raise DemoError(complaint)
        now = time.monotonic()
        child.restarts = [then for then in child.restarts if now - then < RESTART_WINDOW] + [now]
        if len(child.restarts) > RESTARTS:
            raise DemoError(f"{complaint}\n\nIt was started again {RESTARTS} times in vain.")
        self.console.line(f"{complaint}\n\nStarting {child.name} again.")
        child.stop()  # what its pool left behind
        child.start(fresh_log=False)

    def stop(self) -> None:
        """End everything in the reverse order of its start.

        What serves people and works for them ends side by side, before its sources do.
        """
        for child in self.children:
            if child.name in SITE:
                child.ask_to_stop()
        for child in reversed(self.children):
            child.stop()
        self.valkey.stop()
        self.postgres.stop()


def gunicorn_words(port: int, home: Path) -> list[str]:
    """Build the command of the web server."""
    return [
        *("-m", "gunicorn", "b2b_orders.wsgi:application", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
        *("--timeout", "60", "--graceful-timeout", "5", "--no-control-socket"),
        # A pasted text of thousands of characters gets our answer, not the server's.
        *("--limit-request-line", "0"),
        *("--access-logfile", str(home / "log" / "access.log")),
        # Without what was searched for, which the query and the referrer repeat.
        *("--access-logformat", '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'),
    ]


def worker_words(queue: str, concurrency: int) -> list[str]:
    """Build the command of the worker of a queue."""
    return [
        *("-m", "celery", "-A", "b2b_orders.celery", "worker", "--queues", queue),
        *("--concurrency", str(concurrency), "--loglevel", "INFO", "--hostname", f"{queue}@%h"),
        *("--without-gossip", "--without-mingle"),
    ]


def beat_words(schedule: Path) -> list[str]:
    """Build the command of beat, which hands out the periodic work."""
    return [
        *("-m", "celery", "-A", "b2b_orders.celery", "beat", "--loglevel", "INFO"),
        *("--schedule", str(schedule), "--pidfile="),
    ]


def parse_people(output: str) -> list[dict[str, Any]]:
    """Find the JSON that `load_demo --json` printed, among what else was written."""
    decoder = json.JSONDecoder()
    for start, character in enumerate(output):
        if character in "[{" and (start == 0 or output[start - 1] == "\n"):
            try:
                found, _ = decoder.raw_decode(output[start:])
            except ValueError:
                continue
            people = found.get("people") if isinstance(found, dict) else found
            if isinstance(people, list) and people:
                return people
    raise DemoError(f"load_demo named no people. It said:\n\n{output[-2000:]}")


def answers(url: str) -> bool:
    """Say whether a page opens."""
    try:
        with _OPENER.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


# Loopback only: a proxy that the surroundings name has no part in it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Interrupted(BaseException):
    """Somebody asked us to stop. No error, so nothing may swallow it as one."""


def interrupt_on_signals() -> None:
    """Turn the signals that mean "stop" into one exception, once."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted

    for each in STOP_SIGNALS:
        signal.signal(each, interrupt)


def run(wishes: Wishes, *, home: Path = HOME) -> int:
    """Run the demo until it is stopped; give the exit code."""
    private_directory(home)
    try:
        with locked(home / LOCK, seconds=0):
            return _run_locked(wishes, home)
    except LockHeld:
        return _fail(_running_message(home))


def _run_locked(wishes: Wishes, home: Path) -> int:
    supervisor, problem = None, ""
    try:
        interrupt_on_signals()
        supervisor = Supervisor(wishes, home=home)
        supervisor.start()
        supervisor.watch()
    except Interrupted:
        sys.stdout.write("\nStopping ...\n")
    except (DemoError, EmbeddedError) as error:
        problem = str(error)
    finally:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        if supervisor is not None:
            supervisor.stop()
    if problem:
        return _fail(problem)
    sys.stdout.write("Everything is stopped.\n")
    return 0


def _fail(message: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"\n{message}\n")
    sys.stderr.flush()
    return 1


def _running_message(home: Path) -> str:
    url = ""
    with suppress(OSError, ValueError, KeyError):
        url = " at " + json.loads((home / "access.json").read_text())["url"]
    return f"The demo of this directory is already running{url}. Stop it with Ctrl-C where it runs."


def reset(*, home: Path = HOME) -> int:
    """Delete all that the demo keeps, after stopping what a killed one left running."""
    if not home.exists():
        sys.stdout.write("There was nothing to delete; `make demo` starts afresh.\n")
        return 0
    try:
        with locked(home / LOCK, seconds=0):
            stop_orphans(DemoState.open(home))
            ValkeyServer(home / "valkey").stop()
            PostgresServer(home / "postgres").erase()
            shutil.rmtree(home)
    except LockHeld:
        return _fail(_running_message(home))
    except EmbeddedError as error:
        return _fail(str(error))
    sys.stdout.write("The demo's data is deleted; the next `make demo` starts afresh.\n")
    return 0
