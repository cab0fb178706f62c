"""The first page of a filtered list, and a later one, against a bare view.

The floor is `benchmarks.bare`: the rows of the same filter, sort and place by one statement,
same server and database. Requests are interleaved, as `benchmarks.search_by_number` has them.

    python -m benchmarks.lists --orders 1000000 --requests 500
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.search_by_number import Client, environment, gunicorn, prepare, servers

FILTER = "situacao=invoiced&minimo=1000&maximo=9000"
SORTS = {"newest first": "ordem=-data", "highest total first": "ordem=-total"}
# So far into the list is the later page, by pages of a hundred.
DEEP = 30


def place_of(client: Client, query: str) -> tuple[str, str]:
    """Walk to a later page through the API; give its cursor and the row before it."""
    place, last = "", ""
    for _ in range(DEEP):
        start = f"&after={place}" if place else ""
        status, body, _ = client.send("GET", f"/api/v1/orders?{query}&limit=100{start}")
        assert status == 200, body
        found = json.loads(body)
        place, last = found["next"], found["results"][-1]["id"]
    return place, last


def measure(requests: int, contestants: dict[str, Callable[[], str]]) -> dict[str, list[float]]:
    """Time every contestant in turn; milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(requests + 20):
        for name, ask in contestants.items():
            started = time.perf_counter()
            body = ask()
            elapsed = (time.perf_counter() - started) * 1000
            assert body.count("-01") >= 50, f"{name} did not answer a page"
            if turn >= 20:  # the first ones warm caches up
                times[name].append(elapsed)
    return times


def main() -> None:
    """Load, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=500)
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

        def asked(client: Client, path: str) -> Callable[[], str]:
            return lambda: client.send("GET", path)[1]

        print(f"\n{options.orders:,} orders, {options.requests} requests each, pages of 50\n")
        print("| | p50 ms | p99 ms | p50 ratio | p99 ratio |\n| --- | --- | --- | --- | --- |")
        for name, sort in SORTS.items():
            query = f"{FILTER}&{sort}"
            after, last = place_of(product, query)
            for page, place, start in (
                ("first page", "", ""),
                (f"after {DEEP * 100:,}", f"&after={after}", f"&after={last}"),
            ):
                bare = asked(floor, f"/list?company=1&{sort}{start}")
                times = measure(
                    options.requests,
                    {
                        "bare view": bare,
                        "API": asked(product, f"/api/v1/orders?{query}&limit=50{place}"),
                        "page": asked(product, f"/pedidos?{query}&por_pagina=50{place}"),
                    },
                )
                base = [statistics.quantiles(times["bare view"], n=100)[at] for at in (49, 98)]
                for who, values in times.items():
                    p50, p99 = (statistics.quantiles(values, n=100)[at] for at in (49, 98))
                    print(
                        f"| {name}, {page}: {who} | {p50:.2f} | {p99:.2f}"
                        f" | {p50 / base[0]:.2f} | {p99 / base[1]:.2f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
