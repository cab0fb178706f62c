"""Search by exact number through the page and the API, against a bare view.

The floor is `benchmarks.bare`: the same server, database and connection handling, one
view, one statement. Requests of all three are interleaved, one at a time over
keep-alive connections, so that what the machine does besides hits them alike.

    python -m benchmarks.search_by_number --orders 1000000 --requests 1500
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from b2b_orders.embedded.postgres import PostgresServer
from b2b_orders.embedded.valkey import ValkeyServer

ROOT = Path(__file__).resolve().parents[1]
# One statement after the other, so that only the running one's memory is held.
LOAD = """
from pathlib import Path
from django.db import connection
with connection.cursor() as cursor:
    for statement in Path(%r).read_text().split(";\\n"):
        if statement.strip():
            cursor.execute(statement)
"""
# One person asks for more here in a second than people do; what limits cost: `benchmarks.limits`.
LIMITS = dict.fromkeys(
    (
        *("PORTAL_LIMIT_PAGES", "PORTAL_LIMIT_SEARCHES", "PORTAL_LIMIT_LOOKUPS"),
        *("PORTAL_LIMIT_DOCUMENTS", "PORTAL_LIMIT_EXPORTS", "PORTAL_LIMIT_UNKNOWN"),
        *("PORTAL_LIMIT_ADDRESS", "PORTAL_LIMIT_SECRETS"),
    ),
    "0",
)
EMAIL, PASSWORD = "bench@example.com", "bench-password-2026"


def free_port() -> int:
    """Find a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def servers() -> Iterator[tuple[PostgresServer, ValkeyServer]]:
    """Run a database and a broker of their own, in a directory that goes with them."""
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = PostgresServer(state / "pg")
        valkey = ValkeyServer(state / "valkey", is_kept=False)
        for server in (postgres, valkey):
            server.start()
            stack.callback(server.stop)
        yield postgres, valkey


def environment(postgres: PostgresServer, valkey: ValkeyServer, role: str) -> dict[str, str]:
    """Build the settings of one process."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "b2b_orders.settings.base",
        "PORTAL_SECRET_KEY": secrets.token_urlsafe(48),
        "PORTAL_ENCRYPTION_KEYS": "A" * 43 + "=",
        "PORTAL_DATABASE_URL": postgres.url(role),
        "PORTAL_BROKER_URL": valkey.broker_url,
        "PORTAL_CACHE_URL": valkey.cache_url,
        "PORTAL_STATEMENT_TIMEOUT_MS": "0" if role == "b2b_owner" else "8000",
        "PORTAL_LOG_LEVEL": "WARNING",
        "PORTAL_STATIC_ROOT": str(postgres.state / "static"),
        **LIMITS,
    }


def prepare(env: dict[str, str], postgres: PostgresServer, orders: int) -> None:
    """Migrate, load the orders, and make the person who searches."""

    def manage(*words: str) -> None:
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=env, check=True)

    manage("migrate", "--verbosity", "0")
    manage("collectstatic", "--noinput", "--verbosity", "0")
    (postgres.state / "orders.sql").write_text(
        (ROOT / "benchmarks" / "orders.sql").read_text() % {"orders": orders}
    )
    started = time.monotonic()
    manage("shell", "--no-imports", "-c", LOAD % str(postgres.state / "orders.sql"))
    print(f"{orders:,} orders loaded in {time.monotonic() - started:.0f} s", flush=True)
    make_person = (
        "from b2b_orders.accounts.models import Person;"
        "from b2b_orders.companies.models import Company, Membership;"
        f"p = Person.objects.create_user({EMAIL!r}, {PASSWORD!r}, name='Bench');"
        "Membership.objects.create(person=p, company=Company.objects.get(pk=1), role='buyer')"
    )
    manage("shell", "--no-imports", "-c", make_person)


@contextmanager
def gunicorn(application: str, env: dict[str, str], workers: int = 1) -> Iterator[int]:
    """Run an application as production does, and give its port."""
    port = free_port()
    words = [sys.executable, "-m", "gunicorn", application, "-b", f"127.0.0.1:{port}"]
    words += ["-k", "gthread", "-w", str(workers), "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(words, cwd=ROOT, env=env)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(15)


class Client:
    """One keep-alive connection with a cookie jar of the simplest kind."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, body: str = "", **further: str) -> tuple[int, str, str]:
        """Send a request; answer status, body and Location."""
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **further}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self.connection.request(method, path, body or None, headers)
            response = self.connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            # The server closed an idle connection; the next one is opened by itself.
            self.connection.close()
            self.connection.request(method, path, body or None, headers)
            response = self.connection.getresponse()
        text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, text, response.headers.get("Location", "")

    def log_in(self) -> None:
        """Sign in through the log-in form."""
        _, page, _ = self.send("GET", "/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, "no log-in form"
        form = {"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        status, _, _ = self.send("POST", "/accounts/login/", urlencode(form))
        assert status == 302, f"log-in answered {status}"


def measure(
    requests: int, orders: int, contestants: dict[str, Callable[[str], str]]
) -> dict[str, list[float]]:
    """Time every contestant with the same numbers, one after the other; milliseconds."""
    chosen = random.Random(1)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(requests + 50):
        number = str(40_000_000 + 10 * chosen.randrange(1, orders // 10))
        for name, ask in contestants.items():
            started = time.perf_counter()
            answer = ask(number)
            elapsed = (time.perf_counter() - started) * 1000
            assert number in answer, f"{name} did not find {number}"
            if turn >= 50:  # the first ones warm caches up
                times[name].append(elapsed)
    return times


def main() -> None:
    """Load, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=1500)
    options = parser.parse_args()
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(servers())
        prepare(environment(postgres, valkey, "b2b_owner"), postgres, options.orders)
        env = environment(postgres, valkey, "b2b_web")
        product = Client(stack.enter_context(gunicorn("b2b_orders.wsgi", env)))
        floor_env = env | {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings"}
        floor_env["PORTAL_DATABASE_URL"] = postgres.url("b2b_owner")
        floor = Client(stack.enter_context(gunicorn("benchmarks.bare", floor_env)))
        product.log_in()

        def bare(number: str) -> str:
            body = floor.send("GET", f"/search?company=1&number={number}")[1]
            return body + number if '"id"' in body else ""

        def api(number: str) -> str:
            return product.send("GET", f"/api/v1/orders?number={number}")[1]

        def typed(number: str) -> str:
            return product.send("GET", f"/pedidos?q={number}", **{"HX-Request": "true"})[1]

        def entered(number: str) -> str:
            return product.send("GET", f"/pedidos?q={number}")[2]

        def opened(number: str) -> str:
            return product.send("GET", entered(number))[1]

        times = measure(
            options.requests,
            options.orders,
            {
                "bare view": bare,
                "API": api,
                "results while typing": typed,
                "Enter, to the redirect": entered,
                "Enter, to the whole order page": opened,
            },
        )
    print(f"\n{options.orders:,} orders, {options.requests} requests each\n")
    print("| | p50 ms | p99 ms | p50 ratio | p99 ratio |\n| --- | --- | --- | --- | --- |")
    base = [statistics.quantiles(times["bare view"], n=100)[i] for i in (49, 98)]
    for name, values in times.items():
        p50, p99 = (statistics.quantiles(values, n=100)[i] for i in (49, 98))
        print(f"| {name} | {p50:.2f} | {p99:.2f} | {p50 / base[0]:.2f} | {p99 / base[1]:.2f} |")


if __name__ == "__main__":
    main()
