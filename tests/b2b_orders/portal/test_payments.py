"""The payment page: whom, how much, by which line; and never what must not be paid."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from b2b_orders.audit.models import AuditEvent
from b2b_orders.documents.listing import Listing, record_listings
from b2b_orders.documents.models import Document
from b2b_orders.documents.title_payments import title_ref
from b2b_orders.orders.models import SourceRecord, Title
from b2b_orders.portal.views import documents, payments
from erp_bridge.connector import DocumentStream
from erp_bridge.errors import Unreachable
from erp_bridge.records import DocumentKind, DocumentRecord, Party, TitleState
from tests.b2b_orders.documents.files import make_pdf
from tests.b2b_orders.documents.payment_codes import (
    AMOUNT,
    DUE,
    PAYEE,
    PAYEE_TAX_ID,
    make_line,
    make_pix,
    make_slip_line,
)
from tests.b2b_orders.portal.conftest import address
from tests.b2b_orders.portal.pages import parse, texts, words
from tests.factories import NOW

LINE = make_line()
PIX = make_pix()
PDF = make_pdf()
BOLETO = DocumentRecord(
    key="p1",
    kind=DocumentKind.BOLETO,
    title="Boleto 1/1",
    invoice_number="1001",
    invoice_series="1",
    issued_on=date(2026, 3, 1),
    due_on=DUE,
    amount=AMOUNT,
    title_state=TitleState.OPEN,
    typeable_line=LINE,
    instalment="1/1",
    pix=PIX,
    payee=Party(PAYEE, PAYEE_TAX_ID),
)


class FakeSource:
    """Lists and hands out what it is told to."""

    def __init__(self) -> None:
        self.listing: list[DocumentRecord] | Exception = [BOLETO]
        self.changes: list[object] = []

    def listed(self, connection, company_id, external_id, call):
        if isinstance(self.listing, Exception):
            raise self.listing
        return self.listing

    def note_change(self, viewer, order_public_id, now):
        self.changes.append(order_public_id)

    def accepts_branches(self, connection):
        return False

    def open(self, connection, company_id, external_id, document_key, call):
        return nullcontext(DocumentStream(iter((PDF,)), "application/pdf"))


@pytest.fixture
def source(monkeypatch, settings, tmp_path):
    fake = FakeSource()
    monkeypatch.setattr(payments, "ConnectionPayables", lambda: fake)
    monkeypatch.setattr(documents, "ConnectionDocuments", lambda: fake)
    options = settings.STORAGES["documents"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"documents": options}
    return fake


def listed(world, *records: DocumentRecord, at=None) -> Document:
    record = SourceRecord.objects.get(order=world.o1, connection="erp")
    listing = Listing(record.pk, world.o1.company_id, records or (BOLETO,))
    record_listings(listings=[listing], now=at or NOW - timedelta(minutes=105))
    return Document.objects.get(key=listing.documents[0].key)


@pytest.fixture
def boleto(world) -> Document:
    return listed(world)


def page_of(world, document: Document) -> str:
    return f"{address(world.o1)}/documentos/{document.public_id}/pagamento"


def test_the_page_shows_whom_how_much_and_by_what(ana, world, boleto, source):
    response = ana.get(page_of(world, boleto))

    page = words(response)
    assert response.status_code == 200
    assert "Dados para pagamento: Boleto 1/1" in page
    assert "Conferido agora, 10:00: em aberto." in page
    assert texts(response, "//*[@class='name']")[-1] == PAYEE
    assert texts(response, "//*[@class='tax-id']") == ["11.222.333/0001-81"]
    assert "confira antes de pagar" in page
    assert "R$\u00a01.000,00" in response.content.decode()
    assert "20/03/2026" in page
    assert "Pagador" in page
    assert "12.345.678/0001-95" in page
    assert "O PIX paga a FORNECEDOR EXEMPLO LTDA SAO PAULO" in page
    assert "A tela do banco é que vale" in page
    grouped = texts(response, "//*[@data-line]")[0]
    assert re.fullmatch(
        r"\d{5}\.\d{5} \d{5}\.\d{6} \d{5}\.\d{6} \d \d{14}",
        grouped,
    )
    assert re.sub(r"\D", "", grouped) == LINE


def test_the_buttons_copy_bare_digits_and_the_code_as_it_is(ana, world, boleto, source):
    document = parse(ana.get(page_of(world, boleto)))

    copies = document.xpath("//main//button[@data-copy]")
    assert [button.get("data-copy") for button in copies] == [LINE, PIX]
    assert copies[0].get("data-copied") == "Linha digitável copiada: 47 dígitos"
    assert copies[1].get("data-copied") == "Código PIX copiado"
    # The toast is a live region: what it says is read out.
    assert document.xpath("//*[@data-toast]/@aria-live") == ["polite"]


def test_bar_code_and_qr_code_need_no_style_and_no_script(ana, world, boleto, source):
    response = ana.get(page_of(world, boleto))

    document = parse(response)
    assert document.xpath("//main//svg[@role='img']/@aria-label") == [
        "Código de barras",
        "QR code do PIX",
    ]
    assert document.xpath("//main//*[@style] | //main//style | //main//script | //main//img") == []
    assert document.xpath("//svg[@class='itf']/@viewbox") == ["0 0 425 51"]
    policy = response["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert response["Cache-Control"] == "private, no-store"
    assert LINE not in response.request["PATH_INFO"]


def test_a_paid_boleto_says_when_and_nothing_to_pay_with(ana, world, boleto, source):
    source.listing = [replace(BOLETO, title_state=TitleState.PAID, settled_on=date(2026, 3, 9))]

    response = ana.get(page_of(world, boleto))

    body = response.content.decode()
    assert "Pago em 09/03/2026" in words(response)
    assert LINE not in body
    assert PIX not in body
    assert '<svg class="itf"' not in body
    [copy] = parse(response).xpath("//main//a[contains(@href, 'copia=1')]")
    assert copy.text_content() == "Cópia do boleto pago (PDF)"
    assert source.changes == [world.o1.public_id]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title_state": TitleState.CANCELLED}, "Cancelado Não pague."),
        ({"replaced_by": "p2"}, "Substituído por outro boleto Não pague este."),
    ],
)
def test_what_must_not_be_paid_is_not_payable(ana, world, boleto, source, change, said):
    newer = replace(BOLETO, key="p2", typeable_line=make_line(bank="001"))
    listed(world, BOLETO, newer)
    source.listing = [replace(BOLETO, **change), newer]

    response = ana.get(page_of(world, boleto))

    assert said in words(response)
    assert LINE not in response.content.decode()
    links = parse(response).xpath("//main//div[@class='actions no-print']//a/@href")
    new = Document.objects.get(key="p2")
    assert links == ([page_of(world, new)] if "replaced_by" in change else [])


def test_without_an_answer_the_page_says_of_when_it_is(ana, world, boleto, source):
    source.listing = Unreachable("dead", source="erp", operation="documents")

    response = ana.get(page_of(world, boleto))

    assert (
        "Não foi possível conferir no banco agora. Cópia das 08:15: confira valor e beneficiário"
        " antes de pagar."
    ) in words(response)
    assert LINE in response.content.decode()
    assert "Conferir de novo" in words(response)


def test_a_line_with_a_wrong_digit_is_not_shown_as_payable(ana, world, boleto, source):
    wrong = LINE[:10] + str((int(LINE[10]) + 1) % 10) + LINE[11:]
    source.listing = [replace(BOLETO, typeable_line=wrong, pix="")]

    response = ana.get(page_of(world, boleto))

    page = words(response)
    assert "Não pague: os dados deste documento não conferem" in page
    assert "A linha digitável tem dígitos errados e não é mostrada" in page
    assert wrong not in response.content.decode()
    assert "Baixar o PDF" not in page
    assert "data-copy" not in response.content.decode().split("<main", 1)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"amount": Decimal("1021.40"), "pix": ""},
            "Valor atualizado: a linha digitável traz R$ 1.000,00",
        ),
        ({"due_on": date(2026, 3, 25)}, "A linha digitável traz vencimento em 20/03/2026"),
        ({"pix": make_pix(receiver="JOSE LARANJA")}, "O PIX paga a outro nome: JOSE LARANJA"),
        ({"payee": Party("José Laranja", "99901001000174"), "pix": ""}, "O beneficiário mudou"),
    ],
)
def test_what_differs_is_said_in_words(ana, world, boleto, source, change, said):
    source.listing = [replace(BOLETO, **change)]

    assert said in " ".join(ana.get(page_of(world, boleto)).content.decode().split())


def test_hostile_words_of_a_source_stay_words(ana, world, boleto, source):
    hostile = "<script>alert(1)</script>"
    source.listing = [
        replace(
            BOLETO,
            payee=Party(hostile, "'\"><svg onload=alert(1)>"),
            pix=make_pix(receiver="<b onclick=x>ME"),
            instalment=hostile[:20],
        )
    ]

    response = ana.get(page_of(world, boleto))

    document = parse(response)
    assert (
        document.xpath("//main//script | //main//b | //main//*[@onload] | //main//*[@onclick]")
        == []
    )
    assert hostile in document.xpath("//*[@class='name']")[-1].text_content()


def test_a_tax_slip_is_information_and_nothing_to_pay(ana, world, source):
    line = make_slip_line(Decimal("87.40"))
    slip = DocumentRecord(
        key="g1",
        kind=DocumentKind.GNRE,
        invoice_number="1001",
        typeable_line=line,
        amount=Decimal("87.40"),
        title_state=TitleState.OPEN,
    )
    document = listed(world, slip)
    source.listing = [slip]

    response = ana.get(page_of(world, document))

    page = words(response, "//main")
    assert "Quem paga este tributo é o vendedor" in page
    assert "Conferido agora, 10:00." in page
    assert "Pagar" not in page
    assert "A tela do banco" not in page
    assert parse(response).xpath("//main//button/@data-copy") == [line]
    assert parse(response).xpath("//main//svg[@role='img']") == []


def test_without_the_right_or_of_another_company_there_is_no_such_page(
    client_for, cast, teo, world, boleto, source
):
    source.listing = AssertionError("asked")
    path = page_of(world, boleto)

    answers = [
        client_for(cast.beto).get(path),
        client_for(cast.carla).get(path),
        teo.get(f"/c/{cast.alfa.public_id}{path}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert not AuditEvent.objects.filter(action="payment_shown").exists()


def test_log_in_is_asked_for(client, world, boleto, source):
    assert client.get(page_of(world, boleto))["Location"].startswith("/accounts/login/")


# --- the order's page ------------------------------------------------------------------------


def test_the_order_s_page_leads_there_and_shows_no_unchecked_line(ana, world, boleto):
    response = ana.get(address(world.o1))

    document = parse(response)
    row = document.xpath(f"//li[@id='doc-{boleto.public_id}']")[0]
    links = [(a.text_content(), a.get("href")) for a in row.xpath(".//a")]
    assert links == [
        ("Pagar", page_of(world, boleto)),
        ("Baixar", f"{address(world.o1)}/documentos/{boleto.public_id}"),
        ("Ver", f"{address(world.o1)}/documentos/{boleto.public_id}/ver"),
        ("Enviar", f"{address(world.o1)}/documentos/{boleto.public_id}/enviar"),
    ]
    assert row.xpath(".//a/@aria-label")[0] == "Pagar Boleto 1/1 · NF 1001"
    assert LINE not in response.content.decode()


def test_paid_and_replaced_boletos_offer_what_makes_sense(ana, world, boleto):
    Document.objects.filter(pk=boleto.pk).update(title_state="paid")
    paid = ana.get(address(world.o1))
    row = f"//li[@id='doc-{boleto.public_id}']"
    assert texts(paid, f"{row}//a") == ["Cópia (pago)"]

    Document.objects.filter(pk=boleto.pk).update(title_state="open", state="replaced")
    assert texts(ana.get(address(world.o1)), f"{row}//a") == ["Ver o novo"]

    Document.objects.filter(pk=boleto.pk).update(title_state="cancelled", state="available")
    assert texts(ana.get(address(world.o1)), f"{row}//a") == []


def test_amounts_due_lead_to_their_boleto_or_to_a_page_of_their_own(ana, world):
    Title.objects.filter(key="b2").update(settled_on=date(2026, 3, 9))
    Title.objects.create(
        order=world.o1,
        company=world.o1.company,
        key=LINE,
        due_on=DUE,
        amount=AMOUNT,
        state="open",
        typeable_line=LINE,
    )

    document = parse(ana.get(address(world.o1)))

    lines = document.xpath("//*[contains(@class, 'title-line')]")
    said = [" ".join(line.text_content().split()) for line in lines]
    links = [line.xpath(".//a/@href") for line in lines]
    first = Document.objects.get(key="b1")
    assert links[0] == [page_of(world, first)]
    # The second is paid: nothing to pay, and since when.
    assert links[1] == []
    assert "Pago em 09/03/2026" in said[1]
    [own] = links[2]
    assert own.startswith(f"{address(world.o1)}/pagamento?titulo=")
    assert LINE not in own
    page = ana.get(own)
    assert page.status_code == 200
    assert "Confira valor e beneficiário antes de pagar." in words(page)
    assert parse(page).xpath("//main//button/@data-copy") == [LINE]


def test_an_amount_with_a_boleto_is_paid_by_the_boleto_s_page(ana, world, boleto, source):
    title = Title.objects.create(
        order=world.o1,
        company=world.o1.company,
        key=BOLETO.key,
        due_on=DUE,
        amount=AMOUNT,
        state="open",
        typeable_line=LINE,
    )
    response = ana.get(f"{address(world.o1)}/pagamento?titulo={title_ref(title.key)}")

    assert (response.status_code, response["Location"]) == (302, page_of(world, boleto))


# --- downloading ------------------------------------------------------------------------------


def test_a_paid_boleto_s_file_leads_to_the_page_that_says_so(ana, world, boleto, source):
    source.listing = [replace(BOLETO, title_state=TitleState.PAID, settled_on=date(2026, 3, 9))]
    path = f"{address(world.o1)}/documentos/{boleto.public_id}"

    response = ana.get(path)

    assert (response.status_code, response["Location"]) == (302, page_of(world, boleto))
    copy = ana.get(f"{path}?copia=1")
    assert copy.status_code == 200
    assert "copia-de-boleto-pago.pdf" in copy["Content-Disposition"]
    assert b"".join(copy.streaming_content) == PDF


def test_a_copy_that_could_not_be_checked_is_named_as_one(ana, world, boleto, source):
    path = f"{address(world.o1)}/documentos/{boleto.public_id}"
    b"".join(ana.get(path).streaming_content)
    Document.objects.filter(pk=boleto.pk).update(asked_at=None)
    source.listing = Unreachable("dead", source="erp", operation="documents")

    response = ana.get(path)

    assert response.status_code == 200
    assert "2026-03-10-1000" in response["Content-Disposition"]
    assert b"".join(response.streaming_content) == PDF


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_page_speaks_the_person_s_language(ana, world, boleto, source, language):
    ana.post("/idioma", {"language": language, "next": "/"})

    page = words(ana.get(page_of(world, boleto)))

    with translation.override(language):
        assert translation.gettext("Copy the number line") in page
        assert translation.gettext("Payee") in page
