"""The simulated VTEX answers with VTEX's shapes, codes and bounds."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from erp_bridge.simulators.model import BRASILIA
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.vtex_feed import Hook
from erp_bridge.simulators.world import ALFA_TAX_ID, BETA_TAX_ID, O1, O3, O4, O7, World
from tests.erp_bridge.simulators import shapes
from tests.erp_bridge.simulators.conftest import ask

ORDERS = "/api/oms/pvt/orders"
FEED = "/api/orders/feed"
FEED_CONFIG = "/api/orders/feed/config"
HOOK_CONFIG = "/api/orders/hook/config"
ALL_CHANGES = {
    "filter": {"type": "FromOrders", "expression": "value >= 0", "disableSingleFire": True},
    "queue": {"visibilityTimeoutInSeconds": 250, "MessageRetentionPeriodInSeconds": 345600},
}


def configure(vtex: VtexSimulator, **changes: object) -> None:
    assert ask(vtex, FEED_CONFIG, method="POST", send=ALL_CHANGES | changes).status == 200


def retrieve(vtex: VtexSimulator) -> list[dict[str, Any]]:
    got = ask(vtex, FEED, {"maxlot": 10})
    assert got.status == 200
    return got.json()


def commit(vtex: VtexSimulator, items: list[dict[str, Any]]) -> None:
    got = ask(vtex, FEED, method="POST", send={"handles": [item["handle"] for item in items]})
    assert (got.status, got.body) == (200, b"")


def change(vtex: VtexSimulator, order_id: str, status: str) -> None:
    got = ask(
        vtex, "/_control/orders", method="POST", send={"order_id": order_id, "status": status}
    )
    assert got.status == 200


def listed(vtex: VtexSimulator, **params: object) -> dict[str, Any]:
    got = ask(vtex, ORDERS, params)
    assert got.status == 200
    return got.json()


class TestAuth:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-VTEX-API-AppKey": "vtexappkey-demo-ABCDEF"},
            {"X-VTEX-API-AppKey": "vtexappkey-demo-ABCDEF", "X-VTEX-API-AppToken": "wrong"},
        ],
    )
    def test_wrong_credentials_get_the_published_401(self, vtex, headers):
        got = ask(vtex, f"{ORDERS}/{O1.web_number}", headers=headers)

        assert got.status == 401
        assert got.json() == {
            "error": {"code": "1", "message": "Unauthorized access", "exception": None}
        }

    def test_key_without_the_resource_gets_403(self, vtex):
        vtex.denied.add("feed")

        assert ask(vtex, FEED, {"maxlot": 10}).status == 403
        assert ask(vtex, f"{ORDERS}/{O1.web_number}").status == 200


class TestGetOrder:
    def test_body_has_every_published_field(self, vtex):
        body = ask(vtex, f"{ORDERS}/{O1.web_number}").json()

        assert frozenset(body) == shapes.ORDER
        assert frozenset(body["items"][0]) == shapes.ITEM
        assert frozenset(body["items"][0]["priceDefinition"]) == shapes.PRICE_DEFINITION
        assert frozenset(body["items"][0]["additionalInfo"]) == shapes.ADDITIONAL_INFO
        assert frozenset(body["clientProfileData"]) == shapes.CLIENT
        assert frozenset(body["shippingData"]) == shapes.SHIPPING
        assert frozenset(body["shippingData"]["address"]) == shapes.ADDRESS
        assert frozenset(body["shippingData"]["logisticsInfo"][0]) == shapes.LOGISTICS
        assert frozenset(body["packageAttachment"]["packages"][0]) == shapes.PACKAGE
        payment = body["paymentData"]["transactions"][0]["payments"][0]
        assert frozenset(payment) == shapes.PAYMENT
        assert frozenset(body["marketingData"]) == shapes.MARKETING
        assert frozenset(body["storePreferencesData"]) == shapes.STORE
        assert frozenset(body["itemMetadata"]["Items"][0]) == shapes.METADATA

    def test_facts_of_order_1_are_there(self, vtex, world):
        body = ask(vtex, f"{ORDERS}/{O1.web_number}").json()

        assert (body["sequence"], body["sellerOrderId"]) == ("502556", "v502556llux-01")
        assert body["value"] == 600_000
        assert sum(total["value"] for total in body["totals"]) == 600_000
        assert sum(item["priceDefinition"]["total"] for item in body["items"]) == 582_000
        assert body["clientProfileData"]["corporateDocument"] == ALFA_TAX_ID
        assert body["clientProfileData"]["email"].endswith("@ct.vtex.com.br")
        fields = body["customData"]["customApps"][0]["fields"]
        assert fields == {"purchaseOrderNumber": "PO-2026/0815"}
        packages = body["packageAttachment"]["packages"]
        assert [package["invoiceNumber"] for package in packages] == ["1001", "1002"]
        assert [package["invoiceKey"] for package in packages] == list(
            world.access_keys(O1).values()
        )
        assert [package["courierStatus"]["finished"] for package in packages] == [True, False]

    def test_order_is_found_by_its_sequence_too(self, vtex):
        assert ask(vtex, f"{ORDERS}/seq502556").json()["orderId"] == O1.web_number

    def test_group_of_an_order_is_an_array(self, vtex):
        body = ask(vtex, f"{ORDERS}/order-group/1172452900788").json()

        assert [order["orderId"] for order in body] == [O1.web_number]

    def test_cancelled_order_says_why(self, vtex):
        body = ask(vtex, f"{ORDERS}/{O4.web_number}").json()

        assert body["status"] == "canceled"
        assert body["cancellationData"]["Reason"] == "Solicitado pelo cliente"

    @pytest.mark.parametrize("number", ["9999-01", "seq999999", O7.erp_number])
    def test_unknown_order_is_404(self, vtex, number):
        assert ask(vtex, f"{ORDERS}/{number}").status == 404

    def test_order_older_than_two_years_is_404_and_not_listed(self, vtex, world: World):
        recent = datetime.now(UTC) - timedelta(days=731)
        old = next(o for o in world.orders if o.web and o.placed_at < recent)

        assert ask(vtex, f"{ORDERS}/{old.web.order_id}").status == 404
        total = listed(vtex)["paging"]["total"]
        assert total == sum(1 for o in world.orders if o.web and o.placed_at >= recent)


class TestList:
    def test_answer_has_every_published_field(self, vtex):
        body = listed(vtex)

        assert frozenset(body) == shapes.LIST
        assert frozenset(body["list"][0]) == shapes.LIST_ROW
        assert frozenset(body["paging"]) == shapes.PAGING

    def test_newest_comes_first_and_fifteen_a_page(self, vtex):
        body = listed(vtex)

        assert body["list"][0]["orderId"] == O3.web_number
        assert len(body["list"]) == body["paging"]["perPage"] == 15

    def test_pages_hold_everything_once(self, vtex):
        first = listed(vtex, per_page=10)
        seen = []
        for page in range(1, first["paging"]["pages"] + 1):
            seen += [row["orderId"] for row in listed(vtex, page=page, per_page=10)["list"]]

        assert len(seen) == len(set(seen)) == first["paging"]["total"]

    @pytest.mark.parametrize(
        "params",
        [
            {"page": 31},
            {"page": 0},
            {"per_page": 101},
            {"per_page": "many"},
            {"q": "a+b"},
            {"orderBy": "status,asc"},
            {"f_creationDate": "2026-01-01"},
            {"f_creationDate": "creationDate:[yesterday TO today]"},
        ],
    )
    def test_what_vtex_does_not_take_is_400(self, vtex, params):
        assert ask(vtex, ORDERS, params).status == 400

    def test_page_30_of_100_is_allowed(self, vtex):
        assert listed(vtex, page=30, per_page=100)["list"] == []

    def test_creation_date_includes_both_ends(self, vtex, world: World):
        placed = world.cast["O1"].placed_at.astimezone(UTC)
        text = f"{placed:%Y-%m-%dT%H:%M:%S}.000Z"

        body = listed(vtex, f_creationDate=f"creationDate:[{text} TO {text}]")
        assert [row["orderId"] for row in body["list"]] == [O1.web_number]

    def test_status_filters(self, vtex):
        rows = listed(vtex, f_status="canceled", per_page=100)["list"]

        assert {row["status"] for row in rows} == {"canceled"}
        assert O4.web_number in {row["orderId"] for row in rows}

    def test_full_text_finds_number_and_document(self, vtex):
        assert listed(vtex, q=O1.web_number)["paging"]["total"] == 1
        by_document = listed(vtex, q=BETA_TAX_ID, per_page=100)["list"]
        assert by_document
        assert {row["clientName"] for row in by_document} == {"Davi Rocha"}

    def test_oldest_first_on_demand(self, vtex):
        rows = listed(vtex, orderBy="creationDate,asc", per_page=100)["list"]

        dates = [row["creationDate"] for row in rows]
        assert dates == sorted(dates)

    def test_changed_order_shows_its_new_status(self, vtex):
        before = listed(vtex, f_status="handling", q=O3.web_number)["paging"]["total"]
        change(vtex, O3.web_number, "handling")

        assert before == 0
        assert listed(vtex, f_status="handling", q=O3.web_number)["paging"]["total"] == 1


class TestFeed:
    def test_without_configuration_retrieving_is_404(self, vtex):
        assert ask(vtex, FEED, {"maxlot": 10}).status == 404
        assert ask(vtex, FEED_CONFIG).status == 404

    def test_configuration_is_read_back_with_the_lower_case_retention(self, vtex):
        configure(vtex)

        body = ask(vtex, FEED_CONFIG).json()
        assert frozenset(body) == shapes.FEED_CONFIG
        assert body["filter"] == ALL_CHANGES["filter"]
        assert body["queue"]["messageRetentionPeriodInSeconds"] == 345600

    def test_deleted_configuration_is_gone(self, vtex):
        configure(vtex)

        assert ask(vtex, FEED_CONFIG, method="DELETE").status == 200
        assert ask(vtex, FEED_CONFIG).status == 404

    def test_mixed_filters_are_409(self, vtex):
        mixed = {"type": "FromWorkflow", "status": ["invoiced"], "expression": "value > 1"}

        got = ask(vtex, FEED_CONFIG, method="POST", send=ALL_CHANGES | {"filter": mixed})
        assert got.status == 409

    @pytest.mark.parametrize("params", [None, {"maxlot": 11}, {"maxlot": 0}, {"maxlot": "all"}])
    def test_maxlot_is_required_and_at_most_ten(self, vtex, params):
        configure(vtex)

        assert ask(vtex, FEED, params).status == 400

    def test_change_of_an_order_makes_an_event(self, vtex):
        configure(vtex)
        change(vtex, O3.web_number, "handling")

        items = retrieve(vtex)
        assert len(items) == 1
        assert frozenset(items[0]) == shapes.FEED_ITEM
        assert items[0]["orderId"] == O3.web_number
        assert (items[0]["lastState"], items[0]["state"]) == ("ready-for-handling", "handling")

    def test_new_feed_holds_only_events_from_then_on(self, vtex):
        change(vtex, O3.web_number, "handling")
        configure(vtex)

        assert retrieve(vtex) == []

    def test_at_most_ten_come_at_once(self, vtex):
        configure(vtex)
        for _ in range(12):
            change(vtex, O3.web_number, "handling")

        assert [len(retrieve(vtex)), len(retrieve(vtex))] == [10, 2]

    def test_retrieved_items_are_hidden_and_come_back_with_another_handle(self, vtex):
        configure(vtex)
        change(vtex, O3.web_number, "handling")
        first = retrieve(vtex)

        assert retrieve(vtex) == []
        vtex.expire_visibility()
        again = retrieve(vtex)
        assert [item["eventId"] for item in again] == [item["eventId"] for item in first]
        assert again[0]["handle"] != first[0]["handle"]

    def test_committed_items_never_come_back(self, vtex):
        configure(vtex)
        change(vtex, O3.web_number, "handling")
        commit(vtex, retrieve(vtex))
        vtex.expire_visibility()

        assert retrieve(vtex) == []
        assert ask(vtex, FEED_CONFIG).json()["quantity"] == 0

    def test_stale_handle_commits_nothing(self, vtex):
        configure(vtex)
        change(vtex, O3.web_number, "handling")
        stale = retrieve(vtex)
        vtex.expire_visibility()
        retrieve(vtex)
        commit(vtex, stale)
        vtex.expire_visibility()

        assert len(retrieve(vtex)) == 1

    def test_workflow_filter_tells_only_of_its_statuses(self, vtex):
        configure(vtex, filter={"type": "FromWorkflow", "status": ["invoiced"]})
        change(vtex, O3.web_number, "handling")
        change(vtex, O3.web_number, "invoiced")

        assert [item["state"] for item in retrieve(vtex)] == ["invoiced"]

    def test_single_fire_shows_an_order_once(self, vtex):
        once = {"type": "FromOrders", "expression": "value > 0", "disableSingleFire": False}
        configure(vtex, filter=once)
        change(vtex, O3.web_number, "handling")
        change(vtex, O3.web_number, "invoiced")

        assert len(retrieve(vtex)) == 1

    def test_expression_filters(self, vtex):
        only = {
            "type": "FromOrders",
            "expression": 'status = "invoiced" and clientProfileData.isCorporate = true',
            "disableSingleFire": True,
        }
        configure(vtex, filter=only)
        change(vtex, O3.web_number, "handling")
        change(vtex, O3.web_number, "invoiced")

        assert [item["state"] for item in retrieve(vtex)] == ["invoiced"]

    def test_change_moves_the_stamp_of_the_order(self, vtex):
        before = ask(vtex, f"{ORDERS}/{O3.web_number}").json()["lastChange"]
        change(vtex, O3.web_number, "handling")

        assert ask(vtex, f"{ORDERS}/{O3.web_number}").json()["lastChange"] > before


class Listener:
    """A hook's receiver."""

    def __init__(self, status: int = 200) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status = status
        self.arrived = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append(json.loads(body))
                outer.headers.append(dict(self.headers))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                outer.arrived.release()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/x"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class TestHook:
    def config(self, url: str) -> dict[str, Any]:
        return {
            "filter": ALL_CHANGES["filter"],
            "hook": {"url": url, "headers": {"X-Portal-Secret": "s"}},
        }

    def test_saving_pings_and_changes_notify(self, vtex):
        listener = Listener()
        got = ask(vtex, HOOK_CONFIG, method="POST", send=self.config(listener.url))
        assert got.status == 200
        assert listener.arrived.acquire(timeout=5)
        change(vtex, O3.web_number, "handling")
        assert listener.arrived.acquire(timeout=5)
        listener.stop()

        assert listener.bodies[0] == {"hookConfig": "ping"}
        told = listener.bodies[1]
        assert (told["OrderId"], told["State"]) == (O3.web_number, "handling")
        assert told["Origin"] == {"Account": "demostore", "Key": "vtexappkey-demo-ABCDEF"}
        assert listener.headers[1]["X-Portal-Secret"] == "s"
        assert ask(vtex, HOOK_CONFIG).json()["hook"]["url"] == listener.url

    def test_ping_without_200_saves_nothing(self, vtex):
        listener = Listener(status=500)
        got = ask(vtex, HOOK_CONFIG, method="POST", send=self.config(listener.url))
        listener.stop()

        assert got.status == 400
        assert ask(vtex, HOOK_CONFIG).status == 404

    def test_call_that_is_not_answered_with_200_comes_again(self, vtex):
        listener = Listener()
        ask(vtex, HOOK_CONFIG, method="POST", send=self.config(listener.url))
        assert listener.arrived.acquire(timeout=5)
        listener.status = 500
        change(vtex, O3.web_number, "handling")
        assert listener.arrived.acquire(timeout=5)
        listener.status = 200
        assert listener.arrived.acquire(timeout=5)
        listener.stop()

        assert [body["OrderId"] for body in listener.bodies[1:]] == [O3.web_number] * 2


