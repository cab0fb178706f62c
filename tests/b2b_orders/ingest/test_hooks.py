"""What VTEX calls: taken from VTEX alone, and believed in nothing but which order to read."""

from __future__ import annotations

import hmac
import io
import json
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler
from django.test.utils import CaptureQueriesContext
from gunicorn.config import Config
from gunicorn.glogging import Logger

from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.common import clock, tenancy
from b2b_orders.common.logging import JsonFormatter
from b2b_orders.ingest import hooks, inbox
from b2b_orders.ingest.models import Connection, InboxItem, Subscription
from b2b_orders.ingest.sources import vtex_for
from b2b_orders.ingest.subscriptions import keep_hook
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O3
from tests.b2b_orders.ingest.conftest import connect_vtex
from tests.factories import NOW

pytestmark = pytest.mark.django_db
PATH, SECRET = "p" * 43, "s" * 43
OTHER_PATH = "q" * 43
ORDER = "1172452900788-01"
EVENT = {
    "Domain": "Fulfillment",
    "OrderId": ORDER,
    "State": "handling",
    "LastState": "ready-for-handling",
    "LastChange": "2026-03-01T10:00:00.0000000Z",
    "CurrentChange": "2026-03-01T10:00:01.0000000Z",
    "Origin": {"Account": "demostore", "Key": "vtexappkey-demo-ABCDEF"},
}


def make_hook(name: str = "loja", path: str = PATH, secret: str = SECRET) -> Subscription:
    made = Connection.objects.create(
        name=name,
        kind="vtex",
        label=name,
        settings={"account": "demostore", "app_key": "vtexappkey-demo-ABCDEF"},
        secret=b"",
        created_at=NOW,
        changed_at=NOW,
    )
    return Subscription.objects.create(
        connection=made,
        kind="hook",
        path_digest=hooks.digest(path),
        secret_digest=hooks.digest(secret),
    )


@pytest.fixture
def hook(db: None) -> Subscription:
    return make_hook()


def call(
    body: object = EVENT, *, path: str = PATH, secret: str | None = SECRET, **more: Any
) -> HttpResponse:
    headers = more.pop("headers", {})
    if secret is not None:
        headers = {hooks.HEADER: secret} | headers
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(raise_request_exception=False)
    answer: HttpResponse = client.post(
        f"/vtex/hook/{path}", sent, content_type="application/json", headers=headers, **more
    )
    return answer


def waiting() -> list[tuple[str, str, int]]:
    return list(InboxItem.objects.order_by("id").values_list("external_id", "origin", "events"))


def reasons() -> list[str]:
    return [one.detail["reason"] for one in Incident.objects.filter(code="hook-refused")]


# --- what VTEX sends --------------------------------------------------------------------------


def test_an_event_is_a_row_in_the_inbox(hook: Subscription):
    answer = call()

    assert (answer.status_code, answer.content) == (200, b"")
    assert waiting() == [(ORDER, "hook", 1)]
    assert InboxItem.objects.get().connection == hook.connection


def test_an_event_costs_two_statements_and_no_session(hook: Subscription):
    call()
    with CaptureQueriesContext(connection) as captured:
        answer = call()

    said = [query["sql"].split()[0] for query in captured.captured_queries]
    assert said == ["SAVEPOINT", "SELECT", "SELECT", "SELECT", "INSERT", "SELECT", "RELEASE"]
    # Around the two: the scope of a transaction within the test's own.
    assert not answer.cookies
    assert "sessionid" not in answer.headers.get("Vary", "")


def test_no_field_but_the_order_is_believed(hook: Subscription):
    assert call({"OrderId": ORDER, "State": "invoiced", "value": 1}).status_code == 200
    assert call({"OrderId": ORDER}).status_code == 200
    assert call({"OrderId": ORDER, "Origin": None}).status_code == 200

    assert waiting() == [(ORDER, "hook", 3)]


@pytest.mark.parametrize("secret", [SECRET, None, "wrong"])
def test_a_ping_is_answered_and_does_nothing(secret: str | None, hook: Subscription):
    assert call({"hookConfig": "ping"}, secret=secret).status_code == 200

    hook.refresh_from_db()
    assert (waiting(), hook.last_event_at, reasons()) == ([], None, [])


