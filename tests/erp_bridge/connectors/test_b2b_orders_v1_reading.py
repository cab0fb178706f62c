"""The old app's contract: whose an answer is, and what is made of it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from erp_bridge.errors import (
    BadRequest,
    ContractViolation,
    NotFound,
    WrongOwner,
)
from erp_bridge.records import Detail, Fulfilment, NumberKind
from tests.erp_bridge.connectors.conformance import soon
from tests.erp_bridge.connectors.gateway import Told
from tests.erp_bridge.connectors.old_gateway import (
    ALFA,
    build,
    good_gateway,
    payload,
)


def test_another_customers_order_is_refused(erp, gateway):
    gateway.answer = lambda asked: Told(payload("details_readme") | {"revendaId": 77})

    with pytest.raises(WrongOwner):
        erp.order(ALFA, "0004500123", soon())


def test_another_customers_row_is_refused(erp, gateway):
    row = payload("rows")["itens"][0] | {"revendaId": "77"}
    gateway.answer = lambda asked: Told({"itens": [row]})

    with pytest.raises(WrongOwner):
        erp.find(ALFA, NumberKind.ERP, "0004500123", soon())
    with pytest.raises(WrongOwner):
        list(erp.period(ALFA, date(2026, 3, 1), date(2026, 3, 2), soon()))


def test_another_order_than_asked_for_is_refused(erp, gateway):
    gateway.answer = lambda asked: Told(payload("details_readme"))

    with pytest.raises(ContractViolation):
        erp.order(ALFA, "0004500999", soon())


@pytest.mark.parametrize(
    "told",
    [
        Told({"m": "x"}, 404),
        Told({"m": "x"}, 403),
        Told({"m": "x"}, 400),
        Told(None, 204),
        Told(b"null"),
        Told({}),
        Told({"pedidoErpId": None}),
        Told([]),
    ],
    ids=lambda told: f"{told.status}-{told.body}",
)
def test_every_way_to_say_not_found_is_not_found(erp, gateway, told):
    gateway.answer = lambda asked: told

    with pytest.raises(NotFound):
        erp.order(ALFA, "1", soon())


@pytest.mark.parametrize(
    "told",
    [
        Told({"itens": None}),
        Told({}),
        Told({"itens": []}),
        Told([]),
        Told(b"null"),
        Told(None, 204),
        Told({"message": "x"}, 404),
        Told({"message": "Nenhum pedido encontrado"}, 400),
    ],
    ids=lambda told: f"{told.status}-{told.body}",
)
def test_every_way_to_say_no_orders_is_an_empty_page(erp, gateway, told):
    gateway.answer = lambda asked: told

    pages = list(erp.period(ALFA, date(2026, 3, 1), date(2026, 3, 2), soon()))

    assert [page.readings for page in pages] == [()]


def test_a_refused_customer_is_an_error_of_that_search_only(erp, gateway):
    gateway.answer = lambda asked: Told({"m": "x"}, 403)

    with pytest.raises(BadRequest):
        list(erp.period(ALFA, date(2026, 3, 1), date(2026, 3, 2), soon()))


def test_rows_are_read_whatever_form_their_values_have(erp):
    (page,) = erp.period(ALFA, date(2026, 3, 10), date(2026, 3, 10), soon())

    first, second, third = (reading.record for reading in page.readings)
    assert (first.external_id, first.erp_numbers) == ("0004500123", ("0004500123",))
    assert first.detail is Detail.SUMMARY
    assert first.documents is None
    assert first.customer_numbers == ("PO-2026/0815",)
    assert first.customer_id == "55"
    assert (first.total, first.placed_on, first.placed_at) == (
        Decimal("4512.30"),
        date(2026, 3, 10),
        None,
    )
    assert (first.fulfilment, first.status_raw) == (Fulfilment.INVOICED, "3")
    assert [(i.number, i.series) for i in first.invoices] == [("1001", "1")]
    assert (second.external_id, second.total) == ("4500987", Decimal("1234.56"))
    assert second.placed_at == datetime(2026, 3, 5, 17, 20, tzinfo=UTC)
    assert second.fulfilment is Fulfilment.COMMERCIAL_REVIEW
    assert (second.placed_by_code, second.placed_by_name) == ("T07", "Téo")
    assert (third.fulfilment, third.status_raw) == (Fulfilment.UNMAPPED, "9")
    assert (third.total, third.placed_on, third.invoices) == (None, None, ())


def test_details_of_the_newer_generation_are_read_whole(erp):
    erp.find(ALFA, NumberKind.ERP, "0004500123", soon())

    record = erp.order(ALFA, "0004500123", soon()).record

    assert record.customer_numbers == ("PO-2026/0815",)
    assert (record.customer.name, record.customer.tax_id) == (
        "Alfa Distribuidora",
        "12345678000195",
    )
    assert record.placed_at == datetime(2026, 3, 10, 23, 28, 30, tzinfo=UTC)
    assert (record.placed_on, record.promised_on) == (date(2026, 3, 10), date(2026, 3, 15))
    assert (record.total, record.freight) == (Decimal("69.01"), Decimal("10.0"))
    assert [(x.sku, x.quantity, x.unit_price, x.total, x.warehouse) for x in record.lines] == [
        ("CAB-10", Decimal("2.0"), Decimal("22.005"), Decimal("44.01"), "CD1"),
        ("CAB-20", Decimal("1.5"), Decimal("10.00"), Decimal("15.00"), "CD2"),
    ]
    assert (record.billing.city, record.billing.state) == ("Brasília", "DF")
    assert (record.delivery.recipient, record.delivery.street) == ("Alfa CD", "Rua B, 2")
    assert (record.payment_terms, record.delivery_method) == ("Boleto · 28 dias", "Transportadora")
    assert record.tracking_url == "https://rastreio.exemplo.com.br/p/1"
    assert [(i.number, i.series, i.issued_on, i.access_key) for i in record.invoices] == [
        ("1001", "1", date(2026, 3, 12), "35260312345678000195550010000010011000000014"),
        ("1002", "1", None, ""),
    ]


def test_details_of_the_older_generation_are_read_whatever_the_capitals(erp, gateway):
    gateway.answer = lambda asked: Told(payload("details_guide"))

    record = erp.order(ALFA, "12345", soon()).record

    assert record.external_id == "12345"
    assert record.customer.tax_id == "48054657028"
    assert record.placed_at == datetime(2022, 10, 11, 23, 28, 30, tzinfo=UTC)
    assert record.promised_on is None
    assert record.tracking_url == ""
    assert record.fulfilment is Fulfilment.SHIPPED
    assert record.billing == record.delivery
    assert (record.billing.street, record.billing.city) == ("Quadra 4", "BrasiliaDF")
    assert record.payment_terms == "Cartão"
    assert [(i.number, i.series) for i in record.invoices] == [("987654321", "123")]


def test_latin_1_is_read_when_the_header_says_so(erp, gateway):
    text = json.dumps(payload("details_readme"), ensure_ascii=False).encode("iso-8859-1")
    gateway.answer = lambda asked: (
        Told(text, content_type="application/json; charset=ISO-8859-1")
        if "pedido/" in asked.path
        else good_gateway(asked)
    )

    assert erp.order(ALFA, "0004500123", soon()).record.billing.city == "Brasília"


def test_where_the_erp_id_is_the_web_number_it_is_one(gateway):
    erp = build(gateway.url, erp_id_is="web")

    record = erp.order(ALFA, "0004500123", soon()).record

    assert (record.web_numbers, record.erp_numbers) == (("0004500123",), ())


@pytest.mark.parametrize(
    ("status", "invoice", "expected"),
    [
        (-1, "9", Fulfilment.CANCELLED),
        (0, "", Fulfilment.PLACED),
        ("2", "", Fulfilment.CREDIT_REVIEW),
        (3, "000", Fulfilment.PICKING),
        (2, "9", Fulfilment.INVOICED),
        (4.0, "9", Fulfilment.SHIPPED),
        (5, "9", Fulfilment.DELIVERED),
        (6, "9", Fulfilment.UNMAPPED),
        (None, "", Fulfilment.UNMAPPED),
        ("enviado", "", Fulfilment.UNMAPPED),
        (True, "", Fulfilment.UNMAPPED),
    ],
)
def test_each_status_has_its_meaning(erp, gateway, status, invoice, expected):
    row = {"pedidoErpId": "1", "status": status, "notaFiscal": invoice}
    gateway.answer = lambda asked: Told([row])

    (reading,) = erp.find(ALFA, NumberKind.ERP, "1", soon())

    assert reading.record.fulfilment is expected


def test_a_row_without_a_key_is_a_problem_and_not_a_failure(erp, gateway):
    rows = [{"pedidoErpId": "1"}, {"status": 1}, "text", {"pedidoErpId": "9" * 81}]
    gateway.answer = lambda asked: Told({"itens": rows})

    (page,) = erp.period(ALFA, date(2026, 3, 1), date(2026, 3, 2), soon())

    assert [r.record.external_id for r in page.readings] == ["1"]
    assert page.problems == (
        "itens[1].pedidoErpId is missing or too long",
        "itens[3].pedidoErpId is missing or too long",
    )


def test_what_an_item_says_of_itself_beyond_the_old_contract_is_read_and_nothing_else(erp, gateway):
    item = {
        "partNumber": "CAB-10",
        "quantidade": 10,
        "unidade": "UN",
        "codigoNoCliente": "C-77",
        "valorDesconto": "1.234,56",
        "valorImpostos": 12.5,
        "quantidadeReservada": 4,
        "quantidadeFaturada": 3,
        "quantidadeExpedida": 2,
        "quantidadeCancelada": 1,
        "comissao": 999,
        "margem": 888,
        "custo": 777,
    }
    details = payload("details_readme") | {"itens": [item], "centrosDeDistribuicao": []}
    gateway.answer = lambda asked: Told(details)

    reading = erp.order(ALFA, "0004500123", soon())

    (line,) = reading.record.lines
    assert (line.unit, line.customer_code, line.discount, line.tax) == (
        "UN",
        "C-77",
        Decimal("1234.56"),
        Decimal("12.5"),
    )
    assert (line.reserved, line.invoiced, line.shipped, line.cancelled) == tuple(
        map(Decimal, (4, 3, 2, 1))
    )
    stored = repr(reading.record) + reading.payload.decode()
    assert not any(secret in stored for secret in ("999", "888", "777"))