class TestControl:
    def test_new_order_is_served_listed_and_told(self, vtex):
        configure(vtex)
        made = ask(
            vtex,
            "/_control/orders",
            method="POST",
            send={
                "company": "beta",
                "status": "payment-approved",
                "customer_number": "NEW-1",
                "placed_at": datetime.now(BRASILIA).isoformat(),
            },
        ).json()

        body = ask(vtex, f"{ORDERS}/{made['order_id']}").json()
        assert body["clientProfileData"]["corporateDocument"] == BETA_TAX_ID
        assert listed(vtex, q=made["order_id"])["paging"]["total"] == 1
        assert [item["orderId"] for item in retrieve(vtex)] == [made["order_id"]]

    @pytest.mark.parametrize(("what", "path"), [("feed", FEED_CONFIG), ("hook", HOOK_CONFIG)])
    def test_configuration_is_forgotten_when_told(self, vtex, what, path):
        configure(vtex)
        vtex.hook = Hook(ALL_CHANGES["filter"], "http://127.0.0.1:1/x", {})
        got = ask(vtex, "/_control/forget", method="POST", send={"what": what})

        assert got.status == 200
        assert ask(vtex, path).status == 404
        assert (vtex.feed is None, vtex.hook is None) == (what == "feed", what == "hook")

    def test_nothing_else_is_forgotten(self, vtex):
        got = ask(vtex, "/_control/forget", method="POST", send={"what": "orders"})

        assert (got.status, got.json()) == (400, {"error": "what must be feed or hook"})

    def test_unknown_company_is_refused(self, vtex):
        got = ask(vtex, "/_control/orders", method="POST", send={"company": "omega"})

        assert (got.status, got.json()) == (400, {"error": "no such company"})
