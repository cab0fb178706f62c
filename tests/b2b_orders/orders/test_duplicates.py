"""Orders that may have been placed twice: a hint, computed from rows, joining nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.companies.models import StaffRole
from b2b_orders.orders.duplicates import duplicates_of, list_duplicates
from b2b_orders.orders.models import Line, Order
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_order

ITEMS = (("SKU-1", "10"), ("SKU-2", "2.5"))


@pytest.fixture
def teo(cast) -> Viewer:
    rights = frozenset({Right.DOCUMENTS})
    return Viewer(cast.teo.pk, cast.alfa.pk, rights, staff_role=StaffRole.TELESALES)


def place(company, number, origins, items=ITEMS, **fields) -> Order:
    kind = NumberKind.WEB if origins == "vtex" else NumberKind.ERP
    order = make_order(company, [(kind, number)], origins=origins, **fields)
    for at, (sku, quantity) in enumerate(items, start=1):
        amount = Decimal(quantity) if quantity else None
        Line.objects.create(order=order, company=company, position=at, sku=sku, quantity=amount)
    return order


def pairs(viewer) -> list[tuple[str, str]]:
    return [(each.site_title, each.erp_title) for each in list_duplicates(viewer=viewer)]


def test_the_same_goods_on_the_same_day_for_the_same_branch_are_a_possible_duplicate(cast, teo):
    site = place(cast.alfa, "W-1", "vtex", placed_at=NOW)
    erp = place(cast.alfa, "E-1", "erp", placed_at=NOW - timedelta(hours=10), placed_on=NOW.date())

    assert pairs(teo) == [("W-1", "E-1")]
    for order in (site, erp):
        (found,) = duplicates_of(viewer=teo, order_id=order.pk)
        assert (found.site_public_id, found.erp_public_id) == (site.public_id, erp.public_id)
        assert found.placed_on == NOW.date()
    assert Order.objects.count() == 2


def test_lines_in_another_order_or_split_in_two_are_the_same_goods(cast, teo):
    place(cast.alfa, "W-1", "vtex")
    place(cast.alfa, "E-1", "erp", (("sku-2", "2.5000"), ("SKU-1", "4"), ("SKU-1", "6")))

    assert pairs(teo) == [("W-1", "E-1")]


@pytest.mark.parametrize(
    "different",
    [
        {"items": (("SKU-1", "10"), ("SKU-2", "2"))},
        {"items": (("SKU-1", "10"),)},
        {"items": ()},
        {"items": (("", "10"), ("SKU-2", "2.5"))},
        {"items": (("SKU-1", ""), ("SKU-2", "2.5"))},
        {"placed_on": NOW.date() - timedelta(days=1)},
        {"placed_on": None},
        {"fulfilment": "cancelled"},
        {"fulfilment": "replaced"},
        {"origins": "erp+vtex"},
        {"origins": "vtex"},
    ],
    ids=str,
)
def test_whatever_differs_or_is_not_stated_is_no_duplicate(cast, teo, different):
    site = place(cast.alfa, "W-1", "vtex")
    other = place(cast.alfa, "E-1", **({"origins": "erp"} | different))

    assert pairs(teo) == []
    assert duplicates_of(viewer=teo, order_id=site.pk) == ()
    assert duplicates_of(viewer=teo, order_id=other.pk) == ()


def test_orders_that_both_state_no_goods_are_no_duplicates(cast, teo):
    place(cast.alfa, "W-1", "vtex", ())
    place(cast.alfa, "E-1", "erp", ())

    assert pairs(teo) == []


def test_another_branch_or_company_is_no_duplicate(cast, teo):
    site = place(cast.alfa, "W-1", "vtex")
    place(cast.alfa, "E-1", "erp", establishment=cast.alfa_branch)
    place(cast.beta, "E-2", "erp")

    assert pairs(teo) == []
    assert duplicates_of(viewer=teo, order_id=site.pk) == ()


def test_an_orders_page_names_its_own_duplicates_alone(cast, teo):
    site = place(cast.alfa, "W-1", "vtex", (("SKU-9", "1"),))
    place(cast.alfa, "W-2", "vtex")
    place(cast.alfa, "E-2", "erp")

    assert duplicates_of(viewer=teo, order_id=site.pk) == ()


def test_a_customer_is_not_told_and_it_takes_one_statement(cast, teo):
    for at in range(10):
        place(cast.alfa, f"W-{at}", "vtex")
        place(cast.alfa, f"E-{at}", "erp")

    with CaptureQueriesContext(connection) as queries:
        found = list_duplicates(viewer=teo)

    assert len(queries) == 1
    assert len(found) == 5
    with pytest.raises(NotVisible):
        list_duplicates(viewer=Viewer(cast.ana.pk, cast.alfa.pk, frozenset(Right)))
