"""Orders taken in by one worker, against the bare SQL that writes the same rows.

Three things are timed, all on an empty database of the product's tables, in transactions of
fifty orders: the whole way (inbox, HTTP to the simulated VTEX, mapping, matching, merging,
writing), the database work of the product alone, and the floor: one INSERT a table of the very
rows that the product wrote. The order of the two is turned round in every round. Then tens of
thousands of orders go through one process, whose memory is watched.

    python -m benchmarks.ingest --orders 2000 --memory-orders 50000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack

from benchmarks.search_by_number import ROOT, environment, servers


def main() -> None:
    """Start what is needed, and measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-orders", type=int, default=50_000)
    options = parser.parse_args()
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(servers())
        words = [sys.executable, "-m", "erp_bridge.simulators", "--orders", "20000"]
        simulators = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        stack.callback(simulators.terminate)
        assert simulators.stdout
        told = json.loads(simulators.stdout.readline())
        env = environment(postgres, valkey, "b2b_owner") | {
            "PORTAL_PRIVATE_HOSTS": "127.0.0.1",
            "PORTAL_ALLOW_PLAIN_HTTP": "1",
        }
        words = [sys.executable, "-m", "benchmarks.ingest_worker"]
        words += ["--vtex-url", told["vtex_url"], "--erp-url", told["erp_url"]]
        for name in ("orders", "rounds", "memory_orders"):
            words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
        subprocess.run(words, cwd=ROOT, env=env, check=True)


if __name__ == "__main__":
    main()
