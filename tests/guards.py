"""What holds for every test: a closed network, and no browser test that is left out silently.

A pytest plugin. Browser tests run in the Chromium that PORTAL_CHROMIUM names or that is on
the PATH. Without one they are skipped and the summary says so; with
PORTAL_REQUIRE_BROWSER=1, as in CI, they fail instead.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NO_CHROMIUM = "no Chromium was found: install one, or name it with PORTAL_CHROMIUM"


class NetworkBlocked(RuntimeError):
    """A test tried to leave this machine."""


def is_local(host: str) -> bool:
    """Say whether a host is this machine by its very spelling."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in {"", "localhost", "ip6-localhost"}


def find_chromium() -> str | None:
    """Find the browser for the tests."""
    told = os.environ.get("PORTAL_CHROMIUM")
    if told:
        return told if os.access(told, os.X_OK) else None
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        _close_network(patch)
        return (yield)


def _close_network(patch: pytest.MonkeyPatch) -> None:
    connect, connect_ex, resolve = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not is_local(str(address[0])):
            self.close()
            raise NetworkBlocked(f"a test tried to connect to {address[0]}:{address[1]}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or is_local(name) or _is_address(name):
            return resolve(host, *args, **kwargs)
        # As on a machine without a name server: quick, and the same everywhere.
        raise socket.gaierror(socket.EAI_NONAME, "names are not resolved in tests")

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket, "getaddrinfo", guarded_resolve)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser; tests that need it carry the mark `browser`."""
    found = find_chromium()
    if found is None:
        pytest.fail(NO_CHROMIUM)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_chromium() or os.environ.get("PORTAL_REQUIRE_BROWSER"):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if NO_CHROMIUM in str(report.longrepr)
    ]
    if left_out:
        terminalreporter.section("browser tests left out", yellow=True)
        terminalreporter.line(f"{len(left_out)} browser tests did not run: {NO_CHROMIUM}.")
