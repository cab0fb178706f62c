"""The connector on the ERP simulator, which was written apart from it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from erp_bridge.connector import CompanyRef
from erp_bridge.connectors.b2b_orders_v1 import B2BOrdersV1, B2BOrdersV1Config
from erp_bridge.errors import CredentialsRejected, NotFound, WrongOwner
from erp_bridge.records import Detail, DocumentKind, NumberKind, TitleState
from erp_bridge.simulators.erp import TOKEN, ErpSimulator
from erp_bridge.simulators.world import (
    ALFA_CUSTOMER_ID,
    ALFA_TAX_ID,
    BETA_CUSTOMER_ID,
    small_world,
)
from tests.erp_bridge.connectors.conformance import assert_shape, find, soon
from tests.erp_bridge.connectors.old_gateway import POLICY

ALFA = CompanyRef("alfa", (), (str(ALFA_CUSTOMER_ID),))
BETA = CompanyRef("beta", (), (str(BETA_CUSTOMER_ID),))
O1 = "0004500123"
SIGNS = {
    DocumentKind.NFE_XML: b"<?xml",
    DocumentKind.OTHER: b"<?xml",
    DocumentKind.SERIALS: b"produto;",
}
WORLD = small_world()
TODAY = datetime.now(UTC).date()
GATEWAYS = {
    "whole": {},
    "documented-spelling": {"paths": "documented"},
    "without-numbers": {
        "lacks": ("porCodigo", "porNotaFiscal"),
        "lacks_status": 500,
        "by_web_number": True,
    },
}


@pytest.fixture(params=["readme", "guide"])
def generation(request) -> str:
    return request.param


@pytest.fixture(params=GATEWAYS.values(), ids=GATEWAYS)
def simulator(request, generation):
    simulator = ErpSimulator(WORLD, generation=generation, fresh_links=True, **request.param)
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def erp(simulator):
    erp = connect(simulator)
    yield erp
    erp.close()


def connect(simulator: ErpSimulator, token: str = TOKEN) -> B2BOrdersV1:
    return B2BOrdersV1("erp", B2BOrdersV1Config.build({"endpoint": simulator.url}, token, POLICY))


def test_every_order_of_a_company_is_read_whole(erp):
    pages = erp.period(ALFA, date(2019, 1, 1), TODAY + timedelta(days=1), soon(30))
    rows = [reading.record for page in pages for reading in page.readings]
    assert len(rows) > 10

    for row in rows:
        record = erp.order(ALFA, row.external_id, soon()).record
        assert_shape(record)
        assert (record.detail, record.customer_id) == (Detail.FULL, str(ALFA_CUSTOMER_ID))
        assert record.lines
        assert (record.total, record.fulfilment) == (row.total, row.fulfilment)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NumberKind.ERP, O1),
        (NumberKind.WEB, "1172452900788-01"),
        (NumberKind.CUSTOMER, "PO-2026/0815"),
        (NumberKind.INVOICE, "1001/1"),
        (NumberKind.INVOICE, "1001"),
    ],
)
def test_an_order_is_found_by_each_of_its_numbers(erp, kind, value):
    assert [r.record.external_id for r in erp.find(ALFA, kind, value, soon())] == [O1]
    # Beta has an order with the same number of its own.
    assert O1 not in [r.record.external_id for r in find(erp, BETA, kind, value)]


def test_documents_and_titles_are_known_in_both_generations(erp):
    record = erp.order(ALFA, O1, soon()).record

    assert record.customer.tax_id == ALFA_TAX_ID
    assert [(i.number, i.series) for i in record.invoices] == [("1001", "1"), ("1002", "1")]
    assert Counter(d.kind for d in record.documents) == {
        DocumentKind.NFE_XML: 1,
        DocumentKind.DANFE: 2,
        DocumentKind.BOLETO: 3,
        DocumentKind.GNRE: 1,
        DocumentKind.GARE: 1,
        DocumentKind.SERIALS: 1,
        DocumentKind.OTHER: 2,
    }
    assert [(t.instalment, t.invoice_number) for t in record.titles] == [
        ("1/3", "1001"),
        ("2/3", "1001"),
        ("3/3", "1002"),
    ]
    assert record.titles[0].state is TitleState.PAID
    assert all(t.amount and t.due_on for t in record.titles)


def test_each_file_opens_by_a_link_made_at_that_moment(erp):
    documents = erp.order(ALFA, O1, soon()).record.documents

    for document in documents:
        with erp.open_document(ALFA, O1, document.key, soon()) as stream:
            content = b"".join(stream.chunks)
        sign = SIGNS.get(document.kind, b"%PDF-")
        assert content.lstrip(b"\xef\xbb\xbf").startswith(sign)


def test_another_companys_order_is_not_found(erp):
    erp.order(ALFA, O1, soon())

    with pytest.raises(NotFound):
        erp.order(BETA, O1, soon())
    assert erp.documents(BETA, O1, soon()) == []


def test_a_wrong_token_is_refused(simulator):
    with pytest.raises(CredentialsRejected):
        connect(simulator, "wrong").health(soon())


def test_an_order_handed_out_to_the_wrong_company_is_refused(erp, simulator):
    simulator.fault("detail", "wrong_company")

    with pytest.raises(WrongOwner):
        erp.order(ALFA, O1, soon())
