"""Reading what an ERP says has changed: one walk over all companies, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from b2b_orders.audit.models import Incident
from b2b_orders.common import clock
from b2b_orders.companies.models import Company
from b2b_orders.ingest import passes
from b2b_orders.ingest.changes import Changes, earlier, owners_of
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, Parked, Stream
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.progress import Silence
from b2b_orders.ingest.sources import company_refs, connector_for
from b2b_orders.ingest.sync import work
from b2b_orders.orders.models import OrderNumber, SourceRecord
from erp_bridge.connector import CompanyRef
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.world import (
    ALFA_CUSTOMER_ID,
    BETA_CUSTOMER_ID,
    GAMA_CUSTOMER_ID,
    O1,
    O5,
    O7,
    World,
)
from tests.b2b_orders.ingest.conftest import connect_erp, forget_orders, run_lanes, run_sync
from tests.erp_bridge.connectors.gateway import Asked, Gateway, Told
from tests.factories import make_company

pytestmark = pytest.mark.django_db
Rows = Callable[[], dict[str, list[str]]]


class Killed(BaseException):
    """The process ends here."""


class Pages(Silence):
    """Counts the pages that are stored."""

    def __init__(self, left: int) -> None:
        self.left = left

    def step(self, count: int = 1) -> None:
        del count
        self.left -= 1


class Stopping(Pass):
    """A pass whose time is used up after so many pages."""

    @property
    def is_over(self) -> bool:
        return isinstance(self.progress, Pages) and self.progress.left <= 0


@pytest.fixture
def erp_sim(world: World) -> Iterator[ErpSimulator]:
    with ErpSimulator(world, changed_since=True, changes_at_once=2) as simulator:
        yield simulator


@pytest.fixture
def erp(erp_sim: ErpSimulator, db: None) -> Connection:
    return connect_erp(erp_sim.url, changed_since=True)


def poll(connection: Connection, *, now: datetime | None = None) -> Pass:
    """Do the poll lane's work once, as if it were `now`."""
    connection = Connection.objects.get(pk=connection.pk)
    run = Pass(connection, "lanes", clock=(lambda: now) if now else clock.now)
    work(run, LaneName.POLL)
    return run


def stream() -> Stream:
    return Stream.objects.get(kind="changed")


def asked(simulator: ErpSimulator, criterion: str) -> list[dict[str, Any]]:
    """List the searches that were sent; the one for a customer that nobody is left out."""
    bodies = [json.loads(entry.body) for entry in simulator.requests("search")]
    return [b for b in bodies if criterion in b and b.get("revendaId") != 2147480001]


def status(number: str) -> str:
    return OrderNumber.objects.filter(value=number.lstrip("0")).first().order.fulfilment


# --- the ordinary day ---------------------------------------------------------------------


