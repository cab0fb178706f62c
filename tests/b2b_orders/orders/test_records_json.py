"""Records as JSON and back."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from b2b_orders.orders.records_json import decimal_text, digest, dumps, from_json, to_json
from erp_bridge.records import (
    Address,
    Detail,
    DocumentKind,
    DocumentRecord,
    EventRecord,
    Fulfilment,
    InvoiceLine,
    InvoiceRecord,
    OrderLine,
    OrderRecord,
    Party,
    System,
    TitleRecord,
    TitleState,
)

AT = datetime(2026, 3, 10, 10, 42, tzinfo=timezone(timedelta(hours=-3)))
WHOLE = OrderRecord(
    system=System.VTEX,
    external_id="1172452900788-01",
    detail=Detail.SUMMARY,
    version=AT,
    web_numbers=("502556",),
    customer=Party("Alfa", "12345678000195", "compras@alfa.example"),
    fulfilment=Fulfilment.INVOICED,
    status_raw="invoiced",
    cancel_requested=True,
    placed_at=AT,
    placed_on=date(2026, 3, 10),
    currency="USD",
    total=Decimal("1000.10"),
    billing=Address(city="Curitiba"),
    lines=(OrderLine(1, "SKU", "Parafuso", Decimal("2.5"), "m", Decimal("0.333333"), None),),
    invoices=(
        InvoiceRecord("1001", "1", delivered_at=AT, lines=(InvoiceLine(1, Decimal("2.5")),)),
    ),
    titles=(TitleRecord("boleto-1", due_on=date(2026, 4, 1), state=TitleState.PAID),),
    documents=(DocumentRecord("xml", DocumentKind.NFE_XML),),
    events=(EventRecord(AT, "invoiced", "Faturado"),),
)


def test_a_record_comes_back_as_it_was():
    assert from_json(json.loads(dumps(to_json(WHOLE)))) == WHOLE


def test_defaults_are_left_out():
    assert to_json(OrderRecord(System.ERP, "1")) == {"system": "erp", "external_id": "1"}


def test_documents_not_asked_for_differ_from_none():
    asked = OrderRecord(System.ERP, "1", documents=())

    assert from_json(to_json(asked)).documents == ()
    assert from_json({"system": "erp", "external_id": "1"}).documents is None


def test_what_a_newer_version_wrote_is_ignored():
    assert from_json({"system": "erp", "external_id": "1", "mood": "good"}) == OrderRecord(
        System.ERP, "1"
    )


def test_equal_records_have_equal_digests_however_they_are_written():
    one = OrderRecord(System.ERP, "1", total=Decimal("10.0"), placed_at=AT)
    other = OrderRecord(System.ERP, "1", total=Decimal("10.00"), placed_at=AT.astimezone(UTC))

    assert digest(to_json(one)) == digest(to_json(other))


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_text_that_postgresql_refuses_is_cleaned(text):
    record = dataclasses.replace(WHOLE, note=text, lines=(OrderLine(1, name=text),))

    value = to_json(record)

    assert value["note"] in ("ab", "a?b")
    assert value["lines"][0]["name"] == value["note"]
    assert to_json(from_json(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.00", "0"), ("100", "100"), ("1E+2", "100"), ("1.10", "1.1"), ("-0.50", "-0.5")],
)
def test_decimals_are_plain_text(value, text):
    assert decimal_text(Decimal(value)) == text


@settings(max_examples=50)
@given(
    st.builds(
        OrderRecord,
        system=st.sampled_from(System),
        external_id=st.text(max_size=20),
        version=st.none() | st.datetimes(timezones=st.just(UTC)),
        total=st.none() | st.decimals(-(10**9), 10**9, places=2),
        note=st.text(),
        lines=st.lists(
            st.builds(OrderLine, st.integers(0, 99), name=st.text(), quantity=st.none()),
            max_size=3,
        ).map(tuple),
    )
)
def test_any_record_comes_back_as_stored(record):
    stored = to_json(record)

    assert to_json(from_json(json.loads(dumps(stored)))) == stored
