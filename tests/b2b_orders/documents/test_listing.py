"""What sources list, and what a viewer sees of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine

from b2b_orders.companies.models import Role
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document, State, StoredFile
from b2b_orders.documents.queries import count_documents, list_documents
from b2b_orders.orders.models import Invoice
from erp_bridge.records import DocumentKind, DocumentRecord, TitleState
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.files import make_key
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)

BOLETO = DocumentRecord(
    key="boleto:1",
    kind=DocumentKind.BOLETO,
    title="Boleto 1/3",
    invoice_number="1001",
    invoice_series="1",
    due_on=date(2026, 3, 15),
    amount=Decimal("1000.005"),
    title_state=TitleState.OPEN,
    instalment="1/3",
)
XML = DocumentRecord(key="xml", kind=DocumentKind.NFE_XML, title="XML", invoice_number="1001")


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


def listing(order, *documents: DocumentRecord) -> Listing:
    return Listing(order.records.get().pk, order.company_id, documents)


def test_a_list_becomes_rows_in_its_order(order, bruno):
    record_listings(listings=[listing(order, XML, BOLETO)], now=NOW)

    with as_web(bruno), time_machine.travel(NOW, tick=False):
        xml, boleto = list_documents(viewer=bruno, order_id=order.pk)

    assert (xml.kind, xml.state, xml.filename) == ("nfe_xml", "available", "NFe-1001.xml")
    assert (boleto.title, boleto.instalment, boleto.due_on) == (
        "Boleto 1/3",
        "1/3",
        date(2026, 3, 15),
    )
    assert (boleto.amount, boleto.title_state, boleto.is_overdue) == (
        Decimal("1000.00"),
        "open",
        False,
    )
    assert (boleto.filename, boleto.size, boleto.fetched_at) == (
        "Boleto-1001-1-3.pdf",
        None,
        None,
    )
    assert (boleto.state_since, boleto.listed_at) == (NOW, NOW)


def test_the_same_list_again_changes_only_when_it_was_listed(order):
    same = [listing(order, XML, BOLETO)]
    record_listings(listings=same, now=NOW)
    before = list(Document.objects.order_by("pk").values())

    record_listings(listings=same, now=LATER)

    after = list(Document.objects.order_by("pk").values())
    assert after == [row | {"listed_at": LATER} for row in before]


def test_what_a_source_says_anew_is_taken_over(order):
    record_listings(listings=[listing(order, BOLETO)], now=NOW)
    before = Document.objects.get()

    paid = replace(BOLETO, title_state=TitleState.PAID, title="Boleto 1/3 pago")
    record_listings(listings=[listing(order, XML, paid)], now=LATER)

    after = Document.objects.get(key="boleto:1")
    assert (after.pk, after.public_id) == (before.pk, before.public_id)
    assert (after.title_state, after.title, after.position) == ("paid", "Boleto 1/3 pago", 1)


def test_a_file_that_is_not_listed_any_more_waits_until_it_is(order):
    record_listings(listings=[listing(order, XML, BOLETO)], now=NOW)

    record_listings(listings=[listing(order, BOLETO)], now=LATER)
    gone = Document.objects.get(key="xml")
    assert (gone.state, gone.reason, gone.state_since, gone.listed_at) == (
        State.FAILED,
        "no-longer-listed",
        LATER,
        NOW,
    )

    record_listings(listings=[listing(order, XML)], now=LATER + timedelta(hours=1))
    back = Document.objects.get(key="xml")
    assert (back.state, back.reason) == (State.AVAILABLE, "")


def test_what_we_hold_stays_available_when_it_is_not_listed_any_more(order):
    stored = StoredFile.objects.create(
        sha256="a" * 64, size=1, content_type="application/pdf", stored_at=NOW
    )
    danfe = make_document(order, file=stored)
    boleto = make_document(order, DocumentKind.BOLETO, "boleto", file=stored)

    record_listings(listings=[listing(order)], now=LATER)

    danfe.refresh_from_db()
    boleto.refresh_from_db()
    assert (danfe.state, boleto.state) == (State.AVAILABLE, State.FAILED)


def test_a_damaged_file_stays_so_until_it_is_fetched_again(order):
    document = make_document(order, key="xml", kind="nfe_xml", state=State.DAMAGED, reason="empty")

    record_listings(listings=[listing(order, XML)], now=LATER)

    document.refresh_from_db()
    assert (document.state, document.reason) == (State.DAMAGED, "empty")


def test_many_orders_take_no_more_statements_than_one(cast, django_assert_num_queries):
    records = ids([make_order(cast.alfa) for _ in range(20)])
    # A savepoint, what is there, what is new, and its release.
    with django_assert_num_queries(4):
        record_listings(listings=[listing_of(r, XML, BOLETO) for r in records], now=NOW)
    assert Document.objects.count() == 40
    with django_assert_num_queries(4):
        record_listings(listings=[listing_of(r, XML, BOLETO) for r in records], now=LATER)


def ids(orders) -> list[tuple[int, int]]:
    return [(order.records.get().pk, order.company_id) for order in orders]


def listing_of(ids: tuple[int, int], *documents: DocumentRecord) -> Listing:
    return Listing(*ids, documents)


# --- seeing ---------------------------------------------------------------------------------


def test_a_due_date_that_passed_is_overdue_where_the_source_says_it_is_open(order, bruno):
    for key, state in [("a", "open"), ("b", "paid"), ("c", "cancelled"), ("d", "unknown")]:
        make_document(order, DocumentKind.BOLETO, key, title_state=state, due_on=date(2026, 3, 9))

    # Still the ninth in São Paulo.
    with as_web(bruno), time_machine.travel("2026-03-10T02:59:00Z", tick=False):
        assert [r.is_overdue for r in list_documents(viewer=bruno, order_id=order.pk)] == [
            False
        ] * 4
    with as_web(bruno), time_machine.travel("2026-03-10T03:01:00Z", tick=False):
        assert [r.is_overdue for r in list_documents(viewer=bruno, order_id=order.pk)] == [
            True,
            False,
            False,
            False,
        ]


def test_rights_decide_what_is_listed(cast, order):
    make_document(order, DocumentKind.BOLETO, "boleto", amount=Decimal(5))
    make_document(order, DocumentKind.DANFE, "danfe", amount=Decimal(9))

    def seen(viewer) -> list[tuple[str, Decimal | None]]:
        with as_web(viewer):
            rows = list_documents(viewer=viewer, order_id=order.pk)
            counted = count_documents(viewer=viewer, order_ids=[order.pk])
        assert counted.get(order.pk, (0, 0)) == (len(rows), len(rows))
        return [(row.kind, row.amount) for row in rows]

    assert seen(viewer_of(cast.alfa, cast.ana)) == [("boleto", Decimal(5)), ("danfe", Decimal(9))]
    assert seen(viewer_of(cast.alfa, cast.ana, Role.VIEWER)) == [("danfe", None)]
    assert seen(viewer_of(cast.alfa, cast.ana, rights=frozenset())) == []
    assert seen(viewer_of(cast.beta, cast.beto)) == []
    branch = frozenset({cast.alfa_branch.pk})
    assert seen(viewer_of(cast.alfa, cast.carla, establishment_ids=branch)) == []


def test_counts_tell_available_from_all(order, bruno, cast):
    other = make_order(cast.alfa)
    make_document(order, key="a")
    make_document(order, key="b", state=State.DAMAGED)
    make_document(order, key="c", state=State.NOT_APPLICABLE)

    with as_web(bruno):
        counted = count_documents(viewer=bruno, order_ids=[order.pk, other.pk])

    assert counted == {order.pk: (1, 2)}


def test_listing_takes_two_statements_however_many_files(order, bruno, django_assert_num_queries):
    for count in (1, 20):
        for at in range(count):
            make_document(order, key=f"{count}-{at}")
        with django_assert_num_queries(2):
            list_documents(viewer=bruno, order_id=order.pk)


def test_a_note_is_named_by_the_key_its_invoice_has(order, bruno):
    make_document(order, DocumentKind.NFE_XML, "x", invoice_number="1001")
    make_document(order, DocumentKind.NFE_XML, "y", invoice_number="1002")
    for number in (1001, 1003):
        Invoice.objects.create(
            order=order,
            company=order.company,
            number=str(number),
            series="1",
            access_key=make_key(number),
        )

    with as_web(bruno):
        names = [row.filename for row in list_documents(viewer=bruno, order_id=order.pk)]

    assert names == [f"NFe-{make_key()}.xml", "NFe-1002.xml"]
