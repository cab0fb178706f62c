"""Keeping feed and hook configured, against the simulator."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.request import Request, urlopen

import pytest

from b2b_orders.audit.models import Incident
from b2b_orders.common import secrets
from b2b_orders.ingest import hooks
from b2b_orders.ingest.models import Connection, Subscription, SubscriptionKind, SubscriptionState
from b2b_orders.ingest.sources import vtex_for
from b2b_orders.ingest.subscriptions import keep_feed, keep_hook, may_consume, take_over, upkeep
from erp_bridge.connector import Call
from erp_bridge.errors import CredentialsRejected, SourceFailing
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.vtex_feed import Feed, Hook
from erp_bridge.simulators.world import O3
from erp_bridge.vtex.client import VtexClient
from erp_bridge.vtex.events import HookConfig
from tests.b2b_orders.ingest.conftest import connect_vtex
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OURS, FOREIGN = SubscriptionState.OURS, SubscriptionState.FOREIGN
SOMEBODYS = {"type": "FromWorkflow", "status": ["invoiced"]}
WANTED = {"type": "FromOrders", "expression": "value >= 0", "disableSingleFire": True}


class Receiver:
    """What answers VTEX at our address."""

    def __init__(self) -> None:
        self.status = 200
        self.calls: list[tuple[str, str | None, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls.append((self.path, self.headers[hooks.HEADER], body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    made = Receiver()
    settings.PORTAL_URL = made.url
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hooked(vtex_sim: VtexSimulator, receiver: Receiver, db: None) -> Connection:
    return connect_vtex(vtex_sim.url, hook=1)


def feed(connection: Connection, *, at: timedelta = timedelta(), **more: Any) -> SubscriptionState:
    fresh = Connection.objects.get(pk=connection.pk)
    with vtex_for(fresh) as client:
        return keep_feed(fresh, client, now=NOW + at, **more)


def hook(connection: Connection, *, at: timedelta = timedelta(), **more: Any) -> SubscriptionState:
    fresh = Connection.objects.get(pk=connection.pk)
    with vtex_for(fresh) as client:
        return keep_hook(fresh, client, now=NOW + at, **more)


def row(kind: str = "feed") -> Subscription:
    return Subscription.objects.get(kind=kind)


def incidents() -> list[str]:
    return list(Incident.objects.order_by("id").values_list("code", flat=True))


def methods(sim: VtexSimulator, route: str = "feed_config") -> list[str]:
    return [entry.method for entry in sim.requests(route)]


def configured(sim: VtexSimulator) -> Feed:
    assert sim.feed is not None
    return sim.feed


# --- the feed -----------------------------------------------------------------------------


def test_a_feed_is_configured_when_there_is_none(loja: Connection, vtex_sim: VtexSimulator):
    assert feed(loja) == OURS

    assert configured(vtex_sim).filter == WANTED
    assert (configured(vtex_sim).visibility, configured(vtex_sim).retention) == (300, 1209600)
    assert row().own_config == row().found_config
    assert row().own_config["filter"] == WANTED
    assert (row().configured_at, row().checked_at, row().repairs) == (NOW, NOW, 0)
    assert (row().quantity, row().oldest_seconds) == (0, 0.0)
    assert incidents() == []
    assert may_consume(loja)


def test_a_feed_is_not_consumed_before_it_was_looked_at(loja: Connection):
    assert not may_consume(loja)


def test_a_feed_is_looked_at_every_five_minutes_or_when_told(
    loja: Connection, vtex_sim: VtexSimulator
):
    feed(loja)
    vtex_sim.reset()

    feed(loja, at=4 * MINUTE)
    assert methods(vtex_sim) == []
    feed(loja, at=4 * MINUTE, force=True)
    feed(loja, at=9 * MINUTE)
    assert methods(vtex_sim) == ["GET", "GET"]


def test_the_queue_s_figures_are_kept(loja: Connection, vtex_sim: VtexSimulator):
    feed(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "invoiced"})
    for message in configured(vtex_sim).messages.values():
        message.added_at -= timedelta(seconds=90)

    feed(loja, at=5 * MINUTE)

    assert row().quantity == 2
    assert row().oldest_seconds is not None
    assert 90 <= row().oldest_seconds < 120


def test_a_feed_that_vanished_is_put_back_and_alarmed_once(
    loja: Connection, vtex_sim: VtexSimulator
):
    feed(loja)
    forget(vtex_sim, "feed")

    assert feed(loja, at=DAY) == OURS
    assert feed(loja, at=2 * DAY) == OURS

    assert configured(vtex_sim).filter == WANTED
    assert (row().repairs, row().configured_at) == (1, NOW + DAY)
    assert incidents() == ["feed-vanished"]


def test_a_repair_that_fails_is_no_repair(loja: Connection, vtex_sim: VtexSimulator):
    feed(loja)
    forget(vtex_sim, "feed")
    vtex_sim.fault("feed_config", "error", status=400)
    assert feed(loja, at=DAY) == SubscriptionState.FAILING
    assert (row().repairs, incidents()) == (0, [])

    vtex_sim.reset()
    assert feed(loja, at=DAY + 5 * MINUTE) == OURS
    assert (row().repairs, incidents()) == (1, ["feed-vanished"])


def forget(sim: VtexSimulator, what: str) -> None:
    body = json.dumps({"what": what}).encode()
    with urlopen(Request(f"{sim.url}/_control/forget", body, method="POST")) as answer:
        assert answer.status == 200


def test_an_operator_s_change_is_put_into_force(loja: Connection, vtex_sim: VtexSimulator):
    feed(loja)
    connect_vtex(vtex_sim.url, feed_expression="isCompleted", feed_retention_days=4)

    assert feed(loja, at=5 * MINUTE) == OURS

    assert configured(vtex_sim).filter["expression"] == "isCompleted"
    assert configured(vtex_sim).retention == 345600
    assert (row().repairs, incidents()) == (0, [])


def test_a_feed_as_wanted_that_was_there_before_us_is_ours(
    loja: Connection, vtex_sim: VtexSimulator
):
    vtex_sim.feed = Feed(dict(WANTED), 300, 1209600)

    assert feed(loja) == OURS

    assert methods(vtex_sim) == ["GET"]
    assert row().own_config["filter"] == WANTED


def test_times_that_somebody_changed_are_put_back(loja: Connection, vtex_sim: VtexSimulator):
    feed(loja)
    configured(vtex_sim).visibility = 30

    assert feed(loja, at=DAY) == OURS

    assert configured(vtex_sim).visibility == 300
    assert incidents() == []


def test_times_that_vtex_turns_into_others_are_asked_for_once(
    loja: Connection, vtex_sim: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    read = vtex_sim._set_feed

    def clamp(told: Any) -> Any:
        answer = read(told)
        configured(vtex_sim).retention = 345600
        return answer

    monkeypatch.setattr(vtex_sim, "_set_feed", clamp)
    feed(loja)
    vtex_sim.reset()

    assert feed(loja, at=DAY) == OURS
    assert feed(loja, at=2 * DAY) == OURS

    assert methods(vtex_sim) == ["GET", "GET"]


# --- somebody else's ------------------------------------------------------------------------


def test_a_feed_for_another_purpose_is_left_alone_and_alarmed_once(
    loja: Connection, vtex_sim: VtexSimulator
):
    vtex_sim.feed = Feed(dict(SOMEBODYS), 240, 345600)

    assert feed(loja) == FOREIGN
    assert feed(loja, at=DAY) == FOREIGN

    assert configured(vtex_sim).filter == SOMEBODYS
    assert methods(vtex_sim) == ["GET", "GET"]
    assert not may_consume(loja)
    assert incidents() == ["feed-foreign"]
    assert row().found_config["filter"] == SOMEBODYS
    assert row().own_config == {}


def test_a_feed_that_becomes_somebody_else_s_is_left_alone(
    loja: Connection, vtex_sim: VtexSimulator
):
    feed(loja)
    configured(vtex_sim).filter = dict(SOMEBODYS)

    assert feed(loja, at=DAY) == FOREIGN

    assert configured(vtex_sim).filter == SOMEBODYS
    assert incidents() == ["feed-foreign"]


def test_a_failing_account_does_not_make_somebody_else_s_feed_ours(
    loja: Connection, vtex_sim: VtexSimulator
):
    feed(loja)
    configured(vtex_sim).filter = dict(SOMEBODYS)
    feed(loja, at=DAY)
    vtex_sim.fault("feed_config", "error")

    with pytest.raises(SourceFailing):
        feed(loja, at=2 * DAY)

    assert row().state == FOREIGN
    assert not may_consume(loja)


def test_operations_may_take_a_feed_over(loja: Connection, vtex_sim: VtexSimulator):
    vtex_sim.feed = Feed(dict(SOMEBODYS), 240, 345600)
    feed(loja)

    with vtex_for(loja) as client:
        taken = take_over(loja, client, kind=SubscriptionKind.FEED, now=NOW + HOUR)

    assert taken == OURS
    assert configured(vtex_sim).filter == WANTED
    assert may_consume(loja)
    assert feed(loja, at=DAY) == OURS
    assert incidents() == ["feed-foreign"]


# --- what goes wrong -------------------------------------------------------------------------


def test_a_key_that_may_not_is_forbidden_and_the_account_goes_on(
    loja: Connection, vtex_sim: VtexSimulator
):
    vtex_sim.denied = {"feed_config"}

    assert feed(loja) == SubscriptionState.FORBIDDEN

    loja.refresh_from_db()
    assert (loja.retry_at, loja.failures) == (None, 0)
    assert "HTTP 403" in row().error
    assert not may_consume(loja)
    vtex_sim.denied = set()
    assert feed(loja, at=5 * MINUTE) == OURS
    assert row().error == ""


@pytest.mark.parametrize(
    ("mode", "error"), [("error", SourceFailing), ("bad_token", CredentialsRejected)]
)
def test_an_account_that_is_down_is_noted_and_raised(
    mode: Any, error: type[Exception], loja: Connection, vtex_sim: VtexSimulator
):
    feed(loja)
    vtex_sim.fault("feed_config", mode)

    with pytest.raises(error):
        feed(loja, at=DAY)

    assert row().state == SubscriptionState.FAILING
    assert row().error
    # Looked at again at the next opportunity; what was ours still is.
    assert row().checked_at == NOW
    assert may_consume(loja)


def test_half_a_retention_is_alarmed_once_for_each_crossing(
    loja: Connection, vtex_sim: VtexSimulator
):
    feed(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    (message,) = configured(vtex_sim).messages.values()

    def look(age: timedelta, at: timedelta) -> list[str]:
        message.added_at -= age
        feed(loja, at=at)
        return incidents()

    # Of the four days that are sure, not of the fourteen that are configured.
    assert look(47 * HOUR, HOUR) == []
    assert look(2 * HOUR, 2 * HOUR) == ["feed-ageing"]
    assert look(2 * HOUR, 3 * HOUR) == ["feed-ageing"]
    assert look(-51 * HOUR, 4 * HOUR) == ["feed-ageing"]
    assert look(50 * HOUR, 5 * HOUR) == ["feed-ageing", "feed-ageing"]
    assert Incident.objects.latest("id").detail == {"hours": 50, "quantity": 1}


# --- the hook ---------------------------------------------------------------------------------


def saved(sim: VtexSimulator) -> Hook:
    assert sim.hook is not None
    return sim.hook


def test_a_hook_is_off_until_it_is_switched_on(loja: Connection, vtex_sim: VtexSimulator):
    assert hook(loja) == SubscriptionState.UNKNOWN

    assert vtex_sim.log == type(vtex_sim.log)()


def test_a_hook_is_configured_with_a_path_and_a_secret_that_nobody_can_guess(
    hooked: Connection, vtex_sim: VtexSimulator, receiver: Receiver
):
    assert hook(hooked) == OURS

    told = saved(vtex_sim)
    path = told.url.removeprefix(f"{receiver.url}/vtex/hook/")
    assert len(path) == 43
    assert set(told.headers) == {"key"}
    assert len(told.headers["key"]) == 43
    assert told.filter == WANTED
    assert row("hook").path_digest == hooks.digest(path)
    assert row("hook").secret_digest == hooks.digest(told.headers["key"])
    assert receiver.calls == [
        (f"/vtex/hook/{path}", told.headers["key"], {"hookConfig": "ping"}),
    ]


def test_neither_path_nor_secret_is_stored_to_be_read(hooked: Connection, vtex_sim: VtexSimulator):
    hook(hooked)
    told = saved(vtex_sim)
    path = told.url.rpartition("/")[2]

    stored = repr(Subscription.objects.values().get(kind="hook"))

    assert path not in stored
    assert told.headers["key"] not in stored
    assert json.loads(secrets.decrypt(bytes(row("hook").secret))) == [path, told.headers["key"]]


def test_vtex_knows_the_path_only_after_we_do(
    hooked: Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    receiver.status = 500

    assert hook(hooked) == SubscriptionState.FAILING

    (path, _, _) = receiver.calls[0]
    assert row("hook").path_digest == hooks.digest(path.rpartition("/")[2])
    assert "could not call us" in row("hook").error
    receiver.status = 200
    assert hook(hooked, at=5 * MINUTE) == OURS
    assert receiver.calls[1][0] == path


def test_a_hook_is_looked_at_hourly_and_put_back(hooked: Connection, vtex_sim: VtexSimulator):
    hook(hooked)
    before = saved(vtex_sim)
    forget(vtex_sim, "hook")
    vtex_sim.reset()

    hook(hooked, at=59 * MINUTE)
    assert methods(vtex_sim, "hook_config") == []
    assert hook(hooked, at=HOUR) == OURS

    assert saved(vtex_sim) == before
    assert (row("hook").repairs, incidents()) == (1, [])


@pytest.mark.parametrize(
    "changed",
    [
        lambda hook: Hook(hook.filter, hook.url, {"key": "other"}),
        lambda hook: Hook(dict(SOMEBODYS), hook.url, hook.headers),
        lambda hook: Hook(hook.filter, hook.url.replace("127.0.0.1", "localhost"), hook.headers),
    ],
)
def test_a_hook_of_ours_that_somebody_changed_is_put_back(
    changed: Any, hooked: Connection, vtex_sim: VtexSimulator
):
    hook(hooked)
    before = saved(vtex_sim)
    vtex_sim.hook = changed(before)

    assert hook(hooked, at=HOUR) == OURS

    assert saved(vtex_sim) == before
    assert incidents() == []


@pytest.mark.parametrize(
    "url", ["https://user:pw@other.example/a/path-canary", "http://[", "", "x"]
)
def test_a_hook_of_somebody_else_is_left_alone_and_its_secrets_are_not_kept(
    url: str, hooked: Connection, vtex_sim: VtexSimulator
):
    theirs = Hook(dict(WANTED), url, {"key": "their-secret", "x": "y"})
    vtex_sim.hook = theirs

    assert hook(hooked) == FOREIGN
    assert hook(hooked, at=HOUR) == FOREIGN

    assert saved(vtex_sim) is theirs
    assert incidents() == ["hook-foreign"]
    kept = json.dumps([row("hook").found_config, Incident.objects.get().detail])
    assert not any(word in kept for word in ("canary", "their-secret", "pw"))
    assert ("https://other.example" in kept) is url.startswith("https")


def test_operations_may_take_a_hook_over(hooked: Connection, vtex_sim: VtexSimulator):
    vtex_sim.hook = Hook(dict(WANTED), "https://other.example/x", {})
    hook(hooked)

    with vtex_for(hooked) as client:
        taken = take_over(hooked, client, kind=SubscriptionKind.HOOK, now=NOW + HOUR)

    assert taken == OURS
    assert hooks.digest(saved(vtex_sim).url.rpartition("/")[2]) == row("hook").path_digest


def test_a_hook_that_is_switched_off_is_taken_away_and_its_path_forgotten(
    hooked: Connection, vtex_sim: VtexSimulator
):
    hook(hooked)
    connect_vtex(vtex_sim.url, hook=0)

    assert hook(hooked, at=MINUTE) == SubscriptionState.UNKNOWN

    assert vtex_sim.hook is None
    assert (row("hook").path_digest, row("hook").secret_digest) == ("", "")
    assert bytes(row("hook").secret) == b""


def test_switching_off_leaves_somebody_else_s_hook(hooked: Connection, vtex_sim: VtexSimulator):
    hook(hooked)
    theirs = vtex_sim.hook = Hook(dict(WANTED), "https://other.example/x", {})
    connect_vtex(vtex_sim.url, hook=0)

    hook(hooked, at=MINUTE)

    assert saved(vtex_sim) is theirs
    assert row("hook").path_digest == ""


def test_a_hook_needs_https_and_says_so(hooked: Connection, vtex_sim: VtexSimulator, settings: Any):
    with vtex_for(hooked) as client:
        settings.PORTAL_URL = "http://portal.example"
        settings.PORTAL_ALLOW_PLAIN_HTTP = False

        assert keep_hook(hooked, client, now=NOW) == SubscriptionState.FAILING
        assert row("hook").error == "VTEX calls https:// addresses only, and PORTAL_URL is none"
        assert methods(vtex_sim, "hook_config") == []


def test_keys_that_can_no_longer_be_read_are_made_anew(hooked: Connection, vtex_sim: VtexSimulator):
    hook(hooked)
    before = saved(vtex_sim)
    Subscription.objects.filter(kind="hook").update(secret=b"with a key that is gone")

    assert hook(hooked, at=HOUR) == OURS

    assert saved(vtex_sim).url != before.url
    assert row("hook").path_digest == hooks.digest(saved(vtex_sim).url.rpartition("/")[2])
    assert incidents() == []


# --- both -------------------------------------------------------------------------------------


def test_upkeep_keeps_both(hooked: Connection, vtex_sim: VtexSimulator):
    with vtex_for(hooked) as client:
        upkeep(hooked, client, now=NOW)

    assert (row().state, row("hook").state) == (OURS, OURS)


def test_a_half_that_fails_does_not_stop_the_other(hooked: Connection, vtex_sim: VtexSimulator):
    vtex_sim.fault("feed_config", "html")

    with vtex_for(hooked) as client:
        upkeep(hooked, client, now=NOW)

    assert (row().state, row("hook").state) == (SubscriptionState.FAILING, OURS)
    assert "HTML" in row().error


def test_an_account_that_is_down_ends_the_upkeep(hooked: Connection, vtex_sim: VtexSimulator):
    vtex_sim.fault("*", "error")

    with vtex_for(hooked) as client, pytest.raises(SourceFailing):
        upkeep(hooked, client, now=NOW)

    assert row().state == SubscriptionState.FAILING
    assert not Subscription.objects.filter(kind="hook").exists()


def test_a_call_during_a_look_is_still_noted(hooked: Connection, monkeypatch: pytest.MonkeyPatch):
    hook(hooked)
    read = VtexClient.hook_config

    def meanwhile(self: VtexClient, call: Call) -> HookConfig | None:
        Subscription.objects.filter(kind="hook").update(last_event_at=NOW)
        return read(self, call)

    monkeypatch.setattr(VtexClient, "hook_config", meanwhile)
    hook(hooked, at=HOUR)

    assert row("hook").last_event_at == NOW
