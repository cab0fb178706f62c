"""When each kind of work on a connection is due."""

from __future__ import annotations

import threading
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection as database

from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict
from b2b_orders.embedded.processes import wait_until
from b2b_orders.ingest import inbox, lanes
from b2b_orders.ingest.lanes import DueLane, LaneName
from b2b_orders.ingest.models import Connection, Lane, Origin
from erp_bridge.records import System
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def loja() -> Connection:
    row = Connection.objects.create(
        name="loja", kind="vtex", label="Loja", secret=b"", created_at=NOW, changed_at=NOW
    )
    lanes.ensure_lanes(connection=row, now=NOW)
    return row


def names(now=NOW) -> set[LaneName]:
    return {due.name for due in lanes.take_due(now=now)}


def rest(loja: Connection, *kept: LaneName) -> None:
    Lane.objects.exclude(name__in=kept).update(due_at=NOW + timedelta(days=1))


def lane(name: LaneName) -> Lane:
    return Lane.objects.get(name=name)


def test_new_lanes_are_due_at_once_and_handed_out_once(loja):
    assert names() == set(lanes.LANES["vtex"])
    assert names(NOW + SECOND) == set()


def test_a_lost_message_is_sent_again(loja):
    names()

    assert names(NOW + 6 * SECOND) == set(lanes.LANES["vtex"])


def test_a_lane_that_ran_rests_and_one_that_has_more_to_do_goes_on(loja):
    names()
    lanes.end(lane=lane(LaneName.FEED), now=NOW)
    lanes.end(lane=lane(LaneName.HISTORY), now=NOW, is_finished=False)

    assert names(NOW + SECOND) == {LaneName.HISTORY}
    assert lanes.interval(LaneName.FEED) == timedelta(seconds=30)
    assert LaneName.FEED in names(NOW + 31 * SECOND)


def test_a_lane_that_fails_waits_longer_each_time(loja):
    pauses = []
    for _ in range(3):
        lanes.fail(lane=lane(LaneName.FEED), now=NOW, error="no answer")
        pauses.append((lane(LaneName.FEED).due_at - NOW).total_seconds())

    assert pauses == [2, 4, 8]
    assert lane(LaneName.FEED).last_error == "no answer"
    lanes.end(lane=lane(LaneName.FEED), now=NOW)
    assert (lane(LaneName.FEED).failures, lane(LaneName.FEED).last_error) == (0, "")


def test_an_order_in_the_inbox_makes_its_lane_due(loja):
    rest(loja)
    assert names() == set()

    inbox.put(connection_id=loja.pk, external_ids=["a"], origin=Origin.HOOK, now=NOW)

    assert lanes.take_due(now=NOW) == [DueLane(loja.pk, LaneName.INBOX)]


def test_an_inbox_whose_lane_fails_waits_its_pause(loja):
    rest(loja)
    inbox.put(connection_id=loja.pk, external_ids=["a"], origin=Origin.HOOK, now=NOW)
    lanes.fail(lane=lane(LaneName.INBOX), now=NOW, error="no answer")

    assert names(NOW + SECOND) == set()
    assert names(NOW + 3 * SECOND) == {LaneName.INBOX}


@pytest.mark.parametrize(
    "change",
    [
        {"is_enabled": False},
        {"retry_at": NOW + SECOND},
        {"outage_since": NOW, "outage_until": NOW + SECOND},
    ],
    ids=["disabled", "resting", "outage"],
)
def test_a_source_that_is_not_to_be_asked_has_no_lane_due(loja, change):
    Connection.objects.update(**change)

    assert names() == set()


def test_running_soon_ends_every_pause(loja):
    names()
    lanes.fail(lane=lane(LaneName.FEED), now=NOW, error="no answer")

    lanes.run_soon(connection_id=loja.pk, names=[LaneName.FEED], now=NOW)

    assert names() == {LaneName.FEED}


@pytest.mark.django_db(transaction=True)
def test_a_lane_runs_once_at_a_time_and_is_not_handed_out_while_it_does(loja):
    rest(loja, LaneName.FEED)
    feed = lane(LaneName.FEED)
    other = database.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(7001, %s)", [feed.pk])
        assert names() == set()
        with pytest.raises(Conflict), lanes.alone(feed):
            pass
    finally:
        other.close()

    # The one who held it is gone, and its lock with it, as soon as the server notices.
    assert wait_until(lambda: names() == {LaneName.FEED}, seconds=10)
    with lanes.alone(feed):
        pass


# --- requests at once ----------------------------------------------------------------------


def take_slots(connection_id: int, at_once: int) -> list[int]:
    """Say how many slots some other session gets, and give them back."""
    found: list[int] = []

    def other() -> None:
        try:
            with lanes.slots(connection_id, at_once) as count:
                found.append(count)
        except Conflict:
            found.append(0)
        finally:
            database.close()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("at_once", "mine", "theirs"), [(8, 7, 1), (2, 1, 1), (1, 1, 0)], ids=["8", "2", "1"]
)
def test_lanes_share_the_requests_that_a_source_allows_at_once(loja, at_once, mine, theirs):
    with lanes.slots(loja.pk, at_once) as count:
        assert count == mine
        assert take_slots(loja.pk, at_once) == [theirs]
        assert take_slots(loja.pk + 1, at_once) == [mine]

    assert take_slots(loja.pk, at_once) == [mine]


def test_a_lane_that_finds_its_source_busy_tries_again_in_a_moment(loja):
    names()

    lanes.put_back(lane=lane(LaneName.HISTORY), now=NOW)

    assert (names(NOW + 2 * SECOND), names(NOW + 4 * SECOND)) == (set(), {LaneName.HISTORY})
    assert lane(LaneName.HISTORY).failures == 0


def test_connections_of_before_get_the_lanes_that_new_ones_have(loja):
    Lane.objects.all().delete()
    erp = Connection.objects.create(
        name="erp", kind="b2b_orders_v1", label="ERP", secret=b"", created_at=NOW, changed_at=NOW
    )
    for name in ("0006_lanes_of_connections", "0007_fetching") * 2:
        migration = import_module(f"b2b_orders.ingest.migrations.{name}")
        with database.cursor() as cursor:
            cursor.execute(migration.MAKE_LANES)

    assert set(Lane.objects.values_list("connection__name", "name")) == {
        *(("loja", name) for name in lanes.LANES[System.VTEX]),
        *(("erp", name) for name in lanes.LANES[System.ERP]),
    }
    assert len(lanes.take_due(now=clock.now())) == Lane.objects.count()
    assert erp.lanes.count() == 3
