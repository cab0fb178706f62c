"""A source can be wrong by chance, alike for the same seed, and count what it did."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import ALFA_CUSTOMER_ID, O1, World, small_world
from tests.erp_bridge.simulators.conftest import STARTED_AT, TODAY, ask
from tests.erp_bridge.simulators.test_vtex import (
    ORDERS,
    change,
    commit,
    configure,
    retrieve,
)

ORDER = f"{ORDERS}/{O1.web_number}"
ALL = {"slow": 0.1, "throttled": 0.1, "error": 0.1, "html": 0.1, "truncated": 0.1, "dead": 0.1}


def storm(simulator: VtexSimulator | ErpSimulator, **settings: Any) -> None:
    got = ask(
        simulator,
        "/_control/faults",
        method="POST",
        send={"route": "*", "mode": "storm", **settings},
    )
    assert got.status == 200


def feed_faults(vtex: VtexSimulator, **settings: Any) -> dict[str, Any]:
    got = ask(vtex, "/_control/feed", method="POST", send=settings)
    assert got.status == 200
    return got.json()


def feed_state(vtex: VtexSimulator) -> dict[str, Any]:
    return ask(vtex, "/_control/feed").json()


def outcomes(vtex: VtexSimulator, times: int) -> list[str]:
    for _ in range(times):
        try:
            ask(vtex, ORDER)
        except (ConnectionError, http.client.HTTPException):
            continue
    return [entry.fault for entry in vtex.requests("order")]


def place(vtex: VtexSimulator, count: int) -> list[str]:
    orders = [{"order_id": f"1190000000{number:03d}-01"} for number in range(count)]
    got = ask(vtex, "/_control/orders", method="POST", send={"orders": orders})
    return [made["order_id"] for made in got.json()["orders"]]


class TestStorm:
    def test_every_mode_strikes_about_as_often_as_told(self, vtex):
        storm(vtex, chances=ALL, seconds=0, seed=1)

        met = Counter(outcomes(vtex, 300))
        assert met.keys() == {"", *ALL}
        assert all(15 <= met[mode] <= 50 for mode in ALL)

    def test_same_seed_gives_the_same_storm(self, vtex):
        storm(vtex, chances=ALL, seconds=0, seed=7)
        first = outcomes(vtex, 40)
        vtex.reset()
        storm(vtex, chances=ALL, seconds=0, seed=7)

        assert outcomes(vtex, 40) == first

    def test_slow_waits_no_longer_than_told(self, vtex):
        storm(vtex, chances={"slow": 1}, seconds=0.05)

        fault = vtex.faults.strike("order")
        assert fault is not None
        assert fault.mode == "slow"
        assert 0 < fault.seconds <= 0.05

    def test_throttled_names_a_wait_of_a_second_or_two(self, vtex):
        storm(vtex, chances={"throttled": 1})

        answers = [ask(vtex, ORDER) for _ in range(20)]
        assert {answer.status for answer in answers} == {429}
        assert {answer.headers["retry-after"] for answer in answers} == {"1", "2"}

    def test_errors_are_500_502_and_503(self, vtex):
        storm(vtex, chances={"error": 1})

        assert {ask(vtex, ORDER).status for _ in range(30)} == {500, 502, 503}

    def test_control_calls_stay_out_of_it(self, vtex):
        storm(vtex, chances={"dead": 1})

        assert ask(vtex, "/_control/log").status == 200

    def test_counts_tell_what_each_route_met(self, vtex):
        storm(vtex, chances={"html": 1}, times=2)
        for _ in range(3):
            ask(vtex, ORDER)
        ask(vtex, ORDERS)

        assert ask(vtex, "/_control/counts").json() == [
            {"route": "list", "fault": "", "requests": 1},
            {"route": "order", "fault": "", "requests": 1},
            {"route": "order", "fault": "html", "requests": 2},
        ]

    @pytest.mark.parametrize(
        "chances", [{"sleepy": 0.1}, {"slow": "often"}, {"slow": -1}, {"slow": 0.6, "dead": 0.6}, 3]
    )
    def test_chances_that_make_no_sense_are_refused(self, vtex, chances):
        send = {"route": "*", "mode": "storm", "chances": chances}

        assert ask(vtex, "/_control/faults", method="POST", send=send).status == 400


class TestFeed:
    def test_item_delivered_twice_comes_in_a_later_lot_again(self, vtex):
        configure(vtex)
        place(vtex, 1)
        feed_faults(vtex, chances={"twice": 1})
        first, again = retrieve(vtex), retrieve(vtex)
        feed_faults(vtex)
        commit(vtex, first + again)

        assert [item["eventId"] for item in first] == [item["eventId"] for item in again]
        # The commit named handles of an item that is visible: it comes once more.
        assert feed_state(vtex)["quantity"] == 1
        commit(vtex, retrieve(vtex))
        assert feed_state(vtex) == {
            "events": 1,
            "lost": 0,
            "delivered": 3,
            "repeated": 2,
            "committed": 1,
            "quantity": 0,
        }

    def test_committed_item_may_come_again(self, vtex):
        configure(vtex)
        place(vtex, 1)
        feed_faults(vtex, chances={"again": 1})
        items = retrieve(vtex)
        commit(vtex, items)
        vtex.expire_visibility()
        feed_faults(vtex)

        assert [item["eventId"] for item in retrieve(vtex)] == [items[0]["eventId"]]

    def test_shuffled_feed_gives_other_than_the_oldest(self, vtex):
        configure(vtex)
        placed = place(vtex, 50)
        feed_faults(vtex, shuffled=True, seed=3)

        lot = [item["orderId"] for item in retrieve(vtex)]
        assert len(lot) == 10
        assert lot != placed[:10]

    def test_short_lot_leaves_the_rest_for_later(self, vtex):
        configure(vtex)
        placed = place(vtex, 12)
        feed_faults(vtex, chances={"short": 1}, seed=1)
        lots = [retrieve(vtex) for _ in range(30)]

        assert all(len(lot) < 10 for lot in lots)
        assert {item["orderId"] for lot in lots for item in lot} == set(placed)

    def test_hidden_seconds_bring_items_back_before_the_configured_time(self, vtex):
        configure(vtex)
        place(vtex, 1)
        feed_faults(vtex, hidden_seconds=0.001)

        assert len(retrieve(vtex)) == 1
        time.sleep(0.01)
        assert len(retrieve(vtex)) == 1

    def test_lost_event_is_counted_and_never_comes(self, vtex):
        configure(vtex)
        feed_faults(vtex, chances={"lost": 1})
        place(vtex, 2)

        assert retrieve(vtex) == []
        assert feed_state(vtex)["lost"] == 2

    def test_quantity_is_below_zero_without_a_feed(self, vtex):
        assert feed_state(vtex)["quantity"] == -1

    def test_reset_ends_the_feeds_faults(self, vtex):
        configure(vtex)
        feed_faults(vtex, chances={"lost": 1})
        ask(vtex, "/_control/reset", method="POST")
        place(vtex, 1)

        assert len(retrieve(vtex)) == 1

    @pytest.mark.parametrize("send", [{"chances": {"thrice": 1}}, {"hidden_seconds": "long"}])
    def test_faults_that_make_no_sense_are_refused(self, vtex, send):
        assert ask(vtex, "/_control/feed", method="POST", send=send).status == 400


class TestChanges:
    def test_many_changes_go_in_one_call_and_each_makes_an_event(self, vtex):
        configure(vtex)
        first, second = place(vtex, 2)
        send = {"orders": [{"order_id": first, "status": "handling"}, {"order_id": second}]}
        got = ask(vtex, "/_control/orders", method="POST", send=send)

        assert [one["status"] for one in got.json()["orders"]] == ["handling", "payment-pending"]
        assert [item["orderId"] for item in retrieve(vtex)] == [first, second, first, second]

    def test_told_moment_of_a_change_is_the_one_the_order_states(self, vtex):
        told = "2026-11-19T12:00:00+00:00"
        send = {"order_id": O1.web_number, "status": "handling", "changed_at": told}
        ask(vtex, "/_control/orders", method="POST", send=send)

        stated = datetime.fromisoformat(ask(vtex, ORDER).json()["lastChange"])
        assert stated == datetime.fromisoformat(told)

    def test_new_order_may_tell_when_it_changed(self, vtex):
        told = {"order_id": "1190000000001-01", "changed_at": "2026-11-19T12:00:00+00:00"}
        ask(vtex, "/_control/orders", method="POST", send=told)

        body = ask(vtex, f"{ORDERS}/1190000000001-01").json()
        assert datetime.fromisoformat(body["lastChange"]) == datetime(2026, 11, 19, 12, tzinfo=UTC)

    def test_edit_changes_items_number_and_total(self, vtex):
        (order_id,) = place(vtex, 1)
        edit = {"order_id": order_id, "customer_number": "OC 9", "items": [{"price": 100}]}
        ask(vtex, "/_control/orders", method="POST", send=edit)

        body = ask(vtex, f"{ORDERS}/{order_id}").json()
        assert [item["price"] for item in body["items"]] == [100]
        assert body["value"] == 100 + 2_500
        assert body["customData"]["customFields"][0]["fields"][0]["value"] == "OC 9"

    def test_items_stay_once_an_erp_took_the_order(self, vtex, erp):
        (order_id,) = place(vtex, 1)
        ask(erp, "/_control/orders", method="POST", send={"web_number": order_id})
        edit = {"order_id": order_id, "items": [{"price": 100}]}

        assert ask(vtex, "/_control/orders", method="POST", send=edit).status == 400

    def test_invoice_has_the_day_it_is_told(self, erp, search):
        day = (TODAY - timedelta(days=1)).isoformat()
        send = {"erp_number": "0009000001", "invoice": 910_001, "invoiced_on": day}
        ask(erp, "/_control/orders", method="POST", send=send)

        order, of_erp = erp.world.erp_order("9000001")
        assert [invoice.issued.isoformat() for invoice in of_erp.invoices] == [day]
        assert search(
            order.company.customer_id,
            porNotaFiscal={"notaFiscal": "910001", "serieNotaFiscal": "1"},
        ) == ["0009000001"]

    def test_moment_that_is_none_is_refused(self, vtex):
        send = {"order_id": O1.web_number, "changed_at": "yesterday"}

        assert ask(vtex, "/_control/orders", method="POST", send=send).status == 400


def test_same_changes_make_two_worlds_answer_alike():
    told = {"order_id": "1190000000001-01", "placed_at": "2026-11-18T10:00:00-03:00"}
    later = {"order_id": "1190000000001-01", "status": "handling", "changed_at": "2026-11-19"}
    bodies = []
    for _ in range(2):
        world: World = small_world(seed_date=TODAY, started_at=STARTED_AT)
        with VtexSimulator(world) as vtex:
            send = {"orders": [told, later]}
            ask(vtex, "/_control/orders", method="POST", send=send)
            bodies.append(ask(vtex, f"{ORDERS}/1190000000001-01").body)

    assert bodies[0] == bodies[1]


def test_erp_may_know_web_orders_by_their_id_only(erp, search):
    erp.by_sequence = False

    found = [
        search(ALFA_CUSTOMER_ID, porCodigo={"codigo": code, "tipo": 0})
        for code in (O1.web_number, O1.sequence)
    ]
    assert found == [[O1.erp_number], []]


def test_change_is_for_orders_of_both_sources(vtex, erp):
    change(vtex, O1.web_number, "handling")
    send = {"orders": [{"erp_number": O1.erp_number, "status": 5}]}

    got = ask(erp, "/_control/orders", method="POST", send=send).json()
    assert got["orders"][0]["status"] == 5
