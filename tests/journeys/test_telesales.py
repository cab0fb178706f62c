"""Telesales: T01 to T12."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from erp_bridge.simulators.cast import O1, O2, O5, TEO_CODE
from tests.journeys.conftest import api_order, is_phone, say, saying, search
from tests.journeys.test_operations import outcome


def _number():
    """Make a number that no other journey uses."""
    return f"{time.time_ns() // 1000 % 10**9:09d}"


def _open_customer(page, name="Alfa"):
    page.goto("/televendas/clientes")
    with page.expect_navigation():
        page.get_by_role("link", name=re.compile(name)).first.click()


def _open_as_teo(page, number):
    """Open an order of the portfolio by its number."""
    search(page, number, "/televendas")
    with page.expect_navigation():
        page.locator("#found tbody a").first.click()


def _await_order(page, number, status):
    """Wait until an order's newest state has come in by the feed."""
    found = []
    for _ in range(80):
        found = page.request.get("/api/v1/orders", params={"number": number}).json()["results"]
        if [order["status_raw"] for order in found] == [status]:
            return
        time.sleep(0.5)
    pytest.fail(f"{number} is {found}, not {status}")


def test_t01_placed_by_me_shows_the_order_and_whether_the_customer_saw_it(page_of):
    ana, teo = page_of("ana"), page_of("teo")
    search(ana, O2.erp_number)
    teo.goto("/televendas")

    row = teo.locator("main tbody tr", has_text=O2.erp_number)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Visto pelo cliente")
    expect(row.locator(".c-status")).to_have_text(re.compile(r"\w"))
    expect(teo.locator("main")).not_to_contain_text("R$")


def test_t02_an_order_placed_seconds_ago_is_fetched_live(page_of, product):
    number = f"00047{int(time.time()) % 100000:05d}"
    product.control(
        "erp", "orders", {"company": "alfa", "erp_number": number, "seller_code": TEO_CODE}
    )
    page = page_of("teo")
    search(page, number, "/televendas")

    expect(page.locator("main")).to_contain_text("novo no ERP", ignore_case=True)
    expect(page.locator("main")).to_contain_text(number)
    # T01: nobody of the customer has looked at this one.
    page.goto("/televendas")
    row = page.locator("main tbody tr", has_text=number)
    expect(row).to_contain_text("Ainda não visto")


def test_t03_the_portfolio_holds_own_customers_alone(page_of):
    page = page_of("teo")
    page.goto("/televendas/clientes")

    names = page.locator("main tbody th").all_inner_texts()
    assert any("Alfa" in name for name in names)
    assert not any("Beta" in name for name in names)
    search(page, "beta", "/televendas/clientes")
    expect(page.locator("main")).to_contain_text("Nenhum cliente seu se chama")
    search(page, O5.web_number, "/televendas")
    expect(page.locator("main tbody tr", has_text=O5.web_number)).to_have_count(0)


def _hand_over(olga, name, *, to_teo):
    """Have operations take a customer from Téo, or give it to him."""
    olga.goto("/operacao/equipe")
    with olga.expect_navigation():
        olga.get_by_role("link", name="Téo Martins").click()
    if to_teo:
        olga.locator("summary", has_text="Incluir um cliente").click()
        olga.locator("#add-company").fill(name)
        form = olga.locator("form", has=olga.locator("#add-company"))
    else:
        row = olga.locator("tbody tr", has_text=name)
        row.locator("summary").click()
        form = row.locator("form")
    form.locator("[name=reason]").fill("carteira nova")
    with olga.expect_navigation():
        form.locator("button").click()
    assert "mudou de carteira" in outcome(olga)


def test_t03_a_reassigned_customer_goes_with_its_history_and_comes_back_with_it(page_of):
    olga, teo = page_of("olga"), page_of("teo")
    _open_customer(teo)
    sheet = teo.url
    _open_as_teo(teo, O2.erp_number)
    order = teo.url
    _hand_over(olga, "Alfa Distribuidora", to_teo=False)
    try:
        for address in (sheet, order):
            assert teo.goto(address).status == 404
        teo.goto("/televendas/clientes")
        expect(teo.locator("main")).not_to_contain_text("Alfa")
        teo.goto("/televendas")
        expect(teo.locator("main")).not_to_contain_text(O2.erp_number)
        search(teo, O2.erp_number, "/televendas")
        expect(teo.locator("#found tbody")).to_have_count(0)
    finally:
        _hand_over(olga, "Alfa Distribuidora", to_teo=True)
    for address in (sheet, order):
        assert teo.goto(address).status == 200
    teo.goto("/televendas")
    expect(teo.locator("main tbody tr", has_text=O2.erp_number)).to_have_count(1)


