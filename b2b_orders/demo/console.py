"""What the demo shows while it prepares: numbered steps with their times."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class Console:
    """Progress for a person at a terminal; plain lines, so that it can be piped as well."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._number = 0
        self._is_line_open = False
        self._lock = threading.Lock()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show one step: its number and title at the start, its time at the end."""
        self._number += 1
        started = time.monotonic()
        self._write(f"[{self._number:>{len(str(self.total))}}/{self.total}] {title} ...")
        self._is_line_open = True
        try:
            yield
        except BaseException:
            self.line("", only_if_open=True)
            raise
        seconds = f"{time.monotonic() - started:.1f} s"
        with self._lock:
            self._write(f" {seconds}\n" if self._is_line_open else f"      done in {seconds}\n")
            self._is_line_open = False

    def line(self, text: str, *, only_if_open: bool = False) -> None:
        """Show one line, below the title of the step that is going on."""
        with self._lock:
            if self._is_line_open:
                self._write("\n")
                self._is_line_open = False
            elif only_if_open:
                return
            if text:
                self._write(f"{text}\n")

    def detail(self, source: str, text: str) -> None:
        """Show one line of a process that the step waits for."""
        self.line(f"      {source}: {text.removeprefix(f'{source}: ')[:160]}")

    def table(self, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
        """Show rows under headings, each column as wide as it needs."""
        cells = [list(columns)]
        cells += [[str(row.get(column) or "-") for column in columns] for row in rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line(f"  {'  '.join(padded).rstrip()}")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
