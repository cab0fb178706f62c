"""A rehearsed outage looks like a real one, everywhere, and ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.common import clock
from b2b_orders.common.errors import InvalidInput
from b2b_orders.common.tenancy import STAFF, WEB, scope
from b2b_orders.companies.access import StaffViewer, Viewer
from b2b_orders.companies.models import Company, StaffRole
from b2b_orders.documents.models import Document
from b2b_orders.ingest import lookups, operations, queries, tasks
from b2b_orders.ingest.documents_source import ConnectionDocuments
from b2b_orders.ingest.live import run_lookup
from b2b_orders.ingest.lookups import request_lookup
from b2b_orders.ingest.models import CallCount, Connection, Lookup
from b2b_orders.ingest.outages import begin_outage, end_outage
from b2b_orders.ingest.queries import SourceState
from b2b_orders.ingest.sources import probe, serves_strangers
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import Unreachable
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O1, World
from tests.b2b_orders.ingest.conftest import (
    connect_erp,
    connect_vtex,
    make_companies,
    run_due,
    run_sync,
)
from tests.conftest import Cast
from tests.factories import NOW, make_person

MINUTE = timedelta(minutes=1)


@pytest.fixture
def gateway(transactional_db: None, erp_sim: ErpSimulator) -> Connection:
    return connect_erp(erp_sim.url)


@pytest.fixture
def buyers(transactional_db: None, world: World) -> dict[str, Company]:
    return make_companies(world)


def call() -> Call:
    return Call.within(10, Purpose.INTERACTIVE)


@contextmanager
def rehearsal(name: str = "erp") -> Iterator[None]:
    """Rehearse an outage that ends by time."""
    begin_outage(connection=name, minutes=15, now=clock.now())
    yield
    Connection.objects.update(outage_until=clock.now())


def outage(row: Connection) -> tuple[object, object]:
    row.refresh_from_db()
    return row.outage_since, row.outage_until


# --- the switch --------------------------------------------------------------------------


def test_it_lasts_as_long_as_asked_and_can_be_made_longer_or_shorter(erp: Connection):
    assert begin_outage(connection="erp", minutes=15, now=NOW) == NOW + 15 * MINUTE
    assert outage(erp) == (NOW, NOW + 15 * MINUTE)

    begin_outage(connection="erp", minutes=5, now=NOW + MINUTE)
    assert outage(erp) == (NOW, NOW + 6 * MINUTE)

    begin_outage(connection="erp", minutes=1440, now=NOW + 7 * MINUTE)
    assert outage(erp) == (NOW + 7 * MINUTE, NOW + 1447 * MINUTE)


def test_it_can_be_ended_early(erp: Connection):
    begin_outage(connection="erp", minutes=15, now=NOW)

    assert end_outage(connection="erp", now=NOW + MINUTE)

    assert outage(erp) == (None, None)
    assert not end_outage(connection="erp", now=NOW + MINUTE)


@pytest.mark.parametrize(
    ("name", "minutes", "field"),
    [("erp", 0, "minutes"), ("erp", 1441, "minutes"), ("erp", -1, "minutes"), ("sap", 5, "name")],
)
def test_what_cannot_be_rehearsed_is_refused(name: str, minutes: int, field: str, erp: Connection):
    with pytest.raises(InvalidInput) as caught:
        begin_outage(connection=name, minutes=minutes, now=NOW)

    assert caught.value.field == field
    assert outage(erp) == (None, None)


def test_a_name_that_nobody_knows_cannot_be_switched_on_again(erp: Connection):
    with pytest.raises(InvalidInput):
        end_outage(connection="sap", now=NOW)


def test_the_command_switches_it_on_and_off(erp: Connection):
    said = StringIO()

    call_command("outage", "erp", "on", minutes=3, stdout=said)
    since, until = outage(erp)
    assert until - since == 3 * MINUTE
    call_command("outage", "erp", "off", stdout=said)
    call_command("outage", "erp", "off", stdout=said)

    assert outage(erp) == (None, None)
    lines = said.getvalue().splitlines()
    assert lines[0].startswith("erp: counts as down until ")
    assert lines[1:] == ["erp: is asked again", "erp: no outage was rehearsed"]


@pytest.mark.parametrize(("name", "minutes"), [("sap", 15), ("erp", 0)])
def test_the_command_says_what_is_wrong(name: str, minutes: int, erp: Connection):
    with pytest.raises(CommandError):
        call_command("outage", name, "on", minutes=minutes)


# --- what is shown -----------------------------------------------------------------------


@pytest.mark.parametrize("role", [WEB, STAFF])
def test_pages_show_it_as_down_since_then_and_as_well_right_after(role: str, erp: Connection):
    now = clock.now()
    Connection.objects.update(last_success_at=NOW)
    begin_outage(connection="erp", minutes=15, now=now)

    with scope(role=role):
        assert queries.list_source_states() == (SourceState("erp", "ERP", "erp", "down", NOW, now),)
    Connection.objects.update(outage_until=now)
    with scope(role=role):
        assert queries.list_source_states() == (SourceState("erp", "ERP", "erp", "ok", NOW, None),)


def test_a_source_that_was_down_already_is_down_since_then(erp: Connection):
    Connection.objects.update(down_since=NOW)
    begin_outage(connection="erp", minutes=15, now=clock.now())

    assert queries.list_source_states()[0].down_since == NOW


def test_operations_see_why_and_until_when(erp: Connection, cast: Cast):
    now = clock.now()
    until = begin_outage(connection="erp", minutes=15, now=now)
    viewer = StaffViewer(person_id=cast.olga.pk, role=StaffRole.OPERATIONS)

    row = operations.get_figures(viewer=viewer, name="erp", now=now)

    assert (row.state, row.outage_since, row.outage_until) == ("outage", now, until)
    assert (row.next_try_at, row.down_since) == (until, None)


# --- what is asked -----------------------------------------------------------------------


def test_nothing_asks_the_source_and_nothing_is_noted(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    with rehearsal():
        health = probe(gateway, call())
        with pytest.raises(Unreachable):
            serves_strangers(gateway, clock.now().date(), call())
        with pytest.raises(Unreachable):
            run_sync(gateway)
        run_due()
        tasks.check_sources()
        assert len(erp_sim.log) == 0
        assert not health.ok
        assert health.problem.startswith("its outage is rehearsed until ")

    row = Connection.objects.get()
    assert (row.failures, row.down_since, row.retry_at, row.last_error) == (0, None, None, "")
    assert not CallCount.objects.exists()
    assert probe(gateway, call()).ok
    assert run_sync(gateway).tally.read > 0


def test_a_vtex_account_is_not_asked_either(
    transactional_db: None, buyers: dict[str, Company], vtex_sim: VtexSimulator
):
    shop = connect_vtex(vtex_sim.url)
    with rehearsal("loja"):
        assert not probe(shop, call()).ok
        with pytest.raises(Unreachable):
            run_sync(shop)
        run_due()
        assert len(vtex_sim.log) == 0

    run_due()
    assert vtex_sim.requests("list") != []


def test_a_look_up_ends_as_with_a_dead_source(
    gateway: Connection,
    buyers: dict[str, Company],
    erp_sim: ErpSimulator,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(lookups, "_wake_worker_aside", lambda lookup_id: None)
    ana = make_person("Ana").pk
    viewer = Viewer(person_id=ana, company_id=buyers["alfa"].pk, rights=frozenset())

    def look_up(text: str) -> tuple[str, dict[str, str]]:
        view = request_lookup(viewer=viewer, text=text, now=clock.now())
        run_lookup(lookup_id=Lookup.objects.get(public_id=view.public_id).pk, clock=clock.now)
        row = Lookup.objects.get(public_id=view.public_id)
        return row.state, row.answers

    with rehearsal():
        rehearsed = look_up("7700001")
        assert len(erp_sim.log) == 0
    erp_sim.fault("*", "dead")

    assert rehearsed == look_up("7700002") == ("failed", {"erp": "unreachable"})


def test_a_file_is_not_to_be_had_as_from_a_dead_source(
    gateway: Connection, buyers: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(gateway)
    listed = Document.objects.filter(record__external_id=O1.erp_number, kind="nfe_xml")
    key, alfa = listed.earliest("position").key, buyers["alfa"].pk

    def read() -> bytes:
        with (
            scope(role=WEB, company_id=alfa),
            ConnectionDocuments().open("erp", alfa, O1.erp_number, key, call()) as stream,
        ):
            return b"".join(stream.chunks)

    asked = len(erp_sim.log)
    with rehearsal():
        with pytest.raises(Unreachable):
            read()
        assert len(erp_sim.log) == asked
    assert b"<NFe" in read()
    erp_sim.fault("*", "dead")
    with pytest.raises(Unreachable):
        read()
