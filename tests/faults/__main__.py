"""`python -m tests.faults`: what `make faults` calls. Exit code 0 only when the rows are equal."""

from __future__ import annotations

import argparse
import json
import signal
import sys

from b2b_orders.demo.children import DemoError
from b2b_orders.demo.supervisor import ROOT, STOP_SIGNALS, Interrupted, interrupt_on_signals
from b2b_orders.embedded.processes import EmbeddedError
from tests.faults.harness import Unfinished, open_site
from tests.faults.run import Outcome, Wish, run_faults

KEPT = ROOT / "var" / "faults"


def main(arguments: list[str]) -> int:
    usual = Wish()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--events", type=int, default=usual.events, help="changes of web orders")
    parser.add_argument("--orders", type=int, default=usual.orders, help="web orders")
    parser.add_argument("--workers", type=int, default=usual.workers)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="the time limit")
    given = parser.parse_args(arguments)
    if given.events < 2 * given.orders:
        parser.error("--events must be at least twice --orders")
    wish = Wish(**vars(given))
    interrupt_on_signals()
    try:
        with open_site(workers=wish.workers, say=say, logs=KEPT / "log") as site:
            try:
                outcome = run_faults(site, wish)
            finally:
                for each in STOP_SIGNALS:
                    signal.signal(each, signal.SIG_IGN)
    except (DemoError, EmbeddedError, Unfinished) as error:
        return _fail(str(error))
    except Interrupted:
        return _fail("stopped")
    return report(outcome)


def report(outcome: Outcome) -> int:
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / "figures.json"
    path.write_text(json.dumps(outcome.figures, indent=1) + "\n")
    say(json.dumps(outcome.figures, indent=1))
    say(f"figures are kept in {path}")
    for line in outcome.lines:
        say(line)
    return 0 if outcome.is_equal else 1


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\nrows equal: unknown\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