def test_the_moment_of_a_call_is_kept_once_a_minute(
    hook: Subscription, monkeypatch: pytest.MonkeyPatch
):
    seen = []
    for seconds in (0, 59, 60, 61):
        at = NOW + timedelta(seconds=seconds)
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        call()
        hook.refresh_from_db()
        assert hook.last_event_at is not None
        seen.append((hook.last_event_at - NOW).total_seconds())

    assert seen == [0, 0, 60, 60]


def test_a_body_in_chunks_is_read(hook: Subscription):
    body = json.dumps(EVENT).encode()

    status = raw_call(
        {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "HTTP_KEY": SECRET}
    )

    assert status == 200
    assert waiting() == [(ORDER, "hook", 1)]


def test_a_thousand_events_of_an_order_are_one_row(hook: Subscription):
    for _ in range(1_000):
        hooks.receive(path=PATH, secret=SECRET, body=json.dumps(EVENT).encode(), now=NOW)

    assert waiting() == [(ORDER, "hook", 1_000)]


# --- strangers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        OTHER_PATH,
        "p" * 42,
        "p" * 44,
        "",
        "p" * 42 + "é",
        "p" * 42 + "%00",
        "p" * 42 + "%0A",
        "p" * 43 + "/",
        "x/" + "p" * 43,
        "p" * 10_000,
        hooks.digest(PATH),
        "'; DROP TABLE ingest_inboxitem; --",
    ],
)
@pytest.mark.parametrize("body", [EVENT, {"hookConfig": "ping"}, b"not json"])
def test_an_unknown_path_does_not_exist(path: str, body: object, hook: Subscription):
    answer = call(body, path=path)

    assert (answer.status_code, answer.content) == (404, b"")
    assert (waiting(), reasons()) == ([], [])


@pytest.mark.parametrize("secret", [None, "", "wrong", "s" * 42, "S" * 43, hooks.digest(SECRET)])
def test_a_wrong_secret_is_answered_as_an_unknown_path(secret: str | None, hook: Subscription):
    unknown = call(path=OTHER_PATH)

    answer = call(secret=secret)

    assert (answer.status_code, answer.content) == (404, b"")
    assert set(answer.headers) == set(unknown.headers)
    assert waiting() == []
    assert reasons() == ["secret"]


def test_a_body_says_nothing_to_who_has_not_the_secret(hook: Subscription):
    for body in (b"not json", {}, {"OrderId": "a/b"}, EVENT | {"Origin": {"Account": "x"}}):
        assert call(body, secret="wrong").status_code == 404


def test_the_secret_is_compared_in_constant_time(
    hook: Subscription, monkeypatch: pytest.MonkeyPatch
):
    compared = []
    compare = hmac.compare_digest

    def watched(one: str, other: str) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hooks.hmac, "compare_digest", watched)
    call(secret="wrong")

    # Digests of one length, so that not even the length of a guess tells.
    assert compared == [(hooks.digest("wrong"), hooks.digest(SECRET))]


def test_a_switched_off_connection_has_no_hook(hook: Subscription):
    Connection.objects.update(is_enabled=False)

    assert call().status_code == 404
    assert call({"hookConfig": "ping"}).status_code == 404
    assert waiting() == []


def test_a_hook_that_was_taken_away_is_unknown(hook: Subscription):
    Subscription.objects.update(path_digest="", secret_digest="")

    assert call().status_code == 404
    assert call(path="").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head", "options"])
def test_only_a_post_is_taken(method: str, hook: Subscription):
    client = Client()

    answers = [
        getattr(client, method)(f"/vtex/hook/{path}", headers={"key": SECRET}).status_code
        for path in (PATH, OTHER_PATH)
    ]

    assert answers == [405, 405]


