"""The old app's contract: files of an order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from erp_bridge.errors import (
    ContractViolation,
    NotFound,
    Refused,
)
from erp_bridge.records import DocumentKind
from tests.erp_bridge.connectors.conformance import soon
from tests.erp_bridge.connectors.gateway import Told
from tests.erp_bridge.connectors.old_gateway import (
    ALFA,
    PDF,
    build,
)

ACCESS_KEY = "35260312345678000195550010000010011000000014"


def test_documents_say_what_their_fields_and_descriptions_say(erp):
    files = erp.documents(ALFA, "0004500123", soon())

    assert [(f.key, f.kind) for f in files] == [
        ("boleto:boleto-1-3-nf-1001-1-venc-15-03-2026-r$-1-000-00", DocumentKind.BOLETO),
        ("boleto:boleto-2-3:1001/1/2/3", DocumentKind.BOLETO),
        (
            "nfe_xml:xml-nf-e-1001-1-chave-35260312345678000195550010000010011000000014",
            DocumentKind.NFE_XML,
        ),
        ("danfe:danfe-1002-1", DocumentKind.DANFE),
        ("gnre:gnre", DocumentKind.GNRE),
        ("gnre:gnre#2", DocumentKind.GNRE),
        ("other:canhoto", DocumentKind.OTHER),
    ]
    first, second = files[:2]
    assert (first.invoice_number, first.invoice_series, first.instalment) == ("1001", "1", "1/3")
    assert (first.due_on, first.amount, first.title_state) == (
        date(2026, 3, 15),
        Decimal("1000.00"),
        "paid",
    )
    assert (second.invoice_number, second.instalment) == ("1001", "2/3")
    assert (second.due_on, second.amount, second.title_state) == (
        date(2026, 4, 15),
        Decimal("1000.50"),
        "open",
    )
    assert second.typeable_line == "23793381286000000000403000040000714170000100050"


def test_a_title_is_made_of_each_boleto_with_amount_or_date(erp):
    record = erp.order(ALFA, "0004500123", soon()).record

    assert [(t.key, t.instalment, t.amount, t.state) for t in record.titles] == [
        (
            "boleto:boleto-1-3-nf-1001-1-venc-15-03-2026-r$-1-000-00",
            "1/3",
            Decimal("1000.00"),
            "paid",
        ),
        ("boleto:boleto-2-3:1001/1/2/3", "2/3", Decimal("1000.50"), "open"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Boleto 15/03/2026",
        "Boleto 3/1",
        "Boleto venc. 15/03/2026 venc. 16/03/2026",
        "Boleto R$ 10,00 R$ 20,00",
        "Boleto não pago em 15/03/2026",
        "Confirmado 1001/1",
        "Boleto de 15 de março",
        "venc. 31/02/2026",
    ],
)
def test_nothing_is_guessed_from_a_description(erp, gateway, text):
    item = {"tipoArquivo": 0, "descricao": text, "url": "x"}
    gateway.answer = lambda asked: Told([item])

    (file,) = erp.documents(ALFA, "1", soon())

    said = (file.instalment, file.due_on, file.amount, file.title_state, file.invoice_number)
    assert said in {("", None, None, "unknown", ""), ("", date(2026, 3, 15), None, "unknown", "")}
    assert file.due_on is None


def test_a_key_survives_payment_and_a_new_link(erp, gateway):
    keys = set()
    for text, url in [
        ("Boleto 1/3 venc. 15/03/2026", "a"),
        ("BOLETO 1/3  Venc. 15/03/2026 pago em 14/03/2026", "b?x=1"),
        ("Boleto 1/3 venc. 15/03/2026 (vencido)", "c"),
    ]:
        gateway.answer = lambda asked, t=text, u=url: Told(
            [{"tipoArquivo": 0, "descricao": t, "url": u}]
        )
        keys.add(erp.documents(ALFA, "1", soon())[0].key)

    assert len(keys) == 1


def test_a_very_long_description_has_a_bounded_key(erp, gateway):
    items = [{"tipoArquivo": 7, "descricao": "x" * 200 + tail} for tail in "ab"]
    gateway.answer = lambda asked: Told(items)

    files = erp.documents(ALFA, "1", soon())

    assert len({f.key for f in files}) == 2
    assert max(len(f.key) for f in files) <= 120


def test_the_token_goes_with_a_file_only_to_the_erps_own_host_and_when_allowed(gateway):
    for allowed in (False, True):
        gateway.log.clear()
        erp = build(gateway.url, token_for_documents=allowed)
        with erp.open_document(ALFA, "0004500123", "gnre:gnre", soon()) as stream:
            assert b"".join(stream.chunks) == PDF
        assert ("authorization" in gateway.log[-1].headers) is allowed


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://127.0.0.1:1/x",
        "http://elsewhere.example/x",
        "ftp://127.0.0.1/x",
    ],
)
def test_a_hostile_link_is_refused(erp, gateway, url):
    gateway.answer = lambda asked: Told([{"tipoArquivo": 3, "descricao": "DANFE", "url": url}])

    with pytest.raises(Refused), erp.open_document(ALFA, "1", "danfe:danfe", soon()) as stream:
        b"".join(stream.chunks)
    assert len(gateway.log) == 1


def test_a_file_without_a_link_is_not_found(erp, gateway):
    gateway.answer = lambda asked: Told([{"tipoArquivo": 3, "descricao": "DANFE", "url": None}])

    with pytest.raises(NotFound), erp.open_document(ALFA, "1", "danfe:danfe", soon()):
        pass


def test_another_orders_files_are_refused(erp, gateway):
    gateway.answer = lambda asked: Told({"pedidoErpId": "2", "itens": []})

    with pytest.raises(ContractViolation):
        erp.documents(ALFA, "1", soon())
