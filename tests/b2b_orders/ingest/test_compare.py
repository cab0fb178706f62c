"""The nightly comparison of the lists with our rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from b2b_orders.common import clock
from b2b_orders.companies.models import Company
from b2b_orders.ingest import sync, vtex_pass
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, InboxItem, Origin, Stream, Subscription
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.vtex_pass import differs
from b2b_orders.orders.models import SourceRecord
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O1, O3, World
from erp_bridge.vtex.client import ListRow
from tests.b2b_orders.ingest.conftest import run_lanes, run_sync
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Rows = Callable[[], dict[str, list[str]]]
NIGHT = datetime(2030, 1, 2, 2, 30)  # noqa: DTZ001 made aware where it is used


@pytest.fixture
def shop(loja: Connection, companies: dict[str, Company], vtex_sim: VtexSimulator) -> Connection:
    """An account that is read to its end, and whose feed tells nothing from now on."""
    Connection.objects.update(settings=loja.settings | {"reading": {"reconcile_days": 730}})
    run_sync(loja)
    vtex_sim.feed = None
    SourceRecord.objects.update(read_at=clock.now() - timedelta(hours=1))
    return Connection.objects.get()


def compare(shop: Connection) -> Pass:
    """Compare as a worker does at night."""
    Stream.objects.update(high_water=clock.now() - timedelta(days=2))
    return run_lanes(shop, LaneName.HISTORY)


def test_nothing_differs_and_nothing_is_read(shop: Connection, world: World, vtex_sim):
    vtex_sim.reset()

    run = compare(shop)

    count = len(world.web_between(None, None))
    assert run.tally.as_dict() == {
        "read": count,
        "new": 0,
        "changed": 0,
        "unchanged": count,
        "failed": 0,
    }
    assert vtex_sim.requests("order") == []
    assert not InboxItem.objects.exists()


def test_what_the_feed_lost_is_found_and_read(shop: Connection, vtex_sim, known_rows: Rows):
    whole = known_rows()
    SourceRecord.objects.filter(external_id=O1.web_number).update(order=None)
    SourceRecord.objects.filter(external_id=O1.web_number).delete()
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})

    run = compare(shop)

    assert (run.tally.new, run.tally.changed) == (1, 1)
    assert set(InboxItem.objects.values_list("external_id", "origin")) == {
        (O1.web_number, Origin.LIST),
        (O3.web_number, Origin.LIST),
    }
    run_lanes(shop, LaneName.INBOX)
    assert SourceRecord.objects.get(external_id=O3.web_number).facts["status_raw"] == "handling"
    assert len(known_rows()["orders_sourcerecord"]) == len(whole["orders_sourcerecord"])


def test_a_comparison_that_was_stopped_goes_on(shop: Connection, world: World, monkeypatch):
    monkeypatch.setattr(vtex_pass, "MOST_LISTED", 5)
    Stream.objects.update(high_water=clock.now() - timedelta(days=2))
    stops = 0
    read = 0
    while True:
        run = Pass(Connection.objects.get(), "history", seconds=0)
        is_finished = sync.work(run, LaneName.HISTORY)
        read += run.tally.read
        if is_finished:
            break
        stops += 1
        stream = Stream.objects.get(kind="compare")
        assert stream.total == len(world.web_between(None, None))
        assert 0 < stream.done == read

    assert stops > 1
    assert read >= len(world.web_between(None, None))
    assert Stream.objects.get(kind="compare").high_water > clock.now() - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("hours_ago", "hour", "is_due"),
    [(11, 2, False), (13, 2, True), (13, 12, False), (35, 12, False), (37, 12, True)],
)
def test_lists_are_compared_at_night_or_when_that_is_long_ago(
    shop: Connection, hours_ago: int, hour: int, is_due: bool
):
    now = timezone.make_aware(NIGHT.replace(hour=hour))
    Stream.objects.update(high_water=now - timedelta(hours=hours_ago))

    with time_machine.travel(now):
        assert sync.is_compare_due(Pass(shop, "history")) is is_due


def test_lists_are_compared_at_once_when_the_feed_had_vanished(shop: Connection, vtex_sim):
    a_minute_ago = clock.now() - timedelta(minutes=1)
    Stream.objects.update(high_water=a_minute_ago)
    Subscription.objects.update(configured_at=a_minute_ago)
    assert not sync.is_compare_due(Pass(shop, "history"))

    run_lanes(shop, LaneName.FEED)

    assert vtex_sim.feed is not None
    assert sync.is_compare_due(Pass(shop, "history"))
    run_lanes(shop, LaneName.HISTORY)
    assert not sync.is_compare_due(Pass(shop, "history"))


LIST = ListRow("1-01", "handling", Decimal("10.00"))
LONG_AGO, JUST_NOW = NOW - timedelta(hours=1), NOW


@pytest.mark.parametrize(
    ("status", "total", "read_at", "expected"),
    [
        ("handling", "10", LONG_AGO, False),
        ("Handling ", "10.00", LONG_AGO, False),
        ("invoiced", "10", LONG_AGO, True),
        ("handling", "10.01", LONG_AGO, True),
        ("handling", None, LONG_AGO, False),
        (None, "10", LONG_AGO, True),
        # A list runs minutes behind what we read.
        ("invoiced", "12", JUST_NOW, False),
    ],
)
def test_a_list_row_differs_by_status_or_total(status, total, read_at, expected):
    found = differs(LIST, status, total, read_at, recent=NOW - timedelta(minutes=15))

    assert found is expected
