"""Whatever is done with a document leaves a line: what, of which company, by whom, from where."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest

from b2b_orders.audit.models import AuditEvent
from b2b_orders.common import tenancy
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import Role
from b2b_orders.documents.mailing import request_mailing
from b2b_orders.documents.models import Document, Mailing, Pack
from b2b_orders.documents.packing import Choice, open_order_archive
from b2b_orders.documents.packs import request_pack, take_part
from b2b_orders.documents.payables import show_payable
from b2b_orders.documents.services import DocumentUnavailable, open_download
from b2b_orders.documents.sharing import list_shares, open_share, revoke_share, share_document
from b2b_orders.documents.viewing import open_view
from b2b_orders.documents.watching import unwatch, watch
from b2b_orders.ingest import mail_work, packs_work
from erp_bridge.errors import NotFound
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.conftest import as_web, viewer_of
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.documents.payment_codes import make_line, make_pix
from tests.factories import NOW, make_document, make_order

pytestmark = pytest.mark.django_db
PDF = make_pdf()
LINE, PIX = make_line(), make_pix()
STRANGER = Actor(address="198.51.100.7", request_id="d" * 8)


@pytest.fixture
def order(cast):
    return make_order(cast.alfa, establishment=cast.alfa_main)


@pytest.fixture
def me(cast) -> Actor:
    return Actor(person_id=cast.bruno.pk, address="203.0.113.9", request_id="r" * 8)


@pytest.fixture
def walk(cast, order, me, source, monkeypatch):
    """Do everything that can be done with documents, once each; return the link's secret."""
    bruno = viewer_of(cast.alfa, cast.bruno, Role.FINANCE)
    danfe = make_document(order, DocumentKind.DANFE, "danfe", invoice_number="1001")
    gone = make_document(order, DocumentKind.TRANSFER, "gone")
    coming = make_document(order, DocumentKind.SERIALS, "coming", state="expected")
    boleto = make_document(
        order,
        DocumentKind.BOLETO,
        "boleto",
        title_state="open",
        typeable_line=LINE,
        pix=PIX,
    )
    source.files = {"danfe": PDF, "boleto": PDF, "gone": NotFound("gone")}
    monkeypatch.setattr(packs_work, "wake", lambda _pack: None)
    monkeypatch.setattr(mail_work, "send_mail", lambda **_given: None)
    of = {"viewer": bruno, "actor": me, "now": NOW}
    asked = of | {"source": source}
    with as_web(bruno):
        open_download(**asked, public_id=danfe.public_id)
        open_view(**asked, public_id=danfe.public_id)
        with pytest.raises(DocumentUnavailable):
            open_download(**asked, public_id=gone.public_id)
        show_payable(**asked, public_id=boleto.public_id)
        open_download(**asked, public_id=boleto.public_id)
        watch(**of, public_id=coming.public_id)
        unwatch(**of, public_id=coming.public_id)
        secret = share_document(**of, public_id=danfe.public_id, days=7, label="Contador")
        request_mailing(
            **of,
            public_id=danfe.public_id,
            contact=None,
            address="contador@example.com",
            reason="Fechamento do mês",
            language="pt-br",
        )
        pack = request_pack(
            **of, choice=Choice(kinds=("danfe",), order=order.public_id), language="pt-br"
        )
        archive = open_order_archive(
            viewer=bruno,
            actor=me,
            order_public_id=order.public_id,
            source=source,
            clock=lambda: NOW,
        )
    b"".join(archive.stream)
    with tenancy.scope(role=tenancy.WEB):
        assert open_share(secret=secret, actor=STRANGER, source=source, now=NOW) is not None
    mail_work.run_mailing(mailing_id=Mailing.objects.get().pk, clock=lambda: NOW, source=source)
    packs_work.run_pack(pack_id=Pack.objects.get().pk, clock=lambda: NOW, source=source)
    with as_web(bruno):
        part = take_part(**of, public_id=pack.public_id, number=1)
        [link] = list_shares(viewer=bruno, now=NOW)
        revoke_share(**of, public_id=link.public_id)
    with part.open() as file:
        assert zipfile.ZipFile(io.BytesIO(file.read())).testzip() is None
    return secret


def lines(*actions: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action__in=actions).order_by("pk"))


def test_each_way_a_document_goes_leaves_its_line(cast, walk):
    of_key = {str(d.public_id): d.key for d in Document.objects.all()}
    told = {
        (event.action, of_key.get(event.object_id, event.object_kind))
        for event in AuditEvent.objects.all()
    }

    assert told == {
        ("document_downloaded", "danfe"),
        ("document_viewed", "danfe"),
        ("document_refused", "gone"),
        ("payment_shown", "boleto"),
        ("document_downloaded", "boleto"),
        ("document_watched", "coming"),
        ("document_shared", "danfe"),
        ("share_opened", "danfe"),
        ("share_revoked", "danfe"),
        ("document_mailed", "danfe"),
        ("documents_packed", "order"),
        ("documents_packed", "danfe"),
        ("pack_asked", "pack"),
        ("pack_taken", "pack"),
    }


def test_each_line_says_of_which_company_by_whom_and_from_where(cast, walk):
    events = list(AuditEvent.objects.all())

    assert {event.company_id for event in events} == {cast.alfa.pk}
    assert all(event.object_id for event in events)
    by_link = lines("share_opened")
    assert [(e.address, e.person_id) for e in by_link] == [("198.51.100.7", None)]
    assert by_link[0].detail["share"]
    # What a worker takes for somebody has that person, and no address of its own.
    for event in events:
        if event.action != "share_opened":
            assert event.person_id == cast.bruno.pk
            assert event.address == "203.0.113.9" or event.action == "documents_packed"
    assert lines("document_mailed")[0].reason == "Fechamento do mês"
    assert lines("document_mailed")[0].detail["recipient"] == "contador@example.com"


def test_no_line_of_the_record_holds_what_pays_or_opens(walk):
    written = json.dumps(
        [[e.detail, e.reason, e.object_id] for e in AuditEvent.objects.all()], default=str
    )

    assert len(written) > 1000
    assert LINE not in written
    assert PIX[:40] not in written
    assert "br.gov.bcb.pix" not in written.casefold()
    assert walk not in written


def test_the_record_is_of_the_time_it_was_done(walk):
    assert set(AuditEvent.objects.values_list("at", flat=True)) == {NOW}
    assert not AuditEvent.objects.filter(at__gt=NOW + timedelta(seconds=1)).exists()
