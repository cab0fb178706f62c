from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from erp_bridge.breaker import MemoryBreakerStore
from erp_bridge.connector import Call
from erp_bridge.errors import (
    BadRequest,
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    NotFound,
    SourceFailing,
    Throttled,
)
from erp_bridge.runner import Guard, GuardPolicy
from erp_bridge.vtex.client import FeedItem, ListPage, ListRow, VtexClient, is_order_id
from erp_bridge.vtex.events import FeedConfig, Filter, HookConfig, ResourceMissing
from tests.erp_bridge.loopback import POLICY, Loopback, Script, answer, loopback, routes
from tests.erp_bridge.vtex.orders import TOKEN, config, order

ORDER_ID = "1460211000733-01"
FIRST = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
LAST = datetime(2026, 2, 1, 2, 59, 59, 999000, tzinfo=UTC)
PAYLOAD = json.loads(json.dumps(order(), default=float))
EMPTY_LIST = {"list": [], "paging": {"total": 0, "pages": 0, "currentPage": 1, "perPage": 1}}


def call() -> Call:
    return Call.within(5)


@contextmanager
def account(script: Script, guard: Guard | None = None) -> Iterator[tuple[VtexClient, Loopback]]:
    with loopback(script) as server:
        client = VtexClient(config(POLICY, base_url=server.url), source="vtex-main", guard=guard)
        yield client, server
        client.close()


def test_every_call_carries_the_key_pair_and_says_what_it_takes():
    with account(answer(PAYLOAD)) as (client, server):
        client.order(ORDER_ID, call())

    headers = server.asked[0].headers
    assert headers["x-vtex-api-appkey"] == "vtexappkey-demostore-ABCDEF"
    assert headers["x-vtex-api-apptoken"] == TOKEN
    assert headers["accept"] == "application/json"
    assert headers["content-type"] == "application/json"


# --- orders -------------------------------------------------------------------------------


def test_an_order_is_read_with_its_own_bytes_less_what_is_not_ours():
    before = datetime.now(UTC)

    with account(answer(PAYLOAD)) as (client, server):
        reading = client.order(ORDER_ID, call())

    stored = json.loads(reading.payload)
    assert server.asked[0].target == f"/api/oms/pvt/orders/{ORDER_ID}"
    assert reading.record.external_id == ORDER_ID
    assert stored["value"] == 138540
    assert stored["items"][1]["unitMultiplier"] == 2.5
    assert stored["items"][0]["name"] == "Cabo flexível 10 mm rolo"
    assert b"cvv2" not in reading.payload
    assert before <= reading.read_at <= datetime.now(UTC)


def test_odd_numbers_and_texts_survive_storing():
    body = b'{"orderId": "a-01", "value": 1E+999999999, "note": "\\ud800", "x": 1E+400}'
    with account(answer(body)) as (client, _):
        reading = client.order("a-01", call())

    assert reading.record.total is None
    assert json.loads(reading.payload) == {
        "orderId": "a-01",
        "value": "1E+999999999",
        "note": "\ud800",
        "x": "1E+400",
    }


def test_an_order_is_read_by_its_sequence():
    with account(answer(PAYLOAD)) as (client, server):
        reading = client.order("seq612733", call())

    assert server.asked[0].path == "/api/oms/pvt/orders/seq612733"
    assert reading.record.external_id == ORDER_ID


@pytest.mark.parametrize("asked", ["1460211000733-02", "seq1", "seq"])
def test_another_order_than_the_one_asked_for_breaks_the_contract(asked):
    with account(answer(PAYLOAD)) as (client, _), pytest.raises(ContractViolation) as caught:
        client.order(asked, call())

    assert caught.value.path == "orderId"


