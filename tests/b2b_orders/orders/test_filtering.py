"""Filters of lists: read from an address, kept as text, narrowed to what a viewer may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.orders.filtering import (
    EVERYTHING,
    NAMES,
    Only,
    OrderFilter,
    Origin,
    SortBy,
    is_late,
    read_filter,
)
from b2b_orders.orders.open_orders import ON_ITS_WAY_FOR
from b2b_orders.orders.queries import list_orders
from erp_bridge.records import Fulfilment, NumberKind
from tests.factories import NOW, make_order

FULL = OrderFilter(
    statuses=(Fulfilment.INVOICED, Fulfilment.SHIPPED),
    origins=(Origin.BOTH,),
    branches=("12345678000195",),
    placed_by="Carla & Cia = +",
    since=date(2026, 3, 1),
    until=date(2026, 3, 31),
    at_least=Decimal("100.00"),
    at_most=Decimal("5000.00"),
    only=(Only.LATE, Only.DIFFERS),
    sort_by=SortBy.TOTAL,
    is_ascending=True,
)


def read(text: str):
    return read_filter(dict(QueryDict(text).lists()))


def found(viewer: Viewer, wanted: OrderFilter) -> list[str]:
    return [row.title for row in list_orders(viewer=viewer, wanted=wanted, now=NOW).rows]


def test_a_filter_is_read_back_as_it_was_written():
    assert OrderFilter.from_query(FULL.to_query()) == FULL
    assert EVERYTHING.to_query() == ""
    assert {name for name, _ in FULL.pairs()} == set(NAMES)


@given(
    st.builds(
        OrderFilter,
        statuses=st.lists(st.sampled_from(Fulfilment), unique=True).map(tuple),
        placed_by=st.text(max_size=40).map(lambda text: " ".join(text.replace("\0", "").split())),
        at_least=st.none() | st.decimals(0, 10**9, places=2),
        only=st.lists(st.sampled_from(Only), unique=True).map(tuple),
        sort_by=st.sampled_from(SortBy),
        is_ascending=st.booleans(),
    )
)
def test_any_filter_survives_its_text(wanted):
    assert OrderFilter.from_query(wanted.to_query()) == wanted


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1234.5", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("R$ 1.234", "1234"),
        ("0,5", "0.50"),
        ("1.000.000", "1000000"),
    ],
)
def test_amounts_are_read_as_people_write_them(typed, amount):
    assert read_filter({"minimo": [typed]}).wanted.at_least == Decimal(amount)


def test_what_is_wrong_is_said_by_field_and_not_used():
    asked = read("de=2026-04-01&ate=2026-03-01&minimo=x&maximo=1e999&situacao=lost&ordem=-color")

    assert asked.problems == {"de": "swapped", "minimo": "bad-amount", "maximo": "bad-amount"}
    assert asked.wanted == EVERYTHING
    assert read("de=31/12/2026").problems == {"de": "bad-date"}
    assert read("minimo=10&maximo=5").problems == {"minimo": "swapped"}


def test_without_the_right_nothing_is_narrowed_by_amounts_titles_or_documents():
    plain = Viewer(1, 1, frozenset())
    wanted = replace(FULL, only=(*Only,))

    allowed = wanted.allowed_to(plain)
    assert (allowed.at_least, allowed.at_most, allowed.sort_by) == (None, None, SortBy.PLACED)
    assert allowed.only == (Only.OPEN, Only.LATE, Only.DIFFERS)
    everything = Viewer(1, 1, frozenset(Right))
    assert wanted.allowed_to(everything) == wanted


@pytest.mark.django_db
def test_each_part_keeps_the_orders_that_it_names(cast):
    alfa, viewer = cast.alfa, Viewer(cast.ana.pk, cast.alfa.pk, frozenset(Right))
    head, branch = alfa.establishments.order_by("pk")[:2]
    make_order(
        alfa,
        [(NumberKind.ERP, "1")],
        establishment=head,
        fulfilment="picking",
        placed_by_name="Carla 100%",
        promised_on=NOW.date() - timedelta(days=1),
        total=Decimal("99.99"),
    )
    second = make_order(
        alfa,
        [(NumberKind.ERP, "2")],
        establishment=branch,
        origins="erp+vtex",
        fulfilment="delivered",
        placed_by_name="Ana",
        placed_at=NOW - timedelta(days=3),
        total=Decimal("500.00"),
        divergence_count=1,
    )
    second.titles.create(company=alfa, key="1", state="open", due_on=NOW.date() + timedelta(days=2))

    only_first = [
        "situacao=picking",
        "origem=erp",
        f"filial={head.tax_id}",
        "feito_por=100%25",
        f"de={NOW.date()}",
        "maximo=100",
        "so=andamento",
        "so=atrasados",
    ]
    only_second = [
        "situacao=delivered&situacao=cancelled",
        "origem=erp%2Bvtex",
        f"filial={branch.tax_id}",
        "feito_por=ana",
        f"ate={NOW.date() - timedelta(days=1)}",
        "minimo=100",
        "so=a_pagar",
        "so=divergentes",
    ]
    for query in only_first:
        assert found(viewer, read(query).wanted) == ["1"], query
    for query in only_second:
        assert found(viewer, read(query).wanted) == ["2"], query
    assert found(viewer, read("feito_por=_na").wanted) == []
    assert found(viewer, read(f"filial={head.tax_id}&so=divergentes").wanted) == []


@pytest.mark.django_db
def test_an_order_that_was_read_is_late_exactly_when_the_chip_keeps_it(cast):
    viewer, today = Viewer(cast.ana.pk, cast.alfa.pk, frozenset(Right)), NOW.date()
    for status in Fulfilment:
        for promised in (None, today - timedelta(days=1), today):
            for age in (ON_ITS_WAY_FOR, ON_ITS_WAY_FOR + timedelta(seconds=1)):
                make_order(
                    cast.alfa,
                    [(NumberKind.ERP, f"{status} {promised} {age.seconds}")],
                    fulfilment=status.value,
                    promised_on=promised,
                    placed_at=NOW - age,
                )

    rows = list_orders(viewer=viewer, limit=100, now=NOW).rows
    kept = list_orders(viewer=viewer, wanted=read("so=atrasados").wanted, limit=100, now=NOW).rows

    assert len(rows) == 6 * len(Fulfilment)
    assert {f"invoiced {today - timedelta(days=1)} 0", f"picking {today - timedelta(days=1)} 1"} < {
        row.title for row in kept
    }
    assert {row.title for row in rows if is_late(row, today=today, now=NOW)} == {
        row.title for row in kept
    }
