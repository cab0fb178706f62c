from __future__ import annotations

import gzip
import ipaddress
import logging
import socket
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
import responses

from erp_bridge import addresses
from erp_bridge.connector import Call
from erp_bridge.errors import (
    BadRequest,
    BridgeError,
    ContractViolation,
    CredentialsRejected,
    NotFound,
    Refused,
    SourceFailing,
    Throttled,
    Unreachable,
)
from erp_bridge.http import (
    MAX_RETRY_AFTER_SECONDS,
    Answer,
    Door,
    Form,
    Policy,
    address_problem,
    retry_after_seconds,
)
from tests.erp_bridge.loopback import (
    POLICY,
    Asked,
    Certificate,
    Loopback,
    answer,
    drip,
    loopback,
    make_certificate,
    routes,
)

CANARY = "canary-5ecre7"


def call(seconds: float = 5.0) -> Call:
    return Call.within(seconds)


def door_to(server: Loopback, policy: Policy = POLICY, **kwargs) -> Door:
    return Door(
        "erp", server.url, policy, {"Authorization": f"Bearer {CANARY}"}, (CANARY,), **kwargs
    )


def ask(server: Loopback, *, within: float = 5.0, **kwargs) -> Answer:
    door = door_to(server)
    try:
        return door.send("GET", "/orders", call=call(within), operation="orders", **kwargs)
    finally:
        door.close()


def failure(script, *, within: float = 5.0, **kwargs) -> BridgeError:
    with loopback(script) as server, pytest.raises(BridgeError) as caught:
        ask(server, within=within, **kwargs)
    return caught.value


# --- asking ---------------------------------------------------------------------


def test_an_answer_is_read_with_decimals_kept_exact():
    with loopback(answer(b'{"total": 1234.10, "n": 3}')) as server:
        got = ask(server)

    assert got.status == 200
    assert got.json() == {"total": Decimal("1234.10"), "n": 3}
    assert str(got.json()["total"]) == "1234.10"


def test_what_is_sent_is_what_was_said():
    with loopback(answer()) as server:
        door = door_to(server)
        door.send(
            "POST",
            "/find/",
            call=call(),
            operation="find",
            params={"q": "a b&c", "at": "x:[1 TO 2]"},
            body={"id": "é", "n": 1},
        )
        door.close()

    asked = server.asked[0]
    assert asked.method == "POST"
    assert asked.target == "/find/?q=a%20b%26c&at=x%3A%5B1%20TO%202%5D"
    assert asked.body == b'{"id":"\\u00e9","n":1}'
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["authorization"] == f"Bearer {CANARY}"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["user-agent"] == "b2b-orders"


def test_a_form_is_sent_as_one_with_headers_of_this_call_alone():
    with loopback(answer()) as server:
        door = door_to(server)
        form = Form.of({"code": "a b&c", "n": "é"})
        for headers in ({"Authorization": "Basic own"}, {}):
            door.send("POST", "/token", call=call(), operation="token", form=form, headers=headers)
        door.close()

    assert [asked.body for asked in server.asked] == [b"code=a+b%26c&n=%C3%A9"] * 2
    assert server.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert [asked.headers["authorization"] for asked in server.asked] == [
        "Basic own",
        f"Bearer {CANARY}",
    ]
    assert "a+b" not in repr(form)


def test_a_connection_is_used_again_also_after_refusals():
    with loopback(routes(a=answer(), b=answer(b"no", 404), c=answer(b"{}", 500))) as server:
        door = door_to(server)
        for path in ("/a", "/b", "/a", "/c", "/a"):
            door.send("GET", path, call=call(), operation="a", accept_status=frozenset(range(600)))
        with pytest.raises(NotFound):
            door.send("GET", "/b", call=call(), operation="b")
        door.send("GET", "/a", call=call(), operation="a")
        door.close()

    assert server.connections == 1