@pytest.mark.parametrize(
    "order_id", ["", "..", ".", "a/b", "a?b=1", "a#b", "a b", "%2e", "é", "x" * 81, "-1", "a\n"]
)
def test_what_cannot_be_an_id_is_not_found_and_not_asked_for(order_id):
    with account(answer(PAYLOAD)) as (client, server), pytest.raises(NotFound):
        client.order(order_id, call())

    assert server.asked == []


@pytest.mark.parametrize("body", [[], "text", None, 7])
def test_an_order_that_is_no_object_breaks_the_contract(body):
    script = answer(json.dumps(body).encode())
    with account(script) as (client, _), pytest.raises(ContractViolation) as caught:
        client.order(ORDER_ID, call())

    assert caught.value.path == "$"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (answer({"error": {"code": "1"}}, 401), CredentialsRejected),
        (answer(b"", 403), CredentialsRejected),
        (answer(b"", 404), NotFound),
        (answer(b"", 500), SourceFailing),
        (answer(b"<html>", 200, Content_Type="text/html"), ContractViolation),
        (answer(b'{"orderId": "146'), ContractViolation),
        (answer({}), ContractViolation),
    ],
)
def test_what_goes_wrong_is_one_class_each(script, kind):
    with account(script) as (client, _), pytest.raises(kind) as caught:
        client.order(ORDER_ID, call())

    assert type(caught.value) is kind
    assert caught.value.source == "vtex-main"


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry_After": "9"}, 9.0), ({}, 60.0)])
def test_a_throttle_waits_as_told_else_a_minute(headers, seconds):
    with account(answer(b"", 429, **headers)) as (client, _), pytest.raises(Throttled) as caught:
        client.order(ORDER_ID, call())

    assert caught.value.retry_after == seconds


# --- lists --------------------------------------------------------------------------------


def test_a_list_is_asked_for_as_the_description_says():
    full = {
        "orderId": "a-01",
        "status": "invoiced",
        "totalValue": 138540,
        "creationDate": "2026-01-05T10:00:00.0000000+00:00",
    }
    rows = [full, {"orderId": "b-01"}, {"orderId": None}, "odd"]
    with account(answer({"list": rows, "paging": {"total": 203, "pages": 3}})) as (client, server):
        page = client.list_orders(FIRST, LAST, 2, call())

    created_at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert page == ListPage(
        (ListRow("a-01", "invoiced", Decimal("1385.40"), created_at), ListRow("b-01")), 203, 3
    )
    assert page.order_ids == ("a-01", "b-01")
    assert server.asked[0].path == "/api/oms/pvt/orders"
    assert server.asked[0].params == {
        "f_creationDate": "creationDate:[2026-01-01T03:00:00.000Z TO 2026-02-01T02:59:59.999Z]",
        "orderBy": "creationDate,desc",
        "page": "2",
        "per_page": "100",
    }
    assert "[" not in server.asked[0].target
    assert " " not in server.asked[0].target


def test_a_list_s_times_are_sent_in_utc():
    brasilia = timezone(timedelta(hours=-3))
    with account(answer(EMPTY_LIST)) as (client, server):
        client.list_orders(FIRST.astimezone(brasilia), LAST.astimezone(brasilia), 1, call())

    assert "[2026-01-01T03:00:00.000Z TO" in server.asked[0].params["f_creationDate"]


@pytest.mark.parametrize("page", [0, 31])
def test_pages_that_vtex_does_not_give_are_not_asked_for(page):
    with account(answer(EMPTY_LIST)) as (client, server), pytest.raises(ValueError, match="30"):
        client.list_orders(FIRST, LAST, page, call())

    assert server.asked == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "list"),
        ({"list": None, "paging": {"total": 0, "pages": 0}}, "list"),
        ({"list": []}, "paging"),
        ({"list": [], "paging": {"total": "many", "pages": 1}}, "paging"),
        ([], "$"),
    ],
)
def test_a_list_of_the_wrong_shape_breaks_the_contract(body, path):
    with account(answer(body)) as (client, _), pytest.raises(ContractViolation) as caught:
        client.list_orders(FIRST, LAST, 1, call())

    assert caught.value.path == path


