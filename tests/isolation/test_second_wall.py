"""With the application's own filter removed, row-level security still shows nothing else."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from b2b_orders.common import tenancy
from b2b_orders.common.visibility import VisibleQuerySet
from b2b_orders.companies.access import RIGHTS_OF_ROLE, Viewer
from b2b_orders.companies.models import Role
from b2b_orders.documents import queries as document_queries
from b2b_orders.documents.queries import list_documents
from b2b_orders.ingest.models import Lookup
from b2b_orders.orders import queries as order_queries
from b2b_orders.orders.models import Order
from b2b_orders.orders.queries import list_orders, search
from erp_bridge.records import NumberKind
from tests.factories import NOW, make_document, make_order


@pytest.fixture
def alfa_order(cast):
    return make_order(cast.alfa, [(NumberKind.ERP, "4500111"), (NumberKind.CUSTOMER, "PO 1")])


@pytest.fixture
def beta_order(cast):
    order = make_order(
        cast.beta, [(NumberKind.ERP, "4500222"), (NumberKind.CUSTOMER, "PO 1")], title="BETAONLY"
    )
    order.lines.create(company=cast.beta, position=1, name="BETAONLY")
    make_document(order, title="BETAONLY")
    return order


@pytest.fixture
def no_filter(monkeypatch):
    """Take down the first wall."""
    monkeypatch.setattr(VisibleQuerySet, "visible_to", lambda self, viewer: self.all())
    for module in (order_queries, document_queries):
        monkeypatch.setattr(module, "visible_sql", all_rows)


def all_rows(viewer: Viewer, _table: str, **_options: str) -> tuple[str, dict[str, object]]:
    return "true", {"company": viewer.company_id}


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
