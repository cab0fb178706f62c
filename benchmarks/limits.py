"""What limits cost each request: the product with them, against the product without them.

Two servers of the same product on the same database and cache; requests to both are
interleaved, one at a time. The limits are so wide that nothing is refused.

    python -m benchmarks.limits --orders 20000 --requests 600
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import ExitStack

from benchmarks.search_by_number import (
    LIMITS,
    Client,
    environment,
    gunicorn,
    measure,
    prepare,
    servers,
)

WIDE = dict.fromkeys(LIMITS, "1000000000")


def main() -> None:
    """Load, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=600)
    options = parser.parse_args()
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(servers())
        prepare(environment(postgres, valkey, "b2b_owner"), postgres, options.orders)
        env = environment(postgres, valkey, "b2b_web")
        without = Client(stack.enter_context(gunicorn("b2b_orders.wsgi", env)))
        limited = Client(stack.enter_context(gunicorn("b2b_orders.wsgi", env | WIDE)))
        without.log_in()
        limited.log_in()

        def api(client: Client, number: str) -> str:
            return client.send("GET", f"/api/v1/orders?number={number}")[1]

        def opened(client: Client, number: str) -> str:
            page = client.send("GET", f"/pedidos?q={number}")[2]
            return client.send("GET", page)[1]

        times = measure(
            options.requests,
            options.orders,
            {
                "API, without": lambda number: api(without, number),
                "API, limited": lambda number: api(limited, number),
                "order page, without": lambda number: opened(without, number),
                "order page, limited": lambda number: opened(limited, number),
            },
        )
    print(f"\n{options.requests} requests each\n")
    print("| | p50 ms | p50 ratio |\n| --- | --- | --- |")
    for name in ("API", "order page"):
        base = statistics.median(times[f"{name}, without"])
        for kind in ("without", "limited"):
            p50 = statistics.median(times[f"{name}, {kind}"])
            print(f"| {name}, {kind} | {p50:.2f} | {p50 / base:.3f} |")


if __name__ == "__main__":
    main()
