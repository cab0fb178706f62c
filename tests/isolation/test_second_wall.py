"""With the application's own filter removed, row-level security still shows nothing else."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from b2b_orders.common import tenancy
from b2b_orders.companies.access import RIGHTS_OF_ROLE, Viewer
from b2b_orders.companies.models import Establishment, Role
from b2b_orders.documents.queries import list_documents
from b2b_orders.ingest.models import Lookup
from b2b_orders.orders.models import Order
from b2b_orders.orders.queries import list_orders, search
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_document, make_order, make_title
from tests.isolation.walls import (
    take_down_first_wall,
    without_first_wall,
    written_with_the_wall,
)


@pytest.fixture
def alfa_order(cast):
    return make_order(
        cast.alfa,
        [(NumberKind.ERP, "4500111"), (NumberKind.CUSTOMER, "PO 1")],
        placed_at=timezone.now() - timedelta(days=1),
    )


@pytest.fixture
def beta_order(cast):
    order = make_order(
        cast.beta,
        [(NumberKind.ERP, "4500222"), (NumberKind.CUSTOMER, "PO 1")],
        title="BETAONLY",
        placed_at=timezone.now(),
        promised_on=timezone.localdate() - timedelta(days=1),
    )
    make_title(order, due_on=timezone.localdate())
    order.lines.create(company=cast.beta, position=1, name="BETAONLY")
    make_document(order, title="BETAONLY")
    return order


@pytest.fixture
def no_filter(monkeypatch):
    """Take down the first wall."""
    take_down_first_wall(monkeypatch)


def test_every_module_with_a_first_wall_has_it_taken_down(no_filter):
    down = without_first_wall()

    assert down == written_with_the_wall()
    assert down >= {f"b2b_orders.orders.{name}" for name in ("selecting", "many", "chips")}


def viewer_of(cast) -> Viewer:
    return Viewer(cast.ana.pk, cast.alfa.pk, RIGHTS_OF_ROLE[Role.BUYER])


def test_the_first_wall_is_really_down(cast, alfa_order, beta_order, no_filter):
    """As the owner, behind no wall at all, everything shows: so what follows is the second."""
    viewer = viewer_of(cast)

    with tenancy.scope(role=tenancy.OWNER):
        found = search(viewer=viewer, text="PO 1")
        latest = list_orders(viewer=viewer)
        documents = list_documents(viewer=viewer, order_id=beta_order.pk)

    assert {row.id for row in found.rows} == {alfa_order.pk, beta_order.pk}
    assert {row.id for row in latest.rows} == {alfa_order.pk, beta_order.pk}
    assert len(documents) == 1


@pytest.mark.parametrize("text", ["PO 1", "4500", "4500222", "500222", ""])
def test_pages_and_api_show_only_the_viewers_company(
    cast, alfa_order, beta_order, no_filter, client_for, text
):
    client = client_for(cast.ana)

    for path, name in (("/pedidos", "q"), ("/api/v1/orders", "number")):
        response = client.get(path, {name: text} if text else {}, follow=True)
        shown = re.sub("</?mark>", "", response.content.decode())
        assert response.status_code == 200
        assert str(beta_order.public_id) not in shown
        assert "BETAONLY" not in shown
        assert ("4500111" in shown) == (text in {"PO 1", "4500", ""})


def test_another_companys_order_and_document_stay_unknown(
    cast, alfa_order, beta_order, no_filter, client_for
):
    client = client_for(cast.ana)
    document = beta_order.records.get().documents.get()

    for path in (
        f"/pedidos/{beta_order.public_id}",
        f"/pedidos/{beta_order.public_id}/fontes",
        f"/pedidos/{beta_order.public_id}/documentos/{document.public_id}",
        f"/pedidos/{alfa_order.public_id}/documentos/{document.public_id}",
        f"/api/v1/orders/{beta_order.public_id}",
    ):
        response = client.get(path, headers={"HX-Request": "true"})
        assert response.status_code == 404, path
        assert b"BETAONLY" not in response.content


# Each beside what would show of Beta, and hide of nobody's, with no wall at all.
READ = [
    "/pedidos/sugestoes?q=PO+1",
    "/pedidos/sugestoes?q=4500222",
    "/pedidos/sugestoes?q=4500223",
    "/pedidos?q=4500223",
    "/pedidos?q=PO+1&em=meu&listar=1",
    "/pedidos?ordem=-total",
    "/pedidos?ordem=situacao",
    "/pedidos?situacao=invoiced&filial=12ABC34501DE35",
    "/pedidos?so=a_pagar",
    "/pedidos?so=atrasados",
    "/filiais",
    "/filiais?ordem=atrasados",
    "/paleta",
    "/pedidos/{alfa}?ordem=-data",
    "/pedidos/{alfa}/historico",
    "/financeiro",
]
GONE = ["", "/itens", "/itens?item=BETA", "/documentos", "/financeiro", "/historico"]


@pytest.mark.parametrize("address", READ)
def test_no_new_page_shows_another_company(
    cast, alfa_order, beta_order, no_filter, client_for, address
):
    client = client_for(cast.ana)
    path = address.format(alfa=alfa_order.public_id)

    for headers in ({}, {"HX-Request": "true"}):
        shown = re.sub("</?mark>", "", client.get(path, headers=headers).content.decode())
        assert str(beta_order.public_id) not in shown
        assert "BETAONLY" not in shown


def test_nothing_is_counted_of_another_company(cast, alfa_order, beta_order, no_filter, client_for):
    page = client_for(cast.ana).get("/pedidos").content.decode()

    chips = dict(re.findall(r"so=(\w+)[^>]*>(?:(?!</a>).)*<strong>([^<]*)</strong>", page))
    assert chips["andamento"] == "1"
    assert {chips.get(name, "0") for name in ("atrasados", "a_pagar")} == {"0"}


@pytest.mark.parametrize("part", GONE)
def test_no_part_of_another_companys_order_opens(
    cast, alfa_order, beta_order, no_filter, client_for, part
):
    answer = client_for(cast.ana).get(f"/pedidos/{beta_order.public_id}{part}")

    assert answer.status_code == 404


def test_files_and_pasted_numbers_hold_nothing_of_another_company(
    cast, alfa_order, beta_order, no_filter, client_for
):
    client = client_for(cast.ana)
    both = [str(alfa_order.public_id), str(beta_order.public_id)]

    for path, given in (
        ("/pedidos/exportar", {}),
        ("/pedidos/exportar", {"q": "PO 1"}),
        ("/pedidos/selecao", {"pedido": both}),
        ("/pedidos/lote", {"numeros": "PO 1 \n4500111\n4500222", "acao": "csv"}),
    ):
        answer = client.post(path, given | {"formato": "csv"})
        rows = list(csv.reader(io.StringIO(b"".join(answer).decode()), delimiter=";"))
        cells = " ".join(cell for row in rows for cell in row)
        assert "4500111" in cells
        assert "BETAONLY" not in cells
    page = client.post("/pedidos/lote", {"numeros": "PO 1\n4500222"}).content.decode()
    assert str(alfa_order.public_id) in page
    assert str(beta_order.public_id) not in page
    assert client.post("/pedidos/selecao", {"pedido": both[1:]}).status_code == 404
    assert client.post(f"/pedidos/{both[1]}/seguir").status_code == 404


def test_the_board_counts_nothing_of_another_company(
    cast, alfa_order, beta_order, no_filter, client_for
):
    # The very branch, were it this company's too.
    Establishment.objects.filter(pk=cast.alfa_branch.pk).update(name="Filial")

    page = client_for(cast.ana).get("/filiais").content.decode()

    assert str(alfa_order.public_id) in page
    assert re.findall(r'aria-label="([^"]*: \d+)" class="late"', page) == []


def test_another_companys_look_up_stays_unknown(cast, no_filter, client_for):
    lookup = Lookup.objects.create(company=cast.beta, value="4500222", asked_at=NOW)

    response = client_for(cast.ana).get(f"/pedidos/procurar/{lookup.public_id}")

    assert response.status_code == 404


def test_support_acting_for_one_company_sees_only_it(
    cast, alfa_order, beta_order, no_filter, client_for
):
    client = client_for(cast.suzana)
    client.post(
        reverse("portal:act"),
        {"q": "4500111", "order": str(alfa_order.public_id), "reason": "call 4711"},
    )

    page = client.get(f"/c/{cast.alfa.public_id}/pedidos")
    refused = client.get(f"/c/{cast.alfa.public_id}/pedidos/{beta_order.public_id}")

    assert page.status_code == 200
    assert "4500111" in page.content.decode()
    assert "BETAONLY" not in page.content.decode()
    assert refused.status_code == 404


def test_support_without_acting_reads_no_order_at_all(cast, alfa_order, no_filter, client_for):
    client = client_for(cast.suzana)

    assert client.get(f"/pedidos/{alfa_order.public_id}").status_code in {302, 404}
    with tenancy.scope(role=tenancy.WEB, person_id=cast.suzana.pk):
        assert Order.objects.count() == 0
