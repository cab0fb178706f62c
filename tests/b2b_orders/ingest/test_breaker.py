from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.ingest.breaker import DbBreakerStore, ReadOnlyBreakerStore
from b2b_orders.ingest.models import Connection
from erp_bridge.errors import NotFound, SourceFailing, Throttled
from erp_bridge.runner import BreakerState
from tests.b2b_orders.ingest.conftest import connect_erp
from tests.factories import NOW

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def row(transactional_db: None) -> Connection:
    return connect_erp("http://127.0.0.1:9")


def test_it_is_down_since_the_first_failure_that_counts(row: Connection):
    moments = iter([NOW, LATER])
    store = DbBreakerStore(lambda: next(moments))

    store.failed("erp", SourceFailing("the source failed", status=500), None)
    store.failed("erp", SourceFailing("the source failed", status=500), LATER)

    assert store.read("erp") == BreakerState(2, NOW, LATER, "source-failing")
    row.refresh_from_db()
    assert row.last_error == "the source failed"


def test_a_request_to_slow_down_is_no_failure(row: Connection):
    store = DbBreakerStore(lambda: NOW)

    store.failed("erp", Throttled("slow down"), LATER)

    assert store.read("erp") == BreakerState(0, None, LATER, "throttled")


def test_success_clears_and_dates_the_data(row: Connection):
    store = DbBreakerStore(lambda: NOW)
    store.failed("erp", SourceFailing("x"), LATER)

    store.succeeded("erp")

    row.refresh_from_db()
    assert store.read("erp") == BreakerState()
    assert (row.last_success_at, row.last_error) == (NOW, "")


def test_what_is_noted_survives_a_rollback(row: Connection):
    store = DbBreakerStore(lambda: NOW)

    with transaction.atomic():
        store.failed("erp", SourceFailing("x"), None)
        transaction.set_rollback(True)

    assert store.read("erp").failures == 1


def test_an_unknown_source_is_fresh(transactional_db: None):
    assert DbBreakerStore().read("nobody") == BreakerState()


def test_the_web_process_knows_and_does_not_note(row: Connection):
    DbBreakerStore(lambda: NOW).failed("erp", SourceFailing("x"), LATER)
    row.refresh_from_db()

    with scope(role=WEB):
        store = ReadOnlyBreakerStore(row)
        assert store.read("erp") == BreakerState(1, NOW, LATER, "source-failing")
        store.failed("erp", NotFound("x"), None)
        store.succeeded("erp")

    row.refresh_from_db()
    assert row.failures == 1
