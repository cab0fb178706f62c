"""What checked files say of an order: it fills gaps, and survives whatever is read again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b2b_orders.companies.models import Company
from b2b_orders.orders.models import (
    Event,
    Invoice,
    MatchKey,
    Order,
    OrderNumber,
    SourceRecord,
    Supplement,
    Title,
)
from b2b_orders.orders.services import remerge, store_readings, withdraw
from b2b_orders.orders.supplements import learn
from b2b_orders.orders.taught import is_known_number, overlay
from erp_bridge.records import (
    EventRecord,
    InvoiceRecord,
    OrderRecord,
    System,
    TitleRecord,
    TitleState,
)
from tests.b2b_orders.documents.files import make_key
from tests.factories import NOW, make_company, make_erp_record, make_reading, make_vtex_record

KEY = make_key()
LATER = NOW + timedelta(hours=1)
FILE = OrderRecord(
    System.ERP,
    "",
    invoices=(
        InvoiceRecord(
            "1001",
            series="1",
            access_key=KEY,
            emitter="99901001000174",
            issued_on=date(2026, 3, 9),
            total=Decimal("900.00"),
            carrier="Transportadora Exemplo",
        ),
    ),
    titles=(
        TitleRecord(
            f"nfe:{KEY}:001",
            instalment="001",
            invoice_number="1001",
            due_on=date(2026, 4, 9),
            amount=Decimal("900.00"),
        ),
    ),
    customer_numbers=("PO-77",),
)


# --- laying over: pure --------------------------------------------------------------------------


def test_a_file_fills_only_what_its_source_leaves_empty():
    stated = InvoiceRecord("001001", total=Decimal("950.00"), carrier="Outra")
    record = make_erp_record(invoices=(stated,))

    [invoice] = overlay(record, [FILE]).invoices

    assert invoice == replace(
        FILE.invoices[0], number="001001", total=Decimal("950.00"), carrier="Outra"
    )


def test_an_invoice_that_the_source_does_not_name_is_added():
    record = make_erp_record(invoices=(InvoiceRecord("1002", "1"),))

    assert [i.number for i in overlay(record, [FILE]).invoices] == ["1002", "1001"]


def test_a_number_of_another_emitter_is_another_invoice():
    record = make_erp_record(invoices=(InvoiceRecord("1001", emitter="11222333000181"),))

    assert [i.access_key for i in overlay(record, [FILE]).invoices] == ["", KEY]


def test_a_file_that_fits_two_invoices_says_of_neither():
    twins = (InvoiceRecord("1001", emitter=""), InvoiceRecord("1001", series="1"))

    assert overlay(make_erp_record(invoices=twins), [FILE]).invoices == twins


@pytest.mark.parametrize(
    ("stated", "taught"),
    [
        ((), 1),
        ((TitleRecord("a", invoice_number="1002"),), 1),
        ((TitleRecord("a", invoice_number="0001001"),), 0),
        # Of which invoice it is, nobody says.
        ((TitleRecord("a"),), 0),
    ],
)
def test_titles_are_taken_where_the_source_states_none_for_the_invoice(stated, taught):
    record = overlay(make_erp_record(titles=stated), [FILE])

    assert record.titles == (*stated, *FILE.titles[:taught])


def test_an_amount_that_no_file_states_stays_unknown():
    bare = OrderRecord(System.ERP, "", invoices=(InvoiceRecord("1001", total=None),))

    record = overlay(make_erp_record(total=None, invoices=(InvoiceRecord("1001"),)), [bare])

    assert (record.total, record.invoices[0].total) == (None, None)


@pytest.mark.parametrize(
    ("number", "known", "is_known"),
    [
        ("PO-2026-0071", ["po 2026/0071"], True),
        ("0004500012345", ["4500012345"], True),
        ("v1029384exm-01", ["V1029384EXM01"], True),
        # Sixteen characters do not fit an item: a seller cut them at fifteen.
        ("1234567890123-0", ["1234567890123-01"], True),
        ("1234567890123-0", ["1234567890123-01", "1234567890123-02"], False),
        # It was not cut: it is as short as this.
        ("1234567", ["1234567890123-01"], False),
        ("4500012346", ["4500012345"], False),
    ],
)
def test_spellings_of_one_number_are_one_number(number, known, is_known):
    assert is_known_number(number, known) is is_known


def test_an_order_number_of_ours_is_not_taken_for_the_customers():
    record = make_erp_record("0004500123", web_numbers=("1172452900788-01",))
    lesson = OrderRecord(System.ERP, "", customer_numbers=("4500123", "1172452900788-0", "PO 1"))

    assert overlay(record, [lesson]).customer_numbers == ("PO 1",)


# --- kept ---------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.fixture
def alfa(db) -> Company:
    return make_company()


def store(company, *records, at=NOW, connection="erp"):
    return store_readings(
        connection=connection,
        readings=[make_reading(each, at) for each in records],
        now=at,
        company_id=company.pk if connection == "erp" else None,
    )


def teach(company, record_id, **taught):
    return learn(
        record_id=record_id,
        company_id=company.pk,
        taught=taught or {"nfe": FILE},
        now=LATER,
    )


def test_a_file_makes_an_order_findable_by_what_it_says(alfa):
    [stored] = store(alfa, make_erp_record())

    assert teach(alfa, stored.record_id) is True

    order = Order.objects.get()
    found = set(OrderNumber.objects.values_list("kind", "written"))
    assert {("access_key", KEY), ("invoice", "1001/1"), ("customer", "PO-77")} <= found
    assert order.invoices.get().total == Decimal("900.00")
    [title] = order.titles.all()
    assert (title.due_on, title.amount, title.state) == (
        date(2026, 4, 9),
        Decimal("900.00"),
        TitleState.UNKNOWN,
    )
    # What an invoice announced says nothing of who paid, and the total is the source's.
    assert (order.payment, order.total) == ("unknown", Decimal("1000.00"))


def test_records_meet_by_an_access_key_that_only_a_file_knows(alfa):
    [erp] = store(alfa, make_erp_record())
    store(alfa, make_vtex_record(invoices=(InvoiceRecord("1001", access_key=KEY),)), connection="v")
    assert Order.objects.count() == 2

    teach(alfa, erp.record_id)

    assert Order.objects.get().origins == "erp+vtex"


def test_the_same_file_twice_changes_nothing(alfa):
    [stored] = store(alfa, make_erp_record())
    teach(alfa, stored.record_id)
    before = snapshot(), Supplement.objects.get().learned_at

    assert teach(alfa, stored.record_id) is False
    assert (snapshot(), Supplement.objects.get().learned_at) == before


def test_what_was_learned_survives_reading_and_merging_again(alfa):
    [stored] = store(alfa, make_erp_record())
    teach(alfa, stored.record_id)

    store(alfa, make_erp_record(status_raw="Faturado"), at=LATER)
    assert Invoice.objects.get().access_key == KEY
    remerge(record_ids=[stored.record_id], now=LATER)
    assert Invoice.objects.get().access_key == KEY
    assert "access_key" not in str(SourceRecord.objects.get().facts)


def test_a_file_that_is_withdrawn_takes_back_what_it_said(alfa):
    [stored] = store(alfa, make_erp_record())
    before = snapshot()
    teach(alfa, stored.record_id)

    learn(record_id=stored.record_id, company_id=alfa.pk, taught={}, now=LATER)

    assert (snapshot(), Supplement.objects.count()) == (before, 0)


def test_a_source_that_states_titles_later_rules_them(alfa):
    [stored] = store(alfa, make_erp_record())
    teach(alfa, stored.record_id)

    own = TitleRecord("own", invoice_number="1001", state=TitleState.PAID)
    store(alfa, make_erp_record(titles=(own,)), at=LATER)

    assert list(Title.objects.values_list("key", "state")) == [("own", "paid")]


def test_two_records_of_one_order_learn_a_file_once(alfa):
    web = {"web_numbers": ("1172452900788-01",)}
    stored = store(alfa, make_erp_record("1", **web), make_erp_record("2", **web))
    store(alfa, make_vtex_record(), connection="loja")

    for each in stored:
        teach(alfa, each.record_id)

    assert (Order.objects.count(), Invoice.objects.count(), Title.objects.count()) == (1, 1, 1)


def test_a_record_that_moves_to_another_company_leaves_what_was_learned(alfa):
    beta = make_company("Beta", ("12ABC34501DE35",), customer_ids={"erp": "2002"})
    [stored] = store(alfa, make_erp_record())
    teach(alfa, stored.record_id)

    store(beta, make_erp_record(customer_id="2002"), at=LATER)

    assert Order.objects.get().company == beta
    assert (Invoice.objects.count(), Title.objects.count()) == (0, 0)
    assert not MatchKey.objects.filter(value__contains=KEY).exists()
    assert not OrderNumber.objects.filter(value__contains="PO77").exists()


def test_another_companys_file_teaches_nothing(alfa):
    beta = make_company("Beta", ("12ABC34501DE35",))
    [stored] = store(alfa, make_erp_record())

    assert teach(beta, stored.record_id) is False
    assert (Supplement.objects.count(), Invoice.objects.count()) == (0, 0)


def test_a_record_that_is_withdrawn_takes_what_was_learned_with_it(alfa):
    [stored] = store(alfa, make_erp_record())
    teach(alfa, stored.record_id)

    withdraw(connection="erp", external_id="0004500123", company_id=alfa.pk, now=LATER)

    assert Supplement.objects.count() == 0


def test_a_letter_of_correction_is_kept_whole(alfa):
    [stored] = store(alfa, make_erp_record())
    text = "x" * 1000
    letter = OrderRecord(System.ERP, "", events=(EventRecord(NOW, "nfe-corrected", text),))

    teach(alfa, stored.record_id, event=letter)

    assert Event.objects.get().text == text


LESSONS = {
    "a": FILE,
    "b": replace(FILE, customer_numbers=("PO-78", "PO-77"), titles=()),
    "c": OrderRecord(System.ERP, "", invoices=(InvoiceRecord("1001", total=Decimal(7)),)),
    "d": OrderRecord(System.ERP, "", events=(EventRecord(NOW, "nfe-cancelled", "x"),)),
}
READINGS = [
    make_reading(make_erp_record(), NOW),
    make_reading(make_erp_record(invoices=(InvoiceRecord("1001"),)), NOW + timedelta(minutes=1)),
    make_reading(
        make_erp_record(titles=(TitleRecord("t", invoice_number="1001", state=TitleState.OPEN),)),
        NOW + timedelta(minutes=2),
    ),
]


def snapshot():
    own = {"id", "public_id", "order_id", "record_id", "changed_at", "created_at"}
    return [
        sorted(
            (sorted((k, str(v)) for k, v in row.items() if k not in own))
            for row in model.objects.values()
        )
        for model in (Order, OrderNumber, Invoice, Title, Event, MatchKey)
    ]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    readings=st.permutations(READINGS),
    lots=st.lists(st.sets(st.sampled_from(sorted(LESSONS))), max_size=4),
    last=st.sets(st.sampled_from(sorted(LESSONS))),
    places=st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
def test_files_and_readings_end_the_same_in_whatever_order(alfa, readings, lots, last, places):
    def run(steps):
        for model in (Supplement, SourceRecord, Order):
            model.objects.all().delete()
        for step in steps:
            if isinstance(step, set):
                record = SourceRecord.objects.first()
                if record:
                    taught = {key: LESSONS[key] for key in sorted(step)}
                    learn(record_id=record.pk, company_id=alfa.pk, taught=taught, now=NOW)
            else:
                store_readings(connection="erp", readings=[step], now=NOW, company_id=alfa.pk)
        return snapshot()

    mixed = list(readings)
    for at, lot in zip(places, lots, strict=False):
        mixed.insert(at, lot)

    assert run([*mixed, last]) == run([last, *READINGS, last, last])