def test_a_connection_that_the_source_closed_meanwhile_is_replaced():
    def once(asked: Asked, connection: socket.socket) -> None:
        answer()(asked, connection)
        connection.shutdown(socket.SHUT_RDWR)

    with loopback(once) as server:
        door = door_to(server)
        for _ in range(3):
            assert door.send("GET", "/a", call=call(), operation="a").json() == {}
            time.sleep(0.05)
        door.close()

    assert server.connections == 3


def test_threads_share_one_door():
    with loopback(answer(b'{"a": 1}')) as server:
        door = door_to(server)
        got: list[object] = []

        def work() -> None:
            got.extend(door.send("GET", "/a", call=call(), operation="a").json() for _ in range(20))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        door.close()

    assert got == [{"a": 1}] * 160
    assert server.connections <= 8


def test_many_threads_keep_their_connections_and_the_log_quiet(caplog):
    together = threading.Barrier(32)

    def wait_for_the_others(asked: Asked, connection: socket.socket) -> None:
        together.wait(5)
        answer()(asked, connection)

    with loopback(wait_for_the_others) as server:
        door = door_to(server)

        def send() -> None:
            door.send("GET", "/orders", call=call(), operation="orders")

        threads = [threading.Thread(target=send) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        door.close()

    assert len(server.asked) == 32
    assert caplog.messages == []


def test_cookies_are_neither_kept_nor_sent():
    with loopback(answer(Set_Cookie="session=abc")) as server:
        door = door_to(server)
        door.send("GET", "/a", call=call(), operation="a")
        door.send("GET", "/a", call=call(), operation="a")
        door.close()

    assert "cookie" not in server.asked[1].headers


def test_proxies_and_netrc_of_the_machine_are_not_used(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    with loopback(answer()) as server:
        door = Door("erp", server.url, POLICY)
        door.send("GET", "/a", call=call(), operation="a")
        door.close()

    assert "authorization" not in server.asked[0].headers


# --- the table ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, None),
        (301, ContractViolation),
        (302, ContractViolation),
        (304, ContractViolation),
        (400, BadRequest),
        (401, CredentialsRejected),
        (403, CredentialsRejected),
        (404, NotFound),
        (405, BadRequest),
        (408, Unreachable),
        (409, BadRequest),
        (410, NotFound),
        (418, BadRequest),
        (422, BadRequest),
        (425, Throttled),
        (429, Throttled),
        (500, SourceFailing),
        (501, SourceFailing),
        (502, SourceFailing),
        (503, SourceFailing),
        (504, SourceFailing),
        (599, SourceFailing),
    ],
)
def test_every_status_is_one_class(status, kind):
    if kind is None:
        with loopback(answer(b"", status)) as server:
            assert ask(server).status == status
        return

    error = failure(answer(b'{"error": "x"}', status))

    assert type(error) is kind
    assert (error.source, error.operation, error.status) == ("erp", "orders", status)


def test_a_connector_may_replace_a_row_of_the_table():
    with loopback(answer(status=403)) as server:
        door = door_to(server, rows={403: NotFound})
        with pytest.raises(NotFound):
            door.send("GET", "/a", call=call(), operation="a")
        with pytest.raises(BadRequest):
            door.send("GET", "/a", call=call(), operation="a", rows={403: BadRequest})
        door.close()


def test_statuses_that_are_accepted_come_back_whole():
    with loopback(answer({"message": "no"}, 404)) as server:
        got = ask(server, accept_status=frozenset({404}))

    assert (got.status, got.json()) == (404, {"message": "no"})


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(429, "7", 7.0), (429, None, None), (503, "12", 12.0), (429, "soon", None)],
)
def test_a_throttle_says_how_long_to_wait(status, header, seconds):
    headers = {"Retry_After": header} if header else {}

    error = failure(answer(b"{}", status, **headers))

    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


