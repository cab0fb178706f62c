"""/pedidos/<id>/documentos/<id>: the file as issued, or why not."""

from __future__ import annotations

import re
from contextlib import contextmanager
from decimal import Decimal

import pytest

from b2b_orders.audit.models import Action, AuditEvent, Incident
from b2b_orders.documents.models import Document
from b2b_orders.portal.views import documents
from erp_bridge.connector import DocumentStream
from erp_bridge.errors import Unreachable
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, words
from tests.factories import NOW, make_document


class FakeSource:
    """Hands out these bytes, or fails."""

    content: bytes = b""
    error: Exception | None = None

    @contextmanager
    def open(self, connection, company_id, external_id, document_key, call):
        if self.error:
            raise self.error
        yield DocumentStream(chunks=iter((self.content,)), content_type="application/pdf")

    def accepts_branches(self, connection):
        return False


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


# --- the row of a document -------------------------------------------------------------------


def row_of(client, order, document):
    page = parse(client.get(address(order)))
    [row] = page.xpath(f"//li[@id='doc-{document.public_id}']")
    return row


@pytest.mark.parametrize(
    ("kind", "title", "named"),
    [
        ("other", "Canhoto NF 1001/1", "Canhoto"),
        ("other", "Laudo técnico NF-e 0001001", "Laudo técnico"),
        ("other", "NF 1001/1", "Outro documento"),
        ("other", "Laudo NF 10011", "Laudo NF 10011"),
        ("gare", "DARE-SP NF 1001/1 - R$ 1.128,80", "GARE / DARE DARE-SP"),
        ("gare", "DARE-SP NF 1001/1 - R$ 9,99", "GARE / DARE DARE-SP - R$ 9,99"),
        ("gnre", "GNRE NF 1001/1 - R$ 1.128,80", "GNRE"),
        ("serials", "Números de série NF 1001/1", "Números de série"),
    ],
)
def test_a_title_adds_only_what_the_row_does_not_say(ana, world, kind, title, named):
    document = make_document(
        world.o1,
        kind,
        "titled",
        title=title,
        invoice_number="1001",
        amount=Decimal("1128.80"),
    )

    row = row_of(ana, world.o1, document)

    parts = row.xpath(".//span[@class='kind'] | .//span[@class='small']")
    assert " ".join(part.text_content().strip() for part in parts) == named


def test_a_kind_is_not_repeated_in_the_source_s_language(ana, world):
    document = make_document(
        world.o1, "serials", "titled", title="Números de série NF 1001/1", invoice_number="1001"
    )
    ana.post("/idioma", {"language": "es"})

    row = row_of(ana, world.o1, document)

    assert row.xpath(".//span[@class='kind']")[0].text_content() == "Números de serie"
    assert row.xpath(".//span[@class='small']") == []


def test_a_cancelled_boleto_names_no_amount_and_says_not_to_pay(ana, world):
    document = make_document(
        world.o1,
        "boleto",
        "void",
        title="Boleto",
        amount=Decimal("70.00"),
        due_on=NOW.date(),
        title_state="cancelled",
    )

    row = row_of(ana, world.o1, document)

    text = " ".join(row.text_content().split())
    assert "70,00" not in text
    assert "Cancelado" in text
    assert "Não pague" in text
    assert row.xpath(".//a") == []


def test_what_most_people_want_stands_first(ana, world):
    document = make_document(world.o1, "danfe", "first", title="DANFE", invoice_number="1001")

    row = row_of(ana, world.o1, document)

    actions = [(a.text_content(), "quiet" in a.get("class")) for a in row.xpath(".//a")]
    assert actions == [("Ver", False), ("Baixar", True), ("Enviar", True)]


def test_all_files_of_an_order_are_those_that_come_with_it(ana, world):
    def offered():
        page = parse(ana.get(address(world.o1)))
        [button] = page.xpath("//a[contains(@href, '/documentos/zip')]")
        return int(re.search(r"(\d+) arquivos", button.text_content())[1])

    before = offered()
    make_document(world.o1, "nfe_xml", "void", title="XML", state="cancelled")
    assert offered() == before + 1
    make_document(world.o1, "boleto", "paid", title="Boleto", title_state="paid")
    make_document(world.o1, "boleto", "gone", title="Boleto", state="cancelled")
    assert offered() == before + 1


def test_all_files_of_an_order_say_which_boletos_they_leave_out(ana, world):
    def said():
        head = parse(ana.get(address(world.o1))).xpath("//*[@id='documents']/div")[0]
        return [span.text_content() for span in head.xpath(".//span")]

    assert said() == []
    make_document(world.o1, "boleto", "paid", title="Boleto", title_state="paid")
    make_document(world.o1, "boleto", "gone", title="Boleto", state="cancelled")
    assert said() == ["sem 1 boleto pago"]
    make_document(world.o1, "boleto", "too", title="Boleto", title_state="paid")
    assert said() == ["sem 2 boletos pagos"]
