"""The comparison sees any field that differs, and any row that only one side has."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database

from b2b_orders.orders.models import Line, Order, SourceRecord
from tests.factories import make_company, make_document, make_order
from tests.faults.compare import TABLES, Rows, differences, read_rows, verdict

ORDER = "orders_order erp:0004500123"


@pytest.fixture
def order(db: None) -> Order:
    made = make_order(make_company())
    SourceRecord.objects.update(external_id="0004500123")
    Line.objects.create(order=made, company=made.company, position=1, sku="A1", name="Cabo")
    make_document(made)
    return made


def read() -> Rows:
    with database.cursor() as cursor:
        return read_rows(cursor)


def set_field(table: str, field: str, value: Any) -> None:
    with database.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {field} = %s", [value])


def test_same_rows_are_equal_and_counted(order):
    is_equal, lines = verdict(read(), read())

    assert is_equal
    assert lines[0] == "rows equal: yes (5 rows)"
    assert [line.split() for line in lines[1:] if not line.endswith(" 0")] == [
        ["orders_sourcerecord", "1"],
        ["orders_order", "1"],
        ["orders_ordernumber", "1"],
        ["orders_line", "1"],
        ["documents_document", "1"],
    ]


def test_tampered_field_is_named_with_both_values(order):
    before = read()
    set_field("orders_order", "total", "1000.01")

    is_equal, lines = verdict(before, read())
    assert not is_equal
    assert lines == [
        "rows equal: no (1 differences)",
        f"  {ORDER}: total is 1000.0 in the calm run, 1000.01 in the storm",
    ]


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        ("orders_sourcerecord", "facts", '{"status_raw": "other"}'),
        ("orders_sourcerecord", "detail", "summary"),
        ("orders_order", "status_raw", "other"),
        ("orders_order", "facts", '{"freight": "1.00"}'),
        ("orders_ordernumber", "written", "other"),
        ("orders_line", "quantity", "7"),
        ("documents_document", "state", "failed"),
    ],
)
def test_every_kind_of_row_is_looked_at(order, table, field, value):
    before = read()
    set_field(table, field, value)

    assert [line.split(" is ")[0].split(": ")[1] for line in differences(before, read())] == [field]


@pytest.mark.parametrize(
    ("table", "field"),
    [("orders_sourcerecord", "read_at"), ("orders_order", "changed_at")],
)
def test_moments_of_our_own_doing_are_left_out(order, table, field):
    before = read()
    set_field(table, field, "2020-01-01T00:00:00Z")

    assert differences(before, read()) == []


def test_lost_order_is_named_with_all_that_hung_on_it(order):
    before = read()
    SourceRecord.objects.update(order=None)
    Order.objects.all().delete()
    SourceRecord.objects.all().delete()

    lost = differences(before, read())
    assert f"{ORDER}: 1 rows in the calm run, 0 in the storm" in lost
    assert len(lost) == 5


def test_doubled_row_is_named(order):
    before = read()
    Line.objects.create(order=order, company=order.company, position=2)

    assert differences(before, read()) == [
        "orders_line erp:0004500123 2: 0 rows in the calm run, 1 in the storm"
    ]


def test_ids_do_not_matter_what_they_stand_for_does(order):
    before = read()
    other = make_company("Beta", ["98765432000198"])
    Order.objects.update(company=other)

    assert differences(before, read()) == [
        f'{ORDER}: company_id is "12345678000195" in the calm run, "98765432000198" in the storm'
    ]


def test_only_the_first_twenty_differences_are_shown():
    calm = {name: [] for name in TABLES} | {
        "orders_order": [{"id": f"vtex:{number}"} for number in range(25)]
    }
    storm: Rows = {name: [] for name in TABLES}

    _, lines = verdict(calm, storm)
    assert lines[0] == "rows equal: no (25 differences)"
    assert len(lines) == 22
    assert lines[-1] == "  ... and 5 more"
