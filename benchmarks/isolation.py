"""What keeping companies apart costs a request, and whether an answer's time tells anything.

Three questions, each a ratio against a floor of the same run:

* the wall: searches, lists and order pages with row-level security, and with it switched off
  in between, the same server and data, in turns;
* the viewer: reading what a person is and opening their scope, against the smallest
  transaction that one statement can have;
* the tell-tale: how long "another company's" takes against "does not exist", an account, a
  customer's domain or an ended link against what never was. An eavesdropper's
  best guess is given as the share of pairs in which the first is the slower one: 0.5 is none.

    python -m benchmarks.isolation --orders 200000 --requests 600
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import psycopg

from b2b_orders.common.tenancy import OWNER
from b2b_orders.embedded.postgres import DATABASE, PostgresServer
from benchmarks.entrances import make_entrances, pairs_of
from benchmarks.search_by_number import ROOT, Client, environment, gunicorn, prepare, servers

WARM_UP = 30
ROUNDS = 6
_VIEWER = """
import statistics, time
from django.db import connection, transaction
from b2b_orders.common import tenancy
from b2b_orders.companies.viewers import read_standing

def smallest():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")

def scope():
    with tenancy.scope(role=tenancy.WEB, company_id=1, person_id=1):
        pass

def viewer():
    with tenancy.scope(role=tenancy.WEB, company_id=1, person_id=1):
        assert read_standing(1).viewer_of_member(1)

times = {each.__name__: [] for each in (smallest, scope, viewer)}
for turn in range(%d):
    for each in (smallest, scope, viewer):
        started = time.perf_counter()
        each()
        times[each.__name__].append((time.perf_counter() - started) * 1000)
for name, spent in times.items():
    print(name, statistics.median(spent[50:]))
"""


def timed(ask: Callable[[], object]) -> float:
    """Return how many milliseconds something takes."""
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1000


def owner(
    postgres: PostgresServer, *, autocommit: bool = False
) -> psycopg.Connection[tuple[object, ...]]:
    """Connect as the role that owns the tables."""
    return psycopg.connect(
        host=str(postgres.sockets), user=OWNER, dbname=DATABASE, autocommit=autocommit
    )


def switch_wall(postgres: PostgresServer, *, on: bool) -> None:
    """Put row-level security up or down on every table that has it in the product."""
    word = "ENABLE" if on else "DISABLE"
    with owner(postgres, autocommit=True) as database:
        tables = database.execute(
            "SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            database.execute(f'ALTER TABLE "{table}" {word} ROW LEVEL SECURITY'.encode())


def measure_wall(
    postgres: PostgresServer, asks: Mapping[str, Callable[[], object]], requests: int
) -> dict[str, tuple[float, float]]:
    """Time every request with the wall and without, in turns; medians by name."""
    times: dict[tuple[str, bool], list[float]] = {}
    for turn in range(ROUNDS):
        is_up = turn % 2 == 0
        switch_wall(postgres, on=is_up)
        for place in range(requests // ROUNDS * 2 + WARM_UP):
            for name, ask in asks.items():
                spent = timed(ask)
                if place >= WARM_UP:
                    times.setdefault((name, is_up), []).append(spent)
    switch_wall(postgres, on=True)
    return {
        name: (statistics.median(times[name, True]), statistics.median(times[name, False]))
        for name in asks
    }


def slower_share(first: Sequence[float], second: Sequence[float]) -> float:
    """Return in which share of all pairs the first is slower: 0.5 tells nothing."""
    ranked = sorted([(t, 0) for t in first] + [(t, 1) for t in second])
    ranks = sum(place for place, (_t, which) in enumerate(ranked, 1) if which == 0)
    count = len(first)
    return (ranks - count * (count + 1) / 2) / (count * len(second))


def measure_tell_tale(
    ask: Callable[[str], int],
    there: Callable[[], str],
    never: Callable[[], str],
    requests: int,
) -> tuple[float, float, float]:
    """Ask for what is there, and not to be seen, and for what never was, in random order."""
    chance = random.Random(7)
    times: dict[bool, list[float]] = {True: [], False: []}
    answered: dict[bool, set[int]] = {True: set(), False: set()}
    for place in range(2 * requests + WARM_UP):
        exists = chance.random() < 0.5
        one = there() if exists else never()
        started = time.perf_counter()
        answered[exists].add(ask(one))
        spent = (time.perf_counter() - started) * 1000
        if place >= WARM_UP:
            times[exists].append(spent)
    assert answered[True] == answered[False], f"told apart by status: {answered}"
    assert len(answered[True]) == 1, f"refused meanwhile: {answered}"
    return (
        statistics.median(times[True]),
        statistics.median(times[False]),
        slower_share(times[True], times[False]),
    )


def measure_orders(
    client: Client, theirs: Sequence[str], requests: int
) -> dict[str, tuple[float, float, float]]:
    """Ask for another company's orders and for some that never were, as a member."""
    # The server may have closed an idle connection meanwhile.
    client.connection.close()
    chance = random.Random(5)

    def never() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128)))

    return {
        name: measure_tell_tale(
            lambda one, path=path: client.send("GET", path % one)[0],  # type: ignore[misc] # bound
            lambda: chance.choice(theirs),
            never,
            requests,
        )
        for name, path in (("order page", "/pedidos/%s"), ("order, API", "/api/v1/orders/%s"))
    }


