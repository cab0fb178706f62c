"""A small world behind two simulators, connected as production connects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection as database

from b2b_orders.common import clock
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import Document
from b2b_orders.ingest import lanes, sources, tasks
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, InboxItem, Parked, Stream
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.services import save_connection
from b2b_orders.ingest.sync import sync, work
from b2b_orders.orders.models import LearnedLink, Order, SourceRecord
from erp_bridge.runner import GuardPolicy
from erp_bridge.simulators.erp import TOKEN, ErpSimulator
from erp_bridge.simulators.vtex import APP_KEY, APP_TOKEN, VtexSimulator
from erp_bridge.simulators.world import O8, World, demo_world
from tests.factories import make_company
from tests.faults.compare import Rows, read_rows


@pytest.fixture(autouse=True)
def _quick_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try as often as production does, without its pauses."""
    monkeypatch.setattr(sources, "GUARD", GuardPolicy(first_wait_seconds=0.001))
    monkeypatch.setattr(sources, "VTEX_PER_SECOND", 10_000.0)


@pytest.fixture
def world() -> World:
    """Make a small world, without the order of 1,200 items: most tests read all there is."""
    made = demo_world(orders=12, companies=1)
    world = World(
        tuple(made.companies.values()), seed_date=made.seed_date, started_at=made.started_at
    )
    world.cast = {name: order for name, order in made.cast.items() if name != O8.name}
    world.fill([order for order in made.orders if order is not made.cast[O8.name]])
    return world


@pytest.fixture
def vtex_sim(world: World) -> Iterator[VtexSimulator]:
    with VtexSimulator(world) as simulator:
        yield simulator


@pytest.fixture
def erp_sim(world: World) -> Iterator[ErpSimulator]:
    with ErpSimulator(world) as simulator:
        yield simulator


def connect_vtex(url: str, **settings: Any) -> Connection:
    return save_connection(
        kind="vtex",
        name="loja",
        settings={"base_url": url, "account": "demostore", "app_key": APP_KEY, **settings},
        secret=APP_TOKEN,
        now=datetime.now(UTC),
        label="Loja",
    )


def connect_erp(url: str, *, token: str = TOKEN, **settings: Any) -> Connection:
    return save_connection(
        kind="b2b_orders_v1",
        name="erp",
        settings={"endpoint": url, "window_days": 366, **settings},
        secret=token,
        now=datetime.now(UTC),
        label="ERP",
    )


@pytest.fixture
def loja(vtex_sim: VtexSimulator, db: None) -> Connection:
    return connect_vtex(vtex_sim.url)


@pytest.fixture
def erp(erp_sim: ErpSimulator, db: None) -> Connection:
    return connect_erp(erp_sim.url)


def make_companies(world: World) -> dict[str, Company]:
    return {
        key: make_company(
            company.name,
            [one.tax_id for one in company.establishments],
            customer_ids={"erp": str(company.customer_id)},
            is_active=company.is_active,
        )
        for key, company in world.companies.items()
    }


@pytest.fixture
def companies(world: World, db: None) -> dict[str, Company]:
    return make_companies(world)


def run_sync(connection: Connection, **options: Any) -> Pass:
    run = Pass(Connection.objects.get(pk=connection.pk), "sync")
    sync(run, **options)
    return run


def run_lanes(connection: Connection, *names: LaneName) -> Pass:
    """Do the work of some lanes to its end, as workers do it one after the other."""
    run = Pass(Connection.objects.get(pk=connection.pk), "lanes")
    for name in names:
        while not work(run, name):
            pass
    return run


def run_due() -> list[str]:
    """Do what beat and workers do at one moment: everything that is due, once."""
    due = lanes.take_due(now=clock.now())
    for lane in due:
        tasks.run_lane(connection_id=lane.connection_id, name=lane.name.value)
    return sorted(lane.name.value for lane in due)


def forget_orders() -> None:
    """Go back to before anything was read."""
    SourceRecord.objects.update(order=None)
    for model in (Document, LearnedLink, SourceRecord, Order, Stream, InboxItem, Parked):
        model.objects.all().delete()


@pytest.fixture
def known_rows(db: None) -> Callable[[], Rows]:
    """Read everything that is known of orders, so that two ways to it can be compared."""

    def read() -> Rows:
        with database.cursor() as cursor:
            return read_rows(cursor)

    return read
