"""Taking documents: B17, B18, B40, S07, and states that no table has."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile

from playwright.sync_api import expect

from erp_bridge.simulators.cast import (
    ALFA_CUSTOMER_ID,
    BOLETOS,
    DAMAGED,
    FOREIGN,
    O1,
    PAPERLESS,
)
from erp_bridge.simulators.mail import text_of
from tests.journeys.conftest import PHONE, api_order, search
from tests.journeys.test_staff import _act
from tests.screens.walk import violations


def _index(archive):
    text = archive.read("index.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_b17_all_documents_of_an_order_arrive_as_one_zip_file(page_of, product):
    page = page_of("bruno")
    search(page, O1.web_number)
    button = page.get_by_role("link", name=re.compile(r"Baixar tudo \(ZIP\)"))
    count = int(re.search(r"· (\d+) arquivos", button.inner_text()).group(1))

    with page.expect_download() as download:
        button.click()
    archive = zipfile.ZipFile(download.value.path())

    assert archive.testzip() is None
    assert download.value.suggested_filename.endswith(".zip")
    files = [name for name in archive.namelist() if "/" in name and not name.endswith("/")]
    assert {name.split("/")[0] for name in files} == {"NF-1001-1", "NF-1002-1"}
    assert {"LEIAME.txt", "index.csv"} <= set(archive.namelist())
    assert len(files) == count
    taken = [row for row in _index(archive) if row["Arquivo"]]
    assert sorted(row["Arquivo"] for row in taken) == sorted(files)
    for row in taken:
        body = archive.read(row["Arquivo"])
        assert (row["SHA-256"], row["Bytes"]) == (hashlib.sha256(body).hexdigest(), str(len(body)))
    # What the ERP has is in there as it has it; what may not be paid any more is told of.
    erp = product.files_of_the_erp(O1.erp_number, ALFA_CUSTOMER_ID)
    xml = next(name for name in files if "NFe-" in name and name.startswith("NF-1001"))
    assert archive.read(xml) == erp["nfe-1001-1.xml"]
    paid = next(row for row in _index(archive) if row["Documento"] == "Boleto 1/3")
    assert (paid["Arquivo"], paid["Motivo"]) == ("", "Já foi pago.")


def test_b17_a_damaged_file_is_told_in_the_index_and_the_zip_still_arrives(page_of):
    page = page_of("bruno")
    order = api_order(page, DAMAGED.web_number)

    answer = page.request.get(f"/pedidos/{order['id']}/documentos/zip")

    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.body()))
    assert archive.testzip() is None
    missing = [row for row in _index(archive) if row["Documento"] == "DANFE" and not row["Arquivo"]]
    assert [row["Estado"] for row in missing] == ["Falta"]
    assert "Arquivo com defeito" in missing[0]["Motivo"]
    assert missing[0]["Motivo"] in archive.read("LEIAME.txt").decode()
    assert any("NFe-" in row["Arquivo"] for row in _index(archive))


def test_b18_a_months_documents_are_prepared_while_one_does_something_else(page_of, product):
    page = page_of("bruno")
    page.goto("/documentos")
    month = page.locator("#month option").nth(1).get_attribute("value")
    page.locator("#month").select_option(month)
    page.get_by_label("XML da NF-e", exact=True).check()
    page.get_by_label("DANFE", exact=True).check()
    # Until the answer is there, what was counted is of another choice.
    expect(page.locator("#count input[name=tipo]")).to_have_count(2)
    expect(page.locator("#count input[name=mes]")).to_have_value(month)
    counted = page.locator("#count strong")
    expect(counted).to_have_text(re.compile(r"\d+ documentos?"))
    number = int(re.search(r"([\d.]+) documento", counted.inner_text()).group(1).replace(".", ""))
    assert number > 5
    told = len([m for m in product.mails("bruno@") if "Seus documentos" in str(m["subject"])])

    page.get_by_role("button", name="Preparar ZIP").click()
    expect(page.locator("#downloads li").first.locator("progress")).to_have_count(1)
    # He leaves, and is told by mail.
    page.goto("/pedidos")
    mail = product.await_mail("bruno@alfa.example", "Seus documentos estão prontos", told + 1)
    text = text_of(mail)
    assert "É preciso entrar" in text
    link = re.search(r"https?://\S+", text).group()
    stranger = product.open_browser()
    try:
        seen = stranger.new_page()
        seen.goto(link)
        assert "/accounts/login" in seen.url
    finally:
        stranger.close()

    page.goto(link)
    first = page.locator("#downloads li").first
    expect(first).to_contain_text("Pronto")
    expect(first).to_contain_text("disponível até")
    with page.expect_download() as download:
        first.get_by_role("link").first.click()
    rows = _index(zipfile.ZipFile(download.value.path()))
    assert len(rows) == number
    assert {row["Documento"] for row in rows} == {"XML da NF-e", "DANFE"}
    # Somebody else of the company does not have it.
    part = first.get_by_role("link").first.get_attribute("href")
    assert page_of("rita").request.get(part).status == 404


def test_b40_an_accountant_opens_one_document_by_a_link_until_it_is_revoked(page_of, product):
    page = page_of("bruno")
    search(page, O1.web_number)
    xml = page.locator("#documents li", has_text="XML da NF-e").filter(has_text="Disponível").first
    xml.get_by_role("link", name="Enviar").click()
    expect(page.locator("#days")).to_have_value("7")
    page.locator("#label").fill("Contadora")
    page.get_by_role("button", name="Criar link").click()
    link = page.locator(".new-link code").inner_text()

    stranger = product.open_browser()
    try:
        seen = stranger.new_page()
        assert seen.goto(link).status == 200
        expect(seen.locator("main")).to_contain_text("Alfa Distribuidora")
        expect(seen.locator("main")).to_contain_text(
            re.compile(r"funciona até|vale até", re.IGNORECASE)
        )
        with seen.expect_download() as download:
            seen.get_by_role("link", name="Baixar").click()
        erp = product.files_of_the_erp(O1.erp_number, ALFA_CUSTOMER_ID)
        assert download.value.path().read_bytes() == erp["nfe-1001-1.xml"]
        # Neither what is beside it nor anything of the portal comes with it.
        assert seen.request.get(f"{link}/../{O1.erp_number}").status == 404
        assert "/accounts/login" in seen.goto("/pedidos").url

        page.goto("/documentos")
        row = page.locator("#links li", has_text="Contadora").first
        expect(row).to_contain_text("aberto 1 vez")
        with page.expect_navigation():
            row.get_by_role("button", name="Revogar").click()
        assert seen.goto(link).status == 404
        assert seen.request.get(f"{link}/arquivo").status == 404
        row = page.locator("#links li", has_text="Contadora").first
        expect(row.locator(".chip")).to_have_text("Revogado")
    finally:
        stranger.close()


def test_s07_support_sends_a_document_to_a_known_contact_and_the_customer_sees_it(page_of, product):
    page = page_of("suzana")
    _act(page, "Alfa", reason="chamado 4711")
    boleto = page.locator("#documents li", has_text="Boleto 3/3")
    boleto.get_by_role("link", name="Enviar").click()
    contacts = page.locator("#contact option").all_inner_texts()
    # Of the company only, and of it nobody who may not see boletos of this branch.
    assert any("rita@alfa.example" in contact for contact in contacts)
    assert not any("carla@" in contact or "seller" in contact for contact in contacts)
    # A new address needs a reason.
    page.get_by_text("Alguém que não está na lista").click()
    page.locator("#address").fill("nova@contabil.example")
    page.get_by_role("button", name="Enviar").click()
    expect(page.locator("#mail-error")).to_be_visible()
    page.locator("#address").fill("")
    page.locator("#contact").select_option(label=next(c for c in contacts if "rita@" in c))
    told = sum("Boleto" in str(one["subject"]) for one in product.mails("rita@"))
    page.get_by_role("button", name="Enviar").click()
    expect(page.locator(".taken li").first).to_contain_text("rita@alfa.example")
    # Links without log-in are the company's to make.
    expect(page.locator("input[name=days]")).to_have_count(0)

    mail = product.await_mail("rita@alfa.example", "Boleto", told + 1)
    assert "nao-responda@loja.example" in str(mail["from"])
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "Boleto-1002-3-3.pdf"
    assert attached.get_content().startswith(b"%PDF")
    # The company reads on the document who sent it, for whom, and why.
    bruno = page_of("bruno")
    document = next(
        d for d in api_order(bruno, O1.web_number)["documents"] if d["instalment"] == "3/3"
    )
    bruno.goto(f"{document['download_url']}/enviar")
    sent = bruno.locator(".taken li").first
    for text in ("rita@alfa.example", "Suzana Reis (fornecedor)", "chamado 4711", "Enviado"):
        expect(sent).to_contain_text(text)
    rita = page_of("rita")
    rita.goto("/empresa/acessos?equipe=1")
    access = rita.locator("main tbody tr", has_text="chamado 4711").filter(has_text="rita@").first
    for text in ("Suzana Reis", "Boleto", O1.web_number):
        expect(access).to_contain_text(text)
    *_, line = product.audit_lines("document_mailed", document["id"])
    assert line["person"] == "suzana@seller.example"
    assert line["detail"]["recipient"] == "rita@alfa.example"


def test_states_of_documents_that_no_table_has_are_for_everybody(page_of):
    page = page_of("bruno", viewport=PHONE)
    order = api_order(page, BOLETOS.web_number)
    there = f"/pedidos/{order['id']}/documentos"
    replaced = next(d["id"] for d in order["documents"] if d["state"] == "replaced")
    paid = next(d["id"] for d in order["documents"] if d["title_state"] == "paid")
    xml = next(d["id"] for d in order["documents"] if d["kind"] == "nfe_xml")
    found = {}

    def look(path):
        page.goto(path)
        found[path] = violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            found[path].append("scrolls sideways")

    for facts in (DAMAGED, FOREIGN, PAPERLESS):
        look(f"/pedidos?q={facts.web_number}")
    look(f"{there}/{replaced}/pagamento")
    look(f"{there}/{paid}/pagamento")
    # The page that shows a link, and the page that it leads to.
    page.goto(f"{there}/{xml}/enviar")
    page.get_by_role("button", name="Criar link").click()
    link = page.locator(".new-link code").inner_text()
    found["a new link"] = violations(page)
    look(link)

    assert found == {path: [] for path in found}
