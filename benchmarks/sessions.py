"""A thousand people signed in at once, each opening a page every few seconds.

Every session has a person, a log-in and a TCP connection of its own, and acts by the clock,
whatever was answered before. The floor is a bare Django view that runs the one statement of a
search, asked by as many connections at the same rate, same server settings, same database.

    python -m benchmarks.sessions --sessions 1000 --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.search_by_number import ROOT, environment, gunicorn, prepare, servers

# What somebody does, and how often of twenty times.
MIX = (("list", 6), ("search", 8), ("order", 5), ("api", 1))
_SIGN_IN = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from b2b_orders.accounts.models import Person
from b2b_orders.companies.models import Company, Membership
companies = list(Company.objects.order_by("pk").values_list("pk", flat=True))
for place in range(%d):
    person = Person.objects.create_user(f"p{place}@example.com", name=f"Person {place}")
    Membership.objects.create(
        person=person, company_id=companies[place %% len(companies)], role="buyer"
    )
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    print(session.session_key)
"""


@dataclass
class Tally:
    """What came back: milliseconds of good answers, and what was wrong with the others."""

    times: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    def fail(self, why: str) -> None:
        """Count an answer that was none."""
        self.failures[why] = self.failures.get(why, 0) + 1


class Visitor:
    """One keep-alive connection, opened again when the server has closed it."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port, self.cookie = port, cookie
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """Ask for a page and read it whole; return its status."""
        for is_last in (False, True):
            try:
                if self.streams is None:
                    self.streams = await asyncio.open_connection("127.0.0.1", self.port)
                return await self._ask(path)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.streams = None
                if is_last:
                    raise
        raise AssertionError

    async def _ask(self, path: str) -> int:
        assert self.streams
        reader, writer = self.streams
        lines = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n"
        writer.write(lines.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if "content-length: " in head:
            await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
        else:
            while size := int(await reader.readline() or b"0", 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        if "connection: close" in head:
            writer.close()
            self.streams = None
        return int(head.split()[1])


async def visit(
    visitor: Visitor, paths: Callable[[], str], until: float, pause: float, tally: Tally
) -> None:
    """Open a page by the clock until the end; count from when it was due."""
    due = time.perf_counter() + random.random() * pause
    while due < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        try:
            status = await asyncio.wait_for(visitor.get(paths()), 30)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            tally.fail(type(error).__name__)
        else:
            if status in {200, 302}:
                tally.times.append((time.perf_counter() - due) * 1000)
            else:
                tally.fail(str(status))
        due += pause


async def run(
    port: int, cookies: list[str], paths: Callable[[], str], seconds: float, pause: float
) -> Tally:
    """Let everybody visit at once."""
    tally, until = Tally(), time.perf_counter() + seconds
    await asyncio.gather(
        *(visit(Visitor(port, cookie), paths, until, pause, tally) for cookie in cookies)
    )
    return tally


def sign_in(env: dict[str, str], sessions: int) -> list[str]:
    """Make people, each with a session; return the cookies."""
    words = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _SIGN_IN % sessions]
    done = subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return [f"sessionid={key}" for key in done.stdout.split()]


def main() -> None:
    """Load, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=20, help="seconds between two pages of one")
    options = parser.parse_args()
    chance = random.Random(3)
    kinds = [name for name, share in MIX for _ in range(share)]

    def number() -> int:
        return 40_000_000 + 10 * chance.randrange(1, options.orders // 10)

    def page() -> str:
        kind = chance.choice(kinds)
        if kind == "list":
            return "/pedidos"
        return f"/api/v1/orders?number={number()}" if kind == "api" else f"/pedidos?q={number()}"

    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(servers())
        owner = environment(postgres, valkey, "b2b_owner")
        prepare(owner, postgres, options.orders)
        env = environment(postgres, valkey, "b2b_web")
        env["PORTAL_SECRET_KEY"] = owner["PORTAL_SECRET_KEY"]
        cookies = sign_in(owner, options.sessions)
        product = stack.enter_context(gunicorn("b2b_orders.wsgi", env, workers=2))
        floor_env = env | {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings"}
        floor_env["PORTAL_DATABASE_URL"] = postgres.url("b2b_owner")
        floor = stack.enter_context(gunicorn("benchmarks.bare", floor_env, workers=2))
        print(f"{len(cookies)} sessions, {len(cookies) / options.pause:.0f} requests/s\n")
        print("| | answers | p50 ms | p99 ms | max ms | failures |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name, port, paths in (
            ("bare view", floor, lambda: f"/search?company=1&number={number()}"),
            ("product", product, page),
        ):
            print_row(name, asyncio.run(run(port, cookies, paths, options.seconds, options.pause)))


def print_row(name: str, tally: Tally) -> None:
    """Print one line of the table."""
    spent = sorted(tally.times) or [0.0]
    p50, p99 = statistics.median(spent), spent[int(len(spent) * 0.99)]
    failures = ", ".join(f"{why}: {count}" for why, count in tally.failures.items()) or "0"
    print(f"| {name} | {len(spent)} | {p50:.1f} | {p99:.1f} | {spent[-1]:.0f} | {failures} |")


if __name__ == "__main__":
    main()
