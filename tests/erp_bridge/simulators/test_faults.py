"""Sources can be made slow, wrong or dead while they run, route by route."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from erp_bridge.simulators.control import State
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import ALFA_CUSTOMER_ID, O1, World, small_world
from tests.erp_bridge.simulators.conftest import STARTED_AT, TODAY, ask

ORDER = f"/api/oms/pvt/orders/{O1.web_number}"
O1_OF_ALFA = {"pedidoErpId": O1.erp_number, "revendaId": ALFA_CUSTOMER_ID}


def set_fault(simulator, **fault):
    return ask(simulator, "/_control/faults", method="POST", send=fault)


class TestModes:
    def test_slow_answers_late_and_rightly(self, vtex):
        set_fault(vtex, route="order", mode="slow", seconds=0.3)

        started = time.monotonic()
        got = ask(vtex, ORDER)
        assert time.monotonic() - started >= 0.3
        assert got.json()["orderId"] == O1.web_number

    def test_dead_breaks_the_connection(self, vtex):
        set_fault(vtex, route="order", mode="dead")

        with pytest.raises((ConnectionError, http.client.HTTPException)):
            ask(vtex, ORDER)

    def test_error_has_the_status_asked_for(self, vtex):
        set_fault(vtex, route="order", mode="error", status=503)

        assert ask(vtex, ORDER).status == 503

    def test_error_is_500_unless_told(self, erp):
        set_fault(erp, route="detail", mode="error")

        assert ask(erp, "/api/v1/pedido/", O1_OF_ALFA).status == 500

    def test_html_comes_with_status_200(self, erp):
        set_fault(erp, route="detail", mode="html")

        got = ask(erp, "/api/v1/pedido/", O1_OF_ALFA)
        assert got.status == 200
        assert got.headers["content-type"] == "text/html; charset=utf-8"

    def test_truncated_announces_more_than_it_sends(self, vtex):
        set_fault(vtex, route="order", mode="truncated")

        with pytest.raises(http.client.IncompleteRead):
            ask(vtex, ORDER)

    def test_drip_sends_a_byte_at_a_time(self, vtex):
        set_fault(vtex, route="order", mode="drip", seconds=0.2)

        parts = urlsplit(vtex.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", ORDER, headers=vtex.headers)
        answer = connection.getresponse()
        started = time.monotonic()
        assert answer.read(3) == b'{"m'
        assert time.monotonic() - started >= 0.3
        connection.close()

    def test_throttled_names_the_wait(self, vtex):
        set_fault(vtex, route="list", mode="throttled", retry_after=7)

        got = ask(vtex, "/api/oms/pvt/orders")
        assert (got.status, got.headers["retry-after"]) == (429, "7")

    def test_throttled_may_give_no_hint(self, vtex):
        set_fault(vtex, route="list", mode="throttled")

        got = ask(vtex, "/api/oms/pvt/orders")
        assert (got.status, "retry-after" in got.headers) == (429, False)

    def test_bad_token_is_401_whatever_is_sent(self, vtex, erp):
        set_fault(vtex, route="order", mode="bad_token")
        set_fault(erp, route="detail", mode="bad_token")

        assert ask(vtex, ORDER).status == 401
        assert ask(erp, "/api/v1/pedido/", O1_OF_ALFA).status == 401

    def test_wrong_company_details_are_of_another_revenda(self, erp):
        set_fault(erp, route="detail", mode="wrong_company")

        got = ask(erp, "/api/v1/pedido/", O1_OF_ALFA)
        assert got.status == 200
        assert got.json()["revendaId"] != ALFA_CUSTOMER_ID

    def test_wrong_company_order_of_the_site_has_another_document(self, vtex, world: World):
        set_fault(vtex, route="order", mode="wrong_company")

        profile = ask(vtex, ORDER).json()["clientProfileData"]
        alfa = {one.tax_id for one in world.companies["alfa"].establishments}
        assert profile["corporateDocument"] not in alfa


class TestScope:
    def test_fault_of_one_route_leaves_the_others_alone(self, erp):
        set_fault(erp, route="documents", mode="error")

        assert ask(erp, "/api/v1/ArquivosPedido/", O1_OF_ALFA).status == 500
        assert ask(erp, "/api/v1/pedido/", O1_OF_ALFA).status == 200

    def test_star_is_every_route_and_control_still_answers(self, erp):
        set_fault(erp, route="*", mode="error")

        assert ask(erp, "/api/v1/ArquivosPedido/", O1_OF_ALFA).status == 500
        assert ask(erp, "/api/v1/pedido/", O1_OF_ALFA).status == 500
        assert ask(erp, "/_control/log").status == 200

    def test_times_ends_a_fault(self, vtex):
        set_fault(vtex, route="order", mode="error", times=2)

        assert [ask(vtex, ORDER).status for _ in range(3)] == [500, 500, 200]
        assert ask(vtex, "/_control/faults").json() == []

    def test_none_ends_the_fault_of_a_route(self, vtex):
        set_fault(vtex, route="order", mode="error")
        set_fault(vtex, route="order", mode="none")

        assert ask(vtex, ORDER).status == 200

    def test_reset_ends_all_and_empties_the_log(self, vtex):
        set_fault(vtex, route="*", mode="error")
        ask(vtex, ORDER)
        ask(vtex, "/_control/reset", method="POST")

        assert ask(vtex, "/_control/log").json() == []
        assert ask(vtex, ORDER).status == 200

    def test_reset_frees_requests_that_wait(self, vtex):
        set_fault(vtex, route="order", mode="slow", seconds=30)
        got = []
        waiting = threading.Thread(target=lambda: got.append(ask(vtex, ORDER, timeout=20)))
        waiting.start()
        while not vtex.requests("order"):
            time.sleep(0.01)
        vtex.reset()
        waiting.join(timeout=5)

        assert [answer.status for answer in got] == [200]

    @pytest.mark.parametrize(
        "fault",
        [
            {"route": "orders", "mode": "slow"},
            {"route": "order", "mode": "sleepy"},
            {"route": "order", "mode": "slow", "seconds": "long"},
            {"route": "order", "mode": "error", "times": 0},
        ],
    )
    def test_fault_that_makes_no_sense_is_refused(self, vtex, fault):
        assert set_fault(vtex, **fault).status == 400

    def test_tests_in_the_process_need_no_http(self, vtex):
        vtex.fault("order", "throttled", retry_after="3", times=1)

        assert ask(vtex, ORDER).headers["retry-after"] == "3"


class TestLog:
    def test_log_tells_what_was_asked_without_secrets(self, vtex, erp):
        ask(vtex, ORDER)
        ask(erp, "/api/v1/pedido/", O1_OF_ALFA)

        site = ask(vtex, "/_control/log").json()
        ours = ask(erp, "/_control/log").json()
        assert [(entry["route"], entry["path"], entry["status"]) for entry in site] == [
            ("order", ORDER, 200)
        ]
        assert site[0]["headers"]["x-vtex-api-apptoken"] == "***"
        assert ours[0]["headers"]["authorization"] == "***"
        assert ours[0]["query"] == {"pedidoErpId": "0004500123", "revendaId": "1001"}

    def test_log_names_the_fault_that_struck(self, vtex):
        set_fault(vtex, route="order", mode="error", status=502)
        ask(vtex, ORDER)

        entry = vtex.requests("order")[0]
        assert (entry.status, entry.fault) == (502, "error")


class TestServer:
    def test_connection_is_kept_and_quick(self, vtex):
        parts = urlsplit(vtex.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        started = time.monotonic()
        for _ in range(50):
            connection.request("GET", ORDER, headers=vtex.headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        connection.close()

        # Delayed acknowledgements would cost 40 ms each.
        assert time.monotonic() - started < 1

    def test_unknown_path_is_404(self, vtex):
        assert ask(vtex, "/api/other").status == 404

    def test_stopped_simulator_refuses_connections(self, world: World):
        simulator = VtexSimulator(world).start()
        simulator.stop()

        with pytest.raises(ConnectionError):
            ask(simulator, ORDER)

    def test_stopping_breaks_kept_connections(self, world: World):
        simulator = VtexSimulator(world).start()
        parts = urlsplit(simulator.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", ORDER, headers=simulator.headers)
        connection.getresponse().read()
        simulator.stop()

        def ask_again():
            connection.request("GET", ORDER, headers=simulator.headers)
            connection.getresponse()

        with pytest.raises((ConnectionError, http.client.HTTPException)):
            ask_again()

    def test_body_that_is_no_json_is_400(self, vtex):
        parts = urlsplit(vtex.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("POST", "/_control/faults", "{")

        assert connection.getresponse().status == 400
        connection.close()


class TestState:
    def test_orders_added_by_hand_outlive_a_restart(self, tmp_path: Path):
        state = State(tmp_path)
        seed = state.seed(TODAY)
        first = small_world(seed_date=seed[0], started_at=seed[1])
        with ErpSimulator(first) as erp, VtexSimulator(first) as vtex:
            erp.on_control.append(state.keeper("erp"))
            vtex.on_control.append(state.keeper("vtex"))
            web = ask(vtex, "/_control/orders", method="POST", send={"company": "beta"}).json()
            ask(
                erp,
                "/_control/orders",
                method="POST",
                send={"web_number": web["order_id"], "erp_number": "0007000001"},
            )

        again = State(tmp_path)
        assert again.seed(TODAY) == seed
        second = small_world(seed_date=seed[0], started_at=seed[1])
        assert again.replay(second) == 2
        order, erp_order = second.erp_order("7000001")
        assert order.web.order_id == web["order_id"]
        assert erp_order.total == order.web.total

    def test_kept_seed_date_is_used_until_another_is_told(self, tmp_path: Path):
        kept = State(tmp_path).seed(TODAY)

        assert State(tmp_path).seed(None) == kept
        assert State(tmp_path).seed(STARTED_AT.date().replace(day=1))[0].day == 1

    def test_line_cut_short_by_a_kill_does_not_stop_the_start(self, tmp_path: Path):
        state = State(tmp_path)
        state.seed(TODAY)
        (tmp_path / "orders.jsonl").write_text('{"server": "erp", "told": {"erp_number": "0007')

        assert state.replay(small_world(seed_date=TODAY, started_at=STARTED_AT)) == 0


def test_command_serves_both_until_it_is_told_to_end():
    root = Path(__file__).resolve().parents[3]
    words = [sys.executable, "-m", "erp_bridge.simulators", "--orders", "100"]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        addresses = json.loads(process.stdout.readline())
        parts = urlsplit(addresses["erp_url"])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        connection.request("GET", "/_control/log")
        assert connection.getresponse().status == 200
        connection.close()
        process.terminate()
        assert process.wait(timeout=10) == 0