def test_a_throttle_without_a_hint_takes_the_door_s_own():
    with loopback(answer(status=429)) as server:
        door = door_to(server, throttle_seconds=60.0)
        with pytest.raises(Throttled) as caught:
            door.send("GET", "/a", call=call(), operation="a")
        door.close()

    assert caught.value.retry_after == 60.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("999999999", MAX_RETRY_AFTER_SECONDS),
        ("-5", None),
        ("", None),
        (None, None),
        ("tomorrow", None),
        ("9" * 40, None),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:30", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:27:00 GMT", MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_retry_after_may_be_seconds_or_a_date(text, seconds):
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)

    assert retry_after_seconds(text, now) == seconds


def test_retry_after_as_a_date_counts_from_now():
    at = datetime.now(UTC) + timedelta(seconds=50)

    error = failure(answer(b"{}", 429, Retry_After=format_datetime(at, usegmt=True)))

    assert isinstance(error, Throttled)
    assert error.retry_after == pytest.approx(50, abs=3)


# --- bodies that are not what they should be -----------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"<!DOCTYPE html><p>Maintenance", "application/json", "HTML instead of JSON"),
        (b"\n  <html>", "", "HTML instead of JSON"),
        (b"hello", "text/html; charset=utf-8", "HTML instead of JSON"),
        (b"", "application/json", "empty body"),
        (b"\xef\xbb\xbf \n", "application/json", "empty body"),
        (b'{"list": [{"orderId": "1', "application/json", "breaks off or is malformed"),
        (b'{"a": NaN}', "application/json", "malformed"),
        (b'{"a": \xff}', "application/json", "malformed"),
        (b"[" * 200_000, "application/json", "nested too deeply"),
        (b"1" * 10_000, "application/json", "malformed"),
        (b"1E+99999999999999999999", "application/json", "malformed"),
    ],
)
def test_a_body_that_is_not_json_breaks_the_contract(body, content_type, words):
    with loopback(answer(body, Content_Type=content_type)) as server:
        got = ask(server)

    with pytest.raises(ContractViolation) as caught:
        got.json()
    assert words in str(caught.value)
    assert caught.value.status == 200
    assert caught.value.__context__ is None


def test_a_byte_order_mark_and_an_announced_latin_1_are_read():
    plain = Answer(200, {}, b'\xef\xbb\xbf{"a": "\xc3\xa9"}', "")
    latin = Answer(200, {"content-type": "application/json; charset=ISO-8859-1"}, b'["\xe9"]', "")

    assert plain.json() == {"a": "é"}
    assert latin.json() == ["é"]


def test_a_body_cut_short_is_a_broken_connection():
    error = failure(answer(b'{"a": 1', length=500))

    assert type(error) is Unreachable


