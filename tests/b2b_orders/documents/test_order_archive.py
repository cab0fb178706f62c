"""All documents of an order as one ZIP file: whose, complete, honest, and always arriving."""

from __future__ import annotations

import io
import uuid
import zipfile
from datetime import timedelta

import pytest
from django.utils import translation

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.models import Role
from b2b_orders.documents.models import Document, State
from b2b_orders.documents.packing import TooManyToWait, open_order_archive
from b2b_orders.documents.rendering import update_rendered
from b2b_orders.documents.services import open_download
from b2b_orders.ingest import rendering_work
from erp_bridge.errors import NotFound, Unreachable
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.files import HTML, make_key, make_nfe, make_pdf
from tests.b2b_orders.documents.test_rendering import make_xml
from tests.factories import NOW, make_document, make_order
from tests.fiscal.nfe import key_of

pytestmark = pytest.mark.django_db
PDF = make_pdf()
LATER = NOW + timedelta(minutes=16)


@pytest.fixture
def order(cast, source):
    order = make_order(cast.alfa, establishment=cast.alfa_main)
    of_nf = {"invoice_number": "1001", "invoice_series": "1"}
    make_document(order, DocumentKind.NFE_XML, "xml", title="XML", **of_nf)
    make_document(order, DocumentKind.DANFE, "danfe", **of_nf)
    make_document(order, DocumentKind.BOLETO, "boleto", instalment="1/2", **of_nf)
    make_document(order, DocumentKind.OTHER, "manual", title="../../Manual")
    source.files = {"xml": make_nfe(), "danfe": PDF, "boleto": PDF, "manual": PDF}
    return order


def opened(order_id, viewer, actor, source, now=NOW):
    with as_web(viewer):
        archive = open_order_archive(
            viewer=viewer, actor=actor, order_public_id=order_id, source=source, clock=lambda: now
        )
    # Read after the request's scope has ended, as a web server does.
    return zipfile.ZipFile(io.BytesIO(b"".join(archive.stream)))


def index_of(archive: zipfile.ZipFile) -> str:
    return archive.read("index.csv").decode("utf-8-sig")


@pytest.fixture(autouse=True)
def _english(settings):
    with translation.override("en"):
        yield


def test_every_document_is_in_the_folder_of_its_invoice(order, bruno, actor, source):
    archive = opened(order.public_id, bruno, actor, source)

    assert archive.testzip() is None
    assert set(archive.namelist()) == {
        "NF-1001-1/",
        "Other-documents/",
        f"NF-1001-1/NFe-{make_key()}.xml",
        "NF-1001-1/DANFE-1001-1.pdf",
        "NF-1001-1/Boleto-1001-1-2.pdf",
        "Other-documents/Documento-Manual.pdf",
        "README.txt",
        "index.csv",
    }
    assert archive.read(f"NF-1001-1/NFe-{make_key()}.xml") == make_nfe()


def test_each_entry_leaves_a_line_and_so_does_the_whole(order, bruno, actor, source):
    opened(order.public_id, bruno, actor, source)

    lines = AuditEvent.objects.order_by("pk")
    assert [line.action for line in lines] == ["documents_packed", *["document_downloaded"] * 4]
    assert lines[0].object_id == str(order.public_id)
    assert {line.detail["how"] for line in lines} == {"zip"}
    assert {line.company_id for line in lines} == {bruno.company_id}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (NotFound("gone"), "The source does not have this file."),
        (Unreachable("down"), "The source did not answer in time."),
        (HTML, "Damaged file: something else instead of the document"),
    ],
)
def test_a_failing_file_is_told_and_the_others_arrive(order, bruno, actor, source, broken, words):
    source.files["danfe"] = broken

    archive = opened(order.public_id, bruno, actor, source)

    assert archive.testzip() is None
    assert "NF-1001-1/DANFE-1001-1.pdf" not in archive.namelist()
    assert len(archive.namelist()) == 7
    assert words in index_of(archive)
    assert f"DANFE: {words}" in archive.read("README.txt").decode()


def test_what_is_not_there_yet_is_listed_without_asking_for_it(order, bruno, actor, source):
    Document.objects.filter(key="danfe").update(state=State.EXPECTED)

    archive = opened(order.public_id, bruno, actor, source)

    assert "It is being issued." in index_of(archive)
    assert "danfe" not in {key for *_rest, key in source.asked}


@pytest.mark.parametrize("state", [State.REPLACED, State.CANCELLED])
def test_a_paper_that_is_no_longer_valid_is_not_in_it(order, bruno, actor, source, state):
    Document.objects.filter(key="boleto").update(state=state)

    archive = opened(order.public_id, bruno, actor, source)

    assert not any("Boleto" in name for name in archive.namelist())


