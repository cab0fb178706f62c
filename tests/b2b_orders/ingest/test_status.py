"""`manage.py status`: the same figures for whoever sits at the machine."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from b2b_orders.audit.services import report_incident
from b2b_orders.ingest.models import CallCount, Connection, Lane, Stream, Subscription
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.factories import NOW


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def store(db: None) -> Connection:
    connection = connect_vtex("http://127.0.0.1:9")
    Lane.objects.all().delete()
    Connection.objects.update(last_success_at=NOW - timedelta(seconds=5))
    return connection


def status(*words: str) -> str:
    out = StringIO()
    call_command("status", *words, stdout=out)
    return out.getvalue()


def test_all_of_a_connection_is_said_in_words(store: Connection):
    Lane.objects.create(
        connection=store, name="feed", due_at=NOW, started_at=NOW - timedelta(seconds=2)
    )
    Lane.objects.create(connection=store, name="history", due_at=NOW + timedelta(minutes=5))
    CallCount.objects.create(connection="loja", minute=NOW, calls=200, failures=1)
    Subscription.objects.create(
        connection=store, kind="feed", state="ours", quantity=3, oldest_seconds=90, checked_at=NOW
    )
    Stream.objects.create(
        connection=store,
        kind="backfill",
        began_at=NOW - timedelta(minutes=10),
        updated_at=NOW,
        total=1000,
        done=250,
    )
    store.inbox.create(external_id="1", received_at=NOW, due_at=NOW - timedelta(minutes=4))

    assert status().splitlines() == [
        "loja (Loja, vtex): answers",
        "  last success     2026-03-10 09:59:55",
        "  next try         2026-03-10 10:00:00",
        "  breaker          closed, 0 failures in a row",
        "  inbox            1 due, the oldest for 4 min, 0 later",
        "  parked           0, 0 in the last day",
        "  last hour        200 calls, 1 failed (0.5%), 0 throttled",
        "  feed             ours, checked 2026-03-10 10:00:00, repaired 0 times, 3 in it,",
        "                   the oldest 90 s old",
        "  backfill         250 of 1000 orders (25 %), about 30 min left",
        "  lane feed        runs since 2026-03-10 09:59:58",
        "  lane history     due 2026-03-10 10:05:00, last success never",
        "",
        "Incidents of the last day: none",
        "Errands that wait: 0",
        "Lists: 0 unmapped statuses, 0 orders without a company, 0 divergences",
    ]


def test_no_line_is_wider_than_a_terminal(store: Connection):
    Connection.objects.update(last_error="it failed " * 28, last_error_code="source-failing")

    assert max(len(line) for line in status().splitlines()) <= 80


def test_what_needs_attention_is_named_and_the_command_fails(store: Connection):
    connect_erp("http://127.0.0.1:9")
    Connection.objects.filter(name="loja").update(
        down_since=NOW - timedelta(minutes=3), last_error="no answer"
    )

    with pytest.raises(CommandError) as failed:
        status()

    assert failed.value.returncode == 1
    assert str(failed.value) == (
        "Needs attention:\n"
        "  erp: was never reached\n"
        "  loja: has not answered since 2026-03-10 09:57:00: no answer"
    )


def test_one_connection_can_be_asked_for(store: Connection):
    connect_erp("http://127.0.0.1:9")  # never reached, and not asked for

    assert status("loja").startswith("loja (Loja, vtex): answers\n")


def test_a_name_that_is_not_known_is_refused(store: Connection):
    with pytest.raises(CommandError, match="there is no connection 'nowhere'"):
        status("nowhere")


def test_a_machine_gets_the_same_as_json(store: Connection):
    report_incident("wrong-company", connection="loja", now=NOW)

    body = json.loads(status("--json"))

    (connection,) = body["connections"]
    assert (connection["name"], connection["state"]) == ("loja", "ok")
    assert connection["last_success_at"] == "2026-03-10T12:59:55Z"
    assert body["lists"]["incidents"] == {"wrong-company": 1}
    assert body["attention"] == []


def test_a_rehearsed_outage_is_called_so(store: Connection):
    Connection.objects.update(outage_since=NOW, outage_until=NOW + timedelta(minutes=5))

    with pytest.raises(CommandError, match="its outage is rehearsed since 2026-03-10 10:00:00"):
        status()