def test_chunks_cut_short_are_a_broken_connection():
    def script(_asked: Asked, connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":')
        connection.shutdown(socket.SHUT_WR)

    assert type(failure(script)) is Unreachable


def test_a_body_that_is_not_encoded_as_announced_breaks_the_contract():
    error = failure(answer(b"plain", Content_Encoding="gzip"))

    assert type(error) is ContractViolation


def test_an_answer_that_is_not_http_is_unreachable():
    def script(_asked: Asked, connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        connection.shutdown(socket.SHUT_WR)

    assert type(failure(script)) is Unreachable


def test_nobody_listening_is_unreachable():
    with loopback(answer()) as server:
        gone = server.url
    door = Door("erp", gone, POLICY)

    with pytest.raises(Unreachable) as caught:
        door.send("GET", "/a", call=call(), operation="a")

    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_gzip_is_undone():
    with loopback(answer(gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")) as server:
        assert ask(server).json() == {"a": 1}


# --- limits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + b" " * 100,
        b"HTTP/1.1 200 X\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50)),
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 40,
    ],
    ids=["body", "headers", "chunks"],
)
def test_a_byte_at_a_time_does_not_outlast_the_deadline(data):
    started = time.monotonic()

    error = failure(drip(data, 0.02), within=0.5)

    assert type(error) is Unreachable
    assert 0.4 < time.monotonic() - started < 2.0


def test_silence_does_not_outlast_the_deadline():
    started = time.monotonic()

    error = failure(lambda _asked, _connection: time.sleep(1.5), within=0.3)

    assert type(error) is Unreachable
    assert time.monotonic() - started < 1.3


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(addresses, "_look_up", lambda *_: time.sleep(1.0) or [])
    door = Door("erp", "https://slow.example", Policy())
    started = time.monotonic()

    with pytest.raises(Unreachable):
        door.send("GET", "/a", call=call(0.2), operation="a")

    assert time.monotonic() - started < 0.95


def test_a_call_after_its_deadline_is_not_made():
    with loopback(answer()) as server, pytest.raises(Unreachable):
        ask(server, within=0.0)

    assert server.asked == []


def test_a_body_announced_too_large_is_refused_unread():
    error = failure(answer(b"x" * 2000), max_bytes=1000)

    assert type(error) is Refused


def test_an_endless_body_stops_at_the_limit():
    def script(_asked: Asked, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    error = failure(script, max_bytes=1_000_000)

    assert type(error) is Refused


def test_a_compressed_bomb_stops_at_the_limit_of_decoded_bytes():
    bomb = gzip.compress(b"0" * 50_000_000)

    error = failure(answer(bomb, Content_Encoding="gzip"), max_bytes=1_000_000)

    assert len(bomb) < 100_000
    assert type(error) is Refused


def test_a_large_refusal_is_not_read_to_its_end():
    error = failure(answer(b"x" * 5_000_000, 500))

    assert type(error) is SourceFailing


# --- addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example",
        "ftp://erp.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "erp.example",
        "//erp.example",
        "",
        "https://",
        "https://user:password@erp.example",
        "https://erp.example@evil.example",
        "https://erp.example:99999",
        "https://erp.example:0",
        "https://erp. example",
        "https://erp.example\n",
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0x7f000001",
        "https://127.1",
        "https://0177.0.0.1",
        "https://8.8.8.8",
        "https://8.8.8.8.",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[fe80::1%25eth0]",
        "https://[",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_at_once(url):
    assert address_problem(url, Policy()) != ""
    with pytest.raises(Refused):
        Door("erp", url, Policy())


@pytest.mark.parametrize(
    "url", ["https://erp.example", "https://erp.example:8443/api", "https://é.example"]
)
def test_an_ordinary_address_is_fine(url):
    assert address_problem(url, Policy()) == ""


FORBIDDEN_ALWAYS = [
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
]
PRIVATE = [
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "fd12::1",
    "240.0.0.1",
    "64:ff9b::a01:203",
    "::127.0.0.1",
    "::ffff:0:10.1.2.3",
    "fec0::1",
]


@pytest.mark.parametrize("ip", FORBIDDEN_ALWAYS + PRIVATE)
def test_a_public_name_may_not_lead_inside(ip, monkeypatch):
    monkeypatch.setattr(addresses, "_look_up", lambda *_: ["93.184.215.14", ip])
    door = Door("erp", "https://erp.example", Policy())

    with pytest.raises(Refused) as caught:
        door.send("GET", "/a", call=call(), operation="a")

    assert ip not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("ip", FORBIDDEN_ALWAYS)
def test_a_private_host_may_not_lead_to_the_cloud_s_own_addresses(ip):
    assert addresses.is_forbidden(ipaddress.ip_address(ip), may_be_private=True)


@pytest.mark.parametrize("ip", PRIVATE)
def test_a_private_host_may_lead_inside(ip):
    assert not addresses.is_forbidden(ipaddress.ip_address(ip), may_be_private=True)


@pytest.mark.parametrize("ip", ["8.8.8.8", "2800:3f0:4001::200e", "200.147.3.157"])
def test_public_addresses_are_free(ip):
    assert not addresses.is_forbidden(ipaddress.ip_address(ip), may_be_private=False)


def test_a_name_that_changes_its_mind_is_not_asked_twice(monkeypatch):
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    monkeypatch.setattr(addresses, "_look_up", lambda *_: next(answers))
    policy = Policy(private_hosts=frozenset({"erp.example"}), allow_plain_http=True)

    with loopback(answer()) as server:
        door = Door("erp", f"http://erp.example:{server.port}", policy)
        for _ in range(3):
            door.send("GET", "/a", call=call(), operation="a")
        door.close()

    assert [asked.headers["host"] for asked in server.asked] == [f"erp.example:{server.port}"] * 3


def test_a_name_is_resolved_afresh_after_a_failure(monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(addresses, "_look_up", lambda host, _: asked.append(host) or ["127.0.0.1"])
    policy = Policy(private_hosts=frozenset({"erp.example"}), allow_plain_http=True)
    with loopback(answer()) as server:
        port = server.port
    door = Door("erp", f"http://erp.example:{port}", policy)

    for _ in range(2):
        with pytest.raises(Unreachable):
            door.send("GET", "/a", call=call(), operation="a")

    assert asked == ["erp.example", "erp.example"]


def test_a_name_that_leads_nowhere_is_unreachable(monkeypatch):
    monkeypatch.setattr(addresses, "_look_up", lambda *_: [])
    door = Door("erp", "https://erp.example", Policy())

    with pytest.raises(Unreachable):
        door.send("GET", "/a", call=call(), operation="a")


def test_a_name_that_nobody_knows_is_unreachable():
    door = Door("erp", "https://erp.example", Policy())

    with pytest.raises(Unreachable):
        door.send("GET", "/a", call=call(), operation="a")


def test_sockets_are_not_shared_with_a_forked_process():
    with loopback(answer()) as server:
        door = door_to(server)
        door.send("GET", "/a", call=call(), operation="a")
        before = door._adapter
        door._process = -1
        door.send("GET", "/a", call=call(), operation="a")
        door.close()
        before.close()

    assert server.connections == 2


# --- TLS --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "erp.example")


def tls_door(monkeypatch, server: Loopback, certificate: Certificate, **policy) -> Door:
    """A door to a name that leads to loopback, which trusts the test's certificate."""
    monkeypatch.setattr(addresses, "_look_up", lambda *_: ["127.0.0.1"])
    names = frozenset({"erp.example", "other.example"})
    settings = {"private_hosts": names, "ca_file": str(certificate.file)} | policy
    return Door("erp", f"https://{server.name}:{server.port}", Policy(**settings))


def test_the_certificate_is_checked_against_the_name_and_not_the_address(monkeypatch, certificate):
    with loopback(answer({"a": 1}), tls=certificate) as server:
        server.name = "erp.example"
        door = tls_door(monkeypatch, server, certificate)
        for _ in range(2):
            assert door.send("GET", "/a", call=call(), operation="a").json() == {"a": 1}
        door.close()

    assert server.connections == 1
    assert server.server_names == ["erp.example"]


@pytest.mark.parametrize(
    ("name", "policy"), [("other.example", {}), ("erp.example", {"ca_file": ""})]
)
def test_a_certificate_of_another_name_or_of_nobody_known_is_refused(
    monkeypatch, certificate, name, policy
):
    with loopback(answer(), tls=certificate) as server:
        server.name = name
        door = tls_door(monkeypatch, server, certificate, **policy)
        with pytest.raises(Unreachable) as caught:
            door.send("GET", "/a", call=call(), operation="a")
        door.close()

    assert caught.value.message == "no secure connection"
    assert server.asked == []


def test_the_deadline_holds_under_tls_too(monkeypatch, certificate):
    data = b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + b" " * 100
    with loopback(drip(data, 0.02), tls=certificate) as server:
        server.name = "erp.example"
        door = tls_door(monkeypatch, server, certificate)
        started = time.monotonic()
        with pytest.raises(Unreachable):
            door.send("GET", "/a", call=call(0.5), operation="a")
        elapsed = time.monotonic() - started
        door.close()

    assert 0.4 < elapsed < 2.0


def test_a_handshake_that_never_ends_is_not_waited_for(monkeypatch, certificate):
    with loopback(lambda _asked, _connection: None) as server:
        server.name = "erp.example"
        door = tls_door(monkeypatch, server, certificate)
        started = time.monotonic()
        with pytest.raises(Unreachable):
            door.send("GET", "/a", call=call(0.3), operation="a")
        elapsed = time.monotonic() - started
        door.close()

    assert elapsed < 2.0


# --- redirects --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_within_the_host_is_followed_for_a_get(status):
    script = routes(orders=answer(b"", status, Location="/moved"), moved=answer({"a": 1}))

    with loopback(script) as server:
        assert ask(server).json() == {"a": 1}

    assert server.asked[1].headers["authorization"] == f"Bearer {CANARY}"


def test_a_redirect_to_another_host_is_not_followed():
    with loopback(answer({"stolen": True})) as other:
        error = failure(answer(b"", 302, Location=f"{other.url}/x"))

    assert type(error) is ContractViolation
    assert other.asked == []


def test_a_post_is_never_sent_on():
    script = routes(orders=answer(b"", 308, Location="/moved"), moved=answer())

    with loopback(script) as server:
        door = door_to(server)
        with pytest.raises(ContractViolation):
            door.send("POST", "/orders", call=call(), operation="a", body={})
        door.close()

    assert len(server.asked) == 1


def test_redirects_in_a_circle_end():
    with loopback(answer(b"", 301, Location="/orders")) as server, pytest.raises(ContractViolation):
        ask(server)

    assert len(server.asked) == 3


# --- files ------------------------------------------------------------------------------


def read(door: Door, url: str, *, with_credentials: bool = False, **kwargs) -> bytes:
    options = {"call": call(), "operation": "file", "max_bytes": 10_000_000} | kwargs
    with door.stream(url, with_credentials=with_credentials, **options) as stream:
        return b"".join(stream.chunks)


def test_a_file_comes_with_its_type_and_size():
    with loopback(answer(b"%PDF-1.7", Content_Type="application/pdf")) as server:
        door = door_to(server)
        with door.stream(
            "/files/a.pdf", call=call(), operation="file", with_credentials=True, max_bytes=100
        ) as stream:
            got = (stream.content_type, stream.size, b"".join(stream.chunks))
        door.close()

    assert got == ("application/pdf", 8, b"%PDF-1.7")
    assert server.asked[0].headers["authorization"] == f"Bearer {CANARY}"


def test_credentials_stay_at_home():
    with loopback(answer(b"x")) as server, loopback(answer(b"y")) as other:
        policy = Policy(
            allowed_hosts=frozenset({f"127.0.0.1:{other.port}"}),
            private_hosts=POLICY.private_hosts,
            allow_plain_http=True,
        )
        door = door_to(server, policy)
        read(door, "/a")
        read(door, f"{other.url}/a", with_credentials=True)
        door.close()

    assert "authorization" not in server.asked[0].headers
    assert "authorization" not in other.asked[0].headers


def test_credentials_do_not_travel_with_a_redirect():
    with (
        loopback(answer(b"y")) as other,
        loopback(answer(b"", 302, Location=f"{other.url}/file")) as server,
    ):
        policy = Policy(
            allowed_hosts=frozenset({f"127.0.0.1:{other.port}"}),
            private_hosts=POLICY.private_hosts,
            allow_plain_http=True,
        )
        door = door_to(server, policy)
        got = read(door, "/a", with_credentials=True)
        door.close()

    assert got == b"y"
    assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/a.pdf",
        "http://127.0.0.1:1/a.pdf",
        "http://169.254.169.254/latest/meta-data",
        "http://user:pw@127.0.0.1/a",
        "http://localhost/a",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example/a.pdf",
    ],
)
def test_a_link_elsewhere_is_refused(link):
    with loopback(answer(b"x")) as server:
        door = door_to(server)
        with pytest.raises(Refused):
            read(door, link)
        door.close()

    assert server.asked == []


def test_a_file_s_redirect_is_checked_like_its_link():
    with (
        loopback(answer(b"secret")) as other,
        loopback(answer(b"", 302, Location=f"{other.url}/x")) as server,
    ):
        door = door_to(server)
        with pytest.raises(Refused):
            read(door, "/a")
        door.close()

    assert other.asked == []


def test_a_file_is_sent_on_twice_at_most():
    with loopback(answer(b"", 302, Location="/a")) as server:
        door = door_to(server)
        with pytest.raises(Refused):
            read(door, "/a")
        door.close()

    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "with_credentials", "kind"),
    [
        (403, False, NotFound),
        (401, False, NotFound),
        (403, True, CredentialsRejected),
        (404, False, NotFound),
        (500, False, SourceFailing),
    ],
)
def test_a_file_that_is_not_handed_out(status, with_credentials, kind):
    with loopback(answer(b"no", status)) as server:
        door = door_to(server)
        with pytest.raises(kind):
            read(door, "/a", with_credentials=with_credentials)
        door.close()