def ids(postgres: PostgresServer, statement: str) -> list[str]:
    """Read the ids that a statement selects, as the owner."""
    with owner(postgres) as database:
        return [str(value) for (value,) in database.execute(statement.encode()).fetchall()]


def main() -> None:
    """Load, measure and print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--requests", type=int, default=600)
    options = parser.parse_args()
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(servers())
        owner_env = environment(postgres, valkey, "b2b_owner")
        prepare(owner_env, postgres, options.orders)
        # Without limits, which would refuse somebody who guesses this often, and rightly.
        env = environment(postgres, valkey, "b2b_web")
        client = Client(stack.enter_context(gunicorn("b2b_orders.wsgi", env)))
        client.log_in()
        mine = ids(postgres, "SELECT public_id FROM orders_order WHERE company_id = 1 LIMIT 500")
        theirs = ids(postgres, "SELECT public_id FROM orders_order WHERE company_id = 2 LIMIT 500")
        chance = random.Random(1)

        def get(path: str) -> object:
            status, text, _ = client.send("GET", path)
            assert status == 200, f"{path} answered {status}"
            return text

        wall = measure_wall(
            postgres,
            {
                "search, API": lambda: get(
                    f"/api/v1/orders?number={40_000_000 + 10 * chance.randrange(1, 2000)}"
                ),
                "first page of the list": lambda: get("/pedidos"),
                "order page": lambda: get(f"/pedidos/{chance.choice(mine)}"),
            },
            options.requests,
        )
        print_wall(wall)
        print_viewer(env, options.requests)
        tales = measure_orders(client, theirs, options.requests)
        make_entrances(owner_env)
        open_env = env | {"DJANGO_SETTINGS_MODULE": "benchmarks.entrances_settings"}
        port = stack.enter_context(gunicorn("b2b_orders.wsgi", open_env))
        for pair in pairs_of(port):
            tales[pair.name] = measure_tell_tale(pair.ask, pair.there, pair.never, options.requests)
        print_tales(tales, options.requests)


def print_wall(wall: Mapping[str, tuple[float, float]]) -> None:
    """Print what row-level security costs."""
    print("\n| row-level security | with, p50 ms | without | ratio |\n| --- | --- | --- | --- |")
    for name, (on, off) in wall.items():
        print(f"| {name} | {on:.2f} | {off:.2f} | {on / off:.2f} |")


def print_viewer(env: dict[str, str], requests: int) -> None:
    """Print what the viewer costs."""
    words = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _VIEWER % (requests + 50)]
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ | env, check=True, capture_output=True, text=True
    )
    spent = {name: float(ms) for name, ms in map(str.split, done.stdout.splitlines())}
    print("\n| viewer | p50 ms | ratio |\n| --- | --- | --- |")
    words_of = {"smallest": "BEGIN, SELECT 1, COMMIT", "scope": "an empty scope"}
    for name, ms in spent.items():
        word = words_of.get(name, "scope and viewer, read anew")
        print(f"| {word} | {ms:.3f} | {ms / spent['smallest']:.2f} |")


def print_tales(tales: Mapping[str, tuple[float, float, float]], requests: int) -> None:
    """Print whether an answer's time tells anything."""
    print("\n| not to be seen or not there | the first, p50 ms | not there | slower in |")
    print("| --- | --- | --- | --- |")
    for name, (yes, no, share) in tales.items():
        print(f"| {name} | {yes:.2f} | {no:.2f} | {share:.1%} of pairs |")
    margin = 1.96 * ((2 * requests + 1) / (12 * requests**2)) ** 0.5
    print(f"\nBy chance alone: 50 % ± {margin:.1%} (95 %).")


if __name__ == "__main__":
    main()