# --- the feed ------------------------------------------------------------------------------


def test_events_are_taken_from_the_feed():
    rows = [
        {
            "eventId": "e1",
            "handle": "h1",
            "domain": "Fulfillment",
            "state": "invoiced",
            "lastState": "handling",
            "orderId": "a-01",
            "lastChange": "2026-03-01T10:00:00.0000000Z",
            "currentChange": "2026-03-01T11:00:00.1234567Z",
        },
        {"handle": "h2", "orderId": None},
        {"orderId": "c-01"},
    ]
    with account(answer(rows)) as (client, server):
        items = client.feed_items(call())

    assert server.asked[0].target == "/api/orders/feed?maxlot=10"
    assert items == [
        FeedItem("a-01", "h1", "invoiced", datetime(2026, 3, 1, 11, 0, 0, 123456, UTC)),
        FeedItem(None, "h2", "", None),
    ]


@pytest.mark.parametrize(("limit", "sent"), [(3, "3"), (0, "1"), (500, "10")])
def test_no_more_than_ten_events_are_taken_at_once(limit, sent):
    with account(answer([])) as (client, server):
        assert client.feed_items(call(), limit) == []

    assert server.asked[0].params == {"maxlot": sent}


def test_a_feed_without_a_body_is_empty():
    with account(answer(b"")) as (client, _):
        assert client.feed_items(call()) == []


def test_a_feed_that_is_not_configured_is_not_found():
    with account(answer(b"", 404)) as (client, _), pytest.raises(NotFound):
        client.feed_items(call())


def test_a_feed_of_the_wrong_shape_breaks_the_contract():
    with account(answer({})) as (client, _), pytest.raises(ContractViolation):
        client.feed_items(call())


def test_events_are_committed_in_lots_of_ten():
    handles = [f"h{n}" for n in range(23)]
    with account(answer(b"")) as (client, server):
        client.feed_commit(handles, call())
        client.feed_commit([], call())

    assert [(a.method, a.target) for a in server.asked] == [("POST", "/api/orders/feed")] * 3
    assert [json.loads(asked.body) for asked in server.asked] == [
        {"handles": handles[:10]},
        {"handles": handles[10:20]},
        {"handles": handles[20:]},
    ]


ANSWERED_FEED = {
    "filter": {"type": "FromOrders", "expression": "value > 9", "disableSingleFire": True},
    "queue": {"visibilityTimeoutInSeconds": 240, "MessageRetentionPeriodInSeconds": 345600},
    "quantity": 7,
    "approximateAgeOfOldestMessageInSeconds": 12.5,
}
READ_FEED = FeedConfig(Filter("FromOrders", "value > 9"), 240, 345600, 7, 12.5)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (ANSWERED_FEED, READ_FEED),
        (
            {
                "filter": ANSWERED_FEED["filter"],
                "queue": {
                    "visibilityTimeoutInSeconds": 240,
                    "messageRetentionPeriodInSeconds": 345600,
                },
                "quantity": 7,
                "aproximateAgeOfOldestMessageInSeconds": 12.5,
            },
            READ_FEED,
        ),
        (
            {"filter": {"type": "FromWorkflow", "status": ["invoiced", "canceled", None]}},
            FeedConfig(Filter("FromWorkflow", statuses=("canceled", "invoiced"))),
        ),
        (
            {"filter": {"type": "FromOrders", "expression": "x", "disableSingleFire": None}},
            FeedConfig(Filter("FromOrders", "x", single_fire=True)),
        ),
        (
            {"filter": None, "queue": [], "quantity": "many", "approximateAgeOfOldest…": -1},
            FeedConfig(Filter("FromWorkflow")),
        ),
        (
            {"approximateAgeOfOldestMessageInSeconds": -1, "quantity": True},
            FeedConfig(Filter("FromWorkflow")),
        ),
    ],
)
def test_the_feed_s_configuration_is_read_in_each_spelling(body, read):
    with account(answer(body)) as (client, server):
        assert client.feed_config(call()) == read

    assert (server.asked[0].method, server.asked[0].target) == ("GET", "/api/orders/feed/config")


