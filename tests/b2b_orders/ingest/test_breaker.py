from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection as database
from django.db import transaction

from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.ingest.breaker import (
    DbBreakerStore,
    ReadOnlyBreakerStore,
    forget_old_counts,
    rests_until,
    state_of,
)
from b2b_orders.ingest.models import CallCount, Connection, Pace
from erp_bridge.breaker import REHEARSED, BreakerState, Counts
from erp_bridge.errors import CredentialsRejected, NotFound, SourceFailing, Throttled
from erp_bridge.pace import Bucket, Turns
from tests.b2b_orders.ingest.conftest import connect_erp
from tests.factories import NOW

LATER = NOW + timedelta(minutes=1)
MUCH_LATER = NOW + timedelta(minutes=9)


@pytest.fixture
def row(transactional_db: None) -> Connection:
    return connect_erp("http://127.0.0.1:9")


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[DbBreakerStore]:
    with closing(DbBreakerStore(clock)) as made:
        yield made


def test_it_is_down_since_the_first_failure_that_counts(
    row: Connection, store: DbBreakerStore, clock: Clock
):
    store.failed("erp", SourceFailing("the source failed", status=500), None)
    clock.now = LATER
    store.failed("erp", SourceFailing("the source failed", status=500), LATER)

    assert store.read("erp") == BreakerState(2, NOW, LATER, "source-failing")
    row.refresh_from_db()
    assert row.last_error == "the source failed"


def test_a_request_to_slow_down_is_no_failure(row: Connection, store: DbBreakerStore):
    store.failed("erp", Throttled("slow down"), LATER)

    assert store.read("erp") == BreakerState(0, None, LATER, "throttled")


def test_success_clears_and_dates_the_data(row: Connection, store: DbBreakerStore):
    store.failed("erp", SourceFailing("x"), LATER)

    store.succeeded("erp")

    row.refresh_from_db()
    assert store.read("erp") == BreakerState()
    assert (row.last_success_at, row.last_error) == (NOW, "")


def test_success_does_not_end_the_rest_that_the_source_asked_for(
    row: Connection, store: DbBreakerStore, clock: Clock
):
    store.failed("erp", Throttled("slow down"), LATER)

    store.succeeded("erp")
    assert store.read("erp") == BreakerState(0, None, LATER, "throttled")

    clock.now = LATER
    store.succeeded("erp")
    assert store.read("erp") == BreakerState()


def test_success_ends_the_rest_after_refused_credentials(row: Connection, store: DbBreakerStore):
    store.failed("erp", CredentialsRejected("x"), LATER)

    store.succeeded("erp")

    assert store.read("erp") == BreakerState()


@pytest.mark.parametrize(
    ("error", "retry_at", "state"),
    [
        (SourceFailing("x"), None, BreakerState(1, NOW, LATER, "throttled")),
        (Throttled("x"), NOW, BreakerState(0, None, LATER, "throttled")),
        (Throttled("x"), MUCH_LATER, BreakerState(0, None, MUCH_LATER, "throttled")),
        (SourceFailing("x"), MUCH_LATER, BreakerState(1, NOW, MUCH_LATER, "source-failing")),
    ],
)
def test_the_rest_that_the_source_asked_for_is_never_made_shorter(
    error: SourceFailing | Throttled,
    retry_at: datetime | None,
    state: BreakerState,
    row: Connection,
    store: DbBreakerStore,
):
    store.failed("erp", Throttled("slow down"), LATER)

    store.failed("erp", error, retry_at)

    assert store.read("erp") == state


def test_what_is_noted_survives_a_rollback(row: Connection, store: DbBreakerStore):
    with transaction.atomic():
        store.failed("erp", SourceFailing("x"), None)
        store.add_counts("erp", {NOW: Counts(1)})
        transaction.set_rollback(True)

    assert store.read("erp").failures == 1
    assert CallCount.objects.get().calls == 1


def test_an_unknown_source_is_fresh_and_free(transactional_db: None, store: DbBreakerStore):
    assert store.read("nobody") == BreakerState()
    assert store.take_turns("nobody", Turns(Bucket.ALL, 0.001)) == 0.0
    assert store.take_turns("nobody", Turns(Bucket.ALL, 0.001)) == 0.0
    store.add_counts("nobody", {NOW: Counts(1)})
    assert not CallCount.objects.exists()


