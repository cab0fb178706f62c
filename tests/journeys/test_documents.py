"""Documents of an order: B15, B16, B22."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request

from playwright.sync_api import expect

from erp_bridge.simulators.cast import ALFA_CUSTOMER_ID, DAMAGED, O1
from tests.journeys.conftest import api_order, search


def test_b15_documents_stand_under_their_invoice_with_state_in_words(page_of):
    page = page_of("ana")
    search(page, O1.web_number)

    groups = page.locator("#documents section.invoice")
    expect(groups.filter(has_text="1001/1")).to_have_count(1)
    expect(groups.filter(has_text="1002/1")).to_have_count(1)
    documents = page.locator("#documents")
    for kind in ("XML", "DANFE", "GNRE", "Boleto"):
        expect(documents).to_contain_text(kind)
    for state in ("Disponível", "Pago", "Vencido", "A vencer"):
        expect(documents.get_by_text(re.compile(state, re.IGNORECASE)).first).to_be_visible()


def test_b16_the_xml_arrives_byte_for_byte_with_its_name_and_is_on_record(page_of, product):
    page = page_of("bruno")
    order = api_order(page, O1.web_number)
    xml = next(d for d in order["documents"] if d["kind"] == "nfe_xml")
    search(page, O1.web_number)

    with page.expect_download() as download:
        page.locator(f"a[href*='{xml['id']}']").first.click()
    body = download.value.path().read_bytes()
    keys = {invoice["access_key"] for invoice in order["invoices"]}
    assert download.value.suggested_filename in {f"NFe-{key}.xml" for key in keys}

    answer = page.request.get(xml["download_url"])
    assert answer.headers["content-type"].startswith("application/xml")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body() == body
    assert hashlib.sha256(body).hexdigest() in set(_hashes_of_the_erp(product))


def _hashes_of_the_erp(product):
    """Take the files of O1 straight from the ERP, as its own gateway hands them out."""
    request = urllib.request.Request(
        f"{product.sources['erp']}/api/v1/ArquivosPedido/?pedidoErpId={O1.erp_number}"
        f"&revendaId={ALFA_CUSTOMER_ID}",
        headers={"Authorization": "Bearer demo-erp-token"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        entries = json.load(answer)["itens"]
    for entry in entries:
        file = urllib.request.Request(
            entry["url"], headers={"Authorization": "Bearer demo-erp-token"}
        )
        with urllib.request.urlopen(file, timeout=10) as answer:
            yield hashlib.sha256(answer.read()).hexdigest()


def test_b22_a_damaged_file_is_explained_and_reaches_operations(page_of):
    page = page_of("bruno")
    order = api_order(page, DAMAGED.web_number)
    danfe = next(d for d in order["documents"] if d["kind"] == "danfe")

    answer = page.request.get(danfe["download_url"])
    assert answer.status >= 400
    assert "pdf" not in answer.headers["content-type"]
    search(page, DAMAGED.web_number)
    expect(page.locator("#documents")).to_contain_text(re.compile("defeito", re.IGNORECASE))
    after = api_order(page, DAMAGED.web_number)
    assert next(d for d in after["documents"] if d["id"] == danfe["id"])["state"] == "damaged"

    olga = page_of("olga")
    olga.goto("/operacao/recusas")
    expect(olga.locator("main")).to_contain_text(danfe["id"])
