"""The processes that the demo starts: each with a log, an end, and a record to find it by."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from b2b_orders.demo.state import DemoState
from b2b_orders.embedded.processes import command_of, last_lines, stop_process, wait_until


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


class Child:
    """One process of the demo."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        state: DemoState,
        environment: Mapping[str, str],
        directory: Path,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = state.directory / "log" / f"{name}.log"
        self.restarts: list[float] = []
        self._state = state
        self._environment = dict(environment)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, fresh_log: bool = True, say: Callable[[str], None] | None = None) -> None:
        """Start the process in a session of its own, out of reach of the terminal's Ctrl-C.

        With `say`, its lines are also handed on one by one, for a step worth watching.
        """
        with self.log.open("wb" if fresh_log else "ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if say else log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )
        self._state.processes[self.name] = {
            "pid": self._process.pid,
            "command": " ".join(self.command).strip(),
        }
        self._state.save()
        if say:
            threading.Thread(target=self._hand_on, args=[self._process, say], daemon=True).start()

    def _hand_on(self, process: subprocess.Popen[bytes], say: Callable[[str], None]) -> None:
        last_said, unsaid = 0.0, ""
        with self.log.open("ab", buffering=0) as log, process.stdout or nullcontext(()) as lines:
            for raw in lines:
                log.write(raw)
                # A progress line that rewrites itself arrives as one line with returns in it;
                # one that opens with a brace is a log record, for the file only.
                unsaid = raw.decode(errors="replace").strip().split("\r")[-1]
                unsaid = "" if unsaid.startswith("{") else unsaid
                if unsaid and time.monotonic() - last_said >= 1.0:
                    say(unsaid)
                    last_said, unsaid = time.monotonic(), ""
        if unsaid:
            say(unsaid)

    @property
    def exit_code(self) -> int | None:
        """Give the exit code; None while the process lives."""
        return self._process.poll() if self._process else None

    def wait(self, *, seconds: float) -> None:
        """Wait for the process to end well; raise with its last lines when it does not."""
        if not wait_until(lambda: self.exit_code is not None, seconds=seconds):
            raise DemoError(self.complaint(f"has not ended in {seconds:.0f} s"))
        code = self.exit_code
        self._forget()
        if code != 0:
            raise DemoError(self.complaint(f"failed (exit code {code})"))

    def ask_to_stop(self) -> None:
        """Tell the process to end, without waiting for it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, *, seconds: float = 6.0) -> None:
        """End the process and all it started.

        Nothing is lost by a worker that is not given the time for its task: tasks are
        handed out again, and what they did twice is stored once.
        """
        if self._process is None:
            return
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=seconds)
        stop_process(self._process.pid, seconds=0.1)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._forget()

    def _forget(self) -> None:
        self._state.processes.pop(self.name, None)
        self._state.save()

    def complaint(self, what: str) -> str:
        """Say what went wrong, with the last lines of the log."""
        lines = last_lines(self.log) or "(nothing was logged)"
        return f"{self.name} {what}. The last lines of {self.log}:\n\n{lines}"


def stop_orphans(state: DemoState) -> list[str]:
    """End what a killed supervisor left running; only where the command line proves it ours."""
    ours = {
        name: int(record["pid"])
        for name, record in reversed(state.processes.items())
        if command_of(int(record["pid"])) == record["command"]
    }
    for pid in ours.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pid in ours.values():
        stop_process(pid)
    state.processes.clear()
    state.save()
    return list(ours)
