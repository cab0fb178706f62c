"""A page that we make of an XML: on the order's page, while it is made, and when it cannot be."""

from __future__ import annotations

import pytest

from b2b_orders.audit.models import AuditEvent
from b2b_orders.documents.models import Document, JobState, Origin, Rendering
from b2b_orders.documents.rendering import update_rendered
from b2b_orders.documents.storage import is_held
from b2b_orders.ingest import rendering_work
from b2b_orders.ingest.rendering_work import run_rendering, to_do
from b2b_orders.portal.views import making
from erp_bridge.records import DocumentKind
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.documents.test_rendering import hold
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW, make_document
from tests.fiscal.nfe import build_nfe, key_of

KEY = key_of(2001)
XML = build_nfe(2001)
PAGE = make_pdf("DANFE")


@pytest.fixture
def woken(monkeypatch) -> list[str]:
    """Collect wakings instead of a broker."""
    calls: list[str] = []
    monkeypatch.setattr(making, "wake_workers", lambda: calls.append("woken"))
    return calls


@pytest.fixture
def danfe(world, settings, tmp_path, monkeypatch) -> Document:
    """A DANFE of a long note: nothing of it is made before somebody asks."""
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    monkeypatch.setattr(rendering_work.drawing, "draw", lambda *_args, **_kwargs: PAGE)
    make_document(
        world.o1,
        DocumentKind.NFE_XML,
        "xml-2001",
        invoice_number="2001",
        invoice_series="1",
        access_key=KEY,
        verdict="warn",
        findings=["homologation", "no_protocol", "unheard_of"],
        signature="valid",
        checked_at=NOW,
        checked_for=world.o1.company_id,
        file=hold(XML),
        facts={"root": "nfeProc", "item_count": 300},
    )
    update_rendered(order_ids=[world.o1.pk], now=NOW)
    return Document.objects.get(origin=Origin.RENDERED)


def file_address(order, document) -> str:
    return f"{address(order)}/documentos/{document.public_id}"


def make_it(now=NOW) -> None:
    for pk in to_do(is_urgent=True):
        run_rendering(rendering_id=pk, clock=lambda: now)


def row_of(client, order, document) -> str:
    (text,) = texts(client.get(address(order)), f"//li[@id='doc-{document.public_id}']")
    return text


def test_the_orders_page_says_who_made_it_and_what_was_found_in_the_xml(ana, world, danfe):
    assert "DANFE gerada por nós a partir do XML" in row_of(ana, world.o1, danfe)

    said = row_of(ana, world.o1, danfe.made_from)

    assert "Assinatura conferida" in said
    assert "Emitida em ambiente de teste (homologação): sem valor fiscal." in said
    assert "Sem o protocolo da SEFAZ" in said
    assert "unheard_of" not in said
    # Not looked into yet: nothing is claimed.
    unread = Document.objects.get(key="x1")
    assert "Assinatura" not in row_of(ana, world.o1, unread)


@pytest.mark.parametrize(
    ("language", "made", "signed"),
    [
        ("pt-br", "DANFE gerada por nós a partir do XML", "Assinatura conferida"),
        ("es", "DANFE generada por nosotros a partir del XML", "Firma verificada"),
        ("en", "DANFE made by us from the XML", "Signature checked"),
    ],
)
def test_the_words_are_there_in_three_languages(ana, world, danfe, language, made, signed):
    page = ana.get(address(world.o1), headers={"Accept-Language": language})

    assert made in words(page)
    assert signed in words(page)