def test_a_change_arrives_by_one_search_and_no_period(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    # Seven years old: no period of the latest days would show it.
    erp_sim.control_orders({"erp_number": O7.erp_number, "status": -1})
    erp_sim.control_orders({"company": "beta", "erp_number": "0008800001", "status": 1})
    erp_sim.reset()

    poll(erp)

    assert status(O7.erp_number) == "cancelled"
    assert status("8800001") == "commercial_review"
    assert asked(erp_sim, "porPeriodo") == []
    assert len(asked(erp_sim, "porAlteracao")) == 1
    owners = dict(SourceRecord.objects.values_list("external_id", "company_id"))
    assert owners[O7.erp_number] == companies["alfa"].pk
    assert owners["0008800001"] == companies["beta"].pk


def test_what_changed_is_read_whole_in_the_same_pass(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001", "status": 1})
    poll(erp)
    erp_sim.control_orders({"erp_number": "0008800001", "status": 3, "invoice": 5001})

    poll(erp)

    record = SourceRecord.objects.get(external_id="0008800001")
    assert (record.detail, status("8800001")) == ("full", "invoiced")
    assert OrderNumber.objects.filter(value="5001").exists()


def test_nothing_changed_costs_one_request_and_leaves_no_row(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, known_rows: Rows
):
    run_sync(erp, everything=True)
    before = known_rows()
    erp_sim.reset()

    # Orders of the cast were placed minutes ago; an hour later that is behind us.
    poll(erp, now=clock.now() + timedelta(hours=1))
    erp_sim.reset()
    run = poll(erp, now=clock.now() + timedelta(hours=1, minutes=1))

    assert (run.tally.read, known_rows()) == (0, before)
    assert len(asked(erp_sim, "porAlteracao")) == 1
    assert erp_sim.requests("detail") == []


def test_once_a_day_the_latest_days_are_listed_all_the_same(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    active = sum(company.is_active for company in companies.values())
    tomorrow = clock.now() + timedelta(days=1)
    erp_sim.reset()

    poll(erp, now=tomorrow)
    assert len(asked(erp_sim, "porPeriodo")) == active
    erp_sim.reset()
    poll(erp, now=tomorrow + timedelta(minutes=1))
    assert asked(erp_sim, "porPeriodo") == []


def test_a_change_that_was_never_told_of_is_caught_by_the_net(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, world: World
):
    run_sync(erp)
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001", "status": 1})
    # Written by hand into the ERP's tables, past whatever stamps it.
    world.erp_order("8800001")[1].changed_at -= timedelta(days=9)
    poll(erp)
    assert not SourceRecord.objects.filter(external_id="0008800001").exists()

    poll(erp, now=clock.now() + timedelta(days=1))

    assert status("8800001") == "commercial_review"


def test_changes_and_periods_lead_to_the_same_rows(
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    known_rows: Rows,
):
    run_sync(erp)
    for number, told in ((O1.erp_number, 5), (O5.erp_number, 4), (O7.erp_number, -1)):
        erp_sim.control_orders({"erp_number": number, "status": told})
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001"})
    run_lanes(erp, LaneName.POLL, LaneName.INBOX)
    run_sync(erp, everything=True)
    by_changes = known_rows()

    forget_orders()
    Connection.objects.update(settings={**erp.settings, "changed_since": False})
    run_sync(erp, everything=True)

    assert known_rows() == by_changes


# --- killed, and changed meanwhile ---------------------------------------------------------


def change_some(erp_sim: ErpSimulator) -> list[str]:
    numbers = [f"000880000{n}" for n in range(1, 8)]
    for at, number in enumerate(numbers):
        erp_sim.control_orders({"company": ("alfa", "beta")[at % 2], "erp_number": number})
    return numbers


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("before_the_mark", [True, False], ids=["before-mark", "after-mark"])
def test_a_walk_that_is_killed_goes_on_where_it_was(
    page: int,
    before_the_mark: bool,
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    known_rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
):
    run_sync(erp)
    poll(erp, now=clock.now() + timedelta(minutes=-1))
    began_before = stream().high_water
    numbers = change_some(erp_sim)
    original, left = passes.set_streams, page

    def dies(connection: Connection, marks: Any, **options: Any) -> None:
        nonlocal left
        left -= marks[0].kind == "changed"
        if left == 0 and before_the_mark:
            raise Killed
        original(connection, marks, **options)
        if left == 0:
            raise Killed

    monkeypatch.setattr(passes, "set_streams", dies)
    with pytest.raises(Killed):
        poll(erp)
    monkeypatch.setattr(passes, "set_streams", original)
    kept = stream()
    # The end has not moved, however far the pages are.
    assert kept.high_water == began_before
    erp_sim.reset()
    poll(erp)

    first = asked(erp_sim, "porAlteracao")[0]["porAlteracao"]
    assert first["cursor"] == kept.cursor
    assert set(numbers) <= set(SourceRecord.objects.values_list("external_id", flat=True))
    assert (stream().cursor, stream().high_water > began_before) == ("", True)
    run_sync(erp, everything=True)
    resumed = known_rows()
    forget_orders()
    run_sync(erp, everything=True)
    assert known_rows() == resumed


def test_the_cursor_is_kept_after_each_page_and_the_end_moves_with_the_last(
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    monkeypatch: pytest.MonkeyPatch,
):
    run_sync(erp)
    start = stream().high_water - timedelta(minutes=1)
    Stream.objects.filter(kind="changed").update(high_water=start)
    change_some(erp_sim)
    seen: list[tuple[bool, bool, bool]] = []
    original = Changes._store

    def watched(self: Changes, page: Any) -> None:
        original(self, page)
        now = stream()
        seen.append((bool(now.cursor), now.high_water == start, now.began_at is not None))

    monkeypatch.setattr(Changes, "_store", watched)
    poll(erp)

    # What is seen at each page is what the page before it left.
    assert seen[0] == (False, True, False)
    assert len(seen) >= 4
    assert set(seen[1:]) == {(True, True, True)}
    assert (stream().cursor, stream().began_at) == ("", None)
    assert stream().high_water > start


@pytest.fixture
def at_noon() -> Iterator[None]:
    """Let it be noon of today: no hour of a test is of tomorrow, when all days are read again."""
    noon = timezone.localtime().replace(hour=12)
    with time_machine.travel(noon, tick=True):
        yield


def test_the_next_walk_begins_where_one_that_was_stopped_for_hours_began(
    at_noon: None,
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    world: World,
):
    # Only our own clock tells how late it is.
    erp_sim.tells_date = False
    run_sync(erp)
    change_some(erp_sim)
    began = clock.now()
    stopped = Stopping(
        Connection.objects.get(pk=erp.pk), "lanes", clock=lambda: began, progress=Pages(1)
    )
    with connector_for(erp) as connector:
        Changes(stopped, connector, company_refs(erp)).read()
    assert stream().cursor
    later = began + timedelta(hours=3)

    # Stamped before the page that was read, and seen only now: behind the cursor.
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800009"})
    world.erp_order("8800009")[1].changed_at = began - timedelta(minutes=1)
    poll(erp, now=later)
    assert not SourceRecord.objects.filter(external_id="0008800009").exists()
    assert stream().high_water == began - timedelta(seconds=30)

    poll(erp, now=later + timedelta(minutes=1))

    assert SourceRecord.objects.filter(external_id="0008800009").exists()


def test_an_order_that_changes_during_the_walk_is_not_lost_nor_is_the_one_behind_it(
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    monkeypatch: pytest.MonkeyPatch,
):
    run_sync(erp)
    numbers = change_some(erp_sim)
    original = Changes._store
    is_first = True

    def meanwhile(self: Changes, page: Any) -> None:
        nonlocal is_first
        original(self, page)
        if page.readings and numbers[0] in {r.record.external_id for r in page.readings}:
            if is_first:
                # The one just read, and the next to be read, which leaves its place.
                erp_sim.control_orders({"erp_number": numbers[0], "status": 4})
                erp_sim.control_orders({"erp_number": numbers[3], "status": 2})
            is_first = False

    monkeypatch.setattr(Changes, "_store", meanwhile)
    poll(erp)

    assert status(numbers[0]) == "shipped"
    assert status(numbers[3]) == "credit_review"
    assert set(numbers) <= set(SourceRecord.objects.values_list("external_id", flat=True))


# --- clocks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-600, -20, -4, 4, 20, 600])
def test_a_clock_that_is_off_loses_no_change(
    minutes: int, companies: dict[str, Company], world: World
):
    off = timedelta(minutes=minutes)
    with ErpSimulator(world, changed_since=True, clock_ahead=off) as simulator:
        erp = connect_erp(simulator.url, changed_since=True)
        run_sync(erp)
        for at in range(3):
            poll(erp)
            number = f"000880000{at}"
            simulator.control_orders({"company": "alfa", "erp_number": number, "status": 1})
            simulator.control_orders({"erp_number": O7.erp_number, "status": (-1, 4, 5)[at]})
            poll(erp)
            assert SourceRecord.objects.filter(external_id=number).exists()
            assert status(O7.erp_number) == ("cancelled", "shipped", "delivered")[at]


@pytest.mark.parametrize(("seconds", "is_found"), [(290, True), (400, False)])
def test_a_clock_that_is_behind_without_telling_is_covered_for_five_minutes(
    seconds: int, is_found: bool, companies: dict[str, Company], world: World
):
    behind = timedelta(seconds=-seconds)
    with ErpSimulator(world, changed_since=True, clock_ahead=behind, tells_date=False) as simulator:
        erp = connect_erp(simulator.url, changed_since=True)
        run_sync(erp)
        poll(erp)
        simulator.control_orders({"company": "alfa", "erp_number": "0008800001"})
        poll(erp)

    assert SourceRecord.objects.filter(external_id="0008800001").exists() is is_found


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, 0),
        (timedelta(minutes=3), 0),
        (timedelta(minutes=-3), -180),
        (timedelta(hours=-23), -23 * 3600),
        # Nobody reads everything since 1970 for a clock that was never set.
        (timedelta(days=-300), 0),
    ],
)
def test_the_earlier_clock_counts_unless_it_is_absurd(told: timedelta | None, expected: int):
    now = datetime(2026, 3, 20, 15, tzinfo=UTC)

    found = earlier(now, None if told is None else now + told)

    assert (found - now).total_seconds() == expected