def test_a_cancelled_invoice_s_xml_is_in_it_for_the_books_and_said_to_be_cancelled(
    order, bruno, actor, source
):
    Document.objects.filter(key="xml").update(state=State.CANCELLED)

    archive = opened(order.public_id, bruno, actor, source)

    [line] = [line for line in index_of(archive).splitlines() if "NF-e XML" in line]
    assert "In this ZIP file;It was cancelled." in line
    assert line.split(";")[3] in archive.namelist()
    assert "10 Mar 2026 10:00" in archive.read("README.txt").decode("utf-8-sig")


def test_a_paper_to_pay_that_could_not_be_checked_says_so_in_name_and_index(
    order, bruno, actor, source
):
    boleto = Document.objects.get(key="boleto")
    with as_web(bruno):
        open_download(viewer=bruno, actor=actor, public_id=boleto.public_id, source=source, now=NOW)
    source.files["boleto"] = Unreachable("down")

    archive = opened(order.public_id, bruno, actor, source, now=LATER)

    name = "NF-1001-1/Boleto-1001-1-2-copy-of-2026-03-10-1000-check-before-paying.pdf"
    assert name in archive.namelist()
    assert "Copy of 10 Mar 2026 10:00: check whether" in index_of(archive)


def test_without_the_right_to_finance_a_boleto_does_not_exist(cast, order, actor, source):
    viewer = viewer_of(cast.alfa, cast.ana, Role.VIEWER)

    archive = opened(order.public_id, viewer, actor, source)

    everything = " ".join(archive.namelist()) + index_of(archive)
    assert "Boleto" not in everything
    assert "DANFE" in everything


def test_the_order_of_another_company_and_of_another_branch_do_not_exist(
    cast, order, actor, source
):
    beto = viewer_of(cast.beta, cast.beto)
    carla = viewer_of(cast.alfa, cast.carla, establishment_ids=frozenset({cast.alfa_branch.pk}))

    for viewer in (beto, carla):
        for public_id in (order.public_id, uuid.uuid4()):
            with pytest.raises(NotVisible):
                opened(public_id, viewer, actor, source)
    assert source.asked == []


def test_a_document_that_is_taken_away_meanwhile_is_not_handed_out(
    cast, order, bruno, actor, source
):
    with as_web(bruno):
        archive = open_order_archive(
            viewer=bruno,
            actor=actor,
            order_public_id=order.public_id,
            source=source,
            clock=lambda: NOW,
        )
    order.records.update(company=cast.beta)

    whole = zipfile.ZipFile(io.BytesIO(b"".join(archive.stream)))

    assert [name for name in whole.namelist() if name.endswith((".pdf", ".xml"))] == []
    assert "It is not there any more." in index_of(whole)
    assert source.asked == []


def test_sources_are_not_waited_for_longer_than_is_allowed(order, bruno, actor, source, settings):
    settings.PORTAL_ZIP_SECONDS = 0

    archive = opened(order.public_id, bruno, actor, source)

    assert source.asked == []
    assert archive.namelist() == ["NF-1001-1/", "Other-documents/", "README.txt", "index.csv"]
    assert index_of(archive).count("There was no time left to fetch it.") == 4


def test_too_many_to_wait_for_are_refused_before_anything_is_fetched(
    order, bruno, actor, source, settings
):
    settings.PORTAL_ZIP_FETCHES = 3

    with pytest.raises(TooManyToWait):
        opened(order.public_id, bruno, actor, source)
    assert source.asked == []
    assert AuditEvent.objects.count() == 0


def test_a_page_that_is_being_made_is_told_and_is_there_the_next_time(
    order, bruno, actor, source, monkeypatch
):
    key = key_of(1009)
    facts = {"item_count": 500, "access_key": key}
    make_xml(order, key="xml-9", invoice_number="1009", facts=facts)
    Document.objects.filter(kind="danfe", invoice_number="").update(invoice_number="900")
    update_rendered(order_ids=[order.pk], now=NOW)

    archive = opened(order.public_id, bruno, actor, source)

    assert "DANFE: It is being made. Try again in a moment." in archive.read("README.txt").decode()
    monkeypatch.setattr(rendering_work.drawing, "draw", lambda *_args, **_given: make_pdf())
    [pk] = rendering_work.to_do(is_urgent=True)
    rendering_work.run_rendering(rendering_id=pk, clock=lambda: NOW)
    again = opened(order.public_id, bruno, actor, source)
    assert [name for name in again.namelist() if "gerada-do-XML" in name] != []
