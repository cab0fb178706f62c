"""Documents of an order: B15, B16, B21, B22, A06, and orders whose documents are special."""

from __future__ import annotations

import io
import re
import time
import zipfile
from datetime import date, timedelta

import pypdf
import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import (
    ALFA_CUSTOMER_ID,
    BOLETOS,
    DAMAGED,
    FOREIGN,
    O1,
    PAPERLESS,
    REVOKED,
    STRANGER,
)
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import DAY, MONEY, api_order, say, search
from tests.journeys.test_ingestion import _look_up, _read_again


def _documents(page, number, kind):
    return [each for each in api_order(page, number)["documents"] if each["kind"] == kind]


def _danfe_of_the_erp(page):
    danfes = _documents(page, DAMAGED.web_number, "danfe")
    return next(each for each in danfes if each["origin"] == "source")


def _pdf_text(body):
    return " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages)


def _await(page, number, ready):
    """Wait until an order's documents are as workers will have made them."""
    documents = []
    for _ in range(120):
        documents = api_order(page, number)["documents"]
        if ready(documents):
            return documents
        time.sleep(0.5)
    pytest.fail(f"the documents of {number} stay {documents}")


def reload_until(page, what, text, *, seconds=90):
    """Open the page again until something on it says what workers do meanwhile."""
    over = time.monotonic() + seconds
    while time.monotonic() < over and not text.search(what.inner_text()):
        page.wait_for_timeout(500)
        page.reload()
    expect(what).to_have_text(text)


@pytest.mark.usefixtures("any_language")
def test_b15_documents_stand_under_their_invoice_with_state_in_words(page_of):
    page = page_of("ana")
    search(page, O1.web_number)

    first = page.locator("#documents section.invoice", has_text="1001/1")
    second = page.locator("#documents section.invoice", has_text="1002/1")
    expect(first).to_have_count(1)
    expect(second).to_have_count(1)
    for group, instalments in ((first, ["1/3", "2/3"]), (second, ["3/3"])):
        boletos = group.locator("li", has_text=say("Boleto"))
        expect(boletos).to_have_count(len(instalments))
        for at, instalment in enumerate(instalments):
            expect(boletos.nth(at)).to_contain_text(instalment)
        expect(group.locator("li", has_text="DANFE").first).to_contain_text(say("Available"))
    states = {"1/3": say("Paid"), "2/3": say("Overdue"), "3/3": say("Not yet due")}
    for instalment, state in states.items():
        row = page.locator("#documents li", has_text=f"{say('Boleto')} {instalment}")
        expect(row.locator(".chip")).to_have_text(state)
        expect(row).to_contain_text(MONEY)
        expect(row).to_contain_text(DAY)
    xml = first.locator("li", has_text=say("NF-e XML"))
    # A worker fetches it without anybody asking, the youngest order's first.
    reload_until(page, xml.locator(".meta"), re.compile(rf"^XML · \d+\skB · {DAY.pattern}$"))
    # Never by colour alone: each state has an icon and a word.
    chips = page.locator("#documents li .chip")
    assert all(text.strip() for text in chips.all_inner_texts())
    assert chips.locator("svg use").count() == chips.count()


@pytest.mark.usefixtures("any_language")
def test_b16_the_xml_arrives_byte_for_byte_with_its_name_and_is_on_record(page_of, product):
    page = page_of("bruno")
    order = api_order(page, O1.web_number)
    xml = next(d for d in order["documents"] if d["kind"] == "nfe_xml")
    search(page, O1.web_number)

    row = page.locator(f"#doc-{xml['id']}")
    with page.expect_download() as download:
        row.get_by_role("link", name=say("Download")).click()
    body = download.value.path().read_bytes()
    key = next(i["access_key"] for i in order["invoices"] if i["number"] == xml["invoice_number"])
    assert download.value.suggested_filename == f"NFe-{key}.xml"
    assert body == product.files_of_the_erp(O1.erp_number, ALFA_CUSTOMER_ID)["nfe-1001-1.xml"]

    answer = page.request.get(xml["download_url"])
    assert answer.body() == body
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["content-disposition"] == f'attachment; filename="NFe-{key}.xml"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"

    *_, line = product.audit_lines("document_downloaded", xml["id"])
    assert (line["person"], line["detail"]["filename"]) == ("bruno@alfa.example", f"NFe-{key}.xml")
    assert line["address"].startswith("127.0.0.1")
    assert (line["at"].timestamp() - time.time()) > -60


