"""What operations have done: written down by the web process, done by a worker, once."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db import connection as database

from b2b_orders.audit.models import Action, AuditEvent
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.companies.access import Actor, StaffViewer
from b2b_orders.companies.models import Company, Establishment, StaffRole
from b2b_orders.ingest import errands, lanes, tasks
from b2b_orders.ingest.errands import Kind, get_errand, request_errand, run_errand
from b2b_orders.ingest.models import (
    Connection,
    Errand,
    ErrandState,
    InboxItem,
    Lane,
    Parked,
    Subscription,
)
from b2b_orders.ingest.storing import park
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from tests.b2b_orders.ingest.conftest import connect_erp, connect_vtex
from tests.conftest import Cast
from tests.factories import NOW, make_company, make_reading, make_vtex_record

LATER = NOW + timedelta(seconds=5)
NEW_TAX_ID = "11222333000181"


@pytest.fixture
def olga(cast: Cast) -> StaffViewer:
    return StaffViewer(person_id=cast.olga.pk, role=StaffRole.OPERATIONS)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect what workers were woken for, instead of a broker."""
    ids: list[int] = []
    monkeypatch.setattr(errands, "_wake_worker_aside", ids.append)
    return ids


@pytest.fixture
def store(db: None) -> Connection:
    connection = connect_vtex("http://127.0.0.1:9")
    Lane.objects.all().delete()
    return connection


def ask(viewer: StaffViewer, kind: Kind, params: Mapping[str, Any], reason: str = "") -> uuid.UUID:
    actor = Actor(
        person_id=viewer.person_id,
        staff_role=viewer.role,
        address="192.0.2.7",
        request_id="abc",
    )
    with scope(role=WEB, person_id=viewer.person_id):
        return request_errand(
            viewer=viewer, actor=actor, kind=kind, params=params, reason=reason, now=NOW
        )


def do(public_id: uuid.UUID) -> Errand:
    errand = Errand.objects.get(public_id=public_id)
    run_errand(errand_id=errand.pk, clock=lambda: LATER)
    errand.refresh_from_db()
    return errand


# --- asking ---------------------------------------------------------------------------------


def test_asking_leaves_a_row_and_wakes_a_worker_after_the_commit(
    olga: StaffViewer,
    store: Connection,
    woken: list[int],
    django_capture_on_commit_callbacks: Any,
):
    with django_capture_on_commit_callbacks(execute=True):
        public_id = ask(olga, Kind.RUN_NOW, {"connection": " loja\0 "})
        assert woken == []

    row = Errand.objects.get()
    assert (row.public_id, row.kind, row.params) == (public_id, "run-now", {"connection": "loja"})
    assert (row.person_id, row.address, row.asked_at) == (olga.person_id, "192.0.2.7", NOW)
    assert woken == [row.pk]


def test_others_of_staff_may_not_ask(cast: Cast, store: Connection):
    for role in (StaffRole.SUPPORT, StaffRole.TELESALES):
        with pytest.raises(NotAllowed):
            ask(StaffViewer(cast.suzana.pk, role), Kind.RUN_NOW, {"connection": "loja"})

    assert not Errand.objects.exists()


def test_what_does_not_exist_cannot_be_asked_about(olga: StaffViewer, store: Connection):
    for kind, params in (
        (Kind.RUN_NOW, {"connection": "nowhere"}),
        (Kind.TEST_CONNECTION, {}),
        (Kind.RETRY_PARKED, {"ids": ["77"]}),
        (Kind.RETRY_PARKED, {"ids": []}),
        (Kind.RETRY_PARKED, {"ids": ["x"]}),
        (Kind.RETRY_PARKED, {"ids": [str(10**30)]}),
        (Kind.RETRY_PARKED, {"ids": [str(number) for number in range(1, 300)]}),
    ):
        with pytest.raises(NotVisible):
            ask(olga, kind, params)


def test_the_web_process_cannot_change_an_errand(olga: StaffViewer, store: Connection):
    ask(olga, Kind.RUN_NOW, {"connection": "loja"})

    for attempt in (
        lambda: Errand.objects.update(state="done"),
        lambda: Errand.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), scope(role="b2b_staff"):
            attempt()


