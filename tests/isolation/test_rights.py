"""Who may not see amounts or papers to pay sees none, wherever one could stand."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document
from b2b_orders.orders.models import Order
from b2b_orders.orders.services import store_readings
from erp_bridge.records import (
    DocumentKind,
    DocumentRecord,
    InvoiceRecord,
    OrderLine,
    TitleRecord,
    TitleState,
)
from tests.factories import (
    CONNECTION_ERP,
    CONNECTION_VTEX,
    NOW,
    make_erp_record,
    make_reading,
    make_vtex_record,
)

LINE = "00190000090312855700000012345179416560000378196"
MISTYPED_LINE = LINE[:24] + "9" + LINE[25:]
WEB = "1172452900788-01"
# Every amount of the order, and how pages and the API may write it.
AMOUNTS = ("4512.31", "4599.43", "4600.17", "87.86", "55.29", "1050.77", "105.13", "3000.91")
OWED = ("1000.87",)


def written(amounts: tuple[str, ...]) -> list[str]:
    forms = []
    for amount in amounts:
        whole, cents = amount.split(".")
        for mark in ("", ".", ",", " "):
            grouped = f"{int(whole):,}".replace(",", mark)
            forms += [f"{grouped}.{cents}", f"{grouped},{cents}", f"{grouped}-{cents}"]
    return sorted(set(forms))


@pytest.fixture
def order(cast) -> Order:
    line = OrderLine(
        1,
        sku="SKU-1",
        name="Parafuso",
        quantity=Decimal(10),
        unit="un",
        unit_price=Decimal("105.13"),
        total=Decimal("1050.77"),
    )
    erp = make_erp_record(
        web_numbers=(WEB,),
        total=Decimal("4512.31"),
        items_total=Decimal("4600.17"),
        discount=Decimal("87.86"),
        freight=Decimal("55.29"),
        lines=(line,),
        invoices=(InvoiceRecord("1001", "1", total=Decimal("3000.91")),),
        titles=(
            TitleRecord("b1", "1/2", "1001", NOW.date(), Decimal("1000.87"), TitleState.OPEN, LINE),
        ),
    )
    site = make_vtex_record(web_numbers=(WEB,), total=Decimal("4599.43"), lines=(line,))
    store_readings(connection=CONNECTION_VTEX, readings=[make_reading(site)], now=NOW)
    (stored,) = store_readings(
        connection=CONNECTION_ERP,
        readings=[make_reading(erp)],
        now=NOW,
        company_id=cast.alfa.pk,
    )
    files = (
        DocumentRecord("d", DocumentKind.DANFE, "DANFE NF 1001 R$ 4.512,31", "1001", "1"),
        DocumentRecord("o", DocumentKind.OTHER, "Comprovante de frete R$ 55,29"),
        DocumentRecord("s", DocumentKind.SERIALS, "Séries (4.600,17)"),
        DocumentRecord(
            "b",
            DocumentKind.BOLETO,
            "Boleto 1/2 R$ 1.000,87",
            "1001",
            "1",
            due_on=NOW.date() - timedelta(days=2),
            amount=Decimal("1000.87"),
            title_state=TitleState.OPEN,
            instalment="1/2",
        ),
        DocumentRecord("t", DocumentKind.TRANSFER, "Depósito 1000.87"),
        DocumentRecord("g", DocumentKind.GNRE, "GNRE R$ 87,86"),
    )
    listing = Listing(stored.record_id, cast.alfa.pk, files)
    record_listings(listings=[listing], now=NOW)
    return Order.objects.get()


def answers_of(client, order: Order, company: uuid.UUID | None) -> dict[str, str]:
    """Read every address where something of the order shows."""
    base = f"/c/{company}" if company else ""
    query = f"company={company}" if company else ""
    page = f"{base}/pedidos/{order.public_id}"
    paths = [
        f"{base}/pedidos",
        f"{base}/pedidos?q=45001&listar=1",
        f"{base}/pedidos?q={WEB}&listar=1",
        page,
        f"{page}?print=1",
        *(f"{page}/{part}" for part in ("itens", "documentos", "historico")),
        f"{page}/fontes",
        f"/api/v1/orders?{query}",
        f"/api/v1/orders?number={WEB}&{query}",
        f"/api/v1/orders/{order.public_id}?{query}",
    ]
    found = {}
    for path in paths:
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(path.rstrip("?&"), headers=headers)
            assert answer.status_code in {200, 302}, path
            found[f"{path} {headers}"] = answer.content.decode().replace("\xa0", " ")
    return found


def show(client, order: Order, company: uuid.UUID | None, amounts: tuple[str, ...]) -> set[str]:
    shown = "\n".join(answers_of(client, order, company).values())
    return {form for form in written(amounts) if form in shown}


def test_a_buyer_sees_the_amounts_that_the_others_must_not(cast, client_for, order):
    """So that the tests below look where there is something to see."""
    shown = "\n".join(answers_of(client_for(cast.ana), order, None).values())

    for amount in (*AMOUNTS, *OWED):
        assert any(form in shown for form in written((amount,))), amount


@pytest.fixture(params=["viewer", "telesales"])
def without_rights(request, cast, client_for):
    """Sign in who may see documents alone; with the company that staff name."""
    if request.param == "telesales":
        return client_for(cast.teo), cast.alfa.public_id
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)
    return client_for(cast.ana), None


def test_no_amount_shows_anywhere_without_the_right(without_rights, order):
    client, company = without_rights

    assert show(client, order, company, (*AMOUNTS, *OWED)) == set()


def test_no_paper_to_pay_shows_or_can_be_taken_without_the_right(without_rights, order):
    client, company = without_rights
    base = f"/c/{company}" if company else ""
    shown = "\n".join(answers_of(client, order, company).values())

    for document in Document.objects.filter(kind__in=("boleto", "transfer", "gnre")):
        address = f"{base}/pedidos/{order.public_id}/documentos/{document.public_id}"
        assert str(document.public_id) not in shown
        assert client.get(address).status_code == 404
        assert client.head(address).status_code == 404
    assert LINE not in shown
    assert "Depósito" not in shown


@pytest.mark.parametrize("typed", [LINE[-16:], LINE[-12:], MISTYPED_LINE])
def test_a_boleto_line_is_found_only_whole_without_the_right(without_rights, order, typed):
    client, company = without_rights
    query = {"number": typed} | ({"company": company} if company else {})

    answer = client.get("/api/v1/orders", query).json()

    assert (answer["results"], answer["near"]) == ([], [])


def test_a_boleto_line_is_found_by_a_part_with_the_right(cast, client_for, order):
    ana = client_for(cast.ana)

    found = [
        ana.get("/api/v1/orders", {"number": typed}).json()
        for typed in (LINE[-16:], LINE[-12:], MISTYPED_LINE)
    ]

    assert [len(answer["results"]) for answer in found] == [1, 1, 0]
    assert [len(answer["near"]) for answer in found] == [0, 0, 1]


def test_staff_search_shows_no_amount(cast, client_for, order):
    for person, path in ((cast.suzana, "/atendimento"), (cast.teo, "/televendas")):
        shown = client_for(person).get(path, {"q": WEB}).content.decode()
        assert str(order.public_id) in shown
        assert {form for form in written((*AMOUNTS, *OWED)) if form in shown} == set()