def test_the_web_process_knows_and_does_not_note(row: Connection, store: DbBreakerStore):
    store.failed("erp", SourceFailing("x"), LATER)
    row.refresh_from_db()

    with scope(role=WEB):
        known = ReadOnlyBreakerStore(row)
        assert known.read("erp") == BreakerState(1, NOW, LATER, "source-failing")
        known.failed("erp", NotFound("x"), None)
        known.succeeded("erp")
        known.add_counts("erp", {NOW: Counts(1)})

    row.refresh_from_db()
    assert row.failures == 1
    assert not CallCount.objects.exists()


# --- the database connection -------------------------------------------------------------


def backend_of(store: DbBreakerStore) -> int:
    return store._aside.run("SELECT pg_backend_pid()", [])[0]


def _is_gone(backend: int) -> bool:
    """Say whether the server has noticed within a few seconds that a connection was closed."""
    for _ in range(100):
        with database.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [backend])
            if cursor.fetchone() == (0,):
                return True
        time.sleep(0.05)
    return False


def test_all_statements_take_one_connection_in_every_thread(row: Connection, store: DbBreakerStore):
    first = backend_of(store)
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(backend_of(store) for _ in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [first] * 80
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (first,)


def test_a_connection_that_the_server_ended_is_replaced(row: Connection, store: DbBreakerStore):
    store.failed("erp", SourceFailing("x"), None)
    first = backend_of(store)
    with database.cursor() as cursor:
        # 5 s at most until it is gone.
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        assert cursor.fetchone() == (True,)

    store.failed("erp", SourceFailing("x"), None)

    assert store.read("erp").failures == 2
    assert backend_of(store) != first


def test_a_closed_store_leaves_nothing_open_and_opens_again(row: Connection, store: DbBreakerStore):
    first = backend_of(store)

    store.close()
    store.close()

    assert _is_gone(first)
    assert store.read("erp") == BreakerState()


def test_a_forked_process_takes_a_connection_of_its_own(row: Connection, store: DbBreakerStore):
    first = backend_of(store)
    store._aside._process = -1

    assert backend_of(store) != first

    (inherited,) = store._aside._inherited
    with inherited.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() == (first,)
    inherited.close()


# --- the probe ---------------------------------------------------------------------------


def test_one_process_at_a_time_probes(row: Connection, store: DbBreakerStore):
    with closing(DbBreakerStore()) as other:
        assert store.try_probe("erp", 60.0)
        assert not other.try_probe("erp", 60.0)

        store.end_probe("erp")
        assert other.try_probe("erp", 60.0)


def test_the_probe_of_a_dead_process_lapses(row: Connection, store: DbBreakerStore):
    assert store.try_probe("erp", 60.0)
    row.refresh_from_db()
    assert row.probe_until is not None

    Connection.objects.update(probe_until=row.probe_until - timedelta(seconds=60))

    assert store.try_probe("erp", 60.0)


@pytest.mark.parametrize("is_well", [True, False])
def test_a_probe_ends_with_what_it_found(is_well: bool, row: Connection, store: DbBreakerStore):
    store.try_probe("erp", 60.0)

    if is_well:
        store.succeeded("erp")
    else:
        store.failed("erp", SourceFailing("x"), LATER)

    assert store.try_probe("erp", 60.0)


# --- the pace ----------------------------------------------------------------------------

FAR = timedelta(hours=1)


def test_turns_follow_one_another_after_the_burst(row: Connection, store: DbBreakerStore):
    turns = Turns(Bucket.ALL, 0.01, burst=3)

    waits = [store.take_turns("erp", turns) for _ in range(5)]

    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3:] == pytest.approx([100.0, 200.0], abs=5)


def test_a_turn_too_far_away_is_left_to_others(row: Connection, store: DbBreakerStore):
    store.take_turns("erp", Turns(Bucket.ALL, 0.01))
    before = Pace.objects.get()

    wait = store.take_turns("erp", Turns(Bucket.ALL, 0.01, patience=50.0))

    assert wait == pytest.approx(100.0, abs=5)
    assert Pace.objects.get().all_at == before.all_at


