"""Operations: A01, A04, a rehearsed outage; and S09 for support."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from erp_bridge.simulators.cast import O6
from tests.journeys.conftest import search
from tests.journeys.test_staff import _act


def outcome(page: Page) -> str:
    """Wait for what came of the errand."""
    expect(page.locator("#errand.good, #errand.bad")).to_be_visible()
    return page.locator("#errand").inner_text()


def test_a01_the_health_page_says_how_each_source_does(page_of):
    page = page_of("olga")
    page.goto("/operacao")

    row = page.locator("main tbody tr", has_text="Feed:")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Respondendo")
    expect(row).to_contain_text("Feed: Como configuramos")
    expect(row).to_contain_text(re.compile(r"\d+ agora, \d+ depois"))
    expect(row).to_contain_text(re.compile(r"\d+ de [\d.]+ \("))
    row.get_by_role("link").first.click()
    expect(page.locator("#figures")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Próxima tentativa")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_connection_is_tested_at_the_press_of_a_button(product, scripts):
    context = product.open_browser(java_script_enabled=scripts)
    page = context.new_page()
    product.sign_in(page, "olga")
    page.goto("/operacao/conexoes/erp")

    page.get_by_role("button", name="Testar conexão").click()

    assert "Funciona." in outcome(page)
    context.close()


def test_a_rehearsed_outage_looks_real_to_buyers_and_is_called_so_to_operations(page_of):
    olga, ana = page_of("olga"), page_of("ana")
    olga.goto("/operacao/conexoes/erp")
    olga.locator("summary", has_text="Ensaiar uma queda").click()
    olga.locator("#minutes").fill("5")
    olga.locator("#outage-reason").fill("a drill")
    olga.get_by_role("button", name="Começar agora").click()
    try:
        assert "em ensaio até" in outcome(olga)
        expect(olga.locator(".chip.large")).to_contain_text("Queda ensaiada")
        for path in ("/pedidos", "/pedidos/00000000-0000-4000-8000-000000000000"):
            ana.goto(path)
            expect(ana.locator("#freshness")).to_contain_text("ERP sem resposta desde")
            expect(ana.locator("body")).not_to_contain_text("nsai")
    finally:
        olga.goto("/operacao/conexoes/erp")
        olga.get_by_role("button", name="Encerrar o ensaio").click()
        assert "O ensaio acabou" in outcome(olga)


def origins(page: Page, number: str) -> set[str]:
    """Ask the API which sources know the order that the ERP knows by a number."""
    answer = page.request.get("/api/v1/orders", params={"number": number, "kind": "erp"})
    (order,) = answer.json()["results"]
    return set(order["origins"])


def test_a04_a_wrong_merge_is_split_by_hand_and_stays_so_until_undone(page_of):
    olga, ana = page_of("olga"), page_of("ana")
    search(ana, O6.web_number)
    assert origins(ana, O6.erp_number) == {"erp", "vtex"}
    olga.goto("/operacao/divergencias")
    olga.locator("summary", has_text="Separar um pedido").click()
    olga.locator("#split-connection").select_option("erp")
    olga.locator("#split-number").fill(O6.erp_number)
    olga.locator("#split-reason").fill("another order's invoice")
    olga.get_by_role("button", name="Tirar do pedido em que está").click()
    try:
        assert "O pedido foi separado." in outcome(olga)
        assert origins(ana, O6.erp_number) == {"erp"}
    finally:
        olga.goto("/operacao/divergencias")
        olga.locator("summary", has_text="Desfazer").first.click()
        olga.locator("details[open] input[name=reason]").fill("it was right")
        olga.locator("details[open] button").click()
        assert "A decisão foi desfeita." in outcome(olga)
    assert origins(ana, O6.erp_number) == {"erp", "vtex"}


def test_s09_support_sees_both_sources_side_by_side_and_reads_them_again(page_of):
    page = page_of("suzana")
    _act(page, "Alfa")
    search(page, O6.web_number, page.url.split("/pedidos")[0] + "/pedidos")
    page.get_by_role("link", name="Ver as fontes lado a lado").click()

    expect(page.locator("table.compare tr.differs", has_text="Total")).to_have_count(1)
    expect(page.locator("main")).to_contain_text("O ERP decide")
    for source in ("ERP", "Site"):
        expect(page.locator("table.compare thead")).to_contain_text(source)
    read = page.locator("table.compare tr", has_text="Lido")
    expect(read.locator("td").filter(has_text=re.compile(r"\d\d:\d\d"))).to_have_count(2)
    for secret in ("demo-erp-token", "Bearer", "@alfa.example", "Cookie"):
        assert secret not in page.content()
    page.get_by_role("button", name="Ler de novo agora").click()
    expect(page.locator(".notice.good")).to_contain_text("Lido de novo agora.")
