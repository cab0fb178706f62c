from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_bridge.connectors.b2b_orders_v1.config import B2BOrdersV1Config
from erp_bridge.connectors.b2b_orders_v1.documents import map_documents
from erp_bridge.connectors.b2b_orders_v1.mapping import map_details, map_row
from erp_bridge.connectors.b2b_orders_v1.payloads import (
    Fields,
    When,
    as_decimal,
    as_text,
    as_when,
    to_payload,
)
from erp_bridge.http import Policy

ZONE = ZoneInfo("America/Sao_Paulo")
CONFIG = B2BOrdersV1Config.build({"endpoint": "https://erp.example"}, "t", Policy())


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        (Decimal("1234.56"), "1234.56"),
        (12, "12"),
        (0.1, "0.1"),
        ("1234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("R$ 1.234,56", "1234.56"),
        ("-1,5", "-1.5"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("1.234", "1.234"),
        (",5", "0.5"),
        (" 7 ", "7"),
    ],
)
def test_amounts_are_read_in_every_form_seen(written, amount):
    assert as_decimal(written) == Decimal(amount)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        "1,2,3.4,5",
        "--1",
        "1e5",
        None,
        True,
        [],
        "NaN",
        Decimal("NaN"),
        10**14,
        "٣",
        "1.2,3,4",
    ],
)
def test_what_is_no_amount_is_absent(written):
    assert as_decimal(written) is None


@pytest.mark.parametrize(
    ("written", "on", "at"),
    [
        ("2026-03-10", date(2026, 3, 10), None),
        ("2026-03-10T00:00:00", date(2026, 3, 10), None),
        ("2026-03-10T00:00:00Z", date(2026, 3, 10), None),
        ("2026-03-10T00:00:00-03:00", date(2026, 3, 10), None),
        ("10/03/2026", date(2026, 3, 10), None),
        ("10/03/2026 14:20:05", date(2026, 3, 10), datetime(2026, 3, 10, 17, 20, 5, tzinfo=UTC)),
        ("2026-03-10T22:28:30", date(2026, 3, 10), datetime(2026, 3, 11, 1, 28, 30, tzinfo=UTC)),
        ("2026-03-11T01:28:30Z", date(2026, 3, 10), datetime(2026, 3, 11, 1, 28, 30, tzinfo=UTC)),
        (
            "2026-03-11T01:28:30.1234567Z",
            date(2026, 3, 10),
            datetime(2026, 3, 11, 1, 28, 30, 123456, tzinfo=UTC),
        ),
        ("/Date(1773100800000)/", date(2026, 3, 10), None),
        ("/Date(1773111600000)/", date(2026, 3, 10), None),
        ("/Date(1773111600000-0300)/", date(2026, 3, 10), None),
        ("/Date(1773192510000)/", date(2026, 3, 10), datetime(2026, 3, 11, 1, 28, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_every_form_seen(written, on, at):
    assert as_when(written, ZONE) == When(on, at)


@pytest.mark.parametrize(
    "written",
    ["", "?", None, 5, "0001-01-01T00:00:00", "2026-02-30", "31/02/2026", "/Date(x)/", "1900-01-01",
     "9999-12-31T23:59:59Z", "/Date(999999999999999)/", "2026"],
)  # fmt: skip
def test_what_is_no_date_is_absent(written):
    assert as_when(written, ZONE) == When()


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("0004500123", "0004500123"),
        (4500123, "4500123"),
        (Decimal("12345.0"), "12345"),
        (Decimal("1E+3"), "1000"),
        ("a\x00b\ud800c", "a b c"),
        ("  two\n lines ", "two lines"),
        (True, ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_text_is_one_clean_line(written, text):
    assert as_text(written) == text


def test_names_are_read_without_regard_to_capitals_or_spelling():
    fields = Fields({"BILLINGADDRESSFormattedAddress": "A", "zipCode": None, "ZIPCODE": "1"})

    assert fields.text("billingAddressFormattedAddres") == "A"
    assert fields.text("zipcode") == "1"


def test_what_is_kept_has_its_digits_and_nothing_private():
    kept = to_payload(
        {
            "total": Decimal("22.005"),
            "long": Decimal("1234567890123456.78"),
            "comissao": Decimal("4.77"),
            "itens": [{"VALORCOMISSAO": 1, "url": "https://h/x?sig=1#f", "custoMedio": 2}],
            "customer": "c",
        }
    )

    assert json.loads(kept) == {
        "total": 22.005,
        "long": "1234567890123456.78",
        "itens": [{"url": "https://h/x"}],
        "customer": "c",
    }
    assert b"22.005" in kept


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = (
    "pedidoErpId", "status", "itens", "revendaId", "dataPedido", "notaFiscal", "serieNotaFiscal",
    "totalPedido", "centrosDeDistribuicao", "linkTransportadora", "clienteFinalCnpj", "observacao",
    "tipoArquivo", "descricao", "url", "valor", "dataVencimento", "linhaDigitavel", "valorFrete",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_no_payload_can_break_the_mapping(payload):
    fields = Fields(payload)

    map_row(fields, "1", CONFIG)
    documents = map_documents([fields, fields], ZONE)
    map_details(fields, "1", CONFIG, files=documents)

    assert len({d.record.key for d in documents}) == 2