def test_the_buckets_are_apart(row: Connection, store: DbBreakerStore):
    slow = Turns(Bucket.BACKFILL, 0.01)
    store.take_turns("erp", slow)
    store.take_turns("erp", slow)

    assert store.take_turns("erp", Turns(Bucket.ALL, 0.01)) == 0.0


# One process with four threads that takes turns and says the moments they are for.
_PROCESS = """
import sys, threading, time
import django
django.setup()
from b2b_orders.ingest.breaker import DbBreakerStore
from erp_bridge.pace import Bucket, Turns
turns = Turns(Bucket.ALL, 0.1, count=2)
moments = []
store = DbBreakerStore()
def take():
    for _ in range(10):
        wait = store.take_turns("erp", turns)
        moments.append(time.time() + wait)
threads = [threading.Thread(target=take) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
store.close()
print(*moments)
"""


def test_no_two_processes_or_threads_are_given_the_same_turn(row: Connection):
    begin = datetime.now(NOW.tzinfo) + FAR
    Pace.objects.create(connection="erp", all_at=begin, backfill_at=begin)
    url = os.environ["PORTAL_DATABASE_URL"].rsplit("/", 1)[0]  # noqa: TID251 a test's address
    environment = os.environ | {  # noqa: TID251 as above
        "PORTAL_DATABASE_URL": f"{url}/{database.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "b2b_orders.settings.test",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS],
            env=environment,
            cwd=settings.BASE_DIR,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    moments = [float(m) for p in processes for m in p.communicate(timeout=60)[0].split()]

    # A turn is ten seconds, each took two in a row: the moments are twenty seconds apart.
    places = sorted(round((moment - begin.timestamp()) / 20) for moment in moments)
    assert places == list(range(80))
    assert Pace.objects.get().all_at == begin + timedelta(seconds=80 * 20)


# --- the counts --------------------------------------------------------------------------


def test_counts_of_all_processes_add_up_by_the_minute(row: Connection, store: DbBreakerStore):
    with closing(DbBreakerStore()) as other:
        store.add_counts("erp", {NOW: Counts(3, 1, 1, 0.5), LATER: Counts(1)})
        other.add_counts("erp", {NOW: Counts(2, 0, 0, 0.25)})

    rows = CallCount.objects.order_by("minute").values_list(
        "connection", "minute", "calls", "failures", "throttled", "seconds"
    )
    assert list(rows) == [("erp", NOW, 5, 1, 1, 0.75), ("erp", LATER, 1, 0, 0, 0.0)]


def test_old_counts_are_forgotten(row: Connection, store: DbBreakerStore):
    store.add_counts("erp", {NOW: Counts(1), LATER: Counts(2)})

    forget_old_counts(now=LATER + timedelta(days=8))

    assert [count.calls for count in CallCount.objects.all()] == [2]


# --- a rehearsed outage ------------------------------------------------------------------


def test_while_an_outage_is_rehearsed_the_source_is_down_for_everybody(
    row: Connection, store: DbBreakerStore, clock: Clock
):
    Connection.objects.update(outage_since=NOW, outage_until=LATER)
    row.refresh_from_db()

    down = BreakerState(0, NOW, LATER, REHEARSED)
    assert store.read("erp") == down
    assert state_of(row, now=NOW) == down
    assert rests_until(row, now=NOW) == LATER

    clock.now = LATER
    assert store.read("erp") == BreakerState()
    assert state_of(row, now=LATER) == BreakerState()
    assert rests_until(row, now=LATER) is None


def test_a_source_that_was_down_before_its_rehearsal_stays_down_since_then(
    row: Connection, store: DbBreakerStore, clock: Clock
):
    store.failed("erp", SourceFailing("x"), None)
    Connection.objects.update(outage_since=LATER, outage_until=MUCH_LATER)
    clock.now = LATER

    assert store.read("erp") == BreakerState(1, NOW, MUCH_LATER, REHEARSED)
