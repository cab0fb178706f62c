"""Answering look-ups, against the simulators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError

from b2b_orders.audit.models import Incident
from b2b_orders.common import clock
from b2b_orders.common.tenancy import WORKER, scope
from b2b_orders.companies.access import Viewer
from b2b_orders.companies.models import Company
from b2b_orders.documents.models import Document
from b2b_orders.ingest import lanes, lookups, storing
from b2b_orders.ingest.live import erp_numbers, run_lookup, vtex_ids, waiting_lookups
from b2b_orders.ingest.lookups import LookupView, get_lookup, request_lookup, request_refresh
from b2b_orders.ingest.models import Connection, Lookup, Parked
from b2b_orders.orders.models import LearnedLink, Order, OrderNumber, SourceRecord
from erp_bridge.records import NumberKind, System
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.vtex import VtexSimulator
from erp_bridge.simulators.world import O1, O3, O5, World
from tests.b2b_orders.ingest.conftest import run_lanes, run_sync
from tests.factories import NOW, make_company, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "_wake_worker_aside", lambda lookup_id: None)


@pytest.fixture
def person(db: None) -> int:
    return make_person("Ana").pk


def viewer(company: Company, person_id: int) -> Viewer:
    return Viewer(person_id=person_id, company_id=company.pk, rights=frozenset())


def look_up(company: Company, person_id: int, text: str) -> LookupView:
    who = viewer(company, person_id)
    view = request_lookup(viewer=who, text=text, now=clock.now())
    run_lookup(lookup_id=Lookup.objects.get(public_id=view.public_id).pk, clock=clock.now)
    return get_lookup(viewer=who, public_id=view.public_id)


def test_an_order_just_placed_in_the_erp_is_found_and_stored_whole(
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    person: int,
):
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001"})

    view = look_up(companies["alfa"], person, "0008800001")

    order = OrderNumber.objects.get(value="8800001", kind="erp").order
    assert (view.state, view.found_public_id) == ("found", order.public_id)
    assert view.answers == {"erp": "found", "loja": "not-found"}
    assert order.records.get().detail == "full"
    assert order.company == companies["alfa"]


@pytest.mark.parametrize(
    "number",
    [O3.web_number, O3.web_number.removesuffix("-01"), O3.sequence, f"# {O3.web_number}"],
)
def test_an_order_just_placed_on_the_site_is_found(
    number: str,
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    person: int,
):
    view = look_up(companies["alfa"], person, number)

    assert view.state == "found"
    assert view.answers == {"erp": "not-found", "loja": "found"}
    assert Order.objects.get(public_id=view.found_public_id).title == O3.web_number


def test_both_halves_found_at_once_are_one_order(
    erp: Connection, loja: Connection, companies: dict[str, Company], person: int
):
    view = look_up(companies["alfa"], person, O1.web_number)

    order = Order.objects.get()
    assert (view.state, view.answers) == ("found", {"erp": "found", "loja": "found"})
    assert (order.origins, order.public_id) == ("erp+vtex", view.found_public_id)
    link = LearnedLink.objects.get()
    assert (link.web_number, link.evidence) == (O1.web_number, "live")
    assert Document.objects.filter(company=companies["alfa"]).exists()


@pytest.mark.parametrize("number", ["PO-2026/0815", "NF 1001", "1001/1"])
def test_the_customers_own_number_and_an_invoice_are_found(
    number: str, erp: Connection, companies: dict[str, Company], person: int
):
    view = look_up(companies["alfa"], person, number)

    order = Order.objects.get(public_id=view.found_public_id)
    assert order.records.get().external_id == O1.erp_number


def test_an_access_key_is_looked_for_by_its_invoice(
    erp: Connection, companies: dict[str, Company], world: World, person: int
):
    view = look_up(companies["alfa"], person, world.access_keys(O1)["1001/1"])

    assert view.state == "found"


def test_what_nobody_has_is_not_found(
    erp: Connection, loja: Connection, companies: dict[str, Company], person: int
):
    view = look_up(companies["alfa"], person, "999999")

    assert (view.state, view.found_public_id) == ("not_found", None)
    assert view.answers == {"erp": "not-found", "loja": "not-found"}
    assert not SourceRecord.objects.exists()


def test_another_companys_order_is_stored_for_its_owner_and_not_told(
    erp: Connection, loja: Connection, companies: dict[str, Company], person: int
):
    view = look_up(companies["alfa"], person, O5.web_number)

    assert (view.state, view.found_public_id) == ("not_found", None)
    assert view.answers == {"erp": "not-found", "loja": "not-found"}
    assert Order.objects.get().company == companies["beta"]


def test_an_order_of_nobody_is_not_told(loja: Connection, person: int):
    stranger = make_company("Outra", ["11222333000181"])

    view = look_up(stranger, person, O1.web_number)

    assert view.state == "not_found"
    assert Order.objects.get().company is None


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        ("error", "source-failing"),
        ("html", "contract-violation"),
        ("throttled", "throttled"),
        ("bad_token", "credentials-rejected"),
    ],
)
def test_an_erp_that_does_not_answer_is_no_not_found(
    mode: Any,
    answer: str,
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    person: int,
):
    erp_sim.fault("*", mode, retry_after="120")

    view = look_up(companies["alfa"], person, "999999")

    assert (view.state, view.answers) == ("failed", {"erp": answer, "loja": "not-found"})


def test_one_source_is_enough(
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    vtex_sim: VtexSimulator,
    person: int,
):
    vtex_sim.fault("*", "error")

    view = look_up(companies["alfa"], person, O1.erp_number)

    assert (view.state, view.answers["erp"]) == ("found", "found")


def test_a_slow_source_is_given_up_in_time(
    erp: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    person: int,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("b2b_orders.ingest.live.SECONDS", 0.5)
    erp_sim.fault("*", "slow", seconds=20)
    began = clock.now()

    view = look_up(companies["alfa"], person, "999999")

    assert view.state == "failed"
    assert clock.now() - began < timedelta(seconds=5)


def test_a_strangers_order_is_refused_and_alarmed(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, person: int
):
    erp_sim.fault("*", "wrong_company")

    view = look_up(companies["alfa"], person, "999999")

    assert view.state == "not_found"
    assert not SourceRecord.objects.filter(company=companies["alfa"]).exists()
    assert set(Incident.objects.values_list("code", flat=True)) == {"wrong-company"}


def test_a_row_that_the_erp_does_not_own_up_to_is_not_taken(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, person: int
):
    erp_sim.fault("search", "wrong_company")

    view = look_up(companies["beta"], person, O3.web_number)

    assert view.state == "not_found"
    assert not SourceRecord.objects.exists()


def test_an_answer_that_cannot_be_stored_is_set_aside(
    erp: Connection,
    companies: dict[str, Company],
    person: int,
    monkeypatch: pytest.MonkeyPatch,
):
    def refuses(**options: Any) -> None:
        raise DataError

    monkeypatch.setattr(storing, "store_readings", refuses)

    view = look_up(companies["alfa"], person, O1.erp_number)

    assert (view.state, view.answers) == ("failed", {"erp": "cannot-store"})
    assert Parked.objects.get().external_id == O1.erp_number


def test_a_company_unknown_to_the_erp_is_not_asked_for(
    erp: Connection, erp_sim: ErpSimulator, person: int
):
    stranger = make_company("Outra", ["11222333000181"])

    view = look_up(stranger, person, O1.erp_number)

    assert (view.state, dict(view.answers)) == ("not_found", {})
    assert erp_sim.requests("search") == []


def test_a_look_up_runs_once(
    erp: Connection, companies: dict[str, Company], erp_sim: ErpSimulator, person: int
):
    look_up(companies["alfa"], person, "999999")
    asked = len(erp_sim.requests("search"))

    assert run_lookup(lookup_id=Lookup.objects.get().pk, clock=clock.now) is None
    assert len(erp_sim.requests("search")) == asked


def test_an_order_is_read_again_from_every_source_that_knows_it(
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    vtex_sim: VtexSimulator,
    person: int,
):
    run_sync(loja)
    run_sync(erp)
    order = OrderNumber.objects.filter(value="502556").get().order
    before = order.numbers.count()
    vtex_sim.reset()
    erp_sim.reset()
    who = viewer(companies["alfa"], person)

    view = request_refresh(viewer=who, order_public_id=order.public_id, now=clock.now())
    run_lookup(lookup_id=Lookup.objects.get().pk, clock=clock.now)

    assert get_lookup(viewer=who, public_id=view.public_id).found_public_id == order.public_id
    assert len(vtex_sim.requests("order")) == 1
    assert [e.query["pedidoErpId"] for e in erp_sim.requests("detail")] == [O1.erp_number]
    # The customer's own number, which details leave out, is not lost.
    assert order.numbers.count() == before
    assert order.numbers.filter(kind="customer", value="PO20260815").exists()


def test_reading_a_web_order_again_finds_its_erp_half(
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    person: int,
):
    look_up(companies["alfa"], person, O3.web_number)
    erp_sim.control_orders({"web_number": O3.web_number, "erp_number": "0008800003"})
    order = Order.objects.get()
    who = viewer(companies["alfa"], person)

    request_refresh(viewer=who, order_public_id=order.public_id, now=clock.now())
    run_lookup(lookup_id=Lookup.objects.latest("id").pk, clock=clock.now)

    order.refresh_from_db()
    assert (order.origins, Order.objects.count()) == ("erp+vtex", 1)


def test_waiting_look_ups_are_those_that_nobody_took_up_or_finished(
    companies: dict[str, Company],
):
    def make(**fields: Any) -> int:
        return Lookup.objects.create(company=companies["alfa"], value="1", **fields).pk

    ago = {seconds: NOW - timedelta(seconds=seconds) for seconds in (1, 3, 40, 50)}
    make(asked_at=ago[1])
    lost = make(asked_at=ago[3])
    make(asked_at=ago[50], started_at=ago[40])
    silent = make(asked_at=ago[50], started_at=ago[50])
    make(asked_at=ago[50], started_at=ago[50], state="found")

    assert waiting_lookups(now=NOW) == [silent, lost]


def test_a_worker_may_do_all_of_this(
    erp: Connection,
    loja: Connection,
    companies: dict[str, Company],
    erp_sim: ErpSimulator,
    vtex_sim: VtexSimulator,
    person: int,
):
    who = viewer(companies["alfa"], person)
    with scope(role=WORKER):
        run_sync(loja)
        run_sync(erp)
        vtex_sim.control_orders({"order_id": O3.web_number, "status": "handling"})
        vtex_sim.fault("order", "html", times=1)
        run_lanes(loja, *lanes.LANES[System.VTEX])
        erp_sim.fault("detail", "wrong_company", times=1)
        run_lanes(erp, *lanes.LANES[System.ERP])
        erp_sim.reset()
    erp_sim.control_orders({"company": "alfa", "erp_number": "0008800001"})
    view = request_lookup(viewer=who, text="0008800001", now=clock.now())
    with scope(role=WORKER):
        run_lookup(lookup_id=Lookup.objects.get().pk, clock=clock.now)

    assert get_lookup(viewer=who, public_id=view.public_id).state == "found"
    assert OrderNumber.objects.filter(value="502556").get().order.origins == "erp+vtex"


# --- what is asked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("1172452900788-01", ["1172452900788-01"]),
        ("1172452900788", ["1172452900788-01"]),
        ("502556", ["seq502556", "502556-01"]),
        ("V502556LLUX-01", ["V502556LLUX-01", "v502556llux-01"]),
        ("#502556", ["seq502556", "502556-01"]),
        ("NF 1001", []),
    ],
)
def test_vtex_is_asked_for_ids_that_it_may_have_given(written: str, ids: list[str]):
    assert vtex_ids(written) == ids


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        (
            "0004500123",
            [
                (NumberKind.ERP, "0004500123"),
                (NumberKind.WEB, "0004500123"),
                (NumberKind.CUSTOMER, "0004500123"),
                (NumberKind.INVOICE, "0004500123"),
            ],
        ),
        ("1001/1", [(NumberKind.INVOICE, "1001/1")]),
    ],
)
def test_an_erp_is_asked_as_typed(written: str, asked: list[tuple[NumberKind, str]]):
    assert erp_numbers(written)[: len(asked)] == asked