@pytest.mark.usefixtures("any_language")
def test_t04_before_a_sale_everything_is_on_one_screen(page_of):
    page = page_of("teo")
    _open_customer(page)

    boxes = page.locator(".boxes > section")
    expect(boxes).to_have_count(4)
    if not is_phone(page):
        for at in range(4):
            place = boxes.nth(at).bounding_box()
            assert place is not None
            assert place["y"] + place["height"] <= 768
        assert page.evaluate("document.documentElement.scrollHeight") <= 768
    expect(boxes.nth(0)).to_contain_text(saying("%(count)s open", count=r"\d+"))
    expect(page.locator("#box-documents")).to_be_visible()
    assert 1 <= page.locator("[aria-labelledby=box-documents] li").count() <= 3


@pytest.mark.usefixtures("any_language")
def test_t05_one_key_reads_an_order_out_and_copies_it(page_of):
    page = page_of("teo")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _open_as_teo(page, O1.web_number)
    address = page.url.partition("?")[0]

    page.keyboard.press("v")
    text = page.locator("[data-readout-text]")
    expect(text).to_be_visible()
    expect(text).to_contain_text("O seu pedido")
    assert O1.web_number not in text.inner_text()
    expect(page.locator("[data-toast]")).to_contain_text(say("Copied"))
    assert page.evaluate("navigator.clipboard.readText()") == text.inner_text()

    page.goto(f"{address}?leitura=es")
    expect(page.locator("[data-readout-text]")).to_contain_text("Su pedido")


def test_t06_the_customers_number_is_added_found_and_the_erp_untouched(page_of):
    teo, ana = page_of("teo"), page_of("ana")
    own, path = f"REQ {_number()}", re.compile(r"/pedidos/[0-9a-f-]{36}")
    before = api_order(ana, O2.erp_number)["numbers"]
    _open_as_teo(teo, O2.erp_number)
    with teo.expect_navigation():
        teo.locator("#own-numbers a").click()

    teo.locator("#number").fill(O1.customer_number)
    with teo.expect_navigation():
        teo.locator("#number").press("Enter")
    expect(teo.locator("main [role=alert]")).to_contain_text(O1.web_number)
    teo.locator("#number").fill(own)
    with teo.expect_navigation():
        teo.locator("#number").press("Enter")

    expect(teo.locator("#own-numbers li", has_text=own)).to_contain_text("Téo Martins (Televendas)")
    for _ in range(60):
        if ana.request.get("/api/v1/orders", params={"number": own}).json()["results"]:
            break
        time.sleep(0.5)
    search(ana, own)
    assert path.search(ana.url)
    expect(ana.locator("#own-numbers")).to_contain_text(own)
    after = api_order(ana, O2.erp_number)["numbers"]
    assert [one for one in after if one["value"] != own] == before

    with teo.expect_navigation():
        teo.locator("#own-numbers li", has_text=own).get_by_role("button").click()
    expect(teo.locator("#own-numbers li", has_text=own)).to_have_count(0)


def test_t07_without_finance_there_are_no_boletos_and_no_amounts_due(page_of):
    page = page_of("teo")
    search(page, O1.web_number, "/televendas")
    for absent in ("R$", "Boleto", "Venc"):
        expect(page.locator("main")).not_to_contain_text(absent)
    _open_as_teo(page, O1.web_number)
    company = re.search(r"/c/([0-9a-f-]{36})/", page.url)
    assert company is not None

    # How one pays was agreed with the order; what is due is not told.
    expect(page.locator("main")).not_to_contain_text(re.compile(r"Boleto \d|Parcela|[Vv]enc"))
    expect(page.locator(".title-line")).to_have_count(0)
    detail = api_order(page, O1.web_number, company=company[1])
    assert (detail["titles"], detail["payment"]) == ([], None)
    assert "boleto" not in {document["kind"] for document in detail["documents"]}
    assert page.request.get(f"/c/{company[1]}/financeiro").status == 404
    assert page.request.get("/api/v1/titles", params={"company": company[1]}).status == 404
    export = page.request.get("/televendas/clientes/exportar").text()
    assert "Pagamento" not in export
    page.goto(f"/televendas/clientes/{company[1]}")
    expect(page.locator("[aria-labelledby=box-finance]")).to_contain_text("não vê o financeiro")
    expect(page.locator("main")).not_to_contain_text("R$")


