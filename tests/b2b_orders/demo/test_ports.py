from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from b2b_orders.demo.children import DemoError
from b2b_orders.demo.ports import claim, find_free, is_free, parse_port


@pytest.fixture
def occupied() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_empty_text_is_no_wish():
    assert parse_port("PORT", " ") is None


def test_number_is_a_port():
    assert parse_port("PORT", "8080") == 8080


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80.5"])
def test_what_is_no_port_is_refused_by_name(text):
    with pytest.raises(DemoError, match=f"PORT={text} is no port"):
        parse_port("PORT", text)


def test_occupied_port_is_told_with_a_command_that_works(occupied):
    with pytest.raises(DemoError) as caught:
        claim("PORT", occupied)

    message = str(caught.value)
    assert message.startswith(f"Port {occupied} is in use by another program.")
    suggestion = int(message.rpartition("make demo PORT=")[2])
    assert is_free(suggestion)


def test_port_that_listens_on_every_address_is_occupied():
    with socket.create_server(("", 0)) as server:
        assert is_free(server.getsockname()[1]) is False


def test_next_free_port_is_neither_occupied_nor_taken(occupied):
    found = find_free(occupied, taken=[occupied + 1])

    assert found not in {occupied, occupied + 1}
