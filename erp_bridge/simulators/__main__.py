"""Runs both simulators until interrupted: `python -m erp_bridge.simulators --vtex-port …`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from erp_bridge.simulators.control import State
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.mail import MailPage
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import demo_world


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m erp_bridge.simulators",
        description="A VTEX OMS and an ERP for demonstration and tests, on loopback.",
    )
    parser.add_argument("--vtex-port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--erp-port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--seed-date", type=date.fromisoformat, help="the world's today, YYYY-MM-DD"
    )
    parser.add_argument(
        "--started-at",
        type=datetime.fromisoformat,
        help="the moment that the world's last minutes are counted from, with its offset",
    )
    parser.add_argument(
        "--state", type=Path, help="directory that keeps the seed date and orders added by hand"
    )
    parser.add_argument(
        "--by-id-only",
        action="store_true",
        help="an ERP that does not know the short numbers of web orders",
    )
    parser.add_argument(
        "--mail", type=Path, help="directory of Django's file mail, shown by VTEX at /_mail"
    )
    parser.add_argument("--orders", type=int, default=20_000, help="how many orders to invent")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGINT or SIGTERM, after one line of JSON with both addresses."""
    options = read_arguments(arguments)
    state = State(options.state) if options.state else None
    seed_date, started_at = options.seed_date, options.started_at
    if state:
        seed_date, started_at = state.seed(seed_date, started_at)
    world = demo_world(seed_date=seed_date, started_at=started_at, orders=options.orders)
    try:
        vtex = VtexSimulator(world, host=options.host, port=options.vtex_port)
        erp = ErpSimulator(
            world, host=options.host, port=options.erp_port, by_sequence=not options.by_id_only
        )
    except OSError as error:
        sys.stderr.write(f"cannot listen: {error}\n")
        return 1
    if state:
        state.replay(world)
        vtex.on_control.append(state.keeper("vtex"))
        erp.on_control.append(state.keeper("erp"))
    if options.mail:
        vtex.pages["/_mail"] = MailPage(options.mail)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with vtex, erp:
        addresses = {"vtex_url": vtex.url, "erp_url": erp.url, "seed_date": str(world.seed_date)}
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
