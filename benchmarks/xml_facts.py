"""Facts of NF-e files a second, against bare lxml parsing of the same bytes.

The floor parses each file with the same safe parser and does nothing else. Three steps of the
product follow: all facts; facts with the whole verdict, whose signature is checked; and the
gate that every download passes. Rounds are interleaved, so that what the machine does besides
hits them alike.

    python -m benchmarks.xml_facts --rounds 7 --files 200
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable
from decimal import Decimal

# Only to import the product: nothing is reached.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "b2b_orders.settings.test")

from lxml import etree

from b2b_orders.documents.checks import Whose, check
from b2b_orders.documents.reading.findings import Context
from b2b_orders.documents.reading.judge import judge_xml
from b2b_orders.documents.reading.nfe import read_nfe
from b2b_orders.documents.reading.xml import parse, parser
from erp_bridge.records import DocumentKind
from tests.fiscal.nfe import RECIPIENT, Item, build_nfe, key_of


def make_files(count: int, items: int) -> list[bytes]:
    """Make that many different notes of that many items."""
    lines = [
        Item(f"P{n:04d}", f"Produto {n}", Decimal(n), Decimal("13.3700"))
        for n in range(1, items + 1)
    ]
    return [
        build_nfe(number, items=lines, installments=[("001", "2026-04-09", "100.00")])
        for number in range(1, count + 1)
    ]


def measure(steps: dict[str, Callable[[bytes], object]], files: list[bytes], rounds: int) -> None:
    """Print milliseconds a file and the ratio to the first step, medians of rounds."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.process_time()
            for content in files:
                step(content)
            taken[name].append((time.process_time() - started) / len(files))
    floor = statistics.median(next(iter(taken.values())))
    print("| | notes/s | ms a note | ratio |\n| --- | --- | --- | --- |")
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {1 / middle:,.0f} | {middle * 1000:.2f} | {middle / floor:.2f} |")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--files", type=int, default=200)
    arguments.add_argument("--items", type=int, nargs="+", default=[3, 120])
    options = arguments.parse_args()
    context = Context(frozenset({RECIPIENT}))
    whose = Whose(frozenset({RECIPIENT}))
    for items in options.items:
        files = make_files(options.files if items < 50 else options.files // 4, items)
        print(f"\n{items} items, {len(files[0]):,} bytes, {len(files)} notes")
        assert judge_xml(files[0], context).reasons == ()
        assert check(DocumentKind.NFE_XML, io.BytesIO(files[0]), whose).access_key == key_of(1)
        measure(
            {
                "bare lxml parsing": lambda content: etree.fromstring(content, parser()),
                "all facts": lambda content: read_nfe(parse(content)),
                "facts, signature and verdict": lambda content: judge_xml(content, context),
                "the gate of a download": lambda content: check(
                    DocumentKind.NFE_XML, io.BytesIO(content), whose
                ),
            },
            files,
            options.rounds,
        )


if __name__ == "__main__":
    main()
