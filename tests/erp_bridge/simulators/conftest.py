"""A small world with fixed dates, its two simulators, and a client for plain requests."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.server import Simulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import World, small_world

TODAY = date(2026, 11, 20)
STARTED_AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    simulator: Simulator,
    path: str,
    params: dict[str, object] | None = None,
    *,
    method: str = "GET",
    send: object = None,
    headers: dict[str, str] | None = None,
    timeout: float = 5,
) -> Got:
    """Ask one thing on a connection of its own, with the simulator's credentials unless told."""
    parts = urlsplit(simulator.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(
            method,
            path + (f"?{urlencode(params)}" if params else ""),
            None if send is None else json.dumps(send),
            simulator.headers if headers is None else headers,
        )
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Got(answer.status, names, answer.read())
    finally:
        connection.close()


@pytest.fixture
def world() -> World:
    return small_world(seed_date=TODAY, started_at=STARTED_AT)


@pytest.fixture
def vtex(world: World) -> Iterator[VtexSimulator]:
    with VtexSimulator(world) as simulator:
        yield simulator


@pytest.fixture
def erp(world: World) -> Iterator[ErpSimulator]:
    with ErpSimulator(world) as simulator:
        yield simulator


@pytest.fixture
def search(erp: ErpSimulator) -> Callable[..., list[str]]:
    """Search the ERP and give the numbers found."""

    def run(customer_id: int, **criteria: object) -> list[str]:
        got = ask(
            erp,
            "/api/v1/pedido/pesquisa",
            method="POST",
            send={"revendaId": customer_id, **criteria},
        )
        assert got.status == 200
        return [row["pedidoErpId"] for row in got.json()["itens"]]

    return run
