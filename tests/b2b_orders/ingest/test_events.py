"""The same events again, late, out of order and in heaps: nothing lost, nothing doubled."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from b2b_orders.companies.models import Company
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, InboxItem, Parked
from b2b_orders.ingest.passes import Pass
from b2b_orders.orders.models import SourceRecord
from erp_bridge.connector import Call
from erp_bridge.simulators import vtex
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O3, World
from erp_bridge.vtex.client import VtexClient
from tests.b2b_orders.ingest.conftest import run_lanes, run_sync

pytestmark = pytest.mark.django_db
Rows = Callable[[], dict[str, list[str]]]
STATUSES = ("ready-for-handling", "start-handling", "handling", "invoice", "invoiced")


def drain(shop: Connection) -> Pass:
    return run_lanes(shop, LaneName.FEED, LaneName.INBOX)


def test_a02_a_replay_of_a_thousand_events_changes_nothing(
    loja: Connection,
    companies: dict[str, Company],
    vtex_sim: VtexSimulator,
    world: World,
    known_rows: Rows,
):
    run_sync(loja)
    orders = world.web_between(None, None)
    chosen = random.Random(1)
    events = [(chosen.choice(orders), chosen.choice(STATUSES)) for _ in range(1000)]
    for order, status in events:
        assert order.web
        vtex_sim.control_orders({"order_id": order.web.order_id, "status": status})
    first = drain(loja)
    rows = known_rows()
    assert first.tally.changed == len({order.web.order_id for order, _ in events if order.web})

    for order, _ in events:
        vtex_sim.emit(order)
    again = drain(loja)

    assert vtex_sim.feed is not None
    assert len(vtex_sim.feed.messages) == 0
    assert (again.tally.new, again.tally.changed, again.tally.failed) == (0, 0, 0)
    assert again.tally.read == first.tally.read
    assert known_rows() == rows
    assert not InboxItem.objects.exists()


def test_a03_an_older_answer_that_comes_late_does_not_undo_a_newer_one(
    loja: Connection, vtex_sim: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    run_sync(loja)
    older: list[Any] = []
    original = VtexClient.order
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})

    def keeps(self: VtexClient, order_id: str, call: Call) -> Any:
        older.append(original(self, order_id, call))
        return older[-1]

    with monkeypatch.context() as patch:
        patch.setattr(VtexClient, "order", keeps)
        drain(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "invoiced"})
    drain(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "invoiced"})

    monkeypatch.setattr(VtexClient, "order", lambda self, order_id, call: older[0])
    run = drain(loja)

    assert (run.tally.read, run.tally.unchanged) == (1, 1)
    record = SourceRecord.objects.get(external_id=O3.web_number)
    assert record.facts["status_raw"] == "invoiced"


# --- bad input -----------------------------------------------------------------------------


def answer_with(
    monkeypatch: pytest.MonkeyPatch, order_id: str, change: Callable[[dict[str, Any]], object]
) -> None:
    """Let the account answer for one order with a body that somebody broke."""
    original = vtex.order_body

    def broken(order: Any, web: Any) -> Any:
        body = original(order, web)
        if web.order_id == order_id:
            changed = change(body)
            return body if changed is None else changed
        return body

    monkeypatch.setattr(vtex, "order_body", broken)


@pytest.fixture
def told(loja: Connection, companies: dict[str, Company], vtex_sim: VtexSimulator) -> Connection:
    """A read account whose O3 has an event."""
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    return loja


def facts() -> dict[str, Any]:
    return SourceRecord.objects.get(external_id=O3.web_number).facts


def test_an_order_without_items_is_stored_without_items(told: Connection, monkeypatch):
    answer_with(monkeypatch, O3.web_number, lambda body: body.pop("items") and None)

    run = drain(told)

    assert (run.tally.changed, run.tally.failed) == (1, 0)
    assert facts()["status_raw"] == "handling"
    assert "lines" not in facts()


def test_amounts_as_text_are_read(told: Connection, monkeypatch):
    total = facts()["total"]

    def as_text(body: dict[str, Any]) -> None:
        body["value"] = str(body["value"])
        for item in body["items"]:
            item["price"] = item["sellingPrice"] = str(item["price"])

    answer_with(monkeypatch, O3.web_number, as_text)

    drain(told)

    assert facts()["total"] == total


def test_an_unknown_status_is_kept_as_itself(told: Connection, monkeypatch):
    answer_with(monkeypatch, O3.web_number, lambda body: body.update(status="teleporting"))

    run = drain(told)

    assert run.tally.failed == 0
    assert facts()["status_raw"] == "teleporting"
    record = SourceRecord.objects.get(external_id=O3.web_number)
    assert record.order
    assert (record.order.fulfilment, record.order.status_raw) == ("unmapped", "teleporting")


def test_a_huge_order_is_stored(told: Connection, monkeypatch):
    note = "ção " * 2_600_000  # ten megabytes and more

    def grow(body: dict[str, Any]) -> None:
        body["openTextField"] = {"value": note}

    answer_with(monkeypatch, O3.web_number, grow)

    run = drain(told)

    assert (run.tally.changed, run.tally.failed) == (1, 0)
    assert len(facts()["note"]) <= 2000


@pytest.mark.parametrize("body", [[], "order", 17, {"orderId": "another-01"}, {}])
def test_an_answer_that_is_no_such_order_is_parked_and_blocks_nothing(
    body: Any, told: Connection, vtex_sim: VtexSimulator, world: World, monkeypatch
):
    other = next(
        order.web.order_id
        for order in world.web_between(None, None)
        if order.web and order.web.order_id != O3.web_number
    )
    vtex_sim.control_orders({"order_id": other, "status": "handling"})
    answer_with(monkeypatch, O3.web_number, lambda _: body)

    run = drain(told)

    assert (run.tally.changed, run.tally.failed) == (1, 1)
    assert Parked.objects.get().external_id == O3.web_number
    assert Parked.objects.get().reason == "contract-violation"
    kept = bytes(Parked.objects.get().payload)
    assert (json.loads(zlib.decompress(kept)) if kept else None) == (
        body if isinstance(body, dict) else None
    )
    assert InboxItem.objects.get().external_id == O3.web_number
    record = SourceRecord.objects.get(external_id=other)
    assert record.facts["status_raw"] == "handling"