def test_a_stranger_who_keeps_trying_is_told_to_rest_and_vtex_never_is(hook: Subscription):
    statuses = [call(path=OTHER_PATH).status_code for _ in range(32)]

    assert statuses == [404] * 30 + [429] * 2
    assert call().status_code == 200
    assert call({"hookConfig": "ping"}).status_code == 200
    assert call(b"{}").status_code == 400


def test_guesses_are_counted_by_address(hook: Subscription, settings: Any):
    for _ in range(31):
        call(path=OTHER_PATH)

    assert call(path=OTHER_PATH, REMOTE_ADDR="203.0.113.9").status_code == 404


# --- bodies that lie or break ------------------------------------------------------------------


@pytest.mark.parametrize(
    "order_id",
    [
        None,
        7,
        "",
        " ",
        "a\0b",
        "a\nb",
        "a-01\n",
        "\u202ea-01",
        "é-01",
        "\ud800",
        "../../api/dataentities/CL/search",
        "a/b",
        "a?b",
        "%2e%2e",
        "-a",
        "x" * 81,
        ["a-01"],
        {"a": 1},
        True,
    ],
)
def test_what_is_no_order_id_goes_nowhere(order_id: object, hook: Subscription):
    answer = call(EVENT | {"OrderId": order_id})

    assert (answer.status_code, answer.content) == (400, b"")
    assert (waiting(), reasons()) == ([], ["order"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"7",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"9" * 60_000,
        b'{"OrderId": "a-01"',
        json.dumps({"hookConfig": "ping", "OrderId": None}).encode(),
    ],
)
def test_what_is_no_event_goes_nowhere(body: bytes, hook: Subscription):
    assert call(body).status_code == 400
    assert (waiting(), reasons()) == ([], ["order"])


@pytest.mark.parametrize(
    "origin",
    [
        {"Account": "otherstore", "Key": "vtexappkey-demo-ABCDEF"},
        {"Account": "demostore", "Key": "vtexappkey-other-ABCDEF"},
        {"Account": "otherstore"},
        {"Key": ""},
        {"Account": ["demostore"]},
        "demostore",
        [],
        7,
    ],
)
def test_an_event_of_another_account_is_refused(origin: object, hook: Subscription):
    assert call(EVENT | {"Origin": origin}).status_code == 400
    assert (waiting(), reasons()) == ([], ["origin"])


def test_a_body_of_64_kib_is_read_and_a_larger_one_is_not(hook: Subscription):
    padding = hooks.MAX_BODY - len(json.dumps(EVENT | {"x": ""}).encode())
    largest = json.dumps(EVENT | {"x": "y" * padding}).encode()

    assert call(largest).status_code == 200
    assert call(largest + b" ").status_code == 413
    assert call(b"x" * 3_000_000, path=OTHER_PATH).status_code == 413
    assert waiting() == [(ORDER, "hook", 1)]


class Endless(io.RawIOBase):
    """A body that never ends."""

    given = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "read to its end"
        self.given += size
        return b"x" * size


def test_no_more_of_an_endless_body_is_read_than_may_be(hook: Subscription):
    body = Endless()

    status = raw_call({"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_KEY": SECRET})

    assert status == 413
    assert body.given == hooks.MAX_BODY + 1


def test_refusals_are_alarmed_once_an_hour(hook: Subscription):
    for _ in range(20):
        call(b"{}")
        call(secret="wrong")

    assert reasons() == ["order"]
    assert Incident.objects.get().connection == "loja"


# --- whose ----------------------------------------------------------------------------------


def test_each_account_has_its_own_path_and_secret(hook: Subscription):
    other = make_hook("outra", OTHER_PATH, "t" * 43)

    assert call(path=OTHER_PATH).status_code == 404
    assert call(path=OTHER_PATH, secret="t" * 43).status_code == 200
    assert list(InboxItem.objects.values_list("connection_id")) == [(other.connection_id,)]