def test_an_errand_is_shown_to_operations_alone(olga: StaffViewer, store: Connection, cast: Cast):
    public_id = ask(olga, Kind.RUN_NOW, {"connection": "loja"})

    assert get_errand(viewer=olga, public_id=public_id).state is ErrandState.WAITING
    assert [row.public_id for row in errands.list_errands(viewer=olga)] == [public_id]
    with pytest.raises(NotVisible):
        get_errand(viewer=olga, public_id=uuid.uuid4())
    with pytest.raises(NotAllowed):
        get_errand(viewer=StaffViewer(cast.suzana.pk, StaffRole.SUPPORT), public_id=public_id)


# --- doing ----------------------------------------------------------------------------------


def test_what_was_done_is_recorded_once_with_who_and_why(olga: StaffViewer, store: Connection):
    public_id = ask(olga, Kind.RUN_NOW, {"connection": "loja"}, reason="after the release")

    done = do(public_id)
    again = do(public_id)

    assert (done.state, done.started_at, done.finished_at) == ("done", LATER, LATER)
    assert again.outcome == {"code": "due"}
    event = AuditEvent.objects.get()
    assert (event.action, event.person_id, event.staff_role) == (
        Action.RUN_ASKED,
        olga.person_id,
        "operations",
    )
    assert (event.object_kind, event.object_id, event.reason) == (
        "connection",
        "loja",
        "after the release",
    )
    assert (event.address, event.request_id) == ("192.0.2.7", "abc")
    assert event.detail == {"outcome": "due", "errand": str(public_id)}


def test_run_now_makes_every_lane_due(olga: StaffViewer, store: Connection):
    lanes.ensure_lanes(connection=store, now=NOW + timedelta(hours=1))

    do(ask(olga, Kind.RUN_NOW, {"connection": "loja"}))

    assert set(Lane.objects.values_list("name", "due_at")) == {
        (name, LATER) for name in ("feed", "inbox", "history", "upkeep")
    }


def test_run_now_says_when_the_source_rests(olga: StaffViewer, store: Connection):
    Connection.objects.update(retry_at=LATER + timedelta(minutes=1))

    errand = do(ask(olga, Kind.RUN_NOW, {"connection": "loja"}))

    assert errand.outcome["code"] == "rests"


def test_a_switched_off_connection_does_not_run(olga: StaffViewer, store: Connection):
    Connection.objects.update(is_enabled=False)

    errand = do(ask(olga, Kind.RUN_NOW, {"connection": "loja"}))

    assert (errand.state, errand.outcome["code"]) == ("failed", "conflict")


def test_a_connection_that_went_away_meanwhile_is_gone(olga: StaffViewer, store: Connection):
    public_id = ask(olga, Kind.RUN_NOW, {"connection": "loja"})
    Connection.objects.all().delete()

    assert do(public_id).outcome == {"code": "gone"}


@pytest.mark.django_db(transaction=True)
def test_testing_a_connection_reaches_the_source(olga: StaffViewer, erp_sim: ErpSimulator):
    connect_erp(erp_sim.url)

    works = do(ask(olga, Kind.TEST_CONNECTION, {"connection": "erp"}))
    erp_sim.fault("*", "dead")
    broken = do(ask(olga, Kind.TEST_CONNECTION, {"connection": "erp"}))

    assert (works.state, works.outcome["code"]) == ("done", "works")
    assert (broken.state, broken.outcome["code"]) == ("failed", "broken")
    assert broken.outcome["text"] != ""
    assert Connection.objects.get().down_since is not None


def test_a_source_in_a_rehearsed_outage_is_not_tested(olga: StaffViewer, store: Connection):
    Connection.objects.update(outage_since=NOW, outage_until=LATER + timedelta(minutes=1))

    errand = do(ask(olga, Kind.TEST_CONNECTION, {"connection": "loja"}))

    assert (errand.state, errand.outcome["code"]) == ("failed", "in-outage")


