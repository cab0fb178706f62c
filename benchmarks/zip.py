"""A ZIP file of many documents, as the page streams it: memory, first byte, ratio to the floor.

    .venv/bin/python -m benchmarks.zip --documents 1000 --size 100000

The floor is Python's own `zipfile`, writing the same bytes with the same compression to
/dev/null. No database: what is measured is the reading, checking, writing and indexing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import django

from b2b_orders.documents.archives import Archive, Heading, Item


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the store."""

    path: Path
    size: int
    sha256: str
    content_type: str = "application/pdf"

    def open(self) -> IO[bytes]:
        """Open it."""
        return self.path.open("rb")


def make_files(folder: Path, count: int, size: int) -> list[Stored]:
    """Write some different files, used over and over, of bytes that do not compress."""
    files = []
    for number in range(min(count, 20)):
        content = os.urandom(size)
        path = folder / str(number)
        path.write_bytes(content)
        files.append(Stored(path, size, hashlib.sha256(content).hexdigest()))
    return [files[number % len(files)] for number in range(count)]


def items(files: list[Stored]) -> Iterator[Item]:
    """Make them documents of invoices of four."""
    for number, file in enumerate(files):
        folder = f"NF-{1000 + number // 4}-1"
        yield Item((folder,), f"DANFE-{number}.pdf", "4500123", folder, "DANFE", file)


def product(files: list[Stored]) -> tuple[float, float]:
    """Stream the ZIP file into nothing; return the seconds to the first byte and to the last."""
    start = time.perf_counter()
    archive = Archive(Heading(("Documents",)), "en", (("NF-1000-1",),))
    first = 0.0
    with Path(os.devnull).open("wb") as nowhere:
        for piece in archive.stream(items(files)):
            first = first or time.perf_counter() - start
            nowhere.write(piece)
    return first, time.perf_counter() - start


def floor(files: list[Stored]) -> float:
    """Write the same files by `zipfile`; return the seconds."""
    start = time.perf_counter()
    with (
        Path(os.devnull).open("wb") as nowhere,
        zipfile.ZipFile(nowhere, "w", zipfile.ZIP_STORED) as archive,
    ):
        for number, file in enumerate(files):
            archive.write(file.path, f"NF-{1000 + number // 4}-1/DANFE-{number}.pdf")
    return time.perf_counter() - start


def peak() -> float:
    """Return the most memory the process ever had resident, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.bare_settings")
    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(Path(folder), asked.documents, asked.size)
        product(files[:10])
        before = peak()
        runs = [(product(files), floor(files)) for _each in range(asked.rounds)]
        after = peak()
    first = sorted(run[0][0] for run in runs)[asked.rounds // 2]
    ours = sorted(run[0][1] for run in runs)[asked.rounds // 2]
    bare = sorted(run[1] for run in runs)[asked.rounds // 2]
    print(f"{asked.documents} documents of {asked.size} bytes, medians of {asked.rounds} rounds")
    print(f"first byte {first * 1000:.2f} ms")
    print(f"product {ours:.2f} s, zipfile {bare:.2f} s, ratio {ours / bare:.2f}")
    print(f"resident memory {before:.1f} MB after 10 documents, {after:.1f} MB after all")


if __name__ == "__main__":
    main()
