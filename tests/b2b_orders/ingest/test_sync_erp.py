"""Reading an ERP, against the simulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DataError

from b2b_orders.audit.models import Incident
from b2b_orders.common import clock
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import Document
from b2b_orders.ingest import erp_pass, inbox, passes, storing
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, InboxItem, Origin, Parked, Run, Stream
from b2b_orders.ingest.passes import Pass
from b2b_orders.orders.models import LearnedLink, Order, OrderNumber, SourceRecord
from erp_bridge.errors import BridgeError, CredentialsRejected, WrongOwner
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.world import O1, O2, O3, O5, O7, SPLIT, World
from tests.b2b_orders.ingest.conftest import connect_erp, forget_orders, run_lanes, run_sync

pytestmark = pytest.mark.django_db
Rows = Callable[[], dict[str, list[str]]]


class Killed(BaseException):
    """The process ends here."""


def erp_orders(world: World) -> int:
    """Count the orders of companies that may be read: Gama is inactive."""
    return sum(len(o.erp) for o in world.orders if o.company.is_active)


def poll(connection: Connection) -> Pass:
    return run_lanes(connection, LaneName.POLL, LaneName.INBOX)


def find(company: Company, value: str) -> Order:
    return OrderNumber.objects.filter(company=company, value=value).distinct("order").get().order


def test_a_first_pass_lists_every_company_and_reads_the_young_and_open_whole(
    erp: Connection, companies: dict[str, Company], world: World
):
    run = run_sync(erp)

    assert run.tally.new == erp_orders(world)
    assert run.tally.failed == 0
    whole = SourceRecord.objects.filter(detail="full")
    assert run.tally.changed == whole.count()
    assert whole.filter(external_id=O1.erp_number).exists()
    old = SourceRecord.objects.get(external_id=O7.erp_number)
    assert (old.detail, old.facts["placed_on"][:4]) == ("summary", "2019")
    assert not SourceRecord.objects.filter(company=companies["gama"]).exists()


def test_files_of_an_order_are_listed_once_it_is_read_whole(
    erp: Connection, companies: dict[str, Company]
):
    run_sync(erp)

    record = SourceRecord.objects.get(external_id=O1.erp_number)
    kinds = set(Document.objects.filter(record=record).values_list("kind", flat=True))
    assert {"nfe_xml", "danfe", "boleto"} <= kinds
    assert set(Document.objects.values_list("company", flat=True)) <= {
        company.pk for company in companies.values()
    }


def test_site_and_erp_become_one_order(
    loja: Connection, erp: Connection, companies: dict[str, Company]
):
    run_sync(loja)
    run_sync(erp)

    order = find(companies["alfa"], "4500123")
    assert order.origins == "erp+vtex"
    assert order == find(companies["alfa"], "502556") == find(companies["alfa"], "PO20260815")
    assert find(companies["beta"], "PO20260815") == find(companies["beta"], "504555")
    assert find(companies["alfa"], "4500987").origins == "erp"
    assert find(companies["alfa"], "503999").origins == "vtex"


def test_parts_of_a_split_order_are_shown_under_it(
    loja: Connection, erp: Connection, companies: dict[str, Company]
):
    run_sync(loja)
    run_sync(erp)

    order = find(companies["alfa"], SPLIT.sequence)
    assert sorted(order.records.values_list("external_id", flat=True)) == [
        SPLIT.erp_number,
        SPLIT.further_erp_numbers[0],
        SPLIT.web_number,
    ]


def test_the_order_of_the_passes_does_not_matter(
    loja: Connection, erp: Connection, companies: dict[str, Company], known_rows: Rows
):
    run_sync(loja)
    run_sync(erp)
    one_way = known_rows()
    forget_orders()

    run_sync(erp)
    run_sync(loja)
    run_sync(erp)

    assert known_rows() == one_way


def test_reading_again_changes_nothing(
    loja: Connection, erp: Connection, companies: dict[str, Company], known_rows: Rows
):
    run_sync(loja)
    run_sync(erp)
    before, listed = known_rows(), Document.objects.count()

    run = run_sync(erp)

    assert (run.tally.new, run.tally.changed, run.tally.failed) == (0, 0, 0)
    assert (known_rows(), Document.objects.count()) == (before, listed)


@pytest.mark.parametrize("at_batch", [1, 3])
def test_a_pass_that_is_killed_goes_on_where_it_was(
    at_batch: int,
    erp: Connection,
    companies: dict[str, Company],
    known_rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(erp_pass, "ROWS", 4)
    monkeypatch.setattr(erp_pass, "BATCH", 4)
    left = at_batch
    original = passes.set_streams

    def dies(*args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            # Between the rows and the cursor: both are in one transaction.
            raise Killed
        original(*args, **kwargs)

    monkeypatch.setattr(passes, "set_streams", dies)
    with pytest.raises(Killed):
        run_sync(erp)
    monkeypatch.setattr(passes, "set_streams", original)
    run_sync(erp)
    resumed = known_rows()

    forget_orders()
    run_sync(erp)

    assert known_rows() == resumed


def test_later_passes_read_only_the_latest_days(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    erp_sim.reset()

    poll(erp)

    periods = [e.body for e in erp_sim.requests("search") if "porPeriodo" in e.body]
    asked = [json.loads(body) for body in periods]
    assert len(asked) == 1 + sum(company.is_active for company in companies.values())
    # The first is for a customer that nobody is.
    assert {one["porPeriodo"]["dataInicial"] for one in asked[1:]} == {
        (date.fromisoformat(asked[0]["porPeriodo"]["dataFim"]) - timedelta(days=7)).isoformat()
    }


def test_a_new_order_and_a_new_status_arrive_by_the_next_pass(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001", "status": 1})
    poll(erp)
    first = find(companies["alfa"], "8800001")
    assert first.fulfilment == "commercial_review"
    assert first.records.get().detail == "full"

    erp_sim.control_orders({"erp_number": "0008800001", "status": 3})
    poll(erp)

    order = find(companies["alfa"], "8800001")
    assert (order.fulfilment, order.records.get().detail) == ("picking", "full")


def test_a_web_order_is_tied_once_it_enters_the_erp(
    loja: Connection, erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(loja)
    run_sync(erp)
    assert find(companies["alfa"], O3.sequence).origins == "vtex"
    erp_sim.control_orders({"web_number": O3.web_number, "erp_number": "0008800003"})

    poll(erp)

    assert find(companies["alfa"], O3.sequence) == find(companies["alfa"], "8800003")
    link = LearnedLink.objects.get(external_id="0008800003")
    assert (link.web_number, link.evidence) == (O3.web_number, "one-answer")


def test_an_erp_that_takes_any_number_for_its_own_ties_nothing(
    loja: Connection, companies: dict[str, Company], world: World
):
    with ErpSimulator(world, lacks=("porCodigo",), by_web_number=False) as simulator:
        erp = connect_erp(simulator.url)
        run_sync(loja)
        run_sync(erp)

    assert not LearnedLink.objects.exists()
    assert find(companies["alfa"], "4500123").origins == "erp"


def test_old_orders_are_read_whole_little_by_little(erp: Connection, companies: dict[str, Company]):
    run_sync(erp)
    left = SourceRecord.objects.filter(detail="summary").count()
    Connection.objects.update(settings={**erp.settings, "reading": {"details_per_pass": 2}})

    poll(erp)

    assert SourceRecord.objects.filter(detail="summary").count() == left - 2


def test_everything_can_be_read_whole_at_once(erp: Connection, companies: dict[str, Company]):
    run_sync(erp, everything=True)

    assert not SourceRecord.objects.filter(detail="summary").exists()


def test_open_orders_are_noted_to_be_read_again(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(erp)
    item = InboxItem.objects.earliest("due_at")
    assert item.due_at > item.received_at + timedelta(minutes=29)
    InboxItem.objects.filter(pk=item.pk).update(due_at=item.received_at)
    erp_sim.reset()

    poll(erp)

    asked = [e.query["pedidoErpId"] for e in erp_sim.requests("detail")]
    assert item.external_id in asked
    noted = InboxItem.objects.get(external_id=item.external_id)
    assert noted.due_at > clock.now() + timedelta(minutes=29)


def test_orders_of_a_time_are_read_alone_and_move_no_cursor(
    erp: Connection, companies: dict[str, Company], world: World
):
    day = world.cast["O7"].erp[0].placed_at.date()

    run_sync(erp, since=day - timedelta(days=1), until=day + timedelta(days=1))

    found = SourceRecord.objects.values_list("external_id", flat=True)
    assert O7.erp_number in found
    assert len(found) < erp_orders(world)
    assert not Stream.objects.filter(kind="period").exists()


def test_an_order_that_is_no_longer_anybodys_leaves_the_inbox(
    erp: Connection, companies: dict[str, Company]
):
    run_sync(erp)
    now = Stream.objects.latest("updated_at").updated_at
    inbox.put(connection_id=erp.pk, external_ids=["0009999999"], origin=Origin.PERSON, now=now)

    poll(erp)

    assert not InboxItem.objects.filter(external_id="0009999999").exists()


@pytest.mark.parametrize(
    ("day", "years", "before"),
    [
        (date(2026, 11, 21), 7, date(2019, 11, 21)),
        (date(2028, 2, 29), 1, date(2027, 2, 28)),
        (date(2028, 2, 29), 4, date(2024, 2, 29)),
    ],
)
def test_years_before_a_day(day: date, years: int, before: date):
    assert erp_pass.years_before(day, years) == before


# --- a source that does not work ------------------------------------------------------------


def test_another_companys_orders_are_refused_and_alarmed(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    erp_sim.fault("search", "wrong_company")

    with pytest.raises(WrongOwner):
        run_sync(erp)

    incident = Incident.objects.get()
    assert (incident.code, incident.connection) == ("wrong-company", "erp")
    assert not SourceRecord.objects.exists()


def test_one_wrong_detail_is_refused_and_the_rest_is_read(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, world: World
):
    erp_sim.fault("detail", "wrong_company", times=1)

    run = run_sync(erp)

    assert (run.tally.new, run.tally.failed) == (erp_orders(world), 1)
    incident = Incident.objects.get()
    assert (incident.code, incident.connection) == ("wrong-company", "erp")
    # Its row in a list had been believed; that is taken back.
    assert not SourceRecord.objects.filter(external_id=incident.object_id).exists()
    assert SourceRecord.objects.count() == erp_orders(world) - 1


def test_a_broken_answer_to_a_web_number_leaves_that_company_for_the_next_pass(
    loja: Connection, erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator
):
    run_sync(loja)
    # The first search asks for a customer that nobody is.
    erp_sim.fault("search", "html", times=2)

    run = run_sync(erp)

    assert run.tally.failed == 1
    assert Parked.objects.get().reason == "contract-violation"
    run_sync(erp)
    assert not Parked.objects.exists()
    assert find(companies["alfa"], O1.sequence).origins == "erp+vtex"
    assert find(companies["beta"], O5.sequence).origins == "erp+vtex"


def test_a_broken_detail_is_set_aside_and_read_later(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, world: World
):
    erp_sim.fault("detail", "html", times=1)
    run = run_sync(erp)
    parked = Parked.objects.get()
    assert (run.tally.new, run.tally.failed) == (erp_orders(world), 1)
    assert parked.reason == "contract-violation"
    InboxItem.objects.filter(external_id=parked.external_id).update(due_at=parked.first_at)

    poll(erp)

    assert not Parked.objects.exists()
    assert SourceRecord.objects.get(external_id=parked.external_id).detail == "full"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["dead", "error", "truncated", "html", "throttled"])
def test_an_erp_that_does_not_work_ends_the_pass_and_nothing_is_lost(
    mode: Any,
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    world: World,
):
    erp_sim.fault("search", mode, retry_after="120")
    try:
        run = run_sync(erp)
        assert (mode, run.tally.read) == ("html", 0)
    except BridgeError:
        assert Run.objects.get().error
    assert not Stream.objects.exclude(cursor="").exists()

    erp_sim.reset()
    Connection.objects.update(retry_at=None)
    run = run_sync(erp)

    assert run.tally.new == erp_orders(world)


@pytest.mark.django_db(transaction=True)
def test_an_erp_that_goes_down_in_the_middle_keeps_what_was_read(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, world: World
):
    erp_sim.fault("detail", "dead")

    with pytest.raises(BridgeError):
        run_sync(erp)

    assert SourceRecord.objects.count() == erp_orders(world)
    assert Run.objects.get().new == erp_orders(world)


def test_a_refused_token_ends_the_pass(companies: dict[str, Company], erp_sim: ErpSimulator):
    erp = connect_erp(erp_sim.url, token="wrong")

    with pytest.raises(CredentialsRejected):
        run_sync(erp)


def test_what_the_database_refuses_is_set_aside_and_the_rest_is_stored(
    erp: Connection,
    companies: dict[str, Company],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
):
    original = storing.store_readings

    def refuses(**options: Any) -> Any:
        if any(r.record.external_id == O2.erp_number for r in options["readings"]):
            raise DataError("value too long")
        return original(**options)

    monkeypatch.setattr(storing, "store_readings", refuses)

    run = run_sync(erp)

    parked = Parked.objects.get()
    assert (parked.external_id, parked.reason) == (O2.erp_number, "cannot-store")
    assert bytes(parked.payload)
    assert run.tally.new == erp_orders(world) - 1


def test_o5_stays_with_beta(loja: Connection, erp: Connection, companies: dict[str, Company]):
    run_sync(loja)
    run_sync(erp)

    assert find(companies["beta"], O5.erp_number.lstrip("0")).company == companies["beta"]
    assert not OrderNumber.objects.filter(
        company=companies["alfa"], value=O5.erp_number.lstrip("0")
    ).exists()
