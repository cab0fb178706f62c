"""Near misses, and lists that begin with the exact hits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.companies.access import Viewer, rights_of
from b2b_orders.companies.models import Role
from b2b_orders.orders import queries
from b2b_orders.orders.rows import Match
from erp_bridge.records import NumberKind as K
from tests.factories import NOW, make_order


def viewer_in(company, role=Role.BUYER, **more) -> Viewer:
    return Viewer(person_id=0, company_id=company.pk, rights=rights_of(role, {}), **more)


@pytest.fixture
def orders(cast):
    make = {
        "o1": (cast.alfa, [(K.ERP, "0004500123"), (K.CUSTOMER, "PO-2026/0815")], 0),
        "o2": (cast.alfa, [(K.ERP, "0004500"), (K.CUSTOMER, "77")], 1),
        "o3": (cast.alfa, [(K.ERP, "0099"), (K.CUSTOMER, "4500")], 2),
        "beta": (cast.beta, [(K.ERP, "0004500129")], 0),
    }
    return {
        name: make_order(company, numbers, placed_at=NOW - timedelta(days=days))
        for name, (company, numbers, days) in make.items()
    }


def titles(rows):
    return [row.title for row in rows]


def test_one_slip_finds_the_viewers_order_and_nobody_elses(cast, orders):
    near = queries.near_orders(viewer=viewer_in(cast.alfa), text="4500124")

    assert titles(near) == ["0004500123"]
    assert near[0].matched == Match(K.ERP, "0004500123", "exact", "4500123")
    assert titles(queries.near_orders(viewer=viewer_in(cast.beta), text="4500124")) == [
        "0004500129"
    ]


def test_a_branch_is_no_nearer_than_it_is_seen(cast, orders):
    only_branch = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))

    assert queries.near_orders(viewer=only_branch, text="4500124") == ()


def test_near_misses_keep_to_one_kind_of_number(cast, orders):
    near = queries.near_orders(viewer=viewer_in(cast.alfa), text="PO 2026 816", only=K.ERP)

    assert near == ()
    assert titles(queries.near_orders(viewer=viewer_in(cast.alfa), text="PO 2026 815")) == [
        "0004500123"
    ]


def test_near_misses_take_two_statements(cast, orders, django_assert_num_queries):
    with django_assert_num_queries(2):
        queries.near_orders(viewer=viewer_in(cast.alfa), text="4500124")
    with django_assert_num_queries(0):
        queries.near_orders(viewer=viewer_in(cast.alfa), text="abc")


def test_a_wide_search_lists_exact_hits_first_and_then_longer_numbers(cast, orders):
    viewer = viewer_in(cast.alfa)

    wide = queries.search(viewer=viewer, text="4500", widely=True)
    narrow = queries.search(viewer=viewer, text="4500")

    assert titles(wide.rows) == ["0004500", "0099", "0004500123"]
    assert [row.matched.how for row in wide.rows if row.matched] == ["exact", "exact", "prefix"]
    assert (wide.count, wide.is_counted) == (3, True)
    assert titles(narrow.rows) == ["0004500", "0099"]


def test_pages_of_a_wide_search_show_each_order_once(cast, orders):
    viewer = viewer_in(cast.alfa)
    seen, after = [], None
    for _ in range(6):
        page = queries.search(viewer=viewer, text="4500", widely=True, limit=1, after=after)
        seen += titles(page.rows)
        after = page.next
        if not after:
            break

    assert sorted(seen) == ["0004500", "0004500123", "0099"]


def test_a_tax_id_names_no_branch_when_one_kind_of_number_is_asked_for(cast, orders):
    viewer = viewer_in(cast.alfa)

    assert len(queries.search(viewer=viewer, text="12345678000195").rows) == 3
    assert queries.search(viewer=viewer, text="12345678000195", only=K.ERP).rows == ()


def test_who_sees_no_finance_finds_no_line_by_a_part_of_it(cast):
    line = "34191790010104351004791020150008691070000100000"
    make_order(cast.alfa, [(K.ERP, "1"), (K.BOLETO_LINE, line)])
    sees, sees_not = viewer_in(cast.alfa), viewer_in(cast.alfa, Role.VIEWER)

    assert titles(queries.search(viewer=sees, text=line[:10], widely=True).rows) == ["1"]
    assert queries.search(viewer=sees_not, text=line[:10], widely=True).rows == ()
