"""The guards of the test run guard."""

from __future__ import annotations

import socket

import pytest

from tests.guards import NetworkBlocked, find_chromium, is_local


def test_connection_to_another_machine_is_refused():
    with pytest.raises(NetworkBlocked, match=r"192\.0\.2\.1:80"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_names_are_not_resolved():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("portal.example", 443)


def test_this_machine_can_be_reached():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", ""])
def test_loopback_is_local(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["0.0.0.1", "10.0.0.1", "169.254.169.254", "localhost.example"])
def test_everything_else_is_not_local(host):
    assert not is_local(host)


def test_named_browser_that_is_not_there_is_no_browser(monkeypatch):
    monkeypatch.setenv("PORTAL_CHROMIUM", "/nowhere/chromium")

    assert find_chromium() is None
