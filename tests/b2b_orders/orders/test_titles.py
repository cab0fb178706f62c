"""What a company has to pay: which titles count where, in which order, and what they come to."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.titles import (
    Age,
    Group,
    Owed,
    Sort,
    Standing,
    Sums,
    TitleFilter,
    due_days,
    list_titles,
    sum_owed,
    sum_titles,
)
from erp_bridge.records import Money, NumberKind
from tests.factories import make_order, make_title

TODAY = date(2026, 3, 10)
LINE = "34191790010104351004791020150008191070000100000"
ACCESS_KEY = "35260312345678000195550010000010011123456784"


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


@pytest.fixture
def viewer(cast) -> Viewer:
    return Viewer(cast.ana.pk, cast.alfa.pk, frozenset(Right))


@pytest.fixture
def order(cast):
    return make_order(
        cast.alfa,
        [
            (NumberKind.ERP, "0004500123"),
            (NumberKind.CUSTOMER, "PO-2026/0815"),
            (NumberKind.INVOICE, "1001/1"),
            (NumberKind.ACCESS_KEY, ACCESS_KEY),
        ],
    )


def keys(viewer, **wanted) -> list[str]:
    page = list_titles(viewer=viewer, wanted=TitleFilter(**wanted), today=TODAY)
    return [title.key for title in page.rows]


def total(viewer, group=Group.TO_PAY, **wanted) -> Sums:
    return sum_titles(viewer=viewer, wanted=TitleFilter(**wanted), today=TODAY).of(group)


def reais(amount: str) -> tuple[Money, ...]:
    return (Money(Decimal(amount), "BRL"),)


def test_each_title_stands_as_its_source_and_the_date_say(viewer, order):
    for key, fields in {
        "yesterday": {"due_on": in_days(-1)},
        "today": {"due_on": TODAY},
        "undated": {"due_on": None},
        "paid late": {"due_on": in_days(-9), "state": "paid"},
        "cancelled": {"due_on": in_days(-9), "state": "cancelled"},
        "unknown": {"due_on": in_days(-9), "state": "unknown"},
    }.items():
        make_title(order, key, **fields)

    page = list_titles(viewer=viewer, wanted=TitleFilter(group=Group.ALL), today=TODAY)

    assert {title.key: title.standing for title in page.rows} == {
        "yesterday": Standing.OVERDUE,
        "today": Standing.OPEN,
        "undated": Standing.OPEN,
        "paid late": Standing.PAID,
        "cancelled": Standing.CANCELLED,
        "unknown": Standing.UNCLEAR,
    }
    assert keys(viewer) == ["yesterday", "today", "undated"]
    assert keys(viewer, group=Group.OVERDUE) == ["yesterday"]
    assert keys(viewer, group=Group.PAID) == ["paid late"]
    assert keys(viewer, group=Group.CANCELLED) == ["cancelled"]
    assert keys(viewer, group=Group.UNCLEAR) == ["unknown"]


@pytest.mark.parametrize("fulfilment", ["cancelled", "replaced"])
def test_an_open_title_of_a_dead_order_is_to_be_checked_and_in_no_sum(viewer, order, fulfilment):
    type(order).objects.filter(pk=order.pk).update(fulfilment=fulfilment)
    make_title(order, "open", due_on=in_days(-3))
    make_title(order, "paid", state="paid")

    assert keys(viewer, group=Group.UNCLEAR) == ["open"]
    assert keys(viewer) == []
    assert total(viewer) == Sums(0, (), 0)
    assert total(viewer, Group.OVERDUE).count == 0
    assert keys(viewer, group=Group.PAID) == ["paid"]


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (0, Age.NOT_DUE),
        (90, Age.NOT_DUE),
        (-1, Age.TO_7),
        (-7, Age.TO_7),
        (-8, Age.TO_30),
        (-30, Age.TO_30),
        (-31, Age.TO_60),
        (-60, Age.TO_60),
        (-61, Age.OVER_60),
        (None, Age.UNDATED),
    ],
)
def test_age_of_what_is_to_pay(viewer, order, days, age):
    make_title(order, due_on=None if days is None else in_days(days))
    make_title(order, "paid", due_on=in_days(-5), state="paid")

    summary = sum_titles(viewer=viewer, wanted=TitleFilter(), today=TODAY)

    assert {each: summary.aged(each).count for each in Age} == {
        each: int(each is age) for each in Age
    }
    assert summary.aged(age).amounts == reais("1000.00")


def test_sums_are_by_currency_and_say_how_many_amounts_they_lack(cast, viewer, order):
    make_title(order, "a", amount=Decimal("0.10"))
    make_title(order, "b", amount=Decimal("0.20"))
    make_title(order, "c", amount=None)
    dollars = make_order(cast.alfa, [(NumberKind.ERP, "77")], currency="USD")
    make_title(dollars, "d", amount=Decimal("5.00"))

    assert total(viewer) == Sums(
        4, (Money(Decimal("0.30"), "BRL"), Money(Decimal("5.00"), "USD")), 1
    )


def test_a_sum_of_unknown_amounts_is_no_zero(viewer, order):
    make_title(order, amount=None)

    assert total(viewer) == Sums(1, (), 1)


def test_one_line_on_two_orders_is_one_debt_and_the_settled_word_counts(cast, viewer, order):
    other = make_order(cast.alfa, [(NumberKind.ERP, "0004500124")])
    make_title(order, "first", typeable_line=LINE, due_on=in_days(-2))
    make_title(other, "second", typeable_line=LINE, due_on=in_days(-2), state="paid")

    assert keys(viewer, group=Group.ALL) == ["second"]
    assert total(viewer) == Sums(0, (), 0)
    assert total(viewer, Group.PAID) == Sums(1, reais("1000.00"), 0)


def test_a_debt_of_two_orders_is_found_by_the_number_of_either(cast, viewer, order):
    other = make_order(cast.alfa, [(NumberKind.ERP, "0004500124")])
    make_title(order, "first", typeable_line=LINE)
    make_title(other, "second", typeable_line=LINE)

    assert keys(viewer, number="4500123") == ["first"]
    assert keys(viewer, number="4500124") == ["first"]


def test_what_only_looks_alike_stays_two_debts(cast, viewer, order):
    other = make_order(cast.alfa, [(NumberKind.ERP, "0004500124")])
    make_title(order, "no line")
    make_title(other, "no line either")
    make_title(order, "zeros", typeable_line="0" * 47)
    make_title(other, "zeros too", typeable_line="0" * 47)

    assert total(viewer).count == 4


def test_another_companys_title_with_the_same_line_hides_nothing(cast, viewer, order):
    beta = make_order(cast.beta, [(NumberKind.ERP, "1")])
    make_title(beta, "theirs", typeable_line=LINE, state="paid")
    make_title(order, "ours", typeable_line=LINE)

    assert keys(viewer, group=Group.ALL) == ["ours"]


def test_a_branch_sees_its_own_even_where_the_main_house_has_the_same_line(cast, viewer, order):
    branch = make_order(cast.alfa, [(NumberKind.ERP, "9")], establishment=cast.alfa_branch)
    make_title(order, "main", typeable_line=LINE, state="paid")
    make_title(branch, "branch", typeable_line=LINE)
    carla = Viewer(1, cast.alfa.pk, frozenset(Right), frozenset({cast.alfa_branch.pk}))

    assert keys(carla, group=Group.ALL) == ["branch"]
    assert total(carla) == Sums(1, reais("1000.00"), 0)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("1001", ["nf 1001", "no nf"]),
        ("NF 1001", ["nf 1001", "no nf"]),
        ("1001/1", ["nf 1001", "no nf"]),
        ("0001001", ["nf 1001", "no nf"]),
        (ACCESS_KEY, ["nf 1001", "no nf"]),
        ("4500123", ["nf 1001", "nf 1002", "no nf"]),
        ("po 2026 0815", ["nf 1001", "nf 1002", "no nf"]),
        (LINE, ["nf 1002"]),
        ("1002", ["nf 1002"]),
        ("1003", []),
        ("' OR 1=1 --", []),
        ("!!", []),
    ],
)
def test_number_finds_the_invoice_or_all_of_an_order(cast, viewer, order, typed, found):
    make_title(order, "nf 1001", due_on=in_days(1))
    make_title(order, "nf 1002", invoice_number="1002", due_on=in_days(2), typeable_line=LINE)
    make_title(order, "no nf", invoice_number="", due_on=in_days(3))
    make_title(make_order(cast.alfa, [(NumberKind.ERP, "8")]), "other", invoice_number="77")
    make_title(make_order(cast.beta, [(NumberKind.ERP, "4500123")]), "theirs")

    assert keys(viewer, number=typed) == found
    assert total(viewer, number=typed).count == len(found)


def test_period_and_branch_narrow_list_and_sums_alike(cast, viewer, order):
    branch = make_order(cast.alfa, [(NumberKind.ERP, "9")], establishment=cast.alfa_branch)
    for day in (-1, 0, 1, 2):
        make_title(order, f"main {day}", due_on=in_days(day))
    make_title(branch, "branch 0", due_on=TODAY)

    period = {"due_from": TODAY, "due_to": in_days(1)}
    assert keys(viewer, **period) == ["main 0", "branch 0", "main 1"]
    assert total(viewer, **period).count == 3
    of_branch = {**period, "tax_id": "12345678000276"}
    assert keys(viewer, **of_branch) == ["branch 0"]
    assert total(viewer, **of_branch).count == 1


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_one_after_another_show_each_title_once_in_order(viewer, order, sort):
    for place in range(11):
        make_title(
            order,
            f"k{place:02}",
            due_on=None if place % 5 == 4 else in_days(place % 3),
            amount=None if place % 4 == 3 else Decimal(place % 2 + 1),
        )
    wanted = TitleFilter(sort=sort)
    everything = list_titles(viewer=viewer, wanted=wanted, today=TODAY, limit=50).rows

    paged, after = [], None
    for _ in range(6):
        page = list_titles(viewer=viewer, wanted=wanted, today=TODAY, after=after, limit=2)
        paged += page.rows
        after = page.next

    assert after is None
    assert paged == list(everything)
    column = [
        title.due_on if "due" in sort else title.amount and title.amount.amount
        for title in everything
    ]
    known = [value for value in column if value is not None]
    assert known == sorted(known, reverse=sort.startswith("-"))
    assert column == known + [None] * (11 - len(known))
    assert len({title.key for title in everything}) == 11


@pytest.mark.parametrize(
    "after",
    ["x", "eA", "dC5kdWVfb258fHg", "dC5hbW91bnR8MS4wMHwx", "dC5kdWVfb258fC0x", "é", "=" * 9],
)
def test_a_cursor_of_nobodys_or_of_another_order_is_refused(viewer, order, after):
    with pytest.raises(InvalidInput):
        list_titles(viewer=viewer, wanted=TitleFilter(), today=TODAY, after=after)


def test_without_the_right_to_finance_there_is_nothing(cast, order):
    make_title(order)
    nobody = Viewer(1, cast.alfa.pk, frozenset({Right.PRICES, Right.DOCUMENTS}))

    with pytest.raises(NotVisible):
        list_titles(viewer=nobody, wanted=TitleFilter(), today=TODAY)
    with pytest.raises(NotVisible):
        sum_titles(viewer=nobody, wanted=TitleFilter(), today=TODAY)
    with pytest.raises(NotVisible):
        due_days(viewer=nobody, first=TODAY, last=TODAY, today=TODAY)


def test_the_right_to_finance_alone_shows_what_is_due(cast, order):
    make_title(order, typeable_line=LINE)
    viewer = Viewer(1, cast.alfa.pk, frozenset({Right.FINANCE}))
    due = Sums(1, (Money(Decimal("1000.00"), "BRL"),), 0)

    by_amount = TitleFilter(sort=Sort.AMOUNT)
    (title,) = list_titles(viewer=viewer, wanted=by_amount, today=TODAY).rows
    days, altogether = due_days(viewer=viewer, first=TODAY, last=in_days(9), today=TODAY)

    assert (title.amount, title.typeable_line) == (Money(Decimal("1000.00"), "BRL"), LINE)
    assert total(viewer) == due
    assert altogether == due
    assert [day.sums for day in days] == [due]


def test_what_is_owed_is_the_overdue_and_the_next_day_alone(viewer, order):
    make_title(order, "late", due_on=in_days(-3), amount=Decimal("10.50"))
    make_title(order, "later", due_on=in_days(-1), amount=None)
    make_title(order, "next", due_on=in_days(2), amount=Decimal("7.00"))
    make_title(order, "same day", due_on=in_days(2), amount=Decimal("3.00"))
    make_title(order, "after", due_on=in_days(5), amount=Decimal("99.00"))
    make_title(order, "paid", due_on=in_days(-9), state="paid")
    make_title(order, "undated", due_on=None)
    dead = make_order(order.company, ((NumberKind.ERP, "9"),), fulfilment="cancelled")
    make_title(dead, "dead", due_on=in_days(-9))

    owed = sum_owed(viewer=viewer, today=TODAY)

    assert owed == Owed(
        Sums(2, (Money(Decimal("10.50"), "BRL"),), 1),
        in_days(2),
        (Money(Decimal("10.00"), "BRL"),),
    )


def test_nothing_is_owed_where_nothing_is_to_pay(viewer, order):
    make_title(order, "paid", state="paid")

    assert sum_owed(viewer=viewer, today=TODAY) == Owed(Sums(0, (), 0), None, ())


def test_days_add_up_what_is_to_pay_and_nothing_else(viewer, order):
    make_title(order, "a", due_on=in_days(1), amount=Decimal("10.50"))
    make_title(order, "b", due_on=in_days(1), amount=None)
    make_title(order, "c", due_on=in_days(-1), amount=Decimal("2.00"))
    make_title(order, "paid", due_on=in_days(1), state="paid")
    make_title(order, "unknown", due_on=in_days(1), state="unknown")
    make_title(order, "undated", due_on=None)
    make_title(order, "next month", due_on=date(2026, 4, 1))

    days, altogether = due_days(
        viewer=viewer, first=date(2026, 3, 1), last=date(2026, 3, 31), today=TODAY
    )

    assert [(day.on, day.sums) for day in days] == [
        (in_days(-1), Sums(1, reais("2.00"), 0)),
        (in_days(1), Sums(2, reais("10.50"), 1)),
    ]
    assert altogether == Sums(3, reais("12.50"), 1)


def test_statements_do_not_grow_with_titles(viewer, order, django_assert_num_queries):
    for place in range(30):
        make_title(order, f"k{place}", due_on=in_days(place))

    with django_assert_num_queries(1):
        list_titles(viewer=viewer, wanted=TitleFilter(), today=TODAY, limit=20)
    with django_assert_num_queries(1):
        sum_titles(viewer=viewer, wanted=TitleFilter(number="1001"), today=TODAY)
    with django_assert_num_queries(1):
        due_days(viewer=viewer, first=TODAY, last=in_days(30), today=TODAY)


def test_a_list_reads_its_page_off_an_index_and_not_the_whole_table(viewer, order, cast):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_title (order_id, company_id, key, instalment, invoice_number,"
            " due_on, amount, state, typeable_line, pix)"
            " SELECT %s, %s, 'k' || i, '', '', date '2024-01-01' + i %% 900, 1,"
            " CASE WHEN i %% 50 = 0 THEN 'open' ELSE 'paid' END, '', ''"
            " FROM generate_series(1, 5000) i",
            [order.pk, cast.alfa.pk],
        )
        cursor.execute("ANALYZE orders_title, orders_order")
    with CaptureQueriesContext(connection) as captured:
        list_titles(viewer=viewer, wanted=TitleFilter(), today=TODAY, limit=20)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + captured.captured_queries[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "title_open" in plan
    assert "Seq Scan on orders_title" not in plan
