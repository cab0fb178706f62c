"""Pages of taking documents: view, ZIP, packs, links, mails."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.core.files.storage import storages
from django.test import Client

from b2b_orders.api.views import documents as api_documents
from b2b_orders.audit.models import AuditEvent
from b2b_orders.companies.models import Membership, Role
from b2b_orders.documents.models import Document, Mailing, Pack, ShareLink
from b2b_orders.ingest import mail_work, packs_work
from b2b_orders.portal.views import documents, shares, taking
from erp_bridge.connector import Call, DocumentStream
from erp_bridge.errors import Unreachable
from erp_bridge.records import DocumentRecord
from tests.b2b_orders.documents.files import make_locked_pdf, make_pdf
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, words
from tests.factories import NOW, as_listed

PDF = make_pdf()


class FakeSource:
    """Hands out these bytes whatever is asked for, or fails."""

    content: bytes = PDF
    error: Exception | None = None

    def accepts_branches(self, _connection: str) -> bool:
        return False

    def listed(
        self, connection: str, company_id: int, external_id: str, call: Call
    ) -> list[DocumentRecord]:
        if self.error:
            raise self.error
        rows = Document.objects.filter(record__external_id=external_id, origin="source")
        return [as_listed(row) for row in rows]

    def note_change(self, viewer: object, order_public_id: object, now: object) -> None:
        pass

    @contextmanager
    def open(
        self, connection: str, company_id: int, external_id: str, document_key: str, call: Call
    ) -> Iterator[DocumentStream]:
        if self.error:
            raise self.error
        yield DocumentStream(chunks=iter((self.content,)), content_type="application/pdf")


@pytest.fixture(autouse=True)
def source(monkeypatch, settings, tmp_path) -> FakeSource:
    fake = FakeSource()
    for module in (api_documents, documents, shares, taking):
        monkeypatch.setattr(module, "ConnectionDocuments", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    for module in (packs_work, mail_work):
        monkeypatch.setattr(module, "wake_aside", lambda _pk: None)
    return fake


def of(order, key: str, what: str = "") -> str:
    return f"{address(order)}/documentos/{Document.objects.get(key=key).public_id}{what}"


def content_of(response) -> bytes:
    return b"".join(response.streaming_content)


def spanish(client: Client) -> Client:
    client.post("/idioma", {"language": "es"})
    return client


# --- view ----------------------------------------------------------------------------------


def test_a_pdf_is_shown_in_a_sandbox_of_its_own(ana, world):
    response = ana.get(of(world.o1, "d1", "/ver"))

    assert response.status_code == 200
    assert b"".join(response.streaming_content) == PDF
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"].startswith("inline; filename=")
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cache-Control"] == "private, no-store"
    assert AuditEvent.objects.get(action__startswith="document").action == "document_viewed"


def test_an_xml_and_a_locked_pdf_are_only_downloaded(ana, world, source):
    source.content = make_locked_pdf()
    locked = ana.get(of(world.o1, "d1", "/ver"))
    xml = ana.get(of(world.o1, "x1", "/ver"))

    assert locked["Location"] == of(world.o1, "d1")
    assert xml["Location"] == of(world.o1, "x1")
    assert not AuditEvent.objects.filter(action="document_viewed").exists()


def test_a_boleto_that_could_not_be_checked_is_not_shown(ana, world, source):
    content_of(ana.get(of(world.o1, "b2")))
    Document.objects.update(fetched_at=NOW - timedelta(hours=1))
    source.error = Unreachable("down")

    response = ana.get(of(world.o1, "b2", "/ver"))

    assert response["Location"] == of(world.o1, "b2")


def test_the_order_page_offers_to_view_to_send_and_to_take_all(ana, world):
    page = parse(ana.get(address(world.o1)))

    [view] = page.xpath(f'//a[@href="{of(world.o1, "d1", "/ver")}"]')
    assert (view.get("target"), view.get("rel")) == ("_blank", "noopener")
    assert page.xpath(f'//a[@href="{of(world.o1, "d1", "/enviar")}"]')
    # An XML is not shown, and what is not there yet can be neither shown nor sent.
    assert not page.xpath(f'//a[@href="{of(world.o1, "x1", "/ver")}"]')
    assert not page.xpath(f'//a[@href="{of(world.o1, "x2", "/enviar")}"]')
    [everything] = page.xpath(f'//a[@href="{address(world.o1)}/documentos/zip"]')
    assert "Baixar tudo (ZIP) · 5 arquivos" in " ".join(everything.text_content().split())


# --- ZIP -----------------------------------------------------------------------------------


def test_all_of_an_order_comes_as_one_zip_file(ana, world):
    response = spanish(ana).get(f"{address(world.o1)}/documentos/zip")

    assert response.streaming
    assert response["Content-Type"] == "application/zip"
    assert 'filename="Pedido-1172452900788-01.zip"' in response["Content-Disposition"]
    assert response["Cache-Control"] == "private, no-store"
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    names = archive.namelist()
    assert "NF-1001-1/DANFE-1001-1.pdf" in names
    assert "LEAME.txt" in names
    assert "Está en emisión." in archive.read("index.csv").decode()
    # Asked for before anything is sent: nothing of it is recorded twice.
    assert AuditEvent.objects.filter(action="documents_packed").count() == 1


def test_too_many_files_to_wait_for_are_offered_as_a_pack(ana, world, settings):
    settings.PORTAL_ZIP_FETCHES = 1

    response = ana.get(f"{address(world.o1)}/documentos/zip", follow=True)

    assert response.redirect_chain[0][0] == f"/documentos?pedido={world.o1.public_id}"
    assert "São arquivos demais para esperar" in words(response)
    assert "6 documentos" in words(response)


# --- packs ---------------------------------------------------------------------------------


def test_the_documents_page_says_how_old_its_data_is(ana, world, erp_down):
    line = words(ana.get("/documentos"), "//*[@id='freshness']")

    assert line == words(ana.get("/pedidos"), "//*[@id='freshness']")
    assert "ERP sem resposta desde" in line


def test_the_month_that_accountants_ask_for_is_counted_at_once(ana, world):
    page = parse(ana.get("/documentos"))

    # It is March.
    assert page.xpath("//select[@name='mes']/option[@selected]/@value") == ["2026-02"]
    assert page.xpath("//select[@name='mes']/option[@selected]/text()") == ["Fevereiro 2026"]
    assert "Não há documentos assim" in page.xpath("//*[@id='count']")[0].text_content()


def test_where_there_is_no_document_at_all_no_other_days_are_asked_for(ana, world):
    Document.objects.all().delete()

    for query in ("", "?mes=2026-03", "?tipo=danfe"):
        counted = parse(ana.get(f"/documentos{query}")).xpath("//*[@id='count']")[0]
        assert counted.text_content().strip() == "Ainda não há documentos."


def test_a_pack_is_counted_asked_for_built_and_taken(ana, world, cast):
    counted = ana.get("/documentos?mes=2026-03&tipo=danfe")
    assert "1 documento" in words(counted)

    asked = ana.post("/documentos/pacotes", {"mes": "2026-03", "tipo": "danfe"}, follow=True)
    pack = Pack.objects.get()
    assert "Na fila" in words(asked)
    assert parse(asked).xpath('//*[@id="downloads"]/@hx-get') == ["/documentos?parte=pacotes"]

    packs_work.run_pack(pack_id=pack.pk, clock=lambda: NOW, source=FakeSource())

    fragment = ana.get("/documentos?parte=pacotes", headers={"HX-Request": "true"})
    assert "Pronto" in words(fragment, "//section")
    assert parse(fragment).xpath("//@hx-get") == []
    taken = ana.get(f"/documentos/pacotes/{pack.public_id}/1")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(taken.streaming_content)))
    assert "1172452900788-01/NF-1001-1/DANFE-1001-1.pdf" in archive.namelist()


def test_a_pack_of_an_order_is_of_that_order(ana, world):
    ana.post("/documentos/pacotes", {"pedido": str(world.o1.public_id)})

    assert Pack.objects.get().total == 6
    assert ana.get(f"/documentos?pedido={world.o5.public_id}").status_code == 404


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("mes=2026-13", "Não foi possível ler estas datas"),
        ("de=nonsense", "Não foi possível ler estas datas"),
        ("de=2026-03-02&ate=2026-03-01", "A data inicial é posterior à final"),
        ("pedido=nonsense", "Não foi possível ler estas datas"),
        ("mes=2020-01", "Não há documentos assim"),
        ("tipo=nonsense%00&q=%00&filial=%00&mes=2026-03", "6 documentos"),
    ],
)
def test_nonsense_is_answered_with_words(ana, world, query, text):
    response = ana.get(f"/documentos?{query}")

    assert response.status_code == 200
    assert text in words(response)


def test_a_pack_that_is_over_says_why(ana, world, cast):
    ana.post("/documentos/pacotes", {"mes": "2026-03"})
    pack = Pack.objects.get()
    packs_work.run_pack(pack_id=pack.pk, clock=lambda: NOW, source=FakeSource())
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)

    response = ana.get(f"/documentos/pacotes/{pack.public_id}/1")

    assert response.status_code == 410
    assert "O que você pode ver mudou" in words(response)


def test_a_pack_is_dropped_by_its_person(ana, world, cast, client_for):
    ana.post("/documentos/pacotes", {"mes": "2026-03"})
    pack = Pack.objects.get()
    drop = f"/documentos/pacotes/{pack.public_id}/apagar"

    assert client_for(cast.rita).post(drop).status_code == 404
    assert ana.post(drop).status_code == 302

    pack.refresh_from_db()
    assert (pack.state, pack.outcome) == ("failed", "cancelled")


def test_somebody_without_finance_cannot_choose_boletos(ana, world, cast):
    Membership.objects.filter(person=cast.ana).update(role=Role.VIEWER)

    page = ana.get("/documentos?tipo=boleto")

    assert parse(page).xpath('//input[@value="boleto"]') == []
    assert "Boleto" not in words(page)


def test_documents_stand_in_the_navigation(ana, teo, world, cast):
    pages = parse(ana.get("/pedidos")).xpath('//nav[starts-with(@class, "nav")]/a/@href')
    assert pages[:2] == ["/pedidos", "/documentos"]
    inside = f"/c/{cast.alfa.public_id}"
    assert f"{inside}/documentos" in parse(teo.get(f"{inside}/pedidos")).xpath("//nav/a/@href")


# --- links ---------------------------------------------------------------------------------


def make_link(client, order, key: str = "d1", **given: str) -> str:
    response = client.post(of(order, key, "/enviar/link"), {"days": "7"} | given)
    assert response.status_code == 200
    [link] = parse(response).xpath('//*[@class="new-link"]/code/text()')
    return "/d/" + link.rpartition("/d/")[2]


def test_a_link_shows_its_page_to_a_stranger_and_counts_only_the_file(ana, client, world):
    link = make_link(ana, world.o1, label="Contadora")

    page = client.get(link)

    assert page.status_code == 200
    text = words(page)
    assert "Alfa Distribuidora" in text
    assert "DANFE · NF 1001/1" in text
    assert "17/03" in text
    assert (page["Referrer-Policy"], page["Cache-Control"]) == ("no-referrer", "private, no-store")
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert ShareLink.objects.get().openings == 0
    [file] = parse(page).xpath('//a[@class="button primary"]/@href')
    taken = client.get(file)
    assert b"".join(taken.streaming_content) == PDF
    assert taken["Content-Disposition"].startswith("attachment")
    assert taken["Referrer-Policy"] == "no-referrer"
    assert ShareLink.objects.get().openings == 1
    assert "Contadora" in words(ana.get("/documentos"))


def test_every_link_that_leads_nowhere_is_the_same_page(ana, client, world):
    links = [make_link(ana, world.o1) for _ in range(3)]
    revoked, hidden, expired = ShareLink.objects.order_by("pk")
    ana.post(f"/documentos/links/{revoked.public_id}/revogar")
    ShareLink.objects.filter(pk=expired.pk).update(expires_at=NOW)
    ShareLink.objects.filter(pk=hidden.pk).update(
        document=Document.objects.get(key="x2"),  # in issue
    )

    def answered(path: str) -> tuple[object, ...]:
        response = client.get(path)
        headers = {
            name: value
            for name, value in response.items()
            if name not in {"X-Request-Id", "Content-Security-Policy"}
        }
        return response.status_code, response.content, headers

    unknown = answered("/d/" + "x" * 32)
    assert unknown[0] == 404
    paths = ["/d", "/d/", "/d/x/y/z", "/d/" + "y" * 5000, "/d/a%00b"]
    paths += [path + ending for path in links for ending in ("", "/arquivo", "/arquivo/..")]
    for path in paths:
        assert answered(path) == unknown, path


def test_the_secret_is_written_into_no_log_and_no_record(ana, client, world, caplog):
    link = make_link(ana, world.o1)
    secret = link.removeprefix("/d/")
    caplog.set_level(logging.DEBUG)

    client.get(link)
    content_of(client.get(f"{link}/arquivo"))
    client.get(f"{link}x")

    assert secret not in caplog.text
    assert secret not in str(list(AuditEvent.objects.values_list("detail", flat=True)))


def test_guessing_is_stopped_for_that_address_alone(ana, client, world):
    link = make_link(ana, world.o1)
    for number in range(30):
        assert client.get(f"/d/{number}").status_code == 404

    assert client.get(link).status_code == 404
    assert client.get(link, REMOTE_ADDR="198.51.100.9").status_code == 200


def test_a_boleto_that_cannot_be_checked_now_is_not_handed_out(ana, client, world, source):
    link = make_link(ana, world.o1, "b2")
    assert b"".join(client.get(f"{link}/arquivo").streaming_content) == PDF
    source.error = Unreachable("down")

    with time_machine.travel(NOW + timedelta(minutes=20), tick=False):
        response = client.get(f"{link}/arquivo")

    assert response.status_code == 424
    assert "Não foi possível verificar agora" in words(response)
    assert ShareLink.objects.get().openings == 1


def test_a_paid_boleto_says_so_and_offers_nothing(ana, client, world):
    link = make_link(ana, world.o1, "b2")
    Document.objects.filter(key="b2").update(title_state="paid")

    page = client.get(link)

    assert "não pague de novo" in words(page)
    assert parse(page).xpath('//a[@class="button primary"]') == []
    assert client.get(f"{link}/arquivo").status_code == 424


def test_support_makes_no_links_and_sees_no_form_for_them(suzana, world, cast):
    suzana.post(
        "/atendimento/atuar",
        {"q": world.o1.title, "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    inside = f"/c/{cast.alfa.public_id}"

    page = suzana.get(inside + of(world.o1, "d1", "/enviar"))
    refused = suzana.post(inside + of(world.o1, "d1", "/enviar/link"), {"days": "7"})

    assert page.status_code == 200
    assert parse(page).xpath('//input[@name="days"]') == []
    assert refused.status_code == 403
    assert not ShareLink.objects.exists()


def test_a_link_for_too_long_is_refused_at_its_field(ana, world):
    response = ana.post(of(world.o1, "d1", "/enviar/link"), {"days": "31", "label": "x"})

    assert response.status_code == 400
    assert "Um link vale de 1 a 30 dias." in words(response)
    assert parse(response).xpath('//input[@name="days"]/@aria-invalid') == ["true"]


def test_the_sending_page_lets_browsers_name_it_when_they_send_its_forms(ana, world):
    response = ana.get(of(world.o1, "d1", "/enviar"))

    # With "no-referrer" they send `Origin: null`, which is refused as forged.
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cache-Control"] == "private, no-store"


# --- mails ---------------------------------------------------------------------------------


def test_a_document_is_mailed_to_a_colleague_and_its_fate_shown(ana, world, cast):
    page = ana.get(of(world.o1, "d1", "/enviar"))
    assert str(cast.rita.public_id) in parse(page).xpath("//option/@value")
    assert str(cast.beto.public_id) not in parse(page).xpath("//option/@value")

    sent = ana.post(
        of(world.o1, "d1", "/enviar/email"), {"contact": str(cast.rita.public_id)}, follow=True
    )
    assert "rita@example.com" in words(sent)
    assert "Enviando" in words(sent)
    mailing = Mailing.objects.get()
    mail_work.run_mailing(mailing_id=mailing.pk, clock=lambda: NOW, source=FakeSource())

    assert "Enviado" in words(ana.get(of(world.o1, "d1", "/enviar")))


def test_support_sends_to_a_new_address_with_a_reason(suzana, world, cast):
    suzana.post(
        "/atendimento/atuar",
        {"q": world.o1.title, "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    mail_url = f"/c/{cast.alfa.public_id}" + of(world.o1, "b2", "/enviar/email")

    refused = suzana.post(mail_url, {"address": "caller@example.com"})
    accepted = suzana.post(mail_url, {"address": "caller@example.com", "reason": "asked me to"})

    assert refused.status_code == 400
    assert parse(refused).xpath('//input[@name="reason"]/@aria-invalid') == ["true"]
    assert parse(refused).xpath('//input[@name="address"]/@value') == ["caller@example.com"]
    assert accepted.status_code == 302
    mailing = Mailing.objects.get()
    assert (mailing.is_known, mailing.staff_role, mailing.reason) == (
        False,
        "support",
        "asked me to",
    )
    assert "novo endereço" in words(suzana.get(accepted["Location"]))


def test_nonsense_instead_of_a_contact_is_nobody(ana, world):
    response = ana.post(of(world.o1, "d1", "/enviar/email"), {"contact": "nonsense"})

    assert response.status_code == 400
    assert not Mailing.objects.exists()


# --- API -----------------------------------------------------------------------------------


def test_the_api_hands_out_the_same_file(ana, world, source):
    path = "/api/v1" + of(world.o1, "d1").replace("/pedidos/", "/orders/").replace(
        "documentos", "documents"
    )

    response = ana.get(path, headers={"Accept": "application/pdf"})

    assert response.status_code == 200
    assert b"".join(response.streaming_content) == PDF
    assert response["X-Document-Checked"] == "yes"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    line = AuditEvent.objects.get(action="document_downloaded")
    assert line.detail["how"] == "api"
    Document.objects.update(file=None)
    storages["documents"].delete(f"{line.detail['sha256'][:2]}/{line.detail['sha256']}")
    source.error = Unreachable("down")

    failed = ana.get(path)

    assert (failed.status_code, failed.json()["code"]) == (424, "document-unavailable")


def test_a_zip_file_that_is_read_slowly_holds_nothing_after_its_reader_was_removed(
    ana, cast, world, source
):
    stream = iter(ana.get(f"{address(world.o1)}/documentos/zip").streaming_content)
    begun = next(stream)

    Membership.objects.filter(person=cast.ana).update(is_active=False)
    whole = begun + b"".join(stream)

    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        files = [name for name in archive.namelist() if name.endswith((".pdf", ".xml"))]
    assert files == []
    assert not AuditEvent.objects.filter(action="document_downloaded").exists()
