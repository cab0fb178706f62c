"""`save_connection`, `add_connection` and `check_connection`."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from b2b_orders.common import secrets
from b2b_orders.common.errors import InvalidInput
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.services import save_connection
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import APP_KEY, APP_TOKEN, VtexSimulator
from tests.factories import NOW, make_company

pytestmark = pytest.mark.django_db
ERP = ("--kind", "b2b_orders_v1", "--name", "erp", "--endpoint", "https://erp.example/b2b")


@pytest.fixture(autouse=True)
def _tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_TOKEN", "very-secret-1")
    monkeypatch.setenv("VTEX_TOKEN", APP_TOKEN)
    monkeypatch.setenv("EMPTY_TOKEN", "  ")


def add(*arguments: str) -> str:
    out = io.StringIO()
    call_command("add_connection", *arguments, stdout=out)
    return out.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        add(*arguments)
    return str(caught.value)


def test_an_erp_connection_keeps_its_token_encrypted():
    out = add(*ERP, "--login", "loja", "--token-env", "ERP_TOKEN", "--label", "ERP do Sul")

    row = Connection.objects.get()
    assert (row.name, row.kind, row.label) == ("erp", "b2b_orders_v1", "ERP do Sul")
    assert row.settings == {"endpoint": "https://erp.example/b2b", "login": "loja"}
    assert b"very-secret-1" not in bytes(row.secret)
    assert secrets.decrypt(bytes(row.secret)) == "very-secret-1"
    assert "very-secret-1" not in out
    assert out.splitlines()[0] == "Connection erp (b2b_orders_v1) made."


def test_a_vtex_connection_is_made_with_its_own_flags():
    add(
        *(
            "--kind",
            "vtex",
            "--name",
            "loja",
            "--base-url",
            "https://loja.vtexcommercestable.com.br",
        ),
        *("--account", "loja", "--app-key", APP_KEY, "--app-token-env", "VTEX_TOKEN"),
    )

    assert Connection.objects.get().settings == {
        "base_url": "https://loja.vtexcommercestable.com.br",
        "account": "loja",
        "app_key": APP_KEY,
    }


def test_repeating_changes_what_is_said_and_keeps_the_rest(monkeypatch: pytest.MonkeyPatch):
    add(*ERP, "--token-env", "ERP_TOKEN", "--setting", "backfill_years=3")
    Connection.objects.update(failures=7, learned={"paths": {"x": "y"}}, down_since=NOW)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    out = add("--kind", "b2b_orders_v1", "--name", "erp", "--setting", "window_days=92")

    row = Connection.objects.get()
    assert row.settings == {
        "endpoint": "https://erp.example/b2b",
        "window_days": 92,
        "reading": {"backfill_years": 3},
    }
    assert secrets.decrypt(bytes(row.secret)) == "very-secret-1"
    assert (row.failures, row.learned, row.down_since) == (0, {}, None)
    assert "changed" in out


def test_a_token_is_taken_from_what_is_typed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("typed-token\n"))

    add(*ERP)

    assert secrets.decrypt(bytes(Connection.objects.get().secret)) == "typed-token"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ("--kind", "sap", "--name", "x", "--token-env", "ERP_TOKEN"),
            "--kind: 'sap' is not known; there are b2b_orders_v1, vtex",
            id="unknown kind",
        ),
        pytest.param(
            (*ERP[:2], "--name", "My ERP", *ERP[4:], "--token-env", "ERP_TOKEN"),
            "--name: must be of small letters, digits, - and _, begin with a letter, at most 40",
            id="name",
        ),
        pytest.param(
            (*ERP[:4], "--endpoint", "not a url", "--token-env", "ERP_TOKEN"),
            "--endpoint: it must start with https://",
            id="bad address",
        ),
        pytest.param(
            (*ERP[:4], "--token-env", "ERP_TOKEN"), "--endpoint: is missing", id="no address"
        ),
        pytest.param(
            (*ERP, "--token-env", "EMPTY_TOKEN"),
            "--token-env: the variable EMPTY_TOKEN is not set or empty",
            id="empty token",
        ),
        pytest.param(
            (*ERP, "--token-env", "ERP_TOKEN", "--setting", "colour=red"),
            "--setting colour: is not a setting of this kind of connection",
            id="unknown setting",
        ),
        pytest.param(
            (*ERP, "--token-env", "ERP_TOKEN", "--setting", "detail_days=soon"),
            "--setting detail_days: must be a whole number",
            id="setting of ours",
        ),
        pytest.param(
            (*ERP, "--token-env", "ERP_TOKEN", "--setting", "detail_days"),
            "--setting: 'detail_days' is not of the form KEY=VALUE",
            id="not a pair",
        ),
    ],
)
def test_bad_input_is_a_clear_error_and_stores_nothing(arguments: tuple[str, ...], message: str):
    assert refusal(*arguments) == message
    assert not Connection.objects.exists()


def test_no_token_at_all_is_a_clear_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert refusal(*ERP) == "The token is missing: type it when asked, or give --token-env VAR"


def test_a_name_keeps_its_kind():
    add(*ERP, "--token-env", "ERP_TOKEN")

    message = refusal("--kind", "vtex", "--name", "erp", "--app-token-env", "VTEX_TOKEN")

    assert message.startswith("--kind: 'erp' is a b2b_orders_v1 connection")


def test_a_secret_of_a_lost_key_must_be_entered_again(settings: Any):
    add(*ERP, "--token-env", "ERP_TOKEN")
    settings.PORTAL_ENCRYPTION_KEYS = ["BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="]

    with pytest.raises(InvalidInput) as caught:
        save_connection(
            kind="b2b_orders_v1",
            name="erp",
            settings={"endpoint": "https://erp.example"},
            secret=None,
            now=NOW,
        )

    assert caught.value.field == "secret"


# --- check_connection ---------------------------------------------------------------


def check(name: str) -> str:
    out = io.StringIO()
    call_command("check_connection", name, stdout=out)
    return out.getvalue()


def check_refusal(name: str) -> str:
    with pytest.raises(CommandError) as caught:
        check(name)
    assert caught.value.returncode == 1
    return str(caught.value)


def test_a_working_erp_says_what_it_can_do(erp: Connection, erp_sim: ErpSimulator):
    make_company(customer_ids={"erp": "101"})

    lines = check("erp").splitlines()

    host = erp_sim.url.removeprefix("http://")
    assert lines[0] == f"erp: works (b2b_orders_v1, {host})"
    assert "  finds by: customer, erp, invoice, web" in lines
    assert "  companies with an id there: 1" in lines


def test_the_setting_for_changes_is_given_as_the_others_and_shows(erp_sim: ErpSimulator):
    erp_sim.changed_since = True
    ways = ("--kind", "b2b_orders_v1", "--name", "erp", "--endpoint", erp_sim.url)
    add(*ways, "--token-env", "ERP_TOKEN", "--setting", "changed_since=true")
    erp_sim.token = "very-secret-1"

    assert Connection.objects.get().settings["changed_since"] is True
    lines = check("erp").splitlines()
    assert "  says what changed: yes" in lines
    assert "  answers: find, period, order, documents, changed" in lines


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, ""),
        (50, ""),
        (-50, ""),
        (300, "  its clock is {} s ahead of ours: set one of them right"),
        (-300, "  its clock is {} s behind ours: set one of them right"),
    ],
)
def test_a_clock_that_is_far_off_is_told_of(
    seconds: int, told: str, erp: Connection, erp_sim: ErpSimulator
):
    erp_sim.clock_ahead = timedelta(seconds=seconds)

    lines = [line for line in check("erp").splitlines() if "clock" in line]

    # A `Date` has no parts of seconds, and is some moments old.
    near = range(298, 303)
    assert lines in ([[told.format(n)] for n in near] if told else [[]])


def test_an_erp_without_companies_says_so(erp: Connection):
    assert "nothing will be read until a company has one" in check("erp")


def test_a_working_vtex_account_says_what_the_key_may_do(loja: Connection):
    lines = check("loja").splitlines()

    assert lines == ["loja: works (vtex, demostore)", "  answers: orders, feed-not-configured"]


@pytest.mark.parametrize("mode", ["dead", "error", "html", "truncated", "bad_token"])
def test_a_source_that_does_not_work_is_said_with_the_reason(
    mode: Any, erp: Connection, erp_sim: ErpSimulator
):
    erp_sim.fault("*", mode)

    assert check_refusal("erp").startswith("erp: does not work: ")


def test_a_wrong_token_is_said(loja: Connection, vtex_sim: VtexSimulator):
    save_connection(kind="vtex", name="loja", settings=loja.settings, secret="wrong", now=NOW)

    assert "credentials are refused" in check_refusal("loja")


def test_an_address_where_nobody_is_is_said(loja: Connection):
    save_connection(
        kind="vtex",
        name="loja",
        settings={**loja.settings, "base_url": "http://127.0.0.1:9"},
        secret=None,
        now=NOW,
    )

    said = check_refusal("loja")

    assert said.startswith("loja: does not work: loja list orders: ")
    assert "It was asked at http://127.0.0.1:9. If that or the token is wrong," in said
    assert "manage.py add_connection --kind vtex --name loja;" in said


def test_an_unknown_name_lists_those_there_are(erp: Connection, loja: Connection):
    assert check_refusal("sap") == "there is no connection 'sap'; there are: erp, loja"


def test_a_secret_that_cannot_be_read_is_said(erp: Connection, settings: Any):
    settings.PORTAL_ENCRYPTION_KEYS = ["BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="]

    assert "enter it again" in check_refusal("erp")
