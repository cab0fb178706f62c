from __future__ import annotations

import io
import re
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database

from b2b_orders.companies.models import Company
from b2b_orders.ingest import lanes
from b2b_orders.ingest.management.commands import sync as command
from b2b_orders.ingest.models import Connection, Lane
from b2b_orders.ingest.passes import MAX_TROUBLES, Pass
from b2b_orders.orders.models import SourceRecord
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O5, World

pytestmark = pytest.mark.django_db
SUMMARY = re.compile(
    r"(\w+): read (\d+), new (\d+), changed (\d+), unchanged (\d+), failed (\d+) \(\d+\.\d s\)"
)


def sync(*arguments: str) -> tuple[list[str], list[str]]:
    out, err = io.StringIO(), io.StringIO()
    call_command("sync", *arguments, stdout=out, stderr=err)
    return out.getvalue().splitlines(), err.getvalue().splitlines()


def refusal(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        sync(*arguments)
    return caught.value


def test_a_pass_ends_with_its_summary(
    loja: Connection, companies: dict[str, Company], world: World
):
    out, err = sync("loja", "--once")

    found = SUMMARY.fullmatch(out[-1])
    count = str(len(world.web_between(None, None)))
    assert found is not None
    assert found.groups() == ("loja", count, count, "0", "0", "0")
    assert err == []


def test_what_could_not_be_read_is_named(loja: Connection, vtex_sim: VtexSimulator):
    vtex_sim.fault("order", "html", times=12)

    out, err = sync("loja", "--once")

    summary = next(number for number, line in enumerate(out) if SUMMARY.fullmatch(line))
    assert out[summary + 1].startswith("  failed: ")
    assert "a page of HTML instead of JSON" in out[summary + 1]
    assert out[-1] == "  They are set aside; the next pass asks again."
    assert len(out) - summary <= 1 + MAX_TROUBLES + 1
    assert err == []


def test_days_limit_what_is_read(loja: Connection, world: World):
    day = world.cast["O5"].placed_on.isoformat()

    sync("loja", "--since", day, "--until", day)

    assert SourceRecord.objects.filter(external_id=O5.web_number).exists()
    assert SourceRecord.objects.count() < len(world.web_between(None, None))


def test_an_erp_without_companies_says_what_to_do(erp: Connection):
    out, err = sync("erp")

    assert SUMMARY.fullmatch(out[-1])
    assert "manage.py add_company" in err[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("loja", "--since", "soon"), "--since: 'soon' is not a day, as 2026-03-31 is"),
        (
            ("loja", "--since", "2026-02-02", "--until", "2026-02-01"),
            "--since: must not be after --until",
        ),
        (("sap",), "there is no connection 'sap'; there are: loja"),
    ],
)
def test_bad_input_is_a_clear_error(loja: Connection, arguments: tuple[str, ...], message: str):
    assert str(refusal(*arguments)) == message


def test_a_disabled_connection_is_not_read(loja: Connection):
    Connection.objects.update(is_enabled=False)

    assert str(refusal("loja")).startswith("loja is disabled")


def test_a_failed_pass_that_read_nothing_exits_with_1(loja: Connection, vtex_sim: VtexSimulator):
    vtex_sim.fault("*", "bad_token")

    error = refusal("loja")

    assert error.returncode == 1
    assert str(error).startswith("loja: ended early at the beginning: loja ")
    assert "credentials are refused" in str(error)


@pytest.mark.django_db(transaction=True)
def test_a_failed_pass_that_read_something_says_so_and_exits_with_0(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    erp_sim.fault("detail", "dead")

    out, err = sync("erp")

    assert any(SUMMARY.fullmatch(line) for line in out)
    assert "ended early at order" in err[0] or "ended early at company" in err[0]
    assert err[-1] == "The same command goes on from there."


def test_an_interrupted_pass_says_where_it_stopped(
    loja: Connection, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(self: Pass, *args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pass, "store", interrupt)

    error = refusal("loja")

    assert error.returncode == 130
    assert re.fullmatch(
        r"Stopped at orders placed about \d{4}-\d\d-\d\d, page 1\."
        r" All before is stored; the same command goes on from there\.",
        str(error),
    )


@pytest.mark.django_db(transaction=True)
def test_another_pass_is_waited_for_and_then_named(
    loja: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(command, "WAIT_SECONDS", 0.1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lanes.alone(Lane.objects.get(name="history")):
            held.set()
            done.wait(10)
        database.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        assert "a worker or another command is at history of loja" in str(refusal("loja"))
    finally:
        done.set()
        thread.join()
