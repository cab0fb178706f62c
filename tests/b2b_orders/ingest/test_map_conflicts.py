"""Where sources contradict the map of companies, and whose the orders of an organisation are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.companies.models import Company, MapConflict
from b2b_orders.companies.services import add_customer_id, add_establishment
from b2b_orders.ingest.map_conflicts import (
    find_contradictions,
    settle_answered,
    settle_conflict,
)
from b2b_orders.orders.models import Order
from b2b_orders.orders.moving import Belongings, count_orders, move_orders
from b2b_orders.orders.services import attach_waiting, store_readings
from erp_bridge.records import Party
from tests.conftest import Cast
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_erp_record,
    make_reading,
    make_vtex_record,
)

LATER = NOW + timedelta(hours=1)
BETAS = "12ABC34501DE35"
SUITE = "organization:9a3d"


def store_erp(company: Company, tax_id: str, number: str = "1") -> None:
    record = make_erp_record(number, customer_id="1001", customer=Party("x", tax_id))
    store_readings(
        connection=CONNECTION_ERP, readings=[make_reading(record)], now=NOW, company_id=company.pk
    )


def store_web(number: str, tax_id: str, organization_id: str) -> Order:
    record = make_vtex_record(number, customer=Party("x", tax_id), organization_id=organization_id)
    (stored,) = store_readings(connection=CONNECTION_VTEX, readings=[make_reading(record)], now=NOW)
    return Order.objects.get(pk=stored.order_id)


# --- contradictions ------------------------------------------------------------------------


def test_an_erp_that_names_another_companys_tax_id_is_listed_with_both_sides(cast: Cast):
    store_erp(cast.alfa, BETAS, "1")
    store_erp(cast.alfa, BETAS, "2")
    store_erp(cast.alfa, "12345678000195", "3")

    assert find_contradictions(now=NOW) == 1
    find_contradictions(now=LATER)

    conflict = MapConflict.objects.get()
    assert (conflict.kind, conflict.value, conflict.source) == ("tax_id", BETAS, "erp")
    assert (conflict.found_at, conflict.seen_at) == (NOW, LATER)
    assert [(each["by"], each["name"], each["orders"]) for each in conflict.claims] == [
        ("map", "Beta Comércio", 0),
        ("erp", "Alfa Distribuidora", 2),
    ]
    assert set(Order.objects.values_list("company_id", flat=True)) == {cast.alfa.pk}


def test_what_a_person_settled_comes_back_only_with_other_sides(cast: Cast):
    store_erp(cast.alfa, BETAS)
    find_contradictions(now=NOW)
    conflict = MapConflict.objects.get()
    settle_conflict(
        public_id=conflict.public_id, person_id=cast.olga.pk, reason="end customer", now=NOW
    )

    find_contradictions(now=LATER)
    assert MapConflict.objects.filter(settled_at=None).count() == 0

    cast.beta_main.company = cast.gama
    cast.beta_main.save()
    find_contradictions(now=LATER)
    assert MapConflict.objects.filter(settled_at=None).count() == 1


def test_a_conflict_whose_sides_were_merged_is_settled(cast: Cast):
    store_erp(cast.alfa, BETAS)
    find_contradictions(now=NOW)
    assert settle_answered(now=LATER, person_id=None) == 0

    Company.objects.filter(pk=cast.beta.pk).update(merged_into=cast.alfa)

    assert settle_answered(now=LATER, person_id=cast.olga.pk) == 1
    assert MapConflict.objects.get().outcome == "changed"


# --- organisations -------------------------------------------------------------------------


def test_an_organisation_owns_orders_whose_tax_id_is_nobodys(cast: Cast):
    add_customer_id(company_id=cast.alfa.pk, connection=CONNECTION_VTEX, value=SUITE)

    assert store_web("1-01", "11222333000181", "9a3d").company == cast.alfa
    assert store_web("2-01", "", "9a3d").company == cast.alfa
    assert store_web("3-01", BETAS, "9a3d").company == cast.beta
    assert store_web("4-01", "", "other").company is None
    assert store_web("5-01", "", "").company is None


def test_orders_of_an_organisation_wait_for_the_company_that_gains_it(cast: Cast):
    order = store_web("1-01", "", "9a3d")
    other = store_web("2-01", "", "9a3d1")
    add_customer_id(company_id=cast.alfa.pk, connection=CONNECTION_VTEX, value=SUITE)

    assert attach_waiting(company_id=cast.alfa.pk, now=LATER) == 1

    order.refresh_from_db()
    other.refresh_from_db()
    assert (order.company, other.company) == (cast.alfa, None)


def test_an_id_of_another_connection_or_kind_owns_nothing(cast: Cast):
    add_customer_id(company_id=cast.alfa.pk, connection="other", value=SUITE)
    add_customer_id(company_id=cast.alfa.pk, connection=CONNECTION_VTEX, value="company_id:9a3d")

    assert store_web("1-01", "", "9a3d").company is None


@pytest.mark.parametrize("owned", [False, True])
def test_an_organisation_takes_along_what_is_its_own_only(cast: Cast, owned: bool):
    add_customer_id(company_id=cast.alfa.pk, connection=CONNECTION_VTEX, value=SUITE)
    order = store_web("1-01", "11222333000181", "9a3d")
    if owned:
        add_establishment(company_id=cast.alfa.pk, tax_id="11222333000181")
    going = Belongings(customer_ids=frozenset({(CONNECTION_VTEX, SUITE)}))

    assert count_orders(belongings=going, company_id=cast.alfa.pk) == (0 if owned else 1)
    moved = move_orders(
        belongings=going, from_company=cast.alfa.pk, to_company=cast.beta.pk, now=LATER
    )

    order.refresh_from_db()
    assert (moved, order.company) == ((0, cast.alfa) if owned else (1, cast.beta))
