"""How a long pass tells a person how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TextIO


class Progress(Protocol):
    """Told by a pass what it works on and when a piece is done."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage, of so many pieces if known."""
        ...

    def grow(self, total: int) -> None:
        """Say that the stage has so many more pieces."""
        ...

    def step(self, count: int = 1) -> None:
        """Say that so many pieces of it are done."""
        ...


class Silence:
    """Progress for tasks, which nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        pass

    def grow(self, total: int) -> None:
        pass

    def step(self, count: int = 1) -> None:
        pass


class Ticker:
    """Writes one line over itself on a terminal, else a line every few seconds."""

    def __init__(
        self,
        out: TextIO,
        *,
        is_terminal: bool,
        label: str,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._seconds = seconds
        self._is_terminal = is_terminal
        self._label = label
        self._every = 0.2 if is_terminal else 5.0
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._shown_at = self._seconds()
        self._width = 0

    def stage(self, name: str, total: int | None = None) -> None:
        self.close()
        self._name, self._total, self._done = name, total, 0
        self._began = self._seconds()

    def grow(self, total: int) -> None:
        self._total = (self._total or 0) + total

    def step(self, count: int = 1) -> None:
        self._done += count
        if self._seconds() - self._shown_at >= self._every:
            self._show()

    def close(self) -> None:
        """Leave the last line standing."""
        if self._name and self._is_terminal and self._width:
            self._show()
            self._out.write("\n")
        self._name, self._width = "", 0

    @property
    def text(self) -> str:
        """Where it is: stage, count, rate, and how long it will still take."""
        seconds = max(self._seconds() - self._began, 0.001)
        rate = self._done / seconds
        count = f"{self._done}/{self._total}" if self._total else str(self._done)
        text = f"{self._label}: {self._name} {count} ({rate:.0f}/s)"
        if self._total and 0 < self._done < self._total:
            text += f", about {(self._total - self._done) / rate:.0f} s left"
        return text

    def _show(self) -> None:
        self._shown_at = self._seconds()
        text = self.text
        if self._is_terminal:
            self._out.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._out.write(text + "\n")
        self._out.flush()