def test_a_first_click_waits_on_a_page_and_the_file_follows(ana, world, danfe, woken):
    where = file_address(world.o1, danfe)

    waiting = ana.get(where)

    assert (waiting.status_code, waiting["Retry-After"]) == (202, "2")
    assert "Gerando: DANFE · NF 2001" in words(waiting)
    (box,) = parse(waiting).xpath("//*[@id='making']")
    assert (box.get("hx-get"), box.get("hx-trigger")) == (f"{where}/preparo", "every 1s")
    # Without JavaScript it looks again by itself, and there is a link.
    assert f'<noscript><meta http-equiv="refresh" content="2; url={where}/preparo">' in (
        waiting.content.decode()
    )
    assert parse(waiting).xpath(f"//noscript//a[@href='{where}/preparo']")
    assert woken == ["woken"]
    assert AuditEvent.objects.filter(object_kind="document").count() == 0

    make_it()
    ready = ana.get(f"{where}/preparo")
    assert ready.status_code == 200
    (refresh,) = parse(ready).xpath("//meta[@http-equiv='refresh']/@content")
    assert refresh == f"0; url={where}"
    assert parse(ready).xpath(f"//*[@id='making']//a[@href='{where}']")

    taken = ana.get(where)
    assert b"".join(taken.streaming_content) == PAGE
    assert 'filename="DANFE-2001-1-gerada-do-XML.pdf"' in taken["Content-Disposition"]
    assert AuditEvent.objects.filter(action="document_downloaded").count() == 1


def test_the_waiting_box_asks_again_until_it_is_ready(ana, world, danfe, woken):
    where = file_address(world.o1, danfe)
    ana.get(where)
    poll = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{where}"}

    still = ana.get(f"{where}/preparo", headers=poll)
    assert still.status_code == 200
    assert parse(still).xpath("//*[@id='making']/@hx-trigger") == ["every 1s"]
    assert "<html" not in still.content.decode()

    make_it()
    ready = ana.get(f"{where}/preparo", headers=poll)
    assert ready["HX-Redirect"] == f"{where}/preparo"
    # Asking does not wake anybody; only clicks do.
    assert woken == ["woken"]


def test_a_page_that_cannot_be_made_says_why_and_offers_the_xml(ana, world, danfe):
    where = file_address(world.o1, danfe)
    ana.get(where)
    Rendering.objects.update(state=JobState.FAILED, reason="render-layout")

    failed = ana.get(where)

    assert failed.status_code == 424
    said = words(failed)
    assert "Não foi possível gerar: DANFE · NF 2001" in said
    assert "O XML segue um leiaute que não conseguimos imprimir" in said
    xml = file_address(world.o1, danfe.made_from)
    assert parse(failed).xpath("//*[@id='making']//a/@href")[0] == xml
    assert not parse(failed).xpath("//*[@id='making']/@hx-trigger")
    assert AuditEvent.objects.get(object_kind="document").action == "document_refused"

    update_rendered(order_ids=[world.o1.pk], now=NOW)
    row = row_of(ana, world.o1, danfe)
    assert "Falhou" in row
    assert "O XML segue um leiaute" in row
    assert "Tentar de novo" not in row


def test_a_file_that_a_source_listed_has_no_page_of_waiting(ana, world, danfe):
    listed = file_address(world.o1, danfe.made_from)

    assert ana.get(f"{listed}/preparo").status_code == 404


def test_staff_who_look_at_a_company_wait_at_its_address(suzana, cast, world, danfe, woken):
    start = suzana.post(
        "/atendimento/atuar",
        {"q": "1172452900788-01", "order": str(world.o1.public_id), "reason": "call 4711"},
    )
    assert start.status_code == 302
    prefix = f"/c/{cast.alfa.public_id}"
    where = prefix + file_address(world.o1, danfe)

    waiting = suzana.get(where)

    assert waiting.status_code == 202
    assert parse(waiting).xpath("//*[@id='making']/@hx-get") == [f"{where}/preparo"]


def test_the_api_gives_the_address_and_says_that_it_is_ours(ana, world, danfe):
    body = ana.get(f"/api/v1/orders/{world.o1.public_id}").json()

    (ours,) = [d for d in body["documents"] if d["id"] == str(danfe.public_id)]

    assert (ours["kind"], ours["origin"], ours["state"]) == ("danfe", "rendered", "available")
    assert ours["download_url"].endswith(f"/documentos/{danfe.public_id}")
    assert {d["origin"] for d in body["documents"] if d is not ours} == {"source"}


def test_what_is_made_is_kept(ana, world, danfe):
    ana.get(file_address(world.o1, danfe))
    make_it()

    assert is_held(Rendering.objects.get().file)
