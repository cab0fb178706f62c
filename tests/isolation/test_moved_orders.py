"""An order that turns out to be another company's goes there whole: its files too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from b2b_orders.companies.services import add_establishment
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Order, SourceRecord
from b2b_orders.orders.services import attach_waiting, store_readings
from erp_bridge.records import DocumentKind, DocumentRecord, Party
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_erp_record,
    make_reading,
    make_vtex_record,
)

LATER = NOW + timedelta(hours=1)
FILES = (
    DocumentRecord("d1", DocumentKind.DANFE, "DANFE", "1001", "1"),
    DocumentRecord("b1", DocumentKind.BOLETO, "Boleto 1/2", "1001", "1"),
)


def list_files(stored) -> None:
    record_listings(listings=[Listing(stored.record_id, stored.company_id, FILES)], now=NOW)


def test_files_move_with_an_order_that_the_erp_gives_to_another_company(cast, client_for):
    (stored,) = store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(make_erp_record())],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    list_files(stored)
    ana, beto = client_for(cast.ana), client_for(cast.beto)
    page = f"/pedidos/{stored.order_public_id}"
    files = [f"{page}/documentos/{each.public_id}" for each in Document.objects.all()]
    assert ana.get(page).status_code == 200

    store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(make_erp_record(customer_id="1002"), LATER)],
        now=LATER,
        company_id=cast.beta.pk,
    )

    assert set(Document.objects.values_list("company_id", flat=True)) == {cast.beta.pk}
    assert [ana.get(address).status_code for address in (page, *files)] == [404, 404, 404]
    shown = beto.get(page).content.decode()
    assert [address in shown for address in files] == [True, True]


def test_files_of_an_order_of_nobody_go_to_the_company_that_it_waited_for(cast):
    newcomer = "11222333000181"
    record = make_vtex_record(customer=Party("Delta", newcomer))
    (stored,) = store_readings(connection=CONNECTION_VTEX, readings=[make_reading(record)], now=NOW)
    list_files(stored)
    assert set(Document.objects.values_list("company_id", flat=True)) == {None}

    add_establishment(company_id=cast.beta.pk, tax_id=newcomer)
    attach_waiting(company_id=cast.beta.pk, now=LATER)

    assert Order.objects.get().company_id == cast.beta.pk
    assert set(Document.objects.values_list("company_id", flat=True)) == {cast.beta.pk}


def test_files_move_however_a_record_is_given_away(cast):
    (stored,) = store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(make_erp_record())],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    list_files(stored)

    SourceRecord.objects.update(company_id=None)

    assert set(Document.objects.values_list("company_id", flat=True)) == {None}


@pytest.mark.parametrize("name", ["ana", "carla", "teo"])
def test_an_order_given_away_is_found_by_none_of_its_numbers(cast, client_for, name):
    record = make_erp_record(customer_numbers=("PO-77",), web_numbers=("1172452900788-01",))
    for customer_id, company, at in (("1001", cast.alfa, NOW), ("1002", cast.beta, LATER)):
        store_readings(
            connection=CONNECTION_ERP,
            readings=[
                make_reading(
                    make_erp_record(
                        customer_numbers=record.customer_numbers,
                        web_numbers=record.web_numbers,
                        customer_id=customer_id,
                    ),
                    at,
                )
            ],
            now=at,
            company_id=company.pk,
        )
    client = client_for(getattr(cast, name))
    query = f"&company={cast.alfa.public_id}" if name == "teo" else ""

    for number in ("0004500123", "PO-77", "1172452900788-01", "45001", "00788-01"):
        answer = client.get(f"/api/v1/orders?number={number}{query}").json()
        assert (answer["results"], answer["near"]) == ([], [])
