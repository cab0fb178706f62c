"""Search and reading of orders, behind the wall that production has."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import ProgrammingError, connection
from django.test.utils import CaptureQueriesContext

from b2b_orders.common import tenancy
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.access import RIGHTS_OF_ROLE, StaffViewer, Viewer
from b2b_orders.companies.models import Role, StaffRole
from b2b_orders.orders import queries
from b2b_orders.orders.models import Divergence, FirstSeen, Line, Order, OrderAlias, Title
from b2b_orders.orders.queries import Match, NumberRow
from erp_bridge import identifiers
from erp_bridge.records import Money, NumberKind
from tests.factories import NOW, make_order

K = NumberKind


def key_with_check_digit() -> str:
    base = "3526031234567800019555001000001001112345678"
    return next(base + d for d in "0123456789" if identifiers.valid_access_key(base + d))


@pytest.fixture
def orders(cast):
    """The orders that journeys name, by their names."""
    key = key_with_check_digit()
    o1 = make_order(
        cast.alfa,
        [
            (K.WEB, "1172452900788-01"),
            (K.WEB, "502556"),
            (K.WEB, "v502556llux-01"),
            (K.ERP, "0004500123"),
            (K.CUSTOMER, "PO-2026/0815"),
            (K.INVOICE, "1001/1"),
            (K.INVOICE, "1002/1"),
            (K.ACCESS_KEY, key),
            (K.BOLETO_LINE, "34191790010104351004791020150008291070026000"),
        ],
        placed_at=NOW,
    )
    o2 = make_order(
        cast.alfa,
        [(K.ERP, "0004500987"), (K.CUSTOMER, "OC 77-A")],
        establishment=cast.alfa_branch,
        placed_at=NOW - timedelta(days=1),
        placed_by_code="V7",
        placed_by_name="Téo",
    )
    o5 = make_order(
        cast.beta,
        [(K.ERP, "0004500555"), (K.CUSTOMER, "PO-2026/0815")],
        placed_at=NOW - timedelta(days=2),
        placed_by_code="V7",
    )
    return {"o1": o1, "o2": o2, "o5": o5}


def viewer_in(company, person=None, role=Role.BUYER, **more) -> Viewer:
    return Viewer(
        person_id=person.pk if person else 0,
        company_id=company.pk,
        rights=RIGHTS_OF_ROLE[role],
        **more,
    )


def web(viewer):
    """Stand behind the wall, as the web process does for this viewer."""
    return tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id)


def found(viewer, text, **more):
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id, person_id=0):
        return queries.search(viewer=viewer, text=text, **more)


def ids(result):
    return [row.id for row in result.rows]


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("1172452900788-01", K.WEB),
        ("502556", K.WEB),
        ("v502556llux-01", K.WEB),
        ("V502556LLUX", K.WEB),
        ("#1172452900788-01", K.WEB),
        (" 1172452900788 ", K.WEB),
        ("0004500123", K.ERP),
        ("4500123", K.ERP),
        ("PO-2026/0815", K.CUSTOMER),
        ("po 2026 0815", K.CUSTOMER),
        ("1001/1", K.INVOICE),
        ("NF 1001", K.INVOICE),
    ],
)
def test_every_way_of_writing_a_number_leads_to_its_order_alone(cast, orders, typed, kind):
    result = found(viewer_in(cast.alfa), typed)

    assert ids(result) == [orders["o1"].pk]
    assert (result.how, result.count, result.is_counted) == ("exact", 1, True)
    assert result.rows[0].matched.kind is kind


def test_a_match_names_the_number_as_its_source_wrote_it(cast, orders):
    result = found(viewer_in(cast.alfa), "4500123")

    assert result.rows[0].matched == Match(K.ERP, "0004500123", "exact", "4500123")


def test_a_row_shows_each_number_once_and_in_the_order_of_kinds(cast, orders):
    row = found(viewer_in(cast.alfa), "502556").rows[0]

    assert row.numbers[:5] == (
        NumberRow(K.WEB, "1172452900788-01"),
        NumberRow(K.WEB, "502556"),
        NumberRow(K.WEB, "v502556llux-01"),
        NumberRow(K.ERP, "0004500123"),
        NumberRow(K.CUSTOMER, "PO-2026/0815"),
    )
    assert len(row.numbers) == 9
    assert row.total == Money(Decimal("1000.00"), "BRL")
    assert [source.connection for source in row.sources] == ["erp"]
    assert row.sources[0].as_of == NOW


def test_the_same_customer_number_shows_only_the_viewers_company(cast, orders):
    assert ids(found(viewer_in(cast.alfa), "PO-2026/0815")) == [orders["o1"].pk]
    assert ids(found(viewer_in(cast.beta), "PO-2026/0815")) == [orders["o5"].pk]


def test_a_beginning_finds_every_kind_newest_first(cast, orders):
    result = found(viewer_in(cast.alfa), "4500")

    assert ids(result) == [orders["o1"].pk, orders["o2"].pk]
    assert (result.how, result.count) == ("prefix", 2)
    assert result.rows[1].matched == Match(K.ERP, "0004500987", "prefix", "4500")


def test_an_end_of_four_characters_finds_and_three_do_not(cast, orders):
    assert ids(found(viewer_in(cast.alfa), "0987")) == []
    assert ids(found(viewer_in(cast.alfa), "500987")) == [orders["o2"].pk]
    assert found(viewer_in(cast.alfa), "500987").how == "suffix"
    assert ids(found(viewer_in(cast.alfa), "987")) == []


def test_an_exact_hit_hides_what_only_begins_alike(cast):
    exact = make_order(cast.alfa, [(K.ERP, "4500")])
    make_order(cast.alfa, [(K.ERP, "45001")])

    assert ids(found(viewer_in(cast.alfa), "4500")) == [exact.pk]


def test_only_keeps_one_kind_of_number(cast):
    make_order(cast.alfa, [(K.ERP, "777")])
    invoiced = make_order(cast.alfa, [(K.ERP, "8"), (K.INVOICE, "777/1")])

    assert ids(found(viewer_in(cast.alfa), "777", only=K.INVOICE)) == [invoiced.pk]


@pytest.mark.parametrize(
    "text", ["", "   ", "#-/", "x" * 5000, "' OR 1=1 --", "\x00", "\uff14\uff15\uff10\uff10"]
)
def test_odd_texts_find_nothing_and_break_nothing(cast, orders, text):
    result = found(viewer_in(cast.beta), text)

    assert ids(result) in ([], [orders["o5"].pk])


def test_a_text_longer_than_any_number_is_not_looked_up(cast, orders, django_assert_num_queries):
    viewer = viewer_in(cast.alfa)
    with web(viewer), django_assert_num_queries(0):
        result = queries.search(viewer=viewer, text="9" * 5000)

    assert result.recognised.shape == "too_long"


def test_a_cnpj_lists_the_orders_of_its_establishment(cast, orders):
    assert ids(found(viewer_in(cast.beta), "12abc34501de35")) == [orders["o5"].pk]
    assert ids(found(viewer_in(cast.beta), "12.ABC.345/01DE-35")) == [orders["o5"].pk]
    assert ids(found(viewer_in(cast.alfa), "12abc34501de35")) == []


def test_an_access_key_with_blanks_finds_its_order(cast, orders):
    key = key_with_check_digit()
    spaced = " ".join(key[i : i + 4] for i in range(0, 44, 4))

    result = found(viewer_in(cast.alfa), spaced)

    assert ids(result) == [orders["o1"].pk]
    assert result.rows[0].matched.kind is K.ACCESS_KEY


def test_a_mistyped_access_key_offers_the_viewers_own_order_only(cast, orders):
    key = key_with_check_digit()
    mistyped = key[:30] + str((int(key[30]) + 1) % 10) + key[31:]

    mine = found(viewer_in(cast.alfa), mistyped)
    theirs = found(viewer_in(cast.beta), mistyped)

    assert mine.rows == ()
    assert mine.recognised.problem == "check-digit"
    assert mine.near_order is not None
    assert mine.near_order.id == orders["o1"].pk
    assert theirs.near_order is None


def test_a_mistyped_key_offers_nothing_outside_the_viewers_establishments(cast, orders):
    key = key_with_check_digit()
    mistyped = key[:30] + str((int(key[30]) + 1) % 10) + key[31:]
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))

    assert found(scoped, mistyped).near_order is None


def test_a_scoped_viewer_finds_only_orders_of_their_establishments(cast, orders):
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))

    assert ids(found(scoped, "0004500123")) == []
    assert ids(found(scoped, "4500")) == [orders["o2"].pk]


def test_a_scoped_viewer_without_establishments_finds_nothing(cast, orders):
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset())

    assert ids(found(scoped, "4500")) == []


def test_who_may_not_see_prices_gets_no_amount(cast, orders):
    row = found(viewer_in(cast.alfa, role=Role.VIEWER), "502556").rows[0]

    assert row.total is None


def test_a_boleto_line_is_found_whole_and_never_by_a_part_without_the_right(cast, orders):
    line = "34191790010104351004791020150008291070026000"
    without = viewer_in(cast.alfa, role=Role.VIEWER)

    assert ids(found(viewer_in(cast.alfa), line[:20])) == [orders["o1"].pk]
    assert ids(found(without, line[:20])) == []
    shown = found(without, "502556").rows[0]
    assert K.BOLETO_LINE not in {number.kind for number in shown.numbers}


@pytest.mark.parametrize("text", ["PO 1", "PO", "888"])
def test_pages_of_a_search_go_on_where_the_last_ended(cast, text):
    made = [
        make_order(
            cast.alfa,
            [(K.ERP, f"888{n}"), (K.CUSTOMER, "PO 1")],
            placed_at=NOW - timedelta(hours=n // 2),
        )
        for n in range(7)
    ]
    expected = sorted(made, key=lambda o: (o.sorted_at, o.pk), reverse=True)
    viewer = viewer_in(cast.alfa)

    seen, after, pages = [], None, 0
    while pages == 0 or after:
        result = found(viewer, text if text != "PO" else "PO1", after=after, limit=3)
        seen += ids(result)
        after, pages = result.next, pages + 1
        assert (result.count, result.is_counted) == (7, True)

    assert seen == [order.pk for order in expected]
    assert pages == 3


def test_too_many_hits_are_counted_up_to_the_limit(cast, monkeypatch):
    monkeypatch.setattr(queries, "COUNT_LIMIT", 2)
    for n in range(4):
        make_order(cast.alfa, [(K.ERP, f"888{n}"), (K.CUSTOMER, "PO 1")])

    part = found(viewer_in(cast.alfa), "888")
    exact = found(viewer_in(cast.alfa), "PO 1", limit=1)

    assert (part.count, part.is_counted) == (2, False)
    assert (exact.count, exact.is_counted) == (2, False)


@pytest.mark.parametrize("after", ["x", "e!!", "p", "eeA==", "zabc", "\x00"])
def test_a_page_that_is_none_of_ours_is_refused(cast, after):
    with pytest.raises(InvalidInput):
        found(viewer_in(cast.alfa), "4500", after=after)


@pytest.mark.parametrize(
    ("text", "statements"),
    [("1172452900788-01", 1), ("4500", 3), ("500987", 4), ("nothing here", 3)],
)
def test_a_search_takes_few_statements(cast, orders, text, statements, django_assert_num_queries):
    viewer = viewer_in(cast.alfa)
    with web(viewer), django_assert_num_queries(statements):
        queries.search(viewer=viewer, text=text)


def test_a_list_takes_one_statement_however_many_rows(cast, django_assert_num_queries):
    viewer = viewer_in(cast.alfa)
    for n in range(20):
        make_order(cast.alfa, [(K.ERP, f"9{n}")])
    with web(viewer), django_assert_num_queries(1):
        page = queries.list_orders(viewer=viewer)

    assert len(page.rows) == 20
    assert page.next is None


def test_lists_are_newest_first_in_pages_of_the_viewers_scope(cast, orders):
    whole = viewer_in(cast.alfa)
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        first = queries.list_orders(viewer=whole, limit=1)
        second = queries.list_orders(viewer=whole, limit=1, after=first.next)
        branch = queries.list_orders(viewer=scoped)

    assert [row.id for row in first.rows] == [orders["o1"].pk]
    assert [row.id for row in second.rows] == [orders["o2"].pk]
    assert second.next is None
    assert [row.id for row in branch.rows] == [orders["o2"].pk]


def read(viewer, public_id, **more):
    with tenancy.scope(role=tenancy.WEB, company_id=viewer.company_id):
        return queries.get_order(viewer=viewer, public_id=public_id, **more)


def dress(order: Order) -> None:
    """Give an order an amount in every place that can hold one."""
    for position in (1, 2, 3):
        Line.objects.create(
            order=order,
            company=order.company,
            position=position,
            sku=f"SKU-{position}",
            unit_price=Decimal("1.5"),
            total=Decimal("15.00"),
        )
    order.invoices.create(company=order.company, number="1001", series="1", total=Decimal("15.00"))
    Title.objects.create(
        order=order,
        company=order.company,
        key="t1",
        amount=Decimal("15.00"),
        state="open",
        due_on=date(2026, 4, 1),
    )
    order.events.create(company=order.company, at=NOW, connection="erp", code="invoiced")
    for field in ("total", "fulfilment"):
        Divergence.objects.create(
            order=order,
            company=order.company,
            field=field,
            since=NOW,
            values=[
                {
                    "connection": "erp",
                    "system": "erp",
                    "value": "15.00" if field == "total" else "invoiced",
                    "as_of": NOW.isoformat(),
                    "rules": True,
                }
            ],
        )
    Order.objects.filter(pk=order.pk).update(facts={"amounts": {"items": "15.00"}, "note": "x"})


def test_an_order_is_read_with_everything_on_its_page(cast, orders):
    dress(orders["o1"])

    detail = read(viewer_in(cast.alfa), orders["o1"].public_id)

    assert detail.row.id == orders["o1"].pk
    assert [line.position for line in detail.lines] == [1, 2, 3]
    assert detail.lines[0].unit_price == Decimal("1.5")
    assert [invoice.total for invoice in detail.invoices] == [Decimal("15.00")]
    assert [title.amount for title in detail.titles] == [Decimal("15.00")]
    assert [event.code for event in detail.events] == ["invoiced"]
    assert [d.field for d in detail.divergences] == ["fulfilment", "total"]
    assert detail.divergences[0].values[0].as_of == NOW
    assert detail.facts["amounts"] == {"items": "15.00"}


def test_without_prices_and_finance_no_amount_is_left_anywhere(cast, orders):
    dress(orders["o1"])

    detail = read(viewer_in(cast.alfa, role=Role.VIEWER), orders["o1"].public_id)

    assert "15.00" not in repr(detail)
    assert "1000.00" not in repr(detail)
    assert detail.titles == ()
    assert [d.field for d in detail.divergences] == ["fulfilment"]
    assert detail.facts == {"note": "x"}


def test_the_first_items_can_be_read_alone_and_the_next_ones_after_them(cast, orders):
    dress(orders["o1"])
    viewer = viewer_in(cast.alfa)

    detail = read(viewer, orders["o1"].public_id, line_limit=2)
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        rest = queries.list_lines(viewer=viewer, order_id=orders["o1"].pk, after_position=2)

    assert [line.position for line in detail.lines] == [1, 2]
    assert [line.position for line in rest] == [3]


def test_the_address_of_a_joined_order_leads_to_the_whole_one(cast, orders):
    old = uuid.uuid4()
    OrderAlias.objects.create(public_id=old, order=orders["o1"], company=cast.alfa)

    assert read(viewer_in(cast.alfa), old).row.id == orders["o1"].pk
    with pytest.raises(NotVisible):
        read(viewer_in(cast.beta), old)


def test_not_theirs_and_never_existed_take_the_same_statements(
    cast, orders, django_assert_num_queries
):
    viewer = viewer_in(cast.beta)
    for public_id in (orders["o1"].public_id, uuid.uuid4()):
        with web(viewer), django_assert_num_queries(2), pytest.raises(NotVisible):
            queries.get_order(viewer=viewer, public_id=public_id)


def test_an_order_of_another_establishment_does_not_exist(cast, orders):
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))

    assert read(scoped, orders["o2"].public_id).row.id == orders["o2"].pk
    with pytest.raises(NotVisible):
        read(scoped, orders["o1"].public_id)


def test_scope_facts_say_where_was_searched(cast, orders, django_assert_num_queries):
    scoped = viewer_in(cast.alfa, establishment_ids=frozenset({cast.alfa_branch.pk}))
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        with django_assert_num_queries(1):
            facts = queries.scope_facts(viewer=scoped)
        whole = queries.scope_facts(viewer=viewer_in(cast.alfa))

    assert facts.company_name == "Alfa Distribuidora"
    assert [row.tax_id for row in facts.establishments] == ["12345678000276"]
    assert not facts.is_whole_company
    assert facts.oldest_on == date(2026, 3, 9)
    assert [row.tax_id for row in whole.establishments] == ["12345678000195", "12345678000276"]


def staff(role, **more):
    return StaffViewer(person_id=1, role=role, **more)


def staff_found(viewer, text):
    with tenancy.scope(role=tenancy.WEB):
        return queries.staff_search(viewer=viewer, text=text)


def test_support_finds_the_same_number_in_two_companies(cast, orders):
    hits = staff_found(staff(StaffRole.SUPPORT), "PO-2026/0815")

    assert [(hit.company_name, hit.tax_id_ending) for hit in hits] == [
        ("Alfa Distribuidora", "0001-95"),
        ("Beta Comércio", "01DE-35"),
    ]
    assert hits[0].order_public_id == orders["o1"].public_id
    assert hits[0].matched == Match(K.CUSTOMER, "PO-2026/0815", "exact", "PO20260815")


def test_support_finds_by_the_beginning_when_nothing_is_exact(cast, orders):
    hits = staff_found(staff(StaffRole.SUPPORT), "4500")

    assert [hit.title for hit in hits] == ["1172452900788-01", "0004500987", "0004500555"]


def test_telesales_find_only_their_portfolio(cast, orders):
    viewer = staff(StaffRole.TELESALES, company_ids=frozenset({cast.alfa.pk}))

    hits = staff_found(viewer, "PO-2026/0815")

    assert [hit.company_name for hit in hits] == ["Alfa Distribuidora"]


def test_nobody_finds_orders_of_an_inactive_company_or_of_none(cast):
    make_order(cast.gama, [(K.ERP, "5551")])

    assert staff_found(staff(StaffRole.SUPPORT), "5551") == ()
    assert staff_found(staff(StaffRole.OPERATIONS, company_ids=frozenset()), "5551") == ()


def test_the_role_of_staff_search_cannot_read_an_amount(cast, orders):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        tenancy.scope(role=tenancy.STAFF),
    ):
        list(Order.objects.values_list("total"))


def test_placed_by_lists_a_salespersons_orders_with_when_the_customer_saw_them(cast, orders):
    FirstSeen.objects.create(order=orders["o2"], company=cast.alfa, at=NOW)
    viewer = staff(
        StaffRole.TELESALES, company_ids=frozenset({cast.alfa.pk, cast.beta.pk}), seller_code="V7"
    )
    with tenancy.scope(role=tenancy.WEB):
        first = queries.placed_by(viewer=viewer, limit=1)
        second = queries.placed_by(viewer=viewer, limit=1, after=first.next)

    assert [(hit.title, hit.seen_at) for hit in first.rows] == [("0004500987", NOW)]
    assert [(hit.title, hit.seen_at) for hit in second.rows] == [("0004500555", None)]
    assert second.next is None


def test_placed_by_leaves_out_customers_of_somebody_else(cast, orders):
    viewer = staff(StaffRole.TELESALES, company_ids=frozenset({cast.alfa.pk}), seller_code="V7")
    with tenancy.scope(role=tenancy.WEB):
        page = queries.placed_by(viewer=viewer)
        nobodys = queries.placed_by(viewer=staff(StaffRole.TELESALES, company_ids=frozenset()))

    assert [hit.title for hit in page.rows] == ["0004500987"]
    assert nobodys.rows == ()


def test_searches_use_the_index_made_for_them(cast):
    order = make_order(cast.alfa, [(K.ERP, "0004500123")])
    fill_numbers(order, 5000)
    viewer = viewer_in(cast.alfa)
    with tenancy.scope(role=tenancy.WEB, company_id=cast.alfa.pk):
        with CaptureQueriesContext(connection) as captured:
            queries.search(viewer=viewer, text="99777")
        plans = [explain(query["sql"]) for query in captured.captured_queries]

    assert len(plans) == 3
    for plan, index in zip(
        plans, ("order_number_unique", "order_number_unique", "order_number_suffix"), strict=True
    ):
        assert index in plan
        assert "Seq Scan on orders_ordernumber" not in plan


def fill_numbers(order: Order, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_ordernumber (company_id, value, kind, order_id, written)"
            " SELECT %s, 'N' || n, 'erp', %s, n FROM generate_series(1, %s) n",
            [order.company_id, order.pk, count],
        )
        cursor.execute("ANALYZE orders_ordernumber")


def explain(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(line for (line,) in cursor.fetchall())
