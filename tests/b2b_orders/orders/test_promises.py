"""The days for which an order was promised, whatever the order in which sources are read."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import permutations

import pytest

from b2b_orders.companies.access import RIGHTS_OF_ROLE, Viewer
from b2b_orders.companies.models import Role
from b2b_orders.orders.models import Order, PromisedDate
from b2b_orders.orders.promises import promises_of
from b2b_orders.orders.services import store_readings, withdraw
from erp_bridge.records import Detail
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_erp_record,
    make_reading,
    make_vtex_record,
)

THIRD, SEVENTH, TENTH = date(2026, 3, 3), date(2026, 3, 7), date(2026, 3, 10)


def make_viewer(company, **more) -> Viewer:
    return Viewer(person_id=0, company_id=company.pk, rights=RIGHTS_OF_ROLE[Role.BUYER], **more)


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def read_erp(company, *readings: tuple[int, date | None], detail: Detail = Detail.FULL) -> None:
    store_readings(
        connection=CONNECTION_ERP,
        readings=[
            make_reading(make_erp_record(promised_on=day, detail=detail), read_at=at(hour))
            for hour, day in readings
        ],
        now=at(100),
        company_id=company.pk,
    )


def kept() -> list[tuple[date | None, datetime]]:
    rows = PromisedDate.objects.order_by("first_seen_at")
    return list(rows.values_list("promised_on", "first_seen_at"))


def days(company) -> list[date | None]:
    order = Order.objects.get()
    return [
        each.promised_on for each in promises_of(viewer=make_viewer(company), order_id=order.pk)
    ]


def test_nothing_is_kept_while_a_source_holds_on_to_its_day(cast):
    read_erp(cast.alfa, (0, THIRD))
    read_erp(cast.alfa, (1, THIRD), (2, THIRD))

    assert kept() == []
    assert days(cast.alfa) == [THIRD]


def test_each_other_day_is_kept_with_the_moment_it_was_first_read(cast):
    for hour, day in enumerate((THIRD, SEVENTH, SEVENTH, TENTH)):
        read_erp(cast.alfa, (hour, day))

    assert kept() == [(THIRD, at(0)), (SEVENTH, at(1)), (TENTH, at(3))]
    assert days(cast.alfa) == [THIRD, SEVENTH, TENTH]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("batched", [False, True])
def test_the_days_are_the_same_in_whatever_order_they_are_read(cast, order, batched):
    readings = [(0, THIRD), (1, SEVENTH), (2, TENTH)]
    shuffled = [readings[place] for place in order]

    if batched:
        read_erp(cast.alfa, *shuffled)
    else:
        for reading in shuffled:
            read_erp(cast.alfa, reading)
    read_erp(cast.alfa, *reversed(readings))

    assert kept() == [(THIRD, at(0)), (SEVENTH, at(1)), (TENTH, at(2))]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_day_that_comes_back_is_told_again(cast, order):
    readings = [(0, THIRD), (1, SEVENTH), (2, THIRD)]

    for place in order:
        read_erp(cast.alfa, readings[place])

    # What came between is told, and what holds now is the last; the first may not be known
    # any more when what contradicts it is read after it was confirmed.
    assert [day for day, _ in kept()][-2:] == [SEVENTH, THIRD]


def test_a_promise_that_is_withdrawn_is_told(cast):
    read_erp(cast.alfa, (0, THIRD))
    read_erp(cast.alfa, (1, None))

    assert [day for day, _ in kept()] == [THIRD, None]
    assert days(cast.alfa) == [THIRD, None]


def test_a_row_of_a_list_without_a_day_withdraws_nothing(cast):
    read_erp(cast.alfa, (0, THIRD))
    read_erp(cast.alfa, (1, None), detail=Detail.SUMMARY)

    assert kept() == []


def test_the_erps_day_follows_the_sites_once_it_states_one(cast):
    store_readings(
        connection=CONNECTION_VTEX,
        readings=[make_reading(make_vtex_record(promised_on=THIRD))],
        now=NOW,
    )
    store_readings(
        connection=CONNECTION_ERP,
        readings=[
            make_reading(
                make_erp_record(web_numbers=("1172452900788-01",), promised_on=SEVENTH),
                read_at=at(1),
            )
        ],
        now=at(1),
        company_id=cast.alfa.pk,
    )

    assert Order.objects.get().promised_on == SEVENTH
    assert days(cast.alfa) == [THIRD, SEVENTH]


def test_another_company_or_branch_reads_nothing_of_it(cast):
    read_erp(cast.alfa, (0, THIRD))
    read_erp(cast.alfa, (1, SEVENTH))
    order = Order.objects.get()

    def read(viewer: Viewer) -> int:
        return len(promises_of(viewer=viewer, order_id=order.pk))

    assert read(make_viewer(cast.alfa)) == 2
    assert read(make_viewer(cast.beta)) == 0
    assert read(make_viewer(cast.alfa, establishment_ids=frozenset())) == 0


def test_what_a_source_takes_back_is_forgotten(cast):
    read_erp(cast.alfa, (0, THIRD))
    read_erp(cast.alfa, (1, SEVENTH))

    withdraw(connection=CONNECTION_ERP, external_id="0004500123", company_id=cast.alfa.pk, now=NOW)

    assert kept() == []