def test_a_file_has_a_limit_and_a_deadline_too():
    slow = b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n" + b"x" * 100
    with loopback(routes(slow=drip(slow, 0.02), big=answer(b"x" * 2000))) as server:
        door = door_to(server)
        with pytest.raises(Refused):
            read(door, "/big", max_bytes=1000)
        started = time.monotonic()
        with pytest.raises(Unreachable):
            read(door, "/slow", call=call(1.2))
        elapsed = time.monotonic() - started
        door.close()

    assert 1.1 < elapsed < 2.4


def test_a_file_that_is_left_half_way_gives_its_connection_back():
    with loopback(answer(b"x" * 500_000)) as server:
        door = door_to(server)
        for _ in range(3):
            with door.stream(
                "/a", call=call(), operation="file", with_credentials=False, max_bytes=10**6
            ) as stream:
                next(stream.chunks)
        assert read(door, "/a") == b"x" * 500_000
        door.close()


# --- nothing leaks ------------------------------------------------------------------------


def test_no_secret_is_in_what_is_shown_raised_or_logged(caplog):
    caplog.set_level(logging.DEBUG)
    link = f"/files/{CANARY}?signature={CANARY}"
    errors: list[BaseException] = []
    scripts = [
        answer(CANARY.encode(), 500),
        answer(f'{{"a": "{CANARY}'.encode()),
        answer(b"x", length=500),
        answer(b"", 302, Location=f"https://evil.example/{CANARY}"),
        lambda _asked, connection: connection.shutdown(socket.SHUT_RDWR),
    ]
    for script in scripts:
        with loopback(script) as server:
            door = door_to(server)
            try:
                got = door.send("GET", link, call=call(), operation="a")
                assert CANARY not in repr(got)
                got.json()
            except BridgeError as error:
                errors.append(error)
            try:
                with door.stream(
                    link, call=call(), operation="a", with_credentials=True, max_bytes=10
                ) as stream:
                    list(stream.chunks)
            except BridgeError as error:
                errors.append(error)
            assert CANARY not in repr(door)
            door.close()

    assert len(errors) == 10
    for error in errors:
        assert CANARY not in "".join(traceback.format_exception(error))
        assert CANARY not in repr(error)
        assert CANARY not in repr(error.__context__)
    assert len(caplog.records) == 4
    for record in caplog.records:
        assert CANARY not in repr(vars(record))


@pytest.mark.parametrize("value", [f"{CANARY}\r\nX: y", f"{CANARY}é", f"{CANARY}\x00"])
def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(value):
    with pytest.raises(BadRequest) as caught:
        Door("erp", "https://erp.example", Policy(), {"Authorization": value})

    assert CANARY not in str(caught.value)


def test_secrets_are_taken_out_of_a_source_s_words():
    door = Door("erp", "https://erp.example", Policy(), secrets=("", CANARY))

    assert door.redact(f"token {CANARY} is unknown") == "token [secret] is unknown"


@responses.activate
def test_a_fake_at_the_socket_can_stand_in_for_a_source():
    responses.get("https://erp.example/api/orders", json={"a": 1.5})
    door = Door("erp", "https://erp.example/api", Policy())

    got = door.send("GET", "/orders", call=call(), operation="a")

    assert got.json() == {"a": Decimal("1.5")}
