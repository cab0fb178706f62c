"""Asking a source what became of a boleto: through the same guard, with the same wall."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from b2b_orders.accounts.models import Person
from b2b_orders.common.tenancy import WEB, scope
from b2b_orders.companies.access import RIGHTS_OF_ROLE, Actor, Viewer
from b2b_orders.companies.models import Company, Role
from b2b_orders.documents.models import Document
from b2b_orders.documents.payables import Payable, Standing, show_payable
from b2b_orders.ingest.models import Connection, Lookup
from b2b_orders.ingest.payables import ConnectionPayables
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import BridgeError, CredentialsRejected, NotFound, Unreachable, Unsupported
from erp_bridge.records import DocumentRecord
from erp_bridge.simulators.erp import ErpSimulator
from erp_bridge.simulators.world import O1
from tests.b2b_orders.ingest.conftest import run_sync

pytestmark = pytest.mark.django_db


def ask(company: Company, *, order: str = "", seconds: float = 4) -> list[DocumentRecord]:
    with scope(role=WEB, company_id=company.pk):
        return ConnectionPayables().listed(
            "erp", company.pk, order or O1.erp_number, Call.within(seconds, Purpose.INTERACTIVE)
        )


@pytest.fixture
def alfa(erp: Connection, companies: dict[str, Company]) -> Company:
    run_sync(erp)
    return companies["alfa"]


@pytest.fixture
def boleto(alfa: Company) -> Document:
    return Document.objects.filter(
        record__external_id=O1.erp_number, kind="boleto", title_state="open"
    ).earliest("position")


def show(boleto: Document, company: Company) -> Payable:
    person = Person.objects.create_user("ana@example.com", "long enough for a test", name="Ana")
    viewer = Viewer(person.pk, company.pk, RIGHTS_OF_ROLE[Role.FINANCE])
    with scope(role=WEB, company_id=company.pk, person_id=person.pk):
        return show_payable(
            viewer=viewer,
            actor=Actor(person_id=person.pk),
            public_id=boleto.public_id,
            source=ConnectionPayables(),
            now=datetime.now(UTC),
        )


def test_the_source_lists_the_files_of_one_order(alfa: Company, boleto: Document):
    assert boleto.key in {record.key for record in ask(alfa)}


def test_another_companys_order_is_not_listed(alfa: Company, companies: dict[str, Company]):
    try:
        found = ask(companies["beta"])
    except NotFound:
        found = []
    assert found == []


def test_a_boleto_paid_at_the_erp_is_paid_here_at_the_click_and_its_order_is_read_again(
    alfa: Company, boleto: Document, erp_sim: ErpSimulator
):
    which = int(boleto.instalment.partition("/")[0])
    erp_sim.control_orders({"erp_number": O1.erp_number, "paid": [which]})

    assert show(boleto, alfa).standing is Standing.PAID
    boleto.refresh_from_db()
    assert boleto.title_state == "paid"
    assert Lookup.objects.get().order_id == boleto.record.order_id


@pytest.mark.parametrize("mode", ["dead", "error", "html", "truncated"])
def test_an_erp_in_trouble_leaves_what_we_hold(
    alfa: Company, boleto: Document, erp_sim: ErpSimulator, mode: str
):
    erp_sim.fault("*", mode)

    shown = show(boleto, alfa)

    assert shown.standing is Standing.PAYABLE
    assert shown.problem
    assert shown.answered_at == boleto.listed_at
    assert not Lookup.objects.exists()


def test_a_slow_erp_is_waited_for_no_longer_than_was_said(alfa: Company, erp_sim: ErpSimulator):
    erp_sim.fault("*", "slow", seconds=30)
    began = time.monotonic()

    with pytest.raises(BridgeError):
        ask(alfa, seconds=1)

    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "known",
    [
        {"down_since": datetime(2026, 1, 1, tzinfo=UTC)},
        {"failures": 9, "retry_at": datetime(2999, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_source_that_is_known_to_be_down_is_not_asked(
    alfa: Company, erp_sim: ErpSimulator, known: dict[str, object]
):
    Connection.objects.update(**known)
    erp_sim.reset()

    with pytest.raises(Unreachable):
        ask(alfa)

    assert len(erp_sim.log) == 0


def test_a_rehearsed_outage_is_one(alfa: Company, erp_sim: ErpSimulator):
    now = datetime.now(UTC)
    Connection.objects.update(outage_since=now, outage_until=now + timedelta(hours=1))
    erp_sim.reset()

    with pytest.raises(Unreachable):
        ask(alfa)

    assert len(erp_sim.log) == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"is_enabled": False}, Unsupported),
        ({"kind": "vtex"}, Unsupported),
        ({"name": "other"}, Unsupported),
        ({"settings": {"endpoint": "ftp://x"}}, CredentialsRejected),
    ],
)
def test_a_connection_that_is_of_no_use_gives_no_answer(
    alfa: Company, change: dict[str, object], error: type[BridgeError]
):
    Connection.objects.update(**change)

    with pytest.raises(error):
        ask(alfa)


def test_a_company_that_the_erp_does_not_know_is_not_asked_for(
    alfa: Company, erp_sim: ErpSimulator
):
    alfa.customer_ids.all().delete()
    erp_sim.reset()

    with pytest.raises(Unsupported):
        ask(alfa)

    assert len(erp_sim.log) == 0
