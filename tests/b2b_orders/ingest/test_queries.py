from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from b2b_orders.common.errors import NotAllowed
from b2b_orders.common.tenancy import STAFF, WEB, scope
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.ingest import queries
from b2b_orders.ingest.models import Connection, Run
from b2b_orders.ingest.queries import SourceState
from b2b_orders.ingest.storing import park
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.conftest import Cast
from tests.factories import NOW


def staff(person_id: int, role: StaffRole) -> StaffViewer:
    return StaffViewer(person_id=person_id, role=role)


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


def test_operations_see_health_runs_and_what_was_set_aside(two: None, cast: Cast):
    viewer = staff(cast.olga.pk, StaffRole.OPERATIONS)
    erp = Connection.objects.get(name="erp")
    for minute in range(3):
        Run.objects.create(
            connection=erp, kind="poll", started_at=NOW + timedelta(minutes=minute), read=minute
        )
    for external_id in ("1", "2", "1"):
        park(
            connection="erp",
            external_id=external_id,
            reason="contract-violation",
            message="not JSON",
            now=NOW,
        )

    assert [row.read for row in queries.list_runs(viewer=viewer, limit=2)] == [2, 1]
    assert [(row.external_id, row.attempts) for row in queries.list_parked(viewer=viewer)] == [
        ("2", 1),
        ("1", 2),
    ]
    health = queries.list_source_health(viewer=viewer)
    assert [(row.source.connection, row.failures) for row in health] == [("erp", 3), ("loja", 0)]


@pytest.mark.parametrize("role", [StaffRole.SUPPORT, StaffRole.TELESALES])
@pytest.mark.parametrize("name", ["list_runs", "list_parked", "list_source_health"])
def test_others_of_staff_do_not(role: StaffRole, name: str, cast: Cast):
    with pytest.raises(NotAllowed):
        getattr(queries, name)(viewer=staff(cast.suzana.pk, role))