def test_a_call_reaches_nothing_of_any_company(hook: Subscription, monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[str, str]] = []
    put = inbox.put

    def watched(**kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_setting('app.company', true)")
            seen.append(cursor.fetchone())
        put(**kwargs)

    monkeypatch.setattr(inbox, "put", watched)
    call()

    assert seen == [(tenancy.WEB, "")]


def test_the_web_role_reads_neither_the_keys_nor_who_waits_for_what(hook: Subscription):
    for statement in (
        "SELECT secret FROM ingest_subscription",
        "SELECT last_error FROM ingest_inboxitem",
        "DELETE FROM ingest_inboxitem",
        "UPDATE ingest_inboxitem SET external_id = 'x'",
        "UPDATE ingest_subscription SET path_digest = 'x'",
        "INSERT INTO ingest_subscription (kind) VALUES ('hook')",
    ):
        with (
            pytest.raises(Exception, match="permission denied"),
            tenancy.scope(role=tenancy.WEB),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_database_that_is_away_asks_for_another_call(
    hook: Subscription, monkeypatch: pytest.MonkeyPatch
):
    def away(**_: object) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(inbox, "put", away)
    answer = call()

    assert (answer.status_code, answer["Retry-After"]) == (503, "10")


def test_no_row_is_waited_for_longer_than_vtex_waits(
    hook: Subscription, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def watched(**_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            seen.append(cursor.fetchone()[0])

    monkeypatch.setattr(inbox, "put", watched)
    call()

    assert seen == ["2s"]


# --- nothing is written down ---------------------------------------------------------------------


def raw_call(changes: dict[str, Any], *, path: str = PATH) -> int:
    return raw_exchange(changes, path=path)[0]


def raw_exchange(changes: dict[str, Any], *, path: str = PATH) -> tuple[int, dict[str, Any]]:
    """Call as a server does, and give the status and what the server has for its log."""
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": f"/vtex/hook/{path}",
        "RAW_URI": f"/vtex/hook/{path}",
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(b""),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    } | changes
    # With the check of forms, which a client of tests leaves out.
    answer = ClientHandler(enforce_csrf_checks=True)(environ)
    return answer.status_code, environ


class Answered:
    """What gunicorn's log looks at of an answer."""

    status = "404 Not Found"
    sent = 0
    headers: list[tuple[str, str]] = []


@pytest.mark.parametrize(
    ("secret", "status"), [(SECRET, 400), ("wrong", 404)], ids=["VTEX", "stranger"]
)
def test_the_server_s_access_log_has_neither_path_nor_secret(
    secret: str, status: int, hook: Subscription
):
    found, environ = raw_exchange({"HTTP_KEY": secret})

    atoms = Logger(Config()).atoms(Answered(), Answered(), environ, timedelta(seconds=1))
    # %(U)s as we tell people to log, %(r)s as gunicorn does unless it is told.
    assert (found, atoms["U"]) == (status, "/vtex/hook")
    assert atoms["r"] == "POST /vtex/hook HTTP/1.1"


@pytest.mark.parametrize(
    "send",
    [
        lambda: call(b"{}"),
        lambda: call(secret="wrong-secret-canary"),
        lambda: call(path="c" * 43),
        lambda: Client().get(f"/vtex/hook/{PATH}"),
        lambda: call(b"x" * 100_000),
        lambda: call(headers={"Host": "evil.example"}),
    ],
    ids=["body", "secret", "path", "get", "large", "host"],
)
def test_our_own_log_and_record_have_neither_path_nor_secret(
    send: Callable[[], HttpResponse], hook: Subscription, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(JsonFormatter())

    assert send().status_code >= 400

    written = caplog.text + repr(
        list(Incident.objects.values()) + list(AuditEvent.objects.values())
    )
    assert caplog.records
    for secret in (PATH, "c" * 43, SECRET, "canary"):
        assert secret not in written


# --- the whole way ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_change_in_the_store_arrives_by_the_hook(
    vtex_sim: VtexSimulator, live_server: Any, settings: Any
):
    settings.PORTAL_URL = live_server.url
    loja = connect_vtex(vtex_sim.url, hook=1)
    with vtex_for(loja) as client:
        assert keep_hook(loja, client, now=NOW) == "ours"

    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})

    for _ in range(100):
        if waiting():
            break
        time.sleep(0.05)
    assert waiting() == [(O3.web_number, "hook", 1)]
