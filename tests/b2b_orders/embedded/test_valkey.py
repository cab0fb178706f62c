from __future__ import annotations

import os
import signal
import stat

import pytest

from b2b_orders.embedded.valkey import ValkeyServer


@pytest.fixture
def server(tmp_path):
    server = ValkeyServer(tmp_path / "state")
    yield server
    server.stop()


def kill(server: ValkeyServer) -> None:
    os.kill(int((server.state / "valkey.pid").read_text()), signal.SIGKILL)


def test_second_start_finds_the_server_running(server):
    assert server.start() is True
    assert ValkeyServer(server.state).start() is False


def test_what_was_written_survives_a_stop(server):
    server.start()
    server.command("SET", "key", "value")
    server.stop()
    assert server.is_running() is False

    server.start()

    assert server.command("GET", "key") == "$5\r\nvalue\r\n"


def test_start_after_a_kill_works(server):
    server.start()
    kill(server)

    assert server.start() is True

    assert server.is_running() is True


def test_unreadable_data_is_put_aside_because_a_broker_may_be_lost(server):
    server.start()
    server.stop()
    for file in server.data.rglob("*.aof*"):
        if file.is_file():
            file.write_bytes(b"no such format")

    server.start()

    assert server.is_running() is True
    assert server.data.with_name("valkey.broken").is_dir()


def test_socket_is_private_and_no_port_is_open(server):
    server.start()

    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
    assert "\r\n$1\r\n0\r\n" in server.command("CONFIG", "GET", "port")


def test_addresses_name_the_socket_and_keep_broker_and_cache_apart(server):
    assert server.broker_url == f"redis+socket://{server.socket}?virtual_host=0"
    assert server.cache_url == f"unix://{server.socket}?db=1"


def test_stop_of_a_server_that_never_ran_is_harmless(server):
    server.stop()

    assert server.is_running() is False