@pytest.mark.usefixtures("any_language")
def test_b16_a_pdf_is_shown_in_a_page_of_its_own_that_can_do_nothing(page_of, product):
    page = page_of("bruno")
    danfe = _documents(page, O1.web_number, "danfe")[0]
    search(page, O1.web_number)
    view = page.locator(f"#doc-{danfe['id']}").get_by_role("link", name=say("View"))

    answer = page.request.get(view.get_attribute("href"))

    assert view.get_attribute("target") == "_blank"
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.body() == page.request.get(danfe["download_url"]).body()
    assert product.audit_lines("document_viewed", danfe["id"]) != []


def test_b21_a_pending_document_says_since_when_and_comes_with_a_mail(page_of, product):
    number, invoice = f"0005{time.time_ns() // 1000 % 10**6:06d}", time.time_ns() // 1000 % 10**6
    issued = date.today() - timedelta(days=2)  # noqa: DTZ011 the simulated world's days
    product.change_order(number, company="alfa", status=4, invoice=invoice, invoiced_on=str(issued))
    product.withhold(number, f"nfe-{invoice}-1.xml")
    page = page_of("bruno")
    _look_up(page, number)
    row = page.locator("#documents li", has_text="XML da NF-e")
    expect(row.locator(".chip")).to_have_text("Em emissão")
    expect(row).to_contain_text(
        re.compile(r"Em emissão desde \d\d:\d\d\. Verificamos a cada 10 minutos\.")
    )
    # No dead link: the only one asks support about it.
    expect(row.get_by_role("link")).to_have_text(["Perguntar"])
    expect(page.locator("#documents li", has_text="DANFE").first).to_contain_text("Disponível")

    with page.expect_navigation():
        row.get_by_role("button", name="Avise-me").click()
    expect(row).to_contain_text("Avisaremos por e-mail quando estiver disponível.")
    expect(row.get_by_role("button")).to_have_text("Não me avise")
    assert not [mail for mail in product.mails("bruno@") if str(invoice) in str(mail["subject"])]

    product.publish(number, f"nfe-{invoice}-1.xml")
    _read_again(page, number)
    expect(row.locator(".chip")).to_have_text("Disponível")
    mail = product.await_mail("bruno@alfa.example", f"NF {invoice}: já disponível")
    link = re.search(r"https?://\S+", text_of(mail)).group()
    page.goto(link)
    expect(page.locator("h1")).to_contain_text(number)
    with page.expect_download() as download:
        page.locator("#documents li", has_text="XML da NF-e").get_by_role(
            "link", name="Baixar"
        ).click()
    files = product.files_of_the_erp(number, ALFA_CUSTOMER_ID)
    assert download.value.path().read_bytes() == files[f"nfe-{invoice}-1.xml"]


def test_b22_a_damaged_file_is_explained_can_be_tried_again_and_reaches_operations(
    page_of, product
):
    page = page_of("bruno")
    order = api_order(page, DAMAGED.web_number)
    danfe = _danfe_of_the_erp(page)
    address = f"/pedidos/{order['id']}/documentos/{danfe['id']}"
    search(page, DAMAGED.web_number)
    row = page.locator(f"#doc-{danfe['id']}")

    with page.expect_response(re.compile(danfe["id"])) as answered:
        row.get_by_role("link", name=re.compile("Baixar|Tentar")).first.click()

    assert answered.value.status == 424
    assert answered.value.headers["content-type"].startswith("text/html")
    expect(page.get_by_role("alert")).to_contain_text("Arquivo com defeito")
    for _ in ("in the answer", "at the next visit"):
        expect(row.locator(".chip")).to_have_text("Arquivo com defeito")
        expect(row).to_contain_text("O sistema do fornecedor enviou um arquivo com defeito")
        again = row.get_by_role("link", name="Tentar de novo")
        assert again.get_attribute("href") == address
        search(page, DAMAGED.web_number)
    assert _danfe_of_the_erp(page)["state"] == "damaged"
    *_, line = product.audit_lines("document_refused", danfe["id"])
    assert line["detail"]["problem"] == "html-instead-of-pdf"

    olga = page_of("olga")
    olga.goto("/operacao/recusas")
    incident = olga.locator("main tbody tr", has_text=danfe["id"])
    # Trying again and again is no news.
    expect(incident).to_have_count(1)


def test_a_danfe_that_the_erp_never_gives_is_made_of_its_xml_and_named_so(page_of):
    page = page_of("bruno")
    documents = _await(
        page, PAPERLESS.web_number, lambda them: any(d["origin"] == "rendered" for d in them)
    )
    xml = next(d for d in documents if d["kind"] == "nfe_xml")
    search(page, PAPERLESS.web_number)

    # One DANFE, ours, and no second one that would be waited for.
    rows = page.locator("#documents li").filter(has=page.get_by_text("DANFE", exact=True))
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("DANFE gerada por nós a partir do XML")
    with page.expect_download(timeout=60_000) as download:
        rows.get_by_role("link", name="Baixar").click()
    assert download.value.suggested_filename == "DANFE-1971-1-gerada-do-XML.pdf"
    key = re.search(r"\d{44}", xml["filename"]).group()
    text = _pdf_text(download.value.path().read_bytes())
    assert key in re.sub(r"\D", "", text)


