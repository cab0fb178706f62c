"""Alfa's orders as two sources tell them, and the sources themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from b2b_orders.accounts.models import Person
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document
from b2b_orders.ingest.models import Connection
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.records import (
    DocumentKind,
    DocumentRecord,
    EventRecord,
    Fulfilment,
    InvoiceRecord,
    NumberKind,
    OrderLine,
    TitleRecord,
    TitleState,
)
from tests.conftest import Cast
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_erp_record,
    make_order,
    make_reading,
    make_vtex_record,
)

KEY = "35260312345678000195550010000010011123456784"
LINE = "34191790010104351004791020150008691070000100000"
TODAY = date(2026, 3, 10)
HOSTILE = "<script>alert(1)</script>"


@dataclass(frozen=True, slots=True)
class World:
    """The orders that the pages are asked for."""

    o1: Order  # of both sources, with invoices and documents
    o2: Order  # of the branch, placed by telesales
    o3: Order  # on the site only
    o5: Order  # Beta's, with the same own number as o1


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def sources(db) -> dict[str, Connection]:
    common = {"settings": {}, "secret": b"", "created_at": NOW, "changed_at": NOW}
    return {
        "loja": Connection.objects.create(
            name=CONNECTION_VTEX, kind="vtex", label="Loja", last_success_at=NOW, **common
        ),
        "erp": Connection.objects.create(
            name=CONNECTION_ERP, kind="b2b_orders_v1", label="ERP", last_success_at=NOW, **common
        ),
    }


@pytest.fixture
def erp_down(sources) -> None:
    erp = sources["erp"]
    erp.last_success_at = NOW - timedelta(minutes=46)
    erp.down_since = NOW - timedelta(minutes=45)
    erp.save()


def documents() -> tuple[DocumentRecord, ...]:
    return (
        DocumentRecord("x1", DocumentKind.NFE_XML, "XML", "1001", "1", TODAY),
        DocumentRecord("d1", DocumentKind.DANFE, "DANFE", "1001", "1", TODAY),
        DocumentRecord(
            "b1",
            DocumentKind.BOLETO,
            "Boleto 1/2",
            "1001",
            "1",
            due_on=TODAY - timedelta(days=5),
            amount=Decimal(1000),
            title_state=TitleState.OPEN,
            instalment="1/2",
        ),
        DocumentRecord(
            "b2",
            DocumentKind.BOLETO,
            "Boleto 2/2",
            "1001",
            "1",
            due_on=TODAY + timedelta(days=3),
            amount=Decimal(1000),
            title_state=TitleState.OPEN,
            instalment="2/2",
        ),
        DocumentRecord("x2", DocumentKind.NFE_XML, "XML", "1002", "1", TODAY),
        DocumentRecord("s1", DocumentKind.SERIALS, "Séries"),
    )


def o1_from_erp():
    return make_erp_record(
        web_numbers=("1172452900788-01",),
        customer_numbers=("PO-2026/0815",),
        fulfilment=Fulfilment.SHIPPED,
        status_raw="Despachado",
        total=Decimal("4512.30"),
        items_total=Decimal("4600.00"),
        discount=Decimal("87.70"),
        payment_terms="28/42 dias",
        lines=(
            OrderLine(
                1,
                sku="SKU-1",
                name=HOSTILE,
                quantity=Decimal("10.5"),
                unit="un",
                unit_price=Decimal("100.00"),
                total=Decimal("1050.00"),
            ),
        ),
        invoices=(
            InvoiceRecord(
                "1001",
                "1",
                KEY,
                issued_on=TODAY,
                total=Decimal(3000),
                carrier="Rápido",
                tracking_number="BR1",
                tracking_url="https://track.example.com/BR1",
            ),
            InvoiceRecord("1002", "1", issued_on=TODAY, tracking_url="javascript:alert(1)"),
        ),
        titles=(
            TitleRecord("b1", "1/2", "1001", TODAY, Decimal(1000), TitleState.OPEN, LINE),
            TitleRecord("b2", "2/2", "1001", TODAY, Decimal(1000), TitleState.PAID),
        ),
        events=(EventRecord(NOW, "invoiced", "NF 1001/1"),),
    )


@pytest.fixture
def world(cast: Cast, sources) -> World:
    site = [
        make_vtex_record(
            web_numbers=("1172452900788-01", "502556", "v502556llux-01"),
            total=Decimal("4500.00"),
        ),
        make_vtex_record("1172452900999-01"),
    ]
    erp = [
        o1_from_erp(),
        make_erp_record(
            "0004500987",
            customer_numbers=("OC 77-A",),
            customer=make_erp_record().customer.__class__("Alfa", "12345678000276"),
            placed_by_code="V7",
            placed_by_name="Téo",
        ),
    ]
    now = NOW
    store_readings(connection=CONNECTION_VTEX, readings=[make_reading(r) for r in site], now=now)
    stored = store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(record) for record in erp],
        now=now,
        company_id=cast.alfa.pk,
    )
    listing = Listing(stored[0].record_id, cast.alfa.pk, documents())
    record_listings(listings=[listing], now=now)
    Document.objects.filter(key="x2").update(state="expected")
    beta = make_order(
        cast.beta, ((NumberKind.ERP, "0007700001"), (NumberKind.CUSTOMER, "PO-2026/0815"))
    )
    return World(
        o1=Order.objects.get(title="1172452900788-01"),
        o2=Order.objects.get(title="0004500987"),
        o3=Order.objects.get(title="1172452900999-01"),
        o5=beta,
    )


@pytest.fixture
def ana(cast: Cast, client_for: Callable[[Person], Client]) -> Client:
    return client_for(cast.ana)


@pytest.fixture
def suzana(cast: Cast, client_for: Callable[[Person], Client]) -> Client:
    return client_for(cast.suzana)


@pytest.fixture
def teo(cast: Cast, client_for: Callable[[Person], Client]) -> Client:
    return client_for(cast.teo)


def address(order: Order) -> str:
    return f"/pedidos/{order.public_id}"
