"""Orders that wait to be read again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.ingest import inbox
from b2b_orders.ingest.inbox import Due
from b2b_orders.ingest.models import Connection, Origin
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def loja() -> Connection:
    return Connection.objects.create(
        name="loja", kind="vtex", label="Loja", secret=b"", created_at=NOW, changed_at=NOW
    )


def put(loja: Connection, *ids: str, origin: Origin = Origin.FEED) -> None:
    inbox.put(connection_id=loja.pk, external_ids=ids, origin=origin, now=NOW)


def due(loja: Connection) -> list[Due]:
    return inbox.due(connection=loja, now=NOW, limit=10)


def test_many_events_of_an_order_are_one_row(loja):
    put(loja, "a", "b")
    put(loja, "a", "a", origin=Origin.HOOK)

    assert due(loja) == [Due("a", events=2), Due("b")]


def test_what_was_read_is_taken_off(loja):
    put(loja, "a", "b")

    inbox.done(connection=loja, items=[Due("a"), Due("gone")], now=NOW)

    assert due(loja) == [Due("b")]


def test_an_event_that_came_while_the_order_was_read_is_not_lost(loja):
    put(loja, "a")
    (item,) = due(loja)
    inbox.put_off(connection=loja, item=item, message="HTTP 500", now=NOW - timedelta(hours=3))
    (item,) = due(loja)
    put(loja, "a")

    inbox.done(connection=loja, items=[item], now=NOW)

    assert due(loja) == [Due("a", events=2, attempts=0)]


def test_what_is_put_off_waits_longer_each_time(loja):
    put(loja, "a")
    pauses = []
    for attempts in range(3):
        inbox.put_off(connection=loja, item=Due("a", attempts=attempts), message="no", now=NOW)
        pauses.append((loja.inbox.get().due_at - NOW).total_seconds())

    assert pauses == [15, 30, 60]
    assert (loja.inbox.get().attempts, loja.inbox.get().last_error) == (3, "no")
    assert due(loja) == []


def test_something_new_about_a_put_off_order_makes_it_due_at_once(loja):
    put(loja, "a")
    inbox.put_off(connection=loja, item=due(loja)[0], message="no", now=NOW)

    put(loja, "a")

    assert due(loja) == [Due("a", events=2, attempts=1)]


def test_an_event_that_came_while_a_try_failed_is_tried_at_once(loja):
    put(loja, "a")
    (item,) = due(loja)
    put(loja, "a")

    assert inbox.put_off(connection=loja, item=item, message="no", now=NOW)

    assert due(loja) == [Due("a", events=2, attempts=1)]


def test_an_order_tried_often_enough_is_taken_off(loja):
    put(loja, "a")

    is_kept = inbox.put_off(
        connection=loja, item=Due("a", attempts=inbox.MAX_ATTEMPTS - 1), message="no", now=NOW
    )

    assert not is_kept
    assert not loja.inbox.exists()


def test_a_planned_reading_keeps_its_moment_and_an_event_brings_it_forward(loja):
    inbox.put(connection_id=loja.pk, external_ids={"a": LATER}, origin=Origin.AGAIN, now=NOW)
    assert due(loja) == []

    put(loja, "a")
    inbox.put(connection_id=loja.pk, external_ids={"a": LATER}, origin=Origin.AGAIN, now=NOW)

    assert [item.external_id for item in due(loja)] == ["a"]
