"""What protects a connection's source: its pace, its rests, and what is counted of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.db import OperationalError

from b2b_orders.common import clock
from b2b_orders.ingest import sources, tasks
from b2b_orders.ingest.breaker import DbBreakerStore
from b2b_orders.ingest.models import CallCount, Connection, Pace
from b2b_orders.ingest.sources import (
    VTEX_PER_SECOND,
    connector_for,
    guard_for,
    policy_for,
    probe,
    serves_strangers,
    vtex_for,
)
from erp_bridge.connector import Call, CompanyRef, Purpose
from erp_bridge.errors import BridgeError, NotFound, Throttled
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O3
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex, run_due

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(transactional_db: None, vtex_sim: VtexSimulator) -> Connection:
    return connect_vtex(vtex_sim.url)


@pytest.fixture
def gateway(transactional_db: None, erp_sim: ErpSimulator) -> Connection:
    return connect_erp(erp_sim.url)


def ask(connection: Connection, purpose: Purpose = Purpose.SYNC, within: float = 5.0) -> None:
    """Ask for an order as one process would, from the beginning."""
    connection.refresh_from_db()
    with vtex_for(connection) as client:
        client.order(O3.web_number, Call.within(within, purpose))


# --- the pace ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "per_second", "share"),
    [
        ("vtex", {}, 10.0, 0.5),
        ("vtex", {"requests_per_second": 40, "backfill_percent": 20}, 40.0, 0.2),
        ("erp", {}, None, 0.5),
        ("erp", {"requests_per_second": 3, "backfill_percent": 100}, 3.0, 1.0),
    ],
)
def test_each_connection_has_the_pace_of_its_options_or_of_its_kind(
    kind: str,
    settings: dict[str, int],
    per_second: float | None,
    share: float,
    db: None,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sources, "VTEX_PER_SECOND", VTEX_PER_SECOND)
    connect = connect_vtex if kind == "vtex" else connect_erp

    policy = policy_for(connect("http://127.0.0.1:9", **settings))

    assert policy == replace(sources.GUARD, per_second=per_second, backfill_share=share)


@pytest.fixture
def used_up(shop: Connection) -> Pace:
    """Give all turns of the next hour away."""
    in_an_hour = clock.now() + HOUR
    return Pace.objects.create(connection="loja", all_at=in_an_hour, backfill_at=in_an_hour)


@pytest.mark.parametrize("purpose", [Purpose.SYNC, Purpose.BACKFILL])
def test_a_pass_does_not_begin_what_our_own_pace_leaves_no_time_for(
    purpose: Purpose, shop: Connection, used_up: Pace, vtex_sim: VtexSimulator
):
    with pytest.raises(Throttled) as caught:
        ask(shop, purpose)

    assert 3500 < (caught.value.retry_after or 0) < 3600
    assert len(vtex_sim.log) == 0
    shop.refresh_from_db()
    assert (shop.failures, shop.down_since, shop.retry_at, shop.last_error_code) == (
        0,
        None,
        None,
        "",
    )


def test_a_person_goes_first_and_counts(shop: Connection, used_up: Pace, vtex_sim: VtexSimulator):
    Connection.objects.update(settings=shop.settings | {"reading": {"requests_per_second": 1}})

    ask(shop, Purpose.INTERACTIVE)

    assert len(vtex_sim.requests("order")) == 1
    assert Pace.objects.get().all_at == used_up.all_at + timedelta(seconds=1)


# --- rests -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"retry_after": "120"}, 120),
        ({}, 60),
        ({"retry_after": "soon"}, 60),
        ({"status": 503, "retry_after": "90"}, 90),
        ({"retry_after": "date"}, 300),
        ({"retry_after": "999999"}, 3600),
    ],
    ids=["seconds", "no hint", "nonsense", "503", "date", "capped"],
)
def test_an_account_that_asks_us_to_wait_is_left_alone_by_all_until_then(
    fault: dict[str, Any], seconds: float, shop: Connection, vtex_sim: VtexSimulator
):
    if fault.get("retry_after") == "date":
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        fault = {"retry_after": format_datetime(at, usegmt=True)}
    began = clock.now()
    vtex_sim.fault("order", "throttled", times=1, **fault)
    with pytest.raises(Throttled):
        ask(shop)

    for purpose in Purpose:
        with pytest.raises(Throttled) as caught:
            ask(shop, purpose, within=20.0)
        assert caught.value.retry_after == pytest.approx(seconds, abs=15)
    assert not probe(shop, Call.within(5)).ok
    tasks.check_sources()
    run_due()

    assert len(vtex_sim.log) == 1
    shop.refresh_from_db()
    assert shop.retry_at is not None
    assert (shop.retry_at - began).total_seconds() == pytest.approx(seconds, abs=15)
    assert (shop.failures, shop.down_since) == (0, None)


def test_a_rest_that_is_over_is_over_for_all(shop: Connection, vtex_sim: VtexSimulator):
    vtex_sim.fault("order", "throttled", times=1, retry_after="120")
    with pytest.raises(Throttled):
        ask(shop)
    Connection.objects.update(retry_at=clock.now())

    ask(shop, Purpose.INTERACTIVE)

    shop.refresh_from_db()
    assert (shop.retry_at, shop.last_error_code) == (None, "")


def test_an_account_that_throttles_its_probe_is_not_down(shop: Connection, vtex_sim: VtexSimulator):
    began = clock.now()
    vtex_sim.fault("list", "throttled", times=1, retry_after="120")

    assert not probe(shop, Call.within(5)).ok

    shop.refresh_from_db()
    assert shop.retry_at is not None
    assert (shop.retry_at - began).total_seconds() == pytest.approx(120, abs=15)
    assert (shop.failures, shop.down_since, shop.last_error_code) == (0, None, "throttled")


def test_strangers_are_not_asked_for_while_an_erp_rests(gateway: Connection, erp_sim: ErpSimulator):
    Connection.objects.update(retry_at=clock.now() + HOUR, last_error_code="throttled")

    with pytest.raises(Throttled):
        serves_strangers(gateway, clock.now().date(), Call.within(5))

    assert len(erp_sim.log) == 0


# --- counts ------------------------------------------------------------------------------


def counted() -> tuple[int, int, int]:
    rows = CallCount.objects.values_list("calls", "failures", "throttled")
    calls, failures, throttled = (sum(column) for column in zip(*rows, strict=True))
    return calls, failures, throttled


def test_calls_are_counted_when_the_client_is_closed(shop: Connection, vtex_sim: VtexSimulator):
    with suppress(BridgeError), vtex_for(shop) as client:
        for _ in range(3):
            client.order(O3.web_number, Call.within(5))
        assert not CallCount.objects.exists()
        vtex_sim.fault("order", "error", times=1)
        client.order(O3.web_number, Call.within(5))
        vtex_sim.fault("order", "throttled", times=1, retry_after="120")
        client.order(O3.web_number, Call.within(5))

    # The failed one was tried again.
    assert counted() == (6, 1, 1)
    assert CallCount.objects.earliest("minute").seconds > 0


def test_a_connector_counts_what_it_was_asked(gateway: Connection):
    company = CompanyRef(key="alfa", customer_ids=("1001",))
    with pytest.raises(NotFound), connector_for(gateway) as connector:
        connector.order(company, "9", Call.within(5))

    assert counted() == (1, 0, 0)


def test_probes_and_questions_for_strangers_are_counted_too(
    gateway: Connection, erp_sim: ErpSimulator
):
    probe(gateway, Call.within(5))
    serves_strangers(gateway, clock.now().date(), Call.within(5))
    erp_sim.fault("*", "dead")
    probe(gateway, Call.within(5))

    assert counted() == (3, 1, 0)


def test_calls_that_cannot_be_counted_are_said_to_be_and_fail_nothing(
    shop: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    class Store(DbBreakerStore):
        def add_counts(self, source: str, counts: Any) -> None:
            raise OperationalError("the connection is lost")

    monkeypatch.setattr(sources, "DbBreakerStore", Store)

    ask(shop)

    assert "calls could not be counted" in caplog.text


def test_the_web_process_writes_neither_turns_nor_counts(
    gateway: Connection, erp_sim: ErpSimulator
):
    Connection.objects.update(settings=gateway.settings | {"reading": {"requests_per_second": 1}})
    gateway.refresh_from_db()

    with guard_for(gateway, read_only=True) as guard:
        guard.run("order", Call.within(5, Purpose.INTERACTIVE), lambda: None)

    assert not Pace.objects.exists()
    assert not CallCount.objects.exists()