# --- rehearsed outages, and taking over -------------------------------------------------------


def test_an_outage_lasts_from_when_it_was_asked_for_and_can_be_ended(
    olga: StaffViewer, store: Connection
):
    params = {"connection": "loja", "minutes": "30"}
    begun = do(ask(olga, Kind.OUTAGE_ON, params, reason="a drill"))

    until = NOW + timedelta(minutes=30)
    store.refresh_from_db()
    assert (store.outage_since, store.outage_until) == (NOW, until)
    assert begun.outcome == {"code": "outage-begun", "until": until.isoformat()}

    ended = do(ask(olga, Kind.OUTAGE_OFF, {"connection": "loja"}))

    store.refresh_from_db()
    assert (store.outage_until, ended.outcome) == (None, {"code": "outage-ended"})
    actions = AuditEvent.objects.order_by("pk").values_list("action", "reason")
    assert list(actions) == [("outage_started", "a drill"), ("outage_ended", "")]


@pytest.mark.parametrize("minutes", ["", "0", "1441", "-5", "1.5", "x", "9" * 30, "\u0663"])
def test_an_outage_has_a_sensible_length(olga: StaffViewer, store: Connection, minutes: str):
    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.OUTAGE_ON, {"connection": "loja", "minutes": minutes}, reason="a drill")

    assert slip.value.field == "minutes"


def test_an_outage_needs_a_reason(olga: StaffViewer, store: Connection):
    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.OUTAGE_ON, {"connection": "loja", "minutes": "5"})

    assert slip.value.field == "reason"


@pytest.mark.django_db(transaction=True)
def test_a_feed_of_another_purpose_is_taken_over(olga: StaffViewer, vtex_sim: VtexSimulator):
    connection = connect_vtex(vtex_sim.url)
    Subscription.objects.create(connection=connection, kind="feed", state="foreign")
    params = {"connection": "loja", "subscription": "feed"}

    errand = do(ask(olga, Kind.TAKE_OVER, params, reason="ours by agreement"))

    assert (errand.state, errand.outcome) == ("done", {"code": "taken-over"})
    assert Subscription.objects.get().state == "ours"


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_taken_over_says_why(olga: StaffViewer, store: Connection):
    Subscription.objects.create(connection=store, kind="feed", state="foreign")
    params = {"connection": "loja", "subscription": "feed"}

    errand = do(ask(olga, Kind.TAKE_OVER, params, reason="ours by agreement"))

    assert (errand.state, errand.outcome["code"]) == ("failed", "broken")
    assert errand.outcome["text"] != ""


@pytest.mark.parametrize("wanted", ["hook", "x", ""])
def test_a_subscription_that_there_is_not_cannot_be_taken_over(
    olga: StaffViewer, store: Connection, wanted: str
):
    Subscription.objects.create(connection=store, kind="feed")

    with pytest.raises(NotVisible):
        ask(
            olga,
            Kind.TAKE_OVER,
            {"connection": "loja", "subscription": wanted},
            reason="a long one",
        )


def test_a_parked_order_is_asked_for_again_and_stays_until_it_is_read(
    olga: StaffViewer, store: Connection
):
    park(connection="loja", external_id="1172", reason="row", message="?", now=NOW)
    lanes.ensure_lanes(connection=store, now=NOW + timedelta(hours=1))
    parked = Parked.objects.get()

    errand = do(ask(olga, Kind.RETRY_PARKED, {"ids": [str(parked.pk)]}))

    item = InboxItem.objects.get()
    assert (item.external_id, item.origin, item.due_at) == ("1172", "person", LATER)
    assert Parked.objects.filter(pk=parked.pk, discarded_at=None).exists()
    assert Lane.objects.get(name="inbox").due_at == LATER
    assert Lane.objects.get(name="feed").due_at == NOW + timedelta(hours=1)
    assert errand.outcome == {"code": "asked-again", "count": 1}
    assert AuditEvent.objects.get().detail["parked"] == ["loja:1172 row"]


