"""`python -m b2b_orders.demo start|reset`: what `make demo` and `make demo-reset` call."""

from __future__ import annotations

import argparse
import sys

from b2b_orders.demo import supervisor
from b2b_orders.demo.children import DemoError
from b2b_orders.demo.ports import parse_port


def main(arguments: list[str]) -> int:
    """Start the demo or delete its data; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m b2b_orders.demo", description=__doc__)
    parser.add_argument("action", choices=["start", "reset"])
    for option, default in (("--port", "8000"), ("--vtex-port", ""), ("--erp-port", "")):
        parser.add_argument(option, default=default, help="empty for the usual one")
    given = parser.parse_args(arguments)
    if given.action == "reset":
        return supervisor.reset()
    try:
        wishes = supervisor.Wishes(
            port=parse_port("PORT", given.port) or 8000,
            vtex_port=parse_port("VTEX_PORT", given.vtex_port),
            erp_port=parse_port("ERP_PORT", given.erp_port),
        )
    except DemoError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return supervisor.run(wishes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
