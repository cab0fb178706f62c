"""Handing out a file: whose, from where, as issued, and what is noted of it."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.db import connection

from b2b_orders.audit.models import AuditEvent, Incident
from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.models import Role
from b2b_orders.documents.models import Document, State, StoredFile
from b2b_orders.documents.services import DocumentUnavailable, Download, open_download
from b2b_orders.orders.models import Invoice
from erp_bridge.connector import Call, Purpose
from erp_bridge.errors import (
    ContractViolation,
    CredentialsRejected,
    NotFound,
    Refused,
    SourceFailing,
    Unreachable,
    WrongOwner,
)
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import FakeSource, as_web, viewer_of
from tests.b2b_orders.documents.files import HTML, make_key, make_nfe, make_pdf
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db

PDF = make_pdf()
LATER = NOW + timedelta(minutes=16)


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


def take(
    document: Document, viewer, actor, source: FakeSource, now=NOW, *, as_copy=False
) -> Download:
    with as_web(viewer):
        return open_download(
            viewer=viewer,
            actor=actor,
            public_id=document.public_id,
            source=source,
            now=now,
            as_copy=as_copy,
        )


def refused(document: Document, viewer, actor, source: FakeSource, now=NOW) -> DocumentUnavailable:
    # Handled inside the scope, as a view does: what was noted is kept.
    with as_web(viewer):
        with pytest.raises(DocumentUnavailable) as caught:
            open_download(
                viewer=viewer, actor=actor, public_id=document.public_id, source=source, now=now
            )
        return caught.value


def content_of(download: Download) -> bytes:
    with download.open() as file:
        return file.read()


# --- as issued ---------------------------------------------------------------------------


def test_an_xml_is_handed_out_byte_for_byte_under_its_key(order, bruno, actor, source):
    document = make_document(order, DocumentKind.NFE_XML, "xml", title="XML", invoice_number="1001")
    source.files["xml"] = make_nfe() + b"\n \n"

    download = take(document, bruno, actor, source)

    assert content_of(download) == source.files["xml"]
    assert (download.filename, download.content_type) == (
        f"NFe-{make_key()}.xml",
        "application/xml",
    )
    assert download.size == len(source.files["xml"])
    assert download.sha256 == hashlib.sha256(source.files["xml"]).hexdigest()
    assert download.is_checked is True
    record = order.records.get()
    assert source.asked == [("erp", bruno.company_id, record.external_id, "xml")]
    document.refresh_from_db()
    assert (document.state, document.fetched_at, document.access_key) == (
        State.AVAILABLE,
        NOW,
        make_key(),
    )


def test_each_download_leaves_a_line(order, bruno, actor, source):
    document = make_document(order, invoice_number="1001", invoice_series="1")
    source.files["danfe-1"] = PDF

    for _ in range(2):
        take(document, bruno, actor, source)

    lines = AuditEvent.objects.order_by("pk")
    assert [line.action for line in lines] == ["document_downloaded"] * 2
    line = lines[0]
    assert (line.person_id, line.company_id, line.at, str(line.address)) == (
        bruno.person_id,
        bruno.company_id,
        NOW,
        "203.0.113.9",
    )
    assert (line.object_kind, line.object_id) == ("document", str(document.public_id))
    assert line.detail == {
        "kind": "danfe",
        "order": str(order.public_id),
        "filename": "DANFE-1001-1.pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "size": len(PDF),
    }


def test_what_is_held_is_not_asked_for_again(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"] = PDF

    take(document, bruno, actor, source)
    source.files["danfe-1"] = Unreachable("dead")
    again = take(document, bruno, actor, source, NOW + timedelta(days=400))

    assert content_of(again) == PDF
    assert len(source.asked) == 1
    assert again.fetched_at == NOW


def test_the_same_bytes_are_kept_once(order, bruno, actor, source):
    first = make_document(order, key="a")
    second = make_document(order, DocumentKind.OTHER, key="b")
    source.files = {"a": PDF, "b": PDF}

    take(first, bruno, actor, source)
    take(second, bruno, actor, source)

    assert StoredFile.objects.count() == 1


def test_bytes_that_were_lost_or_cut_in_the_store_are_fetched_again(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"] = PDF
    sha256 = take(document, bruno, actor, source).sha256
    name = f"{sha256[:2]}/{sha256}"

    with storages["documents"].open(name, "wb") as file:
        file.write(PDF[:10])
    assert content_of(take(document, bruno, actor, source)) == PDF
    storages["documents"].delete(name)
    assert content_of(take(document, bruno, actor, source)) == PDF
    assert len(source.asked) == 3


# --- whose --------------------------------------------------------------------------------


def test_nobody_takes_what_is_not_theirs(cast, order, actor, source):
    document = make_document(order)
    boleto = make_document(order, DocumentKind.BOLETO, "boleto")
    source.files = {"danfe-1": PDF, "boleto": PDF}
    strangers = [
        (viewer_of(cast.beta, cast.beto), document.public_id),
        (viewer_of(cast.alfa, cast.ana, rights=frozenset()), document.public_id),
        (viewer_of(cast.alfa, cast.ana, Role.VIEWER), boleto.public_id),
        (
            viewer_of(cast.alfa, cast.carla, establishment_ids=frozenset({cast.alfa_branch.pk})),
            document.public_id,
        ),
        (
            viewer_of(cast.alfa, cast.carla, establishment_ids=frozenset()),
            document.public_id,
        ),
        (viewer_of(cast.alfa, cast.ana), uuid.uuid4()),
    ]

    for viewer, public_id in strangers:
        with as_web(viewer), pytest.raises(NotVisible):
            open_download(viewer=viewer, actor=actor, public_id=public_id, source=source, now=NOW)
    assert (source.asked, StoredFile.objects.count(), AuditEvent.objects.count()) == ([], 0, 0)


def test_a_viewer_without_finance_takes_the_danfe(cast, order, actor, source):
    source.files["danfe-1"] = PDF

    download = take(
        make_document(order), viewer_of(cast.alfa, cast.ana, Role.VIEWER), actor, source
    )

    assert content_of(download) == PDF


def test_another_companys_note_is_refused_and_operations_hear_of_it(order, bruno, actor, source):
    document = make_document(order, DocumentKind.NFE_XML, "xml")
    source.files["xml"] = make_nfe(recipient="99902002000133")

    error = refused(document, bruno, actor, source)

    assert (error.reason, error.is_damaged) == ("document-of-another-company", True)
    assert [(i.code, i.connection, i.object_id) for i in Incident.objects.all()] == [
        ("document-of-another-company", "erp", str(document.public_id))
    ]
    assert StoredFile.objects.count() == 0
    assert AuditEvent.objects.get().action == "document_refused"


def test_a_note_of_another_order_is_refused(order, bruno, actor, source):
    document = make_document(order, DocumentKind.NFE_XML, "xml")
    Invoice.objects.create(
        order=order, company=order.company, number="1002", series="1", access_key=make_key(1002)
    )
    source.files["xml"] = make_nfe()

    assert refused(document, bruno, actor, source).reason == "document-of-another-order"


def test_a_file_that_came_as_base64_is_kept_and_handed_out_decoded(order, bruno, actor, source):
    document = make_document(order, DocumentKind.BOLETO, "boleto")
    source.files["boleto"] = base64.b64encode(PDF)

    download = take(document, bruno, actor, source)

    assert content_of(download) == PDF
    assert (download.content_type, download.size) == ("application/pdf", len(PDF))
    assert download.sha256 == hashlib.sha256(PDF).hexdigest()


# --- what is not a document ---------------------------------------------------------------


def test_a_page_instead_of_a_pdf_is_damaged_and_can_be_tried_again(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"] = HTML

    error = refused(document, bruno, actor, source)

    assert (error.reason, error.is_damaged) == ("html-instead-of-pdf", True)
    document.refresh_from_db()
    assert (document.state, document.reason, document.state_since) == (
        State.DAMAGED,
        "html-instead-of-pdf",
        NOW,
    )
    incident = Incident.objects.get()
    assert (incident.code, incident.company_id) == ("html-instead-of-pdf", bruno.company_id)
    assert incident.detail["found"] == "html"

    source.files["danfe-1"] = PDF
    assert content_of(take(document, bruno, actor, source, LATER)) == PDF
    document.refresh_from_db()
    assert (document.state, document.reason, document.state_since) == (State.AVAILABLE, "", LATER)


def test_trying_again_and_again_is_one_incident(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"] = HTML

    for _ in range(3):
        refused(document, bruno, actor, source)

    assert Incident.objects.count() == 1
    assert len(source.asked) == 3


def test_a_page_in_place_of_a_boleto_does_not_replace_the_one_we_hold(order, bruno, actor, source):
    document = make_document(order, DocumentKind.BOLETO, "boleto")
    source.files["boleto"] = PDF
    take(document, bruno, actor, source)

    source.files["boleto"] = HTML
    download = take(document, bruno, actor, source, LATER)

    assert (content_of(download), download.is_checked, download.fetched_at) == (PDF, False, NOW)
    document.refresh_from_db()
    assert document.state == State.AVAILABLE
    assert Incident.objects.get().code == "html-instead-of-pdf"


def test_a_file_beyond_the_limit_is_not_taken_in(order, bruno, actor, source, settings):
    settings.PORTAL_DOCUMENT_MAX_BYTES = len(PDF) - 1
    document = make_document(order)
    source.files["danfe-1"] = PDF

    error = refused(document, bruno, actor, source)

    assert (error.reason, error.state) == ("refused", State.FAILED)
    assert Incident.objects.get().code == "document-refused"
    assert StoredFile.objects.count() == 0


def test_a_file_that_breaks_off_is_not_kept(order, bruno, actor, source):
    document = make_document(order)
    source.files["danfe-1"], source.announced = PDF, len(PDF) + 1

    assert refused(document, bruno, actor, source).reason == "unreachable"
    assert StoredFile.objects.count() == 0


# --- a source in trouble ------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("dead"),
        SourceFailing("500"),
        CredentialsRejected("401"),
        ContractViolation("html"),
    ],
)
def test_a_source_in_trouble_says_nothing_of_the_document(order, bruno, actor, source, error):
    document = make_document(order)
    source.files["danfe-1"] = error

    assert refused(document, bruno, actor, source).reason == error.code
    document.refresh_from_db()
    assert (document.state, document.reason) == (State.AVAILABLE, "")
    assert Incident.objects.count() == 0
    assert AuditEvent.objects.get().detail["problem"] == error.code


@pytest.mark.parametrize(
    ("error", "incidents"), [(NotFound("x"), 0), (Refused("x"), 1), (WrongOwner("x"), 1)]
)
def test_a_file_that_the_source_does_not_have_has_failed(
    order, bruno, actor, source, error, incidents
):
    document = make_document(order)
    source.files["danfe-1"] = error

    assert refused(document, bruno, actor, source).state == State.FAILED
    assert Incident.objects.count() == incidents


def test_documents_stored_earlier_download_while_the_erp_is_dead(order, bruno, actor, source):
    danfe = make_document(order)
    boleto = make_document(order, DocumentKind.BOLETO, "boleto")
    source.files = {"danfe-1": PDF, "boleto": PDF}
    take(danfe, bruno, actor, source)
    take(boleto, bruno, actor, source)

    source.files = dict.fromkeys(source.files, Unreachable("dead"))

    assert content_of(take(danfe, bruno, actor, source, LATER)) == PDF
    old = take(boleto, bruno, actor, source, LATER)
    assert (content_of(old), old.is_checked, old.fetched_at) == (PDF, False, NOW)


# --- papers to pay ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DocumentKind.BOLETO, DocumentKind.GNRE, DocumentKind.GARE])
def test_a_paper_to_pay_is_asked_for_again_after_a_while(order, bruno, actor, source, kind):
    document = make_document(order, kind, "paper")
    source.files["paper"] = PDF
    take(document, bruno, actor, source)
    take(document, bruno, actor, source, NOW + timedelta(minutes=15))
    assert len(source.asked) == 1

    source.files["paper"] = newer = make_pdf("Boleto atualizado")
    download = take(document, bruno, actor, source, LATER)

    assert (content_of(download), download.is_checked, download.fetched_at) == (newer, True, LATER)
    assert source.seconds[0] > 20
    assert source.seconds[1] <= 4


def test_the_copy_of_a_paid_boleto_is_not_asked_for_again(order, bruno, actor, source):
    document = make_document(order, DocumentKind.BOLETO, "b", title_state="paid")
    source.files["b"] = PDF

    first = take(document, bruno, actor, source, as_copy=True)
    take(document, bruno, actor, source, LATER, as_copy=True)

    assert first.is_copy is True
    assert (len(source.asked), len(source.asked_for_lists)) == (1, 0)


def test_a_boleto_that_is_gone_at_the_source_is_not_handed_out(order, bruno, actor, source):
    document = make_document(order, DocumentKind.BOLETO, "b")
    source.files["b"] = PDF
    take(document, bruno, actor, source)

    source.files["b"] = NotFound("replaced")

    assert refused(document, bruno, actor, source, LATER).reason == "not-found"


@pytest.mark.parametrize("state", [State.EXPECTED, State.NOT_APPLICABLE])
def test_what_does_not_exist_yet_is_not_asked_for(order, bruno, actor, source, state):
    document = make_document(order, state=state)

    assert refused(document, bruno, actor, source).reason == state
    assert source.asked == []


# --- at the same time ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_make_one_call(cast, bruno, actor):
    document = make_document(make_order(cast.alfa, establishment=cast.alfa_main))
    entered, let_go = threading.Event(), threading.Event()

    def opening() -> None:
        entered.set()
        assert let_go.wait(10)

    source = FakeSource({"danfe-1": PDF}, opening=opening)
    downloads: list[Download] = []

    def run() -> None:
        try:
            downloads.append(take(document, bruno, actor, source))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    threads[0].start()
    assert entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    let_go.set()
    for thread in threads:
        thread.join(20)

    assert [content_of(download) for download in downloads] == [PDF] * 3
    assert len(source.asked) == 1


@pytest.mark.django_db(transaction=True)
def test_who_waits_too_long_for_another_is_told_so(cast, bruno, actor, settings):
    settings.PORTAL_DOCUMENT_SECONDS = 0.3
    document = make_document(make_order(cast.alfa, establishment=cast.alfa_main))
    entered, let_go = threading.Event(), threading.Event()

    def opening() -> None:
        entered.set()
        let_go.wait(10)

    source = FakeSource({"danfe-1": PDF}, opening=opening)

    def run() -> None:
        try:
            take(document, bruno, actor, source)
        finally:
            connection.close()

    first = threading.Thread(target=run)
    first.start()
    assert entered.wait(10)
    try:
        assert refused(document, bruno, actor, source).reason == "busy"
    finally:
        let_go.set()
        first.join(10)
    assert len(source.asked) == 1


def test_a_person_waits_so_the_call_says_so(order, bruno, actor):
    calls: list[Call] = []

    class Noting(FakeSource):
        def open(self, connection, company_id, external_id, document_key, call):
            calls.append(call)
            return super().open(connection, company_id, external_id, document_key, call)

    take(make_document(order), bruno, actor, Noting({"danfe-1": PDF}))

    assert [call.purpose for call in calls] == [Purpose.INTERACTIVE]