@pytest.mark.parametrize("age", [b"1e999", b"9" * 400, b"1E+999999999"])
def test_an_age_beyond_all_numbers_is_none(age):
    body = b'{"approximateAgeOfOldestMessageInSeconds":' + age + b"}"
    with account(answer(body)) as (client, _):
        found = client.feed_config(call())

    assert found == FeedConfig(Filter("FromWorkflow"))


def test_a_feed_or_hook_that_is_not_configured_is_none():
    with account(answer(b"", 404)) as (client, _):
        assert client.feed_config(call()) is None
        assert client.hook_config(call()) is None


@pytest.mark.parametrize(
    ("settings", "wanted", "queue"),
    [
        ({}, ("value >= 0", True), (300, 1209600)),
        (
            {
                "feed_expression": "isCompleted",
                "feed_single_fire": True,
                "feed_visibility_seconds": 600,
                "feed_retention_days": 4,
            },
            ("isCompleted", False),
            (600, 345600),
        ),
    ],
)
def test_the_feed_is_configured_as_the_settings_say(settings, wanted, queue):
    with loopback(answer(b"")) as server:
        client = VtexClient(config(POLICY, base_url=server.url, **settings))
        client.set_feed_config(call())
        client.close()

    assert (server.asked[0].method, server.asked[0].target) == ("POST", "/api/orders/feed/config")
    assert json.loads(server.asked[0].body) == {
        "filter": {
            "type": "FromOrders",
            "expression": wanted[0],
            "disableSingleFire": wanted[1],
        },
        "queue": {
            "visibilityTimeoutInSeconds": queue[0],
            "MessageRetentionPeriodInSeconds": queue[1],
        },
    }


def test_what_is_set_is_read_back_the_same():
    wanted = config().feed

    assert FeedConfig.read(wanted.body()) == wanted
    assert Filter.read({"filter": {"type": "FromWorkflow", "status": ["b", "a"]}}).body() == {
        "type": "FromWorkflow",
        "status": ["a", "b"],
    }


# --- the hook ------------------------------------------------------------------------------

URL, HEADERS = "https://portal.example/vtex/hook/path-canary", {"key": "secret-canary"}


def test_the_hook_is_configured_read_and_taken_away():
    body = {
        "filter": {"type": "FromOrders", "expression": "value >= 0", "disableSingleFire": True},
        "hook": {"url": URL, "headers": HEADERS},
    }
    with account(answer(body)) as (client, server):
        client.set_hook_config(URL, HEADERS, call())
        found = client.hook_config(call())
        client.delete_hook_config(call())

    assert json.loads(server.asked[0].body) == body
    assert found == HookConfig(Filter("FromOrders", "value >= 0"), URL, HEADERS)
    assert [(asked.method, asked.target) for asked in server.asked] == [
        ("POST", "/api/orders/hook/config"),
        ("GET", "/api/orders/hook/config"),
        ("DELETE", "/api/orders/hook/config"),
    ]


def test_where_the_hook_calls_never_prints():
    shown = repr(HookConfig(Filter(), URL, HEADERS))

    assert "canary" not in shown


@pytest.mark.parametrize(
    "body", [{}, {"hook": None}, {"hook": {"url": None, "headers": [1]}}, {"hook": "x"}]
)
def test_a_hook_without_an_address_is_still_a_hook(body):
    with account(answer(body)) as (client, _):
        assert client.hook_config(call()) == HookConfig(Filter("FromWorkflow"), "", {})


def test_an_address_that_vtex_cannot_reach_is_refused():
    script = answer({"error": {"code": "1", "message": "Unable to check address"}}, 400)
    with account(script) as (client, _), pytest.raises(BadRequest):
        client.set_hook_config(URL, HEADERS, call())