def test_t08_telesales_cannot_act(page_of):
    page = page_of("teo")
    search(page, O1.web_number, "/televendas")

    expect(page.get_by_role("link", name=re.compile("Atuar"))).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Atuar"))).to_have_count(0)
    for path in ("/atendimento", "/atendimento/atuar?q=1&order=1"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404


def test_t09_the_same_goods_placed_twice_are_pointed_out_and_stay_two(page_of, product):
    order_id, number = f"119{_number()}9-01", f"0009{_number()[:6]}"
    goods = {"company": "alfa", "items": [{"product": 7, "quantity": 41}]}
    ana, teo = page_of("ana"), page_of("teo")
    product.control("vtex", "orders", {"order_id": order_id, "status": "handling", **goods})
    _await_order(ana, order_id, "handling")
    product.control("erp", "orders", {"erp_number": number, "seller_code": TEO_CODE, **goods})
    search(teo, number, "/televendas")
    expect(teo.locator("#found")).to_contain_text("novo no ERP", ignore_case=True)

    _open_customer(teo)
    note = teo.locator("section.warn", has_text="Possível duplicidade")
    expect(note).to_contain_text("Mesmos itens, mesmo dia, mesma filial")
    expect(note).to_contain_text(order_id)
    expect(note).to_contain_text(number)
    _open_as_teo(teo, number)
    expect(teo.locator("section.warn", has_text="Possível duplicidade")).to_contain_text(order_id)
    for each in (order_id, number):
        search(ana, each)
        expect(ana.locator("h1")).to_contain_text(each)
        expect(ana.locator("main")).not_to_contain_text("duplicidade")


def test_t10_cancelled_in_the_erp_only_is_a_divergence_that_everybody_sees(page_of, product):
    order_id, number = f"119{_number()}3-01", f"0007{_number()[:6]}"
    product.control(
        "vtex", "orders", {"order_id": order_id, "company": "alfa", "status": "handling"}
    )
    ana, olga = page_of("ana"), page_of("olga")
    _await_order(ana, order_id, "handling")
    product.control("erp", "orders", {"web_number": order_id, "erp_number": number, "status": -1})
    search(ana, order_id)
    with ana.expect_navigation():
        ana.locator("#freshness button").click()
    expect(ana.locator("#freshness [role=status]")).to_have_count(0, timeout=30_000)
    ana.reload()

    expect(ana.locator(".order-title .chip")).to_contain_text("Cancelado")
    expect(ana.locator("#divergence")).to_be_visible()
    olga.goto("/operacao/divergencias")
    row = olga.locator("main tbody tr", has_text=order_id)
    expect(row.first).to_be_visible()
    expect(row.first).not_to_contain_text("R$")


@pytest.mark.parametrize("path", ["/televendas", "/televendas/clientes"])
def test_t11_a_line_that_drops_keeps_what_was_typed_and_searches_when_it_returns(page_of, path):
    page = page_of("teo")
    page.goto(path)
    typed = O2.erp_number if path == "/televendas" else "Alfa"
    notice = page.locator("[data-offline]")
    expect(notice).to_be_hidden()

    page.context.set_offline(True)
    page.locator("#q").fill(typed)
    page.locator("#q").press("Enter")
    expect(notice).to_be_visible()
    expect(notice).to_have_text("Sem internet. O que você digitou está guardado.")
    expect(page.locator("#q")).to_have_value(typed)
    assert page.url.endswith(path)

    with page.expect_navigation():
        page.context.set_offline(False)
    expect(page.locator("main tbody tr", has_text=typed).first).to_be_visible()
    expect(page.locator("[data-offline]")).to_be_hidden()


def test_t12_the_export_has_own_customers_and_columns_and_is_recorded(page_of, product):
    page = page_of("teo")
    page.goto("/televendas/clientes")
    customers = page.locator("main tbody tr").count()
    began = datetime.now(UTC)
    with page.expect_download() as taken:
        page.get_by_role("link", name=re.compile("Exportar")).click()

    assert re.fullmatch(r"carteira-\d{4}-\d\d-\d\d\.csv", taken.value.suggested_filename)
    text = taken.value.path().read_text("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text), delimiter=";")
    assert head[-2:] == ["Total", "Moeda"]  # he sees prices, and no finance
    assert "Pagamento" not in head
    assert O2.erp_number in text
    assert O5.web_number not in text
    assert all("Beta" not in row[0] for row in rows)
    lines = [line for line in product.audit_lines("portfolio_exported", "") if line["at"] >= began]
    assert {line["person"] for line in lines} == {"teo@seller.example"}
    assert len(lines) == 1 + customers
