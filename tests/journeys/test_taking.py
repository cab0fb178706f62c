"""Taking documents: B17, B18, B40, S07."""

from __future__ import annotations

import io
import re
import zipfile

from playwright.sync_api import expect

from erp_bridge.simulators.cast import DAMAGED, O1
from tests.journeys.conftest import api_order, search


def test_b17_all_documents_of_an_order_arrive_as_one_zip_file(page_of):
    page = page_of("bruno")
    order = api_order(page, O1.web_number)
    search(page, O1.web_number)

    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile(r"Baixar tudo \(ZIP\)")).click()
    archive = zipfile.ZipFile(download.value.path())

    assert archive.testzip() is None
    folders = {name.split("/")[0] for name in archive.namelist() if "/" in name}
    assert {"NF-1001-1", "NF-1002-1"} <= folders
    assert {"LEIAME.txt", "index.csv"} <= set(archive.namelist())
    there = [each for each in order["documents"] if each["state"] == "available"]
    files = [name for name in archive.namelist() if "/" in name and not name.endswith("/")]
    assert len(files) == len(there)


def test_b17_a_damaged_file_is_told_in_the_index_and_the_zip_still_arrives(page_of):
    page = page_of("bruno")
    order = api_order(page, DAMAGED.web_number)

    answer = page.request.get(f"/pedidos/{order['id']}/documentos/zip")

    archive = zipfile.ZipFile(io.BytesIO(answer.body()))
    assert archive.testzip() is None
    assert "arquivo com defeito" in archive.read("LEIAME.txt").decode()


def test_b18_a_months_documents_are_prepared_while_one_does_something_else(page_of):
    page = page_of("bruno")
    page.goto("/documentos")
    page.locator("#month").select_option("")
    page.get_by_label("NF-e XML").or_(page.get_by_label("XML da NF-e")).check()
    # Until the answer is there, last month's count is.
    expect(page.locator("#count input[name=tipo]")).to_have_value("nfe_xml")
    expect(page.locator("#count input[name=mes]")).to_have_count(0)
    counted = page.locator("#count strong")
    expect(counted).to_have_text(re.compile(r"[0-9.]+ documentos"))
    number = int(re.sub(r"\D", "", counted.inner_text().split("documento")[0]))

    page.get_by_role("button", name="Preparar ZIP").click()
    first = page.locator("#downloads li").first
    # Swapped in as it goes on, without anybody doing anything.
    expect(first).to_contain_text("Pronto", timeout=180_000)

    with page.expect_download() as download:
        first.get_by_role("link").first.click()
    index = zipfile.ZipFile(download.value.path()).read("index.csv").decode("utf-8-sig")
    assert len(index.strip().splitlines()) - 1 == number


def test_b40_an_accountant_opens_one_document_by_a_link_until_it_is_revoked(page_of, product):
    page = page_of("bruno")
    search(page, O1.web_number)
    page.locator("a[href$='/enviar']").first.click()
    page.locator("#label").fill("Contadora")
    page.get_by_role("button", name="Criar link").click()
    link = page.locator(".new-link code").inner_text()

    stranger = product.open_browser()
    try:
        seen = stranger.new_page()
        assert seen.goto(link).status == 200
        expect(seen.locator("main")).to_contain_text("Alfa")
        with seen.expect_download() as download:
            seen.get_by_role("link", name="Baixar").click()
        assert download.value.path().stat().st_size > 0
        assert "/accounts/login" in seen.goto("/pedidos").url

        page.goto("/documentos")
        row = page.locator("#links li", has_text="Contadora").first
        expect(row).to_contain_text("aberto 1 vez")
        row.get_by_role("button", name="Revogar").click()
        assert seen.goto(link).status == 404
    finally:
        stranger.close()


def test_s07_support_sends_a_document_to_a_known_contact(page_of):
    page = page_of("suzana")
    page.goto("/atendimento")
    page.locator("[name=q]").first.fill(O1.web_number)
    page.locator("[name=q]").first.press("Enter")
    page.get_by_role("link", name=re.compile("Atuar|Alfa")).first.click()
    page.locator("[name=reason]").fill("chamado 4711")
    page.get_by_role("button", name="Atuar por esta empresa").click()
    page.locator("a[href$='/enviar']").first.click()
    contacts = page.locator("#contact option").all_inner_texts()
    assert not any("beta.example" in contact for contact in contacts)
    page.locator("#contact").select_option(label=next(c for c in contacts if "rita@" in c))
    page.get_by_role("button", name="Enviar").click()

    expect(page.locator(".taken li").first).to_contain_text("rita@alfa.example")
    expect(page.locator("input[name=days]")).to_have_count(0)
