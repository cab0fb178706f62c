"""DANFE pages a second and memory, against the library bare in one process.

    .venv/bin/python -m benchmarks.danfe --rounds 5

Both are measured in processor time, so that a busy machine tells the same. The floor imports
the library once and draws notes one after another. What is dearer than it buys an end: a
process of its own for each page, which can be killed, with its memory, time and network taken
away, and a look into what came out.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pypdf import PdfReader

from b2b_orders.documents import drawing, renderer
from benchmarks.notes import make_note

SIZES = (1, 10, 40, 120)
MIX = (1, 2, 3, 5, 8, 12, 20, 41)
LAYOUTS = {"MOC 7.0": "2026-11-30T12:00:00-03:00", "NT 2026.010": "2026-12-01T12:00:00-03:00"}


def main() -> None:
    """Print the tables of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bare", metavar="JSON", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        print(json.dumps(_bare(**json.loads(given.bare))))
        return
    print("| items | layout | pages | bare ms | product ms | ratio | pages/s | child MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for items in SIZES:
        for layout, issued in LAYOUTS.items():
            _print_row(items, layout, issued, given.rounds)
    _print_mix()


def _print_row(items: int, layout: str, issued: str, rounds: int) -> None:
    xml = make_note(items, issued)
    pages = len(PdfReader(io.BytesIO(_draw(xml))).pages)
    ours = statistics.median(_seconds(lambda: _draw(xml)) for _ in range(rounds))
    bare = statistics.median(_run_bare([items], issued, rounds))
    print(
        f"| {items} | {layout} | {pages} | {bare * 1000:.0f} | {ours * 1000:.0f} |"
        f" {ours / bare:.2f} | {pages / ours:.1f} | {_child_megabytes(xml):.0f} |",
        flush=True,
    )


def _print_mix() -> None:
    """Draw typical notes one after another, and look at the memory of who has them drawn."""
    xmls = [make_note(items, issued) for issued in LAYOUTS.values() for items in MIX]
    ours = sum(_seconds(lambda xml=xml: _draw(xml)) for xml in xmls)
    bare = sum(sum(_run_bare(list(MIX), issued, 1)) for issued in LAYOUTS.values())
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{len(xmls)} notes of {MIX[0]} to {MIX[-1]} items: bare {bare:.1f} s, product"
        f" {ours:.1f} s, ratio {ours / bare:.2f}, {len(xmls) / ours:.1f} notes/s;"
        f" the worker itself {own:.0f} MB"
    )


def _draw(xml: bytes) -> bytes:
    return drawing.draw("danfe", xml, is_cancelled=False)


def _seconds(work: Callable[[], object]) -> float:
    """Measure the processor time of this process and of the children that it waited for."""
    began = _spent()
    work()
    return _spent() - began


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _run_bare(items: list[int], issued: str, rounds: int) -> list[float]:
    """Draw with the library alone, in a process that imported it before."""
    asked = json.dumps({"items": items, "issued": issued, "rounds": rounds})
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.danfe", "--bare", asked]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found: list[float] = json.loads(done.stdout)
    return found


def _bare(items: list[int], issued: str, rounds: int) -> list[float]:
    def draw(xml: bytes) -> bytes:
        return renderer.draw("danfe", xml, is_cancelled=False, issuer="")

    draw(make_note(1, issued))
    xmls = [make_note(count, issued) for count in items]
    return [_seconds(lambda xml=xml: draw(xml)) for _ in range(rounds) for xml in xmls]


def _child_megabytes(xml: bytes) -> float:
    """Draw once more under a watcher, whose only child it is."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], stdin=sys.stdin, stdout=subprocess.PIPE, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    script = str(Path(renderer.__file__))
    command = [sys.executable, "-c", code, sys.executable, "-I", script, "danfe", "valid", ""]
    done = subprocess.run(command, input=xml, capture_output=True, check=True)
    return int(done.stdout) / 1024


if __name__ == "__main__":
    main()
