"""Which boleto pays which title."""

from __future__ import annotations

import uuid
from datetime import date

import pytest

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.documents.boletos import BoletoRow, available_boletos, boleto_of
from erp_bridge.records import DocumentKind
from tests.factories import make_document, make_order

LINE = "34191790010104351004791020150008191070000100000"
DUE = date(2026, 3, 13)


def boleto(**fields) -> BoletoRow:
    known = {
        "order_id": 1,
        "public_id": uuid.uuid4(),
        "invoice_number": "1001",
        "instalment": "1/3",
        "typeable_line": "",
        "due_on": DUE,
    }
    return BoletoRow(**known | fields)


def found(boletos, **fields) -> BoletoRow | None:
    title = {
        "order_id": 1,
        "typeable_line": "",
        "invoice_number": "1001",
        "instalment": "1/3",
        "due_on": DUE,
    }
    return boleto_of(boletos, **title | fields)


def test_the_line_decides_however_it_is_written():
    right = boleto(typeable_line="34191.79001 01043.510047 91020.150008 1 91070000100000")
    other = boleto(typeable_line="9" * 47)

    assert found([other, right], typeable_line=LINE, instalment="2/3") is right
    assert found([other], typeable_line=LINE) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"order_id": 2},
        {"invoice_number": "1002"},
        {"instalment": "2/3"},
        {"due_on": date(2026, 3, 14)},
    ],
)
def test_what_either_states_otherwise_is_another_boleto(fields):
    right = boleto()

    assert found([right]) is right
    assert found([boleto(**fields)]) is None


def test_what_is_not_stated_does_not_tell_apart_and_two_that_fit_are_none():
    vague = boleto(instalment="", due_on=None)

    assert found([vague]) is vague
    assert found([vague, boleto(instalment="")]) is None


def test_only_boletos_that_stand_and_can_be_taken_are_listed(cast):
    order = make_order(cast.alfa)
    good = make_document(order, DocumentKind.BOLETO, "good")
    make_document(order, DocumentKind.BOLETO, "old", replaced_by="good")
    make_document(order, DocumentKind.BOLETO, "coming", state="expected")
    make_document(order, DocumentKind.BOLETO, "cancelled", state="cancelled")
    make_document(order, DocumentKind.DANFE, "danfe")
    viewer = Viewer(cast.ana.pk, cast.alfa.pk, frozenset(Right))

    rows = available_boletos(viewer=viewer, order_ids=[order.pk])

    assert [row.public_id for row in rows] == [good.public_id]
