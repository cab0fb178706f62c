from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import time_machine
from django.db import connection as database

from b2b_orders.celery import app
from b2b_orders.common import clock
from b2b_orders.companies.models import Company
from b2b_orders.ingest import lanes, queries, tasks
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, Lane, Lookup, Run
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.services import save_connection
from b2b_orders.orders.models import SourceRecord
from b2b_orders.settings import base
from erp_bridge.simulators.erp import TOKEN, ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O3, World
from tests.b2b_orders.ingest.conftest import (
    connect_erp,
    connect_vtex,
    make_companies,
    run_due,
    run_sync,
)


@pytest.fixture
def shop(transactional_db: None, vtex_sim: VtexSimulator) -> Connection:
    return connect_vtex(vtex_sim.url)


@pytest.fixture
def gateway(transactional_db: None, erp_sim: ErpSimulator) -> Connection:
    return connect_erp(erp_sim.url)


@pytest.fixture
def buyers(transactional_db: None, world: World) -> dict[str, Company]:
    return make_companies(world)


def state_of(name: str) -> str:
    return {row.connection: row.state for row in queries.list_source_states()}[name]


def test_beat_names_tasks_that_exist():
    app.loader.import_default_modules()
    names = {entry["task"] for entry in base.CELERY_BEAT_SCHEDULE.values()}

    assert names - set(app.tasks) == set()
    assert "ingest.tick" in names


def beat(*, after: timedelta = timedelta(0)) -> list[str]:
    """Do what is due in a while."""
    with time_machine.travel(clock.now() + after, tick=True):
        return run_due()


def test_everything_is_read_without_a_command(
    shop: Connection, buyers: dict[str, Company], vtex_sim: VtexSimulator, world: World
):
    assert beat() == ["feed", "history", "inbox", "upkeep"]
    assert SourceRecord.objects.count() == len(world.web_between(None, None))
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.reset()

    assert beat() == []
    beat(after=timedelta(seconds=31))
    beat(after=timedelta(seconds=34))

    assert SourceRecord.objects.get(external_id=O3.web_number).facts["status_raw"] == "handling"
    assert vtex_sim.requests("list") == []
    assert state_of("loja") == "ok"


def test_a_message_that_no_worker_took_up_is_sent_again(shop: Connection):
    now = clock.now()
    lanes.take_due(now=now)

    assert len(lanes.take_due(now=now + timedelta(seconds=6))) == 4


def test_the_tick_tells_workers_what_is_due(shop: Connection, monkeypatch: pytest.MonkeyPatch):
    told: list[dict[str, object]] = []
    monkeypatch.setattr(tasks.run_lane, "apply_async", lambda **how: told.append(how))

    tasks.tick()

    assert {each["kwargs"]["name"] for each in told} == {"feed", "inbox", "history", "upkeep"}
    assert {each["queue"] for each in told} == {"sync"}


def test_a_feed_without_changes_leaves_no_run(shop: Connection):
    beat()
    Run.objects.all().delete()

    beat(after=timedelta(minutes=10))

    assert not Run.objects.exists()


def test_erps_are_read_a_piece_at_a_time_until_all_is_known(
    gateway: Connection,
    buyers: dict[str, Company],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
):
    asked = itertools.count(1)
    monkeypatch.setattr(Pass, "is_over", property(lambda run: next(asked) % 4 == 0))
    whole = sum(len(o.erp) for o in world.orders if o.company.is_active)
    for _ in range(60):
        poll()
        if SourceRecord.objects.filter(detail="full").count() == whole:
            break

    assert SourceRecord.objects.filter(detail="full").count() == whole


def poll() -> None:
    """Run the ERP's lane as a worker does when it is told to."""
    lane = Lane.objects.get(name="poll")
    lanes.run_soon(connection_id=lane.connection_id, names=[LaneName.POLL], now=clock.now())
    for due in lanes.take_due(now=clock.now()):
        if due.name is LaneName.POLL:
            tasks.run_lane(connection_id=due.connection_id, name=due.name.value)