def test_a_cancelled_invoice_is_marked_everywhere_and_its_danfe_too(page_of):
    page = page_of("bruno")

    def is_drawn(documents):
        return any(d["origin"] == "rendered" and d["state"] == "cancelled" for d in documents)

    documents = _await(page, REVOKED.web_number, is_drawn)
    standing = {d["kind"] for d in documents if d["state"] != "cancelled"}
    assert standing == {"event_xml"}
    search(page, REVOKED.web_number)
    expect(page.locator("#timeline")).to_contain_text("O fornecedor cancelou a nota fiscal: 1973/1")
    for row in page.locator("#documents li", has_text="Boleto").all():
        expect(row).to_contain_text("Não pague.")
        expect(row.get_by_role("link")).to_have_count(0)

    made = next(d for d in documents if d["origin"] == "rendered")
    row = page.locator(f"#doc-{made['id']}")
    expect(row.locator(".chip")).to_have_text("Cancelado")
    with page.expect_download(timeout=60_000) as download:
        row.get_by_role("link", name="Baixar").click()
    text = _pdf_text(download.value.path().read_bytes())
    assert "CANCELADA" in text.upper()


def test_another_companys_invoice_is_refused_and_operations_are_told(page_of):
    page = page_of("bruno")
    order = api_order(page, FOREIGN.web_number)
    xml = next(d for d in order["documents"] if d["kind"] == "nfe_xml")

    answer = page.request.get(f"/pedidos/{order['id']}/documentos/{xml['id']}")

    assert answer.status == 424
    for body in (answer.text(), page.goto(f"/pedidos?q={FOREIGN.web_number}").text()):
        assert STRANGER.name not in body
        assert STRANGER.tax_id not in body
    expect(page.locator(f"#doc-{xml['id']} .chip")).to_have_text("Arquivo com defeito")
    archive = page.request.get(f"/pedidos/{order['id']}/documentos/zip").body()
    assert not any("NFe-" in name for name in zipfile.ZipFile(io.BytesIO(archive)).namelist())

    olga = page_of("olga")
    olga.goto("/operacao/recusas")
    incident = olga.locator("main tbody tr", has_text=xml["id"])
    expect(incident).to_have_count(1)
    expect(incident).to_contain_text("Arquivo recusado: pertence a outra empresa")


def test_a06_a_kind_that_is_hidden_from_a_customer_type_is_nowhere(page_of):
    page, olga = page_of("bruno"), page_of("olga")
    order = api_order(page, BOLETOS.web_number)
    serials = next(d for d in order["documents"] if d["kind"] == "serials")
    olga.goto("/operacao/documentos")
    olga.locator("summary", has_text="Nova regra").click()
    olga.locator("#rule-kind").select_option("serials")
    olga.locator("#rule-effect").select_option("hide")
    olga.locator("#rule-customer_type").fill("revenda")
    olga.locator("details[open] button", has_text="Salvar").click()
    expect(olga.locator("#errand.good, #errand.bad")).to_be_visible(timeout=60_000)
    try:
        assert serials["id"] not in {
            d["id"] for d in api_order(page, BOLETOS.web_number)["documents"]
        }
        search(page, BOLETOS.web_number)
        expect(page.locator("#documents")).to_contain_text("XML da NF-e")
        expect(page.locator("#documents")).not_to_contain_text("Números de série")
        assert page.request.get(serials["download_url"]).status == 404
        assert page.request.get(f"{serials['download_url']}/enviar").status == 404
        body = page.request.get(f"/pedidos/{order['id']}/documentos/zip").body()
        archive = zipfile.ZipFile(io.BytesIO(body))
        assert not any("serie" in name.casefold() for name in archive.namelist())
        assert "serie" not in archive.read("index.csv").decode().casefold()
        counted = page.request.get("/documentos", params={"tipo": "serials", "mes": ""})
        assert "Preparar ZIP" not in counted.text()
    finally:
        olga.goto("/operacao/documentos")
        row = olga.locator("main tbody tr", has_text="revenda").filter(has_text="Números de série")
        row.locator("summary").click()
        row.locator("details[open] button", has_text="Excluir").click()
        expect(olga.locator("#errand.good, #errand.bad")).to_be_visible(timeout=60_000)
    ids = {d["id"] for d in api_order(page, BOLETOS.web_number)["documents"]}
    assert serials["id"] in ids
