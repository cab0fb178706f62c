"""Which ports the demo uses: the ones asked for, or free ones nearby."""

from __future__ import annotations

import socket
from collections.abc import Collection

from b2b_orders.demo.children import DemoError


def parse_port(name: str, text: str) -> int | None:
    """Read a port given by a person; None when none was given."""
    if not text.strip():
        return None
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise DemoError(f"{name}={text} is no port. Give a number from 1 to 65535.")
    return port


def is_free(port: int) -> bool:
    """Say whether we could listen on a port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            # Binding alone succeeds beside a socket that is bound but not yet listening.
            probe.listen(1)
        except PermissionError:
            raise DemoError(
                f"Port {port} is reserved for the system's own services."
                " Choose one above 1023, for example: make demo PORT=8080"
            ) from None
        except OSError:
            return False
    return True


def claim(name: str, port: int) -> int:
    """Take a port that was asked for, or say which one is occupied and what to do."""
    if is_free(port):
        return port
    suggestion = find_free(port + 1, taken=())
    raise DemoError(
        f"Port {port} is in use by another program."
        f" Stop that program, or choose another port: make demo {name}={suggestion}"
    )


def find_free(first: int, *, taken: Collection[int]) -> int:
    """Find the first free port from a number on."""
    for port in range(first, min(first + 200, 65536)):
        if port not in taken and is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
