"""Documents that should be there, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from b2b_orders.documents.expecting import expected_since, refresh_expected, ruled_records
from b2b_orders.documents.models import Document, DocumentRule, State
from b2b_orders.ingest.rendering_work import after_check
from b2b_orders.ingest.storing import store
from erp_bridge.records import (
    Address,
    DocumentKind,
    DocumentRecord,
    InvoiceRecord,
    TitleRecord,
    TitleState,
)
from tests.b2b_orders.documents.files import make_key, make_nfe
from tests.b2b_orders.documents.test_rendering import hold
from tests.factories import NOW, make_erp_record, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("document_rules")]
LATER = NOW + timedelta(hours=1)
# Issued in São Paulo.
INVOICE = InvoiceRecord("1001", "1", make_key(), issued_on=date(2026, 3, 10))
TITLES = tuple(
    TitleRecord(
        f"t{at}",
        instalment=f"{at}/2",
        invoice_number="1001",
        due_on=date(2026, 3 + at, 10),
        amount=Decimal("500.00"),
        state=TitleState.OPEN,
    )
    for at in (1, 2)
)
DANFE = DocumentRecord("danfe", DocumentKind.DANFE, invoice_number="1001")
XML = DocumentRecord("xml", DocumentKind.NFE_XML, invoice_number="001001", invoice_series="1")


def read(company, *, at=NOW, documents=(), **fields):
    """Read an order of an ERP with its files."""
    values = {"invoices": (INVOICE,), "documents": documents} | fields
    [stored] = store(
        connection="erp",
        readings=[make_reading(make_erp_record(**values), at)],
        now=at,
        company_id=company.pk,
    )
    return stored.record_id


def rows(**filters) -> dict[str, tuple[str, str]]:
    return {
        f"{each.kind} {each.instalment}".strip(): (each.state, each.reason)
        for each in Document.objects.filter(**filters).order_by("pk")
    }


def test_an_invoice_without_files_waits_for_its_xml_and_danfe(cast):
    read(cast.alfa)

    assert rows() == {
        "danfe": ("expected", "expected-invoice"),
        "nfe_xml": ("expected", "expected-invoice"),
    }
    xml = Document.objects.get(kind="nfe_xml")
    assert (xml.invoice_number, xml.invoice_series, xml.state_since, xml.origin) == (
        "1001",
        "1",
        NOW,
        "rule",
    )
    assert (xml.company_id, xml.rule.kind) == (cast.alfa.pk, "nfe_xml")


def test_what_is_listed_is_not_waited_for(cast):
    read(cast.alfa, documents=(DANFE,))

    assert rows() == {
        "danfe": ("available", ""),
        "nfe_xml": ("expected", "expected-invoice"),
    }


def test_a_file_that_comes_takes_the_place_of_what_was_expected(cast):
    read(cast.alfa)
    waited = Document.objects.get(kind="nfe_xml")

    read(cast.alfa, at=LATER, documents=(XML,))

    came = Document.objects.get(kind="nfe_xml")
    assert (came.pk, came.public_id) == (waited.pk, waited.public_id)
    assert (came.key, came.origin, came.state, came.reason, came.state_since, came.rule) == (
        "xml",
        "source",
        "available",
        "",
        LATER,
        None,
    )


def test_a_page_that_we_make_ends_the_wait_for_the_sources_own(cast):
    read(cast.alfa, documents=(XML,))
    xml = Document.objects.get(kind="nfe_xml")
    facts = {"root": "nfeProc", "access_key": INVOICE.access_key, "item_count": 1}
    Document.objects.filter(pk=xml.pk).update(
        verdict="serve",
        checked_at=NOW,
        checked_for=cast.alfa.pk,
        facts=facts,
        file=hold(make_nfe()),
        access_key=INVOICE.access_key,
    )
    assert rows(kind="danfe") == {"danfe": ("expected", "expected-invoice")}

    after_check(document_id=xml.pk, now=LATER)

    danfe = Document.objects.get(kind="danfe")
    assert (danfe.origin, danfe.state) == ("rendered", "available")


def test_reading_the_same_again_changes_no_row(cast):
    read(cast.alfa, titles=TITLES, documents=(DANFE,))
    before = list(Document.objects.order_by("pk").values())

    record_id = read(cast.alfa, at=LATER, titles=TITLES, documents=(DANFE,))
    refresh_expected(record_ids=[record_id], now=LATER)

    after = list(Document.objects.order_by("pk").values())
    assert [row | {"listed_at": NOW} for row in after] == before


def test_each_open_instalment_waits_for_its_boleto(cast):
    boleto = DocumentRecord(
        "b1", DocumentKind.BOLETO, invoice_number="1001", instalment="001", due_on=date(2026, 4, 10)
    )
    read(cast.alfa, titles=TITLES)
    second = Document.objects.get(kind="boleto", instalment="2/2")
    assert (second.due_on, second.amount, second.title_state) == (
        date(2026, 5, 10),
        Decimal("500.00"),
        "open",
    )

    read(cast.alfa, at=LATER, titles=TITLES, documents=(boleto,))

    assert rows(kind="boleto") == {
        "boleto 001": ("available", ""),
        "boleto 2/2": ("expected", "expected-has-titles"),
    }


@pytest.mark.parametrize("state", [TitleState.PAID, TitleState.CANCELLED, TitleState.UNKNOWN])
def test_no_boleto_is_waited_for_that_nobody_says_is_open(cast, state):
    read(cast.alfa, titles=tuple(replace(title, state=state) for title in TITLES))

    assert not Document.objects.filter(kind="boleto").exists()


@pytest.mark.parametrize(
    ("delivery", "slips"),
    [
        ("RJ", {"gnre": ("expected", "expected-crosses-state")}),
        (
            "sp",
            {
                "gnre": ("not_applicable", "none-not-crosses-state"),
                "gare": ("not_applicable", "none-not-crosses-state"),
            },
        ),
        # Written out: which state that is, is not guessed.
        ("Rio", {}),
        ("", {}),
    ],
)
def test_a_slip_is_waited_for_where_goods_cross_a_border_if_operations_say_so(
    cast, delivery, slips
):
    DocumentRule.objects.filter(kind="gnre", effect="expect").update(is_enabled=True)
    read(cast.alfa, delivery=Address(state=delivery))

    assert rows(kind__in=["gnre", "gare"]) == slips


def test_no_slip_is_waited_for_at_a_border_unless_operations_say_so(cast):
    read(cast.alfa, delivery=Address(state="RJ"))

    assert rows(kind__in=["gnre", "gare"]) == {}


@pytest.mark.parametrize(
    "invoice",
    [
        replace(INVOICE, is_return=True),
        replace(INVOICE, number="", access_key=""),
    ],
)
def test_nothing_is_waited_for_of_what_is_no_invoice_of_the_order(cast, invoice):
    read(cast.alfa, invoices=(invoice,))

    assert rows() == {}


def test_nothing_is_waited_for_of_a_source_that_lists_no_files(cast):
    read(cast.alfa, documents=None)

    assert (rows(), ruled_records(after=0, limit=9)) == ({}, [])


def test_an_invoice_that_comes_later_is_waited_for(cast):
    record_id = read(cast.alfa, invoices=(), documents=(DANFE,))
    assert rows() == {"danfe": ("available", "")}

    # A row of a list: it names the invoice and no files.
    read(cast.alfa, at=LATER, documents=None)

    assert rows(state="expected") == {"nfe_xml": ("expected", "expected-invoice")}
    assert Document.objects.get(state="expected").record_id == record_id


def test_an_invoice_that_goes_takes_along_what_was_expected_of_it(cast):
    read(cast.alfa)

    read(cast.alfa, at=LATER, invoices=())

    assert rows() == {}


def test_the_first_rule_that_fits_decides(cast):
    DocumentRule.objects.create(
        kind="danfe",
        effect="not_applicable",
        connection="erp",
        customer_type="resale",
        position=0,
        changed_at=NOW,
    )
    record_id = read(cast.alfa)
    assert rows(kind="danfe") == {"danfe": ("expected", "expected-invoice")}

    cast.alfa.customer_type = "resale"
    cast.alfa.save()
    refresh_expected(record_ids=[record_id], now=LATER)

    assert rows(kind="danfe") == {"danfe": ("not_applicable", "none-customer")}
    assert Document.objects.get(kind="danfe").state_since == LATER


def test_a_rule_that_is_switched_off_expects_nothing(cast):
    record_id = read(cast.alfa)
    DocumentRule.objects.filter(kind="danfe").update(is_enabled=False)

    refresh_expected(record_ids=[record_id], now=LATER)

    assert list(rows()) == ["nfe_xml"]


def test_files_of_a_cancelled_invoice_are_kept_and_marked(cast):
    boleto = DocumentRecord("b", DocumentKind.BOLETO, invoice_number="1001")
    other = InvoiceRecord("1002", "1", make_key(1002))
    event = DocumentRecord("event", DocumentKind.OTHER, title="Evento", invoice_number="1001")
    foreign = DocumentRecord("d2", DocumentKind.DANFE, invoice_number="1002")
    fields = {"invoices": (INVOICE, other), "documents": (XML, boleto, event, foreign)}
    record_id = read(cast.alfa, **fields)
    Document.objects.filter(key="event").update(
        kind="event_xml", verdict="event_cancels", facts={"access_key": make_key()}, checked_at=NOW
    )

    refresh_expected(record_ids=[record_id], now=LATER)

    # Nothing of it is waited for any more; the other invoice goes on.
    assert {(d.key, d.state, d.reason) for d in Document.objects.exclude(origin="rule")} == {
        ("xml", "cancelled", "invoice-cancelled"),
        ("b", "cancelled", "invoice-cancelled"),
        ("event", "available", ""),
        ("d2", "available", ""),
    }
    assert list(Document.objects.filter(origin="rule").values_list("kind", "invoice_number")) == [
        ("nfe_xml", "1002")
    ]

    # Listed again, it stays so, and the event keeps the kind that was found in it.
    read(cast.alfa, at=LATER, **fields)
    assert Document.objects.get(key="b").state == State.CANCELLED
    assert Document.objects.get(key="event").kind == "event_xml"


def test_many_orders_take_no_more_statements_than_one(cast, django_assert_max_num_queries):
    def records(numbers):
        stored = store(
            connection="erp",
            readings=[
                make_reading(make_erp_record(str(n), invoices=(INVOICE,), documents=()))
                for n in numbers
            ],
            now=NOW,
            company_id=cast.alfa.pk,
        )
        return [each.record_id for each in stored]

    ids = records(range(100, 120))
    Document.objects.all().delete()
    # What is known, the rules, the companies, the files; a savepoint, new rows, its release.
    with django_assert_max_num_queries(7):
        assert refresh_expected(record_ids=ids, now=NOW) == 40


def test_orders_that_wait_are_told_with_since_when(cast):
    read(cast.alfa)
    read(cast.alfa, at=LATER, documents=(DANFE,))

    since = expected_since(connection="erp", external_ids=["0004500123", "none"])

    assert since == {"0004500123": NOW}
    assert expected_since(connection="other", external_ids=["0004500123"]) == {}


def test_rules_are_about_orders_of_sources_that_list_files(cast):
    first = read(cast.alfa, documents=(DANFE,))

    assert ruled_records(after=0, limit=9) == [first]
    assert ruled_records(after=first, limit=9) == []


def test_an_xml_that_was_waited_for_is_read_by_a_worker_at_once(cast):
    read(cast.alfa)

    read(cast.alfa, at=LATER, documents=(XML, DANFE))

    assert dict(Document.objects.values_list("key", "due_at")) == {"xml": LATER, "danfe": None}
