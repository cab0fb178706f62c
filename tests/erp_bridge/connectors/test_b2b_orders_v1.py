"""The old app's contract: what it sends, what it takes, and what it makes of less."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from erp_bridge.errors import (
    BadRequest,
    ContractViolation,
    NotFound,
    SourceFailing,
)
from erp_bridge.records import Detail, NumberKind
from tests.erp_bridge.connectors.conformance import Conformance, Subject, find, soon
from tests.erp_bridge.connectors.gateway import Asked, Told
from tests.erp_bridge.connectors.old_gateway import (
    ALFA,
    BETA,
    PDF,
    TOKEN,
    build,
    good_gateway,
    lacks,
    payload,
)


class TestConformance(Conformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return Subject(
            build=build,
            answers=good_gateway,
            company=ALFA,
            other=BETA,
            external_id="0004500123",
            known={
                NumberKind.WEB: "1172452900788-01",
                NumberKind.ERP: "0004500123",
                NumberKind.CUSTOMER: "PO-2026/0815",
                NumberKind.INVOICE: "1001/1",
            },
            first=date(2026, 1, 1),
            last=date(2026, 3, 20),
            orders_in_period=3,
            document_key="gnre:gnre#2",
            document=PDF,
            secret=TOKEN,
            private=("4.77", "omissao", "top-secret"),
        )


def test_requests_are_what_the_old_client_sent(erp, gateway):
    list(erp.period(ALFA, date(2024, 1, 1), date(2024, 1, 31), soon()))
    erp.order(ALFA, "0004500123", soon())

    search, details, documents = gateway.log
    assert (search.method, search.path, search.query) == ("POST", "/api/v1/pedido/pesquisa", "")
    assert search.body == {
        "porPeriodo": {"dataInicial": "2024-01-01", "dataFim": "2024-01-31"},
        "revendaId": 55,
    }
    assert search.headers["content-type"] == "application/json"
    assert (details.method, details.path) == ("GET", "/api/v1/pedido/")
    assert details.query == "pedidoErpId=0004500123&revendaId=55"
    assert documents.path == "/api/v1/ArquivosPedido/"
    assert documents.query == details.query
    assert {asked.headers["authorization"] for asked in gateway.log} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (NumberKind.WEB, "9-01", {"porCodigo": {"codigo": "9-01", "tipo": 0}}),
        (NumberKind.CUSTOMER, "OC 7", {"porCodigo": {"codigo": "OC 7", "tipo": 1}}),
        (NumberKind.ERP, "0099", {"porCodigo": {"codigo": "0099", "tipo": 2}}),
        (
            NumberKind.INVOICE,
            "9/1",
            {"porNotaFiscal": {"notaFiscal": "9", "serieNotaFiscal": "1"}},
        ),
        (NumberKind.INVOICE, "9", {"porNotaFiscal": {"notaFiscal": "9"}}),
    ],
)
def test_a_search_carries_exactly_one_criterion(erp, gateway, kind, value, expected):
    erp.find(ALFA, kind, value, soon())

    assert [asked.body for asked in gateway.log] == [expected | {"revendaId": 55}]


def test_a_number_cannot_add_a_parameter(erp, gateway):
    with pytest.raises(NotFound):
        erp.order(ALFA, "123&revendaId=999", soon())

    assert gateway.log[0].query == "pedidoErpId=123%26revendaId%3D999&revendaId=55"


def test_an_exclusive_period_asks_for_the_day_after(gateway):
    erp = build(gateway.url, period_end="exclusive")

    list(erp.period(ALFA, date(2024, 1, 1), date(2024, 1, 31), soon()))

    assert gateway.log[0].body["porPeriodo"]["dataFim"] == "2024-02-01"


def test_a_long_period_is_asked_in_windows_without_gap(erp, gateway):
    pages = list(erp.period(ALFA, date(2026, 1, 1), date(2026, 3, 20), soon()))

    assert [
        (a.body["porPeriodo"]["dataInicial"], a.body["porPeriodo"]["dataFim"]) for a in gateway.log
    ] == [
        ("2026-01-01", "2026-01-31"),
        ("2026-02-01", "2026-03-03"),
        ("2026-03-04", "2026-03-20"),
    ]
    assert [(page.cursor, page.caught_up) for page in pages] == [
        ("2026-01-31", False),
        ("2026-03-03", False),
        ("2026-03-20", True),
    ]


def test_each_customer_id_of_a_company_is_tried(erp, gateway):
    both = replace(ALFA, customer_ids=("77", "55"))

    reading = erp.order(both, "0004500123", soon())

    assert reading.record.customer_id == "55"
    assert [asked.params["revendaId"] for asked in gateway.log] == ["77", "55", "55"]
    assert len(erp.find(both, NumberKind.ERP, "0004500123", soon())) == 1


def documented_only(asked: Asked) -> Told:
    if asked.path in {"/api/v1/pedido/", "/api/v1/ArquivosPedido/"}:
        return Told(b"<h1>404</h1>", 404, content_type="text/html")
    path = {
        "/api/v1/pedido": "/api/v1/pedido/",
        "/api/v1/arquivospedido": "/api/v1/ArquivosPedido/",
    }
    return good_gateway(replace(asked, path=path.get(asked.path, asked.path)))


def test_the_documented_spelling_is_tried_once_and_remembered(gateway):
    gateway.answer = documented_only
    erp = build(gateway.url)
    erp.order(ALFA, "0004500123", soon())
    assert [asked.path for asked in gateway.log] == [
        "/api/v1/pedido/",
        "/api/v1/pedido",
        "/api/v1/ArquivosPedido/",
        "/api/v1/arquivospedido",
    ]
    gateway.log.clear()

    again = build(gateway.url, learned=erp.learned)
    again.order(ALFA, "0004500123", soon())

    assert [asked.path for asked in gateway.log] == ["/api/v1/pedido", "/api/v1/arquivospedido"]
    assert erp.learned["paths"] == {
        "order": "/api/v1/pedido",
        "documents": "/api/v1/arquivospedido",
    }


def test_an_answer_of_an_application_is_no_reason_to_spell_otherwise(erp, gateway):
    with pytest.raises(NotFound):
        erp.order(ALFA, "1", soon())

    assert [asked.path for asked in gateway.log] == ["/api/v1/pedido/"]


def test_a_wrong_address_is_not_taken_for_no_such_order(erp, gateway):
    gateway.answer = lambda asked: Told(b"nothing here", 404, content_type="text/plain")

    with pytest.raises(BadRequest):
        erp.order(ALFA, "1", soon())
    with pytest.raises(BadRequest):
        list(erp.period(ALFA, date(2026, 1, 1), date(2026, 1, 2), soon()))


def test_an_erp_without_documents_gives_none(erp, gateway):
    gateway.answer = lambda asked: (
        Told(None, 404) if "rquivos" in asked.path else good_gateway(asked)
    )

    assert erp.documents(ALFA, "0004500123", soon()) == []
    assert erp.order(ALFA, "0004500123", soon()).record.documents == ()


def test_a_slash_added_by_a_redirect_is_followed(erp, gateway):
    def answer(asked: Asked) -> Told:
        if asked.path == "/api/v1/pedido/":
            return Told(None, 301, {"Location": f"/api/v1/pedido?{asked.query}"})
        return documented_only(asked)

    gateway.answer = answer

    assert erp.order(ALFA, "0004500123", soon()).record.external_id == "0004500123"


@pytest.mark.parametrize("status", [400, 404, 405, 500, 501])
@pytest.mark.parametrize("kind", [NumberKind.WEB, NumberKind.ERP])
def test_without_search_by_code_details_answer(erp, gateway, status, kind):
    gateway.answer = lacks("porCodigo", status)
    value = {NumberKind.WEB: "1172452900788-01", NumberKind.ERP: "0004500123"}[kind]

    found = erp.find(ALFA, kind, value, soon())

    assert [(r.record.external_id, r.record.detail, r.record.documents) for r in found] == [
        ("0004500123", Detail.FULL, None)
    ]
    assert find(erp, ALFA, kind, "unknown") == []


@pytest.mark.parametrize("status", [400, 404, 405, 500, 501])
@pytest.mark.parametrize(
    ("kind", "value"), [(NumberKind.CUSTOMER, "po-2026/0815"), (NumberKind.INVOICE, "1001/1")]
)
def test_without_its_search_a_number_is_looked_for_in_the_last_orders(
    erp, gateway, status, kind, value
):
    gateway.answer = lacks("porNotaFiscal" if kind is NumberKind.INVOICE else "porCodigo", status)

    found = erp.find(ALFA, kind, value, soon())

    assert [r.record.external_id for r in found] == ["0004500123"]
    assert find(erp, ALFA, kind, "nothing") == []
    asked_until = [a.body["porPeriodo"]["dataFim"] for a in gateway.log if "porPeriodo" in a.body]
    assert asked_until[0] == "2026-03-20"


def test_a_search_that_fails_once_is_no_answer_that_there_is_nothing(erp, gateway):
    well, gateway.answer = gateway.answer, lacks("porCodigo", 500)

    with pytest.raises(SourceFailing):
        erp.find(ALFA, NumberKind.WEB, "unknown", soon())

    gateway.answer = well
    assert erp.find(ALFA, NumberKind.WEB, "unknown", soon()) == []
    assert NumberKind.WEB in erp.declares().find
    assert erp.declares().notes == ()


def test_a_search_that_is_surely_lacking_is_remembered_and_declared(erp, gateway):
    gateway.answer = lacks("porCodigo", 501)
    erp.find(ALFA, NumberKind.CUSTOMER, "PO-2026/0815", soon())
    gateway.log.clear()

    again = build(gateway.url, learned=erp.learned)
    again.find(ALFA, NumberKind.CUSTOMER, "PO-2026/0815", soon())

    assert all("porPeriodo" in asked.body for asked in gateway.log)
    declared = again.declares()
    assert declared.find_scans == {NumberKind.CUSTOMER}
    assert declared.find == {NumberKind.WEB, NumberKind.ERP, NumberKind.INVOICE}
    assert len(declared.notes) == 1


def test_a_single_failure_is_not_taken_for_a_lacking_search(erp, gateway):
    gateway.answer = lacks("porCodigo", 500)
    for _ in range(2):
        erp.find(ALFA, NumberKind.ERP, "0004500123", soon())
    gateway.answer = good_gateway
    erp.find(ALFA, NumberKind.ERP, "0004500123", soon())

    assert erp.learned["refusals"] == {"porCodigo": 0}
    assert erp.declares().notes == ()


def test_a_gateway_that_fails_altogether_teaches_nothing(erp, gateway):
    gateway.answer = lambda asked: Told(None, 500)

    for _ in range(4):
        with pytest.raises(Exception, match="failed"):
            erp.find(ALFA, NumberKind.ERP, "1", soon())

    assert "refusals" not in erp.learned


def test_not_found_in_json_is_not_taken_for_a_lacking_search(erp, gateway):
    gateway.answer = lacks("porCodigo", 404, {"message": "pedido nao encontrado"})

    for _ in range(5):
        assert erp.find(ALFA, NumberKind.ERP, "404", soon()) == []

    assert erp.declares().notes == ()


def test_a_gateway_that_ignores_the_number_does_not_answer_with_strangers(erp, gateway):
    gateway.answer = lambda asked: Told(payload("rows"))

    assert erp.find(ALFA, NumberKind.ERP, "123", soon()) == []
    found = erp.find(ALFA, NumberKind.ERP, "4500123", soon())
    assert [r.record.external_id for r in found] == ["0004500123"]
    gateway.answer = lambda asked: Told([{"pedidoErpId": str(n)} for n in range(51)])
    with pytest.raises(ContractViolation):
        erp.find(ALFA, NumberKind.WEB, "1", soon())


def test_an_order_is_found_by_an_invoice_that_only_its_files_name(erp, gateway):
    def answer(asked: Asked) -> Told:
        is_search = isinstance(asked.body, dict)
        return Told({"itens": payload("rows")["itens"][:1]}) if is_search else good_gateway(asked)

    gateway.answer = answer

    assert [
        (r.record.external_id, r.record.detail)
        for r in erp.find(ALFA, NumberKind.INVOICE, "1002/1", soon())
    ] == [("0004500123", Detail.FULL)]
    assert erp.find(ALFA, NumberKind.INVOICE, "1003/1", soon()) == []
