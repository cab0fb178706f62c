"""The figures of connections, and the lists that wait for a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from b2b_orders.audit.services import report_incident
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.companies.access import StaffViewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.ingest import operations
from b2b_orders.ingest.figures import (
    Bounded,
    Calls,
    Concern,
    ConnectionFigures,
    concerns,
)
from b2b_orders.ingest.models import (
    CallCount,
    Connection,
    Errand,
    InboxItem,
    Lane,
    Origin,
    Parked,
    Run,
    Stream,
    Subscription,
)
from b2b_orders.ingest.storing import park
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.conftest import Cast
from tests.factories import NOW


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


@pytest.fixture
def olga(cast: Cast) -> StaffViewer:
    return StaffViewer(person_id=cast.olga.pk, role=StaffRole.OPERATIONS)


@pytest.fixture
def store(db: None) -> Connection:
    connection = connect_vtex("http://127.0.0.1:9")
    Lane.objects.all().delete()
    Connection.objects.update(last_success_at=ago(seconds=5))
    return connection


@pytest.fixture
def gateway(db: None) -> Connection:
    connection = connect_erp("http://127.0.0.1:9")
    Lane.objects.all().delete()
    return connection


def put_in_inbox(connection: Connection, due: dict[str, datetime]) -> None:
    InboxItem.objects.bulk_create(
        InboxItem(
            connection=connection,
            external_id=name,
            origin=Origin.FEED,
            received_at=at,
            due_at=at,
        )
        for name, at in due.items()
    )


def lane(connection: Connection, name: str = "inbox", **fields: Any) -> Lane:
    return Lane.objects.create(
        connection=connection, name=name, **{"due_at": NOW + timedelta(seconds=30)} | fields
    )


def figures(olga: StaffViewer, name: str = "loja") -> ConnectionFigures:
    return operations.get_figures(viewer=olga, name=name, now=NOW)


def test_backlog_and_lag_are_of_what_is_due(olga: StaffViewer, store: Connection):
    put_in_inbox(store, {"1": ago(minutes=7), "2": ago(seconds=1), "3": NOW + timedelta(minutes=1)})

    row = figures(olga)

    assert (row.backlog, row.later) == (Bounded(2), Bounded(1))
    assert row.lag(NOW) == timedelta(minutes=7)


def test_nothing_due_is_no_lag(olga: StaffViewer, store: Connection):
    assert figures(olga).lag(NOW) == timedelta()


def test_counting_stops_at_a_bound(
    olga: StaffViewer, store: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(operations, "MOST_COUNTED", 3)
    put_in_inbox(store, {str(number): ago(minutes=1) for number in range(9)})

    assert figures(olga).backlog.value == 4


def test_a_count_says_whether_there_are_more():
    assert Bounded(10_000).is_exact
    assert not Bounded(10_001).is_exact


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "ok"),
        ({"last_success_at": None}, "never"),
        ({"down_since": NOW}, "down"),
        ({"down_since": NOW, "outage_until": NOW + timedelta(1), "outage_since": NOW}, "outage"),
        ({"outage_until": NOW, "outage_since": ago(hours=1)}, "ok"),
        ({"down_since": NOW, "is_enabled": False}, "off"),
    ],
)
def test_a_connection_is_in_one_state(
    olga: StaffViewer, store: Connection, fields: dict[str, Any], state: str
):
    Connection.objects.update(**fields)

    assert figures(olga).state == state


@pytest.mark.parametrize(
    ("fields", "breaker"),
    [
        ({}, "closed"),
        ({"failures": 2}, "closed"),
        ({"failures": 5, "retry_at": NOW + timedelta(seconds=9)}, "open"),
        ({"failures": 5, "retry_at": ago(seconds=1)}, "half-open"),
        (
            {"failures": 5, "retry_at": NOW, "probe_until": NOW + timedelta(seconds=5)},
            "half-open",
        ),
    ],
)
def test_the_breaker_is_told_from_the_row(
    olga: StaffViewer, store: Connection, fields: dict[str, Any], breaker: str
):
    Connection.objects.update(**fields)

    assert figures(olga).breaker == breaker


def test_next_try_is_when_the_first_lane_is_due(olga: StaffViewer, store: Connection):
    lane(store, "feed", due_at=NOW + timedelta(seconds=4))
    lane(store, "history", due_at=NOW + timedelta(minutes=4))

    assert figures(olga).next_try_at == NOW + timedelta(seconds=4)


def test_next_try_waits_for_the_end_of_the_rest(olga: StaffViewer, store: Connection):
    lane(store, "feed", due_at=ago(seconds=4))
    Connection.objects.update(retry_at=NOW + timedelta(minutes=9))

    assert figures(olga).next_try_at == NOW + timedelta(minutes=9)


def test_calls_are_those_of_the_last_hour(olga: StaffViewer, store: Connection):
    for minutes, calls in ((1, 10), (59, 30), (61, 500)):
        CallCount.objects.create(
            connection="loja", minute=ago(minutes=minutes), calls=calls, failures=2, seconds=1.0
        )

    calls = figures(olga).calls

    assert calls == Calls(calls=40, failures=4, throttled=0, seconds=2.0)
    assert (calls.error_rate, calls.mean_seconds) == (0.1, 0.05)


def test_a_source_that_was_not_asked_has_no_error_rate():
    assert (Calls().error_rate, Calls().mean_seconds) == (0.0, 0.0)


def test_history_of_an_account_is_told_in_orders_with_an_estimate(
    olga: StaffViewer, store: Connection
):
    Stream.objects.create(
        connection=store,
        kind="backfill",
        began_at=ago(minutes=10),
        updated_at=NOW,
        total=1000,
        done=250,
    )

    (progress,) = figures(olga).progress

    assert (progress.unit, progress.percent, progress.is_finished) == ("orders", 25, False)
    assert progress.seconds_left == 1800.0


def test_finished_history_is_finished(olga: StaffViewer, store: Connection):
    Stream.objects.create(
        connection=store,
        kind="backfill",
        began_at=ago(minutes=10),
        updated_at=NOW,
        cursor="done",
        total=1000,
        done=990,
    )

    (progress,) = figures(olga).progress

    assert (progress.percent, progress.seconds_left) == (100, None)


def test_history_of_an_erp_is_told_in_companies(olga: StaffViewer, gateway: Connection, cast: Cast):
    for company, cursor in (
        (cast.alfa, "2026-03-10/2019-03-10"),
        (cast.beta, "2026-03-10/2024-05-01"),
    ):
        Stream.objects.create(
            connection=gateway, kind="period", company=company, updated_at=NOW, cursor=cursor
        )
    Stream.objects.create(
        connection=gateway, kind="links", company=cast.alfa, updated_at=NOW, high_water=NOW
    )
    Stream.objects.create(connection=gateway, kind="changed", updated_at=NOW, cursor="x")

    links, periods = figures(olga, "erp").progress

    assert (periods.kind, periods.unit, periods.done, periods.total) == (
        "period",
        "companies",
        1,
        2,
    )
    assert (periods.percent, periods.is_finished) == (50, False)
    assert (links.kind, links.done, links.total) == ("links", 1, 2)


def test_an_erp_is_read_as_far_back_as_its_options_say(
    olga: StaffViewer, cast: Cast, gateway: Connection
):
    connect_erp("http://127.0.0.1:9", backfill_years=1)
    for company in (cast.alfa, cast.beta):
        Stream.objects.create(
            connection=gateway,
            kind="period",
            company=company,
            updated_at=NOW,
            cursor="2026-03-10/2025-03-10",
        )

    (progress,) = figures(olga, "erp").progress

    assert (progress.done, progress.percent, progress.is_finished) == (2, 100, True)


def test_nothing_is_asked_again_for_each_connection(
    olga: StaffViewer, store: Connection, gateway: Connection, django_assert_num_queries: Any
):
    for connection in (store, gateway):
        lane(connection)
        Subscription.objects.create(connection=connection, kind="feed")
        put_in_inbox(connection, {"1": NOW})
    with django_assert_num_queries(6):
        one = operations.measure(now=NOW, name="erp")
    with django_assert_num_queries(6):
        both = operations.measure(now=NOW)

    assert [row.name for row in one] == ["erp"]
    assert [row.name for row in both] == ["erp", "loja"]


def test_a_connection_that_is_not_there_is_not_visible(olga: StaffViewer, store: Connection):
    with pytest.raises(NotVisible):
        operations.get_figures(viewer=olga, name="nowhere", now=NOW)


# --- what deserves attention --------------------------------------------------------------


def codes(olga: StaffViewer) -> list[tuple[str, str]]:
    return [(each.code, each.part) for each in concerns(figures(olga), NOW)]


def test_a_connection_that_does_well_deserves_none(olga: StaffViewer, store: Connection):
    lane(store, succeeded_at=NOW)
    Subscription.objects.create(connection=store, kind="feed", state="ours", oldest_seconds=60)

    assert codes(olga) == []


def test_what_is_down_or_rehearsed_comes_first(olga: StaffViewer, store: Connection):
    Connection.objects.update(down_since=ago(minutes=3), last_error="no answer")

    assert concerns(figures(olga), NOW) == (
        Concern("down", "loja", "Loja", since=ago(minutes=3), error="no answer"),
    )
    Connection.objects.update(outage_since=ago(minutes=1), outage_until=NOW + timedelta(1))
    assert codes(olga) == [("outage", "")]


def test_a_switched_off_connection_deserves_none(olga: StaffViewer, store: Connection):
    Connection.objects.update(down_since=NOW, is_enabled=False)

    assert codes(olga) == []


@pytest.mark.parametrize("state", ["missing", "foreign", "forbidden", "failing"])
def test_a_subscription_that_is_not_ours_is_told(olga: StaffViewer, store: Connection, state: str):
    Subscription.objects.create(connection=store, kind="hook", state=state)

    assert codes(olga) == [(f"subscription-{state}", "hook")]


def test_a_feed_that_ages_is_told_long_before_it_loses_events(olga: StaffViewer, store: Connection):
    row = Subscription.objects.create(
        connection=store, kind="feed", state="ours", quantity=812, oldest_seconds=6 * 3600
    )
    assert codes(olga) == []

    row.oldest_seconds = 7 * 3600
    row.save()

    (concern,) = concerns(figures(olga), NOW)
    assert (concern.code, concern.count, concern.since) == ("feed-ageing", 812, ago(hours=7))


def test_a_lane_that_fails_again_and_again_is_told(olga: StaffViewer, store: Connection):
    lane(store, "history", failures=2)
    assert codes(olga) == []

    Lane.objects.update(failures=3, last_error="cut")

    assert codes(olga) == [("lane-failing", "history")]


def test_a_lane_that_nobody_takes_up_is_told(olga: StaffViewer, store: Connection):
    lane(store, due_at=ago(minutes=3))

    assert codes(olga) == [("lane-late", "inbox")]


@pytest.mark.parametrize(
    "fields",
    [
        {"retry_at": NOW + timedelta(minutes=1)},
        {"outage_since": NOW, "outage_until": NOW + timedelta(minutes=1)},
    ],
)
def test_a_lane_of_a_source_that_rests_is_not_late(
    olga: StaffViewer, store: Connection, fields: dict[str, Any]
):
    lane(store, due_at=ago(minutes=3))
    Connection.objects.update(**fields)

    assert ("lane-late", "inbox") not in codes(olga)


def test_a_lane_that_runs_is_not_late_until_its_worker_counts_as_lost(
    olga: StaffViewer, store: Connection
):
    lane(store, due_at=ago(minutes=9), started_at=ago(minutes=4))
    assert codes(olga) == []

    Lane.objects.update(started_at=ago(minutes=6))

    assert codes(olga) == [("lane-late", "inbox")]


def test_a_backlog_that_grows_old_is_told(olga: StaffViewer, store: Connection):
    put_in_inbox(store, {"1": ago(minutes=14)})
    assert codes(olga) == []

    put_in_inbox(store, {"2": ago(minutes=16)})

    assert codes(olga) == [("backlog-late", "")]


def test_what_was_parked_in_the_last_day_is_told(olga: StaffViewer, store: Connection):
    park_one("1", ago(hours=25))
    assert codes(olga) == []

    park_one("2", ago(hours=23))

    assert codes(olga) == [("parked-lately", "")]


# --- lists --------------------------------------------------------------------------------


def park_one(external_id: str, at: datetime = NOW, connection: str = "loja", **fields: Any) -> None:
    values = {"reason": "contract-violation", "message": "not JSON"} | fields
    park(connection=connection, external_id=external_id, now=at, **values)


def test_parked_items_come_page_by_page_the_latest_first(olga: StaffViewer, store: Connection):
    for number in range(5):
        park_one(str(number), ago(minutes=number))

    first = operations.list_parked(viewer=olga, limit=2)
    second = operations.list_parked(viewer=olga, limit=2, after=first.next)
    third = operations.list_parked(viewer=olga, limit=2, after=second.next)

    pages = [[row.external_id for row in page.rows] for page in (first, second, third)]
    assert pages == [["0", "1"], ["2", "3"], ["4"]]
    assert third.next is None
    with pytest.raises(InvalidInput):
        operations.list_parked(viewer=olga, after="nonsense")


def test_parked_items_can_be_narrowed_and_say_what_was_asked_for_again(
    olga: StaffViewer, store: Connection
):
    park_one("1")
    park_one("2", reason="row")
    park_one("1", connection="erp")
    Parked.objects.filter(connection="erp").update(discarded_at=NOW)
    put_in_inbox(store, {"2": NOW})

    of_reason = operations.list_parked(viewer=olga, connection="loja", reason="row").rows

    assert [(row.external_id, row.is_waiting) for row in of_reason] == [("2", True)]
    assert len(operations.list_parked(viewer=olga).rows) == 2
    assert operations.list_parked_groups(viewer=olga) == (
        operations.ParkedGroup("loja", "contract-violation", 1),
        operations.ParkedGroup("loja", "row", 1),
    )


def test_runs_come_page_by_page_newest_first(olga: StaffViewer, store: Connection):
    for minute in range(3):
        Run.objects.create(
            connection=store, kind="feed", started_at=ago(minutes=minute), read=minute
        )

    first = operations.list_runs(viewer=olga, connection="loja", limit=2)
    second = operations.list_runs(viewer=olga, limit=2, after=first.next)

    assert [[row.read for row in page.rows] for page in (first, second)] == [[2, 1], [0]]
    assert operations.list_runs(viewer=olga, connection="erp").rows == ()


def test_what_waits_is_counted(olga: StaffViewer, store: Connection):
    park_one("1")
    report_incident("wrong-company", now=ago(hours=1))
    report_incident("wrong-company", now=ago(hours=25))
    Errand.objects.create(kind="run-now", asked_at=NOW)

    counts = operations.count_lists(viewer=olga, now=NOW)

    assert (counts.parked, counts.errands) == (Bounded(1), Bounded(1))
    assert counts.incidents == {"wrong-company": 1}


@pytest.mark.parametrize("role", [StaffRole.SUPPORT, StaffRole.TELESALES])
@pytest.mark.parametrize(
    ("read", "more"),
    [
        ("list_figures", {"now": NOW}),
        ("get_figures", {"now": NOW, "name": "loja"}),
        ("list_parked", {}),
        ("list_parked_groups", {}),
        ("list_runs", {}),
        ("count_lists", {"now": NOW}),
    ],
)
def test_others_of_staff_read_none_of_it(
    cast: Cast, role: StaffRole, read: str, more: dict[str, Any]
):
    viewer = StaffViewer(person_id=cast.suzana.pk, role=role)

    with pytest.raises(NotAllowed):
        getattr(operations, read)(viewer=viewer, **more)


def test_everything_is_readable_from_the_web_process(olga: StaffViewer, store: Connection):
    lane(store)
    with scope(role=WEB, person_id=olga.person_id):
        assert len(operations.list_figures(viewer=olga, now=NOW)) == 1
        assert operations.list_parked(viewer=olga).rows == ()
        assert operations.list_runs(viewer=olga).rows == ()
        assert operations.count_lists(viewer=olga, now=NOW).parked == Bounded(0)
