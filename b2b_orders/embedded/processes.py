"""What the managers of embedded servers share: processes, locks, short directories."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROC = Path("/proc")
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
SOCKET_PATH_BYTES = 103
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


class EmbeddedError(Exception):
    """A server cannot be had, with what to do about it."""


class LockHeld(EmbeddedError):
    """Another process holds the lock."""


def command_of(pid: int) -> str | None:
    """Read the command line of a living process; None when it is gone or a zombie.

    A zombie answers `kill(pid, 0)` like the living where nothing reaps orphans, as in a
    container without an init; PostgreSQL then takes its own old lock file for a valid one.
    """
    if pid <= 0:
        return None
    if PROC.joinpath("self").exists():
        try:
            state = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()[0]
            words = PROC.joinpath(str(pid), "cmdline").read_bytes().split(b"\0")
        except OSError:
            return None
        return None if state in "ZX" else b" ".join(words).decode(errors="replace").strip()
    shown = subprocess.run(
        ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(None, 1)
    return None if len(shown) < 2 or shown[0].startswith("Z") else shown[1].strip()


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Wait for a condition, and say whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True


def stop_process(pid: int, *, seconds: float = 10.0) -> None:
    """End a process that leads its own group, politely and then not."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: command_of(pid) is None, seconds=seconds)
    # What it left behind in its group goes with it, whether it ended by itself or not.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: command_of(pid) is None, seconds=2)


@contextmanager
def locked(path: Path, *, seconds: float = 120.0) -> Iterator[None]:
    """Hold a file lock around a block; the system lets go of it when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not wait_until(lambda: _try_lock(file.fileno()), seconds=seconds, pause=0.1):
            raise LockHeld(f"Another process has held {path} for {seconds:.0f} seconds.")
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def private_directory(path: Path) -> Path:
    """Make a directory that only its owner can enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def socket_directory(state: Path, longest_name: str) -> Path:
    """Give a private directory for sockets, short and plain enough for a socket's address.

    It is inside the state directory where possible. Where that path is too long, or needs
    quoting in an address, it is a fresh one under the run-time directory, noted in the
    state directory so that the next start finds it again.
    """
    inside = state / "run"
    if PLAIN_PATH.fullmatch(str(inside)) and (
        len(os.fsencode(inside / longest_name)) <= SOCKET_PATH_BYTES
    ):
        return private_directory(inside)
    note = state / "run.path"
    with suppress(OSError):
        noted = Path(note.read_text().strip())
        if noted.is_dir() and not noted.is_symlink() and noted.stat().st_uid == os.geteuid():
            return noted
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = bool(base) and len(base) < 60 and os.access(base, os.W_OK)
    fresh = Path(tempfile.mkdtemp(prefix="b2b-", dir=base if usable else "/tmp"))  # noqa: S108 mkdtemp makes it private; $TMPDIR may be the long path that brought us here
    note.write_text(str(fresh))
    return fresh


def last_lines(log: Path, count: int = 20) -> str:
    """Read the end of a log."""
    with suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    return ""
