from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from b2b_orders.common import clock
from b2b_orders.companies.models import Company
from b2b_orders.ingest import queries, sync, tasks
from b2b_orders.ingest.models import Connection, Lookup, Run, Stream
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
    names = {entry["task"] for entry in base.CELERY_BEAT_SCHEDULE.values()}

    assert names | {"ingest.run_lookup", "ingest.run_errand"} == {
        task.name
        for task in (
            tasks.poll_feeds,
            tasks.poll_erps,
            tasks.sweep_lookups,
            tasks.check_sources,
            tasks.run_lookup,
            tasks.run_errand,
            tasks.sweep_errands,
        )
    }


def test_feeds_are_drained_and_the_history_is_read_without_a_command(
    shop: Connection, buyers: dict[str, Company], vtex_sim: VtexSimulator, world: World
):
    tasks.poll_feeds()
    assert SourceRecord.objects.count() == len(world.web_between(None, None))
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.reset()

    tasks.poll_feeds()

    assert SourceRecord.objects.get(external_id=O3.web_number).facts["status_raw"] == "handling"
    assert vtex_sim.requests("list") == []
    assert state_of("loja") == "ok"


def test_the_lists_are_read_again_after_a_day(shop: Connection, vtex_sim: VtexSimulator):
    tasks.poll_feeds()
    Stream.objects.update(updated_at=clock.now() - timedelta(days=2))
    vtex_sim.reset()

    tasks.poll_feeds()

    assert len(vtex_sim.requests("list")) == 1


def test_a_feed_without_changes_leaves_no_run(shop: Connection):
    tasks.poll_feeds()
    Run.objects.all().delete()

    tasks.poll_feeds()

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
        tasks.poll_erps()
        if SourceRecord.objects.filter(detail="full").count() == whole:
            break

    assert SourceRecord.objects.filter(detail="full").count() == whole


def test_old_runs_and_look_ups_are_forgotten(gateway: Connection, buyers: dict[str, Company]):
    ago = clock.now() - timedelta(days=31)
    run = Run.objects.create(connection=gateway, kind="poll", started_at=ago)
    Lookup.objects.create(company=buyers["alfa"], value="1", asked_at=ago)

    tasks.poll_erps()

    assert not Run.objects.filter(pk=run.pk).exists()
    assert not Lookup.objects.exists()


def test_a_source_that_fails_is_shown_as_down_and_left_alone(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(gateway)
    as_of = queries.list_source_states()[0].as_of
    erp_sim.fault("*", "dead")
    tasks.poll_erps()
    asked = len(erp_sim.log)

    tasks.poll_erps()

    assert len(erp_sim.log) == asked
    state = queries.list_source_states()[0]
    assert (state.state, state.as_of) == ("down", as_of)
    assert state.down_since is not None
    assert Run.objects.latest("id").error


def test_a_source_that_works_again_is_noticed(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    erp_sim.fault("*", "dead")
    tasks.poll_erps()
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
        tasks.poll_erps()
    assert (state_of("erp"), len(erp_sim.log)) == ("down", asked)

    save_connection(
        kind="b2b_orders_v1", name="erp", settings=gateway.settings, secret=TOKEN, now=clock.now()
    )
    tasks.poll_erps()

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

    tasks.poll_erps()
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


def test_a_pass_that_runs_is_not_joined_by_another(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
):
    def busy(run: Pass, *, share: int) -> None:
        raise tasks.Conflict("another pass over loja is running")

    monkeypatch.setattr(sync, "poll_feed", busy)

    tasks.poll_feeds()

    assert not Run.objects.exists()
