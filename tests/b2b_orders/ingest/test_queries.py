from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from b2b_orders.common.tenancy import STAFF, WEB, scope
from b2b_orders.ingest import queries
from b2b_orders.ingest.models import Connection
from b2b_orders.ingest.queries import SourceState
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.factories import NOW


@pytest.fixture
def two(db: None) -> None:
    connect_vtex("http://127.0.0.1:9")
    connect_erp("http://127.0.0.1:9")
    Connection.objects.filter(name="erp").update(
        last_success_at=NOW, down_since=NOW + timedelta(minutes=1), last_error="x", failures=3
    )


def test_each_source_says_how_old_it_is(two: None, django_assert_num_queries: Any):
    with django_assert_num_queries(1):
        states = queries.list_source_states()

    assert states == (
        SourceState("erp", "ERP", "erp", "down", NOW, NOW + timedelta(minutes=1)),
        SourceState("loja", "Loja", "vtex", "never", None, None),
    )


@pytest.mark.parametrize("role", [WEB, STAFF])
def test_the_web_process_may_ask(role: str, two: None):
    with scope(role=role):
        assert len(queries.list_source_states()) == 2


def test_a_disabled_source_is_not_shown(two: None):
    Connection.objects.filter(name="loja").update(is_enabled=False)

    assert [state.connection for state in queries.list_source_states()] == ["erp"]


def test_a_rehearsed_outage_reads_like_a_real_one(two: None):
    Connection.objects.filter(name="loja").update(
        last_success_at=NOW, outage_since=NOW, outage_until=NOW + timedelta(minutes=30)
    )

    with time_machine.travel(NOW + timedelta(minutes=29), tick=False):
        during = queries.list_source_states()[1]
    with time_machine.travel(NOW + timedelta(minutes=30), tick=False):
        after = queries.list_source_states()[1]

    assert (during.state, during.as_of, during.down_since) == ("down", NOW, NOW)
    assert (after.state, after.as_of, after.down_since) == ("ok", NOW, None)
