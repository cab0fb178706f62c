"""A script is the same for the same seed, and ends where it says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from erp_bridge.simulators.control import erp_order, web_order
from erp_bridge.simulators.world import World, demo_world
from tests.faults.script import Script, write_script

STARTED_AT = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
PLAY = {"vtex": web_order, "erp": erp_order}


def write(seed: int = 1, events: int = 600, orders: int = 100) -> Script:
    return write_script(seed=seed, events=events, orders=orders, started_at=STARTED_AT)


def test_script_has_as_many_events_and_orders_as_asked_for():
    script = write()

    assert (script.events, len(script.web)) == (600, 100)
    assert len(script.links) > 5
    assert len(script.erp) == len(script.links) + 5


def test_same_seed_gives_the_same_script_and_another_seed_another():
    assert write() == write()
    assert write() != write(seed=2)


@pytest.fixture(scope="module")
def played() -> tuple[Script, World]:
    script = write()
    world = demo_world(seed_date=STARTED_AT.date(), started_at=STARTED_AT, orders=10)
    for act in script.acts:
        for change in act:
            PLAY[change.source](world, change.told)
    return script, world


def test_sources_stand_at_the_end_where_the_script_says(played):
    script, world = played
    web = {key: world.web_orders[key].web.changed_at for key in script.web}
    erp = {key: world.erp_order(key)[1].status for key in script.erp}
    links = {key: world.web_orders[key].erp[0].number for key in script.links}

    assert (web, erp, links) == (script.web, script.erp, script.links)


def test_script_has_every_kind_of_end(played):
    script, world = played
    orders = [world.web_orders[key] for key in script.web]

    assert {order.web.status for order in orders} >= {"canceled", "handling", "invoiced"}
    assert any(order.erp and order.erp[0].invoices for order in orders)
    assert set(script.erp.values()) == {-1, 1, 2, 3, 4, 5}
    # One side cancelled and the other did not.
    assert any(
        order.erp and (order.web.status == "canceled") != (order.erp[0].status == -1)
        for order in orders
    )


def test_web_order_enters_the_erp_in_the_first_act_and_is_invoiced_in_the_second():
    first, second = write().acts

    assert any("web_number" in change.told for change in first)
    assert not any("web_number" in change.told for change in second)
    assert not any("invoice" in change.told for change in first)


def test_changes_of_an_order_are_later_and_later(played):
    script, _ = played
    last: dict[str, str] = {}
    for act in script.acts:
        for change in act:
            if change.source == "vtex":
                at = change.told["changed_at"]
                assert at > last.get(change.told["order_id"], "")
                last[change.told["order_id"]] = at


def test_too_few_events_for_the_orders_are_refused():
    with pytest.raises(ValueError, match="two events"):
        write(events=199)
