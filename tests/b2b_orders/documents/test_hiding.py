"""A kind that a rule hides does not exist, whichever way one looks (A06)."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Actor
from b2b_orders.documents.models import Document, DocumentRule, State
from b2b_orders.documents.queries import count_documents, list_documents, visible_documents
from b2b_orders.documents.services import DocumentUnavailable, open_download
from b2b_orders.documents.watching import watch
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import as_web
from tests.b2b_orders.documents.files import make_pdf
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
KINDS = (DocumentKind.DANFE, DocumentKind.BOLETO, DocumentKind.SERIALS)
CONNECTIONS, TYPES = ("", "erp", "other"), ("", "resale", "public")


@pytest.fixture
def order(cast, source):
    cast.alfa.customer_type = "resale"
    cast.alfa.save()
    order = make_order(cast.alfa)
    for kind in KINDS:
        make_document(order, kind, kind.value)
        source.files[kind.value] = make_pdf()
    make_document(order, DocumentKind.DANFE, "rule:danfe", state=State.EXPECTED, origin="rule")
    return order


def hide(kind: str, connection: str = "", customer_type: str = "", **fields) -> None:
    values = {"effect": "hide", "changed_at": NOW} | fields
    DocumentRule.objects.create(
        kind=kind, connection=connection, customer_type=customer_type, **values
    )


def can_take(viewer, document, source) -> bool:
    try:
        open_download(
            viewer=viewer,
            actor=Actor(person_id=viewer.person_id),
            public_id=document.public_id,
            source=source,
            now=NOW,
        )
    except NotVisible:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "connection", "customer_type"), list(itertools.product(KINDS, CONNECTIONS, TYPES))
)
def test_every_way_of_looking_agrees_on_what_is_hidden(
    order, bruno, source, kind, connection, customer_type
):
    hide(kind, connection, customer_type)
    is_hidden = connection in {"", "erp"} and customer_type in {"", "resale"}
    expected = {each for each in KINDS if each != kind or not is_hidden}

    with as_web(bruno):
        listed = list_documents(viewer=bruno, order_id=order.pk)
        visible = set(visible_documents(viewer=bruno).values_list("kind", flat=True))
        counted = count_documents(viewer=bruno, order_ids=[order.pk])
        taken = {
            each.kind
            for each in Document.objects.filter(state=State.AVAILABLE)
            if can_take(bruno, each, source)
        }

    assert {row.kind for row in listed} == visible == taken == expected
    assert counted == {order.pk: (len(expected), len(listed))}


def test_what_is_hidden_cannot_be_waited_for(order, bruno):
    hide("danfe")
    document = Document.objects.get(key="rule:danfe")

    with as_web(bruno), pytest.raises(NotVisible):
        watch(
            viewer=bruno,
            actor=Actor(person_id=bruno.person_id),
            public_id=document.public_id,
            now=NOW,
        )


@pytest.mark.parametrize("fields", [{"is_enabled": False}, {"effect": "not_applicable"}])
def test_only_a_rule_in_force_that_hides_hides(order, bruno, fields):
    hide("boleto", **fields)

    with as_web(bruno):
        assert len(list_documents(viewer=bruno, order_id=order.pk)) == 4


def test_pages_and_the_api_do_not_know_it(order, cast, client_for):
    hide("boleto", customer_type="resale")
    hidden = Document.objects.get(kind="boleto")
    client = client_for(cast.bruno)

    page = client.get(f"/pedidos/{order.public_id}")
    api = client.get(f"/api/v1/orders/{order.public_id}").json()
    download = client.get(f"/pedidos/{order.public_id}/documentos/{hidden.public_id}")

    assert str(hidden.public_id) not in page.content.decode()
    assert str(Document.objects.get(kind="serials").public_id) in page.content.decode()
    assert {each["kind"] for each in api["documents"]} == {"danfe", "serials"}
    assert download.status_code == 404


def test_another_companys_type_hides_nothing_here(cast, order, bruno):
    cast.alfa.customer_type = ""
    cast.alfa.save()
    cast.beta.customer_type = "resale"
    cast.beta.save()
    hide("boleto", customer_type="resale")

    with as_web(bruno):
        assert "boleto" in {row.kind for row in list_documents(viewer=bruno, order_id=order.pk)}


def test_a_boleto_that_was_cancelled_or_replaced_is_not_handed_out(order, bruno, source):
    for state in (State.CANCELLED, State.REPLACED):
        Document.objects.filter(kind="boleto").update(state=state, due_on=date(2026, 3, 1))
        boleto = Document.objects.get(kind="boleto")
        with as_web(bruno), pytest.raises(DocumentUnavailable):
            can_take(bruno, boleto, source)
    # The DANFE of a cancelled invoice is kept with the books, and stays marked.
    Document.objects.filter(key="danfe").update(state=State.CANCELLED, reason="invoice-cancelled")
    with as_web(bruno):
        assert can_take(bruno, Document.objects.get(key="danfe"), source)
    assert Document.objects.get(key="danfe").state == State.CANCELLED
