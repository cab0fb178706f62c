"""Columns of lists: none that a right is missing for, and what they read in one statement."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.columns import (
    Column,
    Further,
    allowed_columns,
    default_columns,
    list_further,
    read_columns,
)
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order, make_title

ALL = frozenset(Right)


def viewer(company_id=1, rights=ALL, **more) -> Viewer:
    return Viewer(person_id=1, company_id=company_id, rights=rights, **more)


def test_columns_of_money_need_the_right_to_it():
    seen = set(allowed_columns(viewer(rights=frozenset({Right.DOCUMENTS}))))

    assert set(Column) - seen == {Column.TOTAL, Column.CURRENCY, Column.OPEN_AMOUNT}
    assert Column.TOTAL not in default_columns(viewer(rights=frozenset()))
    assert Column.DOCUMENTS not in default_columns(viewer(rights=frozenset()))


@pytest.mark.parametrize("written", [None, "data", {"data": 1}, 7, [], ["nothing", 3, None]])
def test_what_is_no_choice_of_columns_is_none(written):
    assert read_columns(viewer(), written) == ()


def test_a_choice_keeps_its_order_once_each_and_nothing_that_is_not_allowed():
    written = ["total", "data", "em_aberto", "data", "seu_numero", "x"]

    assert read_columns(viewer(rights=frozenset({Right.PRICES})), written) == (
        Column.TOTAL,
        Column.PLACED,
        Column.OWN_NUMBER,
    )


@pytest.fixture
def order(cast):
    order = make_order(cast.alfa, facts={"payment_terms": "28/56 dias"}, currency="USD")
    common = {"company": cast.alfa, "series": "1"}
    order.invoices.create(
        **common, number="1", carrier="Rápido", tracking_number="R1", delivered_at=NOW
    )
    order.invoices.create(
        **common, number="2", carrier="Lento", delivered_at=NOW + timedelta(days=1)
    )
    # Goods that come back are no delivery.
    order.invoices.create(**common, number="3", carrier="Volta", is_return=True)
    make_title(order, "t1", amount=Decimal("10.50"))
    make_title(order, "t2", amount=Decimal("20.00"))
    make_title(order, "t3", amount=Decimal("40.00"), state="paid")
    return order


def test_further_facts_of_all_orders_take_one_statement(cast, order, django_assert_num_queries):
    other = make_order(cast.alfa, ((NumberKind.ERP, "2"),))
    with django_assert_num_queries(1):
        found = list_further(
            viewer=viewer(cast.alfa.pk), order_ids=[order.pk, other.pk], columns=tuple(Column)
        )

    assert found[order.pk] == Further(
        currency="USD",
        changed_at=NOW,
        terms="28/56 dias",
        delivered_at=NOW + timedelta(days=1),
        carriers=(("Lento", ""), ("Rápido", "R1")),
        open_amount=Decimal("30.50"),
    )
    assert found[other.pk] == Further(currency="BRL", changed_at=NOW)


def test_nothing_is_read_for_columns_that_the_rows_have(cast, order, django_assert_num_queries):
    with django_assert_num_queries(0):
        columns = default_columns(viewer())
        assert (
            list_further(viewer=viewer(cast.alfa.pk), order_ids=[order.pk], columns=columns) == {}
        )


def test_an_order_is_delivered_once_all_of_it_is(cast, order):
    order.invoices.filter(number="1").update(delivered_at=None)

    [found] = list_further(
        viewer=viewer(cast.alfa.pk), order_ids=[order.pk], columns=[Column.DELIVERED]
    ).values()

    assert found.delivered_at is None


def test_nothing_is_open_of_a_cancelled_order_or_without_the_right(cast, order):
    def opened(rights=ALL):
        found = list_further(
            viewer=viewer(cast.alfa.pk, rights),
            order_ids=[order.pk],
            columns=[Column.OPEN_AMOUNT, Column.CHANGED],
        )
        return found[order.pk].open_amount

    assert opened() == Decimal("30.50")
    assert opened(ALL - {Right.FINANCE}) is None
    type(order).objects.filter(pk=order.pk).update(fulfilment="cancelled")
    assert opened() is None


def test_orders_of_others_and_of_other_branches_have_no_facts(cast, order):
    ids, columns = [order.pk], [Column.CHANGED]
    of_branch = frozenset({cast.alfa_branch.pk})

    assert list_further(viewer=viewer(cast.beta.pk), order_ids=ids, columns=columns) == {}
    branch = viewer(cast.alfa.pk, establishment_ids=of_branch)
    assert list_further(viewer=branch, order_ids=ids, columns=columns) == {}