# --- whose it is ----------------------------------------------------------------------------


class Attacker:
    """A gateway whose changes are what a test says; it owns up to what it is told to."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.details: dict[tuple[str, str], object] = {}
        self.gateway = Gateway(self.answer)

    def answer(self, asked: Asked) -> Told:
        if isinstance(asked.body, dict):
            if "porAlteracao" in asked.body:
                return Told({"itens": self.rows, "cursor": ""})
            return Told({"itens": []})
        params = asked.params
        order, customer = params["pedidoErpId"], params["revendaId"]
        if "Arquivos" in asked.path or (order, customer) not in self.details:
            return Told({"message": "nada"}, 404)
        named = self.details[order, customer]
        return Told({"pedidoErpId": order, "status": 3, "revendaId": named})


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    attacker = Attacker()
    yield attacker
    attacker.gateway.stop()


@pytest.fixture
def forging(attacker: Attacker, db: None) -> Connection:
    return connect_erp(attacker.gateway.url, changed_since=True)


@pytest.fixture
def two(db: None) -> tuple[Company, Company]:
    return make_company("Alfa", customer_ids={"erp": "55"}), make_company(
        "Beta", ("11222333000181",), customer_ids={"erp": "077", "other": "55"}
    )


def row(order: str, customer: object, status: int = 1, **fields: object) -> dict[str, Any]:
    told = {"pedidoErpId": order, "revendaId": customer, "status": status}
    return told | {"alteradoEm": "2026-03-20T12:00:00-03:00", "dataPedido": "2026-03-10"} | fields


def owners() -> dict[str, str]:
    return dict(SourceRecord.objects.values_list("external_id", "company__name"))


def test_rows_go_to_whom_they_name_and_to_nobody_else(
    forging: Connection, attacker: Attacker, two: tuple[Company, Company]
):
    attacker.rows = [
        row("a1", 55),
        row("b1", 77),
        row("a2", "55"),
        row("b2", "077 "),
        row("a3", 55.0),
        # Nobody's: an unknown customer, one that only looks alike, one of another connection.
        row("x1", 56),
        row("x2", "5 5"),
        row("x3", "\u0665\u0665"),
        row("x4", "55,77"),
        row("x5", "55' OR '1'='1"),
        row("x6", 550),
        row("x7", "-55"),
        # Those that do not say.
        row("x8", None),
        row("x9", ""),
        row("x10", [77]),
        row("x11", 55, REVENDAID=77),
        # One order for both.
        row("x12", 55),
        row("x12", 77),
    ]

    poll(forging)

    assert owners() == {"a1": "Alfa", "a2": "Alfa", "a3": "Alfa", "b1": "Beta", "b2": "Beta"}
    # As the company has it, so that a row of a period is the same record.
    record = SourceRecord.objects.get(external_id="b1")
    assert record.facts["customer_id"] == "077"
    parked = Parked.objects.get(external_id="changed rows")
    assert parked.reason == "row"
    assert "revendaId" in parked.message


def test_a_customer_id_counts_at_its_own_connection_only(
    forging: Connection, attacker: Attacker, two: tuple[Company, Company]
):
    Company.objects.filter(name="Alfa").update(is_active=False)
    attacker.rows = [row("a1", 55), row("b1", 77)]

    poll(forging)

    # Beta's "55" is at another connection, and Alfa is not served.
    assert owners() == {"b1": "Beta"}


def test_a_row_that_names_another_company_does_not_take_its_order(
    forging: Connection, attacker: Attacker, two: tuple[Company, Company]
):
    attacker.rows = [row("a1", 55)]
    attacker.details["a1", "55"] = 55
    poll(forging)
    attacker.rows = [row("b1", 77), row("a1", 77, status=5)]

    poll(forging)
    assert owners() == {"a1": "Alfa", "b1": "Beta"}
    assert Parked.objects.get(external_id="a1").reason == "changed-hands"

    # Asked for it as Beta's, the ERP says whose it is.
    attacker.details["a1", "77"] = 55
    poll(forging)
    assert owners() == {"a1": "Alfa", "b1": "Beta"}
    incident = Incident.objects.get()
    assert (incident.code, incident.object_id) == ("wrong-company", "a1")
    assert SourceRecord.objects.get(external_id="a1").facts["status_raw"] == "3"


def test_an_order_that_changed_hands_goes_over_when_its_details_say_so(
    forging: Connection, attacker: Attacker, two: tuple[Company, Company]
):
    attacker.rows = [row("a1", 55)]
    poll(forging)
    attacker.rows = [row("a1", 77)]
    attacker.details["a1", "77"] = 77

    poll(forging)

    assert owners() == {"a1": "Beta"}
    assert not Incident.objects.exists()


def test_an_erp_that_forges_all_names_takes_nothing_from_anybody(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    before = owners()
    for number in (O1.erp_number, O5.erp_number, O7.erp_number):
        erp_sim.control_orders({"erp_number": number, "status": 5})
    erp_sim.faults.clear()
    serve = erp_sim.answer

    def forge(route: str, request: Any) -> Any:
        is_changes = route == "search" and "porAlteracao" in request.json()
        return (erp_sim.answer_wrong_company if is_changes else serve)(route, request)

    erp_sim.answer = forge  # type: ignore[method-assign]
    poll(erp)

    assert owners() == before


def test_a_customer_id_of_two_companies_is_nobodys():
    found = owners_of(
        {
            1: CompanyRef("a", customer_ids=("55", "60")),
            2: CompanyRef("b", customer_ids=("055", " ", "000")),
            3: CompanyRef("c", customer_ids=("C-9", "0C-9")),
        }
    )

    assert found == {"60": (1, "60"), "C-9": (3, "C-9"), "0C-9": (3, "0C-9")}


def test_orders_of_a_company_that_is_not_served_are_left_alone(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    erp_sim.control_orders({"customer_id": GAMA_CUSTOMER_ID, "erp_number": "0008800001"})
    erp_sim.control_orders({"customer_id": BETA_CUSTOMER_ID, "erp_number": "0008800002"})
    erp_sim.control_orders({"customer_id": ALFA_CUSTOMER_ID, "erp_number": "0008800003"})

    poll(erp)

    made = {key: name for key, name in owners().items() if key.startswith("00088")}
    assert made == {
        "0008800002": companies["beta"].name,
        "0008800003": companies["alfa"].name,
    }


# --- an ERP that does not say what changed -----------------------------------------------------


def test_an_erp_that_lacks_it_is_read_by_periods_and_operations_are_told_once(
    companies: dict[str, Company], world: World
):
    with ErpSimulator(world) as simulator:
        erp = connect_erp(simulator.url, changed_since=True)
        run_sync(erp)
        for at in range(3):
            number = f"000880000{at}"
            simulator.control_orders({"company": "alfa", "erp_number": number})
            poll(erp)
            assert SourceRecord.objects.filter(external_id=number).exists()

    parked = Parked.objects.get()
    assert (parked.external_id, parked.reason, parked.subject) == ("changes", "search", "part")
    assert "changed_since" in parked.message


def test_once_it_answers_again_that_is_forgotten_and_periods_are_the_net_again(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    erp_sim.changed_since = False
    run_sync(erp)
    assert Parked.objects.filter(external_id="changes").exists()
    erp_sim.changed_since = True
    erp_sim.reset()

    poll(erp)

    assert not Parked.objects.exists()
    assert asked(erp_sim, "porPeriodo") == []


def test_a_failure_in_between_loses_no_change(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    high_water = stream().high_water
    erp_sim.changed_since = False
    erp_sim.control_orders({"erp_number": O7.erp_number, "status": -1})
    poll(erp, now=clock.now() + timedelta(hours=2))
    assert stream().high_water == high_water
    erp_sim.changed_since = True

    poll(erp, now=clock.now() + timedelta(hours=4))

    assert status(O7.erp_number) == "cancelled"


def test_a_cursor_that_is_refused_is_forgotten_and_the_walk_begins_anew(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    erp_sim.control_orders({"erp_number": O7.erp_number, "status": -1})
    Stream.objects.filter(kind="changed").update(cursor="of another gateway", began_at=clock.now())

    poll(erp)
    assert stream().cursor == ""
    assert "refuses the cursor" in Parked.objects.get(external_id="changes").message
    poll(erp)

    assert status(O7.erp_number) == "cancelled"
    assert not Parked.objects.exists()


def test_a_broken_answer_leaves_changes_for_the_next_pass_and_periods_are_read(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001"})
    # The first search asks for a customer that nobody is.
    erp_sim.fault("search", "html", times=2)

    poll(erp)

    assert SourceRecord.objects.filter(external_id="0008800001").exists()
    assert Parked.objects.get(external_id="changes").reason == "search"