def test_a_lane_that_ends_early_waits_and_says_why(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    erp_sim.fault("search", "throttled", retry_after="120")

    poll()

    lane = Lane.objects.get(name="poll")
    assert lane.failures == 1
    assert "asks us to slow down" in lane.last_error
    assert beat(after=timedelta(seconds=60)) == []
    erp_sim.reset()
    beat(after=timedelta(seconds=121))
    lane.refresh_from_db()
    assert (lane.failures, lane.last_error) == (0, "")


def test_old_runs_are_forgotten(gateway: Connection, buyers: dict[str, Company]):
    ago = clock.now() - timedelta(days=31)
    run = Run.objects.create(connection=gateway, kind="poll", started_at=ago)

    tasks.tidy()

    assert not Run.objects.filter(pk=run.pk).exists()


def test_a_source_that_fails_is_shown_as_down_and_left_alone(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(gateway)
    as_of = queries.list_source_states()[0].as_of
    erp_sim.fault("*", "dead")
    poll()
    # Before many are asked, one asks how it does.
    poll()
    asked = len(erp_sim.log)

    poll()

    assert len(erp_sim.log) == asked
    state = queries.list_source_states()[0]
    assert (state.state, state.as_of) == ("down", as_of)
    assert state.down_since is not None
    assert Run.objects.latest("id").error


def test_a_source_that_works_again_is_noticed(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    erp_sim.fault("*", "dead")
    poll()
    assert state_of("erp") == "down"
    tasks.check_sources()
    assert state_of("erp") == "down"
    erp_sim.reset()
    Connection.objects.update(retry_at=clock.now())

    tasks.check_sources()

    assert state_of("erp") == "ok"


def test_a_source_that_nobody_asked_is_asked_how_it_does(
    gateway: Connection, erp_sim: ErpSimulator
):
    tasks.check_sources()
    assert state_of("erp") == "ok"
    erp_sim.reset()

    tasks.check_sources()

    assert erp_sim.log == type(erp_sim.log)()


def test_a_wrong_token_is_left_alone_until_the_connection_is_changed(
    gateway: Connection, erp_sim: ErpSimulator, buyers: dict[str, Company]
):
    save_connection(
        kind="b2b_orders_v1",
        name="erp",
        settings=gateway.settings,
        secret="wrong",
        now=clock.now(),
    )
    tasks.check_sources()
    asked = len(erp_sim.log)
    for _ in range(3):
        tasks.check_sources()
        poll()
    assert (state_of("erp"), len(erp_sim.log)) == ("down", asked)

    save_connection(
        kind="b2b_orders_v1", name="erp", settings=gateway.settings, secret=TOKEN, now=clock.now()
    )
    poll()

    assert state_of("erp") == "ok"
    assert SourceRecord.objects.exists()


def test_a_connection_with_settings_of_another_version_does_not_stop_the_others(
    gateway: Connection, buyers: dict[str, Company]
):
    other = Connection.objects.get()
    other.pk, other.name, other.settings = None, "antes", {"endpoint": "https://x.example", "x": 1}
    other.save()
    other.pk, other.name, other.kind = None, "depois", "sap"
    other.save()

    poll()
    tasks.check_sources()

    assert state_of("erp") == "ok"


def test_lost_look_ups_are_taken_up(buyers: dict[str, Company], monkeypatch: pytest.MonkeyPatch):
    woken: list[int] = []
    monkeypatch.setattr(tasks, "wake_worker", woken.append)
    lookup = Lookup.objects.create(
        company=buyers["alfa"], value="1", written="1", asked_at=clock.now() - timedelta(seconds=5)
    )

    tasks.sweep_lookups()

    assert woken == [lookup.pk]


def test_a_look_up_that_nobody_waits_for_any_more_is_given_up(
    buyers: dict[str, Company], monkeypatch: pytest.MonkeyPatch
):
    woken: list[int] = []
    monkeypatch.setattr(tasks, "wake_worker", woken.append)
    ago = clock.now() - timedelta(minutes=11)
    lookup = Lookup.objects.create(company=buyers["alfa"], value="1", asked_at=ago)

    tasks.sweep_lookups()

    lookup.refresh_from_db()
    assert (lookup.state, woken) == ("failed", [])


def test_a_look_up_is_run_by_its_task(gateway: Connection, buyers: dict[str, Company]):
    lookup = Lookup.objects.create(
        company=buyers["alfa"], value="999999", written="999999", asked_at=clock.now()
    )

    tasks.run_lookup(lookup_id=lookup.pk)
    tasks.run_lookup(lookup_id=lookup.pk)

    lookup.refresh_from_db()
    assert (lookup.state, lookup.answers) == ("not_found", {"erp": "not-found"})


def test_a_lane_that_runs_is_not_joined_by_another(shop: Connection):
    lane = Lane.objects.get(name="history")
    other = database.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(7001, %s)", [lane.pk])
        tasks.run_lane(connection_id=shop.pk, name="history")
    finally:
        other.close()

    assert not Run.objects.exists()
    lane.refresh_from_db()
    assert lane.failures == 0


def test_a_lane_of_a_connection_that_was_switched_off_is_not_run(
    shop: Connection, vtex_sim: VtexSimulator
):
    Connection.objects.update(is_enabled=False)

    tasks.run_lane(connection_id=shop.pk, name="feed")
    tasks.run_lane(connection_id=0, name="feed")

    assert len(vtex_sim.log) == 0
