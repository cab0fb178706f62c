"""The old app's contract: settings, and whether a connection works."""

from __future__ import annotations

from datetime import timedelta

import pytest

from erp_bridge.connectors.b2b_orders_v1 import B2BOrdersV1Config
from erp_bridge.connectors.b2b_orders_v1.mapping import map_row
from erp_bridge.connectors.b2b_orders_v1.payloads import Fields
from erp_bridge.errors import (
    ConfigError,
    CredentialsRejected,
)
from erp_bridge.http import Policy
from erp_bridge.records import NumberKind
from tests.erp_bridge.connectors.conformance import soon
from tests.erp_bridge.connectors.gateway import Told
from tests.erp_bridge.connectors.old_gateway import (
    ALFA,
    NOW,
    TOKEN,
    build,
    lacks,
)


@pytest.mark.parametrize(
    ("told", "ok"),
    [
        (Told({"m": "x"}, 404), True),
        (Told({"m": "x"}, 400), True),
        (Told(b"null"), True),
        (Told(None, 204), True),
        (Told(b"<html>", 404, content_type="text/html"), False),
        (Told(None, 405), False),
    ],
    ids=lambda v: f"{v.status}-{v.body}" if isinstance(v, Told) else "",
)
def test_health_tells_an_application_from_an_empty_address(erp, gateway, told, ok):
    gateway.answer = lambda asked: told

    health = erp.health(soon())

    assert health.ok is ok
    assert bool(health.problem) is not ok
    assert {asked.method for asked in gateway.log} == {"GET"}


def test_health_names_a_refused_token(gateway):
    gateway.answer = lambda asked: Told({"m": "x"}, 403)

    with pytest.raises(CredentialsRejected, match="probe_customer_id"):
        build(gateway.url).health(soon())
    with pytest.raises(CredentialsRejected, match="refuses the token"):
        build(gateway.url, probe_customer_id="55").health(soon())
    assert gateway.log[-1].params["revendaId"] == "55"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": 5}, "endpoint"),
        ({"endpoint": "erp.example"}, "endpoint"),
        ({"endpoint": "ftp://erp.example"}, "endpoint"),
        ({"endpoint": "http://erp.example"}, "endpoint"),
        ({"endpoint": "https://user:pw@erp.example"}, "endpoint"),
        ({"endpoint": "https://"}, "endpoint"),
        ({"endpoint": "https://erp.example:99999"}, "endpoint"),
        ({"endpoint": "https://erp.example/?a=1"}, "endpoint"),
        ({"endpoint": "https://erp example"}, "endpoint"),
        ({"endpoint": "https://127.0.0.1"}, "endpoint"),
        ({"endpoint": "https://erp.example", "time_zone": "Mars/Base"}, "time_zone"),
        ({"endpoint": "https://erp.example", "erp_id_is": "x"}, "erp_id_is"),
        ({"endpoint": "https://erp.example", "window_days": 0}, "window_days"),
        ({"endpoint": "https://erp.example", "scan_days": "many"}, "scan_days"),
        ({"endpoint": "https://erp.example", "order_path": "no-slash"}, "order_path"),
        ({"endpoint": "https://erp.example", "document_hosts": "a"}, "document_hosts"),
        ({"endpoint": "https://erp.example", "document_hosts": ["a/b"]}, "document_hosts"),
        ({"endpoint": "https://erp.example", "token_for_documents": "yes"}, "token_for_documents"),
        ({"endpoint": "https://erp.example", "color": "red"}, "color"),
    ],
)
def test_a_wrong_setting_is_named(settings, field):
    with pytest.raises(ConfigError) as caught:
        B2BOrdersV1Config.build(settings, TOKEN, Policy())

    assert caught.value.field == field
    assert caught.value.message


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "ação"])
def test_a_token_that_cannot_be_sent_is_named(token):
    with pytest.raises(ConfigError) as caught:
        B2BOrdersV1Config.build({"endpoint": "https://erp.example"}, token, Policy())

    assert caught.value.field == "token"
    assert not token.strip() or token not in str(caught.value)


def test_settings_come_as_text_from_a_command_line():
    config = B2BOrdersV1Config.build(
        {"endpoint": " https://erp.example/base/ ", "login": "x", "window_days": "7"},
        f" {TOKEN}\n",
        Policy(),
    )

    assert (config.endpoint, config.window_days, config.token) == (
        "https://erp.example/base",
        7,
        TOKEN,
    )
    assert TOKEN not in repr(config)


def test_a_quiet_customers_old_orders_are_not_looked_for_beyond_the_bound(gateway):
    gateway.answer = lacks("porNotaFiscal", 501)
    erp = build(gateway.url, scan_days=10)

    assert erp.find(ALFA, NumberKind.INVOICE, "1001", soon()) != []
    gateway.log.clear()
    assert erp.find(ALFA, NumberKind.INVOICE, "555", soon()) == []
    assert [a.body["porPeriodo"] for a in gateway.log] == [
        {
            "dataInicial": (NOW.date() - timedelta(days=10)).isoformat(),
            "dataFim": NOW.date().isoformat(),
        }
    ]


def test_the_emitter_of_all_invoices_stands_in_rows_that_name_no_access_key(gateway):
    connector = build(gateway.url, emitter="11.444.777/0001-61")

    record = map_row(
        Fields({"pedidoErpId": "1", "notaFiscal": "77", "serieNotaFiscal": "1"}),
        "55",
        connector.config,
    )

    assert [(i.number, i.series, i.emitter) for i in record.invoices] == [
        ("77", "1", "11444777000161")
    ]


def test_an_emitter_with_wrong_digits_is_refused(gateway):
    with pytest.raises(ConfigError, match="emitter"):
        build(gateway.url, emitter="11444777000162")