def test_a_parked_part_of_a_pass_lets_the_whole_connection_run(
    olga: StaffViewer, store: Connection
):
    park(connection="loja", external_id="feed", reason="feed-item", message="?", now=NOW)
    Parked.objects.update(subject="part")
    lanes.ensure_lanes(connection=store, now=NOW + timedelta(hours=1))

    do(ask(olga, Kind.RETRY_PARKED, {"ids": [str(Parked.objects.get().pk)]}))

    assert not InboxItem.objects.exists()
    assert set(Lane.objects.values_list("due_at", flat=True)) == {LATER}


def test_discarding_needs_a_reason_and_keeps_the_row(olga: StaffViewer, store: Connection):
    park(connection="loja", external_id="1172", reason="row", message="?", now=NOW)
    ids = {"ids": [str(Parked.objects.get().pk)]}

    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.DISCARD_PARKED, ids, reason=" no ")
    errand = do(ask(olga, Kind.DISCARD_PARKED, ids, reason="  a   test order "))

    assert (slip.value.field, slip.value.message) == ("reason", "reason-too-short")
    row = Parked.objects.get()
    assert (row.discarded_at, row.discarded_by_id) == (LATER, olga.person_id)
    assert row.discard_reason == "a test order"
    assert errand.outcome == {"code": "discarded", "count": 1}


# --- orders without a company ------------------------------------------------------------------


@pytest.fixture
def waiting_order(cast: Cast) -> Order:
    customer = make_vtex_record().customer.__class__("Delta", NEW_TAX_ID)
    store_readings(
        connection="loja", readings=[make_reading(make_vtex_record(customer=customer))], now=NOW
    )
    return Order.objects.get(company=None)


def test_waiting_orders_are_handed_to_a_new_company(olga: StaffViewer, waiting_order: Order):
    public_id = ask(
        olga, Kind.ASSIGN_COMPANY, {"tax_id": "11.222.333/0001-81", "name": "Delta", "company": ""}
    )

    errand = do(public_id)

    company = Company.objects.get(name="Delta")
    assert Order.objects.get().company_id == company.pk
    assert errand.outcome == {
        "code": "assigned",
        "company": "Delta",
        "count": 1,
        "tax_id": NEW_TAX_ID,
    }
    event = AuditEvent.objects.get()
    assert (event.action, event.company_id) == (Action.COMPANY_ASSIGNED, company.pk)
    assert event.detail["tax_id"] == NEW_TAX_ID


@pytest.mark.parametrize("by", ["public_id", "name"])
def test_waiting_orders_are_handed_to_a_known_company(
    olga: StaffViewer, waiting_order: Order, cast: Cast, by: str
):
    params = {"tax_id": NEW_TAX_ID, "company": str(getattr(cast.beta, by)).upper(), "name": ""}

    do(ask(olga, Kind.ASSIGN_COMPANY, params))

    assert Establishment.objects.get(tax_id=NEW_TAX_ID).company_id == cast.beta.pk
    assert Order.objects.get().company_id == cast.beta.pk


def test_a_worker_killed_after_making_the_company_makes_it_once(
    olga: StaffViewer, waiting_order: Order
):
    public_id = ask(olga, Kind.ASSIGN_COMPANY, {"tax_id": NEW_TAX_ID, "name": "Delta"})
    make_company("Delta", [NEW_TAX_ID])

    errand = do(public_id)

    assert Company.objects.filter(name="Delta").count() == 1
    assert (errand.state, errand.outcome["count"]) == ("done", 1)


def test_a_tax_id_of_another_company_is_a_conflict_that_names_it(
    olga: StaffViewer, waiting_order: Order, cast: Cast
):
    public_id = ask(olga, Kind.ASSIGN_COMPANY, {"tax_id": "12345678000195", "name": "Delta"})

    errand = do(public_id)

    assert errand.outcome == {
        "code": "conflict",
        "text": "12345678000195 belongs to Alfa Distribuidora",
    }
    assert not Company.objects.filter(name="Delta").exists()