def test_taking_away_a_hook_that_is_not_there_is_no_error():
    with account(answer(b"", 404)) as (client, server):
        client.delete_hook_config(call())

    assert len(server.asked) == 1


# --- a key that may not ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.feed_items(call()),
        lambda client: client.feed_commit(["h"], call()),
        lambda client: client.feed_config(call()),
        lambda client: client.set_feed_config(call()),
        lambda client: client.hook_config(call()),
        lambda client: client.set_hook_config(URL, HEADERS, call()),
        lambda client: client.delete_hook_config(call()),
    ],
)
def test_a_key_without_the_resource_for_events_is_not_a_refused_key(ask):
    store = MemoryBreakerStore()
    guard = Guard("vtex-main", store)
    with account(answer(b"", 403), guard) as (client, _), pytest.raises(ResourceMissing):
        ask(client)

    # Orders can still be read: the account is not left alone for it.
    assert store.read("vtex-main").retry_at is None


def test_a_refused_key_is_one_at_the_feed_as_well():
    with account(answer(b"", 401)) as (client, _), pytest.raises(CredentialsRejected):
        client.feed_config(call())


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("1172452900788-01", True), ("v5_x.y-01", True), ("", False), ("a/b", False), ("a\n", False)],
)
def test_an_id_is_told_from_what_cannot_be_one(text, is_one):
    assert is_order_id(text) is is_one


# --- health --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feed", "abilities"),
    [
        (answer({"filter": {}}), ("orders", "feed")),
        (answer(b"", 404), ("orders", "feed-not-configured")),
        (answer(b"", 403), ("orders", "feed-forbidden")),
    ],
)
def test_health_says_what_the_key_may_do(feed, abilities):
    with account(routes(orders=answer(EMPTY_LIST), config=feed)) as (client, server):
        health = client.health(call())

    assert (health.ok, health.account, health.problem) == (True, "demostore", "")
    assert health.abilities == abilities
    assert server.asked[0].params == {"page": "1", "per_page": "1"}


@pytest.mark.parametrize(
    ("orders", "feed", "problem"),
    [
        (answer(b"", 401), answer({}), "list orders: the credentials are refused (HTTP 401)"),
        (answer(b"<html>"), answer({}), "list orders: a page of HTML instead of JSON (HTTP 200)"),
        (
            answer(EMPTY_LIST),
            answer(b"", 500),
            "feed configuration: the source failed (HTTP 500)",
        ),
    ],
)
def test_health_says_what_is_wrong(orders, feed, problem):
    with account(routes(orders=orders, config=feed)) as (client, _):
        health = client.health(call())

    assert (health.ok, health.problem) == (False, f"vtex-main {problem}")


# --- around it -----------------------------------------------------------------------------


def test_a_guard_retries_for_the_client():
    bodies = iter([answer(b"", 502), answer(b"", 502), answer(PAYLOAD)])
    guard = Guard("vtex-main", MemoryBreakerStore(), GuardPolicy(first_wait_seconds=0.01))

    def script(asked, connection):
        next(bodies)(asked, connection)

    with account(script, guard) as (client, server):
        client.order(ORDER_ID, call())

    assert len(server.asked) == 3


def test_the_key_pair_is_in_nothing_that_is_shown_or_raised(caplog):
    caplog.set_level(logging.DEBUG)
    with account(answer(TOKEN.encode(), 500)) as (client, _):
        shown = [repr(client), repr(client.config), repr(client.health(call()))]
        with pytest.raises(BridgeError) as caught:
            client.order(ORDER_ID, call())

    shown += traceback.format_exception(caught.value)
    shown += [repr(vars(record)) for record in caplog.records]
    assert len(caplog.records) == 2
    assert not any(TOKEN in text or "ABCDEF" in text for text in shown)
