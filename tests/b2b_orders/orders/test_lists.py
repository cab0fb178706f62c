"""Lists: every sort pages through all that it should, once, both ways, over an index."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput
from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders import chips as chips_of_lists
from b2b_orders.orders import queries
from b2b_orders.orders.chips import COUNTED, count_chips, count_list
from b2b_orders.orders.filtering import EVERYTHING, Only, OrderFilter, Origin, SortBy
from b2b_orders.orders.models import Order
from b2b_orders.orders.rows import Counted
from b2b_orders.orders.sorting import sorting_of
from erp_bridge.records import Fulfilment, NumberKind
from tests.factories import NOW, make_document, make_order, make_title
from tests.factories.companies import make_company

K = NumberKind
TODAY = NOW.date()
SORTS = [
    OrderFilter(sort_by=sort, is_ascending=ascending)
    for sort in SortBy
    for ascending in (False, True)
]
LIFE = list(Fulfilment)


def viewer_in(company, rights=frozenset(Right), **more) -> Viewer:
    return Viewer(1, company.pk, frozenset(rights), **more)


@pytest.fixture
def viewer(cast) -> Viewer:
    return viewer_in(cast.alfa)


def filled(company, count: int, seed: int = 7) -> list[Order]:
    """Make orders with many equal values and some that lack one."""
    chance = random.Random(seed)
    return [
        make_order(
            company,
            [(K.ERP, f"{place:04}")],
            fulfilment=chance.choice(("placed", "picking", "invoiced", "delivered", "unmapped")),
            total=chance.choice((None, Decimal("10.00"), Decimal("10.50"), Decimal("-3.00"))),
            promised_on=chance.choice((None, TODAY, TODAY + timedelta(days=2))),
            placed_at=NOW - timedelta(hours=chance.randrange(4)),
            changed_at=NOW - timedelta(hours=chance.randrange(4)),
        )
        for place in range(count)
    ]


def as_listed(orders: list[Order], wanted: OrderFilter) -> list[str]:
    """Sort orders as the list should, in words of its own."""
    down = not wanted.is_ascending
    column = {
        SortBy.PLACED: "sorted_at",
        SortBy.TOTAL: "total",
        SortBy.PROMISED: "promised_on",
        SortBy.CHANGED: "changed_at",
    }.get(wanted.sort_by)
    if column is None:
        newest = sorted(orders, key=lambda order: (order.sorted_at, order.pk), reverse=True)
        found = sorted(newest, key=lambda order: LIFE.index(order.fulfilment) * (-1 if down else 1))
        return [order.title for order in found]
    having = [order for order in orders if getattr(order, column) is not None]
    lacking = [order for order in orders if getattr(order, column) is None]
    having.sort(key=lambda order: (getattr(order, column), order.pk), reverse=down)
    lacking.sort(key=lambda order: order.pk, reverse=down)
    return [order.title for order in (*having, *lacking)]


def pages(viewer: Viewer, wanted: OrderFilter, limit: int) -> Iterator[queries.PageOf]:
    after = None
    while True:
        page = queries.list_orders(viewer=viewer, wanted=wanted, after=after, limit=limit, now=NOW)
        yield page
        after = page.next
        if after is None:
            return


def titles(page) -> list[str]:
    return [row.title for row in page.rows]


@pytest.mark.parametrize("wanted", SORTS, ids=lambda each: sorting_of(each).code)
def test_pages_of_every_sort_hold_each_order_once_and_lead_back(viewer, cast, wanted):
    orders = filled(cast.alfa, 23)
    expected = as_listed(orders, wanted)

    found = list(pages(viewer, wanted, 4))

    assert [title for page in found for title in titles(page)] == expected
    assert [len(page.rows) for page in found] == [4, 4, 4, 4, 4, 3]
    assert found[0].previous is None
    assert all(page.previous for page in found[1:])
    back = found[-1].previous
    for page in reversed(found[:-1]):
        before = queries.list_orders(viewer=viewer, wanted=wanted, after=back, limit=4)
        assert titles(before) == titles(page)
        onwards = queries.list_orders(viewer=viewer, wanted=wanted, after=before.next, limit=4)
        assert titles(onwards)[0] == expected[expected.index(titles(page)[-1]) + 1]
        back = before.previous
    assert back is None


@pytest.mark.parametrize("wanted", SORTS, ids=lambda each: sorting_of(each).code)
def test_neighbours_are_those_of_the_list_one_came_from(viewer, cast, wanted):
    orders = filled(cast.alfa, 12)
    make_order(cast.beta, [(K.ERP, "theirs")], placed_at=NOW - timedelta(hours=2))
    expected = as_listed(orders, wanted)
    ids = {order.title: order.pk for order in orders}
    name_of = {order.public_id: order.title for order in Order.objects.all()}

    for place, title in enumerate(expected):
        found = queries.neighbours(viewer=viewer, order_id=ids[title], wanted=wanted, now=NOW)
        before, behind = (each and name_of[each] for each in found)
        assert before == (expected[place - 1] if place else None)
        assert behind == (expected[place + 1] if place < 11 else None)


def test_an_order_that_left_the_list_still_has_neighbours_and_anothers_has_none(viewer, cast):
    first, gone, last = (
        make_order(
            cast.alfa,
            [(K.ERP, str(place))],
            fulfilment="picking" if place != 1 else "delivered",
            placed_at=NOW - timedelta(hours=place),
        )
        for place in range(3)
    )
    theirs = make_order(cast.beta, [(K.ERP, "9")])
    wanted = OrderFilter(statuses=(Fulfilment.PICKING,))

    found = queries.neighbours(viewer=viewer, order_id=gone.pk, wanted=wanted)
    assert found == (first.public_id, last.public_id)
    assert queries.neighbours(viewer=viewer, order_id=theirs.pk) == (None, None)


def test_rows_that_come_between_two_pages_shift_nothing(viewer, cast):
    for place in range(6):
        make_order(cast.alfa, [(K.ERP, f"old-{place}")], placed_at=NOW - timedelta(hours=place + 1))
    first = queries.list_orders(viewer=viewer, limit=3)
    make_order(cast.alfa, [(K.ERP, "new")], placed_at=NOW)

    second = queries.list_orders(viewer=viewer, limit=3, after=first.next)
    back = queries.list_orders(viewer=viewer, limit=3, after=second.previous)

    assert titles(second) == ["old-3", "old-4", "old-5"]
    assert titles(back) == ["old-0", "old-1", "old-2"]
    assert titles(queries.list_orders(viewer=viewer, limit=3, after=back.previous))[0] == "new"


def test_near_the_beginning_a_page_back_is_a_whole_one(viewer, cast):
    for place in range(5):
        make_order(cast.alfa, [(K.ERP, f"{place}")], placed_at=NOW - timedelta(hours=place))
    first = queries.list_orders(viewer=viewer, limit=2)
    Order.objects.filter(title="0").update(company=None)
    second = queries.list_orders(viewer=viewer, limit=2, after=first.next)

    back = queries.list_orders(viewer=viewer, limit=2, after=second.previous)

    assert (titles(back), back.previous) == (["1", "2"], None)


@pytest.mark.parametrize("wanted", SORTS, ids=lambda each: sorting_of(each).code)
def test_a_place_of_another_sort_or_a_made_up_one_is_refused(viewer, cast, wanted):
    filled(cast.alfa, 3)
    others = [each for each in SORTS if each != wanted]
    places = [queries.list_orders(viewer=viewer, wanted=each, limit=1).next for each in others]

    for after in (*places, "~", "~~", "nonsense", "~bm9uc2Vuc2U", "fHx8", "é"):
        with pytest.raises(InvalidInput):
            queries.list_orders(viewer=viewer, wanted=wanted, after=after)


def test_without_prices_nobody_sorts_by_them(cast):
    make_order(cast.alfa, [(K.ERP, "1")], total=Decimal(1), placed_at=NOW - timedelta(days=1))
    make_order(cast.alfa, [(K.ERP, "2")], total=Decimal(2))
    blind = viewer_in(cast.alfa, rights=())
    cheap = OrderFilter(sort_by=SortBy.TOTAL, is_ascending=True, at_most=Decimal("1.50"))

    assert titles(queries.list_orders(viewer=blind, wanted=cheap)) == ["2", "1"]
    assert queries.count_orders(viewer=blind, wanted=cheap) == Counted(2)
    assert queries.count_orders(viewer=viewer_in(cast.alfa), wanted=cheap) == Counted(1)


def test_a_list_and_its_chips_are_counted_at_once(
    viewer, cast, monkeypatch, django_assert_num_queries
):
    for at, status in enumerate(("delivered", "delivered", "invoiced", "picking")):
        make_order(cast.alfa, [(K.ERP, f"{at:04}")], fulfilment=status)
    make_order(cast.beta)
    wanted = OrderFilter(statuses=(Fulfilment.PICKING,))
    with django_assert_num_queries(1):
        counted, chips = count_list(viewer=viewer, wanted=wanted, chips=Only, now=NOW)

    assert counted == queries.count_orders(viewer=viewer, wanted=wanted, now=NOW)
    assert counted == Counted(1)
    assert chips == count_chips(viewer=viewer, chips=Only, now=NOW)
    everything, _ = count_list(viewer=viewer, wanted=EVERYTHING, chips=(), now=NOW)
    assert everything == Counted(4)
    monkeypatch.setattr(chips_of_lists, "LIST_COUNT_LIMIT", 3)
    everything, _ = count_list(viewer=viewer, wanted=EVERYTHING, chips=(), now=NOW)
    assert everything == Counted(3, is_exact=False)


def test_a_count_is_exact_up_to_its_limit(viewer, cast, monkeypatch):
    filled(cast.alfa, 5)
    make_order(cast.beta)
    monkeypatch.setattr(queries, "LIST_COUNT_LIMIT", 5)
    assert queries.count_orders(viewer=viewer) == Counted(5)

    monkeypatch.setattr(queries, "LIST_COUNT_LIMIT", 4)
    assert queries.count_orders(viewer=viewer) == Counted(4, is_exact=False)


def test_a_number_is_looked_for_within_a_filter(viewer, cast):
    for place, status in enumerate(("picking", "delivered", "picking")):
        make_order(cast.alfa, [(K.ERP, f"450{place}"), (K.CUSTOMER, "SAME")], fulfilment=status)
    picking = OrderFilter(statuses=(Fulfilment.PICKING,))

    by_part = queries.search(viewer=viewer, text="450", wanted=picking)
    exactly = queries.search(viewer=viewer, text="same", wanted=picking)
    none = queries.search(viewer=viewer, text="4501", wanted=picking)

    assert [row.title for row in by_part.rows] == [row.title for row in exactly.rows]
    assert [row.title for row in exactly.rows] == ["4502", "4500"]
    assert (by_part.count, exactly.count, none.count) == (2, 2, 0)
    first = queries.search(viewer=viewer, text="same", wanted=picking, limit=1)
    second = queries.search(viewer=viewer, text="same", wanted=picking, limit=1, after=first.next)
    back = queries.search(
        viewer=viewer, text="same", wanted=picking, limit=1, after=second.previous
    )
    assert [row.title for page in (first, second, back) for row in page.rows] == [
        *("4502", "4500", "4502")
    ]


@pytest.mark.parametrize("name", ["Carla  Souza", "carla souza", "CARLA SOUZA LIMA"])
def test_a_name_is_found_by_a_part_whatever_blanks_its_source_writes(viewer, cast, name):
    make_order(cast.alfa, [(K.ERP, "1")], placed_by_name=name)
    make_order(cast.alfa, [(K.ERP, "2")], placed_by_name="Ana")
    make_order(cast.alfa, [(K.ERP, "3")], placed_by_name="")

    for typed in ("Carla Souza", "souza", "a s"):
        page = queries.list_orders(viewer=viewer, wanted=OrderFilter(placed_by=typed))
        assert titles(page) == ["1"]


# --- chips ------------------------------------------------------------------------------


def test_chips_count_what_they_keep(viewer, cast):
    late = {"promised_on": TODAY - timedelta(days=1)}
    old = NOW - timedelta(days=200)
    make_order(cast.alfa, [(K.ERP, "late")], fulfilment="picking", **late)
    make_order(cast.alfa, [(K.ERP, "on its way")], fulfilment="shipped", **late)
    make_order(cast.alfa, [(K.ERP, "long gone")], fulfilment="shipped", placed_at=old, **late)
    differs = make_order(cast.alfa, [(K.ERP, "differs")], fulfilment="placed", divergence_count=2)
    make_order(cast.beta, [(K.ERP, "theirs")], fulfilment="picking", divergence_count=1, **late)
    make_title(differs, due_on=TODAY + timedelta(days=7))
    dead = make_order(cast.alfa, [(K.ERP, "dead")], fulfilment="cancelled")
    make_title(dead, due_on=TODAY)
    expected = {
        Only.OPEN: {"late", "on its way", "differs"},
        Only.LATE: {"late", "on its way"},
        Only.DUE_SOON: {"differs"},
        Only.DIFFERS: {"differs"},
    }

    counts = count_chips(viewer=viewer, chips=expected, now=NOW)

    assert counts == {only: Counted(len(kept)) for only, kept in expected.items()}
    for only, kept in expected.items():
        page = queries.list_orders(viewer=viewer, wanted=OrderFilter(only=(only,)), now=NOW)
        assert set(titles(page)) == kept


def test_chips_about_documents_count_what_a_row_shows(viewer, cast):
    lacking, new, old, settled = (
        make_order(cast.alfa, [(K.ERP, name)], placed_at=at)
        for name, at in (
            ("lacking", NOW),
            ("new", NOW),
            ("old", NOW - timedelta(days=100)),
            ("settled", NOW),
        )
    )
    before = NOW - timedelta(days=8)
    make_document(lacking, key="a", state="expected", state_since=before)
    make_document(new, key="b")
    make_document(old, key="c")
    make_document(settled, key="d", state_since=before)
    make_document(settled, key="e", state="not_applicable")
    make_document(make_order(cast.beta), key="f", state="expected")
    expected = {Only.MISSING_DOCUMENTS: ["lacking"], Only.NEW_DOCUMENTS: ["new"]}

    for only, kept in expected.items():
        wanted = OrderFilter(only=(only,))
        assert titles(queries.list_orders(viewer=viewer, wanted=wanted, now=NOW)) == kept
    assert count_chips(viewer=viewer, chips=expected, now=NOW) == dict.fromkeys(
        expected, Counted(1)
    )


def test_what_one_may_not_know_is_not_counted(cast):
    order = make_order(cast.alfa, [(K.ERP, "1")])
    make_title(order)
    make_document(order, kind="boleto", key="b", state="expected")
    make_document(order, kind="boleto", key="n")
    blind = viewer_in(cast.alfa, rights=())
    clerk = viewer_in(cast.alfa, rights={Right.DOCUMENTS})
    chips = (Only.DUE_SOON, Only.MISSING_DOCUMENTS, Only.NEW_DOCUMENTS)

    assert count_chips(viewer=blind, chips=chips, now=NOW) == {}
    assert count_chips(viewer=clerk, chips=chips, now=NOW) == {
        Only.MISSING_DOCUMENTS: Counted(0),
        Only.NEW_DOCUMENTS: Counted(0),
    }
    whole = count_chips(viewer=viewer_in(cast.alfa), chips=chips, now=NOW)
    assert set(whole.values()) == {Counted(1)}


def test_a_branch_counts_its_own(cast):
    make_order(cast.alfa, [(K.ERP, "1")], fulfilment="picking")
    make_order(cast.alfa, [(K.ERP, "2")], fulfilment="picking", establishment=cast.alfa_branch)
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))
    main = OrderFilter(branches=(cast.alfa_main.tax_id,))

    assert count_chips(viewer=scoped, chips=[Only.OPEN], now=NOW) == {Only.OPEN: Counted(1)}
    assert queries.count_orders(viewer=scoped) == Counted(1)
    assert queries.list_orders(viewer=scoped, wanted=main).rows == ()


# --- how PostgreSQL reads them ------------------------------------------------------------


@pytest.fixture
def large(db):
    """A company of many orders beside a larger one, as statistics know them."""
    company = make_company("Large", ("11222333000181", "11222333000262"))
    other = make_company("Larger", ("11444777000161",))
    with connection.cursor() as cursor:
        for each, count in ((company, 12000), (other, 12000)):
            branch = each.establishments.order_by("pk").first()
            cursor.execute(
                """INSERT INTO orders_order (public_id, company_id, establishment_id, origins,
                    title, fulfilment, status_raw, status_system, placed_on, sorted_at,
                    promised_on, placed_by_name, placed_by_code, currency, total, line_count,
                    divergence_count, facts, provenance, draft_hash, created_at, changed_at)
                SELECT gen_random_uuid(), %(company)s, %(branch)s,
                    CASE WHEN n %% 50 = 0 THEN 'erp' ELSE 'erp+vtex' END, n,
                    CASE n %% 60 WHEN 0 THEN 'picking' WHEN 1 THEN 'cancelled'
                        ELSE 'delivered' END, '', 'erp',
                    (%(now)s - n * interval '1 hour')::date, %(now)s - n * interval '1 hour',
                    CASE WHEN n %% 9 > 0 THEN (%(now)s - n * interval '1 hour')::date END,
                    'Buyer ' || n %% 40, '', 'BRL',
                    CASE WHEN n %% 7 > 0 THEN (n %% 1000)::numeric END, 1,
                    CASE WHEN n %% 500 = 0 THEN 1 ELSE 0 END, '{}', '{}', '', now(),
                    %(now)s - (n * 7919 %% 10007) * interval '1 minute'
                FROM generate_series(1, %(count)s) n""",
                {"company": each.pk, "branch": branch.pk, "now": NOW, "count": count},
            )
        cursor.execute("ANALYZE orders_order")
    return company


def plans_of(read, company) -> list[str]:
    with tenancy.scope(role=tenancy.WEB, company_id=company.pk):
        with CaptureQueriesContext(connection) as captured:
            read()
        plans = []
        with connection.cursor() as cursor:
            for query in captured.captured_queries:
                cursor.execute("EXPLAIN " + query["sql"])
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans


def test_only_a_list_of_everything_is_planned_once_for_all(cast, viewer):
    """A plan for any status or branch would sort half of a large company for its first page."""
    branch = viewer_in(cast.alfa, establishment_ids=frozenset({1}))
    narrowed = OrderFilter(statuses=(Fulfilment.INVOICED,))

    def kept(viewer: Viewer, wanted: OrderFilter) -> int:
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        connection.connection._prepared.clear()
        for _each in range(6):
            queries.list_orders(viewer=viewer, wanted=wanted, now=NOW)
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            return sum("o.total_cents" in statement for (statement,) in cursor.fetchall())

    assert kept(viewer, EVERYTHING) == 1
    assert kept(viewer, narrowed) == 0
    assert kept(branch, EVERYTHING) == 0


def test_every_sort_and_filter_of_a_large_company_is_a_range_of_an_index(large):
    viewer = viewer_in(large)
    index_of = {
        SortBy.PLACED: "order_latest",
        SortBy.TOTAL: "order_total",
        SortBy.STATUS: "order_by_status",
        SortBy.PROMISED: "order_promised",
        SortBy.CHANGED: "order_by_change",
    }
    for wanted in SORTS:
        page = queries.list_orders(viewer=viewer, wanted=wanted, limit=50)
        for after in (None, page.next):
            [plan] = plans_of(
                lambda a=after, w=wanted: queries.list_orders(
                    viewer=viewer, wanted=w, after=a, limit=50
                ),
                large,
            )
            assert index_of[wanted.sort_by] in plan, plan
            # A later page starts within the index, and reads nothing of those before.
            begun = [line for line in plan.splitlines() if "ROW(" in line]
            assert all("Index Cond" in line for line in begun), plan
            assert bool(begun) is bool(after), plan
            assert "Seq Scan on orders_order" not in plan, plan
    filters = {
        "order_by_status": OrderFilter(statuses=(Fulfilment.CANCELLED,)),
        "order_by_origin": OrderFilter(origins=(Origin.ERP,)),
        "order_by_person": OrderFilter(placed_by="buyer 7"),
        "order_by_branch": OrderFilter(branches=("11222333000262",)),
        "order_latest": OrderFilter(since=TODAY - timedelta(days=2)),
        "order_total": OrderFilter(at_least=Decimal("999.00")),
        "order_differs": OrderFilter(only=(Only.DIFFERS,)),
    }
    for index, wanted in filters.items():
        for read in (queries.list_orders, queries.count_orders):
            [plan] = plans_of(lambda r=read, w=wanted: r(viewer=viewer, wanted=w, now=NOW), large)
            # To count, the indexes of the foreign keys serve as well.
            keys = ("orders_order_establishment", "orders_order_company_id")
            serves = (index, *keys) if read is queries.count_orders else (index, keys[0])
            assert any(each in plan for each in serves), plan
            assert "Seq Scan on orders_order" not in plan, plan


def test_chips_are_one_statement_that_reads_no_whole_table(large, django_assert_num_queries):
    viewer = viewer_in(large)
    with tenancy.scope(role=tenancy.WEB, company_id=large.pk), django_assert_num_queries(1):
        counts = count_chips(viewer=viewer, chips=Only, now=NOW)

    assert (counts[Only.OPEN], counts[Only.DIFFERS]) == (Counted(200), Counted(24))
    [plan] = plans_of(lambda: count_chips(viewer=viewer, chips=Only, now=NOW), large)
    assert "Seq Scan on orders_order" not in plan, plan
    Order.objects.filter(company=large).update(fulfilment="picking")
    assert count_chips(viewer=viewer, chips=[Only.OPEN], now=NOW) == {
        Only.OPEN: Counted(COUNTED, is_exact=False)
    }


def test_the_whole_list_is_everything_sorted_newest_first():
    assert sorting_of(EVERYTHING).code == "-data"
    assert sorting_of(replace(EVERYTHING, sort_by=SortBy.TOTAL)).order_by == (
        "o.total_cents DESC, o.id DESC"
    )
