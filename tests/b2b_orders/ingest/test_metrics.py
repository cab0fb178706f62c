"""The figures as Prometheus reads them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from b2b_orders.audit.services import report_incident
from b2b_orders.ingest.metrics import metrics_text
from b2b_orders.ingest.models import CallCount, Connection, Errand, Lane, Stream, Subscription
from b2b_orders.ingest.storing import park
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.conftest import Cast
from tests.factories import NOW

Samples = dict[tuple[str, str], float]


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


def samples() -> Samples:
    """Read the text as Prometheus does: values by name and by labels."""
    return {
        (sample.name.removeprefix("b2b_orders_"), " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics_text(now=NOW).decode())
        for sample in family.samples
    }


@pytest.fixture
def store(db: None) -> Connection:
    connection = connect_vtex("http://127.0.0.1:9")
    Lane.objects.all().delete()
    Connection.objects.update(last_success_at=ago(seconds=5))
    return connection


def test_a_source_is_told_in_figures(store: Connection):
    CallCount.objects.create(
        connection="loja", minute=ago(minutes=3), calls=40, failures=4, throttled=1, seconds=8.0
    )
    park(connection="loja", external_id="1", reason="row", message="?", now=NOW)
    store.inbox.create(external_id="1", received_at=NOW, due_at=ago(seconds=90))
    store.inbox.create(external_id="2", received_at=NOW, due_at=NOW + timedelta(hours=1))

    found = samples()

    assert {name: found[name, "loja"] for name, labels in found if labels == "loja"} == {
        "source_up": 1,
        "source_enabled": 1,
        "source_outage_rehearsed": 0,
        "source_last_success_timestamp_seconds": ago(seconds=5).timestamp(),
        "source_breaker_open": 0,
        "source_calls_last_hour": 40,
        "source_failures_last_hour": 4,
        "source_throttled_last_hour": 1,
        "source_call_seconds_last_hour": 8.0,
        "inbox_due": 1,
        "inbox_later": 1,
        "inbox_lag_seconds": 90,
        "parked": 1,
    }


def test_a_source_in_trouble_is_not_up(store: Connection):
    connect_erp("http://127.0.0.1:9")
    Connection.objects.filter(name="loja").update(
        down_since=ago(minutes=1), failures=5, retry_at=NOW + timedelta(seconds=9)
    )

    found = samples()

    assert (found["source_up", "loja"], found["source_up", "erp"]) == (0, 0)
    assert found["source_breaker_open", "loja"] == 1
    assert ("source_last_success_timestamp_seconds", "erp") not in found
    assert (found["attention", "loja down"], found["attention", "erp never"]) == (1, 1)


def test_lanes_histories_and_subscriptions_are_told(store: Connection):
    Lane.objects.create(connection=store, name="feed", due_at=ago(seconds=70), failures=2)
    Stream.objects.create(
        connection=store, kind="backfill", began_at=ago(hours=1), updated_at=NOW, total=8, done=2
    )
    Subscription.objects.create(
        connection=store, kind="feed", state="foreign", quantity=7, oldest_seconds=60, repairs=3
    )

    found = samples()

    assert found["lane_failures", "loja feed"] == 2
    assert found["lane_overdue_seconds", "loja feed"] == 70
    assert ("lane_last_success_timestamp_seconds", "loja feed") not in found
    assert found["history_ratio", "loja backfill"] == 0.25
    assert found["subscription_ours", "loja feed"] == 0
    assert found["subscription_repairs", "loja feed"] == 3
    assert found["subscription_events", "loja feed"] == 7
    assert found["subscription_oldest_seconds", "loja feed"] == 60


def test_a_lane_is_not_overdue_while_an_outage_is_rehearsed(store: Connection):
    Lane.objects.create(connection=store, name="feed", due_at=ago(seconds=70))
    Connection.objects.update(outage_since=NOW, outage_until=NOW + timedelta(minutes=1))

    found = samples()

    assert found["lane_overdue_seconds", "loja feed"] == 0
    assert (found["source_outage_rehearsed", "loja"], found["source_up", "loja"]) == (1, 0)


def test_incidents_and_errands_are_counted_and_nobody_is_named(store: Connection, cast: Cast):
    report_incident("wrong-company", company_id=cast.alfa.pk, object_id="0007", now=NOW)
    Errand.objects.create(kind="run-now", person=cast.olga, asked_at=NOW)

    found, text = samples(), metrics_text(now=NOW).decode()

    assert found["incidents_last_day", "wrong-company"] == 1
    assert found["errands_waiting", ""] == 1
    for secret in ("Alfa", "0007", "Olga", str(cast.alfa.public_id)):
        assert secret not in text


def test_every_label_is_a_connection_a_lane_or_a_kind(store: Connection):
    labels = {
        label
        for family in text_string_to_metric_families(metrics_text(now=NOW).decode())
        for sample in family.samples
        for label in sample.labels
    }

    assert labels <= {"connection", "lane", "kind"}
