"""Whoever is limited to a branch finds nothing of the other ones, by any way of looking."""

from __future__ import annotations

import uuid

import pytest

from b2b_orders.documents.models import Document
from b2b_orders.ingest.models import Lookup
from erp_bridge.records import DocumentKind, NumberKind
from tests.factories import NOW, make_document, make_order

KEY = "35260312345678000195550010000010011123456784"
MISTYPED_KEY = KEY[:30] + "7" + KEY[31:]
MAIN_TAX_ID, BRANCH_TAX_ID = "12345678000195", "12345678000276"


@pytest.fixture
def main_order(cast):
    numbers = [
        (NumberKind.ERP, "0004500111"),
        (NumberKind.CUSTOMER, "PO 1"),
        (NumberKind.ACCESS_KEY, KEY),
        (NumberKind.INVOICE, "1001/1"),
    ]
    order = make_order(cast.alfa, numbers, establishment=cast.alfa_main)
    make_document(order, DocumentKind.DANFE)
    return order


@pytest.fixture
def branch_order(cast):
    numbers = [(NumberKind.ERP, "0004500222"), (NumberKind.CUSTOMER, "PO 1")]
    order = make_order(cast.alfa, numbers, establishment=cast.alfa_branch)
    make_document(order, DocumentKind.DANFE)
    return order


@pytest.mark.parametrize(
    ("typed", "finds_own"),
    [
        ("0004500111", False),
        ("PO 1", True),
        ("4500", True),
        ("00111", False),
        (KEY, False),
        (KEY[:20], False),
        (MISTYPED_KEY, False),
        ("NF 1001/1", False),
        (MAIN_TAX_ID, False),
        (BRANCH_TAX_ID, True),
        ("", True),
    ],
)
def test_a_search_counts_and_names_only_the_branchs_orders(
    cast, client_for, main_order, branch_order, typed, finds_own
):
    carla = client_for(cast.carla)

    answer = carla.get("/api/v1/orders", {"number": typed} if typed else {}).json()
    pages = [
        carla.get("/pedidos", {"q": typed, "listar": "1"}, headers=headers).content.decode()
        for headers in ({}, {"HX-Request": "true"})
    ]

    own = [str(branch_order.public_id)] if finds_own else []
    assert [each["id"] for each in answer["results"]] == own
    assert answer.get("near", []) == []
    assert answer.get("count", 1 if finds_own else 0) == len(own)
    assert [each["tax_id"] for each in answer["searched"]["establishments"]] == [BRANCH_TAX_ID]
    for page in pages:
        assert str(main_order.public_id) not in page
        assert (str(branch_order.public_id) in page) == finds_own


def test_the_whole_company_finds_the_mistyped_key(cast, client_for, main_order):
    answer = client_for(cast.ana).get("/api/v1/orders", {"number": MISTYPED_KEY}).json()

    assert [each["id"] for each in answer["near"]] == [str(main_order.public_id)]


def test_what_a_colleague_had_looked_up_stays_unfound_for_the_branch(cast, client_for, main_order):
    lookup = Lookup.objects.create(
        company=cast.alfa,
        value="4500111",
        asked_at=NOW,
        state="found",
        answers={"erp": "found"},
        found_order_id=main_order.pk,
    )
    address = f"/pedidos/procurar/{lookup.public_id}"

    ana, carla = client_for(cast.ana).get(address), client_for(cast.carla).get(address)

    assert str(main_order.public_id) in ana["Location"]
    assert carla.status_code == 200
    assert str(main_order.public_id) not in carla.content.decode()


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "options"])
def test_no_method_opens_the_main_house_to_the_branch(
    cast, client_for, main_order, branch_order, method
):
    carla = client_for(cast.carla)
    document = Document.objects.get(record__order=main_order)
    for path in (
        f"/pedidos/{main_order.public_id}",
        f"/pedidos/{main_order.public_id}/atualizar",
        f"/pedidos/{main_order.public_id}/fontes",
        f"/pedidos/{branch_order.public_id}/documentos/{document.public_id}",
        f"/api/v1/orders/{main_order.public_id}",
    ):
        theirs = getattr(carla, method)(path, headers={"HX-Request": "true"})
        never = path.replace(str(main_order.public_id), str(uuid.uuid4()))
        never = never.replace(str(document.public_id), str(uuid.uuid4()))
        unknown = getattr(carla, method)(never, headers={"HX-Request": "true"})
        assert theirs.status_code == unknown.status_code
        assert theirs.status_code in ({404, 405} if method != "options" else {200, 405})
        assert b"4500111" not in theirs.content