@pytest.mark.parametrize(
    ("params", "field", "message"),
    [
        ({}, "name", "name-missing"),
        ({"name": "x", "company": "Alfa Distribuidora"}, "name", "one-of-both"),
        ({"name": "alfa DISTRIBUIDORA"}, "name", "name-taken"),
        ({"name": "x" * 151}, "name", "name-too-long"),
        ({"company": "Nobody"}, "company", "no-such-company"),
        ({"company": "Twin"}, "company", "several-companies"),
    ],
)
def test_a_company_must_be_named_well(
    olga: StaffViewer, cast: Cast, params: dict[str, str], field: str, message: str
):
    make_company("Twin", [])
    make_company("twin", [])

    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.ASSIGN_COMPANY, {"tax_id": NEW_TAX_ID, **params})

    assert (slip.value.field, slip.value.message) == (field, message)


def test_a_mistyped_tax_id_is_refused(olga: StaffViewer):
    with pytest.raises(InvalidInput) as slip:
        ask(olga, Kind.ASSIGN_COMPANY, {"tax_id": "11222333000182", "name": "Delta"})

    assert slip.value.field == "tax_id"


# --- lost and taken up again ---------------------------------------------------------------------


def test_what_nobody_took_up_is_found_again(
    olga: StaffViewer, store: Connection, monkeypatch: pytest.MonkeyPatch
):
    ask(olga, Kind.RUN_NOW, {"connection": "loja"})
    done = ask(olga, Kind.RUN_NOW, {"connection": "loja"})
    do(done)
    waiting = Errand.objects.get(state="waiting")

    assert errands.waiting_errands(now=NOW + timedelta(seconds=1)) == []
    assert errands.waiting_errands(now=NOW + timedelta(seconds=2)) == [waiting.pk]

    woken: list[int] = []
    monkeypatch.setattr(errands, "wake_worker", woken.append)
    tasks.sweep_errands()
    assert woken == []  # it is months old by the clock of today
    waiting.refresh_from_db()
    assert waiting.outcome == {"code": "given-up"}


@pytest.mark.django_db(transaction=True)
def test_what_is_being_done_is_left_alone_until_its_worker_dies(
    olga: StaffViewer, store: Connection
):
    ask(olga, Kind.RUN_NOW, {"connection": "loja"})
    pk = Errand.objects.get().pk
    other = database.copy()
    with other.cursor() as worker:
        worker.execute("SELECT pg_advisory_lock(7004, %s)", [pk])

        assert errands.waiting_errands(now=LATER) == []
        assert run_errand(errand_id=pk, clock=lambda: LATER) is None
        assert Errand.objects.get().state == "waiting"
    other.close()

    # The server notices within moments that the session is gone.
    until = time.monotonic() + 10
    while not (found := errands.waiting_errands(now=LATER)) and time.monotonic() < until:
        time.sleep(0.02)
    assert found == [pk]
    assert run_errand(errand_id=pk, clock=lambda: LATER) == "done"


def test_a_failure_nobody_foresaw_leaves_the_errand_waiting(
    olga: StaffViewer, store: Connection, monkeypatch: pytest.MonkeyPatch
):
    public_id = ask(olga, Kind.RUN_NOW, {"connection": "loja"})

    def breaks(**_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(lanes, "run_soon", breaks)
    with pytest.raises(RuntimeError), transaction.atomic():
        do(public_id)
    monkeypatch.undo()

    assert do(public_id).state == "done"


def test_every_kind_is_checked_done_and_recorded_under_an_action_of_its_own():
    assert set(errands.KINDS) == set(Kind)
    actions = Counter(job.action for job in errands.KINDS.values())
    # Of the map of companies and of staff a line says by its outcome and its kind which it was.
    assert {action: count for action, count in actions.items() if count > 1} == {
        Action.COMPANY_CHANGED: 2,
        Action.MAP_CHANGE_ASKED: 4,
        Action.MAP_CHANGE_DECIDED: 2,
        Action.COMPANIES_IMPORTED: 3,
        Action.STAFF_CHANGED: 4,
    }
