"""A throw-away PostgreSQL for each test run, and a Valkey for the tests that ask for one.

A pytest plugin, loaded by `-p` so that the addresses stand in the environment before
Django reads its settings. Only the controlling process of pytest-xdist starts a server;
the workers inherit its address. With PORTAL_DATABASE_URL set, nothing is started and the
server named there is used.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from b2b_orders.embedded.postgres import THROW_AWAY_SETTINGS, PostgresServer
from b2b_orders.embedded.processes import command_of
from b2b_orders.embedded.valkey import ValkeyServer

PREFIX = "b2b-orders-test-"
# Whatever needs no server gets its address from here; nothing listens on port 1.
DEFAULTS = {
    "PORTAL_SECRET_KEY": "only-for-tests-0123456789abcdefghijklmnopqrstuvwxyz",
    "PORTAL_ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtbmV2ZXItYS1yZWFsLWtleSE=",
    "PORTAL_BROKER_URL": "redis://127.0.0.1:1/0",
    "PORTAL_CACHE_URL": "redis://127.0.0.1:1/1",
    "PORTAL_PRIVATE_HOSTS": "127.0.0.1,localhost",
    "PORTAL_ALLOW_PLAIN_HTTP": "1",
}


class _Run:
    """The servers of this process, ended once however pytest ends."""

    server: PostgresServer | None = None

    def start(self) -> None:
        _sweep()
        state = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        atexit.register(self.stop)
        self.server = PostgresServer(state, settings=THROW_AWAY_SETTINGS)
        self.server.start()
        os.environ["PORTAL_DATABASE_URL"] = self.server.url("b2b_owner")

    def stop(self) -> None:
        if self.server is not None:
            self.server.erase()
            shutil.rmtree(self.server.state, ignore_errors=True)
            self.server = None


_run = _Run()


def _sweep() -> None:
    """Remove what a killed test run left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = left.name.removeprefix(PREFIX).split("-")[0]
        with suppress(OSError):
            if left.stat().st_uid == os.geteuid() and command_of(int(owner)) is None:
                PostgresServer(left).erase()
                shutil.rmtree(left, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    if not os.environ.get("PORTAL_DATABASE_URL"):
        _run.start()
    return (yield)


def pytest_unconfigure() -> None:
    _run.stop()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A running broker of this process: `.broker_url`, `.cache_url`, `.command("FLUSHALL")`."""
    state = Path(tempfile.mkdtemp(prefix="b2b-valkey-"))
    server = ValkeyServer(state, is_kept=False)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(state, ignore_errors=True)
