"""/pedidos/<id>/documentos/<id>: the file as issued, or why not."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from b2b_orders.audit.models import Action, AuditEvent, Incident
from b2b_orders.documents.models import Document
from b2b_orders.portal.views import documents
from erp_bridge.connector import DocumentStream
from erp_bridge.errors import Unreachable
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import words


class FakeSource:
    """Hands out these bytes, or fails."""

    content: bytes = b""
    error: Exception | None = None

    def accepts_branches(self, connection):
        return False

    @contextmanager
    def open(self, connection, company_id, external_id, document_key, call):
        if self.error:
            raise self.error
        yield DocumentStream(chunks=iter((self.content,)), content_type="application/pdf")


@pytest.fixture
def source(monkeypatch, settings, tmp_path):
    fake = FakeSource()
    monkeypatch.setattr(documents, "ConnectionDocuments", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    return fake


def take(client, order, key: str, prefix: str = ""):
    document = Document.objects.get(key=key)
    return client.get(f"{prefix}{address(order)}/documentos/{document.public_id}")


def test_file_comes_byte_for_byte_as_an_attachment(ana, world, source):
    source.content = make_pdf()

    response = take(ana, world.o1, "d1")

    assert response.status_code == 200
    assert b"".join(response.streaming_content) == source.content
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"].startswith("attachment; filename=")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert response["Cache-Control"] == "private, no-store"
    assert AuditEvent.objects.filter(action=Action.DOCUMENT_DOWNLOADED).count() == 1


def test_damaged_file_leads_back_to_the_order_with_the_reason_and_a_retry(ana, world, source):
    source.content = b"<!doctype html><html><body>Error</body></html>"

    response = take(ana, world.o1, "d1")

    assert response.status_code == 424
    assert "Content-Disposition" not in response
    page = words(response)
    assert (
        "O sistema do fornecedor enviou um arquivo com defeito. Avisamos a equipe; tente de novo"
        " mais tarde."
    ) in page
    assert "Arquivo com defeito" in words(response, "//*[@id='nf-1001-1']")
    assert "Tentar de novo" in page
    assert Document.objects.get(key="d1").state == "damaged"
    assert Incident.objects.count() == 1


def test_silent_source_leads_back_to_the_order_with_a_retry(ana, world, source):
    source.error = Unreachable("no answer", source="erp", operation="file")

    response = take(ana, world.o1, "d1")

    assert response.status_code == 424
    assert "A fonte não entregou este arquivo agora." in words(response)
    assert "Tentar de novo" in words(response)


def test_stored_file_is_served_while_the_source_is_dead(ana, world, source):
    source.content = make_pdf()
    b"".join(take(ana, world.o1, "d1").streaming_content)
    source.error = Unreachable("no answer", source="erp", operation="file")

    response = take(ana, world.o1, "d1")

    assert response.status_code == 200
    assert b"".join(response.streaming_content) == source.content


def test_document_being_issued_cannot_be_taken_yet(ana, world, source):
    response = take(ana, world.o1, "x2")

    assert response.status_code == 409
    assert "Este documento ainda não existe." in words(response)


def test_document_of_another_company_is_not_found_and_nothing_is_fetched(
    client_for, cast, world, source
):
    source.error = AssertionError("fetched")

    response = take(client_for(cast.beto), world.o1, "d1")

    assert response.status_code == 404
    assert "Página não encontrada para a Beta Comércio" in words(response)


def test_boleto_is_not_there_without_the_right_to_finance(teo, cast, world, source):
    response = take(teo, world.o1, "b1", prefix=f"/c/{cast.alfa.public_id}")

    assert response.status_code == 404


def test_log_in_is_asked_for(client, world, source):
    assert take(client, world.o1, "d1")["Location"].startswith("/accounts/login/")
