"""Reading a VTEX account, against the simulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection as database

from b2b_orders.audit.models import Incident
from b2b_orders.companies.models import Company
from b2b_orders.ingest import inbox, passes, vtex_pass
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, InboxItem, Origin, Parked, Run, Stream
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.services import save_connection
from b2b_orders.ingest.sync import is_history_left, work
from b2b_orders.orders.models import Order, OrderNumber, SourceRecord
from erp_bridge.errors import BridgeError, CredentialsRejected, SourceFailing, Throttled
from erp_bridge.simulators import vtex as simulated
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O1, O3, O5, World
from erp_bridge.vtex.client import VtexClient
from tests.b2b_orders.ingest.conftest import forget_orders, run_lanes, run_sync
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Rows = Callable[[], dict[str, list[str]]]


class Killed(BaseException):
    """The process ends here."""


def web_orders(world: World) -> int:
    return len(world.web_between(None, None))


def poll(connection: Connection) -> Pass:
    return run_lanes(connection, LaneName.FEED, LaneName.INBOX)


def test_a_first_pass_reads_the_whole_history(
    loja: Connection, companies: dict[str, Company], world: World
):
    run = run_sync(loja)

    count = web_orders(world)
    assert run.tally.as_dict() == {
        "read": count,
        "new": count,
        "changed": 0,
        "unchanged": 0,
        "failed": 0,
    }
    order = OrderNumber.objects.get(value="502556", kind="web").order
    assert (order.company, order.origins) == (companies["alfa"], "vtex")
    assert Run.objects.get().finished_at is not None


def test_the_feed_is_configured_before_the_lists_are_read(
    loja: Connection, vtex_sim: VtexSimulator
):
    run_sync(loja)

    routes = [entry.route for entry in vtex_sim.log]
    assert routes.index("feed_config") < routes.index("list")
    # Once more after setting it: VTEX may make something else of what it was told.
    methods = [e.method for e in vtex_sim.requests("feed_config")][:3]
    assert methods == ["GET", "POST", "GET"]


def test_a_feed_that_somebody_changed_is_repaired(loja: Connection, vtex_sim: VtexSimulator):
    run_sync(loja)
    vtex_sim.feed = None

    poll(loja)

    assert vtex_sim.feed is not None


def test_reading_again_changes_nothing(
    loja: Connection, companies: dict[str, Company], known_rows: Rows
):
    run_sync(loja)
    before = known_rows()

    run = run_sync(loja)

    assert (run.tally.new, run.tally.changed, run.tally.failed) == (0, 0, 0)
    assert known_rows() == before


@pytest.mark.parametrize("at_batch", [1, 2])
def test_a_pass_that_is_killed_goes_on_where_it_was(
    at_batch: int,
    loja: Connection,
    companies: dict[str, Company],
    known_rows: Rows,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(vtex_pass, "BATCH", 3)
    monkeypatch.setattr(vtex_pass, "MOST_LISTED", 5)
    run_sync(loja)
    whole = known_rows()
    forget_orders()
    left = at_batch
    original = Pass.store

    def dies(self: Pass, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        stored = original(self, *args, **kwargs)
        left -= 1
        if left == 0:
            raise Killed
        return stored

    monkeypatch.setattr(Pass, "store", dies)
    with pytest.raises(Killed):
        run_sync(loja)
    assert 0 < SourceRecord.objects.count() < web_orders(world)

    run_sync(loja)

    assert known_rows() == whole


def test_orders_of_a_time_are_read_alone(loja: Connection, world: World):
    day = world.cast["O5"].placed_on

    run_sync(loja, since=day, until=day)

    found = set(SourceRecord.objects.values_list("external_id", flat=True))
    on_day = {o.web.order_id for o in world.web_between(None, None) if o.placed_on == day and o.web}
    assert O5.web_number in found
    assert found == on_day


# --- the feed ----------------------------------------------------------------------------


def test_a_change_arrives_by_the_feed(
    loja: Connection, companies: dict[str, Company], vtex_sim: VtexSimulator
):
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})

    run = poll(loja)

    record = SourceRecord.objects.get(external_id=O3.web_number)
    assert record.facts["status_raw"] == "handling"
    assert (run.tally.read, run.tally.changed) == (1, 1)


def test_many_changes_of_one_order_are_one_reading(loja: Connection, vtex_sim: VtexSimulator):
    run_sync(loja)
    vtex_sim.reset()
    for status in ("ready-for-handling", "start-handling", "handling", "invoice", "invoiced"):
        vtex_sim.control_orders({"order_id": O3.web_number, "status": status})

    poll(loja)

    assert len(vtex_sim.requests("order")) == 1
    assert vtex_sim.feed is not None
    assert len(vtex_sim.feed.messages) == 0


def test_a_change_is_committed_only_once_it_stands_in_the_inbox(
    loja: Connection, vtex_sim: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    with monkeypatch.context() as patch:
        patch.setattr("erp_bridge.vtex.client.VtexClient.feed_commit", _die)
        with pytest.raises(Killed):
            poll(loja)
    assert waiting(vtex_sim) == 1
    assert InboxItem.objects.get().external_id == O3.web_number
    vtex_sim.expire_visibility()

    run = poll(loja)

    assert waiting(vtex_sim) == 0
    assert (run.tally.read, run.tally.changed) == (1, 1)
    assert not InboxItem.objects.exists()


def test_a_change_that_cannot_be_written_down_is_not_committed(
    loja: Connection, vtex_sim: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "put", _die)
        with pytest.raises(Killed):
            poll(loja)

    assert waiting(vtex_sim) == 1


def waiting(vtex_sim: VtexSimulator) -> int:
    assert vtex_sim.feed is not None
    return len(vtex_sim.feed.messages)


def _die(*args: Any, **kwargs: Any) -> None:
    raise Killed


def test_an_account_that_asks_for_rest_ends_the_pass_and_the_order_waits(
    loja: Connection, vtex_sim: VtexSimulator
):
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.fault("order", "throttled", retry_after="120", times=50)

    with pytest.raises(Throttled):
        poll(loja)

    assert (InboxItem.objects.get().attempts, waiting(vtex_sim)) == (0, 0)
    assert not Parked.objects.exists()


def test_an_order_that_always_fails_does_not_block_the_others(
    loja: Connection, vtex_sim: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    run_sync(loja)
    for order_id in (O3.web_number, O5.web_number):
        vtex_sim.control_orders({"order_id": order_id, "status": "handling"})
    original = VtexClient.order

    def fails(self: VtexClient, order_id: str, call: Any) -> Any:
        if order_id == O3.web_number:
            raise SourceFailing("the source failed", source="loja", operation="order", status=500)
        return original(self, order_id, call)

    monkeypatch.setattr(VtexClient, "order", fails)

    run = poll(loja)

    assert (run.tally.changed, run.tally.failed) == (1, 1)
    item = InboxItem.objects.get()
    assert (item.external_id, item.attempts) == (O3.web_number, 1)
    # Not worth anybody's attention yet.
    assert not Parked.objects.exists()
    InboxItem.objects.update(due_at=NOW, attempts=inbox.MAX_ATTEMPTS - 1)
    poll(loja)
    assert not InboxItem.objects.exists()
    assert Parked.objects.get().reason == "source-failing"


def test_an_order_that_always_fails_does_not_block_the_history(
    loja: Connection, vtex_sim: VtexSimulator, world: World, monkeypatch: pytest.MonkeyPatch
):
    original = VtexClient.order

    def fails(self: VtexClient, order_id: str, call: Any) -> Any:
        if order_id == O3.web_number:
            raise SourceFailing("the source failed", source="loja", operation="order", status=500)
        return original(self, order_id, call)

    monkeypatch.setattr(VtexClient, "order", fails)

    run = run_sync(loja)

    assert (run.tally.new, run.tally.failed) == (web_orders(world) - 1, 1)
    assert InboxItem.objects.get().external_id == O3.web_number


def test_an_announced_order_that_is_not_there_is_counted_and_committed(
    loja: Connection, vtex_sim: VtexSimulator
):
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.fault("order", "error", status=404, times=1)

    run = poll(loja)

    assert run.tally.failed == 1
    assert vtex_sim.feed is not None
    assert len(vtex_sim.feed.messages) == 0


def test_a_broken_order_is_set_aside_and_read_later(loja: Connection, vtex_sim: VtexSimulator):
    run_sync(loja)
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.fault("order", "html", times=1)

    run = poll(loja)

    assert run.tally.failed == 1
    assert Parked.objects.get().external_id == O3.web_number
    assert Parked.objects.get().reason == "contract-violation"
    InboxItem.objects.update(due_at=NOW)
    poll(loja)
    assert not Parked.objects.exists()
    assert not InboxItem.objects.exists()
    assert SourceRecord.objects.get(external_id=O3.web_number).facts["status_raw"] == "handling"


def test_another_order_than_the_one_asked_for_is_not_stored(
    loja: Connection, vtex_sim: VtexSimulator
):
    run_sync(loja)
    before = SourceRecord.objects.count()
    vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
    vtex_sim.fault("order", "wrong_company", times=1)

    poll(loja)

    assert SourceRecord.objects.count() == before
    assert SourceRecord.objects.get(external_id=O3.web_number).facts["status_raw"] != "handling"


# --- a source that does not work ----------------------------------------------------------


def test_one_broken_order_does_not_stop_the_history(
    loja: Connection, vtex_sim: VtexSimulator, world: World
):
    vtex_sim.fault("order", "html", times=1)

    run = run_sync(loja)

    assert (run.tally.new, run.tally.failed) == (web_orders(world) - 1, 1)
    assert Parked.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["dead", "error", "truncated"])
def test_a_source_that_goes_down_ends_the_pass_and_the_next_goes_on(
    mode: Any, loja: Connection, vtex_sim: VtexSimulator, world: World
):
    vtex_sim.fault("order", mode)
    with pytest.raises(BridgeError):
        run_sync(loja)
    assert Run.objects.get().error

    vtex_sim.reset()
    run = run_sync(loja)

    assert run.tally.new == web_orders(world)


def test_a_refused_token_ends_the_pass(loja: Connection):
    save_connection(kind="vtex", name="loja", settings=loja.settings, secret="wrong", now=NOW)

    with pytest.raises(CredentialsRejected):
        run_sync(loja)

    assert not SourceRecord.objects.exists()


def test_an_order_of_nobody_waits_and_is_seen_by_no_company(loja: Connection):
    run_sync(loja)

    assert set(Order.objects.values_list("company", flat=True)) == {None}
    assert not OrderNumber.objects.exists()
    assert not Incident.objects.exists()


def test_a_company_finds_its_orders_by_every_number(
    loja: Connection, companies: dict[str, Company]
):
    run_sync(loja)

    for value in ("1172452900788", "117245290078801", "502556", "V502556LLUX01"):
        order = OrderNumber.objects.get(company=companies["alfa"], value=value).order
        assert order.records.get().external_id == O1.web_number


def test_a_history_read_in_short_turns_ends_and_says_how_far_it_is(
    loja: Connection, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vtex_pass, "MOST_LISTED", 3)
    count = web_orders(world)
    far = []
    while not work(Pass(Connection.objects.get(), "history", seconds=0), LaneName.HISTORY):
        stream = Stream.objects.get(kind="backfill")
        assert (stream.total, stream.high_water) == (count, None)
        assert stream.began_at is not None
        far.append(stream.done)
        assert SourceRecord.objects.count() <= stream.done

    assert far == sorted(far)
    assert len(far) > 2
    assert SourceRecord.objects.count() == count
    assert not is_history_left(Pass(Connection.objects.get(), "history"))


def test_a_page_that_takes_many_turns_is_read_once(
    loja: Connection, vtex_sim: VtexSimulator, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vtex_pass, "BATCH", 2)
    monkeypatch.setattr(vtex_pass, "fetch_in_order", partial(passes.fetch_in_order, ahead=0))
    count, turns = web_orders(world), 1
    while not work(Pass(Connection.objects.get(), "history", seconds=0), LaneName.HISTORY):
        turns += 1
        assert SourceRecord.objects.count() >= min(count, 2 * (turns - 1))

    assert turns > count // 3
    assert SourceRecord.objects.count() == count
    # One that was asked for when a turn ended may be asked for again.
    asked = Counter(entry.path for entry in vtex_sim.requests("order"))
    assert len(asked) == count
    assert max(asked.values()) <= 2


@pytest.mark.django_db(transaction=True)
def test_an_event_that_comes_while_its_order_is_read_by_the_lists_is_kept(
    loja: Connection, vtex_sim: VtexSimulator, monkeypatch: pytest.MonkeyPatch
):
    original = VtexClient.order

    def changes(self: VtexClient, order_id: str, call: Any) -> Any:
        answer = original(self, order_id, call)
        if order_id == O3.web_number:
            inbox.put(connection_id=loja.pk, external_ids=[order_id], origin=Origin.HOOK, now=NOW)
            database.close()  # this thread's own
        return answer

    monkeypatch.setattr(VtexClient, "order", changes)

    run_lanes(loja, LaneName.HISTORY)

    assert InboxItem.objects.get().external_id == O3.web_number


@pytest.mark.parametrize(
    ("item", "parked"),
    [
        ({"orderId": None}, ("feed", "an item of the feed names no order")),
        ({"orderId": "../../x"}, ("../../x", "an item of the feed names no possible id")),
        ({"orderId": "9" * 200}, ("9" * 40, "an item of the feed names no possible id")),
        ({"orderId": {"a": 1}}, ("feed", "an item of the feed names no order")),
    ],
)
def test_an_item_of_the_feed_that_cannot_be_used_is_parked_and_the_rest_is_read(
    item: dict[str, Any],
    parked: tuple[str, str],
    loja: Connection,
    vtex_sim: VtexSimulator,
    monkeypatch: pytest.MonkeyPatch,
):
    run_sync(loja)
    for order_id in (O5.web_number, O3.web_number):
        vtex_sim.control_orders({"order_id": order_id, "status": "handling"})
    original = simulated.feed_item

    def broken(message: Any) -> dict[str, object]:
        told = original(message)
        return told | item if message.order_id == O5.web_number else told

    monkeypatch.setattr(simulated, "feed_item", broken)

    poll(loja)

    row = Parked.objects.get()
    assert ((row.external_id, row.message), row.reason) == (parked, "feed-item")
    assert (row.subject, waiting(vtex_sim)) == ("part", 0)
    assert SourceRecord.objects.get(external_id=O3.web_number).facts["status_raw"] == "handling"
