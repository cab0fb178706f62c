"""Fetching what says something of an order before anybody asks for it."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.utils import timezone

from b2b_orders.audit.models import Incident
from b2b_orders.common import clock
from b2b_orders.common.errors import Conflict
from b2b_orders.companies.models import Company
from b2b_orders.documents import fetching
from b2b_orders.documents.checks import Format, Verdict
from b2b_orders.documents.models import Document, State, StoredFile
from b2b_orders.ingest import documents_work
from b2b_orders.ingest.lanes import LaneName
from b2b_orders.ingest.models import Connection, Lane
from b2b_orders.ingest.passes import Pass
from b2b_orders.ingest.sync import run_lane
from b2b_orders.orders.models import Order
from erp_bridge.connector import Purpose
from erp_bridge.errors import BridgeError
from erp_bridge.simulators.erp import ErpSimulator
from tests.b2b_orders.documents.conftest import dsn
from tests.b2b_orders.ingest.conftest import connect_erp, run_lanes, run_sync

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "documents": {
            "BACKEND": "b2b_orders.documents.backends.DocumentDirectory",
            "OPTIONS": {"location": str(tmp_path / "documents"), "base_url": None},
        }
    }


@pytest.fixture
def listed(erp: Connection, companies: dict[str, Company]) -> Connection:
    run_sync(erp)
    # The simulated world has its own calendar.
    Order.objects.update(sorted_at=timezone.now() - timedelta(days=1))
    return erp


def due() -> set[str]:
    return set(Document.objects.filter(due_at__isnull=False).values_list("kind", flat=True))


def work(connection: Connection) -> Pass:
    return run_lanes(connection, LaneName.DOCUMENTS)


def test_xmls_are_fetched_checked_and_kept_and_papers_to_pay_are_left(listed, erp_sim):
    assert due() == {"nfe_xml", "other"}
    erp_sim.reset()

    run = work(listed)

    fetched = Document.objects.filter(fetched_at__isnull=False)
    assert set(fetched.values_list("kind", flat=True)) == {"nfe_xml", "cte_xml", "event_xml"}
    whole = fetched.filter(file__isnull=False, checked_at__isnull=False)
    assert run.tally.new == whole.count() > 0
    assert set(whole.values_list("state", flat=True)) == {State.AVAILABLE}
    assert all(document.access_key for document in whole)
    # Their pages are offered with them.
    made = Document.objects.filter(origin="rendered", state__in=("available", "replaced"))
    assert set(made.values_list("made_from", flat=True)) <= set(whole.values_list("pk", flat=True))
    assert made.count() > 0
    assert not due() or Document.objects.filter(due_at__lte=clock.now()).count() == 0
    boletos = Document.objects.filter(kind="boleto")
    assert boletos.count() > 0
    assert boletos.filter(fetched_at__isnull=False).count() == 0


def test_what_was_fetched_is_not_asked_for_again(listed, erp_sim):
    work(listed)
    erp_sim.reset()

    work(listed)
    run_sync(listed)
    work(listed)

    assert not [asked for asked in erp_sim.log if "arquivo/" in asked.path.lower()]


def test_a_worker_asks_as_a_worker_and_not_as_a_person(listed, monkeypatch):
    purposes: list[Purpose] = []
    real = fetching.fetch_once

    def noting(document, company_id, source, call, now):
        purposes.append(call.purpose)
        return real(document, company_id, source, call, now)

    monkeypatch.setattr(documents_work, "fetch_once", noting)
    work(listed)

    assert set(purposes) == {Purpose.SYNC}


def test_the_youngest_orders_files_come_first(listed, monkeypatch):
    orders = list(Order.objects.filter(records__documents__kind="nfe_xml").distinct())
    for days, order in enumerate(orders):
        Order.objects.filter(pk=order.pk).update(sorted_at=timezone.now() - timedelta(days=days))
    seen: list[int] = []
    real = fetching.fetch_once

    def noting(document, company_id, source, call, now):
        seen.append(document.record.order_id)
        return real(document, company_id, source, call, now)

    monkeypatch.setattr(documents_work, "fetch_once", noting)
    work(listed)

    assert list(dict.fromkeys(seen)) == [order.pk for order in orders]


def test_files_of_old_orders_are_left_until_somebody_asks(listed):
    Order.objects.update(sorted_at=timezone.now() - timedelta(days=91))

    run = work(listed)

    assert (run.tally.read, due(), StoredFile.objects.count()) == (0, set(), 0)


def test_nothing_is_read_ahead_where_operations_do_not_want_it(
    erp_sim: ErpSimulator, companies: dict[str, Company]
):
    connection = connect_erp(erp_sim.url, read_ahead_days=0)
    run_sync(connection)
    Order.objects.update(sorted_at=timezone.now())

    run = work(connection)

    assert (run.tally.read, due()) == (0, set())


def test_a_file_that_is_damaged_is_tried_again_less_and_less_often(listed, monkeypatch):
    document = Document.objects.filter(due_at__isnull=False).earliest("pk")
    Document.objects.exclude(pk=document.pk).update(due_at=None)
    monkeypatch.setattr(fetching, "check", lambda *_: Verdict(Format.HTML, "html-instead-of-xml"))
    pauses = []

    for _ in range(fetching.MOST_FAILURES):
        before = clock.now()
        Document.objects.filter(pk=document.pk).update(due_at=before)
        run = work(listed)
        assert run.tally.failed == 1
        document.refresh_from_db()
        if document.due_at:
            pauses.append(round((document.due_at - before).total_seconds() / 60))

    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses == sorted(pauses)
    assert max(pauses) == 24 * 60
    assert (document.due_at, document.failures) == (None, fetching.MOST_FAILURES)
    assert (document.state, document.file_id) == (State.DAMAGED, None)
    assert Incident.objects.filter(code="html-instead-of-xml").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_down_ends_the_lane_and_blames_no_file(listed, erp_sim):
    before = set(Document.objects.filter(due_at__isnull=False).values_list("pk", "due_at"))
    erp_sim.fault("*", "dead")
    lane = Lane.objects.select_related("connection").get(name="documents")

    for _ in range(8):
        try:
            run_lane(lane)
        except BridgeError:
            break
        Document.objects.filter(due_at__isnull=False).update(due_at=clock.now())
    else:
        pytest.fail("it never ended early")

    lane.refresh_from_db()
    assert lane.failures == 1
    blamed = Document.objects.filter(state__in=(State.FAILED, State.DAMAGED))
    assert not blamed.exists()
    assert {pk for pk, _ in before} == set(
        Document.objects.filter(due_at__isnull=False).values_list("pk", flat=True)
    )


def test_a_source_asked_as_much_as_it_allows_is_left_to_others(listed):
    with psycopg.connect(dsn()) as other:
        for number in range(2):
            key = listed.pk * 64 + number
            other.execute("SELECT pg_advisory_lock(7005, %s)", [key])
        with pytest.raises(Conflict):
            work(listed)

    assert work(listed).tally.new > 0


def test_a_turn_that_is_over_goes_on_in_the_next(listed):
    run = Pass(Connection.objects.get(), "documents", seconds=0)

    assert documents_work.read_ahead(run) is False
    assert due() == {"nfe_xml", "other"}


def test_a_company_that_was_switched_off_is_not_asked_for(listed, companies):
    Company.objects.update(is_active=False)

    assert work(listed).tally.read == 0
