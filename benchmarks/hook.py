"""The VTEX hook under a steady rain of events, against a bare view that writes the same row.

Events are sent by the clock, whether or not earlier ones were answered, and each is timed
from the moment at which it was due: a server that stalls is charged for all that waited.
The product and the floor take turns of a few seconds, so that what the machine does
besides hits both.

    python -m benchmarks.hook --rate 200 --seconds 20
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from b2b_orders.demo.supervisor import gunicorn_words
from b2b_orders.embedded.postgres import PostgresServer
from b2b_orders.embedded.valkey import ValkeyServer
from benchmarks.search_by_number import ROOT, environment, free_port

SENDERS = 32
TURN_SECONDS = 5
WARM_UP_SECONDS = 3
ACCOUNT, APP_KEY = "bench", "vtexappkey-bench-ABCDEF"
PREPARE = """
from b2b_orders.common import clock
from b2b_orders.ingest import hooks
from b2b_orders.ingest.models import Connection, Subscription
now = clock.now()
for name in ("product", "floor"):
    made = Connection.objects.create(name=name, kind="vtex", label=name, secret=b"",
        settings={"account": %(account)r, "app_key": %(key)r}, created_at=now, changed_at=now)
    print(made.pk)
Subscription.objects.create(connection=Connection.objects.get(name="product"), kind="hook",
    path_digest=hooks.digest(%(path)r), secret_digest=hooks.digest(%(secret)r))
"""
COUNT = """
from django.db.models import Sum
from b2b_orders.ingest.models import InboxItem
for name in ("product", "floor"):
    print(InboxItem.objects.filter(connection__name=name).aggregate(n=Sum("events"))["n"])
"""


@dataclass
class Contestant:
    """Somewhere to send events to, and how long each of them took."""

    name: str
    port: int
    target: str
    headers: dict[str, str]
    milliseconds: list[float] = field(default_factory=list)
    sent: int = 0
    failures: int = 0


def manage(env: dict[str, str], *words: str) -> list[str]:
    """Run one of Django's commands, and give the lines that it wrote."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.splitlines()


@contextmanager
def server(application: str, env: dict[str, str], home: Path) -> Iterator[int]:
    """Run an application with the very words of the demo's web server."""
    port = free_port()
    (home / "log").mkdir(parents=True, exist_ok=True)
    words = [
        application if word == "b2b_orders.wsgi:application" else word
        for word in gunicorn_words(port, home)
    ]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=env)
    try:
        for _ in range(100):
            probe = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                probe.request("GET", "/healthz")
                probe.getresponse()
                break
            except OSError:
                time.sleep(0.1)
            finally:
                probe.close()
        yield port
    finally:
        process.terminate()
        process.wait(15)


def rain(to: Contestant, *, rate: int, seconds: float, orders: int, is_counted: bool) -> None:
    """Send events at a fixed rate for a while, each at its own moment."""
    chosen = random.Random(7)
    events = [
        json.dumps(
            {
                "Domain": "Fulfillment",
                "OrderId": f"{1_180_000_000_000 + chosen.randrange(orders)}-01",
                "State": "invoiced",
                "LastState": "handling",
                "LastChange": "2026-08-14T17:11:39.2550122Z",
                "CurrentChange": "2026-08-14T17:12:48.0965893Z",
                "Origin": {"Account": ACCOUNT, "Key": APP_KEY},
            }
        )
        for _ in range(int(rate * seconds))
    ]
    begin = time.perf_counter() + 0.2
    noting = threading.Lock()

    def sender(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", to.port, timeout=30)
        for number in range(first, len(events), SENDERS):
            due = begin + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                connection.request("POST", to.target, events[number], to.headers)
                answer = connection.getresponse()
                answer.read()
                is_well = answer.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                is_well = False
            took = (time.perf_counter() - due) * 1000
            with noting:
                to.sent += 1
                to.failures += not is_well
                if is_counted:
                    to.milliseconds.append(took)
        connection.close()

    threads = [threading.Thread(target=sender, args=(first,)) for first in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report(contestants: list[Contestant]) -> None:
    """Print the table, the floor first."""
    print("| | p50 ms | p99 ms | max ms | p50 ratio | p99 ratio | failures |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    base: tuple[float, float] | None = None
    for one in contestants:
        cuts = statistics.quantiles(one.milliseconds, n=100)
        p50, p99 = cuts[49], cuts[98]
        base = base or (p50, p99)
        print(
            f"| {one.name} | {p50:.2f} | {p99:.2f} | {max(one.milliseconds):.2f}"
            f" | {p50 / base[0]:.2f} | {p99 / base[1]:.2f} | {one.failures} |"
        )


def main() -> None:
    """Prepare, send and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--seconds", type=int, default=20, help="for each of the two")
    parser.add_argument("--orders", type=int, default=2000, help="how many orders have events")
    options = parser.parse_args()
    path, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = PostgresServer(state / "pg")
        valkey = ValkeyServer(state / "valkey", is_kept=False)
        for each in (postgres, valkey):
            each.start()
            stack.callback(each.stop)
        owner = environment(postgres, valkey, "b2b_owner")
        manage(owner, "migrate", "--verbosity", "0")
        manage(owner, "collectstatic", "--noinput", "--verbosity", "0")
        told = {"account": ACCOUNT, "key": APP_KEY, "path": path, "secret": secret}
        ids = manage(owner, "shell", "--no-imports", "-c", PREPARE % told)
        web = environment(postgres, valkey, "b2b_web")
        bare = owner | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings",
            "PORTAL_STATEMENT_TIMEOUT_MS": "8000",
        }
        headers = {"Content-Type": "application/json"}
        floor = Contestant(
            "bare view",
            stack.enter_context(server("benchmarks.bare:application", bare, state / "floor")),
            f"/hook?connection={ids[1]}",
            headers,
        )
        product = Contestant(
            "hook",
            stack.enter_context(server("b2b_orders.wsgi:application", web, state / "product")),
            f"/vtex/hook/{path}",
            headers | {"key": secret},
        )
        for turn in range(1 + options.seconds // TURN_SECONDS):
            for one in (floor, product):
                rain(
                    one,
                    rate=options.rate,
                    seconds=TURN_SECONDS if turn else WARM_UP_SECONDS,
                    orders=options.orders,
                    is_counted=turn > 0,
                )
        counted = [int(line) for line in manage(owner, "shell", "--no-imports", "-c", COUNT)]
        logged = (state / "product" / "log" / "access.log").read_text()
    assert counted == [product.sent, floor.sent], f"events were lost: {counted}"
    assert "/vtex/hook" in logged
    assert path not in logged, "the access log has the path"
    print(
        f"\n{options.rate} events a second of {options.orders:,} orders, {options.seconds} s each\n"
    )
    report([floor, product])


if __name__ == "__main__":
    main()
